// SPDX-License-Identifier: Apache-2.0
//
// Key sets that break learned indexes, each as a sorted column. All are deterministic.
#ifndef KYRO_TESTS_INDEX_KEY_SETS_H_
#define KYRO_TESTS_INDEX_KEY_SETS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kyro::index {

struct KeySet {
  std::string name;
  std::vector<std::uint64_t> keys;
  bool duplicates = false;
};

using Keys = std::vector<std::uint64_t>;

// A small fast generator of random words, the same on every standard library.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint64_t Below(std::uint64_t bound) { return Next() % bound; }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  double Normal();

 private:
  std::uint64_t state_;
};

Keys UniformKeys(std::size_t count, std::uint64_t seed);
// Cells of a Hilbert curve that random fractal coasts pass through.
Keys CoastlineKeys(std::size_t count, std::uint64_t seed);
Keys LognormalKeys(std::size_t count, std::uint64_t seed);
Keys ClumpKeys(std::size_t count, std::uint64_t seed);  // clumps of 15-19 consecutive keys
Keys ClumpsOfClumpsKeys(std::size_t count, std::uint64_t seed);
Keys PoisonedKeys(std::size_t count, std::uint64_t seed);  // greedy poisoning of a smooth set

// The tiny and degenerate sets.
std::vector<KeySet> EdgeSets();
// About `count` keys each.
std::vector<KeySet> LargeSets(std::size_t count);

}  // namespace kyro::index

#endif  // KYRO_TESTS_INDEX_KEY_SETS_H_
