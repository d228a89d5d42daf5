// SPDX-License-Identifier: Apache-2.0
//
// Batches out of a merge, against a std::map; and the searches that end a stretch.
#include "read/scan_cursor.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "read/layers.h"

namespace kyro::read {
namespace {

using Rows = std::vector<std::pair<std::uint64_t, std::string>>;

void AppendTo(Rows* rows, const ColumnBatch<U64>& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    rows->emplace_back(batch.keys[i], batch.values[i]);
  }
}

// Every row of the range; `random` decides for each batch how it is taken.
Rows Read(ScanCursor<U64>* cursor, std::mt19937_64* random) {
  Rows rows;
  for (;;) {
    const ColumnBatch<U64> batch =
        (*random)() % 2 == 0 ? cursor->NextInPlace() : cursor->NextBatch();
    if (batch.empty()) break;
    EXPECT_EQ(batch.size(), batch.values.size());
    AppendTo(&rows, batch);
  }
  EXPECT_TRUE(cursor->status().ok());
  // It stays at its end.
  EXPECT_TRUE(cursor->NextInPlace().empty());
  EXPECT_TRUE(cursor->NextBatch().empty());
  return rows;
}

class ScanCursorTest : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, ScanCursorTest, testing::Range<std::uint64_t>(1, 9));

TEST_P(ScanCursorTest, EveryRangeEqualsTheMap) {
  Layers layers(GetParam());
  const auto view = layers.View();
  std::mt19937_64 random(GetParam());
  for (int i = 0; i < 300; ++i) {
    Range<U64> range;
    if (random() % 4 != 0) range.lo = layers.RandomKey();
    if (random() % 4 != 0) range.hi = layers.RandomKey();
    ScanCursor<U64> cursor(view, range);
    const Model& model = layers.model();
    Rows want;
    for (const auto& [key, value] : model) {
      if ((!range.lo || key >= *range.lo) && (!range.hi || key < *range.hi)) {
        want.emplace_back(key, value);
      }
    }
    ASSERT_EQ(Read(&cursor, &random), want) << "range " << i;
  }
}

TEST(ScanCursor, ARefusedOneHasNoRowsAndSaysWhy) {
  Layers layers(1);
  ScanCursor<U64> cursor(layers.View(), {});
  EXPECT_FALSE(cursor.NextInPlace().empty());
  cursor.Refuse("why");
  EXPECT_TRUE(cursor.NextInPlace().empty());
  EXPECT_TRUE(cursor.NextBatch().empty());
  EXPECT_EQ(cursor.status().code(), StatusCode::kInvalidArgument);
}

TEST(EndBelow, EqualsALinearSearch) {
  for (std::uint64_t count = 1; count < 40; ++count) {
    std::vector<std::uint64_t> keys;
    for (std::uint64_t i = 0; i < count; ++i) keys.push_back(10 * i + 5);
    segment::Chunk chunk;
    chunk.keys = keys.data();
    for (std::uint64_t begin = 0; begin <= count; ++begin) {
      for (std::uint64_t limit = 0; limit < 10 * count + 10; ++limit) {
        std::uint64_t want = begin;
        while (want < count && keys[want] < limit) ++want;
        ASSERT_EQ(EndBelow<U64>(chunk, begin, count, limit), want)
            << count << ' ' << begin << ' ' << limit;
      }
    }
  }
}

TEST(NextTombstone, EqualsALinearSearch) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    unsigned char bits[8];
    for (unsigned char& byte : bits) {
      byte = random() % 3 == 0 ? static_cast<unsigned char>(random() & random() & random()) : 0;
    }
    segment::Chunk chunk;
    chunk.tombstones = bits;
    for (std::uint64_t from = 0; from <= 64; ++from) {
      for (std::uint64_t to = from; to <= 64; ++to) {
        std::uint64_t want = from;
        while (want < to && !chunk.tombstone(want)) ++want;
        ASSERT_EQ(chunk.NextTombstone(from, to), want) << from << ' ' << to;
      }
    }
  }
  EXPECT_EQ(segment::Chunk().NextTombstone(3, 9), 9u);
}

}  // namespace
}  // namespace kyro::read
