// SPDX-License-Identifier: Apache-2.0
//
// Checkpoint: a second database that shares the first one's segments.
//
// After a flush every commit up to the manifest's floor is in segments and none above it, so the
// files of those segments and a manifest that needs no log are the whole database at one sequence.
// Files are never modified once installed: a hard link is a copy. (Linking sealed log files too
// would save the flush, of at most Options::delta_bytes; it would leave the copy a log to replay
// and cost it the rule that a log's files are all of its own database.)
//
// The new directory is complete and synced before it gets its name: a crash leaves DESTINATION.tmp.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "db/core.h"
#include "upkeep/run_builder.h"

namespace kyro::db {
namespace {

constexpr std::size_t kCopyBytes = std::size_t{1} << 20;
// A flush or merge may be installed while manifest and files are looked at; then once more.
constexpr int kPinTries = 100;

// The files of one checkpoint. Cancelled between files and between pieces of a copy.
class FileSharer {
 public:
  FileSharer(io::Directory* from, io::Directory* to, upkeep::Meter* meter)
      : from_(from), to_(to), meter_(meter) {}

  Status Share(FileKind kind, const FileRef& ref) {
    const std::string name = FileName(kind, ref.id.number);
    Status status = from_->Link(name, to_, name);
    if (status.code() == StatusCode::kUnsupported) return Copy(name, ref.bytes);
    KYRO_RETURN_IF_ERROR(status);
    return Done(ref.bytes);
  }

 private:
  Status Done(std::uint64_t bytes) {
    meter_->Add(bytes);
    return meter_->Cancelled() ? Status(StatusCode::kCancelled, "checkpoint cancelled")
                               : Status::Ok();
  }

  // Across file systems. What was copied wrong would be found at the first touch, by its checksums.
  Status Copy(const std::string& name, std::uint64_t bytes) {
    KYRO_ASSIGN_OR_RETURN(const auto source, from_->Open(name));
    KYRO_ASSIGN_OR_RETURN(const auto target, to_->Create(name));
    std::string buffer(std::min<std::uint64_t>(kCopyBytes, bytes), '\0');
    for (std::uint64_t at = 0; at < bytes;) {
      KYRO_ASSIGN_OR_RETURN(const std::size_t read, source->Read(at, buffer.size(), buffer.data()));
      const std::size_t piece = std::min<std::uint64_t>(read, bytes - at);
      if (piece == 0) {
        return FileError(StatusCode::kDataLoss, name, at, "ends at byte {}, want {}", at, bytes);
      }
      KYRO_RETURN_IF_ERROR(target->Write(at, std::string_view(buffer.data(), piece)));
      target->StartWriteback(at, piece);
      at += piece;
      KYRO_RETURN_IF_ERROR(Done(piece));
    }
    return KYRO_PLANTED(kSkipCopySync) ? Status::Ok() : target->Sync();
  }

  io::Directory* const from_;
  io::Directory* const to_;
  upkeep::Meter* const meter_;
};

std::uint64_t BytesOf(const manifest::Manifest& manifest) {
  std::uint64_t bytes = 0;
  for (const manifest::KeyspaceRef& keyspace : manifest.keyspaces) {
    for (const RunRef& run : keyspace.runs) bytes += upkeep::RunBytes(run);
  }
  return bytes;
}

Status ShareFiles(const manifest::Manifest& manifest, FileSharer* sharer) {
  for (const manifest::KeyspaceRef& keyspace : manifest.keyspaces) {
    for (const RunRef& run : keyspace.runs) {
      for (const SegmentRef& ref : run.segments) {
        KYRO_RETURN_IF_ERROR(sharer->Share(FileKind::kKeys, ref.keys));
        if (KYRO_PLANTED(kCheckpointMissesFile) && run.segments.size() > 1) continue;
        KYRO_RETURN_IF_ERROR(sharer->Share(FileKind::kData, ref.data));
        if (ref.model.id.exists()) {
          KYRO_RETURN_IF_ERROR(sharer->Share(FileKind::kModel, ref.model));
        }
      }
    }
  }
  return Status::Ok();
}

}  // namespace

// A manifest together with a pin on the files that it names.
Status Core::PinManifest(manifest::Manifest* manifest, read::StatePin* pin) const {
  for (int attempt = 0; attempt < kPinTries; ++attempt) {
    *manifest = installer_->manifest();
    *pin = states_->Pin();
    if (installer_->manifest().generation == manifest->generation) return Status::Ok();
  }
  return Status(StatusCode::kBusy, "the manifest keeps changing");
}

Result<Sequence> Core::Checkpoint(const std::string& given, const Progress& progress) {
  KYRO_RETURN_IF_ERROR(CheckWritable());
  const std::string destination = WithoutTrailingSlashes(given);
  if (const auto there = env_.fs->OpenDirectory(destination, /*create=*/false); there.ok()) {
    return Error(StatusCode::kAlreadyExists, "{} exists", destination);
  } else if (there.status().code() != StatusCode::kNotFound) {
    return there.status();
  }
  if (!KYRO_PLANTED(kCheckpointWithoutFlush)) KYRO_RETURN_IF_ERROR(Flush());
  manifest::Manifest manifest;
  read::StatePin pin;
  KYRO_RETURN_IF_ERROR(PinManifest(&manifest, &pin));

  const std::string temporary = destination + ".tmp";
  KYRO_ASSIGN_OR_RETURN(const auto directory, env_.fs->OpenDirectory(temporary, /*create=*/true));
  KYRO_RETURN_IF_ERROR(EmptyLeftover(directory.get(), temporary));
  upkeep::Meter meter(&progress, BytesOf(manifest));
  FileSharer sharer(directory_.get(), directory.get(), &meter);
  KYRO_RETURN_IF_ERROR(ShareFiles(manifest, &sharer));

  // A database of its own: a log of the parent has no business here.
  manifest.parent = manifest.database;
  KYRO_ASSIGN_OR_RETURN(manifest.database, env_.random->NewUuid());
  KYRO_ASSIGN_OR_RETURN(const Uuid file, env_.random->NewUuid());
  ++manifest.generation;
  manifest.wal_floor = FileId{};
  manifest.wal_newest = FileId{};
  manifest.wal_newest_bytes = 0;
  manifest.clean = true;
  KYRO_RETURN_IF_ERROR(manifest::InstallManifest(directory.get(), manifest, file).status);
  KYRO_RETURN_IF_ERROR(env_.fs->RenameDirectory(temporary, destination));
  return manifest.floor_sequence;
}

}  // namespace kyro::db
