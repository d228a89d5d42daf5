// SPDX-License-Identifier: Apache-2.0
//
// Training: tries slots, compares them with a packed and a plain tree by expected cost, writes the
// cheapest as a blob, opens that blob and looks every key up in it. What lookups will be told about
// the model (its error, its windows, its probe) is what this last pass measured.
#include <algorithm>
#include <cstring>
#include <optional>

#include "base/status_util.h"
#include "index/ahead.h"
#include "index/model.h"
#include "index/packed_tree.h"
#include "index/slot_builder.h"
#include "index/tree.h"

namespace kyro::index {
namespace {

// Expected nanoseconds of an independent lookup, in tenths, from bench/index_bench.cc with ten
// million keys. Only their order matters.
constexpr std::uint64_t kLeafCost = 500;  // a slot and two probed lines
constexpr std::uint64_t kLineCost = 40;   // each further line
constexpr std::uint64_t kFarCost =
    1000;  // a second probe: mispredicted only once its keys are there
constexpr std::uint64_t kDeepCost = 200;       // a child node and its slot
constexpr std::uint64_t kSmallTreeCost = 150;  // each level
constexpr std::uint64_t kSwitchCost = 300;     // the mispredictions where leaves and others mix
constexpr std::uint64_t kTreeCost = 500;       // a block's four lines
constexpr std::uint64_t kTreeLevelCost = 70;
constexpr std::uint64_t kPackedTreeCost = 400;  // a line of separators and one of keys

// A tree takes twice the bytes of slots, so it has to be cheaper by a tenth.
constexpr std::uint64_t kSlotsPercent = 110;

// The root of the second attempt: when most keys pass child nodes a small root loses nothing.
constexpr std::uint32_t kRouterKeysPerSlot = 1024;

std::uint64_t CostOfTree(std::uint64_t keys) noexcept {
  return kTreeCost + kTreeLevelCost * ShapeOfTree(BlocksOf(keys)).levels;
}

std::uint64_t CostOfPackedTree(std::uint64_t keys, std::uint64_t missed) noexcept {
  const std::uint64_t levels = ShapeOfPackedTree(keys).above.levels + 2;
  return kPackedTreeCost + kTreeLevelCost * levels + missed * kFarCost / keys;
}

std::uint64_t CostOfSlots(const SlotBuilder::Facts& facts, std::uint64_t keys) noexcept {
  const std::uint64_t other = std::min(keys, facts.tree_keys + facts.deep_keys);
  const std::uint64_t switches = 2 * std::min(other, keys - other);
  const std::uint64_t extra = facts.far_keys * kFarCost + facts.deep_keys * kDeepCost +
                              (facts.tree_keys + facts.tree2_keys) * kSmallTreeCost +
                              switches * kSwitchCost;
  return kLeafCost + kLineCost + extra / keys;
}

// Strictly ascending, ascending, or neither.
std::optional<KeyOrder> OrderOf(std::span<const std::uint64_t> keys) noexcept {
  std::uint64_t descents = 0;
  std::uint64_t equals = 0;
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (i % kLineKeys == 0) PrefetchAhead(&keys[i]);
    descents += keys[i] < keys[i - 1] ? 1 : 0;
    equals += keys[i] == keys[i - 1] ? 1 : 0;
  }
  if (descents != 0) return std::nullopt;
  return equals != 0 ? KeyOrder::kDuplicates : KeyOrder::kStrict;
}

// Sixteenths of the keys with this error that a window of `lines` lines does not hold: the
// prediction may lie on any of the 8 keys in the window's middle, the error may go either way.
std::uint64_t MissedSixteenths(std::uint32_t lines, std::uint32_t error) noexcept {
  std::uint64_t missed = 0;
  for (std::uint32_t i = 0; i < kLineKeys; ++i) {
    const std::uint32_t before = lines * (kLineKeys / 2) - kLineKeys / 2 + i;
    missed += error > before ? 1 : 0;
    missed += error + before >= lines * kLineKeys ? 1 : 0;
  }
  return missed;
}

// The window of the least expected cost.
std::uint32_t ChooseProbeLines(const Measured& measured) noexcept {
  std::uint64_t leaves = 0;
  for (std::uint64_t count : measured.errors) leaves += count;
  std::uint32_t best = kProbeLinesMin;
  std::uint64_t best_cost = ~std::uint64_t{0};
  for (std::uint32_t lines = kProbeLinesMin; lines <= kProbeLinesMax; ++lines) {
    std::uint64_t missed = 0;
    for (std::uint32_t error = 0; error < kErrorBuckets; ++error) {
      missed += measured.errors[error] * MissedSixteenths(lines, error);
    }
    const std::uint64_t cost = lines * kLineCost * leaves + kFarCost * missed / 16;
    if (cost < best_cost) best = lines, best_cost = cost;
  }
  return best;
}

class Trainer {
 public:
  Trainer(std::span<const std::uint64_t> keys, const TrainOptions& options, KeyOrder order)
      : keys_(keys), options_(options), order_(order) {
    header_.magic = kModelMagic;
    header_.format_version = kModelFormatVersion;
    header_.arithmetic_version = kModelArithmeticVersion;
    header_.key_count = static_cast<std::uint32_t>(keys.size());
    header_.structure = static_cast<std::uint32_t>(Structure::kSearch);
    header_.reason = static_cast<std::uint32_t>(Reason::kFewKeys);
    if (!keys.empty()) {
      header_.min_key = keys.front();
      header_.max_key = keys.back();
    }
  }

  Result<ModelBytes> Train() {
    using Force = TrainOptions::Force;
    if (keys_.size() < kModelKeysMin) return WriteHeaderOnly();
    if (options_.force == Force::kTree || options_.force == Force::kPackedTree) {
      header_.reason = static_cast<std::uint32_t>(Reason::kCheaper);
      return WriteTree(nullptr);
    }
    const bool limits = options_.force != Force::kSlots;
    SlotBuilder slots(keys_, options_.keys_per_slot, limits);
    const bool built = BuildSlots(&slots);
    if (built) header_.slots_cost = Cost(slots);
    // No tree costs less.
    SetTreeCost(MayBePacked() ? CostOfPackedTree(keys_.size(), 0) : ~std::uint64_t{0});
    if (built && (!limits || SlotsAreWorthIt())) return WriteSlots(slots);
    header_.reason = static_cast<std::uint32_t>(built ? Reason::kCheaper : slots.reason());
    return WriteTree(built ? &slots : nullptr);
  }

 private:
  std::uint32_t Cost(const SlotBuilder& slots) const noexcept {
    return static_cast<std::uint32_t>(CostOfSlots(slots.facts(), keys_.size()));
  }

  // One attempt with a full root. Where that sends most keys to child nodes (lognormal keys, an
  // outlier) a second one with a small root: the same steps, half the bytes.
  bool BuildSlots(SlotBuilder* slots) {
    if (slots->Build(options_.keys_per_slot, false)) return true;
    return slots->mostly_deep() && slots->Build(kRouterKeysPerSlot, true);
  }

  Result<ModelBytes> WriteHeaderOnly() {
    const ModelLayout layout = LayoutOf(0, 0, 0);
    KYRO_ASSIGN_OR_RETURN(ModelBytes blob, ModelBytes::Allocate(layout.end));
    header_.blob_bytes = layout.end;
    StoreLE(blob.bytes().data(), header_);
    return blob;
  }

  bool SlotsAreWorthIt() const noexcept {
    return header_.slots_cost * std::uint64_t{100} <= header_.tree_cost * kSlotsPercent;
  }
  void SetTreeCost(std::uint64_t packed) noexcept {
    const std::uint64_t cost = std::min(CostOfTree(keys_.size()), packed);
    header_.tree_cost = static_cast<std::uint32_t>(cost);
  }

  // Of few keys the last group's empty nodes are most of the model. Equal keys are as many blocks
  // off as they take, which a plain tree's are not.
  bool MayBePacked() const noexcept {
    if (options_.force == TrainOptions::Force::kPackedTree) return true;
    const std::uint64_t bytes = ShapeOfPackedTree(keys_.size()).words * 8;
    return options_.force != TrainOptions::Force::kTree && order_ == KeyOrder::kStrict &&
           bytes <= 512 + keys_.size() * 29 / 100;
  }

  // With more keys missed a plain tree is cheaper.
  std::uint64_t MissedMax() const noexcept {
    const std::uint64_t plain = CostOfTree(keys_.size());
    const std::uint64_t packed = CostOfPackedTree(keys_.size(), 0);
    if (options_.force == TrainOptions::Force::kPackedTree) return keys_.size();
    return packed > plain ? 0 : (plain - packed + 1) * keys_.size() / kFarCost;
  }

  // The tree of the least expected cost, which is known once the packed one's keys were counted.
  // Or `slots`, if they are not null and cheaper after all.
  Result<ModelBytes> WriteTree(const SlotBuilder* slots) {
    if (!MayBePacked()) return WritePlainTree();
    const PackedShape shape = ShapeOfPackedTree(keys_.size());
    KYRO_ASSIGN_OR_RETURN(ModelBytes blob, AllocateTree(shape.words));
    const std::uint64_t missed = FillPackedTree(keys_, MissedMax(), WordsOf(&blob, shape.words));
    const std::uint64_t cost = CostOfPackedTree(keys_.size(), missed);
    SetTreeCost(cost);
    if (slots != nullptr && SlotsAreWorthIt()) return WriteSlots(*slots);
    const bool plain = cost > header_.tree_cost;
    if (plain && options_.force != TrainOptions::Force::kPackedTree) return WritePlainTree();
    return FinishTree(Structure::kPackedTree, shape.above.levels, shape.words, std::move(blob));
  }

  Result<ModelBytes> WritePlainTree() {
    const TreeShape shape = ShapeOfTree(BlocksOf(keys_.size()));
    KYRO_ASSIGN_OR_RETURN(ModelBytes blob, AllocateTree(shape.words));
    FillTree(keys_, kBlockKeys, shape, WordsOf(&blob, shape.words));
    return FinishTree(Structure::kTree, shape.levels, shape.words, std::move(blob));
  }

  static Result<ModelBytes> AllocateTree(std::uint64_t words) {
    return ModelBytes::Allocate(LayoutOf(0, 0, words).end);
  }
  static std::span<std::uint64_t> WordsOf(ModelBytes* blob, std::uint64_t words) noexcept {
    std::byte* const first = blob->bytes().data() + LayoutOf(0, 0, words).words;
    return {reinterpret_cast<std::uint64_t*>(first), static_cast<std::size_t>(words)};
  }
  Result<ModelBytes> FinishTree(Structure structure, std::uint32_t levels, std::uint64_t words,
                                ModelBytes blob) {
    header_.structure = static_cast<std::uint32_t>(structure);
    header_.tree_levels = levels;
    header_.tree_count = 1;
    header_.word_count = static_cast<std::uint32_t>(words);
    header_.blob_bytes = blob.bytes().size();
    return Finish(std::move(blob));
  }

  Result<ModelBytes> WriteSlots(const SlotBuilder& slots) {
    const SlotBuilder::Facts& facts = slots.facts();
    const bool mixed = slots.nodes().size() > 1 || facts.tree_count != 0;
    header_.structure = static_cast<std::uint32_t>(mixed ? Structure::kMixed : Structure::kSlots);
    header_.reason = static_cast<std::uint32_t>(slots.reason());
    header_.probe_lines = kProbeLinesMax;  // until Finish has measured the errors
    header_.node_count = static_cast<std::uint32_t>(slots.nodes().size());
    header_.slot_count = static_cast<std::uint32_t>(slots.slots().size());
    header_.word_count = static_cast<std::uint32_t>(slots.words().size());
    header_.depth = facts.depth;
    header_.leaf_count = facts.leaf_count;
    header_.tree_count = facts.tree_count;
    header_.deep_keys = static_cast<std::uint32_t>(facts.deep_keys);
    const ModelLayout layout = LayoutOf(header_.node_count, header_.slot_count, header_.word_count);
    header_.blob_bytes = layout.end;
    KYRO_ASSIGN_OR_RETURN(ModelBytes blob, ModelBytes::Allocate(layout.end));
    std::byte* base = blob.bytes().data();
    std::memcpy(base + layout.nodes, slots.nodes().data(), slots.nodes().size_bytes());
    std::memcpy(base + layout.slots, slots.slots().data(), slots.slots().size_bytes());
    if (!slots.words().empty()) {
      std::memcpy(base + layout.words, slots.words().data(), slots.words().size_bytes());
    }
    return Finish(std::move(blob));
  }

  // Looks every key up in the blob as it will be stored, and records what that found.
  Result<ModelBytes> Finish(ModelBytes blob) {
    StoreLE(blob.bytes().data(), header_);
    KYRO_ASSIGN_OR_RETURN(const Model model, Model::Open(blob.bytes(), header_.key_count, order_));
    KYRO_ASSIGN_OR_RETURN(const Measured measured, MeasureModel(model, keys_));
    if (measured.outside != 0) {
      return Status(StatusCode::kInternal, "model: a trained key lies outside its bound");
    }
    header_.max_error = measured.max_error;
    header_.tree_keys = static_cast<std::uint32_t>(measured.tree_keys);
    for (std::uint32_t error = 0; error < kErrorBuckets; ++error) {
      header_.errors[error] = static_cast<std::uint32_t>(measured.errors[error]);
    }
    if (header_.node_count != 0) header_.probe_lines = ChooseProbeLines(measured);
    StoreLE(blob.bytes().data(), header_);
    return blob;
  }

  const std::span<const std::uint64_t> keys_;
  const TrainOptions options_;
  const KeyOrder order_;
  ModelHeader header_{};
};

}  // namespace

Result<ModelBytes> Train(std::span<const std::uint64_t> keys,
                         const TrainOptions& options) noexcept {
  return Guarded([&]() -> Result<ModelBytes> {
    if (keys.size() > kModelKeysMax) {
      return Status(StatusCode::kInvalidArgument, "model: too many keys");
    }
    const std::optional<KeyOrder> order = OrderOf(keys);
    if (!order) return Status(StatusCode::kInvalidArgument, "model: keys are not ascending");
    TrainOptions checked = options;
    checked.keys_per_slot = std::clamp<std::uint32_t>(options.keys_per_slot, 8, 1024);
    return Trainer(keys, checked, *order).Train();
  });
}

}  // namespace kyro::index
