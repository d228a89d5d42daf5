// SPDX-License-Identifier: Apache-2.0
#include "upkeep/installer.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/planted.h"
#include "base/status_util.h"
#include "base/test_point.h"

namespace kyro::upkeep {
namespace {

template <class K>
using SegmentPtr = std::shared_ptr<const segment::Segment<K>>;

// The open segments of one keyspace, by the number of their keys file.
template <class K>
std::map<std::uint64_t, SegmentPtr<K>> OpenSegments(const read::Runs<K>* runs) {
  std::map<std::uint64_t, SegmentPtr<K>> open;
  if (runs == nullptr) return open;
  for (const auto& run : runs->runs) {
    for (const auto& segment : run.segments) open.emplace(segment->ref().keys.id.number, segment);
  }
  return open;
}

template <class K>
Result<read::AnyRuns> OpenKeyspaceRuns(const InstallContext& context, const Uuid& database,
                                       const manifest::KeyspaceRef& keyspace,
                                       const read::RunsVersion& now) {
  const auto open = OpenSegments<K>(now.Find<K>(keyspace.id));
  auto runs = std::make_shared<read::Runs<K>>();
  for (const RunRef& run_ref : keyspace.runs) {
    read::Run<K> run;
    for (const SegmentRef& ref : run_ref.segments) {
      const auto it = open.find(ref.keys.id.number);
      SegmentPtr<K> segment;
      if (it != open.end() && it->second->ref() == ref) {
        segment = it->second;
      } else {
        KYRO_ASSIGN_OR_RETURN(
            segment, segment::Segment<K>::Open(*context.directory, database, ref, context.access,
                                               &context.states->shared()->segments));
      }
      run.segments.push_back(std::move(segment));
      run.first_keys.emplace_back(KeyTraits<K>::Decode(ref.first_key));
      run.last_keys.emplace_back(KeyTraits<K>::Decode(ref.last_key));
    }
    runs->runs.push_back(std::move(run));
  }
  runs->FindOldest(&context.states->shared()->lookups);
  return read::AnyRuns(std::shared_ptr<const read::Runs<K>>(std::move(runs)));
}

std::set<std::uint64_t> NumbersIn(const manifest::Manifest& manifest) {
  std::set<std::uint64_t> numbers;
  for (const auto& keyspace : manifest.keyspaces) {
    for (const RunRef& run : keyspace.runs) {
      for (const SegmentRef& ref : run.segments) {
        numbers.insert({ref.keys.id.number, ref.data.id.number, ref.model.id.number});
      }
    }
  }
  return numbers;
}

}  // namespace

Installer::Installer(InstallContext context, manifest::Manifest manifest, ManifestMark mark)
    : context_(std::move(context)),
      next_number_(manifest.next_number),
      manifest_(std::move(manifest)),
      mark_(mark),
      wal_floor_(manifest_.wal_floor) {}

manifest::Manifest Installer::manifest() const {
  MutexLock lock(&mark_mutex_);
  return manifest_;
}

void Installer::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
}

ManifestMark Installer::mark() const {
  MutexLock lock(&mark_mutex_);
  return mark_;
}

Result<std::shared_ptr<const read::RunsVersion>> Installer::OpenRuns(
    const manifest::Manifest& next, const read::RunsVersion& now) const {
  auto version = std::make_shared<read::RunsVersion>();
  for (const manifest::KeyspaceRef& keyspace : next.keyspaces) {
    Result<read::AnyRuns> runs =
        keyspace.kind == KeyKind::kU64
            ? OpenKeyspaceRuns<U64>(context_, next.database, keyspace, now)
            : OpenKeyspaceRuns<Bytes>(context_, next.database, keyspace, now);
    if (!runs.ok()) return std::move(runs).status();
    version->keyspaces.push_back({keyspace.id, *std::move(runs)});
  }
  version->floor_sequence = next.floor_sequence;
  return std::shared_ptr<const read::RunsVersion>(std::move(version));
}

std::vector<Installer::Obsolete> Installer::FindObsolete(const manifest::Manifest& next,
                                                         const read::RunsVersion& now) const {
  const std::set<std::uint64_t> kept = NumbersIn(next);
  std::vector<Obsolete> obsolete;
  now.ForEachSegment([&](std::uint32_t, const segment::AnySegment& segment) {
    const SegmentRef& ref = segment.ref();
    Obsolete gone;
    gone.reader = segment.lease();
    const auto add = [&](FileKind kind, const FileRef& file) {
      if (!file.id.exists() || kept.count(file.id.number) != 0) return;
      gone.names.push_back(FileName(kind, file.id.number));
      gone.bytes += file.bytes;
    };
    add(FileKind::kKeys, ref.keys);
    add(FileKind::kData, ref.data);
    add(FileKind::kModel, ref.model);
    if (!gone.names.empty()) obsolete.push_back(std::move(gone));
  });
  return obsolete;
}

Status Installer::MakeDurable(const manifest::Manifest& next, ManifestMark* mark, bool* either) {
  const Sequence durable = std::max(context_.durable(), next.floor_sequence);
  if (next.last_sequence > durable) {  // I3
    return Error(StatusCode::kInternal, "manifest names sequence {} but the log is synced to {}",
                 next.last_sequence, durable);
  }
  KYRO_ASSIGN_OR_RETURN(const Uuid file, context_.env.random->NewUuid());
  // The names of new files are durable before a manifest names them. After a failure a second try
  // may succeed without having synced anything: no later manifest may count on it (I4).
  const bool skip = KYRO_PLANTED(kSkipSegmentDirectorySync);
  if (Status status = skip ? Status::Ok() : context_.directory->Sync();
      !status.ok() && !KYRO_PLANTED(kDirectorySyncIgnored)) {
    in_doubt_.store(true, std::memory_order_release);
    return status;
  }
  const manifest::Installed installed = manifest::InstallManifest(context_.directory, next, file);
  if (installed.outcome == manifest::InstallOutcome::kInDoubt) {
    in_doubt_.store(true, std::memory_order_release);  // I4
    if (either != nullptr) *either = true;
  }
  *mark = installed.mark;
  return installed.status;
}

Status Installer::InstallCommit(const Edit& edit, const Turnover& turnover) {
  bool either = false;
  Status status = InstallWith(edit, turnover, &either);
  if (!either) return status;
  return Status(StatusCode::kUnknownOutcome, status.message(), status.file(), status.offset());
}

Status Installer::InstallWith(const Edit& edit, const Turnover& turnover, bool* either) {
  MutexLock lock(&mutex_);  // I1
  if (closed_) return Status(StatusCode::kClosed, "the database is closed");
  if (in_doubt()) {
    return Status(StatusCode::kReadOnly,
                  "MANIFEST: a sync of its directory failed; reopen the database",
                  manifest::kManifestName);
  }
  manifest::Manifest next = manifest();
  ++next.generation;
  KYRO_RETURN_IF_ERROR(edit(&next));
  const read::StatePin now = context_.states->Pin();
  KYRO_ASSIGN_OR_RETURN(auto runs, OpenRuns(next, *now->runs));
  if (KYRO_PLANTED(kRuleWBroken)) {
    next.last_sequence = std::max(next.last_sequence, context_.durable());
  }
  next.next_number = next_number_.load();
  std::vector<Obsolete> gone = FindObsolete(next, *now->runs);
  std::shared_ptr<read::ReadState> state = context_.states->NewState();
  {
    MutexLock mark_lock(&mark_mutex_);
    obsolete_.reserve(obsolete_.size() + gone.size());
  }
  if (KYRO_PLANTED(kDeleteBeforeManifest)) {
    for (const Obsolete& dead : gone) (void)context_.directory->Unlink(dead.names[0]);
  }
  ManifestMark mark;
  KYRO_RETURN_IF_ERROR(MakeDurable(next, &mark, either));

  KYRO_TEST_POINT("upkeep.manifest_durable");
  // From here on nothing fails (I2). Who sees the new state also sees the new manifest, and the
  // other way round: both change under one lock.
  MutexLock mark_lock(&mark_mutex_);
  mark_ = mark;
  wal_floor_ = next.wal_floor;
  manifest_ = std::move(next);
  installs_.fetch_add(1, std::memory_order_relaxed);
  context_.states->Publish(std::move(state),
                           [&](const read::ReadState& old, read::ReadState* then) {
                             then->runs = std::move(runs);
                             auto& generations = then->generations;
                             std::size_t& count = then->generation_count;
                             if (turnover.fresh != nullptr) generations[count++] = turnover.fresh;
                             for (std::size_t i = 0; i < old.generation_count; ++i) {
                               const bool leaves = old.generations[i].get() == turnover.gone;
                               if (leaves || (KYRO_PLANTED(kSwapLosesWrites) && i > 0)) continue;
                               generations[count++] = old.generations[i];
                             }
                           });
  for (Obsolete& segment : gone) obsolete_.push_back(std::move(segment));
  return Status::Ok();
}

Status Installer::PublishInitial(std::shared_ptr<delta::Generation> active) {
  MutexLock lock(&mutex_);
  const read::StatePin now = context_.states->Pin();
  KYRO_ASSIGN_OR_RETURN(auto runs, OpenRuns(manifest(), *now->runs));
  context_.states->Publish(context_.states->NewState(),
                           [&](const read::ReadState&, read::ReadState* then) {
                             then->runs = std::move(runs);
                             then->generations[0] = std::move(active);
                             then->generation_count = 1;
                           });
  return Status::Ok();
}

// ---------------------------------------------------------------------------------- copies

namespace {

// The runs with `copy` in the place of the segment that it is of; null if that is gone, merged or
// retrained.
template <class K>
std::shared_ptr<read::Runs<K>> WithCopy(const read::Runs<K>& now,
                                        const std::shared_ptr<const segment::AnySegment>& copy) {
  auto runs = std::make_shared<read::Runs<K>>();
  runs->runs = now.runs;
  for (read::Run<K>& run : runs->runs) {
    for (SegmentPtr<K>& segment : run.segments) {
      if (segment->ref() != copy->ref()) continue;
      segment = std::static_pointer_cast<const segment::Segment<K>>(copy);
      return runs;
    }
  }
  return nullptr;
}

}  // namespace

Status Installer::PublishCopy(std::uint32_t keyspace,
                              const std::shared_ptr<const segment::AnySegment>& copy) {
  MutexLock lock(&mutex_);  // runs change in installs only
  if (closed_) return Status(StatusCode::kClosed, "the database is closed");
  const read::StatePin now = context_.states->Pin();
  auto version = std::make_shared<read::RunsVersion>(*now->runs);
  const auto of =
      std::find_if(version->keyspaces.begin(), version->keyspaces.end(),
                   [keyspace](const read::KeyspaceRuns& each) { return each.id == keyspace; });
  if (of == version->keyspaces.end()) return Status::Ok();  // dropped meanwhile
  const bool found = std::visit(
      [&](auto& runs) {
        auto with = WithCopy(*runs, copy);
        if (with == nullptr) return false;
        with->FindOldest(&context_.states->shared()->lookups);
        runs = std::move(with);
        return true;
      },
      of->runs);
  if (!found) return Status::Ok();
  context_.states->Publish(context_.states->NewState(),
                           [&](const read::ReadState& old, read::ReadState* then) {
                             then->runs = std::move(version);
                             const bool lost = KYRO_PLANTED(kCopyLosesWrites);
                             then->generations = old.generations;
                             then->generation_count = lost ? 1 : old.generation_count;
                           });
  return Status::Ok();
}

// ---------------------------------------------------------------------------------- deletions

void Installer::DeleteObsolete() {
  if (in_doubt()) return;
  std::vector<std::string> names;
  FileId floor;
  {
    MutexLock lock(&mark_mutex_);
    const auto dead =
        std::stable_partition(obsolete_.begin(), obsolete_.end(),
                              [](const Obsolete& segment) { return !segment.reader.expired(); });
    for (auto it = dead; it != obsolete_.end(); ++it) {
      names.insert(names.end(), it->names.begin(), it->names.end());
    }
    obsolete_.erase(dead, obsolete_.end());
    floor = wal_floor_;
  }
  if (floor.exists()) {
    if (auto entries = context_.directory->List(); entries.ok()) {
      for (const io::DirectoryEntry& entry : *entries) {
        FileKind kind;
        std::uint64_t number = 0;
        if (ParseFileName(entry.name, &kind, &number) && kind == FileKind::kWal &&
            number < floor.number) {
          names.push_back(entry.name);
        }
      }
    }
  }
  for (const std::string& name : names) (void)context_.directory->Unlink(name);
  if (!names.empty()) (void)context_.directory->Sync();
}

Installer::Pinned Installer::pinned() const {
  Pinned pinned;
  MutexLock lock(&mark_mutex_);
  for (const Obsolete& segment : obsolete_) {
    if (segment.reader.expired()) continue;
    pinned.files += segment.names.size();
    pinned.bytes += segment.bytes;
  }
  return pinned;
}

}  // namespace kyro::upkeep
