// SPDX-License-Identifier: Apache-2.0
#include "index/fit.h"

#include <algorithm>

// As in kernels.cc.
#define HWY_DISABLED_TARGETS HWY_SSSE3
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/fit.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "index/fit-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

// A large slot that is no leaf is found out early: this many keys are looked at together.
inline constexpr std::uint32_t kFitKeys = 256;

// The same without vectors, for what is left of a slot.
inline void FitOneByOne(const NodeRecord& node, std::uint64_t leaf, const std::uint64_t* keys,
                        std::uint32_t first, std::uint32_t end, Fit* fit) {
  for (std::uint32_t i = first; i < end; ++i) {
    const std::uint64_t fraction = (keys[i] - node.min) * node.scale;  // the low 64 bits
    const std::uint32_t position = LeafPosition(leaf, fraction);
    // Without branches: which side of the key the prediction lies on is anyone's guess.
    const std::uint32_t error = std::max(position, i) - std::min(position, i);
    fit->max_error = std::max(fit->max_error, error);
    fit->far_keys += error > kLeafErrorNear ? 1 : 0;
  }
}

#if HWY_TARGET == HWY_SCALAR

Fit FitLeaf(const NodeRecord& node, const std::uint64_t* keys, std::uint32_t first,
            std::uint32_t end) noexcept {
  const std::uint64_t leaf = EncodeSlot(SlotKind::kLeaf, end - first, first);
  Fit fit;
  while (first < end && fit.max_error <= kLeafErrorMax) {
    const std::uint32_t stop = first + std::min(kFitKeys, end - first);
    FitOneByOne(node, leaf, keys, first, stop, &fit);
    first = stop;
  }
  return fit;
}

#else

Fit FitLeaf(const NodeRecord& node, const std::uint64_t* keys, std::uint32_t first,
            std::uint32_t end) noexcept {
  namespace hn = hwy::HWY_NAMESPACE;
  using D = LeafErrors::D;
  const D d;
  const hn::RebindToSigned<D> di;
  const hn::RepartitionToNarrow<decltype(di)> di32;
  const std::uint64_t leaf = EncodeSlot(SlotKind::kLeaf, end - first, first);
  const LeafErrors errors(node);
  const auto near = hn::BitCast(di32, hn::Set(d, kLeafErrorNear));
  Fit fit;
  while (end - first >= LeafErrors::kLanes && fit.max_error <= kLeafErrorMax) {
    auto max = hn::Zero(di32);
    auto far = hn::Zero(di32);  // minus the number of far keys
    const std::uint32_t stop =
        first + std::min(kFitKeys, end - first) / LeafErrors::kLanes * LeafErrors::kLanes;
    for (; first < stop; first += LeafErrors::kLanes) {
      // Positions and indexes are below 2^31, so errors are positive as signed numbers.
      const auto error = hn::BitCast(di32, errors.Of(leaf, keys, first));
      max = hn::Max(max, error);
      far = far + hn::VecFromMask(di32, error > near);
    }
    HWY_ALIGN std::uint64_t lanes[2][kLineKeys];
    hn::Store(hn::BitCast(d, max), d, lanes[0]);
    hn::Store(hn::BitCast(d, hn::Zero(di32) - far), d, lanes[1]);
    for (std::uint32_t lane = 0; lane < LeafErrors::kLanes; ++lane) {
      fit.max_error = std::max(fit.max_error, static_cast<std::uint32_t>(lanes[0][lane]));
      fit.far_keys += static_cast<std::uint32_t>(lanes[1][lane]);
    }
  }
  if (fit.max_error <= kLeafErrorMax) FitOneByOne(node, leaf, keys, first, end, &fit);
  return fit;
}

#endif  // HWY_TARGET == HWY_SCALAR

inline FitFunction ThisFitter() {
  return &FitLeaf;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kyro::index {

HWY_EXPORT(ThisFitter);

FitFunction LeafFitter() noexcept {
  return HWY_DYNAMIC_DISPATCH(ThisFitter)();
}

}  // namespace kyro::index
#endif  // HWY_ONCE
