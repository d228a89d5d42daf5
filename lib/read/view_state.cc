// SPDX-License-Identifier: Apache-2.0
#include "read/view_state.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "filter/split_block.h"

namespace kyro::read {

template <class K>
Sources<K>::Sources(const ReadState& state, std::uint32_t keyspace) noexcept
    : runs(state.runs->Find<K>(keyspace)), known(runs != nullptr) {
  if (!known) return;  // generations may still hold rows of a dropped one
  for (std::size_t i = 0; i < state.generation_count; ++i) {
    const delta::Delta<K>* delta = state.generations[i]->template Find<K>(keyspace);
    if (delta != nullptr && !delta->empty()) deltas[delta_count++] = delta;
  }
  if (KYRO_PLANTED(kDeltasOldestFirst)) std::reverse(deltas.data(), deltas.data() + delta_count);
  if (delta_count == 0 || KYRO_PLANTED(kShortWayPastDelta)) {
    alone = runs->runs.size() == 1 ? runs->oldest.get() : nullptr;
  }
  if (runs->runs.empty()) runs = nullptr;
}

template <class K>
bool Sources<K>::NewerMayContain(std::uint64_t hash) const noexcept {
  if (KYRO_PLANTED(kNewerForgotten) && hash % 16 == 0) return false;
  for (std::size_t i = 0; i < delta_count; ++i) {
    if (deltas[i]->MayContainHash(hash)) return true;
  }
  return !runs->newer_filters.empty() && filter::AnyMayContain(runs->newer_filters, hash);
}

// Most keys are in the oldest run, and the filters of the newer sources take a while: the oldest
// run is asked first, and waits for memory while they are looked at. What counts is how few
// instructions stand between two lookups' misses: a processor that has them both in sight waits for
// both at once.
template <class K>
Lookup Sources<K>::Get(typename K::Key key, Sequence sequence, Tally* predictions) const noexcept {
  const std::uint64_t hash = filter::HashKey(key);
  if (const OldestSegment<K>* oldest = fast_oldest(); oldest != nullptr) {
    predictions->Add(1);
    const Lookup found = oldest->Peek(key);
    return NewerMayContain(hash) ? GetAbove(found, key, hash, sequence, predictions) : found;
  }
  const std::size_t run_count = runs == nullptr ? 0 : runs->runs.size();
  // Of one source there is nothing to gain.
  if (run_count != 0 && delta_count + run_count > 1) {
    const segment::Segment<K>* const oldest = runs->runs.back().Find(key);
    if (oldest != nullptr) oldest->Prefetch(key);
  }
  return Search(key, hash, sequence, run_count, predictions);
}

template <class K>
Lookup Sources<K>::GetAbove(const Lookup& oldest, typename K::Key key, std::uint64_t hash,
                            Sequence sequence, Tally* predictions) const noexcept {
  const Lookup newer = Search(key, hash, sequence, runs->runs.size() - 1, predictions);
  return newer.undecided() ? oldest : newer;
}

template <class K>
Lookup Sources<K>::Search(typename K::Key key, std::uint64_t hash, Sequence sequence,
                          std::size_t run_count, Tally* predictions) const noexcept {
  for (std::size_t i = 0; i < delta_count; ++i) {
    const delta::Version version = deltas[i]->Get(key, hash, sequence);
    if (version.found == delta::Found::kValue) return Lookup::Present(version.value);
    if (version.found == delta::Found::kTombstone) return Lookup::Tombstone();
  }
  for (std::size_t i = 0; i < run_count; ++i) {
    const segment::Segment<K>* segment = runs->runs[i].Find(key);
    if (segment == nullptr) continue;
    predictions->Add(segment->has_model());
    const Lookup found = segment->Get(key, hash);
    if (!found.undecided()) return found;
  }
  return Lookup::Absent();
}

Sequence ClampToState(const ReadState& state, Sequence visible) noexcept {
  const Sequence end = state.generations[0]->last_sequence();
  if (KYRO_PLANTED(kViewBelowItsRuns)) return std::min(visible, end);
  return std::max(std::min(visible, end), state.runs->floor_sequence);
}

template <class K>
ViewState<K>::ViewState(StatePin pin, std::uint32_t keyspace, Sequence sequence) noexcept
    : pin_(std::move(pin)), sources_(*pin_, keyspace), lookups_(&pin_->shared->lookups) {
  entry_.sequence = sequence;
  pin_->shared->views.Enter(&entry_);
  general_.view = this;
  const bool nothing = sources_.delta_count == 0 && sources_.runs == nullptr;
  const bool oldest_first = sources_.runs != nullptr && sources_.runs->oldest != nullptr &&
                            sources_.runs->oldest->has_way();
  general_.get.store(nothing        ? &GetNothing
                     : oldest_first ? &GetUnverified
                                    : &GetAny,
                     std::memory_order_relaxed);
}

template <class K>
ViewState<K>::~ViewState() {
  pin_->shared->views.Leave(&entry_);
}

template <class K>
Lookup ViewState<K>::GetAny(const Getter<K>& getter, Key key) noexcept {
  const ViewState& view = ViewOf(getter);
  if (view.lookups_->Count(1)) [[unlikely]]
    return view.GetTimed(key);
  return view.sources_.Get(key, view.sequence(), &view.shared()->predictions);
}

template <class K>
Lookup ViewState<K>::GetUnverified(const Getter<K>& getter, Key key) noexcept {
  if (ViewOf(getter).sources_.fast_oldest() == nullptr) return GetAny(getter, key);
  getter.get.store(&GetOldestFirst, std::memory_order_relaxed);
  return GetOldestFirst(getter, key);
}

// As Sources::Get does it, written out: as a function of both, it read the sequence and the counter
// before they were needed. The lookup counts as the prediction that it begins with.
template <class K>
Lookup ViewState<K>::GetOldestFirst(const Getter<K>& getter, Key key) noexcept {
  const ViewState& view = ViewOf(getter);
  if (view.lookups_->CountByModel()) [[unlikely]]
    return view.GetTimed(key);
  const Sources<K>& sources = view.sources_;
  const Lookup found = sources.runs->oldest->Peek(key);
  const std::uint64_t hash = filter::HashKey(key);
  if (!sources.NewerMayContain(hash)) [[likely]]
    return found;
  return sources.GetAbove(found, key, hash, view.sequence(), &view.shared()->predictions);
}

template <class K>
Lookup ViewState<K>::GetNothing(const Getter<K>& getter, Key key) noexcept {
  const ViewState& view = ViewOf(getter);
  if (view.lookups_->Count(1)) [[unlikely]]
    return view.GetTimed(key);
  return Lookup::Absent();
}

template <class K>
Lookup ViewState<K>::GetTimed(Key key) const noexcept {
  const LookupMeter::Timer timer(lookups_, LookupMeter::Timer::Call::kGet);
  return sources_.Get(key, sequence(), &shared()->predictions);
}

template <class K>
void ViewState<K>::MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const noexcept {
  if (sources_.alone != nullptr && sources_.alone->fast()) {
    return sources_.alone->MultiGet(keys, lookups);
  }
  if (keys.empty()) return;
  const bool timed = lookups_->Count(keys.size());
  const LookupMeter::Timer timer(timed ? lookups_ : nullptr, LookupMeter::Timer::Call::kMultiGet);
  if (const OldestSegment<K>* oldest = sources_.fast_oldest(); oldest != nullptr) {
    MultiGetOldestFirst(*oldest, keys, lookups);
  } else {
    MultiGetInOrder(keys, lookups);
  }
}

template <class K>
void ViewState<K>::MultiGetOldestFirst(const OldestSegment<K>& oldest, std::span<const Key> keys,
                                       std::span<Lookup> lookups) const noexcept {
  shared()->predictions.Add(keys.size());
  oldest.MultiPeek(keys, lookups);
  const Sequence at = KYRO_PLANTED(kMultiGetSeesNewer) ? kSequenceMax : sequence();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t hash = filter::HashKey(keys[i]);
    if (!sources_.NewerMayContain(hash)) continue;
    lookups[i] = sources_.GetAbove(lookups[i], keys[i], hash, at, &shared()->predictions);
  }
}

// One source after the other, from the newest on, for all keys that none had.
template <class K>
void ViewState<K>::MultiGetInOrder(std::span<const Key> keys,
                                   std::span<Lookup> lookups) const noexcept {
  std::fill(lookups.begin(), lookups.end(), Lookup::Absent());
  for (std::size_t d = 0; d < sources_.delta_count; ++d) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!lookups[i].undecided()) continue;
      const Sequence at = KYRO_PLANTED(kMultiGetSeesNewer) ? kSequenceMax : sequence();
      const delta::Version version = sources_.deltas[d]->Get(keys[i], at);
      if (version.found == delta::Found::kValue) lookups[i] = Lookup::Present(version.value);
      if (version.found == delta::Found::kTombstone) lookups[i] = Lookup::Tombstone();
    }
  }
  if (sources_.runs == nullptr) return;
  for (const Run<K>& run : sources_.runs->runs) {
    // A segment looks up what is still undecided and in its key range.
    for (const auto& segment : run.segments) {
      const auto undecided = static_cast<std::uint64_t>(std::count_if(
          lookups.begin(), lookups.end(), [](const Lookup& l) { return l.undecided(); }));
      if (undecided == 0) return;
      if (segment->has_model()) shared()->predictions.Add(undecided);
      segment->MultiGet(keys, lookups);
    }
  }
}

template struct Sources<U64>;
template struct Sources<Bytes>;
template class ViewState<U64>;
template class ViewState<Bytes>;

}  // namespace kyro::read
