// SPDX-License-Identifier: Apache-2.0
//
// Verify and Inspect: looking at everything, changing nothing.
#include <utility>

#include "base/status_util.h"
#include "db/core.h"

namespace kyro::db {
namespace {

// A flush may retire log files while they are being read; then they are read again.
constexpr int kLogTries = 5;

Status VerifySegments(const read::RunsVersion& version, upkeep::Meter* meter) {
  std::uint64_t ticked = 0;
  const segment::Tick tick = [meter, &ticked](std::uint64_t bytes) {
    ticked += bytes;
    meter->Add(bytes);
    return !meter->Cancelled();
  };
  Status status;
  version.ForEachSegment([&](std::uint32_t, const segment::AnySegment& segment) {
    if (!status.ok()) return;
    std::uint64_t bytes = 0;
    ticked = 0;
    status = segment.VerifyFiles(tick, &bytes);
    // Ticks come with the blocks: headers and small files have none.
    if (status.ok()) meter->Add(bytes - ticked);
  });
  return status;
}

std::uint64_t FileBytes(const read::RunsVersion& version) {
  std::uint64_t bytes = 0;
  version.ForEachSegment([&](std::uint32_t, const segment::AnySegment& segment) {
    const SegmentRef& ref = segment.ref();
    bytes += ref.keys.bytes + ref.data.bytes + ref.model.bytes;
  });
  return bytes;
}

}  // namespace

Status Core::VerifyLog(upkeep::Meter* meter) const {
  const auto scan = [&]() -> Status {
    Status status;
    for (int attempt = 0; attempt < kLogTries; ++attempt) {
      const ManifestMark mark = installer_->mark();
      const manifest::Manifest manifest = installer_->manifest();
      if (mark.generation != manifest.generation) continue;  // an install came in between
      Result<wal::Chain> chain = wal::ScanChain(*directory_, ChainStartOf(manifest, mark));
      if (chain.ok()) return meter->Add(chain->bytes_checked), Status::Ok();
      status = std::move(chain).status();
      if (installer_->mark() == mark) return status;
    }
    return status.ok() ? Status(StatusCode::kBusy, "the manifest keeps changing") : status;
  };
  return running_.load(std::memory_order_acquire) ? commit_->RunExclusive(scan) : scan();
}

Status Core::Verify(const Progress& progress) const {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  const read::StatePin state = states_->Pin();
  KYRO_ASSIGN_OR_RETURN(const manifest::LoadedManifest loaded, manifest::LoadManifest(*directory_));
  upkeep::Meter meter(&progress, loaded.bytes + FileBytes(*state->runs));
  meter.Add(loaded.bytes);
  KYRO_RETURN_IF_ERROR(VerifySegments(*state->runs, &meter));
  KYRO_RETURN_IF_ERROR(VerifyLog(&meter));
  meter.set_total(meter.done());
  return meter.Cancelled() ? Status(StatusCode::kCancelled, "verify cancelled") : Status::Ok();
}

// ---------------------------------------------------------------------------------- inspect

namespace {

template <class K>
std::vector<RunInspection> InspectRuns(const read::Runs<K>& runs) {
  std::vector<RunInspection> list;
  for (const auto& run : runs.runs) {
    RunInspection& inspection = list.emplace_back();
    for (const auto& segment : run.segments) {
      inspection.segments.push_back({segment->ref(), segment->facts()});
    }
  }
  return list;
}

std::string RoleOf(const std::string& name) {
  FileKind kind;
  if (name == "LOCK") return "lock";
  if (name.ends_with(".tmp")) return "temporary";
  return ParseFileName(name, &kind, nullptr) ? std::string(FileKindName(kind)) : "unknown";
}

}  // namespace

Result<Inspection> Core::Inspect() const {
  KYRO_RETURN_IF_ERROR(CheckOpen());
  Inspection inspection;
  const manifest::Manifest manifest = installer_->manifest();
  const read::StatePin state = states_->Pin();
  inspection.database_uuid = manifest.database.ToString();
  inspection.manifest_generation = manifest.generation;
  inspection.clean = manifest.clean;
  inspection.wal_floor = manifest.wal_floor.number;
  inspection.wal_newest = manifest.wal_newest.number;
  for (const manifest::KeyspaceRef& known : manifest.keyspaces) {
    KeyspaceInspection& keyspace = inspection.keyspaces.emplace_back();
    keyspace.info = {known.name, known.id, known.kind};
    if (const auto* u64 = state->runs->Find<U64>(known.id)) keyspace.runs = InspectRuns(*u64);
    if (const auto* text = state->runs->Find<Bytes>(known.id)) keyspace.runs = InspectRuns(*text);
  }
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  for (const io::DirectoryEntry& entry : entries) {
    inspection.files.push_back({entry.name, RoleOf(entry.name), entry.bytes});
  }
  inspection.stats = GetStats();
  return inspection;
}

}  // namespace kyro::db
