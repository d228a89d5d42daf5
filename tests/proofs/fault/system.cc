// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/system.h"

#include <cerrno>
#include <string>

#include "proofs/fault/fault_world.h"
#include "proofs/fault/program.h"
#include "proofs/fault/seam_calls.h"
#include "proofs/fault/sweep.h"
#include "proofs/fault/system_calls.h"
#include "proofs/real/shared.h"
#include "proofs/real/workers.h"
#include "support/sanitized.h"

namespace kyro::proofs {
namespace {

// Real files; jobs and time as elsewhere.
class RealWorld final : public World {
 public:
  RealWorld(std::string root, const std::string& what)
      : root_(std::move(root)), executor_(&clock_), patient_(&clock_, what) {}
  io::Env env() override {
    return io::Env{io::SystemEnv().fs, &executor_, &patient_, io::SystemEnv().random};
  }
  support::StepExecutor& executor() override { return executor_; }
  std::string path(std::string_view name) const override { return root_ + "/" + std::string(name); }
  bool Troubled() const override { return false; }
  bool ReadsMayFail() const override { return false; }

 private:
  const std::string root_;
  support::FakeClock clock_;
  support::StepExecutor executor_;
  PatientClock patient_;
};

// One run; what it saw. `judge` takes violations.
template <class Judge>
std::uint64_t Run(const std::string& root, const std::string& what, Judge* judge) {
  RealWorld world(root, what);
  Program program(&world, Scale::kSmall, 0,
                  [&](const std::string& wrong) { judge->Violation(what + ": " + wrong); });
  for (std::size_t step = 0; step < Program::step_count(); ++step) program.Step(step);
  program.Drop();
  SystemCalls::Lift();
  return program.digest();
}

constexpr std::uint64_t kForGood = std::uint64_t{1} << 40;

struct Interruption {
  const char* name;
  std::uint64_t count;   // calls in a row
  double share;          // of a call's bytes; negative: EINTR
  std::uint64_t stride;  // of n
};

// Errors that a call of the seam is to shrug off, or that mean something else.
bool Tolerated(Sys sys, int error, std::string_view call, const Status& status) {
  if (sys == Sys::kLock && error == EACCES) return status.code() == StatusCode::kLocked;
  const bool lacking = error == EMFILE || error == ENFILE || error == ENOMEM;
  // What the lock file says of its holder is advice; a parent that cannot be read is synced by
  // syncing its file system; a device that cannot be opened past the cache is read through it;
  // pages that cannot be had at once are read.
  if ((sys == Sys::kTruncate || sys == Sys::kWrite) && call.starts_with("Lock")) return status.ok();
  if (sys == Sys::kOpen && error == EACCES && call != "OpenDirectory") return status.ok();
  if (sys == Sys::kOpen && call == "ReadDevice" && !lacking) return status.ok();
  if (sys == Sys::kPopulate && error != ENOMEM) return status.ok();
  return false;
}

StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return StatusCode::kNoSpace;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return StatusCode::kResourceExhausted;
    default:
      return StatusCode::kIoError;
  }
}

// One call of the seam with one failing system call; false if it makes no such call.
bool CheckErrno(const ScratchDirectory& scratch, const SeamCall& call, Sys sys, std::uint64_t nth,
                int error, Tally* tally) {
  scratch.Clear();
  SeamFixture fixture(scratch.path());
  if (!fixture.ok) return tally->Violation("the files for it cannot be made"), false;
  SystemCalls::Fail(Only(sys), nth, 1, error);
  const Status status = call.run(&fixture);
  const bool hit = SystemCalls::hits() > 0;
  SystemCalls::Lift();
  if (!hit || Tolerated(sys, error, call.name, status)) return hit;
  if (status.code() != CodeOf(error) || status.file().empty() || status.message().empty()) {
    tally->Violation(std::string(call.name) + ": " + std::string(SysName(sys)) + " " +
                     std::to_string(nth) + " fails with errno " + std::to_string(error) + ": " +
                     status.ToString() + ", file \"" + std::string(status.file()) + "\"");
  }
  return true;
}

// The n-th run is interrupted as `kind` says. False if it was not, for want of calls.
bool RunInterrupted(const Interruption& kind, std::uint64_t n, std::uint64_t want,
                    Reporter* reporter) {
  const std::string what =
      "system: " + std::string(kind.name) + ", --only=system:" + std::to_string(n);
  const ScratchDirectory scratch;
  if (kind.share < 0) {
    SystemCalls::Fail(kInterruptible, n, kind.count, EINTR);
  } else {
    SystemCalls::Shorten(kPartial, n, kind.count, kind.share);
  }
  const std::uint64_t found = Run(scratch.path(), what, reporter);
  if (found != want) reporter->Violation(what + ": it ran differently");
  if (SystemCalls::hits() == 0) return false;
  reporter->Count("faults");
  reporter->Count("interruptions");
  return true;
}

}  // namespace

void ProveErrnos(Tally* tally) {
  constexpr int kErrors[] = {EIO, ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EROFS, EACCES, EINTR};
  const ScratchDirectory scratch;
  std::uint64_t cases = 0;
  for (const SeamCall& call : SeamCalls()) {
    std::uint64_t met = 0;
    for (std::size_t i = 0; i < kSysCount; ++i) {
      const Sys sys = static_cast<Sys>(i);
      for (const int error : kErrors) {
        // What may be interrupted is tried again; a sync never is.
        if (error == EINTR && sys != Sys::kDataSync && sys != Sys::kSync) continue;
        std::uint64_t n = 1;
        while (CheckErrno(scratch, call, sys, n, error, tally)) ++n;
        met += n - 1;
      }
    }
    if (met == 0) tally->Violation(std::string(call.name) + " makes no system call");
    cases += met;
  }
  tally->Count("faults", cases);
  tally->Say("system: " + std::to_string(cases) + " errors of single calls");
  tally->Count("errnos", cases);
}

// In processes, because real files are mapped and unmapped all the time: threads, which share one
// map of memory, wait for each other.
void ProveInterruptions(const Args& args, Tally* tally) {
  constexpr Interruption kKinds[] = {{"EINTR", 1, -1, 1},
                                     {"EINTR 7 times in a row", 7, -1, 5},
                                     {"half of the bytes", 1, 0.5, 1},
                                     {"one byte, 3 times in a row", 3, 0, 2},
                                     {"half of the bytes from then on", kForGood, 0.5, 23}};
  const Selection selection(args);
  std::uint64_t want = 0;
  {
    const ScratchDirectory scratch;
    want = Run(scratch.path(), "system", tally);
  }
  for (const Interruption& kind : kKinds) {
    Shared<SweepTurns> turns;
    const std::uint64_t stride =
        Select(selection, kind.stride * (args.quick ? 199 * support::kSparse : 1), turns.get());
    RunWorkers(args.threads, tally, {}, [&](std::uint64_t, Reporter& reporter) {
      TakeTurns(
          turns.get(), stride, [&] { return reporter.violations() >= kViolationsMany; },
          [&](std::uint64_t n) { return RunInterrupted(kind, n, want, &reporter); });
    });
    tally->Say("system: " + std::string(kind.name) + ": every " + std::to_string(stride) + ". of " +
               std::to_string(turns->end - 1) + " calls");
  }
}

}  // namespace kyro::proofs
