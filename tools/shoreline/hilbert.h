// SPDX-License-Identifier: Apache-2.0
//
// The Hilbert curve of order 32: a point of a 2^32 by 2^32 grid as one 64-bit number, such that
// points that are close on the curve are close on the grid. Pure functions; any thread.
#ifndef KYRO_TOOLS_SHORELINE_HILBERT_H_
#define KYRO_TOOLS_SHORELINE_HILBERT_H_

#include <cstdint>
#include <utility>

namespace kyro::shoreline {

struct GridPoint {
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  friend bool operator==(const GridPoint&, const GridPoint&) = default;
};

// The cell in which the curve visits `point`.
inline std::uint64_t HilbertCell(GridPoint point) noexcept {
  std::uint64_t cell = 0;
  auto [x, y] = point;
  for (int level = 31; level >= 0; --level) {
    const std::uint32_t right = (x >> level) & 1, upper = (y >> level) & 1;
    cell = cell << 2 | ((3 * right) ^ upper);
    // Turn the quadrant so that the curve enters it at its origin. Bits above `level` are spent.
    if (upper == 0) {
      if (right == 1) {
        x = ~x;
        y = ~y;
      }
      std::swap(x, y);
    }
  }
  return cell;
}

// The inverse: HilbertCell(HilbertPoint(cell)) == cell.
inline GridPoint HilbertPoint(std::uint64_t cell) noexcept {
  std::uint32_t x = 0, y = 0;
  for (int level = 0; level < 32; ++level) {
    const auto quadrant = static_cast<std::uint32_t>(cell >> (2 * level)) & 3;
    const std::uint32_t right = quadrant >> 1, upper = (quadrant ^ right) & 1;
    if (upper == 0) {
      if (right == 1) {
        const std::uint32_t mask = (std::uint32_t{1} << level) - 1;
        x = ~x & mask;
        y = ~y & mask;
      }
      std::swap(x, y);
    }
    x |= right << level;
    y |= upper << level;
  }
  return {x, y};
}

}  // namespace kyro::shoreline

#endif  // KYRO_TOOLS_SHORELINE_HILBERT_H_
