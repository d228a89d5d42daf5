// SPDX-License-Identifier: Apache-2.0
//
// A lookup's first half: compiled from the library's own kernels, up to where a lookup begins to
// read keys. Model::Predict says more and takes longer; as a stage of a get it would be a detour.
#ifndef KYRO_BENCH_PEERS_PREDICT_H_
#define KYRO_BENCH_PEERS_PREDICT_H_

#include <cstdint>

#include "index/core.h"

namespace kyro::bench {

// The position of the first key that a lookup of `key` reads.
using PredictStart = std::uint32_t (*)(const index::Core& core, std::uint64_t key) noexcept;

// For this model, on the best SIMD target of the machine.
PredictStart PredictStartOf(const index::Core& core);

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_PREDICT_H_
