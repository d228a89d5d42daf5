// SPDX-License-Identifier: Apache-2.0
#include "segment/verify.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/crc32c.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "segment/layout.h"
#include "segment/verify_rows.h"

namespace kyro::segment {

namespace {

// A planted bug: checksum and digest both stand over header and table; without either of them the
// other finds what is wrong.
bool SkipsDigest() noexcept {
  return KYRO_PLANTED(kSkipSegmentHeaderChecksum) || KYRO_PLANTED(kSkipTableChecksum) ||
         KYRO_PLANTED(kSkipSegmentIdentity);
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
  const auto buffer = NewVerifyBuffer(footer.table_offset);
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

}  // namespace

Status Ticked(const VerifySource& source, std::uint64_t bytes) {
  if (source.tick != nullptr && *source.tick && !(*source.tick)(bytes)) {
    return Status(StatusCode::kCancelled, "the check was cancelled");
  }
  return Status::Ok();
}

Status ReadAll(const VerifySource& source, const VerifiedFile& from, std::uint64_t offset,
               std::uint64_t bytes, char* to) {
  KYRO_ASSIGN_OR_RETURN(const std::size_t found, source.device
                                                     ? from.file->ReadDevice(offset, bytes, to)
                                                     : from.file->Read(offset, bytes, to));
  if (found == bytes) return Status::Ok();
  return FileError(StatusCode::kDataLoss, from.name, offset + found, "ends at byte {}, want {}",
                   offset + found, offset + bytes);
}

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
  return VerifyRows(source, kind, keys, data, ref, layout);
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

Status VerifyModelBytes(const VerifySource& source, const SegmentRef& ref,
                        std::span<const std::byte> model) {
  KYRO_ASSIGN_OR_RETURN(const VerifiedFile from, VerifyFile(source, FileKind::kModel, ref.model));
  KYRO_RETURN_IF_ERROR(CheckModel(from.header, from.name, ref));
  const Column& column = *from.header.Find(ColumnId::kModel);
  bool same = column.bytes == model.size();
  const auto buffer = NewVerifyBuffer(model.size());
  for (std::uint64_t at = 0; same && at < model.size(); at += kVerifyBufferBytes) {
    const std::uint64_t bytes = std::min<std::uint64_t>(kVerifyBufferBytes, model.size() - at);
    KYRO_RETURN_IF_ERROR(ReadAll(source, from, column.offset + at, bytes, buffer.get()));
    same = std::memcmp(buffer.get(), model.data() + at, bytes) == 0;
  }
  if (same) return Status::Ok();
  return FileError(StatusCode::kDataLoss, from.name, column.offset,
                   "a model read back that is not what was written");
}

}  // namespace kyro::segment
