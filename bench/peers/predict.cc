// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peers/predict.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include <iterator>

#include "bench/peers/predict.h"
#include "hwy/highway.h"
#include "index/lookup-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::bench::HWY_NAMESPACE {

using index::Core;

// Turns back where index::LowerBoundProbe reads keys.
struct StartProbe {
  using Result = std::uint32_t;
  struct Place {
    const Core& core() const noexcept { return *of; }
    const Core* of;
  };

  static HWY_INLINE bool IsOutside(Place, std::uint64_t) { return false; }
  static HWY_INLINE std::uint32_t Outside() { return 0; }
  static HWY_INLINE index::SlotPosition RootSlot(Place place, std::uint64_t key) {
    return index::LocateSlot(place.core().root, key);
  }
  template <std::uint32_t kKeys>
  static HWY_INLINE void Prefetch(Place, std::uint32_t) {}
  template <std::uint32_t kKeys>
  static HWY_INLINE std::uint32_t Block(Place, std::uint64_t, std::uint32_t start) {
    return start;
  }
  static HWY_INLINE std::uint32_t Line(Place, std::uint64_t, std::uint32_t start) { return start; }
  template <std::uint32_t kKeys>
  static HWY_INLINE std::uint32_t Leaf(Place, std::uint64_t, std::uint32_t start, std::uint32_t) {
    return start;
  }
};

template <class Finder>
std::uint32_t Start(const Core& core, std::uint64_t key) noexcept {
  return Finder::Find({&core}, key);
}

template <std::uint32_t kLines>
PredictStart InSlots(bool mixed) {
  using index::HWY_NAMESPACE::SlotLookup;
  return mixed ? &Start<SlotLookup<kLines, true, StartProbe>>
               : &Start<SlotLookup<kLines, false, StartProbe>>;
}

template <std::uint32_t kLevels>
constexpr PredictStart kInPackedTree =
    &Start<index::HWY_NAMESPACE::PackedTreeLookup<kLevels, StartProbe>>;
constexpr PredictStart kInTree = &Start<index::HWY_NAMESPACE::AnyTreeLookup<StartProbe>>;

inline std::uint32_t Everywhere(const Core&, std::uint64_t) noexcept {
  return 0;
}

inline PredictStart Choose(const Core& core) {
  constexpr PredictStart kInPackedTrees[] = {kInPackedTree<1>, kInPackedTree<2>, kInPackedTree<3>,
                                             kInPackedTree<4>, kInPackedTree<5>};
  static_assert(std::size(kInPackedTrees) == index::kPackedLevelsMax);
  if (core.structure == index::Structure::kSearch) return &Everywhere;
  if (core.structure == index::Structure::kTree) return kInTree;
  if (core.structure == index::Structure::kPackedTree) return kInPackedTrees[core.tree_levels - 1];
  const bool mixed = core.structure == index::Structure::kMixed;
  if (core.probe_lines == 2) return InSlots<2>(mixed);
  return core.probe_lines == 3 ? InSlots<3>(mixed) : InSlots<4>(mixed);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace kyro::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kyro::bench {

HWY_EXPORT(Choose);

PredictStart PredictStartOf(const index::Core& core) {
  return HWY_DYNAMIC_DISPATCH(Choose)(core);
}

}  // namespace kyro::bench
#endif  // HWY_ONCE
