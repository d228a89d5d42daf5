// SPDX-License-Identifier: Apache-2.0
//
// Keys and rows as kyroctl reads and prints them. docs/kyroctl.md has the same in prose.
//
// A row of NDJSON is {"key":42,"value":"text"}: u64 keys are numbers, byte-string keys strings.
// What is not UTF-8 stands in base64 under key_b64 or value_b64. Reading a row that was printed
// gives the same bytes, for any key and value.
#ifndef KYRO_TOOLS_KYROCTL_ROWS_H_
#define KYRO_TOOLS_KYROCTL_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "kyro/status.h"
#include "kyro/types.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {

// A copy of a key that outlives its source.
template <class K>
using OwnedKey = std::conditional_t<std::is_same_v<K, U64>, std::uint64_t, std::string>;

std::string_view KeyKindName(KeyKind kind) noexcept;  // "u64", "bytes"

// A key as typed: a u64 in decimal or 0x; bytes as they are, or with `hex` as hex digits.
// kInvalidArgument says what is wrong with it.
template <class K>
Result<OwnedKey<K>> ParseKey(std::string_view text, bool hex);

// The first key after all that begin with `prefix`; none if no key is.
std::optional<std::string> PrefixEnd(std::string_view prefix);

// A key for a line of text: 42, or "text" with escapes in quotes.
std::string KeyForPeople(std::uint64_t key);
std::string KeyForPeople(std::string_view key);

// A u64 key as manifests hold it, 8 bytes little-endian.
std::optional<std::uint64_t> DecodeU64Key(std::string_view encoded) noexcept;

// Sets "key", or "key_b64", of an object; likewise any bytes under `name` or `name`_b64.
void SetKey(Json* object, std::string_view name, std::uint64_t key);
void SetKey(Json* object, std::string_view name, std::string_view key);
void SetBytes(Json* object, std::string_view name, std::string_view bytes);

// Appends a row of NDJSON and its line end.
void AppendRow(std::string* out, std::uint64_t key, std::string_view value);
void AppendRow(std::string* out, std::string_view key, std::string_view value);

// A row as read.
struct Row {
  KeyKind kind = KeyKind::kU64;
  std::uint64_t number = 0;  // the key, if kind is kU64
  std::string bytes;         // the key, if kind is kBytes
  bool as_typed = false;     // `bytes` is a key as typed, and may be meant as a u64 key
  std::string value;
};

// Reads one line of NDJSON. kInvalidArgument says what is wrong with it.
Status ParseRow(std::string_view line, Row* row);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_ROWS_H_
