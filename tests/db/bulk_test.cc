// SPDX-License-Identifier: Apache-2.0
//
// Bulk loads: all rows at once, durable, as one commit; or nothing at all.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/model.h"
#include "support/fault_fs.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::FaultFs;
using support::FsOp;
using support::FsOps;
using support::TestEnv;

class BulkTest : public testing::Test {
 protected:
  BulkTest() { Open(world_.env()); }

  void Open(const io::Env& env) {
    auto opened = Door::Open("/db", options_, env);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    db_ = *std::move(opened);
    cells_ = *db_->OpenKeyspace<U64>();
    words_ = *db_->OpenKeyspace<Bytes>("words");
  }
  void Load(std::uint64_t first, std::uint64_t rows, const std::string& value) {
    auto loader = cells_.NewBulkLoader();
    ASSERT_TRUE(loader.ok()) << loader.status().ToString();
    for (std::uint64_t key = first; key < first + rows; ++key) {
      ASSERT_TRUE(loader->Add(key, value + std::to_string(key)).ok());
    }
    auto sequence = loader->Finish();
    ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
    EXPECT_EQ(*sequence, db_->stats().visible);
    EXPECT_EQ(*sequence, db_->stats().durable);
  }
  std::uint64_t Rows() const {
    std::uint64_t rows = 0;
    auto scan = cells_.view()->scan();
    for (const auto& row : scan) rows += !row.value.empty();
    EXPECT_TRUE(scan.status().ok());
    return rows;
  }
  std::string Get(std::uint64_t key) const {
    auto value = cells_.Get(key);
    return value.ok() ? *value : std::string(StatusCodeName(value.status().code()));
  }
  std::size_t Files(std::string_view suffix) {
    std::size_t count = 0;
    for (const std::string& name : world_.fs().ListNames("/db")) count += name.ends_with(suffix);
    return count;
  }

  TestEnv world_;
  Options options_ = TinyOptions();
  std::optional<Db> db_;
  Keyspace<U64> cells_;
  Keyspace<Bytes> words_;
};

TEST_F(BulkTest, RowsAppearAtOnceAndSurviveAPowerCut) {
  for (const bool first_commit : {true, false}) {
    SCOPED_TRACE(first_commit);
    if (!first_commit) {
      ASSERT_TRUE(words_.Put("a", "b").ok());
    }
    const Sequence before = db_->stats().visible;
    auto loader = cells_.NewBulkLoader();
    ASSERT_TRUE(loader.ok());
    const std::uint64_t base = first_commit ? 0 : 100000;
    for (std::uint64_t key = base; key < base + 5000; ++key) {
      ASSERT_TRUE(loader->Add(key, std::to_string(key)).ok());
    }
    EXPECT_EQ(loader->count(), 5000u);
    EXPECT_EQ(Rows(), first_commit ? 0u : 5000u);
    auto sequence = loader->Finish();
    ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
    EXPECT_EQ(*sequence, before + 1);
    EXPECT_EQ(Rows(), first_commit ? 5000u : 10000u);
    EXPECT_EQ(Get(base + 4999), std::to_string(base + 4999));
    EXPECT_EQ(cells_.view()->sequence(), *sequence);

    auto cut = world_.Crash(CrashKind::kPowerCut, world_.fs().event_count());
    auto again = Door::Open("/db", options_, cut->env());
    ASSERT_TRUE(again.ok()) << again.status().ToString();
    EXPECT_EQ(again->stats().visible, *sequence);
    auto cells = *again->OpenKeyspace<U64>();
    EXPECT_EQ(*cells.Get(base + 17), std::to_string(base + 17));
    EXPECT_TRUE(again->Verify().ok());
  }
}

TEST_F(BulkTest, OlderViewsAndReadPointsSeeNothingOfIt) {
  ASSERT_TRUE(cells_.Put(7, "old").ok());
  const auto view = *cells_.view();
  const auto point = *db_->read_point();
  Load(0, 100, "new");
  EXPECT_EQ(view.Get(7).value(), "old");
  EXPECT_TRUE(view.Get(8).absent());
  EXPECT_EQ(cells_.view(point)->Get(7).value(), "old");
  EXPECT_TRUE(cells_.view(point)->Get(8).absent());
  EXPECT_EQ(Get(7), "new7");
}

TEST_F(BulkTest, ALoadReplacesWhatIsThereAndLaterWritesReplaceIt) {
  for (std::uint64_t key = 0; key < 50; ++key) ASSERT_TRUE(cells_.Put(key, "old").ok());
  ASSERT_TRUE(cells_.Delete(20).ok());
  Load(10, 20, "new");
  EXPECT_EQ(Get(9), "old");
  EXPECT_EQ(Get(10), "new10");
  EXPECT_EQ(Get(20), "new20");
  ASSERT_TRUE(cells_.Put(11, "newest").ok());
  ASSERT_TRUE(cells_.Delete(12).ok());
  const auto check = [&] {
    EXPECT_EQ(Get(9), "old");
    EXPECT_EQ(Get(10), "new10");
    EXPECT_EQ(Get(11), "newest");
    EXPECT_EQ(Get(12), "kNotFound");
    EXPECT_EQ(Get(20), "new20");
    EXPECT_EQ(Rows(), 49u);
  };
  check();
  ASSERT_TRUE(db_->Fold().ok());
  check();
  ASSERT_TRUE(db_->Close().ok());
  Open(world_.env());
  check();
  EXPECT_TRUE(db_->Verify().ok());
}

TEST_F(BulkTest, OtherWritersOfTheKeyspaceAreBusyAndOfOthersAreNot) {
  {
    auto loader = cells_.NewBulkLoader();
    ASSERT_TRUE(loader.ok());
    EXPECT_EQ(cells_.Put(1, "x").code(), StatusCode::kBusy);
    EXPECT_EQ(cells_.Delete(1).code(), StatusCode::kBusy);
    EXPECT_EQ(cells_.NewBulkLoader().status().code(), StatusCode::kBusy);
    EXPECT_EQ(db_->DropKeyspace("default").code(), StatusCode::kBusy);
    WriteBatch batch;
    batch.Put(words_, "a", "b");
    batch.Put(cells_, 1, "x");
    EXPECT_EQ(db_->Write(batch).status().code(), StatusCode::kBusy);
    EXPECT_EQ(words_.Get("a").status().code(), StatusCode::kNotFound);
    EXPECT_TRUE(words_.Put("a", "c").ok());
    EXPECT_TRUE(loader->Add(5, "five").ok());
  }  // discarded
  EXPECT_EQ(Get(5), "kNotFound");
  EXPECT_EQ(Files(".tmp"), Files(".wal.tmp"));
  EXPECT_TRUE(cells_.Put(1, "x").ok());
  EXPECT_EQ(Get(1), "x");
}

TEST_F(BulkTest, OneSequenceForAllKeyspaces) {
  ASSERT_TRUE(words_.Put("before", "1").ok());
  auto loader = cells_.NewBulkLoader();
  ASSERT_TRUE(loader.ok());
  ASSERT_TRUE(words_.Put("during", "2").ok());
  ASSERT_TRUE(loader->Add(1, "one").ok());
  const Sequence sequence = *loader->Finish();
  ASSERT_TRUE(words_.Put("after", "3").ok());
  EXPECT_EQ(sequence, 3u);
  EXPECT_EQ(db_->stats().visible, 4u);
  const auto point = *db_->read_point();
  EXPECT_EQ(cells_.view(point)->Get(1).value(), "one");
  EXPECT_EQ(words_.view(point)->Get("after").value(), "3");
  auto killed = world_.Crash(CrashKind::kKill, world_.fs().event_count());
  auto again = Door::Open("/db", options_, killed->env());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->stats().visible, 4u);
  EXPECT_EQ(*again->OpenKeyspace<Bytes>("words")->Get("during"), "2");
  EXPECT_EQ(*again->OpenKeyspace<Bytes>("words")->Get("after"), "3");
  EXPECT_EQ(*again->OpenKeyspace<U64>()->Get(1), "one");
}

TEST_F(BulkTest, KeysMustAscendAndAWrongOneIsNotAdded) {
  auto loader = *words_.NewBulkLoader();
  EXPECT_TRUE(loader.Add("b", "1").ok());
  EXPECT_EQ(loader.Add("b", "2").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(loader.Add("a", "2").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(loader.Add(std::string(kKeyBytesMax + 1, 'c'), "2").code(),
            StatusCode::kInvalidArgument);
  EXPECT_TRUE(loader.Add("bb", "3").ok());
  EXPECT_EQ(loader.count(), 2u);
  ASSERT_TRUE(loader.Finish().ok());
  EXPECT_EQ(*words_.Get("b"), "1");
  EXPECT_EQ(*words_.Get("bb"), "3");
  EXPECT_EQ(loader.Add("c", "4").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(loader.Finish().status().code(), StatusCode::kInvalidArgument);
}

TEST_F(BulkTest, KeysAscendAcrossSegmentsToo) {
  options_.segment_bytes = 4096;
  ASSERT_TRUE(db_->Close().ok());
  Open(world_.env());
  auto loader = *cells_.NewBulkLoader();
  for (std::uint64_t key = 0; key < 200; ++key) {
    ASSERT_TRUE(loader.Add(key * 2, std::string(100, 'v')).ok());
    // Around a boundary between segments this key comes first in a new one.
    ASSERT_EQ(loader.Add(key, std::string(100, 'w')).code(), StatusCode::kInvalidArgument);
  }
  ASSERT_TRUE(loader.Finish().ok());
  EXPECT_GT(db_->stats().keyspaces[0].segments, 3u);
  EXPECT_EQ(Rows(), 200u);
  EXPECT_TRUE(db_->Verify().ok());
}

// Blocks of one width, blocks of many, values too large for a block, the first and the last key.
TEST_F(BulkTest, RowsOfEveryShapeComeOutAsTheyWentIn) {
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  const auto add = [&](std::size_t bytes) {
    const std::uint64_t key = rows.size() * rows.size();
    rows.emplace_back(key, std::string(bytes, static_cast<char>('a' + key % 26)));
  };
  for (int i = 0; i < 5000; ++i) add(8);
  for (int i = 0; i < 3000; ++i) add(i % 40 == 0 ? 0 : 8);
  for (const std::size_t bytes : {std::size_t{4096}, std::size_t{4097}, std::size_t{200000}}) {
    for (int i = 0; i < 20; ++i) add(bytes);
    for (int i = 0; i < 1500; ++i) add(bytes / 512 + static_cast<std::size_t>(i % 7));
  }
  rows.emplace_back(~std::uint64_t{0}, "last");
  for (const std::uint64_t segment_bytes : {std::uint64_t{1} << 30, std::uint64_t{1} << 16}) {
    SCOPED_TRACE(segment_bytes);
    ASSERT_TRUE(db_->Close().ok());
    options_.segment_bytes = segment_bytes;
    Open(world_.env());
    auto loader = *cells_.NewBulkLoader();
    for (const auto& [key, value] : rows) {
      ASSERT_TRUE(loader.Add(key, value).ok());
      ASSERT_EQ(loader.Add(key, "again").code(), StatusCode::kInvalidArgument);
    }
    EXPECT_EQ(loader.Add(0, "").code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(loader.Add(~std::uint64_t{0}, "").code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(loader.count(), rows.size());
    ASSERT_TRUE(loader.Finish().ok());
    std::size_t row = 0;
    auto scan = cells_.view()->scan();
    for (const auto& [key, value] : scan) {
      ASSERT_LT(row, rows.size());
      ASSERT_EQ(key, rows[row].first);
      ASSERT_EQ(value, rows[row].second);
      ++row;
    }
    EXPECT_TRUE(scan.status().ok());
    EXPECT_EQ(row, rows.size());
    EXPECT_TRUE(db_->Verify().ok());
  }
}

TEST_F(BulkTest, AnErrorOfRowsTakenBeforeLosesTheLoad) {
  for (const bool during_add : {true, false}) {
    SCOPED_TRACE(during_add);
    TestEnv world;
    FaultFs faults(&world.fs());
    auto db = Door::Open("/db", options_, world.EnvOver(&faults));
    ASSERT_TRUE(db.ok());
    auto cells = *db->OpenKeyspace<U64>();
    auto loader = *cells.NewBulkLoader();
    // The first write of the load: rows that Add has taken stand in it.
    faults.Inject({.ops = {FsOp::kWrite},
                   .name = support::NameEndsWith(".keys.tmp"),
                   .code = StatusCode::kNoSpace});
    Status status;
    std::uint64_t key = 0;
    for (; status.ok() && key < (during_add ? 1000000u : 500u); ++key) {
      status = loader.Add(key, "12345678");
    }
    if (during_add) {
      EXPECT_EQ(status.code(), StatusCode::kNoSpace);
      EXPECT_EQ(loader.count(), key - 1);
      EXPECT_EQ(loader.Add(key + 1, "12345678").code(), StatusCode::kNoSpace);
      EXPECT_EQ(loader.Add(0, "12345678").code(), StatusCode::kNoSpace);
    }
    EXPECT_EQ(loader.Finish().status().code(), StatusCode::kNoSpace);
    EXPECT_EQ(cells.Get(0).status().code(), StatusCode::kNotFound);
    EXPECT_TRUE(cells.Put(1, "x").ok());
  }
}

TEST_F(BulkTest, NothingAddedIsNoCommit) {
  ASSERT_TRUE(cells_.Put(1, "x").ok());
  auto loader = *cells_.NewBulkLoader();
  EXPECT_EQ(*loader.Finish(), 1u);
  EXPECT_EQ(db_->stats().visible, 1u);
  EXPECT_TRUE(cells_.Put(2, "y").ok());
}

TEST_F(BulkTest, CancellingAndClosingDiscardIt) {
  auto loader = *cells_.NewBulkLoader();
  for (std::uint64_t key = 0; key < 1000; ++key) ASSERT_TRUE(loader.Add(key, "v").ok());
  std::uint64_t told = 0;
  const Status cancelled = loader
                               .Finish({.on_progress =
                                            [&](std::uint64_t done, std::uint64_t) {
                                              told = done;
                                              return false;
                                            }})
                               .status();
  EXPECT_EQ(cancelled.code(), StatusCode::kCancelled);
  EXPECT_EQ(told, 1000u);
  EXPECT_EQ(Files(".keys"), 0u);
  EXPECT_EQ(Rows(), 0u);
  EXPECT_TRUE(cells_.Put(1, "x").ok());

  auto closed = *cells_.NewBulkLoader();
  ASSERT_TRUE(closed.Add(1, "v").ok());
  EXPECT_TRUE(db_->Close().ok());
  EXPECT_EQ(closed.Add(2, "v").code(), StatusCode::kClosed);
  EXPECT_EQ(closed.Finish().status().code(), StatusCode::kClosed);
  EXPECT_EQ(Files(".tmp"), 0u);
  db_.reset();
}

// Every call of the load fails once: it is all there or not at all, as its status says, now and
// after a crash, and the database goes on.
TEST_F(BulkTest, EveryFailureLeavesAllOrNothing) {
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE(nth);
    ASSERT_LT(nth, 2000u);
    TestEnv world;
    FaultFs faults(&world.fs());
    auto db = Door::Open("/db", options_, world.EnvOver(&faults));
    ASSERT_TRUE(db.ok());
    auto cells = *db->OpenKeyspace<U64>();
    auto words = *db->OpenKeyspace<Bytes>("words");
    ASSERT_TRUE(words.Put("a", "b").ok());
    ASSERT_TRUE(cells.Put(1, "old").ok());
    const FaultFs::Id fault =
        faults.Inject({.ops = FsOps::All(), .nth = nth, .code = StatusCode::kIoError});
    auto loader = cells.NewBulkLoader();
    Status status = loader.ok() ? Status::Ok() : loader.status();
    for (std::uint64_t key = 0; status.ok() && key < 500; ++key) {
      status = loader->Add(key, "new");
    }
    if (status.ok()) status = loader->Finish().status();
    if (faults.Hits(fault) == 0) break;
    faults.Clear();
    if (!status.ok()) ++failed;
    const auto found = [&](Db& opened) {
      auto space = *opened.OpenKeyspace<U64>();
      auto scan = space.view()->scan();
      std::uint64_t rows = 0;
      for (auto [key, value] : scan) rows += value == "new" ? 1 : 1000;
      EXPECT_TRUE(scan.status().ok());
      return rows;
    };
    const std::uint64_t rows = found(*db);
    EXPECT_EQ(rows, status.ok() ? 500u : 1000u) << status.ToString();
    for (const CrashKind kind : {CrashKind::kKill, CrashKind::kPowerCut}) {
      auto crashed = world.Crash(kind, world.fs().event_count(), nth);
      auto again = Door::Open("/db", options_, crashed->env());
      ASSERT_TRUE(again.ok()) << again.status().ToString();
      const std::uint64_t recovered = found(*again);
      if (status.code() == StatusCode::kUnknownOutcome) {
        EXPECT_TRUE(recovered == 500u || recovered == 1000u) << recovered;
        ++unknown;
      } else {
        EXPECT_EQ(recovered, rows) << status.ToString();
      }
      EXPECT_TRUE(again->Verify().ok());
    }
  }
  EXPECT_GT(failed, 20u);
  EXPECT_GT(unknown, 0u);
}

}  // namespace
}  // namespace kyro::db
