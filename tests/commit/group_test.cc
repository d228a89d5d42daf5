// SPDX-License-Identifier: Apache-2.0
//
// Group commit with real threads: writers that come while a group syncs share the next one.
#include <gtest/gtest.h>

#include <atomic>
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

TEST(GroupCommit, WritersThatComeDuringASyncShareOneRecordAndOneSync) {
  support::TestEnv env;
  support::FaultFs faults(&env.fs());
  auto directory = *faults.OpenDirectory("/db", true);
  auto chores = *env.executor().NewQueue("log");
  read::StateHolder states(std::make_shared<read::Shared>(),
                           std::make_shared<read::Reclaimer>([] {}), [] {});
  states.Publish(states.NewState(), [&](const read::ReadState& now, read::ReadState* then) {
    then->runs = now.runs;
    then->generations[0] = *delta::Generation::Create(1 << 20, 0);
    then->generation_count = 1;
  });
  std::atomic<std::uint64_t> number{0};
  Log log(env.EnvOver(&faults), directory.get(), LogOptions{{7, 7}, 1 << 20},
          {[&] { return ++number; }, [](const FileId&) { return Status::Ok(); },
           [] { return ManifestMark{}; }},
          LogEnd{});
  CommitQueue queue(env.EnvOver(&faults), {std::chrono::milliseconds(100), 1 << 20, {}},
                    {[] {}, [] { return false; }, [] { return Status::Ok(); }, [](bool) {}}, &log,
                    &states, chores.get(), 0, 0);
  const auto put = [&](std::uint64_t key) {
    std::string bytes;
    batch::Clear(&bytes);
    batch::Op op;
    op.keyspace = 1;
    op.key = std::string_view(reinterpret_cast<const char*>(&key), sizeof(key));
    ASSERT_TRUE(batch::Append(&bytes, op).ok());
    ASSERT_TRUE(queue.Commit(bytes, Durability::kSync).ok());
  };
  put(0);  // the file is open now

  // The first group hangs in its sync until all others wait in the queue: how many groups follow
  // does not depend on timing, only that the others gathered meanwhile.
  const auto block = faults.Block({FsOp::kSync}, IsLog);
  const std::uint64_t writes = faults.Count({FsOp::kWrite}, IsLog);
  std::thread first([&] { put(1); });
  faults.WaitUntilBlocked(block);
  std::vector<std::thread> others;
  for (std::uint64_t key = 2; key < 10; ++key) others.emplace_back([&, key] { put(key); });
  while (queue.waiting() < 9) std::this_thread::yield();
  faults.Release(block);
  first.join();
  for (std::thread& thread : others) thread.join();

  EXPECT_EQ(queue.visible(), 10u);
  EXPECT_EQ(queue.counters().commits.load(), 10u);
  EXPECT_EQ(queue.counters().groups.load(), 3u);
  EXPECT_EQ(faults.Count({FsOp::kWrite}, IsLog) - writes, 2u);
  chores->Stop();
}

}  // namespace
}  // namespace kyro::commit
