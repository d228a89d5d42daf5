// SPDX-License-Identifier: Apache-2.0
//
// The whole Db against std::map: random operations, reopen, crash, every way of reading. A run that
// did not flush, merge, rotate, replay and drop tombstones often enough has proved nothing and
// fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "db/model.h"
#include "io/env.h"

namespace kyro::db {
namespace {

using support::CrashKind;

// Over all Dbs that a run has opened.
struct Totals {
  std::uint64_t flushes = 0, merges = 0, rotations = 0, replays = 0, tombstones = 0;
  std::uint64_t fallbacks = 0, unread_errors = 0, predictions = 0, retrains = 0;
  std::uint64_t failures = 0, orphans = 0, torn_bytes = 0;

  void Add(const Stats& stats) {
    flushes += stats.flushes;
    merges += stats.merges;
    rotations += stats.log_rotations;
    replays += stats.replayed_batches != 0;
    tombstones += stats.tombstones_dropped;
    fallbacks += stats.model_fallbacks;
    unread_errors += stats.unread_errors;
    predictions += stats.predictions;
    retrains += stats.retrains;
    failures += stats.upkeep_failures;
    orphans += stats.orphans_deleted;
    torn_bytes += stats.torn_bytes;
  }
};

struct RunOptions {
  std::uint64_t seed = 1;
  Durability durability = Durability::kSync;
  int steps = 4000;
  bool threads = false;
  Access access = Access::kMap;
};

class ModelRun {
 public:
  explicit ModelRun(const RunOptions& run)
      : run_(run), random_(run.seed), world_(NewWorld(run.seed)), now_(FourSpaces().size()) {
    options_ = TinyOptions();
    options_.delta_bytes = std::size_t{4096} << random_.Below(3);
    options_.wal_file_bytes = std::size_t{4096} << random_.Below(3);
    options_.durability = run.durability;
    options_.sync_interval = std::chrono::milliseconds(5);
    options_.access = run.access;
  }

  void Run() {
    ASSERT_NO_FATAL_FAILURE(Open());
    for (step_ = 0; step_ < run_.steps; ++step_) {
      SCOPED_TRACE("step " + std::to_string(step_));
      ASSERT_NO_FATAL_FAILURE(Step());
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    ASSERT_NO_FATAL_FAILURE(CheckHeld());
    held_.clear();
    ASSERT_NO_FATAL_FAILURE(Reopen());
    ASSERT_NO_FATAL_FAILURE(CheckAll());
    const Status verified = db_->db.Verify();
    EXPECT_TRUE(verified.ok()) << verified.ToString();
    ASSERT_NO_FATAL_FAILURE(Close());
    CheckTotals();
  }

 private:
  // A view, or several at one read point, and what they must show for as long as they live.
  struct Held {
    std::size_t space;
    std::shared_ptr<AnyView> view;
    Map map;
  };

  static std::unique_ptr<support::TestEnv> NewWorld(std::uint64_t seed) {
    auto world = std::make_unique<support::TestEnv>(seed);
    world->fs().StopJournal();
    return world;
  }
  io::Env env() {
    io::Env env = world_->env();
    if (run_.threads) {
      env.executor = io::SystemEnv().executor;
      env.clock = io::SystemEnv().clock;
    }
    return env;
  }

  // ---------------------------------------------------------------- open, close, crash

  void Open() {
    auto db = OpenFour(options_, env());
    ASSERT_TRUE(db.ok()) << db.status().ToString();
    db_ = *std::move(db);
    EXPECT_EQ(db_->db.stats().visible, last_);
  }
  void Close() {
    const Status closed = db_->db.Close();
    ASSERT_TRUE(closed.ok()) << closed.ToString();
    totals_.Add(db_->db.stats());
    db_ = nullptr;
  }
  void Reopen() {
    ASSERT_NO_FATAL_FAILURE(Close());
    ASSERT_NO_FATAL_FAILURE(Open());
    EXPECT_TRUE(db_->db.stats().was_clean);
  }
  void Crash() {
    ASSERT_NO_FATAL_FAILURE(CheckHeld());
    held_.clear();
    // With threads the moment is any moment of the background's; nothing is in flight here.
    totals_.Add(db_->db.stats());
    world_->fs().StopAt(0);
    auto after = world_->Crash(CrashKind::kKill, world_->fs().event_count());
    after->fs().StopJournal();
    db_ = nullptr;
    world_ = std::move(after);
    ASSERT_NO_FATAL_FAILURE(Open());
    ASSERT_NO_FATAL_FAILURE(CheckAll());
  }

  // ---------------------------------------------------------------- random choices

  std::size_t AnySpaceIndex() { return random_.Below(now_.size()); }

  // Few enough keys that they are overwritten and deleted, with the extremes among them.
  std::string AnyKey(std::size_t space) {
    if (FourSpaces()[space].kind == KeyKind::kU64) {
      switch (random_.Below(8)) {
        case 0:
          return U64Key(random_.OneIn(2) ? 0 : ~std::uint64_t{0});
        case 1:
          return U64Key((std::uint64_t{1} << random_.Below(64)) - random_.Below(2));
        default:
          return U64Key(1000 + random_.Below(300) * (space == 0 ? 1 : 0x123456789abcd));
      }
    }
    switch (random_.Below(8)) {
      case 0:
        return "";
      case 1:
        return std::string(random_.Below(4), '\0') + std::string(random_.Below(3), '\xff');
      default:
        return "key/" + std::to_string(random_.Below(300));
    }
  }
  std::string AnyValue() {
    std::string value = std::to_string(last_ + 1) + ":" + std::to_string(random_.Below(1000));
    if (random_.OneIn(3)) value += random_.String(random_.Below(100));
    if (random_.OneIn(200)) value += random_.String(6000);  // larger than a delta may be
    return random_.OneIn(20) ? "" : value;
  }
  Op AnyOp() {
    Op op;
    op.space = AnySpaceIndex();
    op.put = !random_.OneIn(3);
    op.key = AnyKey(op.space);
    if (op.put) op.value = AnyValue();
    return op;
  }
  WriteOptions AnyWriteOptions() {
    WriteOptions options;
    if (random_.OneIn(10)) options.durability = static_cast<Durability>(random_.Below(3));
    return options;
  }

  // ---------------------------------------------------------------- steps

  void Step() {
    const std::uint64_t dice = random_.Below(1000);
    if (dice < 450) return WriteOne();
    if (dice < 550) return WriteBatchOf(2 + random_.Below(12));
    if (dice < 560) return WriteBatchOf(100 + random_.Below(100));
    if (dice < 680) return CheckGet();
    if (dice < 730) return CheckView(Take(AnySpaceIndex()));
    if (dice < 760) return Hold();
    if (dice < 780) return HoldAtReadPoint();
    if (dice < 850) return CheckOneHeld();
    if (dice < 950) return Background();
    if (dice < 960) return Do(db_->db.Sync());
    if (dice < 966) return Do(Door::Flush(db_->db));
    if (dice < 976) return Do(Door::WaitForUpkeep(db_->db));
    if (dice < 979) return Do(db_->db.Fold());
    if (dice < 983) return Do(db_->db.RebuildIndex());
    if (dice < 986) return Do(db_->db.Verify());
    if (dice < 993) return Reopen();
    return Crash();
  }
  void Do(const Status& status) { ASSERT_TRUE(status.ok()) << status.ToString(); }

  void Background() {
    if (run_.threads) return;
    if (random_.OneIn(4)) {
      world_->executor().Advance(std::chrono::milliseconds(1 + random_.Below(30)));
    } else if (random_.OneIn(3)) {
      world_->executor().RunDue();
    } else {
      world_->executor().RunOne();
    }
  }

  void WriteOne() {
    const Op op = AnyOp();
    AnySpace& space = *db_->spaces[op.space];
    const Status status = op.put ? space.Put(op.key, op.value, AnyWriteOptions())
                                 : space.Delete(op.key, AnyWriteOptions());
    ASSERT_TRUE(status.ok()) << status.ToString();
    ++last_;
    Apply({op}, &now_);
    EXPECT_EQ(db_->db.stats().visible, last_);
  }
  void WriteBatchOf(std::uint64_t count) {
    Batch batch;
    for (std::uint64_t i = 0; i < count; ++i) batch.push_back(AnyOp());
    const auto sequence = db_->Write(batch, AnyWriteOptions());
    ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
    EXPECT_EQ(*sequence, ++last_);
    Apply(batch, &now_);
  }

  // ---------------------------------------------------------------- checks

  void CheckGet() {
    const std::size_t space = AnySpaceIndex();
    const std::string key = AnyKey(space);
    std::string value = "untouched";
    const Status status = db_->spaces[space]->Get(key, &value);
    const auto want = now_[space].find(key);
    if (want == now_[space].end()) {
      EXPECT_EQ(status.code(), StatusCode::kNotFound) << status.ToString();
      EXPECT_EQ(value, "untouched");
    } else {
      EXPECT_TRUE(status.ok()) << status.ToString();
      EXPECT_EQ(value, want->second);
    }
  }

  Held Take(std::size_t space) {
    auto view = db_->spaces[space]->view();
    EXPECT_TRUE(view.ok()) << view.status().ToString();
    EXPECT_EQ((*view)->sequence(), last_);
    return Held{space, *view, now_[space]};
  }
  void Hold() {
    if (held_.size() < 12) held_.push_back(Take(AnySpaceIndex()));
  }
  void HoldAtReadPoint() {
    auto point = db_->db.read_point();
    ASSERT_TRUE(point.ok()) << point.status().ToString();
    const State then = now_;
    const Sequence sequence = point->sequence();
    EXPECT_EQ(sequence, last_);
    for (std::uint64_t writes = random_.Below(5); writes > 0; --writes) {
      ASSERT_NO_FATAL_FAILURE(WriteOne());
    }
    for (std::size_t space = 0; space < now_.size(); ++space) {
      auto view = db_->spaces[space]->view(*point);
      ASSERT_TRUE(view.ok()) << view.status().ToString();
      EXPECT_EQ((*view)->sequence(), sequence);
      Held held{space, *view, then[space]};
      ASSERT_NO_FATAL_FAILURE(CheckView(held));
      if (held_.size() < 12 && random_.OneIn(2)) held_.push_back(std::move(held));
    }
  }
  void CheckOneHeld() {
    if (held_.empty()) return;
    const std::size_t i = random_.Below(held_.size());
    ASSERT_NO_FATAL_FAILURE(CheckView(held_[i]));
    if (random_.OneIn(3)) held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  void CheckHeld() {
    for (const Held& held : held_) ASSERT_NO_FATAL_FAILURE(CheckView(held));
  }
  void CheckAll() {
    auto found = ReadAll(&db_->db);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    ASSERT_EQ(Difference(*found, now_), "");
    for (std::size_t space = 0; space < now_.size(); ++space) {
      ASSERT_NO_FATAL_FAILURE(CheckView(Take(space)));
    }
  }

  void CheckView(const Held& held) {
    switch (random_.Below(4)) {
      case 0:
        return CheckGets(held);
      case 1:
        return CheckMultiGet(held);
      case 2:
        return CheckScan(held);
      default:
        return CheckIterator(held);
    }
  }
  // Keys that are there, and keys that may be.
  std::vector<std::string> SomeKeys(const Held& held, std::uint64_t count) {
    std::vector<std::string> keys;
    for (std::uint64_t i = 0; i < count; ++i) keys.push_back(AnyKey(held.space));
    for (const auto& [key, value] : held.map) {
      if (random_.OneIn(8)) keys.push_back(key);
    }
    return keys;
  }
  static void CheckLookup(const Held& held, const std::string& key, const Lookup& found) {
    const auto want = held.map.find(key);
    ASSERT_FALSE(found.failed()) << found.status().ToString();
    ASSERT_EQ(found.present(), want != held.map.end());
    if (found.present()) {
      ASSERT_EQ(found.value(), want->second);
    }
  }
  void CheckGets(const Held& held) {
    for (const std::string& key : SomeKeys(held, 10)) {
      ASSERT_NO_FATAL_FAILURE(CheckLookup(held, key, held.view->Get(key)));
    }
  }
  void CheckMultiGet(const Held& held) {
    const std::vector<std::string> keys = SomeKeys(held, random_.Below(40));
    std::vector<Lookup> lookups;
    ASSERT_TRUE(held.view->MultiGet(keys, &lookups).ok());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ASSERT_NO_FATAL_FAILURE(CheckLookup(held, keys[i], lookups[i]));
    }
  }
  void CheckScan(const Held& held) {
    std::optional<std::string> lo, hi;
    if (random_.OneIn(2)) lo = AnyKey(held.space);
    if (random_.OneIn(2)) hi = AnyKey(held.space);
    Rows found;
    const Status status = held.view->Scan(lo, hi, &found);
    ASSERT_TRUE(status.ok()) << status.ToString();
    Rows want;
    for (auto it = lo ? held.map.lower_bound(*lo) : held.map.begin();
         it != held.map.end() && !(hi && it->first >= *hi); ++it) {
      want.emplace_back(*it);
    }
    ASSERT_EQ(found, want);
  }
  void CheckIterator(const Held& held) {
    const auto it = held.view->NewIterator();
    auto at = held.map.end();
    ASSERT_FALSE(it->Valid());
    for (int move = 0; move < 30; ++move) {
      const std::string key = AnyKey(held.space);
      const std::uint64_t dice = random_.Below(at == held.map.end() ? 4 : 24);
      if (dice == 0) {
        it->SeekToFirst();
        at = held.map.begin();
      } else if (dice == 1) {
        it->SeekToLast();
        at = held.map.empty() ? held.map.end() : std::prev(held.map.end());
      } else if (dice == 2) {
        it->Seek(key);
        at = held.map.lower_bound(key);
      } else if (dice == 3) {
        it->SeekForPrev(key);
        at = held.map.upper_bound(key);
        at = at == held.map.begin() ? held.map.end() : std::prev(at);
      } else if (dice < 14) {
        it->Next();
        ++at;
      } else {
        it->Prev();
        at = at == held.map.begin() ? held.map.end() : std::prev(at);
      }
      ASSERT_TRUE(it->status().ok()) << it->status().ToString();
      ASSERT_EQ(it->Valid(), at != held.map.end()) << "move " << move << " dice " << dice;
      if (!it->Valid()) continue;
      ASSERT_EQ(it->key(), at->first) << "move " << move << " dice " << dice;
      ASSERT_EQ(it->value(), at->second);
    }
  }

  void CheckTotals() {
    std::printf(
        "seed %llu: %llu commits, %llu flushes, %llu merges, %llu rotations, %llu replays, "
        "%llu tombstones dropped, %llu predictions, %llu retrains\n",
        static_cast<unsigned long long>(run_.seed), static_cast<unsigned long long>(last_),
        static_cast<unsigned long long>(totals_.flushes),
        static_cast<unsigned long long>(totals_.merges),
        static_cast<unsigned long long>(totals_.rotations),
        static_cast<unsigned long long>(totals_.replays),
        static_cast<unsigned long long>(totals_.tombstones),
        static_cast<unsigned long long>(totals_.predictions),
        static_cast<unsigned long long>(totals_.retrains));
    EXPECT_GE(totals_.flushes, 5u);
    EXPECT_GE(totals_.merges, 3u);
    EXPECT_GE(totals_.rotations, 3u);
    EXPECT_GE(totals_.replays, 3u);
    EXPECT_GE(totals_.tombstones, 100u);
    EXPECT_GT(totals_.predictions, 0u);
    EXPECT_EQ(totals_.fallbacks, 0u);
    EXPECT_EQ(totals_.unread_errors, 0u);
    EXPECT_EQ(totals_.failures, 0u);
    EXPECT_EQ(totals_.torn_bytes, 0u);
  }

  const RunOptions run_;
  support::SeededRandom random_;
  std::unique_ptr<support::TestEnv> world_;
  Options options_;
  State now_;
  Sequence last_ = 0;
  std::unique_ptr<OpenDb> db_;
  std::vector<Held> held_;  // gone before the Db and its world
  Totals totals_;
  int step_ = 0;
};

void RunModel(const RunOptions& run) {
  if (testing::Test::HasFailure()) return;
  SCOPED_TRACE("seed " + std::to_string(run.seed));
  ModelRun(run).Run();
}

TEST(DbModel, AgreesWithAMapInSyncMode) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    RunModel({.seed = seed, .durability = Durability::kSync});
  }
}
TEST(DbModel, AgreesWithAMapInIntervalMode) {
  for (std::uint64_t seed = 11; seed <= 12; ++seed) {
    RunModel({.seed = seed, .durability = Durability::kInterval});
  }
}
TEST(DbModel, AgreesWithAMapInOsMode) {
  for (std::uint64_t seed = 21; seed <= 22; ++seed) {
    RunModel({.seed = seed, .durability = Durability::kOs});
  }
}
TEST(DbModel, AgreesWithAMapWhenSegmentsAreCopied) {
  RunModel({.seed = 31, .access = Access::kCopy});
}
TEST(DbModel, AgreesWithAMapUnderRealThreads) {
  for (std::uint64_t seed = 41; seed <= 43; ++seed) {
    RunModel({.seed = seed,
              .durability = static_cast<Durability>(seed % 3),
              .steps = 3000,
              .threads = true});
  }
}

}  // namespace
}  // namespace kyro::db
