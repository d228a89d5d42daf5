// SPDX-License-Identifier: Apache-2.0
//
// The read state: everything a reader needs, in one immutable object behind one pointer. A freeze
// and an install each publish a new one. Pebble calls the like of it `readState`.
//
//   R1  A published state never changes; its generations and runs follow each other in sequence
//       order without a gap (V2, V3 of docs/architecture.md).
//   R2  The last unpin of a state only queues it: unmapping and freeing happen in Reclaim, on the
//       maintenance thread (or in the releasing thread once the Db is closed).
#ifndef KYRO_READ_READ_STATE_H_
#define KYRO_READ_READ_STATE_H_

#include <array>
#include <atomic>
#include <functional>
#include <memory>

#include "base/limits.h"
#include "base/mutex.h"
#include "delta/generation.h"
#include "read/epoch.h"
#include "read/runs.h"
#include "read/shared.h"

namespace kyro::read {

// The active generation, the frozen ones, and one to spare for a batch that needs its own.
inline constexpr std::size_t kGenerationsMax = kFrozenGenerationsMax + 2;

class ReadState : public std::enable_shared_from_this<ReadState> {
 public:
  using Generations = std::array<std::shared_ptr<delta::Generation>, kGenerationsMax>;

  Generations generations;  // newest first, null from generation_count on
  std::size_t generation_count = 0;
  std::shared_ptr<const RunsVersion> runs;
  std::shared_ptr<Shared> shared;

 private:
  friend class StateHolder;
  friend class Reclaimer;
  mutable std::shared_ptr<const ReadState> limbo_next_;  // StateHolder's list
  mutable const ReadState* reclaim_next_ = nullptr;      // Reclaimer's list
};

using StatePin = std::shared_ptr<const ReadState>;

// Takes states nobody reads any more. Any thread.
class Reclaimer {
 public:
  // `wake` is called after something was queued: cheap, from any thread.
  // In a fork of the process of `fork_word` nothing is freed any more.
  explicit Reclaimer(std::function<void()> wake, const std::uint8_t* fork_word = nullptr)
      : fork_word_(fork_word), wake_(std::move(wake)) {}
  ~Reclaimer() { Drain(); }

  void Defer(const ReadState* state) noexcept;
  void Drain() noexcept;
  // From now on states are freed where they are released: there is no maintenance thread.
  void FreeInPlace() noexcept;

 private:
  const std::uint8_t* const fork_word_;
  std::atomic<const ReadState*> head_{nullptr};
  Mutex mutex_;
  bool in_place_ KYRO_GUARDED_BY(mutex_) = false;
  std::function<void()> wake_ KYRO_GUARDED_BY(mutex_);
};

// Owns the current state. Any thread.
class StateHolder {
 public:
  // `pause` lets a moment pass while Reclaim waits for readers; it must not throw.
  StateHolder(std::shared_ptr<Shared> shared, std::shared_ptr<Reclaimer> reclaimer,
              std::function<void()> pause);
  ~StateHolder();

  // A state to fill and Publish. May throw bad_alloc.
  std::shared_ptr<ReadState> NewState() const;

  // Pins the current state: no lock, unless the process has more threads than epoch slots.
  StatePin Pin() const noexcept;
  // For the length of one call under `guard`, without a count.
  const ReadState* Peek(const EpochGuard& guard) const noexcept {
    return guard.protects() ? raw_.load(std::memory_order_seq_cst) : nullptr;
  }

  // Fills `next` from the current state through `edit` and makes it current, with no other Publish
  // between. `edit` must not throw or block.
  template <class Edit>
  void Publish(std::shared_ptr<ReadState> next, Edit&& edit) noexcept {
    MutexLock lock(&mutex_);
    edit(*current_, next.get());
    Replace(std::move(next));
  }

  // Lets go of replaced states that no reader can be about to use. Waits for readers inside a
  // call; run by the maintenance thread.
  void Reclaim() noexcept;

  const std::shared_ptr<Shared>& shared() const noexcept { return shared_; }

 private:
  void Replace(std::shared_ptr<ReadState> next) noexcept KYRO_REQUIRES(mutex_);

  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<Reclaimer> reclaimer_;
  const std::function<void()> pause_;
  mutable Mutex mutex_;
  StatePin current_ KYRO_GUARDED_BY(mutex_);
  StatePin limbo_ KYRO_GUARDED_BY(mutex_);  // replaced, not yet synchronized
  std::atomic<const ReadState*> raw_{nullptr};
};

}  // namespace kyro::read

#endif  // KYRO_READ_READ_STATE_H_
