// SPDX-License-Identifier: Apache-2.0
//
// proof_crash: a kill or a power cut at every moment of many workloads leaves the commit order cut
// at one sequence (G3), with nothing acknowledged lost (G1), whole batches (G2), and again when
// recovery itself dies (G4, G5).
//
//   --only=MODE       sync, interval or os
//   --only=OPERATION  full enumeration only of its events
//   --only=MODE/ITEM  one workload again, as a violation names it
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "proofs/crash/enumerate.h"
#include "support/sanitized.h"

namespace kyro::crash {
namespace {

constexpr std::string_view kStates = "crash states";
// CI: of each operation in each mode, which makes half a million in all.
constexpr std::uint64_t kStatesEach = 11200;
constexpr std::uint64_t kStatesEachLeast = 5000;
constexpr std::uint64_t kStatesLeast = 500000;
constexpr std::uint64_t kItemsMax = 600;
// Of so many workloads of each mode every event is looked at; of the others only those of
// operations that have too few states yet.
constexpr std::uint64_t kLightItems = 2;

struct Plan {
  proofs::Args args;
  int steps = 60;
  std::uint64_t items = kItemsMax;
  Effort effort;
  std::optional<Durability> mode;
  std::optional<Operation> operation;
  std::optional<std::uint64_t> item;
};

// False if --only names nothing.
bool ParseOnly(std::string_view only, Plan* plan) {
  if (only.empty()) return true;
  for (std::size_t i = 0; i < kOperations; ++i) {
    if (only == OperationName(static_cast<Operation>(i))) {
      plan->operation = static_cast<Operation>(i);
      return true;
    }
  }
  const std::string_view mode = only.substr(0, only.find('/'));
  for (std::size_t i = 0; i < kModes; ++i) {
    if (mode == ModeName(static_cast<Durability>(i))) plan->mode = static_cast<Durability>(i);
  }
  if (!plan->mode.has_value() || mode.size() == only.size()) return plan->mode.has_value();
  std::uint64_t item = 0;
  const char* const end = only.data() + only.size();
  const auto [rest, error] = std::from_chars(only.data() + mode.size() + 1, end, item);
  plan->item = item;
  return error == std::errc() && rest == end;
}

class Proof {
 public:
  explicit Proof(const Plan& plan) : plan_(plan), tally_("crash") {
    started_ = std::chrono::steady_clock::now();
  }

  int Run() {
    tally_.Count(kStates, 0);
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < plan_.args.threads; ++i) threads.emplace_back([this] { Work(); });
    for (std::thread& thread : threads) thread.join();
    Report();
    return tally_.Finish();
  }

 private:
  struct Item {
    Durability mode;
    std::uint64_t number;
    std::array<bool, kOperations> fully;
  };

  // The next workload; none if enough was done.
  std::optional<Item> Next() {
    const std::lock_guard lock(mutex_);
    if (plan_.item.has_value()) {
      if (next_++ > 0) return std::nullopt;
      Item item{*plan_.mode, *plan_.item, {}};
      item.fully.fill(true);
      return item;
    }
    for (; next_ < plan_.items * kModes && !Over(); ++next_) {
      Item item{static_cast<Durability>(next_ % kModes), next_ / kModes, {}};
      if (plan_.mode.has_value() && item.mode != *plan_.mode) continue;
      bool any = false;
      for (std::size_t i = 0; i < kOperations; ++i) {
        item.fully[i] = Wants(static_cast<Operation>(i), item.mode);
        any = any || (item.fully[i] && i < kNamedOperations);
      }
      if (!any) continue;
      ++next_;
      return item;
    }
    return std::nullopt;
  }
  bool Over() const {
    if (tally_.violations() > 10) return true;
    if (plan_.args.minutes == 0) return false;
    return std::chrono::steady_clock::now() - started_ >= std::chrono::minutes(plan_.args.minutes);
  }
  bool Wants(Operation operation, Durability mode) const {
    if (plan_.operation.has_value() && operation != *plan_.operation) return false;
    if (plan_.args.quick || plan_.args.minutes != 0) return true;
    return states_.Count(operation, mode) < kStatesEach;
  }

  void Work() {
    while (const std::optional<Item> item = Next()) {
      // Seeds of different runs and modes do not meet.
      const std::uint64_t seed = plan_.args.seed * 1000003 + item->number * kModes +
                                 static_cast<std::uint64_t>(item->mode);
      const std::string where = fmt::format("--seed={} --only={}/{}", plan_.args.seed,
                                            ModeName(item->mode), item->number);
      Workload workload = RunWorkload(seed, item->mode, plan_.steps);
      Add(workload, where);
      for (Phase& phase : workload.phases) {
        Effort effort = plan_.effort;
        effort.fully = item->fully;
        effort.lightly = item->number < kLightItems || plan_.item.has_value();
        Enumerator(&phase, effort, where + ": " + phase.title, &states_, &tally_).Run();
        if (plan_.args.minutes != 0 && Over()) return;
      }
      if (!plan_.args.quick && (item->number < kLightItems || item->number % 8 == 0)) {
        tally_.Say(fmt::format("{} states after workload {}/{}", states_.Count(),
                               ModeName(item->mode), item->number));
      }
    }
  }

  void Add(const Workload& workload, const std::string& where) {
    if (!workload.wrong.empty()) tally_.Violation(where + ": " + workload.wrong);
    tally_.Count("workloads");
    tally_.Count("commits", workload.counts.commits);
    tally_.Count("failed syncs", workload.counts.failures);
    for (const Phase& phase : workload.phases) {
      tally_.Count("events", phase.world->fs().event_count());
    }
  }

  void Report() {
    std::string table =
        fmt::format("distinct states    {:>9} {:>9} {:>9}\n", "sync", "interval", "os");
    const bool bounded = !plan_.args.quick && plan_.args.minutes == 0 && plan_.args.only.empty();
    for (std::size_t i = 0; i < kOperations; ++i) {
      const auto operation = static_cast<Operation>(i);
      table += fmt::format("  {:<16}", OperationName(operation));
      for (std::size_t m = 0; m < kModes; ++m) {
        const auto mode = static_cast<Durability>(m);
        const std::uint64_t count = states_.Count(operation, mode);
        table += fmt::format(" {:>9}", count);
        if (!bounded || i >= kNamedOperations || count >= kStatesEachLeast) continue;
        tally_.Violation(fmt::format("only {} states of {} in mode {}, want at least {}", count,
                                     OperationName(operation), ModeName(mode), kStatesEachLeast));
      }
      table += "\n";
    }
    std::fputs(table.c_str(), stdout);
    tally_.Count(kStates, states_.Count());
    if (bounded) tally_.Require(kStates, kStatesLeast);
  }

  const Plan plan_;
  proofs::Tally tally_;
  States states_;
  std::chrono::steady_clock::time_point started_;
  mutable std::mutex mutex_;
  std::uint64_t next_ = 0;
};

int Main(int argc, char** argv) {
  Plan plan;
  plan.args = proofs::ParseArgs(argc, argv);
  proofs::KeepMemory();
  if (!ParseOnly(plan.args.only, &plan)) {
    std::fprintf(stderr, "--only=%s: no mode, operation or workload\n", plan.args.only.c_str());
    return 2;
  }
  plan.effort.states_max = 1200;
  plan.effort.nested_every = 400;
  plan.effort.go_on_every = 50;
  if (plan.args.minutes != 0) plan.items = std::uint64_t{1} << 40;
  if (plan.args.quick) {
    plan.steps = 24;
    plan.effort.nested_every = 1000;
    plan.effort.go_on_every = 100;
    plan.items = 1;
    plan.effort.states_max = 20;
    plan.effort.stride = support::kSparse;
  }
  std::printf("seed %llu, %llu threads\n", static_cast<unsigned long long>(plan.args.seed),
              static_cast<unsigned long long>(plan.args.threads));
  return Proof(plan).Run();
}

}  // namespace
}  // namespace kyro::crash

int main(int argc, char** argv) {
  return kyro::crash::Main(argc, argv);
}
