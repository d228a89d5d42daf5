// SPDX-License-Identifier: Apache-2.0
//
// What Model::Trace writes down is what lookups do, for every structure, key set and SIMD target.
#include "index/model.h"
#include "index/test_util.h"

namespace kyro::index {
namespace {

std::vector<KeySet> AllSets() {
  std::vector<KeySet> sets = EdgeSets();
  for (KeySet& set : LargeSets(20000)) sets.push_back(std::move(set));
  return sets;
}

bool IsTree(const Route& route) {
  return route.end == Route::End::kSmallTree || route.end == Route::End::kRootTree ||
         route.end == Route::End::kPackedTree;
}

// What the parts of a route say of each other and of the facts.
void ExpectConsistent(const Route& route, const ModelFacts& facts) {
  switch (route.end) {
    case Route::End::kSearch:
      EXPECT_EQ(facts.structure, Structure::kSearch);
      EXPECT_EQ(route.window.count, facts.key_count);
      break;
    case Route::End::kLeaf:
      EXPECT_GE(route.step_count, 1u);
      EXPECT_GE(route.window.position, route.leaf_base);
      EXPECT_LE(route.window.position, route.leaf_base + route.leaf_count);
      EXPECT_EQ(route.window.count, facts.probe_lines * kLineKeys);
      break;
    case Route::End::kSmallTree:
      EXPECT_EQ(facts.structure, Structure::kMixed);
      EXPECT_GE(route.step_count, 1u);
      EXPECT_GE(route.level_count, 1u);
      EXPECT_LE(route.level_count, 2u);
      break;
    case Route::End::kRootTree:
      EXPECT_EQ(facts.structure, Structure::kTree);
      EXPECT_EQ(route.step_count, 0u);
      EXPECT_EQ(route.level_count, facts.tree_levels);
      break;
    case Route::End::kPackedTree:
      EXPECT_EQ(facts.structure, Structure::kPackedTree);
      EXPECT_EQ(route.step_count, 0u);
      EXPECT_EQ(route.level_count, facts.tree_levels);
      EXPECT_EQ(route.window.count, kPackedBlockKeys);
      break;
  }
  EXPECT_LE(route.step_count, std::max(facts.depth, 1u));
  if (IsTree(route)) {
    const std::uint32_t keys = route.window.count;
    EXPECT_EQ(route.window.start, std::min(route.block * keys, facts.key_count - keys));
    EXPECT_EQ(route.tree_nodes[0], 0u);
  }
}

TEST(Trace, SaysWhereEveryLookupBeginsToLook) {
  for (const KeySet& set : AllSets()) {
    for (auto force : {TrainOptions::Force::kNothing, TrainOptions::Force::kTree,
                       TrainOptions::Force::kPackedTree}) {
      SCOPED_TRACE(set.name);
      const Column column(set.keys);
      const Result<ModelBytes> blob = TrainAs(column.keys(), force);
      ASSERT_TRUE(blob.ok());
      const Keys queries = QueriesFor(column.keys(), 3);
      ForEachTarget([&] {
        const Result<Model> model =
            Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()),
                        set.duplicates ? KeyOrder::kDuplicates : KeyOrder::kStrict);
        ASSERT_TRUE(model.ok());
        for (const std::uint64_t query : queries) {
          const Route route = model->Trace(query);
          const Window window = model->Predict(query);
          ASSERT_EQ(route.window.start, window.start) << query;
          ASSERT_EQ(route.window.count, window.count) << query;
          ASSERT_EQ(route.window.position, window.position) << query;
          ASSERT_EQ(route.window.in_tree, window.in_tree) << query;
          ASSERT_EQ(IsTree(route), window.in_tree) << query;
          ExpectConsistent(route, model->facts());
        }
      });
    }
  }
}

// The nodes of a root tree lie on one path: each is a child of the one above.
TEST(Trace, FollowsARootTreeDown) {
  const Keys keys = LognormalKeys(200000, 3);
  const Result<ModelBytes> blob = TrainAs(keys, TrainOptions::Force::kTree);
  ASSERT_TRUE(blob.ok());
  const Result<Model> model = Model::Open(blob->bytes(), static_cast<std::uint32_t>(keys.size()));
  ASSERT_TRUE(model.ok());
  ASSERT_GE(model->facts().tree_levels, 4u);
  for (std::size_t i = 0; i < keys.size(); i += 7) {
    const Route route = model->Trace(keys[i]);
    ASSERT_EQ(route.block, i / kBlockKeys);
    std::uint32_t below = route.block;
    for (std::uint32_t level = route.level_count; level-- > 0;) {
      ASSERT_EQ(route.tree_nodes[level], below / kTreeFanout) << i;
      below = route.tree_nodes[level];
    }
  }
}

// Uniform keys are seldom missed: then the way to a block is its number's.
TEST(Trace, FollowsAPackedTreeDown) {
  const Keys keys = UniformKeys(200000, 3);
  const Result<ModelBytes> blob = TrainAs(keys, TrainOptions::Force::kPackedTree);
  ASSERT_TRUE(blob.ok());
  const Result<Model> model = Model::Open(blob->bytes(), static_cast<std::uint32_t>(keys.size()));
  ASSERT_TRUE(model.ok());
  ASSERT_EQ(model->facts().tree_levels, 4u);
  std::size_t missed = 0;
  for (std::size_t i = 0; i < keys.size(); i += 7) {
    const Route route = model->Trace(keys[i]);
    missed += route.block != i / kPackedBlockKeys ? 1 : 0;
    ASSERT_EQ(route.level_count, 4u);
    ASSERT_EQ(route.tree_nodes[3], i / kPackedNodeKeys) << i;
    ASSERT_EQ(route.tree_nodes[2], i / kPackedNodeKeys / kGroupNodes) << i;
    ASSERT_EQ(route.tree_nodes[1], route.tree_nodes[2] / kTreeFanout) << i;
    ASSERT_EQ(route.tree_nodes[0], 0u);
  }
  EXPECT_LT(missed, keys.size() / 7 / 100);
}

// Keys of one leaf are those that its slot counts.
TEST(Trace, NamesTheLeafOfEveryKey) {
  for (const KeySet& set : LargeSets(20000)) {
    if (set.duplicates) continue;
    SCOPED_TRACE(set.name);
    const Result<ModelBytes> blob = Train(set.keys);
    ASSERT_TRUE(blob.ok());
    const Result<Model> model =
        Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()));
    ASSERT_TRUE(model.ok());
    std::uint64_t leaves = 0, in_trees = 0, deep = 0;
    std::uint32_t last_slot = ~0u;
    for (const std::uint64_t key : set.keys) {
      const Route route = model->Trace(key);
      in_trees += IsTree(route) ? 1 : 0;
      deep += route.step_count > 1 ? 1 : 0;
      if (route.end != Route::End::kLeaf) continue;
      const std::uint32_t slot = route.steps[route.step_count - 1].slot;
      leaves += slot != last_slot ? 1 : 0;
      last_slot = slot;
    }
    EXPECT_EQ(leaves, model->facts().leaves);
    EXPECT_EQ(in_trees, model->facts().tree_keys);
    EXPECT_EQ(deep, model->facts().deep_keys);
  }
}

}  // namespace
}  // namespace kyro::index
