// SPDX-License-Identifier: Apache-2.0
#include "segment/verify_rows.h"

#include <algorithm>
#include <memory>
#include <new>

#include "base/key_traits.h"
#include "base/status_util.h"
#include "filter/split_block.h"
#include "segment/column_stream.h"
#include "segment/fingerprint.h"

namespace kyro::segment {

namespace {

// Rows between two calls of a Tick.
constexpr std::uint64_t kTickRows = 65536;

// Rows that are looked at together: their keys stay in a first-level cache.
constexpr std::uint64_t kPieceRows = 2048;

// The rows of a segment, column by column beside each other.
template <class K>
class RowVerifier {
 public:
  RowVerifier(const VerifySource& source, const VerifiedFile& keys, const VerifiedFile& data,
              const SegmentRef& ref, const Layout& layout)
      : source_(source),
        keys_file_(keys),
        ref_(ref),
        layout_(layout),
        keys_(keys, source.device, layout.keys),
        key_offsets_(keys, source.device, layout.key_offsets),
        key_heap_(keys, source.device, layout.key_heap),
        fingerprints_(keys, source.device, layout.fingerprints),
        value_offsets_(keys, source.device, layout.value_offsets),
        tombstones_(keys, source.device, layout.tombstones),
        values_(data, source.device, layout.tombstones != nullptr ? layout.values : nullptr) {}

  Status Run() {
    std::uint64_t row = 0;
    KYRO_RETURN_IF_ERROR(LoadFilter());
    KYRO_RETURN_IF_ERROR(StartOffsets());
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      const bool more = filter_ != nullptr || layout_.value_offsets != nullptr;
      if (!more && layout_.tombstones == nullptr) KYRO_RETURN_IF_ERROR(CheckOrder(&row));
    }
    for (; row < layout_.entries; ++row) {
      if (row % kTickRows == 0) KYRO_RETURN_IF_ERROR(Ticked(source_, 0));
      KYRO_RETURN_IF_ERROR(CheckKey(row));
      KYRO_RETURN_IF_ERROR(CheckValue(row));
    }
    return CheckEnd();
  }

 private:
  Status Bad(std::uint64_t offset, std::string_view what) const {
    return FileError(StatusCode::kDataLoss, keys_file_.name, offset, "{} at offset {}", what,
                     offset);
  }

  // Keys of which nothing but the order is left to check, by the piece; `*row` is the number of
  // those that are right.
  Status CheckOrder(std::uint64_t* row) {
    KYRO_RETURN_IF_ERROR(CheckKey(0));
    for (*row = 1; *row < layout_.entries;) {
      KYRO_RETURN_IF_ERROR(Ticked(source_, 0));
      const std::uint64_t at = keys_.offset();
      const std::uint64_t rows = std::min<std::uint64_t>(kPieceRows, layout_.entries - *row);
      std::string_view piece;
      KYRO_RETURN_IF_ERROR(keys_.Next(rows * sizeof(last_), &piece));
      std::uint64_t wrong = rows;
      typename K::Key last = last_;
      for (std::uint64_t i = 0; i < rows; ++i) {
        const auto key = LoadLE<std::uint64_t>(piece.data() + i * sizeof(last));
        if (key <= last) wrong = std::min(wrong, i);
        last = key;
      }
      if (wrong < rows) return Bad(at + wrong * sizeof(last), "a key out of order");
      last_ = last;
      *row += rows;
    }
    return Status::Ok();
  }

  Status LoadFilter() {
    if (layout_.filter == nullptr) return Status::Ok();
    filter_bytes_ = layout_.filter->bytes;
    filter_.reset(new (std::nothrow) char[filter_bytes_]);
    if (filter_ == nullptr) return Status(StatusCode::kResourceExhausted, "no memory for a filter");
    return ReadAll(source_, keys_file_, layout_.filter->offset, filter_bytes_, filter_.get());
  }

  // The first offset of each column is 0.
  Status StartOffsets() {
    std::uint32_t zero = 0;
    if (layout_.key_offsets != nullptr) KYRO_RETURN_IF_ERROR(key_offsets_.NextLE(&zero));
    if (zero != 0) return Bad(layout_.key_offsets->offset, "key offsets that do not start at 0");
    if (layout_.value_offsets != nullptr) KYRO_RETURN_IF_ERROR(value_offsets_.NextLE(&zero));
    if (zero != 0)
      return Bad(layout_.value_offsets->offset, "value offsets that do not start at 0");
    return Status::Ok();
  }

  Status NextKey(typename K::Key* key) {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      return keys_.NextLE(key);
    } else {
      const std::uint64_t at = key_offsets_.offset();
      std::uint32_t end = 0;
      KYRO_RETURN_IF_ERROR(key_offsets_.NextLE(&end));
      if (end < key_end_ || end - key_end_ > kKeyBytesMax)
        return Bad(at, "a key of impossible size");
      KYRO_RETURN_IF_ERROR(key_heap_.Next(end - key_end_, key));
      key_end_ = end;
      std::uint8_t fingerprint = 0;
      KYRO_RETURN_IF_ERROR(fingerprints_.NextLE(&fingerprint));
      if (fingerprint != Fingerprint(filter::HashKey(*key))) {
        return Bad(fingerprints_.offset() - 1, "a wrong fingerprint");
      }
      return Status::Ok();
    }
  }

  Status CheckKey(std::uint64_t row) {
    const std::uint64_t at =
        layout_.keys != nullptr ? keys_.offset() : layout_.key_heap->offset + key_end_;
    typename K::Key key{};
    KYRO_RETURN_IF_ERROR(NextKey(&key));
    if (row == 0) {
      if (!KeyTraits<K>::Equal(key, KeyTraits<K>::Decode(ref_.first_key))) {
        return Bad(at, "a first key other than the manifest's");
      }
    } else if (!KeyTraits<K>::Less(last_, key)) {
      return Bad(at, "a key out of order");
    }
    last_ = key;
    if (filter_ != nullptr &&
        !filter::MayContain({filter_.get(), filter_bytes_}, filter::HashKey(key))) {
      return Bad(at, "a key that the filter does not know");
    }
    return Status::Ok();
  }

  Status CheckValue(std::uint64_t row) {
    std::uint64_t bytes = layout_.values->stride;
    if (layout_.value_offsets != nullptr) {
      const std::uint64_t at = value_offsets_.offset();
      std::uint32_t end = 0;
      KYRO_RETURN_IF_ERROR(value_offsets_.NextLE(&end));
      if (end < value_end_ || end - value_end_ > kValueBytesMax || end > layout_.values->bytes) {
        return Bad(at, "a value of impossible size");
      }
      bytes = end - value_end_;
      value_end_ = end;
    }
    if (layout_.tombstones == nullptr) return Status::Ok();
    if (row % 8 == 0) KYRO_RETURN_IF_ERROR(tombstones_.NextLE(&tombstone_bits_));
    if ((tombstone_bits_ >> (row % 8) & 1) == 0) return values_.Skip(bytes);
    ++tombstone_count_;
    return values_.SkipZeros(bytes);
  }

  Status CheckEnd() {
    if (!KeyTraits<K>::Equal(last_, KeyTraits<K>::Decode(ref_.last_key))) {
      return Bad(keys_file_.header.columns_end(), "a last key other than the manifest's");
    }
    if (layout_.key_heap != nullptr && key_end_ != layout_.key_heap->bytes) {
      return Bad(key_offsets_.offset() - 4, "key offsets that do not end with the heap");
    }
    if (layout_.value_offsets != nullptr && value_end_ != layout_.values->bytes) {
      return Bad(value_offsets_.offset() - 4, "value offsets that do not end with the heap");
    }
    if (tombstone_count_ != ref_.tombstones) {
      return Bad(layout_.tombstones->offset, "a wrong number of tombstones");
    }
    if (layout_.tombstones != nullptr && layout_.entries % 8 != 0 &&
        (tombstone_bits_ >> (layout_.entries % 8)) != 0) {
      return Bad(tombstones_.offset() - 1, "tombstone bits behind the last entry");
    }
    return Status::Ok();
  }

  const VerifySource& source_;
  const VerifiedFile& keys_file_;
  const SegmentRef& ref_;
  const Layout& layout_;
  ColumnStream keys_, key_offsets_, key_heap_, fingerprints_, value_offsets_, tombstones_, values_;
  std::unique_ptr<char[]> filter_;
  std::uint64_t filter_bytes_ = 0;
  typename KeyTraits<K>::Owned last_{};
  std::uint32_t key_end_ = 0;
  std::uint32_t value_end_ = 0;
  std::uint64_t tombstone_count_ = 0;
  std::uint8_t tombstone_bits_ = 0;
};

}  // namespace

Status VerifyRows(const VerifySource& source, KeyKind kind, const VerifiedFile& keys,
                  const VerifiedFile& data, const SegmentRef& ref, const Layout& layout) {
  if (kind == KeyKind::kU64) return RowVerifier<U64>(source, keys, data, ref, layout).Run();
  return RowVerifier<Bytes>(source, keys, data, ref, layout).Run();
}

}  // namespace kyro::segment
