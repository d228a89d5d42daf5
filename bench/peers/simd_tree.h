// SPDX-License-Identifier: Apache-2.0
//
// The levels of the static SIMD tree (simd_tree.cc, which is compiled once per target).
#ifndef KYRO_BENCH_PEERS_SIMD_TREE_H_
#define KYRO_BENCH_PEERS_SIMD_TREE_H_

#include <cstddef>
#include <cstdint>

namespace kyro::bench {

inline constexpr std::size_t kNodeKeys = 16;
inline constexpr std::size_t kTreeLevelsMax = 16;  // 17^16 nodes: more than there can be

struct TreeLevels {
  const std::uint64_t* keys[kTreeLevelsMax] = {};  // lowest first; whole nodes, padded with 2^64-1
  const std::uint64_t* words = nullptr;            // values
  std::size_t count = 0;
};

// Of one target.
struct TreeKernels {
  // The first position in the lowest level whose key is not below `key`.
  std::size_t (*lower_bound)(const TreeLevels& levels, std::uint64_t key);
  void (*lower_bounds)(const TreeLevels& levels, const std::uint64_t* queries, std::size_t count,
                       std::size_t* positions);
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_SIMD_TREE_H_
