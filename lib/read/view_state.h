// SPDX-License-Identifier: Apache-2.0
//
// What a View points at: a pinned state, a sequence, and the sources of one keyspace picked out of
// it. The invariants that make a view one fixed point (docs/architecture.md):
//
//   V1  Every segment in its list has max sequence <= the view's.
//   V2  Every version <= the view's sequence is in its generations or segments, or hidden there by
//       a newer one <= it.
//   V3  Sources that can hold the same key are totally ordered by sequence and searched newest
//       first.
#ifndef KYRO_READ_VIEW_STATE_H_
#define KYRO_READ_VIEW_STATE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "delta/delta.h"
#include "kyro/lookup.h"
#include "read/read_state.h"

namespace kyro::read {

// The sources of one keyspace in one state, newest first (V3). Does not pin.
template <class K>
struct Sources {
  std::array<const delta::Delta<K>*, kGenerationsMax> deltas{};
  std::size_t delta_count = 0;
  const Runs<K>* runs = nullptr;            // null: none
  const OldestSegment<K>* alone = nullptr;  // all there is to read; null: more, or nothing
  bool known = false;  // the keyspace is in this state; if not, it was dropped or made later

  Sources() = default;
  Sources(const ReadState& state, std::uint32_t keyspace) noexcept;

  std::size_t count() const noexcept {
    return delta_count + (runs == nullptr ? 0 : runs->runs.size());
  }
  // The newest version at or before `sequence`. O(log n) per source.
  Lookup Get(typename K::Key key, Sequence sequence, Tally* predictions) const noexcept;
  // The oldest run's segment, if a lookup may ask it first and everything newer by filters alone.
  const OldestSegment<K>* fast_oldest() const noexcept {
    const OldestSegment<K>* const oldest = runs == nullptr ? nullptr : runs->oldest.get();
    return oldest != nullptr && oldest->fast() ? oldest : nullptr;
  }
  // False only if nothing newer than the oldest run has a version of a key of that hash. Requires
  // fast_oldest().
  bool NewerMayContain(std::uint64_t hash) const noexcept;
  // What Get says of a key that they may, where the oldest run said `oldest`.
  Lookup GetAbove(const Lookup& oldest, typename K::Key key, std::uint64_t hash, Sequence sequence,
                  Tally* predictions) const noexcept;

 private:
  // One source after the other, from the newest on, and no more than so many runs.
  Lookup Search(typename K::Key key, std::uint64_t hash, Sequence sequence, std::size_t run_count,
                Tally* predictions) const noexcept;
};

// The sequence to read at with `state` pinned before `visible` was loaded: later freezes and
// commits are cut off (V2). A bulk load's runs are published a moment before its sequence is
// visible: who sees them reads at that sequence (V1).
Sequence ClampToState(const ReadState& state, Sequence visible) noexcept;

template <class K>
class ViewState {
 public:
  using Key = typename K::Key;

  ViewState(StatePin pin, std::uint32_t keyspace, Sequence sequence) noexcept;
  ~ViewState();
  ViewState(const ViewState&) = delete;
  ViewState& operator=(const ViewState&) = delete;

  // How the view answers Get: the shortest path that serves its sources; all are equal to
  // Sources::Get. Lives as long as the view.
  const Getter<K>* getter() const noexcept {
    return sources_.alone != nullptr ? sources_.alone->getter() : &general_;
  }
  void MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept;

  const Sources<K>& sources() const noexcept { return sources_; }
  Sequence sequence() const noexcept { return entry_.sequence; }
  Shared* shared() const noexcept { return pin_->shared.get(); }

 private:
  struct General : Getter<K> {
    const ViewState* view = nullptr;
  };
  static const ViewState& ViewOf(const Getter<K>& getter) noexcept {
    return *static_cast<const General&>(getter).view;
  }
  static Lookup GetAny(const Getter<K>& getter, Key key) noexcept;
  // Of sources that have a fast_oldest() once it is verified: the first Get that finds it so leads
  // the others to the way without that test, and with one counter for lookup and prediction. Over
  // one run an independent get took 121 ns so, and 127 by GetAny.
  static Lookup GetUnverified(const Getter<K>& getter, Key key) noexcept;
  static Lookup GetOldestFirst(const Getter<K>& getter, Key key) noexcept;
  static Lookup GetNothing(const Getter<K>& getter, Key key) noexcept;
  void MultiGetOldestFirst(const OldestSegment<K>& oldest, std::span<const Key> keys,
                           std::span<Lookup> lookups) const noexcept;
  void MultiGetInOrder(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept;
  // What a sampled lookup takes instead of any of them.
  [[gnu::cold, gnu::noinline]] Lookup GetTimed(Key key) const noexcept;

  const StatePin pin_;
  const Sources<K> sources_;
  LookupMeter* const lookups_;
  General general_;
  ViewEntry entry_;
};

extern template struct Sources<U64>;
extern template struct Sources<Bytes>;
extern template class ViewState<U64>;
extern template class ViewState<Bytes>;

}  // namespace kyro::read

#endif  // KYRO_READ_VIEW_STATE_H_
