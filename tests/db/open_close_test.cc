// SPDX-License-Identifier: Apache-2.0
//
// Opening and closing: locks, read-only handles, forks, processes that are killed, what is in the
// directory that kyro did not make.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "db/model.h"
#include "db/processes.h"
#include "io/env.h"
#include "support/sanitized.h"

namespace kyro::db {
namespace {

using support::CrashKind;
using support::TestEnv;

Options ReadOnly() {
  Options options;
  options.read_only = true;
  return options;
}

std::map<std::string, std::string> Contents(support::SimFs* fs) {
  std::map<std::string, std::string> contents;
  for (const std::string& name : fs->ListNames("/db")) {
    contents[name] = *fs->ReadFile("/db/" + name);
  }
  return contents;
}

// ---------------------------------------------------------------------------------- locks

TEST(DbOpen, ASecondOwnerIsLockedOut) {
  TestEnv world;
  {
    auto db = Door::Open("/db", Options(), world.env());
    ASSERT_TRUE(db.ok());
    EXPECT_EQ(Door::Open("/db", Options(), world.env()).status().code(), StatusCode::kLocked);
    EXPECT_EQ(Door::Open("/db", ReadOnly(), world.env()).status().code(), StatusCode::kLocked);
    EXPECT_TRUE(db->Close().ok());
    auto after = Door::Open("/db", Options(), world.env());  // although the handle still lives
    ASSERT_TRUE(after.ok());
  }
  auto one = Door::Open("/db", ReadOnly(), world.env());
  auto two = Door::Open("/db", ReadOnly(), world.env());
  EXPECT_TRUE(one.ok());
  EXPECT_TRUE(two.ok());
  EXPECT_EQ(Door::Open("/db", Options(), world.env()).status().code(), StatusCode::kLocked);
}

TEST(DbOpen, CreatesOnlyWhenAsked) {
  TestEnv world;
  Options options;
  options.create_if_missing = false;
  EXPECT_EQ(Door::Open("/db", options, world.env()).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Door::Open("/db", ReadOnly(), world.env()).status().code(), StatusCode::kNotFound);
  // Nor in a directory that is there: not even a LOCK.
  ASSERT_TRUE(world.fs().OpenDirectory("/db", true).ok());
  EXPECT_EQ(Door::Open("/db", options, world.env()).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Door::Open("/db", ReadOnly(), world.env()).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(world.fs().ListNames("/db").empty());
  ASSERT_TRUE(Door::Open("/db", Options(), world.env()).ok());
  EXPECT_TRUE(Door::Open("/db", options, world.env()).ok());
  options.error_if_exists = true;
  EXPECT_EQ(Door::Open("/db", options, world.env()).status().code(), StatusCode::kAlreadyExists);
}

// ---------------------------------------------------------------------------------- read-only

TEST(DbReadOnly, ReplaysAnUncleanLogInMemoryAndWritesNothing) {
  TestEnv world;
  State want(FourSpaces().size());
  Options options = TinyOptions();
  auto db = OpenFour(options, world.env());
  ASSERT_TRUE(db.ok());
  for (std::uint64_t i = 0; i < 300; ++i) {
    const Batch batch = {{0, true, U64Key(i), std::string(100, 'a')},
                         {1, i % 3 != 0, "k" + std::to_string(i / 2), "b"}};
    ASSERT_TRUE((*db)->Write(batch).ok());
    Apply(batch, &want);
  }
  auto crashed = world.Crash(CrashKind::kKill, world.fs().event_count());
  const auto before = Contents(&crashed->fs());
  {
    options.read_only = true;
    auto reader = Door::Open("/db", options, crashed->env());
    ASSERT_TRUE(reader.ok()) << reader.status().ToString();
    EXPECT_FALSE(reader->stats().was_clean);
    EXPECT_EQ(reader->stats().visible, 300u);
    EXPECT_EQ(reader->stats().stall, StallReason::kReadOnly);
    auto found = ReadAll(&*reader);
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(Difference(*found, want), "");
    EXPECT_TRUE(reader->Verify().ok());
    auto space = reader->OpenKeyspace<U64>();
    ASSERT_TRUE(space.ok());
    EXPECT_EQ(space->Put(1, "x").code(), StatusCode::kReadOnly);
    EXPECT_EQ(space->Delete(1).code(), StatusCode::kReadOnly);
    WriteBatch batch;
    batch.Put(*space, 1, "x");
    EXPECT_EQ(reader->Write(batch).status().code(), StatusCode::kReadOnly);
    EXPECT_EQ(reader->Fold().code(), StatusCode::kReadOnly);
    EXPECT_EQ(reader->RebuildIndex().code(), StatusCode::kReadOnly);
    EXPECT_EQ(reader->Sync().code(), StatusCode::kReadOnly);
    EXPECT_EQ(reader->OpenKeyspace<U64>("new").status().code(), StatusCode::kNotFound);
    EXPECT_EQ(reader->OpenKeyspace<Bytes>("default").status().code(),
              StatusCode::kKeyspaceMismatch);
    EXPECT_TRUE(reader->Close().ok());
  }
  EXPECT_EQ(Contents(&crashed->fs()), before);
  auto writer = OpenFour(TinyOptions(), crashed->env());
  ASSERT_TRUE(writer.ok());
  auto found = ReadAll(&(*writer)->db);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(Difference(*found, want), "");
}

// ---------------------------------------------------------------------------------- after Close

TEST(DbClose, EveryCallSaysClosedAndViewsStayReadable) {
  TestEnv world;
  auto db = Door::Open("/db", Options(), world.env());
  ASSERT_TRUE(db.ok());
  auto space = db->OpenKeyspace<U64>();
  ASSERT_TRUE(space.ok());
  ASSERT_TRUE(space->Put(1, "one").ok());
  ASSERT_TRUE(Door::Flush(*db).ok());
  ASSERT_TRUE(space->Put(2, "two").ok());
  auto view = space->view();
  auto point = db->read_point();
  ASSERT_TRUE(view.ok() && point.ok());
  WriteBatch batch;
  batch.Put(*space, 3, "three");
  EXPECT_TRUE(db->Close().ok());
  EXPECT_TRUE(db->Close().ok());

  std::string value = "untouched";
  EXPECT_EQ(space->Put(3, "three").code(), StatusCode::kClosed);
  EXPECT_EQ(space->Delete(3).code(), StatusCode::kClosed);
  EXPECT_EQ(space->Get(1, &value).code(), StatusCode::kClosed);
  EXPECT_EQ(value, "untouched");
  EXPECT_EQ(space->view().status().code(), StatusCode::kClosed);
  EXPECT_EQ(space->view(*point).status().code(), StatusCode::kClosed);
  EXPECT_EQ(db->Write(batch).status().code(), StatusCode::kClosed);
  EXPECT_EQ(db->Write(WriteBatch()).status().code(), StatusCode::kClosed);
  EXPECT_EQ(db->OpenKeyspace<U64>().status().code(), StatusCode::kClosed);
  EXPECT_EQ(db->ListKeyspaces().status().code(), StatusCode::kClosed);
  EXPECT_EQ(db->read_point().status().code(), StatusCode::kClosed);
  EXPECT_EQ(db->Sync().code(), StatusCode::kClosed);
  EXPECT_EQ(db->Fold().code(), StatusCode::kClosed);
  EXPECT_EQ(db->RebuildIndex().code(), StatusCode::kClosed);
  EXPECT_EQ(db->Verify().code(), StatusCode::kClosed);
  EXPECT_EQ(db->stats().stall, StallReason::kClosed);

  const auto expect_readable = [&] {
    EXPECT_EQ(view->Get(1).value(), "one");
    EXPECT_EQ(view->Get(2).value(), "two");
    EXPECT_TRUE(view->Get(3).absent());
    std::uint64_t rows = 0;
    kyro::Scan<U64> scan = view->scan();
    for (auto [key, row] : scan) rows += key > 0 && !row.empty();
    EXPECT_TRUE(scan.status().ok());
    EXPECT_EQ(rows, 2u);
  };
  expect_readable();
  // A Db over the same directory, whose upkeep deletes what the view still reads; and no Db at all.
  {
    auto next = Door::Open("/db", Options(), world.env());
    ASSERT_TRUE(next.ok());
    auto again = next->OpenKeyspace<U64>();
    ASSERT_TRUE(again.ok());
    ASSERT_TRUE(again->Delete(1).ok());
    ASSERT_TRUE(next->Fold().ok());
    expect_readable();
  }
  db = Status(StatusCode::kAborted);
  expect_readable();
}

TEST(DbClose, WhatTheDestructorClosesIsClean) {
  TestEnv world;
  {
    auto db = Door::Open("/db", Options(), world.env());
    auto space = db->OpenKeyspace<Bytes>();
    ASSERT_TRUE(space->Put("k", "v", {.durability = Durability::kOs}).ok());
  }
  // Close made it durable.
  auto after =
      world.Crash(CrashKind::kPowerCut, world.fs().event_count(), 1, support::Unsynced::kAllOld);
  auto db = Door::Open("/db", Options(), after->env());
  ASSERT_TRUE(db.ok());
  EXPECT_TRUE(db->stats().was_clean);
  auto space = db->OpenKeyspace<Bytes>();
  EXPECT_EQ(*space->Get("k"), "v");
}

// ---------------------------------------------------------------------------------- processes

TEST(DbFork, TheChildIsToldClosedAndTheParentGoesOn) {
  TemporaryDirectory directory;
  auto db = Db::Open(directory.path());
  ASSERT_TRUE(db.ok()) << db.status().ToString();
  auto space = db->OpenKeyspace<U64>();
  ASSERT_TRUE(space->Put(1, "one").ok());
  const int status = InChild([&] {
    if (space->Put(2, "child").code() != StatusCode::kClosed) return 1;
    std::string value;
    if (space->Get(1, &value).code() != StatusCode::kClosed) return 2;
    if (space->view().status().code() != StatusCode::kClosed) return 3;
    if (db->Sync().code() != StatusCode::kClosed) return 4;
    (void)db->stats();
    if (db->Close().code() != StatusCode::kClosed) return 5;
    db = Status(StatusCode::kAborted);  // the handle is destroyed
    // The directory is still the parent's.
    return Db::Open(directory.path()).status().code() == StatusCode::kLocked ? 0 : 6;
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(space->Put(3, "parent").ok());
  EXPECT_EQ(space->Get(2).status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(db->Close().ok());
}

TEST(DbFork, AChildMayOpenADatabaseOfItsOwn) {
  if (support::kThreadSanitized) GTEST_SKIP() << "its runtime starts no threads after a fork";
  TemporaryDirectory mine, childs;
  auto db = Db::Open(mine.path());
  ASSERT_TRUE(db.ok());
  const int status = InChild([&] {
    auto own = Db::Open(childs.path());
    if (!own.ok()) return 1;
    auto space = own->OpenKeyspace<U64>();
    if (!space.ok()) return 2;
    if (!space->Put(7, "seven").ok()) return 3;
    return own->Close().ok() ? 0 : 4;
  });
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  auto after = Db::Open(childs.path());
  ASSERT_TRUE(after.ok()) << after.status().ToString();
  EXPECT_EQ(*after->OpenKeyspace<U64>()->Get(7), "seven");
}

// The child writes in kSync mode and reports what was acknowledged; it is killed in the middle.
TEST(DbKill, NothingAcknowledgedIsLost) {
  TemporaryDirectory directory;
  Options options = TinyOptions();
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 3; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto db = Db::Open(directory.path(), options);
      if (!db.ok()) ::_exit(1);
      auto numbers = db->OpenKeyspace<U64>();
      auto words = db->OpenKeyspace<Bytes>("words");
      for (std::uint64_t i = acknowledged + 1;; ++i) {
        WriteBatch batch;
        batch.Put(*numbers, i, std::to_string(i));
        batch.Put(*words, "w" + std::to_string(i), std::string(50, 'w'));
        if (!db->Write(batch).ok()) ::_exit(2);
        if (::write(pipe_ends[1], &i, sizeof(i)) != sizeof(i)) ::_exit(3);
      }
    }
    ::close(pipe_ends[1]);
    std::uint64_t last = 0;
    const std::uint64_t until = acknowledged + 150 + 70 * round;
    while (last < until && ::read(pipe_ends[0], &last, sizeof(last)) == sizeof(last)) {
    }
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(pipe_ends[0], &last, sizeof(last)) == sizeof(last)) {
    }
    ::close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child exited with " << WEXITSTATUS(status);
    ASSERT_GE(last, until);

    // Read-only first: it must be there before recovery writes anything.
    for (const bool read_only : {true, false}) {
      options.read_only = read_only;
      auto db = Db::Open(directory.path(), options);
      ASSERT_TRUE(db.ok()) << db.status().ToString();
      auto numbers = db->OpenKeyspace<U64>();
      auto words = db->OpenKeyspace<Bytes>("words");
      ASSERT_TRUE(numbers.ok() && words.ok());
      for (std::uint64_t i = 1; i <= last; ++i) {
        ASSERT_EQ(*numbers->Get(i), std::to_string(i));
        ASSERT_TRUE(words->Get("w" + std::to_string(i)).ok());
      }
      // At most the one that was in flight beyond, and that one whole.
      EXPECT_EQ(numbers->Get(last + 1).ok(), words->Get("w" + std::to_string(last + 1)).ok());
      EXPECT_FALSE(numbers->Get(last + 2).ok());
      EXPECT_TRUE(db->Verify().ok());
      if (!read_only) acknowledged = db->stats().visible;
    }
  }
}

// ---------------------------------------------------------------------------------- other files

TEST(DbOpen, LeavesUnknownFilesAloneAndReportsThem) {
  TestEnv world, other(2);
  {
    auto db = OpenFour(Options(), other.env());
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(1), "x", {}).ok());
    ASSERT_TRUE((*db)->db.Fold().ok());
  }
  {
    auto db = OpenFour(Options(), world.env());
    ASSERT_TRUE((*db)->spaces[0]->Put(U64Key(1), "x", {}).ok());
    ASSERT_TRUE((*db)->db.Fold().ok());
  }
  std::string segment;  // of the other database, under a name that is free here
  for (const std::string& name : other.fs().ListNames("/db")) {
    if (name.ends_with(".keys")) segment = *other.fs().ReadFile("/db/" + name);
  }
  const std::map<std::string, std::string> unknown = {
      {"notes.txt", "mine"},   {"000777.keys", segment},   {"000778.data", "not a kyro file"},
      {"MANIFEST.bak", "old"}, {"000779.txt.tmp", "half"}, {"000780.rmi", ""}};
  for (const auto& [name, bytes] : unknown) {
    ASSERT_TRUE(world.fs().ReplaceFile("/db/" + name, bytes).ok());
  }
  std::vector<std::string> events;
  Options options;
  options.on_event = [&](const Event& event) {
    if (event.kind == Event::Kind::kUnknownFile) events.push_back(event.file);
  };
  auto db = OpenFour(options, world.env());
  ASSERT_TRUE(db.ok()) << db.status().ToString();
  EXPECT_EQ(events.size(), unknown.size());
  EXPECT_EQ((*db)->db.stats().unknown_files, events);
  for (std::uint64_t i = 0; i < 50; ++i) {
    ASSERT_TRUE((*db)->spaces[1]->Put(std::to_string(i), "more", {}).ok());
  }
  ASSERT_TRUE((*db)->db.Fold().ok());
  ASSERT_TRUE((*db)->db.Close().ok());
  for (const auto& [name, bytes] : unknown) {
    EXPECT_EQ(*world.fs().ReadFile("/db/" + name), bytes) << name;
  }
}

// ---------------------------------------------------------------------------------- key sets

std::vector<std::vector<std::uint64_t>> KeySets() {
  const std::uint64_t top = ~std::uint64_t{0};
  std::vector<std::vector<std::uint64_t>> sets = {{},  {0},    {top},          {0, top},
                                                  {5}, {7, 8}, {0, 1, top - 1}};
  std::vector<std::uint64_t> dense, clumps, doubling;
  for (std::uint64_t i = 0; i < 3000; ++i) dense.push_back(1'000'000 + i);
  for (std::uint64_t i = 0; i < 3000; ++i) clumps.push_back((i / 17) * 0x10000000001 + i % 17);
  for (std::uint64_t i = 0; i < 64; ++i) doubling.push_back(std::uint64_t{1} << i);
  sets.push_back(dense);
  dense.push_back(top);  // one far outlier
  sets.push_back(dense);
  sets.push_back(clumps);
  clumps.push_back(top);
  clumps.push_back(0);
  sets.push_back(clumps);
  sets.push_back(doubling);
  return sets;
}

TEST(DbKeys, EveryShapeOfKeySetIsOrdinary) {
  const std::uint64_t top = ~std::uint64_t{0};
  const std::vector<std::vector<std::uint64_t>> sets = KeySets();
  for (std::size_t s = 0; s < sets.size(); ++s) {
    SCOPED_TRACE(s);
    TestEnv world;
    world.fs().StopJournal();
    auto db = Door::Open("/db", Options(), world.env());
    auto space = db->OpenKeyspace<U64>();
    std::map<std::uint64_t, std::string> want;
    WriteBatch batch;
    for (const std::uint64_t key : sets[s]) {
      batch.Put(*space, key, std::to_string(key));
      want[key] = std::to_string(key);
    }
    ASSERT_TRUE(db->Write(batch, {.durability = Durability::kOs}).ok());
    for (const bool folded : {false, true}) {
      if (folded) {
        ASSERT_TRUE(db->Fold().ok());
      }
      auto view = space->view();
      std::vector<std::uint64_t> asked = {0, 1, top, top - 1, top / 2};
      for (const auto& [key, value] : want) asked.insert(asked.end(), {key, key - 1, key + 1});
      std::vector<Lookup> lookups(asked.size());
      ASSERT_TRUE(view->MultiGet(asked, lookups).ok());
      Iterator<U64> it = view->NewIterator();
      for (std::size_t i = 0; i < asked.size(); ++i) {
        const auto at = want.find(asked[i]);
        for (const Lookup& found : {view->Get(asked[i]), lookups[i]}) {
          ASSERT_FALSE(found.failed());
          ASSERT_EQ(found.present(), at != want.end()) << asked[i];
          ASSERT_EQ(found.value(), at != want.end() ? at->second : "");
        }
        it.Seek(asked[i]);
        const auto lower = want.lower_bound(asked[i]);
        ASSERT_EQ(it.Valid(), lower != want.end());
        if (it.Valid()) {
          ASSERT_EQ(it.key(), lower->first);
        }
      }
      std::uint64_t rows = 0;
      kyro::Scan<U64> scan = view->scan();
      for (auto [key, value] : scan) rows += want.count(key);
      ASSERT_EQ(rows, want.size());
    }
    EXPECT_EQ(db->stats().model_fallbacks, 0u);
    EXPECT_TRUE(db->Verify().ok());
  }
}

}  // namespace
}  // namespace kyro::db
