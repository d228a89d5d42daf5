// SPDX-License-Identifier: Apache-2.0
//
// Lookups in the oldest run, where one segment is all of it: what most keys of a store that is
// mostly read are found in, and often all there is. The way through it is found once, when the runs
// are published, and not at each lookup: a Get without a view took 265 ns when it was, and 145
// since (3 million keys).
#ifndef KYRO_READ_OLDEST_SEGMENT_H_
#define KYRO_READ_OLDEST_SEGMENT_H_

#include <span>

#include "kyro/lookup.h"
#include "read/lookup_meter.h"
#include "segment/segment.h"

namespace kyro::read {

// Any thread. What it is made of outlives it.
template <class K>
class OldestSegment {
 public:
  using Key = typename K::Key;

  [[gnu::cold]] OldestSegment(const segment::Segment<K>* segment, LookupMeter* lookups) noexcept;
  OldestSegment(const OldestSegment&) = delete;
  OldestSegment& operator=(const OldestSegment&) = delete;

  // For when there is nothing else: the shortest way of a Get that the segment allows. Each counts,
  // and is timed now and then. Lives as long as this.
  const Getter<K>* getter() const noexcept { return &direct_; }
  Lookup Get(Key key) const noexcept {
    return direct_.get.load(std::memory_order_relaxed)(direct_, key);
  }
  // Many at once, in lockstep. Requires fast().
  void MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept;

  // True if the segment has a direct way (segment/direct.h) for when it is verified; and if it is,
  // once and for all.
  bool has_way() const noexcept { return way_.get != nullptr; }
  bool fast() const noexcept { return has_way() && segment_->all_verified(); }
  // The same for lookups that other sources may have a newer answer to: not counted, not timed.
  // Require fast().
  Lookup Peek(Key key) const noexcept { return way_.get(peek_, key); }
  void MultiPeek(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept {
    way_.multi_get(peek_, keys.data(), lookups.data(), keys.size());
  }

 private:
  using Function = typename Getter<K>::Function;

  static const OldestSegment& OwnerOf(const Getter<K>& getter) noexcept {
    return *static_cast<const OldestSegment*>(static_cast<const segment::Direct<K>&>(getter).owner);
  }
  [[gnu::cold]] Function Choose() noexcept;
  // From the most general way to the shortest, which is segment/direct.cc's.
  static Lookup GetAny(const Getter<K>& getter, Key key) noexcept;
  static Lookup GetByModel(const Getter<K>& getter, Key key) noexcept;
  // Of a segment that will have a direct way once all of it is verified: the first Get that finds
  // it so leads the others there.
  static Lookup GetUnverified(const Getter<K>& getter, Key key) noexcept;
  // Where the direct way leads a lookup whose count is due.
  [[gnu::cold]] static Lookup GetCounted(const Getter<K>& getter, Key key) noexcept;
  // What a sampled lookup takes instead, whichever of the above it began with.
  [[gnu::cold, gnu::noinline]] Lookup GetTimed(Key key) const noexcept;

  const segment::Segment<K>* const segment_;
  LookupMeter* const lookups_;
  segment::DirectWay<K> way_;  // of the segment, if it has one
  segment::Direct<K> direct_;  // constant, but for `get`
  segment::Direct<K> peek_;    // the same, counting where nobody looks
};

extern template class OldestSegment<U64>;
extern template class OldestSegment<Bytes>;

}  // namespace kyro::read

#endif  // KYRO_READ_OLDEST_SEGMENT_H_
