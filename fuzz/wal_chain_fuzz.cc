// SPDX-License-Identifier: Apache-2.0
//
// The input is a program: first it writes a log of several files as the commit path does, then it
// damages it: bytes flipped, files cut, emptied, swapped or removed. A scan either refuses, or what
// it accepts replays as a prefix of what was written, in which nothing is missing that a later
// record proves to have been synced (G1, G3). An undamaged log is accepted whole. Last, the damaged
// files are tried again with their checksums made right, where all that is asked for is sense.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "fuzz/memory_directory.h"
#include "fuzz/seal.h"
#include "support/test_env.h"
#include "wal/chain.h"
#include "wal/record.h"
#include "wal/writer.h"

namespace kyro::fuzz {
namespace {

constexpr std::size_t kFilesMax = 4;
constexpr std::size_t kStepsMax = 24;
constexpr std::size_t kDamagesMax = 3;  // so few that no checksum comes out right again
constexpr Uuid kDatabase{1, 2};

void Must(const Status& status) {
  KYRO_REQUIRE(status.ok(), status.ToString());
}

struct Written {
  std::uint64_t offset = 0;
  std::uint64_t end = 0;
  std::uint64_t synced = 0;
};

struct LogFile {
  std::string name;
  std::uint64_t number = 0;
  std::uint64_t end = 0;  // of its last record
  std::vector<Written> records;
  std::string bytes;
};

// A log as it was written.
class History {
 public:
  History() : env_(1) {
    env_.fs().StopJournal();
    directory_ = env_.fs().OpenDirectory("/db", true).value();
    start.database = kDatabase;
    NewFile();
    start.floor = start.newest = writer_->id();
    Link(wal::Link{});
  }

  void Write(Input* input) {
    for (std::size_t step = 0; step < kStepsMax && !input->empty(); ++step) {
      const std::uint8_t op = input->U8();
      if (op == 0xff) break;
      switch (op % 8) {
        case 4:
          Note([&] { return writer_->AppendMark(Info()); });
          break;
        case 5:
          Must(writer_->Sync());
          break;
        case 6:
          if (files.size() < kFilesMax) Rotate((op & 8) != 0);
          break;
        default:
          Group(1 + op % 3, op);
      }
    }
    Finish((input->U8() & 1) != 0);
  }

  wal::ChainStart start;
  std::vector<LogFile> files;
  std::vector<std::pair<Sequence, std::string>> batches;
  Sequence last = 0;

 private:
  wal::RecordInfo Info() const {
    wal::RecordInfo info;
    info.first = last + 1;
    info.last = last;
    return info;
  }
  // A record, appended by `append`.
  template <class Append>
  void Note(Append append) {
    Written record{writer_->length(), 0, writer_->synced()};
    Must(append());
    record.end = files.back().end = writer_->length();
    files.back().records.push_back(record);
  }
  void NewFile() {
    const std::uint64_t number = files.size() + 1;
    auto writer = wal::Writer::Create(directory_.get(), &env_.random(), kDatabase, number, 2048);
    Must(writer.status());
    before_ = std::exchange(writer_, *std::move(writer));
    LogFile file;
    file.name = writer_->name();
    file.number = number;
    file.end = writer_->length();
    files.push_back(file);
  }
  void Link(const wal::Link& link) {
    Note([&] { return writer_->AppendLink(Info(), link); });
    Must(writer_->Sync());
  }
  // To a new file: as one that is full, or as one whose writes failed.
  void Rotate(bool cut) {
    NewFile();
    wal::Link link;
    link.cut = cut;
    link.predecessor = before_->id();
    if (!cut) {
      std::swap(writer_, before_);
      LogFile fresh = std::move(files.back());
      files.pop_back();
      Note([&] { return writer_->AppendSeal(Info(), before_->id()); });
      files.push_back(std::move(fresh));
      std::swap(writer_, before_);
    }
    Must(before_->Sync());
    link.predecessor_bytes = before_->length();
    link.predecessor_last = last;
    Link(link);
    if (cut) start.newest = writer_->id();  // as the manifest has it
  }
  void Group(std::size_t count, std::uint8_t fill) {
    wal::RecordInfo info = Info();
    std::string buffer(wal::kRecordHeaderBytes, '\0');
    for (std::size_t i = 0; i < count; ++i) {
      std::string batch(fill % 97 + (fill == 0xf0 ? 3000 : 0), static_cast<char>(fill));
      batch += std::to_string(++last);
      wal::AddBatch(&buffer, batch);
      batches.emplace_back(last, std::move(batch));
    }
    info.last = last;
    info.batches = static_cast<std::uint32_t>(count);
    Note([&] { return writer_->Append(info, &buffer); });
  }
  void Finish(bool close) {
    if (close) {
      Note([&] { return writer_->AppendSeal(Info(), FileId{}); });
      Must(writer_->Sync());
      Must(writer_->TruncateToLength());
      start.newest = writer_->id();
      start.newest_bytes = writer_->length();
      start.last_sequence = last;
      start.clean = true;
    }
    for (LogFile& file : files) file.bytes = env_.fs().ReadFile("/db/" + file.name).value();
  }

  support::TestEnv env_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<wal::Writer> writer_;
  std::unique_ptr<wal::Writer> before_;
};

// Where damage hits: a record's header or payload more often than padding and zeros.
std::size_t Place(const LogFile& file, Input* input) {
  const std::uint8_t how = input->U8();
  const std::uint16_t at = input->U16();
  if (how % 4 == 0 || file.records.empty()) return at % file.bytes.size();
  const Written& record = file.records[how / 4 % file.records.size()];
  const std::size_t span = how % 4 == 1 ? wal::kRecordHeaderBytes : record.end - record.offset;
  return std::min<std::size_t>(record.offset + at % span, file.bytes.size() - 1);
}

// Returns whether anything is different now.
bool Damage(const History& history, Input* input, std::vector<std::string>* files) {
  for (std::size_t n = 0; n < kDamagesMax && !input->empty(); ++n) {
    const std::uint8_t how = input->U8();
    const std::size_t index = how / 8 % files->size();
    std::string& bytes = (*files)[index];
    if (bytes.empty()) continue;
    const std::size_t at = Place(history.files[index], input) % bytes.size();
    switch (how % 8) {
      case 0:
        bytes.resize(at);
        break;
      case 1:
        bytes.clear();  // removed
        break;
      case 2:
        bytes.resize(bytes.size() + 1 + at % 1024);
        break;
      case 3:
        std::swap(bytes, (*files)[at % files->size()]);
        break;
      case 4:  // a write that never reached the disk
        std::fill_n(
            bytes.begin() + static_cast<std::ptrdiff_t>(AlignUp(at, kSectorBytes)),
            std::min(kSectorBytes,
                     bytes.size() - std::min<std::size_t>(AlignUp(at, kSectorBytes), bytes.size())),
            '\0');
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ input->U8());
    }
  }
  for (std::size_t i = 0; i < files->size(); ++i) {
    if ((*files)[i] != history.files[i].bytes) return true;
  }
  return false;
}

void Store(const History& history, const std::vector<std::string>& files, MemoryDirectory* to) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!files[i].empty()) to->Set(history.files[i].name, files[i]);
  }
}

// Nothing is missing of what was proven durable.
void CheckNothingLost(const History& history, const std::vector<std::string>& files,
                      const wal::Chain& chain) {
  for (std::size_t i = 0; i < chain.files.size(); ++i) {
    const wal::ScannedFile& found = chain.files[i];
    const LogFile& written = history.files[i];
    KYRO_REQUIRE(found.id.number == written.number, "file " + std::to_string(found.id.number));
    if (i + 1 < chain.files.size()) {
      KYRO_REQUIRE(found.valid_bytes == written.end, "an inner file ends early");
      continue;
    }
    for (const Written& record : written.records) {
      const bool intact = record.offset + wal::kRecordHeaderBytes <= files[i].size() &&
                          files[i].compare(record.offset, wal::kRecordHeaderBytes, written.bytes,
                                           record.offset, wal::kRecordHeaderBytes) == 0;
      KYRO_REQUIRE(
          !intact || record.offset <= found.valid_bytes || record.synced <= found.valid_bytes,
          "synced bytes up to " + std::to_string(record.synced) + " were cut off at " +
              std::to_string(found.valid_bytes));
    }
  }
}

void CheckScan(const History& history, const std::vector<std::string>& files, bool damaged) {
  MemoryDirectory directory;
  Store(history, files, &directory);
  const auto chain = wal::ScanChain(directory, history.start);
  if (!chain.ok()) {
    KYRO_REQUIRE(damaged, chain.status().ToString());
    return RequireTyped(chain.status());
  }
  std::size_t next = 0;
  const Status replayed = wal::ReplayChain(
      directory, history.start, *chain, 0, [&](Sequence sequence, std::string_view batch) {
        KYRO_REQUIRE(next < history.batches.size(), "more than was written");
        KYRO_REQUIRE(history.batches[next].first == sequence, std::to_string(sequence));
        KYRO_REQUIRE(history.batches[next].second == batch, "another batch");
        ++next;
        return Status::Ok();
      });
  KYRO_REQUIRE(replayed.ok(), replayed.ToString());
  KYRO_REQUIRE(next == history.batches.size() || history.batches[next].first > chain->last_sequence,
               "a batch below the last sequence is missing");
  CheckNothingLost(history, files, *chain);
  if (!damaged || history.start.clean) {
    KYRO_REQUIRE(chain->last_sequence == history.last, std::to_string(chain->last_sequence));
  }
}

// Forged files: anything but nonsense.
void CheckForged(const History& history, std::vector<std::string> files) {
  MemoryDirectory directory;
  for (std::string& file : files) SealLog(&file);
  Store(history, files, &directory);
  const auto chain = wal::ScanChain(directory, history.start);
  if (!chain.ok()) return RequireTyped(chain.status());
  Sequence last = 0;
  const Status replayed = wal::ReplayChain(
      directory, history.start, *chain, 0, [&](Sequence sequence, std::string_view) {
        KYRO_REQUIRE(sequence > last && sequence <= chain->last_sequence, std::to_string(sequence));
        last = sequence;
        return Status::Ok();
      });
  KYRO_REQUIRE(replayed.ok(), replayed.ToString());
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kyro::fuzz::Input input(data, size);
  kyro::fuzz::History history;
  history.Write(&input);
  std::vector<std::string> files;
  for (const auto& file : history.files) files.push_back(file.bytes);
  const bool damaged = kyro::fuzz::Damage(history, &input, &files);
  kyro::fuzz::CheckScan(history, files, damaged);
  if (damaged) kyro::fuzz::CheckForged(history, files);
  return 0;
}
