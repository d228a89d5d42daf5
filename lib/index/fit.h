// SPDX-License-Identifier: Apache-2.0
//
// How well a leaf fits the keys of its slot: the inner loop of building, once per SIMD target.
#ifndef KYRO_INDEX_FIT_H_
#define KYRO_INDEX_FIT_H_

#include <cstdint>

#include "index/core.h"

namespace kyro::index {

// Limits and what they decide. A leaf whose error exceeds kLeafErrorMax would need a window of
// more than 64 keys.
inline constexpr std::uint32_t kLeafErrorMax = kErrorBuckets - 1;
// A prediction off by more than this may miss the first probe, even the widest.
inline constexpr std::uint32_t kLeafErrorNear = 11;

struct Fit {
  std::uint32_t max_error = 0;  // once it is known to exceed kLeafErrorMax, the rest is not
  std::uint32_t far_keys = 0;   // off by more than kLeafErrorNear
};

using FitFunction = Fit (*)(const NodeRecord& node, const std::uint64_t* keys, std::uint32_t first,
                            std::uint32_t end) noexcept;

// Looks at the keys [first, end), which lie in one slot of `node`, as those of one leaf. The
// function of the best target that this machine has; every target finds the same.
FitFunction LeafFitter() noexcept;

}  // namespace kyro::index

#endif  // KYRO_INDEX_FIT_H_
