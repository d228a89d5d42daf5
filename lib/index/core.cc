// SPDX-License-Identifier: Apache-2.0
#include "index/core.h"

#include <algorithm>

#include "base/planted.h"

namespace kyro::index {
namespace {

bool Brackets(const std::uint64_t* keys, std::uint32_t count, std::uint64_t key,
              std::uint32_t position) noexcept {
  return (position == 0 || keys[position - 1] < key) &&
         (position == count || keys[position] >= key);
}

std::uint32_t FallBack(const Core& core, const Columns& columns, std::uint64_t key) noexcept {
  if (columns.counters != nullptr) {
    columns.counters->fallbacks.fetch_add(1, std::memory_order_relaxed);
  }
  return BinaryLowerBound(columns.keys, core.key_count, key);
}

// The lines of `count` items, `stride` bytes each, from item `first` on.
void PrefetchLines(const void* base, std::uint64_t first, std::uint64_t stride,
                   std::uint64_t count) noexcept {
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(base) + first * stride;
  for (std::uint64_t at = 0; at < count * stride; at += 64) {
    __builtin_prefetch(reinterpret_cast<const void*>(begin + at));
  }
}

}  // namespace

void PrefetchAnswers(const Columns& columns, const Window& window) noexcept {
  constexpr std::uint64_t kValueBytesMax = 256;
  PrefetchLines(columns.keys, window.start, sizeof(std::uint64_t), window.count);
  if (columns.values == nullptr || window.count * columns.value_stride > kValueBytesMax) return;
  PrefetchLines(columns.values, window.start, columns.value_stride, window.count);
}

std::uint32_t BinaryLowerBound(const std::uint64_t* keys, std::uint32_t count,
                               std::uint64_t key) noexcept {
  return static_cast<std::uint32_t>(std::lower_bound(keys, keys + count, key) - keys);
}

std::uint32_t FinishBlockProbe(const Core& core, const Columns& columns, std::uint64_t key,
                               std::uint32_t edge, std::uint32_t less) noexcept {
  // Of distinct keys the first of a window needs no look at its left neighbour.
  if (less == 0 && core.unique && columns.keys[edge] == key) return edge;
  if (KYRO_PLANTED(kBracketUnchecked)) return edge;
  if (Brackets(columns.keys, core.key_count, key, edge)) return edge;
  return FallBack(core, columns, key);
}

std::uint32_t FinishLeafProbe(const Core& core, const Columns& columns, std::uint64_t key,
                              std::uint32_t edge, std::uint32_t less,
                              std::uint32_t position) noexcept {
  const std::uint64_t* keys = columns.keys;
  const std::uint32_t count = core.key_count;
  if (less == 0 && core.unique && keys[edge] == key) return edge;
  if (KYRO_PLANTED(kBracketUnchecked)) return edge;
  if (Brackets(keys, count, key, edge)) return edge;
  const std::uint64_t error = core.max_error;
  const std::uint64_t low = position < error ? 0 : position - error;
  const std::uint64_t high = std::min<std::uint64_t>(position + error + 1, count);
  if (low <= high) {
    const std::uint32_t first = static_cast<std::uint32_t>(low);
    const std::uint32_t length = static_cast<std::uint32_t>(high - low);
    const std::uint32_t found = first + BinaryLowerBound(keys + first, length, key);
    if (Brackets(keys, count, key, found)) return found;
  }
  return FallBack(core, columns, key);
}

std::uint32_t FinishLineProbe(const Core& core, const Columns& columns, std::uint64_t key,
                              std::uint32_t edge) noexcept {
  const std::uint64_t* keys = columns.keys;
  if (KYRO_PLANTED(kBracketUnchecked)) return edge;
  if (Brackets(keys, core.key_count, key, edge)) return edge;
  // Mostly in the next block, seldom far: in steps that double. Past the clamped window of the last
  // keys there is nothing.
  const std::uint64_t end =
      std::min<std::uint64_t>(edge + std::uint64_t{core.max_error} + 1, core.key_count);
  std::uint64_t low = edge;
  std::uint64_t high = edge;
  for (std::uint64_t step = kPackedBlockKeys; high < end && keys[high] < key; step *= 2) {
    low = high;
    high = std::min(high + step, end);
  }
  const std::uint32_t found =
      static_cast<std::uint32_t>(low) +
      BinaryLowerBound(keys + low, static_cast<std::uint32_t>(high - low), key);
  if (Brackets(keys, core.key_count, key, found)) return found;
  return FallBack(core, columns, key);
}

}  // namespace kyro::index
