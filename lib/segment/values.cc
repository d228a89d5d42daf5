// SPDX-License-Identifier: Apache-2.0
#include "segment/values.h"

#include <algorithm>

namespace kyro::segment {

std::uint64_t CheckOffsets(const std::uint32_t* offsets, std::uint64_t begin, std::uint64_t* end,
                           std::uint64_t heap_bytes, std::uint64_t step_max,
                           std::uint64_t budget) noexcept {
  const std::uint64_t first = offsets[begin];
  // Two comparisons for a row that is as it should be.
  const std::uint64_t limit = std::min(heap_bytes, first + budget);
  std::uint64_t from = first;
  for (std::uint64_t i = begin; i < *end; ++i) {
    const std::uint64_t to = offsets[i + 1];
    // A step down wraps around, beyond every step_max.
    if (to - from > step_max || to > limit) [[unlikely]] {
      if (to - from > step_max || to > heap_bytes) return i;
      if (i > begin) {
        *end = i;
        break;
      }
    }
    from = to;
  }
  return *end;
}

const Status* Values::Rows(std::uint64_t begin, std::uint64_t* end, std::uint64_t budget,
                           Chunk* chunk) const noexcept {
  if (tombstones_ != nullptr) {
    const std::uint64_t first = begin / 8;
    const std::uint64_t last = (*end - 1) / 8;
    const Status* error = keys_->Verify(tombstones_at_ + first, last - first + 1);
    if (error != nullptr) return error;
  }
  std::uint64_t from = begin * stride_;
  std::uint64_t to = 0;
  if (offsets_ == nullptr) {
    if (stride_ > 0) {
      *end = std::min(*end, begin + std::max<std::uint64_t>(budget / stride_, 1));
    }
    to = *end * stride_;
  } else {
    const Status* error = keys_->Verify(offsets_at_ + begin * 4, (*end - begin + 1) * 4);
    if (error != nullptr) return error;
    const std::uint64_t bad =
        CheckOffsets(offsets_, begin, end, heap_bytes_, kValueBytesMax, budget);
    if (bad != *end) return BadOffset(bad);
    from = offsets_[begin];
    to = offsets_[*end];
  }
  if (const Status* error = data_->Verify(heap_at_ + from, to - from); error != nullptr) {
    return error;
  }
  chunk->begin = begin;
  chunk->end = *end;
  chunk->values = heap_;
  chunk->value_offsets = offsets_;
  chunk->value_stride = stride_;
  chunk->tombstones = tombstones_;
  return nullptr;
}

}  // namespace kyro::segment
