// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/rows.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "kyroctl/line_reader.h"
#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

using namespace std::string_literals;

std::string Wrongness(std::string_view line) {
  Row row;
  const Status status = ParseRow(line, &row);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << line;
  return std::string(status.message());
}

TEST(Rows, NumbersAreExact) {
  for (const std::uint64_t key : {std::uint64_t{0}, std::uint64_t{9007199254740993},
                                  std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    std::string line;
    AppendRow(&line, key, "x");
    Row row;
    ASSERT_TRUE(ParseRow(line, &row).ok()) << line;
    EXPECT_EQ(row.kind, KeyKind::kU64);
    EXPECT_EQ(row.number, key);
  }
}

TEST(Rows, AnyBytesComeBack) {
  support::SeededRandom random(11);
  Row row;
  for (int i = 0; i < 2000; ++i) {
    std::string key(random.Next() % 20, '\0'), value(random.Next() % 50, '\0');
    // Some of them text, some not.
    const int range = i % 2 == 0 ? 128 : 256;
    for (char& c : key) c = static_cast<char>(random.Next() % range);
    for (char& c : value) c = static_cast<char>(random.Next() % range);
    std::string line;
    AppendRow(&line, std::string_view(key), value);
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    ASSERT_TRUE(ParseRow(line, &row).ok()) << line;
    ASSERT_EQ(row.kind, KeyKind::kBytes);
    ASSERT_EQ(row.bytes, key);
    ASSERT_EQ(row.value, value);
  }
}

TEST(Rows, NotUtf8StandsInBase64) {
  std::string line;
  AppendRow(&line, "k\xff"s, "\xfe");
  EXPECT_EQ(line, "{\"key_b64\":\"a/8=\",\"value_b64\":\"/g==\"}\n");
}

TEST(Rows, RefusesKeysThatAreNoWholeNumber) {
  for (const char* key :
       {"-1", "-0", "1.0", "1.5", "1e3", "18446744073709551616", "99999999999999999999999"}) {
    EXPECT_NE(Wrongness("{\"key\":"s + key + ",\"value\":\"x\"}").find("must be whole"),
              std::string::npos)
        << key;
  }
}

TEST(Rows, SayWhatIsWrong) {
  EXPECT_EQ(Wrongness("{\"value\":\"x\"}"), "field \"key\" is missing");
  EXPECT_EQ(Wrongness("{\"key\":1}"), "field \"value\" is missing");
  EXPECT_EQ(Wrongness("{}"), "field \"key\" is missing");
  EXPECT_EQ(Wrongness("{\"key\":1,\"key\":2,\"value\":\"x\"}"), "the key is given twice");
  EXPECT_EQ(Wrongness("{\"key\":\"a\",\"key_b64\":\"YQ==\",\"value\":\"x\"}"),
            "the key is given twice");
  EXPECT_EQ(Wrongness("{\"key\":1,\"value\":\"x\",\"value_b64\":\"eA==\"}"),
            "the value is given twice");
  EXPECT_EQ(Wrongness("{\"key\":1,\"value\":2}"), "field \"value\" must not be a number");
  EXPECT_EQ(Wrongness("{\"key\":1,\"value\":null}"), "field \"value\" must not be null");
  EXPECT_EQ(Wrongness("{\"key\":true,\"value\":\"x\"}"), "field \"key\" must not be a boolean");
  EXPECT_EQ(Wrongness("{\"key\":[1],\"value\":\"x\"}"), "field \"key\" must not be an array");
  EXPECT_EQ(Wrongness("{\"key\":{},\"value\":\"x\"}"), "field \"key\" must not be an object");
  EXPECT_EQ(Wrongness("{\"key_b64\":1,\"value\":\"x\"}"), "field \"key_b64\" must not be a number");
  EXPECT_EQ(Wrongness("{\"key_b64\":\"YQ\",\"value\":\"x\"}"),
            "field \"key_b64\" is not padded base64");
  EXPECT_NE(Wrongness("{\"key\":1,\"ttl\":2,\"value\":\"x\"}").find("\"ttl\""), std::string::npos);
  for (const char* line : {"1", "\"x\"", "[]", "null", "true"}) {
    EXPECT_NE(Wrongness(line).find("a row is a JSON object"), std::string::npos) << line;
  }
  for (const char* line : {"{", "{\"key\":1,\"value\":\"x\"", "{\"key\":1,\"value\":\"x\"} 2",
                           "{\"key\":1,\"value\":\"\xff\"}", "{'key':1}", "{\"key\":1,}", "nope"}) {
    EXPECT_NE(Wrongness(line).find("not valid JSON"), std::string::npos) << line;
  }
}

TEST(Rows, AcceptsWhatOtherProgramsWrite) {
  Row row;
  ASSERT_TRUE(ParseRow(" {\"value\" : \"\\u00e9\\ud83d\\ude00\" , \"key\" : 7 } \r", &row).ok());
  EXPECT_EQ(row.number, 7u);
  EXPECT_EQ(row.value, "é😀");
}

TEST(Rows, LimitsAreToldBeforeTheDatabaseIsAsked) {
  EXPECT_EQ(Wrongness("{\"key\":\"" + std::string(kKeyBytesMax + 1, 'k') + "\",\"value\":\"\"}"),
            "the key has 65536 bytes; at most 65535 are possible");
  Row row;
  EXPECT_TRUE(
      ParseRow("{\"key\":\"" + std::string(kKeyBytesMax, 'k') + "\",\"value\":\"\"}", &row).ok());
}

TEST(Rows, ADeeplyNestedLineIsRefusedAtOnce) {
  const std::string line = "{\"key\":" + std::string(1 << 20, '[');
  EXPECT_EQ(Wrongness(line), "field \"key\" must not be an array");
}

TEST(LineReader, HandsOutLinesThatAreNotBlank) {
  std::istringstream in("a\n\n  \t\r\nb\r\nc");
  LineReader lines(&in, 100);
  std::string_view line;
  ASSERT_TRUE(lines.Next(&line));
  EXPECT_EQ(line, "a");
  EXPECT_EQ(lines.number(), 1u);
  ASSERT_TRUE(lines.Next(&line));
  EXPECT_EQ(line, "b\r");
  EXPECT_EQ(lines.number(), 4u);
  ASSERT_TRUE(lines.Next(&line));
  EXPECT_EQ(line, "c");
  EXPECT_EQ(lines.number(), 5u);
  EXPECT_FALSE(lines.Next(&line));
  EXPECT_TRUE(lines.status().ok());
}

TEST(LineReader, JoinsLinesAcrossChunks) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::string(static_cast<std::size_t>(i), 'x') + "\n";
  std::istringstream in(text);
  LineReader lines(&in, 1 << 20);
  std::string_view line;
  for (std::size_t i = 1; i < 3000; ++i) {  // the first is blank
    ASSERT_TRUE(lines.Next(&line));
    ASSERT_EQ(line.size(), i);
  }
  EXPECT_FALSE(lines.Next(&line));
  EXPECT_EQ(lines.bytes_read(), text.size());
}

TEST(LineReader, ALineWithoutEndIsRefusedBeforeItFillsTheMemory) {
  std::istringstream in("ok\n" + std::string(2 << 20, 'x'));
  LineReader lines(&in, 1 << 20);
  std::string_view line;
  ASSERT_TRUE(lines.Next(&line));
  EXPECT_FALSE(lines.Next(&line));
  EXPECT_EQ(lines.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(lines.number(), 2u);
}

}  // namespace
}  // namespace kyro::kyroctl
