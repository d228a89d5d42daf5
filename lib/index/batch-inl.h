// SPDX-License-Identifier: Apache-2.0
//
// Batched lookups and the measurement of a trained model, once per SIMD target, over the lookups
// of lookup-inl.h.
#if defined(KYRO_INDEX_BATCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KYRO_INDEX_BATCH_INL_H_
#undef KYRO_INDEX_BATCH_INL_H_
#else
#define KYRO_INDEX_BATCH_INL_H_
#endif

#include <algorithm>

#include "hwy/highway.h"
#include "index/kernels.h"
#include "index/lookup-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

// Lookups that advance in lockstep: enough to cover a memory latency with other lookups' work, few
// enough that their lines stay in the first-level cache until they are used.
inline constexpr std::size_t kLockstep = 32;

// The value of one position, once it is known: a batch does not guess.
HWY_INLINE void PrefetchValue(const Columns& columns, std::uint32_t position) {
  if (columns.values == nullptr) return;
  PrefetchLine(reinterpret_cast<std::uintptr_t>(columns.values) +
               std::uintptr_t{position} * columns.value_stride);
}

// ---------------------------------------------------------------------------------- slots

template <class Lookup>
HWY_INLINE void FindSlotsLockstep(const Core& core, const Columns& columns,
                                  const std::uint64_t* queries, std::uint32_t* positions,
                                  std::size_t count) {
  SlotPosition at[kLockstep];
  Window windows[kLockstep];
  for (std::size_t i = 0; i < count; ++i) {
    at[i] = LocateSlot(core.root, queries[i]);
    PrefetchLine(reinterpret_cast<std::uintptr_t>(core.slots + at[i].slot));
  }
  for (std::size_t i = 0; i < count; ++i) {
    windows[i] = Lookup::LocateInSlot(core, queries[i], core.slots[at[i].slot], at[i].fraction);
    if (windows[i].in_tree) {
      PrefetchKeys<kBlockKeys>(columns, windows[i].start);
    } else {
      PrefetchKeys<Lookup::kWindowKeys>(columns, windows[i].start);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    positions[i] = Lookup::ProbeWindow(core, columns, queries[i], windows[i]);
    PrefetchValue(columns, positions[i]);
  }
}

// ---------------------------------------------------------------------------------- trees

template <std::uint32_t kLevels, std::uint32_t kLevel>
HWY_INLINE void DescendLockstep(const Core& core, const std::uint64_t* queries,
                                std::uint32_t* nodes, std::size_t count) {
  if constexpr (kLevel < kLevels) {
    for (std::size_t i = 0; i < count; ++i) {
      nodes[i] = DescendRootTree<kLevel>(core, queries[i], nodes[i]);
      // The levels above fit into the first- and second-level caches.
      if constexpr (kLevel + 1 < kLevels && kLevel >= 2) {
        const std::uint64_t* next = core.words + core.tree_level_word[kLevel + 1] +
                                    std::size_t{nodes[i]} * kTreeNodeWords;
        PrefetchLine(reinterpret_cast<std::uintptr_t>(next));
        PrefetchLine(reinterpret_cast<std::uintptr_t>(next + kLineKeys));
      }
    }
    DescendLockstep<kLevels, kLevel + 1>(core, queries, nodes, count);
  }
}

template <std::uint32_t kLevels>
HWY_INLINE void FindTreeLockstep(const Core& core, const Columns& columns,
                                 const std::uint64_t* queries, std::uint32_t* positions,
                                 std::size_t count) {
  std::uint32_t nodes[kLockstep] = {};
  DescendLockstep<kLevels, 0>(core, queries, nodes, count);
  for (std::size_t i = 0; i < count; ++i) {
    PrefetchKeys<kBlockKeys>(columns, BlockWindow(core, nodes[i]).start);
  }
  for (std::size_t i = 0; i < count; ++i) {
    positions[i] = Probe<kBlockKeys>(core, columns, queries[i], BlockWindow(core, nodes[i]));
    PrefetchValue(columns, positions[i]);
  }
}

// ---------------------------------------------------------------------------------- measuring

// Errors of leaves. Four copies of the counts, because neighbouring keys err alike and an
// increment would wait for the one before it.
struct ErrorCounts {
  std::uint32_t counts[4][kErrorBuckets + 1] = {};
  std::uint32_t max_error = 0;

  // The key at `index`, whose equals begin at `rank`. Both ends count: a key just above the last
  // equal one is predicted where they are.
  HWY_INLINE void Add(std::uint32_t position, std::uint32_t rank, std::uint32_t index) {
    const std::uint32_t above = position > rank ? position - rank : 0;
    const std::uint32_t below = position < index ? index - position : 0;
    const std::uint32_t error = std::max(above, below);
    max_error = std::max(max_error, error);
    ++counts[index % 4][std::min(error, kErrorBuckets)];
  }
  void MoveTo(Measured* measured) const {
    for (const auto& copy : counts) {
      for (std::uint32_t error = 0; error < kErrorBuckets; ++error) {
        measured->errors[error] += copy[error];
      }
      measured->outside += copy[kErrorBuckets];
    }
    measured->max_error = max_error;
  }
};

// Counts the keys [first, last], all of which `window` was found for; `rank` is first's rank.
inline void AddTreeKeys(const Window& window, std::uint32_t rank, std::uint32_t first,
                        std::uint32_t last, Measured* measured) {
  measured->tree_keys += last - first + 1;
  const bool inside = rank >= window.start && rank <= window.start + window.count &&
                      (last == first || last <= window.start + window.count);
  if (!inside) measured->outside += last - first + 1;
}

// Rank of keys[i], its lower bound: the first of the keys equal to it.
HWY_INLINE std::uint32_t RankOf(const std::uint64_t* keys, std::uint32_t i, std::uint32_t before) {
  return i > 0 && keys[i] == keys[i - 1] ? before : i;
}

template <std::uint32_t kLines>
void MeasureLeaves(const Core& core, const std::uint64_t* keys, Measured* measured) {
  ErrorCounts errors;
  std::uint32_t rank = 0;
  for (std::uint32_t i = 0; i < core.key_count; ++i) {
    rank = RankOf(keys, i, rank);
    const SlotPosition at = LocateSlot(core.root, keys[i]);
    errors.Add(LeafPosition(core.slots[at.slot], at.fraction), rank, i);
  }
  errors.MoveTo(measured);
}

// The last index of a stretch that starts at `i`, ends inside the block of `window`, and whose
// keys all end in the tree slot `slot`. Slots are monotone in the key, and no two tree slots are
// equal, so the two ends prove it for every key between them.
inline std::uint32_t TreeStretchEnd(const Core& core, const std::uint64_t* keys, std::uint32_t i,
                                    const Window& window, std::uint64_t slot) {
  const std::uint32_t block_last = window.start + window.count - 1;
  for (std::uint32_t last : {block_last, i + 15, i + 4}) {
    if (last <= i || last > block_last || last >= core.key_count) continue;
    const SlotPosition root = LocateSlot(core.root, keys[last]);
    const SlotPosition at =
        FollowChildren(core, keys[last], {core.slots[root.slot], root.fraction});
    if (at.slot != slot) continue;
    if (BlockWindow(core, SmallTreeBlock(core, keys[last], at.slot)).start == window.start) {
      return last;
    }
  }
  return i;
}

template <std::uint32_t kLines>
void MeasureMixed(const Core& core, const std::uint64_t* keys, Measured* measured) {
  ErrorCounts errors;
  std::uint32_t rank = 0;
  for (std::uint32_t i = 0; i < core.key_count; ++i) {
    rank = RankOf(keys, i, rank);
    SlotPosition at = LocateSlot(core.root, keys[i]);
    at = FollowChildren(core, keys[i], {core.slots[at.slot], at.fraction});
    if (KindOf(at.slot) == SlotKind::kLeaf) {
      errors.Add(LeafPosition(at.slot, at.fraction), rank, i);
      continue;
    }
    const Window window = BlockWindow(core, SmallTreeBlock(core, keys[i], at.slot));
    const std::uint32_t last = TreeStretchEnd(core, keys, i, window, at.slot);
    AddTreeKeys(window, rank, i, last, measured);
    while (i < last) ++i, rank = RankOf(keys, i, rank);
  }
  errors.MoveTo(measured);
}

// The predictor is monotone, so if a block's first and last key both find the block, so does
// every key between them. Blocks where that does not hold (they begin with duplicates of a key
// that is found in an earlier block) are looked at key by key.
template <std::uint32_t kLevels>
void MeasureTree(const Core& core, const std::uint64_t* keys, Measured* measured) {
  std::uint32_t rank = 0;
  for (std::uint32_t first = 0; first < core.key_count; first += kBlockKeys) {
    const std::uint32_t last = std::min(first + kBlockKeys, core.key_count) - 1;
    const Window low = TreeLookup<kLevels>::Locate(core, keys[first]);
    const Window high = TreeLookup<kLevels>::Locate(core, keys[last]);
    rank = RankOf(keys, first, rank);
    if (rank == first && low.start == high.start && low.start <= first) {
      AddTreeKeys(low, rank, first, last, measured);
      rank = last;
      while (rank > first && keys[rank - 1] == keys[last]) --rank;
      continue;
    }
    for (std::uint32_t i = first; i <= last; ++i) {
      rank = RankOf(keys, i, rank);
      AddTreeKeys(TreeLookup<kLevels>::Locate(core, keys[i]), rank, i, i, measured);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#endif  // KYRO_INDEX_BATCH_INL_H_
