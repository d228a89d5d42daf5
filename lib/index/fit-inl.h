// SPDX-License-Identifier: Apache-2.0
//
// How far a leaf's predictions are from its keys, several keys at a time, once per SIMD target:
// training asks before it makes a slot a leaf, and when it measures the model that it made.
#if defined(KYRO_INDEX_FIT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KYRO_INDEX_FIT_INL_H_
#undef KYRO_INDEX_FIT_INL_H_
#else
#define KYRO_INDEX_FIT_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "index/core.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR

// The distances between the positions LeafPosition(slot, fraction) and the indexes of the keys
// from `first` on, as 64-bit lanes; each key's fraction is that of LocateSlot, if the key lies
// within the node's span and in the leaf's slot.
class LeafErrors {
 public:
  using D = hwy::HWY_NAMESPACE::CappedTag<std::uint64_t, kLineKeys>;
  using V = hwy::HWY_NAMESPACE::Vec<D>;
  static constexpr std::uint32_t kLanes = hwy::HWY_NAMESPACE::MaxLanes(D());

  explicit LeafErrors(const NodeRecord& node) : min_(node.min), scale_(node.scale) {}

  HWY_INLINE V Of(std::uint64_t slot, const std::uint64_t* keys, std::uint32_t first) const {
    namespace hn = hwy::HWY_NAMESPACE;
    const D d;
    const hn::RepartitionToNarrow<D> d32;
    const V fraction = (hn::LoadU(d, keys + first) - hn::Set(d, min_)) * hn::Set(d, scale_);
    // The count has 30 bits: two products of 32 bits make mulhi(fraction, count).
    const auto count = hn::BitCast(d32, hn::Set(d, HighOf(slot)));
    const V low = hn::MulEven(hn::BitCast(d32, fraction), count);
    const V high = hn::MulEven(hn::BitCast(d32, hn::ShiftRight<32>(fraction)), count);
    const V offset = hn::ShiftRight<32>(high + hn::ShiftRight<32>(low));
    // In 32 bits, where LeafPosition wraps too; the upper halves become zero.
    const V mask = hn::Set(d, 0xffffffffu);
    const V at = hn::And(hn::Set(d, LowOf(slot)) + offset, mask);
    const auto position = hn::BitCast(d32, at);
    // Not Iota(d, first), which g++ 12 builds in memory: the load that follows stalls.
    const auto index = hn::BitCast(d32, hn::Iota(d, 0) + hn::Set(d, first));
    return hn::BitCast(d, hn::Max(position, index) - hn::Min(position, index));
  }

 private:
  const std::uint64_t min_, scale_;
};

#endif  // HWY_TARGET != HWY_SCALAR

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#endif  // KYRO_INDEX_FIT_INL_H_
