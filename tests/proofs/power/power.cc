// SPDX-License-Identifier: Apache-2.0
//
// proof_power: power cuts of a real ext4. A process writes to a database on a loop device; the file
// system is shut down under it, the process is killed, the file system is mounted again, which
// replays its journal, and what is there is compared with what the process had been told.
//
//   bites   shows that the cut takes what was not synced, and only that
//   each    a script over every operation, in each durability mode, cut before every so-many-th
//           system call that changes a file or makes it durable, others with each seed; recovery
//           is cut too, also after a mere kill
//   crowd   a writer of many threads, cut at random, round after round on one database
//
// Needs root and a loop device; without them it says so and fails, unless --allow-skip or --quick
// is given.
//
//   proof_power [--quick | --long=MINUTES] [--seed=N] [--threads=N] [--only=bites|each|crowd]
//               [--allow-skip]
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "proofs/power/disk.h"
#include "proofs/proof.h"
#include "proofs/real/crowd.h"
#include "proofs/real/script.h"
#include "proofs/real/tracer.h"
#include "proofs/real/workers.h"
#include "support/sanitized.h"
#include "support/seeded_random.h"

namespace kyro::proofs {
namespace {

using support::SeededRandom;

constexpr Durability kModes[] = {Durability::kSync, Durability::kInterval, Durability::kOs};
constexpr const char* kMounts[] = {"data=ordered", "data=ordered,noauto_da_alloc",
                                   "data=writeback,noauto_da_alloc", "data=ordered,nodelalloc",
                                   "data=journal"};
constexpr const char* kLost = "acknowledged unsynced and lost";

// How much is to be done by --quick, the bounded run, or one turn of --long.
struct Scale {
  std::uint64_t bites = 20;         // of each worker
  std::uint64_t cuts = 220;         // of the script in one mode, by all workers together
  std::uint64_t crowd_rounds = 80;  // of each worker and mode
};

Scale ScaleOf(const Args& args) {
  if (args.quick) return support::kSanitized ? Scale{1, 2, 2} : Scale{2, 8, 5};
  return {};
}

// ---------------------------------------------------------------------------------- a cut

// What the kernel may do by itself at any time: write some pages back, commit the journal.
void Weather(PowerDisk* disk, const std::string& directory, SeededRandom* random) {
  const std::uint64_t dice = random->Below(10);
  if (dice < 5) return;
  if (dice < 7) return disk->CommitJournal();
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (random->OneIn(2)) continue;
    const int fd = ::open(entry.path().c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    const off_t bytes = ::lseek(fd, 0, SEEK_END);
    const off_t pages = bytes / 4096 + 1;
    const auto from = static_cast<off_t>(random->Below(static_cast<std::uint64_t>(pages)));
    (void)::sync_file_range(fd, from * 4096, 4096 * (1 + static_cast<off_t>(random->Below(4))),
                            SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::close(fd);
  }
  if (dice == 9) disk->CommitJournal();
}

Journal AnyJournal(SeededRandom* random) {
  return random->OneIn(4) ? Journal::kFlushed : Journal::kLost;
}

std::string AnyMount(SeededRandom* random) {
  return kMounts[random->Below(std::size(kMounts))];
}

// ---------------------------------------------------------------------------------- the bite

void Put(const std::string& path, const std::string& bytes, bool sync) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good =
      fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  if (good && sync) good = ::fsync(fd) == 0;
  if (!good) {
    std::perror(path.c_str());
    std::exit(2);
  }
  ::close(fd);
}

std::string Get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// A synced file must be kept; an unsynced one and an unsynced rename must be lost. If they are not,
// nothing below means anything.
void ShowTheBite(PowerDisk* disk, Reporter* reporter) {
  const std::string bytes(10000, 'k');
  disk->Mount("data=ordered");
  disk->Clear();
  const std::string at = disk->point() + "/";
  Put(at + "old", bytes, true);
  disk->Sync();
  Put(at + "kept", bytes, true);
  Put(at + "unsynced", bytes, false);
  std::filesystem::rename(at + "old", at + "new");
  disk->CutPower(Journal::kLost);
  disk->Unmount();
  disk->Mount("data=ordered");
  Get(at + "kept") == bytes ? reporter->Count("synced files kept")
                            : reporter->Violation("a synced file was lost: not a power cut");
  Get(at + "unsynced") != bytes
      ? reporter->Count("unsynced files lost")
      : reporter->Violation("an unsynced file survived: the cut does not bite");
  std::filesystem::exists(at + "old") && !std::filesystem::exists(at + "new")
      ? reporter->Count("unsynced renames lost")
      : reporter->Violation("an unsynced rename survived: the cut does not bite");
  disk->Unmount();
}

// A process that is killed with its file system mounted leaves neither mount nor loop device.
void ShowThatNothingIsLeft(const std::string& scratch, Reporter* reporter) {
  const std::string point = scratch + "/killed";
  std::filesystem::create_directory(point);
  const pid_t child = ForkChild([&] {
    PowerDisk disk(point);
    disk.Mount("data=ordered");
    Put(point + "/file", "unsynced", false);
    ::raise(SIGKILL);
    return 0;
  });
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFSIGNALED(status))
    return reporter->Violation("a child with a disk did not come to its end");
  // The kernel detaches when it gets to it.
  for (int attempt = 0; CountDisksOf(child) != 0; ++attempt) {
    if (attempt == 10000) return reporter->Violation("a loop device was left behind");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (!std::filesystem::is_empty(point)) reporter->Violation("a mount was left behind");
}

// ---------------------------------------------------------------------------------- each call

class Each {
 public:
  Each(const Script& script, PowerDisk* disk, Reporter* reporter)
      : script_(script),
        disk_(disk),
        reporter_(reporter),
        world_(disk->point() + "/world"),
        random_(script.seed) {}

  std::uint64_t CountCalls() {
    Begin();
    TracePlan plan;
    const TraceResult whole =
        Trace(plan, [&] { return RunScript(script_, world_, ledger_.get()); });
    if (whole.exit_status != 0) {
      reporter_->Violation(script_.Text() + " by itself: " + ledger_->error.text);
    }
    disk_->Unmount();
    return whole.calls;
  }

  void CutAt(std::uint64_t n) {
    random_.~SeededRandom();
    new (&random_) SeededRandom(script_.seed * 1'000'003 + n);
    Begin();
    where_ = script_.Text() + ", " + mount_ + ", ";
    // A kill leaves more than the disk holds; the cut comes while that is recovered.
    const bool kill_first = random_.OneIn(4);
    const TraceResult end =
        Run(n, kill_first, [&] { return RunScript(script_, world_, ledger_.get()); });
    where_ += (kill_first ? "killed at call " : "cut at call ") + std::to_string(n) + ", " +
              end.last.Text() + ", in step " + std::to_string(ledger_->started);
    if (!end.killed && end.exit_status != 0) {
      reporter_->Violation(where_ + ": " + ledger_->error.text);
      return disk_->Unmount();
    }
    std::optional<Sequence> exactly;
    if (kill_first || random_.OneIn(3)) exactly = CutRecovery();
    Check(exactly);
    disk_->Unmount();
  }

 private:
  void Begin() {
    mount_ = AnyMount(&random_);
    disk_->Mount(mount_);
    disk_->Clear();
    std::filesystem::create_directory(world_);
    disk_->Sync();
    ledger_.Reset();
  }

  // Runs `body` up to its n-th call; cuts the power there, or wherever it ended, and mounts again.
  TraceResult Run(std::uint64_t n, bool kill_only, const std::function<int()>& body) {
    TracePlan plan;
    plan.kill_at = n;
    const auto cut = [&] {
      Weather(disk_, DatabaseIn(world_), &random_);
      disk_->CutPower(AnyJournal(&random_));
    };
    if (!kill_only) plan.before_kill = cut;
    const TraceResult end = Trace(plan, body);
    if (kill_only) return end;
    if (!end.killed) cut();
    reporter_->Count("power cuts");
    disk_->Unmount();
    disk_->Mount(mount_);
    return end;
  }

  // What Open said before the power went, if it came to that: it is durable (G5).
  std::optional<Sequence> CutRecovery() {
    Shared<std::atomic<Sequence>> opened;  // plus 1
    const std::uint64_t at = 1 + random_.Below(60);
    where_ += ", then recovery cut at call " + std::to_string(at);
    Run(at, false,
        [&] { return RecoverScript(script_, world_, script_.seed * 7 + at, opened.get()); });
    reporter_->Count("power cuts in recovery");
    const Sequence said = *opened.get();
    return said == 0 ? std::nullopt : std::optional<Sequence>(said - 1);
  }

  void Check(std::optional<Sequence> exactly) {
    const Crash crash = CrashOf(*ledger_.get(), /*power_cut=*/true);
    Sequence recovered = 0;
    const std::string wrong = CheckScript(script_, crash, world_, exactly, &recovered);
    if (!wrong.empty()) return reporter_->Violation(where_ + ": " + wrong);
    const Sequence acknowledged = script_.commits[crash.done];
    if (acknowledged > recovered) reporter_->Count(kLost, acknowledged - recovered);
  }

  const Script& script_;
  PowerDisk* const disk_;
  Reporter* const reporter_;
  const std::string world_;
  SeededRandom random_;
  std::string mount_, where_;
  Shared<ScriptLedger> ledger_;
};

void CutAtEachCall(const Args& args, std::uint64_t seed, PowerDisk* disk, std::uint64_t index,
                   Reporter* reporter) {
  for (const Durability durability : kModes) {
    const Script script = MakeScript(seed, durability, /*rounds=*/1);
    Each each(script, disk, reporter);
    const std::uint64_t calls = each.CountCalls();
    const std::uint64_t stride = std::max<std::uint64_t>(1, calls / ScaleOf(args).cuts);
    if (index == 0) {
      reporter->Say(script.Text() + ": " + std::to_string(script.steps.size()) + " steps, " +
                    std::to_string(calls) + " changing system calls, every " +
                    std::to_string(stride) + ".");
    }
    const std::uint64_t first = 1 + (seed - 1) % stride;  // others with each seed
    for (std::uint64_t n = first + index * stride; n <= calls + 1; n += stride * args.threads) {
      each.CutAt(n);
    }
  }
}

// ---------------------------------------------------------------------------------- a crowd

class Crowd {
 public:
  Crowd(std::uint64_t seed, Durability durability, PowerDisk* disk, Reporter* reporter)
      : disk_(disk), reporter_(reporter), world_(disk->point() + "/crowd"), random_(seed) {
    plan_.seed = seed;
    plan_.options = CrowdOptions(durability);
    disk_->Mount("data=ordered");
    disk_->Clear();
    std::filesystem::create_directory(world_);
    disk_->Sync();
    disk_->Unmount();
  }

  // False after a violation.
  bool Round() {
    ++plan_.round;
    ledger_.Reset();
    const std::string mount = AnyMount(&random_);
    disk_->Mount(mount);
    const pid_t child = ForkChild([&] { return RunCrowd(plan_, world_, ledger_.get()); });
    CutAndKill(child);
    disk_->Unmount();
    const std::string where = "crowd of seed " + std::to_string(plan_.seed) + ", round " +
                              std::to_string(plan_.round) + ", " + mount + ": ";
    disk_->Mount(mount);
    const bool good = Check(where);
    Sweep();
    disk_->Unmount();
    return good;
  }

 private:
  void CutAndKill(pid_t child) {
    if (!random_.OneIn(4)) {
      while (ledger_->opened == 0 && ledger_->error.empty()) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random_.Below(15000)));
    Weather(disk_, world_ + "/db", &random_);
    ledger_->failing = 1;
    disk_->CutPower(AnyJournal(&random_));
    // The crowd goes on for a moment: what it is told now must hold as well.
    std::this_thread::sleep_for(std::chrono::microseconds(random_.Below(2000)));
    ::kill(child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }

  bool Check(const std::string& where) {
    reporter_->Count("power cuts");
    reporter_->Count("random power cuts");
    if (!ledger_->error.empty()) {
      reporter_->Violation(where + ledger_->error.text);
      return false;
    }
    const CrowdVerdict verdict =
        CheckCrowd(plan_, ledger_.get(), /*power_cut=*/true, world_, &base_);
    reporter_->Count("acknowledged", verdict.answered);
    reporter_->Count("in flight", verdict.in_flight);
    reporter_->Count(kLost, verdict.lost);
    if (!verdict.wrong.empty()) reporter_->Violation(where + verdict.wrong);
    return verdict.wrong.empty();
  }

  // Checkpoints that were being made.
  void Sweep() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(world_, ignored)) {
      if (entry.path().filename() != "db") std::filesystem::remove_all(entry.path(), ignored);
    }
  }

  PowerDisk* const disk_;
  Reporter* const reporter_;
  const std::string world_;
  SeededRandom random_;
  CrowdPlan plan_;
  CrowdBase base_;
  Shared<CrowdLedger> ledger_;
};

void CutCrowds(const Args& args, std::uint64_t seed, PowerDisk* disk, std::uint64_t index,
               Reporter* reporter) {
  for (const Durability durability : kModes) {
    Crowd crowd(seed * 1000 + index, durability, disk, reporter);
    for (std::uint64_t i = ScaleOf(args).crowd_rounds; i > 0; --i) {
      if (!crowd.Round()) break;
    }
  }
}

// ---------------------------------------------------------------------------------- the program

void Work(const Args& args, const std::string& scratch, std::uint64_t index, Reporter& reporter) {
  const std::string point = scratch + "/disk" + std::to_string(index);
  std::filesystem::create_directory(point);
  PowerDisk disk(point);
  const auto wanted = [&](const char* part) { return args.only.empty() || args.only == part; };
  if (wanted("bites")) {
    for (std::uint64_t i = ScaleOf(args).bites; i > 0; --i) ShowTheBite(&disk, &reporter);
    if (index == 0) ShowThatNothingIsLeft(scratch, &reporter);
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(args.minutes);
  std::uint64_t seed = args.seed;
  do {
    if (wanted("each")) CutAtEachCall(args, seed, &disk, index, &reporter);
    if (wanted("crowd")) CutCrowds(args, seed, &disk, index, &reporter);
    ++seed;
  } while (std::chrono::steady_clock::now() < end && reporter.violations() == 0);
}

int Main(int argc, char** argv) {
  const Args args = ParseArgs(argc, argv);
  Tally tally("power");
  if (const std::string why = WhyNoPowerCuts(); !why.empty()) {
    const bool allowed = args.allow_skip || args.quick;
    tally.Say("SKIPPED: cannot cut the power of a file system here: " + why);
    tally.Count("skipped");
    if (!allowed) tally.Violation("nothing was shown; --allow-skip accepts that");
    return tally.Finish();
  }
  const Scratch scratch(DiskBase());
  tally.Say("seed " + std::to_string(args.seed));
  RunWorkers(args.threads, &tally, {&scratch}, [&](std::uint64_t index, Reporter& reporter) {
    Work(args, scratch.path(), index, reporter);
  });
  if (args.only.empty()) {
    tally.Require("unsynced renames lost", ScaleOf(args).bites * args.threads);
    tally.Require("power cuts", args.quick ? 8 : 1000);
    tally.Require("power cuts in recovery", args.quick ? 0 : 200);
    tally.Require("random power cuts", args.quick ? 6 : 400);
    // What is not synced must have been lost now and then, or the cuts prove nothing of syncing.
    tally.Require(kLost, args.quick ? 0 : 100);
  }
  return tally.Finish();
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  return kyro::proofs::Main(argc, argv);
}
