// SPDX-License-Identifier: Apache-2.0
//
// An open directory and the names in it. Contracts in io/file_system.h, rules in posix.h.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/heap_sort.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "io/posix.h"

namespace kyro::io {
namespace {

struct CloseDirectory {
  void operator()(DIR* stream) const noexcept { ::closedir(stream); }
};

class PosixDirectory final : public Directory {
 public:
  PosixDirectory(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::unique_ptr<WritableFile>> Create(std::string_view name) override {
    auto file = OpenRegular(fd(), name, O_RDWR | O_CREAT | O_EXCL);
    // Nothing can be absent but this directory.
    if (!file.ok()) return MustExist(std::move(file).status(), name);
    return NewPosixWritableFile(*std::move(file));
  }
  Result<std::unique_ptr<WritableFile>> OpenForWrite(std::string_view name) override {
    KYRO_ASSIGN_OR_RETURN(auto file, OpenRegular(fd(), name, O_RDWR));
    return NewPosixWritableFile(std::move(file));
  }
  Result<std::unique_ptr<RandomFile>> Open(std::string_view name) const override {
    KYRO_ASSIGN_OR_RETURN(auto file, OpenRegular(fd(), name, O_RDONLY));
    return NewPosixRandomFile(std::move(file));
  }
  Result<std::unique_ptr<FileLock>> Lock(std::string_view name, bool shared) override {
    return NewPosixLock(fd(), name, shared);
  }
  Result<std::uint64_t> FileBytes(std::string_view name) const override;
  Status Rename(std::string_view from, std::string_view to) override;
  Status Link(std::string_view name, Directory* to, std::string_view to_name) override;
  Status Unlink(std::string_view name) override;
  Result<std::vector<DirectoryEntry>> List() const override;
  Status Sync() override {
    if (KYRO_PLANTED(kPosixSkipDirectorySync)) return Status();
    if (::fsync(fd()) != 0) return ErrnoError(errno, "fsync", path_);  // P3
    return Status();
  }
  Result<std::uint64_t> FreeBytes() const override {
    struct statvfs info;
    if (RetryEintr([&] { return ::fstatvfs(fd(), &info); }) != 0) {
      return ErrnoError(errno, "fstatvfs", path_);
    }
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  }

 private:
  int fd() const noexcept { return fd_.get(); }
  const Descriptor fd_;
  const std::string path_;  // for messages
};

Result<std::uint64_t> PosixDirectory::FileBytes(std::string_view name) const {
  KYRO_RETURN_IF_ERROR(CheckPlainName(name));
  struct stat info;
  if (::fstatat(fd(), std::string(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return Status::NotFound();
    return ErrnoError(errno, "stat", name);
  }
  if (!S_ISREG(info.st_mode)) {
    return FileError(StatusCode::kIoError, name, Status::kNoOffset, "not a regular file");
  }
  return static_cast<std::uint64_t>(info.st_size);
}

Status PosixDirectory::Rename(std::string_view from, std::string_view to) {
  KYRO_RETURN_IF_ERROR(CheckPlainName(from));
  KYRO_RETURN_IF_ERROR(CheckPlainName(to));
  if (::renameat(fd(), std::string(from).c_str(), fd(), std::string(to).c_str()) != 0) {
    if (errno == ENOENT) return Status::NotFound();
    return ErrnoError(errno, "rename", from);
  }
  return Status();
}

Status PosixDirectory::Link(std::string_view name, Directory* to, std::string_view to_name) {
  KYRO_RETURN_IF_ERROR(CheckPlainName(name));
  KYRO_RETURN_IF_ERROR(CheckPlainName(to_name));
  const int to_fd = static_cast<const PosixDirectory*>(to)->fd();  // "of the same kind"
  if (::linkat(fd(), std::string(name).c_str(), to_fd, std::string(to_name).c_str(), 0) == 0) {
    return Status();
  }
  switch (errno) {
    case ENOENT:
      return Status::NotFound();
    case EEXIST:
      return FileError(StatusCode::kAlreadyExists, to_name, Status::kNoOffset, "already exists");
    case EXDEV:       // another device
    case EPERM:       // a file system without links, or a kernel that protects them
    case EOPNOTSUPP:  // the same
    case EMLINK:      // one too many
      return FileError(StatusCode::kUnsupported, name, Status::kNoOffset,
                       "link: this file cannot have another name there (errno {})", errno);
    default:
      return ErrnoError(errno, "link", name);
  }
}

Status PosixDirectory::Unlink(std::string_view name) {
  KYRO_RETURN_IF_ERROR(FileBytes(name).status());  // what is no regular file stays
  if (::unlinkat(fd(), std::string(name).c_str(), 0) != 0) {
    if (errno == ENOENT) return Status::NotFound();
    return ErrnoError(errno, "unlink", name);
  }
  return Status();
}

// A descriptor of its own for each listing: the position in a directory belongs to the open file
// description.
Result<std::vector<DirectoryEntry>> PosixDirectory::List() const {
  const int list_fd = RetryEintr(
      [&] { return ::openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW); });
  if (list_fd < 0) return ErrnoError(errno, "open", path_);
  const std::unique_ptr<DIR, CloseDirectory> stream(::fdopendir(list_fd));
  if (stream == nullptr) {
    const int error = errno;
    ::close(list_fd);
    return ErrnoError(error, "fdopendir", path_);
  }
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const struct dirent* const found = ::readdir(stream.get());
    if (found == nullptr) break;
    const std::string_view name(found->d_name);
    if (name == "." || name == "..") continue;
    struct stat info;
    if (::fstatat(fd(), found->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // unlinked since
      return ErrnoError(errno, "stat", name);
    }
    const bool regular = S_ISREG(info.st_mode);
    entries.push_back({std::string(name), regular ? FileType::kRegular : FileType::kOther,
                       regular ? static_cast<std::uint64_t>(info.st_size) : 0});
  }
  if (errno != 0) return ErrnoError(errno, "readdir", path_);
  HeapSort(&entries,
           [](const DirectoryEntry& a, const DirectoryEntry& b) { return a.name < b.name; });
  return entries;
}

}  // namespace

std::unique_ptr<Directory> NewPosixDirectory(Descriptor fd, std::string path) {
  return std::make_unique<PosixDirectory>(std::move(fd), std::move(path));
}

}  // namespace kyro::io
