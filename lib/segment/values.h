// SPDX-License-Identifier: Apache-2.0
//
// The value side of an open segment: where an entry's value is, and whether it has one. Everything
// is verified and bounds-checked where it is used (S1, S2). Any thread.
#ifndef KYRO_SEGMENT_VALUES_H_
#define KYRO_SEGMENT_VALUES_H_

#include <cstdint>
#include <string_view>

#include "segment/block_file.h"
#include "segment/layout.h"
#include "segment/segment.h"

namespace kyro::segment {

class Values {
 public:
  Values() = default;
  Values(const BlockFile* keys, const BlockFile* data, const Layout& layout)
      : keys_(keys), data_(data) {
    heap_at_ = layout.values->offset;
    heap_bytes_ = layout.values->bytes;
    heap_ = data->at(heap_at_);
    stride_ = layout.values->stride;
    if (layout.value_offsets != nullptr) {
      offsets_at_ = layout.value_offsets->offset;
      offsets_ = reinterpret_cast<const std::uint32_t*>(keys->at(offsets_at_));
    }
    if (layout.tombstones != nullptr) {
      tombstones_at_ = layout.tombstones->offset;
      tombstones_ = reinterpret_cast<const unsigned char*>(keys->at(tombstones_at_));
    }
  }

  // What a lookup may fetch ahead: the first value, or the first offset.
  const void* prefetch_base() const noexcept {
    return offsets_ != nullptr ? static_cast<const void*>(offsets_) : heap_;
  }
  std::uint32_t prefetch_stride() const noexcept {
    return offsets_ != nullptr ? sizeof(std::uint32_t) : static_cast<std::uint32_t>(stride_);
  }

  // All values are of one width above 0, and every row has one.
  bool plain() const noexcept {
    return offsets_ == nullptr && tombstones_ == nullptr && stride_ > 0;
  }

  // The answer at `position`. kTest: blocks may be unverified.
  template <bool kTest>
  Lookup At(std::uint64_t position) const noexcept {
    if (tombstones_ != nullptr) [[unlikely]] {
      if (kTest) {
        const Status* error = keys_->Verify(tombstones_at_ + position / 8, 1);
        if (error != nullptr) return Lookup::Failed(error);
      }
      if ((tombstones_[position / 8] >> (position % 8) & 1) != 0) return Lookup::Tombstone();
    }
    std::uint64_t from = position * stride_;
    std::uint64_t bytes = stride_;
    if (offsets_ != nullptr) {
      if (kTest) {
        const Status* error = keys_->Verify(offsets_at_ + position * 4, 8);
        if (error != nullptr) return Lookup::Failed(error);
      }
      from = offsets_[position];
      const std::uint64_t to = offsets_[position + 1];
      bytes = to - from;
      if (to < from || to > heap_bytes_) [[unlikely]]
        return Lookup::Failed(BadOffset(position));
    }
    if (kTest) {
      const Status* error = data_->Verify(heap_at_ + from, bytes);
      if (error != nullptr) return Lookup::Failed(error);
    }
    return Lookup::Present(std::string_view(heap_ + from, bytes));
  }

  // Verifies rows [begin, *end), with *end lowered where the values grow beyond `budget` bytes (not
  // below begin + 1), and points `chunk` at them.
  const Status* Rows(std::uint64_t begin, std::uint64_t* end, std::uint64_t budget,
                     Chunk* chunk) const noexcept;

  // Bytes of the entry's offset, for Explain.
  std::uint64_t heap_offset(std::string_view value) const noexcept {
    return heap_at_ + static_cast<std::uint64_t>(value.data() - heap_);
  }

 private:
  [[gnu::cold]] const Status* BadOffset(std::uint64_t position) const noexcept {
    return keys_->Impossible(offsets_at_ + position * 4, "a value offset out of range");
  }

  const BlockFile* keys_ = nullptr;
  const BlockFile* data_ = nullptr;
  const char* heap_ = nullptr;
  const std::uint32_t* offsets_ = nullptr;
  const unsigned char* tombstones_ = nullptr;
  std::uint64_t stride_ = 0;
  std::uint64_t heap_bytes_ = 0;
  std::uint64_t heap_at_ = 0;  // file offsets
  std::uint64_t offsets_at_ = 0;
  std::uint64_t tombstones_at_ = 0;
};

// Checks that offsets [begin, *end] ascend inside a heap of `heap_bytes` and that no step exceeds
// `step_max`; lowers *end where they span more than `budget`, not below begin + 1. Returns the
// first position whose offset is wrong, or *end.
std::uint64_t CheckOffsets(const std::uint32_t* offsets, std::uint64_t begin, std::uint64_t* end,
                           std::uint64_t heap_bytes, std::uint64_t step_max,
                           std::uint64_t budget) noexcept;

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_VALUES_H_
