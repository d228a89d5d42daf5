// SPDX-License-Identifier: Apache-2.0
//
// File locks. Open-file-description locks, because the others belong to the process: it could lock
// a file twice, and would lose the lock when any of its descriptors for the file was closed.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <ctime>

#include "base/status_util.h"
#include "io/posix.h"

namespace kyro::io {
namespace {

constexpr std::size_t kHolderBytesMax = 128;

// Closing the only descriptor of the description ends the lock. A forked child has it too: the
// lock lasts until both have closed it.
class PosixLock final : public FileLock {
 public:
  explicit PosixLock(std::shared_ptr<OpenFile> file) noexcept : file_(std::move(file)) {}

 private:
  const std::shared_ptr<OpenFile> file_;
};

// "pid 4711 since 2026-01-31T23:59:59Z"
std::string HolderText() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return fmt::format("pid {} since {}\n", ::getpid(), text.data());
}

// What the file says of its holder: one printable line, whatever the bytes are.
std::string ReadHolder(const OpenFile& file) {
  std::string text(kHolderBytesMax, '\0');
  const Result<std::size_t> read = ReadAt(file, 0, text.size(), text.data());
  text.resize(read.ok() ? *read : 0);
  text.resize(std::min(text.size(), text.find('\n')));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return text.empty() ? "an unknown process" : text;
}

// Advisory: a full or failing disk does not refuse the lock.
void WriteHolder(int fd) {
  const std::string text = HolderText();
  const bool cut = RetryEintr([&] { return ::ftruncate(fd, 0); }) == 0;
  const ssize_t written = RetryEintr([&] { return ::pwrite(fd, text.data(), text.size(), 0); });
  static_cast<void>(cut);
  static_cast<void>(written);
}

}  // namespace

Result<std::unique_ptr<FileLock>> NewPosixLock(int directory, std::string_view name, bool shared) {
  // A shared lock needs no right to write, nor a file system that can be written if the file is
  // there already.
  const int access = shared ? O_RDONLY : O_RDWR;
  Result<std::shared_ptr<OpenFile>> file = OpenRegular(directory, name, access);
  if (!file.ok() && file.status().code() == StatusCode::kNotFound) {
    file = OpenRegular(directory, name, access | O_CREAT);
  }
  KYRO_RETURN_IF_ERROR(file.status());
  const int fd = (*file)->fd.get();

  struct flock lock {};
  lock.l_type = static_cast<short>(shared ? F_RDLCK : F_WRLCK);
  lock.l_whence = SEEK_SET;  // from 0 to the end, wherever that will be
  if (RetryEintr([&] { return ::fcntl(fd, F_OFD_SETLK, &lock); }) != 0) {
    if (errno != EAGAIN && errno != EACCES) return ErrnoError(errno, "lock", name);
    return FileError(StatusCode::kLocked, name, Status::kNoOffset, "held by {}",
                     ReadHolder(**file));
  }
  if (!shared) WriteHolder(fd);
  return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(std::move(*file)));
}

}  // namespace kyro::io
