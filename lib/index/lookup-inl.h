// SPDX-License-Identifier: Apache-2.0
//
// The lookup kernels, once per SIMD target: include this after hwy/highway.h inside a file that
// foreach_target.h includes again and again. Everything is a template over the structure, the
// probe's lines and the tree's levels: a level loop decided at run time cost a tree 11-13%.
#if defined(KYRO_INDEX_LOOKUP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KYRO_INDEX_LOOKUP_INL_H_
#undef KYRO_INDEX_LOOKUP_INL_H_
#else
#define KYRO_INDEX_LOOKUP_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "index/core.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// How many of the kKeys sorted keys are below `key`.
template <std::uint32_t kKeys>
HWY_INLINE std::uint32_t CountLess(const std::uint64_t* HWY_RESTRICT keys, std::uint64_t key) {
#if HWY_TARGET == HWY_SCALAR
  // Without vectors a branch-free binary search does with five steps what would take 32 compares.
  const std::uint64_t* base = keys;
  for (std::uint32_t length = kKeys; length > 1; length -= length / 2) {
    base += base[length / 2 - 1] < key ? length / 2 : 0;
  }
  return static_cast<std::uint32_t>(base - keys) + (*base < key ? 1 : 0);
#else
  const hn::CappedTag<std::uint64_t, kLineKeys> d;
  const auto wanted = hn::Set(d, key);
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < kKeys; i += hn::Lanes(d)) {
    count += hn::CountTrue(d, hn::Lt(hn::LoadU(d, keys + i), wanted));
  }
  return static_cast<std::uint32_t>(count);
#else
  // A mask is 0 or -1 per lane where masks are vectors: summing them saves a move per vector.
  auto sum = hn::Zero(d);
  for (std::uint32_t i = 0; i < kKeys; i += hn::Lanes(d)) {
    sum = hn::Sub(sum, hn::VecFromMask(d, hn::Lt(hn::LoadU(d, keys + i), wanted)));
  }
  return static_cast<std::uint32_t>(hn::GetLane(hn::SumOfLanes(d, sum)));
#endif
#endif
}

HWY_INLINE void PrefetchLine(std::uintptr_t address) {
  __builtin_prefetch(reinterpret_cast<const void*>(address));
}

// Requests every value line that `window_keys` keys from `start` on can select, if they are at
// most four. Addresses past the column's end are harmless: a prefetch never faults.
template <std::uint32_t kKeys>
HWY_INLINE void PrefetchValues(const Columns& columns, std::uint32_t start) {
  if (columns.values == nullptr) return;
  const std::uint32_t lines = (kKeys * columns.value_stride + 63) / 64;
  if (lines > 4) return;
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(columns.values) +
                               std::uintptr_t{start} * columns.value_stride;
  for (std::uint32_t line = 0; line < lines; ++line) PrefetchLine(first + 64 * line);
}

template <std::uint32_t kKeys>
HWY_INLINE void PrefetchKeys(const Columns& columns, std::uint32_t start) {
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(columns.keys + start);
  for (std::uint32_t line = 0; line < kKeys / kLineKeys; ++line) PrefetchLine(first + 64 * line);
}

// Proves the lower bound inside the window: a key below and a key not below are both in it, so
// keys[p - 1] < key <= keys[p] was read, whatever the model said.
template <std::uint32_t kKeys>
HWY_INLINE std::uint32_t Probe(const Core& core, const Columns& columns, std::uint64_t key,
                               const Window& window) {
  const std::uint32_t less = CountLess<kKeys>(columns.keys + window.start, key);
  if (HWY_UNLIKELY(less - 1 >= kKeys - 1)) return FinishProbe(core, columns, key, window, less);
  return window.start + less;
}

// ---------------------------------------------------------------------------------- trees

HWY_INLINE Window BlockWindow(const Core& core, std::uint64_t block) {
  const std::uint64_t start = block * kBlockKeys;
  Window window;
  window.start = start < core.block_start_max ? static_cast<std::uint32_t>(start)
                                              : core.block_start_max;
  window.count = kBlockKeys;
  window.position = window.start + kBlockKeys / 2;
  window.in_tree = true;
  return window;
}

// One level down the root tree. Levels 1 and 2 clamp, the others cannot leave their level (C3).
template <std::uint32_t kLevel>
HWY_INLINE std::uint32_t DescendRootTree(const Core& core, std::uint64_t key, std::uint32_t node) {
  const std::uint64_t* level = core.words + core.tree_level_word[kLevel];
  const std::uint32_t child =
      node * kTreeFanout + CountLess<kTreeNodeWords>(level + std::size_t{node} * kTreeNodeWords, key);
  if constexpr (kLevel < 2) {
    return child < core.tree_node_max[kLevel] ? child : core.tree_node_max[kLevel];
  }
  return child;
}

template <std::uint32_t kLevels, std::uint32_t kLevel = 0>
HWY_INLINE std::uint32_t RootTreeBlock(const Core& core, std::uint64_t key,
                                       std::uint32_t node = 0) {
  if constexpr (kLevel == kLevels) {
    return node;
  } else {
    return RootTreeBlock<kLevels, kLevel + 1>(core, key, DescendRootTree<kLevel>(core, key, node));
  }
}

template <std::uint32_t kLevels>
struct TreeLookup {
  static constexpr std::uint32_t kWindowKeys = kBlockKeys;

  static HWY_INLINE Window Locate(const Core& core, std::uint64_t key) {
    return BlockWindow(core, RootTreeBlock<kLevels>(core, key));
  }
  static HWY_INLINE std::uint32_t Find(const Core& core, const Columns& columns,
                                       std::uint64_t key) {
    const Window window = Locate(core, key);
    PrefetchKeys<kWindowKeys>(columns, window.start);
    PrefetchValues<kWindowKeys>(columns, window.start);
    return Probe<kWindowKeys>(core, columns, key, window);
  }
};

// A tree below a slot. Its words are untrusted, and so is where they lie: out of range words give
// block 0, which the probe then refutes.
HWY_INLINE std::uint64_t SmallTreeBlock(const Core& core, std::uint64_t key, std::uint64_t slot) {
  const std::uint64_t word = LowOf(slot);
  if (word + kTreeNodeWords > core.word_count) return 0;
  std::uint64_t child = CountLess<kTreeNodeWords>(core.words + word, key);
  if (KindOf(slot) == SlotKind::kTree2) {
    const std::uint64_t leaf = word + kTreeNodeWords * (1 + child);
    if (leaf + kTreeNodeWords > core.word_count) return 0;
    child = child * kTreeFanout + CountLess<kTreeNodeWords>(core.words + leaf, key);
  }
  return HighOf(slot) + child;
}

// ---------------------------------------------------------------------------------- slots

template <std::uint32_t kLines>
HWY_INLINE Window LeafWindow(const Core& core, std::uint64_t slot, std::uint64_t fraction) {
  Window window;
  window.position = LeafPosition(slot, fraction);
  window.start = LeafWindowStart(window.position, kLines, core.leaf_start_max);
  window.count = kLines * kLineKeys;
  return window;
}

// Follows child nodes to a slot that is none. Damage gives an empty leaf at 0.
HWY_INLINE SlotPosition FollowChildren(const Core& core, std::uint64_t key, SlotPosition at) {
  std::uint32_t parent = 0;
  for (std::uint32_t depth = 1; KindOf(at.slot) == SlotKind::kChild; ++depth) {
    const std::uint32_t id = LowOf(at.slot);
    if (depth >= kNodeDepthMax || id <= parent || id >= core.node_count) return {0, 0};
    const NodeRecord& node = core.nodes[id];
    const SlotPosition next = LocateSlot(node, key);
    const std::uint64_t index = node.first_slot + next.slot;
    if (next.slot >= node.slot_count || index >= core.slot_count) return {0, 0};
    at = {core.slots[index], next.fraction};
    parent = id;
  }
  return at;
}

template <std::uint32_t kLines, bool kMixed>
struct SlotLookup {
  static constexpr std::uint32_t kWindowKeys = kLines * kLineKeys;

  // Windows below a root slot that is no leaf.
  static HWY_NOINLINE Window LocateDeep(const Core& core, std::uint64_t key, std::uint64_t slot,
                                        std::uint64_t fraction) {
    const SlotPosition at = FollowChildren(core, key, {slot, fraction});
    if (KindOf(at.slot) == SlotKind::kLeaf) return LeafWindow<kLines>(core, at.slot, at.fraction);
    return BlockWindow(core, SmallTreeBlock(core, key, at.slot));
  }
  static HWY_INLINE Window LocateInSlot(const Core& core, std::uint64_t key, std::uint64_t slot,
                                        std::uint64_t fraction) {
    if (kMixed && HWY_UNLIKELY(KindOf(slot) != SlotKind::kLeaf)) {
      return LocateDeep(core, key, slot, fraction);
    }
    return LeafWindow<kLines>(core, slot, fraction);
  }
  static HWY_INLINE Window Locate(const Core& core, std::uint64_t key) {
    const SlotPosition at = LocateSlot(core.root, key);  // inside the section (C2)
    return LocateInSlot(core, key, core.slots[at.slot], at.fraction);
  }
  static HWY_INLINE std::uint32_t ProbeWindow(const Core& core, const Columns& columns,
                                              std::uint64_t key, const Window& window) {
    if (kMixed && window.in_tree) return Probe<kBlockKeys>(core, columns, key, window);
    return Probe<kWindowKeys>(core, columns, key, window);
  }
  static HWY_INLINE void Prefetch(const Columns& columns, const Window& window) {
    if (kMixed && window.in_tree) {
      PrefetchKeys<kBlockKeys>(columns, window.start);
      PrefetchValues<kBlockKeys>(columns, window.start);
    } else {
      PrefetchKeys<kWindowKeys>(columns, window.start);
      PrefetchValues<kWindowKeys>(columns, window.start);
    }
  }
  static HWY_NOINLINE std::uint32_t FindDeep(const Core& core, const Columns& columns,
                                             std::uint64_t key, std::uint64_t slot,
                                             std::uint64_t fraction) {
    const Window window = LocateDeep(core, key, slot, fraction);
    Prefetch(columns, window);
    return ProbeWindow(core, columns, key, window);
  }
  static HWY_INLINE std::uint32_t Find(const Core& core, const Columns& columns,
                                       std::uint64_t key) {
    const SlotPosition at = LocateSlot(core.root, key);
    const std::uint64_t slot = core.slots[at.slot];
    if (kMixed && HWY_UNLIKELY(KindOf(slot) != SlotKind::kLeaf)) {
      return FindDeep(core, columns, key, slot, at.fraction);
    }
    const Window window = LeafWindow<kLines>(core, slot, at.fraction);
    PrefetchKeys<kWindowKeys>(columns, window.start);
    PrefetchValues<kWindowKeys>(columns, window.start);
    return Probe<kWindowKeys>(core, columns, key, window);
  }
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#endif  // KYRO_INDEX_LOOKUP_INL_H_
