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

#include <cstdint>
#include <functional>

namespace kyro::read {

// More threads than this fall back to a mutex (EpochGuard::protects() is false).
inline constexpr std::uint32_t kEpochSlots = 1024;

class EpochGuard {
 public:
  EpochGuard() noexcept;
  ~EpochGuard();
  EpochGuard(const EpochGuard&) = delete;
  EpochGuard& operator=(const EpochGuard&) = delete;
  bool protects() const noexcept { return slot_ != nullptr; }

 private:
  struct Slot;
  friend class ThreadSlot;
  friend void Synchronize(const std::function<void()>& pause) noexcept;
  Slot* slot_;
};

// Returns when every guard that was live at the call is gone. Calls `pause`, which must not throw,
// between looks at a guard that is not. Never called under a guard.
void Synchronize(const std::function<void()>& pause) noexcept;

// A small number for this thread, to spread counters by: below kEpochSlots. The first call gives
// the thread its cell of base/tally.h too.
std::uint32_t ThreadIndex() noexcept;

}  // namespace kyro::read

#endif  // KYRO_READ_EPOCH_H_
