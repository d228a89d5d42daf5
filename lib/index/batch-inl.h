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
#include "index/ahead.h"
#include "index/fit-inl.h"
#include "index/kernels.h"
#include "index/lookup-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

// Lookups that advance in lockstep: enough to cover a memory latency with other lookups' work, few
// enough that their lines stay in the first-level cache until they are used.
inline constexpr std::size_t kLockstep = 32;

// ---------------------------------------------------------------------------------- slots

HWY_INLINE Window LocateInSlot(const Core& core, std::uint64_t key, SlotPosition at) {
  const std::uint64_t slot = core.slots[at.slot];
  if (HWY_UNLIKELY(KindOf(slot) != SlotKind::kLeaf)) {
    return LocateDeep(core, key, slot, at.fraction);
  }
  return LeafWindow(core, slot, at.fraction, core.probe_lines);
}

// Of a window's lines a batch asks for one, which tells where in the window a key is, and then for
// what is there: memory gives a batch so many lines a second, and half of a window's are of no use
// to it. A lookup alone asks for all, because it waits for memory as often as it asks.
template <std::uint32_t kKeys>
inline constexpr std::uint32_t kPartKeys = kKeys == kBlockKeys ? kKeys / 2 : kLineKeys;

HWY_INLINE void PrefetchPivot(const Columns& columns, std::uint32_t start) {
  PrefetchKeys<kLineKeys>(columns, start + kLineKeys);
}

// Where in the window of kKeys keys the part begins that holds the end of those below `key`.
template <std::uint32_t kKeys>
HWY_INLINE std::uint32_t PartOf(const std::uint64_t* window, std::uint64_t key) {
  const std::uint64_t* const pivot = window + kLineKeys;
  const std::uint32_t above_last = pivot[kLineKeys - 1] < key ? 1 : 0;
  if constexpr (kKeys == kBlockKeys) return above_last * kPartKeys<kKeys>;
  const std::uint32_t above_first = pivot[0] < key ? 1 : 0;
  if constexpr (kKeys == 2 * kLineKeys) return above_first * kLineKeys;
  return (above_first + above_last) * kLineKeys;
}

// The keys of the window that are below `key`: all before the part, none behind it.
template <std::uint32_t kKeys>
HWY_INLINE std::uint32_t CountLessFrom(const std::uint64_t* window, std::uint32_t part,
                                       std::uint64_t key) {
  return part + CountLess<kPartKeys<kKeys>>(window + part, key);
}

template <std::uint32_t kLines, class Probe>
HWY_INLINE void ProbeWindows(typename Probe::Place place, const std::uint64_t* queries,
                             const Window* windows, typename Probe::Result* results,
                             std::size_t count) {
  constexpr std::uint32_t kKeys = kLines * kLineKeys;
  const Columns& columns = place.columns();
  std::uint32_t parts[kLockstep];
  for (std::size_t i = 0; i < count; ++i) {
    const Window& window = windows[i];
    const std::uint64_t* const keys = columns.keys + window.start;
    if (HWY_UNLIKELY(window.in_tree)) {
      parts[i] = PartOf<kBlockKeys>(keys, queries[i]);
      PrefetchKeys<kPartKeys<kBlockKeys>>(columns, window.start + parts[i]);
    } else {
      parts[i] = PartOf<kKeys>(keys, queries[i]);
      PrefetchKeys<kPartKeys<kKeys>>(columns, window.start + parts[i]);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Window& window = windows[i];
    const std::uint64_t* const keys = columns.keys + window.start;
    if (HWY_UNLIKELY(window.in_tree)) {
      const std::uint32_t less = CountLessFrom<kBlockKeys>(keys, parts[i], queries[i]);
      results[i] = Probe::template BlockWith<kBlockKeys>(place, queries[i], window.start, less);
    } else {
      const std::uint32_t less = CountLessFrom<kKeys>(keys, parts[i], queries[i]);
      results[i] =
          Probe::template LeafWith<kKeys>(place, queries[i], window.start, window.position, less);
    }
    Probe::PrefetchResult(place, results[i]);
  }
}

// Lookups of one policy (lookup-inl.h), which also says what of each result to fetch. One copy for
// any number of lines, of which only the probes are compiled once each.
template <class Probe>
HWY_INLINE void FindSlotsLockstep(typename Probe::Place place, const std::uint64_t* queries,
                                  typename Probe::Result* results, std::size_t count) {
  const Core& core = place.core();
  SlotPosition at[kLockstep];
  Window windows[kLockstep];
  for (std::size_t i = 0; i < count; ++i) {
    at[i] = LocateSlot(core.root, queries[i]);
    PrefetchLine(reinterpret_cast<std::uintptr_t>(core.slots + at[i].slot));
  }
  for (std::size_t i = 0; i < count; ++i) {
    windows[i] = LocateInSlot(core, queries[i], at[i]);
    PrefetchPivot(place.columns(), windows[i].start);
  }
  switch (core.probe_lines) {
    case 2:
      return ProbeWindows<2, Probe>(place, queries, windows, results, count);
    case 3:
      return ProbeWindows<3, Probe>(place, queries, windows, results, count);
    default:
      return ProbeWindows<4, Probe>(place, queries, windows, results, count);
  }
}

// ---------------------------------------------------------------------------------- trees

// The level loop is decided at run time: 32 queries share each turn of it.
template <class Probe>
HWY_INLINE void FindTreeLockstep(typename Probe::Place place, const std::uint64_t* queries,
                                 typename Probe::Result* results, std::size_t count) {
  const Core& core = place.core();
  const Columns& columns = place.columns();
  std::size_t nodes[kLockstep] = {};
  const std::uint32_t levels = core.tree_levels;
  for (std::uint32_t level = 0; level < levels; ++level) {
    // The levels above fit into the first- and second-level caches.
    const std::uint64_t* const next =
        level >= 2 && level + 1 < levels ? core.tree_level[level + 1] : nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      nodes[i] = DescendRootTree(core, queries[i], nodes[i], level);
      if (next == nullptr) continue;
      const std::uint64_t* const node = next + nodes[i] * kTreeNodeWords;
      PrefetchLine(reinterpret_cast<std::uintptr_t>(node));
      PrefetchLine(reinterpret_cast<std::uintptr_t>(node + kLineKeys));
    }
  }
  std::uint32_t starts[kLockstep], parts[kLockstep];
  for (std::size_t i = 0; i < count; ++i) {
    starts[i] = BlockStart(core, nodes[i]);
    PrefetchPivot(columns, starts[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    parts[i] = PartOf<kBlockKeys>(columns.keys + starts[i], queries[i]);
    PrefetchKeys<kPartKeys<kBlockKeys>>(columns, starts[i] + parts[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t less =
        CountLessFrom<kBlockKeys>(columns.keys + starts[i], parts[i], queries[i]);
    results[i] = Probe::template BlockWith<kBlockKeys>(place, queries[i], starts[i], less);
    Probe::PrefetchResult(place, results[i]);
  }
}

// The model's last line is asked for as soon as its group is searched, then the one line of keys.
template <class Probe>
HWY_INLINE void FindPackedLockstep(typename Probe::Place place, const std::uint64_t* queries,
                                   typename Probe::Result* results, std::size_t count) {
  const Core& core = place.core();
  const Columns& columns = place.columns();
  std::size_t nodes[kLockstep] = {};
  for (std::uint32_t level = 0; level < core.tree_levels; ++level) {
    for (std::size_t i = 0; i < count; ++i) {
      nodes[i] = DescendRootTree(core, queries[i], nodes[i], level);
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t* const ends = core.ends + nodes[i] * kGroupNodes;
    PrefetchLine(reinterpret_cast<std::uintptr_t>(ends));
    PrefetchLine(reinterpret_cast<std::uintptr_t>(ends + kLineKeys));
  }
  for (std::size_t i = 0; i < count; ++i) {
    nodes[i] = PackedNode(core, queries[i], nodes[i]);
    PrefetchLine(reinterpret_cast<std::uintptr_t>(core.packed + nodes[i] * kPackedLanes));
  }
  std::uint32_t starts[kLockstep];
  for (std::size_t i = 0; i < count; ++i) {
    starts[i] = LineStart(core, PackedBlock(core, queries[i], nodes[i]));
    PrefetchKeys<kPackedBlockKeys>(columns, starts[i]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    results[i] = Probe::Line(place, queries[i], starts[i]);
    Probe::PrefetchResult(place, results[i]);
  }
}

// ---------------------------------------------------------------------------------- measuring

// Errors of leaves. As many copies of the counts as a vector has lanes, because neighbouring keys
// err alike and an increment would wait for the one before it.
struct ErrorCounts {
  static constexpr std::uint32_t kCopies = kLineKeys;
  // The last bucket is for keys too far away: outside.
  std::uint64_t counts[kCopies][kErrorBuckets + 1] = {};

  // The key at `index`, whose equals begin at `rank`. Both ends count: a key just above the last
  // equal one is predicted where they are. No branch on which side the prediction lies: it cost
  // 2 ns per key.
  HWY_INLINE void Add(std::uint32_t position, std::uint32_t rank, std::uint32_t index) {
    const std::uint64_t error = std::max(Distance(position, rank), Distance(position, index));
    ++counts[index % kCopies][std::min<std::uint64_t>(error, kErrorBuckets)];
  }
  static HWY_INLINE std::uint64_t Distance(std::uint32_t a, std::uint32_t b) {
    const std::int64_t difference = std::int64_t{a} - std::int64_t{b};
    const std::int64_t sign = difference >> 63;
    return static_cast<std::uint64_t>((difference ^ sign) - sign);
  }
  void MoveTo(Measured* measured) const {
    for (const auto& copy : counts) {
      for (std::uint32_t error = 0; error < kErrorBuckets; ++error) {
        measured->errors[error] += copy[error];
        if (copy[error] != 0) measured->max_error = std::max(measured->max_error, error);
      }
      measured->outside += copy[kErrorBuckets];
    }
  }
};

// Rank of keys[i], its lower bound: the first of the keys equal to it.
HWY_INLINE std::uint32_t RankOf(const std::uint64_t* keys, std::uint32_t i, std::uint32_t before) {
  return i > 0 && keys[i] == keys[i - 1] ? before : i;
}

// Counts the keys [first, last], all of which `window` was found for; `rank` is first's rank.
inline void AddTreeKeys(const Window& window, std::uint32_t rank, std::uint32_t first,
                        std::uint32_t last, Measured* measured) {
  measured->tree_keys += last - first + 1;
  const bool inside = rank >= window.start && rank <= window.start + window.count &&
                      (last == first || last <= window.start + window.count);
  if (!inside) measured->outside += last - first + 1;
}

// Counts the distinct keys of leaves a line at a time. Both ends of the line are located as a
// lookup would; if they share a slot, so do the keys between them, because slots are monotone.
class LeafLines {
 public:
#if HWY_TARGET == HWY_SCALAR
  LeafLines(const NodeRecord&, bool) {}
  static HWY_INLINE bool Add(const std::uint64_t*, std::uint32_t, std::uint32_t,
                             const SlotPosition&, std::uint64_t, ErrorCounts*) {
    return false;
  }
#else
  LeafLines(const NodeRecord& node, bool distinct)
      : node_(node), errors_(node), tried_(distinct ? kNone : kAll) {}

  // Adds the keys [i, i + kLineKeys), if they end before `end` and share the slot `at.slot`, the
  // leaf `slot`. Once they do not, the rest of that slot is left to the caller.
  HWY_INLINE bool Add(const std::uint64_t* keys, std::uint32_t i, std::uint32_t end,
                      const SlotPosition& at, std::uint64_t slot, ErrorCounts* counts) {
    if (at.slot == tried_ || tried_ == kAll) return false;
    const std::uint32_t last = i + kLineKeys - 1;
    if (end - i < kLineKeys || LocateSlot(node_, keys[last]).slot != at.slot ||
        keys[i] < node_.min || keys[last] - node_.min > node_.span) {
      tried_ = at.slot;
      return false;
    }
    const LeafErrors::D d;
    HWY_ALIGN std::uint64_t errors[kLineKeys];
    for (std::uint32_t lane = 0; lane < kLineKeys; lane += LeafErrors::kLanes) {
      hn::Store(errors_.Of(slot, keys, i + lane), d, errors + lane);
    }
    for (std::uint32_t lane = 0; lane < kLineKeys; ++lane) {
      ++counts->counts[lane][std::min<std::uint64_t>(errors[lane], kErrorBuckets)];
    }
    return true;
  }

 private:
  // No slot has these numbers.
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static constexpr std::uint64_t kAll = kNone - 1;

  const NodeRecord node_;
  const LeafErrors errors_;
  std::uint64_t tried_;
#endif
};

// The structures of one node and of many, one stretch of keys that share a slot after the other.
// Slots are monotone in the key, so a stretch ends at the first key of another slot.
class SlotMeter {
 public:
  SlotMeter(const Core& core, const std::uint64_t* keys) : core_(core), keys_(keys) {}

  void Run(Measured* measured) {
    MeasureNode(core_.root, 0, 1, 0, core_.key_count, measured);
    errors_.MoveTo(measured);
  }

 private:
  // The keys [first, end) under node `id`, which is `depth` nodes deep.
  KYRO_INDEX_LARGE void MeasureNode(const NodeRecord& shared, std::uint32_t id, std::uint32_t depth,
                                    std::uint32_t first, std::uint32_t end, Measured* measured) {
    const NodeRecord node = shared;
    LeafLines lines(node, core_.unique);
    for (std::uint32_t i = first; i < end;) {
      PrefetchAhead(keys_ + i);
      const SlotPosition at = LocateSlot(node, keys_[i]);
      const std::uint64_t index = node.first_slot + at.slot;
      const bool exists = at.slot < node.slot_count && index < core_.slot_count;
      const std::uint64_t slot = exists ? core_.slots[index] : 0;
      if (KindOf(slot) == SlotKind::kLeaf) {
        if (exists && lines.Add(keys_, i, end, at, slot, &errors_)) {
          i += kLineKeys;
          rank_ = i - 1;
          continue;
        }
        rank_ = RankOf(keys_, i, rank_);
        errors_.Add(LeafPosition(slot, exists ? at.fraction : 0), rank_, i);
        ++i;
        continue;
      }
      const std::uint32_t next = StretchEnd(node, at.slot, i, end);
      if (KindOf(slot) != SlotKind::kChild) {
        MeasureTree(slot, i, next, measured);
      } else if (LowOf(slot) > id && LowOf(slot) < core_.node_count && depth < kNodeDepthMax) {
        MeasureNode(core_.nodes[LowOf(slot)], LowOf(slot), depth + 1, i, next, measured);
      } else {
        measured->outside += next - i;
      }
      i = next;
    }
  }

  // The first index in (first, end) whose key is in a later slot, or end.
  std::uint32_t StretchEnd(const NodeRecord& node, std::uint64_t slot, std::uint32_t first,
                           std::uint32_t end) const {
    std::uint64_t low = first;  // in the slot
    std::uint64_t high = end;   // not in it
    for (std::uint64_t step = 16; low + step < high; step *= 2) {
      if (LocateSlot(node, keys_[low + step]).slot > slot) {
        high = low + step;
        break;
      }
      low += step;
    }
    while (high - low > 1) {
      const std::uint64_t middle = low + (high - low) / 2;
      (LocateSlot(node, keys_[middle]).slot > slot ? high : low) = middle;
    }
    return static_cast<std::uint32_t>(high);
  }

  // The keys [first, end) of a tree slot, block by block: if two keys find the same block, so do
  // all keys between them.
  [[gnu::cold]] void MeasureTree(std::uint64_t slot, std::uint32_t first, std::uint32_t end,
                                 Measured* measured) {
    for (std::uint32_t i = first; i < end;) {
      rank_ = RankOf(keys_, i, rank_);
      const Window window = LocateInSmallTree(core_, keys_[i], slot);
      std::uint32_t last = std::min(i / kBlockKeys * kBlockKeys + kBlockKeys, end) - 1;
      const bool together =
          rank_ == i && LocateInSmallTree(core_, keys_[last], slot).start == window.start;
      if (!together) last = i;
      AddTreeKeys(window, rank_, i, last, measured);
      for (++i; i <= last; ++i) rank_ = RankOf(keys_, i, rank_);
    }
  }

  const Core& core_;
  const std::uint64_t* const keys_;
  ErrorCounts errors_;
  std::uint32_t rank_ = 0;
};

KYRO_INDEX_LARGE inline void MeasureSlots(const Core& core, const std::uint64_t* keys,
                                          Measured* measured) noexcept {
  SlotMeter(core, keys).Run(measured);
}

// The predictor is monotone, so if a block's first and last key both find the block, so does
// every key between them. Blocks where that does not hold (they begin with duplicates of a key
// that is found in an earlier block) are looked at key by key.
[[gnu::cold]] inline void MeasureTree(const Core& core, const std::uint64_t* keys,
                                      Measured* measured) noexcept {
  std::uint32_t rank = 0;
  for (std::uint32_t first = 0; first < core.key_count; first += kBlockKeys) {
    const std::uint32_t last = std::min(first + kBlockKeys, core.key_count) - 1;
    const Window low = LocateInRootTree(core, keys[first]);
    const Window high = LocateInRootTree(core, keys[last]);
    rank = RankOf(keys, first, rank);
    if (rank == first && low.start == high.start && low.start <= first) {
      AddTreeKeys(low, rank, first, last, measured);
      rank = last;
      while (rank > first && keys[rank - 1] == keys[last]) --rank;
      continue;
    }
    for (std::uint32_t i = first; i <= last; ++i) {
      rank = RankOf(keys, i, rank);
      AddTreeKeys(LocateInRootTree(core, keys[i]), rank, i, i, measured);
    }
  }
}

// A packed tree's keys, one node after the other: if the tree sends its first and its last key to
// it, it sends all. Those of the last node are looked up one by one.
class PackedMeter {
 public:
  PackedMeter(const Core& core, const std::uint64_t* keys) : core_(core), keys_(keys) {}

  [[gnu::cold]] void Run(Measured* measured) {
    for (std::uint32_t first = 0; first < core_.key_count; first += kPackedNodeKeys) {
      const std::uint32_t end = std::min(first + kPackedNodeKeys, core_.key_count);
      const std::uint32_t node = StartOf(first) / kPackedNodeKeys;
      const bool together = end < core_.key_count && StartOf(end - 1) / kPackedNodeKeys == node;
      MeasureKeys(together, node, first, end, measured);
    }
    measured->tree_keys = core_.key_count - measured->outside;
  }

 private:
  std::uint32_t StartOf(std::uint32_t i) const { return LocateInPackedTree(core_, keys_[i]).start; }

  // The keys [first, end), which the tree sends to `node` if they are `together`.
  [[gnu::cold]] void MeasureKeys(bool together, std::uint32_t node, std::uint32_t first,
                                 std::uint32_t end, Measured* measured) {
    const std::uint64_t* const node_end = core_.ends + node;
    const PackedUnit unit(*(node_end - 1), *node_end);
    const std::uint16_t* const lanes = core_.packed + node * kPackedLanes;
    const bool sorted =
        together && node == first / kPackedNodeKeys && std::is_sorted(lanes, lanes + kPackedLanes);
    for (std::uint32_t block = 0; first < end; first += kPackedBlockKeys, ++block) {
      PrefetchAhead(keys_ + first);
      const std::uint32_t last = std::min(first + kPackedBlockKeys, end) - 1;
      rank_ = RankOf(keys_, first, rank_);
      // Of sorted separators those below a key are as many as its block's number if the one before
      // the block is below it and the one behind is not.
      if (sorted && rank_ == first &&
          (block == 0 || lanes[block - 1] < unit.DistanceOf(keys_[first])) &&
          (block == kPackedLanes || lanes[block] >= unit.DistanceOf(keys_[last]))) {
        measured->errors[0] += last - first + 1;
        rank_ = last;
        while (rank_ > first && keys_[rank_ - 1] == keys_[last]) --rank_;
        continue;
      }
      for (std::uint32_t i = first; i <= last; ++i) {
        rank_ = RankOf(keys_, i, rank_);
        Count(together ? StartIn(node, i) : StartOf(i), rank_, i, measured);
      }
    }
  }

  // A key that is sent to `start`, from its rank to the last of its equals. Both ends count: a key
  // just above the last may share its unit. It does not where the last is in another node.
  static void Count(std::uint32_t start, std::uint32_t rank, std::uint32_t last,
                    Measured* measured) {
    if (start > rank) {
      ++measured->outside;
      return;
    }
    const std::uint32_t blocks = std::min((last - start) / kPackedBlockKeys, kPackedLanes);
    ++measured->errors[std::min(blocks, kErrorBuckets - 1)];
    measured->max_error = std::max(measured->max_error, blocks * kPackedBlockKeys);
  }

  HWY_NOINLINE std::uint32_t StartIn(std::size_t node, std::uint32_t i) const {
    return LineStart(core_, PackedBlock(core_, keys_[i], node));
  }

  const Core& core_;
  const std::uint64_t* const keys_;
  std::uint32_t rank_ = 0;
};

[[gnu::cold]] inline void MeasurePackedTree(const Core& core, const std::uint64_t* keys,
                                            Measured* measured) noexcept {
  PackedMeter(core, keys).Run(measured);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#endif  // KYRO_INDEX_BATCH_INL_H_
