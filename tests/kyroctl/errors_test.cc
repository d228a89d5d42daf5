// SPDX-License-Identifier: Apache-2.0
//
// Errors are one line that says what to do, with the exit code that docs/kyroctl.md promises; what
// is listed fits in 80 columns.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "kyro/db.h"
#include "kyroctl/command_tree.h"
#include "kyroctl/ctl.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {
namespace {

// One of each thing that a command can meet, in the working directory of `dir`.
struct World {
  World() {
    Make("good", NumberRows(100));
    EXPECT_EQ(Ctl({"load", dir / "good", "-", "--create", "--keyspace", "words"},
                  "{\"key\":\"a\",\"value\":\"1\"}\n")
                  .exit,
              kExitOk);
    Make("damaged", NumberRows(100));
    EXPECT_EQ(
        Shell("printf damage | dd of=damaged/MANIFEST bs=1 seek=60 conv=notrunc", dir.path()).exit,
        0);
    Make("locked", NumberRows(1));
    WriteFile(dir / "file", "no database");
    WriteFile(dir / "rows.ndjson", NumberRows(1));
    WriteFile(dir / "bad.ndjson", "{\"key\":1}\n");
    WriteFile(dir / "bad.csv", "a,b\n");
    WriteFile(dir / "bad.sosd", "short");
    WriteFile(dir / "falling.csv", "key,value\n2,two\n1,one\n");
    std::filesystem::create_directory(dir / "empty");
  }
  void Make(const std::string& name, const std::string& rows) const {
    EXPECT_EQ(Ctl({"load", dir / name, "-", "--create"}, rows).exit, kExitOk);
  }

  TempDir dir;
};

void ExpectOneLine(const std::vector<std::string>& args, const Answer& answer, int exit) {
  std::string line = "kyroctl";
  for (const std::string& arg : args) line += " " + arg;
  EXPECT_EQ(answer.exit, exit) << line << "\n" << answer.err;
  EXPECT_EQ(answer.out, "") << line;
  EXPECT_EQ(answer.err.find("kyroctl: "), 0u) << line << "\n" << answer.err;
  EXPECT_EQ(answer.err.find('\n'), answer.err.size() - 1) << line << "\n" << answer.err;
  // Says more than that something failed: a name, a number, a hint.
  EXPECT_GE(answer.err.size(), 25u) << answer.err;
}

// The verb with something for each of its arguments, the database being `db`.
std::vector<std::string> LineFor(const Verb& verb, const World& world, const std::string& db) {
  std::vector<std::string> args{verb.name};
  for (const Argument& argument : verb.arguments) {
    if (argument.name.starts_with("DB")) {
      args.push_back(world.dir / db);
    } else if (argument.name == "FILE") {
      args.push_back(world.dir / "rows.ndjson");
    } else if (argument.name == "KEY") {
      args.push_back("1");
    } else if (argument.required) {
      args.push_back("x");
    }
  }
  for (const Option& option : verb.options) {
    if (option.name == "--yes") args.push_back(option.name);
    if (option.name == "--out") args.insert(args.end(), {option.name, world.dir / "new"});
    if (option.completes == Completes::kFile) args.insert(args.end(), {option.name, "-"});
  }
  return args;
}

// Not of a database.
bool TakesDatabase(const Verb& verb) {
  return !verb.arguments.empty() && verb.arguments[0].name.starts_with("DB");
}

TEST(Errors, OfEveryVerbOnEveryKindOfBadDatabase) {
  const World world;
  auto holder = Db::Open(world.dir / "locked");
  ASSERT_TRUE(holder.ok());
  struct Case {
    const char* db;
    int exit;
  };
  for (const Verb& verb : Verbs()) {
    if (!TakesDatabase(verb)) continue;
    for (const Case& bad : {Case{"damaged", kExitDamage}, Case{"locked", kExitLocked},
                            Case{"file", kExitUsage}, Case{"file/below", kExitUsage},
                            Case{"empty", kExitFailure}, Case{"none", kExitFailure}}) {
      // create makes a database in a directory that is empty or not there.
      if (verb.name == "create" && bad.exit == kExitFailure) continue;
      // repair is for these.
      if (verb.name == "repair" && bad.exit == kExitDamage) continue;
      const auto args = LineFor(verb, world, bad.db);
      ExpectOneLine(args, Ctl(args), bad.exit);
    }
  }
  EXPECT_FALSE(std::filesystem::exists(world.dir / "none"));
}

TEST(Errors, OfEveryVerbOnAMissingArgumentAndOneTooMany) {
  const World world;
  for (const Verb& verb : Verbs()) {
    auto args = LineFor(verb, world, "good");
    args.insert(args.end(), {"too", "many"});
    ExpectOneLine(args, Ctl(args), kExitUsage);
    if (!verb.arguments.empty() && verb.arguments[0].required) {
      ExpectOneLine({verb.name}, Ctl({verb.name}), kExitUsage);
    }
    ExpectOneLine({verb.name, "--nosuch"}, Ctl({verb.name, "--nosuch"}), kExitUsage);
    for (const Option& option : verb.options) {
      if (option.is_flag()) continue;
      const std::vector<std::string> bare{verb.name, option.name};
      ExpectOneLine(bare, Ctl(bare), kExitUsage);
      if (option.choices.empty() && option.value != "N") continue;
      auto wrong = LineFor(verb, world, "good");
      wrong.insert(wrong.end(), {option.name, "wrong"});
      ExpectOneLine(wrong, Ctl(wrong), kExitUsage);
    }
  }
}

TEST(Errors, OfInputsAndKeyspaces) {
  const World world;
  struct Case {
    std::vector<std::string> args;
    int exit;
  };
  const std::string good = world.dir / "good", none = world.dir / "none";
  for (const Case& wrong : std::vector<Case>{
           {{}, kExitUsage},
           {{"nosuch"}, kExitUsage},
           {{"get", good, "forty"}, kExitUsage},
           {{"get", good, "1", "--hex"}, kExitUsage},
           {{"get", good, "a", "--keyspace", "words", "--hex"}, kExitUsage},
           {{"get", good, "1000"}, kExitNo},
           {{"get", good, "1", "--keyspace", "nosuch"}, kExitFailure},
           {{"count", good, "--prefix", "1"}, kExitUsage},
           {{"count", good, "--from", "x"}, kExitUsage},
           {{"delete", good, "1000"}, kExitNo},
           {{"create", good}, kExitNo},
           {{"create", good, "--keyspace", ""}, kExitUsage},
           {{"create", good, "--keyspace", std::string(256, 'n')}, kExitUsage},
           {{"load", good, world.dir / "bad.ndjson"}, kExitUsage},
           {{"load", good, world.dir / "bad.csv"}, kExitUsage},
           {{"load", good, world.dir / "bad.sosd"}, kExitUsage},
           {{"load", good, world.dir / "nosuch"}, kExitFailure},
           {{"load", good, world.dir / "empty"}, kExitFailure},
           {{"load", good, world.dir / "rows.ndjson", "--keyspace", "words"}, kExitUsage},
           {{"load", good, world.dir / "rows.ndjson", "--create", "--keys", "bytes"}, kExitUsage},
           {{"load", none, world.dir / "rows.ndjson"}, kExitFailure},
           {{"put", good, std::string(70000, 'k'), "v", "--keyspace", "words"}, kExitUsage},
           {{"diff", good, none}, kExitFailure},
           {{"diff", good, good, "--keyspace", "nosuch"}, kExitFailure},
           {{"drop", good, "words"}, kExitUsage},
           {{"drop", good, "nosuch", "--yes"}, kExitFailure},
           {{"checkpoint", good, world.dir / "empty"}, kExitNo},
           {{"checkpoint", good, world.dir / "none/below"}, kExitUsage},
           {{"snapshot", good, world.dir / "empty"}, kExitNo},
           {{"load", good, world.dir / "falling.csv", "--bulk"}, kExitUsage},
           {{"bench", none}, kExitFailure},
           {{"--print-completion", "csh"}, kExitUsage},
       }) {
    const Answer answer = Ctl(wrong.args);
    ExpectOneLine(wrong.args, answer, wrong.exit);
    // The same in JSON.
    if (wrong.args.empty()) continue;
    auto args = wrong.args;
    args.insert(args.begin(), "--json");
    const Answer json = Ctl(args);
    EXPECT_EQ(json.exit, wrong.exit) << json.err;
    EXPECT_EQ(Json::parse(json.err)["error"].size(), 4u) << json.err;
  }
  EXPECT_FALSE(std::filesystem::exists(none));
}

TEST(Listings, FitInEightyColumnsHoweverLongTheNames) {
  TempDir dir;
  const std::string db = dir / std::string(120, 'd');
  const std::string name(255, 'n'), key(1000, 'k');
  for (const std::string& at : {db, dir / "other"}) {
    ASSERT_EQ(Ctl({"load", at, "-", "--create"}, NumberRows(2000, 1ull << 50)).exit, kExitOk);
    ASSERT_EQ(Ctl({"create", at, "--keyspace", name, "--keys", "bytes"}).exit, kExitOk);
    ASSERT_EQ(Ctl({"put", at, key, at, "--keyspace", name}).exit, kExitOk);
    ASSERT_EQ(Ctl({"snapshot", at}).exit, kExitOk);
    ASSERT_EQ(Ctl({"put", at, "1", std::string(400, 'v')}).exit, kExitOk);
    WriteFile(at + "/" + std::string(200, 'x'), "unknown");
  }
  for (const std::vector<std::string>& args : std::vector<std::vector<std::string>>{
           {"inspect", db},
           {"keyspaces", db},
           {"verify", db},
           {"explain", db, "1"},
           {"explain", db, key, "--keyspace", name},
           {"diff", db, dir / "other"},
           {"scan", db, "--limit", "10"},
           {"scan", db, "--keyspace", name},
           {"count", db},
           {"bench", dir.path(), "--rows", "1000"},
           {"snapshot", db, dir / std::string(100, 's')},
           {"checkpoint", db, dir / std::string(100, 'c')},
           {"rebuild", db},
           {"repair", db, "--out", dir / std::string(100, 'r')},
       }) {
    const Answer answer = Ctl(args, "", {.out = true});
    EXPECT_LE(answer.exit, kExitNo) << args[0] << answer.err;
    EXPECT_FALSE(answer.out.empty()) << args[0];
    std::string shown;  // a tab goes to the next stop
    for (const char c : answer.out) {
      const std::size_t column = shown.size() - (shown.rfind('\n') + 1);
      c == '\t' ? void(shown.append(8 - column % 8, ' ')) : shown.push_back(c);
    }
    EXPECT_LE(WidestLine(shown), 80u) << args[0] << "\n" << answer.out;
  }
  const std::string json = Ctl({"keyspaces", db, "--json"}).out;
  EXPECT_NE(json.find(name), std::string::npos) << "JSON has the whole name";
}

}  // namespace
}  // namespace kyro::kyroctl
