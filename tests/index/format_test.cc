// SPDX-License-Identifier: Apache-2.0
//
// The layout of docs/format-model.md, and its worked example.
#include "index/format.h"

#include <cstdio>
#include <cstring>
#include <string>

#include "index/model.h"
#include "test_util.h"

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

// The rows that are not all zero, 16 bytes each.
std::string HexRows(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t row = 0; row < bytes.size(); row += 16) {
    char line[80];
    int length = std::snprintf(line, sizeof(line), "%04zx ", row);
    int any = 0;
    for (std::size_t i = row; i < row + 16; ++i) {
      const int value = std::to_integer<int>(bytes[i]);
      any |= value;
      length += std::snprintf(line + length, sizeof(line) - static_cast<std::size_t>(length),
                              i % 8 == 0 ? "  %02x" : " %02x", value);
    }
    if (any != 0) text.append(line).append("\n");
  }
  return text;
}

// docs/format-model.md shows this text: the model of the keys 1000, 1003, ... 1000 + 3 * 127.
constexpr char kWorkedExample[] = R"(
0000   4b 59 4f 4d 44 4c 1a 0a  00 00 00 00 01 00 00 00
0010   80 01 00 00 00 00 00 00  80 00 00 00 01 00 00 00
0020   01 00 00 00 02 00 00 00  00 00 00 00 00 00 00 00
0030   e8 03 00 00 00 00 00 00  65 05 00 00 00 00 00 00
0040   01 00 00 00 02 00 00 00  00 00 00 00 01 00 00 00
0050   02 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
0060   1c 02 00 00 3a 02 00 00  00 00 00 00 00 00 00 00
0080   80 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
0100   e8 03 00 00 00 00 00 00  7d 01 00 00 00 00 00 00
0110   9a b3 06 c5 d3 1e 57 01  00 00 00 00 02 00 00 00
0140   00 00 00 00 40 00 00 00  40 00 00 00 40 00 00 00
)";

TEST(ModelFormat, TheWorkedExampleIsCurrent) {
  Keys keys;
  for (std::uint64_t i = 0; i < 128; ++i) keys.push_back(1000 + 3 * i);
  const Result<ModelBytes> blob = Train(keys);
  ASSERT_TRUE(blob.ok());
  EXPECT_EQ(HexRows(blob->bytes()), kWorkedExample + 1);
}

}  // namespace
}  // namespace kyro::index
