// SPDX-License-Identifier: Apache-2.0
//
// A split-block Bloom filter (Putze, Sanders, Singler 2007; the layout is Parquet's SBBF): eight
// 32-bit words a block, one bit in each, one cache line a lookup. Pure functions over bytes.
#ifndef KYRO_FILTER_SPLIT_BLOCK_H_
#define KYRO_FILTER_SPLIT_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kyro::filter {

inline constexpr std::size_t kBlockBytes = 32;

// The hash of a key; the same on every machine, for ever (it decides what is on disk).
// Inline for integers (the finalizer of MurmurHash3): a lookup that a filter ends costs no call.
inline std::uint64_t HashKey(std::uint64_t key) noexcept {
  key ^= key >> 33;
  key *= 0xFF51AFD7ED558CCDu;
  key ^= key >> 33;
  key *= 0xC4CEB9FE1A85EC53u;
  return key ^ (key >> 33);
}
std::uint64_t HashKey(std::string_view key) noexcept;  // XXH3-64

// Bytes of a filter for `entries` keys at about `bits_per_key` (10: 1.3% false positives);
// a multiple of kBlockBytes, at least one block.
std::size_t FilterBytes(std::uint64_t entries, std::uint32_t bits_per_key) noexcept;

// `filter` is zeroed before the first Add; its size is a positive multiple of kBlockBytes.
void Add(std::span<char> filter, std::uint64_t hash) noexcept;

// Where the block of a hash begins in a filter of so many blocks, one or more. Below 2^32 blocks
// (128 GiB) every one can be chosen.
inline std::size_t BlockOffset(std::uint64_t hash, std::size_t blocks) noexcept {
  return static_cast<std::size_t>(((hash >> 32) * blocks) >> 32) * kBlockBytes;
}

// False only if no key of that hash was added. True for a filter of no or uneven size.
bool MayContain(std::string_view filter, std::uint64_t hash) noexcept;
// Whether any of them says so: one call for all. Each has a positive multiple of kBlockBytes.
bool AnyMayContain(std::span<const std::string_view> filters, std::uint64_t hash) noexcept;

}  // namespace kyro::filter

#endif  // KYRO_FILTER_SPLIT_BLOCK_H_
