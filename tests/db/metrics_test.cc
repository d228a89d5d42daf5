// SPDX-License-Identifier: Apache-2.0
//
// What Stats counts and times of an open Db, with a clock on which every reading is a microsecond
// after the one before.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "db/inspect.h"
#include "support/fault_fs.h"
#include "support/test_env.h"

namespace kyro::db {
namespace {

using support::FaultFs;
using support::FsOp;
using support::TestEnv;

constexpr std::uint64_t kTick = 1000;  // nanoseconds

// Any thread. Two readings are a tick apart, so an operation takes as many ticks as it and what it
// is made of read the clock, less one.
class TickingClock final : public io::Clock {
 public:
  explicit TickingClock(support::FakeClock* clock) : clock_(clock) {}
  std::uint64_t NowMicros() const noexcept override { return clock_->NowMicros(); }
  std::uint64_t MonotonicNanos() const noexcept override {
    clock_->Advance(std::chrono::nanoseconds(kTick));
    return clock_->MonotonicNanos();
  }
  void Sleep(std::chrono::microseconds duration) noexcept override { clock_->Sleep(duration); }

 private:
  support::FakeClock* const clock_;
};

class DbMetrics : public testing::Test {
 protected:
  void Open(const Options& options = {}) {
    io::Env env = world_.EnvOver(&faults_);
    env.clock = &clock_;
    auto db = Door::Open("/db", options, env);
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    db_ = std::make_unique<Db>(*std::move(db));
    auto rows = db_->OpenKeyspace<U64>();
    ASSERT_TRUE(rows.ok());
    rows_ = *rows;
  }
  void Put(std::uint64_t first, std::uint64_t end) {
    for (std::uint64_t key = first; key < end; ++key) {
      ASSERT_TRUE(rows_.Put(key, "value").ok());
    }
  }
  void Get(std::uint64_t times) {
    std::string value;
    for (std::uint64_t i = 0; i < times; ++i) ASSERT_TRUE(rows_.Get(1, &value).ok());
  }

  TestEnv world_;
  FaultFs faults_{&world_.fs()};
  TickingClock clock_{&world_.clock()};
  std::unique_ptr<Db> db_;
  Keyspace<U64> rows_;
};

support::NamePredicate NameHas(std::string part) {
  return [part = std::move(part)](std::string_view name) {
    return name.find(part) != std::string_view::npos;
  };
}

// All of `latency` took `ticks`.
void ExpectEach(const LatencyStats& latency, std::uint64_t count, std::uint64_t ticks) {
  EXPECT_EQ(latency.count, count);
  EXPECT_EQ(latency.sum_nanos, count * ticks * kTick);
  EXPECT_EQ(latency.min_nanos, ticks * kTick);
  EXPECT_EQ(latency.max_nanos, ticks * kTick);
  EXPECT_EQ(latency.buckets.size(), 1u);
  EXPECT_EQ(latency.Quantile(0.5), ticks * kTick);
}

TEST_F(DbMetrics, WritesAreTimedWhole) {
  Open();
  Put(0, 20);
  ASSERT_TRUE(rows_.Delete(7).ok());
  WriteBatch batch;
  batch.Put(rows_, 100, "a");
  batch.Put(rows_, 101, "b");
  ASSERT_TRUE(db_->Write(batch).ok());
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.commits, 22u);
  ExpectEach(stats.log_sync_latency, 22, 1);  // its own two readings
  ExpectEach(stats.group_latency, 22, 3);     // and around them the group's
  ExpectEach(stats.put_latency, 22, 5);       // and around those the call's
}

TEST_F(DbMetrics, RefusedWritesAreTimedToo) {
  Open();
  Put(0, 3);
  faults_.Inject({.ops = {FsOp::kSync}, .name = NameHas(".wal"), .sticky = true});
  EXPECT_EQ(rows_.Put(9, "lost").code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ(rows_.Put(9, "lost").code(), StatusCode::kReadOnly);
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.commits, 3u);
  EXPECT_EQ(stats.commits_refused, 2u);
  EXPECT_EQ(stats.put_latency.count, 5u);
  EXPECT_EQ(stats.group_latency.count, stats.groups);
  EXPECT_EQ(stats.log_sync_latency.count, stats.log_syncs);
  EXPECT_EQ(stats.log_syncs, 4u);
}

TEST_F(DbMetrics, WritesWithoutSyncHaveNoSyncToTime) {
  Options options;
  options.durability = Durability::kOs;
  Open(options);
  Put(0, 10);
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.log_sync_latency.count, 0u);
  EXPECT_EQ(stats.log_sync_latency.Quantile(0.99), 0u);
  ExpectEach(stats.group_latency, 10, 1);
  ExpectEach(stats.put_latency, 10, 3);
}

TEST_F(DbMetrics, UpkeepIsTimedOncePerPieceOfWork) {
  Open();
  for (std::uint64_t round = 0; round < 3; ++round) {
    Put(round * 1000, round * 1000 + 500);
    ASSERT_TRUE(Door::Flush(*db_).ok());
  }
  ASSERT_TRUE(db_->Fold().ok());
  ASSERT_TRUE(db_->RebuildIndex().ok());
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.flushes, 3u);
  EXPECT_GE(stats.merges, 1u);
  EXPECT_EQ(stats.retrains, 1u);
  ExpectEach(stats.flush_latency, stats.flushes, 1);
  ExpectEach(stats.merge_latency, stats.merges, 1);
  ExpectEach(stats.retrain_latency, stats.retrains, 1);
}

TEST_F(DbMetrics, EveryKindOfLookupIsCountedAndSampled) {
  Open();
  constexpr std::uint64_t kGets = 10000;
  constexpr std::uint64_t kSamplesMin = kGets / 320 - 1, kSamplesMax = kGets / 192 + 1;
  std::uint64_t lookups = 0, samples = 0;
  const auto sampled = [&] {
    const Stats stats = db_->stats();
    EXPECT_EQ(stats.lookups, lookups += kGets);
    const std::uint64_t more = stats.get_latency.count - samples;
    samples = stats.get_latency.count;
    EXPECT_GE(more, kSamplesMin);
    EXPECT_LE(more, kSamplesMax);
    return stats;
  };
  const auto look = [&](const View<U64>& view) {
    for (std::uint64_t i = 0; i < kGets; ++i) {
      const Lookup lookup = view.Get(i % 200);
      EXPECT_EQ(lookup.present(), view.sequence() > 0 && i % 200 < 100);
    }
  };
  look(*rows_.view());  // nothing at all
  sampled();
  Put(0, 100);
  look(*rows_.view());  // a delta
  sampled();
  ASSERT_TRUE(Door::Flush(*db_).ok());
  EXPECT_EQ(db_->stats().predictions, 0u);
  look(*rows_.view());  // one segment with a model
  EXPECT_EQ(sampled().predictions, kGets);
  Get(kGets);  // the newest state
  const Stats stats = sampled();
  EXPECT_EQ(stats.predictions, 2 * kGets);
  ExpectEach(stats.get_latency, samples, 1);
  EXPECT_EQ(stats.multiget_latency.count, 0u);
  EXPECT_EQ(stats.lookups_during_upkeep, 0u);
}

TEST_F(DbMetrics, KeysWithoutAModelAreCountedAndSampled) {
  Open();
  auto words = db_->OpenKeyspace<Bytes>("words");
  ASSERT_TRUE(words.ok());
  ASSERT_TRUE(words->Put("one", "1").ok());
  ASSERT_TRUE(Door::Flush(*db_).ok());
  const auto view = words->view();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(view->Get("one").value(), "1");
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.lookups, 1000u);
  EXPECT_EQ(stats.predictions, 0u);
  EXPECT_GE(stats.get_latency.count, 3u);
}

TEST_F(DbMetrics, MultiGetCountsItsKeysAndIsTimedWhole) {
  Open();
  Put(0, 100);
  const auto view = rows_.view();
  std::vector<std::uint64_t> keys(50);
  std::vector<Lookup> lookups(50);
  for (std::uint64_t i = 0; i < keys.size(); ++i) keys[i] = i;
  ASSERT_TRUE(view->MultiGet({}, {}).ok());
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(view->MultiGet(keys, lookups).ok());
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.lookups, 50000u);
  EXPECT_GE(stats.multiget_latency.count, 50000u / (320 + 50));
  EXPECT_LE(stats.multiget_latency.count, 50000u / 192);
  ExpectEach(stats.multiget_latency, stats.multiget_latency.count, 1);
  EXPECT_EQ(stats.get_latency.count, 0u);
}

// Lookups in the middle of a flush, which waits for one of its files.
TEST_F(DbMetrics, LookupsDuringAFlushAreApart) {
  Open();
  Put(0, 100);
  Get(5000);
  EXPECT_EQ(db_->stats().lookups_during_upkeep, 0u);
  const auto block = faults_.Block({FsOp::kSync}, NameHas(".keys"));
  std::thread flush([this] { EXPECT_TRUE(Door::Flush(*db_).ok()); });
  faults_.WaitUntilBlocked(block);
  Get(3000);
  EXPECT_EQ(db_->stats().lookups_during_upkeep, 3000u);
  faults_.Release(block);
  flush.join();
  Get(5000);
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.lookups, 13000u);
  EXPECT_EQ(stats.lookups_during_upkeep, 3000u);
  EXPECT_GE(stats.get_during_upkeep_latency.count, 3000u / 320);
  EXPECT_LE(stats.get_during_upkeep_latency.count, 3000u / 192 + 1);
  EXPECT_GE(stats.get_latency.count, 13000u / 320);
}

// The same for a merge and a retraining, whose progress is told in their middle.
TEST_F(DbMetrics, LookupsDuringMergesAndRetrainingsAreApart) {
  Open();
  for (std::uint64_t round = 0; round < 2; ++round) {
    for (std::uint64_t part = 0; part < 10; ++part) {
      WriteBatch batch;
      for (std::uint64_t i = 0; i < 500; ++i) {
        batch.Put(rows_, round * 1000000 + part * 1000 + i + 1, "value");
      }
      ASSERT_TRUE(db_->Write(batch).ok());
    }
    ASSERT_TRUE(Door::Flush(*db_).ok());
  }
  std::uint64_t asked = 0;
  const Progress progress{[&](std::uint64_t, std::uint64_t) {
    Get(10);
    asked += 10;
    EXPECT_EQ(db_->stats().lookups_during_upkeep, asked);
    return true;
  }};
  ASSERT_TRUE(db_->Fold(progress).ok());
  EXPECT_GT(asked, 0u);
  Get(100);
  EXPECT_EQ(db_->stats().lookups_during_upkeep, asked);
  EXPECT_EQ(db_->stats().lookups, asked + 100);
}

TEST_F(DbMetrics, SwitchedOffTheyAreEmptyAndCountersStay) {
  Options options;
  options.latency_histograms = false;
  Open(options);
  Put(0, 100);
  Get(2000);
  std::vector<std::uint64_t> keys(500, 1);
  std::vector<Lookup> lookups(500);
  ASSERT_TRUE(rows_.view()->MultiGet(keys, lookups).ok());
  ASSERT_TRUE(Door::Flush(*db_).ok());
  ASSERT_TRUE(db_->RebuildIndex().ok());
  const Stats stats = db_->stats();
  EXPECT_EQ(stats.commits, 100u);
  EXPECT_EQ(stats.lookups, 2500u);
  EXPECT_EQ(stats.flushes, 1u);
  EXPECT_EQ(stats.retrains, 1u);
  for (const LatencyStats& latency :
       {stats.get_latency, stats.get_during_upkeep_latency, stats.multiget_latency,
        stats.put_latency, stats.group_latency, stats.log_sync_latency, stats.flush_latency,
        stats.merge_latency, stats.retrain_latency}) {
    EXPECT_EQ(latency.count, 0u);
    EXPECT_EQ(latency.max_nanos, 0u);
    EXPECT_TRUE(latency.buckets.empty());
  }
}

}  // namespace
}  // namespace kyro::db
