// SPDX-License-Identifier: Apache-2.0
//
// A file system that fails: an error other than kUnknownOutcome means not applied, now and after
// any crash; everything else goes on.
#include <gtest/gtest.h>

#include "db/model.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::FaultFs;
using support::FsOp;
using support::TestEnv;

bool IsLog(std::string_view name) {
  return name.find(".wal") != std::string_view::npos;
}

// The database on `world`'s files holds `want`, as a killed process and as a restarted one sees it.
void ExpectHolds(TestEnv* world, const Options& options, const State& want) {
  auto db = OpenFour(options, world->env());
  ASSERT_TRUE(db.ok()) << db.status().ToString();
  auto found = ReadAll(&(*db)->db);
  ASSERT_TRUE(found.ok()) << found.status().ToString();
  EXPECT_EQ(Difference(*found, want), "");
  EXPECT_TRUE((*db)->db.Verify().ok());
}

// ---------------------------------------------------------------------------------- no space

TEST(DbSpace, WritesFailUnappliedAndGoOnWhenThereIsRoom) {
  TestEnv world;
  world.fs().StopJournal();
  const Options options = TinyOptions();
  auto db = OpenFour(options, world.env());
  ASSERT_TRUE(db.ok());
  State want(FourSpaces().size());
  std::uint64_t refused = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    if (i == 100) world.fs().SetFreeBytes(6000);
    if (i == 300) {
      world.fs().SetFreeBytes(std::uint64_t{1} << 40);
      world.executor().Advance(std::chrono::seconds(1));
    }
    const Batch batch = {{0, true, U64Key(i), std::string(150, 'v')},
                         {1, true, "k" + std::to_string(i), "w"}};
    const auto sequence = (*db)->Write(batch);
    if (sequence.ok()) {
      Apply(batch, &want);
    } else {
      ASSERT_EQ(sequence.status().code(), StatusCode::kNoSpace) << sequence.status().ToString();
      ASSERT_TRUE(i >= 100 && i < 300) << i << ": " << sequence.status().ToString();
      ++refused;
    }
    if (i % 20 == 0) world.executor().RunDue();
  }
  EXPECT_GT(refused, 50u);
  auto found = ReadAll(&(*db)->db);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(Difference(*found, want), "");
  auto killed = world.Crash(CrashKind::kKill, world.fs().event_count());
  ExpectHolds(killed.get(), options, want);
  EXPECT_TRUE((*db)->db.Sync().ok());
  (void)(*db)->db.Close();  // reports the last background error
  *db = nullptr;
  ExpectHolds(&world, options, want);
}

TEST(DbSpace, AnUncleanDatabaseOpensReadOnlyWithItsData) {
  TestEnv world;
  const Options options = TinyOptions();
  State want(FourSpaces().size());
  auto db = OpenFour(options, world.env());
  ASSERT_TRUE(db.ok());
  for (std::uint64_t i = 0; i < 200; ++i) {
    const Batch batch = {{i % 4, true, i % 2 == 0 ? U64Key(i) : std::to_string(i), "v"}};
    ASSERT_TRUE((*db)->Write(batch).ok());
    Apply(batch, &want);
  }
  auto crashed = world.Crash(CrashKind::kKill, world.fs().event_count());
  crashed->fs().SetFreeBytes(0);
  {
    auto full = OpenFour(options, crashed->env());
    ASSERT_TRUE(full.ok()) << full.status().ToString();
    auto found = ReadAll(&(*full)->db);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(Difference(*found, want), "");
    EXPECT_EQ((*full)->db.stats().stall, StallReason::kReadOnly);
    EXPECT_EQ((*full)->spaces[0]->Put(U64Key(1), "x", {}).code(), StatusCode::kNoSpace);
    EXPECT_EQ((*full)->db.Fold().code(), StatusCode::kNoSpace);
    EXPECT_EQ((*full)->db.Sync().code(), StatusCode::kNoSpace);
    (void)(*full)->db.Close();
  }
  crashed->fs().SetFreeBytes(std::uint64_t{1} << 40);
  ExpectHolds(crashed.get(), options, want);
}

TEST(DbSpace, ACleanlyClosedDatabaseOpensAndClosesWithoutSpace) {
  TestEnv world;
  {
    auto db = OpenFour(Options(), world.env());
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(1), "x", {}).ok());
  }
  world.fs().SetFreeBytes(0);
  auto db = OpenFour(Options(), world.env());
  ASSERT_TRUE(db.ok()) << db.status().ToString();
  std::string value;
  EXPECT_TRUE((*db)->spaces[0]->Get(U64Key(1), &value).ok());
  EXPECT_EQ((*db)->spaces[0]->Put(U64Key(2), "y", {}).code(), StatusCode::kNoSpace);
  world.fs().SetFreeBytes(std::uint64_t{1} << 40);
  EXPECT_TRUE((*db)->spaces[0]->Put(U64Key(2), "y", {}).ok());
  EXPECT_TRUE((*db)->db.Close().ok());
}

// ---------------------------------------------------------------------------------- the log

TEST(DbFaults, AFailedSyncLeavesTheOutcomeOpenAndReadsGoOn) {
  TestEnv world;
  auto db = OpenFour(Options(), world.env());
  ASSERT_TRUE(db.ok());
  ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(1), "one", {}).ok());
  world.fs().FailSync(1);
  EXPECT_EQ((*db)->spaces[0]->Put(U64Key(2), "two", {}).code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ((*db)->spaces[0]->Put(U64Key(3), "three", {}).code(), StatusCode::kReadOnly);
  EXPECT_EQ((*db)->spaces[1]->Delete("k", {}).code(), StatusCode::kReadOnly);
  EXPECT_FALSE((*db)->db.Sync().ok());
  EXPECT_EQ((*db)->db.stats().stall, StallReason::kLogFailed);
  std::string value;
  EXPECT_TRUE((*db)->spaces[0]->Get(U64Key(1), &value).ok());
  EXPECT_EQ(value, "one");
  EXPECT_EQ((*db)->spaces[0]->Get(U64Key(2), &value).code(), StatusCode::kNotFound);
  EXPECT_TRUE((*db)->spaces[0]->view().ok());
  EXPECT_FALSE((*db)->db.Close().ok());
  *db = nullptr;
  // Reopening decides, for ever.
  auto again = OpenFour(Options(), world.env());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  const bool survived = (*again)->spaces[0]->Get(U64Key(2), &value).ok();
  EXPECT_EQ((*again)->spaces[0]->Get(U64Key(3), &value).code(), StatusCode::kNotFound);
  auto cut =
      world.Crash(CrashKind::kPowerCut, world.fs().event_count(), 1, support::Unsynced::kAllOld);
  auto after = OpenFour(Options(), cut->env());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ((*after)->spaces[0]->Get(U64Key(2), &value).ok(), survived);
  EXPECT_TRUE((*again)->spaces[0]->Put(U64Key(4), "four", {}).ok());
}

TEST(DbFaults, AFailedWriteIsVoidAndTheNextGoesToANewFile) {
  for (const bool sync : {true, false}) {
    for (std::uint64_t first : {0, 1, 100, 512, 600, 1 << 20}) {
      SCOPED_TRACE(first);
      TestEnv world;
      FaultFs fs(&world.fs());
      Options options;
      options.durability = sync ? Durability::kSync : Durability::kOs;
      auto db = OpenFour(options, world.EnvOver(&fs));
      ASSERT_TRUE(db.ok());
      State want(FourSpaces().size());
      const auto write = [&](std::uint64_t i) {
        const Batch batch = {{0, true, U64Key(i), std::string(700, 'v')}, {1, true, "k", "w"}};
        const auto sequence = (*db)->Write(batch);
        if (sequence.ok()) Apply(batch, &want);
        return sequence.status().code();
      };
      ASSERT_EQ(write(1), StatusCode::kOk);
      ASSERT_EQ(write(2), StatusCode::kOk);
      const std::uint64_t rotations = (*db)->db.stats().log_rotations;
      // All of it may have been written, and be reported as an error.
      const auto fault = fs.Inject({.ops = {FsOp::kWrite},
                                    .name = IsLog,
                                    .write_first = first == 1 << 20 ? 0 : first,
                                    .after = first == 1 << 20});
      EXPECT_EQ(write(3), StatusCode::kIoError);
      EXPECT_EQ(fs.Hits(fault), 1u);
      std::string value;
      EXPECT_EQ((*db)->spaces[0]->Get(U64Key(3), &value).code(), StatusCode::kNotFound);
      {
        auto killed = world.Crash(CrashKind::kKill, world.fs().event_count());
        ASSERT_NO_FATAL_FAILURE(ExpectHolds(killed.get(), options, want));
      }
      EXPECT_EQ(write(4), StatusCode::kOk);
      EXPECT_EQ((*db)->db.stats().log_rotations, rotations + 1);
      {
        auto killed = world.Crash(CrashKind::kKill, world.fs().event_count());
        ASSERT_NO_FATAL_FAILURE(ExpectHolds(killed.get(), options, want));
      }
      EXPECT_TRUE((*db)->db.Close().ok());
      *db = nullptr;
      ASSERT_NO_FATAL_FAILURE(ExpectHolds(&world, options, want));
    }
  }
}

// What a failed install lets go of wakes the maintenance: it must not try again at once, for ever.
TEST(DbFaults, AMergeThatCannotBeInstalledIsTriedAgainLater) {
  TestEnv world;
  world.fs().StopJournal();
  FaultFs fs(&world.fs());
  const io::Env env = world.EnvOver(&fs);
  auto db = OpenFour(TinyOptions(), env);
  ASSERT_TRUE(db.ok());
  State want(FourSpaces().size());
  for (std::uint64_t i = 0; i < 3; ++i) {
    const Batch batch = {{0, true, U64Key(i), "v"}};
    ASSERT_TRUE((*db)->Write(batch).ok());
    Apply(batch, &want);
    ASSERT_TRUE(Door::Flush((*db)->db).ok());
  }
  ASSERT_EQ((*db)->db.stats().merges, 0u);
  fs.Inject(
      {.ops = {FsOp::kRename}, .name = support::NameEndsWith("MANIFEST.tmp"), .sticky = true});
  for (std::uint64_t round = 1; round <= 3; ++round) {
    ASSERT_TRUE(Door::WaitForUpkeep((*db)->db).ok());
    ASSERT_TRUE(Door::WaitForUpkeep((*db)->db).ok());
    EXPECT_EQ((*db)->db.stats().upkeep_failures, round);
    world.clock().Advance(std::chrono::seconds(1));
  }
  fs.Clear();
  world.executor().Advance(std::chrono::seconds(1));
  EXPECT_GE((*db)->db.stats().merges, 1u);
  auto found = ReadAll(&(*db)->db);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(Difference(*found, want), "");
}

// Any fault at any call: tests/proofs/fault.

}  // namespace
}  // namespace kyro::db
