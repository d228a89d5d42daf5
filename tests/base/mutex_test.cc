// SPDX-License-Identifier: Apache-2.0
#include "base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace kyro {
namespace {

TEST(Mutex, ExcludesThreads) {
  struct {
    Mutex mutex;
    int count KYRO_GUARDED_BY(mutex) = 0;
  } shared;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&shared] {
      for (int i = 0; i < 5000; ++i) {
        const MutexLock lock(&shared.mutex);
        ++shared.count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const MutexLock lock(&shared.mutex);
  EXPECT_EQ(shared.count, 20000);
}

TEST(CondVar, HandsATurnToAndFro) {
  struct {
    Mutex mutex;
    CondVar changed;
    int turn KYRO_GUARDED_BY(mutex) = 0;
  } shared;
  const auto play = [&shared](int me) {
    for (int i = 0; i < 500; ++i) {
      const MutexLock lock(&shared.mutex);
      while (shared.turn % 2 != me) shared.changed.Wait(&shared.mutex);
      ++shared.turn;
      shared.changed.NotifyAll();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  const MutexLock lock(&shared.mutex);
  EXPECT_EQ(shared.turn, 1000);
}

TEST(CondVar, WaitForHoldsTheMutexAgainAfterATimeout) {
  struct {
    Mutex mutex;
    CondVar never;
    int count KYRO_GUARDED_BY(mutex) = 0;
  } shared;
  const auto add = [&shared] {
    for (int i = 0; i < 200; ++i) {
      const MutexLock lock(&shared.mutex);
      while (shared.never.WaitFor(&shared.mutex, std::chrono::microseconds(10))) {
      }
      const int before = shared.count;
      std::this_thread::yield();
      shared.count = before + 1;
    }
  };
  std::thread other(add);
  add();
  other.join();
  const MutexLock lock(&shared.mutex);
  EXPECT_EQ(shared.count, 400);
}

}  // namespace
}  // namespace kyro
