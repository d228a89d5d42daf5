// SPDX-License-Identifier: Apache-2.0
//
// The public readers, over the read room's states and cursors.
#include "kyro/view.h"

#include <new>
#include <utility>

#include "base/status_util.h"
#include "read/merging_cursor.h"
#include "read/scan_cursor.h"
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
Scan<K>::Scan(std::unique_ptr<read::ScanCursor<K>> cursor) noexcept : cursor_(std::move(cursor)) {}
template <class K>
Scan<K>::Scan(Scan&&) noexcept = default;
template <class K>
Scan<K>& Scan<K>::operator=(Scan&&) noexcept = default;
template <class K>
Scan<K>::~Scan() = default;

template <class K>
Status Scan<K>::status() const noexcept {
  return cursor_ != nullptr ? cursor_->status() : NoCursor();
}

template <class K>
ColumnBatch<K> Scan<K>::NextRows() noexcept {
  return cursor_ != nullptr ? cursor_->NextInPlace() : ColumnBatch<K>();
}

template <class K>
bool Scan<K>::NextBatch(ColumnBatch<K>* batch) noexcept {
  *batch = ColumnBatch<K>();
  if (cursor_ == nullptr) return false;
  if (by_row_) {
    cursor_->Refuse("NextBatch after begin(): the rows were read one by one");
    return false;
  }
  *batch = cursor_->NextBatch();
  return !batch->empty();
}

// ---------------------------------------------------------------------------------- View

template <class K>
View<K>::View(std::shared_ptr<const read::ViewState<K>> state) noexcept
    : getter_(state->getter()), state_(std::move(state)) {}

namespace {
[[gnu::cold]] Status DifferentCounts(std::size_t keys, std::size_t lookups) {
  return Guarded([&] {
    return Error(StatusCode::kInvalidArgument, "MultiGet: {} keys but {} lookups", keys, lookups);
  });
}
}  // namespace

template <class K>
Status View<K>::MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const {
  if (keys.size() != lookups.size()) return DifferentCounts(keys.size(), lookups.size());
  state_->MultiGet(keys, lookups);
  for (const Lookup& lookup : lookups) {
    if (lookup.failed()) return lookup.status();
  }
  return Status::Ok();
}

template <class K>
Scan<K> View<K>::scan(Range<K> range) const {
  try {
    return Scan<K>(std::make_unique<read::ScanCursor<K>>(state_, range));
  } catch (const std::bad_alloc&) {
    return Scan<K>(nullptr);
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
