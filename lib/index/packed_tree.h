// SPDX-License-Identifier: Apache-2.0
//
// The tree whose lowest level is packed: blocks of one cache line of keys, and the 32 separators of
// a node in one line too, each as its distance from the node's low end in 16 bits (a frame of
// reference). A lookup reads a line of the model, one of keys and one of values, where the plain
// tree of tree.h reads two, two to four and one to four, at about the same bytes per key.
//
//   17-ary tree over groups (tree.h) | a line, and ends, 16 to a group | nodes, 16 to a group, and
//   one
//
// A node is 33 blocks, 264 keys. Its end is its last key; its distances are counted from the end
// before it, from the least key in the first node, whose predecessor's end is that. So two
// neighbours in the column of ends give their unit, which is stored nowhere. Behind the last node,
// up to a multiple of kGroupNodes, ends are 2^64-1 and nodes are empty.
//
// Rounding is downward, so a lookup never goes too far, but it may stop before a separator that its
// key shares a unit with. Such a key, a *missed* one, lies in a later block of the node; training
// counts them and how far off they are, and where they are many (clumps of consecutive keys far
// from each other) the plain tree is built instead.
//
// Tried beside it, 10 million keys of the shoreline, all in one run, independent / dependent /
// batches of 32 (bytes per key): this 130 / 379 / 47 ns (0.27); separators of 32 bits over blocks
// of two lines, which miss nothing, 135 / 391 / 55 (0.27); of 16 bits over two lines 126 / 365 / 57
// (0.14); the plain tree over four lines 150 / 433 / 71 (0.25).
#ifndef KYRO_INDEX_PACKED_TREE_H_
#define KYRO_INDEX_PACKED_TREE_H_

#include <cstdint>
#include <span>

#include "index/format.h"
#include "index/tree.h"

namespace kyro::index {

struct PackedShape {
  TreeShape above;           // over groups
  std::uint64_t groups = 0;  // one more node than keys need is always there
  std::uint64_t ends = 0;    // word of the first node's end; the line before it holds the least key
  std::uint64_t nodes = 0;   // first word of the nodes
  std::uint64_t words = 0;
};

PackedShape ShapeOfPackedTree(std::uint64_t keys) noexcept;

// Writes the tree over `keys`; `words` has the shape's size and is zero. Returns how many keys are
// missed. Gives up, the words half written, once they are more than `missed_max`.
std::uint64_t FillPackedTree(std::span<const std::uint64_t> keys, std::uint64_t missed_max,
                             std::span<std::uint64_t> words) noexcept;

}  // namespace kyro::index

#endif  // KYRO_INDEX_PACKED_TREE_H_
