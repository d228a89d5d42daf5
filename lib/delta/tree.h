// SPDX-License-Identifier: Apache-2.0
//
// The ordered map inside a delta: a B+-tree with one writer and readers who take no lock, never
// wait and cannot be made to retry for ever. Keys are only ever added.
//
// A full node is split by building its halves aside and then, in the parent,
//   1. adding the separator and the right half (one store of the parent's order), then
//   2. putting the left half in the full node's place (one store of a child pointer).
// A reader in between finds the upper keys on the right and the lower ones still in the full node.
// One who holds the parent's old order but loads the new left half would miss the upper keys, so
// he looks at the order again after loading a child (it is in his cache) and, when it has changed,
// searches that node again: at most once per slot, so 15 times.
//
// Full nodes stay in memory until the tree dies. A reader who is in one sees all that was
// published before he came there, and that is all he may see (T3).
//
//   T1  What an order names is complete and constant, but for heads and children.
//   T2  At every moment each key is found by descending from the root, and from every node that
//       was ever in the tree and covers the key, as of the moment it was replaced.
//   T3  A reader takes his sequence before he loads the root, so whatever is newer than a pointer
//       he follows has a higher sequence than his.
#ifndef KYRO_DELTA_TREE_H_
#define KYRO_DELTA_TREE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "delta/memory.h"
#include "delta/node.h"

namespace kyro::delta {

template <class K>
class Tree {
 public:
  using Probe = typename Keys<K>::Probe;
  using Stored = typename Keys<K>::Stored;

  explicit Tree(Memory* memory) noexcept : memory_(memory) {}

  // Makes the empty root. Requires ReserveBytes(0, 0) reserved; call once, before anything else.
  void Init() noexcept;

  // An operation's share of nodes: `n` operations on an empty tree take at most n times that.
  static std::size_t OpBytes() noexcept;
  // What to reserve so that `operations` insertions into this tree as it is cannot run out, if
  // their OpBytes and records come to `bytes`.
  std::size_t ReserveBytes(std::size_t bytes, std::size_t operations) const noexcept;

  // The writer. Where a key is, or where it would go; good until the next Insert.
  struct Position {
    Head* head;  // null: the key is not there
    int rank;
  };
  Position Locate(const Probe& probe) noexcept;
  // The key of the last Locate, which was not there. `record` is complete.
  void Insert(Position position, Stored key, const Record* record) noexcept;

  // Any thread from here on. The head of a key's versions, or null.
  const Head* Find(const Probe& probe) const noexcept;

  // A key in a leaf as it was when the reader came there. Invalid: leaf is null.
  struct Place {
    const Leaf<K>* leaf = nullptr;
    Order order;
    int index = 0;
    Stored key() const noexcept { return leaf->keys.Get(order.slot(index)); }
    const Head& head() const noexcept { return leaf->head(order.slot(index)); }
    // The versions of all keys of the leaf: a scan waits for them once, not one after the other.
    // Always inlined: g++ 12 takes a function that only prefetches for one without effect and drops
    // the call, which made a scan of byte strings three times as slow.
    [[gnu::always_inline]] void Prefetch() const noexcept {
      for (int i = 0; i < order.count(); ++i) leaf->PrefetchSlot(order.slot(i));
    }
  };
  Place First() const noexcept;
  Place Last() const noexcept;
  // The first key > probe (>= if or_equal), and the last key < probe (<= if or_equal).
  [[gnu::noinline]] Place Above(const Probe& probe, bool or_equal) const noexcept;
  [[gnu::noinline]] Place Below(const Probe& probe, bool or_equal) const noexcept;
  Place Next(const Place& place) const noexcept;
  Place Previous(const Place& place) const noexcept;

 private:
  // A tree that fills a 48-bit address space is not higher.
  static constexpr int kHeightMax = 20;

  // The root and the number of levels of inner nodes above the leaves, in one word: nodes are
  // aligned to 64 bytes.
  struct Root {
    std::uintptr_t word;
    void* node() const noexcept { return reinterpret_cast<void*>(word & ~std::uintptr_t{63}); }
    int height() const noexcept { return static_cast<int>(word & 63); }
  };
  // Keys in [low, high); absent: unbounded.
  struct Range {
    std::optional<Stored> low;
    std::optional<Stored> high;
  };
  struct Step {
    Inner<K>* node;
    int rank;
    Range range;  // of the node
  };

  template <class ChooseRank>
  static const void* Child(const Inner<K>* node, ChooseRank choose, Order* order,
                           int* rank) noexcept;
  template <class ChooseRank>
  const Leaf<K>* Descend(ChooseRank choose) const noexcept;
  static Place Leftmost(const void* node, int height) noexcept;

  Leaf<K>* NewLeaf(const Range& range) noexcept;
  Inner<K>* NewInner(int level, const Range& range) noexcept;
  void Walk(const Probe& probe) noexcept;
  void SplitLeaf(int rank, Stored key, const Record* record) noexcept;
  void Link(int level, void* left, Stored separator, void* right, bool ascending) noexcept;
  [[gnu::cold]] void SplitInner(int level, void* left, Stored separator, void* right) noexcept;
  [[gnu::cold]] void GrowRoot(void* left, Stored separator, void* right) noexcept;

  std::atomic<std::uintptr_t> root_{0};

  // The writer's.
  Memory* const memory_;
  Memory::Slab leaf_slab_;
  Memory::Slab inner_slab_;
  std::uint64_t nodes_[kHeightMax + 1] = {};  // by level, those in the tree
  // The way to the last key located, kept while no node was split: keys that arrive in order, or
  // near each other, need no descent.
  bool walked_ = false;
  Leaf<K>* leaf_ = nullptr;
  Range leaf_range_;
  Step path_[kHeightMax + 1] = {};  // by level; [0] is not used
  // The last insertion made its leaf's greatest key: keys are arriving in ascending order.
  bool appended_ = false;
};

extern template class Tree<U64>;
extern template class Tree<Bytes>;

}  // namespace kyro::delta

#endif  // KYRO_DELTA_TREE_H_
