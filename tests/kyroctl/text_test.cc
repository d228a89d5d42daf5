// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

using namespace std::string_literals;

std::string Base64(std::string_view bytes) {
  std::string out;
  AppendBase64(&out, bytes);
  return out;
}

TEST(Utf8, AcceptsWhatIsWellFormed) {
  for (const std::string& text : {""s, "a"s, "\0"s, "\x7f"s, "é"s, "ࠀ"s, "퟿"s, ""s,
                                  "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "aé€😀z"s}) {
    EXPECT_TRUE(IsUtf8(text)) << Base64(text);
  }
}

TEST(Utf8, RefusesOverlongSurrogatesBeyondTheEndAndTorn) {
  for (const std::string& text :
       {"\x80"s, "\xc0\x80"s, "\xc1\xbf"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s, "\xed\xbf\xbf"s,
        "\xf0\x8f\xbf\xbf"s, "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "a\xc3"s,
        "\xe2\x82"s, "\xf0\x9f\x98"s, "\xc3("s, "\xe2(\xa1"s, "\xe2\x82("s}) {
    EXPECT_FALSE(IsUtf8(text)) << Base64(text);
  }
}

TEST(Utf8, AgreesWithTheJsonParserOnEveryShortString) {
  // What is called UTF-8 is written as a JSON string: load must take it back.
  const std::string alphabet = "a\x80\x8f\x90\x9f\xa0\xbf\xc2\xe0\xe1\xed\xef\xf0\xf1\xf4"s;
  int checked = 0;
  for (const char a : alphabet) {
    for (const char b : alphabet) {
      for (const char c : alphabet) {
        for (const char d : alphabet) {
          const std::string text{a, b, c, d};
          ASSERT_EQ(IsUtf8(text), nlohmann::json::accept("\"" + text + "\"")) << Base64(text);
          ++checked;
        }
      }
    }
  }
  EXPECT_EQ(checked, 15 * 15 * 15 * 15);
}

TEST(Base64, MatchesTheTestVectorsOfRfc4648) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg==");
  EXPECT_EQ(Base64("fo"), "Zm8=");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("foob"), "Zm9vYg==");
  EXPECT_EQ(Base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(Base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, DecodesWhatItEncodes) {
  support::SeededRandom random(7);
  for (std::size_t length = 0; length < 300; ++length) {
    std::string bytes(length, '\0');
    for (char& c : bytes) c = static_cast<char>(random.Next());
    EXPECT_EQ(DecodeBase64(Base64(bytes)), bytes);
  }
}

TEST(Base64, RefusesWhatNoEncoderWrites) {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zh==",
                           "Zm9=", "Z g=", "Zg=a", "Zm9v\n", "Zm-_"}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

TEST(Hex, IsTwoDigitsPerByte) {
  EXPECT_EQ(DecodeHex(""), "");
  EXPECT_EQ(DecodeHex("00fFa9"), "\x00\xff\xa9"s);
  EXPECT_EQ(DecodeHex("0"), std::nullopt);
  EXPECT_EQ(DecodeHex("0g"), std::nullopt);
  EXPECT_EQ(DecodeHex("0x00"), std::nullopt);
}

TEST(ParseU64, IsExactToTheLastNumber) {
  EXPECT_EQ(ParseU64("0"), 0u);
  EXPECT_EQ(ParseU64("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_EQ(ParseU64("9007199254740993"), 9007199254740993u);  // no double has it
  EXPECT_EQ(ParseU64("0xffffffffffffffff"), ~std::uint64_t{0});
  EXPECT_EQ(ParseU64("0X2A"), 42u);
  EXPECT_EQ(ParseU64("007"), 7u);  // decimal, never octal
}

TEST(ParseU64, RefusesEverythingElse) {
  for (const char* text :
       {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x", "x", "0x1g", "2a", "18446744073709551616",
        "0x10000000000000000", "99999999999999999999", "0x-1", "--1"}) {
    EXPECT_EQ(ParseU64(text), std::nullopt) << text;
  }
}

TEST(Printable, KeepsATerminalFromBeingDriven) {
  EXPECT_EQ(Printable("plain é"), "plain é");
  EXPECT_EQ(Printable("a\tb\nc\rd\\e"), "a\\tb\\nc\\rd\\\\e");
  EXPECT_EQ(Printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(Printable("\x7f"), "\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"), "\\xc2\\x9b");  // a one-character CSI
  EXPECT_EQ(Printable("\xff\x00z"s), "\\xff\\x00z");
}

TEST(JsonString, IsReadBackByAJsonParser) {
  std::string all;
  for (int c = 0; c < 128; ++c) all.push_back(static_cast<char>(c));
  all += "é€😀";
  std::string json;
  AppendJsonString(&json, all);
  EXPECT_EQ(nlohmann::json::parse(json).get<std::string>(), all);
  EXPECT_EQ(json.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace kyro::kyroctl
