// SPDX-License-Identifier: Apache-2.0
//
// Directories by path: the only place where kyro uses one.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/status_util.h"
#include "io/posix.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

namespace kyro::io {
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::string WithoutTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// "." for "db", "/" for "/db".
std::string ParentOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Descriptor OpenDescriptor(const std::string& path) {
  return Descriptor(RetryEintr([&] { return ::open(path.c_str(), kOpenDirectory); }));
}

// Makes the name of `directory` durable. A parent that may be entered but not read cannot be
// opened to be synced; then its whole file system is.
Status SyncParent(const std::string& path, int directory) {
  const std::string parent = ParentOf(path);
  const Descriptor fd = OpenDescriptor(parent);
  if (!fd.ok() && errno != EACCES) return ErrnoError(errno, "open", parent);
  if ((fd.ok() ? ::fsync(fd.get()) : ::syncfs(directory)) != 0) {
    return ErrnoError(errno, "fsync", parent);
  }
  return Status();
}

Status OpenError(int error, const std::string& path) {
  if (error == ENOENT) return Status::NotFound();
  if (error == ENOTDIR) {
    return Error(StatusCode::kInvalidArgument, "{}: not a directory", path);
  }
  return ErrnoError(error, "open", path);
}

// The system would take the part before a zero byte for the whole.
Status CheckPath(const std::string& path) {
  if (path.empty()) return Error(StatusCode::kInvalidArgument, "an empty path");
  if (path.find('\0') == path.npos) return Status();
  return Error(StatusCode::kInvalidArgument, "{}: a path with a zero byte in it", path);
}

Status MakeDirectory(const std::string& path, bool* made) {
  *made = ::mkdir(path.c_str(), 0700) == 0;
  if (*made || errno == EEXIST) return Status();
  if (errno == ENOENT || errno == ENOTDIR) {
    return Error(StatusCode::kInvalidArgument, "{}: its parent directory does not exist", path);
  }
  return ErrnoError(errno, "mkdir", path);
}

}  // namespace

Result<std::unique_ptr<Directory>> PosixFileSystem::OpenDirectory(const std::string& given,
                                                                  bool create) {
  KYRO_RETURN_IF_ERROR(CheckPath(given));
  const std::string path = WithoutTrailingSlashes(given);
  Descriptor fd = OpenDescriptor(path);
  bool made = false;
  if (!fd.ok() && errno == ENOENT && create) {
    KYRO_RETURN_IF_ERROR(MakeDirectory(path, &made));
    fd = OpenDescriptor(path);
    if (!fd.ok() && errno == ENOENT) {
      return Error(StatusCode::kInvalidArgument, "{}: a symbolic link that leads nowhere", path);
    }
  }
  if (!fd.ok()) return OpenError(errno, path);
  const int raw = fd.get();
  std::unique_ptr<Directory> directory = NewPosixDirectory(std::move(fd), path);
  if (!create) return directory;
  // An empty one may have been made by a process that died before it synced the parent.
  KYRO_ASSIGN_OR_RETURN(const auto entries, directory->List());
  if (entries.empty()) {
    if (Status status = SyncParent(path, raw); !status.ok()) {
      // A later sync of the parent may return OK without having made this name durable: the name
      // goes, so that a later call makes it anew.
      if (made) (void)::rmdir(path.c_str());
      return status;
    }
  }
  return directory;
}

Status PosixFileSystem::RenameDirectory(const std::string& given_from,
                                        const std::string& given_to) {
  KYRO_RETURN_IF_ERROR(CheckPath(given_from));
  KYRO_RETURN_IF_ERROR(CheckPath(given_to));
  const std::string from = WithoutTrailingSlashes(given_from);
  const std::string to = WithoutTrailingSlashes(given_to);
  if (ParentOf(from) != ParentOf(to)) {
    return Error(StatusCode::kInvalidArgument, "{} and {} are not in one directory", from, to);
  }
  const Descriptor directory = OpenDescriptor(from);
  if (!directory.ok()) return OpenError(errno, from);
  int renamed = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  // Some file systems cannot refuse to replace; the plain rename still refuses all but an empty
  // directory.
  if (renamed != 0 && (errno == EINVAL || errno == ENOSYS)) {
    renamed = ::rename(from.c_str(), to.c_str());
  }
  if (renamed != 0) {
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) {
      return Error(StatusCode::kAlreadyExists, "{}: already exists", to);
    }
    return ErrnoError(errno, "rename", from);
  }
  return SyncParent(to, directory.get());
}

}  // namespace kyro::io
