// SPDX-License-Identifier: Apache-2.0
//
// Bytes on their way to a file: a buffer that starts with one page and doubles up to a limit, so
// that a flush of a few rows does not pay for the buffers of a merge. One thread at a time.
#ifndef KYRO_SEGMENT_WRITE_BUFFER_H_
#define KYRO_SEGMENT_WRITE_BUFFER_H_

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace kyro::segment {

class WriteBuffer {
 public:
  // `limit`: the most that it holds. Bytes, at least one.
  explicit WriteBuffer(std::size_t limit) noexcept : limit_(limit) {}

  // Takes all of `bytes`, or none if they do not fit into the memory there is.
  bool TryAppend(const void* bytes, std::size_t count) noexcept {
    if (count > room_ - used_) [[unlikely]]
      return false;
    if (count > 0) std::memcpy(bytes_.get() + used_, bytes, count);
    used_ += count;
    return true;
  }
  // Takes as many of `bytes` as the limit allows, growing; returns how many. Throws std::bad_alloc.
  std::size_t AppendSome(const void* bytes, std::size_t count);

  bool full() const noexcept { return used_ == limit_; }
  std::size_t size() const noexcept { return used_; }
  // Valid until the next call of anything else.
  std::string_view bytes() const noexcept { return std::string_view(bytes_.get(), used_); }
  void Clear() noexcept { used_ = 0; }  // keeps the memory
  // The same, with a new limit.
  void Clear(std::size_t limit) noexcept;
  void Free() noexcept;

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t used_ = 0;
  std::size_t room_ = 0;  // the lesser of memory and limit
  std::size_t capacity_ = 0;
  std::size_t limit_;
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_WRITE_BUFFER_H_
