// SPDX-License-Identifier: Apache-2.0
//
// The block is chosen by the upper half of the hash, the bits in it by the lower: word i gets the
// bit numbered by the upper five bits of lower * kSalts[i]. Integers only, little-endian words:
// every machine computes the same bits.
#include "filter/split_block.h"

#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "base/coding.h"

namespace kyro::filter {

namespace {

constexpr std::size_t kWords = kBlockBytes / sizeof(std::uint32_t);

// Parquet's: odd numbers of the authors' choice.
constexpr std::uint32_t kSalts[kWords] = {0x47B6137B, 0x44974D91, 0x8824AD5B, 0xA2B7289D,
                                          0x705495C7, 0x2DF1424B, 0x9EFC4947, 0x5C6BFB31};

// Requires blocks > 0. Below 2^32 blocks (128 GiB) every block can be chosen.
std::size_t BlockOffset(std::uint64_t hash, std::size_t blocks) noexcept {
  return static_cast<std::size_t>(((hash >> 32) * blocks) >> 32) * kBlockBytes;
}

std::uint32_t Bit(std::uint64_t hash, std::size_t word) noexcept {
  return std::uint32_t{1} << ((static_cast<std::uint32_t>(hash) * kSalts[word]) >> 27);
}

}  // namespace

std::uint64_t HashKey(std::string_view key) noexcept {
  return XXH3_64bits(key.data(), key.size());
}

std::size_t FilterBytes(std::uint64_t entries, std::uint32_t bits_per_key) noexcept {
  constexpr std::size_t kBlocksMax = std::numeric_limits<std::size_t>::max() / kBlockBytes;
  const unsigned __int128 bits = static_cast<unsigned __int128>(entries) * bits_per_key;
  const unsigned __int128 blocks = (bits + 8 * kBlockBytes - 1) / (8 * kBlockBytes);
  if (blocks == 0) return kBlockBytes;
  return (blocks < kBlocksMax ? static_cast<std::size_t>(blocks) : kBlocksMax) * kBlockBytes;
}

void Add(std::span<char> filter, std::uint64_t hash) noexcept {
  KYRO_DCHECK(!filter.empty() && filter.size() % kBlockBytes == 0);
  char* const block = filter.data() + BlockOffset(hash, filter.size() / kBlockBytes);
  for (std::size_t i = 0; i < kWords; ++i) {
    char* const word = block + i * sizeof(std::uint32_t);
    StoreLE(word, LoadLE<std::uint32_t>(word) | Bit(hash, i));
  }
}

bool MayContain(std::string_view filter, std::uint64_t hash) noexcept {
  if (filter.empty() || filter.size() % kBlockBytes != 0) return true;
  const char* const block = filter.data() + BlockOffset(hash, filter.size() / kBlockBytes);
  // No early exit: eight independent words cost less than one branch that is taken half the time.
  std::uint32_t missing = 0;
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::uint32_t bit = Bit(hash, i);
    missing |= bit & ~LoadLE<std::uint32_t>(block + i * sizeof(std::uint32_t));
  }
  return missing == 0;
}

}  // namespace kyro::filter
