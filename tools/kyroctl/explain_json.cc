// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "kyroctl/explain.h"
#include "kyroctl/rows.h"

namespace kyro::kyroctl {
namespace {

using segment::Explanation;
using Found = Explanation::Found;
using index::Route;

std::string_view FoundName(Found found) noexcept {
  switch (found) {
    case Found::kAbsent:
      return "absent";
    case Found::kValue:
      return "value";
    case Found::kTombstone:
      return "tombstone";
    case Found::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string_view FoundName(delta::Found found) noexcept {
  switch (found) {
    case delta::Found::kNothing:
      return "absent";
    case delta::Found::kValue:
      return "value";
    case delta::Found::kTombstone:
      return "tombstone";
  }
  return "unknown";
}

std::string_view EndName(Route::End end) noexcept {
  switch (end) {
    case Route::End::kSearch:
      return "search";
    case Route::End::kLeaf:
      return "leaf";
    case Route::End::kSmallTree:
      return "small_tree";
    case Route::End::kRootTree:
      return "root_tree";
    case Route::End::kPackedTree:
      return "packed_tree";
  }
  return "unknown";
}

void SetEncodedKey(Json* object, std::string_view name, KeyKind kind, std::string_view encoded) {
  const auto number = DecodeU64Key(encoded);
  if (kind == KeyKind::kU64 && number) return SetKey(object, name, *number);
  SetKey(object, name, encoded);
}

Json RouteAsJson(const Route& route) {
  Json json;
  json["nodes"] = Json::array();
  for (std::uint32_t i = 0; i < route.step_count; ++i) {
    json["nodes"].push_back({{"node", route.steps[i].node}, {"slot", route.steps[i].slot}});
  }
  json["ends_in"] = EndName(route.end);
  if (route.end == Route::End::kLeaf) {
    json["leaf"] = {{"first", route.leaf_base}, {"keys", route.leaf_count}};
  } else if (route.end != Route::End::kSearch) {
    json["tree_nodes"] = Json::array();
    for (std::uint32_t i = 0; i < route.level_count; ++i) {
      json["tree_nodes"].push_back(route.tree_nodes[i]);
    }
    json["block"] = route.block;
  }
  return json;
}

Json ModelAsJson(const Explanation& told) {
  Json json{{"file", told.model_file}, {"structure", told.structure}, {"why", told.why}};
  json["way"] = RouteAsJson(told.route);
  json["predicted"] = told.route.window.position;
  json["max_error"] = told.max_error;
  json["bound"] = {told.bound_first, told.bound_last};
  json["window"] = {{"begin", told.window.begin},
                    {"end", told.window.end},
                    {"keys", told.window.end - told.window.begin},
                    {"cache_lines", told.window_lines}};
  json["window_proves"] = told.probe_proves;
  return json;
}

Json SegmentAsJson(const Explanation& told, KeyKind kind) {
  Json json{
      {"keys_file", told.keys_file}, {"data_file", told.data_file}, {"entries", told.entries}};
  SetEncodedKey(&json, "first_key", kind, told.first_key);
  SetEncodedKey(&json, "last_key", kind, told.last_key);
  json["in_key_range"] = told.in_key_range;
  json["has_filter"] = told.has_filter;
  json["filter_excludes"] = told.filter_excludes;
  json["searched"] = told.searched;
  if (told.searched) {
    json["model"] = told.has_model ? ModelAsJson(told) : Json();
    json["model_damaged"] = told.model_damaged;
    if (kind == KeyKind::kBytes) {
      json["search"] = {{"halvings", told.bytes.halvings},
                        {"candidates", {told.bytes.candidates.begin, told.bytes.candidates.end}},
                        {"fingerprint_hits", told.bytes.fingerprint_hits}};
    }
    json["lower_bound"] = told.lower_bound;
  }
  json["blocks_verified"] = told.blocks_verified;
  json["block_bytes"] = told.block_bytes;
  json["found"] = FoundName(told.found);
  if (told.found == Found::kValue) {
    json["value_bytes"] = told.value_bytes;
    json["value_offset"] = told.value_offset;
  }
  return json;
}

}  // namespace

Json ExplanationAsJson(const ExplainedKey& key, const read::Explanation& told) {
  Json json;
  SetEncodedKey(&json, "key", key.kind, key.encoded);
  SetBytes(&json, "keyspace", key.keyspace);
  json["sequence"] = told.sequence;
  json["found"] = FoundName(told.found);
  json["value_bytes"] = told.found == Found::kValue ? Json(told.value_bytes) : Json();
  json["log"] = Json::array();
  for (const read::DeltaExplanation& delta : told.deltas) {
    json["log"].push_back({{"keys", delta.keys},
                           {"reached", delta.reached},
                           {"filter_excludes", delta.filter_excludes},
                           {"found", FoundName(delta.found)}});
  }
  json["runs"] = Json::array();
  for (const read::RunExplanation& run : told.runs) {
    json["runs"].push_back(
        {{"segments", run.segments},
         {"reached", run.reached},
         {"segment", run.segment ? SegmentAsJson(*run.segment, key.kind) : Json()}});
  }
  return json;
}

}  // namespace kyro::kyroctl
