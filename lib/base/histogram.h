// SPDX-License-Identifier: Apache-2.0
//
// Histogram: how often values of which size occurred. Log-linear: each power of two is cut into
// eight buckets of one width, so that a bucket's bounds are never more than an eighth apart.
// Any thread; nothing that was added is ever lost.
//
//   H1  Bucket i holds the values of (UpperBound(i - 1), UpperBound(i)]; bucket 0 also holds 0.
//       Every power of two is an upper bound: a sum of buckets answers "at most 2^k" exactly.
//   H2  UpperBound(BucketOf(v)) is at least v and, for v > 0, at most v + v / 8.
//   H3  A value that a snapshot counts lies within the snapshot's min and max.
#ifndef KYRO_BASE_HISTOGRAM_H_
#define KYRO_BASE_HISTOGRAM_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kyro {

class Histogram {
 public:
  static constexpr unsigned kSubBits = 3;  // eight buckets to a power of two
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) << kSubBits;

  struct Snapshot {
    std::uint64_t count = 0;  // of all buckets
    std::uint64_t sum = 0;    // modulo 2^64
    std::uint64_t min = 0;    // 0 if there are none
    std::uint64_t max = 0;
    std::array<std::uint64_t, kBuckets> buckets{};
  };

  static constexpr std::size_t BucketOf(std::uint64_t value) noexcept {
    const std::uint64_t below = value - (value != 0);  // buckets are closed above, powers below
    if (below < kSub) return static_cast<std::size_t>(below);
    const unsigned shift = static_cast<unsigned>(std::bit_width(below)) - 1 - kSubBits;
    return (std::size_t{shift} << kSubBits) + static_cast<std::size_t>(below >> shift);
  }

  // The largest value in `bucket`, which is below kBuckets.
  static constexpr std::uint64_t UpperBound(std::size_t bucket) noexcept {
    if (bucket < kSub) return bucket + 1;
    if (bucket + 1 == kBuckets) return ~std::uint64_t{0};
    const std::size_t shift = (bucket >> kSubBits) - 1;
    return ((bucket & (kSub - 1)) + kSub + 1) << shift;
  }

  // Wait-free but for a new extreme.
  void Add(std::uint64_t value) noexcept {
    std::uint64_t seen = min_.load(std::memory_order_relaxed);
    while (value < seen && !min_.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
    seen = max_.load(std::memory_order_relaxed);
    while (value > seen && !max_.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
    }
    sum_.fetch_add(value, std::memory_order_relaxed);
    buckets_[BucketOf(value)].fetch_add(1, std::memory_order_release);  // H3
  }

  Snapshot Read() const noexcept {
    Snapshot snapshot;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      snapshot.buckets[i] = buckets_[i].load(std::memory_order_acquire);  // H3
      snapshot.count += snapshot.buckets[i];
    }
    if (snapshot.count == 0) return snapshot;
    snapshot.sum = sum_.load(std::memory_order_relaxed);
    snapshot.min = min_.load(std::memory_order_relaxed);
    snapshot.max = max_.load(std::memory_order_relaxed);
    return snapshot;
  }

 private:
  static constexpr std::size_t kSub = std::size_t{1} << kSubBits;

  std::atomic<std::uint64_t> min_{~std::uint64_t{0}};
  std::atomic<std::uint64_t> max_{0};
  std::atomic<std::uint64_t> sum_{0};
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets_{};
};

}  // namespace kyro

#endif  // KYRO_BASE_HISTOGRAM_H_
