// SPDX-License-Identifier: Apache-2.0
//
// One record of a log file as bytes (docs/format-wal.md): the definition that writer and readers
// share. Pure functions; any thread.
#ifndef KYRO_WAL_RECORD_H_
#define KYRO_WAL_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/file_ref.h"
#include "kyro/status.h"
#include "wal/format.h"

namespace kyro::wal {

struct RecordHeader {
  RecordType type = RecordType::kGroup;  // any u32 when it comes from a disk
  std::uint32_t payload_crc = 0;
  std::uint32_t payload_bytes = 0;
  std::uint64_t offset = 0;  // its own, in its file
  Sequence first = 0;
  Sequence last = 0;
  std::uint64_t synced_offset = 0;  // proven durable before this record was encoded
  std::uint64_t commit_micros = 0;
  ManifestMark manifest;
  std::uint32_t batches = 0;
  std::uint64_t reserved = 0;

  // Where the next record goes. Requires that the payload was checked against the file's length.
  std::uint64_t end() const noexcept {
    return AlignUp(offset + kRecordHeaderBytes + payload_bytes, kSectorBytes);
  }
};

std::string_view RecordTypeName(RecordType type) noexcept;  // "group"; "unknown"

// Fills in the first kRecordHeaderBytes of `*record`, whose rest is the payload: both CRCs and
// payload_bytes are computed here. Then pads to the next sector. Requires a payload below 4 GiB.
void FinishRecord(RecordHeader header, std::uint32_t seed, std::string* record);

// The header at `offset`, or nothing if its CRC does not match or it belongs elsewhere; `*why`,
// unless null, then says so. `bytes` holds kRecordHeaderBytes. Type, sequences and lengths are
// those of an intact header but not checked otherwise.
std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes, std::uint32_t seed,
                                               std::uint64_t offset, std::string* why);

std::string EncodeLink(const Link& link);
std::string EncodeSeal(const Seal& seal);
// Nothing unless `payload` is exactly what the encoder would write.
std::optional<Link> DecodeLink(std::string_view payload);
std::optional<Seal> DecodeSeal(std::string_view payload);

// Takes the next batch off the front of a group's payload. False at its end, or if it is malformed:
// then bytes are left in `*payload`.
bool NextBatch(std::string_view* payload, std::string_view* batch) noexcept;

// Whether an intact record says what its type may say: payload, batch count and sequences agree,
// and it starts at sequence `next`. kUnsupported for an unknown type, kDataLoss otherwise. `name`
// is the file's.
Status CheckRecord(const RecordHeader& header, std::string_view payload, Sequence next,
                   std::string_view name);

}  // namespace kyro::wal

#endif  // KYRO_WAL_RECORD_H_
