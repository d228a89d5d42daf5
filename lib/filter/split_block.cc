// SPDX-License-Identifier: Apache-2.0
#include "filter/split_block.h"

#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "base/coding.h"
#include "filter/block.h"

namespace kyro::filter {

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

}  // namespace kyro::filter
