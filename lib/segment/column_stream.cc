// SPDX-License-Identifier: Apache-2.0
#include "segment/column_stream.h"

#include <algorithm>
#include <cstring>

#include "base/status_util.h"

namespace kyro::segment {

ColumnStream::ColumnStream(const VerifiedFile& from, bool device, const Column* column)
    : from_(from), device_(device) {
  if (column == nullptr) return;
  offset_ = column->offset;
  end_ = column->offset + column->bytes;
  buffer_ = NewVerifyBuffer(column->bytes);  // reading ahead stays inside the column
}

Status ColumnStream::NextSlow(std::uint64_t bytes, std::string_view* out) {
  const std::size_t left = have_ - used_;
  if (bytes > kVerifyBufferBytes || bytes - left > end_ - offset_) {
    return FileError(StatusCode::kDataLoss, from_.name, offset(),
                     "{} bytes at offset {}, where the column has {}", bytes, offset(),
                     end_ - offset());
  }
  if (left > 0) std::memmove(buffer_.get(), buffer_.get() + used_, left);
  const std::size_t want = std::min<std::uint64_t>(kVerifyBufferBytes - left, end_ - offset_);
  char* const to = buffer_.get() + left;
  KYRO_ASSIGN_OR_RETURN(const std::size_t found, device_ ? from_.file->ReadDevice(offset_, want, to)
                                                         : from_.file->Read(offset_, want, to));
  if (found != want) {
    return FileError(StatusCode::kDataLoss, from_.name, offset_ + found, "ends at byte {}, want {}",
                     offset_ + found, offset_ + want);
  }
  offset_ += want;
  have_ = left + want;
  used_ = bytes;
  *out = std::string_view(buffer_.get(), bytes);
  return Status::Ok();
}

Status ColumnStream::Skip(std::uint64_t bytes) {
  const std::uint64_t left = have_ - used_;
  if (bytes <= left) {
    used_ += bytes;
    return Status::Ok();
  }
  if (bytes - left > end_ - offset_) {
    return FileError(StatusCode::kDataLoss, from_.name, offset(),
                     "{} bytes at offset {}, where the column has {}", bytes, offset(),
                     end_ - offset());
  }
  offset_ += bytes - left;
  used_ = have_ = 0;
  return Status::Ok();
}

Status ColumnStream::SkipZeros(std::uint64_t bytes) {
  while (bytes > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(bytes, kVerifyBufferBytes);
    const std::uint64_t at = offset();
    std::string_view found;
    KYRO_RETURN_IF_ERROR(Next(piece, &found));
    if (!IsZero(found)) {
      return FileError(StatusCode::kDataLoss, from_.name, at,
                       "bytes in a deleted entry's slot at offset {}, want zeros", at);
    }
    bytes -= piece;
  }
  return Status::Ok();
}

}  // namespace kyro::segment
