// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a log file; docs/format-wal.md is the same in prose. Shared by writer and reader.
#ifndef KYRO_WAL_FORMAT_H_
#define KYRO_WAL_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/file_ref.h"
#include "base/limits.h"
#include "kyro/types.h"

namespace kyro::wal {

enum class RecordType : std::uint32_t {
  kLink = 1,   // the first record of every file: the file before it
  kGroup = 2,  // one commit group: its batches
  kMark = 3,   // no commits: carries synced_offset after idleness
  kSeal = 4,   // the last record of a file that ended in order: the file after it
};

// Records start on sector boundaries; the header page is one sector.
inline constexpr std::uint64_t kFirstRecordOffset = kSectorBytes;
inline constexpr std::size_t kRecordHeaderBytes = 80;
// What a record's buffer may grow by when it is padded.
inline constexpr std::size_t kRecordSlackBytes = kSectorBytes;

// Payload of kLink: the file that this one continues.
struct Link {
  FileId predecessor;                   // number 0: the first file of a chain
  std::uint64_t predecessor_bytes = 0;  // its records end here
  Sequence predecessor_last = 0;        // the last sequence before this file
  bool cut = false;  // whatever the predecessor holds past predecessor_bytes, a seal too, is void
  friend bool operator==(const Link&, const Link&) = default;
};

// Payload of kSeal: the file that continues this one; number 0 when the database was closed.
struct Seal {
  FileId successor;
  friend bool operator==(const Seal&, const Seal&) = default;
};

// Adds one batch to the payload of a kGroup record in the making (which starts behind
// kRecordHeaderBytes of anything): u32 length, then the bytes. Batches are opaque here.
inline constexpr std::size_t kBatchLengthBytes = 4;
void AddBatch(std::string* buffer, std::string_view batch);

}  // namespace kyro::wal

#endif  // KYRO_WAL_FORMAT_H_
