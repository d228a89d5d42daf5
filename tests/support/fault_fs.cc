// SPDX-License-Identifier: Apache-2.0
#include "support/fault_fs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status_util.h"

namespace kyro::support {

std::string_view FsOpName(FsOp op) {
  constexpr std::string_view kNames[kFsOpCount] = {"open directory",
                                                   "rename directory",
                                                   "create",
                                                   "open for write",
                                                   "open",
                                                   "file bytes",
                                                   "rename",
                                                   "link",
                                                   "unlink",
                                                   "list",
                                                   "sync directory",
                                                   "lock",
                                                   "free",
                                                   "write",
                                                   "sync",
                                                   "truncate",
                                                   "start writeback",
                                                   "read back",
                                                   "read",
                                                   "read device",
                                                   "map",
                                                   "populate",
                                                   "drop cache"};
  return kNames[static_cast<std::size_t>(op)];
}

// Every call of every handle passes through Enter.
class FaultFs::Control {
 public:
  struct Verdict {
    Status status;  // what to return, if not OK
    std::uint64_t write_first = 0;
    bool after = false;
  };

  // Counts the call, waits as long as it is blocked and decides its fate.
  Verdict Enter(FsOp op, std::string_view name) KYRO_EXCLUDES(mutex_);

  // Enter, then `call`, for calls that return a Status or a Result.
  template <class Call>
  auto Run(FsOp op, std::string_view name, Call&& call) -> decltype(call()) {
    Verdict verdict = Enter(op, name);
    if (verdict.status.ok()) return call();
    if (!verdict.after) return std::move(verdict.status);
    auto done = call();
    if (!IsOk(done)) return done;
    return std::move(verdict.status);
  }

  Id Inject(Fault fault) KYRO_EXCLUDES(mutex_);
  std::uint64_t Hits(Id fault) const KYRO_EXCLUDES(mutex_);
  void Clear() KYRO_EXCLUDES(mutex_);
  Id Block(FsOps ops, NamePredicate name) KYRO_EXCLUDES(mutex_);
  void WaitUntilBlocked(Id block, std::uint64_t calls) KYRO_EXCLUDES(mutex_);
  void Release(std::optional<Id> block) KYRO_EXCLUDES(mutex_);
  void Watch(FsOps ops, Watcher watcher) {
    watched_ = ops;
    watcher_ = std::move(watcher);
  }
  std::uint64_t Count(FsOps ops, const NamePredicate& name) const KYRO_EXCLUDES(mutex_);

 private:
  struct Planted {
    Fault fault;
    std::uint64_t matched = 0;
    std::uint64_t hits = 0;
    bool active = true;
  };
  struct Barrier {
    FsOps ops;
    NamePredicate name;
    std::uint64_t waited = 0;
    bool active = true;
  };
  static bool IsOk(const Status& status) { return status.ok(); }
  template <class T>
  static bool IsOk(const Result<T>& result) {
    return result.ok();
  }
  Verdict Decide(FsOp op, std::string_view name) KYRO_REQUIRES(mutex_);

  FsOps watched_ = {};
  Watcher watcher_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Planted> faults_ KYRO_GUARDED_BY(mutex_);    // by id
  std::vector<Barrier> barriers_ KYRO_GUARDED_BY(mutex_);  // by id
  std::map<std::pair<FsOp, std::string>, std::uint64_t> counts_ KYRO_GUARDED_BY(mutex_);
};

FaultFs::Control::Verdict FaultFs::Control::Enter(FsOp op, std::string_view name) {
  if (watcher_ && watched_.Has(op)) watcher_(op, name);
  const MutexLock lock(&mutex_);
  ++counts_[{op, std::string(name)}];
  for (std::size_t i = 0; i < barriers_.size(); ++i) {
    if (!barriers_[i].active || !barriers_[i].ops.Has(op) || !barriers_[i].name(name)) continue;
    ++barriers_[i].waited;
    changed_.NotifyAll();
    while (barriers_[i].active) changed_.Wait(&mutex_);
  }
  return Decide(op, name);
}

FaultFs::Control::Verdict FaultFs::Control::Decide(FsOp op, std::string_view name) {
  Verdict verdict;
  for (Planted& planted : faults_) {
    const Fault& fault = planted.fault;
    if (!planted.active || !fault.ops.Has(op) || !fault.name(name)) continue;
    ++planted.matched;
    const bool fails = fault.sticky ? planted.matched >= fault.nth : planted.matched == fault.nth;
    if (!fails || !verdict.status.ok()) continue;
    ++planted.hits;
    verdict = {FileError(fault.code, name, Status::kNoOffset, "{}: planted fault", FsOpName(op)),
               fault.write_first, fault.after};
  }
  return verdict;
}

FaultFs::Id FaultFs::Control::Inject(Fault fault) {
  const MutexLock lock(&mutex_);
  faults_.push_back(Planted{std::move(fault)});
  return faults_.size() - 1;
}

std::uint64_t FaultFs::Control::Hits(Id fault) const {
  const MutexLock lock(&mutex_);
  return faults_.at(fault).hits;
}

void FaultFs::Control::Clear() {
  const MutexLock lock(&mutex_);
  for (Planted& planted : faults_) planted.active = false;
}

FaultFs::Id FaultFs::Control::Block(FsOps ops, NamePredicate name) {
  const MutexLock lock(&mutex_);
  barriers_.push_back(Barrier{ops, std::move(name)});
  return barriers_.size() - 1;
}

void FaultFs::Control::WaitUntilBlocked(Id block, std::uint64_t calls) {
  const MutexLock lock(&mutex_);
  while (barriers_.at(block).waited < calls) changed_.Wait(&mutex_);
}

void FaultFs::Control::Release(std::optional<Id> block) {
  const MutexLock lock(&mutex_);
  for (std::size_t i = 0; i < barriers_.size(); ++i) {
    if (!block.has_value() || *block == i) barriers_[i].active = false;
  }
  changed_.NotifyAll();
}

std::uint64_t FaultFs::Control::Count(FsOps ops, const NamePredicate& name) const {
  const MutexLock lock(&mutex_);
  std::uint64_t count = 0;
  for (const auto& [key, times] : counts_) {
    if (ops.Has(key.first) && name(key.second)) count += times;
  }
  return count;
}

class FaultFs::FaultMapping final : public io::Mapping {
 public:
  FaultMapping(std::shared_ptr<Control> control, std::string name,
               std::unique_ptr<io::Mapping> base)
      : control_(std::move(control)), name_(std::move(name)), base_(std::move(base)) {}

  std::string_view bytes() const noexcept override { return base_->bytes(); }
  Status Populate(std::uint64_t offset, std::uint64_t bytes) const override {
    return control_->Run(FsOp::kPopulate, name_, [&] { return base_->Populate(offset, bytes); });
  }

 private:
  const std::shared_ptr<Control> control_;
  const std::string name_;
  const std::unique_ptr<io::Mapping> base_;
};

class FaultFs::FaultRandomFile final : public io::RandomFile {
 public:
  FaultRandomFile(std::shared_ptr<Control> control, std::string_view name,
                  std::unique_ptr<io::RandomFile> base)
      : control_(std::move(control)), name_(name), base_(std::move(base)) {}

  std::uint64_t bytes() const noexcept override { return base_->bytes(); }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return control_->Run(FsOp::kRead, name_, [&] { return base_->Read(offset, bytes, to); });
  }
  Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return control_->Run(FsOp::kReadDevice, name_,
                         [&] { return base_->ReadDevice(offset, bytes, to); });
  }
  Result<std::unique_ptr<io::Mapping>> Map(Access access) const override {
    return control_->Run(FsOp::kMap, name_, [&]() -> Result<std::unique_ptr<io::Mapping>> {
      KYRO_ASSIGN_OR_RETURN(auto mapping, base_->Map(access));
      return std::unique_ptr<io::Mapping>(
          std::make_unique<FaultMapping>(control_, name_, std::move(mapping)));
    });
  }
  void DropCache(std::uint64_t offset, std::uint64_t bytes) const override {
    (void)control_->Enter(FsOp::kDropCache, name_);
    base_->DropCache(offset, bytes);
  }

 private:
  const std::shared_ptr<Control> control_;
  const std::string name_;
  const std::unique_ptr<io::RandomFile> base_;
};

class FaultFs::FaultWritableFile final : public io::WritableFile {
 public:
  FaultWritableFile(std::shared_ptr<Control> control, std::string_view name,
                    std::unique_ptr<io::WritableFile> base)
      : control_(std::move(control)), name_(name), base_(std::move(base)) {}

  Status Write(std::uint64_t offset, std::string_view bytes) override {
    Control::Verdict verdict = control_->Enter(FsOp::kWrite, name_);
    if (verdict.status.ok()) return base_->Write(offset, bytes);
    const std::string_view written =
        verdict.after ? bytes
                      : bytes.substr(0, std::min<std::uint64_t>(verdict.write_first, bytes.size()));
    if (!written.empty()) KYRO_RETURN_IF_ERROR(base_->Write(offset, written));
    return std::move(verdict.status);
  }
  Status Sync() override {
    return control_->Run(FsOp::kSync, name_, [&] { return base_->Sync(); });
  }
  Status Truncate(std::uint64_t bytes) override {
    return control_->Run(FsOp::kTruncate, name_, [&] { return base_->Truncate(bytes); });
  }
  void StartWriteback(std::uint64_t offset, std::uint64_t bytes) override {
    (void)control_->Enter(FsOp::kStartWriteback, name_);
    base_->StartWriteback(offset, bytes);
  }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) override {
    return control_->Run(FsOp::kReadBack, name_, [&] { return base_->Read(offset, bytes, to); });
  }

 private:
  const std::shared_ptr<Control> control_;
  const std::string name_;
  const std::unique_ptr<io::WritableFile> base_;
};

class FaultFs::FaultDirectory final : public io::Directory {
 public:
  FaultDirectory(std::shared_ptr<Control> control, std::string path,
                 std::unique_ptr<io::Directory> base)
      : control_(std::move(control)), path_(std::move(path)), base_(std::move(base)) {}

  Result<std::unique_ptr<io::WritableFile>> Create(std::string_view name) override {
    return control_->Run(FsOp::kCreate, name,
                         [&] { return Wrap<FaultWritableFile>(name, base_->Create(name)); });
  }
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(std::string_view name) override {
    return control_->Run(FsOp::kOpenForWrite, name,
                         [&] { return Wrap<FaultWritableFile>(name, base_->OpenForWrite(name)); });
  }
  Result<std::unique_ptr<io::RandomFile>> Open(std::string_view name) const override {
    return control_->Run(FsOp::kOpen, name,
                         [&] { return Wrap<FaultRandomFile>(name, base_->Open(name)); });
  }
  Result<std::uint64_t> FileBytes(std::string_view name) const override {
    return control_->Run(FsOp::kFileBytes, name, [&] { return base_->FileBytes(name); });
  }
  Status Rename(std::string_view from, std::string_view to) override {
    return control_->Run(FsOp::kRename, from, [&] { return base_->Rename(from, to); });
  }
  Status Link(std::string_view name, io::Directory* to, std::string_view to_name) override {
    // "A directory of the same kind": the contract of the seam.
    io::Directory* const to_base = static_cast<FaultDirectory*>(to)->base_.get();
    return control_->Run(FsOp::kLink, name, [&] { return base_->Link(name, to_base, to_name); });
  }
  Status Unlink(std::string_view name) override {
    return control_->Run(FsOp::kUnlink, name, [&] { return base_->Unlink(name); });
  }
  Result<std::vector<io::DirectoryEntry>> List() const override {
    return control_->Run(FsOp::kList, path_, [&] { return base_->List(); });
  }
  Status Sync() override {
    return control_->Run(FsOp::kSyncDirectory, path_, [&] { return base_->Sync(); });
  }
  Result<std::unique_ptr<io::FileLock>> Lock(std::string_view name, bool shared) override {
    return control_->Run(FsOp::kLock, name, [&] { return base_->Lock(name, shared); });
  }
  Result<std::uint64_t> FreeBytes() const override {
    return control_->Run(FsOp::kFreeBytes, path_, [&] { return base_->FreeBytes(); });
  }

 private:
  template <class Wrapper, class T>
  Result<std::unique_ptr<T>> Wrap(std::string_view name, Result<std::unique_ptr<T>> file) const {
    KYRO_RETURN_IF_ERROR(file.status());
    return std::unique_ptr<T>(std::make_unique<Wrapper>(control_, name, std::move(file).value()));
  }

  const std::shared_ptr<Control> control_;
  const std::string path_;
  const std::unique_ptr<io::Directory> base_;
};

FaultFs::FaultFs(io::FileSystem* base) : base_(base), control_(std::make_shared<Control>()) {}
FaultFs::~FaultFs() {
  ReleaseAll();
}

Result<std::unique_ptr<io::Directory>> FaultFs::OpenDirectory(const std::string& path,
                                                              bool create) {
  return control_->Run(FsOp::kOpenDirectory, path, [&]() -> Result<std::unique_ptr<io::Directory>> {
    KYRO_ASSIGN_OR_RETURN(auto base, base_->OpenDirectory(path, create));
    return std::unique_ptr<io::Directory>(
        std::make_unique<FaultDirectory>(control_, path, std::move(base)));
  });
}

Status FaultFs::RenameDirectory(const std::string& from, const std::string& to) {
  return control_->Run(FsOp::kRenameDirectory, from,
                       [&] { return base_->RenameDirectory(from, to); });
}

FaultFs::Id FaultFs::Inject(Fault fault) {
  return control_->Inject(std::move(fault));
}
std::uint64_t FaultFs::Hits(Id fault) const {
  return control_->Hits(fault);
}
void FaultFs::Clear() {
  control_->Clear();
}
FaultFs::Id FaultFs::Block(FsOps ops, NamePredicate name) {
  return control_->Block(ops, std::move(name));
}
void FaultFs::WaitUntilBlocked(Id block, std::uint64_t calls) {
  control_->WaitUntilBlocked(block, calls);
}
void FaultFs::Release(Id block) {
  control_->Release(block);
}
void FaultFs::ReleaseAll() {
  control_->Release(std::nullopt);
}
void FaultFs::Watch(FsOps ops, Watcher watcher) {
  control_->Watch(ops, std::move(watcher));
}
std::uint64_t FaultFs::Count(FsOps ops, const NamePredicate& name) const {
  return control_->Count(ops, name);
}

}  // namespace kyro::support
