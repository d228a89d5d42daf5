// SPDX-License-Identifier: Apache-2.0
//
// Counting without contention: every thread adds to a cell of its own by a plain load and store.
// The part that stands in a lookup's way: seven instructions and no call (read/lookup_meter.h has
// the rest).
//
//   T1  A thread that has no cell yet falls on a cell that is always due and whose count nobody
//       reads, so that it needs no test of its own: who finds a count due looks whether it was.
#ifndef KYRO_BASE_TALLY_H_
#define KYRO_BASE_TALLY_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace kyro {

// Exact for up to this many threads; beyond that two threads may lose an increment.
inline constexpr std::size_t kTallyCells = 64;

// This thread's cell, kTallyCells until ThreadIndex (read/epoch.h) gave it one. A plain word in
// static thread storage: an object that is constructed on first use costs a test, another model of
// thread storage a call.
extern constinit thread_local std::uint32_t thread_tally_cell [[gnu::tls_model("initial-exec")]];

class TallyCells {
 public:
  struct alignas(64) Cell {
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> due{0};  // the count at which its thread is to be told
  };

  // Adds to the calling thread's cell. True once its count is due, or has no cell (T1).
  bool Add(std::uint64_t count) noexcept {
    Cell& cell = cells_[thread_tally_cell];
    const std::uint64_t now = cell.count.load(std::memory_order_relaxed) + count;
    cell.count.store(now, std::memory_order_relaxed);
    return now >= cell.due.load(std::memory_order_relaxed);
  }
  static bool HasCell() noexcept { return thread_tally_cell < kTallyCells; }

  Cell& operator[](std::size_t cell) noexcept { return cells_[cell]; }
  std::uint64_t Sum() const noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kTallyCells; ++i) {
      sum += cells_[i].count.load(std::memory_order_relaxed);
    }
    return sum;
  }

 private:
  std::array<Cell, kTallyCells + 1> cells_;  // the last one is T1's
};

}  // namespace kyro

#endif  // KYRO_BASE_TALLY_H_
