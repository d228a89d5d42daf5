// SPDX-License-Identifier: Apache-2.0
//
// An arena that can refuse. Memory for a commit is reserved before its log record is written; the
// allocations after that cannot fail.
#ifndef KYRO_BASE_ARENA_H_
#define KYRO_BASE_ARENA_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kyro/status.h"

namespace kyro {

// One thread reserves and allocates; bytes() may be read by any thread. Memory lives as long as
// the arena.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 8;

  explicit Arena(std::size_t block_bytes = std::size_t{1} << 20) noexcept
      : block_bytes_(block_bytes) {}
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Makes sure that the next Allocate calls, up to `bytes` in total with each rounded up to
  // kAlignment, succeed. kResourceExhausted otherwise, and nothing has changed.
  Status Reserve(std::size_t bytes) noexcept;

  // Bytes aligned to kAlignment, uninitialised. Requires enough Reserve'd bytes.
  void* Allocate(std::size_t bytes) noexcept;

  // Bytes taken from the system: what the arena costs. Any thread.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Block;
  const std::size_t block_bytes_;
  Block* head_ = nullptr;
  char* next_ = nullptr;
  std::size_t left_ = 0;  // bytes from next_ to the end of the newest block
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace kyro

#endif  // KYRO_BASE_ARENA_H_
