// SPDX-License-Identifier: Apache-2.0
//
// The way of one lookup through a model, written down for `explain` and `report`. The kernels fill
// it in with the functions that lookups call; a lookup itself keeps no such record.
#ifndef KYRO_INDEX_ROUTE_H_
#define KYRO_INDEX_ROUTE_H_

#include <array>
#include <cstdint>

#include "index/core.h"
#include "index/format.h"

namespace kyro::index {

struct Route {
  // What ends the way: nothing learned, an interpolating leaf, a tree below a slot, the root tree,
  // plain or packed.
  enum class End : std::uint8_t { kSearch, kLeaf, kSmallTree, kRootTree, kPackedTree };
  // A linear node, and the slot that it chose.
  struct Step {
    std::uint32_t node = 0;
    std::uint32_t slot = 0;  // counted in the slot section, so of all nodes
  };

  Window window;  // where the lookup begins to look: Model::Predict
  End end = End::kSearch;
  std::uint32_t step_count = 0;   // linear nodes, the root first
  std::uint32_t level_count = 0;  // levels of a tree
  std::array<Step, kNodeDepthMax> steps{};
  // The node that a tree's lookup reads in each level, counted in its level; the top one is 0.
  std::array<std::uint32_t, kTreeLevelsMax> tree_nodes{};
  std::uint32_t leaf_base = 0;   // kLeaf: the first key it can predict
  std::uint32_t leaf_count = 0;  // kLeaf: how many keys it predicts over
  std::uint32_t block = 0;       // trees: the block of window.count keys that they chose

  // What the kernels report.
  void Node(std::uint32_t node, std::uint64_t slot) noexcept {
    if (step_count < kNodeDepthMax) steps[step_count++] = {node, static_cast<std::uint32_t>(slot)};
  }
  void Level(std::uint64_t node) noexcept {
    if (level_count < kTreeLevelsMax) tree_nodes[level_count++] = static_cast<std::uint32_t>(node);
  }
};

// Listens to a lookup that nobody wants written down.
struct NoRoute {
  void Node(std::uint32_t, std::uint64_t) noexcept {}
  void Level(std::uint64_t) noexcept {}
};

}  // namespace kyro::index

#endif  // KYRO_INDEX_ROUTE_H_
