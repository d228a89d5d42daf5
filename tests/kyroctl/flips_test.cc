// SPDX-License-Identifier: Apache-2.0
//
// On a cleanly closed database no byte can change unnoticed: verify exits 3 and names the file.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kyroctl/ctl.h"
#include "support/seeded_random.h"

namespace kyro::kyroctl {
namespace {

// Of each file at most so many bytes are flipped: the first and last 300, and others at random.
constexpr std::size_t kFlipsPerFile = 900;
constexpr std::size_t kEnds = 300;
constexpr std::uint64_t kSeed = 20;

void MakeDatabase(const std::string& db) {
  ASSERT_EQ(Ctl({"load", db, "-", "--create"}, NumberRows(200, 1000003)).exit, kExitOk);
  ASSERT_EQ(Ctl({"load", db, "-", "--create", "--keyspace", "words"},
                "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"22\"}\n")
                .exit,
            kExitOk);
  ASSERT_EQ(Ctl({"snapshot", db}).exit, kExitOk);
  ASSERT_EQ(Ctl({"put", db, "5", "in the log"}).exit, kExitOk);
  ASSERT_EQ(Ctl({"delete", db, "1000003"}).exit, kExitOk);
}

std::vector<std::size_t> Positions(std::size_t bytes, support::SeededRandom* random) {
  std::vector<std::size_t> positions;
  if (bytes <= kFlipsPerFile) {
    for (std::size_t i = 0; i < bytes; ++i) positions.push_back(i);
    return positions;
  }
  for (std::size_t i = 0; i < kEnds; ++i) {
    positions.push_back(i);
    positions.push_back(bytes - 1 - i);
  }
  while (positions.size() < kFlipsPerFile) positions.push_back(random->Below(bytes));
  return positions;
}

// Turns the byte at `position` into another one and back while it lives.
class Flip {
 public:
  Flip(const std::string& path, std::size_t position, char from, char to)
      : path_(path), position_(position), from_(from) {
    Write(to);
  }
  ~Flip() { Write(from_); }
  Flip(const Flip&) = delete;
  Flip& operator=(const Flip&) = delete;

 private:
  void Write(char byte) {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(position_));
    file.put(byte);
    ASSERT_TRUE(file.good());
  }
  const std::string path_;
  const std::size_t position_;
  const char from_;
};

TEST(Verify, NoFlippedByteGoesUnnoticed) {
  TempDir dir;
  const std::string db = dir / "db";
  MakeDatabase(db);
  ASSERT_EQ(Ctl({"verify", db}).exit, kExitOk);
  SCOPED_TRACE(fmt::format("seed {}", kSeed));
  support::SeededRandom random(kSeed);
  const auto files = FilesOf(db);
  EXPECT_GE(files.size(), 7u);  // manifest, log, keys and data of two segments, a model
  int flips = 0;
  for (const auto& [name, content] : files) {
    for (const std::size_t position : Positions(content.size(), &random)) {
      const char old = content[position];
      const char mask = static_cast<char>(1 << random.Below(8));
      const Flip flip(db + "/" + name, position, old, static_cast<char>(old ^ mask));
      const Answer answer = Ctl({"--json", "verify", db});
      ASSERT_EQ(answer.exit, kExitDamage)
          << name << " at " << position << ": " << answer.out << answer.err;
      const auto error = nlohmann::json::parse(answer.err)["error"];
      ASSERT_EQ(error["file"], name) << "at " << position << ": " << answer.err;
      ASSERT_TRUE(error["offset"].is_number()) << name << " at " << position << ": " << answer.err;
      ++flips;
    }
  }
  EXPECT_GE(flips, 4000);
  EXPECT_EQ(Ctl({"verify", db}).exit, kExitOk);
}

TEST(Verify, EveryMissingFileIsNamed) {
  TempDir dir;
  const std::string db = dir / "db";
  MakeDatabase(db);
  for (const auto& [name, content] : FilesOf(db)) {
    std::filesystem::remove(db + "/" + name);
    const Answer answer = Ctl({"--json", "verify", db});
    EXPECT_EQ(answer.exit, kExitDamage) << name << answer.err;
    EXPECT_EQ(nlohmann::json::parse(answer.err)["error"]["file"], name) << answer.err;
    WriteFile(db + "/" + name, content);
  }
  EXPECT_EQ(Ctl({"verify", db}).exit, kExitOk);
}

TEST(Verify, EveryShortenedOrLengthenedFileIsNamed) {
  TempDir dir;
  const std::string db = dir / "db";
  MakeDatabase(db);
  for (const auto& [name, content] : FilesOf(db)) {
    for (const std::string& wrong :
         {content.substr(0, content.size() - 1), content.substr(0, content.size() / 2),
          std::string(), content + '\1', content + std::string(4096, '\1')}) {
      WriteFile(db + "/" + name, wrong);
      const Answer answer = Ctl({"--json", "verify", db});
      EXPECT_EQ(answer.exit, kExitDamage)
          << name << " with " << wrong.size() << " of " << content.size() << " bytes" << answer.err;
      if (answer.exit == kExitDamage) {
        EXPECT_EQ(nlohmann::json::parse(answer.err)["error"]["file"], name) << answer.err;
      }
    }
    WriteFile(db + "/" + name, content);
  }
  EXPECT_EQ(Ctl({"verify", db}).exit, kExitOk);
}

}  // namespace
}  // namespace kyro::kyroctl
