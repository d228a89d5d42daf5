// SPDX-License-Identifier: Apache-2.0
//
// A lookup takes the shortest way that its sources allow. Whichever it is, and however it is asked,
// it answers and counts alike.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "db/inspect.h"
#include "support/test_env.h"

namespace kyro {
namespace {

using support::TestEnv;

class LookupWays : public testing::Test {
 protected:
  static constexpr std::uint64_t kKeys = 3000;  // enough for a model

  LookupWays() {
    options_.merge_fraction = 1;  // runs stay apart until the fold
    db_.emplace(*db::Door::Open("/db", options_, world_.env()));
    cells_ = *db_->OpenKeyspace<U64>();
  }

  void Put(std::uint64_t key, const std::string& value) {
    ASSERT_TRUE(cells_.Put(key, value).ok());
    model_[key] = value;
  }
  void Delete(std::uint64_t key) {
    ASSERT_TRUE(cells_.Delete(key).ok());
    model_.erase(key);
  }
  void PutAll(const std::string& suffix) {
    WriteBatch batch;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      batch.Put(cells_, i * 7, std::to_string(100000 + i) + suffix);
      model_[i * 7] = std::to_string(100000 + i) + suffix;
    }
    ASSERT_TRUE(db_->Write(batch).ok());
  }
  // Newer versions, deletions and new keys, some hundred of each, with values of the others' width.
  void PutSome(const std::string& value) {
    for (std::uint64_t i = 0; i < kKeys; i += 1 + i % 13) {
      if (i % 3 == 0) Put(i * 7, value);
      if (i % 3 == 1) Delete(i * 7);
      if (i % 3 == 2) Put(i * 7 + 1, value);
    }
  }
  void Flush() { ASSERT_TRUE(db::Door::Flush(*db_).ok()); }

  void Check() {
    std::vector<std::uint64_t> keys;
    for (std::uint64_t key = 0; key < kKeys * 7 + 10; key += 1 + key % 3) keys.push_back(key);
    const View<U64> view = *cells_.view();
    const std::uint64_t before = db_->stats().lookups;
    for (const std::uint64_t key : keys) {
      const auto want = model_.find(key);
      const Result<std::string> got = cells_.Get(key);
      const Lookup seen = view.Get(key);
      if (want == model_.end()) {
        ASSERT_EQ(got.status().code(), StatusCode::kNotFound) << key;
        ASSERT_TRUE(seen.absent()) << key;
      } else {
        ASSERT_EQ(*got, want->second) << key;
        ASSERT_EQ(seen.value(), want->second) << key;
      }
    }
    std::vector<Lookup> found(keys.size());
    ASSERT_TRUE(view.MultiGet(keys, found).ok());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto want = model_.find(keys[i]);
      ASSERT_EQ(found[i].present(), want != model_.end()) << keys[i];
      if (found[i].present()) {
        ASSERT_EQ(found[i].value(), want->second) << keys[i];
      }
    }
    EXPECT_EQ(db_->stats().lookups - before, 3 * keys.size());
    EXPECT_EQ(db_->stats().model_fallbacks, 0u);
  }

  TestEnv world_;
  Options options_;
  std::optional<Db> db_;
  Keyspace<U64> cells_;
  std::map<std::uint64_t, std::string> model_;
};

TEST_F(LookupWays, AnswerAlikeInEveryState) {
  Check();  // nothing
  PutAll("");
  Check();  // a delta
  Flush();
  Check();  // one segment, not verified
  ASSERT_TRUE(db_->Warm().ok());
  Check();  // the same, verified
  ASSERT_TRUE(db_->Warm({.values = false, .huge_pages = true}).ok());
  Check();  // keys copied, values mapped
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  Check();  // all copied
  PutSome("newer!");
  Check();  // a delta over it
  Flush();
  Check();  // two runs, one not verified
  ASSERT_TRUE(db_->Warm().ok());
  Check();
  ASSERT_TRUE(db_->Warm({.huge_pages = true}).ok());
  Check();  // both copied
  PutSome("newest");
  Check();  // a delta over both
  Flush();
  Check();  // three
  ASSERT_TRUE(db_->Fold().ok());
  ASSERT_TRUE(db_->Warm().ok());
  Check();  // one segment
  Put(22, "of another width");
  ASSERT_TRUE(db_->Fold().ok());
  ASSERT_TRUE(db_->Warm().ok());
  Check();  // values of several widths
  PutSome("newer!");
  Check();
  PutAll("x");
  Delete(22);
  ASSERT_TRUE(db_->Fold().ok());
  ASSERT_TRUE(db_->Warm().ok());
  Check();  // of one width again
  for (std::uint64_t i = 0; i < kKeys; ++i) Delete(i * 7);
  Check();  // tombstones over it
  ASSERT_TRUE(db_->Fold().ok());
  Check();  // nothing again
}

TEST_F(LookupWays, OfAHeldViewStayWhatTheyWere) {
  PutAll("");
  Flush();
  const View<U64> folded = *cells_.view();
  Put(21, "newer");
  const View<U64> newer = *cells_.view();
  Delete(21);
  ASSERT_TRUE(db_->Fold().ok());
  EXPECT_EQ(folded.Get(21).value(), "100003");
  EXPECT_EQ(newer.Get(21).value(), "newer");
  EXPECT_EQ(cells_.Get(21).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(db_->DropKeyspace("default").ok());
  EXPECT_EQ(cells_.Get(14).status().code(), StatusCode::kClosed);
  EXPECT_EQ(folded.Get(14).value(), "100002");
  ASSERT_TRUE(db_->Close().ok());
  db_.reset();
  EXPECT_EQ(folded.Get(21).value(), "100003");
  EXPECT_EQ(newer.Get(28).value(), "100004");
}

}  // namespace
}  // namespace kyro
