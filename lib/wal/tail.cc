// SPDX-License-Identifier: Apache-2.0
#include "wal/tail.h"

#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::wal {

ScannedFile Scanned(const Reader& reader, const Walk& walk) {
  ScannedFile file;
  file.id = reader.id();
  file.file_bytes = reader.file_bytes();
  file.valid_bytes = walk.end;
  file.first_sequence = walk.first;
  file.last_sequence = walk.last;
  file.groups = walk.groups;
  file.batches = walk.batches;
  file.sealed = walk.seal.has_value();
  return file;
}

Status CheckZerosBehind(Reader* reader, const Walk& walk) {
  KYRO_ASSIGN_OR_RETURN(const Reader::Tail tail, reader->ExamineTail(walk.end));
  if (tail.end == walk.end || KYRO_PLANTED(kSkipZerosBehindLog)) return Status::Ok();
  return FileError(StatusCode::kDataLoss, reader->name(), walk.end,
                   "bytes up to offset {} behind the log's end at offset {}, sequence {}, want "
                   "zeros",
                   tail.end, walk.end, walk.last);
}

Result<std::uint64_t> TornBytes(Reader* reader, const Walk& walk) {
  KYRO_ASSIGN_OR_RETURN(const Reader::Tail tail, reader->ExamineTail(walk.end));
  if (!tail.witness && !(KYRO_PLANTED(kTornTailRefused) && tail.end != walk.end)) {
    return tail.end - walk.end;
  }
  const RecordHeader& witness = *tail.witness;
  return FileError(StatusCode::kDataLoss, reader->name(), walk.end,
                   "no valid record at offset {}, sequence {}: {}; not a torn write, because the "
                   "{} record at offset {} was written after a sync of bytes up to {}",
                   walk.end, walk.last + 1, walk.why, RecordTypeName(witness.type), witness.offset,
                   witness.synced_offset);
}

}  // namespace kyro::wal
