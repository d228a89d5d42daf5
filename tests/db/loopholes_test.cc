// SPDX-License-Identifier: Apache-2.0
//
// What a store could get wrong and still pass its other tests: reads that wait for background I/O,
// groups of one, models that are never used or never repaired.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "db/model.h"
#include "io/env.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::FaultFs;
using support::FsOp;
using support::TestEnv;

support::NamePredicate NameHas(std::string part) {
  return [part = std::move(part)](std::string_view name) {
    return name.find(part) != std::string_view::npos;
  };
}

io::Env Threaded(TestEnv* world, io::FileSystem* fs) {
  io::Env env = world->EnvOver(fs);
  env.executor = io::SystemEnv().executor;
  env.clock = io::SystemEnv().clock;
  return env;
}

// Every way of reading gives what was written; 0 to keys-1 hold `value`.
void ExpectReadable(OpenDb* db, std::uint64_t keys, const std::string& value) {
  for (std::uint64_t key = 0; key < keys; ++key) {
    std::string found;
    ASSERT_TRUE(db->spaces[0]->Get(U64Key(key), &found).ok());
    ASSERT_EQ(found, value);
  }
  std::string found;
  ASSERT_EQ(db->spaces[0]->Get(U64Key(keys), &found).code(), StatusCode::kNotFound);
  auto view = db->spaces[0]->view();
  ASSERT_TRUE(view.ok());
  Rows rows;
  ASSERT_TRUE((*view)->Scan({}, {}, &rows).ok());
  ASSERT_EQ(rows.size(), keys);
  ASSERT_TRUE((*view)->Get(U64Key(keys - 1)).present());
  ASSERT_TRUE((*view)->Get(U64Key(keys)).absent());
}

TEST(DbLoopholes, ReadsAndWritesGoOnWhileSegmentWritesAreStuck) {
  TestEnv world;
  FaultFs fs(&world.fs());
  Options options = TinyOptions();
  options.write_stall_max = std::chrono::milliseconds(30);
  auto opened = OpenFour(options, Threaded(&world, &fs));
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  OpenDb& db = **opened;

  const std::string value(200, 'v');
  const auto block = fs.Block({FsOp::kWrite}, NameHas(".keys"));
  std::uint64_t written = 0;
  Status status;
  for (; written < 10'000; ++written) {
    status = db.spaces[0]->Put(U64Key(written), value, {});
    if (!status.ok()) break;
    if (written % 10 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(ExpectReadable(&db, written + 1, value));
  }
  // Two frozen generations and the active one are full: the write is refused, not applied.
  EXPECT_EQ(status.code(), StatusCode::kBusy) << status.ToString();
  EXPECT_GT(written * value.size(), 2 * options.delta_bytes / 2);
  fs.WaitUntilBlocked(block);
  ASSERT_NO_FATAL_FAILURE(ExpectReadable(&db, written, value));
  const Stats stats = db.db.stats();
  EXPECT_EQ(stats.frozen_generations, 2u);
  EXPECT_EQ(stats.commits, written);
  EXPECT_EQ(stats.commits_refused, 1u);
  EXPECT_GE(stats.stalls, 1u);
  EXPECT_EQ(stats.flushes, 0u);
  // What asks for less room than is left is still taken; what is refused stays refused.
  EXPECT_EQ(db.spaces[0]->Put(U64Key(written), value, {}).code(), StatusCode::kBusy);

  fs.Release(block);
  EXPECT_TRUE(Door::WaitForUpkeep(db.db).ok());
  EXPECT_TRUE(db.spaces[0]->Put(U64Key(written), value, {}).ok());
  ASSERT_NO_FATAL_FAILURE(ExpectReadable(&db, written + 1, value));
  EXPECT_GE(db.db.stats().flushes, 2u);
  EXPECT_TRUE(db.db.Close().ok());
}

TEST(DbLoopholes, ReadsWritesAndStatsGoOnWhileTheManifestIsStuck) {
  TestEnv world;
  FaultFs fs(&world.fs());
  auto opened = OpenFour(TinyOptions(), Threaded(&world, &fs));
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  OpenDb& db = **opened;
  const std::string value(200, 'v');
  ASSERT_TRUE(db.spaces[0]->Put(U64Key(0), value, {}).ok());
  ASSERT_TRUE(Door::WaitForUpkeep(db.db).ok());
  const auto block = fs.Block({FsOp::kWrite, FsOp::kSync}, NameHas("MANIFEST"));
  std::uint64_t written = 1;
  while (db.db.stats().frozen_generations < 1) {
    ASSERT_TRUE(db.spaces[0]->Put(U64Key(written++), value, {}).ok());
  }
  fs.WaitUntilBlocked(block);
  ASSERT_TRUE(db.spaces[0]->Put(U64Key(written++), value, {}).ok());
  ASSERT_NO_FATAL_FAILURE(ExpectReadable(&db, written, value));
  EXPECT_EQ(db.db.stats().frozen_generations, 1u);
  EXPECT_TRUE(Door::Inspect(db.db).ok());
  EXPECT_TRUE(db.db.ListKeyspaces().ok());
  EXPECT_TRUE(db.db.OpenKeyspace<U64>().ok());
  fs.Release(block);
  EXPECT_TRUE(db.db.Close().ok());
}

TEST(DbLoopholes, EightSyncWritersShareSyncs) {
  TestEnv world;
  FaultFs fs(&world.fs());
  // Not for the time it takes, but so that writers gather while a group syncs, as on a disk.
  std::atomic<bool> slow{false};
  fs.Inject({.ops = {FsOp::kSync}, .name = [&slow](std::string_view) {
               if (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
               return false;
             }});
  auto opened = OpenFour(Options(), Threaded(&world, &fs));
  ASSERT_TRUE(opened.ok()) << opened.status().ToString();
  OpenDb& db = **opened;
  ASSERT_TRUE(db.spaces[0]->Put(U64Key(0), "first", {}).ok());
  const auto log = support::NameEndsWith(".wal");
  const std::uint64_t syncs = world.fs().Count(support::SimOp::kSync, log);
  const std::uint64_t writes = world.fs().Count(support::SimOp::kWrite, log);
  const Stats before = db.db.stats();
  slow = true;
  constexpr std::uint64_t kThreads = 8, kPuts = 60;
  std::vector<std::thread> threads;
  std::atomic<std::uint64_t> failed{0};
  for (std::uint64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < kPuts; ++i) {
        if (!db.spaces[t % 4]->Put(U64Key(1 + t * kPuts + i), "value", {}).ok()) ++failed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  slow = false;
  const Stats after = db.db.stats();
  const std::uint64_t groups = after.groups - before.groups;
  const std::uint64_t marks = after.log_marks - before.log_marks;
  EXPECT_EQ(failed.load(), 0u);
  EXPECT_EQ(after.commits - before.commits, kThreads * kPuts);
  EXPECT_EQ(after.log_rotations, before.log_rotations);
  EXPECT_LT(groups, kThreads * kPuts / 2);
  // One write call and one sync for a group; a mark may have come in between.
  const std::uint64_t wrote = world.fs().Count(support::SimOp::kWrite, log) - writes;
  const std::uint64_t synced = world.fs().Count(support::SimOp::kSync, log) - syncs;
  EXPECT_GE(wrote, groups + marks);
  EXPECT_LE(wrote, groups + marks + 1);
  EXPECT_GE(synced, groups);
  EXPECT_LE(synced, groups + 2 * (marks + 1));
  EXPECT_LT(synced, kThreads * kPuts / 2);
  EXPECT_TRUE(db.db.Close().ok());
}

// ---------------------------------------------------------------------------------- models

enum class ModelDamage { kBlob, kHeader, kMissing };

void DamageModel(TestEnv* world, const std::string& name, ModelDamage damage) {
  const std::string path = "/db/" + name;
  if (damage == ModelDamage::kBlob) {
    ASSERT_TRUE(world->fs().FlipByte(path, 4096 + 40).ok());
  } else if (damage == ModelDamage::kHeader) {
    ASSERT_TRUE(world->fs().FlipByte(path, 30).ok());
  } else {
    ASSERT_TRUE((*world->fs().OpenDirectory("/db", false))->Unlink(name).ok());
  }
}

TEST(DbLoopholes, ADamagedModelIsIgnoredCountedAndTrainedAgain) {
  TestEnv world;
  world.fs().StopJournal();
  Map want;
  {
    auto db = OpenFour(TinyOptions(), world.env());
    ASSERT_TRUE(db.ok());
    for (std::uint64_t i = 0; i < 500; ++i) {
      want[U64Key(i * i)] = "value " + std::to_string(i);
      ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(i * i), want[U64Key(i * i)], {}).ok());
    }
    ASSERT_TRUE((*db)->db.Fold().ok());
    ASSERT_TRUE((*db)->db.Close().ok());
  }
  std::vector<std::string> models;
  for (const std::string& name : world.fs().ListNames("/db")) {
    if (name.ends_with(".rmi")) models.push_back(name);
  }
  ASSERT_GE(models.size(), 1u);
  for (const ModelDamage damage :
       {ModelDamage::kBlob, ModelDamage::kHeader, ModelDamage::kMissing}) {
    SCOPED_TRACE(static_cast<int>(damage));
    auto damaged = std::make_unique<TestEnv>(9, world.fs().Copy());
    damaged->fs().StopJournal();
    for (const std::string& name : models) DamageModel(damaged.get(), name, damage);
    auto db = OpenFour(TinyOptions(), damaged->env());
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    EXPECT_EQ((*db)->db.stats().models_damaged, models.size());
    const auto expect_right = [&] {
      for (const auto& [key, value] : want) {
        std::string found;
        ASSERT_TRUE((*db)->spaces[0]->Get(key, &found).ok());
        ASSERT_EQ(found, value);
        ASSERT_EQ((*db)->spaces[0]->Get(U64Key(U64Of(key) * 2 + 3), &found).ok(),
                  want.count(U64Key(U64Of(key) * 2 + 3)) != 0);
      }
    };
    expect_right();
    EXPECT_EQ((*db)->db.Verify().code(), StatusCode::kDataLoss);
    ASSERT_TRUE(Door::WaitForUpkeep((*db)->db).ok());
    EXPECT_EQ((*db)->db.stats().retrains, models.size());
    EXPECT_TRUE((*db)->db.Verify().ok()) << (*db)->db.Verify().ToString();
    const std::uint64_t predictions = (*db)->db.stats().predictions;
    expect_right();
    EXPECT_GE((*db)->db.stats().predictions, predictions + want.size());
    EXPECT_EQ((*db)->db.stats().model_fallbacks, 0u);
    ASSERT_TRUE((*db)->db.Close().ok());
    *db = nullptr;
    auto again = OpenFour(TinyOptions(), damaged->env());
    ASSERT_TRUE(again.ok());
    EXPECT_EQ((*again)->db.stats().models_damaged, 0u);
  }
}

}  // namespace
}  // namespace kyro::db
