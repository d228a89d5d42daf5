// SPDX-License-Identifier: Apache-2.0
//
// Lookups in a keyspace that one segment serves: one run of one segment, and nothing above it in a
// delta. The usual state of a store that is mostly read, so the way is found once, when the runs
// are published, and not at each lookup: a Get without a view took 235 ns when it was.
#ifndef KYRO_READ_ONE_SEGMENT_H_
#define KYRO_READ_ONE_SEGMENT_H_

#include <span>

#include "kyro/lookup.h"
#include "read/lookup_meter.h"
#include "segment/segment.h"

namespace kyro::read {

// Any thread. What it is made of outlives it.
template <class K>
class OneSegment {
 public:
  using Key = typename K::Key;

  OneSegment(const segment::Segment<K>* segment, LookupMeter* lookups) noexcept;
  OneSegment(const OneSegment&) = delete;
  OneSegment& operator=(const OneSegment&) = delete;

  // The shortest way of a Get that the segment allows; each counts, and is timed now and then.
  // Lives as long as this.
  const Getter<K>* getter() const noexcept { return &direct_; }
  Lookup Get(Key key) const noexcept {
    return direct_.get.load(std::memory_order_relaxed)(direct_, key);
  }
  // Many at once, in lockstep; false, and nothing done, if the segment has no such way (yet).
  bool MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept;

 private:
  using Function = typename Getter<K>::Function;

  static const OneSegment& OwnerOf(const Getter<K>& getter) noexcept {
    return *static_cast<const OneSegment*>(static_cast<const segment::Direct<K>&>(getter).owner);
  }
  Function Choose() noexcept;
  // From the most general way to the shortest, which is segment/direct.cc's.
  static Lookup GetAny(const Getter<K>& getter, Key key) noexcept;
  static Lookup GetByModel(const Getter<K>& getter, Key key) noexcept;
  // Of a segment that will have a direct way once all of it is verified: the first Get that finds
  // it so leads the others there.
  static Lookup GetUnverified(const Getter<K>& getter, Key key) noexcept;
  // Where the direct way leads a lookup whose count is due.
  [[gnu::cold]] static Lookup GetCounted(const Getter<K>& getter, Key key) noexcept;
  // What a sampled lookup takes instead, whichever of the above it began with.
  [[gnu::noinline]] Lookup GetTimed(Key key) const noexcept;

  const segment::Segment<K>* const segment_;
  LookupMeter* const lookups_;
  segment::DirectWay<K> way_;  // of the segment, if it has one
  segment::Direct<K> direct_;  // constant, but for `get`
};

extern template class OneSegment<U64>;
extern template class OneSegment<Bytes>;

}  // namespace kyro::read

#endif  // KYRO_READ_ONE_SEGMENT_H_
