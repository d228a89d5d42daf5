// SPDX-License-Identifier: Apache-2.0
#include "filter/concurrent_filter.h"

#include <algorithm>
#include <bit>
#include <new>

#include "base/check.h"

namespace kyro::filter {

namespace {

// Four keys a word: 0.5% false positives in a full rung.
constexpr std::size_t kBytesPerKey = 2;
constexpr std::size_t kGrowth = 8;
constexpr std::size_t kFirstRungBytesMax = std::size_t{8} << 10;
// A first rung of this share of the budget is full when about a tenth of the budget is.
constexpr std::size_t kBudgetShare = 64;

}  // namespace

ConcurrentFilter::~ConcurrentFilter() {
  for (const Rung& rung : rungs_) delete[] rung.words;
}

bool ConcurrentFilter::Init(std::size_t budget_bytes) noexcept {
  KYRO_DCHECK(count_.load(std::memory_order_relaxed) == 0);
  return Grow(
      std::clamp(std::bit_floor(budget_bytes / kBudgetShare), kRungBytesMin, kFirstRungBytesMax));
}

bool ConcurrentFilter::Grow(std::size_t rung_bytes) noexcept {
  const std::uint32_t count = count_.load(std::memory_order_relaxed);
  if (count == kRungsMax) return false;
  const std::size_t size = rung_bytes / sizeof(AtomicWord);
  AtomicWord* const words = new (std::nothrow) AtomicWord[size]();
  if (words == nullptr) return false;
  rungs_[count] = Rung{words, size};
  room_ = rung_bytes / kBytesPerKey;
  bytes_.store(bytes_.load(std::memory_order_relaxed) + rung_bytes, std::memory_order_relaxed);
  count_.store(count + 1, std::memory_order_release);  // C1
  return true;
}

void ConcurrentFilter::Add(std::uint64_t hash) noexcept {
  std::uint32_t newest = count_.load(std::memory_order_relaxed) - 1;
  if (room_ == 0) {
    const std::size_t rung_bytes = rungs_[newest].size * sizeof(AtomicWord);
    if (Grow(std::min(rung_bytes * kGrowth, kRungBytesMax))) {
      ++newest;
    } else {
      room_ = rung_bytes / kBytesPerKey;  // asks again after as many keys
    }
  }
  --room_;
  // One writer: a load and a store, not a read-modify-write.
  AtomicWord& word = rungs_[newest].Word(hash);
  word.store(word.load(std::memory_order_relaxed) | Bits(hash), std::memory_order_relaxed);
}

}  // namespace kyro::filter
