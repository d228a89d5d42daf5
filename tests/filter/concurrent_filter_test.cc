// SPDX-License-Identifier: Apache-2.0
#include "filter/concurrent_filter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "filter/refusing_new.h"
#include "filter/split_block.h"

namespace kyro::filter {
namespace {

constexpr std::size_t kBudget = std::size_t{64} << 20;

TEST(ConcurrentFilter, NeverDeniesAnAddedKeyWhileItGrows) {
  ConcurrentFilter filter;
  ASSERT_TRUE(filter.Init(4096));
  const std::size_t first_bytes = filter.bytes();
  EXPECT_EQ(first_bytes, ConcurrentFilter::kRungBytesMin);
  constexpr std::uint64_t kKeys = 100000;
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    filter.Add(HashKey(key));
    if ((key & (key + 1)) != 0) continue;
    for (std::uint64_t old = 0; old <= key; ++old) ASSERT_TRUE(filter.MayContain(HashKey(old)));
  }
  for (std::uint64_t key = 0; key < kKeys; ++key) ASSERT_TRUE(filter.MayContain(HashKey(key)));
  EXPECT_GT(filter.bytes(), 100 * first_bytes);
}

TEST(ConcurrentFilter, FalsePositivesStayBelowTwoPercentAtEverySize) {
  ConcurrentFilter filter;
  ASSERT_TRUE(filter.Init(kBudget));
  EXPECT_FALSE(filter.MayContain(HashKey(std::uint64_t{1})));
  std::uint64_t key = 0;
  for (const std::uint64_t keys : {1000u, 4096u, 30000u, 300000u, 800000u}) {
    for (; key < keys; ++key) filter.Add(HashKey(key));
    constexpr std::uint64_t kProbes = 100000;
    std::uint64_t positives = 0;
    for (std::uint64_t i = 0; i < kProbes; ++i) {
      positives += filter.MayContain(HashKey((std::uint64_t{1} << 40) + i));
    }
    EXPECT_LT(positives, kProbes / 50) << keys;
  }
}

TEST(ConcurrentFilter, RefusedMemoryCostsPrecisionOnly) {
  if (!support::RefuseNew::Works()) GTEST_SKIP() << "operator new is the sanitizer's";
  ConcurrentFilter refused;
  {
    const support::RefuseNew refuse;
    EXPECT_FALSE(refused.Init(kBudget));
  }
  EXPECT_EQ(refused.bytes(), 0u);

  ConcurrentFilter filter;
  ASSERT_TRUE(filter.Init(4096));
  const std::size_t bytes = filter.bytes();
  {
    const support::RefuseNew refuse;
    for (std::uint64_t key = 0; key < 2000; ++key) filter.Add(HashKey(key));
  }
  EXPECT_EQ(filter.bytes(), bytes);
  for (std::uint64_t key = 2000; key < 4000; ++key) filter.Add(HashKey(key));
  EXPECT_GT(filter.bytes(), bytes);
  for (std::uint64_t key = 0; key < 4000; ++key) ASSERT_TRUE(filter.MayContain(HashKey(key)));
}

TEST(ConcurrentFilter, ReadersSeeEveryPublishedKey) {
  ConcurrentFilter filter;
  ASSERT_TRUE(filter.Init(4096));
  constexpr std::uint64_t kKeys = 50000;
  std::atomic<std::uint64_t> published{0};
  std::thread writer([&] {
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      filter.Add(HashKey(key));
      published.store(key + 1, std::memory_order_release);
    }
  });
  std::uint64_t denied = 0;
  for (std::uint64_t seen = 0, salt = 0; seen < kKeys; ++salt) {
    seen = published.load(std::memory_order_acquire);
    for (std::uint64_t i = 0; i < 64 && i < seen; ++i) {
      denied += !filter.MayContain(HashKey((salt * 64 + i) % seen));
    }
    if (seen != 0) denied += !filter.MayContain(HashKey(seen - 1));
  }
  writer.join();
  EXPECT_EQ(denied, 0u);
}

}  // namespace
}  // namespace kyro::filter
