// SPDX-License-Identifier: Apache-2.0
#include "index/core.h"

#include <algorithm>

namespace kyro::index {
namespace {

bool Brackets(const std::uint64_t* keys, std::uint32_t count, std::uint64_t key,
              std::uint32_t position) noexcept {
  return (position == 0 || keys[position - 1] < key) &&
         (position == count || keys[position] >= key);
}

}  // namespace

std::uint32_t BinaryLowerBound(const std::uint64_t* keys, std::uint32_t count,
                               std::uint64_t key) noexcept {
  return static_cast<std::uint32_t>(std::lower_bound(keys, keys + count, key) - keys);
}

std::uint32_t FinishProbe(const Core& core, const Columns& columns, std::uint64_t key,
                          const Window& window, std::uint32_t less) noexcept {
  const std::uint64_t* keys = columns.keys;
  const std::uint32_t count = core.key_count;
  const std::uint32_t edge = window.start + less;  // one end of the window
  // Of distinct keys the first of a window needs no look at its left neighbour.
  if (less == 0 && core.unique && keys[edge] == key) return edge;
  if (Brackets(keys, count, key, edge)) return edge;
  if (!window.in_tree) {
    const std::uint64_t error = core.max_error;
    const std::uint64_t low = window.position < error ? 0 : window.position - error;
    const std::uint64_t high = std::min<std::uint64_t>(window.position + error + 1, count);
    if (low <= high) {
      const std::uint32_t first = static_cast<std::uint32_t>(low);
      const std::uint32_t length = static_cast<std::uint32_t>(high - low);
      const std::uint32_t found = first + BinaryLowerBound(keys + first, length, key);
      if (Brackets(keys, count, key, found)) return found;
    }
  }
  if (columns.counters != nullptr) {
    columns.counters->fallbacks.fetch_add(1, std::memory_order_relaxed);
  }
  return BinaryLowerBound(keys, count, key);
}

}  // namespace kyro::index
