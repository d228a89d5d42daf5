// SPDX-License-Identifier: Apache-2.0
#include "index/slot_builder.h"

#include <algorithm>

#include "index/ahead.h"
#include "index/tree.h"

namespace kyro::index {
namespace {

// A node over keys from `min` to `max`. The scale maps max into the last slot: with at most as
// many slots as there are key values the quotient is at least 2^64 only if both are equal.
NodeRecord MakeNode(std::uint64_t min, std::uint64_t max, std::uint64_t slot_count) noexcept {
  NodeRecord node{};
  node.min = min;
  node.span = max - min;
  const uint128 values = static_cast<uint128>(node.span) + 1;
  if (slot_count > values) slot_count = static_cast<std::uint64_t>(values);
  const uint128 scale = (static_cast<uint128>(slot_count) << 64) / values;
  node.scale = scale > ~std::uint64_t{0} ? ~std::uint64_t{0} : static_cast<std::uint64_t>(scale);
  node.slot_count = static_cast<std::uint32_t>(slot_count);
  return node;
}

// The smallest distance from the node's first key at which slot 1 begins, then slot 2, and so on:
// slot * 2^64 / scale, rounded up. Counts quotient and remainder up instead of dividing 128 bits
// for each slot.
class SlotBounds {
 public:
  explicit SlotBounds(std::uint64_t scale) noexcept : scale_(scale) {
    if (scale == 0) return;
    constexpr uint128 kOne = uint128{1} << 64;
    quotient_step_ = kOne / scale;
    remainder_step_ = static_cast<std::uint64_t>(kOne % scale);
  }
  uint128 Next() noexcept {
    if (scale_ == 0) return uint128{1} << 64;  // all keys are equal
    quotient_ += quotient_step_;
    const bool carry = remainder_ >= scale_ - remainder_step_;
    remainder_ += carry ? remainder_step_ - scale_ : remainder_step_;
    quotient_ += carry ? 1 : 0;
    return quotient_ + (remainder_ != 0 ? 1 : 0);
  }

 private:
  const std::uint64_t scale_;
  uint128 quotient_step_ = 0;
  std::uint64_t remainder_step_ = 0;
  uint128 quotient_ = 0;
  std::uint64_t remainder_ = 0;  // below scale_
};

// The first index in [first, end) whose key is not below `key`, or end. It is usually about
// `expected` keys away: looks there without branches, elsewhere in growing steps.
std::uint32_t FindBound(const std::uint64_t* keys, std::uint32_t first, std::uint32_t end,
                        std::uint64_t key, std::uint32_t expected) noexcept {
  constexpr std::uint32_t kNear = 32;  // keys on each side of the expected place; a power of two
  std::uint64_t low = first;
  if (expected >= kNear && end - first > expected + kNear) {
    const std::uint64_t* base = keys + first + expected - kNear;
    if (base[0] < key && base[2 * kNear] >= key) {
      for (std::uint32_t length = kNear; length > 0; length /= 2) {
        // A mask, because compilers turn a conditional into a branch here.
        base += length & -static_cast<std::uint64_t>(base[length] < key);
      }
      return static_cast<std::uint32_t>(base + 1 - keys);
    }
    if (base[2 * kNear] < key) low = first + expected + kNear + 1;
  }
  std::uint64_t high = low;
  for (std::uint64_t step = expected; high < end && keys[high] < key; step *= 2) {
    low = high + 1;
    high = std::min<std::uint64_t>(high + step, end);
  }
  return static_cast<std::uint32_t>(std::lower_bound(keys + low, keys + high, key) - keys);
}

}  // namespace

SlotBuilder::SlotBuilder(std::span<const std::uint64_t> keys, std::uint32_t keys_per_slot,
                         bool limits)
    : keys_(keys),
      keys_per_slot_(keys_per_slot),
      fit_leaf_(LeafFitter()),
      tree_keys_max_(limits ? keys.size() * 3 / 10 : keys.size()),
      bytes_max_(limits ? 512 + keys.size() * 26 / 100 : ~std::uint64_t{0}) {}

std::uint64_t SlotBuilder::bytes() const noexcept {
  return LayoutOf(nodes_.size(), slots_.size(), words_.size()).end;
}

bool SlotBuilder::GiveUp(Reason reason) noexcept {
  reason_ = reason;
  return false;
}

SlotBuilder::Saved SlotBuilder::Save() const noexcept {
  return {nodes_.size(), slots_.size(), words_.size(), facts_};
}

void SlotBuilder::Restore(const Saved& saved) noexcept {
  nodes_.resize(saved.nodes);
  slots_.resize(saved.slots);
  words_.resize(saved.words);
  facts_ = saved.facts;
}

bool SlotBuilder::Build(std::uint32_t root_keys_per_slot, bool may_be_mostly_deep) {
  nodes_.clear();
  slots_.clear();
  words_.clear();
  facts_ = Facts{};
  reason_ = Reason::kSmooth;
  mostly_deep_ = false;
  deep_keys_max_ = may_be_mostly_deep ? keys_.size() : keys_.size() / 2;
  const std::uint32_t count = static_cast<std::uint32_t>(keys_.size());
  if (!BuildNode(0, count, std::max<std::uint64_t>(1, count / root_keys_per_slot), 1)) return false;
  // A tree reads whole nodes; the last one's words end here, and nothing is above the largest key.
  if (facts_.tree_count != 0) words_.insert(words_.end(), kTreeNodeWords, kNoSeparator);
  if (bytes() > bytes_max_) return GiveUp(Reason::kTooManyBytes);
  if (nodes_.size() > 1 || facts_.tree_count != 0) reason_ = Reason::kSmoothParts;
  return true;
}

bool SlotBuilder::BuildNode(std::uint32_t first, std::uint32_t end, std::uint64_t slot_count,
                            std::uint32_t depth) {
  NodeRecord node = MakeNode(keys_[first], keys_[end - 1], slot_count);
  node.first_slot = static_cast<std::uint32_t>(slots_.size());
  nodes_.push_back(node);
  slots_.resize(slots_.size() + node.slot_count);
  facts_.depth = std::max(facts_.depth, depth);
  if (bytes() > bytes_max_) return GiveUp(Reason::kTooManyBytes);
  std::uint32_t begin = first;
  SlotBounds bounds(node.scale);
  for (std::uint32_t slot = 0; slot < node.slot_count; ++slot) {
    const uint128 distance = bounds.Next();
    const bool last = slot + 1 == node.slot_count || distance > node.span;
    const std::uint32_t next =
        last ? end
             : FindBound(keys_.data(), begin, end, node.min + static_cast<std::uint64_t>(distance),
                         keys_per_slot_);
    for (std::uint32_t i = begin; i < next; i += kLineKeys) PrefetchAhead(&keys_[i]);
    std::uint64_t word = 0;
    if (!BuildSlot(node, begin, next, depth, &word)) return false;
    slots_[node.first_slot + slot] = word;
    begin = next;
  }
  return true;
}

bool SlotBuilder::BuildSlot(const NodeRecord& node, std::uint32_t first, std::uint32_t end,
                            std::uint32_t depth, std::uint64_t* slot) {
  const std::uint32_t count = end - first;
  *slot = EncodeSlot(SlotKind::kLeaf, count, first);
  if (count == 0) return true;
  if (count <= kSlotHighMask) {
    const Fit fit = fit_leaf_(node, keys_.data(), first, end);
    // A slot with many far keys stays a leaf: as a tree it would cost about as much, and the few
    // of them that uniform keys have would force the kernel that knows trees on all lookups.
    if (fit.max_error <= kLeafErrorMax) {
      ++facts_.leaf_count;
      facts_.far_keys += fit.far_keys;
      return true;
    }
  }
  if (count >= kChildKeysMin && depth < kNodeDepthMax) {
    const Saved saved = Save();
    if (BuildChild(first, end, depth, slot)) return true;
    if (mostly_deep_) return false;
    Restore(saved);
  }
  return BuildSmallTree(first, end, slot);
}

bool SlotBuilder::BuildChild(std::uint32_t first, std::uint32_t end, std::uint32_t depth,
                             std::uint64_t* slot) {
  const std::uint32_t count = end - first;
  const std::uint64_t tree_keys = facts_.tree_keys;
  const std::uint64_t deep_keys = facts_.deep_keys;
  mostly_deep_ = mostly_deep_ || (depth == 1 && deep_keys + count > deep_keys_max_);
  if (mostly_deep_) return GiveUp(Reason::kTooDeep);
  *slot = EncodeSlot(SlotKind::kChild, 0, static_cast<std::uint32_t>(nodes_.size()));
  const std::uint64_t slot_count = std::max<std::uint64_t>(1, count / keys_per_slot_);
  if (!BuildNode(first, end, slot_count, depth + 1)) return false;
  facts_.deep_keys = deep_keys + count;
  // A child that mostly leads to trees is a detour: better one tree at once, if it is small enough.
  const bool detour = facts_.tree_keys - tree_keys > count / 2;
  return !detour || BlocksOf(count) >= kTree2BlocksMax;
}

bool SlotBuilder::BuildSmallTree(std::uint32_t first, std::uint32_t end, std::uint64_t* slot) {
  const std::uint64_t first_block = first / kBlockKeys;
  // The lower bound of an absent key can be the next slot's first key, so its block counts too.
  const std::uint64_t blocks =
      std::min<std::uint64_t>(end, keys_.size() - 1) / kBlockKeys - first_block + 1;
  if (blocks > kTree2BlocksMax) return GiveUp(Reason::kTooDeep);
  const bool two_levels = blocks > kTree1BlocksMax;
  *slot = EncodeSlot(two_levels ? SlotKind::kTree2 : SlotKind::kTree1,
                     static_cast<std::uint32_t>(first_block),
                     static_cast<std::uint32_t>(words_.size()));
  if (two_levels) {
    for (std::uint64_t lane = 1; lane <= kTreeNodeWords; ++lane) {
      const std::uint64_t block = lane * kTreeFanout;
      words_.push_back(block < blocks ? SeparatorBefore(keys_, first_block + block) : kNoSeparator);
    }
  }
  // The lowest level is not padded: what follows belongs to larger keys and never counts. At least
  // one word, so that no two tree slots are equal. In a two-level tree every 17th is the root's.
  for (std::uint64_t block = 1; block < std::max<std::uint64_t>(blocks, 2); ++block) {
    if (two_levels && block % kTreeFanout == 0) continue;
    words_.push_back(SeparatorBefore(keys_, first_block + block));
  }
  ++facts_.tree_count;
  facts_.tree_keys += end - first;
  if (two_levels) facts_.tree2_keys += end - first;
  if (facts_.tree_keys > tree_keys_max_) return GiveUp(Reason::kTooManyTreeKeys);
  if (words_.size() > kSlotHighMask) return GiveUp(Reason::kTooManyBytes);
  return true;
}

}  // namespace kyro::index
