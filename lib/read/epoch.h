// SPDX-License-Identifier: Apache-2.0
//
// Epochs: how a Get protects itself without a lock or a shared write.
//
// A reader stores the current epoch into its thread's slot, loads a shared pointer, uses what it
// points to and clears the slot. Whoever replaced the pointer calls Synchronize before freeing the
// old object: it waits until every slot is clear or was set after the replacement.
//
//   E1  Enter's store precedes, in the one order of seq_cst operations, the reader's pointer load.
//   E2  The pointer is replaced (seq_cst) before Synchronize reads the slots.
//   So a slot that Synchronize sees clear belongs to a reader that will load the new pointer.
//
// Protection is held only during a call, never between calls: an idle thread delays nobody.
#ifndef KYRO_READ_EPOCH_H_
#define KYRO_READ_EPOCH_H_

#include <atomic>
#include <cstdint>
#include <functional>

namespace kyro::read {

// More threads than this fall back to a mutex (EpochGuard::protects() is false).
inline constexpr std::uint32_t kEpochSlots = 1024;

// Where a thread says that it reads: a cache line of its own, so that readers do not disturb each
// other.
struct alignas(64) EpochSlot {
  std::atomic<std::uint64_t> epoch{0};  // 0: not reading
  std::atomic<bool> taken{false};
  std::uint32_t depth = 0;  // nested guards of the owning thread
};

extern std::atomic<std::uint64_t> global_epoch;
// This thread's slot; null before its first guard, and where there was none left.
extern constinit thread_local EpochSlot* thread_epoch_slot [[gnu::tls_model("initial-exec")]];
// Gives the thread a slot, if one is left.
EpochSlot* TakeEpochSlot() noexcept;

class EpochGuard {
 public:
  EpochGuard() noexcept : slot_(thread_epoch_slot) {
    if (slot_ == nullptr) [[unlikely]] {
      slot_ = TakeEpochSlot();
      if (slot_ == nullptr) return;
    }
    if (slot_->depth++ > 0) return;
    slot_->epoch.store(global_epoch.load(std::memory_order_relaxed), std::memory_order_seq_cst);
  }
  ~EpochGuard() {
    if (slot_ == nullptr || --slot_->depth > 0) return;
    slot_->epoch.store(0, std::memory_order_release);
  }
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;
  bool protects() const noexcept { return slot_ != nullptr; }

 private:
  EpochSlot* slot_;
};

// Returns when every guard that was live at the call is gone. Calls `pause`, which must not throw,
// between looks at a guard that is not. Never called under a guard.
void Synchronize(const std::function<void()>& pause) noexcept;

// A small number for this thread, to spread counters by: below kEpochSlots. The first call gives
// the thread its cell of base/tally.h too.
std::uint32_t ThreadIndex() noexcept;

}  // namespace kyro::read

#endif  // KYRO_READ_EPOCH_H_
