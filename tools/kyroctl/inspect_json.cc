// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "kyroctl/inspect.h"
#include "kyroctl/rows.h"

namespace kyro::kyroctl {
namespace {

Json FileAsJson(const FileRef& file) {
  if (!file.id.exists()) return Json();
  return Json{{"number", file.id.number}, {"uuid", file.id.uuid.ToString()}, {"bytes", file.bytes}};
}

void SetEncodedKey(Json* object, std::string_view name, KeyKind kind, std::string_view encoded) {
  const auto number = DecodeU64Key(encoded);
  if (kind == KeyKind::kU64 && number) return SetKey(object, name, *number);
  SetBytes(object, name, encoded);
}

Json ModelAsJson(const segment::Facts& facts) {
  if (!facts.has_model && !facts.model_damaged) return Json();
  Json model;
  model["damaged"] = facts.model_damaged;
  model["bytes"] = facts.model_bytes;
  model["bytes_per_key"] = facts.entries == 0 ? 0
                                              : static_cast<double>(facts.model_bytes) /
                                                    static_cast<double>(facts.entries);
  model["structure"] = facts.structure;
  model["why"] = facts.why;
  model["leaves"] = facts.leaves;
  model["depth"] = facts.depth;
  model["max_error"] = facts.max_error;
  model["window"] = Json{{"p50", facts.window_p50},
                         {"p99", facts.window_p99},
                         {"p999", facts.window_p999},
                         {"max", facts.window_max}};
  return model;
}

Json SegmentAsJson(const db::SegmentInspection& segment, KeyKind kind) {
  const SegmentRef& ref = segment.ref;
  const segment::Facts& facts = segment.facts;
  Json object;
  object["keys"] = FileAsJson(ref.keys);
  object["data"] = FileAsJson(ref.data);
  object["rmi"] = FileAsJson(ref.model);
  object["entries"] = ref.entries;
  object["tombstones"] = ref.tombstones;
  SetEncodedKey(&object, "first_key", kind, ref.first_key);
  SetEncodedKey(&object, "last_key", kind, ref.last_key);
  object["min_sequence"] = ref.min_sequence;
  object["max_sequence"] = ref.max_sequence;
  object["value_bytes"] = facts.fixed_width ? Json(facts.value_bytes_fixed) : Json();
  object["filter_bytes"] = facts.filter_bytes;
  object["all_verified"] = facts.all_verified;
  object["model"] = ModelAsJson(facts);
  return object;
}

const KeyspaceStats* StatsOf(const Stats& stats, std::uint32_t id) {
  for (const KeyspaceStats& keyspace : stats.keyspaces) {
    if (keyspace.id == id) return &keyspace;
  }
  return nullptr;
}

Json KeyspaceAsJson(const db::KeyspaceInspection& keyspace, const Stats& stats) {
  Json object;
  SetBytes(&object, "name", keyspace.info.name);
  object["id"] = keyspace.info.id;
  object["keys"] = KeyKindName(keyspace.info.kind);
  if (const KeyspaceStats* const counts = StatsOf(stats, keyspace.info.id)) {
    object["entries"] = counts->entries;
    object["tombstones"] = counts->tombstones;
    object["delta_keys"] = counts->delta_keys;
    object["file_bytes"] = counts->file_bytes;
  }
  object["runs"] = Json::array();
  for (const db::RunInspection& run : keyspace.runs) {
    Json segments = Json::array();
    for (const db::SegmentInspection& segment : run.segments) {
      segments.push_back(SegmentAsJson(segment, keyspace.info.kind));
    }
    object["runs"].push_back(Json{{"segments", std::move(segments)}});
  }
  return object;
}

Json LogAsJson(const Stats& s) {
  return Json{{"commits", s.commits},
              {"groups", s.groups},
              {"log_syncs", s.log_syncs},
              {"log_bytes", s.log_bytes},
              {"log_files", s.log_files},
              {"log_rotations", s.log_rotations},
              {"log_marks", s.log_marks},
              {"commits_refused", s.commits_refused},
              {"stall", StallReasonName(s.stall)},
              {"stalls", s.stalls},
              {"stall_micros", s.stall_micros},
              {"delta_bytes", s.delta_bytes},
              {"frozen_generations", s.frozen_generations}};
}

Json UpkeepAsJson(const Stats& s) {
  return Json{
      {"flushes", s.flushes},
      {"merges", s.merges},
      {"retrains", s.retrains},
      {"installs", s.installs},
      {"tombstones_dropped", s.tombstones_dropped},
      {"bytes_flushed", s.bytes_flushed},
      {"bytes_merged", s.bytes_merged},
      {"upkeep_failures", s.upkeep_failures},
      {"background_error", s.background_error.ok() ? Json() : Json(s.background_error.ToString())}};
}

Json RecoveryAsJson(const Stats& s) {
  Json object{{"replayed_batches", s.replayed_batches},
              {"replayed_files", s.replayed_files},
              {"torn_bytes", s.torn_bytes},
              {"was_clean", s.was_clean},
              {"orphans_deleted", s.orphans_deleted}};
  object["unknown_files"] = s.unknown_files;
  return object;
}

Json IndexAsJson(const Stats& s) {
  return Json{{"segments", s.segments},
              {"segment_bytes", s.segment_bytes},
              {"model_bytes", s.model_bytes},
              {"model_bytes_per_key", s.model_bytes_per_key},
              {"leaves", s.leaves},
              {"window", Json{{"p50", s.window_p50},
                              {"p99", s.window_p99},
                              {"p999", s.window_p999},
                              {"max", s.window_max}}},
              {"predictions", s.predictions},
              {"model_fallbacks", s.model_fallbacks},
              {"models_damaged", s.models_damaged},
              {"blocks_verified", s.blocks_verified},
              {"blocks_bad", s.blocks_bad}};
}

Json ReadersAsJson(const Stats& s) {
  return Json{{"open_views", s.open_views},
              {"oldest_view", s.oldest_view},
              {"pinned_files", s.pinned_files},
              {"pinned_bytes", s.pinned_bytes},
              {"unread_errors", s.unread_errors}};
}

Json StatsAsJson(const Stats& s) {
  Json object{{"visible", s.visible}, {"durable", s.durable}, {"flushed", s.flushed}};
  object["commit"] = LogAsJson(s);
  object["upkeep"] = UpkeepAsJson(s);
  object["recovery"] = RecoveryAsJson(s);
  object["index"] = IndexAsJson(s);
  object["readers"] = ReadersAsJson(s);
  return object;
}

}  // namespace

Json InspectionAsJson(std::string_view path, const db::Inspection& inspection) {
  Json object;
  SetBytes(&object, "db", path);
  object["uuid"] = inspection.database_uuid;
  object["manifest_generation"] = inspection.manifest_generation;
  object["clean"] = inspection.clean;
  object["wal_floor"] = inspection.wal_floor;
  object["wal_newest"] = inspection.wal_newest;
  object["files"] = Json::array();
  for (const db::FileInspection& file : inspection.files) {
    Json entry;
    SetBytes(&entry, "name", file.name);
    entry["role"] = file.role;
    entry["bytes"] = file.bytes;
    object["files"].push_back(std::move(entry));
  }
  object["keyspaces"] = Json::array();
  for (const db::KeyspaceInspection& keyspace : inspection.keyspaces) {
    object["keyspaces"].push_back(KeyspaceAsJson(keyspace, inspection.stats));
  }
  object["stats"] = StatsAsJson(inspection.stats);
  return object;
}

}  // namespace kyro::kyroctl
