// SPDX-License-Identifier: Apache-2.0
#include "read/epoch.h"

#include <atomic>

#include "base/planted.h"
#include "base/tally.h"

namespace kyro::read {

// The slot of one thread, given back when the thread ends.
class ThreadSlot {
 public:
  ThreadSlot() noexcept;
  ~ThreadSlot() {
    thread_epoch_slot = nullptr;
    if (slot_ != nullptr) slot_->taken.store(false, std::memory_order_release);
    slot_ = nullptr;
  }
  EpochSlot* slot() const noexcept { return slot_; }
  std::uint32_t index() const noexcept { return index_; }

  static EpochSlot slots[kEpochSlots];
  // One past the highest slot ever taken: what Synchronize has to look at.
  static std::atomic<std::uint32_t> used;

 private:
  EpochSlot* slot_ = nullptr;
  std::uint32_t index_ = 0;
};

EpochSlot ThreadSlot::slots[kEpochSlots];
std::atomic<std::uint32_t> ThreadSlot::used{0};

std::atomic<std::uint64_t> global_epoch{1};
constinit thread_local EpochSlot* thread_epoch_slot = nullptr;

namespace {
const ThreadSlot& MySlot() noexcept {
  thread_local const ThreadSlot slot;
  return slot;
}
}  // namespace

ThreadSlot::ThreadSlot() noexcept {
  for (std::uint32_t i = 0; i < kEpochSlots; ++i) {
    bool expected = false;
    if (slots[i].taken.load(std::memory_order_relaxed) ||
        !slots[i].taken.compare_exchange_strong(expected, true, std::memory_order_acquire)) {
      continue;
    }
    std::uint32_t high = used.load(std::memory_order_relaxed);
    while (high <= i && !used.compare_exchange_weak(high, i + 1, std::memory_order_seq_cst)) {
    }
    slot_ = &slots[i];
    index_ = i;
    return;
  }
}

EpochSlot* TakeEpochSlot() noexcept {
  return thread_epoch_slot = MySlot().slot();
}

void Synchronize(const std::function<void()>& pause) noexcept {
  // A reader that starts after this increment stores a larger epoch than `before`, or an equal one
  // that it read earlier; the latter is waited for needlessly, which is safe.
  const std::uint64_t before = global_epoch.fetch_add(1, std::memory_order_seq_cst);
  const std::uint32_t used = ThreadSlot::used.load(std::memory_order_seq_cst);
  for (std::uint32_t i = 0; i < used; ++i) {
    for (;;) {
      const std::uint64_t epoch = ThreadSlot::slots[i].epoch.load(std::memory_order_seq_cst);
      if (epoch == 0 || epoch > before || KYRO_PLANTED(kEpochNotAwaited)) break;
      pause();
    }
  }
}

std::uint32_t ThreadIndex() noexcept {
  // Every write and every Get without a view asks. A plain word in static thread storage, without
  // the guard of an object that is constructed on first use.
  constexpr std::uint32_t kUnknown = ~std::uint32_t{0};
  [[gnu::tls_model("initial-exec")]] static constinit thread_local std::uint32_t index = kUnknown;
  if (index == kUnknown) [[unlikely]] {
    index = MySlot().index();
    thread_tally_cell = index % kTallyCells;
  }
  return index;
}

}  // namespace kyro::read
