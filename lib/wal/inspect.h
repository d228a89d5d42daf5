// SPDX-License-Identifier: Apache-2.0
//
// One log file on its own, for people: kyroctl inspect and verify.
#ifndef KYRO_WAL_INSPECT_H_
#define KYRO_WAL_INSPECT_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "io/file_system.h"
#include "kyro/status.h"
#include "wal/chain.h"
#include "wal/reader.h"

namespace kyro::wal {

struct FileReport {
  FileHeader header;
  ScannedFile file;
  std::optional<Link> link;      // its first record
  std::optional<Seal> seal;      // its last one
  std::uint64_t torn_bytes = 0;  // behind the last record, if that may be a torn write
  // What is wrong, judging by this file alone; a torn write is not. OK for a file that ends in
  // zeros or in its seal.
  Status damage;
};

// Reads every byte. `visit` may be empty; it sees each record up to the first damage, and an error
// of its own stops the scan. An error only if the file cannot be opened or its header is damaged.
Result<FileReport> ScanFile(const io::Directory& directory, std::string_view name,
                            const RecordVisitor& visit);

}  // namespace kyro::wal

#endif  // KYRO_WAL_INSPECT_H_
