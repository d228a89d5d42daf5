// SPDX-License-Identifier: Apache-2.0
#include "support/step_executor.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <thread>

namespace kyro::support {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class StepExecutorTest : public ::testing::Test {
 protected:
  std::function<void()> Log(char c) {
    return [this, c] { log_ += c; };
  }

  FakeClock clock_;
  StepExecutor executor_{&clock_};
  std::unique_ptr<io::JobQueue> flush_ = executor_.NewQueue("flush").value();
  std::unique_ptr<io::JobQueue> merge_ = executor_.NewQueue("merge").value();
  std::string log_;
};

TEST_F(StepExecutorTest, NothingRunsUntilItIsTold) {
  ASSERT_TRUE(flush_->Post(Log('a')).ok());
  EXPECT_EQ(log_, "");
  EXPECT_EQ(executor_.pending(), 1u);
  EXPECT_TRUE(executor_.RunOne());
  EXPECT_EQ(log_, "a");
  EXPECT_FALSE(executor_.RunOne());
}

TEST_F(StepExecutorTest, JobsRunInTheOrderPostedOrByQueue) {
  ASSERT_TRUE(flush_->Post(Log('a')).ok());
  ASSERT_TRUE(merge_->Post(Log('b')).ok());
  ASSERT_TRUE(flush_->Post(Log('c')).ok());
  ASSERT_TRUE(merge_->Post(Log('d')).ok());
  EXPECT_EQ(executor_.pending("merge"), 2u);
  EXPECT_TRUE(executor_.RunOne("merge"));
  EXPECT_EQ(executor_.RunDue(), 3u);
  EXPECT_EQ(log_, "bacd");
  EXPECT_FALSE(executor_.RunOne("none"));
}

TEST_F(StepExecutorTest, DelayedJobsWaitForTheClockAndHoldUpNoOther) {
  ASSERT_TRUE(flush_->Post(Log('l'), milliseconds(10)).ok());
  ASSERT_TRUE(flush_->Post(Log('e'), milliseconds(5)).ok());
  ASSERT_TRUE(flush_->Post(Log('n')).ok());
  EXPECT_EQ(executor_.RunDue(), 1u);
  EXPECT_EQ(log_, "n");
  EXPECT_EQ(executor_.due(), 0u);
  clock_.Advance(milliseconds(5));
  EXPECT_EQ(executor_.due(), 1u);
  EXPECT_EQ(executor_.RunDue(), 1u);
  EXPECT_EQ(log_, "ne");
  clock_.Sleep(microseconds(4999));
  EXPECT_EQ(executor_.RunDue(), 0u);
  clock_.Sleep(microseconds(1));
  EXPECT_EQ(executor_.RunDue(), 1u);
  EXPECT_EQ(log_, "nel");
}

TEST_F(StepExecutorTest, RunAllAdvancesTheClockToEachJob) {
  ASSERT_TRUE(flush_
                  ->Post(
                      [this] {
                        log_ += 'a';
                        ASSERT_TRUE(merge_->Post(Log('c'), milliseconds(3)).ok());
                      },
                      milliseconds(7))
                  .ok());
  ASSERT_TRUE(flush_->Post(Log('b'), milliseconds(8)).ok());
  const std::uint64_t begin = clock_.MonotonicNanos();
  EXPECT_EQ(executor_.RunAll(), 3u);
  EXPECT_EQ(log_, "abc");
  EXPECT_EQ(clock_.MonotonicNanos() - begin, 10'000'000u);
}

TEST_F(StepExecutorTest, RunsStopAtTheirLimit) {
  std::function<void()> again = [&] { ASSERT_TRUE(flush_->Post([&] { again(); }).ok()); };
  again();
  EXPECT_EQ(executor_.RunDue(10), 10u);
  EXPECT_EQ(executor_.RunAll(10), 10u);
}

TEST_F(StepExecutorTest, AdvanceRunsEachJobAtItsTime) {
  std::vector<std::uint64_t> times;
  const std::uint64_t begin = clock_.MonotonicNanos();
  for (const int at : {30, 10, 20, 99}) {
    ASSERT_TRUE(
        flush_->Post([&] { times.push_back(clock_.MonotonicNanos() - begin); }, milliseconds(at))
            .ok());
  }
  EXPECT_EQ(executor_.Advance(milliseconds(50)), 3u);
  EXPECT_EQ(times, (std::vector<std::uint64_t>{10'000'000, 20'000'000, 30'000'000}));
  EXPECT_EQ(clock_.MonotonicNanos() - begin, 50'000'000u);
}

TEST_F(StepExecutorTest, HelpRunsAJobOfItsOwnQueueOnly) {
  ASSERT_TRUE(flush_->Post(Log('a')).ok());
  ASSERT_TRUE(merge_->Post(Log('b')).ok());
  EXPECT_TRUE(merge_->Help());
  EXPECT_FALSE(merge_->Help());
  EXPECT_EQ(log_, "b");
}

TEST_F(StepExecutorTest, AJobMayHelpAnotherQueueButNotItsOwn) {
  ASSERT_TRUE(flush_
                  ->Post([this] {
                    log_ += '(';
                    EXPECT_FALSE(flush_->Help());
                    EXPECT_TRUE(merge_->Help());
                    log_ += ')';
                  })
                  .ok());
  ASSERT_TRUE(flush_->Post(Log('a')).ok());
  ASSERT_TRUE(merge_->Post(Log('m')).ok());
  EXPECT_EQ(executor_.RunDue(), 2u);
  EXPECT_EQ(log_, "(m)a");
}

TEST_F(StepExecutorTest, StopDropsWhatWaitsAndRefusesMore) {
  const auto owned = std::make_shared<int>(0);
  ASSERT_TRUE(flush_->Post([owned] {}).ok());
  ASSERT_TRUE(merge_->Post(Log('m')).ok());
  flush_->Stop();
  EXPECT_EQ(owned.use_count(), 1);
  EXPECT_EQ(flush_->Post(Log('a')).code(), StatusCode::kClosed);
  flush_->Stop();
  EXPECT_EQ(executor_.RunDue(), 1u);
  EXPECT_EQ(log_, "m");
}

TEST_F(StepExecutorTest, AJobMayStopAndDestroyItsOwnQueue) {
  ASSERT_TRUE(flush_
                  ->Post([this] {
                    flush_.reset();
                    log_ += 'a';
                  })
                  .ok());
  ASSERT_TRUE(flush_->Post(Log('b')).ok());
  EXPECT_EQ(executor_.RunDue(), 1u);
  EXPECT_EQ(log_, "a");
}

TEST_F(StepExecutorTest, StopWaitsForAJobOnAnotherThread) {
  std::promise<void> started;
  std::promise<void> go_on;
  ASSERT_TRUE(flush_
                  ->Post([&] {
                    started.set_value();
                    go_on.get_future().wait();
                    log_ += 'a';
                  })
                  .ok());
  std::thread runner([&] { EXPECT_TRUE(executor_.RunOne()); });
  started.get_future().wait();
  std::thread stopper([&] { flush_->Stop(); });
  while (flush_->Post([] {}).ok()) std::this_thread::yield();
  go_on.set_value();
  stopper.join();
  EXPECT_EQ(log_, "a");
  runner.join();
}

}  // namespace
}  // namespace kyro::support
