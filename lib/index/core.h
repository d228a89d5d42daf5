// SPDX-License-Identifier: Apache-2.0
//
// What a lookup works with: the checked copy of a model's header (Core), the columns it reads
// (Columns), and the integer arithmetic that training and every SIMD target share.
//
// Invariants that Model::Open establishes and lookups rely on:
//   C1 key_count >= kModelKeysMin unless structure is kSearch, so a window of probe_lines lines,
//      or of one block, fits into the column after its start was clamped.
//   C2 The root node's slots lie inside the slot section, and no key maps past its last slot.
//   C3 A root tree has storage for every child of every node from level 2 down (see tree.h). Below
//      it, a packed tree has storage for the nodes of `group_max` and of all groups before it, and
//      for one more, and for an end more than that, before the first.
//   C4 Everything else in the blob (slots, child nodes, words) may hold any bytes at any time and
//      is checked where it is used.
#ifndef KYRO_INDEX_CORE_H_
#define KYRO_INDEX_CORE_H_

#include <atomic>
#include <bit>
#include <cstdint>

#include "index/format.h"

namespace kyro::index {

__extension__ typedef unsigned __int128 uint128;

// Events that a lookup counts. A fallback is a lookup that the model misled: the answer is still
// right, by binary search, but the model is damaged and should be trained again.
struct Counters {
  std::atomic<std::uint64_t> fallbacks{0};
};

// The columns of one segment. `keys` is sorted and holds the model's key_count keys. Values are
// never read, only prefetched: `values` is the first value, or the first entry of the offsets
// column, and `value_stride` the bytes from one to the next; null: nothing to prefetch.
struct Columns {
  const std::uint64_t* keys = nullptr;
  const void* values = nullptr;
  std::uint32_t value_stride = 0;
  Counters* counters = nullptr;  // may be null
};

// Where a key is looked for. Its lower bound lies in [start, start + count]; `position` is the
// exact prediction of a leaf, or the middle of a tree's block.
struct Window {
  std::uint32_t start = 0;
  std::uint32_t count = 0;
  std::uint32_t position = 0;
  bool in_tree = false;
};

struct Core {
  const std::uint64_t* slots = nullptr;
  const std::uint64_t* words = nullptr;
  const NodeRecord* nodes = nullptr;
  NodeRecord root{};
  std::uint32_t key_count = 0;
  std::uint32_t leaf_start_max = 0;   // key_count - keys in a leaf's window
  std::uint32_t block_start_max = 0;  // key_count - keys in a block of its trees
  std::uint32_t max_error = 0;
  std::uint32_t slot_count = 0;
  std::uint32_t node_count = 0;
  std::uint32_t word_count = 0;
  std::uint32_t probe_lines = 0;
  std::uint32_t tree_levels = 0;
  std::uint32_t tree_child_max[kTreeLevelsMax] = {};     // of each level; see C3
  std::uint32_t group_max = 0;                           // the last one
  const std::uint64_t* tree_level[kTreeLevelsMax] = {};  // first word of each level
  const std::uint64_t* ends = nullptr;                   // of packed nodes
  const std::uint16_t* packed = nullptr;
  Structure structure = Structure::kSearch;
  bool unique = true;  // the caller's word that keys are strictly increasing
};

struct SlotPosition {
  std::uint64_t slot;  // of the node, not of the section
  std::uint64_t fraction;
};

// Monotone in key: the distance is clamped to [0, span], the product grows with it. The clamps are
// branches: they are never taken where the caller has checked the key range, and a conditional
// move would stand in every lookup's chain.
inline SlotPosition LocateSlot(const NodeRecord& node, std::uint64_t key) noexcept {
  std::uint64_t distance = key - node.min;
  if (key < node.min) [[unlikely]]
    distance = 0;
  if (distance > node.span) [[unlikely]]
    distance = node.span;
  const uint128 product = static_cast<uint128>(distance) * node.scale;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}
// The same for a key of [min, min + span].
inline SlotPosition LocateSlotInside(const NodeRecord& node, std::uint64_t key) noexcept {
  const uint128 product = static_cast<uint128>(key - node.min) * node.scale;
  return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
}

// Less than base + count (or base, if count is 0), so monotone from one leaf to the next. Cannot
// wrap for a model that was trained; for other bytes it may, and the caller clamps.
inline std::uint32_t LeafPosition(std::uint64_t slot, std::uint64_t fraction) noexcept {
  const uint128 product = static_cast<uint128>(fraction) * HighOf(slot);
  return LowOf(slot) + static_cast<std::uint32_t>(product >> 64);
}

// The window's first key: `position` lands in its middle 8 keys, on a line boundary.
inline std::uint32_t LeafWindowStart(std::uint32_t position, std::uint32_t lines,
                                     std::uint32_t start_max) noexcept {
  const std::uint32_t before = lines * (kLineKeys / 2) - kLineKeys / 2;
  if (position < before) [[unlikely]]
    return 0;
  const std::uint32_t start = (position - before) & ~(kLineKeys - 1);
  if (start > start_max) [[unlikely]]
    return start_max;
  return start;
}

// In the body of an unlikely `if`: keeps it a branch, where a conditional move would stand in every
// lookup's chain.
inline void KeepBranch() noexcept {
  asm volatile("");
}

// Distances of keys of (low, high] from `low`, in units that are the least power of two of which
// 2^16 reach `high`. Rounded downward. kNoDistance also stands where no separator is: none is below
// it. What is below `low` is at 0; above `high` the model is damaged, and any answer will do.
inline constexpr std::uint16_t kNoDistance = 0xffff;
class PackedUnit {
 public:
  PackedUnit(std::uint64_t low, std::uint64_t high) noexcept
      : low_(low), shift_(48 - std::countl_zero((high - low) | kNoDistance)) {}

  std::uint16_t DistanceOf(std::uint64_t key) const noexcept {
    if (key < low_) [[unlikely]] {
      KeepBranch();
      return 0;
    }
    return static_cast<std::uint16_t>((key - low_) >> shift_);
  }

 private:
  std::uint64_t low_;
  int shift_;  // 0 to 48
};

// The cold end of a probe that found `less`, none or all, of the window's keys below `key`; `edge`
// is window start + less. Looks at both sides of the edge, then (a leaf that predicted `position`)
// inside [position - E, position + E + 1], then everywhere; only the last is a fallback, and is
// counted. Returns the exact lower bound for any model. Plain arguments: they stay in registers,
// where a Window's address would force the hot path to build one in memory.
[[gnu::cold]] std::uint32_t FinishLeafProbe(const Core& core, const Columns& columns,
                                            std::uint64_t key, std::uint32_t edge,
                                            std::uint32_t less, std::uint32_t position) noexcept;
[[gnu::cold]] std::uint32_t FinishBlockProbe(const Core& core, const Columns& columns,
                                             std::uint64_t key, std::uint32_t edge,
                                             std::uint32_t less) noexcept;

// The same for a line of a packed tree: `edge` is its end or its beginning. A missed key is looked
// for in the blocks that follow, as far as the model's keys are missed.
[[gnu::cold]] std::uint32_t FinishLineProbe(const Core& core, const Columns& columns,
                                            std::uint64_t key, std::uint32_t edge) noexcept;

// The first position in [0, count] whose key is not below `key`, without any model.
std::uint32_t BinaryLowerBound(const std::uint64_t* keys, std::uint32_t count,
                               std::uint64_t key) noexcept;

// Asks for the keys of a window and for the values that go with them, if those are few lines. Any
// window: a prefetch of what is not there does nothing.
void PrefetchAnswers(const Columns& columns, const Window& window) noexcept;

}  // namespace kyro::index

#endif  // KYRO_INDEX_CORE_H_
