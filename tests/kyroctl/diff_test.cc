// SPDX-License-Identifier: Apache-2.0
//
// diff and bench.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "kyroctl/bench_data.h"
#include "kyroctl/ctl.h"
#include "kyroctl/output.h"
#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

using Map = std::map<std::uint64_t, std::string>;

std::string RowsOf(const Map& map) {
  std::string rows;
  for (const auto& [key, value] : map) {
    rows += "{\"key\":" + std::to_string(key) + ",\"value\":\"" + value + "\"}\n";
  }
  return rows;
}

void Make(const std::string& db, const std::string& rows, const std::string& keyspace = "default") {
  ASSERT_EQ(Ctl({"load", db, "-", "--create", "--keyspace", keyspace}, rows).exit, kExitOk);
}

TEST(Diff, EqualDatabasesAreEqualHoweverTheyAreStored) {
  TempDir dir;
  Make(dir / "a", NumberRows(3000));
  Make(dir / "b", NumberRows(3000));
  ASSERT_EQ(Ctl({"snapshot", dir / "b"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "b", "7000", "x"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"delete", dir / "b", "7000"}).exit, kExitOk);
  const Answer people = Ctl({"diff", dir / "a", dir / "b"});
  EXPECT_EQ(people.exit, kExitOk) << people.err;
  EXPECT_EQ(people.out, "equal: 3,000 rows\n");
  EXPECT_EQ(Ctl({"diff", dir / "a", dir / "b", "--json"}).out,
            "{\"equal\":true,\"only_in_first\":0,\"only_in_second\":0,\"differing\":0,"
            "\"same\":3000}\n");
  EXPECT_EQ(Ctl({"diff", dir / "a", dir / "a"}).exit, kExitOk) << "with itself";
}

TEST(Diff, ShowsRowsOfOneSideAndOtherValues) {
  TempDir dir;
  Make(dir / "a", RowsOf({{1, "one"}, {2, "two"}, {3, "three"}, {9, "nine"}}));
  Make(dir / "b", RowsOf({{2, "two"}, {3, "drei"}, {4, "four"}}));
  const Answer people = Ctl({"diff", dir / "a", dir / "b"});
  EXPECT_EQ(people.exit, kExitNo);
  EXPECT_EQ(people.err, "");
  EXPECT_EQ(people.out,
            "KEYSPACE \"default\"\n- 1\tone\n- 3\tthree\n+ 3\tdrei\n+ 4\tfour\n- 9\tnine\n"
            "2 rows only in the first, 1 only in the second, 1 with other values, 1 the same\n");
  EXPECT_EQ(Ctl({"diff", dir / "a", dir / "b", "--json"}).out,
            "{\"keyspace\":\"default\",\"key\":1,\"first\":\"one\",\"second\":null}\n"
            "{\"keyspace\":\"default\",\"key\":3,\"first\":\"three\",\"second\":\"drei\"}\n"
            "{\"keyspace\":\"default\",\"key\":4,\"first\":null,\"second\":\"four\"}\n"
            "{\"keyspace\":\"default\",\"key\":9,\"first\":\"nine\",\"second\":null}\n"
            "{\"equal\":false,\"only_in_first\":2,\"only_in_second\":1,\"differing\":1,"
            "\"same\":1}\n");
  EXPECT_EQ(Ctl({"diff", dir / "a", dir / "b", "--limit", "0"}).out,
            "2 rows only in the first, 1 only in the second, 1 with other values, 1 the same\n");
}

TEST(Diff, KeyspacesThatOneLacksAndOtherKindsDiffer) {
  TempDir dir;
  Make(dir / "a", RowsOf({{1, "one"}}));
  Make(dir / "b", RowsOf({{1, "one"}}));
  ASSERT_EQ(Ctl({"create", dir / "a", "--keyspace", "empty"}).exit, kExitOk);
  const Answer lacks = Ctl({"diff", dir / "a", dir / "b"});
  EXPECT_EQ(lacks.exit, kExitNo);
  EXPECT_EQ(lacks.out.find("KEYSPACE \"empty\"\n! the second database lacks this keyspace\n"), 0u);
  EXPECT_EQ(Ctl({"diff", dir / "a", dir / "b", "--keyspace", "default"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"create", dir / "b", "--keyspace", "empty", "--keys", "bytes"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"diff", dir / "a", dir / "b"})
                .out.find("KEYSPACE \"empty\"\n! the first has u64 keys here, the second bytes "),
            0u);
  const Answer none = Ctl({"diff", dir / "a", dir / "b", "--keyspace", "none"});
  EXPECT_EQ(none.exit, kExitFailure);
  EXPECT_EQ(none.out, "");
}

TEST(Diff, CountsWhatTwoMapsSay) {
  support::SeededRandom random(41);
  TempDir dir;
  Map maps[2];
  const char* const names[] = {"a", "b"};
  for (int side = 0; side < 2; ++side) {
    for (int i = 0; i < 2000; ++i) {
      maps[side][random.Below(3000)] = std::to_string(random.Below(3));
    }
    Make(dir / names[side], RowsOf(maps[side]));
    EXPECT_EQ(Ctl({side == 0 ? "snapshot" : "verify", dir / names[side]}).exit, kExitOk);
  }
  std::uint64_t first = 0, second = 0, differing = 0, same = 0;
  for (std::uint64_t key = 0; key < 3000; ++key) {
    const auto a = maps[0].find(key), b = maps[1].find(key);
    const bool in_a = a != maps[0].end(), in_b = b != maps[1].end();
    first += in_a && !in_b;
    second += in_b && !in_a;
    differing += in_a && in_b && a->second != b->second;
    same += in_a && in_b && a->second == b->second;
  }
  const std::string out = Ctl({"diff", dir / "a", dir / "b", "--json", "--limit", "0"}).out;
  EXPECT_EQ(Json::parse(out), (Json{{"equal", false},
                                    {"only_in_first", first},
                                    {"only_in_second", second},
                                    {"differing", differing},
                                    {"same", same}}));
}

TEST(Bench, KeysAreDistinctAndValuesTellTheirKeys) {
  std::map<std::uint64_t, std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    ASSERT_TRUE(seen.emplace(BenchKey(i), i).second) << i;
    const BenchValue value(BenchKey(i));
    ASSERT_TRUE(value.Is(value.bytes()));
    ASSERT_FALSE(value.Is(BenchValue(BenchKey(i + 1)).bytes()));
    ASSERT_FALSE(value.Is(value.bytes().substr(1)));
  }
}

TEST(Bench, MeasuresEverythingAndLeavesNothing) {
  TempDir dir;
  WriteFile(dir / "mine", "stays");
  const Answer people = Ctl({"bench", dir.path(), "--rows", "1000"});
  ASSERT_EQ(people.exit, kExitOk) << people.err;
  EXPECT_LE(WidestLine(people.out), 80u) << people.out;
  EXPECT_NE(people.out.find("no comparison"), std::string::npos);
  const Answer json = Ctl({"bench", dir.path(), "--rows", "1000", "--json"});
  ASSERT_EQ(json.exit, kExitOk) << json.err;
  const auto object = Json::parse(json.out);
  EXPECT_EQ(object["rows"], 1000);
  for (const char* name : {"put_sync_p50", "put_sync_p99", "load", "fold", "get_hit", "get_miss",
                           "scan", "file_bytes_per_row"}) {
    EXPECT_GT(object[name]["least"], 0) << name;
    EXPECT_GE(object[name]["median"], object[name]["least"]) << name;
    EXPECT_GE(object[name]["most"], object[name]["median"]) << name;
  }
  EXPECT_EQ(FilesOf(dir.path()), (std::map<std::string, std::string>{{"mine", "stays"}}));
}

TEST(Bench, ADirectoryThatIsNotThereIsAnError) {
  const Answer answer = Ctl({"bench", "/nonexistent"});
  EXPECT_EQ(answer.exit, kExitFailure);
  EXPECT_EQ(answer.err,
            "kyroctl: no directory can be made in /nonexistent: No such file or directory; check "
            "the disk and the permissions, then try again\n");
}

}  // namespace
}  // namespace kyro::kyroctl
