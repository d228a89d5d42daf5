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
  if (delta_count == 0 || KYRO_PLANTED(kShortWayPastDelta)) one = runs->one.get();
  if (runs->runs.empty()) runs = nullptr;
}

template <class K>
Lookup Sources<K>::Get(typename K::Key key, Sequence sequence, Tally* predictions) const noexcept {
  // Most keys are in the oldest run, and the filters of the newer sources take a while: the memory
  // that it will read is on its way meanwhile. With 1 MiB in the delta over three runs a lookup
  // took 165 ns so, and 247 without: so many instructions stand between two lookups' misses that no
  // processor begins the second before the first is over. Of one source there is nothing to gain.
  if (runs != nullptr && delta_count + runs->runs.size() > 1) {
    const segment::Segment<K>* const oldest = runs->runs.back().Find(key);
    if (oldest != nullptr) oldest->Prefetch(key);
  }
  const std::uint64_t hash = filter::HashKey(key);
  for (std::size_t i = 0; i < delta_count; ++i) {
    const delta::Version version = deltas[i]->Get(key, hash, sequence);
    if (version.found == delta::Found::kValue) return Lookup::Present(version.value);
    if (version.found == delta::Found::kTombstone) return Lookup::Tombstone();
  }
  if (runs == nullptr) return Lookup::Absent();
  for (const Run<K>& run : runs->runs) {
    const segment::Segment<K>* segment = run.Find(key);
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
    : pin_(std::move(pin)),
      sources_(*pin_, keyspace),
      one_(sources_.one),
      lookups_(&pin_->shared->lookups) {
  entry_.sequence = sequence;
  pin_->shared->views.Enter(&entry_);
  general_.view = this;
  const bool nothing = sources_.delta_count == 0 && sources_.runs == nullptr;
  general_.get.store(nothing ? &GetNothing : &GetAny, std::memory_order_relaxed);
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
  if (one_ != nullptr && one_->MultiGet(keys, lookups)) return;
  std::fill(lookups.begin(), lookups.end(), Lookup::Absent());
  if (keys.empty()) return;
  const bool timed = lookups_->Count(keys.size());
  const LookupMeter::Timer timer(timed ? lookups_ : nullptr, LookupMeter::Timer::Call::kMultiGet);
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
