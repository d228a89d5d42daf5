// SPDX-License-Identifier: Apache-2.0
#include "index/packed_tree.h"

#include <algorithm>
#include <cstring>

#include "index/ahead.h"
#include "index/core.h"

namespace kyro::index {
namespace {

constexpr std::uint64_t NodesOf(std::uint64_t keys) noexcept {
  return (keys + kPackedNodeKeys - 1) / kPackedNodeKeys;
}

// The separators of one node, the keys from `first` on. Returns how many of them are missed.
std::uint64_t FillNode(std::span<const std::uint64_t> keys, std::uint64_t first, PackedUnit unit,
                       std::uint16_t* lanes) noexcept {
  const std::uint64_t end = std::min<std::uint64_t>(first + kPackedNodeKeys, keys.size());
  std::uint64_t missed = 0;
  for (std::uint64_t block = first + kPackedBlockKeys; block < end; block += kPackedBlockKeys) {
    PrefetchAhead(&keys[block]);
    const std::uint64_t separator = keys[block - 1];
    *lanes = unit.DistanceOf(separator);
    const std::uint64_t stop = std::min<std::uint64_t>(block + kPackedBlockKeys, end);
    for (std::uint64_t i = block; i < stop && unit.DistanceOf(keys[i]) == *lanes; ++i) {
      missed += keys[i] != separator ? 1 : 0;  // of equal keys the first is looked for
    }
    ++lanes;
  }
  return missed;
}

}  // namespace

PackedShape ShapeOfPackedTree(std::uint64_t keys) noexcept {
  PackedShape shape;
  shape.groups = NodesOf(keys) / kGroupNodes + 1;
  shape.above = ShapeOfTree(shape.groups);
  shape.ends = shape.above.words + kLineKeys;
  shape.nodes = shape.ends + shape.groups * kGroupNodes;
  shape.words = shape.nodes + (shape.groups * kGroupNodes + 1) * kPackedNodeWords;
  return shape;
}

std::uint64_t FillPackedTree(std::span<const std::uint64_t> keys, std::uint64_t missed_max,
                             std::span<std::uint64_t> words) noexcept {
  const PackedShape shape = ShapeOfPackedTree(keys.size());
  const std::uint64_t nodes = NodesOf(keys.size());
  std::uint64_t* const ends = words.data() + shape.ends;
  std::fill(ends, words.data() + shape.nodes, kNoSeparator);
  ends[-1] = keys.front();
  for (std::uint64_t node = 0; node < nodes; ++node) {
    ends[node] = keys[std::min<std::uint64_t>((node + 1) * kPackedNodeKeys, keys.size()) - 1];
  }
  std::uint64_t missed = 0;
  for (std::uint64_t node = 0; node <= shape.groups * kGroupNodes; ++node) {
    std::uint16_t lanes[kPackedLanes];
    std::fill_n(lanes, kPackedLanes, kNoDistance);
    if (node < nodes) {
      const PackedUnit unit(ends[static_cast<std::ptrdiff_t>(node) - 1], ends[node]);
      missed += FillNode(keys, node * kPackedNodeKeys, unit, lanes);
      if (missed > missed_max) return missed;
    }
    std::memcpy(words.data() + shape.nodes + node * kPackedNodeWords, lanes, sizeof(lanes));
  }
  FillTree(keys, kGroupNodes * kPackedNodeKeys, shape.above, words.first(shape.above.words));
  return missed;
}

}  // namespace kyro::index
