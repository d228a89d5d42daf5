// SPDX-License-Identifier: Apache-2.0
#include "segment/value_shape.h"

#include "base/status_util.h"

namespace kyro::segment {

// A value of `width` bytes comes that is the first, or odd, or one of many.
Status ValueShape::Admit(std::uint64_t width) {
  if (shape_ == Shape::kOffsets) return Status::Ok();
  if (shape_ == Shape::kFixed) return TakeOffsets();
  // The first value. The tombstones before it get their slots now.
  const bool slots = width <= kTombstoneSlotBytesMax && entries_ * width <= heap_bytes_max_;
  if (entries_ > 0 && !slots) return TakeOffsets();
  shape_ = Shape::kFixed;
  width_ = width;
  return heap_->AppendZeros(entries_ * width);
}

Status ValueShape::AddTombstone() {
  if (shape_ == Shape::kFixed) {
    if (width_ <= kTombstoneSlotBytesMax) {
      ++entries_;
      return heap_->AppendZeros(width_);
    }
    KYRO_RETURN_IF_ERROR(TakeOffsets());
  }
  ++entries_;
  return shape_ == Shape::kOffsets ? AppendOffset() : Status::Ok();
}

// From here on every entry has an offset; those so far are width_ apart.
Status ValueShape::TakeOffsets() {
  shape_ = Shape::kOffsets;
  for (std::uint64_t i = 0; i <= entries_; ++i) {
    const auto offset = static_cast<std::uint32_t>(i * width_);
    KYRO_RETURN_IF_ERROR(offsets_.Append(&offset, sizeof(offset)));
  }
  return Status::Ok();
}

}  // namespace kyro::segment
