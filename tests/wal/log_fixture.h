// SPDX-License-Identifier: Apache-2.0
//
// A small log on a SimFs, written with the real Writer, and what a manifest would know of it.
#ifndef KYRO_TESTS_WAL_LOG_FIXTURE_H_
#define KYRO_TESTS_WAL_LOG_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status_util.h"
#include "support/seeded_random.h"
#include "support/sim_fs.h"
#include "wal/chain.h"
#include "wal/record.h"
#include "wal/writer.h"

namespace kyro::wal {

inline constexpr std::uint64_t kSmallFileBytes = 4096;
inline const Uuid kDatabase{0x1111111111111111, 0x2222222222222222};

inline std::string Name(std::uint64_t number) {
  return FileName(FileKind::kWal, number);
}
inline std::string PathOf(std::uint64_t number) {
  return "/db/" + Name(number);
}

struct Log {
  explicit Log(std::uint64_t seed = 1, std::unique_ptr<support::SimFs> from = nullptr)
      : random(std::make_unique<support::SeededRandom>(seed)),
        fs(from ? std::move(from) : std::make_unique<support::SimFs>()) {
    directory = fs->OpenDirectory("/db", true).value();
    start.database = kDatabase;
    start.manifest = ManifestMark{7, 0x77};
  }

  // A file that nothing names yet.
  std::unique_ptr<Writer> Make(std::uint64_t number, std::uint64_t bytes = kSmallFileBytes,
                               const Uuid& database = kDatabase) {
    auto made = Writer::Create(directory.get(), random.get(), database, number, bytes);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return std::move(made).value();
  }

  RecordInfo Info() const {
    RecordInfo info;
    info.first = last + 1;
    info.last = last;
    info.commit_micros = 1'750'000'000'000'000;
    info.manifest = mark;
    return info;
  }

  // The first file of a chain, which the manifest names as its floor.
  void Begin(std::uint64_t number) {
    writer = Make(number);
    start.floor = start.newest = writer->id();
    start.floor_sequence = last;
    EXPECT_TRUE(writer->AppendLink(Info(), Link{FileId{}, 0, last, false}).ok());
  }
  Status Group(const std::vector<std::string>& group) {
    RecordInfo info = Info();
    info.last = last + group.size();
    info.batches = static_cast<std::uint32_t>(group.size());
    std::string buffer(kRecordHeaderBytes, '?');
    for (const std::string& batch : group) AddBatch(&buffer, batch);
    KYRO_RETURN_IF_ERROR(writer->Append(info, &buffer));
    last += group.size();
    written.insert(written.end(), group.begin(), group.end());
    return Status::Ok();
  }
  void Synced(const std::vector<std::string>& group) {
    EXPECT_TRUE(Group(group).ok());
    EXPECT_TRUE(writer->Sync().ok());
  }
  void Mark() { EXPECT_TRUE(writer->AppendMark(Info()).ok()); }
  // Seal, sync, link.
  void Rotate(std::uint64_t number) {
    auto next = Make(number);
    EXPECT_TRUE(writer->AppendSeal(Info(), next->id()).ok());
    EXPECT_TRUE(writer->Sync().ok());
    EXPECT_TRUE(next->AppendLink(Info(), Link{writer->id(), writer->length(), last, false}).ok());
    writer = std::move(next);
  }
  // As after a failed write: no seal; the link cuts the file where it is.
  void CutOver(std::uint64_t number) {
    auto next = Make(number);
    EXPECT_TRUE(writer->Sync().ok());
    EXPECT_TRUE(next->AppendLink(Info(), Link{writer->id(), writer->length(), last, true}).ok());
    EXPECT_TRUE(next->Sync().ok());
    writer = std::move(next);
  }
  void Close() {
    EXPECT_TRUE(writer->AppendSeal(Info(), FileId{}).ok());
    EXPECT_TRUE(writer->TruncateToLength().ok());
    start.newest = writer->id();
    start.newest_bytes = writer->length();
    start.last_sequence = last;
    start.clean = true;
  }

  Result<Chain> Scan() const { return ScanChain(*directory, start); }

  // Scans, replays after `after`, and returns the batches; checks that sequences count up.
  Result<std::vector<std::string>> Read(Sequence after = 0) const {
    auto chain = Scan();
    if (!chain.ok()) return chain.status();
    std::vector<std::string> batches;
    Sequence previous = std::max(after, start.floor_sequence);
    Status status = ReplayChain(*directory, start, *chain, after,
                                [&](Sequence sequence, std::string_view batch) {
                                  EXPECT_GT(sequence, previous);
                                  previous = sequence;
                                  batches.emplace_back(batch);
                                  return Status::Ok();
                                });
    if (!status.ok()) return status;
    return batches;
  }

  std::string Bytes(std::uint64_t number) const { return fs->ReadFile(PathOf(number)).value(); }
  void Replace(std::uint64_t number, const std::string& bytes) {
    EXPECT_TRUE(fs->ReplaceFile(PathOf(number), bytes).ok());
  }
  void Flip(std::uint64_t number, std::uint64_t offset) {
    EXPECT_TRUE(fs->FlipByte(PathOf(number), offset).ok());
  }
  // Overwrites part of a file, whatever that does to checksums.
  void Patch(std::uint64_t number, std::uint64_t offset, const std::string& with) {
    std::string bytes = Bytes(number);
    if (bytes.size() < offset + with.size()) bytes.resize(offset + with.size(), '\0');
    bytes.replace(offset, with.size(), with);
    Replace(number, bytes);
  }
  // Writes an intact record that the Writer would not write.
  void Forge(std::uint64_t number, const FileId& id, RecordHeader header,
             const std::string& payload) {
    std::string record(kRecordHeaderBytes, '\0');
    record += payload;
    FinishRecord(header, id.uuid.CrcSeed(), &record);
    Patch(number, header.offset, record);
  }

  std::unique_ptr<support::SeededRandom> random;
  std::unique_ptr<support::SimFs> fs;
  std::unique_ptr<io::Directory> directory;
  std::unique_ptr<Writer> writer;
  ChainStart start;
  ManifestMark mark{7, 0x77};  // what records say
  Sequence last = 0;
  std::vector<std::string> written;
};

// 1 -> 2 -> 3 by seals: sequences 1 and 2, 3, 4. In each file the link is at 512, the group at 1024
// and the seal, if any, at 1536.
inline Log Three() {
  Log log;
  log.Begin(1);
  log.Synced({"a", "b"});
  log.Rotate(2);
  log.Synced({"c"});
  log.Rotate(3);
  log.Synced({"d"});
  return log;
}

// kDataLoss that names this file, and says so in its message.
inline void ExpectDamage(const Status& status, std::uint64_t number,
                         std::uint64_t offset = Status::kNoOffset) {
  EXPECT_EQ(StatusCodeName(status.code()), "kDataLoss") << status.ToString();
  EXPECT_EQ(status.file(), Name(number)) << status.ToString();
  EXPECT_NE(status.message().find(Name(number)), std::string_view::npos);
  if (offset != Status::kNoOffset) {
    EXPECT_EQ(status.offset(), offset) << status.ToString();
  }
}

}  // namespace kyro::wal

#endif  // KYRO_TESTS_WAL_LOG_FIXTURE_H_
