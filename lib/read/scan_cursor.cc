// SPDX-License-Identifier: Apache-2.0
#include "read/scan_cursor.h"

#include <cstring>
#include <new>
#include <utility>

#include "base/planted.h"

namespace kyro::read {

namespace {

// Fewer rows than these are copied rather than handed out in place, if as few may follow: a batch
// costs its reader some 50 ns, a copied row 3.
constexpr std::uint64_t kInPlaceMin = 32;
constexpr std::size_t kGatheredRows = 1024;
constexpr std::size_t kGatheredValueBytes = std::size_t{192} << 10;
constexpr std::size_t kGatheredKeyBytes = std::size_t{64} << 10;  // one key always fits
static_assert(kGatheredKeyBytes > kKeyBytesMax);

// Byte strings copied side by side.
template <std::size_t kBytes>
struct GatheredStrings {
  // False, and nothing has changed, if there is no room.
  bool Append(std::size_t row, std::string_view bytes) noexcept {
    if (bytes.size() > kBytes - offsets[row]) return false;
    if (!bytes.empty()) std::memcpy(heap + offsets[row], bytes.data(), bytes.size());
    offsets[row + 1] = offsets[row] + static_cast<std::uint32_t>(bytes.size());
    return true;
  }

  std::uint32_t offsets[kGatheredRows + 1];
  char heap[kBytes];
};

}  // namespace

template <>
struct Gathered<U64> {
  bool AppendKey(std::uint64_t key) noexcept {
    keys[rows] = key;
    return true;
  }
  std::span<const std::uint64_t> key_column() const noexcept { return {keys, rows}; }

  std::size_t rows;
  std::uint64_t keys[kGatheredRows];
  GatheredStrings<kGatheredValueBytes> values;
};

template <>
struct Gathered<Bytes> {
  bool AppendKey(std::string_view key) noexcept { return keys.Append(rows, key); }
  BytesColumn key_column() const noexcept {
    return BytesColumn::Between(keys.heap, keys.offsets, rows);
  }

  std::size_t rows;
  GatheredStrings<kGatheredKeyBytes> keys;
  GatheredStrings<kGatheredValueBytes> values;
};

namespace {

// Values of one width are columns of that width, as they would be in a segment.
template <class K>
ColumnBatch<K> BatchOf(const Gathered<K>& gathered) noexcept {
  const std::size_t rows = gathered.rows;
  const std::uint32_t width = gathered.values.offsets[1];
  bool same = true;
  for (std::size_t i = 0; i < rows; ++i) same &= gathered.values.offsets[i] == i * width;
  same &= gathered.values.offsets[rows] == rows * width;
  return {gathered.key_column(),
          same ? BytesColumn::OfWidth(gathered.values.heap, width, rows)
               : BytesColumn::Between(gathered.values.heap, gathered.values.offsets, rows)};
}

}  // namespace

template <class K>
ScanCursor<K>::ScanCursor(std::shared_ptr<const ViewState<K>> view, const Range<K>& range)
    : cursor_(std::move(view)) {
  if (range.hi) hi_.emplace(*range.hi);
  if (range.lo) {
    cursor_.Seek(*range.lo);
  } else {
    cursor_.SeekToFirst();
  }
}

template <class K>
ScanCursor<K>::~ScanCursor() = default;

template <class K>
void ScanCursor<K>::Refuse(std::string_view why) noexcept {
  left_ = Stretch();
  if (refused_.ok()) refused_ = Status(StatusCode::kInvalidArgument, why);
}

template <class K>
bool ScanCursor<K>::IsBelowEnd(Key key) const noexcept {
  return !hi_ || KeyTraits<K>::Less(key, Key(*hi_)) ||
         (KYRO_PLANTED(kScanIncludesEnd) && KeyTraits<K>::Equal(key, Key(*hi_)));
}

template <class K>
void ScanCursor<K>::Refill() noexcept {
  if (left() > 0) return;
  if (skip_ > 0) cursor_.Skip(std::exchange(skip_, 0));
  if (!refused_.ok() || !cursor_.Valid() || !IsBelowEnd(cursor_.key())) return;
  left_ = cursor_.stretch();
  segment::Chunk& chunk = left_.chunk;
  if (hi_ && !KYRO_PLANTED(kChunkPassesEnd)) {
    // The current row is below the end.
    chunk.end = EndBelow<K>(chunk, chunk.begin + 1, chunk.end, Key(*hi_));
  }
  skip_ = left();
}

template <class K>
ColumnBatch<K> ScanCursor<K>::Take(std::uint64_t rows) noexcept {
  segment::Chunk& chunk = left_.chunk;
  const std::uint64_t at = std::exchange(chunk.begin, chunk.begin + rows);
  ColumnBatch<K> batch;
  if constexpr (kKindOf<K> == KeyKind::kU64) {
    batch.keys = {chunk.keys + at, rows};
  } else {
    batch.keys = BytesColumn::Between(chunk.key_heap, chunk.key_offsets + at, rows);
  }
  batch.values =
      chunk.value_offsets == nullptr
          ? BytesColumn::OfWidth(chunk.values + at * chunk.value_stride, chunk.value_stride, rows)
          : BytesColumn::Between(chunk.values, chunk.value_offsets + at, rows);
  return batch;
}

template <class K>
ColumnBatch<K> ScanCursor<K>::NextInPlace() noexcept {
  Refill();
  return left() > 0 ? Take(left()) : ColumnBatch<K>();
}

template <class K>
void ScanCursor<K>::Gather() noexcept {
  gathered_->rows = 0;
  for (Refill(); left() > 0 && left() < kInPlaceMin; Refill()) {
    segment::Chunk& chunk = left_.chunk;
    for (; chunk.begin < chunk.end; ++chunk.begin) {
      const std::size_t row = gathered_->rows;
      if (row == kGatheredRows || !gathered_->AppendKey(chunk.template key<K>(chunk.begin)) ||
          !gathered_->values.Append(row, chunk.value(chunk.begin))) {
        return;
      }
      ++gathered_->rows;
    }
  }
}

template <class K>
ColumnBatch<K> ScanCursor<K>::NextBatch() noexcept {
  Refill();
  if (!left_.cut || left() >= kInPlaceMin) return NextInPlace();
  // Without memory for copies the batches are smaller.
  if (gathered_ == nullptr) {
    gathered_.reset(new (std::nothrow) Gathered<K>);
    if (gathered_ == nullptr) return NextInPlace();
    gathered_->values.offsets[0] = 0;
    if constexpr (kKindOf<K> == KeyKind::kBytes) gathered_->keys.offsets[0] = 0;
  }
  Gather();
  // A value that is larger than all room for copies stays where it is.
  return gathered_->rows > 0 ? BatchOf(*gathered_) : NextInPlace();
}

template class ScanCursor<U64>;
template class ScanCursor<Bytes>;

}  // namespace kyro::read
