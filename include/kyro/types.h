// SPDX-License-Identifier: Apache-2.0
//
// The words of the API: key kinds, sequences, ranges, durability.
#ifndef KYRO_TYPES_H_
#define KYRO_TYPES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace kyro {

// Keys that are numbers. The kind of a keyspace's keys is fixed when it is created.
struct [[gnu::visibility("default")]] U64 {
  using Key = std::uint64_t;  // numeric order; 0 and 2^64-1 are ordinary keys
};
// Keys of bytes.
struct [[gnu::visibility("default")]] Bytes {
  using Key = std::string_view;  // 0 to 65,535 bytes, any bytes, memcmp order
};

// A key kind as a value: what the types U64 and Bytes are at run time.
enum class KeyKind : std::uint8_t { kU64 = 1, kBytes = 2 };
// The value of the kind K.
template <class K>
inline constexpr KeyKind kKindOf = KeyKind::kU64;
// The value of Bytes.
template <>
inline constexpr KeyKind kKindOf<Bytes> = KeyKind::kBytes;

// The place of a commit in the one commit order of a Db. Commits count from 1; 0 is before all.
// Never reused.
using Sequence = std::uint64_t;

inline constexpr std::size_t kKeyBytesMax = 65535;                    // of a Bytes key
inline constexpr std::size_t kValueBytesMax = std::size_t{64} << 20;  // 64 MiB

// Keys in [lo, hi); an absent end is unbounded. Bytes ends are not owned: they live until the call
// that takes the range has returned.
template <class K>
struct Range {
  std::optional<typename K::Key> lo{};  // the first key
  std::optional<typename K::Key> hi{};  // the first key behind the range
};

// When a write returns and becomes visible. See docs/guarantees.md.
enum class Durability : std::uint8_t {
  kSync = 0,      // after its fdatasync: survives kill -9 and power loss
  kInterval = 1,  // after its write: survives kill -9; synced every Options::sync_interval
  kOs = 2,        // after its write: survives kill -9; the operating system decides when to sync
};

// How segments are brought into memory.
enum class Access : std::uint8_t {
  kMap = 0,   // mmap: shares the page cache; a failing disk under an evicted page raises SIGBUS
  kCopy = 1,  // a verified read into anonymous memory: never SIGBUS
};

}  // namespace kyro

#endif  // KYRO_TYPES_H_
