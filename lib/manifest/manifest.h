// SPDX-License-Identifier: Apache-2.0
//
// The manifest: one small file that says everything the database is (docs/format-manifest.md).
// It is replaced whole, never edited; the rename is the commit point of every flush and merge.
#ifndef KYRO_MANIFEST_MANIFEST_H_
#define KYRO_MANIFEST_MANIFEST_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::manifest {

struct KeyspaceRef {
  std::uint32_t id = 0;  // from 1, never reused
  KeyKind kind = KeyKind::kU64;
  std::string name;
  std::vector<RunRef> runs;  // newest first
  friend bool operator==(const KeyspaceRef&, const KeyspaceRef&) = default;
};

struct Manifest {
  Uuid database;
  Uuid parent;                    // the database this one is a checkpoint of; nil: none
  std::uint64_t generation = 0;   // 1 for the first, one more at each install
  std::uint64_t next_number = 1;  // above every file number ever given out
  std::uint32_t next_keyspace = 1;
  Sequence last_sequence = 0;          // the highest that segments or a cleanly closed log hold
  FileId wal_floor;                    // the oldest log file still needed; number 0: none
  Sequence floor_sequence = 0;         // everything up to here is in segments
  FileId wal_newest;                   // the newest log file known when this was written
  std::uint64_t wal_newest_bytes = 0;  // its exact length; meaningful if `clean`
  bool clean = false;                  // written by Close: nothing was acknowledged after it
  std::vector<KeyspaceRef> keyspaces;  // ascending id
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// The keyspace of that id in a manifest (const or not), or null. O(log keyspaces).
template <class AnyManifest>
auto FindKeyspace(AnyManifest* manifest, std::uint32_t id) noexcept
    -> decltype(manifest->keyspaces.data()) {
  const auto it = std::lower_bound(
      manifest->keyspaces.begin(), manifest->keyspaces.end(), id,
      [](const KeyspaceRef& keyspace, std::uint32_t wanted) { return keyspace.id < wanted; });
  return it == manifest->keyspaces.end() || it->id != id ? nullptr : &*it;
}

inline constexpr std::string_view kManifestName = "MANIFEST";
inline constexpr std::string_view kManifestTemporaryName = "MANIFEST.tmp";
inline constexpr std::uint64_t kManifestBytesMax = std::uint64_t{1} << 30;

// The file's bytes; `file` is its fresh identity.
std::string EncodeManifest(const Manifest& manifest, const Uuid& file);

// Valid if and only if every byte is as EncodeManifest would write it. Checks every count against
// the bytes that are there, ids and names for order and uniqueness, key kinds, file numbers below
// next_number, segments of a run in key order and disjoint. `name` is for messages.
Result<Manifest> DecodeManifest(std::string_view bytes, std::string_view name);

// The CRC that ManifestMark carries: of all the file's bytes.
ManifestMark MarkOf(const Manifest& manifest, std::string_view encoded);

struct LoadedManifest {
  Manifest manifest;
  ManifestMark mark;
  std::uint64_t bytes = 0;
  bool read_only = false;  // it uses features that only a newer kyro may write on with
};
// kNotFound if there is no MANIFEST.
Result<LoadedManifest> LoadManifest(const io::Directory& directory);

enum class InstallOutcome {
  kInstalled,     // durable
  kNotInstalled,  // the old one stands, durable
  kInDoubt,       // renamed, but the directory sync failed: either may be there after a crash
};
struct Installed {
  InstallOutcome outcome = InstallOutcome::kNotInstalled;
  Status status;  // OK if and only if kInstalled
  ManifestMark mark;
};
// tmp, fsync, rename, directory sync. One caller at a time. A manifest that DecodeManifest would
// refuse is not written: kInternal.
Installed InstallManifest(io::Directory* directory, const Manifest& manifest, const Uuid& file);

}  // namespace kyro::manifest

#endif  // KYRO_MANIFEST_MANIFEST_H_
