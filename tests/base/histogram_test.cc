// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace kyro {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};

// What a bucket holds, by a search through the bounds.
std::size_t SlowBucketOf(std::uint64_t value) {
  std::size_t bucket = 0;
  while (Histogram::UpperBound(bucket) < value) ++bucket;
  return bucket;
}

TEST(Histogram, BoundsRiseAndEndAtTheLargestValue) {
  for (std::size_t i = 1; i < Histogram::kBuckets; ++i) {
    ASSERT_GT(Histogram::UpperBound(i), Histogram::UpperBound(i - 1)) << i;
  }
  EXPECT_EQ(Histogram::UpperBound(0), 1u);
  EXPECT_EQ(Histogram::UpperBound(Histogram::kBuckets - 1), kMax);
}

TEST(Histogram, BoundsAreAtMostAnEighthApart) {
  for (std::size_t i = 1; i < Histogram::kBuckets; ++i) {
    const std::uint64_t smallest = Histogram::UpperBound(i - 1) + 1;
    ASSERT_LE(Histogram::UpperBound(i) - smallest, smallest / 8) << i;
  }
}

TEST(Histogram, EveryPowerOfTwoIsABound) {
  for (int power = 0; power < 64; ++power) {
    const std::uint64_t value = std::uint64_t{1} << power;
    EXPECT_EQ(Histogram::UpperBound(Histogram::BucketOf(value)), value) << power;
  }
}

TEST(Histogram, PowersAndTheirNeighboursFallIntoTheirBuckets) {
  std::vector<std::uint64_t> values = {0, 1, 2, 3, kMax - 1, kMax};
  for (int power = 0; power < 64; ++power) {
    const std::uint64_t one = std::uint64_t{1} << power;
    for (const std::uint64_t eighth : {std::uint64_t{0}, one / 8, one / 4, one / 2, one / 8 * 7}) {
      values.insert(values.end(), {one + eighth - 1, one + eighth, one + eighth + 1});
    }
  }
  for (const std::uint64_t value : values) {
    EXPECT_EQ(Histogram::BucketOf(value), SlowBucketOf(value)) << value;
  }
}

TEST(Histogram, SnapshotHasCountSumAndExtremes) {
  Histogram histogram;
  EXPECT_EQ(histogram.Read().count, 0u);
  EXPECT_EQ(histogram.Read().min, 0u);
  for (const std::uint64_t value : {700, 3, 1000000}) histogram.Add(value);
  const Histogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.count, 3u);
  EXPECT_EQ(snapshot.sum, 1000703u);
  EXPECT_EQ(snapshot.min, 3u);
  EXPECT_EQ(snapshot.max, 1000000u);
  for (const std::uint64_t value : {700, 3, 1000000}) {
    EXPECT_EQ(snapshot.buckets[Histogram::BucketOf(value)], 1u) << value;
  }
}

TEST(Histogram, ConcurrentAddsLoseNothing) {
  constexpr std::uint64_t kThreads = 4;
  constexpr std::uint64_t kAdds = 2000000;
  Histogram histogram;
  std::atomic<std::uint64_t> ready{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&histogram, &ready] {
      ready.fetch_add(1);
      while (ready.load() < kThreads) std::this_thread::yield();
      for (std::uint64_t i = 0; i < kAdds; ++i) histogram.Add(5 + i % 2);  // all want two buckets
    });
  }
  std::uint64_t before = 0;
  for (int i = 0; i < 100; ++i) {
    const Histogram::Snapshot snapshot = histogram.Read();
    EXPECT_GE(snapshot.count, before);
    before = snapshot.count;
    if (snapshot.count == 0) continue;
    EXPECT_GE(snapshot.min, 5u);  // H3
    EXPECT_LE(snapshot.min, 6u);
    EXPECT_EQ(snapshot.max == 5 || snapshot.max == 6, true) << snapshot.max;
  }
  for (std::thread& thread : threads) thread.join();
  const Histogram::Snapshot snapshot = histogram.Read();
  EXPECT_EQ(snapshot.count, kThreads * kAdds);
  EXPECT_EQ(snapshot.sum, kThreads * kAdds / 2 * (5 + 6));
  EXPECT_EQ(snapshot.buckets[Histogram::BucketOf(5)], kThreads * kAdds / 2);
  EXPECT_EQ(snapshot.buckets[Histogram::BucketOf(6)], kThreads * kAdds / 2);
}

}  // namespace
}  // namespace kyro
