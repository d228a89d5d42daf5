// SPDX-License-Identifier: Apache-2.0
#include "kyro/stats.h"

#include <algorithm>
#include <cmath>

#include "db/core.h"

namespace kyro {

std::string_view StallReasonName(StallReason reason) noexcept {
  switch (reason) {
    case StallReason::kNone:
      return "none";
    case StallReason::kFlushBehind:
      return "flush_behind";
    case StallReason::kFlushFailing:
      return "flush_failing";
    case StallReason::kLogFailed:
      return "log_failed";
    case StallReason::kReadOnly:
      return "read_only";
    case StallReason::kClosed:
      return "closed";
  }
  return "unknown";
}

std::uint64_t LatencyStats::Quantile(double q) const noexcept {
  if (count == 0) return 0;
  const double all = static_cast<double>(count);
  const double wanted = q > 0 ? std::ceil(q * all) : 1;  // also if q is not a number
  const std::uint64_t rank = wanted < all ? static_cast<std::uint64_t>(wanted) : count;
  std::uint64_t seen = 0;
  for (const Bucket& bucket : buckets) {
    seen += bucket.count;
    if (seen >= rank) return std::min(bucket.upper_nanos, max_nanos);
  }
  return max_nanos;
}

namespace db {
namespace {

LatencyStats LatencyOf(const Histogram& histogram) {
  const Histogram::Snapshot snapshot = histogram.Read();
  LatencyStats latency;
  latency.count = snapshot.count;
  latency.sum_nanos = snapshot.sum;
  latency.min_nanos = snapshot.min;
  latency.max_nanos = snapshot.max;
  for (std::size_t i = 0; i < Histogram::kBuckets; ++i) {
    if (snapshot.buckets[i] == 0) continue;
    latency.buckets.push_back({Histogram::UpperBound(i), snapshot.buckets[i]});
  }
  return latency;
}

std::uint64_t Load(const std::atomic<std::uint64_t>& counter) {
  return counter.load(std::memory_order_relaxed);
}

void AddSegment(const segment::AnySegment& segment, KeyspaceStats* keyspace, Stats* stats,
                std::uint64_t* modelled) {
  const segment::Facts facts = segment.facts();
  ++keyspace->segments;
  keyspace->entries += facts.entries;
  keyspace->tombstones += facts.tombstones;
  keyspace->file_bytes += facts.keys_bytes + facts.data_bytes + facts.model_bytes;
  if (!facts.has_model) return;
  *modelled += facts.entries;
  stats->model_bytes += facts.model_bytes;
  stats->leaves += facts.leaves;
  stats->window_p50 = std::max<std::uint64_t>(stats->window_p50, facts.window_p50);
  stats->window_p99 = std::max<std::uint64_t>(stats->window_p99, facts.window_p99);
  stats->window_p999 = std::max<std::uint64_t>(stats->window_p999, facts.window_p999);
  stats->window_max = std::max<std::uint64_t>(stats->window_max, facts.window_max);
}

template <class K>
void AddRuns(const read::Runs<K>& runs, KeyspaceStats* keyspace, Stats* stats,
             std::uint64_t* modelled) {
  keyspace->runs = runs.runs.size();
  for (const auto& run : runs.runs) {
    for (const auto& segment : run.segments) AddSegment(*segment, keyspace, stats, modelled);
  }
}

template <class K>
std::uint64_t DeltaKeys(const read::ReadState& state, std::uint32_t keyspace) {
  std::uint64_t keys = 0;
  for (std::size_t i = 0; i < state.generation_count; ++i) {
    const auto* delta = state.generations[i]->template Find<K>(keyspace);
    if (delta != nullptr) keys += delta->keys();
  }
  return keys;
}

void AddKeyspaces(const manifest::Manifest& manifest, const read::ReadState& state, Stats* stats) {
  std::uint64_t modelled = 0;
  for (const manifest::KeyspaceRef& known : manifest.keyspaces) {
    KeyspaceStats keyspace;
    keyspace.name = known.name;
    keyspace.id = known.id;
    keyspace.kind = known.kind;
    if (known.kind == KeyKind::kU64) {
      if (const auto* runs = state.runs->Find<U64>(known.id)) {
        AddRuns(*runs, &keyspace, stats, &modelled);
      }
      keyspace.delta_keys = DeltaKeys<U64>(state, known.id);
    } else {
      if (const auto* runs = state.runs->Find<Bytes>(known.id)) {
        AddRuns(*runs, &keyspace, stats, &modelled);
      }
      keyspace.delta_keys = DeltaKeys<Bytes>(state, known.id);
    }
    stats->segments += keyspace.segments;
    stats->segment_bytes += keyspace.file_bytes;
    stats->keyspaces.push_back(std::move(keyspace));
  }
  if (modelled != 0) {
    stats->model_bytes_per_key =
        static_cast<double>(stats->model_bytes) / static_cast<double>(modelled);
  }
}

void AddCommit(const commit::CommitQueue& commit, const commit::Log& log, Stats* stats) {
  stats->commits = Load(commit.counters().commits);
  stats->groups = Load(commit.counters().groups);
  stats->commits_refused = Load(commit.counters().refused);
  stats->stalls = Load(commit.counters().stalls);
  stats->stall_micros = Load(commit.counters().stall_micros);
  stats->stall = commit.stall_reason();
  stats->put_latency = LatencyOf(commit.counters().commit_nanos);
  stats->group_latency = LatencyOf(commit.counters().group_nanos);
  stats->log_sync_latency = LatencyOf(log.counters().sync_nanos);
  stats->log_syncs = Load(log.counters().syncs);
  stats->log_bytes = Load(log.counters().bytes);
  stats->log_rotations = Load(log.counters().rotations);
  stats->log_marks = Load(log.counters().marks);
}

void AddUpkeep(const upkeep::Upkeep& upkeep, const upkeep::Installer& installer, Stats* stats) {
  const upkeep::UpkeepCounters& counters = upkeep.counters();
  stats->flushes = Load(counters.flushes);
  stats->merges = Load(counters.merges);
  stats->retrains = Load(counters.retrains);
  stats->tombstones_dropped = Load(counters.tombstones_dropped);
  stats->bytes_flushed = Load(counters.bytes_flushed);
  stats->bytes_merged = Load(counters.bytes_merged);
  stats->upkeep_failures = Load(counters.failures);
  stats->background_error = upkeep.last_error();
  stats->flush_latency = LatencyOf(counters.flush_nanos);
  stats->merge_latency = LatencyOf(counters.merge_nanos);
  stats->retrain_latency = LatencyOf(counters.retrain_nanos);
  stats->installs = installer.installs();
  const auto pinned = installer.pinned();
  stats->pinned_files = pinned.files;
  stats->pinned_bytes = pinned.bytes;
}

void AddReaders(const read::Shared& shared, Stats* stats) {
  stats->predictions = shared.predictions.Sum() + shared.lookups.by_model();
  stats->model_fallbacks = Load(shared.segments.model_fallbacks);
  stats->models_damaged = Load(shared.segments.models_damaged);
  stats->blocks_verified = Load(shared.segments.blocks_verified);
  stats->blocks_bad = Load(shared.segments.blocks_bad);
  stats->unread_errors = Load(shared.unread_errors);
  const auto views = shared.views.Summarize();
  stats->open_views = views.views;
  stats->oldest_view = views.oldest;
  stats->lookups_during_upkeep = shared.lookups.lookups_during_upkeep();  // never above `lookups`
  stats->lookups = shared.lookups.lookups();
  stats->get_latency = LatencyOf(shared.lookups.gets());
  stats->get_during_upkeep_latency = LatencyOf(shared.lookups.gets_during_upkeep());
  stats->multiget_latency = LatencyOf(shared.lookups.multigets());
}

}  // namespace

Stats Core::GetStats() const {
  Stats stats;
  if (forked()) {  // what is counted is the parent's, and so are the locks
    stats.stall = StallReason::kClosed;
    return stats;
  }
  const read::StatePin state = states_->Pin();
  const manifest::Manifest manifest = installer_->manifest();
  stats.visible = visible();
  stats.durable = Durable();
  stats.flushed = manifest.floor_sequence;
  const bool running = running_.load(std::memory_order_acquire);
  stats.stall = running ? StallReason::kNone : StallReason::kReadOnly;
  if (running) AddCommit(*commit_, *log_, &stats);
  if (closed_.load(std::memory_order_acquire)) stats.stall = StallReason::kClosed;
  for (std::size_t i = 0; i < state->generation_count; ++i) {
    stats.delta_bytes += state->generations[i]->bytes();
  }
  stats.frozen_generations = state->generation_count - 1;
  AddUpkeep(*upkeep_, *installer_, &stats);
  if (stats.background_error.ok() && !running) {
    MutexLock lock(&refused_mutex_);
    stats.background_error = refused_;
  }
  if (stats.background_error.ok() && running) {
    stats.background_error = commit_->log_error();
  }

  stats.replayed_batches = recovered_.batches;
  stats.replayed_files = recovered_.chain.files.size();
  stats.torn_bytes = recovered_.chain.torn_bytes;
  stats.was_clean = recovered_.chain.clean;
  stats.orphans_deleted = recovered_.orphans_deleted;
  stats.unknown_files = recovered_.unknown_files;
  if (const auto entries = directory_->List(); entries.ok()) {
    FileKind kind;
    for (const io::DirectoryEntry& entry : *entries) {
      stats.log_files += ParseFileName(entry.name, &kind, nullptr) && kind == FileKind::kWal;
    }
  }

  AddKeyspaces(manifest, *state, &stats);
  AddReaders(*shared_, &stats);
  return stats;
}

}  // namespace db
}  // namespace kyro
