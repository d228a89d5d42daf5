// SPDX-License-Identifier: Apache-2.0
//
// Checkpoints: a database of its own at exactly one sequence, whole or not there.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "db/model.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::FaultFs;
using support::FsOp;
using support::FsOps;
using support::TestEnv;

class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() : want_(FourSpaces().size()) {}

  void Write(OpenDb* db, std::uint64_t from, std::uint64_t count) {
    for (std::uint64_t i = from; i < from + count; ++i) {
      Batch batch = {{0, true, U64Key(i % 50), "v" + std::to_string(i)},
                     {1, i % 3 != 0, "k" + std::to_string(i % 20), "w"}};
      ASSERT_TRUE(db->Write(batch).ok());
      Apply(batch, &want_);
    }
  }
  static State Read(const std::string& path, const io::Env& env, Sequence* at = nullptr) {
    auto db = Door::Open(path, {.create_if_missing = false}, env);
    EXPECT_TRUE(db.ok()) << db.status().ToString();
    if (!db.ok()) return {};
    EXPECT_TRUE(db->Verify().ok());
    EXPECT_TRUE(db->stats().was_clean);
    if (at != nullptr) *at = db->stats().visible;
    auto found = ReadAll(&*db);
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : State();
  }

  TestEnv world_;
  State want_;
};

TEST_F(CheckpointTest, HoldsTheCommitsUpToItsSequenceAndLivesOnItsOwn) {
  auto db = *OpenFour(TinyOptions(), world_.env());
  Write(db.get(), 0, 120);
  const auto sequence = db->db.Checkpoint("/copy");
  ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
  EXPECT_EQ(*sequence, 120u);
  const State then = want_;
  Write(db.get(), 120, 100);
  ASSERT_TRUE(db->db.Fold().ok());

  Sequence at = 0;
  EXPECT_EQ(Difference(Read("/copy", world_.env(), &at), then), "");
  EXPECT_EQ(at, 120u);
  // Both are written on; neither sees the other, and each keeps its files.
  {
    auto copy = Door::Open("/copy", TinyOptions(), world_.env());
    ASSERT_TRUE(copy.ok());
    const auto inspection = *Door::Inspect(*copy);
    EXPECT_NE(inspection.database_uuid, Door::Inspect(db->db)->database_uuid);
    auto cells = *copy->OpenKeyspace<U64>(FourSpaces()[0].name);
    ASSERT_TRUE(cells.Put(1, "of the copy").ok());
    EXPECT_EQ(copy->stats().visible, 121u);
    ASSERT_TRUE(copy->Fold().ok());
    EXPECT_EQ(*cells.Get(1), "of the copy");
    EXPECT_TRUE(copy->stats().unknown_files.empty());
  }
  EXPECT_EQ(Difference(*ReadAll(&db->db), want_), "");
  EXPECT_TRUE(db->db.Verify().ok());
  ASSERT_TRUE(db->db.Close().ok());
  EXPECT_EQ(Difference(Read("/db", world_.env()), want_), "");
}

TEST_F(CheckpointTest, ACheckpointOfACheckpoint) {
  auto db = *OpenFour(TinyOptions(), world_.env());
  Write(db.get(), 0, 30);
  ASSERT_TRUE(db->db.Checkpoint("/one").ok());
  {
    auto one = Door::Open("/one", TinyOptions(), world_.env());
    ASSERT_TRUE(one->Checkpoint("/two/").ok());
  }
  ASSERT_TRUE(db->db.Close().ok());
  EXPECT_EQ(Difference(Read("/two", world_.env()), want_), "");
}

TEST_F(CheckpointTest, AnEmptyDatabaseHasOneToo) {
  auto db = Door::Open("/db", {}, world_.env());
  EXPECT_EQ(*db->Checkpoint("/copy"), 0u);
  auto copy = Door::Open("/copy", {.create_if_missing = false}, world_.env());
  ASSERT_TRUE(copy.ok());
  EXPECT_TRUE(copy->ListKeyspaces()->empty());
}

// The newest commits may have left no row: the checkpoint is of their sequence all the same.
TEST_F(CheckpointTest, CountsTheCommitsOfADroppedKeyspace) {
  {
    auto db = Door::Open("/db", TinyOptions(), world_.env());
    auto gone = *db->OpenKeyspace<U64>("gone");
    for (std::uint64_t key = 0; key < 5; ++key) ASSERT_TRUE(gone.Put(key, "x").ok());
    ASSERT_TRUE(db->DropKeyspace("gone").ok());
    ASSERT_TRUE(db->Close().ok());
  }
  auto db = Door::Open("/db", TinyOptions(), world_.env());
  ASSERT_EQ(db->stats().visible, 5u);
  EXPECT_EQ(*db->Checkpoint("/copy"), 5u);
  auto copy = Door::Open("/copy", TinyOptions(), world_.env());
  EXPECT_EQ(copy->stats().visible, 5u);
  EXPECT_EQ(copy->Verify().code(), StatusCode::kOk);
}

TEST_F(CheckpointTest, WhatIsThereAlreadyIsNeverTouched) {
  auto db = *OpenFour(TinyOptions(), world_.env());
  Write(db.get(), 0, 10);
  ASSERT_TRUE(db->db.Checkpoint("/copy").ok());
  EXPECT_EQ(db->db.Checkpoint("/copy").status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(db->db.Checkpoint("/no/parent").status().code(), StatusCode::kInvalidArgument);
  // What another program put into the place of the temporary directory stays.
  auto theirs = *world_.fs().OpenDirectory("/other.tmp", true);
  ASSERT_TRUE(theirs->Create("notes.txt").ok());
  const Status refused = db->db.Checkpoint("/other").status();
  EXPECT_EQ(refused.code(), StatusCode::kAlreadyExists);
  EXPECT_NE(refused.message().find("notes.txt"), std::string_view::npos);
  EXPECT_TRUE(theirs->FileBytes("notes.txt").ok());
}

TEST_F(CheckpointTest, CancellingLeavesOnlyWhatTheNextOneReplaces) {
  auto db = *OpenFour(TinyOptions(), world_.env());
  Write(db.get(), 0, 60);
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  const Progress cancel{.on_progress = [&](std::uint64_t d, std::uint64_t t) {
    done = d;
    total = t;
    return false;
  }};
  EXPECT_EQ(db->db.Checkpoint("/copy", cancel).status().code(), StatusCode::kCancelled);
  EXPECT_GT(done, 0u);
  EXPECT_GT(total, done);
  EXPECT_FALSE(world_.fs().OpenDirectory("/copy", false).ok());
  ASSERT_TRUE(db->db.Checkpoint("/copy").ok());
  EXPECT_EQ(Difference(Read("/copy", world_.env()), want_), "");
}

// Across devices there are no links: the files are copied.
TEST_F(CheckpointTest, FilesAreCopiedWhereLinksAreNotSupported) {
  FaultFs faults(&world_.fs());
  auto db = *OpenFour(TinyOptions(), world_.EnvOver(&faults));
  Write(db.get(), 0, 60);
  faults.Inject({.ops = {FsOp::kLink}, .sticky = true, .code = StatusCode::kUnsupported});
  ASSERT_TRUE(db->db.Checkpoint("/copy").ok());
  EXPECT_EQ(Difference(Read("/copy", world_.env()), want_), "");
  auto cut = world_.Crash(CrashKind::kPowerCut, world_.fs().event_count());
  EXPECT_EQ(Difference(Read("/copy", cut->env()), want_), "");
}

// At every moment of it a crash leaves no checkpoint, or a whole one; once it is acknowledged, a
// whole one. The source is as it was.
TEST_F(CheckpointTest, ACrashLeavesNoneOrAllOfIt) {
  for (const bool copied : {false, true}) {
    SCOPED_TRACE(copied);
    TestEnv world;
    want_.assign(FourSpaces().size(), {});
    FaultFs faults(&world.fs());
    auto db = *OpenFour(TinyOptions(), world.EnvOver(&faults));
    Write(db.get(), 0, 40);
    if (copied) {
      faults.Inject({.ops = {FsOp::kLink}, .sticky = true, .code = StatusCode::kUnsupported});
    }
    const std::uint64_t begin = world.fs().event_count();
    ASSERT_TRUE(db->db.Checkpoint("/copy").ok());
    const std::uint64_t end = world.fs().event_count();
    std::uint64_t none = 0;
    std::uint64_t whole = 0;
    for (std::uint64_t event = begin; event <= end; ++event) {
      for (const CrashKind kind : {CrashKind::kKill, CrashKind::kPowerCut}) {
        auto crashed = world.Crash(kind, event, event);
        if (crashed->fs().OpenDirectory("/copy", false).ok()) {
          ++whole;
          ASSERT_EQ(Difference(Read("/copy", crashed->env()), want_), "") << event;
        } else {
          ++none;
          ASSERT_LT(event, end);
        }
        auto source = OpenFour(TinyOptions(), crashed->env());
        ASSERT_TRUE(source.ok()) << event;
        ASSERT_EQ(Difference(*ReadAll(&(*source)->db), want_), "") << event;
        // What a crash left in the way is no obstacle.
        if (event % 7 == 0) {
          ASSERT_TRUE((*source)->db.Checkpoint("/again").ok());
        }
      }
    }
    EXPECT_GT(none, 20u);
    EXPECT_GT(whole, 1u);
  }
}

TEST_F(CheckpointTest, EveryFailureLeavesTheSourceAndNoHalfCheckpoint) {
  std::uint64_t failed = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    ASSERT_LT(nth, 1000u);
    TestEnv world;
    want_.assign(FourSpaces().size(), {});
    FaultFs faults(&world.fs());
    auto db = *OpenFour(TinyOptions(), world.EnvOver(&faults));
    Write(db.get(), 0, 30);
    const auto fault = faults.Inject({.ops = FsOps::All(), .nth = nth});
    const auto sequence = db->db.Checkpoint("/copy");
    if (faults.Hits(fault) == 0) break;
    faults.Clear();
    failed += !sequence.ok();
    if (sequence.ok()) {
      EXPECT_EQ(Difference(Read("/copy", world.env()), want_), "") << nth;
    }
    EXPECT_EQ(Difference(*ReadAll(&db->db), want_), "") << nth;
  }
  EXPECT_GT(failed, 20u);
}

}  // namespace
}  // namespace kyro::db
