// SPDX-License-Identifier: Apache-2.0
#include "read/merging_cursor.h"

#include "base/planted.h"

#include <utility>

namespace kyro::read {

// ---------------------------------------------------------------------------------- RunCursor

template <class K>
void RunCursor<K>::Open(std::size_t segment) noexcept {
  segment_ = segment;
  if (segment < run_->segments.size()) {
    cursor_.emplace(run_->segments[segment].get());
  } else {
    cursor_.reset();
  }
}

template <class K>
void RunCursor<K>::SeekToFirst() noexcept {
  Open(0);
  if (cursor_) cursor_->SeekToFirst();
}

template <class K>
void RunCursor<K>::SeekToLast() noexcept {
  Open(run_->segments.size() - 1);
  if (cursor_) cursor_->SeekToLast();
}

template <class K>
void RunCursor<K>::Seek(Key key) noexcept {
  Open(run_->Seek(key));
  if (cursor_) cursor_->Seek(key);
}

template <class K>
void RunCursor<K>::SeekForPrev(Key key) noexcept {
  // The last segment whose first key is <= `key`.
  std::size_t i = run_->Seek(key);
  if (i == run_->segments.size()) return SeekToLast();
  if (KeyTraits<K>::Less(key, Key(run_->first_keys[i]))) {
    if (i == 0) return cursor_.reset();
    --i;
  }
  Open(i);
  cursor_->SeekForPrev(key);
}

template <class K>
void RunCursor<K>::Skip(std::uint64_t rows) noexcept {
  cursor_->MoveTo(cursor_->position() + rows);
  if (KYRO_PLANTED(kIteratorStopsAtSegment)) return;
  if (cursor_->Valid() || !cursor_->status().ok()) return;
  Open(segment_ + 1);
  if (cursor_) cursor_->SeekToFirst();
}

template <class K>
void RunCursor<K>::Prev() noexcept {
  cursor_->Prev();
  if (cursor_->Valid() || !cursor_->status().ok()) return;
  if (segment_ == 0) return cursor_.reset();
  Open(segment_ - 1);
  cursor_->SeekToLast();
}

// ---------------------------------------------------------------------------------- merge

namespace {

template <class Source>
bool IsValid(const Source& source) noexcept {
  return std::visit([](const auto& cursor) { return cursor.Valid(); }, source);
}
template <class K>
typename K::Key KeyOf(const SourceCursor<K>& source) noexcept {
  return std::visit([](const auto& cursor) { return cursor.key(); }, source);
}
template <class Source>
void Advance(Source& source, bool forward) noexcept {
  std::visit([forward](auto& cursor) { forward ? cursor.Next() : cursor.Prev(); }, source);
}
template <class K>
bool IsTombstone(const SourceCursor<K>& source) noexcept {
  return std::visit([](const auto& cursor) { return cursor.tombstone(); }, source);
}

template <class K>
bool HasFailed(const SourceCursor<K>& source) noexcept {
  const auto* run = std::get_if<RunCursor<K>>(&source);
  return run != nullptr && !run->Valid() && !run->status().ok();
}

}  // namespace

template <class K>
MergingCursor<K>::MergingCursor(std::shared_ptr<const ViewState<K>> view)
    : view_(std::move(view)), show_tombstones_(false) {
  const Sources<K>& sources = view_->sources();
  sources_.reserve(sources.delta_count + (sources.runs ? sources.runs->runs.size() : 0));
  for (std::size_t i = 0; i < sources.delta_count; ++i) {
    AddSource(typename delta::Delta<K>::Cursor(sources.deltas[i], view_->sequence()));
  }
  if (sources.runs == nullptr) return;
  for (const Run<K>& run : sources.runs->runs) AddSource(RunCursor<K>(&run));
  if (KYRO_PLANTED(kIteratorMissesSource) && sources_.size() > 1) sources_.pop_back();
}

template <class K>
MergingCursor<K>::MergingCursor(std::span<const Run<K>> runs) : show_tombstones_(true) {
  sources_.reserve(runs.size());
  for (const Run<K>& run : runs) AddSource(RunCursor<K>(&run));
}

template <class K>
void MergingCursor<K>::AddSource(SourceCursor<K> source) {
  sources_.push_back(std::move(source));
}

template <class K>
MergingCursor<K>::~MergingCursor() {
  if (view_ != nullptr && !status_.ok() && !status_read_) {
    view_->shared()->unread_errors.fetch_add(1, std::memory_order_relaxed);
  }
}

template <class K>
void MergingCursor<K>::Clear() noexcept {
  current_ = kNone;
  status_ = Status();
  status_read_ = false;
}

template <class K>
void MergingCursor<K>::SeekToFirst() noexcept {
  Clear();
  forward_ = true;
  for (auto& source : sources_) std::visit([](auto& cursor) { cursor.SeekToFirst(); }, source);
  FindForward();
}

template <class K>
void MergingCursor<K>::SeekToLast() noexcept {
  Clear();
  forward_ = false;
  for (auto& source : sources_) std::visit([](auto& cursor) { cursor.SeekToLast(); }, source);
  FindBackward();
}

template <class K>
void MergingCursor<K>::Seek(Key key) noexcept {
  Clear();
  forward_ = true;
  for (auto& source : sources_) std::visit([key](auto& cursor) { cursor.Seek(key); }, source);
  FindForward();
}

template <class K>
void MergingCursor<K>::SeekForPrev(Key key) noexcept {
  Clear();
  forward_ = false;
  for (auto& source : sources_) {
    std::visit([key](auto& cursor) { cursor.SeekForPrev(key); }, source);
  }
  FindBackward();
}

template <class K>
Stretch MergingCursor<K>::stretch() noexcept {
  Stretch stretch;
  segment::Chunk& chunk = stretch.chunk;
  const auto* run = std::get_if<RunCursor<K>>(&sources_[current_]);
  if (run == nullptr) {
    // A delta's rows are not side by side: it stands alone.
    chunk.end = 1;
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      chunk.keys = &key_;
    } else {
      key_offsets_[1] = static_cast<std::uint32_t>(key_.size());
      chunk.key_offsets = key_offsets_;
      chunk.key_heap = key_.data();
    }
    chunk.values = value_.data();
    chunk.value_stride = value_.size();
    stretch.cut = true;
    return stretch;
  }
  chunk = run->chunk();
  const std::uint64_t whole = chunk.end;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (i == current_ || KYRO_PLANTED(kStretchPassesSource)) continue;
    // Their keys are above the current one (M1): at least one row is left. One that stopped at an
    // error, a step behind the current key, may hide any of them (G7).
    if (IsValid(sources_[i])) {
      chunk.end = EndBelow<K>(chunk, chunk.begin + 1, chunk.end, KeyOf<K>(sources_[i]));
    } else if (HasFailed<K>(sources_[i])) {
      chunk.end = chunk.begin + 1;
    }
  }
  if (!KYRO_PLANTED(kStretchHasTombstone)) {
    chunk.end = chunk.NextTombstone(chunk.begin, chunk.end);
  }
  stretch.cut = chunk.end < whole;
  return stretch;
}

template <class K>
void MergingCursor<K>::Skip(std::uint64_t rows) noexcept {
  if (auto* run = std::get_if<RunCursor<K>>(&sources_[current_]); run != nullptr) {
    run->Skip(rows);
  } else {
    Advance(sources_[current_], true);
  }
  current_ = kNone;
  FindForward();
}

template <class K>
void MergingCursor<K>::Next() noexcept {
  if (!forward_) {
    // M1 from the other side: every source to its first key > the current one.
    const Key key = key_;
    forward_ = true;
    for (auto& source : sources_) {
      std::visit([key](auto& cursor) { cursor.Seek(key); }, source);
      if (IsValid(source) && KeyTraits<K>::Equal(KeyOf<K>(source), key)) Advance(source, true);
    }
  } else {
    Advance(sources_[current_], true);
  }
  current_ = kNone;
  FindForward();
}

template <class K>
void MergingCursor<K>::Prev() noexcept {
  if (forward_) {
    const Key key = key_;
    forward_ = false;
    for (auto& source : sources_) {
      std::visit([key](auto& cursor) { cursor.SeekForPrev(key); }, source);
      if (KYRO_PLANTED(kTurnRepeatsKey)) continue;
      if (IsValid(source) && KeyTraits<K>::Equal(KeyOf<K>(source), key)) Advance(source, false);
    }
  } else {
    Advance(sources_[current_], false);
  }
  current_ = kNone;
  FindBackward();
}

template <class K>
bool MergingCursor<K>::CheckSources() noexcept {
  for (const auto& source : sources_) {
    const auto* run = std::get_if<RunCursor<K>>(&source);
    if (run == nullptr || run->Valid()) continue;
    Status status = run->status();
    if (status.ok()) continue;
    status_ = std::move(status);
    status_read_ = false;
    return false;
  }
  return true;
}

template <class K>
std::size_t MergingCursor<K>::Smallest() noexcept {
  // A source that stopped at an error may hide a smaller key: no answer then (G7).
  if (!CheckSources()) return kNone;
  std::size_t best = kNone;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!IsValid(sources_[i])) continue;
    if (best == kNone || KeyTraits<K>::Less(KeyOf<K>(sources_[i]), KeyOf<K>(sources_[best]))) {
      best = i;
    } else if (KYRO_PLANTED(kScanPrefersOlder)) {
      if (KeyTraits<K>::Equal(KeyOf<K>(sources_[i]), KeyOf<K>(sources_[best]))) best = i;
    }
  }
  return best;
}

template <class K>
std::size_t MergingCursor<K>::Largest() noexcept {
  if (!CheckSources()) return kNone;
  std::size_t best = kNone;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (!IsValid(sources_[i])) continue;
    if (best == kNone || KeyTraits<K>::Less(KeyOf<K>(sources_[best]), KeyOf<K>(sources_[i]))) {
      best = i;
    }
  }
  return best;
}

template <class K>
void MergingCursor<K>::Settle(std::size_t source) noexcept {
  current_ = source;
  key_ = KeyOf<K>(sources_[source]);
  value_ = std::visit([](const auto& cursor) { return cursor.value(); }, sources_[source]);
}

template <class K>
void MergingCursor<K>::FindForward() noexcept {
  for (;;) {
    const std::size_t best = Smallest();
    if (best == kNone) return;
    tombstone_ = IsTombstone<K>(sources_[best]);
    // Older versions of the key are hidden (M2); a newer source would have won.
    const Key key = KeyOf<K>(sources_[best]);
    for (std::size_t i = best + 1; i < sources_.size(); ++i) {
      if (IsValid(sources_[i]) && KeyTraits<K>::Equal(KeyOf<K>(sources_[i]), key)) {
        if (KYRO_PLANTED(kTombstoneHidesNewer)) tombstone_ |= IsTombstone<K>(sources_[i]);
        Advance(sources_[i], true);
      }
    }
    if (!tombstone_ || show_tombstones_) return Settle(best);
    Advance(sources_[best], true);
  }
}

template <class K>
void MergingCursor<K>::FindBackward() noexcept {
  for (;;) {
    const std::size_t best = Largest();
    if (best == kNone) return;
    const Key key = KeyOf<K>(sources_[best]);
    for (std::size_t i = best + 1; i < sources_.size(); ++i) {
      if (IsValid(sources_[i]) && KeyTraits<K>::Equal(KeyOf<K>(sources_[i]), key)) {
        Advance(sources_[i], false);
      }
    }
    tombstone_ = IsTombstone<K>(sources_[best]);
    if (!tombstone_ || show_tombstones_) return Settle(best);
    Advance(sources_[best], false);
  }
}

template class RunCursor<U64>;
template class RunCursor<Bytes>;
template class MergingCursor<U64>;
template class MergingCursor<Bytes>;

}  // namespace kyro::read
