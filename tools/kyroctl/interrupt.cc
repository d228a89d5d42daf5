// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace kyro::kyroctl {
namespace {

// What a signal handler may touch: lock-free words.
std::atomic<bool> requested{false};
std::atomic<int> event{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

extern "C" void OnInterrupt(int) {
  const int saved = errno;
  requested.store(true);
  const std::uint64_t one = 1;
  // Nothing can be done about a failure here; the flag alone ends all but a wait for input.
  [[maybe_unused]] const auto written = write(event.load(), &one, sizeof(one));
  errno = saved;
}

}  // namespace

Interrupt::Interrupt() noexcept {
  requested.store(false);
  event.store(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  struct sigaction action = {};
  action.sa_handler = &OnInterrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, nullptr, &before_);
  // Whoever started this process with the signal ignored (a shell's background job) meant it.
  if (before_.sa_handler != SIG_IGN) sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &before_, nullptr);
  const int descriptor = event.exchange(-1);
  if (descriptor >= 0) close(descriptor);
}

bool Interrupt::Requested() noexcept {
  return requested.load();
}

int Interrupt::descriptor() noexcept {
  return event.load();
}

}  // namespace kyro::kyroctl
