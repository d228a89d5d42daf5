// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "kyroctl/explain.h"
#include "kyroctl/inspect.h"
#include "kyroctl/listing.h"

namespace kyro::kyroctl {
namespace {

using segment::Explanation;
using Found = Explanation::Found;
using index::Route;

std::string_view FoundInDelta(const read::DeltaExplanation& delta) {
  if (!delta.reached) return "not asked: answered before";
  if (delta.filter_excludes) return "its filter says that the key is not there";
  switch (delta.found) {
    case delta::Found::kValue:
      return "has the value";
    case delta::Found::kTombstone:
      return "says that the key is deleted";
    case delta::Found::kNothing:
      break;
  }
  return "does not have the key";
}

std::string Way(const Route& route) {
  std::string text;
  auto out = std::back_inserter(text);
  for (std::uint32_t i = 0; i < route.step_count; ++i) {
    fmt::format_to(out, "{} slot {}, ",
                   i == 0 ? "root" : fmt::format("node {}", route.steps[i].node),
                   Count(route.steps[i].slot));
  }
  switch (route.end) {
    case Route::End::kSearch:
      return text + "no model";
    case Route::End::kLeaf:
      fmt::format_to(out, "leaf of {} from {} on", Counted(route.leaf_count, "key"),
                     Count(route.leaf_base));
      return text;
    case Route::End::kSmallTree:
    case Route::End::kRootTree:
    case Route::End::kPackedTree:
      break;
  }
  fmt::format_to(out, "tree of {}, ", Counted(route.level_count, "level"));
  for (std::uint32_t level = 0; level < route.level_count; ++level) {
    fmt::format_to(out, "{} {}, ", level == 0 ? "nodes" : "then", Count(route.tree_nodes[level]));
  }
  fmt::format_to(out, "block {}", Count(route.block));
  return text;
}

void AppendPrediction(std::string* out, const Explanation& told) {
  const index::Window& window = told.route.window;
  if (window.in_tree) {
    const std::uint64_t behind = told.bound_last - told.window.end;
    AppendField(
        out, 4, "predicted",
        fmt::format("block {}: the keys {} to {}{}", Count(told.route.block),
                    Count(told.window.begin), Count(told.window.end - 1),
                    behind == 0 ? "" : fmt::format(", at most {} behind it", Count(behind))));
  } else {
    AppendField(
        out, 4, "predicted",
        fmt::format("position {}, at most {} off: {} to {}", Count(window.position),
                    Count(told.max_error), Count(told.bound_first), Count(told.bound_last)));
  }
  AppendField(
      out, 4, "window",
      fmt::format("positions {} to {}: {} on {}", Count(told.window.begin),
                  Count(told.window.end - 1), Counted(told.window.end - told.window.begin, "key"),
                  Counted(told.window_lines, "cache line")));
}

void AppendSearch(std::string* out, const Explanation& told, KeyKind kind) {
  if (told.has_model) {
    AppendField(out, 4, "index", told.structure + ": " + told.why);
    AppendField(out, 4, "way", Way(told.route));
    AppendPrediction(out, told);
    AppendField(out, 4, "lower bound",
                fmt::format("{}, {}", Count(told.lower_bound),
                            told.probe_proves ? "proved by this one window"
                                              : "proved by a second look beside the window"));
    return;
  }
  if (kind == KeyKind::kBytes) {
    AppendField(out, 4, "search",
                fmt::format("{} by halves; then {} of {}, {} of which matched",
                            Counted(told.bytes.halvings, "key"),
                            told.bytes.candidates.end - told.bytes.candidates.begin == 1
                                ? "the fingerprint"
                                : "the fingerprints",
                            Counted(told.bytes.candidates.end - told.bytes.candidates.begin, "key"),
                            Count(told.bytes.fingerprint_hits)));
  } else {
    AppendField(out, 4, "index",
                told.model_damaged
                    ? "damaged, not used, binary search; kyroctl rebuild makes a new one"
                    : "none, binary search: too few keys for a model");
  }
  AppendField(out, 4, "lower bound", Count(told.lower_bound));
}

void AppendSegment(std::string* out, const Explanation& told, KeyKind kind) {
  AppendField(out, 2, "segment",
              fmt::format("{}, {}", told.keys_file, Counted(told.entries, "key")));
  AppendField(out, 4, "key range",
              fmt::format("{}, {} to {}", told.in_key_range ? "may hold it" : "does not hold it",
                          EncodedKeyForPeople(kind, told.first_key),
                          EncodedKeyForPeople(kind, told.last_key)));
  if (!told.in_key_range) return;
  AppendField(out, 4, "filter",
              !told.has_filter       ? "none"
              : told.filter_excludes ? "the key is not here; the keys were not looked at"
                                     : "the key may be here");
  if (told.searched) AppendSearch(out, told, kind);
  AppendField(out, 4, "checksums",
              fmt::format("{} of {} bytes verified now", Counted(told.blocks_verified, "block"),
                          Count(told.block_bytes)));
  switch (told.found) {
    case Found::kAbsent:
      return AppendField(out, 4, "found", "nothing");
    case Found::kTombstone:
      return AppendField(out, 4, "found", "that the key is deleted");
    case Found::kFailed:
      return AppendField(out, 4, "found", "damage");
    case Found::kValue:
      return AppendField(out, 4, "found",
                         fmt::format("{} at offset {} of {}", Counted(told.value_bytes, "byte"),
                                     Count(told.value_offset), told.data_file));
  }
}

void AppendRuns(std::string* out, const read::Explanation& told, KeyKind kind) {
  for (std::size_t i = 0; i < told.runs.size(); ++i) {
    const read::RunExplanation& run = told.runs[i];
    std::string text = Counted(run.segments, "segment");
    if (!run.reached) {
      text += ", not asked: answered before";
    } else if (!run.segment) {
      text += ", all below the key";
    }
    AppendField(out, 0, fmt::format("run {}", i + 1), text);
    if (run.segment) AppendSegment(out, *run.segment, kind);
  }
}

std::string Answer(const read::Explanation& told) {
  switch (told.found) {
    case Found::kAbsent:
      return "the key is absent";
    case Found::kTombstone:
      return "the key is absent: deleted";
    case Found::kFailed:
      return told.status.ToString();
    case Found::kValue:
      break;
  }
  return fmt::format("a value of {}", Counted(told.value_bytes, "byte"));
}

}  // namespace

std::string ExplanationAsText(const ExplainedKey& key, const read::Explanation& told) {
  std::string out;
  AppendField(&out, 0, "get", EncodedKeyForPeople(key.kind, key.encoded));
  AppendField(
      &out, 0, "keyspace",
      fmt::format("\"{}\" at sequence {}", Shortened(key.keyspace, 40), Count(told.sequence)));
  for (const read::DeltaExplanation& delta : told.deltas) {
    AppendField(&out, 0, "log",
                fmt::format("{} in memory: {}", Counted(delta.keys, "key"), FoundInDelta(delta)));
  }
  if (told.deltas.empty()) AppendField(&out, 0, "log", "no keys in memory");
  AppendRuns(&out, told, key.kind);
  if (told.runs.empty()) AppendField(&out, 0, "runs", "none");
  AppendField(&out, 0, "answer", Answer(told));
  return out;
}

}  // namespace kyro::kyroctl
