// SPDX-License-Identifier: Apache-2.0
//
// The end of the newest file: clean end, torn write, or damage.
#include <gtest/gtest.h>

#include <string>

#include "support/fault_fs.h"
#include "wal/log_fixture.h"
#include "wal/reader.h"

namespace kyro::wal {
namespace {

using Batches = std::vector<std::string>;

// link at 512, then one sector per group.
constexpr std::uint64_t GroupAt(int i) {
  return 1024 + 512 * static_cast<std::uint64_t>(i);
}

// Three groups, none of them synced by anyone.
Log Unsynced() {
  Log log;
  log.Begin(1);
  for (const char* batch : {"a", "b", "c"}) EXPECT_TRUE(log.Group({batch}).ok());
  return log;
}

TEST(WalTail, ZerosAreACleanEnd) {
  const Log log = Unsynced();
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok());
  EXPECT_EQ(chain->torn_bytes, 0u);
  EXPECT_FALSE(chain->clean);
  EXPECT_EQ(chain->last_sequence, 3u);
  EXPECT_EQ(chain->bytes_checked, kSmallFileBytes);
  ASSERT_EQ(chain->files.size(), 1u);
  EXPECT_EQ(chain->files[0].valid_bytes, GroupAt(3));
  EXPECT_EQ(chain->files[0].groups, 3u);
  EXPECT_EQ(chain->files[0].batches, 3u);
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b", "c"}));
}

TEST(WalTail, ATornLastRecordIsCutAndCounted) {
  Log log = Unsynced();
  log.Flip(1, GroupAt(2) + 84);
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->last_sequence, 2u);
  EXPECT_EQ(chain->torn_bytes, 85u);  // header, length, one byte
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b"}));
}

// Sectors reach the disk in any order: a later record may be there and an earlier one not.
TEST(WalTail, AHoleBeforeAnUnsyncedRecordIsATornTail) {
  Log log = Unsynced();
  log.Patch(1, GroupAt(1), std::string(512, '\0'));
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->last_sequence, 1u);
  EXPECT_EQ(chain->torn_bytes, 512u + 85);
}

TEST(WalTail, ARecordWrittenAfterASyncMakesAHoleBeforeItDamage) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  log.Synced({"b"});
  ASSERT_TRUE(log.Group({"c"}).ok());
  log.Flip(1, GroupAt(1) + 84);
  const Status status = log.Scan().status();
  ExpectDamage(status, 1, GroupAt(1));
  EXPECT_NE(status.message().find("sequence 2"), std::string_view::npos) << status.ToString();
}

TEST(WalTail, TheHoleMustBeginBelowWhatWasSynced) {
  // c says that everything below its own offset was synced: a hole at c itself proves nothing.
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  log.Synced({"b"});
  ASSERT_TRUE(log.Group({"c"}).ok());
  ASSERT_TRUE(log.Group({"d"}).ok());
  log.Flip(1, GroupAt(2) + 84);
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->last_sequence, 2u);
}

TEST(WalTail, AMarkIsAWitness) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  log.Mark();
  log.Flip(1, GroupAt(0));
  ExpectDamage(log.Scan().status(), 1, GroupAt(0));
}

TEST(WalTail, AWitnessWithATornPayloadIsAWitness) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  ASSERT_TRUE(log.Group({std::string(2000, 'x')}).ok());
  log.Flip(1, GroupAt(0));
  log.Flip(1, GroupAt(1) + 1000);
  ExpectDamage(log.Scan().status(), 1, GroupAt(0));
}

// A seal is written and then synced: a power cut in between may keep it and lose what stands
// before.
TEST(WalTail, ASealProvesNoMoreThanItsSyncedOffset) {
  Log log = Unsynced();
  ASSERT_TRUE(log.writer->AppendSeal(log.Info(), FileId{}).ok());
  log.Flip(1, GroupAt(2));
  EXPECT_EQ(log.Scan().value().last_sequence, 2u);

  log = Unsynced();
  ASSERT_TRUE(log.writer->Sync().ok());
  ASSERT_TRUE(log.writer->AppendSeal(log.Info(), FileId{}).ok());
  log.Flip(1, GroupAt(2));
  ExpectDamage(log.Scan().status(), 1, GroupAt(2));
}

TEST(WalTail, AWitnessFarBehindIsFound) {
  Log log;
  log.writer = log.Make(1, 1 << 20);
  log.start.floor = log.start.newest = log.writer->id();
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{}).ok());
  log.Synced({"a"});
  ASSERT_TRUE(log.Group({std::string(700'000, '\0')}).ok());
  ASSERT_TRUE(log.Group({"b"}).ok());
  log.Patch(1, GroupAt(0), std::string(1024, '\0'));  // a, and the next one's head
  ExpectDamage(log.Scan().status(), 1, GroupAt(0));
}

TEST(WalTail, ACopyOfTheLogInsideAValueIsNoWitness) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  log.Synced({"b"});
  // The copied record starts on a sector boundary, in the middle of a torn record.
  std::string value(kSectorBytes - kRecordHeaderBytes - kBatchLengthBytes, 'x');
  value += log.Bytes(1).substr(GroupAt(1), 512);
  value += std::string(600, 'y');
  ASSERT_TRUE(log.Group({value}).ok());
  log.Flip(1, GroupAt(2));
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->last_sequence, 2u);
}

TEST(WalTail, AnEndBeforeTheManifestsLastSequenceIsDamage) {
  Log log = Unsynced();
  log.start.last_sequence = 3;
  EXPECT_TRUE(log.Scan().ok());
  log.start.last_sequence = 4;
  ExpectDamage(log.Scan().status(), 1, GroupAt(3));
  log.start.last_sequence = 3;
  log.Flip(1, GroupAt(2));
  ExpectDamage(log.Scan().status(), 1, GroupAt(2));
}

TEST(WalTail, AReadThatFailsIsNeverTheEndOfTheLog) {
  using support::FsOp;
  Log log;
  log.writer = log.Make(1, 1 << 20);
  log.start.floor = log.start.newest = log.writer->id();
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{}).ok());
  ASSERT_TRUE(log.Group({std::string(300'000, 'x')}).ok());
  support::FaultFs faults(log.fs.get());
  auto directory = faults.OpenDirectory("/db", false).value();
  const std::uint64_t before = faults.Count({FsOp::kRead});
  ASSERT_TRUE(ScanChain(*directory, log.start).ok());
  const std::uint64_t reads = faults.Count({FsOp::kRead}) - before;
  ASSERT_GE(reads, 4u);
  for (std::uint64_t n = 1; n <= reads; ++n) {
    const auto fault = faults.Inject({.ops = {FsOp::kRead}, .nth = n});
    ExpectDamage(ScanChain(*directory, log.start).status(), 1);
    EXPECT_EQ(faults.Hits(fault), 1u);
    faults.Clear();
  }
  // What may pass is not damage.
  for (const FsOp op : {FsOp::kRead, FsOp::kOpen, FsOp::kList}) {
    faults.Inject({.ops = {op}, .code = StatusCode::kResourceExhausted});
    EXPECT_EQ(ScanChain(*directory, log.start).status().code(), StatusCode::kResourceExhausted);
    faults.Clear();
  }
}

// The length is what it was at opening; a file that has become shorter does not end there.
TEST(WalTail, AFileCutWhileItIsBeingReadIsDamageAtTheCut) {
  constexpr std::uint64_t kSector = 1171 * kSectorBytes;
  constexpr std::uint64_t kCut = kSector + 40;  // inside a record's header
  Log log;
  log.Make(1, 1 << 20);
  Reader reader = Reader::Open(*log.directory, FileName(FileKind::kWal, 1)).value();
  log.Replace(1, log.Bytes(1).substr(0, kCut));
  const Status status = reader.At(kSector).status();
  ExpectDamage(status, 1, kCut);
  EXPECT_NE(status.message().find("ends at byte 599592 while it is being read, had 1048576"),
            std::string_view::npos)
      << status.ToString();
}

TEST(WalTail, ARecordOfAnUnknownTypeIsUnsupported) {
  Log log = Unsynced();
  RecordHeader header;
  header.type = static_cast<RecordType>(6);
  header.offset = GroupAt(3);
  header.first = 4;
  header.last = 3;
  header.synced_offset = 512;
  log.Forge(1, log.start.floor, header, "");
  const Status status = log.Scan().status();
  EXPECT_EQ(status.code(), StatusCode::kUnsupported);
  EXPECT_EQ(status.file(), "000001.wal");
  EXPECT_EQ(status.offset(), GroupAt(3));
}

TEST(WalTail, AnIntactRecordOfAnotherSequenceIsDamage) {
  for (const Sequence first : {3u, 5u}) {
    Log log = Unsynced();
    RecordHeader header;
    header.offset = GroupAt(3);
    header.first = header.last = first;
    header.synced_offset = 512;
    header.batches = 1;
    std::string payload;
    AddBatch(&payload, "x");
    log.Forge(1, log.start.floor, header, payload);
    ExpectDamage(log.Scan().status(), 1, GroupAt(3));
  }
}

TEST(WalTail, PaddingIsPartOfTheRecord) {
  Log log = Unsynced();
  log.Flip(1, GroupAt(2) + 511);
  EXPECT_EQ(log.Scan().value().last_sequence, 2u);
  log = Unsynced();
  ASSERT_TRUE(log.writer->Sync().ok());
  log.Mark();
  log.Flip(1, GroupAt(2) + 511);
  ExpectDamage(log.Scan().status(), 1, GroupAt(2));
}

TEST(WalTail, ALengthBeyondTheFileIsATornRecord) {
  Log log = Unsynced();
  RecordHeader header;
  header.offset = GroupAt(3);
  header.first = header.last = 4;
  header.synced_offset = 512;
  header.batches = 1;
  log.Forge(1, log.start.floor, header, std::string(100'000, 'x'));
  log.Replace(1, log.Bytes(1).substr(0, kSmallFileBytes));
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok());
  EXPECT_EQ(chain->last_sequence, 3u);
  EXPECT_EQ(chain->torn_bytes, kSmallFileBytes - GroupAt(3));
}

// Nothing was synced, so every length from the header page on is a legal end.
TEST(WalTail, TruncationAtEveryLengthKeepsAPrefix) {
  const std::string bytes = Unsynced().Bytes(1);
  for (std::uint64_t length = 0; length < bytes.size(); ++length) {
    Log log = Unsynced();
    log.Replace(1, bytes.substr(0, length));
    const auto batches = log.Read();
    if (length < kFirstRecordOffset) {
      ExpectDamage(batches.status(), 1);
      continue;
    }
    ASSERT_TRUE(batches.ok()) << length << " " << batches.status().ToString();
    const std::size_t whole = length < 1024 ? 0 : (length - 1024) / 512;
    EXPECT_EQ(batches->size(), std::min<std::size_t>(whole, 3)) << length;
  }
}

// With a witness behind it, every byte below what was synced is guarded.
TEST(WalTail, EveryFlippedByteBelowTheSyncedOffsetIsDamage) {
  for (std::uint64_t at = 0; at < GroupAt(2); ++at) {
    Log log;
    log.Begin(1);
    log.Synced({"a"});
    log.Synced({"b", "c"});
    log.Mark();
    log.Flip(1, at);
    ExpectDamage(log.Scan().status(), 1);
  }
}

}  // namespace
}  // namespace kyro::wal
