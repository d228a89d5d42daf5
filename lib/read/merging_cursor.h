// SPDX-License-Identifier: Apache-2.0
//
// Merges the sources of a view into one ordered walk without tombstones and hidden versions.
//
//   M1  Moving forward, every source stands at its first key > the current one; moving backward,
//       at its last key < it. The current source alone stands on the current key.
//   M2  Of sources that hold one key the newest decides (V3).
#ifndef KYRO_READ_MERGING_CURSOR_H_
#define KYRO_READ_MERGING_CURSOR_H_

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "kyro/status.h"
#include "read/view_state.h"

namespace kyro::read {

// Walks the segments of one run. One thread at a time.
template <class K>
class RunCursor {
 public:
  using Key = typename K::Key;
  explicit RunCursor(const Run<K>* run) noexcept : run_(run) {}
  bool Valid() const noexcept { return cursor_.has_value() && cursor_->Valid(); }
  Status status() const noexcept { return cursor_.has_value() ? cursor_->status() : Status(); }
  void SeekToFirst() noexcept;
  void SeekToLast() noexcept;
  void Seek(Key key) noexcept;
  void SeekForPrev(Key key) noexcept;
  void Next() noexcept;
  void Prev() noexcept;
  Key key() const noexcept { return cursor_->key(); }
  std::string_view value() const noexcept { return cursor_->value(); }
  bool tombstone() const noexcept { return cursor_->tombstone(); }

 private:
  void Open(std::size_t segment) noexcept;

  const Run<K>* run_;
  std::size_t segment_ = 0;
  std::optional<typename segment::Segment<K>::Cursor> cursor_;
};

// One source of a merge.
template <class K>
using SourceCursor = std::variant<typename delta::Delta<K>::Cursor, RunCursor<K>>;

// One thread at a time. Holds its own pin.
template <class K>
class MergingCursor {
 public:
  using Key = typename K::Key;

  // May throw bad_alloc.
  explicit MergingCursor(std::shared_ptr<const ViewState<K>> view);
  // For merges: contiguous runs, newest first, which outlive the cursor. Tombstones are shown.
  [[gnu::cold]] explicit MergingCursor(std::span<const Run<K>> runs);
  ~MergingCursor();
  MergingCursor(const MergingCursor&) = delete;
  MergingCursor& operator=(const MergingCursor&) = delete;

  bool Valid() const noexcept { return current_ != kNone; }
  void SeekToFirst() noexcept;
  void SeekToLast() noexcept;
  void Seek(Key key) noexcept;
  void SeekForPrev(Key key) noexcept;
  void Next() noexcept;
  void Prev() noexcept;
  Key key() const noexcept { return key_; }  // lives as long as the cursor's view
  std::string_view value() const noexcept { return value_; }
  bool tombstone() const noexcept { return tombstone_; }  // only in a merge
  // Reading the status settles the duty to look at it.
  const Status& status() const noexcept {
    status_read_ = true;
    return status_;
  }

 private:
  static constexpr std::size_t kNone = ~std::size_t{0};

  // Not inlined: a vector's growth is a kilobyte of code for each caller.
  [[gnu::cold]] void AddSource(SourceCursor<K> source);
  void FindForward() noexcept;  // from where the sources stand
  void FindBackward() noexcept;
  std::size_t Smallest() noexcept;  // newest among equals; kNone at the end or after an error
  std::size_t Largest() noexcept;
  void Settle(std::size_t source) noexcept;
  void Clear() noexcept;
  bool CheckSources() noexcept;  // false: status_ is set

  const std::shared_ptr<const ViewState<K>> view_;  // null in a merge
  const bool show_tombstones_;
  std::vector<SourceCursor<K>> sources_;  // newest first
  std::size_t current_ = kNone;
  bool forward_ = true;
  Key key_{};
  std::string_view value_;
  bool tombstone_ = false;
  Status status_;
  mutable bool status_read_ = false;
};

extern template class RunCursor<U64>;
extern template class RunCursor<Bytes>;
extern template class MergingCursor<U64>;
extern template class MergingCursor<Bytes>;

}  // namespace kyro::read

#endif  // KYRO_READ_MERGING_CURSOR_H_
