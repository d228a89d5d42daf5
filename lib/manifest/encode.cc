// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"
#include "manifest/format.h"
#include "manifest/manifest.h"

namespace kyro::manifest {

namespace {

void Pad(std::string* out) {
  out->resize(AlignUp(out->size(), kAlignment), '\0');
}

void AppendFileId(std::string* out, const FileId& id) {
  AppendLE(out, id.number);
  AppendLE(out, id.uuid);
}

void AppendFileRef(std::string* out, const FileRef& file) {
  AppendFileId(out, file.id);
  AppendLE(out, file.bytes);
  AppendLE(out, file.digest);
}

void AppendSegment(std::string* out, const SegmentRef& segment) {
  AppendFileRef(out, segment.keys);
  AppendFileRef(out, segment.data);
  AppendFileRef(out, segment.model);
  AppendLE(out, segment.entries);
  AppendLE(out, segment.tombstones);
  AppendLE(out, segment.min_sequence);
  AppendLE(out, segment.max_sequence);
  AppendLE(out, static_cast<std::uint32_t>(segment.first_key.size()));
  AppendLE(out, static_cast<std::uint32_t>(segment.last_key.size()));
  out->append(segment.first_key).append(segment.last_key);
  Pad(out);
}

void AppendKeyspace(std::string* out, const KeyspaceRef& keyspace) {
  AppendLE(out, keyspace.id);
  AppendLE(out, static_cast<std::uint32_t>(keyspace.kind));  // a byte, and three of padding
  AppendLE(out, static_cast<std::uint32_t>(keyspace.name.size()));
  AppendLE(out, static_cast<std::uint32_t>(keyspace.runs.size()));
  out->append(keyspace.name);
  Pad(out);
  for (const RunRef& run : keyspace.runs) {
    AppendLE(out, static_cast<std::uint32_t>(run.segments.size()));
    AppendLE(out, std::uint32_t{0});
    for (const SegmentRef& segment : run.segments) AppendSegment(out, segment);
  }
}

}  // namespace

std::string EncodeManifest(const Manifest& manifest, const Uuid& file) {
  FileHeader header;
  header.kind = FileKind::kManifest;
  header.database = manifest.database;
  header.file = file;
  std::string out = EncodeFileHeader(header);
  AppendLE(&out, std::uint64_t{0});  // the length, known at the end
  AppendLE(&out, manifest.parent);
  AppendLE(&out, manifest.generation);
  AppendLE(&out, manifest.next_number);
  AppendLE(&out, manifest.next_keyspace);
  AppendLE(&out, manifest.clean ? kFlagClean : std::uint32_t{0});
  AppendLE(&out, manifest.last_sequence);
  AppendFileId(&out, manifest.wal_floor);
  AppendLE(&out, manifest.floor_sequence);
  AppendFileId(&out, manifest.wal_newest);
  AppendLE(&out, manifest.wal_newest_bytes);
  AppendLE(&out, static_cast<std::uint32_t>(manifest.keyspaces.size()));
  AppendLE(&out, std::uint32_t{0});
  KYRO_DCHECK(out.size() == kFileHeaderBytes + kFixedBytes);
  for (const KeyspaceRef& keyspace : manifest.keyspaces) AppendKeyspace(&out, keyspace);
  AppendLE(&out, std::uint32_t{0});
  StoreLE(out.data() + kLengthOffset, static_cast<std::uint64_t>(out.size() + 4));
  AppendLE(&out, Crc32c(out, file.CrcSeed()));
  return out;
}

ManifestMark MarkOf(const Manifest& manifest, std::string_view encoded) {
  return ManifestMark{manifest.generation, Crc32c(encoded)};
}

}  // namespace kyro::manifest
