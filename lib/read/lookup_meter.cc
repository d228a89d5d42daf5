// SPDX-License-Identifier: Apache-2.0
#include "read/lookup_meter.h"

#include <utility>

namespace kyro::read {
namespace {

// More threads than cells may lose increments, so that a later sum can be the smaller one.
std::uint64_t Growth(std::uint64_t since, std::uint64_t now) noexcept {
  return now > since ? now - since : 0;
}

}  // namespace

SampledTally::SampledTally(bool sampled) noexcept {
  for (std::size_t i = 0; i < kTallyCells; ++i) {
    cells_[i].due.store(sampled ? Gap(i + 1) : ~std::uint64_t{0}, std::memory_order_relaxed);
  }
}

bool SampledTally::IsDue(std::uint64_t count) noexcept {
  if (TallyCells::HasCell()) return true;
  ThreadIndex();  // gives it one, in which these are counted now (T1)
  return cells_.Add(count);
}

void SampledTally::Rearm() noexcept {
  TallyCells::Cell& cell = cells_[ThreadIndex() % kTallyCells];
  const std::uint64_t now = cell.count.load(std::memory_order_relaxed);
  if (now < cell.due.load(std::memory_order_relaxed)) return;
  cell.due.store(now + Gap(now), std::memory_order_relaxed);
}

std::uint64_t SampledTally::Gap(std::uint64_t count) noexcept {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
  constexpr std::uint64_t kSpread = kLookupsPerSample / 2;
  static_assert((kSpread & (kSpread - 1)) == 0);
  return kLookupsPerSample - kSpread / 2 + ((count * kGolden) >> 32) % kSpread;
}

LookupMeter::LookupMeter(std::function<std::uint64_t()> nanos)
    : nanos_(std::move(nanos)), by_model_(nanos_ != nullptr), others_(nanos_ != nullptr) {}

std::uint64_t LookupMeter::Begin() noexcept {
  by_model_.Rearm();
  others_.Rearm();
  return nanos_();
}

void LookupMeter::Record(Timer::Call call, std::uint64_t start) noexcept {
  const std::uint64_t nanos = nanos_() - start;
  if (call == Timer::Call::kMultiGet) return multigets_.Add(nanos);
  gets_.Add(nanos);
  if (upkeep_.load(std::memory_order_relaxed)) gets_during_upkeep_.Add(nanos);
}

void LookupMeter::BeginUpkeep() noexcept {
  MutexLock lock(&mutex_);
  if (running_++ > 0) return;
  since_ = lookups();
  upkeep_.store(true, std::memory_order_relaxed);
}

void LookupMeter::EndUpkeep() noexcept {
  MutexLock lock(&mutex_);
  if (--running_ > 0) return;
  upkeep_.store(false, std::memory_order_relaxed);
  during_ += Growth(since_, lookups());
}

std::uint64_t LookupMeter::lookups_during_upkeep() const noexcept {
  MutexLock lock(&mutex_);
  return during_ + (running_ > 0 ? Growth(since_, lookups()) : 0);
}

}  // namespace kyro::read
