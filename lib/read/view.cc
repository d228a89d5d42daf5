// SPDX-License-Identifier: Apache-2.0
//
// The public readers, over the read room's states and cursors.
#include "kyro/view.h"

#include <new>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "read/merging_cursor.h"
#include "read/view_state.h"

namespace kyro {

// ---------------------------------------------------------------------------------- Iterator

namespace {
// What a reader says whose cursor could not be allocated.
Status NoCursor() noexcept {
  return Status(StatusCode::kResourceExhausted, "no memory for a cursor");
}
}  // namespace

template <class K>
Iterator<K>::Iterator(std::unique_ptr<read::MergingCursor<K>> cursor) noexcept
    : cursor_(std::move(cursor)) {}
template <class K>
Iterator<K>::Iterator(Iterator&&) noexcept = default;
template <class K>
Iterator<K>& Iterator<K>::operator=(Iterator&&) noexcept = default;
template <class K>
Iterator<K>::~Iterator() = default;

template <class K>
bool Iterator<K>::Valid() const noexcept {
  return cursor_ != nullptr && cursor_->Valid();
}
template <class K>
void Iterator<K>::Seek(Key key) {
  if (cursor_ != nullptr) cursor_->Seek(key);
}
template <class K>
void Iterator<K>::SeekForPrev(Key key) {
  if (cursor_ != nullptr) cursor_->SeekForPrev(key);
}
template <class K>
void Iterator<K>::SeekToFirst() {
  if (cursor_ != nullptr) cursor_->SeekToFirst();
}
template <class K>
void Iterator<K>::SeekToLast() {
  if (cursor_ != nullptr) cursor_->SeekToLast();
}
template <class K>
void Iterator<K>::Next() {
  if (Valid()) cursor_->Next();
}
template <class K>
void Iterator<K>::Prev() {
  if (Valid()) cursor_->Prev();
}
template <class K>
typename K::Key Iterator<K>::key() const noexcept {
  return Valid() ? cursor_->key() : Key{};
}
template <class K>
std::string_view Iterator<K>::value() const noexcept {
  return Valid() ? cursor_->value() : std::string_view();
}
template <class K>
Status Iterator<K>::status() const noexcept {
  return cursor_ != nullptr ? cursor_->status() : NoCursor();
}

// ---------------------------------------------------------------------------------- Scan

template <class K>
Scan<K>::Scan(std::unique_ptr<read::MergingCursor<K>> cursor, Range<K> range)
    : cursor_(std::move(cursor)) {
  if (cursor_ == nullptr) return;
  if (range.hi) hi_ = std::make_shared<const typename KeyTraits<K>::Owned>(*range.hi);
  if (range.lo) {
    cursor_->Seek(*range.lo);
  } else {
    cursor_->SeekToFirst();
  }
  Load();
}
template <class K>
Scan<K>::Scan(Scan&& other) noexcept
    : cursor_(std::move(other.cursor_)),
      hi_(std::move(other.hi_)),
      row_(other.row_),
      done_(std::exchange(other.done_, true)) {}
template <class K>
Scan<K>& Scan<K>::operator=(Scan&& other) noexcept {
  cursor_ = std::move(other.cursor_);
  hi_ = std::move(other.hi_);
  row_ = other.row_;
  done_ = std::exchange(other.done_, true);
  return *this;
}
template <class K>
Scan<K>::~Scan() = default;

template <class K>
Status Scan<K>::status() const noexcept {
  return cursor_ != nullptr ? cursor_->status() : NoCursor();
}

template <class K>
void Scan<K>::Advance() {
  if (done_) return;
  cursor_->Next();
  Load();
}

template <class K>
void Scan<K>::Load() {
  using Owned = typename KeyTraits<K>::Owned;
  done_ = !cursor_->Valid() ||
          (hi_ != nullptr &&
           !KeyTraits<K>::Less(cursor_->key(), Key(*static_cast<const Owned*>(hi_.get()))));
  if (KYRO_PLANTED(kScanIncludesEnd) && done_ && cursor_->Valid()) {
    done_ = !KeyTraits<K>::Equal(cursor_->key(), Key(*static_cast<const Owned*>(hi_.get())));
  }
  if (!done_) row_ = {cursor_->key(), cursor_->value()};
}

// ---------------------------------------------------------------------------------- View

template <class K>
View<K>::View(std::shared_ptr<const read::ViewState<K>> state) noexcept
    : getter_(state->getter()), state_(std::move(state)) {}

template <class K>
Status View<K>::MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const {
  if (keys.size() != lookups.size()) {
    return Guarded([&] {
      return Error(StatusCode::kInvalidArgument, "MultiGet: {} keys but {} lookups", keys.size(),
                   lookups.size());
    });
  }
  state_->MultiGet(keys, lookups);
  for (const Lookup& lookup : lookups) {
    if (lookup.failed()) return lookup.status();
  }
  return Status::Ok();
}

template <class K>
Scan<K> View<K>::scan(Range<K> range) const {
  try {
    return Scan<K>(std::make_unique<read::MergingCursor<K>>(state_), range);
  } catch (const std::bad_alloc&) {
    return Scan<K>(nullptr, {});
  }
}

template <class K>
Iterator<K> View<K>::NewIterator() const {
  try {
    return Iterator<K>(std::make_unique<read::MergingCursor<K>>(state_));
  } catch (const std::bad_alloc&) {
    return Iterator<K>(nullptr);
  }
}

template <class K>
Sequence View<K>::sequence() const noexcept {
  return state_->sequence();
}

template class Iterator<U64>;
template class Iterator<Bytes>;
template class Scan<U64>;
template class Scan<Bytes>;
template class View<U64>;
template class View<Bytes>;

}  // namespace kyro
