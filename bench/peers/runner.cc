// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "bench/peers/datasets.h"
#include "bench/peers/meter.h"

namespace kyro::bench {
namespace {

// An engine, what it is called, and where it lives.
struct Contestant {
  EngineName name;
  std::string directory;
  std::unique_ptr<Engine> engine;  // null: the build lacks it
  MemoryMeter memory;
  std::uint64_t bytes_on_disk = 0;
};

class Run {
 public:
  Run(const Section& section, Results* results)
      : section_(section), results_(results), root_(section.directory + "/kyro_peers") {}

  ~Run() {
    contestants_.clear();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  bool All() {
    Dataset dataset = MakeDataset(section_.dataset, section_.n, section_.seed);
    for (const EngineName& name : section_.engines) {
      contestants_.push_back({name, root_ + "/" + name.name + "." + name.state, nullptr, {}, 0});
    }
    if (!dataset.reason.empty()) {
      NothingOffered(dataset.reason);
      return true;
    }
    sorted_ = std::move(dataset.keys);
    Load();
    RunPhase([](Workload w) { return w != Workload::kLoad && !IsOpen(w) && !IsYcsb(w); });
    RunPhase(IsOpen);
    Inserts();
    RunPhase(IsYcsb);
    return right_;
  }

 private:
  bool Wanted(Workload workload) const {
    const auto& all = section_.workloads;
    return std::find(all.begin(), all.end(), workload) != all.end();
  }
  std::uint64_t SeedOf(Workload workload, int repeat) const {
    return Mix(section_.seed * 1000003 + static_cast<std::uint64_t>(workload) * 1009 +
               static_cast<std::uint64_t>(repeat));
  }
  Rows RowsFor(const Contestant& contestant) const {
    return Rows(sorted_, section_.shape, contestant.name.name == section_.plant);
  }

  std::unique_ptr<Engine> Make(const Contestant& contestant) const {
    std::filesystem::remove_all(contestant.directory);
    std::filesystem::create_directories(contestant.directory);
    return MakeEngine(contestant.name, {contestant.directory, sorted_.size(), section_.shape,
                                        contestant.name.state});
  }

  void Report(Contestant* contestant, Workload workload, int repeat, Outcome outcome) {
    if (!outcome.wrong.empty()) {
      fmt::print(stderr, "kyro_peers: {}: wrong: {}\n", contestant->name.text(), outcome.wrong);
      right_ = false;
    }
    Record record{section_.name,
                  contestant->name,
                  workload,
                  section_.dataset,
                  section_.n,
                  section_.shape,
                  repeat,
                  std::move(outcome),
                  contestant->bytes_on_disk,
                  contestant->memory.peak(),
                  section_.seed,
                  {}};
    if (contestant->engine && repeat == 1 && record.outcome.not_offered.empty()) {
      record.facts = contestant->engine->facts();
    }
    results_->Add(std::move(record));
  }
  void NothingOffered(const std::string& reason) {
    for (Contestant& contestant : contestants_) {
      for (const Workload workload : section_.workloads) {
        Outcome outcome;
        outcome.not_offered = reason;
        Report(&contestant, workload, 1, outcome);
      }
    }
  }

  // Engines by turns; another one begins in every repeat.
  template <class F>
  void InTurn(int repeat, F&& turn) {
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      turn(&contestants_[(i + static_cast<std::size_t>(repeat - 1)) % contestants_.size()]);
    }
  }

  // Each repeat loads anew, in the place of what was loaded before.
  void Load() {
    const int repeats = Wanted(Workload::kLoad) ? section_.repeats : 1;
    for (int repeat = 1; repeat <= repeats; ++repeat) {
      InTurn(repeat, [&](Contestant* one) {
        one->engine.reset();
        one->memory.Begin();
        one->engine = Make(*one);
        Outcome outcome;
        if (one->engine) {
          outcome = one->engine->Load(RowsFor(*one));
        } else {
          outcome.not_offered = "not in this build";
        }
        one->memory.End();
        one->bytes_on_disk = DiskBytes(one->directory);
        if (Wanted(Workload::kLoad)) Report(one, Workload::kLoad, repeat, outcome);
      });
    }
    const Queries warm =
        MakeQueries(Workload::kGetHit, sorted_, section_.ops, SeedOf(Workload::kLoad, 0));
    InTurn(1, [&](Contestant* one) {
      if (!one->engine) return;
      one->memory.Begin();
      one->engine->WarmUp(warm);
      one->memory.End();
    });
  }

  void Inserts() {
    if (!std::any_of(section_.workloads.begin(), section_.workloads.end(), IsYcsb)) return;
    zipf_.emplace(sorted_.size());
    const std::size_t count =
        static_cast<std::size_t>(section_.repeats) * (section_.ops / kYcsbInsertEvery + 8);
    pool_ = AbsentKeys(sorted_, count, SeedOf(Workload::kYcsbD, 0));
  }

  Queries Ask(Workload workload, int repeat) {
    const std::uint64_t seed = SeedOf(workload, repeat);
    if (IsOpen(workload)) return MakeQueries(workload, sorted_, 1, seed);
    if (!IsYcsb(workload)) return MakeQueries(workload, sorted_, section_.ops, seed);
    Queries queries;
    const char which =
        static_cast<char>('a' + (static_cast<int>(workload) - static_cast<int>(Workload::kYcsbA)));
    const std::size_t count = section_.ops / (workload == Workload::kYcsbE ? 50 : 10) + 1;
    queries.ycsb = MakeYcsb(which, sorted_, pool_, &inserted_, *zipf_, count, seed);
    return queries;
  }

  std::vector<Outcome> Measure(Contestant* one, Workload workload, const Queries& queries) {
    Engine* const engine = one->engine.get();
    // What the stages are told beforehand is not the engine's memory.
    if (IsStages(workload)) return engine->RunStages(workload, queries);
    if (IsOpen(workload)) engine->Close();
    // The repeat before this one may have ended with files that were not in memory.
    if (workload == Workload::kOpenWarm) FillCaches(one->directory);
    if (workload == Workload::kOpenCold) DropCaches(one->directory);
    one->memory.Begin();
    const Outcome outcome =
        IsOpen(workload) ? engine->TimeOpen(queries) : engine->Run(workload, queries);
    one->memory.End();
    return {outcome};
  }

  void OneRun(Contestant* one, Workload workload, int repeat, const Queries& queries) {
    std::vector<Outcome> outcomes(1);
    std::string& why_not = outcomes[0].not_offered;
    why_not = one->engine ? one->engine->WhyNot(workload) : "not in this build";
    // Later workloads read what this one inserts, also where there is nothing to report.
    if (one->engine && !why_not.empty() && IsYcsb(workload)) one->engine->Run(workload, queries);
    if (why_not.empty()) outcomes = Measure(one, workload, queries);
    for (const Outcome& outcome : outcomes) {
      if (outcome.not_offered.empty() || repeat == 1) Report(one, workload, repeat, outcome);
    }
  }

  template <class F>
  void RunPhase(F&& belongs) {
    for (int repeat = 1; repeat <= section_.repeats; ++repeat) {
      for (const Workload workload : section_.workloads) {
        if (!belongs(workload)) continue;
        const Queries queries = Ask(workload, repeat);
        InTurn(repeat, [&](Contestant* one) { OneRun(one, workload, repeat, queries); });
      }
    }
  }

  const Section& section_;
  Results* results_;
  std::string root_;
  std::vector<std::uint64_t> sorted_;
  std::vector<Contestant> contestants_;
  std::vector<std::uint64_t> pool_;  // keys that YCSB inserts
  std::size_t inserted_ = 0;         // of the pool
  std::optional<Zipf> zipf_;
  bool right_ = true;
};

}  // namespace

bool RunSection(const Section& section, Results* results) {
  return Run(section, results).All();
}

}  // namespace kyro::bench
