// SPDX-License-Identifier: Apache-2.0
//
// Some rows on their way into a segment, as columns: what costs a call per row costs one per block.
#ifndef KYRO_SEGMENT_ROW_BLOCK_H_
#define KYRO_SEGMENT_ROW_BLOCK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace kyro::segment {

template <class K>
struct RowBlock {
  std::span<const typename K::Key> keys;  // strictly ascending
  std::string_view values;                // one after another
  std::span<const std::uint32_t> ends;    // where each ends; not looked at if they have one width
  bool one_width = false;

  std::size_t rows() const noexcept { return keys.size(); }
  // Requires one_width and a row.
  std::size_t width() const noexcept { return values.size() / keys.size(); }
  std::string_view value(std::size_t row) const noexcept {
    if (one_width) return values.substr(row * width(), width());
    const std::size_t from = row == 0 ? 0 : ends[row - 1];
    return values.substr(from, ends[row] - from);
  }
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_ROW_BLOCK_H_
