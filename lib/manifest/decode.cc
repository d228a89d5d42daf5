// SPDX-License-Identifier: Apache-2.0
//
// The checksum is checked before anything else is believed; and then nothing is believed. A count
// is compared with the bytes that are there before anything is made of it.
#include <set>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/key_traits.h"
#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "manifest/format.h"
#include "manifest/manifest.h"

namespace kyro::manifest {

namespace {

bool ValidKeySize(KeyKind kind, std::size_t bytes) noexcept {
  return kind == KeyKind::kU64 ? KeyTraits<U64>::ValidSize(bytes)
                               : KeyTraits<Bytes>::ValidSize(bytes);
}

// Of encoded keys of valid size.
bool KeyLess(KeyKind kind, std::string_view a, std::string_view b) noexcept {
  if (kind == KeyKind::kBytes) return a < b;
  return KeyTraits<U64>::Decode(a) < KeyTraits<U64>::Decode(b);
}

class Decoder {
 public:
  // `body` is what stands between the header and the footer.
  Decoder(std::string_view body, std::string_view name) noexcept : reader_(body), name_(name) {}

  Status Decode(Manifest* manifest);

 private:
  template <class... Args>
  [[gnu::cold]] Status Bad(std::uint64_t offset, fmt::format_string<Args...> format,
                           Args&&... args) const {
    return FileError(StatusCode::kDataLoss, name_, offset, "at offset {}: {}", offset,
                     fmt::format(format, std::forward<Args>(args)...));
  }
  std::uint64_t offset() const noexcept { return kFileHeaderBytes + reader_.position(); }

  FileId ReadFileId() noexcept {
    FileId id;
    id.number = reader_.Read<std::uint64_t>();
    id.uuid = reader_.Read<Uuid>();
    return id;
  }
  // kDataLoss unless there is room for `count` structures of at least `bytes` each.
  Status NeedRoom(std::uint64_t at, std::uint64_t count, std::size_t bytes, std::string_view what);
  Status SkipPadding();
  Status CheckFileId(const FileId& id, std::uint64_t at, std::string_view what) const;

  Status ReadFixed(Manifest* manifest, std::uint32_t* keyspaces);
  Status CheckFixed(const Manifest& manifest, std::uint64_t at) const;
  Status ReadKeyspace(KeyspaceRef* keyspace);
  Status ReadRun(KeyKind kind, RunRef* run);
  Status ReadSegment(KeyKind kind, SegmentRef* segment);
  Status ReadFileRef(FileRef* file, bool required, std::string_view what);
  Status CheckSegment(KeyKind kind, const SegmentRef& segment, std::uint64_t at) const;

  ByteReader reader_;
  const std::string_view name_;
  std::uint64_t next_number_ = 0;
  std::uint32_t next_keyspace_ = 0;
  Sequence last_sequence_ = 0;
  std::uint32_t last_keyspace_ = 0;
  std::set<std::string_view> names_;  // of the keyspaces so far; into the bytes
  std::set<std::uint64_t> numbers_;   // of the files so far
};

Status Decoder::NeedRoom(std::uint64_t at, std::uint64_t count, std::size_t bytes,
                         std::string_view what) {
  const std::uint64_t room = reader_.rest().size();
  if (count <= room / bytes) return Status::Ok();
  return Bad(at, "{} {}, but only {} bytes are left", count, what, room);
}

Status Decoder::SkipPadding() {
  const std::uint64_t at = offset();
  const std::string_view padding = reader_.ReadBytes(AlignUp(at, kAlignment) - at);
  if (!reader_.ok()) return Bad(at, "padding is cut off");
  return IsZero(padding) ? Status::Ok() : Bad(at, "padding: found bytes, want zeros");
}

// Any file's number is below the next; a file that is not there has no identity.
Status Decoder::CheckFileId(const FileId& id, std::uint64_t at, std::string_view what) const {
  if (!id.exists() && !id.uuid.IsNil()) return Bad(at, "{}: a uuid, but no number", what);
  if (id.number >= next_number_) {
    return Bad(at, "{}: number {}, want less than {}", what, id.number, next_number_);
  }
  return Status::Ok();
}

Status Decoder::ReadFixed(Manifest* manifest, std::uint32_t* keyspaces) {
  const std::uint64_t at = offset();
  reader_.Read<std::uint64_t>();  // the length, checked by DecodeManifest
  manifest->parent = reader_.Read<Uuid>();
  manifest->generation = reader_.Read<std::uint64_t>();
  manifest->next_number = reader_.Read<std::uint64_t>();
  manifest->next_keyspace = reader_.Read<std::uint32_t>();
  const auto flags = reader_.Read<std::uint32_t>();
  manifest->last_sequence = reader_.Read<std::uint64_t>();
  manifest->wal_floor = ReadFileId();
  manifest->floor_sequence = reader_.Read<std::uint64_t>();
  manifest->wal_newest = ReadFileId();
  manifest->wal_newest_bytes = reader_.Read<std::uint64_t>();
  *keyspaces = reader_.Read<std::uint32_t>();
  const auto zero = reader_.Read<std::uint32_t>();
  if (!reader_.ok()) return Bad(at, "the fixed part is cut off");

  if ((flags & ~kFlagClean) != 0) return Bad(at + 44, "flags {:#x}, want 0 or 1", flags);
  manifest->clean = flags == kFlagClean;
  if (zero != 0) return Bad(at + 124, "padding: found bytes, want zeros");
  next_number_ = manifest->next_number;
  next_keyspace_ = manifest->next_keyspace;
  last_sequence_ = manifest->last_sequence;
  return CheckFixed(*manifest, at);
}

Status Decoder::CheckFixed(const Manifest& manifest, std::uint64_t at) const {
  if (manifest.generation == 0 || manifest.generation > kCounterMax) {
    return Bad(at + 24, "generation {}, want 1 to {}", manifest.generation, kCounterMax);
  }
  if (manifest.next_number == 0 || manifest.next_number > kCounterMax) {
    return Bad(at + 32, "next number {}, want 1 to {}", manifest.next_number, kCounterMax);
  }
  if (manifest.next_keyspace == 0 || manifest.next_keyspace > kKeyspaceIdMax + 1) {
    return Bad(at + 40, "next keyspace {}, want 1 to {}", manifest.next_keyspace,
               kKeyspaceIdMax + 1);
  }
  if (manifest.last_sequence > kCounterMax) {
    return Bad(at + 48, "last sequence {}, want at most {}", manifest.last_sequence, kCounterMax);
  }
  KYRO_RETURN_IF_ERROR(CheckFileId(manifest.wal_floor, at + 56, "log floor"));
  KYRO_RETURN_IF_ERROR(CheckFileId(manifest.wal_newest, at + 88, "newest log"));
  if (manifest.floor_sequence > manifest.last_sequence) {
    return Bad(at + 80, "floor sequence {}, want at most the last, {}", manifest.floor_sequence,
               manifest.last_sequence);
  }
  if (manifest.wal_floor.number > manifest.wal_newest.number) {
    return Bad(at + 88, "newest log {}, want at least the floor, {}", manifest.wal_newest.number,
               manifest.wal_floor.number);
  }
  if (manifest.wal_floor.number == manifest.wal_newest.number &&
      manifest.wal_floor != manifest.wal_newest) {
    return Bad(at + 96, "log {} has two uuids", manifest.wal_newest.number);
  }
  return Status::Ok();
}

Status Decoder::ReadKeyspace(KeyspaceRef* keyspace) {
  const std::uint64_t at = offset();
  keyspace->id = reader_.Read<std::uint32_t>();
  const auto kind = reader_.Read<std::uint32_t>();
  const auto name_bytes = reader_.Read<std::uint32_t>();
  const auto runs = reader_.Read<std::uint32_t>();
  if (!reader_.ok()) return Bad(at, "a keyspace is cut off");
  if (keyspace->id <= last_keyspace_ || keyspace->id >= next_keyspace_) {
    return Bad(at, "keyspace id {}, want above {} and below {}", keyspace->id, last_keyspace_,
               next_keyspace_);
  }
  last_keyspace_ = keyspace->id;
  if (kind != static_cast<std::uint32_t>(KeyKind::kU64) &&
      kind != static_cast<std::uint32_t>(KeyKind::kBytes)) {
    return Bad(at + 4, "key kind {}, want 1 or 2", kind);
  }
  keyspace->kind = static_cast<KeyKind>(kind);
  if (name_bytes == 0 || name_bytes > kKeyspaceNameBytesMax) {
    return Bad(at + 8, "name of {} bytes, want 1 to {}", name_bytes, kKeyspaceNameBytesMax);
  }
  const std::string_view name = reader_.ReadBytes(name_bytes);
  if (!reader_.ok()) return Bad(at + kKeyspaceBytes, "a keyspace's name is cut off");
  if (!names_.insert(name).second) return Bad(at + kKeyspaceBytes, "a keyspace's name, again");
  keyspace->name = name;
  KYRO_RETURN_IF_ERROR(SkipPadding());
  KYRO_RETURN_IF_ERROR(NeedRoom(at + 12, runs, kRunBytes + kSegmentBytes, "runs"));
  for (std::uint32_t i = 0; i < runs; ++i) {
    keyspace->runs.emplace_back();
    KYRO_RETURN_IF_ERROR(ReadRun(keyspace->kind, &keyspace->runs.back()));
  }
  return Status::Ok();
}

Status Decoder::ReadRun(KeyKind kind, RunRef* run) {
  const std::uint64_t at = offset();
  const auto segments = reader_.Read<std::uint32_t>();
  const auto zero = reader_.Read<std::uint32_t>();
  if (!reader_.ok()) return Bad(at, "a run is cut off");
  if (segments == 0) return Bad(at, "a run without segments");
  if (zero != 0) return Bad(at + 4, "padding: found bytes, want zeros");
  KYRO_RETURN_IF_ERROR(NeedRoom(at, segments, kSegmentBytes, "segments"));
  for (std::uint32_t i = 0; i < segments; ++i) {
    const std::uint64_t segment_at = offset();
    SegmentRef segment;
    KYRO_RETURN_IF_ERROR(ReadSegment(kind, &segment));
    if (i > 0 && !KeyLess(kind, run->segments.back().last_key, segment.first_key)) {
      return Bad(segment_at + kSegmentBytes, "a segment's first key is not above the last before");
    }
    run->segments.push_back(std::move(segment));
  }
  return Status::Ok();
}

Status Decoder::ReadFileRef(FileRef* file, bool required, std::string_view what) {
  const std::uint64_t at = offset();
  file->id = ReadFileId();
  file->bytes = reader_.Read<std::uint64_t>();
  file->digest = reader_.Read<Digest>();
  if (!reader_.ok()) return Bad(at, "a {} file is cut off", what);
  KYRO_RETURN_IF_ERROR(CheckFileId(file->id, at, what));
  if (!file->id.exists()) {
    if (required) return Bad(at, "{} file number 0", what);
    if (*file != FileRef{}) return Bad(at, "{} file: found bytes, want zeros", what);
    return Status::Ok();
  }
  if (!numbers_.insert(file->id.number).second) {
    return Bad(at, "{} file number {}, again", what, file->id.number);
  }
  return Status::Ok();
}

Status Decoder::ReadSegment(KeyKind kind, SegmentRef* segment) {
  KYRO_RETURN_IF_ERROR(ReadFileRef(&segment->keys, true, "keys"));
  KYRO_RETURN_IF_ERROR(ReadFileRef(&segment->data, true, "data"));
  KYRO_RETURN_IF_ERROR(ReadFileRef(&segment->model, false, "rmi"));
  const std::uint64_t at = offset();
  segment->entries = reader_.Read<std::uint64_t>();
  segment->tombstones = reader_.Read<std::uint64_t>();
  segment->min_sequence = reader_.Read<std::uint64_t>();
  segment->max_sequence = reader_.Read<std::uint64_t>();
  const auto first_bytes = reader_.Read<std::uint32_t>();
  const auto last_bytes = reader_.Read<std::uint32_t>();
  const std::string_view first = reader_.ReadBytes(first_bytes);
  const std::string_view last = reader_.ReadBytes(last_bytes);
  if (!reader_.ok()) return Bad(at, "a segment is cut off");
  if (!ValidKeySize(kind, first_bytes) || !ValidKeySize(kind, last_bytes)) {
    return Bad(at + 32, "keys of {} and {} bytes", first_bytes, last_bytes);
  }
  segment->first_key = first;
  segment->last_key = last;
  KYRO_RETURN_IF_ERROR(SkipPadding());
  return CheckSegment(kind, *segment, at);
}

Status Decoder::CheckSegment(KeyKind kind, const SegmentRef& segment, std::uint64_t at) const {
  if (segment.entries == 0 || segment.entries > kSegmentEntriesMax) {
    return Bad(at, "{} entries, want 1 to {}", segment.entries, kSegmentEntriesMax);
  }
  if (segment.tombstones > segment.entries) {
    return Bad(at + 8, "{} tombstones among {} entries", segment.tombstones, segment.entries);
  }
  if (segment.min_sequence > segment.max_sequence || segment.max_sequence > last_sequence_) {
    return Bad(at + 16, "sequences {} to {}, the last is {}", segment.min_sequence,
               segment.max_sequence, last_sequence_);
  }
  if (KeyLess(kind, segment.last_key, segment.first_key)) {
    return Bad(at + 40, "a segment's last key is below its first");
  }
  return Status::Ok();
}

Status Decoder::Decode(Manifest* manifest) {
  std::uint32_t keyspaces = 0;
  KYRO_RETURN_IF_ERROR(ReadFixed(manifest, &keyspaces));
  const std::uint64_t count_at = kFileHeaderBytes + kFixedBytes - 8;
  if (keyspaces > kKeyspacesMax) {
    return Bad(count_at, "{} keyspaces, want at most {}", keyspaces, kKeyspacesMax);
  }
  KYRO_RETURN_IF_ERROR(NeedRoom(count_at, keyspaces, kKeyspaceBytes, "keyspaces"));
  if (manifest->wal_floor.exists()) numbers_.insert(manifest->wal_floor.number);
  if (manifest->wal_newest.exists()) numbers_.insert(manifest->wal_newest.number);
  for (std::uint32_t i = 0; i < keyspaces; ++i) {
    manifest->keyspaces.emplace_back();
    KYRO_RETURN_IF_ERROR(ReadKeyspace(&manifest->keyspaces.back()));
  }
  if (!reader_.empty()) {
    return Bad(offset(), "{} bytes behind the last keyspace", reader_.rest().size());
  }
  return Status::Ok();
}

}  // namespace

Result<Manifest> DecodeManifest(std::string_view bytes, std::string_view name) {
  KYRO_ASSIGN_OR_RETURN(const FileHeader header,
                        DecodeFileHeader(bytes, FileKind::kManifest, name));
  if (header.number != 0) {
    return FileError(StatusCode::kDataLoss, name, 48, "number {} at offset 48, want 0",
                     header.number);
  }
  if (bytes.size() < kBytesMin) {
    return FileError(StatusCode::kDataLoss, name, bytes.size(),
                     "ends at byte {}, want at least {} bytes", bytes.size(), kBytesMin);
  }
  const auto length = LoadLE<std::uint64_t>(bytes.data() + kLengthOffset);
  if (length != bytes.size()) {
    return FileError(StatusCode::kDataLoss, name, kLengthOffset,
                     "ends at byte {}, want {} as offset {} says", bytes.size(), length,
                     kLengthOffset);
  }
  const std::size_t crc_at = bytes.size() - 4;
  const auto found = LoadLE<std::uint32_t>(bytes.data() + crc_at);
  const std::uint32_t want = Crc32c(bytes.substr(0, crc_at), header.file.CrcSeed());
  if (found != want && !KYRO_PLANTED(kSkipManifestChecksum)) {
    return FileError(StatusCode::kDataLoss, name, crc_at,
                     "manifest at offset {}: crc32c {:08x}, want {:08x}", crc_at, found, want);
  }
  const std::size_t footer_at = bytes.size() - kFooterBytes;
  if (LoadLE<std::uint32_t>(bytes.data() + footer_at) != 0) {
    return FileError(StatusCode::kDataLoss, name, footer_at,
                     "padding at offset {}: found bytes, want zeros", footer_at);
  }
  Manifest manifest;
  manifest.database = header.database;
  Decoder decoder(bytes.substr(kFileHeaderBytes, footer_at - kFileHeaderBytes), name);
  KYRO_RETURN_IF_ERROR(decoder.Decode(&manifest));
  return manifest;
}

}  // namespace kyro::manifest
