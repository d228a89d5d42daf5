// SPDX-License-Identifier: Apache-2.0
//
// How one file leads to the next. F is the file just read, L a file whose link names F:
//
//   F ends in            | L            | then
//   ---------------------|--------------|---------------------------------------------------------
//   anything             | cuts F       | F ends where L says; what follows, a seal too, is void
//   seal naming S        | is S         | S continues F
//   seal naming S        | none         | S continues F, and its first record was never written
//   seal naming none     | does not cut | L continues F: a later process after a clean close
//   seal naming none     | none         | the end
//   no seal              | none         | the end
//   otherwise            |              | damage
//
// The end may have a torn tail (wal/tail.h).
//
// C1 A file that has a successor, and the newest one of a cleanly closed database, is complete:
//    anything in it that is not as written is damage.
// C2 Numbers rise along the chain, so the walk ends.
// C3 Nothing is written.
#include "wal/chain.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "wal/directory_index.h"
#include "wal/reader.h"
#include "wal/tail.h"

namespace kyro::wal {

namespace {

std::string NameOf(const FileId& id) {
  return FileName(FileKind::kWal, id.number);
}

// Requires walk.seal. A seal is one sector.
std::uint64_t SealOffset(const Walk& walk) {
  return walk.end - kSectorBytes;
}

std::string_view WhyEnded(const Walk& walk) {
  if (!walk.why.empty()) return walk.why;
  return walk.seal ? "sealed" : "before its first record";
}

// A file that must be there and must be this very one. `by` says who names it.
Result<Reader> OpenNamed(const io::Directory& directory, const FileId& id, std::string_view by) {
  const std::string name = NameOf(id);
  Result<Reader> reader = Reader::Open(directory, name);
  if (!reader.ok() && reader.status().code() == StatusCode::kNotFound) {
    return FileError(StatusCode::kDataLoss, name, Status::kNoOffset, "missing; named by {}", by);
  }
  if (reader.ok() && reader->id() != id) {
    return FileError(StatusCode::kDataLoss, name, 0, "file {}, want {}, which {} names",
                     reader->id().uuid.ToString(), id.uuid.ToString(), by);
  }
  return reader;
}

class ChainScanner {
 public:
  ChainScanner(const io::Directory& directory, const ChainStart& start)
      : directory_(directory), start_(start) {}

  Result<Chain> Scan();

 private:
  // The next file of the walk, and who names it.
  struct Step {
    FileId id;
    std::string named_by;
  };

  Status WalkChain();
  Status WhyNotReached() const;
  // Reads one file and finds its successor; `*step` becomes that, or number 0 at the end.
  Status ReadFile(Step* step);
  Status CheckLink(const Reader& reader, const Walk& walk) const;
  Status EndByLink(Reader* reader, const Walk& walk, const IndexedFile& successor);
  Status EndBySeal(Reader* reader, const Walk& walk, Step* step);
  Status EndOfLog(Reader* reader, const Walk& walk);
  Status CheckClean(const Reader& reader, const Walk& walk) const;

  bool InChain(const FileId& id) const;
  Status CheckUnnamed();
  Status CheckForeign(const IndexedFile& file) const;
  Status CheckHoldsNoCommits(const IndexedFile& file) const;

  const io::Directory& directory_;
  const ChainStart& start_;
  DirectoryIndex index_;
  Chain chain_;
};

Result<Chain> ChainScanner::Scan() {
  const FileId& oldest = start_.floor.exists() ? start_.floor : start_.newest;
  KYRO_ASSIGN_OR_RETURN(index_, IndexDirectory(directory_, oldest.number));
  chain_.last_sequence = start_.floor_sequence;
  chain_.clean = start_.clean;
  if (start_.floor.exists()) KYRO_RETURN_IF_ERROR(WalkChain());
  KYRO_RETURN_IF_ERROR(CheckUnnamed());
  return std::move(chain_);
}

Status ChainScanner::WalkChain() {
  Step step{start_.floor, "MANIFEST"};
  while (step.id.exists()) KYRO_RETURN_IF_ERROR(ReadFile(&step));
  if (start_.newest.exists() && !InChain(start_.newest)) return WhyNotReached();
  if (start_.clean && !chain_.clean) {
    return Status(StatusCode::kDataLoss, "MANIFEST: closed, but names no newest log file");
  }
  return Status::Ok();
}

// The log ends before the newest file that the manifest names. Its links lead back from there to
// the file that is to blame.
Status ChainScanner::WhyNotReached() const {
  Step step{start_.newest, "MANIFEST"};
  while (true) {
    KYRO_RETURN_IF_ERROR(OpenNamed(directory_, step.id, step.named_by).status());
    const auto found = index_.find(step.id.number);
    if (found == index_.end() || !found->second.link) break;
    const FileId& before = found->second.link->predecessor;
    if (InChain(before) || before.number >= step.id.number) break;
    step = Step{before, found->second.name};
  }
  return FileError(StatusCode::kDataLoss, NameOf(step.id), kFirstRecordOffset,
                   "named by {}, but the log from {} ends in {} and no valid record here continues "
                   "it",
                   step.named_by, NameOf(start_.floor), NameOf(chain_.files.back().id));
}

Status ChainScanner::ReadFile(Step* step) {
  const FileId id = step->id;
  KYRO_ASSIGN_OR_RETURN(Reader reader, OpenNamed(directory_, id, step->named_by));
  // Nothing was acknowledged after a clean close; what claims to follow is found as unnamed.
  const bool clean_end = start_.clean && id == start_.newest;
  const IndexedFile* const successor =
      clean_end ? nullptr : FindLinkTo(index_, id, reader.header().database, start_.database);
  const bool cut = successor != nullptr && successor->link->cut;

  WalkLimits limits;
  limits.next = chain_.last_sequence + 1;
  limits.manifest = &start_.manifest;
  if (cut) limits.stop = successor->link->predecessor_bytes;
  Walk walk;
  KYRO_RETURN_IF_ERROR(WalkRecords(&reader, limits, {}, &walk));
  KYRO_RETURN_IF_ERROR(CheckLink(reader, walk));

  *step = Step();
  if (clean_end) {
    KYRO_RETURN_IF_ERROR(CheckClean(reader, walk));
  } else if (successor != nullptr) {
    KYRO_RETURN_IF_ERROR(EndByLink(&reader, walk, *successor));
    *step = Step{successor->id, successor->name};
  } else if (walk.seal) {
    KYRO_RETURN_IF_ERROR(EndBySeal(&reader, walk, step));
  }
  chain_.files.push_back(Scanned(reader, walk));
  chain_.last_sequence = walk.last;
  chain_.bytes_checked += cut ? walk.end : reader.file_bytes();
  if (step->id.exists()) return Status::Ok();
  if (!clean_end) chain_.clean = false;
  return EndOfLog(&reader, walk);
}

// Between the file before and this one. Without a first record there is nothing to compare.
Status ChainScanner::CheckLink(const Reader& reader, const Walk& walk) const {
  if (!walk.link || chain_.files.empty()) return Status::Ok();
  const ScannedFile& before = chain_.files.back();
  const Link& link = *walk.link;
  if (link.predecessor == before.id && link.predecessor_bytes == before.valid_bytes &&
      link.predecessor_last == before.last_sequence && (link.cut || before.sealed)) {
    return Status::Ok();
  }
  return FileError(StatusCode::kDataLoss, reader.name(), kFirstRecordOffset,
                   "link record at offset {}, sequence {}: continues {} of {} bytes, want {} of {} "
                   "bytes",
                   kFirstRecordOffset, walk.first, NameOf(link.predecessor), link.predecessor_bytes,
                   NameOf(before.id), before.valid_bytes);
}

Status ChainScanner::EndByLink(Reader* reader, const Walk& walk, const IndexedFile& successor) {
  const Link& link = *successor.link;
  if (link.cut) {
    if (walk.end == link.predecessor_bytes) return Status::Ok();
    return StopsAt(*reader, walk.end, walk.last + 1,
                   fmt::format("{}; {} continues the log from offset {}", WhyEnded(walk),
                               successor.name, link.predecessor_bytes));
  }
  if (!walk.seal) {
    return StopsAt(*reader, walk.end, walk.last + 1,
                   fmt::format("{}; {} continues the log behind a seal", walk.why, successor.name));
  }
  if (walk.seal->successor.exists() && walk.seal->successor != successor.id) {
    return FileError(StatusCode::kDataLoss, reader->name(), SealOffset(walk),
                     "its seal names {}, but {} continues it", NameOf(walk.seal->successor),
                     successor.name);
  }
  return CheckZerosBehind(reader, walk);
}

Status ChainScanner::EndBySeal(Reader* reader, const Walk& walk, Step* step) {
  const FileId& successor = walk.seal->successor;
  // Closed, but no manifest says so: the file was being cut to its length when the power went.
  if (!successor.exists()) return Status::Ok();
  KYRO_RETURN_IF_ERROR(CheckZerosBehind(reader, walk));
  if (successor.number <= reader->id().number) {
    return FileError(StatusCode::kDataLoss, reader->name(), SealOffset(walk),
                     "its seal names {}, which cannot come after it", NameOf(successor));
  }
  *step = Step{successor, reader->name()};
  return Status::Ok();
}

Status ChainScanner::EndOfLog(Reader* reader, const Walk& walk) {
  KYRO_ASSIGN_OR_RETURN(chain_.torn_bytes, TornBytes(reader, walk));
  // If the newest file was not reached, WhyNotReached knows better which one is damaged.
  if (start_.newest.exists() && !InChain(start_.newest)) return Status::Ok();
  if (start_.last_sequence > walk.last) {
    return StopsAt(
        *reader, walk.end, walk.last + 1,
        fmt::format("{}; MANIFEST knows of sequence {}", WhyEnded(walk), start_.last_sequence));
  }
  return Status::Ok();
}

Status ChainScanner::CheckClean(const Reader& reader, const Walk& walk) const {
  if (!walk.seal) return StopsAt(reader, walk.end, walk.last + 1, walk.why);
  if (walk.seal->successor.exists()) {
    return FileError(StatusCode::kDataLoss, reader.name(), SealOffset(walk),
                     "its seal names {}, but the database was closed",
                     NameOf(walk.seal->successor));
  }
  if (reader.file_bytes() != start_.newest_bytes || walk.end != start_.newest_bytes) {
    return FileError(StatusCode::kDataLoss, reader.name(), walk.end,
                     "{} bytes and sealed at {}, want {}", reader.file_bytes(), walk.end,
                     start_.newest_bytes);
  }
  if (walk.last != start_.last_sequence) {
    return FileError(StatusCode::kDataLoss, reader.name(), walk.end,
                     "sealed at sequence {}, want {}", walk.last, start_.last_sequence);
  }
  return Status::Ok();
}

bool ChainScanner::InChain(const FileId& id) const {
  return std::any_of(chain_.files.begin(), chain_.files.end(),
                     [&](const ScannedFile& file) { return file.id == id; });
}

// Logs of ours with commits that nothing names: someone put an older manifest here, or lost a file
// in between. A file without commits is an orphan: a process died before it used it, or could not
// write its link and tried again in a higher file.
Status ChainScanner::CheckUnnamed() {
  const std::uint64_t named = std::max(start_.newest.number, start_.floor.number);
  for (const auto& [number, file] : index_) {
    if (!file.damage.ok()) {
      if (number <= named) continue;
      KYRO_ASSIGN_OR_RETURN(const bool holds, MayHoldRecordsOf(directory_, file, start_.database));
      if (holds) return file.damage;
      continue;
    }
    if (InChain(file.id)) continue;
    if (file.database != start_.database) {
      if (number > named) KYRO_RETURN_IF_ERROR(CheckForeign(file));
      continue;
    }
    const FileId predecessor = file.link ? file.link->predecessor : FileId();
    // Of a branch that ended below the floor.
    if (predecessor.exists() && predecessor.number < start_.floor.number) continue;
    if (number > named || InChain(predecessor)) KYRO_RETURN_IF_ERROR(CheckHoldsNoCommits(file));
  }
  return Status::Ok();
}

// A checkpoint's manifest names the very segments of its parent. Put into the parent's directory,
// or the parent's into the checkpoint's, it is whole and all it names is there: only the commits in
// the log tell that it is not the manifest of this place.
Status ChainScanner::CheckForeign(const IndexedFile& file) const {
  KYRO_ASSIGN_OR_RETURN(Reader reader, Reader::Open(directory_, file.name));
  Walk walk;
  // What is wrong with it otherwise is not ours to judge.
  (void)WalkRecords(&reader, WalkLimits{}, {}, &walk).ok();
  if (walk.groups == 0 || KYRO_PLANTED(kSkipForeignLog)) return Status::Ok();
  return FileError(
      StatusCode::kDataLoss, file.name, kFirstRecordOffset,
      "holds sequences {} to {} of database {}, but MANIFEST is of database {}: one of "
      "them does not belong here",
      walk.first, walk.last, file.database.ToString(), start_.database.ToString());
}

Status ChainScanner::CheckHoldsNoCommits(const IndexedFile& file) const {
  KYRO_ASSIGN_OR_RETURN(Reader reader, Reader::Open(directory_, file.name));
  Walk walk;
  KYRO_RETURN_IF_ERROR(WalkRecords(&reader, WalkLimits{}, {}, &walk));
  if (walk.records > 0 && walk.last >= walk.first) {
    return FileError(StatusCode::kDataLoss, file.name, kFirstRecordOffset,
                     "holds sequences {} to {}, but neither MANIFEST nor the log that it names, "
                     "which ends at sequence {}, leads here",
                     walk.first, walk.last, chain_.last_sequence);
  }
  return TornBytes(&reader, walk).status();
}

}  // namespace

Result<Chain> ScanChain(const io::Directory& directory, const ChainStart& start) {
  return ChainScanner(directory, start).Scan();
}

Status ReplayChain(const io::Directory& directory, const ChainStart& start, const Chain& chain,
                   Sequence after,
                   const std::function<Status(Sequence sequence, std::string_view batch)>& apply) {
  const auto visit = [&](const RecordHeader& header, std::string_view payload) {
    if (header.type != RecordType::kGroup || header.last <= after) return Status::Ok();
    Sequence sequence = header.first;
    for (std::string_view batch; NextBatch(&payload, &batch); ++sequence) {
      if (sequence > after) KYRO_RETURN_IF_ERROR(apply(sequence, batch));
    }
    return Status::Ok();
  };
  for (const ScannedFile& file : chain.files) {
    KYRO_ASSIGN_OR_RETURN(Reader reader, OpenNamed(directory, file.id, "the log"));
    WalkLimits limits;
    limits.next = file.first_sequence;
    limits.stop = file.valid_bytes;
    limits.manifest = &start.manifest;
    Walk walk;
    KYRO_RETURN_IF_ERROR(WalkRecords(&reader, limits, visit, &walk));
    if (walk.end != file.valid_bytes) return StopsAt(reader, walk.end, walk.last + 1, walk.why);
    if (walk.last != file.last_sequence) {
      return FileError(StatusCode::kDataLoss, reader.name(), walk.end,
                       "ends at sequence {}, had {} when it was scanned", walk.last,
                       file.last_sequence);
    }
  }
  return Status::Ok();
}

}  // namespace kyro::wal
