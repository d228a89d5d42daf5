// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <set>

#include "index/model.h"
#include "index/packed_tree.h"
#include "index/test_util.h"

namespace kyro::index {
namespace {

constexpr std::size_t kCount = 200000;

ModelFacts FactsFor(const Keys& keys, const TrainOptions& options = {}) {
  const Result<ModelBytes> blob = Train(keys, options);
  EXPECT_TRUE(blob.ok()) << blob.status().ToString();
  const Result<Model> model = Model::Open(blob->bytes(), static_cast<std::uint32_t>(keys.size()));
  EXPECT_TRUE(model.ok());
  EXPECT_TRUE(VerifyModel(*model, keys).ok());
  return model->facts();
}

TEST(Train, BytesPerKeyAreBoundedForAnyKeys) {
  for (const KeySet& set : LargeSets(kCount)) {
    const ModelFacts facts = FactsFor(set.keys);
    EXPECT_LE(facts.bytes_per_key(), 0.30) << set.name;
  }
  for (const KeySet& set : EdgeSets()) {
    const ModelFacts facts = FactsFor(set.keys);
    EXPECT_LE(static_cast<double>(facts.model_bytes),
              1024 + 0.30 * static_cast<double>(set.keys.size()))
        << set.name;
  }
}

TEST(Train, WindowsAreBoundedForAnyKeys) {
  for (const KeySet& set : LargeSets(kCount)) {
    const ModelFacts facts = FactsFor(set.keys);
    // A missed key of a packed tree is somewhere in its node.
    const bool packed = facts.structure == Structure::kPackedTree;
    EXPECT_LE(facts.window_p50, packed ? 8u : 32u) << set.name;
    EXPECT_LE(facts.window_p999, packed ? kPackedNodeKeys : 64u) << set.name;
    EXPECT_LE(facts.window_max, packed ? kPackedNodeKeys : 64u) << set.name;
    EXPECT_LE(facts.max_error, packed ? kPackedNodeKeys - kPackedBlockKeys : 31u) << set.name;
  }
}

TEST(Train, UniformKeysGiveSmallSlots) {
  const ModelFacts facts = FactsFor(UniformKeys(kCount, 1));
  EXPECT_EQ(facts.structure, Structure::kSlots);
  EXPECT_EQ(facts.reason, Reason::kSmooth);
  EXPECT_LE(facts.bytes_per_key(), 0.15);
  EXPECT_LE(facts.window_p999, 32u);
  EXPECT_EQ(facts.nodes, 1u);
  EXPECT_EQ(facts.tree_keys, 0u);
}

TEST(Train, ClusteredKeysGiveOneTree) {
  const Keys keys = CoastlineKeys(kCount, 1);
  const ModelFacts facts = FactsFor(keys);
  EXPECT_EQ(facts.structure, Structure::kPackedTree);
  EXPECT_EQ(facts.tree_keys, keys.size());
  EXPECT_EQ(facts.window_p50, 8u);
  EXPECT_LE(facts.bytes_per_key(), 0.29);
}

// Keys that share a unit with the last key of a block before theirs: 16 bits do not tell
// consecutive keys apart from the distances between clumps of them.
TEST(Train, KeysThatAPackedTreeWouldMissGiveAPlainOne) {
  const Keys keys = ClumpKeys(kCount, 1);
  const ModelFacts facts = FactsFor(keys);
  EXPECT_EQ(facts.structure, Structure::kTree);
  EXPECT_EQ(facts.tree_keys, keys.size());
  EXPECT_EQ(facts.window_p999, 32u);
  EXPECT_LE(facts.bytes_per_key(), 0.27);
  TrainOptions options;
  options.force = TrainOptions::Force::kPackedTree;
  const ModelFacts packed = FactsFor(keys, options);
  EXPECT_EQ(packed.structure, Structure::kPackedTree);
  EXPECT_GT(packed.window_p50, kPackedBlockKeys);
  EXPECT_EQ(packed.tree_keys, keys.size());
}

// Of few keys the empty nodes of its last group would be most of the model.
TEST(Train, FewKeysGiveAPlainTree) {
  const ModelFacts few = FactsFor(CoastlineKeys(4000, 1));
  EXPECT_EQ(few.structure, Structure::kTree);
  const ModelFacts more = FactsFor(CoastlineKeys(20000, 1));
  EXPECT_EQ(more.structure, Structure::kPackedTree);
}

// The count that decides is that of the keys which lookups do not find in their first line.
TEST(Train, CountsTheKeysThatAPackedTreeMisses) {
  for (const KeySet& set : LargeSets(20000)) {
    SCOPED_TRACE(set.name);
    const PackedShape shape = ShapeOfPackedTree(set.keys.size());
    std::vector<std::uint64_t> words(shape.words);
    const std::uint64_t missed = FillPackedTree(set.keys, set.keys.size(), words);
    const Result<ModelBytes> blob = TrainAs(set.keys, TrainOptions::Force::kPackedTree);
    ASSERT_TRUE(blob.ok());
    const auto count = static_cast<std::uint32_t>(set.keys.size());
    const Result<Model> model = Model::Open(blob->bytes(), count);
    ASSERT_TRUE(model.ok());
    std::uint64_t found = 0;
    std::uint32_t rank = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i > 0 && set.keys[i] != set.keys[i - 1]) rank = i;
      if (i > 0 && rank != i) continue;  // where its equal is
      const Window window = model->Predict(set.keys[i]);
      ASSERT_LE(window.start, rank);
      if (rank < window.start + window.count) ++found;
    }
    const std::uint64_t distinct = std::set<std::uint64_t>(set.keys.begin(), set.keys.end()).size();
    if (!set.duplicates) {
      EXPECT_EQ(missed, distinct - found);
    }
    const Result<Measured> measured = MeasureModel(*model, set.keys);
    ASSERT_TRUE(measured.ok());
    EXPECT_EQ(measured->outside, 0u);
    if (!set.duplicates) {
      EXPECT_EQ(measured->errors[0], found);
    }
  }
}

TEST(Train, AnOutlierCostsANodeNotATree) {
  Keys keys(kCount);
  for (std::size_t i = 0; i < kCount; ++i) keys[i] = 1000 + i;
  keys.push_back(~std::uint64_t{0} - 5);
  const ModelFacts facts = FactsFor(keys);
  EXPECT_EQ(facts.structure, Structure::kMixed);
  EXPECT_GE(facts.nodes, 2u);
  EXPECT_LE(facts.depth, kNodeDepthMax);
  EXPECT_LE(facts.window_max, 8u);
  EXPECT_LE(facts.bytes_per_key(), 0.15);
}

TEST(Train, SmallTreesRepairClumpsInSmoothKeys) {
  // One key in ten lies in clumps: slots for the rest, trees for these.
  Keys keys = UniformKeys(kCount * 9 / 10, 1);
  Rng rng(2);
  while (keys.size() < kCount) {
    std::uint64_t key = rng.Next();
    for (int clump = 0; clump < 20; ++clump) {
      key += std::uint64_t{1} << (30 + rng.Below(10));
      for (int n = 0; n < 17; ++n) keys.push_back(key + rng.Below(1000));
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  TrainOptions options;
  options.force = TrainOptions::Force::kSlots;
  const ModelFacts facts = FactsFor(keys, options);
  EXPECT_EQ(facts.structure, Structure::kMixed);
  EXPECT_GT(facts.trees, 10u);
  EXPECT_GT(facts.tree_keys, kCount / 100);
  EXPECT_LT(facts.tree_keys, kCount / 4);
}

TEST(Train, IsDeterministic) {
  for (const KeySet& set : LargeSets(20000)) {
    const Result<ModelBytes> one = Train(set.keys);
    const Result<ModelBytes> two = Train(set.keys);
    ASSERT_TRUE(one.ok() && two.ok());
    EXPECT_TRUE(std::ranges::equal(one->bytes(), two->bytes())) << set.name;
  }
}

TEST(Train, EveryTargetTrainsTheSameBytes) {
  for (const KeySet& set : LargeSets(20000)) {
    const Result<ModelBytes> best = Train(set.keys);
    ASSERT_TRUE(best.ok());
    ForEachTarget([&] {
      const Result<ModelBytes> blob = Train(set.keys);
      ASSERT_TRUE(blob.ok());
      EXPECT_TRUE(std::ranges::equal(best->bytes(), blob->bytes())) << set.name;
    });
  }
}

TEST(Train, RefusesDescendingKeys) {
  Keys keys = UniformKeys(1000, 1);
  std::swap(keys[500], keys[501]);
  EXPECT_EQ(Train(keys).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Train(Keys{2, 1}).status().code(), StatusCode::kInvalidArgument);
}

TEST(Train, FewKeysNeedNoModel) {
  for (std::size_t count : {0, 1, 2, 32, 63}) {
    const ModelFacts facts = FactsFor(UniformKeys(count, 1));
    EXPECT_EQ(facts.structure, Structure::kSearch);
    EXPECT_EQ(facts.model_bytes, sizeof(ModelHeader));
  }
}

TEST(VerifyModel, FindsAModelOfOtherKeys) {
  const Keys keys = UniformKeys(kCount, 1);
  Keys others = UniformKeys(kCount, 2);
  ASSERT_EQ(keys.size(), others.size());
  for (auto force : {TrainOptions::Force::kSlots, TrainOptions::Force::kTree,
                     TrainOptions::Force::kPackedTree}) {
    const Result<ModelBytes> blob = TrainAs(keys, force);
    ASSERT_TRUE(blob.ok());
    const Result<Model> model = Model::Open(blob->bytes(), kCount);
    ASSERT_TRUE(model.ok());
    EXPECT_TRUE(VerifyModel(*model, keys).ok());
    EXPECT_EQ(VerifyModel(*model, others).code(), StatusCode::kDataLoss);
    others.pop_back();
    EXPECT_EQ(VerifyModel(*model, others).code(), StatusCode::kInvalidArgument);
    others.push_back(~std::uint64_t{0});
  }
}

TEST(Explain, SaysWhatWasChosenAndWhy) {
  const auto text = [](const Keys& keys) { return Explain(FactsFor(keys)).value(); };
  EXPECT_NE(text(UniformKeys(kCount, 1)).find("evenly spread"), std::string::npos);
  EXPECT_NE(text(CoastlineKeys(kCount, 1)).find("-level tree over blocks"), std::string::npos);
  EXPECT_NE(text({1, 2, 3}).find("binary search"), std::string::npos);
}

}  // namespace
}  // namespace kyro::index
