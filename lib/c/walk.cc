// SPDX-License-Identifier: Apache-2.0
//
// Iterators and scans. A move's code says at once where it ended: on a row, at an end, or at an
// error.
#include <cstdint>
#include <optional>
#include <span>

#include "c/handles.h"
#include "kyro/arrow.h"

namespace kyro::c {
namespace {

// A scan, and where its rows are, once one was asked for: it must not be moved then.
template <class K>
struct Rows {
  explicit Rows(Scan<K> of) : scan(std::move(of)) {}
  Scan<K> scan;
  std::optional<typename Scan<K>::RowIterator> at;
};

template <class K>
kyro_code Landed(const Iterator<K>& iterator, kyro_error* error) noexcept {
  if (iterator.Valid()) return Succeed(error);
  const Status status = iterator.status();
  return Report(error, status.ok() ? Status::NotFound() : status);
}

// `move` works on an iterator of either kind.
template <class Move>
kyro_code MoveAny(kyro_iterator* iterator, kyro_error* error, Move&& move) noexcept {
  if (iterator == nullptr) return NullArgument(error, "iterator");
  if (auto* const u64 = std::get_if<Iterator<U64>>(&iterator->of)) {
    move(*u64);
    return Landed(*u64, error);
  }
  auto* const bytes = std::get_if<Iterator<Bytes>>(&iterator->of);
  move(*bytes);
  return Landed(*bytes, error);
}

template <class K>
kyro_code Seek(kyro_iterator* iterator, typename Keys<K>::InC key,
               void (Iterator<K>::*seek)(typename K::Key), kyro_error* error) noexcept {
  if (iterator == nullptr) return NullArgument(error, "iterator");
  auto* const of = std::get_if<Iterator<K>>(&iterator->of);
  if (of == nullptr) return WrongKind(error, kKindOf<K>);
  if (Keys<K>::IsBad(key)) return BadSlice(error);
  (of->*seek)(Keys<K>::From(key));
  return Landed(*of, error);
}

template <class K>
kyro_code GetRow(const kyro_iterator* iterator, typename Keys<K>::InC* key, kyro_slice* value,
                 kyro_error* error) noexcept {
  if (iterator == nullptr) return NullArgument(error, "iterator");
  const auto* const of = std::get_if<Iterator<K>>(&iterator->of);
  if (of == nullptr) return WrongKind(error, kKindOf<K>);
  const kyro_code code = Landed(*of, error);
  if (code != KYRO_OK) return code;
  if (key != nullptr) *key = Keys<K>::To(of->key());
  if (value != nullptr) *value = SliceOf(of->value());
  return code;
}

}  // namespace
}  // namespace kyro::c

struct kyro_scan {
  kyro_either<kyro::c::Rows> of;
};

namespace kyro::c {
namespace {

template <class K>
kyro_code NewScan(const kyro_view* view, const typename Keys<K>::InC* lo,
                  const typename Keys<K>::InC* hi, kyro_scan** scan, kyro_error* error) noexcept {
  if (scan == nullptr) return NullArgument(error, "scan");
  *scan = nullptr;
  if (view == nullptr) return NullArgument(error, "view");
  const auto* const of = std::get_if<View<K>>(&view->of);
  if (of == nullptr) return WrongKind(error, kKindOf<K>);
  if ((lo != nullptr && Keys<K>::IsBad(*lo)) || (hi != nullptr && Keys<K>::IsBad(*hi)))
    return BadSlice(error);
  return Guarded(error, [&] {
    Range<K> range;
    if (lo != nullptr) range.lo = Keys<K>::From(*lo);
    if (hi != nullptr) range.hi = Keys<K>::From(*hi);
    return Emit(scan, Rows<K>(of->scan(range)), error);
  });
}

template <class K>
kyro_code NextRow(kyro_scan* scan, typename Keys<K>::InC* key, kyro_slice* value,
                  kyro_error* error) noexcept {
  if (scan == nullptr) return NullArgument(error, "scan");
  auto* const rows = std::get_if<Rows<K>>(&scan->of);
  if (rows == nullptr) return WrongKind(error, kKindOf<K>);
  auto& at = rows->at;
  if (!at) {
    at = rows->scan.begin();
  } else if (*at != rows->scan.end()) {
    ++*at;
  }
  if (*at == rows->scan.end()) {
    const Status status = rows->scan.status();
    return Report(error, status.ok() ? Status::NotFound() : status);
  }
  const auto row = **at;
  if (key != nullptr) *key = Keys<K>::To(row.key);
  if (value != nullptr) *value = SliceOf(row.value);
  return Succeed(error);
}

const std::uint64_t* ToC(std::span<const std::uint64_t> keys) noexcept {
  return keys.data();
}
kyro_column ToC(const BytesColumn& column) noexcept {
  return {column.data(), column.offsets(), column.width()};
}

template <class K, class Columns>
kyro_code NextBatch(kyro_scan* scan, Columns* columns, kyro_error* error) noexcept {
  if (columns == nullptr) return NullArgument(error, "batch");
  *columns = Columns{};
  if (scan == nullptr) return NullArgument(error, "scan");
  auto* const rows = std::get_if<Rows<K>>(&scan->of);
  if (rows == nullptr) return WrongKind(error, kKindOf<K>);
  ColumnBatch<K> batch;
  if (!rows->scan.NextBatch(&batch)) {
    const Status status = rows->scan.status();
    return Report(error, status.ok() ? Status::NotFound() : status);
  }
  *columns = {batch.size(), ToC(batch.keys), ToC(batch.values)};
  return Succeed(error);
}

}  // namespace
}  // namespace kyro::c

using kyro::Bytes;
using kyro::Iterator;
using kyro::U64;
using kyro::c::MoveAny;
using kyro::c::NullArgument;

// ---------------------------------------------------------------------------------- Iterators

kyro_code kyro_iterator_new(const kyro_view* view, kyro_iterator** iterator, kyro_error* error) {
  if (iterator == nullptr) return NullArgument(error, "iterator");
  *iterator = nullptr;
  if (view == nullptr) return NullArgument(error, "view");
  if (const auto* const u64 = std::get_if<kyro::View<U64>>(&view->of)) {
    return kyro::c::Emit(iterator, u64->NewIterator(), error);
  }
  return kyro::c::Emit(iterator, std::get_if<kyro::View<Bytes>>(&view->of)->NewIterator(), error);
}

void kyro_iterator_free(kyro_iterator* iterator) {
  delete iterator;
}

kyro_code kyro_iterator_seek_to_first(kyro_iterator* iterator, kyro_error* error) {
  return MoveAny(iterator, error, [](auto& of) { of.SeekToFirst(); });
}
kyro_code kyro_iterator_seek_to_last(kyro_iterator* iterator, kyro_error* error) {
  return MoveAny(iterator, error, [](auto& of) { of.SeekToLast(); });
}
kyro_code kyro_iterator_seek_u64(kyro_iterator* iterator, uint64_t key, kyro_error* error) {
  return kyro::c::Seek<U64>(iterator, key, &Iterator<U64>::Seek, error);
}
kyro_code kyro_iterator_seek_bytes(kyro_iterator* iterator, kyro_slice key, kyro_error* error) {
  return kyro::c::Seek<Bytes>(iterator, key, &Iterator<Bytes>::Seek, error);
}
kyro_code kyro_iterator_seek_for_prev_u64(kyro_iterator* iterator, uint64_t key,
                                          kyro_error* error) {
  return kyro::c::Seek<U64>(iterator, key, &Iterator<U64>::SeekForPrev, error);
}
kyro_code kyro_iterator_seek_for_prev_bytes(kyro_iterator* iterator, kyro_slice key,
                                            kyro_error* error) {
  return kyro::c::Seek<Bytes>(iterator, key, &Iterator<Bytes>::SeekForPrev, error);
}
// C++ leaves an iterator on no row where it is.
kyro_code kyro_iterator_next(kyro_iterator* iterator, kyro_error* error) {
  return MoveAny(iterator, error, [](auto& of) { of.Next(); });
}
kyro_code kyro_iterator_prev(kyro_iterator* iterator, kyro_error* error) {
  return MoveAny(iterator, error, [](auto& of) { of.Prev(); });
}

bool kyro_iterator_valid(const kyro_iterator* iterator) {
  if (iterator == nullptr) return false;
  if (const auto* const u64 = std::get_if<Iterator<U64>>(&iterator->of)) return u64->Valid();
  return std::get_if<Iterator<Bytes>>(&iterator->of)->Valid();
}

kyro_code kyro_iterator_get_u64(const kyro_iterator* iterator, uint64_t* key, kyro_slice* value,
                                kyro_error* error) {
  return kyro::c::GetRow<U64>(iterator, key, value, error);
}
kyro_code kyro_iterator_get_bytes(const kyro_iterator* iterator, kyro_slice* key, kyro_slice* value,
                                  kyro_error* error) {
  return kyro::c::GetRow<Bytes>(iterator, key, value, error);
}

// ---------------------------------------------------------------------------------- Scans

kyro_code kyro_scan_new_u64(const kyro_view* view, const uint64_t* lo, const uint64_t* hi,
                            kyro_scan** scan, kyro_error* error) {
  return kyro::c::NewScan<U64>(view, lo, hi, scan, error);
}
kyro_code kyro_scan_new_bytes(const kyro_view* view, const kyro_slice* lo, const kyro_slice* hi,
                              kyro_scan** scan, kyro_error* error) {
  return kyro::c::NewScan<Bytes>(view, lo, hi, scan, error);
}

void kyro_scan_free(kyro_scan* scan) {
  delete scan;
}

kyro_code kyro_scan_next_u64(kyro_scan* scan, uint64_t* key, kyro_slice* value, kyro_error* error) {
  return kyro::c::NextRow<U64>(scan, key, value, error);
}
kyro_code kyro_scan_next_bytes(kyro_scan* scan, kyro_slice* key, kyro_slice* value,
                               kyro_error* error) {
  return kyro::c::NextRow<Bytes>(scan, key, value, error);
}

kyro_code kyro_scan_next_batch_u64(kyro_scan* scan, kyro_columns_u64* batch, kyro_error* error) {
  return kyro::c::NextBatch<U64>(scan, batch, error);
}
kyro_code kyro_scan_next_batch_bytes(kyro_scan* scan, kyro_columns_bytes* batch,
                                     kyro_error* error) {
  return kyro::c::NextBatch<Bytes>(scan, batch, error);
}

// ---------------------------------------------------------------------------------- Arrow

kyro_code kyro_view_export_arrow(const kyro_view* view, struct ArrowArrayStream* stream,
                                 kyro_error* error) {
  if (stream == nullptr) return NullArgument(error, "stream");
  if (view == nullptr) return NullArgument(error, "view");
  const kyro::Status status =
      std::visit([stream](const auto& of) { return kyro::ExportArrow(of, stream); }, view->of);
  return kyro::c::Report(error, status);
}
