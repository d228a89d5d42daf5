// SPDX-License-Identifier: Apache-2.0
//
// The lookup kernels, once per SIMD target: include this after hwy/highway.h inside a file that
// foreach_target.h includes again and again. Everything is a template over the structure and, where
// a lookup is nothing else, over the probe's lines and the tree's levels: a level loop decided at
// run time cost a tree 11-13%.
#if defined(KYRO_INDEX_LOOKUP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KYRO_INDEX_LOOKUP_INL_H_
#undef KYRO_INDEX_LOOKUP_INL_H_
#else
#define KYRO_INDEX_LOOKUP_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "base/planted.h"
#include "hwy/highway.h"
#include "index/core.h"
#include "index/route.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Inlined, the eight to sixteen compares of SSE4 make its kernels the largest. Processors without
// AVX2 pay with a call.
#undef KYRO_INDEX_LARGE
#if HWY_TARGET == HWY_SSE4 || HWY_TARGET == HWY_SCALAR
#define KYRO_INDEX_COUNT_INLINE HWY_NOINLINE inline
#define KYRO_INDEX_LARGE [[gnu::cold]]  // for size
#else
#define KYRO_INDEX_COUNT_INLINE HWY_INLINE
#define KYRO_INDEX_LARGE
#endif

#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
// One bit for each key of a line that is below `wanted`. No lambda in CountLess: a vector that is
// captured by reference gives every lookup an aligned stack frame, seven instructions.
HWY_INLINE __mmask8 LineLess(const std::uint64_t* HWY_RESTRICT line,
                             hn::Vec<hn::CappedTag<std::uint64_t, kLineKeys>> wanted) {
  const hn::CappedTag<std::uint64_t, kLineKeys> d;
  return hn::Lt(hn::LoadU(d, line), wanted).raw;
}
#endif

// How many of the kKeys sorted keys are below `key`.
template <std::uint32_t kKeys>
KYRO_INDEX_COUNT_INLINE std::uint32_t CountLess(const std::uint64_t* HWY_RESTRICT keys,
                                                std::uint64_t key) {
#if HWY_TARGET == HWY_SCALAR
  // Not a binary search, which counts otherwise where a damaged model's separators are not sorted:
  // what a trace tells would not be what lookups do.
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < kKeys; ++i) count += keys[i] < key ? 1 : 0;
  return count;
#else
  const hn::CappedTag<std::uint64_t, kLineKeys> d;
  const auto wanted = hn::Set(d, key);
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  // Highway counts each mask by itself, a move and a popcount per vector. Joining the masks of a
  // probe first takes 0.90 of a lookup's time in slots; in tree nodes, where each level waits for
  // the one above, the join's latency cost 1.07. kunpck is the only instruction here that Highway
  // 1.0.3 has no name for.
  const __mmask8 first = LineLess(keys, wanted);
  if constexpr (kKeys == kLineKeys) {
    return hwy::PopCount(std::uint64_t{first});
  } else {
    const __mmask8 second = LineLess(keys + kLineKeys, wanted);
    if constexpr (kKeys == 2 * kLineKeys) {
      return hwy::PopCount(std::uint64_t{first}) + hwy::PopCount(std::uint64_t{second});
    } else {
      const __mmask16 low = _mm512_kunpackb(second, first);
      const __mmask8 third = LineLess(keys + 2 * kLineKeys, wanted);
      if constexpr (kKeys == 3 * kLineKeys) {
        return hwy::PopCount(std::uint64_t{_mm512_kunpackw(third, low)});
      } else {
        static_assert(kKeys == 4 * kLineKeys);
        const __mmask16 high = _mm512_kunpackb(LineLess(keys + 3 * kLineKeys, wanted), third);
        return hwy::PopCount(std::uint64_t{_mm512_kunpackw(high, low)});
      }
    }
  }
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

// How many of the separators of a packed node are below `distance`.
KYRO_INDEX_COUNT_INLINE std::uint32_t CountLessPacked(const std::uint16_t* HWY_RESTRICT lanes,
                                                      std::uint16_t distance) {
#if HWY_TARGET == HWY_SCALAR
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < kPackedLanes; ++i) count += lanes[i] < distance ? 1 : 0;
  return count;
#else
  const hn::CappedTag<std::uint16_t, kPackedLanes> d;
  const auto wanted = hn::Set(d, distance);
#if HWY_TARGET <= HWY_AVX3 && HWY_ARCH_X86
  return hwy::PopCount(std::uint64_t{hn::Lt(hn::LoadU(d, lanes), wanted).raw});
#else
  // As bytes, which are counted in fewer steps: two for each separator.
  const hn::Repartition<std::uint8_t, decltype(d)> bytes;
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < kPackedLanes; i += hn::Lanes(d)) {
    const auto less = hn::VecFromMask(d, hn::Lt(hn::LoadU(d, lanes + i), wanted));
    count += hn::CountTrue(bytes, hn::MaskFromVec(hn::BitCast(bytes, less)));
  }
  return static_cast<std::uint32_t>(count / 2);
#endif
#endif
}

#undef KYRO_INDEX_COUNT_INLINE

HWY_INLINE void PrefetchLine(std::uintptr_t address) {
  __builtin_prefetch(reinterpret_cast<const void*>(address));
}

// Requests every value line that `window_keys` keys from `start` on can select, if they are at
// most four. Addresses past the column's end are harmless: a prefetch never faults.
template <std::uint32_t kKeys>
HWY_INLINE void PrefetchValues(const Columns& columns, std::uint32_t start) {
  if (columns.values == nullptr) return;
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(columns.values) +
                               std::uintptr_t{start} * columns.value_stride;
  if (HWY_LIKELY(columns.value_stride == 8)) {  // without a loop: instructions are what counts
    for (std::uint32_t line = 0; line < kKeys / 8; ++line) PrefetchLine(first + 64 * line);
    return;
  }
  const std::uint64_t lines = (std::uint64_t{kKeys} * columns.value_stride + 63) / 64;
  for (std::uint64_t line = 0; lines <= 4 && line < lines; ++line) PrefetchLine(first + 64 * line);
}

template <std::uint32_t kKeys>
HWY_INLINE void PrefetchKeys(const Columns& columns, std::uint32_t start) {
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(columns.keys + start);
  for (std::uint32_t line = 0; line < kKeys / kLineKeys; ++line) PrefetchLine(first + 64 * line);
}

// What a lookup works in, and what it makes of it, is a policy: where model and columns are, which
// memory to ask for as soon as the window is known, and what the window's keys say. This one gives
// lower bounds.
struct LowerBoundProbe {
  using Result = std::uint32_t;
  struct Place {  // two registers
    const Core& core() const noexcept { return *core_; }
    const Columns& columns() const noexcept { return *columns_; }
    const Core* core_;
    const Columns* columns_;
  };
  // True: a key is outside the range of all keys, and Outside is the answer. A lower bound does not
  // ask: slots clamp, trees find their first or last block.
  static HWY_INLINE bool IsOutside(Place, std::uint64_t) { return false; }
  static HWY_INLINE std::uint32_t Outside() { return 0; }
  static HWY_INLINE SlotPosition RootSlot(Place place, std::uint64_t key) {
    return LocateSlot(place.core().root, key);
  }
  // The value of one position, once it is known: a batch does not guess.
  static HWY_INLINE void PrefetchResult(Place place, std::uint32_t position) {
    const Columns& columns = place.columns();
    if (columns.values == nullptr) return;
    PrefetchLine(reinterpret_cast<std::uintptr_t>(columns.values) +
                 std::uintptr_t{position} * columns.value_stride);
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE void Prefetch(Place place, std::uint32_t start) {
    PrefetchValues<kKeys>(place.columns(), start);
  }
  // A probe proves its answer inside the window if a key below and a key not below are both in it:
  // then keys[p - 1] < key <= keys[p] was read, whatever the model said.
  template <std::uint32_t kKeys>
  static HWY_INLINE std::uint32_t Block(Place place, std::uint64_t key, std::uint32_t start) {
    return BlockWith<kKeys>(place, key, start, CountLess<kKeys>(place.columns().keys + start, key));
  }
  // Where it is known how many of the window's keys are less.
  template <std::uint32_t kKeys>
  static HWY_INLINE std::uint32_t BlockWith(Place place, std::uint64_t key, std::uint32_t start,
                                            std::uint32_t less) {
    const std::uint32_t edge = start + less;
    if (HWY_LIKELY(less - 1 < kKeys - 1)) return edge;
    return FinishBlockProbe(place.core(), place.columns(), key, edge, less);
  }
  // A packed tree's block is its key's in one of kPackedBlockKeys cases because the key is its
  // first; that the one before is less needs no look at it if keys are distinct.
  static HWY_INLINE std::uint32_t Line(Place place, std::uint64_t key, std::uint32_t start) {
    const std::uint64_t* const keys = place.columns().keys + start;
    const std::uint32_t less = CountLess<kPackedBlockKeys>(keys, key);
    const std::uint32_t edge = start + less;
    const bool first = place.core().unique & (keys[0] == key);
    if (HWY_LIKELY(((less != 0) | first) & (less != kPackedBlockKeys))) return edge;
    return FinishLineProbe(place.core(), place.columns(), key, edge);
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE std::uint32_t Leaf(Place place, std::uint64_t key, std::uint32_t start,
                                       std::uint32_t position) {
    const std::uint32_t less = CountLess<kKeys>(place.columns().keys + start, key);
    return LeafWith<kKeys>(place, key, start, position, less);
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE std::uint32_t LeafWith(Place place, std::uint64_t key, std::uint32_t start,
                                           std::uint32_t position, std::uint32_t less) {
    const std::uint32_t edge = start + less;
    if (HWY_LIKELY(less - 1 < kKeys - 1)) return edge;
    return FinishLeafProbe(place.core(), place.columns(), key, edge, less, position);
  }
};

// ---------------------------------------------------------------------------------- trees

template <std::uint32_t kKeys = kBlockKeys>
HWY_INLINE std::uint32_t BlockStart(const Core& core, std::uint64_t block) {
  const std::uint64_t start = block * kKeys;
  const bool past = start > core.block_start_max && !KYRO_PLANTED(kPredictionUnclamped);
  if (HWY_UNLIKELY(past)) return core.block_start_max;
  return static_cast<std::uint32_t>(start);
}

template <std::uint32_t kKeys = kBlockKeys>
HWY_INLINE Window BlockWindow(const Core& core, std::uint64_t block) {
  Window window;
  window.start = BlockStart<kKeys>(core, block);
  window.count = kKeys;
  window.position = window.start + kKeys / 2;
  window.in_tree = true;
  return window;
}

// One level down the root tree. Levels 1 and 2 clamp, the others cannot leave their level (C3):
// kClamp is false where it is known that the child is one of these.
template <bool kClamp = true>
HWY_INLINE std::size_t DescendRootTree(const Core& core, std::uint64_t key, std::size_t node,
                                       std::uint32_t level) {
  const std::uint64_t* separators = core.tree_level[level] + node * kTreeNodeWords;
  const std::size_t child = node * kTreeFanout + CountLess<kTreeNodeWords>(separators, key);
  if (kClamp && HWY_UNLIKELY(child > core.tree_child_max[level])) {
    KeepBranch();
    return core.tree_child_max[level];
  }
  return child;
}

template <std::uint32_t kLevels, std::uint32_t kLevel = 0>
HWY_INLINE std::size_t RootTreeBlock(const Core& core, std::uint64_t key, std::size_t node = 0) {
  if constexpr (kLevel == kLevels) {
    return node;
  } else {
    const std::size_t child = DescendRootTree<(kLevel < 2)>(core, key, node, kLevel);
    return RootTreeBlock<kLevels, kLevel + 1>(core, key, child);
  }
}

// The same for a packed tree's levels above its groups, however many. Each level's test whether it
// is the last is a branch of its own, which always goes the same way: not the level loop.
template <std::uint32_t kLevel = 0>
HWY_INLINE std::size_t DeepRootTreeBlock(const Core& core, std::uint64_t key,
                                         std::size_t node = 0) {
  if constexpr (kLevel == kPackedLevelsMax) {
    return node;
  } else {
    if (kLevel == core.tree_levels) return node;
    const std::size_t child = DescendRootTree<(kLevel < 2)>(core, key, node, kLevel);
    return DeepRootTreeBlock<kLevel + 1>(core, key, child);
  }
}

// And where a lookup's speed is not what counts, or the tree a plain one, which training seldom
// chooses. `heard` is told of each level.
template <class Heard = NoRoute>
HWY_INLINE std::size_t AnyRootTreeBlock(const Core& core, std::uint64_t key, Heard heard = {}) {
  std::size_t node = 0;
#if HWY_COMPILER_GCC && !HWY_COMPILER_CLANG
#pragma GCC unroll 1  // there are at most seven, of which GCC would make copies
#endif
  for (std::uint32_t level = 0; level < core.tree_levels; ++level) {
    heard.Level(node);
    node = DescendRootTree(core, key, node, level);
  }
  return node;
}
HWY_NOINLINE inline Window LocateInRootTree(const Core& core, std::uint64_t key) {
  return BlockWindow(core, AnyRootTreeBlock(core, key));
}

template <class Probe>
struct AnyTreeLookup {
  static HWY_INLINE typename Probe::Result Find(typename Probe::Place place, std::uint64_t key) {
    if (HWY_UNLIKELY(Probe::IsOutside(place, key))) return Probe::Outside();
    const std::uint32_t start = LocateInRootTree(place.core(), key).start;
    Probe::template Prefetch<kBlockKeys>(place, start);
    return Probe::template Block<kBlockKeys>(place, key, start);
  }
};

// ---------------------------------------------------------------------------------- packed trees

// The node of a group, a child of the tree above it. The next group's first one only by damage.
HWY_INLINE std::size_t PackedNode(const Core& core, std::uint64_t key, std::size_t group) {
  if (HWY_UNLIKELY(group > core.group_max)) {
    KeepBranch();
    group = core.group_max;
  }
  const std::size_t first = group * kGroupNodes;
  return first + CountLess<kGroupNodes>(core.ends + first, key);
}

HWY_INLINE std::size_t PackedBlock(const Core& core, std::uint64_t key, std::size_t node) {
  const std::uint64_t* const end = core.ends + node;
  const PackedUnit unit(*(end - 1), *end);
  return node * kPackedFanout +
         CountLessPacked(core.packed + node * kPackedLanes, unit.DistanceOf(key));
}

HWY_INLINE std::uint32_t LineStart(const Core& core, std::uint64_t block) {
  return BlockStart<kPackedBlockKeys>(core, block);
}

// SSE4, where the compares are what a lookup costs, loops over the levels.
HWY_NOINLINE inline Window LocateInPackedTree(const Core& core, std::uint64_t key) {
  constexpr bool kFast = HWY_TARGET <= HWY_AVX2;
  const std::size_t group = kFast ? DeepRootTreeBlock(core, key) : AnyRootTreeBlock(core, key);
  return BlockWindow<kPackedBlockKeys>(core, PackedBlock(core, key, PackedNode(core, key, group)));
}

template <std::uint32_t kLevels, class Probe>
struct PackedTreeLookup {
  static HWY_INLINE typename Probe::Result Find(typename Probe::Place place, std::uint64_t key) {
    if (HWY_UNLIKELY(Probe::IsOutside(place, key))) return Probe::Outside();
    const Core& core = place.core();
    const std::size_t node = PackedNode(core, key, RootTreeBlock<kLevels>(core, key));
    const std::uint32_t start = LineStart(core, PackedBlock(core, key, node));
    Probe::template Prefetch<kPackedBlockKeys>(place, start);
    return Probe::Line(place, key, start);
  }
};

// For a tree of any depth, where a call more is little beside the rest.
template <class Probe>
struct AnyPackedTreeLookup {
  static HWY_INLINE typename Probe::Result Find(typename Probe::Place place, std::uint64_t key) {
    if (HWY_UNLIKELY(Probe::IsOutside(place, key))) return Probe::Outside();
    const std::uint32_t start = LocateInPackedTree(place.core(), key).start;
    Probe::template Prefetch<kPackedBlockKeys>(place, start);
    return Probe::Line(place, key, start);
  }
};

// A tree below a slot. Its words are untrusted, and so is where they lie: out of range words give
// block 0, which the probe then refutes.
template <class Heard = NoRoute>
HWY_INLINE std::uint64_t SmallTreeBlock(const Core& core, std::uint64_t key, std::uint64_t slot,
                                        Heard heard = {}) {
  const std::uint64_t word = LowOf(slot);
  if (word + kTreeNodeWords > core.word_count) return 0;
  heard.Level(0);
  std::uint64_t child = CountLess<kTreeNodeWords>(core.words + word, key);
  if (KindOf(slot) == SlotKind::kTree2) {
    const std::uint64_t leaf = word + kTreeNodeWords * (1 + child);
    if (leaf + kTreeNodeWords > core.word_count) return 0;
    heard.Level(child);
    child = child * kTreeFanout + CountLess<kTreeNodeWords>(core.words + leaf, key);
  }
  return HighOf(slot) + child;
}

// ---------------------------------------------------------------------------------- slots

HWY_INLINE std::uint32_t LeafStart(const Core& core, std::uint32_t position, std::uint32_t lines) {
  const bool clamped = !KYRO_PLANTED(kPredictionUnclamped);
  return LeafWindowStart(position, lines, clamped ? core.leaf_start_max : ~std::uint32_t{0});
}

HWY_INLINE Window LeafWindow(const Core& core, std::uint64_t slot, std::uint64_t fraction,
                             std::uint32_t lines) {
  Window window;
  window.position = LeafPosition(slot, fraction);
  window.start = LeafStart(core, window.position, lines);
  window.count = lines * kLineKeys;
  return window;
}

// Follows child nodes to a slot that is none. Damage gives an empty leaf at 0.
template <class Heard = NoRoute>
HWY_INLINE SlotPosition FollowChildren(const Core& core, std::uint64_t key, SlotPosition at,
                                       Heard heard = {}) {
  std::uint32_t parent = 0;
  for (std::uint32_t depth = 1; KindOf(at.slot) == SlotKind::kChild; ++depth) {
    const std::uint32_t id = LowOf(at.slot);
    if (depth >= kNodeDepthMax || id <= parent || id >= core.node_count) return {0, 0};
    const NodeRecord& node = core.nodes[id];
    const SlotPosition next = LocateSlot(node, key);
    const std::uint64_t index = node.first_slot + next.slot;
    if (next.slot >= node.slot_count || index >= core.slot_count) return {0, 0};
    heard.Node(id, index);
    at = {core.slots[index], next.fraction};
    parent = id;
  }
  return at;
}

// The window of a tree below a slot.
HWY_NOINLINE inline Window LocateInSmallTree(const Core& core, std::uint64_t key,
                                             std::uint64_t slot) {
  return BlockWindow(core, SmallTreeBlock(core, key, slot));
}

// The window below a root slot that is no leaf.
HWY_NOINLINE inline Window LocateDeep(const Core& core, std::uint64_t key, std::uint64_t slot,
                                      std::uint64_t fraction) {
  const SlotPosition at = FollowChildren(core, key, {slot, fraction});
  if (KindOf(at.slot) == SlotKind::kLeaf) {
    return LeafWindow(core, at.slot, at.fraction, core.probe_lines);
  }
  return LocateInSmallTree(core, key, at.slot);
}

// The window of any key, where a lookup's speed is not what counts: lines and structure are tested
// at run time.
inline Window LocateInSlots(const Core& core, std::uint64_t key) {
  const SlotPosition at = LocateSlot(core.root, key);  // inside the section (C2)
  const std::uint64_t slot = core.slots[at.slot];
  if (core.structure == Structure::kMixed) return LocateDeep(core, key, slot, at.fraction);
  return LeafWindow(core, slot, at.fraction, core.probe_lines);
}

// The probe of a leaf's window in a model of any number of lines.
template <class Probe>
HWY_INLINE typename Probe::Result ProbeLeaf(typename Probe::Place place, std::uint64_t key,
                                            std::uint32_t start, std::uint32_t position) {
  switch (place.core().probe_lines) {
    case 2:
      Probe::template Prefetch<2 * kLineKeys>(place, start);
      return Probe::template Leaf<2 * kLineKeys>(place, key, start, position);
    case 3:
      Probe::template Prefetch<3 * kLineKeys>(place, start);
      return Probe::template Leaf<3 * kLineKeys>(place, key, start, position);
    default:
      Probe::template Prefetch<4 * kLineKeys>(place, start);
      return Probe::template Leaf<4 * kLineKeys>(place, key, start, position);
  }
}

// Any structure, tested at run time.
struct AnyLookup {
  static HWY_INLINE std::uint32_t Find(LowerBoundProbe::Place place, std::uint64_t key) {
    const Core& core = place.core();
    if (core.structure == Structure::kPackedTree) {
      return LowerBoundProbe::Line(place, key, LocateInPackedTree(core, key).start);
    }
    const Window window =
        core.structure == Structure::kTree ? LocateInRootTree(core, key) : LocateInSlots(core, key);
    if (window.in_tree) return LowerBoundProbe::Block<kBlockKeys>(place, key, window.start);
    return ProbeLeaf<LowerBoundProbe>(place, key, window.start, window.position);
  }
};

template <std::uint32_t kLines, class Probe>
HWY_INLINE typename Probe::Result FindInLeaf(typename Probe::Place place, std::uint64_t key,
                                             SlotPosition at) {
  const std::uint32_t position = LeafPosition(at.slot, at.fraction);
  const std::uint32_t start = LeafStart(place.core(), position, kLines);
  Probe::template Prefetch<kLines * kLineKeys>(place, start);
  return Probe::template Leaf<kLines * kLineKeys>(place, key, start, position);
}

// The same for a model of any number of lines.
template <class Probe>
HWY_INLINE typename Probe::Result FindInAnyLeaf(typename Probe::Place place, std::uint64_t key,
                                                SlotPosition at) {
  const Core& core = place.core();
  const std::uint32_t position = LeafPosition(at.slot, at.fraction);
  return ProbeLeaf<Probe>(place, key, LeafStart(core, position, core.probe_lines), position);
}

// Below a root slot that is no leaf. One copy for any number of lines: the branch on it is always
// the same.
template <class Probe>
HWY_NOINLINE typename Probe::Result FindDeep(typename Probe::Place place, std::uint64_t key,
                                             std::uint64_t slot, std::uint64_t fraction) {
  const Core& core = place.core();
  const SlotPosition at = FollowChildren(core, key, {slot, fraction});
  if (KindOf(at.slot) == SlotKind::kLeaf) return FindInAnyLeaf<Probe>(place, key, at);
  const std::uint32_t start = LocateInSmallTree(core, key, at.slot).start;
  Probe::template Prefetch<kBlockKeys>(place, start);
  return Probe::template Block<kBlockKeys>(place, key, start);
}

template <std::uint32_t kLines, bool kMixed, class Probe>
struct SlotLookup {
  static HWY_INLINE typename Probe::Result Find(typename Probe::Place place, std::uint64_t key) {
    if (HWY_UNLIKELY(Probe::IsOutside(place, key))) return Probe::Outside();
    const SlotPosition at = Probe::RootSlot(place, key);
    const std::uint64_t slot = place.core().slots[at.slot];
    if (kMixed && HWY_UNLIKELY(KindOf(slot) != SlotKind::kLeaf)) {
      return FindDeep<Probe>(place, key, slot, at.fraction);
    }
    return FindInLeaf<kLines, Probe>(place, key, {slot, at.fraction});
  }
};

// Lines and structure tested at run time. Where the model has no children, no slot says so, and if
// damage does, the probe refutes what is found there.
template <class Probe>
struct AnySlotLookup {
  static HWY_INLINE typename Probe::Result Find(typename Probe::Place place, std::uint64_t key) {
    if (HWY_UNLIKELY(Probe::IsOutside(place, key))) return Probe::Outside();
    const SlotPosition at = Probe::RootSlot(place, key);
    const std::uint64_t slot = place.core().slots[at.slot];
    if (HWY_UNLIKELY(KindOf(slot) != SlotKind::kLeaf)) {
      return FindDeep<Probe>(place, key, slot, at.fraction);
    }
    return FindInAnyLeaf<Probe>(place, key, {slot, at.fraction});
  }
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#endif  // KYRO_INDEX_LOOKUP_INL_H_
