// SPDX-License-Identifier: Apache-2.0
//
// The whole Db against std::map (model_run.h), and the oracle against views that are wrong.
#include <gtest/gtest.h>

#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "db/model.h"
#include "db/model_run.h"
#include "db/view_check.h"
#include "support/sanitized.h"

namespace kyro::db {
namespace {

// ---------------------------------------------------------------------------------- the oracle

class MapIterator final : public AnyIterator {
 public:
  explicit MapIterator(const Map* map) : map_(map), at_(map->end()) {}
  bool Valid() const override { return at_ != map_->end(); }
  void Seek(const std::string& key) override { at_ = map_->lower_bound(key); }
  void SeekForPrev(const std::string& key) override { at_ = Back(map_->upper_bound(key)); }
  void SeekToFirst() override { at_ = map_->begin(); }
  void SeekToLast() override { at_ = Back(map_->end()); }
  void Next() override { ++at_; }
  void Prev() override { at_ = Back(at_); }
  std::string key() const override { return at_->first; }
  std::string value() const override { return at_->second; }
  Status status() const override { return Status::Ok(); }

 private:
  Map::const_iterator Back(Map::const_iterator at) const {
    return at == map_->begin() ? map_->end() : std::prev(at);
  }
  const Map* const map_;
  Map::const_iterator at_;
};

// A view that shows a map of its own to each way of reading.
class MapView final : public AnyView {
 public:
  explicit MapView(const Map& map)
      : gets(map), multi_gets(map), scans(map), batches(map), iterators(map) {}
  Lookup Get(const std::string& key) const override { return Find(gets, key); }
  Status MultiGet(const std::vector<std::string>& keys,
                  std::vector<Lookup>* lookups) const override {
    for (const std::string& key : keys) lookups->push_back(Find(multi_gets, key));
    return Status::Ok();
  }
  Status Scan(const std::optional<std::string>& lo, const std::optional<std::string>& hi,
              Rows* rows) const override {
    return Between(scans, lo, hi, rows);
  }
  Status ScanBatches(const std::optional<std::string>& lo, const std::optional<std::string>& hi,
                     Rows* rows) const override {
    return Between(batches, lo, hi, rows);
  }
  std::unique_ptr<AnyIterator> NewIterator() const override {
    return std::make_unique<MapIterator>(&iterators);
  }
  Sequence sequence() const override { return 1; }

  Map gets, multi_gets, scans, batches, iterators;

 private:
  static Status Between(const Map& map, const std::optional<std::string>& lo,
                        const std::optional<std::string>& hi, Rows* rows) {
    for (const auto& [key, value] : map) {
      if ((!lo || key >= *lo) && (!hi || key < *hi)) rows->emplace_back(key, value);
    }
    return Status::Ok();
  }
  static Lookup Find(const Map& map, const std::string& key) {
    const auto at = map.find(key);
    return at == map.end() ? Lookup::Absent() : Lookup::Present(at->second);
  }
};

class Oracle : public testing::Test {
 protected:
  Oracle() {
    for (int i = 0; i < 50; ++i) map_["key/" + std::to_string(i)] = std::to_string(i);
    // The state before and after the newest commit.
    earlier_ = map_;
    earlier_.erase("key/7");
    later_ = map_;
    later_["key/59"] = "59";
  }
  // All of them in turn, so that no key is missed by chance.
  std::string AnyKey() { return "key/" + std::to_string(turn_++ % 60); }
  ViewCheck NewCheck() {
    return ViewCheck(&random_, [this] { return AnyKey(); });
  }
  bool AllRejects(const AnyView& view) {
    ViewCheck check = NewCheck();
    try {
      check.All(view, map_);
    } catch (const Wrong&) {
      return true;
    }
    return false;
  }
  // Within as many random checks as a held view gets in its life.
  bool SomeRejects(const AnyView& view) {
    ViewCheck check = NewCheck();
    try {
      for (int i = 0; i < 200; ++i) check.Some(view, map_);
    } catch (const Wrong&) {
      return true;
    }
    return false;
  }

  support::SeededRandom random_{1};
  int turn_ = 0;
  Map map_, earlier_, later_;
};

TEST_F(Oracle, AcceptsTheViewThatIsRight) {
  const MapView view(map_);
  EXPECT_FALSE(AllRejects(view));
  EXPECT_FALSE(SomeRejects(view));
}

TEST_F(Oracle, RejectsOneStaleReadOneMissingRowAndAShiftedState) {
  Map stale = map_, missing = map_, more = map_, swapped = map_;
  stale["key/7"] = "6";
  missing.erase("key/7");
  more["key/51"] = "";
  std::swap(swapped["key/7"], swapped["key/8"]);
  for (const Map& wrong : {stale, missing, more, swapped, earlier_, later_}) {
    for (Map MapView::*way : {&MapView::gets, &MapView::multi_gets, &MapView::scans,
                              &MapView::batches, &MapView::iterators}) {
      MapView view(map_);
      view.*way = wrong;
      EXPECT_TRUE(AllRejects(view));
      EXPECT_TRUE(SomeRejects(view));
    }
  }
}

TEST_F(Oracle, RejectsAWatchedIteratorThatSlipsByOne) {
  for (const Map& wrong : {earlier_, later_}) {
    WatchedIterator iterator(std::make_unique<MapIterator>(&wrong), &map_);
    const auto walk = [&] {
      for (int i = 0; i < 500; ++i) {
        iterator.Move(&random_, AnyKey());
      }
    };
    EXPECT_THROW(walk(), Wrong);
  }
}

// ---------------------------------------------------------------------------------- the runs

void ExpectAgrees(ModelRunOptions run) {
  if (support::kSanitized) run.steps /= 5;  // the release build takes them all
  if (testing::Test::HasFailure()) return;
  ModelRunTotals totals;
  EXPECT_EQ(RunModel(run, &totals), "");
  std::printf("seed %llu: %llu operations, %llu commits, %llu flushes, %llu merges, %llu replays\n",
              static_cast<unsigned long long>(run.seed),
              static_cast<unsigned long long>(totals.operations),
              static_cast<unsigned long long>(totals.commits),
              static_cast<unsigned long long>(totals.flushes),
              static_cast<unsigned long long>(totals.merges),
              static_cast<unsigned long long>(totals.replays));
}

TEST(DbModel, AgreesWithAMapInSyncMode) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) ExpectAgrees({.seed = seed});
}
TEST(DbModel, AgreesWithAMapInIntervalMode) {
  ExpectAgrees({.seed = 11, .durability = Durability::kInterval});
}
TEST(DbModel, AgreesWithAMapInOsMode) {
  ExpectAgrees({.seed = 21, .durability = Durability::kOs});
}
TEST(DbModel, AgreesWithAMapWhenSegmentsAreCopied) {
  ExpectAgrees({.seed = 31, .access = Access::kCopy});
}
TEST(DbModel, AgreesWithAMapUnderRealThreads) {
  for (std::uint64_t seed = 41; seed <= 43; ++seed) {
    ExpectAgrees({.seed = seed,
                  .durability = static_cast<Durability>(seed % 3),
                  .steps = 3000,
                  .threads = true});
  }
}

}  // namespace
}  // namespace kyro::db
