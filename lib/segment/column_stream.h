// SPDX-License-Identifier: Apache-2.0
//
// Reads one column from front to back through one buffer. One thread.
#ifndef KYRO_SEGMENT_COLUMN_STREAM_H_
#define KYRO_SEGMENT_COLUMN_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/coding.h"
#include "base/status_util.h"
#include "io/file_system.h"
#include "kyro/status.h"
#include "segment/verify.h"

namespace kyro::segment {

class ColumnStream {
 public:
  // `column` null: an empty column.
  ColumnStream(const VerifiedFile& from, bool device, const Column* column);

  // The next `bytes` <= kVerifyBufferBytes bytes; valid until the next call. kDataLoss at the end
  // of the column.
  Status Next(std::uint64_t bytes, std::string_view* out) {
    if (bytes <= have_ - used_) [[likely]] {
      *out = std::string_view(buffer_.get() + used_, bytes);
      used_ += bytes;
      return Status::Ok();
    }
    return NextSlow(bytes, out);
  }
  template <class T>
  Status NextLE(T* value) {
    std::string_view bytes;
    KYRO_RETURN_IF_ERROR(Next(sizeof(T), &bytes));
    *value = LoadLE<T>(bytes.data());
    return Status::Ok();
  }
  Status Skip(std::uint64_t bytes);
  // Skips `bytes`, which must all be zero.
  Status SkipZeros(std::uint64_t bytes);
  // The file offset of the next byte.
  std::uint64_t offset() const noexcept { return offset_ - (have_ - used_); }

 private:
  Status NextSlow(std::uint64_t bytes, std::string_view* out);

  const VerifiedFile& from_;
  const bool device_;
  std::unique_ptr<char[]> buffer_;
  std::size_t used_ = 0;
  std::size_t have_ = 0;
  std::uint64_t offset_ = 0;  // of the first byte that was not read yet
  std::uint64_t end_ = 0;
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_COLUMN_STREAM_H_
