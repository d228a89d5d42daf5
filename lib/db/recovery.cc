// SPDX-License-Identifier: Apache-2.0
#include "db/recovery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "batch/batch.h"

namespace kyro::db {
namespace {

constexpr std::string_view kLockName = "LOCK";
// Replayed between two calls of Options::open_progress: some 2 ms.
constexpr std::uint64_t kProgressBytes = 256 << 10;

// Writes one batch of the log into `generation`.
class Replayer {
 public:
  explicit Replayer(const manifest::Manifest& manifest) : manifest_(manifest) {}

  Status Apply(Sequence sequence, std::string_view bytes, delta::Generation* generation) const {
    batch::Op op;
    batch::Reader reader(bytes);
    while (reader.Next(&op)) {
      KYRO_RETURN_IF_ERROR(op.key_kind == KeyKind::kU64 ? ApplyOp<U64>(sequence, op, generation)
                                                        : ApplyOp<Bytes>(sequence, op, generation));
      if (KYRO_PLANTED(kReplayHalfBatch)) return Status::Ok();
    }
    return reader.status();
  }

 private:
  template <class K>
  Status ApplyOp(Sequence sequence, const batch::Op& op, delta::Generation* generation) const {
    const auto* keyspace = manifest::FindKeyspace(&manifest_, op.keyspace);
    if (keyspace == nullptr) {
      if (op.keyspace < manifest_.next_keyspace) return Status::Ok();  // dropped since
      return Error(StatusCode::kDataLoss,
                   "sequence {} names keyspace {}, but the manifest none "
                   "above {}",
                   sequence, op.keyspace, manifest_.next_keyspace - 1);
    }
    if (keyspace->kind != op.key_kind) {
      return Error(StatusCode::kDataLoss,
                   "sequence {} has keys of kind {} for keyspace {}, want {}", sequence,
                   int(op.key_kind), op.keyspace, int(keyspace->kind));
    }
    KYRO_ASSIGN_OR_RETURN(delta::Delta<K> * delta, generation->Ensure<K>(op.keyspace));
    KYRO_RETURN_IF_ERROR(delta->Reserve(delta::Delta<K>::OpBytes(op.key.size(), op.value.size())));
    const typename K::Key key = KeyTraits<K>::Decode(op.key);
    op.kind == batch::OpKind::kPut ? delta->Put(key, sequence, op.value)
                                   : delta->Delete(key, sequence);
    return Status::Ok();
  }

  const manifest::Manifest& manifest_;
};

std::set<std::string> NamedFiles(const manifest::Manifest& manifest, const wal::Chain& chain) {
  std::set<std::string> names{std::string(manifest::kManifestName), std::string(kLockName)};
  for (const auto& keyspace : manifest.keyspaces) {
    for (const RunRef& run : keyspace.runs) {
      for (const SegmentRef& ref : run.segments) {
        names.insert(FileName(FileKind::kKeys, ref.keys.id.number));
        names.insert(FileName(FileKind::kData, ref.data.id.number));
        if (ref.model.id.exists()) {
          names.insert(FileName(FileKind::kModel, ref.model.id.number));
        }
      }
    }
  }
  if (manifest.wal_floor.exists()) {
    for (const wal::ScannedFile& file : chain.files) {
      names.insert(FileName(FileKind::kWal, file.id.number));
    }
  }
  return names;
}

// True if the file begins with a valid header of this database.
bool IsOurs(const io::Directory& directory, const std::string& name, FileKind kind,
            const Uuid& database) {
  auto file = directory.Open(name);
  if (!file.ok()) return false;
  char bytes[kFileHeaderBytes];
  const auto read = (*file)->Read(0, sizeof(bytes), bytes);
  if (!read.ok() || *read != sizeof(bytes)) return false;
  const auto header = DecodeFileHeader({bytes, sizeof(bytes)}, kind, name);
  return header.ok() && header->database == database;
}

constexpr std::string_view kTemporarySuffix = ".tmp";

// `name` without the suffix of a file that is still being made.
std::string_view FinalName(std::string_view name) {
  if (name.ends_with(kTemporarySuffix)) name.remove_suffix(kTemporarySuffix.size());
  return name;
}

bool IsTemporary(std::string_view name) {
  const std::string_view base = FinalName(name);
  return base != name && (base == manifest::kManifestName || ParseFileName(base, nullptr, nullptr));
}

}  // namespace

wal::ChainStart ChainStartOf(const manifest::Manifest& manifest, const ManifestMark& mark) {
  wal::ChainStart start;
  start.database = manifest.database;
  start.floor = manifest.wal_floor;
  start.floor_sequence = manifest.floor_sequence;
  start.newest = manifest.wal_newest;
  start.clean = manifest.clean;
  start.newest_bytes = manifest.wal_newest_bytes;
  start.last_sequence = manifest.last_sequence;
  start.manifest = mark;
  return start;
}

Status Replay(const io::Directory& directory, const manifest::Manifest& manifest,
              const ManifestMark& mark, const ReplayOptions& options, Recovered* recovered) {
  const std::size_t budget_bytes = options.budget_bytes;
  const auto& flush = options.flush;
  const Replayer replayer(manifest);
  recovered->batches = 0;
  recovered->batch_bytes = 0;
  KYRO_ASSIGN_OR_RETURN(recovered->active,
                        delta::Generation::Create(budget_bytes, manifest.floor_sequence));
  std::uint64_t log_bytes = 0;
  for (const wal::ScannedFile& file : recovered->chain.files) log_bytes += file.valid_bytes;
  std::uint64_t done_bytes = 0;
  std::uint64_t told_bytes = 0;
  Sequence last = manifest.floor_sequence;
  const auto apply = [&](Sequence sequence, std::string_view batch) -> Status {
    done_bytes += batch.size();
    if (options.progress.on_progress && done_bytes - told_bytes >= kProgressBytes) {
      told_bytes = done_bytes;
      if (!options.progress.on_progress(done_bytes, log_bytes)) {
        return Status(StatusCode::kCancelled, "open cancelled");
      }
    }
    delta::Generation* generation = recovered->active.get();
    if (flush && !generation->empty() && generation->bytes() + batch.size() > budget_bytes) {
      generation->Freeze(last);
      KYRO_RETURN_IF_ERROR(flush(*generation));
      KYRO_ASSIGN_OR_RETURN(recovered->active, delta::Generation::Create(budget_bytes, last));
      recovered->batch_bytes = 0;
    }
    KYRO_RETURN_IF_ERROR(replayer.Apply(sequence, batch, recovered->active.get()));
    last = sequence;
    ++recovered->batches;
    recovered->batch_bytes += batch.size();
    return Status::Ok();
  };
  KYRO_RETURN_IF_ERROR(wal::ReplayChain(directory, ChainStartOf(manifest, mark), recovered->chain,
                                        manifest.floor_sequence, apply));
  recovered->last_sequence = std::max(recovered->chain.last_sequence, manifest.last_sequence);
  return Status::Ok();
}

Result<std::uint64_t> NextFreeNumber(const io::Directory& directory) {
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory.List());
  std::uint64_t next = 1;
  for (const io::DirectoryEntry& entry : entries) {
    // The number of a file that a crash left half made is taken too: its name is still there when
    // recovery makes files of its own.
    std::uint64_t number = 0;
    if (ParseFileName(FinalName(entry.name), nullptr, &number)) next = std::max(next, number + 1);
  }
  return next;
}

Result<Leftovers> FindLeftovers(const io::Directory& directory, const manifest::Manifest& manifest,
                                const wal::Chain& chain) {
  const std::set<std::string> named = NamedFiles(manifest, chain);
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory.List());
  Leftovers left;
  for (const io::DirectoryEntry& entry : entries) {
    if (named.count(entry.name) != 0) continue;
    FileKind kind;
    std::uint64_t number = 0;
    const bool regular = entry.type == io::FileType::kRegular;
    if (regular && IsTemporary(entry.name)) {
      left.temporary.push_back(entry.name);
    } else if (regular && ParseFileName(entry.name, &kind, &number) &&
               IsOurs(directory, entry.name, kind, manifest.database)) {
      left.orphans.push_back(entry.name);
    } else {
      left.unknown.push_back(entry.name);
    }
  }
  return left;
}

Status DeleteLeftovers(io::Directory* directory, const Leftovers& left) {
  for (const auto* names : {&left.temporary, &left.orphans}) {
    for (const std::string& name : *names) {
      Status status = directory->Unlink(name);
      // An install has a temporary file of its own, which took the place of an older one.
      if (!status.ok() && status.code() != StatusCode::kNotFound) return status;
    }
  }
  return left.count() == 0 ? Status::Ok() : directory->Sync();
}

Status EmptyLeftover(io::Directory* directory, const std::string& path) {
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory->List());
  for (const io::DirectoryEntry& entry : entries) {
    const bool ours =
        entry.type == io::FileType::kRegular &&
        (entry.name == kLockName || ParseFileName(FinalName(entry.name), nullptr, nullptr));
    if (ours) continue;
    return Error(StatusCode::kAlreadyExists, "{} holds {}, which kyro did not make: remove it",
                 path, entry.name);
  }
  for (const io::DirectoryEntry& entry : entries) {
    KYRO_RETURN_IF_ERROR(directory->Unlink(entry.name));
  }
  return Status::Ok();
}

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace kyro::db
