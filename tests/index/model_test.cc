// SPDX-License-Identifier: Apache-2.0
#include "index/model.h"

#include "index/reference.h"
#include "index/test_util.h"

namespace kyro::index {
namespace {

constexpr std::size_t kLargeCount = 40000;

std::vector<KeySet> AllSets() {
  std::vector<KeySet> sets = EdgeSets();
  for (KeySet& set : LargeSets(kLargeCount)) sets.push_back(std::move(set));
  return sets;
}

void ExpectExact(const Model& model, std::span<const std::uint64_t> keys, const Keys& queries) {
  Counters counters;
  std::size_t wrong = 0;
  for (std::uint64_t query : queries) {
    const std::uint32_t found = model.LowerBound(keys.data(), query, &counters);
    if (found != Expected(keys, query) && wrong++ == 0) {
      ADD_FAILURE() << "query " << query << ": " << found << ", want " << Expected(keys, query);
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(counters.fallbacks.load(), 0u) << "the index hides an error behind a binary search";
}

TEST(Model, LowerBoundOfAnyKeyEqualsBinarySearch) {
  for (const KeySet& set : AllSets()) {
    SCOPED_TRACE(set.name);
    const Column column(set.keys);
    const Result<ModelBytes> blob = Train(column.keys());
    ASSERT_TRUE(blob.ok()) << blob.status().ToString();
    const Keys queries = QueriesFor(column.keys());
    ForEachTarget([&] {
      const Result<Model> model =
          Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()), OrderOf(set));
      ASSERT_TRUE(model.ok()) << model.status().ToString();
      ExpectExact(*model, column.keys(), queries);
    });
  }
}

TEST(Model, EveryStructureIsExactForEveryKeySet) {
  for (const KeySet& set : AllSets()) {
    const Column column(set.keys);
    const Keys queries = QueriesFor(column.keys(), 3);
    for (auto force : {TrainOptions::Force::kSlots, TrainOptions::Force::kTree,
                       TrainOptions::Force::kPackedTree}) {
      SCOPED_TRACE(set.name + ", force " + std::to_string(static_cast<int>(force)));
      TrainOptions options;
      options.force = force;
      for (std::uint32_t keys_per_slot : {16u, 64u, 300u}) {
        options.keys_per_slot = keys_per_slot;
        const Result<ModelBytes> blob = Train(column.keys(), options);
        ASSERT_TRUE(blob.ok()) << blob.status().ToString();
        const Result<Model> model =
            Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()), OrderOf(set));
        ASSERT_TRUE(model.ok()) << model.status().ToString();
        ExpectExact(*model, column.keys(), queries);
        EXPECT_TRUE(VerifyModel(*model, column.keys()).ok());
      }
    }
  }
}

TEST(Model, BatchEqualsSingleLookups) {
  for (const KeySet& set : AllSets()) {
    SCOPED_TRACE(set.name);
    const Column column(set.keys);
    const Result<ModelBytes> blob = Train(column.keys());
    ASSERT_TRUE(blob.ok());
    Keys queries = QueriesFor(column.keys(), 7);
    Rng rng(5);
    for (std::size_t i = queries.size(); i > 1; --i) {
      std::swap(queries[i - 1], queries[rng.Below(i)]);
    }
    ForEachTarget([&] {
      const Result<Model> model =
          Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()), OrderOf(set));
      ASSERT_TRUE(model.ok());
      Counters counters;
      const Columns columns{column.keys().data(), column.keys().data(), 8, &counters};
      for (std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{31}, queries.size()}) {
        count = std::min(count, queries.size());
        std::vector<std::uint32_t> positions(count);
        model->LowerBoundBatch(columns, std::span(queries).first(count), positions);
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(positions[i], Expected(column.keys(), queries[i])) << queries[i];
        }
      }
      EXPECT_EQ(counters.fallbacks.load(), 0u);
    });
  }
}

TEST(Model, EveryTargetPredictsWhatTheFormatPageSays) {
  for (const KeySet& set : AllSets()) {
    for (auto force : {TrainOptions::Force::kNothing, TrainOptions::Force::kTree,
                       TrainOptions::Force::kPackedTree}) {
      SCOPED_TRACE(set.name + ", force " + std::to_string(static_cast<int>(force)));
      const Result<ModelBytes> blob = TrainAs(set.keys, force);
      ASSERT_TRUE(blob.ok());
      const Keys queries = QueriesFor(set.keys, 5);
      ForEachTarget([&] {
        const Result<Model> model =
            Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()));
        ASSERT_TRUE(model.ok());
        for (std::uint64_t query : queries) {
          const Window window = model->Predict(query);
          const ReferenceWindow want = ReferencePredict(blob->bytes(), query);
          ASSERT_EQ(window.start, want.start) << query;
          ASSERT_EQ(window.count, want.count) << query;
        }
      });
    }
  }
}

void ExpectInsideTheRecordedError(const KeySet& set, TrainOptions::Force force) {
  SCOPED_TRACE(set.name + ", force " + std::to_string(static_cast<int>(force)));
  const Result<ModelBytes> blob = TrainAs(set.keys, force);
  ASSERT_TRUE(blob.ok());
  const Result<Model> model =
      Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()));
  ASSERT_TRUE(model.ok());
  const std::int64_t error = model->facts().max_error;
  Rng rng(3);
  Keys queries = QueriesFor(set.keys);
  for (int i = 0; i < 20000; ++i) queries.push_back(rng.Next());
  for (std::uint64_t query : queries) {
    const Window window = model->Predict(query);
    const std::int64_t found = Expected(set.keys, query);
    const std::int64_t low = window.in_tree ? window.start : window.position - error;
    const std::int64_t high = window.in_tree
                                  ? window.start + window.count + model->behind_tree_window()
                                  : window.position + error + 1;
    ASSERT_LE(low, found) << query;
    ASSERT_GE(high, found) << query;
  }
}

TEST(Model, LowerBoundLiesInsideTheRecordedError) {
  for (const KeySet& set : LargeSets(kLargeCount)) {
    for (auto force : {TrainOptions::Force::kNothing, TrainOptions::Force::kPackedTree}) {
      ExpectInsideTheRecordedError(set, force);
    }
  }
}

void ExpectMonotonePredictions(const KeySet& set, TrainOptions::Force force) {
  SCOPED_TRACE(set.name + ", force " + std::to_string(static_cast<int>(force)));
  const Result<ModelBytes> blob = TrainAs(set.keys, force);
  ASSERT_TRUE(blob.ok());
  const Result<Model> model =
      Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()));
  ASSERT_TRUE(model.ok());
  Keys queries = QueriesFor(set.keys);
  std::sort(queries.begin(), queries.end());
  std::uint32_t leaf_before = 0, start_before = 0;
  for (std::uint64_t query : queries) {
    const Window window = model->Predict(query);
    if (!window.in_tree) {
      ASSERT_GE(window.position, leaf_before) << query;
      leaf_before = window.position;
    } else {
      ASSERT_GE(window.start, start_before) << query;
      start_before = window.start;
    }
  }
}

TEST(Model, PredictionIsMonotone) {
  for (const KeySet& set : LargeSets(kLargeCount)) {
    for (auto force : {TrainOptions::Force::kNothing, TrainOptions::Force::kPackedTree}) {
      ExpectMonotonePredictions(set, force);
    }
  }
}

// A model need not lie on a cache line.
TEST(Model, EightBytesOfAlignmentAreEnough) {
  const Column column(CoastlineKeys(20000, 4));
  const Keys queries = QueriesFor(column.keys(), 3);
  for (auto force : {TrainOptions::Force::kSlots, TrainOptions::Force::kTree,
                     TrainOptions::Force::kPackedTree}) {
    const Result<ModelBytes> blob = TrainAs(column.keys(), force);
    ASSERT_TRUE(blob.ok());
    Result<ModelBytes> moved = ModelBytes::Allocate(blob->bytes().size() + 8);
    ASSERT_TRUE(moved.ok());
    const auto bytes = moved->bytes().subspan(8);
    std::ranges::copy(blob->bytes(), bytes.begin());
    ForEachTarget([&] {
      const Result<Model> model =
          Model::Open(bytes, static_cast<std::uint32_t>(column.keys().size()));
      ASSERT_TRUE(model.ok());
      ExpectExact(*model, column.keys(), queries);
    });
  }
}

TEST(Model, ValuesAreNeverRead) {
  // The values lie at an address that no process has.
  const Keys keys = UniformKeys(kLargeCount, 1);
  const Result<ModelBytes> blob = Train(keys);
  ASSERT_TRUE(blob.ok());
  const Result<Model> model = Model::Open(blob->bytes(), static_cast<std::uint32_t>(keys.size()));
  ASSERT_TRUE(model.ok());
  for (std::uint32_t stride : {0u, 1u, 4u, 8u, 100u, 0xffffffffu}) {
    const Columns columns{keys.data(), reinterpret_cast<const void*>(~std::uintptr_t{0} - 64),
                          stride, nullptr};
    for (std::size_t i = 0; i < keys.size(); i += 11) {
      ASSERT_EQ(model->LowerBound(columns, keys[i]), i);
    }
  }
}

TEST(Model, NoneSearchesAnyColumn) {
  for (const KeySet& set : EdgeSets()) {
    SCOPED_TRACE(set.name);
    const Model model = Model::None(static_cast<std::uint32_t>(set.keys.size()));
    ExpectExact(model, set.keys, QueriesFor(set.keys));
  }
}

TEST(Model, OpenRefusesAnotherKeyCount) {
  const Keys keys = UniformKeys(1000, 1);
  const Result<ModelBytes> blob = Train(keys);
  ASSERT_TRUE(blob.ok());
  EXPECT_EQ(Model::Open(blob->bytes(), 999).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Model::Open(blob->bytes(), 0x80000000u).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Model::Open(blob->bytes().subspan(8), 1000).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Model::Open(blob->bytes().subspan(1), 1000).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Model::Open({}, 1000).status().code(), StatusCode::kDataLoss);
}

TEST(Model, OpenRefusesOtherVersions) {
  const Keys keys = UniformKeys(1000, 1);
  for (std::size_t offset : {std::size_t{8}, std::size_t{12}}) {
    Result<ModelBytes> blob = Train(keys);
    ASSERT_TRUE(blob.ok());
    blob->bytes()[offset] ^= std::byte{0x40};
    EXPECT_EQ(Model::Open(blob->bytes(), 1000).status().code(), StatusCode::kUnsupported);
  }
}

}  // namespace
}  // namespace kyro::index
