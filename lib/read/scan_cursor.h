// SPDX-License-Identifier: Apache-2.0
//
// What a Scan reads from: the rows of a range out of a merge, as columns.
//
//   N1  A batch in place is rows of one source that no other source interrupts, all of them below
//       the end of the range and none deleted.
//   N2  What is handed out is never handed out again, and nothing is left out between two batches.
#ifndef KYRO_READ_SCAN_CURSOR_H_
#define KYRO_READ_SCAN_CURSOR_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "kyro/column_batch.h"
#include "kyro/status.h"
#include "kyro/types.h"
#include "read/merging_cursor.h"

namespace kyro::read {

// Rows that were copied next to each other.
template <class K>
struct Gathered;

// One thread at a time. Holds its own pin.
template <class K>
class ScanCursor {
 public:
  using Key = typename K::Key;

  // Goes to the first row. May throw bad_alloc.
  [[gnu::cold]] ScanCursor(std::shared_ptr<const ViewState<K>> view, const Range<K>& range);
  ~ScanCursor();

  // The next rows, in place, however few; none at the end. They live until the next call.
  ColumnBatch<K> NextInPlace() noexcept;
  // The same, but where they are few and more may follow they are copied together.
  ColumnBatch<K> NextBatch() noexcept;

  // From now on status() is kInvalidArgument, and there are no rows.
  [[gnu::cold]] void Refuse(std::string_view why) noexcept;
  // Reading the status settles the duty to look at it.
  const Status& status() const noexcept { return refused_.ok() ? cursor_.status() : refused_; }

 private:
  // Makes left_ the next rows in place; it is empty at the end.
  void Refill() noexcept;
  std::uint64_t left() const noexcept { return left_.chunk.end - left_.chunk.begin; }
  // `rows` <= left(). In place.
  ColumnBatch<K> Take(std::uint64_t rows) noexcept;
  // Appends rows to gathered_ as long as they come in short stretches and there is room.
  void Gather() noexcept;
  bool IsBelowEnd(Key key) const noexcept;

  MergingCursor<K> cursor_;
  std::optional<typename KeyTraits<K>::Owned> hi_;
  Stretch left_;            // of the cursor's stretch, what was not handed out
  std::uint64_t skip_ = 0;  // rows of that stretch
  std::unique_ptr<Gathered<K>> gathered_;
  Status refused_;
};

extern template class ScanCursor<U64>;
extern template class ScanCursor<Bytes>;

}  // namespace kyro::read

#endif  // KYRO_READ_SCAN_CURSOR_H_
