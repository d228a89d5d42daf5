// SPDX-License-Identifier: Apache-2.0
//
// Every byte of every file of a closed database, flipped: it is found and the file is named, and no
// answer is wrong meanwhile (G7, G9).
#include <gtest/gtest.h>

#include <cstdio>

#include "db/model.h"
#include "support/sanitized.h"

namespace kyro::db {
namespace {

using support::TestEnv;

// Both kinds, runs with and without tombstones, and a log that Close keeps.
State MakeDatabase(TestEnv* world) {
  State state(FourSpaces().size());
  Options options;
  options.wal_file_bytes = 4096;
  auto db = OpenFour(options, world->env());
  EXPECT_TRUE(db.ok()) << db.status().ToString();
  const auto write = [&](const Batch& batch) {
    const auto sequence = (*db)->Write(batch);
    EXPECT_TRUE(sequence.ok()) << sequence.status().ToString();
    Apply(batch, &state);
  };
  for (std::uint64_t i = 0; i < 20; ++i) {
    write({{0, true, U64Key(i * i * 1000), "n" + std::to_string(i)},
           {1, true, "word" + std::to_string(i), std::string(i % 5, 'w')}});
  }
  EXPECT_TRUE((*db)->db.Fold().ok());
  // A second run over the first, small enough not to be merged, with tombstones.
  write({{0, false, U64Key(4000), ""}, {1, false, "word3", ""}, {1, true, "new", "x"}});
  EXPECT_TRUE(Door::Flush((*db)->db).ok());
  write({{0, true, U64Key(~std::uint64_t{0}), "top"}, {2, true, U64Key(0), "zero"}});
  write({{1, true, "", "empty key"}, {3, false, "absent", ""}});
  EXPECT_TRUE((*db)->db.Close().ok());
  return state;
}

struct Outcome {
  Status found;  // by Open, a read, or Verify
  bool opened = false;
};

// Up to the damage nothing is wrong, and nothing is left out.
void CheckScan(const Rows& rows, const Status& scanned, const Map& want) {
  EXPECT_TRUE(scanned.ok() || scanned.code() == StatusCode::kDataLoss) << scanned.ToString();
  auto at = want.begin();
  for (const auto& [key, value] : rows) {
    EXPECT_TRUE(at != want.end() && at->first == key && at->second == value);
    if (at != want.end()) ++at;
  }
  if (scanned.ok()) {
    EXPECT_EQ(at, want.end());
  }
}

// Reads everything in every way; answers are right or kDataLoss.
Outcome OpenReadVerify(TestEnv* world, const State& want) {
  Options options;
  options.read_only = true;
  auto db = Door::Open("/db", options, world->env());
  if (!db.ok()) return {db.status(), false};
  for (std::size_t i = 0; i < want.size(); ++i) {
    auto space = OpenSpace(&*db, FourSpaces()[i].name, FourSpaces()[i].kind);
    EXPECT_TRUE(space.ok()) << space.status().ToString();
    if (!space.ok()) return {space.status(), true};
    const auto check = [&](const std::string& key) {
      std::string value;
      const Status status = (*space)->Get(key, &value);
      if (status.code() == StatusCode::kDataLoss) return;
      const auto it = want[i].find(key);
      EXPECT_EQ(status.code(), it != want[i].end() ? StatusCode::kOk : StatusCode::kNotFound);
      if (status.ok()) {
        EXPECT_EQ(value, it->second);
      }
    };
    for (const auto& [key, value] : want[i]) {
      check(key);
      check(FourSpaces()[i].kind == KeyKind::kU64 ? U64Key(U64Of(key) + 1) : key + "a");
    }
    if (i == 0) check(U64Key(4000));
    if (i == 1) check("word3");
    auto view = (*space)->view();
    EXPECT_TRUE(view.ok());
    for (const bool batches : {false, true}) {
      Rows rows;
      const Status scanned =
          batches ? (*view)->ScanBatches({}, {}, &rows) : (*view)->Scan({}, {}, &rows);
      CheckScan(rows, scanned, want[i]);
    }
  }
  EXPECT_EQ(db->stats().unread_errors, 0u);
  return {db->Verify(), true};
}

TEST(DbDamage, EveryFlippedByteIsFoundAndItsFileNamed) {
  TestEnv world;
  world.fs().StopJournal();
  const State want = MakeDatabase(&world);
  const Outcome intact = OpenReadVerify(&world, want);
  ASSERT_TRUE(intact.found.ok()) << intact.found.ToString();
  std::uint64_t flips = 0, refused = 0, logs = 0, runs = 0;
  for (const std::string& name : world.fs().ListNames("/db")) {
    if (name == "LOCK") continue;
    logs += name.ends_with(".wal");
    runs += name.ends_with(".keys");
    const std::string path = "/db/" + name;
    const std::uint64_t bytes = world.fs().ReadFile(path)->size();
    for (std::uint64_t offset = 0; offset < bytes; offset += support::kSparse) {
      SCOPED_TRACE(name + " at " + std::to_string(offset));
      const auto mask = static_cast<std::uint8_t>(1u << (offset * 5 % 8));
      ASSERT_TRUE(world.fs().FlipByte(path, offset, mask).ok());
      const Outcome outcome = OpenReadVerify(&world, want);
      ASSERT_FALSE(outcome.found.ok());
      ASSERT_EQ(outcome.found.file(), name) << outcome.found.ToString();
      ASSERT_NE(outcome.found.message().find(name), std::string_view::npos);
      ASSERT_FALSE(HasFailure());
      ASSERT_TRUE(world.fs().FlipByte(path, offset, mask).ok());
      ++flips;
      refused += !outcome.opened;
    }
  }
  EXPECT_GE(logs, 1u);
  EXPECT_GE(runs, 4u);
  EXPECT_TRUE(OpenReadVerify(&world, want).found.ok());
  std::printf("%llu flips, %llu refused by Open\n", static_cast<unsigned long long>(flips),
              static_cast<unsigned long long>(refused));
}

TEST(DbDamage, VerifyReadsEveryByteOfEveryFile) {
  TestEnv world;
  world.fs().StopJournal();
  MakeDatabase(&world);
  std::uint64_t bytes = 0;
  for (const std::string& name : world.fs().ListNames("/db")) {
    if (name != "LOCK") bytes += world.fs().ReadFile("/db/" + name)->size();
  }
  Options options;
  options.read_only = true;
  auto db = Door::Open("/db", options, world.env());
  ASSERT_TRUE(db.ok());
  std::uint64_t done = 0;
  Progress progress;
  progress.on_progress = [&](std::uint64_t now, std::uint64_t) { return done = now, true; };
  EXPECT_TRUE(db->Verify(progress).ok());
  EXPECT_EQ(done, bytes);
  progress.on_progress = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_EQ(db->Verify(progress).code(), StatusCode::kCancelled);
}

TEST(DbDamage, EveryMissingOrTruncatedFileIsNamed) {
  TestEnv world;
  world.fs().StopJournal();
  const State want = MakeDatabase(&world);
  for (const std::string& name : world.fs().ListNames("/db")) {
    if (name == "LOCK") continue;
    SCOPED_TRACE(name);
    const std::string path = "/db/" + name;
    const std::string bytes = *world.fs().ReadFile(path);
    for (const std::size_t keep : {bytes.size() - 1, bytes.size() / 2, std::size_t{0}}) {
      ASSERT_TRUE(world.fs().ReplaceFile(path, bytes.substr(0, keep)).ok());
      const Outcome outcome = OpenReadVerify(&world, want);
      ASSERT_EQ(outcome.found.code(), StatusCode::kDataLoss) << outcome.found.ToString();
      EXPECT_EQ(outcome.found.file(), name);
    }
    ASSERT_TRUE(world.fs().ReplaceFile(path, bytes + '\0').ok());
    EXPECT_EQ(OpenReadVerify(&world, want).found.file(), name);
    ASSERT_TRUE((*world.fs().OpenDirectory("/db", false))->Unlink(name).ok());
    const Outcome outcome = OpenReadVerify(&world, want);
    EXPECT_EQ(outcome.found.code(), StatusCode::kDataLoss) << outcome.found.ToString();
    EXPECT_EQ(outcome.found.file(), name);
    ASSERT_TRUE(world.fs().ReplaceFile(path, bytes).ok());
  }
  EXPECT_TRUE(OpenReadVerify(&world, want).found.ok());
}

TEST(DbDamage, AFileOfAnotherDatabaseOrAnotherMomentIsNamed) {
  TestEnv world(1), other(2);
  world.fs().StopJournal();
  other.fs().StopJournal();
  const State want = MakeDatabase(&world);
  MakeDatabase(&other);
  for (const std::string& name : world.fs().ListNames("/db")) {
    if (name == "LOCK") continue;
    SCOPED_TRACE(name);
    const std::string path = "/db/" + name;
    const std::string bytes = *world.fs().ReadFile(path);
    ASSERT_TRUE(world.fs().ReplaceFile(path, *other.fs().ReadFile(path)).ok());
    const Outcome outcome = OpenReadVerify(&world, want);
    EXPECT_EQ(outcome.found.code(), StatusCode::kDataLoss) << outcome.found.ToString();
    EXPECT_FALSE(outcome.found.file().empty()) << outcome.found.ToString();
    ASSERT_TRUE(world.fs().ReplaceFile(path, bytes).ok());
  }
}

// An older manifest put back: refused by the files it names or by a log that knows of a newer one.
TEST(DbDamage, AStaleManifestIsRefused) {
  for (const bool closed : {false, true}) {
    SCOPED_TRACE(closed);
    TestEnv world;
    world.fs().StopJournal();
    auto db = OpenFour(Options(), world.env());
    ASSERT_TRUE(db.ok());
    std::vector<std::string> manifests;
    const auto keep = [&] { manifests.push_back(*world.fs().ReadFile("/db/MANIFEST")); };
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(1), "one", {}).ok());
    keep();
    ASSERT_TRUE(Door::Flush((*db)->db).ok());
    keep();
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(2), "two", {}).ok());
    ASSERT_TRUE((*db)->db.Fold().ok());
    keep();
    ASSERT_TRUE((*db)->db.OpenKeyspace<U64>("another").ok());
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(3), "three", {}).ok());
    ASSERT_TRUE(Door::WaitForUpkeep((*db)->db).ok());
    if (closed) {
      ASSERT_TRUE((*db)->db.Close().ok());
    }
    std::uint64_t stale_found = 0;
    for (const std::string& manifest : manifests) {
      auto stale = std::make_unique<TestEnv>(7, world.fs().Copy());
      ASSERT_TRUE(stale->fs().ReplaceFile("/db/MANIFEST", manifest).ok());
      auto reopened = Door::Open("/db", Options(), stale->env());
      ASSERT_FALSE(reopened.ok());
      EXPECT_EQ(reopened.status().code(), StatusCode::kDataLoss) << reopened.status().ToString();
      // The manifest itself, or what it names and is no longer there.
      EXPECT_FALSE(reopened.status().file().empty()) << reopened.status().ToString();
      stale_found +=
          reopened.status().message().find("MANIFEST is older") != std::string_view::npos;
    }
    EXPECT_GE(stale_found, 1u);
    auto missing = std::make_unique<TestEnv>(7, world.fs().Copy());
    ASSERT_TRUE((*missing->fs().OpenDirectory("/db", false))->Unlink("MANIFEST").ok());
    const auto names = missing->fs().ListNames("/db");
    auto reopened = Door::Open("/db", Options(), missing->env());
    ASSERT_FALSE(reopened.ok());
    EXPECT_EQ(reopened.status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(reopened.status().file(), "MANIFEST");
    EXPECT_EQ(missing->fs().ListNames("/db"), names);
  }
}

}  // namespace
}  // namespace kyro::db
