// SPDX-License-Identifier: Apache-2.0
//
// A file system that fails: an error other than kUnknownOutcome means not applied, now and after
// any crash; everything else goes on.
#include <gtest/gtest.h>

#include <cstdio>

#include "db/model.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::FaultFs;
using support::FsOp;
using support::FsOps;
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

// ---------------------------------------------------------------------------------- any fault

struct Sweep {
  std::uint64_t faults = 0, definite = 0, unknown = 0;
};

// Fails the nth change of the file system and goes on as a program would.
void RunWithFault(std::uint64_t n, const support::Fault& fault, Sweep* sweep) {
  TestEnv world(n);
  FaultFs fs(&world.fs());
  Options options = TinyOptions();
  options.delta_bytes = options.wal_file_bytes = 4096;
  const auto id = fs.Inject(fault);
  State want(FourSpaces().size());
  Batch unknown;
  auto db = OpenFour(options, world.EnvOver(&fs));
  if (!db.ok()) {
    db = OpenFour(options, world.EnvOver(&fs));  // the fault is over
    ASSERT_TRUE(db.ok()) << db.status().ToString();
  }
  for (std::uint64_t i = 0; i < 60 && unknown.empty(); ++i) {
    const Batch batch = {{0, i % 5 != 4, U64Key(i % 23), std::to_string(i) + std::string(90, 'v')},
                         {1, i % 3 != 2, "k" + std::to_string(i % 17), std::to_string(i)}};
    const auto sequence = (*db)->Write(batch);
    if (sequence.ok()) {
      Apply(batch, &want);
    } else if (sequence.status().code() == StatusCode::kUnknownOutcome) {
      unknown = batch;
      ++sweep->unknown;
    } else {
      ++sweep->definite;
    }
    if (i % 10 == 9) (void)Door::WaitForUpkeep((*db)->db);
    if (i == 40) (void)(*db)->db.Fold();
    auto found = ReadAll(&(*db)->db);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    ASSERT_EQ(Difference(*found, want), "") << "after write " << i;
  }
  sweep->faults += fs.Hits(id);
  (void)(*db)->db.Close();
  *db = nullptr;
  for (const CrashKind kind : {CrashKind::kKill, CrashKind::kPowerCut}) {
    auto after = world.Crash(kind, world.fs().event_count(), n, support::Unsynced::kAllOld);
    auto reopened = Door::Open("/db", options, after->env());
    ASSERT_TRUE(reopened.ok()) << reopened.status().ToString();
    auto found = ReadAll(&*reopened);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    State other = want;
    Apply(unknown, &other);
    if (!Difference(*found, other).empty()) {
      ASSERT_EQ(Difference(*found, want), "");
    }
  }
}

TEST(DbFaults, AnyFailedChangeLeavesNothingHalfDone) {
  const StatusCode codes[] = {StatusCode::kIoError, StatusCode::kNoSpace,
                              StatusCode::kResourceExhausted};
  Sweep sweep;
  for (std::uint64_t n = 1; n < 700; n += 7) {
    for (const int shape : {0, 1, 2}) {
      support::Fault fault;
      fault.ops = FsOps::Changes();
      fault.nth = n;
      fault.code = codes[n % 3];
      fault.after = shape == 1;
      fault.write_first = shape == 2 ? 300 : 0;
      SCOPED_TRACE("change " + std::to_string(n) + " fails, shape " + std::to_string(shape));
      ASSERT_NO_FATAL_FAILURE(RunWithFault(n, fault, &sweep));
    }
  }
  EXPECT_GT(sweep.faults, 200u);
  EXPECT_GT(sweep.definite, 100u);
  EXPECT_GT(sweep.unknown, 5u);
  std::printf("%llu faults, %llu writes refused, %llu of unknown outcome\n",
              static_cast<unsigned long long>(sweep.faults),
              static_cast<unsigned long long>(sweep.definite),
              static_cast<unsigned long long>(sweep.unknown));
}

// What a directory sync that failed should have made durable is lost unless something writes it
// again: nothing may rely on it.
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

TEST(DbFaults, AFailedDirectorySyncLosesNothingAcknowledged) {
  std::uint64_t failed = 0;
  for (std::uint64_t n = 1; n < 120; ++n) {
    SCOPED_TRACE("directory sync " + std::to_string(n));
    TestEnv world(n);
    Options options = TinyOptions();
    options.delta_bytes = options.wal_file_bytes = 4096;
    auto db = OpenFour(options, world.env());
    ASSERT_TRUE(db.ok());
    world.fs().FailDirectorySync(n);
    State want(FourSpaces().size());
    Batch unknown;
    for (std::uint64_t i = 0; i < 60 && unknown.empty(); ++i) {
      const Batch batch = {{0, i % 5 != 4, U64Key(i % 23), std::string(90, 'v')},
                           {1, true, "k" + std::to_string(i % 17), std::to_string(i)}};
      const auto sequence = (*db)->Write(batch);
      if (sequence.ok()) Apply(batch, &want);
      if (sequence.status().code() == StatusCode::kUnknownOutcome) unknown = batch;
      failed += !sequence.ok();
      if (i % 10 == 9) (void)Door::WaitForUpkeep((*db)->db);
    }
    for (const auto unsynced : {support::Unsynced::kAllOld, support::Unsynced::kSeeded}) {
      auto after = world.Crash(CrashKind::kPowerCut, world.fs().event_count(), n, unsynced);
      auto reopened = Door::Open("/db", options, after->env());
      ASSERT_TRUE(reopened.ok()) << reopened.status().ToString();
      auto found = ReadAll(&*reopened);
      ASSERT_TRUE(found.ok()) << found.status().ToString();
      State other = want;
      Apply(unknown, &other);
      if (!Difference(*found, other).empty()) {
        ASSERT_EQ(Difference(*found, want), "");
      }
    }
  }
  EXPECT_GT(failed, 10u);
}

}  // namespace
}  // namespace kyro::db
