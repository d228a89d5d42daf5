// SPDX-License-Identifier: Apache-2.0
//
// What the inspection door says of a lookup is what a Get does: the same answer, the true lower
// bound, inside what the model promised; and every row is visited once, in order.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "db/inspect.h"
#include "support/seeded_random.h"
#include "support/test_env.h"

namespace kyro::db {
namespace {

using Found = segment::Explanation::Found;

// A database in memory, whose keyspace a test fills in steps.
template <class K>
class Filled {
 public:
  using Owned = std::conditional_t<kKindOf<K> == KeyKind::kU64, std::uint64_t, std::string>;

  explicit Filled(std::uint64_t seed = 1)
      : world_(seed), db_(Door::Open("/db", SmallSegments(), world_.env()).value()) {
    keyspace_ = db_.OpenKeyspace<K>().value();
  }
  void Put(const std::vector<Owned>& keys, std::size_t value_bytes = 8) {
    WriteBatch batch;
    for (const Owned& key : keys) batch.Put(keyspace_, key, std::string(value_bytes, 'v'));
    ASSERT_TRUE(db_.Write(batch).ok());
  }
  void Delete(const std::vector<Owned>& keys) {
    WriteBatch batch;
    for (const Owned& key : keys) batch.Delete(keyspace_, key);
    ASSERT_TRUE(db_.Write(batch).ok());
  }
  void Flush() { ASSERT_TRUE(Door::Flush(db_).ok()); }
  void Fold() { ASSERT_TRUE(db_.Fold().ok()); }

  Db& db() { return db_; }
  const Keyspace<K>& keyspace() const { return keyspace_; }

  // Explains `key` and holds the result against Get.
  read::Explanation Explain(typename K::Key key) {
    const auto told = Door::Explain<K>(db_, keyspace_.id(), key);
    EXPECT_TRUE(told.ok());
    const auto got = keyspace_.Get(key);
    if (got.ok()) {
      EXPECT_EQ(told->found, Found::kValue) << key;
      EXPECT_EQ(told->value_bytes, got->size()) << key;
    } else {
      EXPECT_EQ(got.status().code(), StatusCode::kNotFound);
      EXPECT_NE(told->found, Found::kValue) << key;
      EXPECT_NE(told->found, Found::kFailed) << key;
    }
    ExpectCascade(*told);
    return *told;
  }

 private:
  static Options SmallSegments() {
    Options options;
    options.segment_bytes = std::size_t{64} << 10;
    options.merge_fraction = 0.01;
    return options;
  }
  // The first source with an answer is the last one reached, and its answer is Get's.
  static void ExpectCascade(const read::Explanation& told) {
    Found found = Found::kAbsent;
    for (const read::DeltaExplanation& delta : told.deltas) {
      EXPECT_EQ(delta.reached, found == Found::kAbsent);
      if (delta.found == delta::Found::kValue) found = Found::kValue;
      if (delta.found == delta::Found::kTombstone) found = Found::kTombstone;
      EXPECT_TRUE(!delta.filter_excludes || delta.found == delta::Found::kNothing);
    }
    for (const read::RunExplanation& run : told.runs) {
      EXPECT_EQ(run.reached, found == Found::kAbsent);
      if (run.segment) found = run.segment->found;
    }
    EXPECT_EQ(found, told.found);
  }

  support::TestEnv world_;
  Db db_;
  Keyspace<K> keyspace_;
};

using Keys = std::vector<std::uint64_t>;

struct Named {
  std::string name;
  Keys keys;  // ascending
};

Keys Sorted(Keys keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

std::vector<Named> KeySets() {
  constexpr std::size_t kCount = 6000;
  support::SeededRandom random(5);
  std::vector<Named> sets(6);
  sets[0] = {"uniform", {}};
  sets[1] = {"dense, with both ends of the key space", {0, ~std::uint64_t{0}}};
  sets[2] = {"clumps", {}};
  sets[3] = {"powers", {}};
  sets[4] = {"one", {7}};
  sets[5] = {"few", {}};
  for (std::size_t i = 0; i < kCount; ++i) {
    sets[0].keys.push_back(random.Next());
    sets[1].keys.push_back(1000 + i);
    if (i % 16 == 0) sets[2].keys.push_back(random.Next() >> 20 << 10);
    if (i % 16 != 0) sets[2].keys.push_back(sets[2].keys.back() + 1 + random.Next() % 3);
    sets[3].keys.push_back(random.Next() >> (random.Next() % 60));
    if (i < 63) sets[5].keys.push_back(i * i);
  }
  for (Named& set : sets) set.keys = Sorted(std::move(set.keys));
  return sets;
}

// `key` in a folded keyspace, whose segments follow each other in key order.
void ExpectTruth(Filled<U64>* filled, const Keys& keys, std::uint64_t key) {
  const read::Explanation told = filled->Explain(key);
  ASSERT_TRUE(told.deltas.empty());
  ASSERT_EQ(told.runs.size(), 1u);
  const bool present = std::binary_search(keys.begin(), keys.end(), key);
  EXPECT_EQ(told.found, present ? Found::kValue : Found::kAbsent) << key;
  if (!told.runs[0].segment || !told.runs[0].segment->searched) return;
  const segment::Explanation& s = *told.runs[0].segment;
  // The segment's first key is known by the value's place; here by counting from the whole.
  const auto rank =
      static_cast<std::uint64_t>(std::lower_bound(keys.begin(), keys.end(), key) - keys.begin());
  EXPECT_LE(s.lower_bound, rank) << key;
  EXPECT_TRUE(told.runs[0].segments > 1 || s.lower_bound == rank) << key;
  if (!s.has_model) return;
  EXPECT_LE(s.bound_first, s.lower_bound) << key;
  EXPECT_GE(s.bound_last, s.lower_bound) << key;
  EXPECT_GE(s.window_lines, (s.window.end - s.window.begin) / 8);
  EXPECT_LE(s.window_lines, (s.window.end - s.window.begin) / 8 + 1);
  EXPECT_EQ(s.window.begin, s.route.window.start);
  if (s.probe_proves) {
    // The first key of a window proves itself alone.
    const bool first = s.lower_bound == s.window.begin && rank < keys.size() && keys[rank] == key;
    EXPECT_TRUE(first || s.lower_bound > s.window.begin) << key;
    EXPECT_LT(s.lower_bound, s.window.end) << key;
  }
}

TEST(Explain, FindsTheTrueLowerBoundInsideThePromisedBound) {
  for (const Named& set : KeySets()) {
    SCOPED_TRACE(set.name);
    Filled<U64> filled;
    filled.Put(set.keys);
    filled.Fold();
    for (const std::uint64_t key : set.keys) {
      ExpectTruth(&filled, set.keys, key);
      ExpectTruth(&filled, set.keys, key + 1);
      ExpectTruth(&filled, set.keys, key - 1);
    }
    for (const std::uint64_t key : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
      ExpectTruth(&filled, set.keys, key);
    }
    EXPECT_EQ(filled.db().stats().model_fallbacks, 0u);
  }
}

TEST(Explain, AnswersAsGetDoesOverRunsDeltasAndTombstones) {
  constexpr std::uint64_t kSeed = 11;
  SCOPED_TRACE(kSeed);
  support::SeededRandom random(kSeed);
  Filled<U64> filled(kSeed);
  Keys all;
  for (std::uint64_t i = 0; i < 4000; ++i) all.push_back(i * 10);
  filled.Put(all);
  filled.Flush();
  const auto some = [&](std::size_t count) {
    Keys keys;
    for (std::size_t i = 0; i < count; ++i) keys.push_back(random.Next() % 5000 * 10);
    return Sorted(std::move(keys));
  };
  filled.Delete(some(300));
  filled.Put(some(300), 3);
  filled.Flush();
  filled.Delete(some(200));
  filled.Put(some(100), 0);
  std::map<Found, int> seen;
  std::map<std::string, int> decided;
  for (std::uint64_t key = 0; key < 51'000; key += 5) {
    const read::Explanation told = filled.Explain(key);
    ++seen[told.found];
    if (!told.deltas.empty() && told.deltas[0].found != delta::Found::kNothing) ++decided["delta"];
    for (const read::RunExplanation& run : told.runs) {
      if (run.segment && run.segment->filter_excludes) ++decided["filter"];
      if (run.segment && run.segment->found == Found::kTombstone) ++decided["tombstone"];
      if (run.reached && !run.segment) ++decided["nowhere"];
      if (run.segment && !run.segment->in_key_range) ++decided["range"];
      if (run.segment && run.segment->searched) ++decided["keys"];
    }
  }
  EXPECT_GT(seen[Found::kValue], 1000);
  EXPECT_GT(seen[Found::kAbsent], 1000);
  EXPECT_GT(seen[Found::kTombstone], 100);
  for (const char* const by : {"delta", "filter", "tombstone", "keys"}) {
    EXPECT_GT(decided[by], 100) << by;
  }
  EXPECT_GT(decided["nowhere"] + decided["range"], 100);
}

TEST(Explain, TellsHowByteStringsAreSearched) {
  Filled<Bytes> filled;
  std::vector<std::string> keys;
  for (int i = 0; i < 3000; ++i) keys.push_back("key " + std::to_string(10'000 + i));
  keys.push_back("");
  keys.push_back(std::string(1000, 'z'));
  filled.Put(keys);
  filled.Flush();
  filled.Delete({keys[5]});
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const read::Explanation told = filled.Explain(keys[i]);
    if (told.found == Found::kTombstone) continue;
    ASSERT_TRUE(told.runs[0].segment);
    const segment::Explanation& s = *told.runs[0].segment;
    EXPECT_FALSE(s.has_model);
    EXPECT_TRUE(told.runs[0].segments > 1 || s.lower_bound == i);
    EXPECT_LE(s.bytes.candidates.begin, s.lower_bound);
    EXPECT_GT(s.bytes.candidates.end, s.lower_bound);
    EXPECT_GE(s.bytes.fingerprint_hits, 1u);
    EXPECT_LE(s.bytes.halvings, 12u);
    (void)filled.Explain(keys[i] + "?");
  }
}

TEST(Explain, CountsTheBlocksThatTheGetVerified) {
  support::TestEnv world;
  std::uint32_t id = 0;
  {
    auto db = Door::Open("/db", Options(), world.env());
    ASSERT_TRUE(db.ok());
    auto keyspace = db->OpenKeyspace<U64>();
    WriteBatch batch;
    for (std::uint64_t i = 0; i < 50'000; ++i) batch.Put(*keyspace, i, "12345678");
    ASSERT_TRUE(db->Write(batch).ok());
    ASSERT_TRUE(db->Fold().ok());
    id = keyspace->id();
    ASSERT_TRUE(db->Close().ok());
  }
  auto db = Door::Open("/db", Options(), world.env());
  ASSERT_TRUE(db.ok());
  const auto first = Door::Explain<U64>(*db, id, 20'500);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->runs[0].segment->blocks_verified, 2u);  // one of keys, one of values
  EXPECT_EQ(first->runs[0].segment->block_bytes, 16384u);
  const auto again = Door::Explain<U64>(*db, id, 20'501);
  EXPECT_EQ(again->runs[0].segment->blocks_verified, 0u);
  EXPECT_EQ(Door::Explain<Bytes>(*db, id, "x").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Door::Explain<U64>(*db, id + 1, 1).status().code(), StatusCode::kNotFound);
}

TEST(VisitRows, SeesEveryRowOnceInOrderWithItsRoute) {
  Filled<U64> filled;
  Keys old_keys, new_keys;
  for (std::uint64_t i = 0; i < 20'000; ++i) old_keys.push_back(i * i);
  for (std::uint64_t i = 0; i < 100; ++i) new_keys.push_back(i * 7);
  filled.Put(old_keys);
  filled.Flush();
  filled.Put(new_keys);
  filled.Delete({49});
  filled.Flush();
  std::map<std::size_t, Keys> runs;
  std::uint64_t progressed = 0, total = 0;
  const RowVisitor<U64> visit = [&](const RowBatch<U64>& batch) {
    Keys& keys = runs[batch.run];
    ASSERT_EQ(batch.keys.size(), batch.routes.size());
    keys.insert(keys.end(), batch.keys.begin(), batch.keys.end());
    for (const index::Route& route : batch.routes) ASSERT_GT(route.window.count, 0u);
  };
  const Progress progress{.on_progress = [&](std::uint64_t done, std::uint64_t all) {
    progressed = done, total = all;
    return true;
  }};
  const std::uint32_t id = filled.keyspace().id();
  ASSERT_TRUE(Door::VisitRows<U64>(filled.db(), id, visit, progress).ok());
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0], new_keys);
  EXPECT_EQ(runs[1], old_keys);
  EXPECT_EQ(progressed, 20'100u);
  EXPECT_EQ(total, 20'100u);

  const Progress refuse{.on_progress = [](std::uint64_t, std::uint64_t) { return false; }};
  EXPECT_EQ(Door::VisitRows<U64>(filled.db(), id, visit, refuse).code(), StatusCode::kCancelled);
  EXPECT_EQ(Door::VisitRows<Bytes>(filled.db(), id, [](const auto&) {}).code(),
            StatusCode::kNotFound);
}

TEST(VisitRows, OfByteStringKeysTheRouteIsTheWholeSegment) {
  Filled<Bytes> filled;
  std::vector<std::string> keys;
  for (std::uint64_t i = 1000; i < 3000; ++i) keys.push_back("key" + std::to_string(i));
  filled.Put(keys);
  filled.Flush();
  std::vector<std::string> seen;
  const RowVisitor<Bytes> visit = [&](const RowBatch<Bytes>& batch) {
    ASSERT_EQ(batch.keys.size(), batch.routes.size());
    seen.insert(seen.end(), batch.keys.begin(), batch.keys.end());
    for (const index::Route& route : batch.routes) {
      ASSERT_EQ(route.window.start, 0u);
      ASSERT_EQ(route.window.count, keys.size());
      ASSERT_EQ(route.window.position, keys.size() / 2);
    }
  };
  ASSERT_TRUE(Door::VisitRows<Bytes>(filled.db(), filled.keyspace().id(), visit).ok());
  EXPECT_EQ(seen, keys);
}

}  // namespace
}  // namespace kyro::db
