// SPDX-License-Identifier: Apache-2.0
//
// Rows of u64 keys that a bulk load has taken and not handed on yet. Taking one is a comparison and
// two small copies, without a lock or a call; the builder sees them in blocks. One thread.
#ifndef KYRO_DB_ROW_STAGE_H_
#define KYRO_DB_ROW_STAGE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "kyro/status.h"
#include "kyro/types.h"
#include "segment/row_block.h"

namespace kyro::db {

class RowStage {
 public:
  // Together with 8-byte values this stays in a first-level cache.
  static constexpr std::size_t kRowsMax = 1024;
  static constexpr std::size_t kHeapBytes = std::size_t{32} << 10;
  // Larger values are not worth a copy.
  static constexpr std::size_t kValueBytesMax = kHeapBytes / 8;

  // kResourceExhausted without memory. Until then nothing fits.
  Status Allocate() {
    buffer_.reset(new (std::nothrow) Buffer);
    if (buffer_ == nullptr) return Status(StatusCode::kResourceExhausted, "no memory for rows");
    Clear();
    return Status::Ok();
  }

  // True if a value of `bytes` bytes can be pushed now.
  bool Fits(std::size_t bytes) const noexcept {
    return rows_ < rows_max_ && bytes <= kValueBytesMax && bytes <= kHeapBytes - heap_;
  }
  // Requires Fits. Keys ascend: the caller sees to it.
  void Push(std::uint64_t key, std::string_view value) noexcept {
    Buffer& to = *buffer_;
    to.keys[rows_] = key;
    Copy(to.heap + heap_, value);
    heap_ += static_cast<std::uint32_t>(value.size());
    to.ends[rows_++] = heap_;
    width_ = rows_ == 1 ? value.size() : width_;
    one_width_ &= width_ == value.size();
  }
  // All of them; valid until Clear.
  segment::RowBlock<U64> block() const noexcept {
    if (rows_ == 0) return {};
    return {.keys = {buffer_->keys, rows_},
            .values = {buffer_->heap, heap_},
            .ends = {buffer_->ends, rows_},
            .one_width = one_width_};
  }
  void Clear() noexcept {
    rows_ = 0;
    rows_max_ = kRowsMax;
    heap_ = 0;
    one_width_ = true;
  }

 private:
  struct Buffer {
    std::uint64_t keys[kRowsMax];
    std::uint32_t ends[kRowsMax];
    char heap[kHeapBytes];
  };

  // A copy of unknown length is a call; most values are of one length, and many of this.
  static void Copy(char* to, std::string_view value) noexcept {
    if (value.size() == 8) {
      std::memcpy(to, value.data(), 8);
    } else if (!value.empty()) {
      std::memcpy(to, value.data(), value.size());
    }
  }

  std::unique_ptr<Buffer> buffer_;
  std::uint32_t rows_ = 0;
  std::uint32_t rows_max_ = 0;  // 0: nothing is allocated
  std::uint32_t heap_ = 0;
  bool one_width_ = true;
  std::size_t width_ = 0;  // of the first value
};

}  // namespace kyro::db

#endif  // KYRO_DB_ROW_STAGE_H_
