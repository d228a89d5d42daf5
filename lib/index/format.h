// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a model: one position-independent, little-endian blob. docs/format-model.md is the
// same layout in prose; model_format_test.cc compares the two.
//
//   header | nodes | slots | words
//
// Each section starts on a 64-byte boundary of the blob. All numbers are little-endian, which is
// the only byte order kyro builds for.
#ifndef KYRO_INDEX_FORMAT_H_
#define KYRO_INDEX_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "base/coding.h"

namespace kyro::index {

inline constexpr std::uint64_t kModelMagic = 0x0a1a4c444d4f594bu;  // "KYOMDL", 0x1A, LF
inline constexpr std::uint32_t kModelFormatVersion = 0;
// Changes whenever the same bytes would predict another position.
inline constexpr std::uint32_t kModelArithmeticVersion = 1;

inline constexpr std::uint32_t kModelKeysMax = 0x7fffffffu;
inline constexpr std::uint32_t kBlockKeys = 32;   // one probe window of a tree: 4 lines of 8 keys
inline constexpr std::uint32_t kLineKeys = 8;     // keys per 64-byte cache line
inline constexpr std::uint32_t kTreeFanout = 17;  // 16 separators, two cache lines
inline constexpr std::uint32_t kTreeNodeWords = 16;
inline constexpr std::uint32_t kTreeLevelsMax = 7;  // 17^7 blocks of 32 keys exceed kModelKeysMax
// Packed trees: blocks of one line, nodes of 32 separators of 16 bits, one cache line, 16 nodes to
// a group. The tree above tells groups apart, so 17^5 of them are more than enough.
inline constexpr std::uint32_t kPackedBlockKeys = 8;
inline constexpr std::uint32_t kPackedLanes = 32;
inline constexpr std::uint32_t kPackedFanout = kPackedLanes + 1;
inline constexpr std::uint32_t kPackedNodeKeys = kPackedFanout * kPackedBlockKeys;
inline constexpr std::uint32_t kPackedNodeWords = 8;
inline constexpr std::uint32_t kGroupNodes = 16;
inline constexpr std::uint32_t kPackedLevelsMax = 5;  // above the groups
inline constexpr std::uint32_t kNodeDepthMax = 3;
inline constexpr std::uint32_t kProbeLinesMin = 2;
inline constexpr std::uint32_t kProbeLinesMax = 4;
inline constexpr std::uint32_t kErrorBuckets = 32;  // leaf errors 0..31; larger ones are not built
inline constexpr std::size_t kSectionAlignment = 64;

// Fewer keys than this are searched without a model: a probe window must fit into the column.
inline constexpr std::uint32_t kModelKeysMin = 2 * kBlockKeys;

enum class Structure : std::uint32_t {
  kSearch = 0,      // no model: binary search
  kSlots = 1,       // one node, every slot a leaf
  kMixed = 2,       // nodes whose slots are leaves, child nodes or small trees
  kTree = 3,        // one tree over all blocks
  kPackedTree = 4,  // the same over blocks of one line, with a lowest level of 16-bit separators
};

// Why the builder chose the structure.
enum class Reason : std::uint32_t {
  kFewKeys = 0,
  kSmooth = 1,           // slots alone predict well
  kSmoothParts = 2,      // child nodes or small trees repair what the root cannot
  kTooManyTreeKeys = 3,  // more than 30% of the keys would end in trees
  kTooManyBytes = 4,     // slots would exceed the byte bound
  kTooDeep = 5,          // a clump neither three nodes deep nor small enough for a two-level tree
  kCheaper = 6,          // both work; the tree's expected cost is lower
};

// A linear model over the keys [min, min + span]: (key - min) * scale in 128 bits is hi:lo, hi
// selects a slot and lo is the fraction inside it.
struct NodeRecord {
  std::uint64_t min;
  std::uint64_t span;
  std::uint64_t scale;
  std::uint32_t first_slot;
  std::uint32_t slot_count;
};
static_assert(sizeof(NodeRecord) == 32);

// A slot is one word: kind in bits 62-63, then
//   leaf       bits 32-61 count, bits 0-31 base: predict base + mulhi(lo, count)
//   child      bits 0-31 node id, larger than the id of the node that holds the slot
//   tree 1, 2  bits 32-61 first block, bits 0-31 first word: a tree of one or two levels
enum class SlotKind : std::uint32_t { kLeaf = 0, kChild = 1, kTree1 = 2, kTree2 = 3 };
inline constexpr std::uint32_t kSlotHighMask = 0x3fffffffu;

constexpr std::uint64_t EncodeSlot(SlotKind kind, std::uint32_t high, std::uint32_t low) noexcept {
  return (std::uint64_t{static_cast<std::uint32_t>(kind)} << 62) | (std::uint64_t{high} << 32) |
         low;
}
constexpr SlotKind KindOf(std::uint64_t slot) noexcept {
  return static_cast<SlotKind>(slot >> 62);
}
constexpr std::uint32_t HighOf(std::uint64_t slot) noexcept {
  return static_cast<std::uint32_t>(slot >> 32) & kSlotHighMask;
}
constexpr std::uint32_t LowOf(std::uint64_t slot) noexcept {
  return static_cast<std::uint32_t>(slot);
}

struct ModelHeader {
  std::uint64_t magic;
  std::uint32_t format_version;
  std::uint32_t arithmetic_version;
  std::uint64_t blob_bytes;  // everything, this header included
  std::uint32_t key_count;
  std::uint32_t structure;
  std::uint32_t reason;
  std::uint32_t probe_lines;  // cache lines of keys around a leaf's prediction
  std::uint32_t max_error;    // over all keys that end in leaves
  std::uint32_t tree_levels;  // kTree only
  std::uint64_t min_key;
  std::uint64_t max_key;
  std::uint32_t node_count;
  std::uint32_t slot_count;
  std::uint32_t word_count;
  std::uint32_t depth;       // nodes on the longest path
  std::uint32_t leaf_count;  // leaf slots that hold keys
  std::uint32_t tree_count;  // trees, the root tree included
  std::uint32_t tree_keys;   // keys that end in trees
  std::uint32_t deep_keys;   // keys that pass a child node
  std::uint32_t slots_cost;  // expected cost of a lookup, tenths of a ns; 0: was not built
  std::uint32_t tree_cost;
  std::uint32_t reserved[6];            // zero
  std::uint32_t errors[kErrorBuckets];  // keys in leaves, by their error
};
static_assert(sizeof(ModelHeader) == 256);

// Byte offset of each section, from the header's counts alone.
struct ModelLayout {
  std::uint64_t nodes, slots, words, end;
};
constexpr ModelLayout LayoutOf(std::uint64_t node_count, std::uint64_t slot_count,
                               std::uint64_t word_count) noexcept {
  ModelLayout layout{};
  layout.nodes = sizeof(ModelHeader);
  layout.slots = AlignUp(layout.nodes + node_count * sizeof(NodeRecord), kSectionAlignment);
  layout.words = AlignUp(layout.slots + slot_count * 8, kSectionAlignment);
  layout.end = AlignUp(layout.words + word_count * 8, kSectionAlignment);
  return layout;
}

}  // namespace kyro::index

#endif  // KYRO_INDEX_FORMAT_H_
