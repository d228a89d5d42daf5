// SPDX-License-Identifier: Apache-2.0
//
// proof_history: gets, puts, deletes, batches over two keyspaces, views, read points, scans and
// lookups in batches from real threads, with flush, merge, fold, retraining, bulk loads, failing
// syncs and Resume among them, recorded and checked (checker.h).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "proofs/history/world.h"
#include "proofs/proof.h"
#include "support/sanitized.h"

namespace kyro::proofs {
namespace {

// A run goes on until it took so long and did so much.
struct Bounds {
  std::chrono::seconds time;
  std::uint64_t histories;
};

Bounds BoundsOf(const Args& args) {
  if (args.minutes != 0) return {std::chrono::minutes(args.minutes), 2000};
  if (!args.quick) return {std::chrono::seconds(70), 2000};
#ifdef KYRO_PLANTED_BUGS
  return {std::chrono::seconds(4), 300};  // on a busy machine too a bug has this many to show in
#else
  return {std::chrono::seconds(4), support::kSanitized ? 12u : 60u};
#endif
}

// A world has more threads than the processors of most machines: a few at a time are enough.
void RunWorlds(const Args& args, const Bounds& bounds, Tally* tally) {
  const auto end = std::chrono::steady_clock::now() + bounds.time;
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> lanes;
  for (std::uint64_t lane = 0; lane < std::max<std::uint64_t>(1, args.threads / 2); ++lane) {
    lanes.emplace_back([&] {
      while (tally->violations() == 0 && (std::chrono::steady_clock::now() < end ||
                                          tally->figure("histories") < bounds.histories)) {
        World(WorldPlan(args.seed * 1'000'000 + next.fetch_add(1)), tally).Run();
      }
    });
  }
  for (std::thread& lane : lanes) lane.join();
  tally->Count("worlds", next.load());
}

int Main(int argc, char** argv) {
  const Args args = ParseArgs(argc, argv);
  const Bounds bounds = BoundsOf(args);
  Tally tally("history");
  tally.Say("seed " + std::to_string(args.seed));
  tally.Count("histories", 0);
  if (!args.only.empty()) {  // one world, by the seed that a violation names
    World(WorldPlan(std::stoull(args.only)), &tally).Run();
    return tally.Finish();
  }
  RunWorlds(args, bounds, &tally);
  tally.Count("overlap percent", 100 * tally.figure("overlapping") /
                                     std::max<std::uint64_t>(1, tally.figure("operations")));
  if (tally.violations() != 0) return tally.Finish();  // it ended early
  tally.Require("histories", bounds.histories);
  tally.Require("overlap percent", 30);
  tally.Require("flushes", tally.figure("histories"));
  tally.Require("merges", tally.figure("histories"));
  tally.Require("failed syncs", tally.figure("histories") / 50);
  tally.Require("retrains", tally.figure("worlds"));
  return tally.Finish();
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  return kyro::proofs::Main(argc, argv);
}
