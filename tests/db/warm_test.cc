// SPDX-License-Identifier: Apache-2.0
//
// Warm: as mapped, and as copies in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "db/inspect.h"
#include "db/model.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::FaultFs;
using support::FsOp;
using support::TestEnv;

TEST(Warm, VerifiesEveryBlockAndTellsItsProgress) {
  TestEnv world;
  auto db = *Door::Open("/db", Options(), world.env());
  auto cells = *db.OpenKeyspace<U64>();
  auto loader = *cells.NewBulkLoader();
  for (std::uint64_t key = 0; key < 20000; ++key) {
    ASSERT_TRUE(loader.Add(key, std::to_string(key)).ok());
  }
  ASSERT_TRUE(loader.Finish().ok());
  ASSERT_TRUE(db.Close().ok());
  db = *Door::Open("/db", Options(), world.env());
  ASSERT_TRUE(db.Warm({.values = false}).ok());
  const std::uint64_t keys_only = db.stats().blocks_verified;
  EXPECT_FALSE(Door::Inspect(db)->keyspaces[0].runs[0].segments[0].facts.all_verified);
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  ASSERT_TRUE(db.Warm({}, {.on_progress =
                               [&](std::uint64_t d, std::uint64_t t) {
                                 done = d;
                                 total = t;
                                 return true;
                               }})
                  .ok());
  EXPECT_TRUE(Door::Inspect(db)->keyspaces[0].runs[0].segments[0].facts.all_verified);
  EXPECT_GT(db.stats().blocks_verified, keys_only);
  EXPECT_GT(total, 20000u * 8);
  EXPECT_GE(done, total - (128u << 10));
  EXPECT_EQ(db.Warm({}, {.on_progress = [](auto, auto) { return false; }}).code(),
            StatusCode::kCancelled);
}

// Warm of copies: what it tells, what a view of before keeps, and what a failure leaves.
class WarmCopies : public testing::Test {
 protected:
  WarmCopies() {
    options_.delta_bytes = 64 << 10;
    db_ = *Door::Open("/db", options_, world_.EnvOver(&faults_));
    numbers_ = *db_->OpenKeyspace<U64>("numbers");
    names_ = *db_->OpenKeyspace<Bytes>("names");
    for (std::uint64_t key = 0; key < 500; ++key) {
      EXPECT_TRUE(numbers_.Put(key, std::to_string(key)).ok());
      EXPECT_TRUE(names_.Put("k" + std::to_string(key), std::to_string(key)).ok());
    }
    EXPECT_TRUE(db_->Fold().ok());
  }
  void ExpectAll(const View<U64>& numbers, const View<Bytes>& names) {
    for (std::uint64_t key = 0; key < 500; ++key) {
      ASSERT_EQ(numbers.Get(key).value(), std::to_string(key));
      ASSERT_EQ(names.Get("k" + std::to_string(key)).value(), std::to_string(key));
      ASSERT_EQ(*numbers_.Get(key), std::to_string(key));
    }
  }
  std::size_t SegmentFiles() {
    const auto names = world_.fs().ListNames("/db");
    return std::count_if(names.begin(), names.end(), [](const std::string& name) {
      return name != "MANIFEST" && name != "LOCK" && !name.ends_with(".wal");
    });
  }
  std::uint64_t Maps() const { return faults_.Count({FsOp::kMap}); }

  TestEnv world_;
  FaultFs faults_{&world_.fs()};
  Options options_ = TinyOptions();
  std::optional<Db> db_;
  Keyspace<U64> numbers_;
  Keyspace<Bytes> names_;
};

TEST_F(WarmCopies, CopiesOnceAndTellsTwiceTheBytes) {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
  const Progress progress{.on_progress = [&](std::uint64_t d, std::uint64_t t) {
    EXPECT_GE(d, done);
    done = d;
    total = t;
    return true;
  }};
  ASSERT_TRUE(db_->Warm({}, progress).ok());
  const std::uint64_t bytes = total;
  const std::uint64_t maps = Maps();
  done = 0;
  ASSERT_TRUE(db_->Warm({.huge_pages = true}, progress).ok());
  EXPECT_EQ(total, 2 * bytes);
  EXPECT_GE(Maps(), maps + 4);  // keys and data of two keyspaces; of numbers a model
  EXPECT_LE(Maps(), maps + 5);
  ExpectAll(*numbers_.view(), *names_.view());
  const std::uint64_t copied = Maps();
  done = 0;
  ASSERT_TRUE(db_->Warm({.huge_pages = true}, progress).ok());
  EXPECT_EQ(total, bytes);
  EXPECT_EQ(Maps(), copied);
  EXPECT_TRUE(db_->Verify().ok());
}

TEST_F(WarmCopies, KeysAloneAndThenTheValues) {
  ASSERT_TRUE(db_->Warm({.values = false, .huge_pages = true}).ok());
  ExpectAll(*numbers_.view(), *names_.view());
  const std::uint64_t maps = Maps();
  ASSERT_TRUE(db_->Warm({.values = false, .huge_pages = true}).ok());
  EXPECT_EQ(Maps(), maps);
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  EXPECT_GT(Maps(), maps);
  ExpectAll(*numbers_.view(), *names_.view());
}

// The files of a segment stay as long as a view reads its mapping, although its copy is gone.
TEST_F(WarmCopies, AViewOfBeforeKeepsItsFiles) {
  std::optional<View<U64>> numbers = *numbers_.view();
  std::optional<View<Bytes>> names = *names_.view();
  const std::size_t files = SegmentFiles();
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  ASSERT_TRUE(numbers_.Delete(1000).ok());
  ASSERT_TRUE(db_->Fold().ok());
  // The keyspace's three new files, and the old ones that only the view's mapping needs.
  EXPECT_EQ(db_->stats().pinned_files, 3u);
  EXPECT_EQ(SegmentFiles(), files + 3);
  ExpectAll(*numbers, *names);
  numbers.reset();
  names.reset();
  world_.executor().RunDue();
  EXPECT_EQ(db_->stats().pinned_files, 0u);
  EXPECT_EQ(SegmentFiles(), files);
}

// Generations that wait for their flush, and the active one, are newer than any copy.
TEST_F(WarmCopies, WhatIsInMemoryStaysInFront) {
  std::uint64_t key = 0;
  for (; db_->stats().frozen_generations == 0; ++key) {
    ASSERT_TRUE(numbers_.Put(key, "newer").ok());
  }
  ASSERT_TRUE(numbers_.Put(key++, "newer").ok());
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  EXPECT_EQ(db_->stats().frozen_generations, 1u);
  for (std::uint64_t i = 0; i < key; ++i) ASSERT_EQ(*numbers_.Get(i), "newer") << i;
  ASSERT_TRUE(db_->Fold().ok());
  for (std::uint64_t i = 0; i < key; ++i) ASSERT_EQ(*numbers_.Get(i), "newer") << i;
}

TEST_F(WarmCopies, AFailureChangesNothing) {
  ASSERT_TRUE(db_->Warm().ok());
  for (std::uint64_t nth = 1; nth <= 3; ++nth) {
    SCOPED_TRACE(nth);
    faults_.Inject({.ops = {FsOp::kMap}, .nth = nth, .code = StatusCode::kResourceExhausted});
    EXPECT_EQ(db_->Warm({.huge_pages = true}).code(), StatusCode::kResourceExhausted);
    faults_.Clear();
    ExpectAll(*numbers_.view(), *names_.view());
  }
  EXPECT_TRUE(db_->Warm({.huge_pages = true}).ok());
  ExpectAll(*numbers_.view(), *names_.view());
  EXPECT_EQ(db_->stats().model_fallbacks, 0u);
}

// What was read again is not what was verified: the mapping stays what is read.
TEST_F(WarmCopies, ADamagedCopyIsNotPublished) {
  ASSERT_TRUE(db_->Warm().ok());
  const auto names = world_.fs().ListNames("/db");
  const std::string data = *std::find_if(
      names.begin(), names.end(), [](const std::string& name) { return name.ends_with(".data"); });
  ASSERT_TRUE(world_.fs().FlipByte("/db/" + data, 4096 + 10, 1).ok());
  const std::uint64_t maps = Maps();
  const Status status = db_->Warm({.huge_pages = true});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.ToString();
  EXPECT_EQ(status.file(), data);
  EXPECT_GT(Maps(), maps);
  ASSERT_TRUE(world_.fs().FlipByte("/db/" + data, 4096 + 10, 1).ok());
  ExpectAll(*numbers_.view(), *names_.view());
  EXPECT_TRUE(db_->Warm({.huge_pages = true}).ok());
  ExpectAll(*numbers_.view(), *names_.view());
}

TEST_F(WarmCopies, CancelledBetweenTwoSegmentsKeepsTheFirst) {
  ASSERT_TRUE(db_->Warm().ok());
  int calls = 0;
  const Status status =
      db_->Warm({.huge_pages = true}, {.on_progress = [&](auto, auto) { return ++calls < 3; }});
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(status.message(), "warm cancelled");
  ExpectAll(*numbers_.view(), *names_.view());
  const std::uint64_t maps = Maps();
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  EXPECT_EQ(Maps(), maps + 2);  // keys and data of the second
}

TEST_F(WarmCopies, OfAReadOnlyDatabase) {
  ASSERT_TRUE(db_->Close().ok());
  options_.read_only = true;
  db_ = *Door::Open("/db", options_, world_.EnvOver(&faults_));
  numbers_ = *db_->OpenKeyspace<U64>("numbers");
  names_ = *db_->OpenKeyspace<Bytes>("names");
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  const std::uint64_t maps = Maps();
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  EXPECT_EQ(Maps(), maps);
  ExpectAll(*numbers_.view(), *names_.view());
}

}  // namespace
}  // namespace kyro::db
