// SPDX-License-Identifier: Apache-2.0
#include "wal/salvage.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/coding.h"
#include "base/status_util.h"
#include "wal/reader.h"

namespace kyro::wal {

namespace {

struct Found {
  RecordHeader header;
  std::string payload;  // of groups
};

struct LogFile {
  std::string name;
  std::uint64_t bytes = 0;
  FileId id;                   // number 0: not known
  Status status;               // why it cannot be read
  std::vector<Found> records;  // by offset
  std::optional<Seal> seal;    // its last record
};

class Salvage {
 public:
  Salvage(const io::Directory& directory, const ChainStart& start)
      : directory_(directory), start_(start) {}

  Result<SalvagedLog> Run() {
    KYRO_RETURN_IF_ERROR(ListFiles());
    Know(start_.floor);
    Know(start_.newest);
    // A file may be named by one that is read after it.
    for (bool progress = true; progress;) {
      progress = false;
      for (auto& [number, file] : files_) {
        if (file.id.exists()) continue;
        KYRO_ASSIGN_OR_RETURN(const bool read, ReadFile(number, &file));
        progress = progress || read;
      }
    }
    for (const auto& [number, file] : files_) {
      if (!file.id.exists()) Damage(file.name, 0, file.bytes, std::string(file.status.message()));
    }
    for (const auto& [number, id] : known_) {
      if (files_.count(number) != 0 || number < start_.floor.number) continue;
      Damage(FileName(FileKind::kWal, number), 0, 0, "missing");
    }
    DropVoidRecords();
    FindGaps();
    return std::move(out_);
  }

 private:
  Status ListFiles();
  // False if there is no way yet to tell whose records they would be.
  Result<bool> ReadFile(std::uint64_t number, LogFile* file);
  Status ReadRecords(Reader* reader, LogFile* file);
  void DropVoidRecords();
  void FindGaps();
  void AddGap(Sequence first, Sequence last, const LogFile* before, std::uint64_t before_end,
              const LogFile* after, std::uint64_t after_offset);
  LogDamage Between(const LogFile* before, std::uint64_t before_end, const LogFile* after,
                    std::uint64_t after_offset) const;

  void Know(const FileId& id) {
    if (id.exists()) known_.emplace(id.number, id);
  }
  void Damage(const std::string& file, std::uint64_t offset, std::uint64_t bytes,
              std::string what) {
    out_.damages.push_back({file, offset, bytes, std::move(what)});
  }

  const io::Directory& directory_;
  const ChainStart& start_;
  std::map<std::uint64_t, LogFile> files_;  // by number
  std::map<std::uint64_t, FileId> known_;   // named by the manifest, a seal or a link
  std::vector<std::pair<FileId, std::uint64_t>> cuts_;
  SalvagedLog out_;
};

Status Salvage::ListFiles() {
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory_.List());
  const std::uint64_t above =
      start_.floor.exists() ? start_.floor.number - 1 : start_.newest.number;
  for (const io::DirectoryEntry& entry : entries) {
    FileKind kind;
    std::uint64_t number = 0;
    if (!ParseFileName(entry.name, &kind, &number) || kind != FileKind::kWal) continue;
    if (number <= above) continue;
    files_[number].name = entry.name;
    files_[number].bytes = entry.bytes;
  }
  return Status::Ok();
}

Result<bool> Salvage::ReadFile(std::uint64_t number, LogFile* file) {
  Result<Reader> reader = Reader::Open(directory_, file->name);
  if (!reader.ok()) {
    file->status = reader.status();
    if (reader.status().code() == StatusCode::kResourceExhausted) return reader.status();
    const auto known = known_.find(number);
    if (known == known_.end()) return false;
    reader = Reader::OpenAs(directory_, file->name, known->second);
    if (!reader.ok()) return false;
    Damage(file->name, 0, kFirstRecordOffset, std::string(file->status.message()));
  } else if (const auto known = known_.find(number);
             known != known_.end()
                 ? reader->id() != known->second
                 : start_.database != Uuid() && reader->header().database != start_.database) {
    file->status = FileError(StatusCode::kDataLoss, file->name, 0, "is a file of another database");
    return false;
  }
  file->id = reader->id();
  reader->set_salvaging();
  KYRO_RETURN_IF_ERROR(ReadRecords(&*reader, file));
  return true;
}

Status Salvage::ReadRecords(Reader* reader, LogFile* file) {
  std::uint64_t damaged_from = 0;
  std::string why;
  const auto end_damage = [&](std::uint64_t at) {
    if (!why.empty()) Damage(file->name, damaged_from, at - damaged_from, why);
    why.clear();
  };
  std::uint64_t at = kFirstRecordOffset;
  while (at < reader->file_bytes()) {
    const Result<Reader::Probe> probe = reader->At(at);
    if (!probe.ok() && probe.status().code() == StatusCode::kResourceExhausted) {
      return probe.status();
    }
    const bool intact =
        probe.ok() && (probe->valid || probe->intact) &&
        CheckRecord(probe->header, probe->payload, probe->header.first, file->name).ok();
    if (!intact) {
      // Zeros are what a file is made of before it is written.
      KYRO_ASSIGN_OR_RETURN(const bool zero, reader->IsZeroSector(at));
      if (!zero && why.empty()) {
        damaged_from = at;
        why = probe.ok() ? probe->why : std::string(probe.status().message());
      }
      at += kSectorBytes;
      continue;
    }
    end_damage(at);
    const RecordHeader& header = probe->header;
    if (!probe->valid) Damage(file->name, at, header.end() - at, probe->why);
    if (header.manifest.generation > out_.newest_manifest.generation) {
      out_.newest_manifest = header.manifest;
    }
    file->seal.reset();
    if (header.type == RecordType::kLink) {
      const Link link = *DecodeLink(probe->payload);
      Know(link.predecessor);
      if (link.cut) cuts_.emplace_back(link.predecessor, link.predecessor_bytes);
    }
    if (header.type == RecordType::kSeal) {
      file->seal = DecodeSeal(probe->payload);
      Know(file->seal->successor);
    }
    file->records.push_back(
        {header, header.type == RecordType::kGroup ? std::string(probe->payload) : std::string()});
    at = header.end();
  }
  end_damage(std::min(at, reader->file_bytes()));
  return Status::Ok();
}

// A file whose writing failed ends where its successor says; what follows there was never
// acknowledged, and its sequences were given out again.
void Salvage::DropVoidRecords() {
  for (const auto& [id, bytes] : cuts_) {
    const auto it = files_.find(id.number);
    if (it == files_.end() || it->second.id != id) continue;
    std::erase_if(it->second.records,
                  [&, end = bytes](const Found& found) { return found.header.offset >= end; });
    it->second.seal.reset();
  }
}

LogDamage Salvage::Between(const LogFile* before, std::uint64_t before_end, const LogFile* after,
                           std::uint64_t after_offset) const {
  if (before != nullptr && before == after) {
    return {before->name, before_end, after_offset - before_end, "no intact record"};
  }
  // A file in between that is missing or cannot be read at all.
  const std::uint64_t from = before == nullptr ? 0 : before->id.number;
  const std::uint64_t to = after == nullptr ? ~std::uint64_t{0} : after->id.number;
  for (const LogDamage& damage : out_.damages) {
    std::uint64_t number = 0;
    if (!ParseFileName(damage.file, nullptr, &number)) continue;
    if (damage.offset == 0 && number > from && number < to) return damage;
  }
  if (before != nullptr && !before->seal && before_end < before->bytes) {
    return {before->name, before_end, before->bytes - before_end, "no intact record"};
  }
  if (after != nullptr) {
    return {after->name, kFirstRecordOffset, after_offset - kFirstRecordOffset, "no intact record"};
  }
  if (before != nullptr) return {before->name, before_end, 0, "ends too early"};
  return {FileName(FileKind::kWal, start_.floor.number), 0, 0, "missing"};
}

void Salvage::AddGap(Sequence first, Sequence last, const LogFile* before, std::uint64_t before_end,
                     const LogFile* after, std::uint64_t after_offset) {
  out_.gaps.push_back({first, last, Between(before, before_end, after, after_offset)});
}

void Salvage::FindGaps() {
  Sequence next = start_.floor_sequence + 1;
  if (start_.database == Uuid()) next = 0;  // from wherever the log begins
  const LogFile* before = nullptr;
  std::uint64_t before_end = kFirstRecordOffset;
  for (auto& [number, file] : files_) {
    for (Found& found : file.records) {
      const RecordHeader& header = found.header;
      if (next == 0) next = header.first;
      if (header.first > next) {
        AddGap(next, header.first - 1, before, before_end, &file, header.offset);
        next = header.first;
      }
      before = &file;
      before_end = header.end();
      if (header.type != RecordType::kGroup || header.last < next) continue;
      // What a failed file holds of sequences that were given out again was cut off; if the link
      // that says so is lost, the first to hold them counts.
      if (header.first < next && header.first > start_.floor_sequence) {
        Damage(file.name, header.offset, header.end() - header.offset,
               "sequences that another record holds");
        continue;
      }
      next = header.last + 1;
      out_.groups.push_back(
          {header.first, header.last, std::move(found.payload), file.name, header.offset});
    }
  }
  if (next != 0 && next <= start_.last_sequence) {
    AddGap(next, start_.last_sequence, before, before_end, nullptr, 0);
  }
}

}  // namespace

Result<SalvagedLog> SalvageLog(const io::Directory& directory, const ChainStart& start) {
  return Salvage(directory, start).Run();
}

}  // namespace kyro::wal
