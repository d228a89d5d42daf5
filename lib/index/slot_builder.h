// SPDX-License-Identifier: Apache-2.0
//
// Builds nodes and slots over a column: each slot becomes a leaf where keys are spread evenly,
// a child node where they are many and again smooth, a small tree where they are not. Gives up as
// soon as the result cannot be worth it; the caller then builds one tree over everything.
#ifndef KYRO_INDEX_SLOT_BUILDER_H_
#define KYRO_INDEX_SLOT_BUILDER_H_

#include <cstdint>
#include <span>
#include <vector>

#include "index/core.h"
#include "index/fit.h"
#include "index/format.h"

namespace kyro::index {

// Limits, besides those of a leaf (fit.h).
inline constexpr std::uint32_t kChildKeysMin = 1024;
inline constexpr std::uint32_t kTree1BlocksMax = kTreeFanout;
inline constexpr std::uint32_t kTree2BlocksMax = kTreeFanout * kTreeFanout;

class SlotBuilder {
 public:
  struct Facts {
    std::uint32_t depth = 0;
    std::uint32_t leaf_count = 0;
    std::uint32_t tree_count = 0;
    std::uint64_t tree_keys = 0;
    std::uint64_t tree2_keys = 0;  // of tree_keys, in trees of two levels
    std::uint64_t deep_keys = 0;   // below child nodes
    std::uint64_t far_keys = 0;    // in leaves, off by more than kLeafErrorNear
  };

  // `keys` outlives the builder. Without `limits` only what cannot be represented is given up.
  SlotBuilder(std::span<const std::uint64_t> keys, std::uint32_t keys_per_slot, bool limits);

  // Builds from the root, with about root_keys_per_slot keys per root slot. False: gave up, and
  // reason() says why, or mostly_deep(). May throw bad_alloc.
  bool Build(std::uint32_t root_keys_per_slot, bool may_be_mostly_deep);

  // More than half of the keys would pass child nodes, so a smaller root would do as well.
  bool mostly_deep() const noexcept { return mostly_deep_; }

  Reason reason() const noexcept { return reason_; }
  const Facts& facts() const noexcept { return facts_; }
  std::span<const NodeRecord> nodes() const noexcept { return nodes_; }
  std::span<const std::uint64_t> slots() const noexcept { return slots_; }
  std::span<const std::uint64_t> words() const noexcept { return words_; }
  std::uint64_t bytes() const noexcept;

 private:
  struct Saved {
    std::size_t nodes, slots, words;
    Facts facts;
  };

  bool BuildNode(std::uint32_t first, std::uint32_t end, std::uint64_t slot_count,
                 std::uint32_t depth);
  bool BuildSlot(const NodeRecord& node, std::uint32_t first, std::uint32_t end,
                 std::uint32_t depth, std::uint64_t* slot);
  bool BuildChild(std::uint32_t first, std::uint32_t end, std::uint32_t depth, std::uint64_t* slot);
  bool BuildSmallTree(std::uint32_t first, std::uint32_t end, std::uint64_t* slot);
  bool GiveUp(Reason reason) noexcept;
  Saved Save() const noexcept;
  void Restore(const Saved& saved) noexcept;

  const std::span<const std::uint64_t> keys_;
  const std::uint32_t keys_per_slot_;
  const FitFunction fit_leaf_;
  const std::uint64_t tree_keys_max_;
  const std::uint64_t bytes_max_;

  std::uint64_t deep_keys_max_ = 0;
  bool mostly_deep_ = false;
  Reason reason_ = Reason::kSmooth;
  Facts facts_;
  std::vector<NodeRecord> nodes_;
  std::vector<std::uint64_t> slots_;
  std::vector<std::uint64_t> words_;
};

}  // namespace kyro::index

#endif  // KYRO_INDEX_SLOT_BUILDER_H_
