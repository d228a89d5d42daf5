// SPDX-License-Identifier: Apache-2.0
//
// The implicit 17-ary tree over the 32-key blocks of a key column.
//
// Block b holds the keys [32 b, 32 b + 32). The separator before block b is the last key of block
// b - 1, so the block of a key's lower bound is the number of separators below the key; that holds
// beside duplicates too, which it would not if separators were the blocks' first keys. A tree node
// is 16 separators, two cache lines; its 17 children share the rest, so the separators of all
// levels together are one per block: 0.25 bytes per key.
//
// A root tree stores its levels one after another, top first, each padded with 2^64-1 (which no
// key exceeds, so padding never counts). Levels 1 and 2 have just the nodes that blocks need and a
// lookup clamps its node number there; from level 3 on every child of the level above has storage,
// so no damaged separator can lead outside and the longer levels need no clamp (C3). That costs at
// most 1/18 of the tree.
//
// Nodes of 24 separators, three lines, save a level at ten million keys; that gained 3% of a
// dependent lookup, nothing of an independent one, and lost 6% of a batched one.
#ifndef KYRO_INDEX_TREE_H_
#define KYRO_INDEX_TREE_H_

#include <cstdint>
#include <span>

#include "index/format.h"

namespace kyro::index {

inline constexpr std::uint64_t kNoSeparator = ~std::uint64_t{0};

struct TreeShape {
  std::uint32_t levels = 0;
  std::uint64_t level_nodes[kTreeLevelsMax] = {};
  std::uint64_t words = 0;
};

constexpr std::uint64_t BlocksOf(std::uint64_t keys) noexcept {
  return (keys + kBlockKeys - 1) / kBlockKeys;
}

// The shape of a root tree over `blocks` blocks, at least one.
TreeShape ShapeOfTree(std::uint64_t blocks) noexcept;

// Writes the separators of a root tree of that shape over blocks of `block_keys` of the `keys`.
void FillTree(std::span<const std::uint64_t> keys, std::uint64_t block_keys, const TreeShape& shape,
              std::span<std::uint64_t> words) noexcept;

// The separator before `block`, or kNoSeparator if there is no such block.
inline std::uint64_t SeparatorBefore(std::span<const std::uint64_t> keys, std::uint64_t block,
                                     std::uint64_t block_keys = kBlockKeys) noexcept {
  return block * block_keys < keys.size() ? keys[block * block_keys - 1] : kNoSeparator;
}

}  // namespace kyro::index

#endif  // KYRO_INDEX_TREE_H_
