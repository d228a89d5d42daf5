// SPDX-License-Identifier: Apache-2.0
#include "read/epoch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace kyro::read {
namespace {

TEST(Epoch, SynchronizeWaitsForAGuardThatWasThereBefore) {
  std::atomic<int> step{0};
  std::thread reader([&] {
    const EpochGuard guard;
    step.store(1);
    while (step.load() != 2) std::this_thread::yield();
  });
  while (step.load() != 1) std::this_thread::yield();
  std::atomic<bool> returned{false};
  std::atomic<int> looks{0};
  std::thread writer([&] {
    Synchronize([&] { looks.fetch_add(1); });
    returned.store(true);
  });
  // The guard is held until step 2, so Synchronize looks at it again and again and cannot return.
  while (looks.load() < 1000 && !returned.load()) std::this_thread::yield();
  EXPECT_FALSE(returned.load());
  step.store(2);
  writer.join();
  reader.join();
  EXPECT_TRUE(returned.load());
}

TEST(Epoch, SynchronizeReturnsAtOnceWithoutGuards) {
  Synchronize([] { std::this_thread::yield(); });
  { const EpochGuard guard; }
  Synchronize([] { std::this_thread::yield(); });
}

TEST(Epoch, AnInnerGuardsEndDoesNotEndTheOuterOne) {
  std::atomic<bool> returned{false};
  std::atomic<int> looks{0};
  std::thread writer;
  {
    const EpochGuard outer;
    ASSERT_TRUE(outer.protects());
    { const EpochGuard inner; }
    writer = std::thread([&] {
      Synchronize([&] { looks.fetch_add(1); });
      returned.store(true);
    });
    while (looks.load() < 1000 && !returned.load()) std::this_thread::yield();
    EXPECT_FALSE(returned.load());
  }
  writer.join();
  EXPECT_TRUE(returned.load());
}

TEST(Epoch, ThreadsBeyondTheSlotsAreToldSo) {
  std::atomic<std::uint32_t> started{0};
  std::atomic<std::uint32_t> unprotected{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> threads;
  constexpr std::uint32_t kThreads = kEpochSlots + 8;
  for (std::uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      const EpochGuard guard;
      unprotected.fetch_add(!guard.protects());
      started.fetch_add(1);
      while (!go.load()) std::this_thread::yield();
    });
  }
  while (started.load() != kThreads) std::this_thread::yield();
  go.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(unprotected.load(), 8u);
  // Slots come back when their threads end.
  std::thread([&] { EXPECT_TRUE(EpochGuard().protects()); }).join();
}

}  // namespace
}  // namespace kyro::read
