// SPDX-License-Identifier: Apache-2.0
#include "segment/write_buffer.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace kyro::segment {
namespace {

constexpr std::size_t kFirstBytes = 4096;

}  // namespace

std::size_t WriteBuffer::AppendSome(const void* bytes, std::size_t count) {
  const std::size_t piece = std::min(count, limit_ - used_);
  if (piece > capacity_ - used_) {
    const std::size_t capacity = std::max(std::bit_ceil(used_ + piece), kFirstBytes);
    auto grown = std::make_unique_for_overwrite<char[]>(capacity);
    if (used_ > 0) std::memcpy(grown.get(), bytes_.get(), used_);
    bytes_ = std::move(grown);
    capacity_ = capacity;
    room_ = std::min(capacity_, limit_);
  }
  (void)TryAppend(bytes, piece);
  return piece;
}

void WriteBuffer::Clear(std::size_t limit) noexcept {
  used_ = 0;
  limit_ = limit;
  room_ = std::min(capacity_, limit_);
}

void WriteBuffer::Free() noexcept {
  bytes_.reset();
  used_ = room_ = capacity_ = 0;
}

}  // namespace kyro::segment
