// SPDX-License-Identifier: Apache-2.0
#include "wal/reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::wal {

namespace {

// Read at once: a few hundred small records a system call.
constexpr std::uint64_t kChunkBytes = std::uint64_t{256} << 10;

}  // namespace

Result<Reader> Reader::Open(const io::Directory& directory, std::string_view name) {
  Reader reader;
  reader.name_ = name;
  KYRO_ASSIGN_OR_RETURN(reader.file_, directory.Open(name));
  const std::uint64_t page_bytes = std::min(reader.file_bytes(), kFirstRecordOffset);
  KYRO_ASSIGN_OR_RETURN(const std::string_view page, reader.Bytes(0, page_bytes));
  KYRO_ASSIGN_OR_RETURN(reader.header_, DecodeFileHeader(page, FileKind::kWal, name));
  if (page.size() < kFirstRecordOffset) {
    return FileError(StatusCode::kDataLoss, name, page.size(),
                     "ends at byte {}, inside the header page of {} bytes", page.size(),
                     kFirstRecordOffset);
  }
  if (!IsZero(page.substr(kFileHeaderBytes)) && !KYRO_PLANTED(kSkipLogHeaderPadding)) {
    return FileError(StatusCode::kDataLoss, name, kFileHeaderBytes,
                     "padding at offset {}: found bytes, want zeros", kFileHeaderBytes);
  }
  if (FileName(FileKind::kWal, reader.header_.number) != name) {
    return FileError(StatusCode::kDataLoss, name, 0, "header of file {}, want that of its name",
                     FileName(FileKind::kWal, reader.header_.number));
  }
  reader.seed_ = reader.header_.file.CrcSeed();
  return reader;
}

Result<Reader> Reader::OpenAs(const io::Directory& directory, std::string_view name,
                              const FileId& id) {
  Reader reader;
  reader.name_ = name;
  KYRO_ASSIGN_OR_RETURN(reader.file_, directory.Open(name));
  reader.header_.kind = FileKind::kWal;
  reader.header_.number = id.number;
  reader.header_.file = id.uuid;
  reader.seed_ = id.uuid.CrcSeed();
  return reader;
}

Result<bool> Reader::IsZeroSector(std::uint64_t offset) {
  const std::uint64_t count = std::min<std::uint64_t>(kSectorBytes, file_bytes() - offset);
  const Result<std::string_view> bytes = Bytes(offset, count);
  if (!bytes.ok() && bytes.status().code() != StatusCode::kDataLoss) return bytes.status();
  return bytes.ok() && IsZero(*bytes);
}

Result<std::string_view> Reader::Bytes(std::uint64_t offset, std::uint64_t count) {
  KYRO_DCHECK(offset <= file_bytes() && count <= file_bytes() - offset);
  if (offset >= window_offset_ && offset - window_offset_ <= window_.size() &&
      count <= window_.size() - (offset - window_offset_)) {
    return std::string_view(window_).substr(offset - window_offset_, count);
  }
  std::uint64_t want = std::max(count, std::min(kChunkBytes, file_bytes() - offset));
  window_offset_ = offset;
  window_.resize(want);
  Result<std::size_t> got = file_->Read(offset, want, window_.data());
  if (!got.ok() && got.status().code() == StatusCode::kIoError && count < want && salvaging_) {
    // What cannot be read may lie behind what is asked for.
    want = count;
    got = file_->Read(offset, want, window_.data());
  }
  if (!got.ok()) {
    window_.clear();
    // A read that fails must not look like the end of the log. Out of memory is not damage.
    if (got.status().code() != StatusCode::kIoError) return std::move(got).status();
    return FileError(StatusCode::kDataLoss, name_, offset, "cannot be read at offset {}: {}",
                     offset, got.status().message());
  }
  window_.resize(std::min<std::uint64_t>(*got, want));
  if (window_.size() < count) {
    return FileError(StatusCode::kDataLoss, name_, offset + window_.size(),
                     "ends at byte {} while it is being read, had {}", offset + window_.size(),
                     file_bytes());
  }
  return std::string_view(window_).substr(0, count);
}

Result<Reader::Probe> Reader::At(std::uint64_t offset) {
  Probe probe;
  const std::uint64_t left = file_bytes() - std::min(offset, file_bytes());
  if (left < kRecordHeaderBytes) {
    probe.why =
        fmt::format("{} bytes are left, want a record header of {}", left, kRecordHeaderBytes);
    return probe;
  }
  KYRO_ASSIGN_OR_RETURN(const std::string_view head, Bytes(offset, kRecordHeaderBytes));
  if (IsZero(head)) {
    probe.why = "zeros, want a record header";
    return probe;
  }
  const std::optional<RecordHeader> header = DecodeRecordHeader(head, seed_, offset, &probe.why);
  if (!header) return probe;
  const std::uint64_t payload_bytes = header->payload_bytes;
  if (payload_bytes > left - kRecordHeaderBytes || header->end() - offset > left) {
    probe.why = fmt::format("a record of {} bytes, {} are left",
                            AlignUp(kRecordHeaderBytes + payload_bytes, kSectorBytes), left);
    return probe;
  }
  KYRO_ASSIGN_OR_RETURN(const std::string_view record, Bytes(offset, header->end() - offset));
  const std::string_view payload = record.substr(kRecordHeaderBytes, payload_bytes);
  if (const std::uint32_t crc = Crc32c(payload, seed_);
      crc != header->payload_crc && !KYRO_PLANTED(kSkipRecordPayloadChecksum)) {
    probe.why = fmt::format("payload crc32c {:08x}, want {:08x}", crc, header->payload_crc);
    return probe;
  }
  probe.intact = true;
  probe.header = *header;
  probe.payload = payload;
  if (!IsZero(record.substr(kRecordHeaderBytes + payload_bytes)) &&
      !KYRO_PLANTED(kSkipRecordPadding)) {
    probe.why = "bytes in the padding, want zeros";
    return probe;
  }
  probe.valid = true;
  return probe;
}

// The header alone is proof, whatever became of the payload: it was encoded after the sync of which
// it speaks had returned. A copy of a log inside a payload fails the test of its own offset. A seal
// is no better proof than another record: it is written first and synced after, so a power cut may
// keep it and lose unsynced records before it.
std::optional<RecordHeader> Reader::WitnessIn(std::string_view sector, std::uint64_t offset,
                                              std::uint64_t from) const {
  if (offset <= from || sector.size() < kRecordHeaderBytes) return std::nullopt;
  std::optional<RecordHeader> header = DecodeRecordHeader(sector, seed_, offset, nullptr);
  if (header && header->synced_offset > from) return header;
  return std::nullopt;
}

Result<Reader::Tail> Reader::ExamineTail(std::uint64_t from) {
  KYRO_DCHECK(from % kSectorBytes == 0);
  Tail tail;
  tail.end = from;
  for (std::uint64_t at = from; at < file_bytes();) {
    const std::uint64_t count = std::min(kChunkBytes, file_bytes() - at);
    KYRO_ASSIGN_OR_RETURN(const std::string_view chunk, Bytes(at, count));
    for (std::size_t i = IsZero(chunk) ? count : 0; i < count; i += kSectorBytes) {
      const std::string_view sector = chunk.substr(i, kSectorBytes);
      if (IsZero(sector)) continue;
      tail.end = at + i + sector.find_last_not_of('\0') + 1;
      tail.witness = WitnessIn(sector, at + i, from);
      if (tail.witness) return tail;
    }
    at += count;
  }
  return tail;
}

Status StopsAt(const Reader& reader, std::uint64_t offset, Sequence next, std::string_view why) {
  return FileError(StatusCode::kDataLoss, reader.name(), offset,
                   "no valid record at offset {}, sequence {}: {}", offset, next, why);
}

namespace {

Status CheckManifest(const RecordHeader& header, const ManifestMark& manifest,
                     std::string_view name) {
  const ManifestMark& found = header.manifest;
  if (KYRO_PLANTED(kSkipManifestMark)) return Status::Ok();
  if (found.generation > manifest.generation) {
    return FileError(StatusCode::kDataLoss, name, header.offset,
                     "record at offset {}, sequence {}: MANIFEST is older than the log: "
                     "generation {}, want {}",
                     header.offset, header.first, manifest.generation, found.generation);
  }
  if (found.generation == manifest.generation && found.crc != manifest.crc) {
    return FileError(StatusCode::kDataLoss, name, header.offset,
                     "record at offset {}, sequence {}: MANIFEST of generation {} is another one: "
                     "crc32c {:08x}, want {:08x}",
                     header.offset, header.first, found.generation, manifest.crc, found.crc);
  }
  return Status::Ok();
}

void Count(const RecordHeader& header, std::string_view payload, Walk* walk) {
  walk->end = header.end();
  walk->last = header.last;
  ++walk->records;
  if (header.type == RecordType::kGroup) ++walk->groups;
  walk->batches += header.batches;
  if (header.type == RecordType::kLink) walk->link = DecodeLink(payload);
  if (header.type == RecordType::kSeal) walk->seal = DecodeSeal(payload);
}

}  // namespace

Status WalkRecords(Reader* reader, const WalkLimits& limits, const RecordVisitor& visit,
                   Walk* walk) {
  *walk = Walk();
  Sequence next = limits.next.value_or(0);
  walk->first = next;
  walk->last = next == 0 ? 0 : next - 1;
  while (!walk->seal && walk->end < limits.stop) {
    KYRO_ASSIGN_OR_RETURN(Reader::Probe probe, reader->At(walk->end));
    if (!probe.valid) {
      walk->why = std::move(probe.why);
      break;
    }
    const RecordHeader& header = probe.header;
    if (header.end() > limits.stop) {
      walk->why = fmt::format("a record of {} bytes across the end at {}",
                              header.end() - header.offset, limits.stop);
      break;
    }
    if (walk->records == 0 && !limits.next) walk->first = next = header.first;
    KYRO_RETURN_IF_ERROR(CheckRecord(header, probe.payload, next, reader->name()));
    if (limits.manifest != nullptr) {
      KYRO_RETURN_IF_ERROR(CheckManifest(header, *limits.manifest, reader->name()));
    }
    if (visit) KYRO_RETURN_IF_ERROR(visit(header, probe.payload));
    Count(header, probe.payload, walk);
    next = walk->last + 1;
  }
  return Status::Ok();
}

}  // namespace kyro::wal
