// SPDX-License-Identifier: Apache-2.0
//
// stats: every field, in three forms.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "kyro/db.h"
#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

class StatsVerbTest : public testing::Test {
 protected:
  StatsVerbTest() : db_(dir_ / "db") {
    EXPECT_EQ(Ctl({"load", db_, "-", "--create", "--keyspace", "a \"b\""}, NumberRows(1000)).exit,
              kExitOk);
    EXPECT_EQ(Ctl({"snapshot", db_}).exit, kExitOk);
  }
  TempDir dir_;
  const std::string db_;
};

TEST_F(StatsVerbTest, JsonIsTheLibrarys) {
  const Answer answer = Ctl({"stats", db_, "--json"});
  ASSERT_EQ(answer.exit, kExitOk) << answer.err;
  const auto json = nlohmann::json::parse(answer.out);
  const auto all = nlohmann::json::parse(ToJson(Stats()));
  for (const auto& [name, value] : all.items()) EXPECT_TRUE(json.contains(name)) << name;
  ASSERT_EQ(json["keyspaces"].size(), 1u);
  EXPECT_EQ(json["keyspaces"][0]["name"], "a \"b\"");
  EXPECT_EQ(json["keyspaces"][0]["entries"], 1000);
  EXPECT_EQ(std::count(answer.out.begin(), answer.out.end(), '\n'), 1);
}

TEST_F(StatsVerbTest, OpenMetricsIsTheLibrarys) {
  const Answer answer = Ctl({"stats", db_, "--openmetrics"});
  ASSERT_EQ(answer.exit, kExitOk) << answer.err;
  EXPECT_NE(answer.out.find("\nkyro_keyspace_entries{keyspace=\"a \\\"b\\\"\",id=\"1\"} 1000\n"),
            std::string::npos)
      << answer.out;
  EXPECT_TRUE(answer.out.ends_with("\n# EOF\n"));
}

TEST_F(StatsVerbTest, PeopleSeeEveryFieldIn80Columns) {
  const Answer answer = Ctl({"stats", db_});
  ASSERT_EQ(answer.exit, kExitOk) << answer.err;
  const auto json = nlohmann::json::parse(ToJson(Stats()));
  for (const auto& [name, value] : json.items()) {
    if (name == "keyspaces") continue;
    EXPECT_NE(("\n" + answer.out).find("\n" + name + " "), std::string::npos) << name;
  }
  EXPECT_NE(answer.out.find("\nkeyspace                   a \"b\"\n"), std::string::npos);
  EXPECT_NE(answer.out.find("\nentries                    1,000\n"), std::string::npos);
  std::istringstream lines(answer.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST_F(StatsVerbTest, TwoFormsAtOnceAreRefused) {
  const Answer answer = Ctl({"stats", db_, "--json", "--openmetrics"});
  EXPECT_EQ(answer.exit, kExitUsage);
  EXPECT_NE(answer.err.find("not both"), std::string::npos) << answer.err;
}

TEST_F(StatsVerbTest, ChangesNoFile) {
  const auto before = FilesOf(db_);
  EXPECT_EQ(Ctl({"stats", db_}).exit, kExitOk);
  EXPECT_EQ(FilesOf(db_), before);
}

}  // namespace
}  // namespace kyro::kyroctl
