// SPDX-License-Identifier: Apache-2.0
#include "wal/writer.h"

#include <gtest/gtest.h>

#include <string>

#include "base/coding.h"
#include "wal/inspect.h"
#include "wal/log_fixture.h"

namespace kyro::wal {
namespace {

using support::CrashKind;
using support::SimOp;
using support::Unsynced;

TEST(WalWriter, CreateWritesAHeaderPageAndZeros) {
  Log log;
  auto writer = log.Make(42, 10'000);
  EXPECT_EQ(writer->name(), "000042.wal");
  EXPECT_EQ(writer->file_bytes(), 10'240u);
  EXPECT_EQ(writer->length(), kFirstRecordOffset);
  const std::string bytes = log.Bytes(42);
  ASSERT_EQ(bytes.size(), 10'240u);
  const auto header = DecodeFileHeader(bytes, FileKind::kWal, "000042.wal");
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->database, kDatabase);
  EXPECT_EQ(header->number, 42u);
  EXPECT_EQ(header->file, writer->id().uuid);
  EXPECT_TRUE(IsZero(std::string_view(bytes).substr(kFileHeaderBytes)));
}

TEST(WalWriter, CreateWritesAtMostAMebibyteAtOnce) {
  Log log;
  const std::uint64_t first = log.fs->event_count();
  log.Make(1, (std::uint64_t{2} << 20) + 512);
  std::uint64_t written = 0;
  for (std::uint64_t i = first; i < log.fs->event_count(); ++i) {
    if (log.fs->event(i).op != SimOp::kWrite) continue;
    EXPECT_EQ(log.fs->event(i).offset, written);
    EXPECT_LE(log.fs->event(i).bytes, std::uint64_t{1} << 20);
    written += log.fs->event(i).bytes;
  }
  EXPECT_EQ(written, (std::uint64_t{2} << 20) + 512);
}

// A name that says .wal is a durable, prepared file; a power cut at any event leaves that or no
// such name.
TEST(WalWriter, AFileHasItsNameOnlyWhenItIsDurable) {
  Log log;
  log.Make(1);
  int named = 0;
  for (std::uint64_t event = 0; event <= log.fs->event_count(); ++event) {
    for (const Unsynced unsynced : support::kUnsyncedCorners) {
      auto image = log.fs->CrashImage(CrashKind::kPowerCut, event, 0, unsynced);
      if (!image->Exists(PathOf(1))) continue;
      ++named;
      EXPECT_EQ(image->ReadFile(PathOf(1)).value(), log.Bytes(1)) << "event " << event;
    }
  }
  EXPECT_GT(named, 6);
  EXPECT_TRUE(log.fs->CrashImage(CrashKind::kPowerCut, log.fs->event_count(), 0, Unsynced::kAllOld)
                  ->Exists(PathOf(1)));
}

TEST(WalWriter, CreateThatFailsLeavesNoFile) {
  Log log;
  log.fs->SetFreeBytes(1000);
  auto made = Writer::Create(log.directory.get(), log.random.get(), kDatabase, 1, kSmallFileBytes);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), StatusCode::kNoSpace);
  EXPECT_TRUE(log.fs->ListNames("/db").empty());

  log.fs->SetFreeBytes(1 << 20);
  log.fs->FailSync(1);
  made = Writer::Create(log.directory.get(), log.random.get(), kDatabase, 1, kSmallFileBytes);
  ASSERT_FALSE(made.ok());
  EXPECT_TRUE(log.fs->ListNames("/db").empty());

  log.fs->FailDirectorySync(1);
  made = Writer::Create(log.directory.get(), log.random.get(), kDatabase, 1, kSmallFileBytes);
  EXPECT_FALSE(made.ok());
}

TEST(WalWriter, ARecordIsOneWriteOfWholeSectors) {
  Log log;
  log.Begin(1);
  for (const std::size_t bytes : {0, 1, 427, 428, 429, 5000}) {
    const std::uint64_t events = log.fs->event_count();
    const std::uint64_t before = log.writer->length();
    ASSERT_TRUE(log.Group({std::string(bytes, 'x')}).ok());
    ASSERT_EQ(log.fs->event_count(), events + 1);
    const support::SimEvent event = log.fs->event(events);
    EXPECT_EQ(event.op, SimOp::kWrite);
    EXPECT_EQ(event.offset, before);
    EXPECT_EQ(event.offset % kSectorBytes, 0u);
    EXPECT_EQ(event.bytes, AlignUp(kRecordHeaderBytes + 4 + bytes, kSectorBytes));
    EXPECT_EQ(log.writer->length(), before + event.bytes);
  }
  // The last one went past the prepared zeros.
  EXPECT_EQ(log.writer->file_bytes(), log.writer->length());
  EXPECT_EQ(log.Bytes(1).size(), log.writer->length());
}

TEST(WalWriter, SyncedOffsetCountsOnlyWhatASyncReturnedFor) {
  Log log;
  log.Begin(1);
  ASSERT_TRUE(log.Group({"a"}).ok());
  log.Synced({"b"});
  ASSERT_TRUE(log.Group({"c"}).ok());
  ASSERT_TRUE(log.Group({"d"}).ok());
  log.writer->StartWriteback();
  log.Mark();
  std::vector<std::uint64_t> synced;
  auto report = ScanFile(*log.directory, "000001.wal", [&](const RecordHeader& header, auto) {
    synced.push_back(header.synced_offset);
    return Status::Ok();
  });
  ASSERT_TRUE(report.ok());
  // link, a, b | c, d, mark
  EXPECT_EQ(synced, (std::vector<std::uint64_t>{512, 512, 512, 2048, 2048, 2048}));
}

TEST(WalWriter, AFailedWriteEndsTheFileButWhatStandsCanBeSynced) {
  Log log;
  log.Begin(1);
  ASSERT_TRUE(log.Group({"kept"}).ok());
  const std::uint64_t length = log.writer->length();
  log.fs->SetFreeBytes(0);
  const Status full = log.Group({std::string(10'000, 'x')});
  EXPECT_EQ(full.code(), StatusCode::kNoSpace);
  EXPECT_TRUE(log.writer->write_failed());
  EXPECT_EQ(log.writer->length(), length);
  log.fs->SetFreeBytes(1 << 20);
  EXPECT_EQ(log.Group({"late"}).code(), StatusCode::kIoError);
  EXPECT_EQ(log.writer->AppendMark(log.Info()).code(), StatusCode::kIoError);
  EXPECT_TRUE(log.writer->Sync().ok());
  EXPECT_EQ(log.writer->synced(), length);
  EXPECT_EQ(log.Read().value(), (std::vector<std::string>{"kept"}));
}

TEST(WalWriter, AFailedSyncIsNeverTriedAgain) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  const std::uint64_t synced = log.writer->synced();
  ASSERT_TRUE(log.Group({"b"}).ok());
  log.fs->FailSync(1);
  EXPECT_EQ(log.writer->Sync().code(), StatusCode::kUnknownOutcome);
  EXPECT_TRUE(log.writer->sync_failed());
  const std::uint64_t events = log.fs->event_count();
  EXPECT_EQ(log.writer->Sync().code(), StatusCode::kUnknownOutcome);
  EXPECT_EQ(log.Group({"c"}).code(), StatusCode::kIoError);
  EXPECT_EQ(log.fs->event_count(), events);
  EXPECT_EQ(log.writer->synced(), synced);
}

TEST(WalWriter, TruncateToLengthLeavesNoZeros) {
  Log log;
  log.Begin(1);
  log.Synced({"a"});
  EXPECT_EQ(log.Bytes(1).size(), kSmallFileBytes);
  EXPECT_TRUE(log.writer->TruncateToLength().ok());
  EXPECT_EQ(log.Bytes(1).size(), log.writer->length());
  EXPECT_EQ(log.writer->file_bytes(), log.writer->length());
}

TEST(WalWriter, ABufferWithoutRoomForTheHeaderIsRefused) {
  Log log;
  log.Begin(1);
  RecordInfo info = log.Info();
  info.last = info.first;
  info.batches = 1;
  std::string buffer(kRecordHeaderBytes - 1, '\0');
  EXPECT_EQ(log.writer->Append(info, &buffer).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(log.writer->write_failed());
}

}  // namespace
}  // namespace kyro::wal
