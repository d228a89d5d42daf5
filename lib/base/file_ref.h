// SPDX-License-Identifier: Apache-2.0
//
// How rooms that may not know each other speak of files: what the manifest names, the segment room
// writes and the log chains. Plain values.
#ifndef KYRO_BASE_FILE_REF_H_
#define KYRO_BASE_FILE_REF_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_header.h"
#include "base/uuid.h"
#include "kyro/types.h"

namespace kyro {

// A file by number and identity. number 0: no file.
struct FileId {
  std::uint64_t number = 0;
  Uuid uuid;
  bool exists() const noexcept { return number != 0; }
  friend bool operator==(const FileId&, const FileId&) = default;
};

// XXH3-128 of a segment file's header and checksum table: the identity of its content.
struct Digest {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  friend bool operator==(const Digest&, const Digest&) = default;
};

// One immutable file that a manifest names.
struct FileRef {
  FileId id;
  std::uint64_t bytes = 0;
  Digest digest;
  friend bool operator==(const FileRef&, const FileRef&) = default;
};

// One segment. Keys are encoded (base/key_traits.h).
struct SegmentRef {
  FileRef keys;
  FileRef data;
  FileRef model;              // id.number 0: none (byte-string keys, few keys)
  std::uint64_t entries = 0;  // tombstones included
  std::uint64_t tombstones = 0;
  Sequence min_sequence = 0;  // of the commits it holds
  Sequence max_sequence = 0;
  std::string first_key;
  std::string last_key;  // inclusive
  friend bool operator==(const SegmentRef&, const SegmentRef&) = default;
};

// Key-disjoint segments in key order. Never empty.
struct RunRef {
  std::vector<SegmentRef> segments;
  friend bool operator==(const RunRef&, const RunRef&) = default;
};

// The manifest that was newest and durable when a log record was written.
struct ManifestMark {
  std::uint64_t generation = 0;
  std::uint32_t crc = 0;
  friend bool operator==(const ManifestMark&, const ManifestMark&) = default;
};

}  // namespace kyro

#endif  // KYRO_BASE_FILE_REF_H_
