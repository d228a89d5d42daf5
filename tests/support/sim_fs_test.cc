// SPDX-License-Identifier: Apache-2.0
//
// The crash semantics of SimFs: everything a crash may leave is reached by some seed, and nothing
// that it may not.
#include "support/sim_fs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "support/seeded_random.h"

namespace kyro::support {
namespace {

constexpr std::uint64_t kSeeds = 400;  // enough for the rarest outcome asserted below

using File = std::unique_ptr<io::WritableFile>;

class SimFsTest : public ::testing::Test {
 protected:
  SimFsTest() : directory_(fs_.OpenDirectory("/db", true).value()) {}

  File Create(std::string_view name) { return directory_->Create(name).value(); }
  // A file whose content and name are durable.
  File Durable(std::string_view name, std::string_view content) {
    File file = Create(name);
    EXPECT_EQ(file->Write(0, content), Status());
    EXPECT_EQ(file->Sync(), Status());
    EXPECT_EQ(directory_->Sync(), Status());
    return file;
  }
  std::uint64_t now() const { return fs_.event_count(); }
  std::unique_ptr<SimFs> PowerCut(std::uint64_t seed, Unsynced unsynced = Unsynced::kSeeded) {
    return fs_.CrashImage(CrashKind::kPowerCut, now(), seed, unsynced);
  }
  std::unique_ptr<SimFs> PowerCut(Unsynced unsynced) { return PowerCut(0, unsynced); }
  std::unique_ptr<SimFs> Kill() { return fs_.CrashImage(CrashKind::kKill, now()); }
  // The contents of a file after power cuts of many seeds; "-" where it is absent.
  std::set<std::string> Outcomes(const std::string& path) {
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
      outcomes.insert(Read(*PowerCut(seed), path));
    return outcomes;
  }
  static std::string Read(const SimFs& fs, const std::string& path) {
    const Result<std::string> content = fs.ReadFile(path);
    return content.ok() ? *content : "-";
  }

  SimFs fs_;
  std::unique_ptr<io::Directory> directory_;
};

std::string Sector(char c) {
  return std::string(kSectorBytes, c);
}

TEST_F(SimFsTest, AKillKeepsEverythingThatWasDone) {
  const File file = Create("a");
  ASSERT_EQ(file->Write(0, "unsynced"), Status());
  ASSERT_EQ(directory_->Rename("a", "b"), Status());
  const auto image = Kill();
  EXPECT_EQ(Read(*image, "/db/b"), "unsynced");
  EXPECT_EQ(image->ListNames("/db"), std::vector<std::string>{"b"});
}

TEST_F(SimFsTest, AKillReleasesLocks) {
  const auto lock = directory_->Lock("LOCK", false);
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(directory_->Lock("LOCK", false).status().code(), StatusCode::kLocked);
  const auto image = Kill();
  const auto directory = image->OpenDirectory("/db", false).value();
  EXPECT_TRUE(directory->Lock("LOCK", false).ok());
}

TEST_F(SimFsTest, ImageAndOriginalShareNothing) {
  const File file = Durable("a", "before");
  const auto image = Kill();
  ASSERT_EQ(file->Write(0, "after!"), Status());
  EXPECT_EQ(Read(*image, "/db/a"), "before");
  ASSERT_EQ(image->ReplaceFile("/db/a", "image"), Status());
  EXPECT_EQ(Read(fs_, "/db/a"), "after!");
}

TEST_F(SimFsTest, SyncedDataUnderASyncedNameIsNeverLost) {
  const std::string text = Sector('a') + Sector('b') + "tail";
  Durable("f", text);
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{text});
  for (const Unsynced corner : kUnsyncedCorners) {
    EXPECT_EQ(Read(*PowerCut(corner), "/db/f"), text) << UnsyncedName(corner);
  }
}

TEST_F(SimFsTest, AppendedBytesNeverHarmSyncedSectors) {
  const File file = Durable("f", Sector('a') + Sector('b'));
  ASSERT_EQ(file->Write(2 * kSectorBytes, Sector('c') + Sector('d')), Status());
  std::set<std::size_t> lengths;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::string content = Read(*PowerCut(seed), "/db/f");
    ASSERT_GE(content.size(), 2 * kSectorBytes);
    ASSERT_LE(content.size(), 4 * kSectorBytes);
    ASSERT_EQ(content.substr(0, 2 * kSectorBytes), Sector('a') + Sector('b'));
    lengths.insert(content.size());
  }
  EXPECT_TRUE(lengths.count(2 * kSectorBytes));  // nothing of it
  EXPECT_TRUE(lengths.count(4 * kSectorBytes));  // all of it
  EXPECT_GT(lengths.size(), 20u);                // and anything between
}

TEST_F(SimFsTest, UnsyncedSectorsAreTornIndependently) {
  const File file = Durable("f", Sector('a') + Sector('b') + Sector('c'));
  ASSERT_EQ(file->Write(0, Sector('A') + Sector('B')), Status());
  std::set<std::string> first;
  std::set<std::string> pairs;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const std::string content = Read(*PowerCut(seed), "/db/f");
    ASSERT_EQ(content.size(), 3 * kSectorBytes);
    ASSERT_EQ(content.substr(2 * kSectorBytes), Sector('c'));
    const auto kind = [](const std::string& sector) {
      return sector == Sector(sector[0]) ? std::string(1, sector[0]) : std::string("?");
    };
    const std::string one = kind(content.substr(0, kSectorBytes));
    first.insert(one);
    pairs.insert(one + kind(content.substr(kSectorBytes, kSectorBytes)));
  }
  const std::string zero(1, '\0');
  EXPECT_EQ(first, (std::set<std::string>{"a", "A", zero, "?"}));
  for (const std::string pair : {"ab", "AB", "Ab", "aB"}) EXPECT_TRUE(pairs.count(pair)) << pair;
  EXPECT_GE(pairs.size(), 14u);  // of 16
}

TEST_F(SimFsTest, ASectorWrittenTwiceMayShowTheVersionBetween) {
  const File file = Durable("f", Sector('a'));
  ASSERT_EQ(file->Write(0, Sector('b')), Status());
  ASSERT_EQ(file->Write(0, Sector('c')), Status());
  const std::set<std::string> outcomes = Outcomes("/db/f");
  for (const char version : {'a', 'b', 'c'}) EXPECT_TRUE(outcomes.count(Sector(version)));
}

TEST_F(SimFsTest, TheCornersAreWhatTheySay) {
  const File file = Durable("f", Sector('a'));
  ASSERT_EQ(file->Write(0, Sector('b') + Sector('b')), Status());
  ASSERT_EQ(directory_->Rename("f", "g"), Status());
  const std::string written = Sector('b') + Sector('b');
  const auto at = [&](Unsynced corner, const char* path) { return Read(*PowerCut(corner), path); };
  EXPECT_EQ(at(Unsynced::kAllOld, "/db/f"), Sector('a'));
  EXPECT_EQ(at(Unsynced::kAllOld, "/db/g"), "-");
  EXPECT_EQ(at(Unsynced::kAllNew, "/db/f"), "-");
  EXPECT_EQ(at(Unsynced::kAllNew, "/db/g"), written);
  EXPECT_EQ(at(Unsynced::kNewNamesOldBytes, "/db/g"), Sector('a'));
  EXPECT_EQ(at(Unsynced::kOldNamesNewBytes, "/db/f"), written);
  EXPECT_EQ(at(Unsynced::kNewNamesZeros, "/db/g"), std::string(2 * kSectorBytes, '\0'));
  const std::string garbage = at(Unsynced::kNewNamesGarbage, "/db/g");
  EXPECT_EQ(garbage.size(), 2 * kSectorBytes);
  EXPECT_EQ(garbage.find(Sector('b')), garbage.npos);
}

TEST_F(SimFsTest, ASyncedFileWithAnUnsyncedNameMayBeAbsent) {
  const File file = Create("f");
  ASSERT_EQ(file->Write(0, "content"), Status());
  ASSERT_EQ(file->Sync(), Status());
  EXPECT_EQ(Outcomes("/db/f"), (std::set<std::string>{"-", "content"}));
  ASSERT_EQ(directory_->Sync(), Status());
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{"content"});
}

TEST_F(SimFsTest, AnUnsyncedRenameIsLostOrDoneButNeverHalf) {
  Durable("f", "old");
  Durable("f.tmp", "new");
  ASSERT_EQ(directory_->Rename("f.tmp", "f"), Status());
  std::set<std::pair<std::string, std::string>> outcomes;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const auto image = PowerCut(seed);
    outcomes.insert({Read(*image, "/db/f"), Read(*image, "/db/f.tmp")});
  }
  EXPECT_EQ(outcomes,
            (std::set<std::pair<std::string, std::string>>{{"old", "new"}, {"new", "-"}}));
  ASSERT_EQ(directory_->Sync(), Status());
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{"new"});
}

TEST_F(SimFsTest, ARenameCanOutrunTheBytesItPublishes) {
  Durable("f", "old");
  const File file = Create("f.tmp");
  ASSERT_EQ(file->Write(0, "new"), Status());
  ASSERT_EQ(directory_->Rename("f.tmp", "f"), Status());  // without a Sync: the classic bug
  const std::set<std::string> outcomes = Outcomes("/db/f");
  EXPECT_TRUE(outcomes.count(""));
  EXPECT_TRUE(outcomes.count("old"));
  EXPECT_TRUE(outcomes.count("new"));
}

TEST_F(SimFsTest, UnsyncedUnlinksAndLinksMayBeLostInAnyCombination) {
  Durable("a", "a");
  Durable("b", "b");
  ASSERT_EQ(directory_->Unlink("a"), Status());
  ASSERT_EQ(directory_->Unlink("b"), Status());
  ASSERT_EQ(directory_->Link("a", directory_.get(), "c").code(), StatusCode::kNotFound);
  std::set<std::vector<std::string>> outcomes;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed)
    outcomes.insert(PowerCut(seed)->ListNames("/db"));
  EXPECT_EQ(outcomes, (std::set<std::vector<std::string>>{{}, {"a"}, {"b"}, {"a", "b"}}));
}

TEST_F(SimFsTest, ADirectoryIsDurableWhenItIsOpenedToBeMade) {
  EXPECT_TRUE(PowerCut(Unsynced::kAllOld)->OpenDirectory("/db", false).ok());
  // But not if the process died between making it and syncing its parent ...
  const auto half = fs_.CrashImage(CrashKind::kKill, 1);
  EXPECT_EQ(half->CrashImage(CrashKind::kPowerCut, 0, 0, Unsynced::kAllOld)
                ->OpenDirectory("/db", false)
                .status()
                .code(),
            StatusCode::kNotFound);
  // ... unless the next to open it repaired that.
  ASSERT_TRUE(half->OpenDirectory("/db", true).ok());
  EXPECT_TRUE(half->CrashImage(CrashKind::kPowerCut, half->event_count(), 0, Unsynced::kAllOld)
                  ->OpenDirectory("/db", false)
                  .ok());
}

TEST_F(SimFsTest, RenameDirectoryIsDurableOnReturn) {
  const auto made = fs_.OpenDirectory("/copy.tmp", true).value();
  ASSERT_EQ(fs_.RenameDirectory("/copy.tmp", "/copy"), Status());
  EXPECT_TRUE(PowerCut(Unsynced::kAllOld)->OpenDirectory("/copy", false).ok());
  // Between the rename and the sync it may be either.
  const auto before = fs_.CrashImage(CrashKind::kPowerCut, now() - 1, 0, Unsynced::kAllOld);
  EXPECT_TRUE(before->OpenDirectory("/copy.tmp", false).ok());
}

TEST_F(SimFsTest, TruncationIsDurableOnlyWhenSynced) {
  const File file = Durable("f", Sector('a') + Sector('b'));
  ASSERT_EQ(file->Truncate(kSectorBytes), Status());
  EXPECT_EQ(Read(*PowerCut(Unsynced::kAllOld), "/db/f"), Sector('a') + Sector('b'));
  EXPECT_EQ(Read(*PowerCut(Unsynced::kAllNew), "/db/f"), Sector('a'));
  ASSERT_EQ(file->Sync(), Status());
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{Sector('a')});
}

TEST_F(SimFsTest, WhatATruncationCutMayComeBackWhenTheFileGrowsAgain) {
  const File file = Durable("f", Sector('a') + Sector('b'));
  ASSERT_EQ(file->Truncate(kSectorBytes), Status());
  ASSERT_EQ(file->Truncate(2 * kSectorBytes), Status());
  EXPECT_EQ(Read(fs_, "/db/f"), Sector('a') + Sector('\0'));
  const std::set<std::string> outcomes = Outcomes("/db/f");
  EXPECT_TRUE(outcomes.count(Sector('a') + Sector('b')));
  EXPECT_TRUE(outcomes.count(Sector('a') + Sector('\0')));
}

TEST_F(SimFsTest, AFailedSyncLeavesBytesInTheCacheThatNoLaterSyncSaves) {
  const File file = Durable("f", Sector('a'));
  ASSERT_EQ(file->Write(0, Sector('b')), Status());
  fs_.FailSync(1);
  EXPECT_EQ(file->Sync().code(), StatusCode::kIoError);
  EXPECT_EQ(file->Sync(), Status());  // as Linux has it
  EXPECT_EQ(Read(fs_, "/db/f"), Sector('b'));
  EXPECT_EQ(Read(*Kill(), "/db/f"), Sector('b'));
  EXPECT_TRUE(Outcomes("/db/f").count(Sector('a')));
  // The device tells.
  std::string device(kSectorBytes, '?');
  const auto random = directory_->Open("f").value();
  ASSERT_EQ(random->ReadDevice(0, device.size(), device.data()).value(), device.size());
  EXPECT_EQ(device, Sector('a'));
  // Also across a kill: failed sync, kill, reopen, sync, power cut.
  const auto killed = Kill();
  const auto reopened = killed->OpenDirectory("/db", false).value()->OpenForWrite("f").value();
  EXPECT_EQ(reopened->Sync(), Status());
  EXPECT_EQ(
      Read(*killed->CrashImage(CrashKind::kPowerCut, killed->event_count(), 0, Unsynced::kAllOld),
           "/db/f"),
      Sector('a'));
}

TEST_F(SimFsTest, BytesWrittenAgainAfterAFailedSyncAreSavedByTheNext) {
  const File file = Durable("f", Sector('a') + Sector('a'));
  ASSERT_EQ(file->Write(0, Sector('b') + Sector('b')), Status());
  fs_.FailSync(1);
  EXPECT_EQ(file->Sync().code(), StatusCode::kIoError);
  ASSERT_EQ(file->Write(0, Sector('c')), Status());
  ASSERT_EQ(file->Sync(), Status());
  EXPECT_EQ(Read(*PowerCut(Unsynced::kAllOld), "/db/f"), Sector('c') + Sector('a'));
  for (const std::string& outcome : Outcomes("/db/f")) {
    EXPECT_EQ(outcome.substr(0, kSectorBytes), Sector('c'));
  }
}

TEST_F(SimFsTest, AFailedSyncMayLoseTheLengthToo) {
  const File file = Durable("f", Sector('a'));
  ASSERT_EQ(file->Write(kSectorBytes, Sector('b')), Status());
  fs_.FailSync(1);
  EXPECT_EQ(file->Sync().code(), StatusCode::kIoError);
  ASSERT_EQ(file->Sync(), Status());
  EXPECT_EQ(Read(*PowerCut(Unsynced::kAllOld), "/db/f"), Sector('a'));
}

TEST_F(SimFsTest, AFailedDirectorySyncLosesNamesForLaterSyncsToo) {
  Durable("f", "old");
  Durable("g", "first");
  Durable("h", "second");
  ASSERT_EQ(directory_->Rename("g", "f"), Status());
  fs_.FailDirectorySync(1);
  EXPECT_EQ(directory_->Sync().code(), StatusCode::kIoError);
  EXPECT_EQ(directory_->Sync(), Status());
  EXPECT_EQ(Read(*PowerCut(Unsynced::kAllOld), "/db/f"), "old");
  // A later operation that was synced is never undone by the lost one.
  ASSERT_EQ(directory_->Rename("h", "f"), Status());
  ASSERT_EQ(directory_->Sync(), Status());
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{"second"});
}

// Else a later call would find it empty and sync the parent, which had lost the name already.
TEST_F(SimFsTest, ADirectoryWhoseParentCouldNotBeSyncedIsMadeAnew) {
  fs_.FailDirectorySync(1);
  EXPECT_EQ(fs_.OpenDirectory("/new", true).status().code(), StatusCode::kIoError);
  EXPECT_EQ(fs_.OpenDirectory("/new", false).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(fs_.OpenDirectory("/new", true).ok());
  EXPECT_TRUE(PowerCut(Unsynced::kAllOld)->OpenDirectory("/new", false).ok());
}

TEST_F(SimFsTest, StopAtStopsEverythingFromThatEventOn) {
  const File file = Durable("f", "old");
  const std::uint64_t stop = now() + 1;
  fs_.StopAt(stop);
  EXPECT_EQ(file->Write(0, "new"), Status());
  EXPECT_FALSE(fs_.stopped());
  EXPECT_EQ(file->Sync().code(), StatusCode::kIoError);
  EXPECT_EQ(file->Write(0, "NEW").code(), StatusCode::kIoError);
  EXPECT_EQ(directory_->Create("g").status().code(), StatusCode::kIoError);
  EXPECT_EQ(directory_->Unlink("f").code(), StatusCode::kIoError);
  EXPECT_TRUE(fs_.stopped());
  EXPECT_EQ(now(), stop);
  EXPECT_EQ(Read(fs_, "/db/f"), "new");
  EXPECT_EQ(Read(*fs_.CrashImage(CrashKind::kPowerCut, stop, 0, Unsynced::kAllOld), "/db/f"),
            "old");
}

TEST_F(SimFsTest, AnyPastEventCanBeCrashedAtInAnyOrder) {
  const File file = Create("f");
  for (char c = 'a'; c <= 'j'; ++c) {
    ASSERT_EQ(file->Write(0, std::string(static_cast<std::size_t>(c - 'a' + 1), c)), Status());
  }
  const std::uint64_t first = now() - 10;
  for (const std::uint64_t done : {10u, 3u, 7u, 7u, 1u, 10u, 2u}) {
    const std::string want(done, static_cast<char>('a' + done - 1));
    EXPECT_EQ(Read(*fs_.CrashImage(CrashKind::kKill, first + done), "/db/f"), want);
  }
}

TEST_F(SimFsTest, AnImageDependsOnlyOnItsArguments) {
  const File file = Durable("f", Sector('a'));
  for (int i = 0; i < 8; ++i) ASSERT_EQ(file->Write(kSectorBytes * 3, Sector('b')), Status());
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string once = Read(*PowerCut(seed), "/db/f");
    EXPECT_EQ(Read(*PowerCut(seed), "/db/f"), once);
    different.insert(once);
  }
  EXPECT_GT(different.size(), 3u);
}

TEST_F(SimFsTest, ATornKillKeepsAPrefixOfTheWriteThatWasRunning) {
  const File file = Durable("f", "....");
  const std::uint64_t before = now();
  ASSERT_EQ(file->Write(0, "abcd"), Status());
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    outcomes.insert(Read(*fs_.CrashImage(CrashKind::kKillTorn, before, seed), "/db/f"));
  }
  EXPECT_EQ(outcomes, (std::set<std::string>{"....", "a...", "ab..", "abc.", "abcd"}));
  EXPECT_EQ(Read(*fs_.CrashImage(CrashKind::kKillTorn, now(), 1), "/db/f"), "abcd");
}

TEST_F(SimFsTest, CrashesNest) {
  const File file = Durable("f", "old");
  ASSERT_EQ(file->Write(0, "new"), Status());
  const auto killed = Kill();
  // The kill image still knows what was never synced ...
  const auto cut = killed->CrashImage(CrashKind::kPowerCut, 0, 0, Unsynced::kAllOld);
  EXPECT_EQ(Read(*cut, "/db/f"), "old");
  // ... and what its own process syncs is durable.
  const auto reopened = killed->OpenDirectory("/db", false).value()->OpenForWrite("f").value();
  ASSERT_EQ(reopened->Sync(), Status());
  const auto later = killed->CrashImage(CrashKind::kPowerCut, 1, 0, Unsynced::kAllOld);
  EXPECT_EQ(Read(*later, "/db/f"), "new");
}

TEST_F(SimFsTest, AnUnlinkThatWasNotSyncedCanBringTheFileBackAfterAKill) {
  Durable("f", "content");
  ASSERT_EQ(directory_->Unlink("f"), Status());
  const auto killed = Kill();
  EXPECT_FALSE(killed->Exists("/db/f"));
  EXPECT_EQ(Read(*killed->CrashImage(CrashKind::kPowerCut, 0, 0, Unsynced::kAllOld), "/db/f"),
            "content");
}

TEST_F(SimFsTest, ARenameThatWasNotSyncedCanBeUndoneAfterAKill) {
  Durable("f", "old");
  Durable("f.tmp", "new");
  ASSERT_EQ(directory_->Rename("f.tmp", "f"), Status());
  const auto killed = Kill();
  const auto cut = killed->CrashImage(CrashKind::kPowerCut, 0, 0, Unsynced::kAllOld);
  EXPECT_EQ(Read(*cut, "/db/f"), "old");
  EXPECT_EQ(Read(*cut, "/db/f.tmp"), "new");
}

TEST_F(SimFsTest, AFullDiskTakesWhatFitsAndSaysSo) {
  const File file = Durable("f", "12345");
  fs_.SetFreeBytes(3);
  EXPECT_EQ(directory_->FreeBytes().value(), 3u);
  EXPECT_EQ(file->Write(0, "abcde"), Status());  // overwriting needs no space
  const Status full = file->Write(5, "fghijk");
  EXPECT_EQ(full.code(), StatusCode::kNoSpace);
  EXPECT_EQ(full.file(), "f");
  EXPECT_EQ(Read(fs_, "/db/f"), "abcdefgh");
  EXPECT_EQ(file->Truncate(9).code(), StatusCode::kNoSpace);
  EXPECT_TRUE(directory_->Lock("LOCK", false).ok());  // its text is advisory
  // Unlinking gives the space back, and crash images keep the size of the disk.
  ASSERT_EQ(directory_->Unlink("f"), Status());
  EXPECT_EQ(directory_->FreeBytes().value(), 8u);
  const auto image = Kill();
  EXPECT_EQ(image->OpenDirectory("/db", false).value()->FreeBytes().value(), 8u);
}

TEST_F(SimFsTest, EventsAreCountedNamedAndDescribed) {
  const std::uint64_t first = now();
  const File file = Create("a.tmp");
  ASSERT_EQ(file->Write(512, "abc"), Status());
  ASSERT_EQ(file->Sync(), Status());
  ASSERT_EQ(directory_->Rename("a.tmp", "a"), Status());
  ASSERT_EQ(directory_->Sync(), Status());
  ASSERT_EQ(file->Truncate(100), Status());
  const std::vector<std::string> want = {"create a.tmp",       "write a.tmp 512+3",
                                         "sync a.tmp",         "rename a.tmp -> a",
                                         "sync directory /db", "truncate a to 100"};
  ASSERT_EQ(now(), first + want.size());
  for (std::uint64_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(fs_.Describe(first + i), fmt::format("#{} {}", first + i, want[i]));
  }
  EXPECT_EQ(fs_.Count(SimOp::kSync), 1u);
  EXPECT_EQ(fs_.Count(SimOp::kSync, NameEndsWith(".tmp")), 1u);
  EXPECT_EQ(fs_.Count(SimOp::kSync, NameEndsWith(".wal")), 0u);
  EXPECT_EQ(fs_.BytesWritten(), 3u);
}

TEST_F(SimFsTest, TamperingIsDurable) {
  Durable("f", "content");
  ASSERT_EQ(fs_.FlipByte("/db/f", 3, 0x20), Status());
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{"conTent"});
  ASSERT_EQ(fs_.ReplaceFile("/db/f", "else"), Status());
  ASSERT_EQ(fs_.ReplaceFile("/db/g", "new"), Status());
  EXPECT_EQ(Outcomes("/db/f"), std::set<std::string>{"else"});
  EXPECT_EQ(Outcomes("/db/g"), std::set<std::string>{"new"});
  EXPECT_EQ(fs_.FlipByte("/db/f", 4).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(fs_.FlipByte("/db/none", 0).code(), StatusCode::kNotFound);
}

TEST_F(SimFsTest, WithoutAJournalOnlyNowCanBeCrashedAt) {
  const File file = Durable("f", "old");
  fs_.StopJournal();
  ASSERT_EQ(file->Write(0, "new"), Status());
  EXPECT_EQ(Read(*PowerCut(Unsynced::kAllOld), "/db/f"), "old");
  EXPECT_EQ(Read(*Kill(), "/db/f"), "new");
}

TEST_F(SimFsTest, HandlesOutliveTheirFileSystem) {
  auto fs = std::make_unique<SimFs>();
  auto directory = fs->OpenDirectory("/db", true).value();
  auto file = directory->Create("f").value();
  ASSERT_EQ(file->Write(0, "content"), Status());
  auto mapping = directory->Open("f").value()->Map(Access::kMap).value();
  auto lock = directory->Lock("LOCK", true).value();
  fs.reset();
  EXPECT_EQ(file->Sync(), Status());
  EXPECT_EQ(mapping->bytes(), "content");
  lock.reset();
  EXPECT_TRUE(directory->Lock("LOCK", false).ok());
}

TEST_F(SimFsTest, CallsFromManyThreadsAreSafe) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const File file = directory_->Create(fmt::format("f{}", t)).value();
      for (std::uint64_t i = 0; i < 50; ++i) {
        EXPECT_EQ(file->Write(i * 100, std::string(100, static_cast<char>('a' + t))), Status());
        EXPECT_EQ(file->Sync(), Status());
        if (i % 16 == 0) Read(*Kill(), "/db/f0");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (int t = 0; t < 4; ++t) {
    EXPECT_EQ(Read(fs_, fmt::format("/db/f{}", t)), std::string(5000, static_cast<char>('a' + t)));
  }
}

// One random operation on one of six files.
void RandomStep(SimFs* fs, io::Directory* directory, SeededRandom* random) {
  const std::string name = fmt::format("f{}", random->Below(6));
  const std::string other = fmt::format("f{}", random->Below(6));
  const std::uint64_t offset = random->Below(9000);
  auto file = directory->OpenForWrite(name);
  if (!file.ok()) file = directory->Create(name);
  ASSERT_TRUE(file.ok());
  if (random->OneIn(20)) fs->FailSync(1);
  switch (random->Below(8)) {
    case 0:
      return static_cast<void>(directory->Rename(name, other));
    case 1:
      return static_cast<void>(directory->Unlink(name));
    case 2:
      return static_cast<void>(directory->Link(name, directory, other));
    case 3:
      return static_cast<void>(directory->Sync());
    case 4:
      return static_cast<void>((*file)->Truncate(offset));
    case 5:
      return static_cast<void>((*file)->Sync());
    default:
      return static_cast<void>((*file)->Write(offset, random->String(random->Below(2000))));
  }
}

std::map<std::string, std::string> Everything(const SimFs& fs) {
  std::map<std::string, std::string> files;
  for (const std::string& name : fs.ListNames("/db")) {
    files[name] = fs.ReadFile("/db/" + name).value();
  }
  return files;
}

TEST(SimFs, RandomHistoriesReplayToTheLiveState) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    SimFs fs;
    const auto directory = fs.OpenDirectory("/db", true).value();
    for (int i = 0; i < 300; ++i) RandomStep(&fs, directory.get(), &random);
    const std::uint64_t end = fs.event_count();
    const auto killed = Everything(*fs.CrashImage(CrashKind::kKill, end));
    const auto cut = Everything(*fs.CrashImage(CrashKind::kPowerCut, end, seed));
    (void)fs.CrashImage(CrashKind::kKill, end / 2);  // leaves the replay half way
    ASSERT_EQ(directory->Sync(), Status());          // so that `end` is replayed, not live
    EXPECT_TRUE(Everything(*fs.CrashImage(CrashKind::kKill, end)) == killed);
    EXPECT_TRUE(Everything(*fs.CrashImage(CrashKind::kPowerCut, end, seed)) == cut);
  }
}

}  // namespace
}  // namespace kyro::support
