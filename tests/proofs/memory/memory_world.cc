// SPDX-License-Identifier: Apache-2.0
#include "proofs/memory/memory_world.h"

#include <utility>

#include "base/status_util.h"

namespace kyro::proofs {
namespace {

// One allocation of the library's, such as the copy of a name. An optimizer may leave out a new and
// a delete of the language, but not calls of what they call.
void Spend() {
  ::operator delete(::operator new(1));
}

// Runs `call` on the file system below, whose own memory never runs out.
template <class Call>
auto Below(Call&& call) -> decltype(call()) {
  const Armed exempt(false);
  return call();
}

// Ends what is below without touching the counts.
template <class T>
class Owned {
 public:
  explicit Owned(std::unique_ptr<T> base) noexcept : base_(std::move(base)) {}
  ~Owned() {
    const Armed exempt(false);
    base_.reset();
  }
  T* operator->() const noexcept { return base_.get(); }
  T* get() const noexcept { return base_.get(); }
  std::unique_ptr<T>&& Moved() noexcept { return std::move(base_); }

 private:
  std::unique_ptr<T> base_;
};

// The handle's memory is the library's, and comes last: what was opened or made is there by then.
template <class Wrapper, class T>
Result<std::unique_ptr<T>> Wrap(Result<std::unique_ptr<T>> base) {
  KYRO_RETURN_IF_ERROR(base.status());
  Owned<T> owned(std::move(base).value());  // if there is no memory for a handle
  return std::unique_ptr<T>(std::make_unique<Wrapper>(owned.Moved()));
}

class AllocatingMapping final : public io::Mapping {
 public:
  explicit AllocatingMapping(std::unique_ptr<io::Mapping> base) noexcept : base_(std::move(base)) {}
  std::string_view bytes() const noexcept override { return base_->bytes(); }
  Status Populate(std::uint64_t offset, std::uint64_t bytes) const override {
    return Below([&] { return base_->Populate(offset, bytes); });
  }

 private:
  const Owned<io::Mapping> base_;
};

class AllocatingRandomFile final : public io::RandomFile {
 public:
  explicit AllocatingRandomFile(std::unique_ptr<io::RandomFile> base) noexcept
      : base_(std::move(base)) {}
  std::uint64_t bytes() const noexcept override { return base_->bytes(); }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return Below([&] { return base_->Read(offset, bytes, to); });
  }
  Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes, char* to) const override {
    Spend();
    return Below([&] { return base_->ReadDevice(offset, bytes, to); });
  }
  Result<std::unique_ptr<io::Mapping>> Map(Access access) const override {
    return Wrap<AllocatingMapping>(Below([&] { return base_->Map(access); }));
  }
  void DropCache(std::uint64_t offset, std::uint64_t bytes) const override {
    Below([&] { base_->DropCache(offset, bytes); });
  }

 private:
  const Owned<io::RandomFile> base_;
};

class AllocatingWritableFile final : public io::WritableFile {
 public:
  explicit AllocatingWritableFile(std::unique_ptr<io::WritableFile> base) noexcept
      : base_(std::move(base)) {}
  Status Write(std::uint64_t offset, std::string_view bytes) override {
    return Below([&] { return base_->Write(offset, bytes); });
  }
  Status Sync() override {
    return Below([&] { return base_->Sync(); });
  }
  Status Truncate(std::uint64_t bytes) override {
    return Below([&] { return base_->Truncate(bytes); });
  }
  void StartWriteback(std::uint64_t offset, std::uint64_t bytes) override {
    Below([&] { base_->StartWriteback(offset, bytes); });
  }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) override {
    return Below([&] { return base_->Read(offset, bytes, to); });
  }

 private:
  const Owned<io::WritableFile> base_;
};

class AllocatingLock final : public io::FileLock {
 public:
  explicit AllocatingLock(std::unique_ptr<io::FileLock> base) noexcept : base_(std::move(base)) {}

 private:
  const Owned<io::FileLock> base_;
};

class AllocatingDirectory final : public io::Directory {
 public:
  explicit AllocatingDirectory(std::unique_ptr<io::Directory> base) noexcept
      : base_(std::move(base)) {}

  Result<std::unique_ptr<io::WritableFile>> Create(std::string_view name) override {
    Spend();
    return Wrap<AllocatingWritableFile>(Below([&] { return base_->Create(name); }));
  }
  Result<std::unique_ptr<io::WritableFile>> OpenForWrite(std::string_view name) override {
    Spend();
    return Wrap<AllocatingWritableFile>(Below([&] { return base_->OpenForWrite(name); }));
  }
  Result<std::unique_ptr<io::RandomFile>> Open(std::string_view name) const override {
    Spend();
    return Wrap<AllocatingRandomFile>(Below([&] { return base_->Open(name); }));
  }
  Result<std::uint64_t> FileBytes(std::string_view name) const override {
    Spend();
    return Below([&] { return base_->FileBytes(name); });
  }
  Status Rename(std::string_view from, std::string_view to) override {
    Spend();
    return Below([&] { return base_->Rename(from, to); });
  }
  Status Link(std::string_view name, io::Directory* to, std::string_view to_name) override {
    Spend();
    io::Directory* const below = static_cast<AllocatingDirectory*>(to)->base_.get();
    return Below([&] { return base_->Link(name, below, to_name); });
  }
  Status Unlink(std::string_view name) override {
    Spend();
    return Below([&] { return base_->Unlink(name); });
  }
  Result<std::vector<io::DirectoryEntry>> List() const override {
    Spend();
    return Below([&] { return base_->List(); });
  }
  Status Sync() override {
    return Below([&] { return base_->Sync(); });
  }
  Result<std::unique_ptr<io::FileLock>> Lock(std::string_view name, bool shared) override {
    Spend();
    return Wrap<AllocatingLock>(Below([&] { return base_->Lock(name, shared); }));
  }
  Result<std::uint64_t> FreeBytes() const override {
    return Below([&] { return base_->FreeBytes(); });
  }

 private:
  const Owned<io::Directory> base_;
};

class AllocatingQueue final : public io::JobQueue {
 public:
  explicit AllocatingQueue(std::unique_ptr<io::JobQueue> base) noexcept : base_(std::move(base)) {}
  Status Post(std::function<void()> job, std::chrono::microseconds delay) override {
    KYRO_RETURN_IF_ERROR(Guarded([] { return Spend(), Status::Ok(); }));
    return Below([&] {
      return base_->Post(
          [job = std::move(job)] {
            const Armed armed;
            (void)Guarded([&] { return job(), Status::Ok(); });
          },
          delay);
    });
  }
  void Stop() noexcept override {
    Below([&] { base_->Stop(); });
  }
  bool Help() override {
    return Below([&] { return base_->Help(); });
  }

 private:
  const Owned<io::JobQueue> base_;
};

}  // namespace

Result<std::unique_ptr<io::Directory>> AllocatingFs::OpenDirectory(const std::string& path,
                                                                   bool create) {
  Spend();
  return Wrap<AllocatingDirectory>(Below([&] { return base_->OpenDirectory(path, create); }));
}

Status AllocatingFs::RenameDirectory(const std::string& from, const std::string& to) {
  Spend();
  return Below([&] { return base_->RenameDirectory(from, to); });
}

Result<std::unique_ptr<io::JobQueue>> AllocatingExecutor::NewQueue(std::string_view name) {
  return Guarded([&]() -> Result<std::unique_ptr<io::JobQueue>> {
    Spend();
    return Wrap<AllocatingQueue>(Below([&] { return base_->NewQueue(name); }));
  });
}

}  // namespace kyro::proofs
