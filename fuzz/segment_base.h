// SPDX-License-Identifier: Apache-2.0
//
// Segments to damage: a few small ones that between them have every column, built once by the
// library's own builder, and what is known of them.
#ifndef KYRO_FUZZ_SEGMENT_BASE_H_
#define KYRO_FUZZ_SEGMENT_BASE_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_ref.h"
#include "base/key_traits.h"

namespace kyro::fuzz {

template <class K>
using Owned = typename KeyTraits<K>::Owned;

// Keys and values; no value: a tombstone.
template <class K>
using Entries = std::map<Owned<K>, std::optional<std::string>>;

// .keys, .data, .rmi; the last is empty if there is no model.
using SegmentBytes = std::array<std::string, 3>;
inline constexpr FileKind kSegmentKinds[] = {FileKind::kKeys, FileKind::kData, FileKind::kModel};

template <class K>
struct BuiltSegment {
  Entries<K> entries;
  SegmentRef ref;
  SegmentBytes files;
};

// At least one each. Built at the first call.
const std::vector<BuiltSegment<U64>>& U64Segments();
const std::vector<BuiltSegment<Bytes>>& BytesSegments();

FileRef& RefOf(SegmentRef* ref, FileKind kind);

}  // namespace kyro::fuzz

#endif  // KYRO_FUZZ_SEGMENT_BASE_H_
