// SPDX-License-Identifier: Apache-2.0
//
// proof fault: a file system that fails, at every call.
//
//   calls   each call of the FileSystem seam that the Program makes fails, in every shape below;
//   the
//           program goes on, the faults end, the machine crashes, and all of it is compared.
//   space   the disk has room for so many bytes and no more, for every level; then it has again.
//   system  below the seam: each system call is interrupted, stops short, or fails (system.cc).
//
// The bounded run is exhaustive: each sweep goes on until a run in which the fault did not hit.
// --quick tries every so manieth. Nothing here is random but what a power cut leaves.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "proofs/fault/fault_world.h"
#include "proofs/fault/program.h"
#include "proofs/fault/sweep.h"
#include "proofs/fault/system.h"
#include "proofs/proof.h"
#include "support/sanitized.h"
#include "support/seeded_random.h"

namespace kyro::proofs {
namespace {

using support::CrashKind;
using support::FsOp;
using support::FsOps;
using support::Unsynced;

struct Shape {
  const char* id;  // of --only
  const char* name;
  FsOps ops;
  StatusCode code = StatusCode::kIoError;
  bool sticky = false;
  std::uint64_t write_first = 0;
  bool after = false;
  bool another = false;  // a second failure follows; in the long mode it always does

  // Only syncs fail: what is there may not be durable long after, so every step ends in power cuts.
  bool of_syncs() const { return !ops.Has(FsOp::kWrite) && !ops.Has(FsOp::kCreate); }
};

constexpr FsOps kHandles = {FsOp::kOpenDirectory, FsOp::kCreate, FsOp::kOpenForWrite, FsOp::kOpen,
                            FsOp::kList,          FsOp::kMap,    FsOp::kLock};

const std::vector<Shape>& Shapes() {
  static const std::vector<Shape> shapes = {
      {"eio", "EIO", FsOps::All()},
      {"eio-on", "EIO from then on", FsOps::All(), StatusCode::kIoError, true},
      {"changes-on", "changes fail from then on", FsOps::Changes(), StatusCode::kIoError, true},
      {"done", "done, and reported as EIO", FsOps::Changes(), StatusCode::kIoError, false, 0, true},
      {"short1", "a write stops after 1 byte", {FsOp::kWrite}, StatusCode::kIoError, false, 1},
      {"short700",
       "a write stops after 700 bytes",
       {FsOp::kWrite},
       StatusCode::kNoSpace,
       false,
       700},
      {"enospc", "ENOSPC", FsOps::Changes(), StatusCode::kNoSpace},
      {"enospc-on", "ENOSPC from then on", FsOps::Changes(), StatusCode::kNoSpace, true},
      {"short1-on",
       "writes stop after 1 byte from then on",
       {FsOp::kWrite},
       StatusCode::kIoError,
       true,
       1},
      {"enomem", "ENOMEM", FsOps::All(), StatusCode::kResourceExhausted},
      {"enomem-on", "ENOMEM from then on", FsOps::All(), StatusCode::kResourceExhausted, true},
      {"emfile", "EMFILE", kHandles, StatusCode::kResourceExhausted},
      {"emfile-on", "EMFILE from then on", kHandles, StatusCode::kResourceExhausted, true},
      {"syncs-on",
       "syncs fail from then on",
       {FsOp::kSync, FsOp::kSyncDirectory},
       StatusCode::kIoError,
       true},
      {"two", "ENOSPC and then another", FsOps::Changes(), StatusCode::kNoSpace, false, 0, false,
       true},
      {"lost-sync", "a sync fails and its bytes are lost", {}},
      {"lost-names", "a directory's sync fails and its names are lost", {}},
  };
  return shapes;
}

// What every run of one part shares.
struct Sums {
  std::atomic<std::uint64_t> errors{0}, unknown{0}, crashes{0};
};

// The machine as it is now dies, in each of these ways, and is opened again.
struct Crash {
  const char* name;
  CrashKind kind;
  Unsynced unsynced;
};
constexpr Crash kKilled = {"killed", CrashKind::kKill, Unsynced::kSeeded};
constexpr Crash kCutOld = {"power cut, nothing unsynced left", CrashKind::kPowerCut,
                           Unsynced::kAllOld};
constexpr Crash kCut = {"power cut", CrashKind::kPowerCut, Unsynced::kSeeded};

void CheckCrashes(FaultWorld* world, Program* program, std::initializer_list<Crash> crashes,
                  std::uint64_t seed, Sums* sums) {
  const std::uint64_t event = world->sim()->event_count();
  for (const Crash& crash : crashes) {
    auto after = world->test_env().Crash(crash.kind, event, seed, crash.unsynced);
    after->fs().StopJournal();
    after->fs().SetFreeBytes(std::uint64_t{1} << 40);
    program->CheckCrash(after->env(), crash.kind == CrashKind::kPowerCut, crash.name);
    sums->crashes.fetch_add(1);
  }
}

// Where a run of the program crashes, beside where the fault first hits and the end.
enum class CrashAlso { kNowhere, kAfterEveryStep, kAfterEveryStepSinceHit };

// One run of the program, with its crashes; then healing.
void RunProgram(FaultWorld* world, Program* program, CrashAlso also, std::uint64_t seed,
                Sums* sums) {
  bool hit = false;
  for (std::size_t step = 0; step < Program::step_count(); ++step) {
    program->Step(step);
    if (also == CrashAlso::kAfterEveryStep) {
      CheckCrashes(world, program, {kKilled, kCutOld}, seed, sums);
    }
    if (hit && also == CrashAlso::kAfterEveryStepSinceHit) {
      CheckCrashes(world, program, {kCutOld, kCut}, seed + step, sums);
    }
    if (hit || !world->Troubled()) continue;
    hit = true;
    CheckCrashes(world, program, {kKilled, kCutOld, kCut}, seed, sums);
  }
  world->Lift();
  if (hit) CheckCrashes(world, program, {kKilled, kCut}, seed + 1, sums);
  program->Heal();
  sums->errors.fetch_add(program->errors());
  sums->unknown.fetch_add(program->unknown());
}

// How much room the program needs on an empty disk, to the sector.
std::uint64_t RoomNeeded(std::uint64_t seed) {
  std::uint64_t lo = 0, hi = std::uint64_t{8} << 20;
  while (hi - lo > 512) {
    const std::uint64_t middle = (lo + hi) / 2;
    FaultWorld world(seed, "space: measuring");
    Program program(&world, Scale::kFull, 0, [](const std::string&) {});
    world.SetFree(middle);
    for (std::size_t step = 0; step < Program::step_count(); ++step) program.Step(step);
    (program.errors() == 0 ? hi : lo) = middle;
    world.Lift();
  }
  return hi;
}

// The disk fills up at each level, from the first step on or from a later one; some steps later,
// how many depends on the level, there is room again. Then nothing is opened again, and no call of
// the steps that are left may fail.
void ProveSpace(const Args& args, std::uint64_t seed, Tally* tally) {
  Sums sums;
  const std::uint64_t needed = RoomNeeded(seed);
  const std::uint64_t levels = needed / 512;
  const Selection selection(args);
  const std::size_t steps = Program::step_count();
  for (const std::size_t from : {0, 4, 8, 15, 19}) {
    const std::uint64_t stride = args.quick ? levels * support::kSparse / 12 + 1 : 1;
    std::atomic<std::uint64_t> full{0};
    (void)Sweep(args.threads, stride, selection, *tally, [&](std::uint64_t n) {
      const std::string what = "space: room for " + std::to_string(n * 512 - 512) +
                               " bytes from step " + std::to_string(from) +
                               " on, --only=space:" + std::to_string(n);
      FaultWorld world(seed, what);
      Program program(&world, Scale::kFull, n,
                      [&](const std::string& wrong) { tally->Violation(what + ": " + wrong); });
      const std::size_t until = from + 1 + n % (steps - from);
      for (std::size_t step = 0; step <= steps; ++step) {
        if (step == from) world.SetFree(n * 512 - 512);
        if (step == until) {
          if (n % 4 == 0) CheckCrashes(&world, &program, {kKilled, kCut}, seed + n, &sums);
          world.Lift();
          program.Heal(/*may_open_again=*/false);
        }
        if (step == steps) break;
        program.Step(step);
        program.CheckNotFailed();
      }
      full.fetch_add(program.errors() > 0);
      sums.errors.fetch_add(program.errors());
      return n <= levels;
    });
    tally->Count("faults", full);
    tally->Count("levels of space", full);
    tally->Say("space: full at " + std::to_string(full) + " levels of 512 bytes from step " +
               std::to_string(from) + " on; all of it takes " + std::to_string(needed) + " bytes");
  }
  tally->Count("errors", sums.errors);
  tally->Count("crashes", sums.crashes);
}

void Plan(const Shape& shape, std::uint64_t n, FaultWorld* world) {
  const std::string_view id = shape.id;
  if (id == "lost-sync" || id == "lost-names") return world->PlanLostSync(n, id == "lost-names");
  world->Plan({.ops = shape.ops,
               .nth = n,
               .sticky = shape.sticky,
               .code = shape.code,
               .write_first = shape.write_first,
               .after = shape.after});
}

// A second one, by chance soon or late.
void PlanAnother(const Shape& shape, std::uint64_t n, std::uint64_t seed, FaultWorld* world) {
  if (shape.sticky || world->lost_sync()) return;
  support::SeededRandom random(seed * 1'000'003 + n);
  const std::uint64_t gap = std::uint64_t{1} << random.Below(12);
  world->Plan({.ops = random.OneIn(2) ? FsOps::All() : FsOps::Changes(),
               .nth = n + 1 + random.Below(gap),
               .code = random.OneIn(2) ? StatusCode::kIoError : StatusCode::kNoSpace});
}

void ProveCalls(const Args& args, std::uint64_t seed, const Deadline& deadline, Tally* tally) {
  Sums sums;
  const Selection selection(args);
  for (const Shape& shape : Shapes()) {
    if (seed != args.seed && deadline.over()) break;
    if (!selection.Has("calls") && !selection.Has(shape.id)) continue;
    const std::uint64_t stride = args.quick ? 97 * support::kSparse : 1;
    const std::uint64_t end = Sweep(args.threads, stride, selection, *tally, [&](std::uint64_t n) {
      const std::string what = "calls: " + std::string(shape.name) + ", --only=" + shape.id + ":" +
                               std::to_string(n) + ", --seed=" + std::to_string(seed);
      FaultWorld world(seed, what);
      Program program(&world, Scale::kFull, n,
                      [&](const std::string& wrong) { tally->Violation(what + ": " + wrong); });
      Plan(shape, n, &world);
      if (shape.another || args.minutes != 0) PlanAnother(shape, n, seed, &world);
      const CrashAlso also = n == 1             ? CrashAlso::kAfterEveryStep
                             : shape.of_syncs() ? CrashAlso::kAfterEveryStepSinceHit
                                                : CrashAlso::kNowhere;
      RunProgram(&world, &program, also, seed + n, &sums);
      tally->Count("faults", world.hits() > 0 ? 1 : 0);
      return world.hits() > 0;
    });
    tally->Say("calls: " + std::string(shape.name) + ": every " + std::to_string(stride) + ". of " +
               std::to_string(end - 1) + " calls");
  }
  tally->Count("errors", sums.errors);
  tally->Count("unknown outcomes", sums.unknown);
  tally->Count("crashes", sums.crashes);
}

}  // namespace
}  // namespace kyro::proofs

namespace kyro::proofs {
namespace {

// What the run did, at least; a selected part is what it is.
void RequireAll(const Args& args, Tally* tally) {
  if (!args.only.empty()) return;
  const std::uint64_t less = args.quick ? 97 * support::kSparse : 1;
  tally->Require("faults", 28'000 / less);
  tally->Require("crashes", 100'000 / less);
  tally->Require("errors", 100'000 / less);
  tally->Require("unknown outcomes", 2'000 / less);
  tally->Require("levels of space", 1'400 / less);
  tally->Require("interruptions", 5'000 / (2 * less));
  tally->Require("errnos", 400);
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  using namespace kyro::proofs;
  const Args args = ParseArgs(argc, argv);
  Tally tally("fault");
  KeepMemory();
  const Selection selection(args);
  const Deadline deadline(args);
  if (selection.Has("system")) {
    ProveErrnos(&tally);
    ProveInterruptions(args, &tally);
  }
  std::uint64_t seed = args.seed;
  do {
    if (selection.Has("space")) ProveSpace(args, seed, &tally);
    ProveCalls(args, seed, deadline, &tally);
    ++seed;
  } while (!deadline.over());
  RequireAll(args, &tally);
  return tally.Finish();
}
