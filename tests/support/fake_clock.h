// SPDX-License-Identifier: Apache-2.0
//
// FakeClock: time that passes only when a test says so. Sleep advances it and returns at once.
#ifndef KYRO_TESTS_SUPPORT_FAKE_CLOCK_H_
#define KYRO_TESTS_SUPPORT_FAKE_CLOCK_H_

#include <atomic>
#include <chrono>
#include <cstdint>

#include "io/env.h"

namespace kyro::support {

// Any thread.
class FakeClock final : public io::Clock {
 public:
  static constexpr std::uint64_t kStartMicros = 1'750'000'000'000'000;  // in June 2025

  std::uint64_t NowMicros() const noexcept override {
    return kStartMicros + nanos_.load(std::memory_order_relaxed) / 1000;
  }
  std::uint64_t MonotonicNanos() const noexcept override {
    return nanos_.load(std::memory_order_relaxed);
  }
  void Sleep(std::chrono::microseconds duration) noexcept override { Advance(duration); }

  void Advance(std::chrono::nanoseconds duration) noexcept {
    if (duration.count() > 0) {
      nanos_.fetch_add(static_cast<std::uint64_t>(duration.count()), std::memory_order_relaxed);
    }
  }

 private:
  std::atomic<std::uint64_t> nanos_{1'000'000'000};
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_FAKE_CLOCK_H_
