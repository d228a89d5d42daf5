// SPDX-License-Identifier: Apache-2.0
#include "db/repair.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "batch/batch.h"
#include "db/inspect.h"
#include "db/recovery.h"
#include "db/repair_space.h"
#include "manifest/manifest.h"
#include "segment/salvage.h"
#include "segment/verify.h"
#include "wal/record.h"
#include "wal/salvage.h"

namespace kyro::db {
namespace {

constexpr std::string_view kLockName = "LOCK";

// Want of memory or descriptors, and what the caller asked for: all that is not the files' fault.
bool IsOurs(const Status& status) noexcept {
  return status.code() == StatusCode::kResourceExhausted ||
         status.code() == StatusCode::kCancelled || status.code() == StatusCode::kInternal;
}

class Repairer {
 public:
  Repairer(const RepairOptions& options, const io::Env& env) : options_(options), env_(env) {}

  Result<RepairReport> Run(const std::string& db, const std::string& out);

 private:
  Status OpenSource(const std::string& path);
  Status LoadManifest();
  Status ReadLog();
  Status ReplaySound(const wal::Chain& chain);
  Status ReplaySalvaged(wal::SalvagedLog log);
  Status Apply(Sequence sequence, std::string_view batch);
  void CheckMark(const ManifestMark& mark);
  Status MakeSpaces();
  Status ListFiles(const SegmentRef& ref, KeyKind kind);
  Status ListUnnamed();
  Status MakeSpacesWithoutManifest();
  Status Write(const std::string& path);

  void AddLoss(RepairLoss loss) { report_.losses.push_back(std::move(loss)); }
  void AddDamage(std::string file, std::uint64_t offset, std::string_view what) {
    report_.damages.push_back({std::move(file), offset, std::string(what)});
  }
  void AddDamage(const Status& status) {
    AddDamage(std::string(status.file()), status.offset(), status.message());
  }

  const RepairOptions& options_;
  const io::Env env_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::FileLock> lock_;
  manifest::Manifest manifest_;
  ManifestMark mark_;
  std::map<std::uint32_t, std::pair<KeyKind, LogRows>> log_;  // by keyspace id
  std::vector<SpaceSource> spaces_;
  std::vector<KeyKind> kinds_;  // of spaces_
  RepairReport report_;
};

// The lock of a database that has one, so that nobody writes meanwhile. None is made.
Status Repairer::OpenSource(const std::string& path) {
  KYRO_ASSIGN_OR_RETURN(directory_, env_.fs->OpenDirectory(path, /*create=*/false));
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  bool ours = false;
  for (const io::DirectoryEntry& entry : entries) {
    if (entry.type != io::FileType::kRegular) continue;
    ours = ours || ParseFileName(entry.name, nullptr, nullptr);
    if (entry.name != kLockName) continue;
    KYRO_ASSIGN_OR_RETURN(lock_, directory_->Lock(kLockName, /*shared=*/true));
  }
  return ours ? Status::Ok() : Status::NotFound();
}

Status Repairer::LoadManifest() {
  Result<manifest::LoadedManifest> loaded = manifest::LoadManifest(*directory_);
  if (loaded.ok()) {
    manifest_ = std::move(loaded->manifest);
    mark_ = loaded->mark;
    return Status::Ok();
  }
  const Status& status = loaded.status();
  if (IsOurs(status)) return status;
  report_.manifest = false;
  const bool missing = status.code() == StatusCode::kNotFound;
  RepairLoss loss;
  loss.what =
      "names and order of all keyspaces: " + (missing ? "missing" : std::string(status.message()));
  loss.file = manifest::kManifestName;
  loss.offset = missing ? 0 : status.offset();
  AddDamage(loss.file, loss.offset, missing ? "missing" : status.message());
  AddLoss(std::move(loss));
  return Status::Ok();
}

// ---------------------------------------------------------------------------------- log

Status Repairer::Apply(Sequence sequence, std::string_view bytes) {
  batch::Op op;
  batch::Reader reader(bytes);
  while (reader.Next(&op)) {
    const auto* keyspace = manifest::FindKeyspace(&manifest_, op.keyspace);
    // Dropped since.
    if (report_.manifest && keyspace == nullptr && op.keyspace < manifest_.next_keyspace) continue;
    auto& [kind, rows] = log_.try_emplace(op.keyspace, op.key_kind, LogRows()).first->second;
    if (kind != op.key_kind || (keyspace != nullptr && keyspace->kind != op.key_kind)) {
      return Error(StatusCode::kDataLoss, "sequence {} has keys of another kind for keyspace {}",
                   sequence, op.keyspace);
    }
    LogRow& row = rows[std::string(op.key)];
    row.put = op.kind == batch::OpKind::kPut;
    row.value = op.value;
  }
  return reader.status();
}

Status Repairer::ReplaySound(const wal::Chain& chain) {
  KYRO_RETURN_IF_ERROR(wal::ReplayChain(
      *directory_, ChainStartOf(manifest_, mark_), chain, manifest_.floor_sequence,
      [&](Sequence sequence, std::string_view batch) { return Apply(sequence, batch); }));
  report_.sequence = std::max(chain.last_sequence, manifest_.last_sequence);
  return Status::Ok();
}

// A manifest that the log knows a newer one of: what was flushed since is not named.
void Repairer::CheckMark(const ManifestMark& mark) {
  if (!report_.manifest || mark.generation < mark_.generation || mark == mark_ ||
      mark.generation == 0) {
    return;
  }
  RepairLoss loss;
  loss.what = mark.generation == mark_.generation
                  ? fmt::format("MANIFEST of generation {} is another one than the log names",
                                mark_.generation)
                  : fmt::format("MANIFEST is older than the log: generation {}, the log names {}",
                                mark_.generation, mark.generation);
  loss.file = manifest::kManifestName;
  loss.first_sequence = manifest_.floor_sequence + 1;
  AddDamage(loss.file, 0, loss.what);
  AddLoss(std::move(loss));
}

Status Repairer::ReplaySalvaged(wal::SalvagedLog log) {
  for (const wal::LogDamage& damage : log.damages) {
    AddDamage(damage.file, damage.offset, damage.what);
  }
  CheckMark(log.newest_manifest);
  // Everything before the first commit that is lost is what the database was then.
  const Sequence cut = log.gaps.empty() ? kSequenceMax : log.gaps.front().first;
  report_.sequence = manifest_.floor_sequence;
  Sequence last = manifest_.floor_sequence;
  for (const wal::SalvagedGroup& group : log.groups) {
    last = group.last;
    if (group.first > cut && !options_.all && !KYRO_PLANTED(kRepairGoesOnBehindGap)) continue;
    std::string_view payload = group.payload;
    Sequence sequence = group.first;
    for (std::string_view batch; wal::NextBatch(&payload, &batch); ++sequence) {
      if (sequence <= manifest_.floor_sequence) continue;
      const Status status = Apply(sequence, batch);
      if (status.ok()) continue;
      if (IsOurs(status)) return status;
      RepairLoss loss;
      loss.what = status.message();
      loss.file = group.file;
      loss.offset = group.offset;
      loss.first_sequence = loss.last_sequence = sequence;
      AddLoss(std::move(loss));
    }
    if (group.first < cut) report_.sequence = group.last;
  }
  for (const wal::LogGap& gap : log.gaps) {
    RepairLoss loss;
    loss.what = "commits of the log: " + gap.where.what;
    loss.file = gap.where.file;
    loss.offset = gap.where.offset;
    loss.bytes = gap.where.bytes;
    loss.first_sequence = gap.first;
    loss.last_sequence = gap.last;
    AddLoss(std::move(loss));
  }
  if (!log.gaps.empty() && !options_.all && last > cut) {
    RepairLoss loss;
    loss.what = "commits behind those that are lost: left out, what they build on is not known";
    loss.file = log.gaps.front().where.file;
    loss.offset = log.gaps.front().where.offset;
    loss.first_sequence = log.gaps.front().last + 1;
    loss.last_sequence = last;
    AddLoss(std::move(loss));
  }
  return Status::Ok();
}

Status Repairer::ReadLog() {
  const wal::ChainStart start = ChainStartOf(manifest_, mark_);
  if (report_.manifest) {
    const Result<wal::Chain> chain = wal::ScanChain(*directory_, start);
    if (chain.ok()) {
      // A record that is intact and says what cannot be is found only now.
      const Status status = ReplaySound(*chain);
      if (status.ok() || IsOurs(status)) return status;
      AddDamage(status);
      log_.clear();
    } else if (IsOurs(chain.status())) {
      return chain.status();
    } else {
      AddDamage(chain.status());
    }
  }
  // Without a floor and intact there is no log to salvage.
  KYRO_ASSIGN_OR_RETURN(wal::SalvagedLog log, wal::SalvageLog(*directory_, start));
  return ReplaySalvaged(std::move(log));
}

// ---------------------------------------------------------------------------------- segments

// What is wrong with a segment's files, also where no row is lost by it.
Status Repairer::ListFiles(const SegmentRef& ref, KeyKind kind) {
  const segment::VerifySource source{.directory = directory_.get(), .device = false};
  const auto note = [&](const Status& status) {
    if (!status.ok()) AddDamage(status);
    return IsOurs(status) ? status : Status::Ok();
  };
  const Status keys = segment::VerifyFile(source, FileKind::kKeys, ref.keys).status();
  const Status data = segment::VerifyFile(source, FileKind::kData, ref.data).status();
  KYRO_RETURN_IF_ERROR(note(keys));
  KYRO_RETURN_IF_ERROR(note(data));
  if (keys.ok() && data.ok()) {
    KYRO_RETURN_IF_ERROR(note(segment::VerifyKeysAndData(source, kind, ref)));
  }
  if (!ref.model.id.exists()) return Status::Ok();
  return note(segment::VerifyFile(source, FileKind::kModel, ref.model).status());
}

// Segments that MANIFEST does not name: what a crash left, or what an older MANIFEST knows nothing
// of. Only those with commits that are not in NEW matter.
Status Repairer::ListUnnamed() {
  std::set<std::uint64_t> named;
  for (const manifest::KeyspaceRef& keyspace : manifest_.keyspaces) {
    for (const RunRef& run : keyspace.runs) {
      for (const SegmentRef& ref : run.segments) named.insert(ref.keys.id.number);
    }
  }
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  for (const io::DirectoryEntry& entry : entries) {
    FileKind kind;
    std::uint64_t number = 0;
    if (!ParseFileName(entry.name, &kind, &number) || kind != FileKind::kKeys) continue;
    if (named.count(number) != 0) continue;
    KeyKind key_kind;
    Uuid database;
    const auto ref = segment::RefFromFiles(*directory_, entry.name, &key_kind, &database);
    if (!ref.ok() || database != manifest_.database || ref->max_sequence <= report_.sequence) {
      continue;
    }
    RepairLoss loss;
    loss.what = "a segment that MANIFEST does not name";
    loss.file = entry.name;
    loss.bytes = entry.bytes;
    loss.first_sequence = ref->min_sequence;
    loss.last_sequence = ref->max_sequence;
    loss.rows = ref->entries;
    AddLoss(std::move(loss));
  }
  return Status::Ok();
}

Status Repairer::MakeSpaces() {
  for (manifest::KeyspaceRef& keyspace : manifest_.keyspaces) {
    for (const RunRef& run : keyspace.runs) {
      for (const SegmentRef& ref : run.segments) {
        KYRO_RETURN_IF_ERROR(ListFiles(ref, keyspace.kind));
      }
    }
    SpaceSource& source = spaces_.emplace_back();
    source.directory = directory_.get();
    source.name = keyspace.name;
    source.runs = std::move(keyspace.runs);
    kinds_.push_back(keyspace.kind);
    if (const auto found = log_.find(keyspace.id); found != log_.end()) {
      source.log = std::move(found->second.second);
      log_.erase(found);
    }
  }
  for (const auto& [id, logged] : log_) {
    RepairLoss loss;
    loss.what = fmt::format("rows of keyspace {}, which MANIFEST does not know", id);
    loss.file = manifest::kManifestName;
    loss.rows = logged.second.size();
    AddLoss(std::move(loss));
  }
  return Status::Ok();
}

Status Repairer::MakeSpacesWithoutManifest() {
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory_->List());
  for (const io::DirectoryEntry& entry : entries) {
    FileKind kind;
    std::uint64_t number = 0;
    if (!ParseFileName(entry.name, &kind, &number) || kind != FileKind::kKeys) continue;
    RepairLoss loss;
    loss.file = entry.name;
    loss.bytes = entry.bytes;
    KeyKind key_kind;
    Uuid database;
    auto ref = segment::RefFromFiles(*directory_, entry.name, &key_kind, &database);
    if (!ref.ok()) {
      if (IsOurs(ref.status())) return std::move(ref).status();
      loss.what = ref.status().message();
      AddLoss(std::move(loss));
      continue;
    }
    SpaceSource& source = spaces_.emplace_back();
    source.directory = directory_.get();
    source.name = fmt::format("segment-{:06}", number);
    source.with_manifest = false;
    kinds_.push_back(key_kind);
    loss.what = fmt::format(
        "the keyspace and the age of these rows, which are keyspace {} now, and {} deletions",
        source.name, ref->tombstones);
    loss.first_sequence = ref->min_sequence;
    loss.last_sequence = ref->max_sequence;
    AddLoss(std::move(loss));
    source.runs.push_back(RunRef{{*std::move(ref)}});
  }
  for (auto& [id, logged] : log_) {
    SpaceSource& source = spaces_.emplace_back();
    source.directory = directory_.get();
    source.name = fmt::format("log-{}", id);
    kinds_.push_back(logged.first);
    RepairLoss loss;
    loss.what = fmt::format(
        "the name of keyspace {}, whose rows in the log are keyspace {} now, "
        "and {} deletions",
        id, source.name,
        std::count_if(logged.second.begin(), logged.second.end(),
                      [](const auto& row) { return !row.second.put; }));
    loss.file = manifest::kManifestName;
    AddLoss(std::move(loss));
    source.log = std::move(logged.second);
  }
  return Status::Ok();
}

// ---------------------------------------------------------------------------------- NEW

Status Repairer::Write(const std::string& path) {
  Options options;
  options.error_if_exists = true;
  KYRO_ASSIGN_OR_RETURN(Db db, Door::Open(path, options, env_));
  for (std::size_t i = 0; i < spaces_.size(); ++i) {
    KYRO_RETURN_IF_ERROR(kinds_[i] == KeyKind::kU64
                             ? RepairSpace<U64>(spaces_[i], options_, &db, &report_)
                             : RepairSpace<Bytes>(spaces_[i], options_, &db, &report_));
  }
  KYRO_RETURN_IF_ERROR(db.Verify());
  return db.Close();
}

Result<RepairReport> Repairer::Run(const std::string& db, const std::string& out) {
  const std::string destination = WithoutTrailingSlashes(out);
  if (env_.fs->OpenDirectory(destination, /*create=*/false).ok()) {
    return Error(StatusCode::kAlreadyExists, "{} exists", destination);
  }
  KYRO_RETURN_IF_ERROR(OpenSource(db));
  KYRO_RETURN_IF_ERROR(LoadManifest());
  KYRO_RETURN_IF_ERROR(ReadLog());
  if (report_.manifest) {
    KYRO_RETURN_IF_ERROR(ListUnnamed());
    KYRO_RETURN_IF_ERROR(MakeSpaces());
  } else {
    KYRO_RETURN_IF_ERROR(MakeSpacesWithoutManifest());
  }
  const std::string temporary = destination + ".tmp";
  {
    KYRO_ASSIGN_OR_RETURN(const auto directory, env_.fs->OpenDirectory(temporary, true));
    KYRO_RETURN_IF_ERROR(EmptyLeftover(directory.get(), temporary));
  }
  KYRO_RETURN_IF_ERROR(Write(temporary));
  KYRO_RETURN_IF_ERROR(env_.fs->RenameDirectory(temporary, destination));
  return std::move(report_);
}

}  // namespace

Result<RepairReport> Repair(const std::string& db, const std::string& out,
                            const RepairOptions& options, const io::Env& env) {
  return Guarded([&]() -> Result<RepairReport> { return Repairer(options, env).Run(db, out); });
}

}  // namespace kyro::db
