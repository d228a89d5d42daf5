// SPDX-License-Identifier: Apache-2.0
//
// The commit queue over a log on a simulated disk.
#include "commit/commit_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "read/view_state.h"
#include "support/fault_fs.h"
#include "support/test_env.h"
#include "wal/chain.h"

namespace kyro::commit {
namespace {

// A log file, by its own or its temporary name: a handle keeps the name it was opened by.
bool IsLog(std::string_view name) {
  return name.find(".wal") != std::string_view::npos;
}

using support::FaultFs;
using support::FsOp;

constexpr std::uint32_t kKeyspace = 1;

std::string PutBatch(std::uint64_t key, std::string_view value) {
  std::string bytes;
  batch::Clear(&bytes);
  batch::Op op;
  op.keyspace = kKeyspace;
  op.key = std::string_view(reinterpret_cast<const char*>(&key), sizeof(key));
  op.value = value;
  EXPECT_TRUE(batch::Append(&bytes, op).ok());
  return bytes;
}

class CommitQueueTest : public testing::Test {
 protected:
  CommitQueueTest() { Start(64 << 10); }
  ~CommitQueueTest() override { chores_->Stop(); }

  void Start(std::size_t delta_bytes) {
    directory_ = *faults_.OpenDirectory("/db", true);
    chores_ = *env_.executor().NewQueue("log");
    auto runs = std::make_shared<read::RunsVersion>();
    runs->keyspaces.push_back({1, std::make_shared<const read::Runs<U64>>()});
    states_.Publish(states_.NewState(), [&](const read::ReadState&, read::ReadState* then) {
      then->runs = runs;
      then->generations[0] = *delta::Generation::Create(delta_bytes, 0);
      then->generation_count = 1;
    });
    LogHooks hooks;
    hooks.next_number = [this] { return ++number_; };
    hooks.name_file = [this](const FileId& id) {
      if (name_status_.ok()) named_.push_back(id);
      return name_status_;
    };
    hooks.manifest_mark = [] { return ManifestMark{}; };
    log_ = std::make_unique<Log>(env_.EnvOver(&faults_), directory_.get(),
                                 LogOptions{{7, 7}, 16 << 10}, std::move(hooks), LogEnd{});
    CommitHooks commit_hooks;
    commit_hooks.generation_frozen = [this] { ++frozen_; };
    commit_hooks.help_flush = [this] { return help_ && help_(); };
    commit_hooks.flush_error = [this] { return flush_error_; };
    commit_hooks.stalled = [this](bool stalled) { stalls_.push_back(stalled); };
    queue_ = std::make_unique<CommitQueue>(
        env_.EnvOver(&faults_),
        CommitOptions{std::chrono::milliseconds(100), delta_bytes, std::chrono::seconds(1)},
        std::move(commit_hooks), log_.get(), &states_, chores_.get(), 0, 0);
  }

  Result<Sequence> Put(std::uint64_t key, std::string_view value,
                       Durability durability = Durability::kSync) {
    return queue_->Commit(PutBatch(key, value), durability);
  }
  // The value that a reader sees now; "-" if none.
  std::string Get(std::uint64_t key) {
    const read::StatePin pin = states_.Pin();
    const read::Sources<U64> sources(*pin, kKeyspace);
    const Lookup lookup =
        sources.Get(key, read::ClampToState(*pin, queue_->visible()), &shared_->predictions);
    return lookup.present() ? std::string(lookup.value()) : "-";
  }
  // What a process would replay that found `fs`.
  std::map<Sequence, std::string> Replayed(support::SimFs* fs) {
    std::map<Sequence, std::string> batches;
    if (named_.empty()) return batches;
    auto directory = *fs->OpenDirectory("/db", false);
    wal::ChainStart start;
    start.database = {7, 7};
    start.floor = named_.front();
    start.newest = named_.back();
    auto chain = wal::ScanChain(*directory, start);
    EXPECT_TRUE(chain.ok()) << chain.status().ToString();
    if (!chain.ok()) return batches;
    const Status status = wal::ReplayChain(*directory, start, *chain, 0,
                                           [&](Sequence sequence, std::string_view batch) {
                                             batches[sequence] = batch;
                                             return Status::Ok();
                                           });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return batches;
  }
  std::unique_ptr<support::SimFs> PowerCut() {
    return env_.fs().CrashImage(support::CrashKind::kPowerCut, env_.fs().event_count(), 0,
                                support::Unsynced::kAllOld);
  }

  // A write fails in the middle, and then the call that should cut it off.
  void ExpectUnknownIfTheCutFails(FsOp cut) {
    ASSERT_TRUE(Put(1, "a").ok());
    const std::string file = log_->current_name();
    faults_.Inject({.ops = {FsOp::kWrite}, .name = IsLog, .write_first = 300});
    faults_.Inject({.ops = {cut}, .name = IsLog});
    const Status failed = Put(1, "maybe").status();
    EXPECT_EQ(failed.code(), StatusCode::kUnknownOutcome) << failed.ToString();
    EXPECT_EQ(Get(1), "a");
    EXPECT_FALSE(log_->failed().ok());
    EXPECT_EQ(Put(2, "b").status().code(), StatusCode::kReadOnly);
    EXPECT_EQ(queue_->stall_reason(), StallReason::kLogFailed);
    EXPECT_EQ(log_->current_name(), file);
    EXPECT_EQ(Replayed(PowerCut().get()).size(), 1u);
  }

  support::TestEnv env_;
  FaultFs faults_{&env_.fs()};
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::JobQueue> chores_;
  std::shared_ptr<read::Shared> shared_ = std::make_shared<read::Shared>();
  read::StateHolder states_{shared_, std::make_shared<read::Reclaimer>([] {}), [] {}};
  std::uint64_t number_ = 0;
  std::vector<FileId> named_;
  Status name_status_;
  Status flush_error_;
  std::function<bool()> help_;
  int frozen_ = 0;
  std::vector<bool> stalls_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<CommitQueue> queue_;
};

TEST_F(CommitQueueTest, CommitsAreVisibleInSequence) {
  EXPECT_EQ(*Put(1, "a"), 1u);
  EXPECT_EQ(*Put(1, "b"), 2u);
  EXPECT_EQ(Get(1), "b");
  EXPECT_EQ(Get(2), "-");
  EXPECT_EQ(queue_->visible(), 2u);
  EXPECT_EQ(queue_->durable(), 2u);
}

TEST_F(CommitQueueTest, ASyncedCommitSurvivesAPowerCut) {
  ASSERT_TRUE(Put(1, "a").ok());
  EXPECT_EQ(Replayed(PowerCut().get()).size(), 1u);
}

TEST_F(CommitQueueTest, AnOsCommitIsVisibleBeforeItIsDurable) {
  ASSERT_TRUE(Put(1, "a", Durability::kOs).ok());
  EXPECT_EQ(Get(1), "a");
  EXPECT_EQ(queue_->durable(), 0u);
  EXPECT_EQ(Replayed(PowerCut().get()).size(), 0u);
  ASSERT_TRUE(queue_->Sync().ok());
  EXPECT_EQ(queue_->durable(), 1u);
  EXPECT_EQ(Replayed(PowerCut().get()).size(), 1u);
}

TEST_F(CommitQueueTest, AnIntervalCommitIsSyncedByTheChore) {
  ASSERT_TRUE(Put(1, "a", Durability::kInterval).ok());
  env_.executor().Advance(std::chrono::milliseconds(99));
  EXPECT_EQ(queue_->durable(), 0u);
  env_.executor().Advance(std::chrono::milliseconds(2));
  EXPECT_EQ(queue_->durable(), 1u);
  EXPECT_EQ(Replayed(PowerCut().get()).size(), 1u);
}

TEST_F(CommitQueueTest, AnOsCommitIsNeverSyncedByAChore) {
  ASSERT_TRUE(Put(1, "a", Durability::kOs).ok());
  env_.executor().Advance(std::chrono::seconds(10));
  EXPECT_EQ(queue_->durable(), 0u);
}

// What an OS crash may take grows no further without bound: the kernel is told to begin.
TEST_F(CommitQueueTest, ManyUnsyncedBytesStartTheirWriteback) {
  ASSERT_TRUE(Put(1, std::string(3 << 20, 'x'), Durability::kOs).ok());
  EXPECT_EQ(faults_.Count({FsOp::kStartWriteback}), 0u);
  ASSERT_TRUE(Put(2, std::string(5 << 20, 'y'), Durability::kOs).ok());
  EXPECT_EQ(faults_.Count({FsOp::kStartWriteback}, IsLog), 1u);
  EXPECT_LT(queue_->durable(), 2u);
  EXPECT_EQ(Get(2).size(), std::size_t{5} << 20);
}

// Without the mark behind it, rot in the last record could not be told from a torn write.
TEST_F(CommitQueueTest, AnIdleLogGetsASyncMark) {
  ASSERT_TRUE(Put(1, "a").ok());
  const std::uint64_t end = log_->counters().bytes.load();
  env_.executor().Advance(std::chrono::milliseconds(25));
  EXPECT_EQ(log_->counters().marks.load(), 1u);
  const std::string path = "/db/" + log_->current_name();
  ASSERT_TRUE(env_.fs().FlipByte(path, end - 512 + 90).ok());
  auto directory = *env_.fs().OpenDirectory("/db", false);
  wal::ChainStart start;
  start.database = {7, 7};
  start.floor = named_.front();
  const auto chain = wal::ScanChain(*directory, start);
  ASSERT_FALSE(chain.ok());
  EXPECT_EQ(chain.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(chain.status().file(), log_->current_name());
}

TEST_F(CommitQueueTest, AFailedWriteIsDefiniteAndTheNextCommitCutsItOff) {
  ASSERT_TRUE(Put(1, "a").ok());
  faults_.Inject({.ops = {FsOp::kWrite}, .name = IsLog, .write_first = 300});
  const auto failed = Put(1, "lost");
  EXPECT_EQ(failed.status().code(), StatusCode::kIoError);
  EXPECT_EQ(Get(1), "a");
  EXPECT_EQ(Replayed(env_.fs().Copy().get()).size(), 1u);
  ASSERT_TRUE(Put(2, "b").ok());
  EXPECT_EQ(named_.size(), 2u);  // the file after the cut is named by the manifest (L1)
  const auto replayed = Replayed(PowerCut().get());
  ASSERT_EQ(replayed.size(), 2u);
  EXPECT_EQ(replayed.at(2), PutBatch(2, "b"));
}

// The bytes may be there, and nobody can say that they are not: no later commit may follow them.
TEST_F(CommitQueueTest, AFailedWriteThatCannotBeCutOffIsOfUnknownOutcome) {
  ExpectUnknownIfTheCutFails(FsOp::kTruncate);
}

TEST_F(CommitQueueTest, AFailedWriteWhoseCutCannotBeSyncedIsOfUnknownOutcome) {
  ExpectUnknownIfTheCutFails(FsOp::kSync);
}

TEST_F(CommitQueueTest, AFailedSyncLeavesTheOutcomeUnknownAndEndsWriting) {
  ASSERT_TRUE(Put(1, "a").ok());
  faults_.Inject({.ops = {FsOp::kSync}, .name = IsLog});
  EXPECT_EQ(Put(1, "maybe").status().code(), StatusCode::kUnknownOutcome);
  const std::uint64_t syncs = faults_.Count({FsOp::kSync});
  EXPECT_EQ(Get(1), "a");
  EXPECT_EQ(Put(2, "b").status().code(), StatusCode::kReadOnly);
  EXPECT_EQ(queue_->stall_reason(), StallReason::kLogFailed);
  EXPECT_EQ(queue_->log_error().code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ(faults_.Count({FsOp::kSync}), syncs) << "a failed sync was retried";
}

TEST_F(CommitQueueTest, AFileThatCannotBeNamedTakesNoCommits) {
  name_status_ = Status(StatusCode::kNoSpace, "full");
  EXPECT_EQ(Put(1, "a").status().code(), StatusCode::kNoSpace);
  EXPECT_EQ(Get(1), "-");
  name_status_ = Status::Ok();
  EXPECT_EQ(*Put(1, "b"), 1u);
  EXPECT_EQ(Replayed(PowerCut().get()).size(), 1u);
}

TEST_F(CommitQueueTest, FullFilesFollowEachOtherAndAllReplay) {
  for (int i = 1; i <= 200; ++i) ASSERT_TRUE(Put(i, std::to_string(i)).ok());
  EXPECT_GE(log_->counters().rotations.load(), 3u);
  EXPECT_EQ(named_.size(), 1u);  // seals name the rest
  const auto replayed = Replayed(PowerCut().get());
  ASSERT_EQ(replayed.size(), 200u);
  EXPECT_EQ(replayed.at(200), PutBatch(200, "200"));
}

// Memory runs out in the install of a bulk load: it is not committed, and what is written next is
// visible and replays.
TEST_F(CommitQueueTest, ABulkLoadThatThrowsLeavesTheQueueWorking) {
  help_ = [this] {  // a flush, as far as the queue can tell
    states_.Publish(states_.NewState(), [](const read::ReadState& now, read::ReadState* then) {
      then->runs = now.runs;
      then->generations[0] = now.generations[0];
      then->generation_count = 1;
    });
    return true;
  };
  ASSERT_TRUE(Put(1, "a").ok());
  const auto load = queue_->CommitBulk([](const BulkTurn&) -> Status { throw std::bad_alloc(); });
  EXPECT_EQ(load.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(*Put(2, "b"), 2u);
  EXPECT_EQ(Get(2), "b");
  const auto replayed = Replayed(PowerCut().get());
  ASSERT_EQ(replayed.size(), 2u);
  EXPECT_EQ(replayed.at(2), PutBatch(2, "b"));
}

TEST_F(CommitQueueTest, AFreezeStartsANewGenerationAndANewFile) {
  ASSERT_TRUE(Put(1, "a").ok());
  const FileId before = log_->current();
  ASSERT_TRUE(queue_->Freeze().ok());
  const read::StatePin pin = states_.Pin();
  ASSERT_EQ(pin->generation_count, 2u);
  EXPECT_EQ(pin->generations[1]->last_sequence(), 1u);
  EXPECT_EQ(pin->generations[1]->log().next, log_->current());
  EXPECT_NE(log_->current(), before);
  EXPECT_EQ(frozen_, 1);
  EXPECT_EQ(Get(1), "a");
  ASSERT_TRUE(queue_->Freeze().ok());  // empty: nothing to freeze
  EXPECT_EQ(states_.Pin()->generation_count, 2u);
}

TEST_F(CommitQueueTest, AViewTakenBeforeTheFreezeStaysAtItsSequence) {
  ASSERT_TRUE(Put(1, "a").ok());
  const read::StatePin pin = states_.Pin();
  ASSERT_TRUE(queue_->Freeze().ok());
  ASSERT_TRUE(Put(1, "b").ok());
  // Pinned first, loaded after: the clamp keeps it inside the pinned state (V1, V2).
  const Sequence sequence = read::ClampToState(*pin, queue_->visible());
  EXPECT_EQ(sequence, 1u);
  EXPECT_EQ(read::Sources<U64>(*pin, kKeyspace).Get(1, sequence, &shared_->predictions).value(),
            "a");
}

TEST_F(CommitQueueTest, WithoutFlushesWritersAreHeldUpAndThenRefused) {
  const std::string value(8 << 10, 'x');
  Status status;
  int written = 0;
  while (status.ok() && written < 1000) {
    status = Put(++written, value).status();
  }
  EXPECT_EQ(status.code(), StatusCode::kBusy);
  EXPECT_EQ(states_.Pin()->generation_count, 3u);
  EXPECT_EQ(Get(written), "-");
  EXPECT_EQ(Get(written - 1), value);
  EXPECT_EQ(queue_->counters().stalls.load(), 1u);
  EXPECT_EQ(stalls_, (std::vector<bool>{true, false}));
}

TEST_F(CommitQueueTest, AFailingFlushIsWhatWaitingWritersAreTold) {
  const std::string value(8 << 10, 'x');
  flush_error_ = Status(StatusCode::kNoSpace, "full");
  Status status;
  for (int i = 1; status.ok() && i < 1000; ++i) status = Put(i, value).status();
  EXPECT_EQ(status.code(), StatusCode::kNoSpace);
}

TEST_F(CommitQueueTest, WhileWritersWaitItSaysWhatFor) {
  const std::string value(8 << 10, 'x');
  std::vector<StallReason> reasons;
  help_ = [&] {
    reasons.push_back(queue_->stall_reason());
    // The reason is asked for while a flush has failed, too: the wait itself ends with its error.
    flush_error_ = Status(StatusCode::kNoSpace, "full");
    reasons.push_back(queue_->stall_reason());
    return false;
  };
  EXPECT_EQ(queue_->stall_reason(), StallReason::kNone);
  Status status;
  for (int i = 1; status.ok() && i < 1000; ++i) status = Put(i, value).status();
  EXPECT_EQ(status.code(), StatusCode::kNoSpace);
  EXPECT_EQ(reasons,
            (std::vector<StallReason>{StallReason::kFlushBehind, StallReason::kFlushFailing}));
  EXPECT_EQ(queue_->stall_reason(), StallReason::kNone);
}

TEST_F(CommitQueueTest, ABatchLargerThanABudgetGetsAGenerationOfItsOwn) {
  ASSERT_TRUE(Put(1, "a").ok());
  const std::string large(200 << 10, 'y');
  ASSERT_TRUE(Put(2, large).ok());
  EXPECT_EQ(states_.Pin()->generation_count, 2u);
  EXPECT_EQ(Get(2), large);
  EXPECT_EQ(Replayed(PowerCut().get()).size(), 2u);
}

TEST_F(CommitQueueTest, ClosedItRefuses) {
  ASSERT_TRUE(Put(1, "a").ok());
  queue_->Close();
  EXPECT_EQ(Put(1, "b").status().code(), StatusCode::kClosed);
  EXPECT_EQ(queue_->Sync().code(), StatusCode::kClosed);
  EXPECT_EQ(Get(1), "a");
}

// Every step of a commit that may fail, failing: an error means not applied, now or after a crash
// (C4), and the queue goes on where it can.
TEST_F(CommitQueueTest, AnyFailureBeforeTheSyncIsDefinite) {
  std::uint64_t expected = 0;
  for (std::uint64_t nth = 1; nth <= 40; ++nth) {
    faults_.Inject({.ops = {FsOp::kCreate, FsOp::kWrite, FsOp::kRename}, .nth = nth});
    bool failed = false;
    for (int i = 0; i < 30 && !failed; ++i) {
      const std::string value = std::to_string(nth) + ":" + std::to_string(i);
      failed = !Put(5, value).ok();
      if (failed) {
        EXPECT_NE(Get(5), value);
      } else {
        ++expected;
        EXPECT_EQ(Get(5), value);
      }
      env_.executor().RunDue();
    }
    faults_.Clear();
    ASSERT_EQ(Replayed(env_.fs().Copy().get()).size(), expected) << "nth " << nth;
  }
  EXPECT_GT(expected, 100u);
}

}  // namespace
}  // namespace kyro::commit
