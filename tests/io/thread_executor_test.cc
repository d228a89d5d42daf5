// SPDX-License-Identifier: Apache-2.0
#include "io/thread_executor.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <future>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "io/env.h"

namespace kyro::io {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;

std::unique_ptr<JobQueue> NewQueue(std::string_view name = "kyro-test") {
  auto queue = SystemEnv().executor->NewQueue(name);
  EXPECT_TRUE(queue.ok());
  return std::move(queue).value();
}

// Waits until every job that was due before this call has run.
void Drain(JobQueue* queue) {
  std::promise<void> done;
  ASSERT_TRUE(queue->Post([&] { done.set_value(); }).ok());
  done.get_future().wait();
}

TEST(ThreadExecutor, JobsRunOneAtATimeInOrderOnOneOtherThread) {
  const auto queue = NewQueue();
  std::vector<int> order;
  std::set<std::thread::id> threads;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(queue
                    ->Post([&, i] {
                      order.push_back(i);
                      threads.insert(std::this_thread::get_id());
                    })
                    .ok());
  }
  Drain(queue.get());
  ASSERT_EQ(order.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads.count(std::this_thread::get_id()), 0u);
}

TEST(ThreadExecutor, AJobMayPostAnother) {
  const auto queue = NewQueue();
  std::promise<void> done;
  ASSERT_TRUE(queue->Post([&] { EXPECT_TRUE(queue->Post([&] { done.set_value(); }).ok()); }).ok());
  done.get_future().wait();
}

TEST(ThreadExecutor, ADelayedJobHoldsUpNoOther) {
  const auto queue = NewQueue();
  std::atomic<bool> ran{false};
  ASSERT_TRUE(queue->Post([&] { ran = true; }, hours(1)).ok());
  Drain(queue.get());
  EXPECT_FALSE(ran);
}

TEST(ThreadExecutor, ADelayedJobRunsNoEarlierThanItsDelay) {
  const auto queue = NewQueue();
  std::promise<std::chrono::steady_clock::time_point> ran;
  const auto posted = std::chrono::steady_clock::now();
  ASSERT_TRUE(
      queue->Post([&] { ran.set_value(std::chrono::steady_clock::now()); }, microseconds(2000))
          .ok());
  EXPECT_GE(ran.get_future().get() - posted, microseconds(2000));
}

TEST(ThreadExecutor, DelayedJobsRunInTheOrderTheyFallDue) {
  const auto queue = NewQueue();
  std::vector<int> order;
  std::promise<void> done;
  const auto late = [&] {
    order.push_back(2);
    done.set_value();
  };
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(queue->Post(late, microseconds(20'000)).ok());
  ASSERT_TRUE(queue->Post([&] { order.push_back(1); }, microseconds(100)).ok());
  const auto posting = std::chrono::steady_clock::now() - begin;
  done.get_future().wait();
  queue->Stop();
  if (posting > microseconds(19'000)) GTEST_SKIP() << "this thread slept between the two posts";
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(ThreadExecutor, StopFinishesTheCurrentJobAndDropsTheRest) {
  const auto queue = NewQueue();
  std::promise<void> started;
  std::promise<void> go_on;
  std::atomic<bool> finished{false};
  std::atomic<int> dropped_ran{0};
  const auto owned = std::make_shared<int>(1);
  ASSERT_TRUE(queue
                  ->Post([&] {
                    started.set_value();
                    go_on.get_future().wait();
                    finished = true;
                  })
                  .ok());
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(queue->Post([&dropped_ran, owned] { ++dropped_ran; }).ok());
  }
  ASSERT_TRUE(queue->Post([owned] {}, hours(1)).ok());
  started.get_future().wait();
  std::thread stopper([&] { queue->Stop(); });
  // The first Post that is refused tells that Stop has begun.
  while (queue->Post([] {}).ok()) std::this_thread::yield();
  go_on.set_value();
  stopper.join();
  EXPECT_TRUE(finished);
  EXPECT_EQ(dropped_ran, 0);
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_EQ(queue->Post([] {}).code(), StatusCode::kClosed);
  queue->Stop();  // idempotent
}

TEST(ThreadExecutor, AJobMayStopAndDestroyItsOwnQueue) {
  auto* queue = NewQueue().release();
  std::promise<void> done;
  ASSERT_TRUE(queue
                  ->Post([queue, &done] {
                    queue->Stop();
                    delete queue;
                    done.set_value();
                  })
                  .ok());
  done.get_future().wait();
}

TEST(ThreadExecutor, AnExceptionOfAJobStopsNothing) {
  const auto queue = NewQueue();
  ASSERT_TRUE(queue->Post([] { throw std::bad_alloc(); }).ok());
  ASSERT_TRUE(queue->Post([] { throw 42; }).ok());
  Drain(queue.get());
}

TEST(ThreadExecutor, TheThreadHandlesNoSignalAndBearsItsName) {
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  const auto queue = NewQueue("a-name-that-is-too-long");
  sigset_t after;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
  sigset_t inside;
  char name[16] = "";
  ASSERT_TRUE(queue
                  ->Post([&] {
                    ::pthread_sigmask(SIG_SETMASK, nullptr, &inside);
                    ::pthread_getname_np(::pthread_self(), name, sizeof(name));
                  })
                  .ok());
  Drain(queue.get());
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPROF, SIGCHLD, SIGALRM, SIGPIPE}) {
    EXPECT_EQ(::sigismember(&inside, signal), 1) << signal;
    EXPECT_EQ(::sigismember(&after, signal), ::sigismember(&before, signal)) << signal;
  }
  EXPECT_STREQ(name, "a-name-that-is-");
}

TEST(ThreadExecutor, HelpReturnsFalseAtOnce) {
  const auto queue = NewQueue();
  EXPECT_FALSE(queue->Help());
}

TEST(ThreadExecutor, AForkCanDestroyItsCopyOfAQueue) {
  auto queue = NewQueue();
  Drain(queue.get());  // the thread is up and waits: what a naive destructor would hang on
  const pid_t child = ::fork();
  if (child == 0) {
    const bool closed = queue->Post([] {}).code() == StatusCode::kClosed;
    queue->Stop();
    queue.reset();
    ::_exit(closed ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  Drain(queue.get());  // and here it works on
}

// A fork finds the queue's mutex held as often as not while another thread posts without pause.
TEST(ThreadExecutor, AForkCanDestroyItsCopyOfAQueueThatIsLocked) {
  auto queue = NewQueue();
  std::atomic<bool> stop{false};
  std::thread poster([&] {
    while (!stop) ASSERT_TRUE(queue->Post([] {}).ok());
  });
  bool clean = true;
  for (int i = 0; i < 50 && clean; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);  // a hang is a failure
      queue.reset();
      ::_exit(0);
    }
    int status = 0;
    clean = ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  stop = true;
  poster.join();
  EXPECT_TRUE(clean);
}

TEST(ThreadExecutor, PostsFromManyThreadsAllRun) {
  const auto queue = NewQueue();
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) {
        ASSERT_TRUE(queue->Post([&] { ++ran; }, microseconds(i % 3)).ok());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  while (ran < 2000) Drain(queue.get());
  EXPECT_EQ(ran, 2000);
}

}  // namespace
}  // namespace kyro::io
