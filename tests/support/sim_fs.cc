// SPDX-License-Identifier: Apache-2.0
//
// The doors of SimFs: handles that forward to its core.
#include "support/sim_fs.h"

#include <utility>

#include "base/status_util.h"
#include "support/sim_core.h"

namespace kyro::support {

std::string_view UnsyncedName(Unsynced unsynced) {
  constexpr std::string_view kNames[] = {"seeded",
                                         "all old",
                                         "all new",
                                         "new names, old bytes",
                                         "old names, new bytes",
                                         "new names, zeros",
                                         "new names, garbage"};
  return kNames[static_cast<std::size_t>(unsynced)];
}

std::string_view SimOpName(SimOp op) {
  constexpr std::string_view kNames[] = {
      "create",         "write",          "truncate",         "sync",  "rename", "link", "unlink",
      "sync directory", "make directory", "rename directory", "tamper"};
  return kNames[static_cast<std::size_t>(op)];
}

std::string_view FateName(Fate fate) {
  constexpr std::string_view kNames[] = {"old", "new", "zeros", "garbage", "between"};
  return kNames[static_cast<std::size_t>(fate)];
}

NamePredicate AnyName() {
  return [](std::string_view) { return true; };
}

NamePredicate NameEndsWith(std::string suffix) {
  return [suffix = std::move(suffix)](std::string_view name) { return name.ends_with(suffix); };
}

// A copy of the file as it was when mapped: what is written later does not show, but a truncation
// does, in Populate.
class SimFs::SimMapping final : public io::Mapping {
 public:
  SimMapping(std::shared_ptr<Core> core, NodeId file, Access access)
      : core_(std::move(core)), file_(file), access_(access), bytes_(core_->Content(file)) {}

  std::string_view bytes() const noexcept override { return bytes_; }

  Status Populate(std::uint64_t offset, std::uint64_t bytes) const override {
    if (offset > bytes_.size() || bytes > bytes_.size() - offset) {
      return FileError(StatusCode::kInvalidArgument, core_->NameOf(file_), offset,
                       "populate of {} bytes at offset {} of a mapping of {} bytes", bytes, offset,
                       bytes_.size());
    }
    const std::uint64_t left = core_->FileBytes(file_);
    if (access_ == Access::kCopy || offset + bytes <= left) return Status();
    return FileError(StatusCode::kDataLoss, core_->NameOf(file_), left,
                     "the file has {} bytes, want {}: truncated while mapped", left, bytes_.size());
  }

 private:
  const std::shared_ptr<Core> core_;
  const NodeId file_;
  const Access access_;
  const std::string bytes_;
};

class SimFs::SimWritableFile final : public io::WritableFile {
 public:
  SimWritableFile(std::shared_ptr<Core> core, NodeId file) : core_(std::move(core)), file_(file) {}

  Status Write(std::uint64_t offset, std::string_view bytes) override {
    return core_->Write(file_, offset, bytes);
  }
  Status Sync() override { return core_->SyncFile(file_); }
  Status Truncate(std::uint64_t bytes) override { return core_->Truncate(file_, bytes); }
  void StartWriteback(std::uint64_t, std::uint64_t) override {}
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) override {
    return core_->Read(file_, offset, bytes, to);
  }

 private:
  const std::shared_ptr<Core> core_;
  const NodeId file_;
};

class SimFs::SimRandomFile final : public io::RandomFile {
 public:
  SimRandomFile(std::shared_ptr<Core> core, NodeId file)
      : core_(std::move(core)), file_(file), bytes_(core_->FileBytes(file)) {}

  std::uint64_t bytes() const noexcept override { return bytes_; }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return core_->Read(file_, offset, bytes, to);
  }
  Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return core_->ReadDevice(file_, offset, bytes, to);
  }
  Result<std::unique_ptr<io::Mapping>> Map(Access access) const override {
    return std::unique_ptr<io::Mapping>(std::make_unique<SimMapping>(core_, file_, access));
  }
  void DropCache(std::uint64_t, std::uint64_t) const override {}

 private:
  const std::shared_ptr<Core> core_;
  const NodeId file_;
  const std::uint64_t bytes_;
};

class SimFs::SimLock final : public io::FileLock {
 public:
  SimLock(std::shared_ptr<Core> core, NodeId file, bool shared)
      : core_(std::move(core)), file_(file), shared_(shared) {}
  ~SimLock() override { core_->Unlock(file_, shared_); }

 private:
  const std::shared_ptr<Core> core_;
  const NodeId file_;
  const bool shared_;
};

class SimFs::SimDirectory final : public io::Directory {
 public:
  SimDirectory(std::shared_ptr<Core> core, NodeId node) : core_(std::move(core)), node_(node) {}

  Result<std::unique_ptr<io::WritableFile>> Create(std::string_view name) override {
    KYRO_ASSIGN_OR_RETURN(const NodeId file, core_->Create(node_, name));
    return std::unique_ptr<io::WritableFile>(std::make_unique<SimWritableFile>(core_, file));
  }
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(std::string_view name) override {
    KYRO_ASSIGN_OR_RETURN(const NodeId file, core_->OpenFile(node_, name));
    return std::unique_ptr<io::WritableFile>(std::make_unique<SimWritableFile>(core_, file));
  }
  Result<std::unique_ptr<io::RandomFile>> Open(std::string_view name) const override {
    KYRO_ASSIGN_OR_RETURN(const NodeId file, core_->OpenFile(node_, name));
    return std::unique_ptr<io::RandomFile>(std::make_unique<SimRandomFile>(core_, file));
  }
  Result<std::uint64_t> FileBytes(std::string_view name) const override {
    KYRO_ASSIGN_OR_RETURN(const NodeId file, core_->OpenFile(node_, name));
    return core_->FileBytes(file);
  }
  Status Rename(std::string_view from, std::string_view to) override {
    return core_->Rename(node_, from, to);
  }
  Status Link(std::string_view name, io::Directory* to, std::string_view to_name) override {
    // "A directory of the same kind": the contract of the seam.
    const auto* other = static_cast<const SimDirectory*>(to);
    if (other->core_ != core_) {
      return FileError(StatusCode::kUnsupported, name, Status::kNoOffset,
                       "link to another file system");
    }
    return core_->Link(node_, name, other->node_, to_name);
  }
  Status Unlink(std::string_view name) override { return core_->Unlink(node_, name); }
  Result<std::vector<io::DirectoryEntry>> List() const override { return core_->List(node_); }
  Status Sync() override { return core_->SyncDirectory(node_); }
  Result<std::unique_ptr<io::FileLock>> Lock(std::string_view name, bool shared) override {
    KYRO_ASSIGN_OR_RETURN(const NodeId file, core_->Lock(node_, name, shared));
    return std::unique_ptr<io::FileLock>(std::make_unique<SimLock>(core_, file, shared));
  }
  Result<std::uint64_t> FreeBytes() const override { return core_->FreeBytes(); }

 private:
  const std::shared_ptr<Core> core_;
  const NodeId node_;
};

SimFs::SimFs() : core_(std::make_shared<Core>()) {}
SimFs::SimFs(std::shared_ptr<Core> core) : core_(std::move(core)) {}
SimFs::~SimFs() = default;

Result<std::unique_ptr<io::Directory>> SimFs::OpenDirectory(const std::string& path, bool create) {
  KYRO_ASSIGN_OR_RETURN(const NodeId node, core_->OpenDirectory(path, create));
  return std::unique_ptr<io::Directory>(std::make_unique<SimDirectory>(core_, node));
}

Status SimFs::RenameDirectory(const std::string& from, const std::string& to) {
  return core_->RenameDirectory(from, to);
}

std::uint64_t SimFs::event_count() const {
  return core_->event_count();
}
SimEvent SimFs::event(std::uint64_t number) const {
  return core_->event(number);
}

std::string SimFs::Describe(std::uint64_t number) const {
  const SimEvent event = core_->event(number);
  std::string text = fmt::format("#{} {} {}", number, SimOpName(event.op), event.name);
  if (!event.to_name.empty()) text += " -> " + event.to_name;
  if (event.op == SimOp::kWrite) text += fmt::format(" {}+{}", event.offset, event.bytes);
  if (event.op == SimOp::kTruncate) text += fmt::format(" to {}", event.bytes);
  if (event.failed) text += " (failed)";
  return text;
}

std::unique_ptr<SimFs> SimFs::CrashImage(CrashKind kind, std::uint64_t event, std::uint64_t seed,
                                         Unsynced unsynced) const {
  return std::unique_ptr<SimFs>(new SimFs(core_->CrashImage(kind, event, seed, unsynced)));
}

std::vector<PendingUnit> SimFs::Pending(std::uint64_t event) const {
  return core_->Pending(event);
}
std::unique_ptr<SimFs> SimFs::PowerCut(std::uint64_t event, std::span<const Fate> fates,
                                       std::uint64_t seed) const {
  return std::unique_ptr<SimFs>(new SimFs(core_->PowerCut(event, fates, seed)));
}
std::uint64_t SimFs::Hash() const {
  return core_->Hash();
}

std::unique_ptr<SimFs> SimFs::Copy() const {
  return CrashImage(CrashKind::kKill, core_->event_count());
}

void SimFs::StopAt(std::uint64_t number) {
  core_->StopAt(number);
}
bool SimFs::stopped() const {
  return core_->stopped();
}
void SimFs::FailSync(std::uint64_t nth, SyncFailure failure) {
  core_->FailSync(SimOp::kSync, nth, failure);
}
void SimFs::FailDirectorySync(std::uint64_t nth) {
  core_->FailSync(SimOp::kSyncDirectory, nth, SyncFailure::kDataGone);
}
void SimFs::FailWriteback(std::uint64_t nth) {
  core_->FailWriteback(nth);
}
bool SimFs::read_only() const {
  return core_->read_only();
}
void SimFs::SetObserver(std::function<void()> observer) {
  core_->SetObserver(std::move(observer));
}
void SimFs::StopJournal() {
  core_->StopJournal();
}

std::uint64_t SimFs::Count(SimOp op, const NamePredicate& name) const {
  return core_->Count(op, name);
}
std::uint64_t SimFs::BytesWritten(const NamePredicate& name) const {
  return core_->BytesWritten(name);
}

void SimFs::SetFreeBytes(std::uint64_t bytes) {
  core_->SetFreeBytes(bytes);
}

bool SimFs::Exists(const std::string& path) const {
  return core_->FindFile(path) != kNoNode;
}

std::vector<std::string> SimFs::ListNames(const std::string& directory) const {
  return core_->ListNames(directory);
}

Result<std::string> SimFs::ReadFile(const std::string& path) const {
  const NodeId file = core_->FindFile(path);
  if (file == kNoNode) return Status::NotFound();
  return core_->Content(file);
}

Status SimFs::ReplaceFile(const std::string& path, std::string_view bytes) {
  return core_->ReplaceFile(path, bytes);
}

Status SimFs::FlipByte(const std::string& path, std::uint64_t offset, std::uint8_t mask) {
  KYRO_ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
  if (offset >= bytes.size()) {
    return FileError(StatusCode::kInvalidArgument, path, offset, "past the end of the file");
  }
  bytes[offset] = static_cast<char>(static_cast<std::uint8_t>(bytes[offset]) ^ mask);
  return core_->ReplaceFile(path, bytes);
}

}  // namespace kyro::support
