// SPDX-License-Identifier: Apache-2.0
//
// The sets of keys, each made anew from a seed.
#ifndef KYRO_BENCH_PEERS_DATASETS_H_
#define KYRO_BENCH_PEERS_DATASETS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/bench.h"

namespace kyro::bench {

// A repeatable stream of numbers.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) noexcept : state_(Mix(seed + 1)) {}
  std::uint64_t Next() noexcept { return Mix(state_ += 0x9e3779b97f4a7c15u); }
  // Below `bound`, which is not 0.
  std::uint64_t Below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(Next()) * bound >> 64);
  }
  double Unit() noexcept { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  double Normal();

 private:
  std::uint64_t state_;
};

template <class T>
void Shuffle(std::vector<T>* items, Numbers* numbers) {
  for (std::size_t i = items->size(); i > 1; --i) {
    std::swap((*items)[i - 1], (*items)[numbers->Below(i)]);
  }
}

// Ascending keys, each once; or why there are none.
struct Dataset {
  std::vector<std::uint64_t> keys;
  std::string reason;  // empty if there are keys
};

// Exactly `count` keys of one of
//   uniform     any 64-bit numbers
//   gaps        multiples of 1000, each moved by at most 255
//   lognormal   e^(2 normal) 10^12: dense in the middle
//   clumped     clumps of 15 to 19 consecutive keys
//   poisoned    per 900 uniform keys 100 more, each where the error of a linear fit grows most
//   coastline   Hilbert cells of the world's shoreline points: the first of a seeded shuffle
//   sosd:FILE   a file of the SOSD benchmark: a 64-bit count, the keys; a seeded choice of them
// A set that has fewer, or whose source is not there, has none, and the reason says so. Throws
// for an unknown name.
Dataset MakeDataset(const std::string& name, std::size_t count, std::uint64_t seed);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_DATASETS_H_
