// SPDX-License-Identifier: Apache-2.0
//
// The order is the promise: the new manifest's bytes are durable under the temporary name before
// the rename, and the rename is durable before anyone is told.
#include "base/planted.h"
#include "base/status_util.h"
#include "manifest/manifest.h"

namespace kyro::manifest {

namespace {

// No read-only-compatible feature exists yet.
constexpr std::uint32_t kKnownReadOnlyCompatible = 0;

Status UnlinkIfThere(io::Directory* directory) {
  Status status = directory->Unlink(kManifestTemporaryName);
  return status.code() == StatusCode::kNotFound ? Status::Ok() : status;
}

// The bytes of a manifest that can be read back as what it is.
Result<std::string> Encode(const Manifest& manifest, const Uuid& file) {
  std::string bytes = EncodeManifest(manifest, file);
  if (bytes.size() > kManifestBytesMax) {
    return Error(StatusCode::kResourceExhausted, "a manifest of {} bytes, at most {} are allowed",
                 bytes.size(), kManifestBytesMax);
  }
  const Result<Manifest> decoded = DecodeManifest(bytes, kManifestTemporaryName);
  if (!decoded.ok()) {
    return Error(StatusCode::kInternal, "refused to install: {}", decoded.status().message());
  }
  if (*decoded != manifest) {
    return Error(StatusCode::kInternal, "refused to install a manifest that reads back changed");
  }
  return bytes;
}

// Durable under the temporary name, and closed. What an earlier crash left there goes.
Status WriteTemporary(io::Directory* directory, std::string_view bytes) {
  KYRO_RETURN_IF_ERROR(UnlinkIfThere(directory));
  KYRO_ASSIGN_OR_RETURN(const auto file, directory->Create(kManifestTemporaryName));
  KYRO_RETURN_IF_ERROR(file->Write(0, bytes));
  return KYRO_PLANTED(kSkipManifestSync) ? Status::Ok() : file->Sync();
}

// True if the temporary file is certainly still there: no rename has happened.
bool TemporaryIsThere(io::Directory* directory) {
  const Status status = Guarded([directory] {
    Result<std::uint64_t> bytes = directory->FileBytes(kManifestTemporaryName);
    return bytes.ok() ? Status::Ok() : std::move(bytes).status();
  });
  return status.ok();
}

}  // namespace

Result<LoadedManifest> LoadManifest(const io::Directory& directory) {
  return Guarded([&directory]() -> Result<LoadedManifest> {
    KYRO_ASSIGN_OR_RETURN(const std::string bytes,
                          io::ReadWholeFile(directory, kManifestName, kManifestBytesMax));
    LoadedManifest loaded;
    KYRO_ASSIGN_OR_RETURN(loaded.manifest, DecodeManifest(bytes, kManifestName));
    KYRO_ASSIGN_OR_RETURN(const FileHeader header,
                          DecodeFileHeader(bytes, FileKind::kManifest, kManifestName));
    loaded.mark = MarkOf(loaded.manifest, bytes);
    loaded.bytes = bytes.size();
    loaded.read_only = (header.read_only_compatible & ~kKnownReadOnlyCompatible) != 0;
    return loaded;
  });
}

Installed InstallManifest(io::Directory* directory, const Manifest& manifest, const Uuid& file) {
  Installed installed;
  installed.status = Guarded([&]() -> Status {
    KYRO_ASSIGN_OR_RETURN(const std::string bytes, Encode(manifest, file));
    installed.mark = MarkOf(manifest, bytes);
    return WriteTemporary(directory, bytes);
  });
  if (installed.status.ok() || KYRO_PLANTED(kManifestWriteIgnored)) {
    installed.status = Guarded([&] {
      return MustExist(directory->Rename(kManifestTemporaryName, kManifestName),
                       kManifestTemporaryName);
    });
    if (installed.status.ok()) {
      // From here on either manifest may be what a crash leaves.
      const bool skip = KYRO_PLANTED(kSkipManifestDirectorySync);
      installed.status = skip ? Status::Ok() : Guarded([&] { return directory->Sync(); });
      installed.outcome =
          installed.status.ok() ? InstallOutcome::kInstalled : InstallOutcome::kInDoubt;
      return installed;
    }
    // A rename that failed has not happened, if what it should have moved is still in its place.
    if (!TemporaryIsThere(directory)) {
      installed.outcome = InstallOutcome::kInDoubt;
      return installed;
    }
  }
  // Tidying up: if this fails too, the next install or open does it.
  static_cast<void>(Guarded([&] { return UnlinkIfThere(directory); }));
  return installed;
}

}  // namespace kyro::manifest
