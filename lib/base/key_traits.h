// SPDX-License-Identifier: Apache-2.0
//
// What the rooms need to know of a key kind: its order and its encoding. An encoded key is the
// key's bytes as they stand in batches, the WAL and manifests: 8 bytes little-endian for U64.
#ifndef KYRO_BASE_KEY_TRAITS_H_
#define KYRO_BASE_KEY_TRAITS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "kyro/types.h"

namespace kyro {

template <class K>
struct KeyTraits;

template <>
struct KeyTraits<U64> {
  using Key = std::uint64_t;
  using Owned = std::uint64_t;  // a copy that outlives its source
  static bool Less(Key a, Key b) noexcept { return a < b; }
  static bool Equal(Key a, Key b) noexcept { return a == b; }
  static void Append(std::string* out, Key key) { AppendLE(out, key); }
  // Requires encoded.size() == 8.
  static Key Decode(std::string_view encoded) noexcept {
    return LoadLE<std::uint64_t>(encoded.data());
  }
  static bool ValidSize(std::size_t encoded_bytes) noexcept { return encoded_bytes == 8; }
};

template <>
struct KeyTraits<Bytes> {
  using Key = std::string_view;
  using Owned = std::string;
  static bool Less(Key a, Key b) noexcept { return a < b; }  // memcmp, then length
  static bool Equal(Key a, Key b) noexcept { return a == b; }
  static void Append(std::string* out, Key key) { out->append(key); }
  static Key Decode(std::string_view encoded) noexcept { return encoded; }
  static bool ValidSize(std::size_t encoded_bytes) noexcept {
    return encoded_bytes <= kKeyBytesMax;
  }
};

}  // namespace kyro

#endif  // KYRO_BASE_KEY_TRAITS_H_
