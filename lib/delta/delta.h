// SPDX-License-Identifier: Apache-2.0
//
// A delta: the newest writes of one keyspace, in memory, ordered (elsewhere: a memtable).
//
// One writer (the commit leader) and any number of readers, who take no lock and never wait: a
// reader completes wherever the writer may be suspended. Each key has a chain of versions, newest
// first; a reader at sequence s sees the first version with a sequence <= s. What a reader may see
// was made before the sequence it reads at was published (release/acquire on the db's `visible`).
//
//   D1  A key is linked into the tree with a release store after its first version is complete.
//   D2  A version is linked before its key's older ones, and never changed.
//   D3  Sequences along a chain do not rise towards older versions.
//   D4  A key's filter bits are set before it is linked.
// The tree is tree.h, the chain of versions record.h.
#ifndef KYRO_DELTA_DELTA_H_
#define KYRO_DELTA_DELTA_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/key_traits.h"
#include "delta/memory.h"
#include "delta/tree.h"
#include "filter/concurrent_filter.h"
#include "filter/split_block.h"
#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::delta {

enum class Found : std::uint8_t {
  kNothing,  // this delta says nothing of the key at that sequence: look in older sources
  kValue,
  kTombstone,  // deleted here
};

struct Version {
  Found found = Found::kNothing;
  std::string_view value;  // lives as long as the delta
};

template <class K>
class Delta {
 public:
  using Key = typename K::Key;

  // `budget_bytes` sizes the filter in front; it is not a limit. kResourceExhausted if memory for
  // the empty delta is refused.
  static Result<std::unique_ptr<Delta>> Create(std::size_t budget_bytes);

  // Upper bound of what one operation takes: key, value and its share of the tree's nodes.
  static std::size_t OpBytes(std::size_t encoded_key_bytes, std::size_t value_bytes) noexcept;
  // The writer: after this, Put and Delete of operations whose OpBytes sum up to `bytes` cannot
  // fail. kResourceExhausted, and nothing has changed, otherwise.
  Status Reserve(std::size_t bytes) noexcept;
  // The writer. `sequence` is not below that of any earlier call; of two calls with one sequence
  // the later wins. Copies key and value.
  void Put(Key key, Sequence sequence, std::string_view value) noexcept;
  void Delete(Key key, Sequence sequence) noexcept;

  // Any thread. O(log n); one or two cache misses if the filter says no. `hash` is that of the key
  // (filter::HashKey): who asks several sources takes it once.
  Version Get(Key key, std::uint64_t hash, Sequence sequence) const noexcept {
    return filter_.MayContain(hash) ? Find(key, sequence) : Version{};
  }
  Version Get(Key key, Sequence sequence) const noexcept {
    return Get(key, filter::HashKey(key), sequence);
  }
  // The filter alone: false only if `key`, or every key of this hash, was never written here.
  bool MayContain(Key key) const noexcept;
  bool MayContainHash(std::uint64_t hash) const noexcept { return filter_.MayContain(hash); }

  bool empty() const noexcept { return keys() == 0; }
  std::uint64_t keys() const noexcept {  // distinct keys, tombstones included
    return keys_.load(std::memory_order_relaxed);
  }
  std::uint64_t versions() const noexcept {  // operations applied
    return versions_.load(std::memory_order_relaxed);
  }
  std::size_t bytes() const noexcept {  // memory taken, filter included
    return sizeof(Delta) + memory_.bytes() + filter_.bytes();
  }

  // Walks the keys that have a version at or before `sequence` (tombstones included), in order.
  // One thread at a time; the delta outlives it. O(1) a step forward (amortized over a leaf),
  // O(log n) backward.
  class Cursor {
   public:
    Cursor(const Delta* delta, Sequence sequence) noexcept : delta_(delta), sequence_(sequence) {}
    bool Valid() const noexcept { return place_.leaf != nullptr; }
    void SeekToFirst() noexcept;
    void SeekToLast() noexcept;
    void Seek(Key key) noexcept;         // first key >= key
    void SeekForPrev(Key key) noexcept;  // last key <= key
    void Next() noexcept;                // requires Valid()
    void Prev() noexcept;                // requires Valid()
    Key key() const noexcept;            // requires Valid(); lives as long as the delta
    bool tombstone() const noexcept { return record_->tombstone(); }
    std::string_view value() const noexcept { return record_->value(); }

   private:
    using Place = typename Tree<K>::Place;
    template <class Step>
    void Skip(Place place, Step step) noexcept;  // to the first place with a version, from `place`
    void SkipForward(Place place) noexcept;      // to the first key at or after it with a version
    void SkipBackward(Place place) noexcept;     // to the last one at or before it

    const Delta* delta_;
    Sequence sequence_;
    Place place_;
    const Record* record_ = nullptr;  // the visible version
  };

 private:
  explicit Delta(std::size_t budget_bytes) noexcept : memory_(budget_bytes), tree_(&memory_) {}
  void Write(Key key, Sequence sequence, std::string_view value, bool tombstone) noexcept;
  Version Find(Key key, Sequence sequence) const noexcept;

  Memory memory_;
  Tree<K> tree_;
  filter::ConcurrentFilter filter_;
  std::atomic<std::uint64_t> keys_{0};
  std::atomic<std::uint64_t> versions_{0};
};

extern template class Delta<U64>;
extern template class Delta<Bytes>;

}  // namespace kyro::delta

#endif  // KYRO_DELTA_DELTA_H_
