// SPDX-License-Identifier: Apache-2.0
//
// proof_model: random operations on every path of the API against std::map (tests/db/model_run.h).
// Views are held long and read again after every background step; reads and writes happen in the
// middle of builds and installs. Cases are independent worlds of one thread each.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "db/model_run.h"
#include "proofs/proof.h"

namespace kyro::proofs {
namespace {

constexpr std::uint64_t kQuickCases = 12;
constexpr std::uint64_t kBoundedCases = 100;
constexpr int kQuickSteps = 1500;
constexpr int kSteps = 4000;

// Every mode of durability and of access comes up.
db::ModelRunOptions CaseOf(const Args& args, std::uint64_t number) {
  db::ModelRunOptions options;
  options.seed = args.seed * 1'000'000 + number;
  options.durability = static_cast<Durability>(number % 3);
  options.access = number % 5 == 4 ? Access::kCopy : Access::kMap;
  options.steps = args.quick ? kQuickSteps : kSteps;
  return options;
}

// Takes cases from `*next` until there are none, or the time is over.
void RunCases(const Args& args, std::atomic<std::uint64_t>* next, Tally* tally) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(args.minutes);
  const std::uint64_t cases = args.quick ? kQuickCases : kBoundedCases;
  for (;;) {
    const std::uint64_t number = next->fetch_add(1);
    if (tally->violations() > 0) return;  // one is enough
    if (args.minutes == 0 ? number >= cases : std::chrono::steady_clock::now() >= end) return;
    db::ModelRunTotals totals;
    const std::string wrong = db::RunModel(CaseOf(args, number), &totals);
    if (!wrong.empty()) {
      tally->Violation("case " + std::to_string(number) + ", " + wrong);
      return;
    }
    tally->Count("operations", totals.operations);
    tally->Count("reads of held views", totals.held_reads);
    tally->Count("calls in the middle", totals.meddled);
    tally->Count("flushes", totals.flushes);
    tally->Count("merges", totals.merges);
    tally->Count("replays", totals.replays);
    tally->Count("bulk loads", totals.loads);
    tally->Count("drops", totals.drops);
    tally->Count("checkpoints", totals.checkpoints);
    tally->Count("resumes", totals.resumes);
    tally->Count("crashes", totals.crashes);
    if (number % 50 == 49) tally->Say(std::to_string(number + 1) + " cases");
  }
}

int Main(int argc, char** argv) {
  const Args args = ParseArgs(argc, argv);
  Tally tally("model");
  tally.Say("seed " + std::to_string(args.seed));
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < args.threads; ++i) {
    threads.emplace_back([&] { RunCases(args, &next, &tally); });
  }
  for (std::thread& thread : threads) thread.join();
  if (tally.violations() > 0) return tally.Finish();
  const std::uint64_t share = args.quick ? 1 : 40;
  tally.Require("operations", 10'000 * share);
  tally.Require("reads of held views", 5'000 * share);
  tally.Require("calls in the middle", 500 * share);
  tally.Require("merges", 50 * share);
  for (const char* figure : {"bulk loads", "drops", "checkpoints", "resumes", "crashes"}) {
    tally.Require(figure, 5 * share);
  }
  return tally.Finish();
}

}  // namespace
}  // namespace kyro::proofs

int main(int argc, char** argv) {
  return kyro::proofs::Main(argc, argv);
}
