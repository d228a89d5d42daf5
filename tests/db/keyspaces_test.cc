// SPDX-License-Identifier: Apache-2.0
//
// Dropping a keyspace: gone for good, in every layer and after every crash; its views stay.
#include <gtest/gtest.h>

#include <optional>
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
using support::Unsynced;

std::size_t SegmentFiles(const TestEnv& world) {
  std::size_t files = 0;
  for (const std::string& name : const_cast<TestEnv&>(world).fs().ListNames("/db")) {
    files += name.ends_with(".keys");
  }
  return files;
}

TEST(DropKeyspace, ItsHandlesAreClosedAndItsViewsStayReadable) {
  TestEnv world;
  auto db = *Door::Open("/db", TinyOptions(), world.env());
  auto gone = *db.OpenKeyspace<U64>("gone");
  auto kept = *db.OpenKeyspace<Bytes>("kept");
  ASSERT_TRUE(gone.Put(1, "in a segment").ok());
  ASSERT_TRUE(Door::Flush(db).ok());
  ASSERT_TRUE(gone.Put(2, "in the delta").ok());
  ASSERT_TRUE(kept.Put("k", "v").ok());
  std::optional<View<U64>> view = *gone.view();
  const auto point = *db.read_point();

  ASSERT_TRUE(db.DropKeyspace("gone").ok());
  EXPECT_EQ(gone.Get(1).status().code(), StatusCode::kClosed);
  EXPECT_EQ(gone.Get(2).status().code(), StatusCode::kClosed);
  EXPECT_EQ(gone.view().status().code(), StatusCode::kClosed);
  EXPECT_EQ(gone.Put(3, "x").code(), StatusCode::kClosed);
  EXPECT_EQ(gone.Delete(1).code(), StatusCode::kClosed);
  EXPECT_EQ(gone.NewBulkLoader().status().code(), StatusCode::kClosed);
  WriteBatch batch;
  batch.Put(kept, "k", "must not be applied");
  batch.Put(gone, 3, "x");
  EXPECT_EQ(db.Write(batch).status().code(), StatusCode::kClosed);
  EXPECT_EQ(*kept.Get("k"), "v");
  EXPECT_EQ(db.DropKeyspace("gone").code(), StatusCode::kNotFound);
  ASSERT_EQ(db.ListKeyspaces()->size(), 1u);

  // A read point of later knows nothing of it, although the delta holds its row still.
  const auto later = *gone.view(*db.read_point());
  EXPECT_TRUE(later.Get(2).absent());
  std::size_t rows = 0;
  Scan<U64> scan = later.scan();
  for ([[maybe_unused]] const auto& row : scan) ++rows;
  EXPECT_TRUE(scan.status().ok());
  EXPECT_EQ(rows, 0u);
  EXPECT_EQ(view->Get(1).value(), "in a segment");
  EXPECT_EQ(view->Get(2).value(), "in the delta");
  EXPECT_EQ(gone.view(point)->Get(2).value(), "in the delta");
  EXPECT_GT(db.stats().pinned_files, 0u);
}

TEST(DropKeyspace, FreesItsFilesAndNeverItsId) {
  TestEnv world;
  world.fs().StopJournal();
  auto db = *Door::Open("/db", TinyOptions(), world.env());
  const std::uint32_t id = db.OpenKeyspace<U64>("name")->id();
  ASSERT_TRUE(db.OpenKeyspace<U64>("name")->Put(1, "old").ok());
  ASSERT_TRUE(Door::Flush(db).ok());
  EXPECT_EQ(SegmentFiles(world), 1u);
  ASSERT_TRUE(db.DropKeyspace("name").ok());
  ASSERT_TRUE(Door::WaitForUpkeep(db).ok());
  EXPECT_EQ(SegmentFiles(world), 0u);
  // The name is free, for the other kind too; nothing of the old one shows.
  auto fresh = *db.OpenKeyspace<Bytes>("name");
  EXPECT_GT(fresh.id(), id);
  EXPECT_EQ(fresh.Get("").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(fresh.Put("a", "new").ok());
  ASSERT_TRUE(db.Fold().ok());
  EXPECT_EQ(db.stats().upkeep_failures, 0u);
  EXPECT_EQ(*fresh.Get("a"), "new");
  ASSERT_TRUE(db.Close().ok());
  auto again = *Door::Open("/db", TinyOptions(), world.env());
  EXPECT_EQ(*again.OpenKeyspace<Bytes>("name")->Get("a"), "new");
  EXPECT_TRUE(again.Verify().ok());
}

// A crash at every moment: the keyspace is whole or gone; everything acknowledged before the drop
// is there, also what was not synced when the drop was asked for; after it was acknowledged it is
// gone.
TEST(DropKeyspace, ACrashLeavesItWholeOrGone) {
  for (const Durability durability : {Durability::kSync, Durability::kOs}) {
    TestEnv world;
    Options options = TinyOptions();
    options.durability = durability;
    auto db = *Door::Open("/db", options, world.env());
    auto gone = *db.OpenKeyspace<U64>("gone");
    auto kept = *db.OpenKeyspace<U64>("kept");
    for (std::uint64_t key = 0; key < 40; ++key) {
      WriteBatch batch;
      batch.Put(gone, key, "g");
      batch.Put(kept, key, "k");
      ASSERT_TRUE(db.Write(batch).ok());
      if (key == 20) {
        ASSERT_TRUE(Door::Flush(db).ok());
      }
    }
    const std::uint64_t begin = world.fs().event_count();
    ASSERT_TRUE(db.DropKeyspace("gone").ok());
    const std::uint64_t acknowledged = world.fs().event_count();
    ASSERT_TRUE(kept.Put(40, "k", {.durability = Durability::kSync}).ok());
    ASSERT_TRUE(db.Close().ok());
    std::uint64_t dropped = 0;
    for (std::uint64_t event = begin; event <= world.fs().event_count(); ++event) {
      // Not by chance alone: a cut that leaves the manifest and of the log nothing unsynced.
      const std::pair<CrashKind, Unsynced> ways[] = {
          {CrashKind::kKill, Unsynced::kSeeded},
          {CrashKind::kPowerCut, Unsynced::kSeeded},
          {CrashKind::kPowerCut, Unsynced::kNewNamesOldBytes}};
      for (const auto& [kind, unsynced] : ways) {
        auto crashed = world.Crash(kind, event, event, unsynced);
        auto again = Door::Open("/db", options, crashed->env());
        ASSERT_TRUE(again.ok()) << event << again.status().ToString();
        const auto list = *again->ListKeyspaces();
        ASSERT_TRUE(list.size() == 2 || event > begin) << event;
        if (list.size() == 1) {
          ++dropped;
          ASSERT_EQ(list[0].name, "kept");
          // G3: what the drop came after is there.
          ASSERT_EQ(again->OpenKeyspace<U64>("kept")->Get(39).status().code(), StatusCode::kOk)
              << event;
        } else {
          ASSERT_LT(event, acknowledged);
        }
        ASSERT_TRUE(again->Verify().ok());
      }
    }
    EXPECT_GT(dropped, 4u);
  }
}

TEST(DropKeyspace, AFailedDropLeavesItWorking) {
  std::uint64_t failed = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    ASSERT_LT(nth, 200u);
    TestEnv world;
    FaultFs faults(&world.fs());
    auto db = *Door::Open("/db", TinyOptions(), world.EnvOver(&faults));
    auto space = *db.OpenKeyspace<U64>("space");
    ASSERT_TRUE(space.Put(1, "x").ok());
    const auto fault = faults.Inject({.ops = FsOps::Changes(), .nth = nth});
    const Status status = db.DropKeyspace("space");
    if (faults.Hits(fault) == 0) break;
    faults.Clear();
    if (status.ok()) continue;
    ++failed;
    EXPECT_EQ(*space.Get(1), "x") << nth;
    if (db.Resume().ok()) {  // not in doubt: it takes writes again
      EXPECT_TRUE(space.Put(2, "y").ok()) << nth;
      EXPECT_EQ(*space.Get(2), "y") << nth;
    }
  }
  EXPECT_GT(failed, 3u);
}

// The rename was done and its sync failed: a crash may leave the manifest with or without it.
TEST(DropKeyspace, OneThatACrashMayLeaveOrNotIsOfUnknownOutcome) {
  TestEnv world;
  FaultFs faults(&world.fs());
  auto db = *Door::Open("/db", TinyOptions(), world.EnvOver(&faults));
  auto space = *db.OpenKeyspace<U64>("space");
  ASSERT_TRUE(space.Put(1, "x").ok());
  // Before the rename the names of new files are synced, after it the manifest's.
  faults.Inject({.ops = {FsOp::kSyncDirectory}, .nth = 2});
  EXPECT_EQ(db.DropKeyspace("space").code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ(space.Put(2, "y").code(), StatusCode::kClosed);
  auto old =
      world.Crash(CrashKind::kPowerCut, world.fs().event_count(), 1, support::Unsynced::kAllOld);
  auto now = world.Crash(CrashKind::kKill, world.fs().event_count());
  EXPECT_EQ(Door::Open("/db", TinyOptions(), old->env())->ListKeyspaces()->size(), 1u);
  EXPECT_EQ(Door::Open("/db", TinyOptions(), now->env())->ListKeyspaces()->size(), 0u);
}

TEST(DropKeyspace, OneThatWasNotTriedLeavesItsKeyspace) {
  TestEnv world;
  FaultFs faults(&world.fs());
  auto db = *Door::Open("/db", TinyOptions(), world.EnvOver(&faults));
  auto space = *db.OpenKeyspace<U64>("space");
  ASSERT_TRUE(space.Put(1, "x").ok());
  faults.Inject({.ops = {FsOp::kSyncDirectory}, .nth = 2});
  EXPECT_EQ(db.OpenKeyspace<U64>("doubtful").status().code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ(db.DropKeyspace("space").code(), StatusCode::kReadOnly);
  EXPECT_TRUE(space.Put(2, "y").ok());
}

TEST(Open, TellsItsProgressAndCancels) {
  TestEnv world;
  auto db = *Door::Open("/db", Options(), world.env());
  auto cells = *db.OpenKeyspace<U64>();
  for (std::uint64_t key = 0; key < 20; ++key) {
    ASSERT_TRUE(cells.Put(key, std::string(100000, 'v')).ok());
  }
  auto crashed = world.Crash(CrashKind::kKill, world.fs().event_count());
  Options options;
  std::uint64_t calls = 0;
  options.open_progress.on_progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    return ++calls < 3;
  };
  EXPECT_EQ(Door::Open("/db", options, crashed->env()).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(calls, 3u);
  options.open_progress = {};
  auto again = Door::Open("/db", options, crashed->env());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->OpenKeyspace<U64>()->Get(19)->size(), 100000u);
}

}  // namespace
}  // namespace kyro::db
