// SPDX-License-Identifier: Apache-2.0
//
// Scans through the doors: rows and batches over every arrangement of deltas and segments, the ends
// of ranges, what lies in place and what is copied, damage, and what may not be mixed.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "db/inspect.h"
#include "support/test_env.h"

namespace kyro {
namespace {

using support::TestEnv;

constexpr std::uint64_t kTop = std::numeric_limits<std::uint64_t>::max();

template <class K>
struct KeyOf;
template <>
struct KeyOf<U64> {
  using Owned = std::uint64_t;
  static Owned Make(std::uint64_t n) { return n; }
};
template <>
struct KeyOf<Bytes> {
  using Owned = std::string;
  static Owned Make(std::uint64_t n) {
    std::string key = std::to_string(n);
    return std::string(20 - key.size(), '0') + key;
  }
};

// A keyspace that a test writes to layer by layer, and the map that it must read as.
template <class K>
class Stack {
 public:
  using Owned = typename KeyOf<K>::Owned;
  using Rows = std::vector<std::pair<Owned, std::string>>;

  explicit Stack(const Options& options = ManyRuns()) : options_(options) {
    world_.fs().StopJournal();
    Reopen();
  }
  static Options ManyRuns() {
    Options options;
    options.merge_fraction = 1;  // runs stay apart until a fold
    return options;
  }

  void Put(std::uint64_t first, std::uint64_t count, std::uint64_t step, const std::string& value) {
    WriteBatch batch;
    for (std::uint64_t i = 0; i < count; ++i) {
      const Owned key = KeyOf<K>::Make(first + i * step);
      batch.Put(space_, key, value);
      want_[key] = value;
    }
    ASSERT_TRUE(db_->Write(batch).ok());
  }
  void Delete(std::uint64_t n) {
    const Owned key = KeyOf<K>::Make(n);
    ASSERT_TRUE(space_.Delete(key).ok());
    want_.erase(key);
  }
  void Flush() { ASSERT_TRUE(db::Door::Flush(*db_).ok()); }
  void Fold() { ASSERT_TRUE(db_->Fold().ok()); }
  void Reopen() {
    if (db_) {
      ASSERT_TRUE(db_->Close().ok());
    }
    db_.emplace(*db::Door::Open("/db", options_, world_.env()));
    space_ = *db_->template OpenKeyspace<K>("rows");
  }
  View<K> view() { return *space_.view(); }
  TestEnv& world() { return world_; }
  Db& db() { return *db_; }

  static Rows ByRow(Scan<K> scan) {
    Rows rows;
    for (auto [key, value] : scan) rows.emplace_back(key, value);
    EXPECT_TRUE(scan.status().ok()) << scan.status().ToString();
    return rows;
  }
  static Rows ByBatch(Scan<K> scan) {
    Rows rows;
    ColumnBatch<K> batch;
    while (scan.NextBatch(&batch)) {
      EXPECT_FALSE(batch.empty());
      EXPECT_EQ(batch.keys.size(), batch.values.size());
      for (std::size_t i = 0; i < batch.size(); ++i) {
        rows.emplace_back(batch.keys[i], batch.values[i]);
      }
    }
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(scan.status().ok()) << scan.status().ToString();
    return rows;
  }

  // Both ways, over the whole and over ranges around `ends`.
  void Check(const std::vector<std::uint64_t>& ends = {}) {
    const View<K> now = view();
    std::vector<std::optional<Owned>> all{std::nullopt};
    for (const std::uint64_t end : ends) all.push_back(KeyOf<K>::Make(end));
    for (const auto& lo : all) {
      for (const auto& hi : all) {
        Range<K> range;
        if (lo) range.lo = *lo;
        if (hi) range.hi = *hi;
        Rows want;
        for (const auto& [key, value] : want_) {
          if ((!lo || key >= *lo) && (!hi || key < *hi)) want.emplace_back(key, value);
        }
        ASSERT_EQ(ByRow(now.scan(range)), want);
        ASSERT_EQ(ByBatch(now.scan(range)), want);
      }
    }
  }

 private:
  TestEnv world_;
  Options options_;
  std::optional<Db> db_;
  Keyspace<K> space_;
  std::map<Owned, std::string> want_;
};

template <class K>
class DbScan : public testing::Test {};
using Kinds = testing::Types<U64, Bytes>;
TYPED_TEST_SUITE(DbScan, Kinds);

TYPED_TEST(DbScan, NothingIsThere) {
  Stack<TypeParam> stack;
  stack.Check({0, 5, kTop});
}

TYPED_TEST(DbScan, OneSegmentAndTheEndsOfRanges) {
  Stack<TypeParam> stack;
  stack.Put(0, 3000, 2, "12345678");
  stack.Put(kTop, 1, 1, "87654321");
  stack.Fold();
  // Around the first rows, the borders of chunks that double from 8 rows on, and the last rows.
  stack.Check(
      {0, 1, 2, 14, 16, 17, 46, 48, 50, 1000, 1022, 1024, 5997, 5998, 5999, kTop - 1, kTop});
}

TYPED_TEST(DbScan, ValuesOfAllLengths) {
  Stack<TypeParam> stack;
  for (std::uint64_t n = 0; n < 600; ++n) stack.Put(n, 1, 1, std::string(n * n % 997, 'v'));
  stack.Put(600, 3, 1, std::string(300 << 10, 'L'));  // more than a chunk, or copies, may take
  stack.Check({0, 599, 601});
  stack.Fold();
  stack.Check({0, 599, 601});
}

TYPED_TEST(DbScan, SegmentsOfOneRun) {
  Options options = Stack<TypeParam>::ManyRuns();
  options.segment_bytes = std::size_t{1} << 20;
  Stack<TypeParam> stack(options);
  stack.Put(10, 4000, 3, std::string(1000, 's'));
  stack.Fold();
  ASSERT_GT(stack.db().stats().segments, 2u);
  stack.Check({0, 10, 11, 6000, 12007, 12008, kTop});
  stack.Put(6000, 5, 1, "in the delta");
  stack.Check({0, 5999, 6001, 6005, kTop});
}

TYPED_TEST(DbScan, RunsBesideAndOverEachOther) {
  Stack<TypeParam> stack;
  stack.Put(0, 2000, 4, "oldest");
  stack.Flush();
  stack.Put(4000, 900, 1, "in the middle");  // long stretches of one run
  stack.Flush();
  stack.Put(1, 700, 8, "now and then");
  stack.Flush();
  stack.Put(100'000, 300, 1, "behind");
  stack.Flush();
  stack.Check({0, 1, 4, 4000, 4001, 4899, 4900, 8000, 100'150, kTop});
  for (std::uint64_t n = 0; n < 5000; n += 97) stack.Put(n, 1, 1, "delta");
  stack.Check({0, 97, 4000, 4899, kTop});
}

TYPED_TEST(DbScan, DeletionsInDeltasAndSegments) {
  Stack<TypeParam> stack;
  stack.Put(0, 3000, 1, "12345678");
  stack.Flush();
  for (const std::uint64_t n : {0, 1, 2, 7, 8, 63, 64, 500, 1999, 2999}) stack.Delete(n);
  for (std::uint64_t n = 600; n < 1500; ++n) stack.Delete(n);
  stack.Check({0, 1, 3, 8, 600, 1499, 1500, 2999, 3000});
  stack.Flush();
  stack.Check({0, 1, 3, 8, 600, 1499, 1500, 2999, 3000});
  stack.Put(601, 400, 2, "again");
  stack.Check({0, 600, 601, 1499});
  stack.Fold();
  stack.Check({0, 600, 601, 1499});
}

// ---------------------------------------------------------------------------------- batches

TEST(DbBatches, OfOneSegmentLieInPlace) {
  Stack<U64> stack;
  stack.Put(5, 10'000, 1, "12345678");
  stack.Fold();
  Scan<U64> scan = stack.view().scan({.lo = 100, .hi = 9000});
  ColumnBatch<U64> batch;
  std::uint64_t next = 100;
  const std::uint64_t* keys = nullptr;
  const char* values = nullptr;
  std::size_t batches = 0;
  for (; scan.NextBatch(&batch); ++batches) {
    // The columns go on where the last ones ended: nothing was copied.
    if (keys != nullptr) {
      EXPECT_EQ(batch.keys.data(), keys);
      EXPECT_EQ(batch.values.data(), values);
    }
    ASSERT_EQ(batch.values.offsets(), nullptr);
    ASSERT_EQ(batch.values.width(), 8u);
    for (const std::uint64_t key : batch.keys) EXPECT_EQ(key, next++);
    keys = batch.keys.data() + batch.size();
    values = batch.values.data() + 8 * batch.size();
  }
  EXPECT_EQ(next, 9000u);
  EXPECT_LT(batches, 40u);
}

TEST(DbBatches, AreLongWhereSourcesAlternate) {
  Stack<U64> stack;
  stack.Put(0, 5000, 2, "12345678");
  stack.Flush();
  stack.Put(1, 5000, 2, "87654321");
  Scan<U64> scan = stack.view().scan();
  ColumnBatch<U64> batch;
  std::size_t rows = 0, batches = 0;
  for (; scan.NextBatch(&batch); ++batches) {
    rows += batch.size();
    EXPECT_LE(batch.size(), 1024u);
    EXPECT_EQ(batch.values.width(), 8u);  // of one width, as in a segment
  }
  EXPECT_EQ(rows, 10'000u);
  EXPECT_EQ(batches, 10u);
}

TEST(DbBatches, ARowsLoopMayComeBehindThemAndNotBefore) {
  Stack<U64> stack;
  stack.Put(0, 1000, 1, "x");
  stack.Fold();
  Scan<U64> scan = stack.view().scan();
  ColumnBatch<U64> batch;
  ASSERT_TRUE(scan.NextBatch(&batch));
  std::uint64_t next = batch.size();
  for (auto [key, value] : scan) EXPECT_EQ(key, next++);
  EXPECT_EQ(next, 1000u);
  EXPECT_TRUE(scan.status().ok());
  EXPECT_FALSE(scan.NextBatch(&batch));
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(scan.status().code(), StatusCode::kInvalidArgument);
}

TEST(DbBatches, LiveAfterViewAndDb) {
  std::optional<Stack<U64>> stack(std::in_place);
  stack->Put(0, 1000, 1, "x");
  stack->Fold();
  Scan<U64> scan = stack->view().scan();
  ASSERT_TRUE(stack->db().Close().ok());
  Scan<U64> moved = std::move(scan);
  ColumnBatch<U64> batch;
  EXPECT_FALSE(scan.NextBatch(&batch));
  EXPECT_EQ(Stack<U64>::ByBatch(std::move(moved)).size(), 1000u);
}

// ---------------------------------------------------------------------------------- damage

class DbScanDamage : public testing::TestWithParam<Access> {};
INSTANTIATE_TEST_SUITE_P(Access, DbScanDamage, testing::Values(Access::kMap, Access::kCopy));

// A run of rows with the keys 0, 1, 2, ... and 8-byte values, damaged in the middle.
class Damaged : public Stack<U64> {
 public:
  explicit Damaged(const Options& options) : Stack(options) { Make(); }
  // The first row that cannot be read.
  std::uint64_t first_bad() const { return first_bad_; }

 private:
  static constexpr std::uint64_t kRows = 60'000;
  void Make() {
    Put(0, kRows, 1, "12345678");
    Fold();
    ASSERT_TRUE(db().Close().ok());
    std::string data;
    for (const std::string& name : world().fs().ListNames("/db")) {
      if (name.ends_with(".data")) data = "/db/" + name;
    }
    const std::uint64_t bytes = world().fs().ReadFile(data)->size();
    ASSERT_TRUE(world().fs().FlipByte(data, bytes / 2, 1).ok());
    Reopen();
    const View<U64> now = view();
    while (!now.Get(first_bad_).failed()) ASSERT_LT(++first_bad_, kRows);
    ASSERT_GT(first_bad_, 0u);
  }
  std::uint64_t first_bad_ = 0;
};

// Rows before the damage come, and no others; and the error is there to be seen.
void CheckUpToTheDamage(Damaged* stack) {
  const View<U64> view = stack->view();
  Scan<U64> rows = view.scan();
  std::uint64_t next = 0;
  for (auto [key, value] : rows) ASSERT_EQ(key, next++);
  EXPECT_EQ(next, stack->first_bad());
  EXPECT_EQ(rows.status().code(), StatusCode::kDataLoss);
  EXPECT_FALSE(rows.status().file().empty());
  const std::uint64_t unread = stack->db().stats().unread_errors;
  {
    Scan<U64> batches = view.scan();
    ColumnBatch<U64> batch;
    next = 0;
    while (batches.NextBatch(&batch)) {
      for (const std::uint64_t key : batch.keys) ASSERT_EQ(key, next++);
    }
    EXPECT_EQ(next, stack->first_bad());
    EXPECT_FALSE(batches.NextBatch(&batch));
    EXPECT_EQ(stack->db().stats().unread_errors, unread);
  }  // nobody looked
  EXPECT_EQ(stack->db().stats().unread_errors, unread + 1);
}

Options WithAccess(Access access) {
  Options options = Stack<U64>::ManyRuns();
  options.access = access;
  return options;
}

TEST_P(DbScanDamage, InTheMiddleEndsRowsAndBatches) {
  Damaged stack(WithAccess(GetParam()));
  CheckUpToTheDamage(&stack);
}

// The older run fails in the step that hides its version of the newer run's row: what follows there
// must not come before what the older run may have had.
TEST_P(DbScanDamage, OfAnOlderRunEndsTheRowsOfANewerOne) {
  Damaged stack(WithAccess(GetParam()));
  stack.Put((stack.first_bad() - 1) % 2, 30'000, 2, "87654321");
  stack.Flush();
  CheckUpToTheDamage(&stack);
}

}  // namespace
}  // namespace kyro
