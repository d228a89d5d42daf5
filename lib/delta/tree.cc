// SPDX-License-Identifier: Apache-2.0
//
// Readers first, then the writer.
#include "delta/tree.h"

#include <new>

#include "base/check.h"
#include "base/planted.h"
#include "base/test_point.h"

namespace kyro::delta {

namespace {

// A node's lines are fetched together: what is waited for is the slowest, not the sum.
template <class Node>
inline const Node* Fetch(const void* node) noexcept {
  const char* const at = static_cast<const char*>(node);
  for (std::size_t i = 0; i < sizeof(Node); i += kCacheLineBytes) __builtin_prefetch(at + i);
  return static_cast<const Node*>(node);
}

}  // namespace

// The child at the rank that `choose(order)` gives, as of one order of the node: had the child
// been replaced by its lower half before it was loaded, the order that was stored before that
// would now be seen to have changed.
template <class K>
template <class ChooseRank>
const void* Tree<K>::Child(const Inner<K>* node, ChooseRank choose, Order* order,
                           int* rank) noexcept {
  std::uint64_t word = node->order.load(std::memory_order_acquire);
  while (true) {
    *order = Order(word);
    *rank = choose(node, *order);
    const int index = Inner<K>::ChildIndex(*order, *rank);
    KYRO_TEST_POINT("delta.reader_chose_child");
    const void* const child = node->children[index].load(std::memory_order_acquire);
    const std::uint64_t again = node->order.load(std::memory_order_acquire);
    if (again == word) return child;
    word = again;
  }
}

template <class K>
template <class ChooseRank>
const Leaf<K>* Tree<K>::Descend(ChooseRank choose) const noexcept {
  const Root root{root_.load(std::memory_order_acquire)};
  const void* node = root.node();
  for (int level = root.height(); level > 0; --level) {
    Order order;
    int rank;
    node = Child(Fetch<Inner<K>>(node), choose, &order, &rank);
  }
  return Fetch<Leaf<K>>(node);
}

template <class K>
const Head* Tree<K>::Find(const Probe& probe) const noexcept {
  // The leaf of the greatest key below `probe`, or at it.
  const Leaf<K>* const leaf = Descend([&probe](const Inner<K>* node, Order order) {
    return node->separators.template Rank<true>(order, probe);
  });
  KYRO_TEST_POINT("delta.reader_reached_leaf");
  const Order order(leaf->order.load(std::memory_order_acquire));
  const int rank = leaf->keys.template Rank<false>(order, probe);
  if (rank == order.count()) return nullptr;
  const int slot = order.slot(rank);
  return leaf->keys.Equal(slot, probe) ? &leaf->head(slot) : nullptr;
}

// Only an empty tree has an empty leaf. No second look is needed on the way: whatever becomes of
// the first child, the smallest keys stay in it.
template <class K>
typename Tree<K>::Place Tree<K>::Leftmost(const void* node, int height) noexcept {
  for (int level = height; level > 0; --level) {
    node = static_cast<const Inner<K>*>(node)->children[0].load(std::memory_order_acquire);
  }
  const auto* const leaf = Fetch<Leaf<K>>(node);
  const Order order(leaf->order.load(std::memory_order_acquire));
  return order.count() == 0 ? Place{} : Place{leaf, order, 0};
}

template <class K>
typename Tree<K>::Place Tree<K>::First() const noexcept {
  const Root root{root_.load(std::memory_order_acquire)};
  return Leftmost(root.node(), root.height());
}

template <class K>
typename Tree<K>::Place Tree<K>::Last() const noexcept {
  const Leaf<K>* const leaf = Descend([](const Inner<K>*, Order order) { return order.count(); });
  const Order order(leaf->order.load(std::memory_order_acquire));
  return order.count() == 0 ? Place{} : Place{leaf, order, order.count() - 1};
}

template <class K>
typename Tree<K>::Place Tree<K>::Above(const Probe& probe, bool or_equal) const noexcept {
  const auto choose = [&probe](const Inner<K>* node, Order order) {
    return node->separators.template Rank<true>(order, probe);
  };
  const Root root{root_.load(std::memory_order_acquire)};
  const void* node = root.node();
  // The nearest child to the right of the way down: the successor is its first key if the leaf
  // has none. It is loaded late, which does no harm: a child keeps its smallest keys.
  const std::atomic<void*>* right = nullptr;
  int right_height = 0;
  for (int level = root.height(); level > 0; --level) {
    const auto* const inner = Fetch<Inner<K>>(node);
    Order order;
    int rank;
    node = Child(inner, choose, &order, &rank);
    if (rank == order.count()) continue;
    right = &inner->children[Inner<K>::ChildIndex(order, rank + 1)];
    right_height = level - 1;
  }
  const auto* const leaf = Fetch<Leaf<K>>(node);
  const Order order(leaf->order.load(std::memory_order_acquire));
  const int rank = leaf->keys.Rank(order, probe, !or_equal);
  if (rank < order.count()) return Place{leaf, order, rank};
  if (KYRO_PLANTED(kTreeWalkStopsAtLeaf)) return Place{};
  KYRO_TEST_POINT("delta.reader_leaves_leaf");
  return right == nullptr ? Place{}
                          : Leftmost(right->load(std::memory_order_acquire), right_height);
}

// A separator is a key of the tree, the smallest of its child. So the child that is chosen by the
// greatest separator below (or at) the probe has a key below (or at) it, and only the leftmost
// leaf can have none.
template <class K>
typename Tree<K>::Place Tree<K>::Below(const Probe& probe, bool or_equal) const noexcept {
  const Leaf<K>* const leaf = Descend([&probe, or_equal](const Inner<K>* node, Order order) {
    return node->separators.Rank(order, probe, or_equal);
  });
  const Order order(leaf->order.load(std::memory_order_acquire));
  const int rank = leaf->keys.Rank(order, probe, or_equal);
  return rank == 0 ? Place{} : Place{leaf, order, rank - 1};
}

template <class K>
typename Tree<K>::Place Tree<K>::Next(const Place& place) const noexcept {
  if (place.index + 1 < place.order.count()) {
    return Place{place.leaf, place.order, place.index + 1};
  }
  return Above(Keys<K>::ProbeOf(place.key()), /*or_equal=*/false);
}

template <class K>
typename Tree<K>::Place Tree<K>::Previous(const Place& place) const noexcept {
  if (place.index > 0) return Place{place.leaf, place.order, place.index - 1};
  return Below(Keys<K>::ProbeOf(place.key()), /*or_equal=*/false);
}

template <class K>
void Tree<K>::Init() noexcept {
  root_.store(reinterpret_cast<std::uintptr_t>(NewLeaf(Range{})), std::memory_order_release);
}

template <class K>
Leaf<K>* Tree<K>::NewLeaf(const Range& range) noexcept {
  ++nodes_[0];
  auto* const leaf = new (memory_->AllocateNode<sizeof(Leaf<K>)>(&leaf_slab_)) Leaf<K>;
  leaf->keys.SetRange(range.low, range.high);
  return leaf;
}

template <class K>
Inner<K>* Tree<K>::NewInner(int level, const Range& range) noexcept {
  ++nodes_[level];
  auto* const inner = new (memory_->AllocateNode<sizeof(Inner<K>)>(&inner_slab_)) Inner<K>;
  inner->separators.SetRange(range.low, range.high);
  return inner;
}

// How many nodes can `m` insertions make? Each splits at most one node per level, and a split makes
// at most two nodes. A node splits at most twice in its life: once on its right edge, when it stays
// as it is, and once in halves, when it dies. A new node takes seven insertions before it can
// split. So a level of n nodes sees at most min(m, 2n + 2m/7) splits, which are the insertions of
// the level above. The part that comes from m alone is a geometric series, (2/7 + 4/49 + ...) m =
// 0.4 m splits, 0.8 m nodes: OpBytes. The part that comes from the n nodes that are there is
// summed up level by level: ReserveBytes.
template <class K>
std::size_t Tree<K>::OpBytes() noexcept {
  static_assert(sizeof(Inner<K>) >= sizeof(Leaf<K>));
  return (Memory::NodeBytes<sizeof(Inner<K>)>() * 4 + 4) / 5;
}

template <class K>
std::size_t Tree<K>::ReserveBytes(std::size_t bytes, std::size_t operations) const noexcept {
  const int height = Root{root_.load(std::memory_order_relaxed)}.height();
  std::uint64_t splits = operations;
  std::uint64_t nodes = 1;  // the first leaf
  for (int level = 0; level <= height || splits > 1; ++level) {
    // Rounded up, and one for the part that OpBytes rounds down.
    const std::uint64_t own = level <= height ? 2 * nodes_[level] : 0;
    splits = std::min<std::uint64_t>(operations, own + (2 * splits + 6) / 7 + 1);
    if (level > height) splits = (2 * splits + 6) / 7;
    nodes += 2 * splits + 1;  // and a root above
  }
  nodes += 3;
  return bytes + nodes * Memory::NodeBytes<sizeof(Inner<K>)>() +
         Memory::SlabBytes<sizeof(Inner<K>)>() + Memory::SlabBytes<sizeof(Leaf<K>)>();
}

// Relaxed throughout: the writer reads what it wrote itself.
template <class K>
void Tree<K>::Walk(const Probe& probe) noexcept {
  Range range = leaf_range_;
  if (walked_ && (!range.low || !Keys<K>::Less(probe, Keys<K>::ProbeOf(*range.low))) &&
      (!range.high || Keys<K>::Less(probe, Keys<K>::ProbeOf(*range.high)))) {
    return;
  }
  range = Range{};
  const Root root{root_.load(std::memory_order_relaxed)};
  void* node = root.node();
  for (int level = root.height(); level > 0; --level) {
    auto* const inner = static_cast<Inner<K>*>(node);
    Fetch<Inner<K>>(inner);
    const Order order(inner->order.load(std::memory_order_relaxed));
    const int rank = inner->separators.template Rank<true>(order, probe);
    path_[level] = Step{inner, rank, range};
    if (rank > 0) range.low = inner->separators.Get(order.slot(rank - 1));
    if (rank < order.count()) range.high = inner->separators.Get(order.slot(rank));
    node = inner->children[Inner<K>::ChildIndex(order, rank)].load(std::memory_order_relaxed);
  }
  leaf_ = static_cast<Leaf<K>*>(node);
  Fetch<Leaf<K>>(leaf_);
  leaf_range_ = range;
  walked_ = true;
  appended_ = false;
}

template <class K>
typename Tree<K>::Position Tree<K>::Locate(const Probe& probe) noexcept {
  Walk(probe);
  const Order order(leaf_->order.load(std::memory_order_relaxed));
  const int rank = leaf_->keys.template Rank<false>(order, probe);
  const bool found = rank < order.count() && leaf_->keys.Equal(order.slot(rank), probe);
  return Position{found ? &leaf_->head(order.slot(rank)) : nullptr, rank};
}

template <class K>
void Tree<K>::Insert(Position position, Stored key, const Record* record) noexcept {
  KYRO_DCHECK(walked_ && position.head == nullptr);
  const Order order(leaf_->order.load(std::memory_order_relaxed));
  if (order.count() == kSlots) return SplitLeaf(position.rank, key, record);
  leaf_->Set(order.count(), key, record);
  KYRO_TEST_POINT("delta.slot_written");
  leaf_->order.store(order.With(position.rank).word(), std::memory_order_release);  // T1
  KYRO_TEST_POINT("delta.slot_linked");
  appended_ = position.rank == order.count();
}

template <class K>
void Tree<K>::SplitLeaf(int rank, Stored key, const Record* record) noexcept {
  Leaf<K>* const full = leaf_;
  const Order order(full->order.load(std::memory_order_relaxed));
  const bool ascending = appended_ && rank == kSlots;
  walked_ = false;
  appended_ = false;
  // Keys that arrive in ascending order leave full leaves behind, not halves.
  if (ascending) {
    Leaf<K>* const right = NewLeaf(Range{key, leaf_range_.high});
    right->Set(0, key, record);
    right->order.store(Order::Identity(1).word(), std::memory_order_relaxed);
    return Link(1, full, key, right, true);
  }
  constexpr int kLeft = (kSlots + 1) / 2;
  const auto key_at = [&](int i) {
    return i == rank ? key : full->keys.Get(order.slot(i < rank ? i : i - 1));
  };
  const Stored separator = key_at(kLeft);
  Leaf<K>* const left = NewLeaf(Range{leaf_range_.low, separator});
  Leaf<K>* const right = NewLeaf(Range{separator, leaf_range_.high});
  --nodes_[0];  // `full` leaves the tree
  for (int i = 0; i <= kSlots; ++i) {
    Leaf<K>* const to = i < kLeft ? left : right;
    const int slot = i < kLeft ? i : i - kLeft;
    if (i == rank) {
      to->Set(slot, key, record);
    } else {
      to->CopySlot(slot, *full, order.slot(i < rank ? i : i - 1));
    }
  }
  left->order.store(Order::Identity(kLeft).word(), std::memory_order_relaxed);
  right->order.store(Order::Identity(kSlots + 1 - kLeft).word(), std::memory_order_relaxed);
  KYRO_TEST_POINT("delta.leaf_halves_built");
  Link(1, left, separator, right, false);
}

// Puts `left` in the place of the child at path_[level], which is itself or a copy without its
// keys from `separator` up, and `right`, which has those, behind it. Both are complete.
template <class K>
void Tree<K>::Link(int level, void* left, Stored separator, void* right, bool ascending) noexcept {
  if (level > Root{root_.load(std::memory_order_relaxed)}.height()) {
    return GrowRoot(left, separator, right);
  }
  const auto& [node, rank, range] = path_[level];
  const Order order(node->order.load(std::memory_order_relaxed));
  if (order.count() == kSlots) {
    if (!ascending || rank != kSlots) return SplitInner(level, left, separator, right);
    Inner<K>* const fresh = NewInner(level, Range{separator, range.high});
    fresh->children[0].store(right, std::memory_order_relaxed);
    return Link(level + 1, node, separator, fresh, true);
  }
  node->separators.Set(order.count(), separator);
  node->children[order.count() + 1].store(right, std::memory_order_relaxed);
  KYRO_TEST_POINT("delta.separator_written");
  node->order.store(order.With(rank).word(), std::memory_order_release);
  KYRO_TEST_POINT("delta.right_half_linked");
  std::atomic<void*>& child = node->children[Inner<K>::ChildIndex(order, rank)];
  if (child.load(std::memory_order_relaxed) == left) return;
  child.store(left, std::memory_order_release);
  KYRO_TEST_POINT("delta.left_half_linked");
}

template <class K>
void Tree<K>::SplitInner(int level, void* left, Stored separator, void* right) noexcept {
  const auto& [full, rank, range] = path_[level];
  const Order order(full->order.load(std::memory_order_relaxed));
  Stored separators[kSlots + 1];
  void* children[kSlots + 2];
  for (int i = 0, from = 0; i <= kSlots; ++i) {
    separators[i] = i == rank ? separator : full->separators.Get(order.slot(from++));
  }
  for (int i = 0, from = 0; i <= kSlots + 1; ++i) {
    children[i] =
        i == rank + 1
            ? right
            : full->children[Inner<K>::ChildIndex(order, from++)].load(std::memory_order_relaxed);
  }
  children[rank] = left;

  // The separator in the middle goes up.
  constexpr int kLeft = (kSlots + 1) / 2;
  const auto fill = [&](Inner<K>* node, int first, int count) {
    node->children[0].store(children[first], std::memory_order_relaxed);
    for (int i = 0; i < count; ++i) {
      node->separators.Set(i, separators[first + i]);
      node->children[i + 1].store(children[first + i + 1], std::memory_order_relaxed);
    }
    node->order.store(Order::Identity(count).word(), std::memory_order_relaxed);
  };
  Inner<K>* const lower = NewInner(level, Range{range.low, separators[kLeft]});
  Inner<K>* const upper = NewInner(level, Range{separators[kLeft], range.high});
  --nodes_[level];
  fill(lower, 0, kLeft);
  fill(upper, kLeft + 1, kSlots - kLeft);
  KYRO_TEST_POINT("delta.inner_halves_built");
  Link(level + 1, lower, separators[kLeft], upper, false);
}

template <class K>
void Tree<K>::GrowRoot(void* left, Stored separator, void* right) noexcept {
  const int height = Root{root_.load(std::memory_order_relaxed)}.height() + 1;
  KYRO_DCHECK(height <= kHeightMax);
  Inner<K>* const root = NewInner(height, Range{});
  root->separators.Set(0, separator);
  root->children[0].store(left, std::memory_order_relaxed);
  root->children[1].store(right, std::memory_order_relaxed);
  root->order.store(Order::Identity(1).word(), std::memory_order_relaxed);
  KYRO_TEST_POINT("delta.root_built");
  root_.store(reinterpret_cast<std::uintptr_t>(root) | static_cast<unsigned>(height),
              std::memory_order_release);
  KYRO_TEST_POINT("delta.root_linked");
}

template class Tree<U64>;
template class Tree<Bytes>;

}  // namespace kyro::delta
