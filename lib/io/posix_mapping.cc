// SPDX-License-Identifier: Apache-2.0
//
// A file's bytes in memory: shared with the page cache (kMap) or copied into anonymous memory
// (kCopy). A mapping keeps the file's descriptor, to notice a truncation before a page fault does.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "base/status_util.h"
#include "io/posix.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22  // Linux 5.14; older C libraries do not name it
#endif

namespace kyro::io {
namespace {

constexpr std::uint64_t kPageBytes = 4096;  // the smallest: only to round an address down
constexpr std::uint64_t kHugePageBytes = 2 << 20;
constexpr std::size_t kPopulateChunkBytes = 64 << 10;

// Owns the memory; the file is for Populate.
class PosixMapping final : public Mapping {
 public:
  PosixMapping(std::shared_ptr<const OpenFile> file, char* memory, Access access) noexcept
      : file_(std::move(file)), memory_(memory), access_(access) {}
  ~PosixMapping() override {
    if (memory_ != nullptr) ::munmap(memory_, file_->bytes);
  }
  PosixMapping(const PosixMapping&) = delete;
  PosixMapping& operator=(const PosixMapping&) = delete;

  std::string_view bytes() const noexcept override {
    return std::string_view(memory_, file_->bytes);
  }
  Status Populate(std::uint64_t offset, std::uint64_t bytes) const override;

 private:
  Status CheckNotTruncated(std::uint64_t end) const;
  Status PopulateByReading(std::uint64_t offset, std::uint64_t bytes) const;

  const std::shared_ptr<const OpenFile> file_;
  char* const memory_;  // null if the file is empty
  const Access access_;
};

Status PosixMapping::Populate(std::uint64_t offset, std::uint64_t bytes) const {
  if (offset > file_->bytes || bytes > file_->bytes - offset) {
    return FileError(StatusCode::kInvalidArgument, file_->name, offset,
                     "populate of {} bytes at offset {} of a mapping of {} bytes", bytes, offset,
                     file_->bytes);
  }
  if (bytes == 0 || access_ == Access::kCopy) return Status();
  // First, because the rest of a page that was cut reads as zeros and raises nothing.
  KYRO_RETURN_IF_ERROR(CheckNotTruncated(offset + bytes));
  const std::uint64_t begin = offset & ~(kPageBytes - 1);
  const std::size_t length = offset + bytes - begin;
  if (RetryEintr([&] { return ::madvise(memory_ + begin, length, MADV_POPULATE_READ); }) == 0) {
    return Status();
  }
  if (errno == ENOMEM) return ErrnoError(errno, "populate", file_->name, offset);
  // EINVAL: a kernel that does not know it, or larger pages than ours. EFAULT: a page that cannot
  // be had. Reading says which, and what is wrong with it.
  const bool fault = errno == EFAULT;
  KYRO_RETURN_IF_ERROR(PopulateByReading(offset, bytes));
  if (!fault) return Status();
  return FileError(StatusCode::kIoError, file_->name, offset,
                   "populate of {} bytes at offset {}: a page cannot be read", bytes, offset);
}

Status PosixMapping::CheckNotTruncated(std::uint64_t end) const {
  struct stat info;
  if (::fstat(file_->fd.get(), &info) != 0) return ErrnoError(errno, "fstat", file_->name);
  const auto left = static_cast<std::uint64_t>(info.st_size);
  if (end <= left) return Status();
  return FileError(StatusCode::kDataLoss, file_->name, left,
                   "the file has {} bytes, want {}: truncated while mapped", left, file_->bytes);
}

// Brings the pages into the page cache, from where a fault takes them.
Status PosixMapping::PopulateByReading(std::uint64_t offset, std::uint64_t bytes) const {
  const auto buffer = std::make_unique<char[]>(kPopulateChunkBytes);
  for (std::uint64_t done = 0; done < bytes;) {
    const std::size_t part = std::min<std::uint64_t>(kPopulateChunkBytes, bytes - done);
    KYRO_ASSIGN_OR_RETURN(const std::size_t read,
                          ReadAt(*file_, offset + done, part, buffer.get()));
    if (read < part) return CheckNotTruncated(offset + bytes);
    done += part;
  }
  return Status();
}

// Memory for a copy, beginning with a huge page if it takes one: newer kernels see to that only for
// whole huge pages, older ones not at all. MAP_FAILED and errno if there is none.
void* MapForCopy(std::uint64_t bytes) {
  constexpr int kProtection = PROT_READ | PROT_WRITE;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  if (bytes < kHugePageBytes) return ::mmap(nullptr, bytes, kProtection, kFlags, -1, 0);
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t wanted = (bytes + page - 1) / page * page;
  void* const memory = ::mmap(nullptr, wanted + kHugePageBytes, kProtection, kFlags, -1, 0);
  if (memory == MAP_FAILED) return memory;
  const auto at = reinterpret_cast<std::uintptr_t>(memory);
  const std::uint64_t before = (kHugePageBytes - at % kHugePageBytes) % kHugePageBytes;
  char* const begin = static_cast<char*>(memory) + before;
  if (before > 0) ::munmap(memory, before);
  ::munmap(begin + wanted, kHugePageBytes - before);
  return begin;
}

}  // namespace

Result<std::unique_ptr<Mapping>> NewPosixMapping(std::shared_ptr<const OpenFile> file,
                                                 Access access) {
  const std::uint64_t bytes = file->bytes;
  if (bytes > std::numeric_limits<std::ptrdiff_t>::max()) {
    return FileError(StatusCode::kResourceExhausted, file->name, Status::kNoOffset,
                     "{} bytes cannot be mapped", bytes);
  }
  if (bytes == 0) {
    return std::unique_ptr<Mapping>(std::make_unique<PosixMapping>(file, nullptr, access));
  }
  const bool copy = access == Access::kCopy;
  void* const memory =
      copy ? MapForCopy(bytes) : ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file->fd.get(), 0);
  if (memory == MAP_FAILED) return ErrnoError(errno, "mmap", file->name);
  std::unique_ptr<Mapping> mapping;
  try {
    mapping = std::make_unique<PosixMapping>(file, static_cast<char*>(memory), access);
  } catch (...) {
    ::munmap(memory, bytes);
    throw;
  }
  if (!copy) return mapping;

  (void)::madvise(memory, bytes, MADV_HUGEPAGE);  // a hint: lookups touch it at random
  KYRO_ASSIGN_OR_RETURN(const std::size_t read,
                        ReadAt(*file, 0, bytes, static_cast<char*>(memory)));
  if (read < bytes) {
    return FileError(StatusCode::kDataLoss, file->name, read,
                     "the file has {} bytes, want {}: truncated while read", read, bytes);
  }
  if (::mprotect(memory, bytes, PROT_READ) != 0) {
    return ErrnoError(errno, "mprotect", file->name);
  }
  return mapping;
}

}  // namespace kyro::io
