// SPDX-License-Identifier: Apache-2.0
#include "read/merging_cursor.h"

#include "base/planted.h"

#include <type_traits>
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
  if (!cursor_->Valid()) LeaveSegment();
}

template <class K>
void RunCursor<K>::LeaveSegment() noexcept {
  if (KYRO_PLANTED(kIteratorStopsAtSegment) || !cursor_->status().ok()) return;
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

// ---------------------------------------------------------------------------------- SourceCursor

// Moves the cursor, whichever it is, and keeps what a merge asks.
template <class K>
template <class Move>
void SourceCursor<K>::Do(Move move) noexcept {
  const auto keep = [this](auto& cursor) {
    valid_ = cursor.Valid();
    if (!valid_) return;
    key_ = cursor.key();
    tombstone_ = cursor.tombstone();
  };
  if (auto* run = std::get_if<RunCursor<K>>(&cursor_); run != nullptr) {
    move(*run);
    keep(*run);
    failed_ = !valid_ && !run->status().ok();
  } else {
    auto& delta = *std::get_if<DeltaCursor>(&cursor_);
    move(delta);
    keep(delta);
  }
}

template <class K>
void SourceCursor<K>::SeekToFirst() noexcept {
  Do([](auto& cursor) { cursor.SeekToFirst(); });
}
template <class K>
void SourceCursor<K>::SeekToLast() noexcept {
  Do([](auto& cursor) { cursor.SeekToLast(); });
}
template <class K>
void SourceCursor<K>::Seek(Key key) noexcept {
  Do([key](auto& cursor) { cursor.Seek(key); });
}
template <class K>
void SourceCursor<K>::SeekForPrev(Key key) noexcept {
  Do([key](auto& cursor) { cursor.SeekForPrev(key); });
}
template <class K>
void SourceCursor<K>::Next() noexcept {
  Do([](auto& cursor) { cursor.Next(); });
}
template <class K>
void SourceCursor<K>::Prev() noexcept {
  Do([](auto& cursor) { cursor.Prev(); });
}
template <class K>
void SourceCursor<K>::Skip(std::uint64_t rows) noexcept {
  Do([rows](auto& cursor) {
    if constexpr (std::is_same_v<decltype(cursor), RunCursor<K>&>) {
      cursor.Skip(rows);
    } else {
      cursor.Next();
    }
  });
}

template <class K>
std::string_view SourceCursor<K>::value() const noexcept {
  if (const auto* cursor = run(); cursor != nullptr) return cursor->value();
  return std::get_if<DeltaCursor>(&cursor_)->value();
}

template <class K>
Status SourceCursor<K>::status() const noexcept {
  return run() != nullptr ? run()->status() : Status();
}

// ---------------------------------------------------------------------------------- merge

template <class K>
MergingCursor<K>::MergingCursor(std::shared_ptr<const ViewState<K>> view)
    : view_(std::move(view)),
      show_tombstones_(false),
      made_(new SourceCursor<K>[view_->sources().count()]),
      sources_(made_.get(), view_->sources().count()) {
  const Sources<K>& sources = view_->sources();
  for (std::size_t i = 0; i < sources.delta_count; ++i) {
    sources_[i].Open({sources.deltas[i], view_->sequence()});
  }
  for (std::size_t i = sources.delta_count; i < sources_.size(); ++i) {
    sources_[i].Open(&sources.runs->runs[i - sources.delta_count]);
  }
  if (KYRO_PLANTED(kIteratorMissesSource) && sources_.size() > 1) {
    sources_ = sources_.first(sources_.size() - 1);
  }
}

template <class K>
MergingCursor<K>::MergingCursor(std::span<const Run<K>> runs)
    : show_tombstones_(true),
      made_(new SourceCursor<K>[runs.size()]),
      sources_(made_.get(), runs.size()) {
  for (std::size_t i = 0; i < runs.size(); ++i) sources_[i].Open(&runs[i]);
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
  for (auto& source : sources_) source.SeekToFirst();
  FindForward();
}

template <class K>
void MergingCursor<K>::SeekToLast() noexcept {
  Clear();
  forward_ = false;
  for (auto& source : sources_) source.SeekToLast();
  FindBackward();
}

template <class K>
void MergingCursor<K>::Seek(Key key) noexcept {
  Clear();
  forward_ = true;
  for (auto& source : sources_) source.Seek(key);
  FindForward();
}

template <class K>
void MergingCursor<K>::SeekForPrev(Key key) noexcept {
  Clear();
  forward_ = false;
  for (auto& source : sources_) source.SeekForPrev(key);
  FindBackward();
}

template <class K>
Stretch MergingCursor<K>::stretch() noexcept {
  Stretch stretch;
  segment::Chunk& chunk = stretch.chunk;
  const RunCursor<K>* const run = sources_[current_].run();
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
    if (sources_[i].Valid()) {
      chunk.end = EndBelow<K>(chunk, chunk.begin + 1, chunk.end, sources_[i].key());
    } else if (sources_[i].failed()) {
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
  sources_[current_].Skip(rows);
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
      source.Seek(key);
      if (source.Valid() && KeyTraits<K>::Equal(source.key(), key)) source.Next();
    }
  } else {
    sources_[current_].Next();
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
      source.SeekForPrev(key);
      if (KYRO_PLANTED(kTurnRepeatsKey)) continue;
      if (source.Valid() && KeyTraits<K>::Equal(source.key(), key)) source.Prev();
    }
  } else {
    sources_[current_].Prev();
  }
  current_ = kNone;
  FindBackward();
}

template <class K>
std::size_t MergingCursor<K>::Fail(const SourceCursor<K>& source) noexcept {
  status_ = source.status();
  status_read_ = false;
  return kNone;
}

template <class K>
std::size_t MergingCursor<K>::Smallest() noexcept {
  std::size_t best = kNone;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const SourceCursor<K>& source = sources_[i];
    if (!source.Valid()) {
      // One that stopped at an error may hide a smaller key: no answer then (G7).
      if (source.failed()) return Fail(source);
    } else if (best == kNone || KeyTraits<K>::Less(source.key(), sources_[best].key())) {
      best = i;
    } else if (KYRO_PLANTED(kScanPrefersOlder)) {
      if (KeyTraits<K>::Equal(source.key(), sources_[best].key())) best = i;
    }
  }
  return best;
}

template <class K>
std::size_t MergingCursor<K>::Largest() noexcept {
  std::size_t best = kNone;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    const SourceCursor<K>& source = sources_[i];
    if (!source.Valid()) {
      if (source.failed()) return Fail(source);
    } else if (best == kNone || KeyTraits<K>::Less(sources_[best].key(), source.key())) {
      best = i;
    }
  }
  return best;
}

template <class K>
inline void MergingCursor<K>::Settle(std::size_t source) noexcept {
  current_ = source;
  key_ = sources_[source].key();
  value_ = sources_[source].value();
}

template <class K>
void MergingCursor<K>::FindForward() noexcept {
  for (;;) {
    const std::size_t best = Smallest();
    if (best == kNone) return;
    tombstone_ = sources_[best].tombstone();
    // Older versions of the key are hidden (M2); a newer source would have won.
    const Key key = sources_[best].key();
    for (std::size_t i = best + 1; i < sources_.size(); ++i) {
      SourceCursor<K>& older = sources_[i];
      if (older.Valid() && KeyTraits<K>::Equal(older.key(), key)) {
        if (KYRO_PLANTED(kTombstoneHidesNewer)) tombstone_ |= older.tombstone();
        older.Next();
      }
    }
    if (!tombstone_ || show_tombstones_) return Settle(best);
    sources_[best].Next();
  }
}

template <class K>
void MergingCursor<K>::FindBackward() noexcept {
  for (;;) {
    const std::size_t best = Largest();
    if (best == kNone) return;
    const Key key = sources_[best].key();
    for (std::size_t i = best + 1; i < sources_.size(); ++i) {
      SourceCursor<K>& older = sources_[i];
      if (older.Valid() && KeyTraits<K>::Equal(older.key(), key)) older.Prev();
    }
    tombstone_ = sources_[best].tombstone();
    if (!tombstone_ || show_tombstones_) return Settle(best);
    sources_[best].Prev();
  }
}

template class RunCursor<U64>;
template class RunCursor<Bytes>;
template class SourceCursor<U64>;
template class SourceCursor<Bytes>;
template class MergingCursor<U64>;
template class MergingCursor<Bytes>;

}  // namespace kyro::read
