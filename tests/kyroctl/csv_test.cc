// SPDX-License-Identifier: Apache-2.0
//
// CSV and SOSD: the parsers by themselves, and load with them.
#include "kyroctl/csv.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "kyro/types.h"
#include "kyroctl/ctl.h"
#include "kyroctl/sosd.h"
#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

using namespace std::string_literals;
using Records = std::vector<std::pair<std::string, std::string>>;

struct Parsed {
  Records records;
  std::string wrong;  // "line:column: what"; empty: nothing
};

// The whole text, fed `piece` bytes at a time.
Parsed Parse(std::string_view text, std::size_t piece = 1 << 20) {
  CsvParser parser;
  Parsed parsed;
  CsvParser::Step step = CsvParser::Step::kMore;
  for (std::size_t at = 0; at < text.size() && step != CsvParser::Step::kWrong;) {
    std::size_t used = 0;
    step = parser.Feed(text.substr(at, piece), &used);
    at += used;
    if (step == CsvParser::Step::kRecord) parsed.records.emplace_back(parser.key(), parser.value());
  }
  if (step != CsvParser::Step::kWrong) step = parser.Finish();
  if (step == CsvParser::Step::kRecord) {
    parsed.records.emplace_back(parser.key(), parser.value());
    EXPECT_EQ(parser.Finish(), CsvParser::Step::kMore);
  }
  if (step == CsvParser::Step::kWrong) {
    parsed.wrong = std::to_string(parser.line()) + ":" + std::to_string(parser.column()) + ": " +
                   parser.error();
  }
  return parsed;
}

TEST(Csv, ReadsWhatRfc4180Describes) {
  const Records want{{"1", "one"}, {"2", "a,b"}, {"3", "say \"hi\""}, {"4", "two\r\nlines"},
                     {"", ""},     {"x", ""},    {" 5 ", " as is "}};
  const std::string text =
      "key,value\r\n1,one\r\n\"2\",\"a,b\"\r\n3,\"say \"\"hi\"\"\"\r\n4,\"two\r\nlines\"\r\n,\r\n"
      "x,\"\"\r\n 5 , as is \r\n";
  const Parsed parsed = Parse(text);
  EXPECT_EQ(parsed.wrong, "");
  EXPECT_EQ(parsed.records, want);
  // The last line may lack its end, and lines may end in a line feed alone.
  EXPECT_EQ(Parse(text.substr(0, text.size() - 2)).records, want);
  EXPECT_EQ(Parse("key,value\n1,one\n2,two").records, (Records{{"1", "one"}, {"2", "two"}}));
  EXPECT_EQ(Parse("\"key\",\"value\"\n1,one\n").records, (Records{{"1", "one"}}));
  EXPECT_EQ(Parse("key,value").records, Records{});
  EXPECT_EQ(Parse("key,value").wrong, "");
}

TEST(Csv, SkipsAMarkAndEmptyLines) {
  EXPECT_EQ(Parse("\xef\xbb\xbfkey,value\n\n1,one\n\r\n2,\"\n\n\"\n\n").records,
            (Records{{"1", "one"}, {"2", "\n\n"}}));
  EXPECT_NE(Parse("\xef\xbbkey,value\n1,one\n").wrong, "") << "half a mark";
  EXPECT_EQ(Parse("key,value\n\xef\xbb\xbf,x\n").records, (Records{{"\xef\xbb\xbf", "x"}}));
}

TEST(Csv, SaysWhatIsWrongAndWhere) {
  const std::string head = "key,value\n";
  EXPECT_EQ(Parse("").wrong, "1:1: the header key,value is missing");
  EXPECT_EQ(Parse("1,one\n").wrong, "1:1: the header is 1,one; it must be key,value");
  EXPECT_EQ(Parse("value,key\n").wrong, "1:1: the header is value,key; it must be key,value");
  EXPECT_EQ(Parse(head + "1,one\n2\n").wrong,
            "3:2: the record has one field; it must be key,value");
  EXPECT_EQ(Parse(head + "1,a,b\n").wrong,
            "2:4: a third field begins after this comma; a record is key,value");
  EXPECT_EQ(Parse(head + "1,a\"b\n").wrong,
            "2:4: a quote in a field that does not begin with one; quote it all");
  EXPECT_EQ(Parse(head + "1,\"a\"b\n").wrong,
            "2:6: after a closing quote there must be a comma or the end of the line");
  EXPECT_EQ(Parse(head + "1,\"a\nb\n2,c\n").wrong,
            "2:3: the quote that opens here is never closed");
  EXPECT_EQ(Parse(head + "1,a\rb\n").wrong, "2:5: a carriage return without a line feed");
  EXPECT_EQ(Parse(head + "1,a\r").wrong, "2:5: a carriage return without a line feed");
  EXPECT_EQ(Parse(head + "Zürich,a\"\n").wrong.substr(0, 4), "2:9:") << "characters, not bytes";
  EXPECT_EQ(Parse(head + "1,\"a\nb\"\n3,\"x\"y\n").wrong.substr(0, 4), "4:6:") << "lines in quotes";
}

TEST(Csv, LimitsAreToldBeforeTheMemoryIsFull) {
  const std::string head = "key,value\n";
  EXPECT_EQ(Parse(head + std::string(kKeyBytesMax, 'k') + ",v\n").wrong, "");
  EXPECT_EQ(Parse(head + std::string(kKeyBytesMax + 1, 'k') + ",v\n").wrong,
            "2:65536: the key is too long; at most 65535 bytes are possible");
}

// A field as a careful writer would write it.
std::string Field(const std::string& bytes, bool quoted) {
  if (!quoted && bytes.find_first_of(",\"\r\n") == std::string::npos) return bytes;
  std::string out = "\"";
  for (const char c : bytes) out += c == '"' ? "\"\""s : std::string(1, c);
  return out + "\"";
}

TEST(Csv, AnyBytesComeBackInPiecesOfAnySize) {
  support::SeededRandom random(31);
  const std::string alphabet = "a,\"\r\n\xc3\xbc 0";
  for (int round = 0; round < 300; ++round) {
    std::string text = "key,value\n";
    Records want;
    for (std::uint64_t i = 0; i < 1 + random.Below(5); ++i) {
      std::string fields[2];
      for (std::string& field : fields) {
        for (std::uint64_t n = random.Below(8); n > 0; --n) {
          field.push_back(alphabet[random.Below(alphabet.size())]);
        }
      }
      text += Field(fields[0], random.Below(2) == 0) + "," +
              Field(fields[1], random.Below(2) == 0) + (random.Below(2) == 0 ? "\n" : "\r\n");
      want.emplace_back(fields[0], fields[1]);
    }
    for (const std::size_t piece : {std::size_t{1}, 1 + random.Below(9), std::size_t{1000}}) {
      const Parsed parsed = Parse(text, piece);
      ASSERT_EQ(parsed.wrong, "") << text;
      ASSERT_EQ(parsed.records, want) << text;
    }
  }
}

TEST(Csv, PiecesNeverChangeTheVerdict) {
  support::SeededRandom random(32);
  const std::string alphabet = "k,\"\r\n\xef\xbb\xbf";
  for (int round = 0; round < 3000; ++round) {
    std::string text = round % 2 == 0 ? "key,value\n" : "";
    for (std::uint64_t n = random.Below(20); n > 0; --n) {
      text.push_back(alphabet[random.Below(alphabet.size())]);
    }
    const Parsed whole = Parse(text), bytes = Parse(text, 1);
    ASSERT_EQ(whole.records, bytes.records) << text;
    ASSERT_EQ(whole.wrong, bytes.wrong) << text;
  }
}

std::string Sosd(std::uint64_t count, const std::vector<std::uint64_t>& keys) {
  std::string bytes(reinterpret_cast<const char*>(&count), sizeof(count));
  for (const std::uint64_t key : keys) {
    bytes.append(reinterpret_cast<const char*>(&key), sizeof(key));
  }
  return bytes;
}

// The keys of `bytes`, or what is wrong.
std::pair<std::vector<std::uint64_t>, std::string> ParseSosd(std::string_view bytes,
                                                             std::size_t piece) {
  SosdParser parser;
  std::vector<std::uint64_t> keys;
  SosdParser::Step step = SosdParser::Step::kMore;
  for (std::size_t at = 0; at < bytes.size() && step != SosdParser::Step::kWrong;) {
    std::size_t used = 0;
    step = parser.Feed(bytes.substr(at, piece), &used);
    at += used;
    if (step != SosdParser::Step::kKey) continue;
    EXPECT_EQ(parser.position(), keys.size());
    keys.push_back(parser.key());
  }
  if (step != SosdParser::Step::kWrong) step = parser.Finish();
  return {keys, step == SosdParser::Step::kWrong ? parser.error() : ""};
}

TEST(Sosd, ReadsACountAndSoManyKeys) {
  const std::vector<std::uint64_t> keys{5, 0, ~std::uint64_t{0}, 5, 1ull << 40};
  for (const std::size_t piece : {1, 3, 8, 1000}) {
    const auto [read, wrong] = ParseSosd(Sosd(keys.size(), keys), piece);
    EXPECT_EQ(read, keys);
    EXPECT_EQ(wrong, "");
    EXPECT_EQ(ParseSosd(Sosd(0, {}), piece).second, "");
  }
}

TEST(Sosd, SaysWhatIsWrong) {
  for (const std::size_t piece : {1, 3, 8, 1000}) {
    EXPECT_EQ(ParseSosd("", piece).second,
              "the file ends within its first 8 bytes, the count of its keys");
    EXPECT_EQ(ParseSosd("1234567", piece).second,
              "the file ends within its first 8 bytes, the count of its keys");
    EXPECT_EQ(ParseSosd(Sosd(3, {1, 2}), piece).second,
              "the file begins with the count 3, but ends after 2 keys");
    EXPECT_EQ(ParseSosd(Sosd(2, {1, 2}).substr(0, 20), piece).second,
              "the file begins with the count 2, but ends after 1 keys");
    EXPECT_EQ(ParseSosd(Sosd(1, {1, 2}), piece).second,
              "the file begins with the count 1, but there is more after so many keys");
    EXPECT_EQ(ParseSosd(Sosd(1, {1}) + "x", piece).second,
              "the file begins with the count 1, but there is more after so many keys");
  }
}

TEST(LoadCsv, TakesNumbersAndText) {
  TempDir dir;
  WriteFile(dir / "rows.csv", "key,value\r\n42,answer\r\n0x2b,\"two\nlines\"\r\n");
  EXPECT_EQ(Ctl({"load", dir / "db", dir / "rows.csv", "--create"}).out, "loaded 2 rows\n");
  EXPECT_EQ(Ctl({"dump", dir / "db"}).out,
            "{\"key\":42,\"value\":\"answer\"}\n{\"key\":43,\"value\":\"two\\nlines\"}\n");
  ASSERT_EQ(Ctl({"load", dir / "db", dir / "rows.csv", "--create", "--keyspace", "text", "--keys",
                 "bytes"})
                .exit,
            kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "42", "--keyspace", "text", "--json"}).out,
            "{\"key\":\"42\",\"value\":\"answer\"}\n");
  ASSERT_EQ(Ctl({"load", dir / "db", "-", "--format", "csv", "--create", "--keyspace", "words"},
                "key,value\nZürich,47.4\n")
                .exit,
            kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "Zürich", "--keyspace", "words"}).out, "47.4");
}

TEST(LoadCsv, AWrongRowIsNamedWithLineAndColumn) {
  TempDir dir;
  WriteFile(dir / "rows.csv", "key,value\n1,one\nforty,two\n");
  const Answer key = Ctl({"load", dir / "db", dir / "rows.csv", "--create"});
  EXPECT_EQ(key.exit, kExitUsage);
  EXPECT_EQ(key.err.find("kyroctl: line 3, column 1: \"forty\" is no u64 key: give a whole"), 0u)
      << key.err;
  EXPECT_TRUE(key.err.ends_with("; 1 rows before it are loaded\n")) << key.err;
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, "one");
  const Answer quote =
      Ctl({"load", dir / "none", "-", "--create", "--format", "csv"}, "key,value\n1,\"x\"y\n");
  EXPECT_EQ(quote.err,
            "kyroctl: line 2, column 6: after a closing quote there must be a comma or the end of "
            "the line; 0 rows before it are loaded\n");
  EXPECT_FALSE(std::filesystem::exists(dir / "none"));
}

TEST(LoadSosd, ValuesArePositions) {
  TempDir dir;
  WriteFile(dir / "keys.sosd", Sosd(3, {30, 10, 20}));
  EXPECT_EQ(Ctl({"load", dir / "db", dir / "keys.sosd", "--create"}).out, "loaded 3 rows\n");
  EXPECT_EQ(Ctl({"get", dir / "db", "30"}).out, "\0\0\0\0\0\0\0\0"s);
  EXPECT_EQ(Ctl({"get", dir / "db", "20"}).out, "\2\0\0\0\0\0\0\0"s);
  EXPECT_EQ(Ctl({"count", dir / "db"}).out, "3\n");
}

TEST(LoadBulk, LoadsAllRowsAsOneCommitOrNone) {
  TempDir dir;
  const Answer loaded = Ctl({"load", dir / "db", "-", "--create", "--bulk"}, NumberRows(3000));
  EXPECT_EQ(loaded.exit, kExitOk) << loaded.err;
  EXPECT_EQ(loaded.out, "loaded 3000 rows\n");
  ASSERT_EQ(Ctl({"load", dir / "same", "-", "--create"}, NumberRows(3000)).exit, kExitOk);
  EXPECT_EQ(Ctl({"diff", dir / "db", dir / "same"}).exit, kExitOk);
  const Answer falling = Ctl({"load", dir / "db", "-", "--format", "csv", "--bulk"},
                             "key,value\n5000,new\n4000,new\n");
  EXPECT_EQ(falling.exit, kExitUsage);
  EXPECT_EQ(falling.err.find("kyroctl: line 3, column 1: "), 0u) << falling.err;
  EXPECT_TRUE(
      falling.err.ends_with("; sort the rows, or load them without --bulk; nothing is loaded\n"))
      << falling.err;
  const Answer wrong =
      Ctl({"load", dir / "db", "-", "--format", "csv", "--bulk"}, "key,value\n5000,new\nx,y\n");
  EXPECT_TRUE(wrong.err.ends_with("; nothing is loaded\n")) << wrong.err;
  EXPECT_EQ(Ctl({"count", dir / "db"}).out, "3000\n");
}

TEST(LoadSosd, WrongFilesAndKeyspacesAreRefused) {
  TempDir dir;
  WriteFile(dir / "short", Sosd(5, {1, 2}));
  const Answer torn = Ctl({"load", dir / "db", dir / "short", "--create", "--format", "sosd"});
  EXPECT_EQ(torn.exit, kExitUsage);
  EXPECT_EQ(torn.err,
            "kyroctl: key 3: the file begins with the count 5, but ends after 2 keys; 2 rows "
            "before it are loaded\n");
  WriteFile(dir / "keys.sosd", Sosd(1, {7}));
  ASSERT_EQ(Ctl({"create", dir / "words", "--keys", "bytes"}).exit, kExitOk);
  for (const Answer& kind :
       {Ctl({"load", dir / "new", dir / "keys.sosd", "--create", "--keys", "bytes"}),
        Ctl({"load", dir / "words", dir / "keys.sosd"})}) {
    EXPECT_EQ(kind.exit, kExitUsage);
    EXPECT_EQ(kind.err, "kyroctl: SOSD keys are numbers: load them into a keyspace of u64 keys\n");
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "new"));
}

}  // namespace
}  // namespace kyro::kyroctl
