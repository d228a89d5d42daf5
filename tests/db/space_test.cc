// SPDX-License-Identifier: Apache-2.0
//
// Disk space comes back: what a merge, a fold or a flush made needless is deleted when its last
// reader lets go, and not before.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "db/inspect.h"
#include "support/test_env.h"

namespace kyro {
namespace {

using support::TestEnv;

class SpaceTest : public testing::Test {
 protected:
  SpaceTest() {
    world_.fs().StopJournal();
    options_.merge_fraction = 1;  // runs stay apart until the fold
    db_.emplace(*db::Door::Open("/db", options_, world_.env()));
    cells_ = *db_->OpenKeyspace<U64>();
  }

  void WriteRun(std::uint64_t first, std::uint64_t rows, std::string_view value) {
    WriteBatch batch;
    for (std::uint64_t key = first; key < first + rows; ++key) batch.Put(cells_, key, value);
    ASSERT_TRUE(db_->Write(batch).ok());
    ASSERT_TRUE(db::Door::Flush(*db_).ok());
  }
  std::size_t Files(std::string_view suffix) const {
    std::size_t count = 0;
    for (const std::string& name : world_.fs().ListNames("/db")) count += name.ends_with(suffix);
    return count;
  }

  mutable TestEnv world_;
  Options options_;
  std::optional<Db> db_;
  Keyspace<U64> cells_;
};

TEST_F(SpaceTest, AFoldLeavesTheFilesOfOneRun) {
  WriteRun(0, 4000, "old");
  WriteRun(0, 2000, "new");
  WriteRun(500, 700, "newer");
  EXPECT_EQ(Files(".keys"), 3u);
  ASSERT_TRUE(db_->Fold().ok());
  EXPECT_EQ(Files(".keys"), 1u);
  EXPECT_EQ(Files(".data"), 1u);
  EXPECT_EQ(Files(".rmi"), 1u);
  EXPECT_EQ(Files(".tmp"), 0u);
  EXPECT_EQ(db_->stats().pinned_files, 0u);
}

TEST_F(SpaceTest, AViewKeepsItsFilesUntilItGoes) {
  WriteRun(0, 4000, "old");
  WriteRun(0, 1000, "new");
  std::optional<View<U64>> view = *cells_.view();
  ASSERT_TRUE(cells_.Put(1, "newest").ok());
  ASSERT_TRUE(db_->Fold().ok());
  EXPECT_EQ(Files(".keys"), 3u);
  const Stats pinned = db_->stats();
  EXPECT_EQ(pinned.pinned_files, 6u);
  EXPECT_GT(pinned.pinned_bytes, 5000u * 8);
  EXPECT_EQ(pinned.open_views, 1u);
  EXPECT_EQ(pinned.oldest_view, view->sequence());
  EXPECT_EQ(view->Get(1).value(), "new");
  EXPECT_EQ(view->Get(2000).value(), "old");

  view.reset();
  ASSERT_TRUE(db::Door::WaitForUpkeep(*db_).ok());
  EXPECT_EQ(Files(".keys"), 1u);
  EXPECT_EQ(db_->stats().pinned_files, 0u);
  EXPECT_EQ(db_->stats().oldest_view, 0u);
  EXPECT_EQ(*cells_.Get(1), "newest");
}

TEST_F(SpaceTest, LogFilesGoWithTheFlushThatMadeThemNeedless) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(cells_.Put(i, "x").ok());
    ASSERT_TRUE(db::Door::Flush(*db_).ok());
  }
  // The one in use, and perhaps the next, made ahead of need.
  EXPECT_LE(Files(".wal"), 2u);
  ASSERT_TRUE(db_->Close().ok());
  EXPECT_EQ(Files(".wal"), 0u);  // everything is in segments
}

TEST_F(SpaceTest, ADeletedKeyspaceContentFoldsToNothing) {
  WriteRun(0, 500, "x");
  for (std::uint64_t key = 0; key < 500; ++key) {
    ASSERT_TRUE(cells_.Delete(key, {.durability = Durability::kOs}).ok());
  }
  ASSERT_TRUE(db_->Fold().ok());
  EXPECT_EQ(Files(".keys"), 0u);
  EXPECT_EQ(Files(".data"), 0u);
  EXPECT_EQ(db_->stats().tombstones_dropped, 500u);
  EXPECT_EQ(cells_.Get(7).status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace kyro
