// SPDX-License-Identifier: Apache-2.0
//
// Where a hash stands in a split-block filter: the block is chosen by its upper half, the bits in
// the block by the lower: word i gets the bit numbered by the upper five bits of lower * kSalts[i].
// Integers only, little-endian words: every machine computes the same bits.
#ifndef KYRO_FILTER_BLOCK_H_
#define KYRO_FILTER_BLOCK_H_

#include <cstddef>
#include <cstdint>

#include "filter/split_block.h"

namespace kyro::filter {

inline constexpr std::size_t kWords = kBlockBytes / sizeof(std::uint32_t);

// Parquet's: odd numbers of the authors' choice.
alignas(kBlockBytes) inline constexpr std::uint32_t kSalts[kWords] = {
    0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D, 0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31};

inline std::uint32_t Bit(std::uint64_t hash, std::size_t word) noexcept {
  return std::uint32_t{1} << ((static_cast<std::uint32_t>(hash) * kSalts[word]) >> 27);
}

}  // namespace kyro::filter

#endif  // KYRO_FILTER_BLOCK_H_
