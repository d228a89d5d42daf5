// SPDX-License-Identifier: Apache-2.0
#include "upkeep/installer.h"

#include <gtest/gtest.h>

#include "upkeep/installer_world.h"

namespace kyro::upkeep {
namespace {

using support::FsOp;

class InstallerTest : public InstallerWorld {
 protected:
  Status Name(std::uint64_t wal) {
    return installer_->Install([wal](manifest::Manifest* next) {
      next->wal_newest = FileId{wal, {wal, wal}};
      next->next_number = wal + 1;
      return Status::Ok();
    });
  }
};

TEST_F(InstallerTest, AnInstallIsOnDiskAndRaisesTheGeneration) {
  installer_->RaiseNextNumber(8);
  ASSERT_TRUE(Name(7).ok());
  EXPECT_EQ(OnDisk().wal_newest.number, 7u);
  EXPECT_EQ(OnDisk().generation, 2u);
  EXPECT_EQ(installer_->mark(), manifest::LoadManifest(*directory_)->mark);
}

TEST_F(InstallerTest, ARefusedEditChangesNothing) {
  const auto before = OnDisk();
  const Status status =
      installer_->Install([](manifest::Manifest*) { return Status(StatusCode::kAborted, "no"); });
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(OnDisk(), before);
  EXPECT_EQ(installer_->manifest(), before);
}

// Rule W (I3): the log first.
TEST_F(InstallerTest, AManifestAheadOfTheLogIsRefused) {
  const auto past_the_log = [](manifest::Manifest* next) {
    next->last_sequence = 5;
    next->floor_sequence = 4;
    return Status::Ok();
  };
  EXPECT_EQ(installer_->Install(past_the_log).code(), StatusCode::kInternal);
  EXPECT_EQ(OnDisk().last_sequence, 0u);
  durable_ = 5;
  EXPECT_TRUE(installer_->Install(past_the_log).ok());
  EXPECT_EQ(OnDisk().last_sequence, 5u);
}

TEST_F(InstallerTest, WhatIsInSegmentsMayBeAheadOfTheLog) {
  EXPECT_TRUE(installer_
                  ->Install([](manifest::Manifest* next) {
                    next->last_sequence = next->floor_sequence = 5;
                    return Status::Ok();
                  })
                  .ok());
  EXPECT_EQ(OnDisk().last_sequence, 5u);
}

TEST_F(InstallerTest, AFailureBeforeTheRenameKeepsTheOldManifest) {
  installer_->RaiseNextNumber(8);
  for (const FsOp op : {FsOp::kCreate, FsOp::kWrite, FsOp::kSync, FsOp::kRename}) {
    SCOPED_TRACE(std::string(support::FsOpName(op)));
    const auto before = OnDisk();
    const auto mark = installer_->mark();
    faults_.Inject({.ops = {op}});
    EXPECT_EQ(Name(7).code(), StatusCode::kIoError);
    faults_.Clear();
    EXPECT_EQ(OnDisk(), before);
    EXPECT_EQ(installer_->mark(), mark);
    EXPECT_FALSE(installer_->in_doubt());
  }
  EXPECT_TRUE(Name(7).ok());
}

// I4: the directory sync after the rename.
TEST_F(InstallerTest, InDoubtThereAreNoMoreInstallsAndNoDeletions) {
  installer_->RaiseNextNumber(8);
  faults_.Inject({.ops = {FsOp::kSyncDirectory}, .nth = 2});  // the first is for new names
  EXPECT_FALSE(Name(7).ok());
  EXPECT_TRUE(installer_->in_doubt());
  faults_.Clear();
  EXPECT_EQ(Name(7).code(), StatusCode::kReadOnly);
  const std::uint64_t unlinks = faults_.Count({FsOp::kUnlink});
  installer_->DeleteObsolete();
  EXPECT_EQ(faults_.Count({FsOp::kUnlink}), unlinks);
}

// A second sync may succeed although the names of the first are lost.
TEST_F(InstallerTest, AFailedSyncOfNewNamesEndsInstalling) {
  installer_->RaiseNextNumber(8);
  faults_.Inject({.ops = {FsOp::kSyncDirectory}});
  EXPECT_EQ(Name(7).code(), StatusCode::kIoError);
  faults_.Clear();
  EXPECT_EQ(Name(7).code(), StatusCode::kReadOnly);
  EXPECT_EQ(OnDisk().wal_newest.number, 0u);
}

TEST_F(InstallerTest, AFlushedGenerationLeavesTheStateWithTheInstall) {
  const auto frozen = FreezeActive(3);
  durable_ = 3;
  ASSERT_TRUE(installer_
                  ->Install(
                      [](manifest::Manifest* next) {
                        next->last_sequence = next->floor_sequence = 3;
                        return Status::Ok();
                      },
                      {.gone = frozen.get(), .fresh = nullptr})
                  .ok());
  EXPECT_EQ(states_.Pin()->generation_count, 1u);
  EXPECT_EQ(states_.Pin()->generations[0]->floor_sequence(), 3u);
}

TEST_F(InstallerTest, LogFilesBelowTheFloorAreDeletedAndOthersAreNot) {
  for (const char* name : {"000003.wal", "000004.wal", "000005.wal", "other.wal"}) {
    ASSERT_TRUE(directory_->Create(name).ok());
  }
  installer_->RaiseNextNumber(6);
  ASSERT_TRUE(installer_
                  ->Install([](manifest::Manifest* next) {
                    next->wal_floor = next->wal_newest = FileId{4, {4, 4}};
                    return Status::Ok();
                  })
                  .ok());
  installer_->DeleteObsolete();
  EXPECT_EQ(env_.fs().ListNames("/db"),
            (std::vector<std::string>{"000004.wal", "000005.wal", "MANIFEST", "other.wal"}));
}

TEST_F(InstallerTest, AfterCloseInstallsAreRefused) {
  installer_->Close();
  EXPECT_EQ(Name(7).code(), StatusCode::kClosed);
  EXPECT_EQ(OnDisk().generation, 1u);
}

}  // namespace
}  // namespace kyro::upkeep
