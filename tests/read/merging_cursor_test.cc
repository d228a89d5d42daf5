// SPDX-License-Identifier: Apache-2.0
//
// The merge and the lookup cascade over deltas and real segments, against a std::map.
#include "read/merging_cursor.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "read/layers.h"

namespace kyro::read {
namespace {

class MergingCursorTest : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, MergingCursorTest, testing::Range<std::uint64_t>(1, 9));

TEST_P(MergingCursorTest, ForwardAndBackwardWalksEqualTheMap) {
  Layers layers(GetParam());
  MergingCursor<U64> cursor(layers.View());
  cursor.SeekToFirst();
  for (const auto& [key, value] : layers.model()) {
    ASSERT_TRUE(cursor.Valid());
    EXPECT_EQ(cursor.key(), key);
    EXPECT_EQ(cursor.value(), value);
    cursor.Next();
  }
  EXPECT_FALSE(cursor.Valid());
  cursor.SeekToLast();
  for (auto it = layers.model().rbegin(); it != layers.model().rend(); ++it) {
    ASSERT_TRUE(cursor.Valid());
    EXPECT_EQ(cursor.key(), it->first);
    EXPECT_EQ(cursor.value(), it->second);
    cursor.Prev();
  }
  EXPECT_FALSE(cursor.Valid());
  EXPECT_TRUE(cursor.status().ok());
}

TEST_P(MergingCursorTest, RandomMovesEqualTheMap) {
  Layers layers(GetParam());
  const Model& model = layers.model();
  MergingCursor<U64> cursor(layers.View());
  std::mt19937_64 rng(GetParam());
  auto at = model.end();
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t key = layers.RandomKey();
    const auto move = rng() % 6;
    if (move == 0) {
      cursor.Seek(key);
      at = model.lower_bound(key);
    } else if (move == 1) {
      cursor.SeekForPrev(key);
      at = model.upper_bound(key);
      at = at == model.begin() ? model.end() : std::prev(at);
    } else if (!cursor.Valid()) {
      cursor.SeekToFirst();
      at = model.begin();
    } else if (move < 4) {
      cursor.Next();
      ++at;
    } else {
      cursor.Prev();
      at = at == model.begin() ? model.end() : std::prev(at);
    }
    ASSERT_EQ(cursor.Valid(), at != model.end()) << "move " << i;
    if (!cursor.Valid()) continue;
    ASSERT_EQ(cursor.key(), at->first) << "move " << i;
    ASSERT_EQ(cursor.value(), at->second) << "move " << i;
  }
}

TEST_P(MergingCursorTest, GetAndMultiGetEqualTheMap) {
  Layers layers(GetParam());
  const auto view = layers.View();
  const Getter<U64>& getter = *view->getter();
  std::vector<std::uint64_t> keys;
  for (std::uint64_t key = 0; key < 410; ++key) keys.push_back(key);
  std::vector<Lookup> batch(keys.size());
  view->MultiGet(keys, batch);
  for (std::uint64_t key : keys) {
    const auto it = layers.model().find(key);
    const Lookup lookup = getter.get.load(std::memory_order_relaxed)(getter, key);
    ASSERT_FALSE(lookup.failed());
    ASSERT_EQ(lookup.present(), it != layers.model().end()) << key;
    ASSERT_EQ(batch[key].present(), lookup.present()) << key;
    if (!lookup.present()) continue;
    EXPECT_EQ(lookup.value(), it->second);
    EXPECT_EQ(batch[key].value(), it->second);
  }
  EXPECT_EQ(view->shared()->segments.model_fallbacks.load(), 0u);
}

}  // namespace
}  // namespace kyro::read
