// SPDX-License-Identifier: Apache-2.0
//
// create, put, delete, and the get that shows what they did.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "kyro/db.h"
#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

using namespace std::string_literals;

TEST(Create, MakesADatabaseWithOneKeyspace) {
  TempDir dir;
  const Answer made = Ctl({"create", dir / "db"});
  EXPECT_EQ(made.exit, kExitOk);
  EXPECT_EQ(made.out, "created keyspace \"default\" with u64 keys in " + dir / "db" + "\n");
  EXPECT_EQ(made.err, "");
  EXPECT_EQ(Ctl({"create", dir / "json", "--json", "--keys", "bytes", "--keyspace", "k"}).out,
            "{\"db\":\"" + dir / "json" + "\",\"keyspace\":\"k\",\"keys\":\"bytes\"}\n");
}

TEST(Create, AnExistingKeyspaceIsANoAndChangesNothing) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  const auto before = FilesOf(dir / "db");
  const Answer again = Ctl({"create", dir / "db", "--keys", "bytes"});
  EXPECT_EQ(again.exit, kExitNo);
  EXPECT_EQ(again.out, "");
  EXPECT_EQ(again.err, "kyroctl: keyspace \"default\" exists already in " + dir / "db" + "\n");
  EXPECT_EQ(FilesOf(dir / "db"), before);
}

TEST(Create, AddsAKeyspaceToADatabase) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"create", dir / "db", "--keyspace", "words", "--keys", "bytes"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "in default"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"--keyspace", "words", "put", dir / "db", "1", "in words"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, "in default");
  EXPECT_EQ(Ctl({"get", dir / "db", "1", "--keyspace", "words"}).out, "in words");
  EXPECT_EQ(Ctl({"get", "--keyspace", "words", dir / "db", "1"}).out, "in words");
}

TEST(Create, ABadKeyspaceNameMakesNoDatabase) {
  TempDir dir;
  for (const std::string& name : {""s, std::string(256, 'n')}) {
    EXPECT_EQ(Ctl({"create", dir / "db", "--keyspace", name}).exit, kExitUsage);
    EXPECT_EQ(Ctl({"load", dir / "db", "-", "--create", "--keyspace", name}).exit, kExitUsage);
    EXPECT_FALSE(std::filesystem::exists(dir / "db"));
  }
  EXPECT_EQ(Ctl({"create", dir / "db", "--keyspace", std::string(255, 'n')}).exit, kExitOk);
}

TEST(Put, ValuesAreTakenAsTheyAre) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  for (const std::string& value : {""s, "x"s, "[1,2]"s, "[]"s, "{\"a\":1}"s, "a b"s, "\"q\""s,
                                   "%1"s, "a=b"s, "a,b"s, "é\xff"s, "get"s, "@f"s}) {
    const Answer put = Ctl({"put", dir / "db", "1", value});
    ASSERT_EQ(put.exit, kExitOk) << value << put.err;
    EXPECT_EQ(put.out, "");
    EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, value);
  }
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "--", "--json"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, "--json");
  ASSERT_EQ(Ctl({"put", dir / "db", "--", "2", "-v"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "2"}).out, "-v");
}

TEST(Put, ADashReadsAnyBytesFromStandardInput) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes.push_back(static_cast<char>(i * 7));
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "-"}, bytes).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, bytes);
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "-"}, "").exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, "");
}

TEST(Put, AValueBeyondTheLimitIsRefused) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  const Answer put = Ctl({"put", dir / "db", "1", "-"}, std::string(kValueBytesMax + 1, 'x'));
  EXPECT_EQ(put.exit, kExitUsage);
  EXPECT_EQ(put.err, "kyroctl: the value is too long; at most 67108864 bytes are possible\n");
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).exit, kExitNo);
}

TEST(Put, U64KeysAreDecimalOrHexAndExact) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "db", "0", "zero"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "db", "18446744073709551615", "last"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "0x0"}).out, "zero");
  EXPECT_EQ(Ctl({"get", dir / "db", "0xFFFFFFFFFFFFFFFF"}).out, "last");
  for (const char* key : {"-1", "1.5", "18446744073709551616", "abc", "", " 1", "1e3"}) {
    const Answer wrong = Ctl({"get", dir / "db", key});
    EXPECT_EQ(wrong.exit, kExitUsage) << key;
    EXPECT_NE(wrong.err.find("is no u64 key"), std::string::npos) << key << wrong.err;
  }
  EXPECT_EQ(Ctl({"get", dir / "db", "2a", "--hex"}).exit, kExitUsage);
}

TEST(Put, BytesKeysAreAsTypedOrHex) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db", "--keys", "bytes"}).exit, kExitOk);
  for (const std::string& key : {""s, "get"s, "42"s, "[1]"s, "ключ"s, "a b"s}) {
    ASSERT_EQ(Ctl({"put", dir / "db", key, "v:" + key}).exit, kExitOk) << key;
  }
  for (const std::string& key : {""s, "get"s, "42"s, "[1]"s, "ключ"s, "a b"s}) {
    EXPECT_EQ(Ctl({"get", dir / "db", key}).out, "v:" + key);
  }
  EXPECT_EQ(Ctl({"get", dir / "db", "3432", "--hex"}).out, "v:42");
  ASSERT_EQ(Ctl({"put", dir / "db", "--hex", "00ff", "raw"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "00FF", "--hex", "--json"}).out,
            "{\"key_b64\":\"AP8=\",\"value\":\"raw\"}\n");
  EXPECT_EQ(Ctl({"get", dir / "db", "xyz", "--hex"}).exit, kExitUsage);
  EXPECT_EQ(Ctl({"get", dir / "db", std::string(65536, 'k')}).exit, kExitUsage);
}

TEST(Put, SaysItsSequenceInJson) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  const std::string first = Ctl({"--json", "put", dir / "db", "18446744073709551615", "x"}).out;
  EXPECT_EQ(first.find("{\"key\":18446744073709551615,\"sequence\":"), 0u) << first;
}

TEST(Put, NeverMakesADatabaseOrAKeyspace) {
  TempDir dir;
  for (const char* verb :
       {"put", "get", "delete", "scan", "dump", "inspect", "snapshot", "rebuild", "verify"}) {
    std::vector<std::string> args{verb, dir / "none"};
    if (verb == "put"s || verb == "get"s || verb == "delete"s) args.push_back("1");
    if (verb == "put"s) args.push_back("x");
    const Answer answer = Ctl(args);
    EXPECT_EQ(answer.exit, kExitFailure) << verb;
    EXPECT_EQ(answer.err, "kyroctl: there is no database at " + dir / "none" +
                              "; make one with kyroctl create or load --create\n");
    EXPECT_FALSE(std::filesystem::exists(dir / "none")) << verb;
  }
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  const auto before = FilesOf(dir / "db");
  const Answer get = Ctl({"get", dir / "db", "1", "--keyspace", "other"});
  EXPECT_EQ(get.exit, kExitFailure);
  EXPECT_EQ(get.err,
            "kyroctl: there is no keyspace \"other\" (there is \"default\"); make it with kyroctl "
            "create\n");
  EXPECT_EQ(FilesOf(dir / "db"), before);
  EXPECT_EQ(Ctl({"put", dir / "db", "1", "x", "--keyspace", "other"}).exit, kExitFailure);
}

TEST(Get, EndsWithANewlineOnATerminalOnly) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "value"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).out, "value");
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}, "", {.out = true}).out, "value\n");
}

TEST(Get, AnAbsentKeyIsANo) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  const Answer people = Ctl({"get", dir / "db", "7"});
  EXPECT_EQ(people.exit, kExitNo);
  EXPECT_EQ(people.out, "");
  EXPECT_EQ(people.err, "kyroctl: key 7 is absent\n");
  const Answer json = Ctl({"get", dir / "db", "7", "--json"});
  EXPECT_EQ(json.exit, kExitNo);
  EXPECT_EQ(json.out, "");
  EXPECT_EQ(json.err,
            "{\"error\":{\"code\":\"kNotFound\",\"file\":null,\"offset\":null,"
            "\"message\":\"key 7 is absent\"}}\n");
}

TEST(Delete, RemovesARowAndSaysIfThereWasNone) {
  TempDir dir;
  ASSERT_EQ(Ctl({"create", dir / "db"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", dir / "db", "1", "x"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"delete", dir / "db", "1"}).exit, kExitOk);
  EXPECT_EQ(Ctl({"get", dir / "db", "1"}).exit, kExitNo);
  EXPECT_EQ(Ctl({"delete", dir / "db", "1"}).exit, kExitNo);
}

}  // namespace
}  // namespace kyro::kyroctl
