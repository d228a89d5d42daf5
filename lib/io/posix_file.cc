// SPDX-License-Identifier: Apache-2.0
//
// Regular files: opening, reading and writing them. Contracts in io/file_system.h, rules in
// posix.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "base/coding.h"
#include "base/planted.h"
#include "base/status_util.h"
#include "io/posix.h"

namespace kyro::io {
namespace {

constexpr std::size_t kDirectAlignment = 4096;        // enough for every disk sector in use
constexpr std::size_t kDirectChunkBytes = 256 << 10;  // bounce buffer of a device read

Status NotRegular(std::string_view name) {
  return FileError(StatusCode::kIoError, name, Status::kNoOffset, "not a regular file");
}

Status OpenError(int error, std::string_view name) {
  switch (error) {
    case ENOENT:
      return Status::NotFound();
    case EEXIST:
      return FileError(StatusCode::kAlreadyExists, name, Status::kNoOffset, "already exists");
    case ELOOP:   // a symbolic link
    case EISDIR:  // a directory, opened for writing
    case ENXIO:   // a FIFO without a reader, or a socket
      return NotRegular(name);
    default:
      return ErrnoError(error, "open", name);
  }
}

struct FreeDeleter {
  void operator()(void* memory) const noexcept { std::free(memory); }
};

// O_DIRECT wants aligned memory, offsets and lengths; the caller's are arbitrary. Nothing if this
// file system has no direct reads after all: some take the flag and refuse the read.
Result<std::optional<std::size_t>> ReadDirect(int fd, const std::string& name, std::uint64_t offset,
                                              std::size_t bytes, char* to) {
  const std::unique_ptr<void, FreeDeleter> memory(
      std::aligned_alloc(kDirectAlignment, kDirectChunkBytes));
  if (memory == nullptr) return Status(StatusCode::kResourceExhausted, "out of memory");
  char* const chunk = static_cast<char*>(memory.get());
  std::size_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = offset + done;
    const std::uint64_t begin = at & ~std::uint64_t{kDirectAlignment - 1};
    const std::size_t skip = at - begin;
    const std::size_t want =
        std::min<std::uint64_t>(kDirectChunkBytes, AlignUp(skip + bytes - done, kDirectAlignment));
    const ssize_t read =
        RetryEintr([&] { return ::pread(fd, chunk, want, static_cast<off_t>(begin)); });
    if (read < 0 && errno == EINVAL) return std::optional<std::size_t>();
    if (read < 0) return ErrnoError(errno, "read of the device", name, at);
    if (static_cast<std::size_t>(read) <= skip) break;  // the end of the file
    const std::size_t part = std::min(static_cast<std::size_t>(read) - skip, bytes - done);
    std::memcpy(to + done, chunk + skip, part);
    done += part;
  }
  return std::optional<std::size_t>(done);
}

class PosixWritableFile final : public WritableFile {
 public:
  explicit PosixWritableFile(std::shared_ptr<OpenFile> file) : file_(std::move(file)) {}

  Status Write(std::uint64_t offset, std::string_view bytes) override {
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t written = RetryEintr([&] {
        return ::pwrite(fd(), bytes.data() + done, bytes.size() - done,
                        static_cast<off_t>(offset + done));
      });
      if (written < 0) return ErrnoError(errno, "write", file_->name, offset + done);
      if (written == 0) {
        return FileError(StatusCode::kIoError, file_->name, offset + done,
                         "write at offset {}: the kernel took 0 of {} bytes", offset + done,
                         bytes.size() - done);
      }
      done += static_cast<std::size_t>(written);
      if (KYRO_PLANTED(kShortWriteIsEnough)) break;
    }
    return Status();
  }

  Status Sync() override {
    if (KYRO_PLANTED(kPosixSkipFileSync)) return Status();
    if (KYRO_PLANTED(kPosixSyncFileRange)) {
      StartWriteback(0, 0);
      return Status();
    }
    if (::fdatasync(fd()) != 0) return ErrnoError(errno, "fdatasync", file_->name);  // P3
    return Status();
  }

  Status Truncate(std::uint64_t bytes) override {
    if (RetryEintr([&] { return ::ftruncate(fd(), static_cast<off_t>(bytes)); }) != 0) {
      return ErrnoError(errno, "truncate", file_->name, bytes);
    }
    return Status();
  }

  void StartWriteback(std::uint64_t offset, std::uint64_t bytes) override {
    (void)::sync_file_range(fd(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                            SYNC_FILE_RANGE_WRITE);
  }

  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) override {
    return ReadAt(*file_, offset, bytes, to);
  }

 private:
  int fd() const noexcept { return file_->fd.get(); }
  const std::shared_ptr<OpenFile> file_;
};

#ifdef KYRO_PLANTED_BUGS
// kWriteStaysInProcess: what was written last stays here until the next call.
class LateFile final : public WritableFile {
 public:
  explicit LateFile(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}

  Status Write(std::uint64_t offset, std::string_view bytes) override {
    KYRO_RETURN_IF_ERROR(Flush());
    offset_ = offset;
    late_ = bytes;
    return Status();
  }
  Status Sync() override {
    KYRO_RETURN_IF_ERROR(Flush());
    return file_->Sync();
  }
  Status Truncate(std::uint64_t bytes) override {
    KYRO_RETURN_IF_ERROR(Flush());
    return file_->Truncate(bytes);
  }
  void StartWriteback(std::uint64_t offset, std::uint64_t bytes) override {
    file_->StartWriteback(offset, bytes);
  }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) override {
    KYRO_RETURN_IF_ERROR(Flush());
    return file_->Read(offset, bytes, to);
  }

 private:
  Status Flush() { return file_->Write(offset_, std::exchange(late_, std::string())); }

  const std::unique_ptr<WritableFile> file_;
  std::uint64_t offset_ = 0;
  std::string late_;
};
#endif

class PosixRandomFile final : public RandomFile {
 public:
  explicit PosixRandomFile(std::shared_ptr<const OpenFile> file) : file_(std::move(file)) {}

  std::uint64_t bytes() const noexcept override { return file_->bytes; }
  Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return ReadAt(*file_, offset, bytes, to);
  }
  Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes, char* to) const override {
    return ReadDeviceAt(*file_, offset, bytes, to);
  }
  Result<std::unique_ptr<Mapping>> Map(Access access) const override {
    return NewPosixMapping(file_, access);
  }
  void DropCache(std::uint64_t offset, std::uint64_t bytes) const override {
    (void)::posix_fadvise(file_->fd.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                          POSIX_FADV_DONTNEED);
  }

 private:
  const std::shared_ptr<const OpenFile> file_;
};

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);  // P3
}

Status CheckPlainName(std::string_view name) {
  if (!name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
      name.find('\0') == name.npos) {
    return Status();
  }
  return Error(StatusCode::kInvalidArgument, "\"{}\" is not a plain file name", name);
}

Result<std::shared_ptr<OpenFile>> OpenRegular(int directory, std::string_view name, int flags) {
  KYRO_RETURN_IF_ERROR(CheckPlainName(name));
  auto file = std::make_shared<OpenFile>(OpenFile{Descriptor(), std::string(name), 0});
  constexpr int kAlways = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  file->fd = Descriptor(
      RetryEintr([&] { return ::openat(directory, file->name.c_str(), flags | kAlways, 0600); }));
  if (!file->fd.ok()) return OpenError(errno, name);
  struct stat info;
  if (::fstat(file->fd.get(), &info) != 0) return ErrnoError(errno, "fstat", name);
  if (!S_ISREG(info.st_mode)) return NotRegular(name);
  file->bytes = static_cast<std::uint64_t>(info.st_size);
  return file;
}

Result<std::size_t> ReadAt(const OpenFile& file, std::uint64_t offset, std::size_t bytes,
                           char* to) {
  std::size_t done = 0;
  while (done < bytes) {
    const auto call = [&] {
      return ::pread(file.fd.get(), to + done, bytes - done, static_cast<off_t>(offset + done));
    };
    const ssize_t read = KYRO_PLANTED(kEintrIsAnError) ? call() : RetryEintr(call);
    if (read < 0) return ErrnoError(errno, "read", file.name, offset + done);
    if (read == 0) break;  // the end of the file
    done += static_cast<std::size_t>(read);
    if (KYRO_PLANTED(kShortReadIsTheEnd)) break;
  }
  return done;
}

// DONTNEED does not drop pages that are mapped, so the way past the cache is O_DIRECT; where the
// file system has none, dropping what can be dropped is all there is.
Result<std::size_t> ReadDeviceAt(const OpenFile& file, std::uint64_t offset, std::size_t bytes,
                                 char* to) {
  const std::string path = fmt::format("/proc/self/fd/{}", file.fd.get());
  const Descriptor direct(
      RetryEintr([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT); }));
  if (direct.ok()) {
    KYRO_ASSIGN_OR_RETURN(const std::optional<std::size_t> read,
                          ReadDirect(direct.get(), file.name, offset, bytes, to));
    if (read.has_value()) return *read;
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
    return ErrnoError(errno, "open", file.name);
  }
  (void)::posix_fadvise(file.fd.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes),
                        POSIX_FADV_DONTNEED);
  return ReadAt(file, offset, bytes, to);
}

std::unique_ptr<WritableFile> NewPosixWritableFile(std::shared_ptr<OpenFile> file) {
#ifdef KYRO_PLANTED_BUGS
  if (KYRO_PLANTED(kWriteStaysInProcess) && file->name.ends_with(".wal.tmp")) {
    return std::make_unique<LateFile>(std::make_unique<PosixWritableFile>(std::move(file)));
  }
#endif
  return std::make_unique<PosixWritableFile>(std::move(file));
}

std::unique_ptr<RandomFile> NewPosixRandomFile(std::shared_ptr<const OpenFile> file) {
  return std::make_unique<PosixRandomFile>(std::move(file));
}

}  // namespace kyro::io
