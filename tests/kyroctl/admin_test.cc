// SPDX-License-Identifier: Apache-2.0
//
// inspect, snapshot, rebuild, verify, and what all commands share: usage, locks, help.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kyro/db.h"
#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

using namespace std::string_literals;

// Segments with a model, and a log.
void MakeDatabase(const std::string& db) {
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(1000, 3)).exit, kExitOk);
  ASSERT_EQ(Ctl({"load", db, "-", "--create", "--keyspace", "words"},
                "{\"key\":\"a\",\"value\":\"1\"}\n{\"key_b64\":\"/w==\",\"value\":\"2\"}\n")
                .exit,
            kExitOk);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", db, "1", "in the log"}).exit, kExitOk);
}

std::uint64_t BytesOf(const std::string& db) {
  std::uint64_t bytes = 0;
  for (const auto& [name, content] : FilesOf(db)) bytes += content.size();
  return bytes;
}

TEST(Verify, ChecksEveryByteOfEveryFile) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const Answer people = Ctl({"verify", dir / "db"});
  EXPECT_EQ(people.exit, kExitOk) << people.err;
  EXPECT_EQ(people.out, "sound: " + std::to_string(FilesOf(dir / "db").size()) + " files, " +
                            std::to_string(BytesOf(dir / "db")) + " bytes checked\n");
  const auto json = nlohmann::json::parse(Ctl({"verify", dir / "db", "--json"}).out);
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["bytes_checked"], BytesOf(dir / "db"));
  EXPECT_EQ(json["files"], FilesOf(dir / "db").size());
}

TEST(Verify, NamesFilesThatItDoesNotKnow) {
  TempDir dir;
  MakeDatabase(dir / "db");
  WriteFile(dir / "db/notes.txt", "mine");
  const Answer people = Ctl({"verify", dir / "db"});
  EXPECT_EQ(people.exit, kExitOk) << people.err;
  EXPECT_NE(people.out.find("not checked, no file of this database: notes.txt\n"),
            std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(Ctl({"verify", dir / "db", "--json"}).out)["ignored"],
            nlohmann::json::array({"notes.txt"}));
}

TEST(Snapshot, FoldsAndKeepsEveryRow) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const std::string before = Ctl({"dump", dir / "db"}).out;
  const Answer folded = Ctl({"--json", "snapshot", dir / "db"});
  ASSERT_EQ(folded.exit, kExitOk) << folded.err;
  EXPECT_EQ(nlohmann::json::parse(folded.out)["segments"], 2);
  EXPECT_EQ(Ctl({"dump", dir / "db"}).out, before);
  const auto inspection = nlohmann::json::parse(Ctl({"inspect", dir / "db", "--json"}).out);
  for (const auto& keyspace : inspection["keyspaces"]) {
    EXPECT_EQ(keyspace["runs"].size(), 1u);
    EXPECT_EQ(keyspace["delta_keys"], 0);
    EXPECT_EQ(keyspace["tombstones"], 0);
  }
}

TEST(Checkpoint, IsADatabaseWithTheSameRows) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const Answer people = Ctl({"checkpoint", dir / "db", dir / "copy"});
  ASSERT_EQ(people.exit, kExitOk) << people.err;
  EXPECT_EQ(people.out.find("copied up to sequence "), 0u) << people.out;
  EXPECT_EQ(Ctl({"diff", dir / "db", dir / "copy"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"verify", dir / "copy"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "copy", "1", "apart"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, "in the log");
  const auto again = Ctl({"checkpoint", dir / "db", dir / "copy"});
  EXPECT_EQ(again.exit, kExitNo);
  EXPECT_EQ(Ctl({"get", dir / "copy", "1"}).out, "apart");
}

TEST(Snapshot, WithADirectoryFoldsAndCopies) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const Answer answer = Ctl({"snapshot", dir / "db", dir / "copy", "--json"});
  ASSERT_EQ(answer.exit, kExitOk) << answer.err;
  const auto json = nlohmann::json::parse(answer.out);
  EXPECT_EQ(json["segments"], 2);
  EXPECT_EQ(json["checkpoint"], dir / "copy");
  EXPECT_EQ(Ctl({"diff", dir / "db", dir / "copy"}).exit, kExitOk);
  const auto inspection = nlohmann::json::parse(Ctl({"inspect", dir / "copy", "--json"}).out);
  for (const auto& keyspace : inspection["keyspaces"]) EXPECT_EQ(keyspace["runs"].size(), 1u);
}

TEST(Drop, DeletesTheKeyspaceThatIsNamedAndNoOther) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const std::string rows = Ctl({"dump", dir / "db"}).out;
  EXPECT_EQ(Ctl({"drop", dir / "db", "words"}).exit, kExitUsage) << "without --yes";
  EXPECT_EQ(Ctl({"count", dir / "db", "--keyspace", "words"}).out, "2\n");
  const Answer dropped = Ctl({"drop", dir / "db", "words", "--yes", "--keyspace", "default"});
  EXPECT_EQ(dropped.exit, kExitOk) << dropped.err;
  EXPECT_EQ(dropped.out, "dropped keyspace \"words\"\n");
  EXPECT_EQ(Ctl({"count", dir / "db", "--keyspace", "words"}).exit, kExitFailure);
  EXPECT_EQ(Ctl({"dump", dir / "db"}).out, rows);
}

TEST(Rebuild, TrainsModelsAnewAndKeepsEveryRow) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const std::string before = Ctl({"dump", dir / "db"}).out;
  const auto rmi = [&] {
    const auto json = nlohmann::json::parse(Ctl({"inspect", dir / "db", "--json"}).out);
    return json["keyspaces"][0]["runs"][0]["segments"][0]["rmi"]["number"].get<std::uint64_t>();
  };
  const std::uint64_t old = rmi();
  const Answer rebuilt = Ctl({"rebuild", dir / "db"});
  ASSERT_EQ(rebuilt.exit, kExitOk) << rebuilt.err;
  EXPECT_GT(rmi(), old);
  EXPECT_EQ(Ctl({"dump", dir / "db"}).out, before);
  EXPECT_EQ(Ctl({"verify", dir / "db"}).exit, kExitOk);
}

TEST(Inspect, JsonHasFilesKeyspacesSegmentsModelsLogAndCounters) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const Answer answer = Ctl({"inspect", dir / "db", "--json"});
  ASSERT_EQ(answer.exit, kExitOk) << answer.err;
  EXPECT_EQ(std::count(answer.out.begin(), answer.out.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(answer.out);
  EXPECT_EQ(json["db"], dir / "db");
  EXPECT_EQ(json["uuid"].get<std::string>().size(), 32u);
  EXPECT_EQ(json["clean"], true);
  EXPECT_EQ(json["files"].size(), FilesOf(dir / "db").size() + 1);  // and LOCK
  ASSERT_EQ(json["keyspaces"].size(), 2u);
  const auto& keyspace = json["keyspaces"][0];
  EXPECT_EQ(keyspace["name"], "default");
  EXPECT_EQ(keyspace["keys"], "u64");
  EXPECT_EQ(keyspace["delta_keys"], 1);
  const auto& segment = keyspace["runs"][0]["segments"][0];
  EXPECT_EQ(segment["entries"], 1000);
  EXPECT_EQ(segment["first_key"], 0);
  EXPECT_EQ(segment["last_key"], 2997);
  EXPECT_EQ(segment["model"]["damaged"], false);
  EXPECT_FALSE(segment["model"]["structure"].get<std::string>().empty());
  EXPECT_FALSE(segment["model"]["why"].get<std::string>().empty());
  EXPECT_GE(segment["model"]["window"]["max"], segment["model"]["window"]["p50"]);
  const auto& words = json["keyspaces"][1];
  EXPECT_EQ(words["keys"], "bytes");
  EXPECT_EQ(words["runs"][0]["segments"][0]["first_key"], "a");
  EXPECT_EQ(words["runs"][0]["segments"][0]["last_key_b64"], "/w==");
  EXPECT_TRUE(words["runs"][0]["segments"][0]["rmi"].is_null());
  EXPECT_EQ(json["stats"]["index"]["model_fallbacks"], 0);
  EXPECT_EQ(json["stats"]["commit"]["stall"], "read_only");
  EXPECT_TRUE(json["stats"]["upkeep"]["background_error"].is_null());
}

TEST(Inspect, TextFitsInEightyColumns) {
  TempDir dir;
  const std::string deep = dir / std::string(100, 'd');
  std::filesystem::create_directory(deep);
  MakeDatabase(deep + "/db");
  ASSERT_EQ(Ctl({"create", deep + "/db", "--keyspace", std::string(255, 'k')}).exit, kExitOk);
  WriteFile(deep + "/db/" + std::string(200, 'x'), "unknown");
  const Answer answer = Ctl({"inspect", deep + "/db"});
  ASSERT_EQ(answer.exit, kExitOk) << answer.err;
  EXPECT_LE(WidestLine(answer.out), 80u) << answer.out;
  for (const char* word : {"database", "uuid", "manifest", "FILE", "MANIFEST", "KEYSPACE",
                           "segment", "model", "why", "windows", "fallbacks"}) {
    EXPECT_NE(answer.out.find(word), std::string::npos) << word;
  }
}

TEST(Locked, ExitsFour) {
  TempDir dir;
  MakeDatabase(dir / "db");
  auto writer = Db::Open(dir / "db");
  ASSERT_TRUE(writer.ok());
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"get", dir / "db", "1"},
                                             {"put", dir / "db", "1", "x"},
                                             {"delete", dir / "db", "1"},
                                             {"scan", dir / "db"},
                                             {"dump", dir / "db"},
                                             {"load", dir / "db", "-"},
                                             {"inspect", dir / "db"},
                                             {"snapshot", dir / "db"},
                                             {"rebuild", dir / "db"},
                                             {"verify", dir / "db"},
                                             {"create", dir / "db"}}) {
    const Answer answer = Ctl(args);
    EXPECT_EQ(answer.exit, kExitLocked) << args[0];
    EXPECT_EQ(answer.out, "") << args[0];
    EXPECT_NE(answer.err.find("end the process that has it open, or try again later\n"),
              std::string::npos)
        << answer.err;
  }
  EXPECT_NE(Ctl({"get", dir / "db", "1", "--json"}).err.find("{\"error\":{\"code\":\"kLocked\""),
            std::string::npos);
}

TEST(Locked, ReadersShareAndKeepWritersOut) {
  TempDir dir;
  MakeDatabase(dir / "db");
  auto reader = Db::Open(dir / "db", {.create_if_missing = false, .read_only = true});
  ASSERT_TRUE(reader.ok()) << reader.status().ToString();
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"verify", dir / "db"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"put", dir / "db", "1", "x"}).exit, kExitLocked);
}

TEST(Usage, ExitsTwoWithOneLine) {
  TempDir dir;
  MakeDatabase(dir / "db");
  const std::string db = dir / "db";
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{},
                                             {"nosuch", db},
                                             {"get"},
                                             {"get", db},
                                             {"get", db, "1", "2"},
                                             {"put", db, "1"},
                                             {"get", db, "1", "--nosuch"},
                                             {"get", db, "1", "--keyspace"},
                                             {"scan", db, "--limit", "-1"},
                                             {"scan", db, "--limit", "x"},
                                             {"scan", db, "--from", "x"},
                                             {"scan", db, "--hex", "--from", "1"},
                                             {"load", db, "-", "--batch", "0"},
                                             {"load", db, "-", "--batch", "1000001"},
                                             {"create", dir / "new", "--keys", "text"},
                                             {"get", db, "get", "1"},
                                             {"inspect", db, "verify", db}}) {
    const Answer answer = Ctl(args);
    std::string line = "kyroctl";
    for (const std::string& arg : args) line += " " + arg;
    EXPECT_EQ(answer.exit, kExitUsage) << line << "\n" << answer.err;
    EXPECT_EQ(answer.out, "") << line;
    EXPECT_EQ(answer.err.find("kyroctl: "), 0u) << line;
    EXPECT_EQ(answer.err.find('\n'), answer.err.size() - 1) << line << "\n" << answer.err;
  }
  EXPECT_FALSE(std::filesystem::exists(dir / "new"));
}

TEST(Usage, ErrorsAreJsonIfAskedFor) {
  const Answer answer = Ctl({"get", "--json"});
  EXPECT_EQ(answer.exit, kExitUsage);
  const auto error = nlohmann::json::parse(answer.err)["error"];
  EXPECT_EQ(error["code"], "kInvalidArgument");
  EXPECT_TRUE(error["file"].is_null());
  EXPECT_TRUE(error["offset"].is_null());
  EXPECT_NE(error["message"].get<std::string>().find("kyroctl get --help"), std::string::npos);
}

}  // namespace
}  // namespace kyro::kyroctl
