// SPDX-License-Identifier: Apache-2.0
//
// The nodes of a delta's tree: 15 slots that are filled in the order of arrival and never written
// again, and one word that says how many there are and in which order (the permutation of Masstree,
// Mao, Kohler, Morris 2012). Storing that word is what publishes an insertion, so a reader who
// loads it once has an immutable node in hand.
//
// A leaf's slot is a key and the head of its versions. An inner node's slot is a separator and the
// child with the keys at or above it; one more child has those below all separators.
#ifndef KYRO_DELTA_NODE_H_
#define KYRO_DELTA_NODE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "delta/record.h"
#include "kyro/types.h"

namespace kyro::delta {

inline constexpr int kSlots = 15;

// How many slots are in use, and which is the i-th in key order: four bits each.
class Order {
 public:
  Order() noexcept = default;
  explicit Order(std::uint64_t word) noexcept : word_(word) {}
  // Slots 0 to count - 1, in that order.
  static Order Identity(int count) noexcept {
    return Order(0xEDCBA98765432100u | static_cast<std::uint64_t>(count));
  }

  std::uint64_t word() const noexcept { return word_; }
  int count() const noexcept { return static_cast<int>(word_ & 15); }
  int slot(int i) const noexcept { return static_cast<int>((word_ >> (4 + 4 * i)) & 15); }

  // With slot count(), the next free one, put at position i <= count(). Requires a free slot.
  Order With(int i) const noexcept {
    KYRO_DCHECK(count() < kSlots && i <= count());
    const std::uint64_t below = (std::uint64_t{1} << (4 + 4 * i)) - 1;
    const std::uint64_t slot = static_cast<std::uint64_t>(count()) << (4 + 4 * i);
    return Order(((word_ & below) | slot | ((word_ & ~below) << 4)) + 1);
  }

 private:
  std::uint64_t word_ = 0;
};

// What is remembered of a byte-string key: where its bytes are, and the head of its versions.
// Those bytes follow.
struct Entry {
  mutable Head head;
  std::uint32_t bytes;
  std::string_view key() const noexcept {
    return std::string_view(reinterpret_cast<const char*>(this + 1), bytes);
  }
};

// The keys of a node's slots. A Probe is a key made ready for searching.
template <class K>
struct Keys;

template <>
struct Keys<U64> {
  using Probe = std::uint64_t;
  using Stored = std::uint64_t;
  static Probe MakeProbe(std::uint64_t key) noexcept { return key; }
  static Probe ProbeOf(Stored stored) noexcept { return stored; }
  static bool Less(Probe a, Probe b) noexcept { return a < b; }

  void SetRange(const std::optional<Stored>&, const std::optional<Stored>&) noexcept {}

  // How many keys are below `probe` (not above it, if kOrEqual). Order does not matter to that:
  // counting all slots beats a binary search through the order word (bench/delta_bench.cc).
  template <bool kOrEqual>
  int Rank(Order order, Probe probe) const noexcept {
    int rank = 0;
    for (int i = 0, count = order.count(); i < count; ++i) {
      rank += kOrEqual ? at[i] <= probe : at[i] < probe;
    }
    return rank;
  }
  int Rank(Order order, Probe probe, bool or_equal) const noexcept {
    // Below a key is not above the one before it.
    if (!or_equal && probe-- == 0) return 0;
    return Rank<true>(order, probe);
  }
  bool Equal(int slot, Probe probe) const noexcept { return at[slot] == probe; }
  Stored Get(int slot) const noexcept { return at[slot]; }
  void Set(int slot, Stored key) noexcept { at[slot] = key; }
  void Copy(int slot, const Keys& from, int from_slot) noexcept { at[slot] = from.at[from_slot]; }

  std::uint64_t at[kSlots];
};

// All keys that can come to a node start as its range's ends do alike, so those bytes are skipped;
// the next eight, as a big-endian number and zero-padded, order the keys up to ties.
template <>
struct Keys<Bytes> {
  using Probe = std::string_view;
  using Stored = const Entry*;
  static Probe MakeProbe(std::string_view key) noexcept { return key; }
  static Probe ProbeOf(Stored stored) noexcept { return stored->key(); }
  static bool Less(Probe a, Probe b) noexcept { return a < b; }

  // The node's keys are in [low, high), now and ever. Call before Set.
  void SetRange(const std::optional<Stored>& low, const std::optional<Stored>& high) noexcept {
    skip = 0;
    if (!low || !high) return;
    const std::string_view a = (*low)->key();
    const std::string_view b = (*high)->key();
    const std::size_t bytes = a.size() < b.size() ? a.size() : b.size();
    while (skip < bytes && a[skip] == b[skip]) ++skip;
  }

  template <bool kOrEqual>
  int Rank(Order order, Probe probe) const noexcept {
    return Rank(order, probe, kOrEqual);
  }
  int Rank(Order order, Probe probe, bool or_equal) const noexcept {
    const std::uint64_t number = Number(probe);
    int low = 0;   // keys of a smaller number are below,
    int high = 0;  // those of a greater one are not; only ties need their bytes
    for (int i = 0, count = order.count(); i < count; ++i) {
      low += numbers[i] < number;
      high += numbers[i] <= number;
    }
    while (low < high) {
      const int middle = (low + high) / 2;
      const int compared = entries[order.slot(middle)]->key().compare(probe);
      if (compared < (or_equal ? 1 : 0)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
  bool Equal(int slot, Probe probe) const noexcept {
    return numbers[slot] == Number(probe) && entries[slot]->key() == probe;
  }
  Stored Get(int slot) const noexcept { return entries[slot]; }
  void Set(int slot, Stored key) noexcept {
    numbers[slot] = Number(key->key());
    entries[slot] = key;
  }
  void Copy(int slot, const Keys& from, int from_slot) noexcept {
    if (skip != from.skip) return Set(slot, from.entries[from_slot]);
    numbers[slot] = from.numbers[from_slot];  // without a look at the key, which is far away
    entries[slot] = from.entries[from_slot];
  }

  std::uint64_t Number(std::string_view key) const noexcept {
    KYRO_DCHECK(key.size() >= skip);
    const std::size_t bytes = key.size() - skip;
    std::uint64_t number = 0;
    if (bytes >= sizeof(number)) {
      std::memcpy(&number, key.data() + skip, sizeof(number));
    } else if (bytes > 0) {
      std::memcpy(&number, key.data() + skip, bytes);
    }
    return __builtin_bswap64(number);
  }

  std::uint64_t numbers[kSlots];
  const Entry* entries[kSlots];
  std::size_t skip = 0;
};

template <class K>
struct alignas(64) Inner {
  std::atomic<std::uint64_t> order{0};
  Keys<K> separators;
  // [0] is below all separators, [s + 1] at or above the one in slot s. Only the child changes:
  // from a node to its copy, which holds the same keys or, when it was split, the lower half.
  std::atomic<void*> children[kSlots + 1];

  // The index in `children` of the child with `rank` separators at or below it.
  static int ChildIndex(Order order, int rank) noexcept {
    return rank == 0 ? 0 : order.slot(rank - 1) + 1;
  }
};

template <class K>
struct alignas(64) Leaf;

template <>
struct alignas(64) Leaf<U64> {
  std::atomic<std::uint64_t> order{0};
  Keys<U64> keys;
  mutable Head heads[kSlots];

  Head& head(int slot) const noexcept { return heads[slot]; }
  [[gnu::always_inline]] void PrefetchSlot(int slot) const noexcept {
    __builtin_prefetch(heads[slot].load(std::memory_order_relaxed));
  }
  // Fills slot `slot`, which the order does not name yet.
  void Set(int slot, std::uint64_t key, const Record* record) noexcept {
    keys.Set(slot, key);
    heads[slot].store(record, std::memory_order_relaxed);
  }
  void CopySlot(int slot, const Leaf& from, int from_slot) noexcept {
    keys.Copy(slot, from.keys, from_slot);
    heads[slot].store(from.heads[from_slot].load(std::memory_order_relaxed),
                      std::memory_order_relaxed);
  }
};

template <>
struct alignas(64) Leaf<Bytes> {
  std::atomic<std::uint64_t> order{0};
  Keys<Bytes> keys;

  Head& head(int slot) const noexcept { return keys.Get(slot)->head; }
  // The record lies before the entry: they were allocated one after the other.
  [[gnu::always_inline]] void PrefetchSlot(int slot) const noexcept {
    const char* const entry = reinterpret_cast<const char*>(keys.Get(slot));
    __builtin_prefetch(entry);
    __builtin_prefetch(entry - sizeof(Record));
  }
  void Set(int slot, const Entry* entry, const Record*) noexcept { keys.Set(slot, entry); }
  void CopySlot(int slot, const Leaf& from, int from_slot) noexcept {
    keys.Copy(slot, from.keys, from_slot);
  }
};

static_assert(sizeof(Inner<U64>) == 256 && sizeof(Leaf<U64>) == 256);
static_assert(sizeof(Inner<Bytes>) == 384 && sizeof(Leaf<Bytes>) == 256);

}  // namespace kyro::delta

#endif  // KYRO_DELTA_NODE_H_
