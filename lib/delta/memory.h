// SPDX-License-Identifier: Apache-2.0
//
// The memory of a delta: an arena, with nodes aligned to cache lines in slabs of it, and a count
// of what was given out. One writer; bytes() may be read by any thread.
#ifndef KYRO_DELTA_MEMORY_H_
#define KYRO_DELTA_MEMORY_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/arena.h"
#include "base/coding.h"

namespace kyro::delta {

inline constexpr std::size_t kCacheLineBytes = 64;

class Memory {
 public:
  // Small budgets have small blocks: a delta that holds little costs little.
  explicit Memory(std::size_t budget_bytes) noexcept
      : arena_(std::clamp(budget_bytes / 256, std::size_t{4} << 10, std::size_t{1} << 20)) {}

  // What a node of kBytes costs at most, apart from kSlabSlackBytes in all.
  template <std::size_t kBytes>
  static constexpr std::size_t NodeBytes() noexcept {
    return (SlabBytes<kBytes>() + kSlabNodes - 1) / kSlabNodes;
  }
  // Of one kind of node: the slab that the next one begins.
  template <std::size_t kBytes>
  static constexpr std::size_t SlabBytes() noexcept {
    return AlignUp(kSlabNodes * kBytes + kCacheLineBytes - Arena::kAlignment, Arena::kAlignment);
  }

  Status Reserve(std::size_t bytes) noexcept { return arena_.Reserve(bytes); }

  // These require that enough was reserved.
  void* Allocate(std::size_t bytes) noexcept {
    Count(bytes);
    return arena_.Allocate(bytes);
  }

  struct Slab {
    char* next = nullptr;
    std::size_t left = 0;  // nodes
  };
  template <std::size_t kBytes>
  void* AllocateNode(Slab* slab) noexcept {
    static_assert(kBytes % kCacheLineBytes == 0);
    if (slab->left == 0) {
      const auto at = reinterpret_cast<std::uintptr_t>(arena_.Allocate(SlabBytes<kBytes>()));
      *slab = Slab{reinterpret_cast<char*>(AlignUp(at, kCacheLineBytes)), kSlabNodes};
    }
    void* const node = slab->next;
    slab->next += kBytes;
    --slab->left;
    Count(kBytes);
    return node;
  }

  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kSlabNodes = 8;

  void Count(std::size_t bytes) noexcept {
    bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  }

  Arena arena_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace kyro::delta

#endif  // KYRO_DELTA_MEMORY_H_
