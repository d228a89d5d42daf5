// SPDX-License-Identifier: Apache-2.0
//
// Flush: a frozen generation becomes one new run in each of its keyspaces.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "io/stopwatch.h"
#include "upkeep/run_builder.h"
#include "upkeep/upkeep.h"

namespace kyro::upkeep {
namespace {

// A failed flush is tried again after this long.
constexpr std::chrono::microseconds kRetryDelay{100000};

}  // namespace

void Upkeep::FlushSoon() noexcept {
  PostFlush(std::chrono::microseconds(0));
}

// Without memory for a job there is none: HelpFlush, and the next freeze, post another.
void Upkeep::PostFlush(std::chrono::microseconds delay) noexcept {
  flushes_posted_.fetch_add(1);
  const Status posted = Guarded([&] {
    return flush_queue_->Post(
        [this] {
          flushes_posted_.fetch_sub(1);
          FlushJob();
        },
        delay);
  });
  if (!posted.ok()) flushes_posted_.fetch_sub(1);
}

bool Upkeep::HelpFlush() {
  if (flushes_posted_.load() == 0 && !stopping()) FlushSoon();
  return flush_queue_->Help();
}

void Upkeep::FlushJob() noexcept {
  while (!stopping()) {
    const read::StatePin state = states_->Pin();
    if (state->generation_count < 2) return;
    const std::size_t last = KYRO_PLANTED(kFlushNewestFirst) ? 1 : state->generation_count - 1;
    const delta::Generation& oldest = *state->generations[last];  // U1
    const Status status = Guarded([&] { return FlushOne(oldest); });
    if (!status.ok()) {
      NoteFailure(status);
      {
        MutexLock lock(&error_mutex_);
        ++flush_failures_;
      }
      if (!stopping()) PostFlush(kRetryDelay);
      (void)Guarded([&] { return DeliverEvents(), Status::Ok(); });
      return;
    }
    {
      MutexLock lock(&error_mutex_);
      flush_failures_ = 0;
    }
    (void)Guarded([&] {
      DeliverEvents();
      installer_->DeleteObsolete();  // log files: a long merge must not keep them
      return Status::Ok();
    });
    MaintainSoon();
  }
}

// The log is needed from `log` on.
void Upkeep::MoveLogFloor(const delta::LogEdge& log, manifest::Manifest* next) {
  next->wal_floor = log.next;
  if (KYRO_PLANTED(kLogFloorTooHigh) && log.next.exists()) next->wal_floor = next->wal_newest;
  if (!log.next.exists()) {
    // None is. What is numbered up to wal_newest is known to be spent, should a crash leave it.
    if (log.spent.exists()) next->wal_newest = log.spent;
    next->wal_newest_bytes = 0;
    next->clean = true;
  } else if (next->wal_newest.number < log.next.number) {
    next->wal_newest = log.next;
  }
}

Status Upkeep::FlushOne(const delta::Generation& generation) {
  const io::Stopwatch watch(latency_clock_);
  const read::LookupMeter::Upkeep running(&states_->shared()->lookups);
  const manifest::Manifest manifest = installer_->manifest();
  KYRO_ASSIGN_OR_RETURN(std::vector<NewRun> runs, BuildRuns(generation, manifest));
  Status status = installer_->Install(
      [&](manifest::Manifest* next) {
        for (const NewRun& run : runs) {
          manifest::KeyspaceRef* keyspace = manifest::FindKeyspace(next, run.keyspace);
          if (keyspace == nullptr) continue;
          const bool last = KYRO_PLANTED(kFlushedRunLast);
          keyspace->runs.insert(last ? keyspace->runs.end() : keyspace->runs.begin(), run.run);
        }
        next->last_sequence = std::max(next->last_sequence, generation.last_sequence());
        next->floor_sequence = generation.last_sequence();
        MoveLogFloor(generation.log(), next);
        return Status::Ok();
      },
      {.gone = &generation, .fresh = nullptr});
  if (!status.ok()) {
    Discard(runs);
    return status;
  }
  std::uint64_t bytes = 0;
  for (const NewRun& run : runs) {
    bytes += RunBytes(run.run);
    counters_.tombstones_dropped.fetch_add(run.tombstones_dropped, std::memory_order_relaxed);
  }
  watch.Stop(&counters_.flush_nanos);
  counters_.flushes.fetch_add(1, std::memory_order_relaxed);
  counters_.bytes_flushed.fetch_add(bytes, std::memory_order_relaxed);
  Report(Event::Kind::kFlush, bytes);
  return Status::Ok();
}

Result<std::vector<Upkeep::NewRun>> Upkeep::BuildRuns(const delta::Generation& generation,
                                                      const manifest::Manifest& manifest) {
  std::vector<NewRun> runs;
  for (const delta::Generation::Member& member : generation.members()) {
    const auto* keyspace = manifest::FindKeyspace(&manifest, member.keyspace);
    if (keyspace == nullptr) continue;  // dropped meanwhile
    if (KYRO_PLANTED(kFlushSkipsKeyspace) && runs.size() == 2) continue;
    NewRun& run = runs.emplace_back();
    run.keyspace = member.keyspace;
    const Status status = member.kind == KeyKind::kU64
                              ? BuildRun<U64>(generation, *keyspace, manifest.database, &run)
                              : BuildRun<Bytes>(generation, *keyspace, manifest.database, &run);
    if (!status.ok()) {
      Discard(runs);
      return status;
    }
    if (run.run.segments.empty()) runs.pop_back();  // nothing but tombstones of nothing
  }
  return runs;
}

template <class K>
Status Upkeep::BuildRun(const delta::Generation& generation, const manifest::KeyspaceRef& keyspace,
                        const Uuid& database, NewRun* out) {
  const delta::Delta<K>& delta = *generation.Find<K>(keyspace.id);
  const bool oldest = keyspace.runs.empty();
  segment::BuildOptions options;
  options.with_filter = !oldest;
  options.min_sequence = generation.floor_sequence() + 1;
  options.max_sequence = generation.last_sequence();
  options.heap_bytes_max = options_.segment_bytes;
  RunBuilder<K> builder(NewBuildContext(database, nullptr), options, &out->run);
  typename delta::Delta<K>::Cursor cursor(&delta, generation.last_sequence());
  for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) {
    if (cursor.tombstone() && (oldest || KYRO_PLANTED(kFlushDropsTombstone))) {  // U3
      ++out->tombstones_dropped;
      continue;
    }
    KYRO_RETURN_IF_ERROR(builder.Add(cursor.key(), cursor.value(), cursor.tombstone()));
  }
  return builder.Finish();
}

Status Upkeep::FlushInto(const delta::Generation& generation, manifest::Manifest* manifest) {
  const io::Stopwatch watch(latency_clock_);
  KYRO_ASSIGN_OR_RETURN(std::vector<NewRun> runs, BuildRuns(generation, *manifest));
  for (NewRun& run : runs) {
    manifest::KeyspaceRef* keyspace = manifest::FindKeyspace(manifest, run.keyspace);
    counters_.bytes_flushed.fetch_add(RunBytes(run.run), std::memory_order_relaxed);
    counters_.tombstones_dropped.fetch_add(run.tombstones_dropped, std::memory_order_relaxed);
    keyspace->runs.insert(keyspace->runs.begin(), std::move(run.run));
  }
  manifest->last_sequence = std::max(manifest->last_sequence, generation.last_sequence());
  watch.Stop(&counters_.flush_nanos);
  counters_.flushes.fetch_add(1, std::memory_order_relaxed);
  return Status::Ok();
}

}  // namespace kyro::upkeep
