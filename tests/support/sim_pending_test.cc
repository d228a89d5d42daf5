// SPDX-License-Identifier: Apache-2.0
//
// What a power cut decides about, listed and chosen one by one; the hash of a disk; the ways in
// which a sync fails; and the observer between events.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/limits.h"
#include "support/sim_fs.h"

namespace kyro::support {
namespace {

std::string Sector(char c) {
  return std::string(kSectorBytes, c);
}

class SimPendingTest : public testing::Test {
 protected:
  SimPendingTest() : directory_(fs_.OpenDirectory("/db", true).value()) {
    file_ = directory_->Create("f").value();
    EXPECT_EQ(file_->Write(0, Sector('a') + Sector('b')), Status());
    EXPECT_EQ(file_->Sync(), Status());
    EXPECT_EQ(directory_->Sync(), Status());
  }
  std::uint64_t now() const { return fs_.event_count(); }
  std::vector<std::string> Pending() const {
    std::vector<std::string> what;
    for (const PendingUnit& unit : fs_.Pending(now())) what.push_back(unit.what);
    return what;
  }
  std::string Cut(const std::vector<Fate>& fates) const {
    return Read(*fs_.PowerCut(now(), fates));
  }
  static std::string Read(const SimFs& fs, const std::string& path = "/db/f") {
    const auto content = fs.ReadFile(path);
    return content.ok() ? *content : "-";
  }

  SimFs fs_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::WritableFile> file_;
};

TEST_F(SimPendingTest, NothingIsPendingOnceItIsSynced) {
  EXPECT_TRUE(Pending().empty());
  EXPECT_EQ(Cut({}), Sector('a') + Sector('b'));
}

TEST_F(SimPendingTest, EverySectorLengthAndNameIsAUnit) {
  ASSERT_EQ(file_->Write(kSectorBytes, Sector('B') + Sector('C')), Status());
  ASSERT_EQ(directory_->Rename("f", "g"), Status());
  EXPECT_EQ(Pending(),
            (std::vector<std::string>{"rename f -> g", "g length", "g sector 1", "g sector 2"}));
}

TEST_F(SimPendingTest, EachUnitIsOldOrNewAsChosen) {
  ASSERT_EQ(file_->Write(kSectorBytes, Sector('B') + Sector('C')), Status());
  const std::string a = Sector('a'), b = Sector('b'), zeros = Sector('\0');
  // Length, sector 1, sector 2.
  constexpr Fate kOld = Fate::kOld, kNew = Fate::kNew;
  EXPECT_EQ(Cut({kOld, kOld, kOld}), a + b);
  EXPECT_EQ(Cut({kOld, kNew, kNew}), a + Sector('B'));
  EXPECT_EQ(Cut({kNew, kOld, kNew}), a + b + Sector('C'));
  EXPECT_EQ(Cut({kNew, kNew, kOld}), a + Sector('B') + zeros);
  EXPECT_EQ(Cut({kNew, Fate::kZeros, kNew}), a + zeros + Sector('C'));
  const std::string garbage = Cut({kNew, Fate::kGarbage, kNew});
  EXPECT_EQ(garbage.substr(0, kSectorBytes), a);
  EXPECT_NE(garbage.substr(kSectorBytes, kSectorBytes), b);
  EXPECT_NE(garbage.substr(kSectorBytes, kSectorBytes), Sector('B'));
  EXPECT_EQ(garbage, Cut({kNew, Fate::kGarbage, kNew}));
  EXPECT_LE(Cut({Fate::kBetween, kNew, kNew}).size(), 3 * kSectorBytes);
}

TEST_F(SimPendingTest, AUnitThatReadsTheSameEitherWayIsMarked) {
  ASSERT_EQ(file_->Write(0, Sector('a')), Status());
  const auto pending = fs_.Pending(now());
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_FALSE(pending[0].differs);
}

TEST_F(SimPendingTest, NamesAreDoneOrNot) {
  ASSERT_EQ(directory_->Rename("f", "g"), Status());
  ASSERT_TRUE(directory_->Create("h").ok());
  const auto both = fs_.PowerCut(now(), std::vector<Fate>{Fate::kOld, Fate::kNew});
  EXPECT_EQ(both->ListNames("/db"), (std::vector<std::string>{"f", "h"}));
  const auto renamed = fs_.PowerCut(now(), std::vector<Fate>{Fate::kNew, Fate::kOld});
  EXPECT_EQ(renamed->ListNames("/db"), std::vector<std::string>{"g"});
}

// Every combination is a disk of its own, and all of them together are what seeds can reach of old
// and new.
TEST_F(SimPendingTest, CombinationsAreDistinctByTheirHash) {
  ASSERT_EQ(file_->Write(0, Sector('A') + Sector('B')), Status());
  ASSERT_EQ(directory_->Rename("f", "g"), Status());
  std::set<std::uint64_t> hashes;
  for (int choice = 0; choice < 8; ++choice) {
    std::vector<Fate> fates;
    for (int bit = 0; bit < 3; ++bit) fates.push_back(choice >> bit & 1 ? Fate::kNew : Fate::kOld);
    hashes.insert(fs_.PowerCut(now(), fates)->Hash());
  }
  EXPECT_EQ(hashes.size(), 8u);
  EXPECT_EQ(hashes.count(fs_.CrashImage(CrashKind::kPowerCut, now(), 0, Unsynced::kAllNew)->Hash()),
            1u);
  EXPECT_EQ(hashes.count(fs_.CrashImage(CrashKind::kPowerCut, now(), 0, Unsynced::kAllOld)->Hash()),
            1u);
}

TEST_F(SimPendingTest, TheHashIsOfNamesBytesAndWhatIsDurable) {
  const std::uint64_t before = fs_.Hash();
  EXPECT_EQ(fs_.Copy()->Hash(), before);
  ASSERT_EQ(file_->Write(0, "x"), Status());
  const std::uint64_t written = fs_.Hash();
  EXPECT_NE(written, before);
  ASSERT_EQ(file_->Sync(), Status());
  EXPECT_NE(fs_.Hash(), written);  // reads the same, but a power cut leaves something else
  const std::uint64_t synced = fs_.Hash();
  ASSERT_EQ(directory_->Rename("f", "g"), Status());
  EXPECT_NE(fs_.Hash(), synced);
  ASSERT_EQ(directory_->Rename("g", "f"), Status());
  ASSERT_EQ(directory_->Sync(), Status());
  EXPECT_EQ(fs_.Hash(), synced);
}

TEST_F(SimPendingTest, AFailedWritebackIsReportedByTheNextSyncWhichSavesWhatCameAfter) {
  fs_.FailWriteback(1);
  ASSERT_EQ(file_->Write(0, Sector('A')), Status());             // lost
  ASSERT_EQ(file_->Write(kSectorBytes, Sector('B')), Status());  // not
  EXPECT_EQ(file_->Sync().code(), StatusCode::kIoError);
  EXPECT_EQ(Read(fs_), Sector('A') + Sector('B'));
  const auto cut = [&] {
    return fs_.CrashImage(CrashKind::kPowerCut, now(), 0, Unsynced::kAllOld);
  };
  EXPECT_EQ(Read(*cut()), Sector('a') + Sector('B'));
  EXPECT_EQ(file_->Sync(), Status());  // said once
  EXPECT_EQ(Read(*cut()), Sector('a') + Sector('B'));
}

TEST_F(SimPendingTest, AFailedSyncMayLeaveTheFileSystemReadOnlyUntilTheMachineStartsAgain) {
  fs_.FailSync(1, SyncFailure::kReadOnly);
  ASSERT_EQ(file_->Write(0, Sector('A')), Status());
  EXPECT_FALSE(fs_.read_only());
  EXPECT_EQ(file_->Sync().code(), StatusCode::kIoError);
  EXPECT_TRUE(fs_.read_only());
  const std::uint64_t failed = now();
  EXPECT_EQ(file_->Write(0, "x").code(), StatusCode::kIoError);
  EXPECT_EQ(directory_->Unlink("f").code(), StatusCode::kIoError);
  EXPECT_EQ(now(), failed);
  EXPECT_EQ(Read(fs_).substr(0, 1), "A");
  const auto killed = fs_.CrashImage(CrashKind::kKill, failed);
  EXPECT_TRUE(killed->read_only());
  const auto before = fs_.CrashImage(CrashKind::kKill, failed - 1);
  EXPECT_FALSE(before->read_only());
  const auto cut = fs_.CrashImage(CrashKind::kPowerCut, failed, 0, Unsynced::kAllOld);
  EXPECT_FALSE(cut->read_only());
  EXPECT_EQ(Read(*cut).substr(0, 1), "a");
}

TEST_F(SimPendingTest, TheObserverIsCalledBeforeEachOperation) {
  std::vector<std::uint64_t> seen;
  fs_.SetObserver([&] { seen.push_back(now()); });
  const std::uint64_t first = now();
  ASSERT_EQ(file_->Write(0, "x"), Status());
  ASSERT_EQ(file_->Sync(), Status());
  ASSERT_EQ(directory_->Rename("f", "g"), Status());
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{first, first + 1, first + 2}));
  fs_.SetObserver(nullptr);
  ASSERT_EQ(directory_->Sync(), Status());
  EXPECT_EQ(seen.size(), 3u);
}

}  // namespace
}  // namespace kyro::support
