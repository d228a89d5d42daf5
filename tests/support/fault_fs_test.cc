// SPDX-License-Identifier: Apache-2.0
#include "support/fault_fs.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

namespace kyro::support {
namespace {

class FaultFsTest : public ::testing::Test {
 protected:
  FaultFsTest() : fs_(&sim_), directory_(fs_.OpenDirectory("/db", true).value()) {}

  SimFs sim_;
  FaultFs fs_;
  std::unique_ptr<io::Directory> directory_;
};

TEST_F(FaultFsTest, WithoutFaultsEveryCallGoesThrough) {
  const auto file = directory_->Create("f").value();
  EXPECT_EQ(file->Write(0, "content"), Status());
  EXPECT_EQ(file->Sync(), Status());
  EXPECT_EQ(directory_->Rename("f", "g"), Status());
  EXPECT_EQ(directory_->Sync(), Status());
  const auto other = fs_.OpenDirectory("/other", true).value();
  EXPECT_EQ(directory_->Link("g", other.get(), "h"), Status());
  EXPECT_EQ(fs_.RenameDirectory("/other", "/renamed"), Status());
  char bytes[7];
  EXPECT_EQ(other->Open("h").value()->Read(0, 7, bytes).value(), 7u);
  EXPECT_EQ(other->Open("h").value()->Map(Access::kMap).value()->bytes(), "content");
  EXPECT_EQ(sim_.ReadFile("/renamed/h").value(), "content");
  EXPECT_EQ(fs_.Count(FsOps::Changes()), 7u);
  EXPECT_EQ(fs_.Count({FsOp::kOpen}, NameEndsWith("h")), 2u);
  EXPECT_EQ(fs_.Count({FsOp::kOpen}, NameEndsWith("g")), 0u);
}

TEST_F(FaultFsTest, OnlyTheNthMatchingCallFails) {
  const auto fault = fs_.Inject({.ops = {FsOp::kWrite}, .name = NameEndsWith(".wal"), .nth = 2});
  const auto wal = directory_->Create("1.wal").value();
  const auto other = directory_->Create("2.keys").value();
  EXPECT_EQ(wal->Write(0, "a"), Status());
  EXPECT_EQ(other->Write(0, "a"), Status());
  EXPECT_EQ(other->Write(1, "b"), Status());
  EXPECT_EQ(wal->Sync(), Status());
  const Status failed = wal->Write(1, "b");
  EXPECT_EQ(failed.code(), StatusCode::kIoError);
  EXPECT_EQ(failed.file(), "1.wal");
  EXPECT_EQ(wal->Write(1, "c"), Status());
  EXPECT_EQ(sim_.ReadFile("/db/1.wal").value(), "ac");
  EXPECT_EQ(fs_.Hits(fault), 1u);
}

TEST_F(FaultFsTest, AStickyFaultFailsUntilItIsCleared) {
  const auto fault =
      fs_.Inject({.ops = {FsOp::kCreate}, .sticky = true, .code = StatusCode::kResourceExhausted});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(directory_->Create("f").status().code(), StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(fs_.Hits(fault), 3u);
  fs_.Clear();
  EXPECT_TRUE(directory_->Create("f").ok());
}

TEST_F(FaultFsTest, AShortWriteLeavesItsPrefix) {
  const auto file = directory_->Create("f").value();
  fs_.Inject({.ops = {FsOp::kWrite}, .code = StatusCode::kNoSpace, .write_first = 3});
  EXPECT_EQ(file->Write(0, "abcdef").code(), StatusCode::kNoSpace);
  EXPECT_EQ(sim_.ReadFile("/db/f").value(), "abc");
}

TEST_F(FaultFsTest, AFaultAfterTheCallLeavesItDone) {
  const auto file = directory_->Create("f").value();
  fs_.Inject({.ops = {FsOp::kRename, FsOp::kWrite}, .sticky = true, .after = true});
  EXPECT_EQ(file->Write(0, "abc").code(), StatusCode::kIoError);
  EXPECT_EQ(directory_->Rename("f", "g").code(), StatusCode::kIoError);
  EXPECT_EQ(sim_.ReadFile("/db/g").value(), "abc");
  EXPECT_EQ(directory_->Rename("none", "g").code(), StatusCode::kNotFound);
}

TEST_F(FaultFsTest, EveryKindOfCallCanFail) {
  const auto file = directory_->Create("f").value();
  const auto random = directory_->Open("f").value();
  const auto mapping = random->Map(Access::kMap).value();
  char byte;
  fs_.Inject({.sticky = true});
  const std::uint64_t before = fs_.Count(FsOps::All());
  EXPECT_FALSE(fs_.OpenDirectory("/db", false).ok());
  EXPECT_FALSE(fs_.RenameDirectory("/db", "/x").ok());
  EXPECT_FALSE(directory_->Create("g").ok());
  EXPECT_FALSE(directory_->OpenForWrite("f").ok());
  EXPECT_FALSE(directory_->Open("f").ok());
  EXPECT_FALSE(directory_->FileBytes("f").ok());
  EXPECT_FALSE(directory_->Rename("f", "g").ok());
  EXPECT_FALSE(directory_->Link("f", directory_.get(), "g").ok());
  EXPECT_FALSE(directory_->Unlink("f").ok());
  EXPECT_FALSE(directory_->List().ok());
  EXPECT_FALSE(directory_->Sync().ok());
  EXPECT_FALSE(directory_->Lock("f", true).ok());
  EXPECT_FALSE(directory_->FreeBytes().ok());
  EXPECT_FALSE(file->Write(0, "x").ok());
  EXPECT_FALSE(file->Sync().ok());
  EXPECT_FALSE(file->Truncate(1).ok());
  EXPECT_FALSE(file->Read(0, 1, &byte).ok());
  EXPECT_FALSE(random->Read(0, 1, &byte).ok());
  EXPECT_FALSE(random->ReadDevice(0, 1, &byte).ok());
  EXPECT_FALSE(random->Map(Access::kCopy).ok());
  EXPECT_FALSE(mapping->Populate(0, 0).ok());
  file->StartWriteback(0, 1);
  random->DropCache(0, 1);
  EXPECT_EQ(fs_.Count(FsOps::All()) - before, kFsOpCount);
  EXPECT_EQ(sim_.ListNames("/db"), std::vector<std::string>{"f"});
  EXPECT_EQ(sim_.ReadFile("/db/f").value(), "");
}

TEST_F(FaultFsTest, ABlockedCallWaitsUntilReleased) {
  const auto keys = directory_->Create("1.keys").value();
  const auto wal = directory_->Create("2.wal").value();
  const auto block = fs_.Block({FsOp::kWrite}, NameEndsWith(".keys"));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    EXPECT_EQ(keys->Write(0, "blocked"), Status());
    done = true;
  });
  fs_.WaitUntilBlocked(block);
  EXPECT_EQ(wal->Write(0, "free"), Status());
  EXPECT_EQ(sim_.ReadFile("/db/1.keys").value(), "");
  EXPECT_FALSE(done);
  fs_.Release(block);
  writer.join();
  EXPECT_EQ(sim_.ReadFile("/db/1.keys").value(), "blocked");
  EXPECT_EQ(keys->Write(0, "open"), Status());
}

TEST(FaultFs, ItsEndReleasesWhatIsBlocked) {
  SimFs sim;
  auto fs = std::make_unique<FaultFs>(&sim);
  const auto file = fs->OpenDirectory("/db", true).value()->Create("f").value();
  const auto block = fs->Block(FsOps::All());
  std::thread writer([&] { EXPECT_EQ(file->Write(0, "x"), Status()); });
  fs->WaitUntilBlocked(block);
  fs.reset();
  writer.join();
}

}  // namespace
}  // namespace kyro::support
