// SPDX-License-Identifier: Apache-2.0
#include "wal/record.h"

#include <limits>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::wal {

namespace {

// The offsets of docs/format-wal.md.
constexpr std::size_t kTypeOffset = 0;
constexpr std::size_t kHeaderCrcOffset = 4;
constexpr std::size_t kPayloadCrcOffset = 8;
constexpr std::size_t kPayloadBytesOffset = 12;
constexpr std::size_t kOwnOffset = 16;
constexpr std::size_t kFirstOffset = 24;
constexpr std::size_t kLastOffset = 32;
constexpr std::size_t kSyncedOffset = 40;
constexpr std::size_t kMicrosOffset = 48;
constexpr std::size_t kGenerationOffset = 56;
constexpr std::size_t kManifestCrcOffset = 64;
constexpr std::size_t kBatchesOffset = 68;
constexpr std::size_t kReservedOffset = 72;
static_assert(kReservedOffset + sizeof(std::uint64_t) == kRecordHeaderBytes);

constexpr std::size_t kLinkBytes = 48;
constexpr std::size_t kSealBytes = 24;

// Of everything in the header but the CRC itself.
std::uint32_t HeaderCrc(std::string_view header, std::uint32_t seed) noexcept {
  const std::uint32_t type_crc = Crc32c(header.substr(kTypeOffset, kHeaderCrcOffset), seed);
  return Crc32c(header.substr(kPayloadCrcOffset, kRecordHeaderBytes - kPayloadCrcOffset), type_crc);
}

// What the payload says about the sequences that the record takes; nothing if it is malformed.
std::optional<std::uint64_t> SequencesTaken(const RecordHeader& header, std::string_view payload) {
  switch (header.type) {
    case RecordType::kLink:
      return DecodeLink(payload) ? std::optional<std::uint64_t>(0) : std::nullopt;
    case RecordType::kSeal:
      return DecodeSeal(payload) ? std::optional<std::uint64_t>(0) : std::nullopt;
    case RecordType::kMark:
      return payload.empty() ? std::optional<std::uint64_t>(0) : std::nullopt;
    case RecordType::kGroup:
      break;
  }
  std::uint64_t batches = 0;
  for (std::string_view batch; NextBatch(&payload, &batch);) ++batches;
  if (!payload.empty() || batches == 0 || batches != header.batches) return std::nullopt;
  return batches;
}

}  // namespace

std::string_view RecordTypeName(RecordType type) noexcept {
  switch (type) {
    case RecordType::kLink:
      return "link";
    case RecordType::kGroup:
      return "group";
    case RecordType::kMark:
      return "mark";
    case RecordType::kSeal:
      return "seal";
  }
  return "unknown";
}

void AddBatch(std::string* buffer, std::string_view batch) {
  KYRO_DCHECK(batch.size() <= std::numeric_limits<std::uint32_t>::max());
  AppendLE(buffer, static_cast<std::uint32_t>(batch.size()));
  buffer->append(batch);
}

void FinishRecord(RecordHeader header, std::uint32_t seed, std::string* record) {
  KYRO_DCHECK(record->size() >= kRecordHeaderBytes);
  const std::size_t payload_bytes = record->size() - kRecordHeaderBytes;
  KYRO_DCHECK(payload_bytes <= std::numeric_limits<std::uint32_t>::max());
  record->resize(AlignUp(record->size(), kSectorBytes), '\0');
  char* const at = record->data();
  StoreLE(at + kTypeOffset, header.type);
  StoreLE(at + kPayloadCrcOffset,
          Crc32c(std::string_view(at + kRecordHeaderBytes, payload_bytes), seed));
  StoreLE(at + kPayloadBytesOffset, static_cast<std::uint32_t>(payload_bytes));
  StoreLE(at + kOwnOffset, header.offset);
  StoreLE(at + kFirstOffset, header.first);
  StoreLE(at + kLastOffset, header.last);
  StoreLE(at + kSyncedOffset, header.synced_offset);
  StoreLE(at + kMicrosOffset, header.commit_micros);
  StoreLE(at + kGenerationOffset, header.manifest.generation);
  StoreLE(at + kManifestCrcOffset, header.manifest.crc);
  StoreLE(at + kBatchesOffset, header.batches);
  StoreLE(at + kReservedOffset, header.reserved);
  StoreLE(at + kHeaderCrcOffset, HeaderCrc(*record, seed));
}

std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes, std::uint32_t seed,
                                               std::uint64_t offset, std::string* why) {
  KYRO_DCHECK(bytes.size() >= kRecordHeaderBytes);
  const char* const at = bytes.data();
  const auto found = LoadLE<std::uint32_t>(at + kHeaderCrcOffset);
  if (const std::uint32_t want = HeaderCrc(bytes, seed);
      found != want && !KYRO_PLANTED(kSkipRecordHeaderChecksum)) {
    if (why != nullptr) *why = fmt::format("header crc32c {:08x}, want {:08x}", found, want);
    return std::nullopt;
  }
  RecordHeader header;
  header.type = LoadLE<RecordType>(at + kTypeOffset);
  header.payload_crc = LoadLE<std::uint32_t>(at + kPayloadCrcOffset);
  header.payload_bytes = LoadLE<std::uint32_t>(at + kPayloadBytesOffset);
  header.offset = LoadLE<std::uint64_t>(at + kOwnOffset);
  header.first = LoadLE<std::uint64_t>(at + kFirstOffset);
  header.last = LoadLE<std::uint64_t>(at + kLastOffset);
  header.synced_offset = LoadLE<std::uint64_t>(at + kSyncedOffset);
  header.commit_micros = LoadLE<std::uint64_t>(at + kMicrosOffset);
  header.manifest.generation = LoadLE<std::uint64_t>(at + kGenerationOffset);
  header.manifest.crc = LoadLE<std::uint32_t>(at + kManifestCrcOffset);
  header.batches = LoadLE<std::uint32_t>(at + kBatchesOffset);
  header.reserved = LoadLE<std::uint64_t>(at + kReservedOffset);
  if (header.offset != offset) {
    if (why != nullptr) *why = fmt::format("a record of offset {}", header.offset);
    return std::nullopt;
  }
  return header;
}

std::string EncodeLink(const Link& link) {
  std::string payload;
  AppendLE(&payload, link.predecessor.number);
  AppendLE(&payload, link.predecessor.uuid);
  AppendLE(&payload, link.predecessor_bytes);
  AppendLE(&payload, link.predecessor_last);
  AppendLE(&payload, std::uint64_t{link.cut});
  return payload;
}

std::string EncodeSeal(const Seal& seal) {
  std::string payload;
  AppendLE(&payload, seal.successor.number);
  AppendLE(&payload, seal.successor.uuid);
  return payload;
}

std::optional<Link> DecodeLink(std::string_view payload) {
  if (payload.size() != kLinkBytes) return std::nullopt;
  ByteReader reader(payload);
  Link link;
  link.predecessor.number = reader.Read<std::uint64_t>();
  link.predecessor.uuid = reader.Read<Uuid>();
  link.predecessor_bytes = reader.Read<std::uint64_t>();
  link.predecessor_last = reader.Read<Sequence>();
  const auto flags = reader.Read<std::uint64_t>();
  if (flags > 1) return std::nullopt;
  link.cut = flags == 1;
  return link;
}

std::optional<Seal> DecodeSeal(std::string_view payload) {
  if (payload.size() != kSealBytes) return std::nullopt;
  ByteReader reader(payload);
  Seal seal;
  seal.successor.number = reader.Read<std::uint64_t>();
  seal.successor.uuid = reader.Read<Uuid>();
  return seal;
}

bool NextBatch(std::string_view* payload, std::string_view* batch) noexcept {
  if (payload->size() < kBatchLengthBytes) return false;
  const auto bytes = LoadLE<std::uint32_t>(payload->data());
  if (payload->size() - kBatchLengthBytes < bytes) return false;
  *batch = payload->substr(kBatchLengthBytes, bytes);
  payload->remove_prefix(kBatchLengthBytes + bytes);
  return true;
}

Status CheckRecord(const RecordHeader& header, std::string_view payload, Sequence next,
                   std::string_view name) {
  const auto raw_type = static_cast<std::uint32_t>(header.type);
  if (RecordTypeName(header.type) == "unknown") {
    return FileError(StatusCode::kUnsupported, name, header.offset,
                     "record at offset {}, sequence {}: unknown type {}", header.offset, next,
                     raw_type);
  }
  const auto damage = [&](std::string_view what) {
    return FileError(StatusCode::kDataLoss, name, header.offset,
                     "{} record at offset {}, sequence {}: {}", RecordTypeName(header.type),
                     header.offset, next, what);
  };
  if (header.reserved != 0) return damage("reserved bytes are not zero");
  if (header.first != next) {
    return damage(fmt::format("starts at sequence {}, want {}", header.first, next));
  }
  if (header.synced_offset < kFirstRecordOffset || header.synced_offset > header.offset) {
    return damage(fmt::format("synced offset {}, want {} to {}", header.synced_offset,
                              kFirstRecordOffset, header.offset));
  }
  if ((header.type == RecordType::kLink) != (header.offset == kFirstRecordOffset)) {
    return damage(fmt::format("a link stands at offset {} and nowhere else", kFirstRecordOffset));
  }
  if (header.type != RecordType::kGroup && header.batches != 0) {
    return damage(fmt::format("{} batches, want 0", header.batches));
  }
  const std::optional<std::uint64_t> taken = SequencesTaken(header, payload);
  if (!taken) {
    return damage(
        fmt::format("malformed payload of {} bytes, {} batches", payload.size(), header.batches));
  }
  // Sequence 0 is before all, and the highest one could have no next.
  if (next == 0 || *taken >= kSequenceMax - next || header.last != next + *taken - 1) {
    return damage(fmt::format("takes {} sequences and ends at {}", *taken, header.last));
  }
  if (header.type == RecordType::kLink) {
    const Link link = *DecodeLink(payload);
    if (link.predecessor_last != header.last) {
      return damage(fmt::format("its predecessor ends at sequence {}, want {}",
                                link.predecessor_last, header.last));
    }
  }
  return Status::Ok();
}

}  // namespace kyro::wal
