// SPDX-License-Identifier: Apache-2.0
//
// explain: what kyroctl says of a lookup is what get answers, in both forms.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

using Json = nlohmann::json;

Json Explained(const std::string& db, const std::vector<std::string>& more) {
  std::vector<std::string> args = {"explain", db};
  args.insert(args.end(), more.begin(), more.end());
  args.emplace_back("--json");
  const Answer answer = Ctl(args);
  EXPECT_EQ(answer.exit, 0) << answer.err;
  return Json::parse(answer.out, nullptr, false);
}

void ExpectNarrow(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(Explain, SaysWhatGetSays) {
  TempDir dir;
  const std::string db = dir / "db";
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(3000, 10)).exit, 0);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  ASSERT_EQ(Ctl({"put", db, "15", "new"}).exit, 0);
  ASSERT_EQ(Ctl({"delete", db, "20"}).exit, 0);
  for (int key = 0; key < 30'020; key += 5) {
    if (key > 100 && key < 29'900 && key % 1015 != 0) continue;
    const Answer got = Ctl({"get", db, std::to_string(key)});
    const Json told = Explained(db, {std::to_string(key)});
    EXPECT_EQ(told["key"], key);
    if (got.exit == 0) {
      EXPECT_EQ(told["found"], "value") << key;
      EXPECT_EQ(told["value_bytes"], got.out.size()) << key;
    } else {
      EXPECT_EQ(told["found"], key == 20 ? "tombstone" : "absent") << key;
    }
    const Json& run = told["runs"][0];
    if (key == 15 || key == 20) {
      EXPECT_FALSE(run["reached"]);
      continue;
    }
    if (key > 29'990) continue;
    EXPECT_EQ(run["segment"]["lower_bound"], (key + 9) / 10);
    EXPECT_LE(run["segment"]["model"]["bound"][0], (key + 9) / 10);
    EXPECT_GE(run["segment"]["model"]["bound"][1], (key + 9) / 10);
  }
}

TEST(Explain, FitsInEightyColumns) {
  TempDir dir;
  const std::string db = dir / "db";
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(3000, 1'000'000'007)).exit, 0);
  for (const char* const key : {"0", "1000000007", "18446744073709551615"}) {
    ExpectNarrow(Ctl({"explain", db, key}).out);
  }
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  for (const char* const key : {"0", "1000000007", "500", "18446744073709551615"}) {
    const Answer answer = Ctl({"explain", db, key});
    EXPECT_EQ(answer.exit, 0);
    ExpectNarrow(answer.out);
  }
  const Answer answer = Ctl({"explain", db, "1000000007"});
  for (const char* const line : {"predicted   position 1, ", "lower bound 1, proved by ",
                                 "found       2 bytes at offset ", "answer      a value of 2"}) {
    EXPECT_NE(answer.out.find(line), std::string::npos) << line << "\n" << answer.out;
  }
}

TEST(Explain, KnowsByteStringKeys) {
  TempDir dir;
  const std::string db = dir / "db";
  std::string rows;
  for (int i = 100; i < 400; ++i) {
    rows += "{\"key\":\"k" + std::to_string(i) + "\",\"value\":\"v\"}\n";
  }
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, rows).exit, 0);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  const Json told = Explained(db, {"k142"});
  EXPECT_EQ(told["found"], "value");
  EXPECT_EQ(told["runs"][0]["segment"]["lower_bound"], 42);
  EXPECT_TRUE(told["runs"][0]["segment"]["model"].is_null());
  EXPECT_GE(told["runs"][0]["segment"]["search"]["fingerprint_hits"], 1);
  EXPECT_EQ(Explained(db, {"--hex", "6b31"})["found"], "absent");
  const std::string wide(300, 'x');
  ExpectNarrow(Ctl({"explain", db, wide}).out);
  ExpectNarrow(Ctl({"explain", db, "k142"}).out);
}

TEST(Explain, ReportsDamageAsGetDoes) {
  TempDir dir;
  const std::string db = dir / "db";
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(3000)).exit, 0);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, 0);
  for (const auto& [name, bytes] : FilesOf(db)) {
    if (!name.ends_with(".keys")) continue;
    std::string damaged = bytes;
    damaged[4096 + 800 * 8] = static_cast<char>(damaged[4096 + 800 * 8] ^ 1);
    WriteFile(db + "/" + name, damaged);
  }
  const Answer get = Ctl({"get", db, "800"});
  const Answer explain = Ctl({"explain", db, "800"});
  EXPECT_EQ(get.exit, 3);
  EXPECT_EQ(explain.exit, 3);
  EXPECT_EQ(explain.err, get.err);
  EXPECT_NE(explain.out.find("found       damage"), std::string::npos) << explain.out;
}

TEST(Explain, RefusesWhatGetRefuses) {
  TempDir dir;
  const std::string db = dir / "db";
  EXPECT_EQ(Ctl({"explain", db, "1"}).exit, 5);
  ASSERT_EQ(Ctl({"create", db}).exit, 0);
  EXPECT_EQ(Ctl({"explain", db, "x"}).exit, 2);
  EXPECT_EQ(Ctl({"explain", db, "1", "--keyspace", "no"}).exit, 5);
  const Answer answer = Ctl({"explain", db, "1"});
  EXPECT_EQ(answer.exit, 0);
  EXPECT_NE(answer.out.find("answer      the key is absent"), std::string::npos);
}

}  // namespace
}  // namespace kyro::kyroctl
