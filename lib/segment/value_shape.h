// SPDX-License-Identifier: Apache-2.0
//
// Decides, while values stream, whether a segment needs an offsets column: not as long as every
// value has the same width. When an odd one comes, the offsets of all entries before it follow from
// their number, so nothing has to be kept until then.
//
// A deleted entry has no value. In a segment of one width it keeps a slot of zeros, so that the
// stride holds, if that slot is at most kTombstoneSlotBytesMax; otherwise the segment takes
// offsets, which cost 4 bytes an entry, and deleted entries are empty. One thread.
#ifndef KYRO_SEGMENT_VALUE_SHAPE_H_
#define KYRO_SEGMENT_VALUE_SHAPE_H_

#include <cstdint>
#include <string_view>

#include "base/status_util.h"
#include "kyro/status.h"
#include "segment/block_writer.h"
#include "segment/spill.h"

namespace kyro::segment {

inline constexpr std::uint64_t kTombstoneSlotBytesMax = 16;

class ValueShape {
 public:
  ValueShape(BlockWriter* heap, SpillFile* spill, std::uint64_t heap_bytes_max)
      : heap_(heap), offsets_(spill), heap_bytes_max_(heap_bytes_max) {}

  Status Add(std::string_view value) {
    if (shape_ != Shape::kFixed || value.size() != width_) [[unlikely]] {
      KYRO_RETURN_IF_ERROR(Admit(value.size()));
    }
    KYRO_RETURN_IF_ERROR(heap_->Append(value));
    ++entries_;
    return shape_ == Shape::kOffsets ? AppendOffset() : Status::Ok();
  }
  // True if every value so far is `width` bytes wide, and there is one.
  bool HasWidth(std::uint64_t width) const noexcept {
    return shape_ == Shape::kFixed && width == width_;
  }
  // `count` values, one after another. Requires HasWidth of their width.
  Status AddAll(std::string_view values, std::uint64_t count) {
    entries_ += count;
    return heap_->Append(values);
  }
  Status AddTombstone();

  std::uint64_t heap_bytes() const noexcept { return heap_->column_bytes(); }
  // Null: every value is width() wide.
  SpillColumn* offsets() noexcept { return shape_ == Shape::kOffsets ? &offsets_ : nullptr; }
  std::uint32_t width() const noexcept { return static_cast<std::uint32_t>(width_); }

 private:
  enum class Shape { kUnknown, kFixed, kOffsets };  // unknown: only tombstones so far
  Status Admit(std::uint64_t width);
  Status TakeOffsets();
  Status AppendOffset() {
    const auto end = static_cast<std::uint32_t>(heap_->column_bytes());
    return offsets_.Append(&end, sizeof(end));
  }

  BlockWriter* const heap_;
  SpillColumn offsets_;
  const std::uint64_t heap_bytes_max_;
  Shape shape_ = Shape::kUnknown;
  std::uint64_t width_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_VALUE_SHAPE_H_
