// SPDX-License-Identifier: Apache-2.0
//
// The chain of log files as recovery sees it: scan and decide first, with nothing changed on disk;
// replay after. The rules for torn tails and damage are those of docs/format-wal.md.
#ifndef KYRO_WAL_CHAIN_H_
#define KYRO_WAL_CHAIN_H_

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "wal/format.h"

namespace kyro::wal {

// What the manifest knows of the log.
struct ChainStart {
  Uuid database;
  FileId floor;                 // the oldest file still needed; number 0: none
  Sequence floor_sequence = 0;  // everything up to here is in segments; the floor holds the next
  // The newest file the manifest names; number 0: none. Without a floor nothing is read of it, but
  // files up to its number are leftovers.
  FileId newest;
  bool clean = false;              // closed in order: `newest` is sealed and exactly ...
  std::uint64_t newest_bytes = 0;  // ... this long
  Sequence last_sequence = 0;      // at least this sequence must be found (when there is a floor)
  ManifestMark manifest;           // a record that names a newer one means: stale manifest
};

struct ScannedFile {
  FileId id;
  std::uint64_t file_bytes = 0;   // on disk
  std::uint64_t valid_bytes = 0;  // the end of the last valid record
  Sequence first_sequence = 0;    // the next sequence at its start
  Sequence last_sequence = 0;     // after its last record
  std::uint64_t groups = 0;
  std::uint64_t batches = 0;
  bool sealed = false;
};

struct Chain {
  std::vector<ScannedFile> files;  // oldest first
  Sequence last_sequence = 0;
  bool clean = false;  // ended by the seal of a closed database, as the manifest says
  // Cut off the newest file as a torn tail: from its last record through its last non-zero byte.
  std::uint64_t torn_bytes = 0;
  std::uint64_t bytes_checked = 0;  // all bytes of all files: records, padding, zeros behind
};

// Reads every byte of every file of the chain with bounded memory (one record at a time). Refuses
// with kDataLoss (file, offset, sequence): a named file missing or of another identity, any invalid
// record where one must stand, non-zero padding, a gap in the sequences, an end before
// start.last_sequence, a record that names a newer manifest, unnamed log files of this database
// that hold commits (one with nothing but a link is an orphan: a link is made durable before the
// manifest names its file), log files of another database that hold commits. kUnsupported for a
// record type or feature that a newer kyro wrote.
Result<Chain> ScanChain(const io::Directory& directory, const ChainStart& start);

// Calls `apply` for every batch with a sequence above `after`, in sequence order. `batch` is valid
// during the call. Stops at the first error. The damage that ScanChain would have found is found
// again here.
Status ReplayChain(const io::Directory& directory, const ChainStart& start, const Chain& chain,
                   Sequence after,
                   const std::function<Status(Sequence sequence, std::string_view batch)>& apply);

}  // namespace kyro::wal

#endif  // KYRO_WAL_CHAIN_H_
