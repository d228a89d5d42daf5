// SPDX-License-Identifier: Apache-2.0
//
// The SIMD targets that this machine has, each in turn.
#ifndef KYRO_FUZZ_TARGETS_H_
#define KYRO_FUZZ_TARGETS_H_

#include <cstdint>

#include "hwy/targets.h"

namespace kyro::fuzz {

// Runs `body` once with each target, the scalar one first. What is opened in `body` uses it.
template <class Body>
void ForEachTarget(const Body& body) {
  const std::int64_t supported = hwy::SupportedTargets();
  for (const std::int64_t target :
       {HWY_SCALAR, HWY_EMU128, HWY_SSSE3, HWY_SSE4, HWY_AVX2, HWY_AVX3}) {
    const bool fallback = target == HWY_SCALAR || target == HWY_EMU128;
    if (!fallback && (supported & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace kyro::fuzz

#endif  // KYRO_FUZZ_TARGETS_H_
