// SPDX-License-Identifier: Apache-2.0
#include "segment/verify.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "base/crc32c.h"
#include "base/key_traits.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "filter/split_block.h"
#include "segment/column_stream.h"
#include "segment/fingerprint.h"
#include "segment/layout.h"

namespace kyro::segment {

namespace {

// A planted bug: checksum and digest both stand over header and table; without either of them the
// other finds what is wrong.
bool SkipsDigest() noexcept {
  return KYRO_PLANTED(kSkipSegmentHeaderChecksum) || KYRO_PLANTED(kSkipTableChecksum) ||
         KYRO_PLANTED(kSkipSegmentIdentity);
}

// Rows between two calls of a Tick.
constexpr std::uint64_t kTickRows = 65536;

Status Ticked(const VerifySource& source, std::uint64_t bytes) {
  if (source.tick != nullptr && *source.tick && !(*source.tick)(bytes)) {
    return Status(StatusCode::kCancelled);
  }
  return Status::Ok();
}

// All of [offset, offset + bytes) or an error.
Status ReadAll(const VerifySource& source, const VerifiedFile& from, std::uint64_t offset,
               std::uint64_t bytes, char* to) {
  KYRO_ASSIGN_OR_RETURN(const std::size_t found, source.device
                                                     ? from.file->ReadDevice(offset, bytes, to)
                                                     : from.file->Read(offset, bytes, to));
  if (found == bytes) return Status::Ok();
  return FileError(StatusCode::kDataLoss, from.name, offset + found, "ends at byte {}, want {}",
                   offset + found, offset + bytes);
}

Result<std::string> ReadString(const VerifySource& source, const VerifiedFile& from,
                               std::uint64_t offset, std::uint64_t bytes) {
  std::string out(bytes, '\0');
  KYRO_RETURN_IF_ERROR(ReadAll(source, from, offset, bytes, out.data()));
  return out;
}

// Padding between columns is zero: `bytes` stand at `offset`.
Status CheckPadding(const VerifiedFile& file, std::uint64_t table_offset, std::uint64_t offset,
                    std::string_view bytes) {
  const std::uint64_t end = offset + bytes.size();
  for (std::uint32_t i = 0; i < file.header.column_count; ++i) {
    const Column& column = file.header.columns[i];
    const std::uint64_t from = std::max(column.offset + column.bytes, offset);
    const std::uint64_t next =
        i + 1 < file.header.column_count ? file.header.columns[i + 1].offset : table_offset;
    const std::uint64_t to = std::min(next, end);
    if (from < to && !IsZero(bytes.substr(from - offset, to - from))) {
      return FileError(StatusCode::kDataLoss, file.name, from, "bytes in padding at offset {}",
                       from);
    }
  }
  return Status::Ok();
}

// Every block against `table`.
Status VerifyBlocks(const VerifySource& source, const VerifiedFile& file, const Footer& footer,
                    std::string_view table) {
  const std::uint32_t bits = file.header.block_bits;
  const std::uint32_t seed = file.header.file.file.CrcSeed();
  const auto buffer = std::make_unique_for_overwrite<char[]>(kVerifyBufferBytes);
  // The buffer holds whole blocks; the first piece lacks the header area.
  std::uint64_t block = 0;
  for (std::uint64_t at = 0; at < footer.table_offset; at += kVerifyBufferBytes) {
    const std::uint64_t from = std::max<std::uint64_t>(at, kHeaderAreaBytes);
    const std::uint64_t end = std::min(at + kVerifyBufferBytes, footer.table_offset);
    KYRO_RETURN_IF_ERROR(ReadAll(source, file, from, end - from, buffer.get()));
    const std::string_view piece(buffer.get(), end - from);
    for (; block < footer.block_count && (block << bits) < end; ++block) {
      const std::uint64_t block_from = std::min(BlockOffset(block, bits), end);
      const std::uint64_t block_end =
          std::max(block_from, std::min((block + 1) << bits, footer.table_offset));
      const std::uint32_t found =
          Crc32c(piece.substr(block_from - from, block_end - block_from), BlockSeed(seed, block));
      const auto want = LoadLE<std::uint32_t>(table.data() + block * 4);
      if (found != want && !KYRO_PLANTED(kSkipVerifyChecksum))
        return BlockError(file.name, block, bits, found, want);
    }
    KYRO_RETURN_IF_ERROR(CheckPadding(file, footer.table_offset, from, piece));
    KYRO_RETURN_IF_ERROR(Ticked(source, piece.size()));
  }
  return Status::Ok();
}

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
    KYRO_RETURN_IF_ERROR(LoadFilter());
    KYRO_RETURN_IF_ERROR(StartOffsets());
    for (std::uint64_t row = 0; row < layout_.entries; ++row) {
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

Result<VerifiedFile> VerifyFile(const VerifySource& source, FileKind kind, const FileRef& ref) {
  VerifiedFile from;
  from.name = FileName(kind, ref.id.number);
  if (source.temporary) from.name = TemporaryName(from.name);
  auto opened = source.directory->Open(from.name);
  if (opened.status().code() == StatusCode::kNotFound) {
    return FileError(StatusCode::kDataLoss, from.name, 0, "is missing");
  }
  KYRO_ASSIGN_OR_RETURN(from.file, std::move(opened));
  const std::uint64_t bytes = from.file->bytes();
  if (bytes != ref.bytes || bytes < kBlockFileBytesMin) {
    return FileError(StatusCode::kDataLoss, from.name, bytes, "is {} bytes long, want {}", bytes,
                     ref.bytes);
  }
  KYRO_ASSIGN_OR_RETURN(const std::string area, ReadString(source, from, 0, kHeaderAreaBytes));
  KYRO_ASSIGN_OR_RETURN(from.header, DecodeHeader(area, kind, from.name));
  KYRO_ASSIGN_OR_RETURN(const std::string tail,
                        ReadString(source, from, bytes - kFooterBytes, kFooterBytes));
  KYRO_ASSIGN_OR_RETURN(const Footer footer, DecodeFooter(tail, bytes, from.name));
  KYRO_ASSIGN_OR_RETURN(const std::string table,
                        ReadString(source, from, footer.table_offset, footer.table_bytes()));
  KYRO_RETURN_IF_ERROR(CheckParts(from.header, area, footer, table, from.name));
  if ((from.header.file.number != ref.id.number || from.header.file.file != ref.id.uuid) &&
      !KYRO_PLANTED(kSkipSegmentIdentity)) {
    return FileError(StatusCode::kDataLoss, from.name, 32, "is file {}, want {}",
                     from.header.file.file.ToString(), ref.id.uuid.ToString());
  }
  if (const Digest digest = DigestOf(area, table); digest != ref.digest && !SkipsDigest()) {
    return FileError(StatusCode::kDataLoss, from.name, 0,
                     "digest {:016x}{:016x}, want {:016x}{:016x}", digest.hi, digest.lo,
                     ref.digest.hi, ref.digest.lo);
  }
  KYRO_RETURN_IF_ERROR(VerifyBlocks(source, from, footer, table));
  if (source.bytes != nullptr) *source.bytes += bytes;
  return from;
}

Status VerifyKeysAndData(const VerifySource& source, KeyKind kind, const SegmentRef& ref) {
  KYRO_ASSIGN_OR_RETURN(const VerifiedFile keys, VerifyFile(source, FileKind::kKeys, ref.keys));
  KYRO_ASSIGN_OR_RETURN(const VerifiedFile data, VerifyFile(source, FileKind::kData, ref.data));
  KYRO_ASSIGN_OR_RETURN(const Layout layout,
                        CheckLayout(keys.header, keys.name, data.header, data.name, kind, ref));
  if (kind == KeyKind::kU64) return RowVerifier<U64>(source, keys, data, ref, layout).Run();
  return RowVerifier<Bytes>(source, keys, data, ref, layout).Run();
}

Status VerifyModelFile(const VerifySource& source, const SegmentRef& ref,
                       std::span<const std::uint64_t> keys) {
  KYRO_ASSIGN_OR_RETURN(const VerifiedFile from, VerifyFile(source, FileKind::kModel, ref.model));
  KYRO_RETURN_IF_ERROR(CheckModel(from.header, from.name, ref));
  const Column& column = *from.header.Find(ColumnId::kModel);
  KYRO_ASSIGN_OR_RETURN(index::ModelBytes blob, index::ModelBytes::Allocate(column.bytes));
  KYRO_RETURN_IF_ERROR(ReadAll(source, from, column.offset, column.bytes,
                               reinterpret_cast<char*>(blob.bytes().data())));
  const auto model = index::Model::Open(blob.bytes(), static_cast<std::uint32_t>(keys.size()));
  const Status status = model.ok() ? index::VerifyModel(model.value(), keys) : model.status();
  if (status.ok()) return status;
  return FileError(status.code(), from.name, column.offset, "{}", status.message());
}

}  // namespace kyro::segment
