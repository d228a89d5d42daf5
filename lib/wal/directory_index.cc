// SPDX-License-Identifier: Apache-2.0
#include "wal/directory_index.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "base/coding.h"
#include "base/status_util.h"

namespace kyro::wal {

namespace {

// Damage is kept for whoever needs the file; what may pass (no descriptors) is an error now.
Result<IndexedFile> IndexFile(const io::Directory& directory, std::string_view name,
                              std::uint64_t number) {
  IndexedFile file;
  file.name = name;
  file.id.number = number;
  Result<Reader> reader = Reader::Open(directory, name);
  if (!reader.ok()) {
    const StatusCode code = reader.status().code();
    if (code != StatusCode::kDataLoss && code != StatusCode::kUnsupported) return reader.status();
    file.damage = reader.status();
    return file;
  }
  file.id = reader->id();
  file.database = reader->header().database;
  Result<Reader::Probe> probe = reader->At(kFirstRecordOffset);
  if (!probe.ok()) return probe.status();
  if (!probe->valid) return file;
  file.first = probe->header;
  if (probe->header.type == RecordType::kLink) file.link = DecodeLink(probe->payload);
  return file;
}

}  // namespace

Result<DirectoryIndex> IndexDirectory(const io::Directory& directory, std::uint64_t above) {
  DirectoryIndex index;
  KYRO_ASSIGN_OR_RETURN(const std::vector<io::DirectoryEntry> entries, directory.List());
  for (const io::DirectoryEntry& entry : entries) {
    FileKind kind;
    std::uint64_t number;
    if (entry.type != io::FileType::kRegular) continue;
    if (!ParseFileName(entry.name, &kind, &number) || kind != FileKind::kWal) continue;
    if (number <= above) continue;
    Result<IndexedFile> file = IndexFile(directory, entry.name, number);
    // Deleted since it was listed, by the upkeep of a live database: nothing needs it. A file that
    // something names is missed later.
    if (!file.ok() && file.status().code() == StatusCode::kNotFound) continue;
    if (!file.ok()) return std::move(file).status();
    index.emplace(number, *std::move(file));
  }
  return index;
}

const IndexedFile* FindLinkTo(const DirectoryIndex& index, const FileId& predecessor,
                              const Uuid& predecessor_maker, const Uuid& database) {
  for (auto it = index.rbegin(); it != index.rend() && it->first > predecessor.number; ++it) {
    const IndexedFile& file = it->second;
    if (!file.link || file.link->predecessor != predecessor) continue;
    if (file.database == database || file.database == predecessor_maker) return &file;
  }
  return nullptr;
}

Result<bool> MayHoldRecordsOf(const io::Directory& directory, const IndexedFile& file,
                              const Uuid& database) {
  KYRO_ASSIGN_OR_RETURN(const std::unique_ptr<io::RandomFile> bytes, directory.Open(file.name));
  FileHeader want;
  want.kind = FileKind::kWal;
  want.database = database;
  const std::string want_bytes = EncodeFileHeader(want);
  // Offsets of docs/format-header.md.
  constexpr std::size_t kMagicBytes = 16;
  constexpr std::size_t kDatabaseOffset = 32;

  std::string head(kFirstRecordOffset + kRecordHeaderBytes, '\0');
  KYRO_ASSIGN_OR_RETURN(const std::size_t head_bytes, bytes->Read(0, head.size(), head.data()));
  if (head_bytes < head.size()) return false;
  const auto same = [&](std::size_t offset, std::size_t count) {
    return head.compare(offset, count, want_bytes, offset, count) == 0;
  };
  const char* const record = head.data() + kFirstRecordOffset;
  // A link where links stand; the CRC needs the uuid, which may be what is damaged.
  const bool link = LoadLE<RecordType>(record) == RecordType::kLink &&
                    LoadLE<std::uint64_t>(record + 16) == kFirstRecordOffset;
  if (!same(0, kMagicBytes) && !same(kDatabaseOffset, sizeof(Uuid)) && !link) return false;

  std::string chunk(std::size_t{64} << 10, '\0');
  for (std::uint64_t at = kFirstRecordOffset; at < bytes->bytes();) {
    KYRO_ASSIGN_OR_RETURN(const std::size_t got, bytes->Read(at, chunk.size(), chunk.data()));
    if (!IsZero(std::string_view(chunk).substr(0, got))) return true;
    if (got == 0) return false;
    at += got;
  }
  return false;
}

}  // namespace kyro::wal
