// SPDX-License-Identifier: Apache-2.0
//
// EngineOf<Store>: an engine made of a store. A store has
//
//   static constexpr bool kOnDisk
//   explicit Store(const StoreOptions&)
//   void Load(const Rows&)       into its empty directory, closed afterwards
//   void Open(), void Close()    in memory: nothing
//   class Reader                 Reader(Store&): a held snapshot of one thread; std::string_view
//                                Get(key), whose data() is null for an absent key, the value valid
//                                until the next call; what it offers besides: see hot_loops.h
//   class Session                optional: reads and writes, see hot_loops.h
//   Facts facts()                optional
//   std::string WhyNot(Workload)   optional: a reason besides the ones that follow from the above
//   static constexpr const char* kOnlyBatches   optional: why nothing but multiget_* is offered
//   TimeTrain(keys)              optional: nanoseconds
//   TimeStages(workload, queries, values)   optional: an Outcome for each stage
#ifndef KYRO_BENCH_PEERS_ENGINE_OF_H_
#define KYRO_BENCH_PEERS_ENGINE_OF_H_

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/peers/engine.h"
#include "bench/peers/hot_loops.h"
#include "bench/peers/timing.h"

namespace kyro::bench {

template <class Store>
class EngineOf final : public Engine {
 public:
  using Reader = typename Store::Reader;

  explicit EngineOf(const StoreOptions& options) : values_(options.shape), store_(options) {}

  Outcome Load(const Rows& rows) override {
    Outcome outcome;
    outcome.nanos = TimeNanos([&] { store_.Load(rows); });
    outcome.ops = rows.size();
    store_.Open();
    return outcome;
  }
  void Close() override { store_.Close(); }
  void Open() override { store_.Open(); }

  Outcome TimeOpen(const Queries& queries) override {
    Outcome outcome;
    outcome.ops = outcome.verified = 1;
    std::uint64_t wrong = 0;
    std::unique_ptr<Reader> reader;
    outcome.nanos = TimeNanos([&] {
      store_.Open();
      reader = std::make_unique<Reader>(store_);
      wrong = values_.Difference(queries.keys[0], reader->Get(queries.keys[0]));
    });
    if (wrong != 0) outcome.wrong = fmt::format("key {} after opening", queries.keys[0]);
    return outcome;
  }

  void WarmUp(const Queries& queries) override {
    Reader reader(store_);
    if constexpr (HasWalk<Reader>) ScanAll<false>(reader, queries.rows, values_);
    Hits(reader, queries.keys, values_);
  }

  std::string WhyNot(Workload workload) const override {
    const bool batch = workload >= Workload::kMultiget8 && workload <= Workload::kMultiget128;
    if constexpr (requires { Store::kOnlyBatches; }) {
      if (!batch && workload != Workload::kLoad) return Store::kOnlyBatches;
    }
    if constexpr (requires { store_.WhyNot(workload); }) {
      if (std::string reason = store_.WhyNot(workload); !reason.empty()) return reason;
    }
    const bool walks = workload == Workload::kSeek50 || workload == Workload::kScanRows ||
                       workload == Workload::kScanColumns || workload == Workload::kYcsbE;
    if (walks && !HasWalk<Reader>) return "no order";
    if constexpr (requires { Store::kColumns; }) {
      if (workload == Workload::kScanColumns && !HasWalkColumns<Reader>) return "no column scan";
    }
    if (IsOpen(workload) && !Store::kOnDisk) return "in memory";
    if constexpr (!requires(Store & s) { s.TimeTrain(KeySpan()); }) {
      if (workload == Workload::kTrain) return "no model";
    }
    if (IsStages(workload) && !kHasStages) return "only kyro's";
    if constexpr (!requires { typename Store::Session; }) {
      if (IsYcsb(workload) && workload != Workload::kYcsbC) return "static";
    }
    return "";
  }

  Outcome Run(Workload workload, const Queries& queries) override {
    Outcome outcome;
    if (IsYcsb(workload)) {
      RunYcsb(workload, queries, &outcome);
    } else if (workload == Workload::kThreads2) {
      RunThreads(queries, &outcome);
    } else if (workload == Workload::kTrain) {
      if constexpr (requires(Store & s) { s.TimeTrain(KeySpan()); }) {
        outcome.nanos = store_.TimeTrain(*queries.sorted);
        outcome.ops = outcome.verified = queries.sorted->size();
      }
    } else {
      RunReads(workload, queries, &outcome);
    }
    return outcome;
  }

  std::vector<Outcome> RunStages(Workload workload, const Queries& queries) override {
    if constexpr (kHasStages) {
      return store_.TimeStages(workload, queries, values_);
    } else {
      Give("a workload that is not offered");
    }
  }

  Facts facts() override {
    if constexpr (requires(Store & store) { store.facts(); }) return store_.facts();
    return {};
  }
  bool on_disk() const override { return Store::kOnDisk; }

 private:
  static constexpr bool kHasStages = requires(Store & store, const Queries& q, const Values& v) {
    store.TimeStages(Workload::kStages, q, v);
  };

  std::uint64_t Read(Workload workload, Reader& reader, const Queries& q) {
    switch (workload) {
      case Workload::kGetHit:
        return Hits(reader, q.keys, values_);
      case Workload::kGetMiss:
        return Misses(reader, q.keys);
      case Workload::kGetMixed:
        return Mixed(reader, q.keys, q.hits, values_);
      case Workload::kGetDependent:
        return Dependent(reader, q.keys, values_);
      case Workload::kMultiget8:
        return Batches(reader, q.keys, 8, values_);
      case Workload::kMultiget32:
        return Batches(reader, q.keys, 32, values_);
      case Workload::kMultiget128:
        return Batches(reader, q.keys, 128, values_);
      default:
        break;
    }
    if constexpr (HasWalk<Reader>) {
      if (workload == Workload::kSeek50) return Seeks(reader, q.keys, q.seek_rows, values_);
      if constexpr (HasWalkColumns<Reader>) {
        if (workload == Workload::kScanColumns) return ScanAll<true>(reader, q.rows, values_);
      }
      return ScanAll<false>(reader, q.rows, values_);
    }
    Give("a workload that is not offered");
  }

  void RunReads(Workload workload, const Queries& queries, Outcome* outcome) {
    Reader reader(store_);
    std::uint64_t wrong = 0;
    outcome->nanos = TimeNanos([&] { wrong = Read(workload, reader, queries); });
    const bool scan = workload == Workload::kScanRows || workload == Workload::kScanColumns;
    outcome->ops = scan ? queries.rows : queries.keys.size();
    outcome->verified =
        workload == Workload::kSeek50 ? queries.seek_rows * outcome->ops : outcome->ops;
    if (wrong != 0) outcome->wrong = scan ? "a row of the scan" : FirstWrong(workload, queries);
  }

  // Which key it was, found one by one.
  std::string FirstWrong(Workload workload, const Queries& queries) {
    Reader reader(store_);
    for (std::size_t i = 0; i < queries.keys.size(); ++i) {
      const std::uint64_t key = queries.keys[i];
      const std::string_view value = reader.Get(key);
      const bool want = workload != Workload::kGetMiss && (queries.hits.empty() || queries.hits[i]);
      const bool right = want ? values_.Difference(key, value) == 0 : value.data() == nullptr;
      if (!right) return fmt::format("the answer for key {}", key);
    }
    return "an answer that is right when asked for alone";
  }

  void RunYcsb(Workload workload, const Queries& queries, Outcome* outcome) {
    outcome->ops = queries.ycsb.size();
    std::uint64_t wrong = 0;
    const auto run = [&](auto& session) {
      outcome->nanos =
          TimeNanos([&] { wrong = Ycsb(session, queries.ycsb, values_, &outcome->verified); });
    };
    if constexpr (requires { typename Store::Session; }) {
      typename Store::Session session(store_);
      run(session);
    } else {
      struct Static : Reader {
        using Reader::Reader;
        void Put(std::uint64_t, std::string_view) {}
      } session(store_);
      run(session);
    }
    if (wrong != 0) outcome->wrong = fmt::format("a read of {}", WorkloadName(workload));
  }

  // Both threads do as much as one alone does before. All three find in caches what the one before
  // them left there, the first what an untimed round did, and the two are at different keys at any
  // time: neither fetches for the other.
  void RunThreads(const Queries& queries, Outcome* outcome) {
    const KeySpan keys = queries.keys;
    const std::size_t half = keys.size() / 2;
    std::uint64_t wrong[3] = {};
    Reader alone(store_);
    wrong[2] = Hits(alone, keys, values_);
    const double one = TimeNanos([&] { wrong[2] |= Hits(alone, keys, values_); });
    outcome->nanos = TimeTwoThreads([&](int i) {
      return [&, i, reader = std::make_unique<Reader>(store_)] {
        const std::size_t from = i == 0 ? 0 : half;
        wrong[i] = Hits(*reader, keys.subspan(from), values_);
        wrong[i] |= Hits(*reader, keys.first(from), values_);
      };
    });
    outcome->ops = 2 * queries.keys.size();
    outcome->verified = 3 * queries.keys.size();
    outcome->scaling = 2 * one / outcome->nanos;
    if ((wrong[0] | wrong[1] | wrong[2]) != 0) outcome->wrong = "an answer to one of two threads";
  }

  Values values_;
  Store store_;
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_ENGINE_OF_H_
