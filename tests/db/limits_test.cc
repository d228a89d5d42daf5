// SPDX-License-Identifier: Apache-2.0
//
// What is refused, and that refusing changes nothing.
#include <gtest/gtest.h>

#include <functional>

#include "db/model.h"

namespace kyro::db {
namespace {

using support::TestEnv;

TEST(DbOptions, OutOfRangeIsInvalid) {
  constexpr std::size_t kGiB = std::size_t{1} << 30;
  const std::vector<std::function<void(Options*)>> wrong = {
      [](Options* o) { o->delta_bytes = 4095; },
      [](Options* o) { o->delta_bytes = 64 * kGiB + 1; },
      [](Options* o) { o->wal_file_bytes = 0; },
      [](Options* o) { o->wal_file_bytes = 64 * kGiB + 1; },
      [](Options* o) { o->batch_bytes_max = 4095; },
      [](Options* o) { o->batch_bytes_max = kGiB + 1; },
      [](Options* o) { o->segment_bytes = 4095; },
      [](Options* o) { o->segment_bytes = 2 * kGiB + 1; },
      [](Options* o) { o->sync_interval = std::chrono::milliseconds(0); },
      [](Options* o) { o->write_stall_max = std::chrono::milliseconds(-1); },
      [](Options* o) { o->merge_fraction = 0.009; },
      [](Options* o) { o->merge_fraction = 1.01; },
      [](Options* o) { o->merge_fraction = std::numeric_limits<double>::quiet_NaN(); },
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    TestEnv world;
    Options options;
    wrong[i](&options);
    EXPECT_EQ(Door::Open("/db", options, world.env()).status().code(), StatusCode::kInvalidArgument)
        << i;
    EXPECT_FALSE(world.fs().Exists("/db/MANIFEST"));
  }
  TestEnv world;
  Options smallest = TinyOptions();
  smallest.delta_bytes = smallest.wal_file_bytes = smallest.batch_bytes_max = 4096;
  smallest.merge_fraction = 0.01;
  smallest.write_stall_max = std::chrono::milliseconds(0);
  EXPECT_TRUE(Door::Open("/db", smallest, world.env()).ok());
}

TEST(DbKeyspaces, NamesAndKindsAreChecked) {
  TestEnv world;
  auto db = Door::Open("/db", Options(), world.env());
  ASSERT_TRUE(db.ok());
  EXPECT_EQ(db->OpenKeyspace<U64>("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(db->OpenKeyspace<U64>(std::string(256, 'n')).status().code(),
            StatusCode::kInvalidArgument);
  const std::string longest(255, '\xff');
  auto one = db->OpenKeyspace<U64>(longest);
  ASSERT_TRUE(one.ok()) << one.status().ToString();
  EXPECT_EQ(one->name(), longest);
  EXPECT_EQ(db->OpenKeyspace<Bytes>(longest).status().code(), StatusCode::kKeyspaceMismatch);
  EXPECT_EQ(db->OpenKeyspace<U64>(longest)->id(), one->id());
  auto two = db->OpenKeyspace<Bytes>();
  ASSERT_TRUE(two.ok());
  EXPECT_NE(two->id(), one->id());
  ASSERT_TRUE(db->Close().ok());
  auto again = Door::Open("/db", Options(), world.env());
  auto list = again->ListKeyspaces();
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].name, longest);
  EXPECT_EQ((*list)[0].kind, KeyKind::kU64);
  EXPECT_EQ((*list)[1].name, "default");
  EXPECT_EQ((*list)[1].kind, KeyKind::kBytes);
  EXPECT_EQ(again->OpenKeyspace<U64>().status().code(), StatusCode::kKeyspaceMismatch);
}

TEST(DbLimits, KeysValuesAndBatchesAtTheirLimits) {
  TestEnv world;
  world.fs().StopJournal();
  Options options;
  auto db = Door::Open("/db", options, world.env());
  auto space = db->OpenKeyspace<Bytes>();
  ASSERT_TRUE(space.ok());
  const std::string longest(kKeyBytesMax, 'k');
  ASSERT_TRUE(space->Put(longest, "at the limit").ok());
  ASSERT_TRUE(space->Put("", "").ok());
  EXPECT_EQ(space->Put(longest + "k", "over").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(space->Delete(longest + "k").code(), StatusCode::kInvalidArgument);
  std::string value(kValueBytesMax, 'v');
  ASSERT_TRUE(space->Put("big", value).ok());
  value += 'v';
  EXPECT_EQ(space->Put("bigger", value).code(), StatusCode::kInvalidArgument);
  // A key that cannot be there is absent, not an error.
  EXPECT_EQ(space->Get(longest + "k").status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(db->Fold().ok());
  EXPECT_EQ(*space->Get(longest), "at the limit");
  EXPECT_EQ(*space->Get(""), "");
  EXPECT_EQ(space->Get("big")->size(), kValueBytesMax);
  EXPECT_EQ(space->Get("bigger").status().code(), StatusCode::kNotFound);
}

TEST(DbLimits, ABatchIsTakenWholeOrNotAtAll) {
  TestEnv world;
  Options options = TinyOptions();
  options.batch_bytes_max = 4096;
  auto db = Door::Open("/db", options, world.env());
  auto space = db->OpenKeyspace<U64>();
  auto words = db->OpenKeyspace<Bytes>("words");
  ASSERT_TRUE(space.ok() && words.ok());
  WriteBatch batch;
  batch.Put(*space, 1, std::string(2000, 'a'));
  batch.Put(*space, 2, std::string(3000, 'b'));
  EXPECT_EQ(db->Write(batch).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(space->Get(1).status().code(), StatusCode::kNotFound);
  // One operation that cannot be encoded spoils the others.
  batch.Clear();
  batch.Put(*space, 3, "c");
  batch.Put(*words, std::string(kKeyBytesMax + 1, 'k'), "d");
  batch.Put(*space, 4, "e");
  EXPECT_EQ(batch.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(db->Write(batch).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(space->Get(3).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(db->stats().visible, 0u);
  batch.Clear();
  EXPECT_EQ(batch.count(), 0u);
  EXPECT_EQ(*db->Write(batch), 0u);  // empty: takes no sequence
  batch.Put(*space, 5, "first");
  batch.Delete(*space, 5);
  batch.Put(*space, 6, "first");
  batch.Put(*space, 6, "last");
  EXPECT_EQ(*db->Write(batch), 1u);
  EXPECT_EQ(space->Get(5).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(*space->Get(6), "last");
  EXPECT_EQ(*db->Write(batch), 2u);  // and may be written again
}

TEST(DbLimits, HandlesOfAnotherDbAreRefused) {
  TestEnv one(1), two(2);
  auto first = Door::Open("/db", Options(), one.env());
  auto second = Door::Open("/db", Options(), two.env());
  auto here = first->OpenKeyspace<U64>();
  auto there = second->OpenKeyspace<U64>();
  ASSERT_TRUE(here.ok() && there.ok());
  WriteBatch batch;
  batch.Put(*here, 1, "x");
  EXPECT_EQ(second->Write(batch).status().code(), StatusCode::kKeyspaceMismatch);
  batch.Put(*there, 1, "x");
  EXPECT_EQ(batch.status().code(), StatusCode::kKeyspaceMismatch);
  EXPECT_EQ(first->Write(batch).status().code(), StatusCode::kKeyspaceMismatch);
  EXPECT_EQ(here->view(*second->read_point()).status().code(), StatusCode::kKeyspaceMismatch);
  EXPECT_EQ(here->view(ReadPoint()).status().code(), StatusCode::kKeyspaceMismatch);
  EXPECT_EQ(first->stats().visible, 0u);
  EXPECT_EQ(second->stats().visible, 0u);
}

// A later Db may lie at the address of an earlier one.
TEST(DbLimits, ABatchOutlivingItsDbIsRefusedByTheNextOne) {
  for (int i = 0; i < 20; ++i) {
    TestEnv one(1), two(2);
    WriteBatch batch;
    ReadPoint point;
    {
      auto first = Door::Open("/db", Options(), one.env());
      ASSERT_TRUE(first->OpenKeyspace<U64>("filler").ok());
      auto space = first->OpenKeyspace<U64>();
      ASSERT_TRUE(space.ok());
      batch.Put(*space, 1, "x");
      point = *first->read_point();
    }
    auto second = Door::Open("/db", Options(), two.env());
    auto words = second->OpenKeyspace<Bytes>();
    ASSERT_TRUE(words.ok());
    ASSERT_EQ(second->Write(batch).status().code(), StatusCode::kKeyspaceMismatch);
    ASSERT_EQ(words->view(point).status().code(), StatusCode::kKeyspaceMismatch);
  }
}

TEST(DbLimits, EmptyHandlesAreClosed) {
  Keyspace<U64> none;
  EXPECT_EQ(none.Put(1, "x").code(), StatusCode::kClosed);
  EXPECT_EQ(none.Get(1).status().code(), StatusCode::kClosed);
  EXPECT_EQ(none.view().status().code(), StatusCode::kClosed);
  WriteBatch batch;
  batch.Put(none, 1, "x");
  EXPECT_EQ(batch.status().code(), StatusCode::kKeyspaceMismatch);
  TestEnv world;
  auto db = Door::Open("/db", Options(), world.env());
  Db moved = *std::move(db);
  EXPECT_EQ(db->Sync().code(), StatusCode::kClosed);
  EXPECT_EQ(db->stats().visible, 0u);
  EXPECT_TRUE(moved.Sync().ok());
}

}  // namespace
}  // namespace kyro::db
