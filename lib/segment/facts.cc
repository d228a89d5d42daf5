// SPDX-License-Identifier: Apache-2.0
//
// What is told of a segment: facts for statistics, and its part of kyroctl explain.
#include <utility>

#include "segment/segment_base.h"

namespace kyro::segment {

Facts FactsOf(const SegmentFiles& files) {
  Facts facts;
  const auto bytes = [](const Column* column) { return column == nullptr ? 0 : column->bytes; };
  facts.entries = files.ref.entries;
  facts.tombstones = files.ref.tombstones;
  facts.keys_bytes = files.ref.keys.bytes;
  facts.data_bytes = files.ref.data.bytes;
  facts.model_bytes = files.ref.model.bytes;
  facts.filter_bytes = bytes(files.layout.filter);
  const Layout& layout = files.layout;
  facts.key_column_bytes = bytes(layout.keys) + bytes(layout.key_heap);
  facts.key_offset_bytes = bytes(layout.key_offsets);
  facts.fingerprint_bytes = bytes(layout.fingerprints);
  facts.value_offset_bytes = bytes(layout.value_offsets);
  facts.tombstone_bytes = bytes(layout.tombstones);
  facts.value_column_bytes = bytes(layout.values);
  facts.fixed_width = files.layout.value_offsets == nullptr;
  facts.value_bytes_fixed = facts.fixed_width ? files.layout.values->stride : 0;
  facts.has_model = files.model.has_value();
  facts.model_damaged = files.model_damaged;
  facts.all_verified = files.unverified->load(std::memory_order_acquire) == 0;
  if (!files.model) return facts;
  const index::ModelFacts& model = files.model->model.facts();
  facts.model = model;
  facts.model_column_bytes = model.model_bytes;
  switch (model.structure) {
    case index::Structure::kSearch:
      facts.structure = "search";
      break;
    case index::Structure::kSlots:
      facts.structure = "slots";
      break;
    case index::Structure::kMixed:
      facts.structure = "mixed";
      break;
    case index::Structure::kTree:
      facts.structure = "tree";
      break;
    case index::Structure::kPackedTree:
      facts.structure = "packed tree";
      break;
  }
  if (auto why = index::Explain(model); why.ok()) facts.why = std::move(why).value();
  facts.leaves = model.leaves;
  facts.depth = model.tree_levels != 0 ? model.tree_levels : model.depth;
  facts.max_error = model.max_error;
  facts.window_p50 = model.window_p50;
  facts.window_p99 = model.window_p99;
  facts.window_p999 = model.window_p999;
  facts.window_max = model.window_max;
  return facts;
}

Explanation ExplainFiles(const SegmentFiles& files) {
  Explanation told;
  told.keys_file = files.keys->name();
  told.data_file = files.data->name();
  if (files.model) told.model_file = files.model->file->name();
  told.entries = files.layout.entries;
  told.block_bytes = files.keys->header().block_bytes();
  told.first_key = files.ref.first_key;
  told.last_key = files.ref.last_key;
  Facts known = FactsOf(files);
  told.structure = std::move(known.structure);
  told.why = std::move(known.why);
  told.max_error = known.max_error;
  told.has_model = known.has_model;
  told.model_damaged = known.model_damaged;
  told.has_filter = known.filter_bytes != 0;
  return told;
}

void ExplainFound(const Lookup& found, const Values& values, Explanation* told) {
  if (found.failed()) {
    told->found = Explanation::Found::kFailed;
    told->status = found.status();
  } else if (found.present()) {
    told->found = Explanation::Found::kValue;
    told->value_bytes = found.value().size();
    told->value_offset = values.heap_offset(found.value());
  } else if (!found.undecided()) {
    told->found = Explanation::Found::kTombstone;
  }
}

}  // namespace kyro::segment
