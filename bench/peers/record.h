// SPDX-License-Identifier: Apache-2.0
//
// One measurement: a line of NDJSON, and what tables are made of.
#ifndef KYRO_BENCH_PEERS_RECORD_H_
#define KYRO_BENCH_PEERS_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "bench/peers/engine.h"

namespace kyro::bench {

struct Record {
  std::string section;
  EngineName engine;
  Workload workload = Workload::kLoad;
  std::string dataset;
  std::size_t n = 0;
  ValueShape shape;
  int repeat = 0;  // from 1
  Outcome outcome;
  std::uint64_t bytes_on_disk = 0;
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t seed = 0;
  Facts facts;

  double ns_per_op() const {
    return outcome.ops == 0 ? 0 : outcome.nanos / static_cast<double>(outcome.ops);
  }
};

// Collects records and writes each to a file at once.
class Results {
 public:
  // An empty path: no file. Throws if it cannot be written.
  explicit Results(const std::string& path);
  void Add(Record record);
  const std::vector<Record>& all() const { return all_; }

 private:
  std::vector<Record> all_;
  std::ofstream file_;
  std::string machine_;
};

// Of the values that are there; nothing if there are none.
std::optional<double> Median(std::vector<double> values);

// The section's medians, ratios to kyro and spreads, on standard output, 80 columns.
void PrintSection(const Results& results, const std::string& section);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_RECORD_H_
