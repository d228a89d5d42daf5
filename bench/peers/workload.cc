// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/workload.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "bench/peers/datasets.h"

namespace kyro::bench {
namespace {

constexpr std::string_view kNames[kWorkloads] = {
    "load",         "get_hit",     "get_miss",     "get_mixed",      "get_dependent",
    "multiget_8",   "multiget_32", "multiget_128", "seek_50",        "scan_rows",
    "scan_columns", "threads_2",   "train",        "stages",         "stages_dependent",
    "stages_batch", "stages_scan", "stages_train", "stages_threads", "open_warm",
    "open_cold",    "ycsb_a",      "ycsb_b",       "ycsb_c",         "ycsb_d",
    "ycsb_e",       "ycsb_f"};

// `count` present keys, in random order with repetitions, of the first `among`.
std::vector<std::uint64_t> PresentKeys(const std::vector<std::uint64_t>& sorted, std::size_t among,
                                       std::size_t count, Numbers* numbers) {
  std::vector<std::uint64_t> keys(count);
  for (std::uint64_t& key : keys) key = sorted[numbers->Below(among)];
  return keys;
}

}  // namespace

std::string_view WorkloadName(Workload workload) {
  return kNames[static_cast<std::size_t>(workload)];
}

std::optional<Workload> WorkloadNamed(std::string_view name) {
  const auto* const at = std::find(std::begin(kNames), std::end(kNames), name);
  if (at == std::end(kNames)) return std::nullopt;
  return static_cast<Workload>(at - std::begin(kNames));
}

std::vector<std::uint64_t> AbsentKeys(const std::vector<std::uint64_t>& sorted, std::size_t count,
                                      std::uint64_t seed) {
  Numbers numbers(seed);
  const std::uint64_t low = sorted.front(), width = sorted.back() - low;
  std::vector<std::uint64_t> absent;
  // A run of consecutive keys has few neighbours: what is drawn in vain is drawn again elsewhere.
  for (std::size_t round = 0; round < 20 && absent.size() < count; ++round) {
    for (std::size_t i = absent.size(); i < count + count / 16 + 8; ++i) {
      const bool near = (i + round) % 2 == 0 || width == 0;
      const std::uint64_t key =
          near ? sorted[numbers.Below(sorted.size())] + 1 + round / 4 : low + numbers.Below(width);
      if (!std::binary_search(sorted.begin(), sorted.end(), key)) absent.push_back(key);
    }
    std::sort(absent.begin(), absent.end());
    absent.erase(std::unique(absent.begin(), absent.end()), absent.end());
  }
  Shuffle(&absent, &numbers);
  if (absent.size() > count) absent.resize(count);
  return absent;
}

Queries MakeQueries(Workload workload, const std::vector<std::uint64_t>& sorted, std::size_t count,
                    std::uint64_t seed) {
  Numbers numbers(seed);
  Queries queries;
  queries.rows = sorted.size();
  queries.sorted = &sorted;
  queries.seek_rows = std::min(kSeekRows, sorted.size());
  switch (workload) {
    case Workload::kGetMiss:
      queries.keys = AbsentKeys(sorted, count, seed);
      break;
    case Workload::kGetMixed: {
      const std::vector<std::uint64_t> absent = AbsentKeys(sorted, (count + 1) / 2, seed);
      for (std::size_t i = 0, next = 0; i < count; ++i) {
        const bool hit = (numbers.Next() & 1) != 0 || next == absent.size();
        queries.hits.push_back(hit);
        queries.keys.push_back(hit ? sorted[numbers.Below(sorted.size())] : absent[next++]);
      }
      break;
    }
    case Workload::kSeek50:
      queries.keys =
          PresentKeys(sorted, sorted.size() - queries.seek_rows + 1, count / 10 + 1, &numbers);
      break;
    default:
      queries.keys = PresentKeys(sorted, sorted.size(), count, &numbers);
  }
  return queries;
}

}  // namespace kyro::bench
