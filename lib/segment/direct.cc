// SPDX-License-Identifier: Apache-2.0
//
// Lookups of the learned index that answer with the value itself, once per SIMD target and
// structure. There is none for targets without AVX2, where the probe's compares and not the calls
// around them are what a lookup costs.
#define HWY_DISABLED_TARGETS HWY_SSSE3  // as in index/kernels.cc, for the reason given there
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "segment/direct.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include <algorithm>
#include <iterator>

#include "hwy/highway.h"
#include "index/batch-inl.h"
#include "index/lookup-inl.h"
#include "segment/direct.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::segment {
namespace HWY_NAMESPACE {

using index::Columns;
using index::Core;
using Get = Direct<U64>::Function;

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_SSE4

inline DirectWay<U64> Choose(const Core&, const Columns&) {
  return {};
}

#else

// The value at `position`. 8 bytes are by far the most frequent width: without a multiplication and
// with a constant for the answer's second half.
template <bool kEight>
HWY_INLINE Lookup ValueAt(const Columns& columns, std::uint32_t position) {
  const std::uint64_t bytes = kEight ? 8 : columns.value_stride;
  return Lookup::Present({static_cast<const char*>(columns.values) + position * bytes, bytes});
}

// A lookup whose window proved nothing, once more, from its beginning: whoever calls this last and
// with what it was given itself keeps no registers for it and needs no stack frame. That is 11 of
// 70 instructions.
[[gnu::noinline, gnu::cold]] inline Lookup GetUnproved(const Direct<U64>& direct,
                                                       std::uint64_t key) noexcept {
  const Columns& columns = direct.columns;
  const std::uint32_t count = direct.core.key_count;
  const std::uint32_t position =
      index::HWY_NAMESPACE::AnyLookup::Find({&direct.core, &columns}, key);
  if (position >= count || columns.keys[position] != key) return Lookup::Absent();
  return ValueAt<false>(columns, position);
}

// Answers instead of lower bounds (index::LowerBoundProbe). A hit needs no bracket: keys are
// distinct and verified, so equality proves it wherever it was found. Only absence does.
template <bool kEight>
struct AnswerProbe {
  using Result = Lookup;
  struct Place {  // one register
    const Core& core() const noexcept { return direct->core; }
    const Columns& columns() const noexcept { return direct->columns; }
    const Direct<U64>* direct;
  };

  static HWY_INLINE bool IsOutside(Place place, std::uint64_t key) {
    return key - place.direct->first_key > place.direct->key_span;
  }
  static HWY_INLINE Lookup Outside() { return Lookup::Absent(); }
  // MakeDirect saw that the range of the root is that of the keys.
  static HWY_INLINE index::SlotPosition RootSlot(Place place, std::uint64_t key) {
    return index::LocateSlotInside(place.core().root, key);
  }
  static HWY_INLINE Lookup Unproved(Place place, std::uint64_t key) {
    return GetUnproved(*place.direct, key);
  }
  static HWY_INLINE void PrefetchResult(Place, const Lookup& lookup) {
    index::HWY_NAMESPACE::PrefetchLine(reinterpret_cast<std::uintptr_t>(lookup.value().data()));
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE void Prefetch(Place place, std::uint32_t start) {
    const Columns& columns = place.columns();
    if constexpr (kEight) {
      const auto first =
          reinterpret_cast<std::uintptr_t>(columns.values) + std::uintptr_t{start} * 8;
      for (std::uint32_t line = 0; line < kKeys / 8; ++line) {
        index::HWY_NAMESPACE::PrefetchLine(first + 64 * line);
      }
    } else {
      index::HWY_NAMESPACE::PrefetchValues<kKeys>(columns, start);
    }
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE Lookup Block(Place place, std::uint64_t key, std::uint32_t start) {
    const std::uint64_t* const keys = place.columns().keys + start;
    return BlockWith<kKeys>(place, key, start, index::HWY_NAMESPACE::CountLess<kKeys>(keys, key));
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE Lookup BlockWith(Place place, std::uint64_t key, std::uint32_t start,
                                     std::uint32_t less) {
    const Columns& columns = place.columns();
    if (HWY_LIKELY(less < kKeys)) {
      const std::uint32_t position = start + less;
      if (HWY_LIKELY(columns.keys[position] == key)) return ValueAt<kEight>(columns, position);
      if (HWY_LIKELY(less != 0)) return Lookup::Absent();
    }
    return Unproved(place, key);
  }
  // One of kPackedBlockKeys keys that are not there lies before the line's first.
  static HWY_INLINE Lookup Line(Place place, std::uint64_t key, std::uint32_t start) {
    const Columns& columns = place.columns();
    const std::uint32_t less =
        index::HWY_NAMESPACE::CountLess<index::kPackedBlockKeys>(columns.keys + start, key);
    if (HWY_LIKELY(less < index::kPackedBlockKeys)) {
      const std::uint32_t position = start + less;
      if (HWY_LIKELY(columns.keys[position] == key)) return ValueAt<kEight>(columns, position);
      if (position != 0 && columns.keys[position - 1] < key) return Lookup::Absent();
    }
    return Unproved(place, key);
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE Lookup Leaf(Place place, std::uint64_t key, std::uint32_t start,
                                std::uint32_t) {
    return Block<kKeys>(place, key, start);
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE Lookup LeafWith(Place place, std::uint64_t key, std::uint32_t start,
                                    std::uint32_t, std::uint32_t less) {
    return BlockWith<kKeys>(place, key, start, less);
  }
};

template <class Finder>
Lookup GetDirect(const Getter<U64>& getter, std::uint64_t key) noexcept {
  const auto& direct = static_cast<const Direct<U64>&>(getter);
  if (HWY_UNLIKELY(direct.lookups->Add(1))) return direct.counted(getter, key);
  return Finder::Find({&direct}, key);
}

// Many at once take any width: a multiplication is nothing beside what they share.
using BatchProbe = AnswerProbe<false>;
using index::HWY_NAMESPACE::kLockstep;

inline void MultiGetInSlots(const Direct<U64>& direct, const std::uint64_t* keys, Lookup* out,
                            std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += kLockstep) {
    index::HWY_NAMESPACE::FindSlotsLockstep<BatchProbe>({&direct}, keys + i, out + i,
                                                        std::min(kLockstep, count - i));
  }
}
inline void MultiGetInPackedTree(const Direct<U64>& direct, const std::uint64_t* keys, Lookup* out,
                                 std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += kLockstep) {
    index::HWY_NAMESPACE::FindPackedLockstep<BatchProbe>({&direct}, keys + i, out + i,
                                                         std::min(kLockstep, count - i));
  }
}
inline void MultiGetInTree(const Direct<U64>& direct, const std::uint64_t* keys, Lookup* out,
                           std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += kLockstep) {
    index::HWY_NAMESPACE::FindTreeLockstep<BatchProbe>({&direct}, keys + i, out + i,
                                                       std::min(kLockstep, count - i));
  }
}

template <std::uint32_t kLines, bool kMixed>
constexpr Get kGetInSlots =
    &GetDirect<index::HWY_NAMESPACE::SlotLookup<kLines, kMixed, AnswerProbe<true> > >;

template <bool kMixed>
Get ChooseSlots(std::uint32_t lines) {
  switch (lines) {
    case 2:
      return kGetInSlots<2, kMixed>;
    case 3:
      return kGetInSlots<3, kMixed>;
    default:
      return kGetInSlots<4, kMixed>;
  }
}

constexpr Get kGetInAnyPackedTree =
    &GetDirect<index::HWY_NAMESPACE::AnyPackedTreeLookup<AnswerProbe<false> > >;

template <std::uint32_t kLevels>
constexpr Get kGetInPackedTree =
    &GetDirect<index::HWY_NAMESPACE::PackedTreeLookup<kLevels, AnswerProbe<true> > >;

// From 72 thousand to 353 million keys.
inline Get ChoosePackedTree(std::uint32_t levels) {
  switch (levels) {
    case 2:
      return kGetInPackedTree<2>;
    case 3:
      return kGetInPackedTree<3>;
    case 4:
      return kGetInPackedTree<4>;
    default:
      return kGetInAnyPackedTree;
  }
}

// A copy for each number of lines and each depth only where 8-byte values are: else the value's
// line, which cannot always be asked for in advance, is what a lookup waits for. Nor of plain
// trees, which training seldom chooses.
inline DirectWay<U64> Choose(const Core& core, const Columns& columns) {
  constexpr Get kAnySlots = &GetDirect<index::HWY_NAMESPACE::AnySlotLookup<AnswerProbe<false> > >;
  constexpr Get kAnyTree = &GetDirect<index::HWY_NAMESPACE::AnyTreeLookup<AnswerProbe<false> > >;
  const bool eight = columns.value_stride == 8;
  switch (core.structure) {
    case index::Structure::kSlots:
      return {eight ? ChooseSlots<false>(core.probe_lines) : kAnySlots, &MultiGetInSlots};
    case index::Structure::kMixed:
      return {eight ? ChooseSlots<true>(core.probe_lines) : kAnySlots, &MultiGetInSlots};
    case index::Structure::kTree:
      return {kAnyTree, &MultiGetInTree};
    case index::Structure::kPackedTree:
      return {eight ? ChoosePackedTree(core.tree_levels) : kGetInAnyPackedTree,
              &MultiGetInPackedTree};
    case index::Structure::kSearch:
      break;
  }
  return {};
}

#endif  // HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_SSE4

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::segment
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kyro::segment {

HWY_EXPORT(Choose);

DirectWay<U64> ChooseDirect(const index::Core& core, const index::Columns& columns) noexcept {
  return HWY_DYNAMIC_DISPATCH(Choose)(core, columns);
}

}  // namespace kyro::segment
#endif  // HWY_ONCE
