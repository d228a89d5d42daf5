// SPDX-License-Identifier: Apache-2.0
//
// What salvage finds in a log that ScanChain refuses: every intact commit, once, and the sequences
// that are missing between them, with the place where they were.
#include "wal/salvage.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/fault_fs.h"
#include "wal/log_fixture.h"

namespace kyro::wal {
namespace {

using support::FaultFs;
using support::FsOp;
using Batches = std::vector<std::string>;

SalvagedLog Salvaged(const Log& log) {
  auto salvaged = SalvageLog(*log.directory, log.start);
  EXPECT_TRUE(salvaged.ok()) << salvaged.status().ToString();
  return salvaged.ok() ? *std::move(salvaged) : SalvagedLog();
}

Batches BatchesOf(const SalvagedLog& log) {
  Batches batches;
  for (const SalvagedGroup& group : log.groups) {
    std::string_view payload = group.payload;
    for (std::string_view batch; NextBatch(&payload, &batch);) batches.emplace_back(batch);
  }
  return batches;
}

void ExpectPlace(const LogDamage& found, std::uint64_t number, std::uint64_t offset,
                 std::uint64_t bytes, std::string_view what) {
  EXPECT_EQ(found.file, Name(number));
  EXPECT_EQ(found.offset, offset);
  EXPECT_EQ(found.bytes, bytes);
  EXPECT_NE(found.what.find(what), std::string::npos) << found.what;
}

void ExpectOneGap(const SalvagedLog& log, Sequence first, Sequence last) {
  ASSERT_EQ(log.gaps.size(), 1u);
  EXPECT_EQ(log.gaps[0].first, first);
  EXPECT_EQ(log.gaps[0].last, last);
}

TEST(WalSalvage, ASoundLogIsSalvagedWhole) {
  const SalvagedLog log = Salvaged(Three());
  EXPECT_EQ(BatchesOf(log), (Batches{"a", "b", "c", "d"}));
  EXPECT_TRUE(log.gaps.empty());
  EXPECT_TRUE(log.damages.empty());
  EXPECT_EQ(log.newest_manifest, (ManifestMark{7, 0x77}));
}

// Checksums of records start from the file's uuid: of one whose header is damaged it is known from
// who names it, which is the manifest for the first file and a seal for the second.
TEST(WalSalvage, AFileWithADamagedHeaderIsReadByTheIdentityThatAnotherNames) {
  for (const std::uint64_t number : {1u, 2u}) {
    SCOPED_TRACE(number);
    Log log = Three();
    log.Flip(number, 20);
    const SalvagedLog found = Salvaged(log);
    EXPECT_EQ(BatchesOf(found), log.written);
    EXPECT_TRUE(found.gaps.empty());
    ASSERT_EQ(found.damages.size(), 1u);
    ExpectPlace(found.damages[0], number, 0, kFirstRecordOffset, Name(number));
  }
}

TEST(WalSalvage, AFileWithADamagedHeaderThatNothingNamesIsLostAsAWhole) {
  Log log = Three();
  log.Make(9);
  log.Flip(9, 20);
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), log.written);
  EXPECT_TRUE(found.gaps.empty());
  ASSERT_EQ(found.damages.size(), 1u);
  ExpectPlace(found.damages[0], 9, 0, kSmallFileBytes, Name(9));
}

TEST(WalSalvage, AnotherDatabasesCommitsAreNotTaken) {
  Log log = Three();
  const Batches ours = log.written;
  log.writer = log.Make(4, kSmallFileBytes, Uuid{5, 5});
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{FileId{}, 0, log.last, false}).ok());
  log.Synced({"theirs"});
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), ours);
  ASSERT_EQ(found.damages.size(), 1u);
  ExpectPlace(found.damages[0], 4, 0, kSmallFileBytes, "is a file of another database");
}

// 1 ends with the record of "a"; what was written behind it, the batch "void" as sequence 2, the
// link of 2 cut off, and it stands there all the same. `then` are the batches of 2.
Log CutOff(const Batches& then) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  RecordHeader header;
  header.offset = log.writer->length();
  header.first = header.last = 2;
  header.synced_offset = 1024;
  header.batches = 1;
  log.CutOver(2);
  log.Synced(then);
  std::string payload;
  AddBatch(&payload, "void");
  log.Forge(1, log.start.floor, header, payload);
  return log;
}

TEST(WalSalvage, WhatALinkCutOffIsNotTaken) {
  Log log = CutOff({"b"});
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), (Batches{"a", "b"}));
  EXPECT_TRUE(found.gaps.empty());
}

// The link that said which of the two counts is gone: the first does, and the other is told of.
TEST(WalSalvage, SequencesThatTwoRecordsHoldAreTakenOnce) {
  Log log = CutOff({"b", "c"});
  log.start.newest = log.writer->id();
  log.start.last_sequence = 3;
  log.Flip(2, kFirstRecordOffset);
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), (Batches{"a", "void"}));
  ASSERT_EQ(found.damages.size(), 2u);
  ExpectPlace(found.damages[0], 2, kFirstRecordOffset, kSectorBytes, "crc32c");
  ExpectPlace(found.damages[1], 2, 1024, kSectorBytes, "sequences that another record holds");
  ExpectOneGap(found, 3, 3);
}

// ---------------------------------------------------------------------------------- gaps

TEST(WalSalvage, AGapInsideAFileIsBetweenItsRecords) {
  Log log = Three();
  log.Flip(2, 1024);
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), (Batches{"a", "b", "d"}));
  ExpectOneGap(found, 3, 3);
  ExpectPlace(found.gaps[0].where, 2, 1024, kSectorBytes, "no intact record");
}

TEST(WalSalvage, AGapOfAMissingFileIsThatFile) {
  Log log = Three();
  ASSERT_TRUE(log.directory->Unlink(Name(2)).ok());
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), (Batches{"a", "b", "d"}));
  ExpectOneGap(found, 3, 3);
  ExpectPlace(found.gaps[0].where, 2, 0, 0, "missing");
}

TEST(WalSalvage, AGapBehindAFileThatHasNoSealIsTheRestOfIt) {
  Log log = Three();
  log.Flip(2, 1024);
  log.Flip(2, 1536);
  const SalvagedLog found = Salvaged(log);
  ExpectOneGap(found, 3, 3);
  ExpectPlace(found.gaps[0].where, 2, 1024, kSmallFileBytes - 1024, "no intact record");
}

// The file in between holds nothing any more, not even damage.
TEST(WalSalvage, AGapBehindASealIsBeforeTheNextRecord) {
  Log log = Three();
  log.Patch(2, kFirstRecordOffset, std::string(kSmallFileBytes - kFirstRecordOffset, '\0'));
  const SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), (Batches{"a", "b", "d"}));
  ExpectOneGap(found, 3, 3);
  ExpectPlace(found.gaps[0].where, 3, kFirstRecordOffset, 0, "no intact record");
}

TEST(WalSalvage, WhatTheManifestKnowsOfBehindTheEndIsAGap) {
  Log log = Three();
  log.start.last_sequence = 6;
  SalvagedLog found = Salvaged(log);
  EXPECT_EQ(BatchesOf(found), log.written);
  ExpectOneGap(found, 5, 6);
  ExpectPlace(found.gaps[0].where, 3, 1536, kSmallFileBytes - 1536, "no intact record");
  // The same of a log that was closed: there is no rest of the file to blame.
  log.Close();
  log.start.last_sequence = 6;
  found = Salvaged(log);
  ExpectOneGap(found, 5, 6);
  ExpectPlace(found.gaps[0].where, 3, 2048, 0, "ends too early");
}

TEST(WalSalvage, WithoutAnyRecordAllIsAGapAtTheFloor) {
  Log log = Three();
  log.start.last_sequence = 4;
  log.Patch(1, kFirstRecordOffset, std::string(kSmallFileBytes - kFirstRecordOffset, '\0'));
  ASSERT_TRUE(log.directory->Unlink(Name(2)).ok());
  ASSERT_TRUE(log.directory->Unlink(Name(3)).ok());
  const SalvagedLog found = Salvaged(log);
  EXPECT_TRUE(found.groups.empty());
  ExpectOneGap(found, 1, 4);
  EXPECT_EQ(found.gaps[0].where.file, Name(1));
}

// ---------------------------------------------------------------------------------- errors

// A file is read by large pieces. One that fails costs no more than what cannot be read.
TEST(WalSalvage, AReadThatFailsOnlyForALargePieceCostsNothing) {
  Log log;
  log.writer = log.Make(1, 1 << 20);
  log.start.floor = log.start.newest = log.writer->id();
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{}).ok());
  for (int i = 0; i < 5; ++i) log.Synced({std::string(100'000, static_cast<char>('a' + i))});
  FaultFs faults(log.fs.get());
  const auto directory = faults.OpenDirectory("/db", false).value();
  for (std::uint64_t nth = 2; nth <= 4; ++nth) {
    SCOPED_TRACE(nth);
    const auto fault = faults.Inject({.ops = {FsOp::kRead}, .nth = nth});
    const auto found = SalvageLog(*directory, log.start);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    EXPECT_EQ(faults.Hits(fault), 1u);
    EXPECT_EQ(BatchesOf(*found), log.written);
    EXPECT_TRUE(found->gaps.empty());
    EXPECT_TRUE(found->damages.empty());
    faults.Clear();
  }
}

TEST(WalSalvage, WantOfMemoryIsNoDamage) {
  Log log;
  log.writer = log.Make(1, 1 << 20);
  log.start.floor = log.start.newest = log.writer->id();
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{}).ok());
  log.Synced({std::string(300'000, 'x')});
  log.Flip(1, 1024);  // so that sectors are looked at one by one
  FaultFs faults(log.fs.get());
  const auto directory = faults.OpenDirectory("/db", false).value();
  std::uint64_t before = faults.Count({FsOp::kRead});
  ASSERT_TRUE(SalvageLog(*directory, log.start).ok());
  const std::uint64_t reads = faults.Count({FsOp::kRead}) - before;
  ASSERT_GE(reads, 4u);
  for (std::uint64_t nth = 1; nth <= reads; ++nth) {
    faults.Inject({.ops = {FsOp::kRead}, .nth = nth, .code = StatusCode::kResourceExhausted});
    EXPECT_EQ(SalvageLog(*directory, log.start).status().code(), StatusCode::kResourceExhausted)
        << nth;
    faults.Clear();
  }
  faults.Inject({.ops = {FsOp::kOpen}, .code = StatusCode::kResourceExhausted});
  EXPECT_EQ(SalvageLog(*directory, log.start).status().code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace kyro::wal
