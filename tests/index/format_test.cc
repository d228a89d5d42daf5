// SPDX-License-Identifier: Apache-2.0
//
// The layout of docs/format-model.md, and its worked example.
#include "index/format.h"

#include <cstring>
#include <string>
#include <string_view>

#include "index/model.h"
#include "index/test_util.h"
#include "support/golden.h"

namespace kyro::index {
namespace {

TEST(ModelFormat, HeaderFieldsLieWhereTheFormatPageSays) {
  EXPECT_EQ(offsetof(ModelHeader, magic), 0u);
  EXPECT_EQ(offsetof(ModelHeader, format_version), 8u);
  EXPECT_EQ(offsetof(ModelHeader, arithmetic_version), 12u);
  EXPECT_EQ(offsetof(ModelHeader, blob_bytes), 16u);
  EXPECT_EQ(offsetof(ModelHeader, key_count), 24u);
  EXPECT_EQ(offsetof(ModelHeader, structure), 28u);
  EXPECT_EQ(offsetof(ModelHeader, reason), 32u);
  EXPECT_EQ(offsetof(ModelHeader, probe_lines), 36u);
  EXPECT_EQ(offsetof(ModelHeader, max_error), 40u);
  EXPECT_EQ(offsetof(ModelHeader, tree_levels), 44u);
  EXPECT_EQ(offsetof(ModelHeader, min_key), 48u);
  EXPECT_EQ(offsetof(ModelHeader, max_key), 56u);
  EXPECT_EQ(offsetof(ModelHeader, node_count), 64u);
  EXPECT_EQ(offsetof(ModelHeader, slot_count), 68u);
  EXPECT_EQ(offsetof(ModelHeader, word_count), 72u);
  EXPECT_EQ(offsetof(ModelHeader, depth), 76u);
  EXPECT_EQ(offsetof(ModelHeader, leaf_count), 80u);
  EXPECT_EQ(offsetof(ModelHeader, tree_count), 84u);
  EXPECT_EQ(offsetof(ModelHeader, tree_keys), 88u);
  EXPECT_EQ(offsetof(ModelHeader, deep_keys), 92u);
  EXPECT_EQ(offsetof(ModelHeader, slots_cost), 96u);
  EXPECT_EQ(offsetof(ModelHeader, tree_cost), 100u);
  EXPECT_EQ(offsetof(ModelHeader, reserved), 104u);
  EXPECT_EQ(offsetof(ModelHeader, errors), 128u);
  EXPECT_EQ(sizeof(ModelHeader), 256u);
}

TEST(ModelFormat, NodeFieldsLieWhereTheFormatPageSays) {
  EXPECT_EQ(offsetof(NodeRecord, min), 0u);
  EXPECT_EQ(offsetof(NodeRecord, span), 8u);
  EXPECT_EQ(offsetof(NodeRecord, scale), 16u);
  EXPECT_EQ(offsetof(NodeRecord, first_slot), 24u);
  EXPECT_EQ(offsetof(NodeRecord, slot_count), 28u);
}

// The models that docs/format-model.md explains: of `count` keys 1000, 1003, ...
struct Example {
  const char* golden;
  std::uint32_t count;
  TrainOptions::Force force;
};
constexpr Example kExamples[] = {{"model.bin", 128, TrainOptions::Force::kNothing},
                                 {"model_packed.bin", 300, TrainOptions::Force::kPackedTree}};

Keys KeysOf(const Example& example) {
  Keys keys;
  for (std::uint64_t i = 0; i < example.count; ++i) keys.push_back(1000 + 3 * i);
  return keys;
}

TEST(ModelFormat, TheWorkedExamplesAreCurrent) {
  for (const Example& example : kExamples) {
    const Result<ModelBytes> blob = TrainAs(KeysOf(example), example.force);
    ASSERT_TRUE(blob.ok());
    const std::string_view bytes(reinterpret_cast<const char*>(blob->bytes().data()),
                                 blob->bytes().size());
    support::ExpectGolden(example.golden, bytes);
    support::ExpectDocShowsGolden("docs/format-model.md", bytes);
  }
}

TEST(ModelFormat, TheGoldenModelsFindTheirKeys) {
  for (const Example& example : kExamples) {
    const std::string golden =
        support::ReadSourceFile(std::string("tests/golden/") + example.golden);
    Result<ModelBytes> blob = ModelBytes::Allocate(golden.size());
    ASSERT_TRUE(blob.ok());
    std::memcpy(blob->bytes().data(), golden.data(), golden.size());
    const Result<Model> model = Model::Open(blob->bytes(), example.count);
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    const Keys keys = KeysOf(example);
    EXPECT_TRUE(VerifyModel(*model, keys).ok());
    Counters counters;
    for (std::uint64_t query : QueriesFor(keys)) {
      EXPECT_EQ(model->LowerBound(keys.data(), query, &counters), Expected(keys, query));
    }
    EXPECT_EQ(counters.fallbacks.load(), 0u);
  }
}

}  // namespace
}  // namespace kyro::index
