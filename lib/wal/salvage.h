// SPDX-License-Identifier: Apache-2.0
//
// What is left of a log that ScanChain refuses: every record whose two checksums are right,
// wherever it stands, and the sequences that are missing between them. For repair.
//
// A record is proven by checksums that start from its file's uuid and cover its own offset. The
// uuid is the file's header's or, if that is damaged, the one by which the manifest, a seal or a
// link names the file.
#ifndef KYRO_WAL_SALVAGE_H_
#define KYRO_WAL_SALVAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_ref.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "wal/chain.h"

namespace kyro::wal {

// Bytes of one log file that are no intact record.
struct LogDamage {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string what;
};

// Commits that nothing intact holds, [first, last], and where they were.
struct LogGap {
  Sequence first = 0;
  Sequence last = 0;
  LogDamage where;
};

struct SalvagedGroup {
  Sequence first = 0;
  Sequence last = 0;
  std::string payload;  // NextBatch takes its batches
  std::string file;
  std::uint64_t offset = 0;
};

struct SalvagedLog {
  std::vector<SalvagedGroup> groups;  // ascending, not overlapping, behind and before gaps
  std::vector<LogGap> gaps;           // ascending
  std::vector<LogDamage> damages;     // also where nothing was lost by it
  ManifestMark newest_manifest;       // that a record names
};

// Requires a start.floor or, without a manifest, start.database nil: then every log file counts.
// Memory for all groups. An error only for want of memory or descriptors, or if the directory
// cannot be listed.
Result<SalvagedLog> SalvageLog(const io::Directory& directory, const ChainStart& start);

}  // namespace kyro::wal

#endif  // KYRO_WAL_SALVAGE_H_
