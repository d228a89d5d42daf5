// SPDX-License-Identifier: Apache-2.0
//
// What engines are asked to do, and the questions, which are made before time is taken and are the
// same for all engines of a repeat.
#ifndef KYRO_BENCH_PEERS_WORKLOAD_H_
#define KYRO_BENCH_PEERS_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/peers/ycsb.h"

namespace kyro::bench {

enum class Workload : std::uint8_t {
  kLoad,          // ascending rows into nothing, until they are as durable as settings.h says
  kGetHit,        // independent lookups of present keys: throughput
  kGetMiss,       // absent keys: half right behind a present one, half anywhere
  kGetMixed,      // half and half
  kGetDependent,  // each key depends on the last result: latency
  kMultiget8,     // present keys in batches; one by one where there is no such call
  kMultiget32,
  kMultiget128,
  kSeek50,       // seek to a present key, read 50 rows
  kScanRows,     // all rows in order, through the row cursor
  kScanColumns,  // all rows in order, through the fastest way there is; peers: their cursor
  kThreads2,     // get_hit by two threads, beside one
  kTrain,        // training and validating kyro's model, per key
  kStages,       // get_hit, cut off after one stage after the other; several outcomes
  kStagesDependent,
  kStagesBatch,  // the same of multiget_32, of the scans, and of training
  kStagesScan,
  kStagesTrain,
  kStagesThreads,  // and of get_hit by two threads
  kOpenWarm,       // open a database that was closed in order, one get
  kOpenCold,       // the same after its files left the page cache
  kYcsbA,          // the YCSB core workloads, zipf 0.99
  kYcsbB,
  kYcsbC,
  kYcsbD,
  kYcsbE,
  kYcsbF,
};
inline constexpr int kWorkloads = static_cast<int>(Workload::kYcsbF) + 1;

std::string_view WorkloadName(Workload workload);
std::optional<Workload> WorkloadNamed(std::string_view name);

inline bool IsYcsb(Workload workload) {
  return workload >= Workload::kYcsbA;
}
inline bool IsOpen(Workload workload) {
  return workload == Workload::kOpenWarm || workload == Workload::kOpenCold;
}

inline bool IsStages(Workload workload) {
  return workload >= Workload::kStages && workload <= Workload::kStagesThreads;
}

inline constexpr std::size_t kSeekRows = 50;

struct Queries {
  std::vector<std::uint64_t> keys;  // what is asked for, in this order
  std::vector<std::uint8_t> hits;   // get_mixed: whether keys[i] is there
  std::vector<YcsbOp> ycsb;         // the YCSB workloads
  std::size_t rows = 0;             // that the engine holds: what a scan must see
  std::size_t seek_rows = 0;        // that follow each sought key
  const std::vector<std::uint64_t>* sorted = nullptr;  // the keys that were loaded
};

// `count` questions of `workload` about `sorted`. YCSB's are made by MakeYcsb.
Queries MakeQueries(Workload workload, const std::vector<std::uint64_t>& sorted, std::size_t count,
                    std::uint64_t seed);

// `count` different absent keys, in no order: half right behind a present key, half anywhere
// between the smallest and the largest. Fewer, if there are no more.
std::vector<std::uint64_t> AbsentKeys(const std::vector<std::uint64_t>& sorted, std::size_t count,
                                      std::uint64_t seed);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_WORKLOAD_H_
