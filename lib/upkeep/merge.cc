// SPDX-License-Identifier: Apache-2.0
//
// Merges, and the fold that merges everything.
#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "io/stopwatch.h"
#include "read/merging_cursor.h"
#include "upkeep/merge_policy.h"
#include "upkeep/run_builder.h"
#include "upkeep/upkeep.h"

namespace kyro::upkeep {
namespace {

// A keyspace with more runs than this merges them all.
constexpr std::size_t kRunsMax = 32;
// The stop flag and the meter are looked at once in so many rows: well under 10 ms.
constexpr std::uint64_t kRowsPerLook = 4096;
// After a merge failed none is tried for this long.
constexpr std::chrono::nanoseconds kRetryDelay{100'000'000};

std::vector<std::uint64_t> RunSizes(const manifest::KeyspaceRef& keyspace) {
  std::vector<std::uint64_t> sizes;
  for (const RunRef& run : keyspace.runs) sizes.push_back(RunBytes(run));
  return sizes;
}

std::uint64_t TombstonesIn(const RunRef& run) {
  std::uint64_t tombstones = 0;
  for (const SegmentRef& ref : run.segments) tombstones += ref.tombstones;
  return tombstones;
}

}  // namespace

bool Upkeep::IsDropped(std::uint32_t keyspace) const {
  const manifest::Manifest manifest = installer_->manifest();
  return manifest::FindKeyspace(&manifest, keyspace) == nullptr;
}

bool Upkeep::MergeOnce() {
  MutexLock lock(&merge_mutex_);
  // What a failed one lets go of wakes the maintenance thread again at once.
  if (merge_not_before_ != 0 && env_.clock->MonotonicNanos() < merge_not_before_) return false;
  merge_not_before_ = 0;
  const manifest::Manifest manifest = installer_->manifest();
  for (const manifest::KeyspaceRef& keyspace : manifest.keyspaces) {
    if (damaged_.count(keyspace.id) != 0) continue;
    const std::size_t count = PickMerge(RunSizes(keyspace), options_.merge_fraction, kRunsMax);
    if (count < 2) continue;
    const Status status = Guarded([&] { return MergeNewest(keyspace, count, nullptr); });
    if (status.ok()) return true;
    NoteFailure(status);
    if (status.code() == StatusCode::kDataLoss) damaged_.insert(keyspace.id);  // U5
    merge_not_before_ = env_.clock->MonotonicNanos() + kRetryDelay.count();
    MaintainLater(std::chrono::duration_cast<std::chrono::microseconds>(kRetryDelay));
    return false;
  }
  return false;
}

Status Upkeep::MergeNewest(const manifest::KeyspaceRef& keyspace, std::size_t count, Meter* meter) {
  const io::Stopwatch watch(latency_clock_);
  const read::LookupMeter::Upkeep running(&states_->shared()->lookups);
  NewRun merged;
  merged.keyspace = keyspace.id;
  const Uuid database = installer_->manifest().database;
  const bool folded = count == keyspace.runs.size();
  const Status status = keyspace.kind == KeyKind::kU64
                            ? MergeRuns<U64>(keyspace, database, count, folded, meter, &merged)
                            : MergeRuns<Bytes>(keyspace, database, count, folded, meter, &merged);
  if (!status.ok()) {
    Discard({merged});
    return status;
  }
  KYRO_RETURN_IF_ERROR(InstallMerge(keyspace, count, std::move(merged)));
  watch.Stop(&counters_.merge_nanos);
  counters_.merges.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

template <class K>
Status Upkeep::MergeRuns(const manifest::KeyspaceRef& keyspace, const Uuid& database,
                         std::size_t count, bool folded, Meter* meter, NewRun* out) {
  // Flushes may have put newer runs in front since `keyspace` was read: find ours by its files.
  const read::StatePin state = states_->Pin();
  const read::Runs<K>* runs = state->runs->Find<K>(keyspace.id);
  const std::uint64_t first = keyspace.runs[0].segments[0].keys.id.number;
  std::size_t begin = 0;
  while (runs != nullptr && begin + count <= runs->runs.size() &&
         runs->runs[begin].segments[0]->ref().keys.id.number != first) {
    ++begin;
  }
  if (runs == nullptr || begin + count > runs->runs.size()) {
    return Status(StatusCode::kAborted, "the runs to merge are no longer there");
  }
  const std::span<const read::Run<K>> inputs(runs->runs.data() + begin, count);

  segment::BuildOptions options;
  options.with_filter = !folded;
  options.heap_bytes_max = options_.segment_bytes;
  options.min_sequence = ~Sequence{0};
  for (std::size_t i = 0; i < count; ++i) {
    for (const SegmentRef& ref : keyspace.runs[i].segments) {
      options.min_sequence = std::min(options.min_sequence, ref.min_sequence);
      options.max_sequence = std::max(options.max_sequence, ref.max_sequence);
    }
  }
  RunBuilder<K> builder(NewBuildContext(database, meter), options, &out->run);
  read::MergingCursor<K> cursor(inputs);
  std::uint64_t rows = 0;
  for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) {
    if (++rows % kRowsPerLook == 0) {
      if (meter != nullptr) meter->Add(kRowsPerLook);
      if (stopping() || (meter != nullptr && meter->Cancelled())) {
        return Status(StatusCode::kCancelled, "merge cancelled");
      }
    }
    if (cursor.tombstone() && (folded || KYRO_PLANTED(kMergeDropsTombstone))) continue;  // U3
    KYRO_RETURN_IF_ERROR(builder.Add(cursor.key(), cursor.value(), cursor.tombstone()));
  }
  if (!KYRO_PLANTED(kMergeIgnoresReadError)) KYRO_RETURN_IF_ERROR(cursor.status());
  return builder.Finish();
}

Status Upkeep::InstallMerge(const manifest::KeyspaceRef& keyspace, std::size_t count,
                            NewRun merged) {
  const Status status = installer_->Install([&](manifest::Manifest* next) -> Status {
    const Status gone(StatusCode::kAborted, "the runs to merge are no longer there");
    manifest::KeyspaceRef* live = manifest::FindKeyspace(next, keyspace.id);
    if (live == nullptr) return gone;
    // The inputs must still be live and side by side (U2).
    const auto at = std::search(live->runs.begin(), live->runs.end(), keyspace.runs.begin(),
                                keyspace.runs.begin() + count);
    if (at == live->runs.end()) return gone;
    auto rest =
        live->runs.erase(KYRO_PLANTED(kMergeLosesFlush) ? live->runs.begin() : at, at + count);
    if (KYRO_PLANTED(kMergeNotContiguous) && rest != live->runs.end()) ++rest;
    if (!merged.run.segments.empty()) live->runs.insert(rest, merged.run);
    return Status::Ok();
  });
  if (!status.ok()) {
    Discard({merged});
    return status;
  }
  std::uint64_t dropped = 0;
  for (std::size_t i = 0; i < count; ++i) dropped += TombstonesIn(keyspace.runs[i]);
  dropped -= TombstonesIn(merged.run);
  const std::uint64_t bytes = RunBytes(merged.run);
  counters_.tombstones_dropped.fetch_add(dropped, std::memory_order_relaxed);
  counters_.bytes_merged.fetch_add(bytes, std::memory_order_relaxed);
  Report(Event::Kind::kMerge, bytes);
  return Status::Ok();
}

// ---------------------------------------------------------------------------------- fold

Status Upkeep::Fold(const Progress& progress) {
  {
    MutexLock lock(&merge_mutex_);
    if (stopping()) return Status(StatusCode::kClosed, "the database is closing");
    const manifest::Manifest manifest = installer_->manifest();
    Meter meter(&progress, 0);
    std::uint64_t total = 0;
    for (const auto& keyspace : manifest.keyspaces) {
      for (const RunRef& run : keyspace.runs) {
        for (const SegmentRef& ref : run.segments) total += ref.entries;
      }
    }
    meter.set_total(total);
    for (const auto& keyspace : manifest.keyspaces) {
      const std::size_t count = keyspace.runs.size();
      if (count == 0 || (count == 1 && TombstonesIn(keyspace.runs[0]) == 0)) continue;
      const Status status = MergeNewest(keyspace, count, &meter);
      if (status.code() == StatusCode::kAborted && IsDropped(keyspace.id)) continue;
      KYRO_RETURN_IF_ERROR(status);
    }
  }
  states_->Reclaim();
  installer_->DeleteObsolete();
  DeliverEvents();
  return Status::Ok();
}

}  // namespace kyro::upkeep
