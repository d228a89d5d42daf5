// SPDX-License-Identifier: Apache-2.0
//
// How files lead to each other, and what happens when they do not.
#include "wal/chain.h"

#include <gtest/gtest.h>

#include <string>

#include "wal/inspect.h"
#include "wal/log_fixture.h"

namespace kyro::wal {
namespace {

using Batches = std::vector<std::string>;

TEST(WalChain, NoFloorIsAnEmptyChain) {
  Log log;
  log.start.floor_sequence = 17;
  log.start.clean = true;
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok());
  EXPECT_TRUE(chain->files.empty());
  EXPECT_EQ(chain->last_sequence, 17u);
  EXPECT_TRUE(chain->clean);
  EXPECT_TRUE(log.Read().value().empty());
}

TEST(WalChain, SealsLeadFromFileToFile) {
  const Log log = Three();
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  ASSERT_EQ(chain->files.size(), 3u);
  EXPECT_EQ(chain->files[0].first_sequence, 1u);
  EXPECT_EQ(chain->files[0].last_sequence, 2u);
  EXPECT_TRUE(chain->files[0].sealed);
  EXPECT_EQ(chain->files[2].first_sequence, 4u);
  EXPECT_FALSE(chain->files[2].sealed);
  EXPECT_EQ(chain->last_sequence, 4u);
  EXPECT_EQ(chain->bytes_checked, 3 * kSmallFileBytes);
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b", "c", "d"}));
}

TEST(WalChain, ReplayBeginsBehindASequenceEvenInsideAGroup) {
  const Log log = Three();
  EXPECT_EQ(log.Read(1).value(), (Batches{"b", "c", "d"}));
  EXPECT_EQ(log.Read(3).value(), (Batches{"d"}));
  EXPECT_TRUE(log.Read(4).value().empty());
}

TEST(WalChain, ReplayStopsAtTheFirstError) {
  const Log log = Three();
  int applied = 0;
  const Status status = ReplayChain(
      *log.directory, log.start, log.Scan().value(), 0,
      [&](Sequence, auto) { return ++applied < 2 ? Status::Ok() : Status(StatusCode::kAborted); });
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_EQ(applied, 2);
}

TEST(WalChain, ReplayFindsDamageAgain) {
  Log log = Three();
  const Chain chain = log.Scan().value();
  const auto apply = [](Sequence, std::string_view) { return Status::Ok(); };
  for (std::uint64_t at = 0; at < chain.files[1].valid_bytes; ++at) {
    log.Flip(2, at);
    ExpectDamage(ReplayChain(*log.directory, log.start, chain, 0, apply), 2);
    log.Flip(2, at);
  }
  EXPECT_TRUE(ReplayChain(*log.directory, log.start, chain, 0, apply).ok());
}

// Between scan and replay another group came to stand in the last file, whole and of the same size.
TEST(WalChain, ReplayFindsAGroupThatIsNoLongerTheOneScanned) {
  Log log = Three();
  const Chain chain = log.Scan().value();
  RecordHeader header;
  header.offset = 1024;
  header.first = 4;
  header.last = 5;
  header.synced_offset = kFirstRecordOffset;
  header.batches = 2;
  header.manifest = log.mark;
  std::string payload;
  AddBatch(&payload, "d");
  AddBatch(&payload, "e");
  log.Forge(3, log.writer->id(), header, payload);
  const auto apply = [](Sequence, std::string_view) { return Status::Ok(); };
  const Status status = ReplayChain(*log.directory, log.start, chain, 0, apply);
  ExpectDamage(status, 3, chain.files[2].valid_bytes);
  EXPECT_NE(status.message().find("ends at sequence 5, had 4"), std::string_view::npos)
      << status.ToString();
}

TEST(WalChain, AFileBelowTheFloorIsALeftover) {
  Log log = Three();
  log.start.floor = log.Scan().value().files[1].id;
  log.start.newest = log.writer->id();
  log.start.floor_sequence = 2;
  log.Flip(1, 20);
  EXPECT_EQ(log.Read().value(), (Batches{"c", "d"}));
}

TEST(WalChain, TheFloorHoldsTheNextSequence) {
  Log log = Three();
  log.start.floor_sequence = 1;
  ExpectDamage(log.Scan().status(), 1, kFirstRecordOffset);
}

TEST(WalChain, AMissingFileIsNamed) {
  for (const std::uint64_t number : {1u, 2u, 3u}) {
    Log log = Three();
    ASSERT_TRUE(log.directory->Unlink(Name(number)).ok());
    ExpectDamage(log.Scan().status(), number);
  }
}

TEST(WalChain, AnotherFileOfTheSameNumberIsDamage) {
  for (const std::uint64_t number : {1u, 2u, 3u}) {
    Log log = Three();
    ASSERT_TRUE(log.directory->Unlink(Name(number)).ok());
    log.writer = nullptr;
    log.Make(number);
    ExpectDamage(log.Scan().status(), number, 0);
  }
}

TEST(WalChain, AFileUnderAnotherNameIsDamage) {
  Log log = Three();
  log.Replace(2, log.Bytes(3));
  ExpectDamage(log.Scan().status(), 2, 0);
  ExpectDamage(ScanFile(*log.directory, Name(2), {}).status(), 2, 0);
}

TEST(WalChain, ALinkThatWasNeverWrittenEndsTheLog) {
  // Sealed and synced, and then the power went.
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  auto next = log.Make(2);
  ASSERT_TRUE(log.writer->AppendSeal(log.Info(), next->id()).ok());
  auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->files.size(), 2u);
  EXPECT_EQ(chain->files[1].valid_bytes, kFirstRecordOffset);
  EXPECT_EQ(chain->last_sequence, 1u);
  // Its link and first group were torn.
  log.Patch(2, kFirstRecordOffset, "torn");
  chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->torn_bytes, 4u);
}

TEST(WalChain, ALinkThatNamesAnotherFileIsDamage) {
  const Link wrong[] = {{FileId{9, Uuid{9, 9}}, 2048, 1, false},
                        {FileId{}, 0, 1, false},
                        {FileId{1, Uuid{9, 9}}, 2048, 1, false}};
  for (const Link& link : wrong) {
    Log log;
    log.Begin(1);
    log.Synced({"a"});
    auto next = log.Make(2);
    ASSERT_TRUE(log.writer->AppendSeal(log.Info(), next->id()).ok());
    ASSERT_TRUE(next->AppendLink(log.Info(), link).ok());
    ExpectDamage(log.Scan().status(), 2, kFirstRecordOffset);
  }
}

TEST(WalChain, ALinkGivesTheExactLength) {
  for (const std::uint64_t bytes : {1024u, 1536u, 2560u}) {
    Log log;
    log.Begin(1);
    log.Synced({"a"});
    auto next = log.Make(2);
    ASSERT_TRUE(log.writer->AppendSeal(log.Info(), next->id()).ok());
    ASSERT_TRUE(next->AppendLink(log.Info(), Link{log.writer->id(), bytes, 1, false}).ok());
    ExpectDamage(log.Scan().status(), 2, kFirstRecordOffset);
  }
}

TEST(WalChain, AFirstRecordThatIsNoLinkIsDamage) {
  Log log;
  log.writer = log.Make(1);
  log.start.floor = log.start.newest = log.writer->id();
  log.Mark();
  ExpectDamage(log.Scan().status(), 1, kFirstRecordOffset);
}

// A file that continues itself would be walked for ever.
TEST(WalChain, ASealThatNamesNoLaterFileIsDamage) {
  Log log;
  log.writer = log.Make(2);
  log.start.floor = log.start.newest = log.writer->id();
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{log.writer->id(), 1536, 0, false}).ok());
  ASSERT_TRUE(log.writer->AppendSeal(log.Info(), log.writer->id()).ok());
  ExpectDamage(log.Scan().status(), 2, 1024);
}

TEST(WalChain, SealedFilesAreCompleteToTheLastByte) {
  for (const std::uint64_t number : {1u, 2u}) {
    for (std::uint64_t at = 0; at < kSmallFileBytes; ++at) {
      Log log = Three();
      log.Flip(number, at);
      ExpectDamage(log.Scan().status(), number);
    }
  }
}

TEST(WalChain, AFileThatOnlyASealNamesIsFound) {
  Log log = Three();
  EXPECT_EQ(log.start.newest.number, 1u);  // as the manifest still has it
  EXPECT_EQ(log.Scan().value().files.size(), 3u);
}

TEST(WalChain, WhatTheManifestNamesAsNewestMustBePartOfIt) {
  Log log = Three();
  log.start.newest = log.writer->id();
  EXPECT_TRUE(log.Scan().ok());
  log.start.newest = FileId{4, Uuid{1, 1}};
  ExpectDamage(log.Scan().status(), 4);
  log.start.newest = log.Make(4)->id();
  ExpectDamage(log.Scan().status(), 4);
  log.start.newest = FileId{3, Uuid{1, 1}};
  ExpectDamage(log.Scan().status(), 3);
}

// The log ends in 1, whose seal is torn; 3 leads back to 2, which leads nowhere.
TEST(WalChain, TheFileAtWhichTheLinksBackEndIsBlamed) {
  Log log = Three();
  log.start.newest = log.writer->id();
  log.Flip(1, 1536);
  log.Flip(2, kFirstRecordOffset);
  const Status status = log.Scan().status();
  ExpectDamage(status, 2, kFirstRecordOffset);
  EXPECT_NE(status.message().find("named by 000003.wal, but the log from 000001.wal ends in "
                                  "000001.wal"),
            std::string_view::npos)
      << status.ToString();
  // Nor can it lead anywhere if it is not there.
  ASSERT_TRUE(log.directory->Unlink(Name(2)).ok());
  const Status missing = log.Scan().status();
  ExpectDamage(missing, 2);
  EXPECT_NE(missing.message().find("missing; named by 000003.wal"), std::string_view::npos)
      << missing.ToString();
}

TEST(WalChain, ASealAndALinkMustNameTheSameSuccessor) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  const std::uint64_t seal = log.writer->length();
  const auto named = log.Make(2);
  ASSERT_TRUE(log.writer->AppendSeal(log.Info(), named->id()).ok());
  const Link link{log.writer->id(), log.writer->length(), 1, false};
  ASSERT_TRUE(log.Make(3)->AppendLink(log.Info(), link).ok());
  const Status status = log.Scan().status();
  ExpectDamage(status, 1, seal);
  EXPECT_NE(status.message().find("its seal names 000002.wal, but 000003.wal continues it"),
            std::string_view::npos)
      << status.ToString();
}

// ------------------------------------------------------------------------------------- cuts

TEST(WalChain, ACutVoidsWhatFollows) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  const std::uint64_t good = log.writer->length();
  log.CutOver(2);
  log.Synced({"b"});
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b"}));
  // A record that had failed, and was there after all.
  RecordHeader header;
  header.offset = good;
  header.first = header.last = 2;
  header.synced_offset = 1024;
  header.batches = 1;
  std::string payload;
  AddBatch(&payload, "void");
  log.Forge(1, log.start.floor, header, payload);
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b"}));
  log.Patch(1, good, "garbage");
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b"}));
}

TEST(WalChain, ACutVoidsASealToo) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  const std::uint64_t good = log.writer->length();
  auto orphan = log.Make(2);
  RecordHeader header;
  header.type = RecordType::kSeal;
  header.offset = good;
  header.first = 2;
  header.last = 1;
  header.synced_offset = good;
  log.CutOver(3);
  log.Synced({"b"});
  log.Forge(1, log.start.floor, header, EncodeSeal(Seal{orphan->id()}));
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b"}));
}

TEST(WalChain, ACutMustBeAtARecordBoundaryOfTheRightSequence) {
  struct Case {
    std::uint64_t bytes;
    Sequence last;
    std::uint64_t blamed;
  };
  // 512 link, 1024 a (1 sector), 1536 x (3 sectors) to 3072.
  for (const Case& c : {Case{512, 2, 2}, Case{1536, 2, 2}, Case{2048, 2, 1}, Case{1600, 2, 1},
                        Case{3584, 2, 1}, Case{100, 2, 1}}) {
    Log log;
    log.Begin(1);
    log.Synced({"a"});
    log.Synced({std::string(1200, 'x')});
    auto next = log.Make(2);
    ASSERT_TRUE(next->AppendLink(log.Info(), Link{log.writer->id(), c.bytes, c.last, true}).ok());
    const Status status = log.Scan().status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << c.bytes;
    ExpectDamage(status, c.blamed);
  }
}

TEST(WalChain, WhatACutKeepsIsComplete) {
  for (std::uint64_t at = 0; at < 1536; ++at) {
    Log log;
    log.Begin(1);
    log.Synced({"a"});
    log.CutOver(2);
    log.Flip(1, at);
    const Status status = log.Scan().status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << at;
  }
}

TEST(WalChain, OnlyACutMayFollowAFileWithoutASeal) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  auto next = log.Make(2);
  ASSERT_TRUE(
      next->AppendLink(log.Info(), Link{log.writer->id(), log.writer->length(), 1, false}).ok());
  ExpectDamage(log.Scan().status(), 1, log.writer->length());
}

// A link whose write failed, and was there after all; the writer went on in a higher file.
TEST(WalChain, TheHighestOfSeveralCutsCounts) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  auto failed = log.Make(2);
  ASSERT_TRUE(
      failed->AppendLink(log.Info(), Link{log.writer->id(), log.writer->length(), 1, true}).ok());
  log.CutOver(3);
  log.Synced({"b"});
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b"}));
  // It cannot hold commits of its own.
  log.writer = std::move(failed);
  log.last = 1;
  log.Synced({"lost"});
  ExpectDamage(log.Scan().status(), 2);
}

// ------------------------------------------------------------------------------------ closed

Log Closed() {
  Log log = Three();
  log.Close();
  return log;
}

TEST(WalChain, ACleanCloseIsRecognised) {
  const Log log = Closed();
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_TRUE(chain->clean);
  EXPECT_TRUE(chain->files.back().sealed);
  EXPECT_EQ(chain->files.back().file_bytes, chain->files.back().valid_bytes);
  EXPECT_EQ(log.Read().value(), log.written);
}

TEST(WalChain, EveryFlippedByteOfAClosedLogIsFound) {
  Log log = Closed();
  for (const std::uint64_t number : {1u, 2u, 3u}) {
    for (std::uint64_t at = 0; at < log.Bytes(number).size(); ++at) {
      log.Flip(number, at);
      ExpectDamage(log.Scan().status(), number);
      log.Flip(number, at);
    }
  }
  EXPECT_TRUE(log.Scan().ok());
}

TEST(WalChain, EveryTruncationOfAClosedLogIsFoundOrHarmless) {
  const Log log = Closed();
  for (const std::uint64_t number : {1u, 2u, 3u}) {
    const std::string bytes = log.Bytes(number);
    const std::uint64_t valid = log.Scan().value().files[number - 1].valid_bytes;
    for (std::uint64_t length = 0; length < bytes.size(); ++length) {
      Log cut = Closed();
      cut.Replace(number, bytes.substr(0, length));
      if (length < valid) {
        ExpectDamage(cut.Scan().status(), number);
      } else {
        EXPECT_EQ(cut.Read().value(), log.written);  // only prepared zeros are gone
      }
    }
  }
}

TEST(WalChain, AClosedLogMustMatchTheManifestExactly) {
  Log log = Closed();
  ++log.start.newest_bytes;
  ExpectDamage(log.Scan().status(), 3);
  log = Closed();
  log.start.newest_bytes -= 512;
  ExpectDamage(log.Scan().status(), 3);
  log = Closed();
  ++log.start.last_sequence;
  ExpectDamage(log.Scan().status(), 3);
  log = Closed();
  --log.start.last_sequence;
  ExpectDamage(log.Scan().status(), 3);
  log = Closed();
  log.Replace(3, log.Bytes(3) + std::string(512, '\0'));
  ExpectDamage(log.Scan().status(), 3);
  log = Closed();
  log.start.newest = FileId{};
  EXPECT_EQ(log.Scan().status().code(), StatusCode::kDataLoss);
}

TEST(WalChain, AClosedLogIsSealedWithoutSuccessor) {
  Log log = Three();
  ASSERT_TRUE(log.writer->AppendSeal(log.Info(), log.Make(4)->id()).ok());
  ASSERT_TRUE(log.writer->TruncateToLength().ok());
  log.start.newest = log.writer->id();
  log.start.newest_bytes = log.writer->length();
  log.start.last_sequence = log.last;
  log.start.clean = true;
  ExpectDamage(log.Scan().status(), 3);

  log = Three();
  ASSERT_TRUE(log.writer->TruncateToLength().ok());
  log.start.newest = log.writer->id();
  log.start.newest_bytes = log.writer->length();
  log.start.last_sequence = log.last;
  log.start.clean = true;
  ExpectDamage(log.Scan().status(), 3);
}

TEST(WalChain, AClosedLogMayBeContinuedByALaterProcess) {
  Log log = Closed();
  const FileId closed = log.writer->id();
  const std::uint64_t bytes = log.writer->length();
  log.writer = log.Make(5);
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{closed, bytes, log.last, false}).ok());
  // Not yet named: the link alone is an orphan.
  EXPECT_EQ(log.Scan().value().files.size(), 3u);
  log.start.clean = false;
  log.start.newest = log.writer->id();
  log.Synced({"e"});
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->files.size(), 4u);
  EXPECT_FALSE(chain->clean);
  EXPECT_EQ(log.Read().value(), log.written);
}

TEST(WalChain, ASealWithoutTheManifestsWordIsAnUncleanEnd) {
  Log log = Closed();
  log.start.clean = false;
  auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_FALSE(chain->clean);
  EXPECT_EQ(log.Read().value(), log.written);
  // The power went while the file was being cut to its length.
  log.Patch(3, log.writer->length() + 512, "garbage");
  chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_EQ(chain->torn_bytes, 519u);
}

// ------------------------------------------------------------------- stale manifests, orphans

TEST(WalChain, ARecordOfANewerManifestMeansAStaleOne) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  log.mark = ManifestMark{8, 0x88};
  log.Synced({"b"});
  const Status status = log.Scan().status();
  ExpectDamage(status, 1, 1536);
  EXPECT_NE(status.message().find("MANIFEST is older than"), std::string_view::npos);
  log.start.manifest = log.mark;
  EXPECT_TRUE(log.Scan().ok());
  log.start.manifest = ManifestMark{9, 0x99};
  EXPECT_TRUE(log.Scan().ok());
}

TEST(WalChain, AnotherManifestOfTheSameGenerationIsRefused) {
  Log log;
  log.Begin(1);
  log.start.manifest.crc ^= 1;
  ExpectDamage(log.Scan().status(), 1, kFirstRecordOffset);
}

TEST(WalChain, APreparedFileIsAnOrphan) {
  Log log = Closed();
  log.Make(4);
  log.Make(9);
  EXPECT_TRUE(log.Scan().ok());
  log.Patch(9, 512, "torn");
  EXPECT_TRUE(log.Scan().ok());
}

TEST(WalChain, AnUnnamedFileWithCommitsIsDamage) {
  for (const bool floor : {true, false}) {
    Log log = Closed();
    if (!floor) {
      log.start.floor = FileId{};
      log.start.floor_sequence = log.last;
    }
    const Link link{log.writer->id(), log.writer->length(), log.last, false};
    log.writer = log.Make(5);
    ASSERT_TRUE(log.writer->AppendLink(log.Info(), link).ok());
    ASSERT_TRUE(log.writer->Sync().ok());
    EXPECT_TRUE(log.Scan().ok());
    ASSERT_TRUE(log.Group({"e"}).ok());
    ExpectDamage(log.Scan().status(), 5);
    // Torn at the group: no commit. But not if it says that the lost bytes were durable.
    log.Flip(5, 1024);
    EXPECT_TRUE(log.Scan().ok());
    log.Flip(5, 1024);
    log.Flip(5, 512);
    ExpectDamage(log.Scan().status(), 5, 512);
  }
}

TEST(WalChain, WithoutAFloorWhatTheManifestKnewOfIsLeftOver) {
  Log log = Three();
  log.start.newest = log.writer->id();
  log.start.floor = FileId{};
  log.start.floor_sequence = log.last;
  const auto chain = log.Scan();
  ASSERT_TRUE(chain.ok()) << chain.status().ToString();
  EXPECT_TRUE(chain->files.empty());
  EXPECT_EQ(chain->last_sequence, log.last);
}

TEST(WalChain, ABranchThatEndedBelowTheFloorIsIgnored) {
  Log log = Three();
  const FileId first = log.start.floor;
  log.start.floor = log.start.newest = log.Scan().value().files[1].id;
  log.start.floor_sequence = 2;
  log.writer = log.Make(7);
  log.last = 2;
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{first, 1536, 2, true}).ok());
  log.Synced({"gone"});
  EXPECT_EQ(log.Read().value(), (Batches{"c", "d"}));
}

TEST(WalChain, AnotherDatabasesFilesWithoutCommitsAreNotOurs) {
  Log log = Closed();
  log.writer = log.Make(5, kSmallFileBytes, Uuid{5, 5});
  ASSERT_TRUE(log.writer->AppendLink(log.Info(), Link{FileId{}, 0, log.last, false}).ok());
  log.Replace(6, std::string(5000, 'x'));  // no log at all, under a log's name
  EXPECT_TRUE(log.Scan().ok());
}

// The manifest of a checkpoint in the directory of its parent, or the other way round: all that it
// names is there, and the newest commits are in a log that it knows nothing of.
TEST(WalChain, AnotherDatabasesCommitsMeanThatManifestAndLogDoNotBelongTogether) {
  for (const bool closed : {false, true}) {
    SCOPED_TRACE(closed);
    Log log = closed ? Closed() : Three();
    // Even a link to our log makes it no part of it.
    const Link link{log.writer->id(), log.writer->length(), log.last, true};
    log.writer = log.Make(closed ? 5 : 4, kSmallFileBytes, Uuid{5, 5});
    ASSERT_TRUE(log.writer->AppendLink(log.Info(), link).ok());
    EXPECT_TRUE(log.Scan().ok());
    log.Synced({"theirs"});
    ExpectDamage(log.Scan().status(), closed ? 5 : 4);
  }
}

TEST(WalChain, AnUnnamedFileWhoseHeaderRottedIsDamageIfItMayHoldCommits) {
  for (std::uint64_t at = 0; at < kFirstRecordOffset; ++at) {
    Log log = Closed();
    const Link link{log.writer->id(), log.writer->length(), log.last, false};
    log.writer = log.Make(5);
    log.Flip(5, at);
    EXPECT_TRUE(log.Scan().ok()) << "prepared, byte " << at;
    ASSERT_TRUE(log.writer->AppendLink(log.Info(), link).ok());
    log.Synced({"e"});
    ExpectDamage(log.Scan().status(), 5);
  }
}

// A checkpoint's log files were made by the database that it is a copy of.
TEST(WalChain, NamedFilesAreKnownByTheirOwnIdentity) {
  Log log = Three();
  log.CutOver(4);
  log.Synced({"e"});
  log.start.database = Uuid{8, 8};
  EXPECT_EQ(log.Read().value(), (Batches{"a", "b", "c", "d", "e"}));
}

// ---------------------------------------------------------------------------------- ScanFile

TEST(WalInspect, ReportsWhatAFileHolds) {
  Log log = Closed();
  std::vector<RecordType> types;
  const auto report = ScanFile(*log.directory, Name(3), [&](const RecordHeader& header, auto) {
    types.push_back(header.type);
    return Status::Ok();
  });
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->damage.ok()) << report->damage.ToString();
  EXPECT_EQ(types,
            (std::vector<RecordType>{RecordType::kLink, RecordType::kGroup, RecordType::kSeal}));
  ASSERT_TRUE(report->link && report->seal);
  EXPECT_EQ(report->link->predecessor.number, 2u);
  EXPECT_FALSE(report->seal->successor.exists());
  EXPECT_EQ(report->file.first_sequence, 4u);
  EXPECT_EQ(report->file.last_sequence, 4u);
  EXPECT_EQ(report->header.file, log.writer->id().uuid);
}

TEST(WalInspect, ReportsDamageAndWhatStandsBeforeIt) {
  Log log = Closed();
  log.Flip(2, 1024);
  auto report = ScanFile(*log.directory, Name(2), {});
  ASSERT_TRUE(report.ok());
  ExpectDamage(report->damage, 2, 1024);
  EXPECT_EQ(report->file.valid_bytes, 1024u);
  log.Flip(2, 3);
  ExpectDamage(ScanFile(*log.directory, Name(2), {}).status(), 2);
  EXPECT_EQ(ScanFile(*log.directory, "000099.wal", {}).status().code(), StatusCode::kNotFound);
}

TEST(WalInspect, BytesBehindASealThatNamesASuccessorAreDamage) {
  Log log = Three();
  auto report = ScanFile(*log.directory, Name(1), {});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->damage.ok()) << report->damage.ToString();
  ASSERT_TRUE(report->seal);
  EXPECT_EQ(report->seal->successor.number, 2u);
  const std::uint64_t end = report->file.valid_bytes;
  log.Flip(1, end + 600);
  report = ScanFile(*log.directory, Name(1), {});
  ASSERT_TRUE(report.ok());
  ExpectDamage(report->damage, 1, end);
  EXPECT_EQ(report->torn_bytes, 0u);
  EXPECT_EQ(report->file.valid_bytes, end);
}

TEST(WalInspect, ATornTailIsNoDamage) {
  Log log;
  log.Begin(1);
  ASSERT_TRUE(log.Group({"a"}).ok());
  log.Flip(1, 1024);
  const auto report = ScanFile(*log.directory, Name(1), {});
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->damage.ok());
  EXPECT_EQ(report->torn_bytes, 85u);
}

TEST(WalInspect, AVisitorMayStop) {
  const Log log = Three();
  const auto stop = [](const RecordHeader&, std::string_view) {
    return Status(StatusCode::kCancelled);
  };
  EXPECT_EQ(ScanFile(*log.directory, Name(1), stop).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace kyro::wal
