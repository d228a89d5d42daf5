// SPDX-License-Identifier: Apache-2.0
//
// scan and dump, load, and that reading changes no file.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kyro/db.h"
#include "kyroctl/ctl.h"
#include "kyroctl/rows.h"
#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

using namespace std::string_literals;

// The keys of a scan's lines for people.
std::string KeysOf(const Answer& answer) {
  EXPECT_EQ(answer.exit, kExitOk) << answer.err;
  std::string keys;
  std::istringstream lines(answer.out);
  for (std::string line; std::getline(lines, line);) {
    keys += (keys.empty() ? "" : " ") + line.substr(0, line.find('\t'));
  }
  return keys;
}

// 0 10 20 30 40, some of it folded, some in the log, one deleted.
void MakeTens(const std::string& db) {
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(5, 10)).exit, kExitOk);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", db, "50", "gone"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"delete", db, "50"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", db, "20", "tab\there"}).exit, kExitOk);
}

TEST(Scan, PrintsKeyTabValue) {
  TempDir dir;
  MakeTens(dir / "db");
  EXPECT_EQ(Ctl({"scan", dir / "db"}).out, "0\tv0\n10\tv1\n20\ttab\\there\n30\tv3\n40\tv4\n");
  EXPECT_EQ(Ctl({"scan", dir / "db", "--json", "--from", "20", "--limit", "1"}).out,
            "{\"key\":20,\"value\":\"tab\\there\"}\n");
}

TEST(Scan, FitsALineOfATerminalAndIsWholeElsewhere) {
  TempDir dir;
  MakeTens(dir / "db");
  ASSERT_EQ(Ctl({"put", dir / "db", "99", std::string(500, 'v')}).exit, kExitOk);
  const std::string whole = Ctl({"scan", dir / "db", "--from", "99"}).out;
  EXPECT_EQ(whole, "99\t" + std::string(500, 'v') + "\n");
  const std::string shown = Ctl({"scan", dir / "db", "--from", "99"}, "", {.out = true}).out;
  EXPECT_EQ(shown, "99\t" + std::string(34, 'v') + "..." + std::string(35, 'v') + "\n");
  const std::string row = "{\"key\":99,\"value\":\"" + std::string(500, 'v') + "\"}\n";
  EXPECT_EQ(Ctl({"scan", dir / "db", "--from", "99", "--json"}, "", {.out = true}).out, row);
}

TEST(Scan, FromIsInclusiveAndToExclusive) {
  TempDir dir;
  MakeTens(dir / "db");
  const auto keys = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"scan", dir / "db"});
    return KeysOf(Ctl(args));
  };
  EXPECT_EQ(keys({"--from", "10"}), "10 20 30 40");
  EXPECT_EQ(keys({"--from", "11"}), "20 30 40");
  EXPECT_EQ(keys({"--to", "30"}), "0 10 20");
  EXPECT_EQ(keys({"--to", "31"}), "0 10 20 30");
  EXPECT_EQ(keys({"--from", "0xa", "--to", "0x1e"}), "10 20");
  EXPECT_EQ(keys({"--from", "30", "--to", "10"}), "");
  EXPECT_EQ(keys({"--from", "20", "--to", "20"}), "");
  EXPECT_EQ(keys({"--to", "0"}), "");
  EXPECT_EQ(keys({"--from", "18446744073709551615"}), "");
  EXPECT_EQ(keys({"--limit", "2"}), "0 10");
  EXPECT_EQ(keys({"--limit", "0"}), "");
  EXPECT_EQ(keys({"--reverse"}), "40 30 20 10 0");
  EXPECT_EQ(keys({"--reverse", "--from", "10", "--to", "40"}), "30 20 10");
  EXPECT_EQ(keys({"--reverse", "--from", "11", "--to", "39"}), "30 20");
  EXPECT_EQ(keys({"--reverse", "--limit", "2"}), "40 30");
  EXPECT_EQ(keys({"--reverse", "--to", "0"}), "");
  EXPECT_EQ(keys({"--reverse", "--from", "41"}), "");
}

TEST(Scan, BytesKeysGoInTheOrderOfTheirBytes) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db", "--keys", "bytes"}).exit, kExitOk);
  for (const char* key : {"b", "", "a", "ab", "B", "\xff"}) {
    ASSERT_EQ(Ctl({"put", dir / "db", key, "x"}).exit, kExitOk);
  }
  EXPECT_EQ(Ctl({"scan", dir / "db"}).out, "\tx\nB\tx\na\tx\nab\tx\nb\tx\n\\xff\tx\n");
  EXPECT_EQ(KeysOf(Ctl({"scan", dir / "db", "--from", "a", "--to", "b"})), "a ab");
  EXPECT_EQ(KeysOf(Ctl({"scan", dir / "db", "--from", "61", "--to", "ff", "--hex"})), "a ab b");
  EXPECT_EQ(KeysOf(Ctl({"scan", dir / "db", "--to", "b", "--reverse"})), "ab a B ");
}

TEST(Scan, PrefixLeavesTheKeysThatBeginSo) {
  TempDir dir;
  ASSERT_EQ(Ctl({"load", dir / "db", "-", "--create"},
                "{\"key\":\"\",\"value\":\"\"}\n{\"key\":\"a\",\"value\":\"\"}\n"
                "{\"key\":\"ab\",\"value\":\"\"}\n{\"key\":\"b\",\"value\":\"\"}\n"
                "{\"key_b64\":\"/w==\",\"value\":\"\"}\n{\"key_b64\":\"//8=\",\"value\":\"\"}\n")
                .exit,
            kExitOk);
  const auto keys = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"scan", dir / "db"});
    return KeysOf(Ctl(args));
  };
  EXPECT_EQ(keys({"--prefix", "a"}), "a ab");
  EXPECT_EQ(keys({"--prefix", "a", "--reverse"}), "ab a");
  EXPECT_EQ(keys({"--prefix", "ab"}), "ab");
  EXPECT_EQ(keys({"--prefix", "c"}), "");
  EXPECT_EQ(keys({"--prefix", ""}), "a ab b \\xff \\xff\\xff");
  EXPECT_EQ(keys({"--hex", "--prefix", "ff"}), "\\xff \\xff\\xff");
  EXPECT_EQ(keys({"--prefix", "a", "--from", "aa"}), "ab");
  EXPECT_EQ(keys({"--prefix", "a", "--to", "ab"}), "a");
  EXPECT_EQ(keys({"--prefix", "a", "--from", "", "--to", "z"}), "a ab");
}

TEST(Scan, U64KeysHaveNoPrefix) {
  TempDir dir;
  MakeTens(dir / "db");
  const Answer answer = Ctl({"scan", dir / "db", "--prefix", "1"});
  EXPECT_EQ(answer.exit, kExitUsage);
  EXPECT_EQ(answer.err,
            "kyroctl: --prefix is for bytes keys; give u64 keys a range with --from and --to\n");
}

TEST(Count, IsTheNumberOfRowsThatAScanPrints) {
  TempDir dir;
  MakeTens(dir / "db");
  EXPECT_EQ(Ctl({"count", dir / "db"}).out, "5\n");
  EXPECT_EQ(Ctl({"count", dir / "db", "--json"}).out, "{\"count\":5}\n");
  EXPECT_EQ(Ctl({"count", dir / "db", "--from", "10", "--to", "40"}).out, "3\n");
  EXPECT_EQ(Ctl({"count", dir / "db", "--from", "40", "--to", "10"}).out, "0\n");
}

TEST(Keyspaces, AreListedWithinEightyColumns) {
  TempDir dir;
  MakeTens(dir / "db");
  const std::string name(255, 'n');
  ASSERT_EQ(Ctl({"create", dir / "db", "--keyspace", name, "--keys", "bytes"}).exit, kExitOk);
  const Answer people = Ctl({"keyspaces", dir / "db"});
  EXPECT_EQ(people.exit, kExitOk) << people.err;
  EXPECT_LE(WidestLine(people.out), 80u) << people.out;
  EXPECT_EQ(std::count(people.out.begin(), people.out.end(), '\n'), 3) << people.out;
  EXPECT_NE(people.out.find("nnn...nnn"), std::string::npos) << people.out;
  const auto json = Json::parse(Ctl({"keyspaces", dir / "db", "--json"}).out)["keyspaces"];
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["name"], "default");
  EXPECT_EQ(json[0]["keys"], "u64");
  EXPECT_EQ(json[0]["entries"], 5);
  EXPECT_EQ(json[0]["delta_keys"], 2);  // 20 again, and the deletion of 50
  EXPECT_EQ(json[1]["name"], name);
  EXPECT_EQ(json[1]["keys"], "bytes");
}

TEST(Dump, IsNdjsonWithAndWithoutJson) {
  TempDir dir;
  MakeTens(dir / "db");
  const std::string rows = Ctl({"dump", dir / "db"}).out;
  EXPECT_EQ(rows.substr(0, rows.find('\n')), "{\"key\":0,\"value\":\"v0\"}");
  EXPECT_EQ(Ctl({"--json", "dump", dir / "db"}).out, rows);
  EXPECT_EQ(Ctl({"scan", dir / "db", "--json"}).out, rows);
}

TEST(DumpAndLoad, AreTheIdentityForU64Keys) {
  TempDir dir;
  support::SeededRandom random(3);
  std::string rows;
  for (int i = 0; i < 3000; ++i) {
    AppendRow(&rows, random.Next() >> random.Below(64), random.String(random.Below(40)));
  }
  ASSERT_EQ(Ctl({"load", dir / "a", "-", "--create"}, rows).exit, kExitOk);
  const std::string dumped = Ctl({"dump", dir / "a"}).out;
  const Answer loaded = Ctl({"load", dir / "b", "-", "--create", "--batch", "7"}, dumped);
  ASSERT_EQ(loaded.exit, kExitOk) << loaded.err;
  EXPECT_EQ(Ctl({"dump", dir / "b"}).out, dumped);
  ASSERT_EQ(
      Ctl({"load", dir / "c", "-", "--create"}, Ctl({"dump", dir / "a", "--reverse"}).out).exit,
      kExitOk);
  EXPECT_EQ(Ctl({"dump", dir / "c"}).out, dumped);
}

TEST(DumpAndLoad, AreTheIdentityForBytesKeys) {
  TempDir dir;
  support::SeededRandom random(5);
  std::string rows;
  for (int i = 0; i < 3000; ++i) {
    std::string key = random.String(random.Below(30));
    if (i % 3 == 0) {
      for (char& c : key) c &= 0x7f;
    }
    AppendRow(&rows, std::string_view(key), random.String(random.Below(60)));
  }
  ASSERT_EQ(Ctl({"load", dir / "a", "-", "--create"}, rows).exit, kExitOk);
  const Answer folded = Ctl({"snapshot", dir / "a"});
  ASSERT_EQ(folded.exit, kExitOk) << folded.err;
  const std::string dumped = Ctl({"dump", dir / "a"}).out;
  EXPECT_NE(dumped.find("\"key\":"), std::string::npos);
  EXPECT_NE(dumped.find("\"key_b64\":"), std::string::npos);
  ASSERT_EQ(Ctl({"load", dir / "b", "-", "--create"}, dumped).exit, kExitOk);
  EXPECT_EQ(Ctl({"dump", dir / "b"}).out, dumped);
}

TEST(DumpAndLoad, AnEmptyKeyspaceKeepsItsKindIfTold) {
  TempDir dir;
  ASSERT_EQ(Ctl({"load", dir / "db", "-", "--create", "--keys", "bytes"}, "").exit, kExitOk);
  EXPECT_EQ(Ctl({"dump", dir / "db"}).out, "");
  EXPECT_EQ(Ctl({"put", dir / "db", "text", "x"}).exit, kExitOk);
}

TEST(Load, TakesAnyOrderAndTheLastOfAKey) {
  TempDir dir;
  const Answer loaded = Ctl({"load", dir / "db", "-", "--create"},
                            "{\"key\":3,\"value\":\"c\"}\n{\"key\":1,\"value\":\"old\"}\n\n"
                            "{\"value\":\"a\",\"key\":1}");
  EXPECT_EQ(loaded.exit, kExitOk) << loaded.err;
  EXPECT_EQ(loaded.out, "loaded 3 rows\n");
  EXPECT_EQ(Ctl({"scan", dir / "db"}).out, "1\ta\n3\tc\n");
  EXPECT_EQ(Ctl({"load", dir / "db", "-", "--json"}, NumberRows(5)).out, "{\"loaded\":5}\n");
}

TEST(Load, ReadsAFile) {
  TempDir dir;
  WriteFile(dir / "rows", NumberRows(2500));
  EXPECT_EQ(Ctl({"load", dir / "db", dir / "rows", "--create"}).out, "loaded 2500 rows\n");
  const Answer absent = Ctl({"load", dir / "new", dir / "none", "--create"});
  EXPECT_EQ(absent.exit, kExitFailure);
  EXPECT_EQ(absent.err.find("kyroctl: " + dir / "none" + " cannot be opened: No such file"), 0u)
      << absent.err;
  EXPECT_EQ(Ctl({"load", dir / "new", dir.path(), "--create"}).exit, kExitFailure);
  EXPECT_FALSE(std::filesystem::exists(dir / "new"));
}

TEST(Load, WithoutCreateMakesNothing) {
  TempDir dir;
  EXPECT_EQ(Ctl({"load", dir / "db", "-"}, NumberRows(1)).exit, kExitFailure);
  EXPECT_FALSE(std::filesystem::exists(dir / "db"));
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"load", dir / "db", "-", "--keyspace", "k"}, NumberRows(1)).exit, kExitFailure);
  EXPECT_EQ(Ctl({"load", dir / "db", "-", "--keyspace", "k", "--create"}, NumberRows(1)).exit,
            kExitOk);
}

TEST(Load, AWrongLineIsNamedAndTheLinesBeforeAreLoaded) {
  TempDir dir;
  for (const char* batch : {"1", "3", "1000"}) {
    const std::string db = dir / ("db"s + batch);
    const Answer loaded =
        Ctl({"load", db, "-", "--create", "--batch", batch},
            NumberRows(10) + "\n{\"key\":-1,\"value\":\"x\"}\n{\"key\":99,\"value\":\"x\"}\n");
    EXPECT_EQ(loaded.exit, kExitUsage);
    EXPECT_EQ(loaded.out, "");
    EXPECT_EQ(loaded.err,
              "kyroctl: line 12: a key that is a number must be whole, from 0 to "
              "18446744073709551615; 10 rows before it are loaded\n");
    EXPECT_EQ(KeysOf(Ctl({"scan", db})), "0 1 2 3 4 5 6 7 8 9");
  }
}

TEST(Load, AWrongFirstLineMakesNoDatabase) {
  TempDir dir;
  const Answer loaded = Ctl({"load", dir / "db", "-", "--create"}, "nonsense\n");
  EXPECT_EQ(loaded.exit, kExitUsage);
  EXPECT_EQ(loaded.err.find("kyroctl: line 1: not valid JSON"), 0u) << loaded.err;
  EXPECT_FALSE(std::filesystem::exists(dir / "db"));
}

TEST(Load, KeysOfTheOtherKindAreRefused) {
  TempDir dir;
  const Answer mixed = Ctl({"load", dir / "db", "-", "--create"},
                           "{\"key\":1,\"value\":\"\"}\n{\"key\":\"a\",\"value\":\"\"}\n");
  EXPECT_EQ(mixed.exit, kExitUsage);
  EXPECT_EQ(mixed.err.find("kyroctl: line 2: the key is a string"), 0u) << mixed.err;
  const Answer kind = Ctl({"load", dir / "db", "-", "--keys", "bytes"}, "");
  EXPECT_EQ(kind.exit, kExitUsage);
  EXPECT_EQ(kind.err, "kyroctl: keyspace \"default\" has u64 keys\n");
}

TEST(Reading, ChangesNoFile) {
  TempDir dir;
  MakeTens(dir / "db");
  // The second is what a killed process leaves: never closed.
  {
    auto db = Db::Open(dir / "db");
    ASSERT_TRUE(db.ok());
    auto keyspace = db->OpenKeyspace<U64>();
    ASSERT_TRUE(keyspace.ok());
    ASSERT_TRUE(keyspace->Put(60, "not closed").ok());
    // A file that is still being made may get its name while the directory is copied: then again.
    std::error_code error;
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::filesystem::remove_all(dir / "killed");
      std::filesystem::copy(dir / "db", dir / "killed", error);
      if (!error) break;
    }
    ASSERT_FALSE(error) << error.message();
  }
  for (const std::string& db : {dir / "db", dir / "killed"}) {
    const auto before = FilesOf(db);
    for (const char* verb : {"get", "scan", "dump", "inspect", "verify"}) {
      std::vector<std::string> args{verb, db};
      if (verb == "get"s) args.push_back("60");
      const Answer answer = Ctl(args);
      EXPECT_EQ(answer.exit, kExitOk) << verb << answer.err;
      ASSERT_EQ(FilesOf(db), before) << verb;
    }
    EXPECT_EQ(Ctl({"get", db, "60"}).out, "not closed");
  }
}

}  // namespace
}  // namespace kyro::kyroctl
