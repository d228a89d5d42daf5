// SPDX-License-Identifier: Apache-2.0
//
// A second, slow reading of docs/format-model.md, which shares no code with the library. What it
// predicts, every SIMD target must predict.
#ifndef KYRO_TESTS_INDEX_REFERENCE_H_
#define KYRO_TESTS_INDEX_REFERENCE_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace kyro::index {

struct ReferenceWindow {
  std::uint64_t start = 0;
  std::uint64_t count = 0;
};

// For an intact model only.
ReferenceWindow ReferencePredict(std::span<const std::byte> model, std::uint64_t key);

}  // namespace kyro::index

#endif  // KYRO_TESTS_INDEX_REFERENCE_H_
