// SPDX-License-Identifier: Apache-2.0
#include "support/sim_core.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/status_util.h"

namespace kyro::support {
namespace {

bool PlainName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
         name.find('/') == name.npos && name.find('\0') == name.npos;
}

Status BadName(std::string_view name) {
  return Error(StatusCode::kInvalidArgument, "\"{}\" is not a plain file name", name);
}

Status NotRegular(std::string_view name) {
  return FileError(StatusCode::kIoError, name, Status::kNoOffset, "not a regular file");
}

// "/a/b/" is {"/a", "b"}; "/" is {"/", ""}.
std::pair<std::string, std::string> SplitPath(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return {"/", path};
  return {path.substr(0, std::max<std::size_t>(slash, 1)), path.substr(slash + 1)};
}

[[noreturn]] void TestBug(const char* what) {
  std::fprintf(stderr, "SimFs: %s\n", what);
  std::abort();
}

}  // namespace

// --- Events ---

Status SimFs::Core::Emit(SimRecord record) {
  const std::string name = record.name.empty() ? live_.NameOf(record.node) : record.name;
  if (next_event_ >= stop_at_) {
    stopped_ = true;
    return FileError(StatusCode::kIoError, name, Status::kNoOffset, "{}: crashed",
                     SimOpName(record.op));
  }
  if (next_event_ >= read_only_from_) {
    return FileError(StatusCode::kIoError, name, Status::kNoOffset, "{}: read-only file system",
                     SimOpName(record.op));
  }
  TakeFailures(&record);
  const bool failed = record.failed;
  const SimOp op = record.op;
  live_.Apply(record);
  ++counts_[{op, name}];
  if (op == SimOp::kWrite) written_[name] += record.bytes->size();
  ++next_event_;
  if (journaling_) journal_.push_back(Entry{std::move(record), name});
  if (!failed) return Status();
  return FileError(StatusCode::kIoError, name, Status::kNoOffset, "{}: planted sync failure",
                   SimOpName(op));
}

void SimFs::Core::TakeFailures(SimRecord* record) {
  const auto reached = [](std::uint64_t* countdown) {
    return *countdown != 0 && --*countdown == 0;
  };
  if (record->op == SimOp::kWrite) record->late = reached(&writes_to_failure_);
  if (record->op == SimOp::kSyncDirectory) record->failed = reached(&directory_syncs_to_failure_);
  if (record->op != SimOp::kSync) return;
  if (reached(&file_syncs_to_failure_)) {
    record->failed = true;
    if (sync_failure_ == SyncFailure::kReadOnly) read_only_from_ = next_event_ + 1;
  } else {
    record->failed = record->late = live_.HasLateError(record->node);
  }
}

std::uint64_t SimFs::Core::event_count() const {
  const MutexLock lock(&mutex_);
  return next_event_;
}

const SimFs::Core::Entry& SimFs::Core::EntryAt(std::uint64_t number) const {
  if (number < base_event_ || number - base_event_ >= journal_.size()) {
    TestBug("the journal does not have this event");
  }
  return journal_[number - base_event_];
}

SimEvent SimFs::Core::event(std::uint64_t number) const {
  const MutexLock lock(&mutex_);
  const Entry& entry = EntryAt(number);
  SimEvent event{entry.record.op, entry.name, entry.record.to_name};
  if (event.op == SimOp::kWrite) {
    event.offset = entry.record.offset;
    event.bytes = entry.record.bytes->size();
  } else if (event.op == SimOp::kTruncate) {
    event.bytes = entry.record.offset;
  }
  event.failed = entry.record.failed;
  return event;
}

const SimState& SimFs::Core::StateAt(std::uint64_t number) {
  if (number == next_event_) return live_;
  if (!journaling_ || number < base_event_ || number > next_event_) {
    TestBug("no crash image of an event that the journal does not have");
  }
  if (!replayed_.has_value() || replayed_->first > number) replayed_.emplace(base_event_, base_);
  auto& [at, state] = *replayed_;
  for (; at < number; ++at) state.Apply(EntryAt(at).record);
  return state;
}

std::shared_ptr<SimFs::Core> SimFs::Core::CrashImage(CrashKind kind, std::uint64_t event,
                                                     std::uint64_t seed, Unsynced unsynced) {
  const MutexLock lock(&mutex_);
  if (event == kNow) event = next_event_;
  const SimState& state = StateAt(event);
  if (kind == CrashKind::kPowerCut) {
    return std::make_shared<Core>(state.AfterPowerCut(seed, unsynced), disk_bytes_);
  }
  const bool read_only = event >= read_only_from_;
  if (kind == CrashKind::kKillTorn && event < next_event_) {
    SimRecord record = EntryAt(event).record;
    if (record.op == SimOp::kWrite) {
      const std::size_t bytes = SeededRandom(seed).Below(record.bytes->size() + 1);
      record.bytes = std::make_shared<const std::string>(record.bytes->substr(0, bytes));
      SimState torn = state;
      torn.Apply(record);
      return std::make_shared<Core>(torn.AfterKill(), disk_bytes_, read_only);
    }
  }
  return std::make_shared<Core>(state.AfterKill(), disk_bytes_, read_only);
}

const std::vector<SimUnit>& SimFs::Core::UnitsAt(std::uint64_t event) {
  if (!units_.has_value() || units_->first != event || event == next_event_) {
    units_.emplace(event, StateAt(event).Pending());
  }
  return units_->second;
}

std::vector<PendingUnit> SimFs::Core::Pending(std::uint64_t event) {
  const MutexLock lock(&mutex_);
  std::vector<PendingUnit> pending;
  for (const SimUnit& unit : UnitsAt(event)) {
    pending.push_back({unit.kind, StateAt(event).Describe(unit), unit.differs});
  }
  return pending;
}

std::shared_ptr<SimFs::Core> SimFs::Core::PowerCut(std::uint64_t event, std::span<const Fate> fates,
                                                   std::uint64_t seed) {
  const MutexLock lock(&mutex_);
  const std::vector<SimUnit>& units = UnitsAt(event);
  if (fates.size() != units.size()) TestBug("a power cut wants one fate for each pending unit");
  return std::make_shared<Core>(StateAt(event).AfterPowerCut(units, fates, seed), disk_bytes_);
}

std::uint64_t SimFs::Core::Hash() const {
  const MutexLock lock(&mutex_);
  return live_.Hash();
}

void SimFs::Core::StopAt(std::uint64_t number) {
  const MutexLock lock(&mutex_);
  stop_at_ = number;
}

bool SimFs::Core::stopped() const {
  const MutexLock lock(&mutex_);
  return stopped_;
}

void SimFs::Core::FailSync(SimOp op, std::uint64_t nth, SyncFailure failure) {
  const MutexLock lock(&mutex_);
  (op == SimOp::kSync ? file_syncs_to_failure_ : directory_syncs_to_failure_) = nth;
  sync_failure_ = failure;
}

void SimFs::Core::FailWriteback(std::uint64_t nth) {
  const MutexLock lock(&mutex_);
  writes_to_failure_ = nth;
}

bool SimFs::Core::read_only() const {
  const MutexLock lock(&mutex_);
  return next_event_ >= read_only_from_;
}

void SimFs::Core::SetObserver(std::function<void()> observer) {
  const MutexLock lock(&mutex_);
  observer_ = std::move(observer);
}

void SimFs::Core::Observe() const {
  std::function<void()> observer;
  {
    const MutexLock lock(&mutex_);
    observer = observer_;
  }
  if (observer) observer();
}

void SimFs::Core::StopJournal() {
  const MutexLock lock(&mutex_);
  journaling_ = false;
  journal_.clear();
  replayed_.reset();
  base_ = SimState();
}

std::uint64_t SimFs::Core::Count(SimOp op, const NamePredicate& name) const {
  const MutexLock lock(&mutex_);
  std::uint64_t count = 0;
  for (const auto& [key, times] : counts_) {
    if (key.first == op && name(key.second)) count += times;
  }
  return count;
}

std::uint64_t SimFs::Core::BytesWritten(const NamePredicate& name) const {
  const MutexLock lock(&mutex_);
  std::uint64_t bytes = 0;
  for (const auto& [file, written] : written_) {
    if (name(file)) bytes += written;
  }
  return bytes;
}

// --- Directories ---

Result<NodeId> SimFs::Core::OpenDirectory(const std::string& path, bool create) {
  Observe();
  const MutexLock lock(&mutex_);
  const auto [parent_path, name] = SplitPath(path);
  const NodeId parent = live_.FindDirectory(parent_path);
  if (name.empty()) return kRootNode;
  if (parent == kNoNode) {
    if (!create) return Status::NotFound();
    return Error(StatusCode::kInvalidArgument, "{}: its parent directory does not exist", path);
  }
  NodeId node = live_.Find(parent, name);
  if (node != kNoNode && !live_.IsDirectory(node)) {
    return Error(StatusCode::kInvalidArgument, "{}: not a directory", path);
  }
  if (!create) {
    if (node == kNoNode) return Status::NotFound();
    return node;
  }
  const bool made = node == kNoNode;
  if (made) {
    node = live_.next_node();
    KYRO_RETURN_IF_ERROR(Emit({SimOp::kMakeDirectory, parent, node, name}));
  }
  if (made || live_.Names(node).empty()) {
    Status synced = Emit({SimOp::kSyncDirectory, parent});
    if (!synced.ok()) {
      if (made) (void)Emit({SimOp::kUnlink, parent, kNoNode, name});
      return synced;
    }
  }
  return node;
}

Status SimFs::Core::RenameDirectory(const std::string& from, const std::string& to) {
  Observe();
  const MutexLock lock(&mutex_);
  const auto [from_parent, from_name] = SplitPath(from);
  const auto [to_parent, to_name] = SplitPath(to);
  const NodeId parent = live_.FindDirectory(from_parent);
  if (parent == kNoNode) return Status::NotFound();
  if (live_.FindDirectory(to_parent) != parent) {
    return Error(StatusCode::kInvalidArgument, "{} and {} are not in one directory", from, to);
  }
  const NodeId node = live_.Find(parent, from_name);
  if (node == kNoNode) return Status::NotFound();
  if (!live_.IsDirectory(node)) {
    return Error(StatusCode::kInvalidArgument, "{}: not a directory", from);
  }
  if (live_.Find(parent, to_name) != kNoNode) {
    return Error(StatusCode::kAlreadyExists, "{}: already exists", to);
  }
  SimRecord record{SimOp::kRenameDirectory, parent, kNoNode, from_name, to_name};
  KYRO_RETURN_IF_ERROR(Emit(std::move(record)));
  return Emit({SimOp::kSyncDirectory, parent});
}

std::vector<io::DirectoryEntry> SimFs::Core::List(NodeId directory) const {
  const MutexLock lock(&mutex_);
  std::vector<io::DirectoryEntry> entries;
  for (const auto& [name, node] : live_.Names(directory)) {
    const bool other = live_.IsDirectory(node);
    entries.push_back({name, other ? io::FileType::kOther : io::FileType::kRegular,
                       other ? 0 : live_.FileBytes(node)});
  }
  return entries;
}

Status SimFs::Core::SyncDirectory(NodeId directory) {
  Observe();
  const MutexLock lock(&mutex_);
  return Emit({SimOp::kSyncDirectory, directory});
}

// --- Names ---

Result<NodeId> SimFs::Core::CreateLocked(NodeId directory, std::string_view name) {
  const NodeId node = live_.next_node();
  KYRO_RETURN_IF_ERROR(Emit({SimOp::kCreate, directory, node, std::string(name)}));
  return node;
}

Result<NodeId> SimFs::Core::Create(NodeId directory, std::string_view name) {
  if (!PlainName(name)) return BadName(name);
  Observe();
  const MutexLock lock(&mutex_);
  if (live_.Find(directory, name) != kNoNode) {
    return FileError(StatusCode::kAlreadyExists, name, Status::kNoOffset, "already exists");
  }
  return CreateLocked(directory, name);
}

Result<NodeId> SimFs::Core::OpenFileLocked(NodeId directory, std::string_view name) const {
  if (!PlainName(name)) return BadName(name);
  const NodeId node = live_.Find(directory, name);
  if (node == kNoNode) return Status::NotFound();
  if (live_.IsDirectory(node)) return NotRegular(name);
  return node;
}

Result<NodeId> SimFs::Core::OpenFile(NodeId directory, std::string_view name) {
  const MutexLock lock(&mutex_);
  return OpenFileLocked(directory, name);
}

Status SimFs::Core::Rename(NodeId directory, std::string_view from, std::string_view to) {
  if (!PlainName(to)) return BadName(to);
  Observe();
  const MutexLock lock(&mutex_);
  KYRO_ASSIGN_OR_RETURN(const NodeId node, OpenFileLocked(directory, from));
  static_cast<void>(node);
  const NodeId replaced = live_.Find(directory, to);
  if (replaced != kNoNode && live_.IsDirectory(replaced)) return NotRegular(to);
  return Emit({SimOp::kRename, directory, kNoNode, std::string(from), std::string(to)});
}

Status SimFs::Core::Link(NodeId directory, std::string_view name, NodeId to,
                         std::string_view to_name) {
  if (!PlainName(to_name)) return BadName(to_name);
  Observe();
  const MutexLock lock(&mutex_);
  KYRO_ASSIGN_OR_RETURN(const NodeId node, OpenFileLocked(directory, name));
  if (live_.Find(to, to_name) != kNoNode) {
    return FileError(StatusCode::kAlreadyExists, to_name, Status::kNoOffset, "already exists");
  }
  return Emit({SimOp::kLink, to, node, std::string(to_name)});
}

Status SimFs::Core::Unlink(NodeId directory, std::string_view name) {
  Observe();
  const MutexLock lock(&mutex_);
  KYRO_ASSIGN_OR_RETURN(const NodeId node, OpenFileLocked(directory, name));
  static_cast<void>(node);
  return Emit({SimOp::kUnlink, directory, kNoNode, std::string(name)});
}

// --- Locks ---

Result<NodeId> SimFs::Core::Lock(NodeId directory, std::string_view name, bool shared) {
  if (!PlainName(name)) return BadName(name);
  const MutexLock lock(&mutex_);
  Result<NodeId> found = OpenFileLocked(directory, name);
  if (!found.ok() && found.status().code() == StatusCode::kNotFound) {
    found = CreateLocked(directory, name);
  }
  KYRO_RETURN_IF_ERROR(found.status());
  Locks& locks = locks_[*found];
  if (locks.exclusive || (!shared && locks.shared > 0)) {
    std::string holder(live_.FileBytes(*found), '\0');
    live_.Read(*found, 0, holder.size(), holder.data());
    return FileError(StatusCode::kLocked, name, Status::kNoOffset, "held by {}", holder);
  }
  if (shared) {
    ++locks.shared;
    return *found;
  }
  locks.exclusive = true;
  // Advisory: a full or failing disk does not refuse the lock.
  constexpr std::string_view kHolder = "pid 1 since simulation";
  (void)EmitWrite(*found, 0, kHolder.substr(0, FreeBytesLocked()));
  return *found;
}

void SimFs::Core::Unlock(NodeId file, bool shared) {
  const MutexLock lock(&mutex_);
  Locks& locks = locks_[file];
  if (shared) {
    --locks.shared;
  } else {
    locks.exclusive = false;
  }
}

// --- Bytes ---

Status SimFs::Core::EmitWrite(NodeId file, std::uint64_t offset, std::string_view bytes) {
  SimRecord record{SimOp::kWrite, file};
  record.offset = offset;
  record.bytes = std::make_shared<const std::string>(bytes);
  return Emit(std::move(record));
}

Status SimFs::Core::Write(NodeId file, std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return Status();
  Observe();
  const MutexLock lock(&mutex_);
  const std::uint64_t room = live_.FileBytes(file) + FreeBytesLocked();
  if (offset + bytes.size() <= room) return EmitWrite(file, offset, bytes);
  if (offset < room) KYRO_RETURN_IF_ERROR(EmitWrite(file, offset, bytes.substr(0, room - offset)));
  return FileError(StatusCode::kNoSpace, live_.NameOf(file), offset,
                   "write of {} bytes at offset {}: no space left", bytes.size(), offset);
}

Status SimFs::Core::Truncate(NodeId file, std::uint64_t bytes) {
  Observe();
  const MutexLock lock(&mutex_);
  if (bytes > live_.FileBytes(file) + FreeBytesLocked()) {
    return FileError(StatusCode::kNoSpace, live_.NameOf(file), bytes,
                     "truncate to {} bytes: no space left", bytes);
  }
  SimRecord record{SimOp::kTruncate, file};
  record.offset = bytes;
  return Emit(std::move(record));
}

Status SimFs::Core::SyncFile(NodeId file) {
  Observe();
  const MutexLock lock(&mutex_);
  return Emit({SimOp::kSync, file});
}

std::uint64_t SimFs::Core::FileBytes(NodeId file) const {
  const MutexLock lock(&mutex_);
  return live_.FileBytes(file);
}

std::size_t SimFs::Core::Read(NodeId file, std::uint64_t offset, std::size_t bytes,
                              char* to) const {
  const MutexLock lock(&mutex_);
  return live_.Read(file, offset, bytes, to);
}

std::size_t SimFs::Core::ReadDevice(NodeId file, std::uint64_t offset, std::size_t bytes,
                                    char* to) const {
  const MutexLock lock(&mutex_);
  return live_.ReadDevice(file, offset, bytes, to);
}

std::string SimFs::Core::Content(NodeId file) const {
  const MutexLock lock(&mutex_);
  std::string content(live_.FileBytes(file), '\0');
  live_.Read(file, 0, content.size(), content.data());
  return content;
}

std::string SimFs::Core::NameOf(NodeId node) const {
  const MutexLock lock(&mutex_);
  return live_.NameOf(node);
}

// --- Space and contents, for tests ---

std::uint64_t SimFs::Core::FreeBytesLocked() const {
  return disk_bytes_ - std::min(disk_bytes_, live_.used_bytes());
}

std::uint64_t SimFs::Core::FreeBytes() const {
  const MutexLock lock(&mutex_);
  return FreeBytesLocked();
}

void SimFs::Core::SetFreeBytes(std::uint64_t bytes) {
  const MutexLock lock(&mutex_);
  disk_bytes_ = live_.used_bytes() + bytes;
}

NodeId SimFs::Core::FindFile(const std::string& path) const {
  const MutexLock lock(&mutex_);
  const auto [parent, name] = SplitPath(path);
  const NodeId directory = live_.FindDirectory(parent);
  if (directory == kNoNode) return kNoNode;
  const NodeId node = live_.Find(directory, name);
  return node == kNoNode || live_.IsDirectory(node) ? kNoNode : node;
}

std::vector<std::string> SimFs::Core::ListNames(const std::string& directory) const {
  const MutexLock lock(&mutex_);
  std::vector<std::string> names;
  const NodeId node = live_.FindDirectory(directory);
  if (node == kNoNode) return names;
  for (const auto& [name, child] : live_.Names(node)) names.push_back(name);
  return names;
}

Status SimFs::Core::ReplaceFile(const std::string& path, std::string_view bytes) {
  const MutexLock lock(&mutex_);
  const auto [parent, name] = SplitPath(path);
  const NodeId directory = live_.FindDirectory(parent);
  if (directory == kNoNode) return Status::NotFound();
  NodeId node = live_.Find(directory, name);
  if (node == kNoNode) {
    KYRO_ASSIGN_OR_RETURN(node, CreateLocked(directory, name));
    KYRO_RETURN_IF_ERROR(Emit({SimOp::kSyncDirectory, directory}));
  } else if (live_.IsDirectory(node)) {
    return NotRegular(name);
  }
  SimRecord record{SimOp::kTamper, node};
  record.bytes = std::make_shared<const std::string>(bytes);
  return Emit(std::move(record));
}

}  // namespace kyro::support
