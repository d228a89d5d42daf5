// SPDX-License-Identifier: Apache-2.0
//
// Statistics: the numbers that a program may decide by, and all of them as text.
#include <algorithm>
#include <cstring>

#include "c/handles.h"

static_assert(KYRO_STALL_CLOSED == static_cast<int>(kyro::StallReason::kClosed));

kyro_code kyro_db_stats(const kyro_db* db, kyro_stats* stats, kyro_error* error) {
  using kyro::c::NullArgument;
  if (stats == nullptr) return NullArgument(error, "stats");
  const std::size_t size = stats->struct_size;
  if (size < sizeof(size)) {
    return kyro::c::Fail(error, kyro::StatusCode::kInvalidArgument,
                         "struct_size is not set: want sizeof(kyro_stats)");
  }
  if (db == nullptr) return NullArgument(error, "db");
  return kyro::c::Guarded(error, [&] {
    const kyro::Stats from = db->db.stats();
    kyro_stats to{};
    to.struct_size = size;
    to.visible = from.visible;
    to.durable = from.durable;
    to.flushed = from.flushed;
    to.commits = from.commits;
    to.commits_refused = from.commits_refused;
    to.stalls = from.stalls;
    to.stall_micros = from.stall_micros;
    to.delta_bytes = from.delta_bytes;
    to.frozen_generations = from.frozen_generations;
    to.segments = from.segments;
    to.segment_bytes = from.segment_bytes;
    to.log_files = from.log_files;
    to.upkeep_failures = from.upkeep_failures;
    to.models_damaged = from.models_damaged;
    to.blocks_bad = from.blocks_bad;
    to.torn_bytes = from.torn_bytes;
    to.open_views = from.open_views;
    to.oldest_view = from.oldest_view;
    to.pinned_files = from.pinned_files;
    to.pinned_bytes = from.pinned_bytes;
    to.stall = static_cast<std::int32_t>(from.stall);
    to.was_clean = from.was_clean ? 1 : 0;
    std::memset(stats, 0, size);
    std::memcpy(stats, &to, std::min(size, sizeof(to)));
    return kyro::c::Succeed(error);
  });
}

namespace {

kyro_code WriteText(const kyro_db* db, std::string (*to_text)(const kyro::Stats&) noexcept,
                    kyro_buffer* text, kyro_error* error) noexcept {
  if (text == nullptr) return kyro::c::NullArgument(error, "text");
  if (db == nullptr) return kyro::c::NullArgument(error, "db");
  return kyro::c::Guarded(error, [&] {
    std::string made = to_text(db->db.stats());
    if (made.empty()) {
      return kyro::c::Fail(error, kyro::StatusCode::kResourceExhausted, "out of memory");
    }
    text->bytes = std::move(made);
    return kyro::c::Succeed(error);
  });
}

}  // namespace

kyro_code kyro_db_stats_json(const kyro_db* db, kyro_buffer* text, kyro_error* error) {
  return WriteText(db, &kyro::ToJson, text, error);
}

kyro_code kyro_db_stats_openmetrics(const kyro_db* db, kyro_buffer* text, kyro_error* error) {
  return WriteText(db, &kyro::ToOpenMetrics, text, error);
}

kyro_code kyro_db_background_error(const kyro_db* db, kyro_error* error) {
  if (db == nullptr) return kyro::c::NullArgument(error, "db");
  return kyro::c::Guarded(error,
                          [&] { return kyro::c::Report(error, db->db.stats().background_error); });
}
