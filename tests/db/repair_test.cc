// SPDX-License-Identifier: Apache-2.0
//
// Repair where a sweep does not look (tests/proofs/rot has that): what it refuses, and what it does
// with a whole file gone.
#include "db/repair.h"

#include <gtest/gtest.h>

#include "db/model.h"

namespace kyro::db {
namespace {

using support::TestEnv;

// An older run of 200 keys, a newer one over some of them, and a log.
State MakeDatabase(TestEnv* world) {
  world->fs().StopJournal();
  State state(FourSpaces().size());
  auto db = OpenFour(Options(), world->env());
  EXPECT_TRUE(db.ok()) << db.status().ToString();
  const auto write = [&](const Batch& batch) {
    EXPECT_TRUE((*db)->Write(batch).ok());
    Apply(batch, &state);
  };
  for (std::uint64_t i = 0; i < 200; ++i) {
    write({{0, true, U64Key(i * 10), "old" + std::to_string(i)},
           {1, true, "key" + std::to_string(i), "old"}});
  }
  EXPECT_TRUE((*db)->db.Fold().ok());
  write({{0, true, U64Key(50), "new"}, {0, false, U64Key(60), ""}, {0, true, U64Key(70), "new"}});
  EXPECT_TRUE(Door::Flush((*db)->db).ok());
  write({{0, true, U64Key(1), "in the log"}, {1, false, "key7", ""}});
  write({{1, true, "last", "in the log"}});
  EXPECT_TRUE((*db)->db.Close().ok());
  return state;
}

State Rows(TestEnv* world, const std::string& path) {
  Options options;
  options.create_if_missing = false;
  auto db = Door::Open(path, options, world->env());
  EXPECT_TRUE(db.ok()) << db.status().ToString();
  auto rows = ReadAll(&*db);
  EXPECT_TRUE(rows.ok()) << rows.status().ToString();
  EXPECT_TRUE(db->Verify().ok());
  return *rows;
}

// Names of files with this suffix, by number.
std::vector<std::string> Named(TestEnv* world, std::string_view suffix) {
  std::vector<std::string> names;
  for (const std::string& name : world->fs().ListNames("/db")) {
    if (name.ends_with(suffix)) names.push_back(name);
  }
  return names;
}

void Remove(TestEnv* world, const std::string& name) {
  ASSERT_TRUE((*world->fs().OpenDirectory("/db", false))->Unlink(name).ok());
}

TEST(DbRepair, ASoundDatabaseIsSalvagedWhole) {
  TestEnv world;
  const State state = MakeDatabase(&world);
  const auto names = world.fs().ListNames("/db");
  const auto report = Repair("/db", "/new", {}, world.env());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->losses.empty());
  EXPECT_TRUE(report->damages.empty());
  EXPECT_EQ(Difference(Rows(&world, "/new"), state), "");
  EXPECT_EQ(world.fs().ListNames("/db"), names);
  EXPECT_FALSE(world.fs().Exists("/new.tmp/MANIFEST"));
}

TEST(DbRepair, WhatIsThereOrInUseIsRefused) {
  TestEnv world;
  MakeDatabase(&world);
  EXPECT_EQ(Repair("/nothing", "/new", {}, world.env()).status().code(), StatusCode::kNotFound);
  {
    auto open = Door::Open("/db", Options(), world.env());
    ASSERT_TRUE(open.ok());
    EXPECT_EQ(Repair("/db", "/new", {}, world.env()).status().code(), StatusCode::kLocked);
  }
  ASSERT_TRUE(Repair("/db", "/new", {}, world.env()).ok());
  EXPECT_EQ(Repair("/db", "/new", {}, world.env()).status().code(), StatusCode::kAlreadyExists);
}

TEST(DbRepair, WithoutSpaceNothingIsMadeAndTheNextCallStartsAnew) {
  TestEnv world;
  const State state = MakeDatabase(&world);
  for (const std::uint64_t free : {0u, 4096u, 12'000u}) {
    world.fs().SetFreeBytes(free);
    const auto report = Repair("/db", "/new", {}, world.env());
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.status().code(), StatusCode::kNoSpace) << report.status().ToString();
    EXPECT_FALSE(world.fs().OpenDirectory("/new", false).ok());
  }
  world.fs().SetFreeBytes(std::uint64_t{1} << 40);
  ASSERT_TRUE(Repair("/db", "/new", {}, world.env()).ok());
  EXPECT_EQ(Difference(Rows(&world, "/new"), state), "");
}

TEST(DbRepair, ItCanBeCancelled) {
  TestEnv world;
  MakeDatabase(&world);
  const auto no = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_EQ(Repair("/db", "/new", {.progress = {no}}, world.env()).status().code(),
            StatusCode::kCancelled);
  EXPECT_FALSE(world.fs().OpenDirectory("/new", false).ok());
}

// The newer run's keys are lost: what they may hide of the older run is left out, or, with `all`,
// given out and counted.
TEST(DbRepair, OlderRowsUnderALostSegmentAreNotPassedOffAsTheNewest) {
  for (const bool all : {false, true}) {
    TestEnv world;
    State state = MakeDatabase(&world);
    Remove(&world, Named(&world, ".keys").back());
    const auto report = Repair("/db", "/new", {.all = all}, world.env());
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    ASSERT_EQ(report->losses.size(), 1u);
    const RepairLoss& loss = report->losses[0];
    EXPECT_EQ(loss.keyspace, FourSpaces()[0].name);
    EXPECT_EQ(loss.rows, 3u);
    State rows = Rows(&world, "/new");
    for (const std::uint64_t key : {50, 60, 70}) {
      EXPECT_EQ(rows[0].count(U64Key(key)), all ? 1u : 0u) << key;
      rows[0].erase(U64Key(key));
      state[0].erase(U64Key(key));
    }
    EXPECT_EQ(loss.withheld, all ? 0u : 3u);
    EXPECT_EQ(loss.stale, all ? 3u : 0u);
    EXPECT_EQ(Difference(rows, state), "");
  }
}

// The keys tell which rows were deleted even without the values.
TEST(DbRepair, WithoutValuesTheKeysAreListedOneByOne) {
  TestEnv world;
  State state = MakeDatabase(&world);
  Remove(&world, Named(&world, ".data").back());
  const auto report = Repair("/db", "/new", {}, world.env());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  // 50 and 70, whose values are lost, on both sides of 60, whose deletion is known.
  ASSERT_EQ(report->losses.size(), 2u);
  state[0].erase(U64Key(50));
  state[0].erase(U64Key(70));
  EXPECT_EQ(Difference(Rows(&world, "/new"), state), "");
}

TEST(DbRepair, TheLogEndsBeforeTheFirstLostCommitUnlessAllIsWanted) {
  for (const bool all : {false, true}) {
    TestEnv world;
    State state = MakeDatabase(&world);
    // The first group behind the link.
    ASSERT_TRUE(world.fs().FlipByte("/db/" + Named(&world, ".wal").back(), 1024 + 90).ok());
    const auto report = Repair("/db", "/new", {.all = all}, world.env());
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->losses.size(), all ? 1u : 2u);
    EXPECT_EQ(report->losses[0].first_sequence, 202u);
    EXPECT_EQ(report->losses[0].last_sequence, 202u);
    EXPECT_EQ(report->sequence, 201u);
    state[0].erase(U64Key(1));
    state[1]["key7"] = "old";
    if (!all) state[1].erase("last");
    EXPECT_EQ(Difference(Rows(&world, "/new"), state), "");
  }
}

TEST(DbRepair, WithoutAManifestEverySegmentAndEveryLogIsAKeyspace) {
  TestEnv world;
  MakeDatabase(&world);
  Remove(&world, "MANIFEST");
  const auto report = Repair("/db", "/new", {}, world.env());
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_FALSE(report->manifest);
  EXPECT_FALSE(report->losses.empty());
  Options options;
  auto db = Door::Open("/new", options, world.env());
  ASSERT_TRUE(db.ok());
  std::uint64_t segments = 0, logs = 0, rows = 0;
  for (const RepairedSpace& space : report->spaces) {
    segments += space.name.starts_with("segment-");
    logs += space.name.starts_with("log-");
    rows += space.rows;
  }
  EXPECT_EQ(segments, 3u);
  EXPECT_EQ(logs, 2u);
  // The older runs, two rows and a deletion of the newer, two rows of the log.
  EXPECT_EQ(rows, 200u + 200u + 2u + 2u);
}

}  // namespace
}  // namespace kyro::db
