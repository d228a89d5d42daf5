// SPDX-License-Identifier: Apache-2.0
//
// Runs one section of a benchmark: some engines, one data set, some workloads, interleaved.
#ifndef KYRO_BENCH_PEERS_RUNNER_H_
#define KYRO_BENCH_PEERS_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/peers/engine.h"
#include "bench/peers/record.h"

namespace kyro::bench {

struct Section {
  std::string name;
  std::string dataset = "uniform";
  std::size_t n = 10000000;
  ValueShape shape;
  std::vector<EngineName> engines;
  std::vector<Workload> workloads;
  int repeats = 5;
  std::uint64_t seed = 1;
  std::size_t ops = 1000000;  // lookups per run; cursor and YCSB workloads do a tenth
  std::string directory;      // there; what the section makes in it is removed
  std::string plant;          // name of the engine that gets one wrong value
};

// Repeat 1: every engine runs the first workload once, then the second, and so on; repeat 2 begins
// with another engine. Workloads that change the data come last, and opening right before them.
// Returns whether every answer was right. Errors are thrown.
bool RunSection(const Section& section, Results* results);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_RUNNER_H_
