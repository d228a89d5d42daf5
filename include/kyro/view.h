// SPDX-License-Identifier: Apache-2.0
//
// View, Scan and Iterator: reading a keyspace at one fixed sequence.
#ifndef KYRO_VIEW_H_
#define KYRO_VIEW_H_

#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "kyro/column_batch.h"
#include "kyro/lookup.h"
#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro {

namespace read {  // kyro's own
template <class K>
class ViewState;
template <class K>
class MergingCursor;
template <class K>
class ScanCursor;
struct ArrowAccess;
}  // namespace read

// An ordered walk in both directions. One thread at a time. Keys and values live until the next
// move. After an error Valid() is false and status() says why: look at it when a walk ends (one
// that failed unseen counts in Stats::unread_errors). Stands nowhere until it was sent somewhere.
// Holds its own pin: the View may go first. A seek is O(log n) in each run, a step O(runs).
template <class K>
class [[gnu::visibility("default")]] Iterator {
 public:
  using Key = typename K::Key;  // std::uint64_t or std::string_view

  Iterator(Iterator &&) noexcept;
  Iterator& operator=(Iterator&&) noexcept;
  ~Iterator();

  // It stands on a row.
  bool Valid() const noexcept;
  void Seek(Key key);         // first key >= key
  void SeekForPrev(Key key);  // last key <= key
  void SeekToFirst();         // the smallest key
  void SeekToLast();          // the largest key
  void Next();                // requires Valid()
  void Prev();                // requires Valid()
  Key key() const noexcept;   // requires Valid()
  // In place. Requires Valid().
  std::string_view value() const noexcept;
  // OK also at the end of the keyspace.
  Status status() const noexcept;

 private:
  template <class>
  friend class View;
  explicit Iterator(std::unique_ptr<read::MergingCursor<K>> cursor) noexcept;
  std::unique_ptr<read::MergingCursor<K>> cursor_;
};

// The rows of a range, ascending, one by one:
//
//   kyro::Scan scan = view.scan({.lo = 10, .hi = 20});
//   for (auto [key, value] : scan) ...
//   if (!scan.status().ok()) ...
//
// or as columns, many at a time:
//
//   kyro::ColumnBatch<kyro::U64> batch;
//   while (scan.NextBatch(&batch)) ...
//
// One pass, one thread; what begin() returned is void when the Scan moves. Holds its own pin: the
// View may go first. An error ends the rows early, after those before it, and one that nobody
// looked at counts in Stats::unread_errors. Both ways cost O(1) a row where one run has the next
// rows for itself, and O(runs) where runs meet.
template <class K>
class [[gnu::visibility("default")]] Scan {
 public:
  using Key = typename K::Key;  // std::uint64_t or std::string_view
  // One row, in place: valid until the next one.
  struct Row {
    Key key{};                 // ascending
    std::string_view value{};  // its value
  };
  struct Sentinel {};  // the end
  // What a range-based for needs: an input iterator over a Scan that outlives it. It reads ahead:
  // one call into the library for up to some thousand rows. Only one of its copies may go on.
  class RowIterator {
   public:
    using value_type = Row;                            // rows, by value
    using difference_type = std::ptrdiff_t;            // demanded by the standard
    using iterator_concept = std::input_iterator_tag;  // one pass
    RowIterator() = default;
    // The row that it stands on.
    Row operator*() const noexcept { return {rows_.keys[at_], rows_.values[at_]}; }
    // The next row. Reads from memory, and from disk on the first touch.
    RowIterator& operator++() noexcept {
      if (++at_ == rows_.size()) [[unlikely]] {
        rows_ = scan_->NextRows();
        at_ = 0;
      }
      return *this;
    }
    // The same.
    void operator++(int) noexcept { ++*this; }
    // There are no more rows: all were seen, or the scan failed.
    bool operator==(Sentinel) const noexcept { return at_ == rows_.size(); }

   private:
    friend class Scan;
    explicit RowIterator(Scan* scan) noexcept : scan_(scan), rows_(scan->NextRows()) {}
    // All that a row needs is here and not in the Scan, so that it can stay in registers.
    Scan* scan_ = nullptr;
    ColumnBatch<K> rows_;
    std::size_t at_ = 0;
  };

  Scan(Scan &&) noexcept;
  Scan& operator=(Scan&&) noexcept;
  ~Scan();

  // To be called once. After batches: the rows behind them.
  RowIterator begin() noexcept {
    by_row_ = true;
    return RowIterator(this);
  }
  // Behind the last row.
  Sentinel end() const noexcept {
    return {};
  }

  // The next rows, at least one and at most some thousands; false, and an empty batch, when all
  // were seen or the scan failed: status() tells. The columns lie in the database's memory, and are
  // copied only where sources alternate or deletions interrupt them: at most 1024 rows and 256 KiB
  // then. The batch lives until the next call, and no longer than the Scan. Rows that begin() read
  // ahead cannot come again: after it there are no batches, and status() is kInvalidArgument.
  bool NextBatch(ColumnBatch<K> * batch) noexcept;

  // OK if the range was walked, or is being walked, without an error.
  Status status() const noexcept;

 private:
  template <class>
  friend class View;
  explicit Scan(std::unique_ptr<read::ScanCursor<K>> cursor) noexcept;
  ColumnBatch<K> NextRows() noexcept;  // empty at the end

  std::unique_ptr<read::ScanCursor<K>> cursor_;
  bool by_row_ = false;  // begin() was called
};

// One keyspace at one sequence, for as long as it lives. Cheap to copy; any thread. It pins the
// memory and files it needs: do not keep one for ever. Stays readable after Db::Close.
template <class K>
class [[gnu::visibility("default")]] View {
 public:
  using Key = typename K::Key;  // std::uint64_t or std::string_view

  // There is no move: it copies, and what was moved from can still be read.
  View(const View&) noexcept = default;
  // Lets go of what it pinned before.
  View& operator=(const View&) noexcept = default;

  // O(log n) at worst, no lock, no allocation. The value lives as long as this View or a copy.
  Lookup Get(Key key) const noexcept {
    return getter_->get.load(std::memory_order_relaxed)(*getter_, key);
  }

  // All keys at once, faster than one by one. The spans are of one size (kInvalidArgument if not);
  // each answer stands in its place in `lookups`. The status is OK unless an answer failed().
  Status MultiGet(std::span<const Key> keys, std::span<Lookup> lookups) const;

  // The rows of the range; none if it is empty or upside down. Its ends are copied. Without memory
  // for it there are no rows, and its status() is kResourceExhausted.
  Scan<K> scan(Range<K> range = {}) const;
  // Stands nowhere yet. Without memory it is never Valid(), and its status() is kResourceExhausted.
  Iterator<K> NewIterator() const;
  // The newest commit that this view sees.
  Sequence sequence() const noexcept;

 private:
  template <class>
  friend class Keyspace;
  friend struct read::ArrowAccess;
  explicit View(std::shared_ptr<const read::ViewState<K>> state) noexcept;

  const Getter<K>* getter_;  // part of the state
  std::shared_ptr<const read::ViewState<K>> state_;
};

extern template class Iterator<U64>;
extern template class Iterator<Bytes>;
extern template class Scan<U64>;
extern template class Scan<Bytes>;
extern template class View<U64>;
extern template class View<Bytes>;

}  // namespace kyro

#endif  // KYRO_VIEW_H_
