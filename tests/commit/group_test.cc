// SPDX-License-Identifier: Apache-2.0
//
// Group commit with real threads: writers that come while a group syncs share the next one.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "batch/batch.h"
#include "commit/commit_queue.h"
#include "support/fault_fs.h"
#include "support/test_env.h"

namespace kyro::commit {
namespace {

// A log file, by its own or its temporary name: a handle keeps the name it was opened by.
bool IsLog(std::string_view name) {
  return name.find(".wal") != std::string_view::npos;
}

using support::FsOp;

class GroupCommit : public testing::Test {
 protected:
  GroupCommit() {
    states_.Publish(states_.NewState(), [&](const read::ReadState& now, read::ReadState* then) {
      then->runs = now.runs;
      then->generations[0] = *delta::Generation::Create(1 << 20, 0);
      then->generation_count = 1;
    });
    queue_ = std::make_unique<CommitQueue>(
        env_.EnvOver(&faults_), CommitOptions{std::chrono::milliseconds(100), 1 << 20, {}},
        CommitHooks{[] {}, [] { return false; }, [] { return Status::Ok(); }, [](bool) {}}, &log_,
        &states_, chores_.get(), 0, 0);
    Put(0);  // the file is open now
  }
  ~GroupCommit() override { chores_->Stop(); }

  void Put(std::uint64_t key) {
    std::string bytes;
    batch::Clear(&bytes);
    batch::Op op;
    op.keyspace = 1;
    op.key = std::string_view(reinterpret_cast<const char*>(&key), sizeof(key));
    ASSERT_TRUE(batch::Append(&bytes, op).ok());
    ASSERT_TRUE(queue_->Commit(bytes, Durability::kSync).ok());
  }

  support::TestEnv env_;
  support::FaultFs faults_{&env_.fs()};
  std::unique_ptr<io::Directory> directory_ = *faults_.OpenDirectory("/db", true);
  std::unique_ptr<io::JobQueue> chores_ = *env_.executor().NewQueue("log");
  read::StateHolder states_{std::make_shared<read::Shared>(),
                            std::make_shared<read::Reclaimer>([] {}), [] {}};
  std::atomic<std::uint64_t> number_{0};
  Log log_{env_.EnvOver(&faults_), directory_.get(), LogOptions{{7, 7}, 1 << 20},
           LogHooks{[this] { return ++number_; }, [](const FileId&) { return Status::Ok(); },
                    [] { return ManifestMark{}; }},
           LogEnd{}};
  std::unique_ptr<CommitQueue> queue_;
};

TEST_F(GroupCommit, WritersThatComeDuringASyncShareOneRecordAndOneSync) {
  // The first group hangs in its sync until all others wait in the queue: how many groups follow
  // does not depend on timing, only that the others gathered meanwhile.
  const auto block = faults_.Block({FsOp::kSync}, IsLog);
  const std::uint64_t writes = faults_.Count({FsOp::kWrite}, IsLog);
  std::thread first([this] { Put(1); });
  faults_.WaitUntilBlocked(block);
  std::vector<std::thread> others;
  for (std::uint64_t key = 2; key < 10; ++key) others.emplace_back([this, key] { Put(key); });
  while (queue_->waiting() < 9) std::this_thread::yield();
  faults_.Release(block);
  first.join();
  for (std::thread& thread : others) thread.join();

  EXPECT_EQ(queue_->visible(), 10u);
  EXPECT_EQ(queue_->counters().commits.load(), 10u);
  EXPECT_EQ(queue_->counters().groups.load(), 3u);
  EXPECT_EQ(faults_.Count({FsOp::kWrite}, IsLog) - writes, 2u);
}

TEST_F(GroupCommit, CloseWaitsForTheWriterThatIsInASync) {
  const auto block = faults_.Block({FsOp::kSync}, IsLog);
  std::thread writer([this] { Put(1); });
  faults_.WaitUntilBlocked(block);
  std::atomic<bool> closing{false}, closed{false};
  std::thread closer([&] {
    closing = true;
    queue_->Close();
    closed = true;
  });
  while (!closing) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // it has every chance to be wrong
  EXPECT_FALSE(closed);
  faults_.Release(block);
  closer.join();
  EXPECT_EQ(queue_->waiting(), 0u);
  writer.join();
  EXPECT_EQ(queue_->durable(), 2u);
  EXPECT_EQ(queue_->Sync().code(), StatusCode::kClosed);
}

}  // namespace
}  // namespace kyro::commit
