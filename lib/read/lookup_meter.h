// SPDX-License-Identifier: Apache-2.0
//
// What is measured of lookups: how many there were, how many of them while upkeep ran, and the time
// that a sample of them took. Built so that a lookup pays for one counter in its thread's own cache
// line and one comparison with a word beside it: no clock, no shared write.
//
//   M1  Of a thread's lookups one in about kLookupsPerSample is timed, at gaps that vary, so that a
//       workload with a rhythm does not hide half of itself.
//   M2  Lookups during upkeep are not counted one by one: what the counters grew by between the
//       beginning and the end of upkeep is added up.
#ifndef KYRO_READ_LOOKUP_METER_H_
#define KYRO_READ_LOOKUP_METER_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "base/histogram.h"
#include "base/mutex.h"
#include "base/tally.h"
#include "read/epoch.h"

namespace kyro::read {

inline constexpr std::uint64_t kLookupsPerSample = 256;

// Counts (base/tally.h).
class Tally {
 public:
  void Add(std::uint64_t count) noexcept {
    std::atomic<std::uint64_t>& cell = cells_[ThreadIndex() % kTallyCells].count;
    cell.store(cell.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  std::uint64_t Sum() const noexcept { return cells_.Sum(); }

 private:
  TallyCells cells_;
};

// A Tally that says which of the things it counts should be looked at more closely (M1).
class SampledTally {
 public:
  // With `sampled` false it only counts.
  explicit SampledTally(bool sampled) noexcept;

  // True if one of these `count` (at least 1) is to be sampled: then call Rearm, from the same
  // thread. It is not done here so that nothing but the comparison stands in a lookup's way.
  bool Add(std::uint64_t count) noexcept {
    if (!cells_.Add(count)) [[likely]]
      return false;
    return IsDue(count);
  }
  // What Add asks once cells().Add(count) said so.
  bool IsDue(std::uint64_t count) noexcept;
  TallyCells* cells() noexcept { return &cells_; }
  // Chooses the next to be sampled, if one is due.
  void Rearm() noexcept;
  std::uint64_t Sum() const noexcept { return cells_.Sum(); }

 private:
  // 3/4 to 5/4 of kLookupsPerSample, by a hash of `count`.
  static std::uint64_t Gap(std::uint64_t count) noexcept;

  TallyCells cells_;
};

// Any thread.
class LookupMeter {
 public:
  // `nanos` reads a monotonic clock and must not throw. Null: nothing is timed.
  explicit LookupMeter(std::function<std::uint64_t()> nanos);

  // Counts lookups; true if the caller is to time the call they are part of, with a Timer.
  bool Count(std::uint64_t lookups) noexcept { return others_.Add(lookups); }
  // The same for lookups that go through exactly one model each: they are predictions too, and one
  // counter serves for both.
  bool CountByModel(std::uint64_t lookups = 1) noexcept { return by_model_.Add(lookups); }
  // CountByModel for who adds to the cells by itself: true if the call is to be timed, asked when a
  // count was due.
  TallyCells* by_model_cells() noexcept { return by_model_.cells(); }
  bool IsDueByModel() noexcept { return by_model_.IsDue(1); }

  std::uint64_t lookups() const noexcept { return by_model_.Sum() + others_.Sum(); }
  std::uint64_t by_model() const noexcept { return by_model_.Sum(); }
  std::uint64_t lookups_during_upkeep() const noexcept;

  // Times one sampled call until it is destroyed. Null: does nothing.
  class Timer {
   public:
    enum class Call : std::uint8_t { kGet, kMultiGet };
    Timer(LookupMeter* meter, Call call) noexcept
        : meter_(meter), call_(call), start_(meter == nullptr ? 0 : meter->Begin()) {}
    ~Timer() {
      if (meter_ != nullptr) meter_->Record(call_, start_);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    LookupMeter* const meter_;
    const Call call_;
    const std::uint64_t start_;
  };

  // A flush, merge or retraining runs while one of these lives.
  class Upkeep {
   public:
    explicit Upkeep(LookupMeter* meter) noexcept : meter_(meter) { meter_->BeginUpkeep(); }
    ~Upkeep() { meter_->EndUpkeep(); }
    Upkeep(const Upkeep&) = delete;
    Upkeep& operator=(const Upkeep&) = delete;

   private:
    LookupMeter* const meter_;
  };

  const Histogram& gets() const noexcept { return gets_; }
  // Of `gets` those that ended while upkeep ran.
  const Histogram& gets_during_upkeep() const noexcept { return gets_during_upkeep_; }
  const Histogram& multigets() const noexcept { return multigets_; }

 private:
  std::uint64_t Begin() noexcept;
  void Record(Timer::Call call, std::uint64_t start) noexcept;
  void BeginUpkeep() noexcept;
  void EndUpkeep() noexcept;

  const std::function<std::uint64_t()> nanos_;
  SampledTally by_model_;
  SampledTally others_;
  Histogram gets_;
  Histogram gets_during_upkeep_;
  Histogram multigets_;

  std::atomic<bool> upkeep_{false};  // running_ > 0
  mutable Mutex mutex_;              // taken when upkeep begins or ends, never by a lookup
  std::uint64_t running_ KYRO_GUARDED_BY(mutex_) = 0;
  std::uint64_t since_ KYRO_GUARDED_BY(mutex_) = 0;   // lookups() when running_ left 0
  std::uint64_t during_ KYRO_GUARDED_BY(mutex_) = 0;  // over past stretches (M2)
};

}  // namespace kyro::read

#endif  // KYRO_READ_LOOKUP_METER_H_
