// SPDX-License-Identifier: Apache-2.0
//
// The input is one log file. Every record that is believed is exactly what the encoder writes; what
// the readers say of the file agrees; what was scanned replays.
#include <algorithm>

#include "base/coding.h"
#include "base/file_header.h"
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_directory.h"
#include "fuzz/seal.h"
#include "wal/chain.h"
#include "wal/inspect.h"
#include "wal/reader.h"
#include "wal/record.h"
#include "wal/tail.h"

namespace kyro::fuzz {
namespace {

// A valid record at `offset` is what FinishRecord makes of what was read of it.
void CheckRecordBytes(std::string_view file, const wal::RecordHeader& header,
                      std::string_view payload, std::uint32_t seed) {
  KYRO_REQUIRE(header.end() <= file.size(), "a record across the end");
  std::string record(wal::kRecordHeaderBytes, '\0');
  record.append(payload);
  wal::FinishRecord(header, seed, &record);
  KYRO_REQUIRE(record == file.substr(header.offset, header.end() - header.offset),
               "a record at " + std::to_string(header.offset) + " that no encoder wrote");
  if (const auto link = wal::DecodeLink(payload)) {
    KYRO_REQUIRE(wal::EncodeLink(*link) == payload, "another link");
  }
  if (const auto seal = wal::DecodeSeal(payload)) {
    KYRO_REQUIRE(wal::EncodeSeal(*seal) == payload, "another seal");
  }
}

// Every sector, also inside records and behind the end.
void CheckSectors(std::string_view file, wal::Reader* reader) {
  const std::uint32_t seed = reader->header().file.CrcSeed();
  for (std::uint64_t at = 0; at < file.size() + 2 * kSectorBytes; at += kSectorBytes) {
    const auto probe = reader->At(at);
    KYRO_REQUIRE(probe.ok(), probe.status().ToString());
    KYRO_REQUIRE(probe->valid == probe->why.empty(), probe->why);
    if (!probe->valid) continue;
    KYRO_REQUIRE(probe->header.offset == at, std::to_string(probe->header.offset));
    CheckRecordBytes(file, probe->header, probe->payload, seed);
  }
}

// The walk, and what stands behind it, say only what the bytes say.
void CheckWalk(std::string_view file, wal::Reader* reader) {
  std::uint64_t end = wal::kFirstRecordOffset;
  Sequence last = 0;
  const auto visit = [&](const wal::RecordHeader& header, std::string_view) {
    KYRO_REQUIRE(header.offset == end, "a gap before " + std::to_string(header.offset));
    KYRO_REQUIRE(last == 0 || header.first == last + 1, "a gap in the sequences");
    end = header.end();
    last = header.last;
    return Status::Ok();
  };
  wal::Walk walk;
  const Status status = wal::WalkRecords(reader, wal::WalkLimits{}, visit, &walk);
  if (!status.ok()) RequireTyped(status);
  KYRO_REQUIRE(walk.end == end && walk.end <= std::max<std::uint64_t>(file.size(), end),
               std::to_string(walk.end));
  if (walk.records > 0) KYRO_REQUIRE(walk.last == last, std::to_string(walk.last));
  const auto tail = reader->ExamineTail(walk.end);
  KYRO_REQUIRE(tail.ok(), tail.status().ToString());
  KYRO_REQUIRE(IsZero(file.substr(
                   std::min<std::size_t>(tail->witness ? file.size() : tail->end, file.size()))),
               "bytes behind the last one");
  if (tail->witness) {
    KYRO_REQUIRE(tail->witness->synced_offset > walk.end && tail->witness->offset > walk.end,
                 "a witness that proves nothing");
  }
  const auto torn = wal::TornBytes(reader, walk);
  KYRO_REQUIRE(torn.ok() == !tail->witness, torn.status().ToString());
  if (torn.ok()) KYRO_REQUIRE(*torn == tail->end - walk.end, std::to_string(*torn));
}

// One file as a whole log: what a scan accepts replays without a gap.
void CheckChain(const MemoryDirectory& directory, const FileHeader& header, std::uint64_t bytes,
                bool clean) {
  wal::ChainStart start;
  start.database = header.database;
  start.floor = start.newest = FileId{header.number, header.file};
  const auto report = wal::ScanFile(directory, FileName(FileKind::kWal, header.number), {});
  KYRO_REQUIRE(report.ok(), report.status().ToString());
  if (!report->damage.ok()) RequireTyped(report->damage);
  start.floor_sequence = std::max<Sequence>(report->file.first_sequence, 1) - 1;
  start.clean = clean;
  start.newest_bytes = bytes;
  start.last_sequence = clean ? report->file.last_sequence : 0;
  start.manifest.generation = ~std::uint64_t{0};
  const auto chain = wal::ScanChain(directory, start);
  if (!chain.ok()) return RequireTyped(chain.status());
  KYRO_REQUIRE(report->damage.ok(), "a chain of a damaged file: " + report->damage.ToString());
  Sequence last = start.floor_sequence;
  std::uint64_t batches = 0;
  const Status replayed =
      wal::ReplayChain(directory, start, *chain, 0, [&](Sequence sequence, std::string_view) {
        KYRO_REQUIRE(sequence > last, "sequence " + std::to_string(sequence) + " again");
        last = sequence;
        ++batches;
        return Status::Ok();
      });
  KYRO_REQUIRE(replayed.ok(), replayed.ToString());
  KYRO_REQUIRE(last <= chain->last_sequence, std::to_string(last));
  KYRO_REQUIRE(chain->files.size() == 1 && chain->files[0].batches == batches,
               std::to_string(batches));
}

void Check(std::string_view file) {
  constexpr std::size_t kNumberOffset = 48;
  if (file.size() < kNumberOffset + 8) return;
  const auto number = LoadLE<std::uint64_t>(file.data() + kNumberOffset);
  const std::string name = FileName(FileKind::kWal, number);
  MemoryDirectory directory;
  directory.Set(name, file);
  auto reader = wal::Reader::Open(directory, name);
  if (!reader.ok()) return RequireTyped(reader.status());
  CheckSectors(file, &*reader);
  CheckWalk(file, &*reader);
  const FileHeader header = reader->header();
  if (header.number == 0) return;  // a chain calls that no file
  CheckChain(directory, header, file.size(), true);
  CheckChain(directory, header, file.size(), false);
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  kyro::fuzz::Check(bytes);
  kyro::fuzz::SealLog(&bytes);
  kyro::fuzz::Check(bytes);
  return 0;
}
