// SPDX-License-Identifier: Apache-2.0
//
// The POSIX side of the FileSystem seam: what its files share. Linux only.
//
// P1 Every descriptor is O_CLOEXEC and every file is opened relative to its directory's descriptor
//    with O_NOFOLLOW: nothing outside the directory can be reached by a name in it.
// P2 O_NONBLOCK and then fstat: a FIFO or a device under one of our names is refused, not waited
//    for.
// P3 EINTR is retried except after sync and close, which cannot be repeated: after a failed sync
//    the kernel may have dropped the dirty pages, after close the number may be someone else's.
#ifndef KYRO_IO_POSIX_H_
#define KYRO_IO_POSIX_H_

#include <sys/types.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "io/file_system.h"

namespace kyro::io {

// A descriptor, closed when destroyed. Errors of close are dropped: what matters was synced before.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();

  int get() const noexcept { return fd_; }
  bool ok() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// A file that is open, and its name for messages. Shared by a RandomFile and its mappings.
struct OpenFile {
  Descriptor fd;
  std::string name;
  std::uint64_t bytes;  // when it was opened
};

// Runs `call` until it does not fail with EINTR.
template <class Call>
auto RetryEintr(Call&& call) noexcept -> decltype(call()) {
  decltype(call()) result;
  do {
    result = call();
  } while (result == -1 && errno == EINTR);
  return result;
}

// kInvalidArgument unless `name` is one component of a path.
Status CheckPlainName(std::string_view name);

// Opens a regular file in `directory` (P1, P2). kNotFound, kAlreadyExists (of O_EXCL), kIoError.
Result<std::shared_ptr<OpenFile>> OpenRegular(int directory, std::string_view name, int flags);

// Fills `to`; returns how many bytes were there.
Result<std::size_t> ReadAt(const OpenFile& file, std::uint64_t offset, std::size_t bytes, char* to);
// The same from the device where the file system can read past the page cache.
Result<std::size_t> ReadDeviceAt(const OpenFile& file, std::uint64_t offset, std::size_t bytes,
                                 char* to);

// The doors between posix_*.cc.
std::unique_ptr<WritableFile> NewPosixWritableFile(std::shared_ptr<OpenFile> file);
std::unique_ptr<RandomFile> NewPosixRandomFile(std::shared_ptr<const OpenFile> file);
Result<std::unique_ptr<Mapping>> NewPosixMapping(std::shared_ptr<const OpenFile> file,
                                                 Access access);
Result<std::unique_ptr<FileLock>> NewPosixLock(int directory, std::string_view name, bool shared);
std::unique_ptr<Directory> NewPosixDirectory(Descriptor fd, std::string path);

// For SystemEnv.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path, bool create) override;
  Status RenameDirectory(const std::string& from, const std::string& to) override;
};

}  // namespace kyro::io

#endif  // KYRO_IO_POSIX_H_
