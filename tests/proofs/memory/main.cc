// SPDX-License-Identifier: Apache-2.0
//
// proof memory: the n-th allocation fails, for every n, once and for a stretch.
//
// The Program of proof fault runs while memory runs out under the library, its calls, its jobs and
// its recoveries. Every call returns a typed error or succeeds, nothing is thrown out of it, an
// error changes nothing; then memory is there again, and everything acknowledged too, here and
// after a crash; and at the end nothing is left allocated.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "base/status_util.h"
#include "proofs/fault/sweep.h"
#include "proofs/memory/memory_world.h"
#include "proofs/proof.h"
#include "support/sanitized.h"

namespace kyro::proofs {
namespace {

thread_local const char* running = "";

[[noreturn]] void Ended() {
  std::printf("VIOLATION %s: the library ends the process\n", running);
  std::fflush(stdout);
  std::_Exit(1);
}

struct Sums {
  std::atomic<std::uint64_t> errors{0}, refused{0};
};

void CheckKilled(MemoryWorld* world, Program* program) {
  auto after = world->test_env().Crash(support::CrashKind::kKill, world->sim()->event_count());
  after->fs().StopJournal();
  program->CheckCrash(after->env(), false, "killed");
}

// One run; false if no allocation was refused.
bool Run(Scale scale, std::uint64_t seed, std::uint64_t n, std::uint64_t stretch,
         const std::string& what, Tally* tally, Sums* sums) {
  const std::int64_t before = Memory::live();
  bool hit = false;
  {
    MemoryWorld world(seed, what);
    Program program(&world, scale, n, [&](const std::string& wrong) {
      if (tally != nullptr) tally->Violation(what + ": " + wrong);
    });
    Memory::Fail(n, stretch);
    for (std::size_t step = 0; step < Program::step_count(); ++step) {
      program.Step(step);
      if (hit || Memory::failed() == 0) continue;
      hit = true;
      CheckKilled(&world, &program);
    }
    world.Lift();
    program.Heal();
    program.Drop();
    sums->errors.fetch_add(program.errors());
  }
  sums->refused.fetch_add(Memory::failed());
  const std::int64_t leaked = Memory::live() - before;
  if (leaked != 0 && tally != nullptr) {
    tally->Violation(what + ": " + std::to_string(leaked) + " allocations leak");
  }
  return hit;
}

// What a thread allocates once, at its first use and at its first exception, is no leak.
bool WarmUp(std::uint64_t seed) {
  Sums sums;
  (void)Run(Scale::kSmall, seed, 0, 0, "warm-up", nullptr, &sums);
  return Run(Scale::kSmall, seed, 50, 2, "warm-up", nullptr, &sums);
}

void Prove(const Args& args, std::uint64_t seed, const Deadline& deadline, Tally* tally) {
  Sums sums;
  const struct { std::uint64_t stretch, stride; } kinds[] = {{1, 1}, {3, 2}, {50, 10}, {2000, 100}};
  const Selection selection(args);
  const bool all = args.minutes != 0;  // every n of every kind, and more in each step
  for (const auto& kind : kinds) {
    const std::uint64_t stretch = kind.stretch;  // clang 14 captures no structured bindings
    if (seed != args.seed && deadline.over()) break;
    if (!selection.Has(std::to_string(stretch))) continue;
    const std::uint64_t stride =
        (all ? 1 : kind.stride) * (args.quick ? 211 * support::kSparse : 1);
    const std::uint64_t end = Sweep(args.threads, stride, selection, *tally, [&](std::uint64_t n) {
      const std::string what = "allocations " + std::to_string(n) + " to " +
                               std::to_string(n + stretch - 1) +
                               " fail, --only=" + std::to_string(stretch) + ":" +
                               std::to_string(n) + " --seed=" + std::to_string(seed);
      running = what.c_str();
      // What a thread allocates once, at its first use, is no leak.
      thread_local const bool warm = WarmUp(seed);
      if (!warm) tally->Violation("a thread could not be warmed up");
      const bool hit =
          Run(all ? Scale::kFull : Scale::kSmall, seed, n, stretch, what, tally, &sums);
      tally->Count("faults", hit ? 1 : 0);
      return hit;
    });
    tally->Say(std::to_string(stretch) + " in a row fail: every " + std::to_string(stride) +
               ". of " + std::to_string(end - 1) + " allocations");
  }
  tally->Count("errors", sums.errors);
  tally->Count("refused", sums.refused);
}

// An error is the same error whichever allocations of its making fail, one or all from one on: a
// failed sync must not turn into an allocation that can be tried again.
void ProveErrors(Tally* tally) {
  for (const std::uint64_t stretch : {1, 1000}) {
    for (std::uint64_t n = 1;; ++n) {
      const std::string file(40, 'f');
      Memory::Fail(n, stretch);
      Status status;
      {
        const Armed armed;
        status = FileError(StatusCode::kDataLoss, file, 4711, "block {} of {} is damaged", n, 1000);
      }
      const bool hit = Memory::failed() != 0;
      Memory::Lift();
      // Without memory for anything the code is all there is room for.
      const bool same =
          status.code() == StatusCode::kDataLoss &&
          (status.message().empty() ? hit : status.file() == file && status.offset() == 4711);
      if (!same) {
        tally->Violation("errors: allocation " + std::to_string(n) +
                         " fails, and the error is: " + status.ToString());
      }
      if (!hit) break;
      tally->Count("faults");
    }
  }
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  using namespace kyro::proofs;
  const Args args = ParseArgs(argc, argv);
  Tally tally("memory");
  if (!Memory::Works()) return tally.Finish();
  std::set_terminate(Ended);
  KeepMemory();
  const Deadline deadline(args);
  if (Selection(args).Has("errors")) ProveErrors(&tally);
  std::uint64_t seed = args.seed;
  do {
    Prove(args, seed++, deadline, &tally);
  } while (!deadline.over());
  if (args.only.empty()) {
    const std::uint64_t less = args.quick ? 211 * kyro::support::kSparse : 1;
    tally.Require("faults", 24'000 / less);
    tally.Require("errors", 24'000 / less);
  }
  return tally.Finish();
}
