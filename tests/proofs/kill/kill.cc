// SPDX-License-Identifier: Apache-2.0
//
// proof_kill: SIGKILL, for real. A process that writes to a database on the real file system is
// killed, and what it left is recovered and compared with what it had been told.
//
//   each    a script over every operation, in each durability mode, killed before every system call
//           that changes a file or makes it durable (--long: before every eighth of all, others
//           with each seed), and in the middle of every write; recovery is killed too
//   crowd   a writer of many threads, killed at random, round after round on one database
//
//   proof_kill [--quick | --long=MINUTES] [--seed=N] [--threads=N] [--only=each|crowd]
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "proofs/proof.h"
#include "proofs/real/crowd.h"
#include "proofs/real/script.h"
#include "proofs/real/tracer.h"
#include "proofs/real/workers.h"
#include "support/sanitized.h"
#include "support/seeded_random.h"

namespace kyro::proofs {
namespace {

constexpr Durability kModes[] = {Durability::kSync, Durability::kInterval, Durability::kOs};

// How much is to be done in one place, by --quick, the bounded run, or one turn of --long. A stride
// is of the calls at which the script is killed; 0: not at all.
struct Scale {
  std::uint64_t stride = 1;          // in kSync
  std::uint64_t other_stride = 11;   // in the other modes
  std::uint64_t crowd_rounds = 120;  // of each worker and mode
  Calls calls = Calls::kChanging;
  std::uint64_t recovery_one_in = 5;  // so many kills are followed by one of the recovery

  std::uint64_t StrideOf(Durability mode) const {
    return mode == Durability::kSync ? stride : other_stride;
  }
};

Scale InMemory(const Args& args) {
  if (args.quick && support::kSanitized) return {301, 701, 5, Calls::kChanging, 2};
  if (args.quick) return {61, 211, 12};
  if (args.minutes != 0) return {8, 8, 120, Calls::kAll};
  return {};
}
// The same, on the file system of temporary files: every sync waits for a disk.
Scale OnDisk(const Args& args) {
  if (args.quick) return {0, 0, 0};
  return {61, 0, 20};
}

void Remove(const std::string& path) {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

// ---------------------------------------------------------------------------------- each call

// Recovers in a child that is killed before its `kill_at`-th call. What Open said, if it came to
// that.
std::optional<Sequence> KilledRecovery(const Script& script, const std::string& world,
                                       std::uint64_t kill_at, Reporter* reporter) {
  Shared<std::atomic<Sequence>> opened;  // plus 1
  TracePlan plan;
  plan.kill_at = kill_at;
  const TraceResult end = Trace(
      plan, [&] { return RecoverScript(script, world, script.seed * 7 + kill_at, opened.get()); });
  if (end.killed) reporter->Count("kills in recovery");
  const Sequence said = *opened.get();
  return said == 0 ? std::nullopt : std::optional<Sequence>(said - 1);
}

class Each {
 public:
  Each(const Script& script, const Scale& scale, const std::string& world, Reporter* reporter)
      : script_(script), scale_(scale), world_(world), reporter_(reporter), random_(script.seed) {}

  // How many calls the script makes. Every call must be known either to change files or not to.
  std::uint64_t CountCalls() {
    TracePlan plan;
    plan.calls = Calls::kAll;
    calls_before_.assign(script_.steps.size() + 1, 0);
    calls_ = 0;
    plan.on_call = [&](const Call& call) {
      const CallClass kind = ClassOf(call);
      if (scale_.calls == Calls::kAll || kind == CallClass::kChanging) ++calls_;
      // Each step overwrites what the one before it noted here.
      for (std::size_t x = ledger_->started + 1; x < calls_before_.size(); ++x) {
        calls_before_[x] = calls_;
      }
      if (kind != CallClass::kUnknown) return;
      reporter_->Violation(script_.Text() + ": " + call.Text() +
                           " is not known to leave files alone (tracer.cc)");
    };
    ledger_.Reset();
    std::filesystem::create_directory(world_);
    const TraceResult whole =
        Trace(plan, [&] { return RunScript(script_, world_, ledger_.get()); });
    if (whole.exit_status != 0) {
      reporter_->Violation(script_.Text() + " by itself: status " +
                           std::to_string(whole.exit_status) + " " + ledger_->error.text);
    }
    const bool busy = ledger_->flushes >= 3 && ledger_->merges >= 1 && ledger_->rotations >= 3 &&
                      ledger_->retrains >= 1;
    if (!busy) reporter_->Violation(script_.Text() + " does not reach every kind of work");
    Remove(world_);
    return calls_;
  }

  // Kills before call n, and, if it is a write, once more in the middle of it.
  void KillAt(std::uint64_t n) {
    const Call call = KillOnce(n, {});
    const auto bytes = call.write_bytes();
    if (bytes.has_value() && *bytes > 1) KillOnce(n, 1 + random_.Below(*bytes - 1));
  }

 private:
  // The script runs untraced up to the step of the n-th call: with a stop at every call from the
  // first on, the whole proof took 434 s instead of 96.
  Call KillOnce(std::uint64_t n, std::optional<std::uint64_t> torn_bytes) {
    std::size_t step = calls_before_.size() - 1;
    while (step > 0 && calls_before_[step] >= n) --step;
    TracePlan plan;
    plan.calls = scale_.calls;
    plan.from_start = step == 0;
    plan.kill_at = n - calls_before_[step];
    plan.torn_bytes = torn_bytes;
    ledger_.Reset();
    std::filesystem::create_directory(world_);
    const TraceResult end = Trace(plan, [&] {
      return RunScript(script_, world_, ledger_.get(), [&](std::size_t x) {
        if (x == step) CountFromHere(plan.calls);
      });
    });
    Check(n, end, torn_bytes);
    Remove(world_);
    return end.last;
  }

  void Check(std::uint64_t n, const TraceResult& end, std::optional<std::uint64_t> torn_bytes) {
    std::string where =
        script_.Text() + ", killed at call " + std::to_string(n) + ", " + end.last.Text();
    if (torn_bytes.has_value()) where += ", after " + std::to_string(*torn_bytes) + " bytes";
    where += ", in step " + std::to_string(ledger_->started);
    if (!end.killed && end.exit_status != 0) {
      return reporter_->Violation(where + ": " + ledger_->error.text);
    }
    // Of all calls some depend on the allocator; those that change files are always the same.
    if (!end.killed && n <= calls_ && scale_.calls == Calls::kChanging) {
      return reporter_->Violation(where + ": not reached");
    }
    reporter_->Count(end.killed ? "kills" : "whole runs");
    if (torn_bytes.has_value()) reporter_->Count("torn writes");
    const Crash crash = CrashOf(*ledger_.get(), /*power_cut=*/false);
    std::optional<Sequence> exactly;
    if (random_.OneIn(scale_.recovery_one_in)) {
      const std::uint64_t at = 1 + random_.Below(50);
      where += ", then recovery at call " + std::to_string(at);
      exactly = KilledRecovery(script_, world_, at, reporter_);
    }
    Sequence recovered = 0;
    const std::string wrong = CheckScript(script_, crash, world_, exactly, &recovered);
    if (!wrong.empty()) reporter_->Violation(where + ": " + wrong);
  }

  const Script& script_;
  const Scale scale_;
  const std::string world_;
  Reporter* const reporter_;
  support::SeededRandom random_;
  Shared<ScriptLedger> ledger_;
  std::uint64_t calls_ = 0;                  // that count, of the whole script
  std::vector<std::uint64_t> calls_before_;  // each step; [0] is 0
};

// Each worker takes every so many-th call, beginning with another one for each seed.
void KillAtEachCall(const Args& args, const Scale& scale, std::uint64_t seed,
                    const std::string& scratch, std::uint64_t index, Reporter* reporter) {
  for (const Durability durability : kModes) {
    const std::uint64_t stride = scale.StrideOf(durability);
    if (stride == 0) continue;
    const Script script = MakeScript(seed, durability, /*rounds=*/1);
    Each each(script, scale, scratch + "/each" + std::to_string(index), reporter);
    const std::uint64_t calls = each.CountCalls();
    if (index == 0) {
      reporter->Say(script.Text() + ": " + std::to_string(script.steps.size()) + " steps, " +
                    std::to_string(calls) + (scale.calls == Calls::kAll ? "" : " changing") +
                    " system calls, every " + std::to_string(stride) + ". in " + scratch);
    }
    const std::uint64_t first = 1 + (seed - 1) % stride;
    for (std::uint64_t n = first + index * stride; n <= calls + 1; n += stride * args.threads) {
      each.KillAt(n);
    }
  }
}

// ---------------------------------------------------------------------------------- a crowd

class Crowd {
 public:
  Crowd(std::uint64_t seed, Durability durability, const std::string& world, Reporter* reporter)
      : world_(world), reporter_(reporter), random_(seed) {
    plan_.seed = seed;
    plan_.options = CrowdOptions(durability);
    std::filesystem::create_directory(world_);
  }
  ~Crowd() { Remove(world_); }

  // False after a violation: what follows would only repeat it.
  bool Round() {
    ++plan_.round;
    ledger_.Reset();
    const pid_t child = ForkChild([&] { return RunCrowd(plan_, world_, ledger_.get()); });
    WaitForTheMoment();
    ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    const std::string where = "crowd of seed " + std::to_string(plan_.seed) + ", round " +
                              std::to_string(plan_.round) + ": ";
    if (!ledger_->error.empty()) {
      reporter_->Violation(where + ledger_->error.text);
      return false;
    }
    reporter_->Count("kills");
    reporter_->Count("random kills");
    const CrowdVerdict verdict =
        CheckCrowd(plan_, ledger_.get(), /*power_cut=*/false, world_, &base_);
    reporter_->Count("acknowledged", verdict.answered);
    reporter_->Count("in flight", verdict.in_flight);
    if (!verdict.wrong.empty()) reporter_->Violation(where + verdict.wrong);
    return verdict.wrong.empty();
  }

 private:
  // A while from the start in a quarter of the rounds, which hits Open; otherwise from when the
  // crowd is at work.
  void WaitForTheMoment() {
    if (!random_.OneIn(4)) {
      while (ledger_->opened == 0 && ledger_->error.empty()) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    }
    // Under a sanitizer a crowd takes longer to be told anything.
    const std::uint64_t longest = support::kSanitized ? 300'000 : 15'000;
    std::this_thread::sleep_for(std::chrono::microseconds(random_.Below(longest)));
  }

  const std::string world_;
  Reporter* const reporter_;
  support::SeededRandom random_;
  CrowdPlan plan_;
  CrowdBase base_;
  Shared<CrowdLedger> ledger_;
};

void KillCrowds(const Scale& scale, std::uint64_t seed, const std::string& scratch,
                std::uint64_t index, Reporter* reporter) {
  if (scale.crowd_rounds == 0) return;
  for (const Durability durability : kModes) {
    Crowd crowd(seed * 1000 + index, durability, scratch + "/crowd" + std::to_string(index),
                reporter);
    for (std::uint64_t i = scale.crowd_rounds; i > 0; --i) {
      if (!crowd.Round()) break;
    }
  }
}

// ---------------------------------------------------------------------------------- the program

struct Place {
  Scale scale;
  std::string path;
};

void Work(const Args& args, const std::vector<Place>& places, std::uint64_t index,
          Reporter& reporter) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(args.minutes);
  std::uint64_t seed = args.seed;
  do {
    for (const auto& [scale, path] : places) {
      if (args.only.empty() || args.only == "each") {
        KillAtEachCall(args, scale, seed, path, index, &reporter);
      }
      if (args.only.empty() || args.only == "crowd") {
        KillCrowds(scale, seed, path, index, &reporter);
      }
    }
    ++seed;
  } while (std::chrono::steady_clock::now() < end && reporter.violations() == 0);
}

int Main(int argc, char** argv) {
  const Args args = ParseArgs(argc, argv);
  Tally tally("kill");
  const Scratch memory(MemoryBase());
  const Scratch disk(DiskBase());
  tally.Say("seed " + std::to_string(args.seed));
  const std::vector<Place> places = {{InMemory(args), memory.path()}, {OnDisk(args), disk.path()}};
  RunWorkers(args.threads, &tally, {&memory, &disk},
             [&](std::uint64_t index, Reporter& reporter) { Work(args, places, index, reporter); });
  if (args.only.empty()) {
    const bool least = args.quick && support::kSanitized;
    tally.Require("kills", args.quick ? (least ? 15 : 100) : 4000);
    // Of all calls, which --long takes, few are writes.
    const std::uint64_t torn = args.minutes != 0 ? 200 : 600;
    tally.Require("torn writes", args.quick ? (least ? 1 : 8) : torn);
    tally.Require("kills in recovery", args.quick ? (least ? 1 : 3) : 400);
    tally.Require("random kills", args.quick ? (least ? 20 : 60) : 700);
    tally.Require("in flight", args.quick ? 10 : 1000);
    tally.Require("acknowledged", args.quick ? 100 : 10'000);
  }
  return tally.Finish();
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  return kyro::proofs::Main(argc, argv);
}
