// SPDX-License-Identifier: Apache-2.0
#include "db/stats_fields.h"

#include <fmt/core.h>

namespace kyro::db {

// A member's name and itself.
#define KYRO_FIELD(Owner, member) #member, &Owner::member

constexpr std::array<Field<Stats>, kStatsFieldCount> kStatsFields{{
    {KYRO_FIELD(Stats, visible), MetricType::kGauge, "visible_sequence", "",
     "Sequence of the newest commit that readers see"},
    {KYRO_FIELD(Stats, durable), MetricType::kGauge, "durable_sequence", "",
     "Everything up to this sequence has been synced"},
    {KYRO_FIELD(Stats, flushed), MetricType::kGauge, "flushed_sequence", "",
     "Everything up to this sequence is in segments"},
    {KYRO_FIELD(Stats, commits), MetricType::kCounter, "commits", "", "Batches acknowledged"},
    {KYRO_FIELD(Stats, groups), MetricType::kCounter, "commit_groups", "",
     "Log records that carried them"},
    {KYRO_FIELD(Stats, log_syncs), MetricType::kCounter, "log_syncs", "",
     "Syncs of log files that carried commits"},
    {KYRO_FIELD(Stats, log_bytes), MetricType::kCounter, "log_appended_bytes", "bytes",
     "Bytes appended to the log, padding included"},
    {KYRO_FIELD(Stats, log_files), MetricType::kGauge, "log_files", "", "Log files on disk"},
    {KYRO_FIELD(Stats, log_rotations), MetricType::kCounter, "log_rotations", "",
     "Times that the log turned to a new file"},
    {KYRO_FIELD(Stats, log_marks), MetricType::kCounter, "log_marks", "",
     "Log records that only carry the sync mark"},
    {KYRO_FIELD(Stats, commits_refused), MetricType::kCounter, "commits_refused", "",
     "Batches that were not acknowledged"},
    {KYRO_FIELD(Stats, stall), MetricType::kStateSet, "stall", "",
     "Why writers are slowed or refused now"},
    {KYRO_FIELD(Stats, stalls), MetricType::kCounter, "stalls", "",
     "Writes that had to wait for room"},
    {KYRO_FIELD(Stats, stall_micros), MetricType::kCounter, "stall_seconds", "seconds",
     "How long writes waited for room in all", 1000000},
    {KYRO_FIELD(Stats, delta_bytes), MetricType::kGauge, "delta_bytes", "bytes",
     "Memory of the deltas, active and frozen"},
    {KYRO_FIELD(Stats, frozen_generations), MetricType::kGauge, "frozen_generations", "",
     "Deltas that wait for their flush"},
    {KYRO_FIELD(Stats, flushes), MetricType::kCounter, "flushes", "",
     "Deltas that became segments"},
    {KYRO_FIELD(Stats, merges), MetricType::kCounter, "merges", "",
     "Merges of runs, folds included"},
    {KYRO_FIELD(Stats, retrains), MetricType::kCounter, "retrains", "",
     "Models trained anew over untouched data"},
    {KYRO_FIELD(Stats, installs), MetricType::kCounter, "manifest_installs", "",
     "Manifests written"},
    {KYRO_FIELD(Stats, tombstones_dropped), MetricType::kCounter, "tombstones_dropped", "",
     "Tombstones that had nothing left to hide"},
    {KYRO_FIELD(Stats, bytes_flushed), MetricType::kCounter, "flushed_bytes", "bytes",
     "Bytes of files that flushes wrote"},
    {KYRO_FIELD(Stats, bytes_merged), MetricType::kCounter, "merged_bytes", "bytes",
     "Bytes of files that merges and folds wrote"},
    {KYRO_FIELD(Stats, upkeep_failures), MetricType::kCounter, "upkeep_failures", "",
     "Flushes, merges and retrainings that failed"},
    {KYRO_FIELD(Stats, background_error), MetricType::kGauge, "background_error", "",
     "1 if background work has failed since Open; the label says how"},
    {KYRO_FIELD(Stats, replayed_batches), MetricType::kGauge, "replayed_batches", "",
     "Batches that Open replayed from the log"},
    {KYRO_FIELD(Stats, replayed_files), MetricType::kGauge, "replayed_files", "",
     "Log files that Open read"},
    {KYRO_FIELD(Stats, torn_bytes), MetricType::kGauge, "torn_bytes", "bytes",
     "Bytes that Open cut off the log as a torn record, zeros aside"},
    {KYRO_FIELD(Stats, was_clean), MetricType::kGauge, "was_clean", "",
     "1 if the last owner closed in order"},
    {KYRO_FIELD(Stats, orphans_deleted), MetricType::kGauge, "orphans_deleted", "",
     "Leftover files that Open deleted"},
    {KYRO_FIELD(Stats, unknown_files), MetricType::kGauge, "unknown_files", "",
     "Files in the directory that kyro did not make"},
    {KYRO_FIELD(Stats, segments), MetricType::kGauge, "segments", "", "Segments"},
    {KYRO_FIELD(Stats, segment_bytes), MetricType::kGauge, "segment_bytes", "bytes",
     "Bytes of the segments' files"},
    {KYRO_FIELD(Stats, model_bytes), MetricType::kGauge, "model_bytes", "bytes",
     "Of these, bytes of models"},
    {KYRO_FIELD(Stats, model_bytes_per_key), MetricType::kGauge, "model_per_key_bytes", "bytes",
     "Bytes of model per key that a model serves"},
    {KYRO_FIELD(Stats, leaves), MetricType::kGauge, "model_leaves", "", "Leaves of all models"},
    {KYRO_FIELD(Stats, window_p50), MetricType::kGauge, "model_window_p50_keys", "keys",
     "Keys to search behind a prediction, median of the worst segment"},
    {KYRO_FIELD(Stats, window_p99), MetricType::kGauge, "model_window_p99_keys", "keys",
     "The same, 99 of 100 keys of that segment"},
    {KYRO_FIELD(Stats, window_p999), MetricType::kGauge, "model_window_p999_keys", "keys",
     "The same, 999 of 1000"},
    {KYRO_FIELD(Stats, window_max), MetricType::kGauge, "model_window_max_keys", "keys",
     "The largest window of any key"},
    {KYRO_FIELD(Stats, predictions), MetricType::kCounter, "predictions", "",
     "Segment lookups answered through a model"},
    {KYRO_FIELD(Stats, model_fallbacks), MetricType::kCounter, "model_fallbacks", "",
     "Lookups that fell back to a binary search"},
    {KYRO_FIELD(Stats, models_damaged), MetricType::kGauge, "models_damaged", "",
     "Models found damaged when they were opened"},
    {KYRO_FIELD(Stats, blocks_verified), MetricType::kCounter, "blocks_verified", "",
     "Blocks whose checksum was compared at their first touch"},
    {KYRO_FIELD(Stats, blocks_bad), MetricType::kCounter, "blocks_bad", "",
     "Of these, blocks that were damaged"},
    {KYRO_FIELD(Stats, open_views), MetricType::kGauge, "open_views", "",
     "Views and read points alive"},
    {KYRO_FIELD(Stats, oldest_view), MetricType::kGauge, "oldest_view_sequence", "",
     "Sequence of the oldest of them; 0 if there is none"},
    {KYRO_FIELD(Stats, pinned_files), MetricType::kGauge, "pinned_files", "",
     "Files kept only because views need them"},
    {KYRO_FIELD(Stats, pinned_bytes), MetricType::kGauge, "pinned_bytes", "bytes",
     "Bytes of these files"},
    {KYRO_FIELD(Stats, unread_errors), MetricType::kCounter, "unread_errors", "",
     "Scans and iterators that failed and nobody asked"},
    {KYRO_FIELD(Stats, lookups), MetricType::kCounter, "lookups", "",
     "Gets, and keys of MultiGets"},
    {KYRO_FIELD(Stats, lookups_during_upkeep), MetricType::kCounter, "lookups_during_upkeep", "",
     "Of these, while a flush, merge or retraining ran"},
    {KYRO_FIELD(Stats, get_latency), MetricType::kHistogram, "get_seconds", "seconds",
     "Time of a get; one in about 256 lookups is timed", 1, 6, 28},
    {KYRO_FIELD(Stats, get_during_upkeep_latency), MetricType::kHistogram,
     "get_during_upkeep_seconds", "seconds", "Of these, gets that ended while upkeep ran", 1, 6,
     28},
    {KYRO_FIELD(Stats, multiget_latency), MetricType::kHistogram, "multiget_seconds", "seconds",
     "Time of a whole MultiGet; one in about 256 lookups is timed", 1, 8, 30},
    {KYRO_FIELD(Stats, put_latency), MetricType::kHistogram, "put_seconds", "seconds",
     "Time of a whole Put, Delete or Write", 1, 10, 35},
    {KYRO_FIELD(Stats, group_latency), MetricType::kHistogram, "group_commit_seconds", "seconds",
     "Time of a commit group for its leader, sync included", 1, 10, 35},
    {KYRO_FIELD(Stats, log_sync_latency), MetricType::kHistogram, "log_sync_seconds", "seconds",
     "Time of a sync of the log", 1, 10, 35},
    {KYRO_FIELD(Stats, flush_latency), MetricType::kHistogram, "flush_seconds", "seconds",
     "Time of a flush, install included", 1, 16, 40},
    {KYRO_FIELD(Stats, merge_latency), MetricType::kHistogram, "merge_seconds", "seconds",
     "Time of a merge of one keyspace, install included", 1, 16, 42},
    {KYRO_FIELD(Stats, retrain_latency), MetricType::kHistogram, "retrain_seconds", "seconds",
     "Time of retraining one model, install included", 1, 16, 42},
    {KYRO_FIELD(Stats, keyspaces)},
}};

constexpr std::array<Field<KeyspaceStats>, kKeyspaceFieldCount> kKeyspaceFields{{
    {KYRO_FIELD(KeyspaceStats, name)},
    {KYRO_FIELD(KeyspaceStats, id)},
    {KYRO_FIELD(KeyspaceStats, kind)},
    {KYRO_FIELD(KeyspaceStats, runs), MetricType::kGauge, "keyspace_runs", "",
     "Runs of the keyspace"},
    {KYRO_FIELD(KeyspaceStats, segments), MetricType::kGauge, "keyspace_segments", "",
     "Segments of the keyspace"},
    {KYRO_FIELD(KeyspaceStats, entries), MetricType::kGauge, "keyspace_entries", "",
     "Entries in its segments, tombstones and hidden versions included"},
    {KYRO_FIELD(KeyspaceStats, tombstones), MetricType::kGauge, "keyspace_tombstones", "",
     "Tombstones in its segments"},
    {KYRO_FIELD(KeyspaceStats, delta_keys), MetricType::kGauge, "keyspace_delta_keys", "",
     "Keys in its deltas"},
    {KYRO_FIELD(KeyspaceStats, file_bytes), MetricType::kGauge, "keyspace_file_bytes", "bytes",
     "Bytes of its segments' files"},
}};

// A list that is too short ends in nothing.
static_assert(!kStatsFields.back().name.empty(), "a field of Stats is not listed");
static_assert(!kKeyspaceFields.back().name.empty(), "a field of KeyspaceStats is not listed");

namespace {

// The length of the UTF-8 character that `bytes` begin with (RFC 3629); 0 if they do not.
std::size_t CharacterBytes(std::string_view bytes) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies above U+10FFFF.
  const unsigned char second = at(1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90);
  return wrong ? 0 : length;
}

}  // namespace

std::string AsUtf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const std::size_t length = CharacterBytes(bytes);
    if (length == 0) {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[0]));
    } else {
      text.append(bytes.substr(0, length));
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

}  // namespace kyro::db
