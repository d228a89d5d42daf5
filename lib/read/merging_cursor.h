// SPDX-License-Identifier: Apache-2.0
//
// Merges the sources of a view into one ordered walk without tombstones and hidden versions.
//
//   M1  Moving forward, every source stands at its first key > the current one; moving backward,
//       at its last key < it. The current source alone stands on the current key.
//   M2  Of sources that hold one key the newest decides (V3).
#ifndef KYRO_READ_MERGING_CURSOR_H_
#define KYRO_READ_MERGING_CURSOR_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "kyro/status.h"
#include "read/view_state.h"

namespace kyro::read {

// Walks the segments of one run. One thread at a time.
template <class K>
class RunCursor {
 public:
  using Key = typename K::Key;
  explicit RunCursor(const Run<K>* run = nullptr) noexcept : run_(run) {}  // null: not to be used
  bool Valid() const noexcept { return cursor_.has_value() && cursor_->Valid(); }
  Status status() const noexcept { return cursor_.has_value() ? cursor_->status() : Status(); }
  [[gnu::cold]] void SeekToFirst() noexcept;
  [[gnu::cold]] void SeekToLast() noexcept;
  void Seek(Key key) noexcept;
  void SeekForPrev(Key key) noexcept;
  void Next() noexcept {  // requires Valid()
    cursor_->Next();
    if (!cursor_->Valid()) [[unlikely]]
      LeaveSegment();
  }
  void Prev() noexcept;  // requires Valid()
  // Goes `rows` rows on, of those that chunk() has left. Requires Valid().
  void Skip(std::uint64_t rows) noexcept;
  // The rows that are verified from the current one on. Requires Valid().
  segment::Chunk chunk() const noexcept {
    segment::Chunk chunk = cursor_->chunk();
    chunk.begin = cursor_->position();
    return chunk;
  }
  Key key() const noexcept { return cursor_->key(); }
  std::string_view value() const noexcept { return cursor_->value(); }
  bool tombstone() const noexcept { return cursor_->tombstone(); }

 private:
  void Open(std::size_t segment) noexcept;
  void LeaveSegment() noexcept;  // for the next one, unless it failed

  const Run<K>* run_;
  std::size_t segment_ = 0;
  std::optional<typename segment::Segment<K>::Cursor> cursor_;
};

// One source of a merge, and what a merge asks all the time as it is since the last move.
template <class K>
class SourceCursor {
 public:
  using Key = typename K::Key;
  using DeltaCursor = typename delta::Delta<K>::Cursor;

  void Open(const DeltaCursor& delta) noexcept { cursor_.template emplace<DeltaCursor>(delta); }
  void Open(const Run<K>* run) noexcept { cursor_.template emplace<RunCursor<K>>(run); }

  // The others require Open.
  bool Valid() const noexcept { return valid_; }
  bool failed() const noexcept { return failed_; }  // not valid, for an error
  Key key() const noexcept { return key_; }         // these require Valid()
  bool tombstone() const noexcept { return tombstone_; }
  std::string_view value() const noexcept;
  Status status() const noexcept;
  // Null if it is a delta.
  const RunCursor<K>* run() const noexcept { return std::get_if<RunCursor<K>>(&cursor_); }

  [[gnu::cold]] void SeekToFirst() noexcept;
  [[gnu::cold]] void SeekToLast() noexcept;
  void Seek(Key key) noexcept;
  void SeekForPrev(Key key) noexcept;
  void Next() noexcept;  // requires Valid()
  void Prev() noexcept;  // requires Valid()
  // Next(), `rows` times at once: at most as many as a run's chunk() has left, of a delta one.
  void Skip(std::uint64_t rows) noexcept;

 private:
  template <class Move>
  void Do(Move move) noexcept;

  std::variant<RunCursor<K>, DeltaCursor> cursor_;
  bool valid_ = false;
  bool failed_ = false;
  bool tombstone_ = false;
  Key key_{};
};

// Rows that follow each other in one source, without a merge.
struct Stretch {
  // Its rows are [chunk.begin, chunk.end), none of them a tombstone.
  segment::Chunk chunk;
  // What ended it is another source or a tombstone, so that the next one may be as short.
  bool cut = false;
};

// One thread at a time. Holds its own pin.
template <class K>
class MergingCursor {
 public:
  using Key = typename K::Key;

  // May throw bad_alloc.
  [[gnu::cold]] explicit MergingCursor(std::shared_ptr<const ViewState<K>> view);
  // For merges: contiguous runs, newest first, which outlive the cursor. Tombstones are shown.
  [[gnu::cold]] explicit MergingCursor(std::span<const Run<K>> runs);
  ~MergingCursor();
  MergingCursor(const MergingCursor&) = delete;
  MergingCursor& operator=(const MergingCursor&) = delete;

  bool Valid() const noexcept { return current_ != kNone; }
  [[gnu::cold]] void SeekToFirst() noexcept;
  [[gnu::cold]] void SeekToLast() noexcept;
  void Seek(Key key) noexcept;
  void SeekForPrev(Key key) noexcept;
  void Next() noexcept;
  void Prev() noexcept;
  // The current row and those that follow it in its source before any other source has a key. Lives
  // until the next move. Requires Valid() and a walk forward.
  Stretch stretch() noexcept;
  // Next(), `rows` times at once: at most as many as stretch() has.
  void Skip(std::uint64_t rows) noexcept;
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

  void FindForward() noexcept;  // from where the sources stand
  void FindBackward() noexcept;
  std::size_t Smallest() noexcept;  // newest among equals; kNone at the end or after an error
  std::size_t Largest() noexcept;
  [[gnu::always_inline]] void Settle(std::size_t source) noexcept;  // as Segment::Cursor::Show
  void Clear() noexcept;
  std::size_t Fail(const SourceCursor<K>& source) noexcept;  // kNone

  const std::shared_ptr<const ViewState<K>> view_;  // null in a merge
  const bool show_tombstones_;
  // All made at once: a vector that can grow is two kilobytes of code.
  const std::unique_ptr<SourceCursor<K>[]> made_;
  std::span<SourceCursor<K>> sources_;  // newest first
  std::size_t current_ = kNone;
  bool forward_ = true;
  Key key_{};
  std::string_view value_;
  std::uint32_t key_offsets_[2] = {0, 0};  // of key_, where it is a stretch of its own
  bool tombstone_ = false;
  Status status_;
  mutable bool status_read_ = false;
};

extern template class RunCursor<U64>;
extern template class RunCursor<Bytes>;
extern template class SourceCursor<U64>;
extern template class SourceCursor<Bytes>;
extern template class MergingCursor<U64>;
extern template class MergingCursor<Bytes>;

// The first of the rows [begin, end) of `chunk` that is not below `limit`, or `end`. O(log n) of
// the rows that are below.
template <class K>
std::uint64_t EndBelow(const segment::Chunk& chunk, std::uint64_t begin, std::uint64_t end,
                       typename K::Key limit) noexcept {
  const auto below = [&](std::uint64_t row) {
    return KeyTraits<K>::Less(chunk.template key<K>(row), limit);
  };
  if (begin == end || below(end - 1)) return end;
  std::uint64_t step = 1;
  while (step < end - begin && below(begin + step - 1)) {
    begin += step;
    step *= 2;
  }
  end = std::min(end, begin + step);
  while (begin < end) {
    const std::uint64_t middle = begin + (end - begin) / 2;
    if (below(middle)) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return begin;
}

}  // namespace kyro::read

#endif  // KYRO_READ_MERGING_CURSOR_H_
