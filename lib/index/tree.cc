// SPDX-License-Identifier: Apache-2.0
#include "index/tree.h"

namespace kyro::index {

TreeShape ShapeOfTree(std::uint64_t blocks) noexcept {
  TreeShape shape;
  std::uint64_t reach = kTreeFanout;  // blocks that `levels` levels can tell apart
  shape.levels = 1;
  for (; reach < blocks; reach *= kTreeFanout) ++shape.levels;
  for (std::uint32_t level = 0; level < shape.levels; ++level) {
    // `reach` is here the number of blocks below one node of this level.
    shape.level_nodes[level] =
        level <= 2 ? (blocks + reach - 1) / reach : kTreeFanout * shape.level_nodes[level - 1];
    shape.words += shape.level_nodes[level] * kTreeNodeWords;
    reach /= kTreeFanout;
  }
  return shape;
}

void FillTree(std::span<const std::uint64_t> keys, std::uint64_t block_keys, const TreeShape& shape,
              std::span<std::uint64_t> words) noexcept {
  std::uint64_t child_blocks = 1;  // blocks below one child of a node of the current level
  for (std::uint32_t level = 1; level < shape.levels; ++level) child_blocks *= kTreeFanout;
  std::uint64_t* out = words.data();
  for (std::uint32_t level = 0; level < shape.levels; ++level) {
    for (std::uint64_t node = 0; node < shape.level_nodes[level]; ++node) {
      for (std::uint64_t lane = 0; lane < kTreeNodeWords; ++lane) {
        const std::uint64_t block = (node * kTreeFanout + lane + 1) * child_blocks;
        *out++ = SeparatorBefore(keys, block, block_keys);
      }
    }
    child_blocks /= kTreeFanout;
  }
}

}  // namespace kyro::index
