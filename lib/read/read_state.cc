// SPDX-License-Identifier: Apache-2.0
#include "read/read_state.h"

#include <utility>

#include "base/fork_word.h"

namespace kyro::read {

void Reclaimer::Defer(const ReadState* state) noexcept {
  if (IsFork(fork_word_)) return;
  const ReadState* head = head_.load(std::memory_order_relaxed);
  do {
    state->reclaim_next_ = head;
  } while (!head_.compare_exchange_weak(head, state, std::memory_order_acq_rel));
  bool in_place;
  {
    MutexLock lock(&mutex_);
    in_place = in_place_;
    if (!in_place && wake_) wake_();
  }
  if (in_place) Drain();
}

void Reclaimer::Drain() noexcept {
  const ReadState* state = head_.exchange(nullptr, std::memory_order_acq_rel);
  while (state != nullptr) {
    const ReadState* next = state->reclaim_next_;
    delete state;
    state = next;
  }
}

void Reclaimer::FreeInPlace() noexcept {
  {
    MutexLock lock(&mutex_);
    in_place_ = true;
    wake_ = nullptr;
  }
  Drain();
}

StateHolder::StateHolder(std::shared_ptr<Shared> shared, std::shared_ptr<Reclaimer> reclaimer,
                         std::function<void()> pause)
    : shared_(std::move(shared)), reclaimer_(std::move(reclaimer)), pause_(std::move(pause)) {
  std::shared_ptr<ReadState> state = NewState();
  state->runs = std::make_shared<const RunsVersion>();
  MutexLock lock(&mutex_);
  raw_.store(state.get(), std::memory_order_seq_cst);
  current_ = std::move(state);
}

StateHolder::~StateHolder() {
  // From here on nobody calls Reclaim: what readers still hold is freed where they let go.
  reclaimer_->FreeInPlace();
  Reclaim();
}

std::shared_ptr<ReadState> StateHolder::NewState() const {
  auto state = std::make_unique<ReadState>();
  state->shared = shared_;
  // The count reaching zero hands the state to the reclaimer (R2).
  return std::shared_ptr<ReadState>(
      state.release(), [reclaimer = reclaimer_](ReadState* dead) { reclaimer->Defer(dead); });
}

StatePin StateHolder::Pin() const noexcept {
  {
    const EpochGuard guard;
    if (const ReadState* state = Peek(guard); state != nullptr) return state->shared_from_this();
  }
  MutexLock lock(&mutex_);
  return current_;
}

void StateHolder::Replace(std::shared_ptr<ReadState> next) noexcept {
  raw_.store(next.get(), std::memory_order_seq_cst);  // E2
  current_->limbo_next_ = std::move(limbo_);
  limbo_ = std::move(current_);
  current_ = std::move(next);
}

void StateHolder::Reclaim() noexcept {
  StatePin limbo;
  {
    MutexLock lock(&mutex_);
    limbo = std::move(limbo_);
  }
  if (limbo != nullptr) Synchronize(pause_);
  while (limbo != nullptr) {
    StatePin next = std::move(limbo->limbo_next_);
    limbo = std::move(next);  // the last pin may go here
  }
  reclaimer_->Drain();
}

}  // namespace kyro::read
