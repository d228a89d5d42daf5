// SPDX-License-Identifier: Apache-2.0
//
// Stopwatch: the time of one operation, into a histogram. One thread.
#ifndef KYRO_IO_STOPWATCH_H_
#define KYRO_IO_STOPWATCH_H_

#include <cstdint>

#include "base/histogram.h"
#include "io/env.h"

namespace kyro::io {

class Stopwatch {
 public:
  // Starts. With a null clock nothing is read or added: histograms are off.
  explicit Stopwatch(const Clock* clock) noexcept
      : clock_(clock), start_(clock == nullptr ? 0 : clock->MonotonicNanos()) {}

  // Adds the nanoseconds since the start.
  void Stop(Histogram* histogram) const noexcept {
    if (clock_ != nullptr) histogram->Add(clock_->MonotonicNanos() - start_);
  }

 private:
  const Clock* const clock_;
  const std::uint64_t start_;
};

}  // namespace kyro::io

#endif  // KYRO_IO_STOPWATCH_H_
