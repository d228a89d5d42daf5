// SPDX-License-Identifier: Apache-2.0
//
// Stats: what a Db holds and has done, at one moment. Plain values; counters count from Open.
#ifndef KYRO_STATS_H_
#define KYRO_STATS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro {

// Why writers are slowed or refused at this moment.
enum class StallReason : std::uint8_t {
  kNone = 0,
  kFlushBehind,   // frozen generations wait for their flush
  kFlushFailing,  // flushes fail; background_error says why
  kLogFailed,     // a sync of the log failed: read-only until Resume or a reopening
  kReadOnly,      // opened read-only
  kClosed,
};
// The reason's name, as in "flush_behind". Lives for ever.
[[gnu::visibility("default")]] std::string_view StallReasonName(StallReason reason) noexcept;

// How long things of one kind took, in nanoseconds, since Open. What is at most 1/8 apart is not
// told apart. Empty with Options::latency_histograms off.
struct [[gnu::visibility("default")]] LatencyStats {
  // Those between two bounds.
  struct Bucket {
    std::uint64_t upper_nanos = 0;  // the largest that it counts
    std::uint64_t count = 0;        // above the bounds below this one
    // All members are equal.
    friend bool operator==(const Bucket&, const Bucket&) = default;
  };
  std::uint64_t count = 0;      // of what was timed
  std::uint64_t sum_nanos = 0;  // exact, as are the next two
  std::uint64_t min_nanos = 0;  // 0 if there are none
  std::uint64_t max_nanos = 0;  // 0 if there are none
  // Those that are not empty, ascending. Every power of two can be a bound, so the count of what
  // took at most 2^k ns is exact. A bound is at most 9/8 of anything above 0 that it counts.
  std::vector<Bucket> buckets;

  // The smallest bound that at least `q` (0 to 1) of all are at or below, but never more than
  // max_nanos: no less than the true quantile, and no more than 9/8 of it. 0 if there are none.
  // O(buckets).
  std::uint64_t Quantile(double q) const noexcept;
};

// Of one keyspace, at one moment.
struct KeyspaceStats {
  std::string name;              // 1 to 255 bytes
  std::uint32_t id = 0;          // never used again, not even after a drop
  KeyKind kind = KeyKind::kU64;  // fixed when it was created
  std::uint64_t runs = 0;        // a get may have to look into each: Fold makes them one
  std::uint64_t segments = 0;    // of all runs
  std::uint64_t entries = 0;     // in segments, tombstones and hidden older versions included
  std::uint64_t tombstones = 0;  // in segments
  std::uint64_t delta_keys = 0;  // keys in the in-memory deltas
  std::uint64_t file_bytes = 0;  // of its segments
};

// Of a Db. Bytes are bytes and times microseconds; sizes of segments are those of their files.
struct Stats {
  // --- Sequences.
  Sequence visible = 0;  // newest commit that readers see
  Sequence durable = 0;  // everything up to here has been synced
  Sequence flushed = 0;  // everything up to here is in segments

  // --- Commit and log.
  std::uint64_t commits = 0;          // batches acknowledged
  std::uint64_t groups = 0;           // log records that carried them
  std::uint64_t log_syncs = 0;        // fdatasync of log files that carried commits
  std::uint64_t log_bytes = 0;        // appended, padding included
  std::uint64_t log_files = 0;        // now on disk
  std::uint64_t log_rotations = 0;    // turns to a next file
  std::uint64_t log_marks = 0;        // records that only carry the sync mark
  std::uint64_t commits_refused = 0;  // batches that were not applied

  // --- Backpressure.
  StallReason stall = StallReason::kNone;  // now
  std::uint64_t stalls = 0;                // writes that had to wait for room
  std::uint64_t stall_micros = 0;          // for how long in all

  // --- Deltas.
  std::uint64_t delta_bytes = 0;         // active and frozen
  std::uint64_t frozen_generations = 0;  // waiting for their flush: at most two

  // --- Upkeep.
  std::uint64_t flushes = 0;             // generations that became segments
  std::uint64_t merges = 0;              // stretches of runs that became one; folds included
  std::uint64_t retrains = 0;            // models trained anew
  std::uint64_t installs = 0;            // manifests
  std::uint64_t tombstones_dropped = 0;  // by merges, with nothing older left to hide
  std::uint64_t bytes_flushed = 0;       // files written by flushes
  std::uint64_t bytes_merged = 0;        // files written by merges and folds
  std::uint64_t upkeep_failures = 0;  // flushes, merges or retrains that failed and were discarded
  Status background_error;            // the last one; OK if none

  // --- Recovery, by Open.
  std::uint64_t replayed_batches = 0;      // from the log
  std::uint64_t replayed_files = 0;        // of the log
  std::uint64_t torn_bytes = 0;            // non-zero bytes cut off the log as a torn record
  bool was_clean = true;                   // the last owner closed in order
  std::uint64_t orphans_deleted = 0;       // files that no manifest named any more
  std::vector<std::string> unknown_files;  // left alone

  // --- Segments and index.
  std::uint64_t segments = 0;       // of all keyspaces
  std::uint64_t segment_bytes = 0;  // files
  std::uint64_t model_bytes = 0;    // of them, models
  double model_bytes_per_key = 0;   // over the segments that have a model
  std::uint64_t leaves = 0;         // of the models: linear pieces that hold keys
  // Keys that a lookup compares in a leaf: the largest over all segments of each one's quantile.
  std::uint64_t window_p50 = 0;       // half of the keys need at most these
  std::uint64_t window_p99 = 0;       // 99 of 100
  std::uint64_t window_p999 = 0;      // 999 of 1000
  std::uint64_t window_max = 0;       // all
  std::uint64_t predictions = 0;      // lookups answered through a model
  std::uint64_t model_fallbacks = 0;  // lookups that had to fall back to binary search: 0 if sound
  std::uint64_t models_damaged = 0;   // ignored at open, to be retrained
  std::uint64_t blocks_verified = 0;  // checksums of first touches
  std::uint64_t blocks_bad = 0;       // of them, those that were damaged

  // --- Readers.
  std::uint64_t open_views = 0;     // views and read points
  Sequence oldest_view = 0;         // 0: none
  std::uint64_t pinned_files = 0;   // kept only because views need them
  std::uint64_t pinned_bytes = 0;   // of these files
  std::uint64_t unread_errors = 0;  // scans and iterators that failed unnoticed: 0 in sound code

  // --- Lookups and latencies. Of reads one in about 256 lookups of a thread is timed, so that
  // `count` is the number of samples; the others count everything.
  std::uint64_t lookups = 0;  // Gets and keys of MultiGets; exact for up to 64 threads
  std::uint64_t lookups_during_upkeep = 0;  // of these, while a flush, merge or retraining ran
  LatencyStats get_latency;                 // Keyspace::Get and View::Get
  LatencyStats get_during_upkeep_latency;   // of these, what ended while upkeep ran
  LatencyStats multiget_latency;            // one whole View::MultiGet
  LatencyStats put_latency;                 // one whole Put, Delete or Write, refused ones too
  LatencyStats group_latency;     // what `groups` counts, for its leader: record, sync, delta
  LatencyStats log_sync_latency;  // what `log_syncs` counts
  LatencyStats flush_latency;     // what `flushes` counts, install included
  LatencyStats merge_latency;     // what `merges` counts, install included
  LatencyStats retrain_latency;   // what `retrains` counts, install included

  std::vector<KeyspaceStats> keyspaces;  // ascending id
};

// One JSON object (RFC 8259), on one line: every field by the name it has in Stats, and of each
// LatencyStats also the quantiles 0.5, 0.9, 0.99 and 0.999. Bytes of a name that are not UTF-8
// become text: a backslash, x and two hex digits. Empty if there is no memory for it. Any thread.
[[gnu::visibility("default")]] std::string ToJson(const Stats& stats) noexcept;

// The same as OpenMetrics 1.0 text, ready to be served to Prometheus as
// `application/openmetrics-text; version=1.0.0; charset=utf-8`. docs/metrics.md lists what there
// is. Empty if there is no memory for it. Any thread.
[[gnu::visibility("default")]] std::string ToOpenMetrics(const Stats& stats) noexcept;

}  // namespace kyro

#endif  // KYRO_STATS_H_
