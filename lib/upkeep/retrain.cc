// SPDX-License-Identifier: Apache-2.0
//
// Retraining: new models over untouched data.
#include <utility>

#include "base/status_util.h"
#include "io/stopwatch.h"
#include "upkeep/upkeep.h"

namespace kyro::upkeep {

Status Upkeep::Retrain(std::uint32_t keyspace, const SegmentRef& ref, const Meter* meter) {
  const io::Stopwatch watch(latency_clock_);
  const read::LookupMeter::Upkeep running(&states_->shared()->lookups);
  const Uuid database = installer_->manifest().database;
  KYRO_ASSIGN_OR_RETURN(const SegmentRef fresh,
                        segment::Retrain(NewBuildContext(database, meter), ref));
  const Status status = installer_->Install([&](manifest::Manifest* next) -> Status {
    const Status gone(StatusCode::kAborted, "the segment to retrain is no longer there");
    manifest::KeyspaceRef* found = manifest::FindKeyspace(next, keyspace);
    if (found == nullptr) return gone;
    for (RunRef& run : found->runs) {
      for (SegmentRef& live : run.segments) {
        if (live == ref) return live = fresh, Status::Ok();
      }
    }
    return gone;
  });
  if (!status.ok()) {
    if (!installer_->in_doubt()) {
      (void)directory_->Unlink(FileName(FileKind::kModel, fresh.model.id.number));
    }
    return status;
  }
  watch.Stop(&counters_.retrain_nanos);
  counters_.retrains.fetch_add(1, std::memory_order_relaxed);
  Report(Event::Kind::kRetrain, fresh.model.bytes);
  return Status::Ok();
}

void Upkeep::RetrainDamaged() {
  MutexLock lock(&merge_mutex_);
  const read::StatePin state = states_->Pin();
  for (const read::KeyspaceRuns& keyspace : state->runs->keyspaces) {
    const auto* runs = std::get_if<std::shared_ptr<const read::Runs<U64>>>(&keyspace.runs);
    if (runs == nullptr) continue;
    for (const auto& run : (*runs)->runs) {
      for (const auto& segment : run.segments) {
        if (!segment->model_damaged()) continue;
        if (!retrained_.insert(segment->ref().keys.id.number).second) continue;  // once each
        const Status status =
            Guarded([&] { return Retrain(keyspace.id, segment->ref(), nullptr); });
        if (!status.ok()) NoteFailure(status);
      }
    }
  }
}

Status Upkeep::RebuildIndex(const Progress& progress) {
  {
    MutexLock lock(&merge_mutex_);
    if (stopping()) return Status(StatusCode::kClosed, "the database is closing");
    const manifest::Manifest manifest = installer_->manifest();
    Meter meter(&progress, 0);
    std::uint64_t total = 0;
    std::vector<std::pair<std::uint32_t, SegmentRef>> segments;
    for (const auto& keyspace : manifest.keyspaces) {
      if (keyspace.kind != KeyKind::kU64) continue;
      for (const RunRef& run : keyspace.runs) {
        for (const SegmentRef& ref : run.segments) {
          segments.emplace_back(keyspace.id, ref);
          total += ref.entries;
        }
      }
    }
    meter.set_total(total);
    for (const auto& [keyspace, ref] : segments) {
      const Status status = Retrain(keyspace, ref, &meter);
      if (status.code() == StatusCode::kAborted && IsDropped(keyspace)) continue;
      KYRO_RETURN_IF_ERROR(status);
      meter.Add(ref.entries);
      if (meter.Cancelled()) return Status(StatusCode::kCancelled, "rebuild cancelled");
    }
  }
  states_->Reclaim();
  installer_->DeleteObsolete();
  DeliverEvents();
  return Status::Ok();
}

}  // namespace kyro::upkeep
