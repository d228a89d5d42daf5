// SPDX-License-Identifier: Apache-2.0
#include "index/model.h"

#include <algorithm>

#include "base/status_util.h"
#include "index/packed_tree.h"
#include "index/tree.h"

namespace kyro::index {
namespace {

Status Damaged(std::string_view what) noexcept {
  return Guarded([&]() -> Status { return Error(StatusCode::kDataLoss, "model: {}", what); });
}

Status CheckHeader(const ModelHeader& header, std::uint64_t blob_bytes,
                   std::uint32_t key_count) noexcept {
  if (header.magic != kModelMagic) return Damaged("wrong magic");
  if (header.format_version != kModelFormatVersion ||
      header.arithmetic_version != kModelArithmeticVersion) {
    return Status(StatusCode::kUnsupported, "model: written by another version");
  }
  if (header.key_count != key_count) return Damaged("trained for another number of keys");
  if (header.structure > static_cast<std::uint32_t>(Structure::kPackedTree) ||
      header.reason > static_cast<std::uint32_t>(Reason::kCheaper)) {
    return Damaged("unknown structure");
  }
  for (std::uint32_t word : header.reserved) {
    if (word != 0) return Damaged("reserved bytes are not zero");
  }
  const ModelLayout layout = LayoutOf(header.node_count, header.slot_count, header.word_count);
  if (header.blob_bytes != blob_bytes || layout.end != blob_bytes) return Damaged("wrong length");
  return Status::Ok();
}

// C1 and C2.
Status OpenSlots(const ModelHeader& header, Core* core) noexcept {
  if (header.probe_lines < kProbeLinesMin || header.probe_lines > kProbeLinesMax) {
    return Damaged("probe lines out of range");
  }
  if (header.node_count == 0) return Damaged("no root node");
  core->root = core->nodes[0];
  const std::uint64_t last_slot = LocateSlot(core->root, ~std::uint64_t{0}).slot;
  const uint128 product = static_cast<uint128>(core->root.span) * core->root.scale;
  const std::uint64_t end_slot = std::max(last_slot, static_cast<std::uint64_t>(product >> 64));
  if (core->root.first_slot != 0 || core->root.slot_count > header.slot_count ||
      end_slot >= core->root.slot_count) {
    return Damaged("root node out of range");
  }
  core->probe_lines = header.probe_lines;
  core->leaf_start_max = core->key_count - header.probe_lines * kLineKeys;
  return Status::Ok();
}

// C3, of a tree over `blocks` blocks, or groups.
void OpenLevels(const TreeShape& shape, std::uint64_t blocks, Core* core) noexcept {
  core->tree_levels = shape.levels;
  const std::uint64_t* word = core->words;
  for (std::uint32_t level = 0; level < shape.levels; ++level) {
    core->tree_level[level] = word;
    word += shape.level_nodes[level] * kTreeNodeWords;
  }
  std::fill_n(core->tree_child_max, kTreeLevelsMax, ~std::uint32_t{0});
  for (std::uint32_t level : {0, 1}) {
    const std::uint64_t below = level + 1 < shape.levels ? shape.level_nodes[level + 1] : blocks;
    core->tree_child_max[level] = static_cast<std::uint32_t>(below - 1);
  }
}

// C1 and C3.
Status OpenTree(const ModelHeader& header, Core* core) noexcept {
  const std::uint64_t blocks = BlocksOf(core->key_count);
  const TreeShape shape = ShapeOfTree(blocks);
  if (header.tree_levels != shape.levels || header.word_count != shape.words) {
    return Damaged("tree of another shape");
  }
  OpenLevels(shape, blocks, core);
  return Status::Ok();
}

Status OpenPackedTree(const ModelHeader& header, Core* core) noexcept {
  const PackedShape shape = ShapeOfPackedTree(core->key_count);
  if (header.tree_levels != shape.above.levels || header.word_count != shape.words) {
    return Damaged("tree of another shape");
  }
  OpenLevels(shape.above, shape.groups, core);
  core->group_max = static_cast<std::uint32_t>(shape.groups - 1);
  core->ends = core->words + shape.ends;
  core->packed = reinterpret_cast<const std::uint16_t*>(core->words + shape.nodes);
  core->block_start_max = core->key_count - kPackedBlockKeys;
  return Status::Ok();
}

Status OpenStructure(const ModelHeader& header, Core* core) noexcept {
  switch (core->structure) {
    case Structure::kSearch:
      return Status::Ok();
    case Structure::kSlots:
    case Structure::kMixed:
      return OpenSlots(header, core);
    case Structure::kTree:
      return OpenTree(header, core);
    case Structure::kPackedTree:
      break;
  }
  return OpenPackedTree(header, core);
}

bool IsPacked(const ModelHeader& header) noexcept {
  return header.structure == static_cast<std::uint32_t>(Structure::kPackedTree);
}

// The window of keys whose error is in that bucket.
std::uint32_t WindowOf(const ModelHeader& header, std::uint32_t error) noexcept {
  return IsPacked(header) ? kPackedBlockKeys * (error + 1) : 2 * error + 2;
}

// The smallest window that brackets `permille` of 1000 keys.
std::uint32_t WindowQuantile(const ModelHeader& header, std::uint64_t permille) noexcept {
  const std::uint64_t in_blocks = IsPacked(header) ? 0 : header.tree_keys;
  std::uint64_t keys = in_blocks;
  for (std::uint32_t count : header.errors) keys += count;
  const std::uint64_t wanted = (keys * permille + 999) / 1000;
  std::uint64_t seen = 0;
  for (std::uint32_t error = 0; error < kErrorBuckets; ++error) {
    seen += header.errors[error];
    if (2 * error + 2 == kBlockKeys) seen += in_blocks;
    if (seen >= wanted) return WindowOf(header, error);
  }
  return WindowOf(header, kErrorBuckets - 1);
}

std::uint32_t WidestWindow(const ModelHeader& header) noexcept {
  if (IsPacked(header)) return kPackedBlockKeys + header.max_error;
  const bool leaves = std::any_of(std::begin(header.errors), std::end(header.errors),
                                  [](std::uint32_t count) { return count != 0; });
  return std::max(leaves ? 2 * header.max_error + 2 : 0, header.tree_keys != 0 ? kBlockKeys : 0);
}

ModelFacts FactsOf(const ModelHeader& header) noexcept {
  ModelFacts facts;
  facts.structure = static_cast<Structure>(header.structure);
  facts.reason = static_cast<Reason>(header.reason);
  facts.key_count = header.key_count;
  facts.model_bytes = header.blob_bytes;
  facts.nodes = header.node_count;
  facts.slots = header.slot_count;
  facts.leaves = header.leaf_count;
  facts.trees = header.tree_count;
  facts.depth = header.depth;
  facts.tree_levels = header.tree_levels + (IsPacked(header) ? 2 : 0);
  facts.tree_keys = header.tree_keys;
  facts.deep_keys = header.deep_keys;
  facts.probe_lines = header.probe_lines;
  facts.max_error = header.max_error;
  facts.slots_cost = header.slots_cost;
  facts.tree_cost = header.tree_cost;
  if (facts.structure == Structure::kSearch) {
    facts.window_p50 = facts.window_p99 = facts.window_p999 = facts.window_max = header.key_count;
    return facts;
  }
  facts.window_p50 = WindowQuantile(header, 500);
  facts.window_p99 = WindowQuantile(header, 990);
  facts.window_p999 = WindowQuantile(header, 999);
  facts.window_max = WidestWindow(header);
  return facts;
}

}  // namespace

Result<ModelBytes> ModelBytes::Allocate(std::uint64_t count) noexcept {
  ModelBytes bytes;
  bytes.data_.reset(static_cast<std::byte*>(
      ::operator new[](count, std::align_val_t{kSectionAlignment}, std::nothrow)));
  if (bytes.data_ == nullptr) {
    return Status(StatusCode::kResourceExhausted, "model: out of memory");
  }
  std::fill_n(bytes.data_.get(), count, std::byte{0});
  bytes.count_ = count;
  return bytes;
}

void Model::ChooseKernels() noexcept {
  kernels_ = &KernelsFor(core_);
  lower_bound_ = kernels_->lower_bound;
}

Model Model::None(std::uint32_t key_count) noexcept {
  Model model;
  model.core_.key_count = key_count;
  model.facts_.key_count = key_count;
  model.ChooseKernels();
  return model;
}

Result<Model> Model::Open(std::span<const std::byte> blob, std::uint32_t key_count,
                          KeyOrder order) noexcept {
  if (key_count > kModelKeysMax)
    return Status(StatusCode::kInvalidArgument, "model: too many keys");
  if (reinterpret_cast<std::uintptr_t>(blob.data()) % 8 != 0) {
    return Status(StatusCode::kInvalidArgument, "model: bytes are not aligned");
  }
  if (blob.size() < sizeof(ModelHeader)) return Damaged("shorter than its header");
  const ModelHeader header = LoadLE<ModelHeader>(blob.data());
  KYRO_RETURN_IF_ERROR(CheckHeader(header, blob.size(), key_count));

  Model model;
  Core& core = model.core_;
  const ModelLayout layout = LayoutOf(header.node_count, header.slot_count, header.word_count);
  core.nodes = reinterpret_cast<const NodeRecord*>(blob.data() + layout.nodes);
  core.slots = reinterpret_cast<const std::uint64_t*>(blob.data() + layout.slots);
  core.words = reinterpret_cast<const std::uint64_t*>(blob.data() + layout.words);
  core.node_count = header.node_count;
  core.slot_count = header.slot_count;
  core.word_count = header.word_count;
  core.key_count = key_count;
  core.max_error = header.max_error;
  core.structure = static_cast<Structure>(header.structure);
  core.unique = order == KeyOrder::kStrict;
  if (core.structure != Structure::kSearch) {
    if (key_count < kModelKeysMin) return Damaged("too few keys for its structure");
    core.block_start_max = key_count - kBlockKeys;
  }
  KYRO_RETURN_IF_ERROR(OpenStructure(header, &core));
  model.facts_ = FactsOf(header);
  model.ChooseKernels();
  return model;
}

Result<Measured> MeasureModel(const Model& model, std::span<const std::uint64_t> keys) noexcept {
  if (keys.size() != model.key_count()) {
    return Status(StatusCode::kInvalidArgument, "model: opened for another number of keys");
  }
  Measured measured;
  model.kernels_->measure(model.core_, keys.data(), &measured);
  return measured;
}

Status VerifyModel(const Model& model, std::span<const std::uint64_t> keys) noexcept {
  Result<Measured> measured = MeasureModel(model, keys);
  if (!measured.ok()) return std::move(measured).status();
  const ModelFacts& facts = model.facts();
  if (facts.structure == Structure::kSearch) return Status::Ok();
  if (measured->outside != 0 || measured->max_error > facts.max_error) {
    return Damaged("a key lies outside the recorded bound");
  }
  if (measured->tree_keys != facts.tree_keys) return Damaged("keys and facts disagree");
  return Status::Ok();
}

}  // namespace kyro::index
