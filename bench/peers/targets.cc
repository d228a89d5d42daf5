// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace kyro::bench {
namespace {

using W = Workload;
using Measured = std::optional<double>;

class Table {
 public:
  Table(const Results& results, std::string dataset)
      : results_(results), dataset_(std::move(dataset)) {}

  // What `of` makes of the section's records of one engine and workload: the median.
  Measured Of(const std::string& section, const std::string& engine, Workload workload,
              const std::function<Measured(const Record&)>& of) const {
    std::vector<double> values;
    for (const Record& record : results_.all()) {
      if (record.section != dataset_ + "/" + section || record.engine.text() != engine) continue;
      if (record.workload != workload || !record.outcome.not_offered.empty()) continue;
      if (const Measured value = of(record)) values.push_back(*value);
    }
    return Median(values);
  }
  Measured Nanos(const std::string& section, const std::string& engine, Workload workload) const {
    return Of(section, engine, workload, [](const Record& r) { return Measured(r.ns_per_op()); });
  }
  // How many times faster kyro is: time of `peer` by time of `kyro`.
  Measured Faster(const std::string& section, Workload workload, const std::string& kyro,
                  const std::string& peer) const {
    return Ratio(Nanos(section, peer, workload), Nanos(section, kyro, workload));
  }
  Measured Slower(const std::string& section, Workload workload, const std::string& kyro,
                  const std::string& peer) const {
    return Ratio(Nanos(section, kyro, workload), Nanos(section, peer, workload));
  }
  static Measured Ratio(Measured a, Measured b) {
    return a && b && *b > 0 ? Measured(*a / *b) : std::nullopt;
  }

  // In kyro's states: by default, after Warm, after Warm into huge pages.
  struct Reached {
    Measured value, warm, huge;
  };
  template <class Measure>
  static Reached InStates(Measure measure) {
    return {measure("kyro"), measure("kyro:warm"), measure("kyro:huge")};
  }
  void Print(const std::string& name, bool at_least, double target, const Reached& reached,
             const char* unit = "x") const {
    const auto text = [&](Measured value) {
      return value ? fmt::format("{:.2f}{}", *value, unit) : std::string("-");
    };
    const char* verdict = "-";  // not measured
    if (const Measured value = reached.value) {
      verdict = (at_least ? *value >= target : *value <= target) ? "met" : "missed";
    }
    fmt::print("{:<38.38} {} {:>7} {:>7} {:>7} {:>7} {:>6}\n", name,
               at_least ? ">=" : "<=", fmt::format("{:.4g}{}", target, unit), text(reached.value),
               text(reached.warm), text(reached.huge), verdict);
  }
  // A row that says how many times faster kyro is, or else which part of the peer's time it takes.
  void Compare(const std::string& name, const std::string& section, Workload workload,
               const std::string& peer, bool at_least, double target) const {
    const auto ratio = at_least ? &Table::Faster : &Table::Slower;
    Print(name, at_least, target, InStates([&](const char* kyro) {
            return (this->*ratio)(section, workload, kyro, peer);
          }));
  }

 private:
  const Results& results_;
  std::string dataset_;
};

std::function<Measured(const Record&)> Fact(const std::string& name) {
  return [name](const Record& record) -> Measured {
    const auto at = record.facts.find(name);
    if (at == record.facts.end()) return std::nullopt;
    return at->second;
  };
}

// Bytes of the segments without their models, per key.
Measured DataBytesPerKey(const Record& record) {
  const Measured segments = Fact("segment_bytes")(record), models = Fact("model_bytes")(record);
  if (!segments || !models) return std::nullopt;
  return (*segments - *models) / static_cast<double>(record.n);
}

void PrintGets(const Table& table, bool coast) {
  table.Compare("get_hit, against LMDB", "gets", W::kGetHit, "lmdb", true, coast ? 8 : 10);
  table.Compare("get_hit, against RocksDB", "lsm", W::kGetHit, "rocksdb", true, coast ? 18 : 22);
  table.Compare("get_hit, against LevelDB", "lsm", W::kGetHit, "leveldb", true, coast ? 18 : 22);
  table.Compare("get_hit, of flat_hash_map's time", "gets", W::kGetHit, "flat_hash_map", false,
                coast ? 2.3 : 1.6);
  table.Compare("get_dependent, of flat_hash_map's time", "gets", W::kGetDependent, "flat_hash_map",
                false, coast ? 1.1 : 1);
  const auto miss = [&](const char* kyro) {
    return Table::Ratio(table.Nanos("gets", kyro, W::kGetMiss),
                        table.Nanos("gets", kyro, W::kGetHit));
  };
  table.Print("get_miss, of get_hit's time", false, 1, Table::InStates(miss));
  table.Compare("get_hit, 100-byte values, against LMDB", "values_100", W::kGetHit, "lmdb", true,
                coast ? 5 : 6);
  table.Compare("multiget_32, against LMDB", "gets", W::kMultiget32, "lmdb", true, coast ? 25 : 28);
  table.Compare("multiget_32, of flat_hash_map's time", "gets", W::kMultiget32, "flat_hash_map",
                false, 0.7);
  table.Compare("  of its time with its own prefetch", "gets", W::kMultiget32,
                "flat_hash_map_prefetch", false, 1.1);
}

void PrintTheRest(const Table& table, bool coast) {
  table.Compare("scan_rows, against LMDB's cursor", "gets", W::kScanRows, "lmdb", true, 3);
  table.Compare("scan_columns, against LMDB's cursor", "gets", W::kScanColumns, "lmdb", true, 8);
  const auto scaling = [&](const char* engine) {
    return table.Of("gets", engine, W::kThreads2,
                    [](const Record& r) { return Measured(r.outcome.scaling); });
  };
  table.Print("two threads, of sorted_array's scaling", true, 0.95,
              Table::InStates([&](const char* kyro) {
                return Table::Ratio(scaling(kyro), scaling("sorted_array"));
              }));
  table.Print("model, bytes per key", false, coast ? 0.3 : 0.15,
              {.value = table.Of("gets", "kyro", W::kGetHit, Fact("model_bytes_per_key"))}, "");
  const Measured fixed = table.Of("gets", "kyro", W::kGetHit, DataBytesPerKey);
  table.Print("disk without model, 8-byte values, raw", false, 1.03,
              {.value = Table::Ratio(fixed, Measured(16))});
  const Measured more = table.Of("variable", "kyro", W::kGetHit, [](const Record& r) -> Measured {
    const Measured all = DataBytesPerKey(r), raw = Fact("raw_bytes_per_key")(r);
    return all && raw ? Measured(*all - *raw) : std::nullopt;
  });
  table.Print("  variable values, bytes over raw", false, 4.5, {.value = more}, "");
  table.Print("training and validation, ns per key", false, coast ? 6 : 3,
              {.value = table.Nanos("gets", "kyro", W::kTrain)}, "");
  table.Print("bulk load, against LMDB's unsynced", true, 1.5,
              {.value = table.Faster("load", W::kLoad, "kyro", "lmdb")});
  const auto milliseconds = [](Measured nanos) {
    return nanos ? Measured(*nanos / 1e6) : std::nullopt;
  };
  table.Print("clean open and first get, ms", false, 10,
              {.value = milliseconds(table.Nanos("gets", "kyro", W::kOpenWarm))}, "");
  table.Print("  with 5 times the keys, ms", false, 10,
              {.value = milliseconds(table.Nanos("times_5", "kyro", W::kOpenWarm))}, "");
  table.Print("get_hit, delta over 3 runs, of folded", false, 1.6,
              {.value = table.Slower("gets", W::kGetHit, "kyro:delta", "kyro")});
}

void PrintBeside(const Table& table) {
  for (const char* peer : {"lmdb", "flat_hash_map"}) {
    const Measured ratio = table.Faster("times_5", W::kGetHit, "kyro", peer);
    if (ratio) fmt::print("5 times the keys: get_hit {:.2f}x faster than {}\n", *ratio, peer);
  }
}

}  // namespace

void PrintTargets(const Results& results, const std::string& dataset) {
  const Table table(results, dataset);
  const bool coast = dataset == "coastline";
  fmt::print("\ntargets, {}\n", dataset);
  fmt::print("{:<38} {:>10} {:>7} {:>7} {:>7} {:>6}\n", "kyro's", "target", "default", "warm",
             "huge", "");
  PrintGets(table, coast);
  PrintTheRest(table, coast);
  PrintBeside(table);
  std::fflush(stdout);
}

}  // namespace kyro::bench
