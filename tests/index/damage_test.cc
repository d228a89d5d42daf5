// SPDX-License-Identifier: Apache-2.0
//
// Models with wrong bytes: answers stay right, the fallback counter tells.
#include <cstring>

#include "index/model.h"
#include "index/packed_tree.h"
#include "index/test_util.h"

namespace kyro::index {
namespace {

constexpr std::size_t kCount = 6000;

std::vector<KeySet> Sets() {
  std::vector<KeySet> sets = LargeSets(kCount);
  for (KeySet& set : EdgeSets()) {
    if (set.keys.size() >= kModelKeysMin && set.keys.size() < 600) sets.push_back(std::move(set));
  }
  return sets;
}

// Lookups through a damaged model that still opens; returns the fallbacks.
std::uint64_t ExpectExactThroughDamage(std::span<const std::byte> blob, const KeySet& set,
                                       const Column& column, const Keys& queries) {
  const Result<Model> model =
      Model::Open(blob, static_cast<std::uint32_t>(set.keys.size()), OrderOf(set));
  if (!model.ok()) return 0;
  Counters counters;
  const Columns columns{column.keys().data(), nullptr, 0, &counters};
  std::vector<std::uint32_t> positions(queries.size());
  model->LowerBoundBatch(columns, queries, positions);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const std::uint32_t want = Expected(column.keys(), queries[i]);
    EXPECT_EQ(positions[i], want) << "batch, query " << queries[i];
    EXPECT_EQ(model->LowerBound(columns, queries[i]), want) << "query " << queries[i];
    // A trace of a damaged model is still that of the lookup.
    const Window window = model->Predict(queries[i]);
    const Window traced = model->Trace(queries[i]).window;
    EXPECT_TRUE(traced.start == window.start && traced.count == window.count &&
                traced.in_tree == window.in_tree)
        << "query " << queries[i];
  }
  (void)VerifyModel(*model, column.keys());
  return counters.fallbacks.load();
}

TEST(DamagedModel, RandomBytesNeverChangeAnAnswer) {
  Rng rng(2024);
  int opened = 0;
  for (const KeySet& set : Sets()) {
    SCOPED_TRACE(set.name);
    const Column column(set.keys);
    const Keys queries = QueriesFor(column.keys(), set.keys.size() / 64);
    for (auto force : {TrainOptions::Force::kNothing, TrainOptions::Force::kSlots,
                       TrainOptions::Force::kTree, TrainOptions::Force::kPackedTree}) {
      TrainOptions options;
      options.force = force;
      Result<ModelBytes> blob = Train(column.keys(), options);
      ASSERT_TRUE(blob.ok());
      const std::vector<std::byte> intact(blob->bytes().begin(), blob->bytes().end());
      for (int round = 0; round < 60; ++round) {
        std::memcpy(blob->bytes().data(), intact.data(), intact.size());
        // Half of the rounds leave the header alone, so that the model opens.
        const std::size_t first = round % 2 == 0 && intact.size() > 256 ? 256 : 0;
        for (std::uint64_t n = 1 + rng.Below(200); n > 0; --n) {
          blob->bytes()[first + rng.Below(intact.size() - first)] =
              static_cast<std::byte>(rng.Next());
        }
        opened += Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size())).ok();
        ExpectExactThroughDamage(blob->bytes(), set, column, queries);
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(opened, 500);
}

TEST(DamagedModel, EveryByteOfTheHeaderMayBeAnything) {
  const KeySet sets[] = {{"uniform", UniformKeys(2000, 1)}, {"coast", CoastlineKeys(2000, 1)}};
  for (const KeySet& set : sets) {
    const Column column(set.keys);
    const Keys queries = QueriesFor(column.keys(), 50);
    Result<ModelBytes> blob = Train(column.keys());
    ASSERT_TRUE(blob.ok());
    for (std::size_t at = 0; at < 320 && at < blob->bytes().size(); ++at) {
      for (int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        const std::byte before = blob->bytes()[at];
        blob->bytes()[at] = static_cast<std::byte>(value);
        ExpectExactThroughDamage(blob->bytes(), set, column, queries);
        blob->bytes()[at] = before;
      }
    }
  }
}

TEST(DamagedModel, ATruncatedModelDoesNotOpen) {
  const Keys keys = UniformKeys(2000, 1);
  const Result<ModelBytes> blob = Train(keys);
  ASSERT_TRUE(blob.ok());
  for (std::size_t count = 0; count < blob->bytes().size(); ++count) {
    EXPECT_FALSE(Model::Open(blob->bytes().first(count), 2000).ok()) << count;
  }
}

// Damages an intact model and counts the fallbacks of looking every key up.
std::uint64_t FallbacksAfter(const KeySet& set, TrainOptions::Force force,
                             const std::function<void(ModelHeader*, std::byte*)>& damage) {
  TrainOptions options;
  options.force = force;
  Result<ModelBytes> blob = Train(set.keys, options);
  EXPECT_TRUE(blob.ok());
  const Column column(set.keys);
  EXPECT_EQ(ExpectExactThroughDamage(blob->bytes(), set, column, set.keys), 0u);
  ModelHeader header;
  std::memcpy(&header, blob->bytes().data(), sizeof(header));
  damage(&header, blob->bytes().data());
  const Result<Model> model =
      Model::Open(blob->bytes(), static_cast<std::uint32_t>(set.keys.size()));
  EXPECT_TRUE(model.ok());
  if (!model.ok()) return 0;
  EXPECT_EQ(VerifyModel(*model, column.keys()).code(), StatusCode::kDataLoss);
  return ExpectExactThroughDamage(blob->bytes(), set, column, set.keys);
}

TEST(DamagedModel, OneWrongSlotRaisesFallbacks) {
  const KeySet set{"uniform", UniformKeys(20000, 1)};
  const std::uint64_t fallbacks =
      FallbacksAfter(set, TrainOptions::Force::kSlots, [](ModelHeader* header, std::byte* blob) {
        const ModelLayout layout =
            LayoutOf(header->node_count, header->slot_count, header->word_count);
        std::uint64_t slot;
        std::memcpy(&slot, blob + layout.slots + 8 * 100, 8);
        slot += 1000;  // the leaf's base
        std::memcpy(blob + layout.slots + 8 * 100, &slot, 8);
      });
  EXPECT_GT(fallbacks, 20u);   // the slot's keys
  EXPECT_LT(fallbacks, 400u);  // and no others (each is looked up twice)
}

TEST(DamagedModel, OneWrongSeparatorRaisesFallbacks) {
  const KeySet set{"coastline", CoastlineKeys(20000, 1)};
  const std::uint64_t fallbacks =
      FallbacksAfter(set, TrainOptions::Force::kTree, [](ModelHeader* header, std::byte* blob) {
        const ModelLayout layout =
            LayoutOf(header->node_count, header->slot_count, header->word_count);
        std::memset(blob + layout.words, 0, 8);  // the root's first separator
      });
  EXPECT_GT(fallbacks, 100u);
}

TEST(DamagedModel, OneWrongPackedNodeRaisesFallbacks) {
  const KeySet set{"coastline", CoastlineKeys(20000, 1)};
  std::uint64_t keys = 0;
  const std::uint64_t fallbacks = FallbacksAfter(
      set, TrainOptions::Force::kPackedTree, [&](ModelHeader* header, std::byte* blob) {
        const PackedShape shape = ShapeOfPackedTree(header->key_count);
        ASSERT_EQ(shape.words, header->word_count);
        const ModelLayout layout = LayoutOf(0, 0, header->word_count);
        const std::uint64_t node = layout.words + 8 * (shape.nodes + kPackedNodeWords * 7);
        std::memset(blob + node, 0, 2 * kPackedLanes);  // all its keys are sent to its last block
        keys = kPackedNodeKeys;
      });
  EXPECT_GT(fallbacks, keys);      // each is looked up twice
  EXPECT_LE(fallbacks, 2 * keys);  // and no others are
}

TEST(DamagedModel, OneWrongChildRaisesFallbacks) {
  KeySet set{"outlier", UniformKeys(20000, 1)};
  for (std::uint64_t& key : set.keys) key >>= 30;
  set.keys.push_back(~std::uint64_t{0});
  const std::uint64_t fallbacks =
      FallbacksAfter(set, TrainOptions::Force::kSlots, [](ModelHeader* header, std::byte* blob) {
        const ModelLayout layout =
            LayoutOf(header->node_count, header->slot_count, header->word_count);
        ASSERT_GE(header->node_count, 2u);
        NodeRecord node;
        std::memcpy(&node, blob + layout.nodes + sizeof(node), sizeof(node));
        node.min += node.span / 2;
        std::memcpy(blob + layout.nodes + sizeof(node), &node, sizeof(node));
      });
  EXPECT_GT(fallbacks, 1000u);
}

TEST(DamagedModel, AModelWithoutCountersStillAnswers) {
  const Keys keys = UniformKeys(5000, 1), others = CoastlineKeys(6000, 2);
  const Result<ModelBytes> blob = Train(std::span(others).first(keys.size()));
  ASSERT_TRUE(blob.ok());
  const Result<Model> model = Model::Open(blob->bytes(), static_cast<std::uint32_t>(keys.size()));
  ASSERT_TRUE(model.ok());
  for (std::uint64_t query : QueriesFor(keys)) {
    ASSERT_EQ(model->LowerBound(keys.data(), query, nullptr), Expected(keys, query));
  }
}

}  // namespace
}  // namespace kyro::index
