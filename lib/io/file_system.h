// SPDX-License-Identifier: Apache-2.0
//
// The FileSystem seam: everything kyro asks of a disk. The real one is POSIX (posix_*.cc); tests
// put one behind it that crashes (tests/support/sim_fs.h) or fails (fault_fs.h).
//
// All names are plain file names relative to one open directory. Every error is a typed Status
// that names the file and the offset. Durability is as POSIX has it: bytes are durable after the
// file's Sync returned OK, names after the directory's Sync did.
#ifndef KYRO_IO_FILE_SYSTEM_H_
#define KYRO_IO_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::io {

// A file open for writing (and reading back). One thread at a time, except Sync, which may run
// beside a Write at a later offset. The destructor closes and drops the error.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Writes all of `bytes` at `offset`, extending the file if need be: one system call unless the
  // kernel stops short. On error any prefix of `bytes` may have been written.
  virtual Status Write(std::uint64_t offset, std::string_view bytes) = 0;
  // fdatasync: the bytes and the length. After an error nothing can be said of any byte that was
  // not durable before; never retry.
  virtual Status Sync() = 0;
  virtual Status Truncate(std::uint64_t bytes) = 0;
  // Starts writeback of a range without waiting. A hint; errors show at Sync.
  virtual void StartWriteback(std::uint64_t offset, std::uint64_t bytes) = 0;
  // Fills `to` from `offset`; fewer bytes only at the end of the file.
  virtual Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) = 0;
};

// A regular file open for reading. Any thread.
class RandomFile {
 public:
  virtual ~RandomFile() = default;
  virtual std::uint64_t bytes() const noexcept = 0;  // the length when it was opened
  // Fills `to`; returns how many bytes were there: fewer only at the end of the file.
  virtual Result<std::size_t> Read(std::uint64_t offset, std::size_t bytes, char* to) const = 0;
  // The same, past the page cache where the file system can: what the device holds.
  virtual Result<std::size_t> ReadDevice(std::uint64_t offset, std::size_t bytes,
                                         char* to) const = 0;
  // Maps the whole file read-only (kMap) or reads it into anonymous memory (kCopy). The mapping
  // may outlive this object. An empty file maps to zero bytes.
  virtual Result<std::unique_ptr<class Mapping>> Map(Access access) const = 0;
  // Tells the kernel that these bytes will not be needed again soon (merge inputs).
  virtual void DropCache(std::uint64_t offset, std::uint64_t bytes) const = 0;
};

// A file's bytes in memory, unmapped by the destructor. Any thread.
class Mapping {
 public:
  virtual ~Mapping() = default;
  virtual std::string_view bytes() const noexcept = 0;
  // Brings a range in, so that touching it right after raises no SIGBUS; a device error (kIoError)
  // or a truncated file (kDataLoss) is a Status here instead.
  virtual Status Populate(std::uint64_t offset, std::uint64_t bytes) const = 0;
};

// Held until destroyed. Advisory, between handles (also of one process) as well as processes.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class FileType : std::uint8_t { kRegular, kOther };

struct DirectoryEntry {
  std::string name;
  FileType type;
  std::uint64_t bytes;
};

// An open directory. Any thread. Files are created 0600, never through a symbolic link, and only
// regular files are opened (kIoError for anything else). kInvalidArgument for a name that is not a
// plain file name.
class Directory {
 public:
  virtual ~Directory() = default;

  // kAlreadyExists if the name is taken.
  virtual Result<std::unique_ptr<WritableFile>> Create(std::string_view name) = 0;
  // An existing file, for writing. kNotFound if absent.
  virtual Result<std::unique_ptr<WritableFile>> OpenForWrite(std::string_view name) = 0;
  // kNotFound if absent.
  virtual Result<std::unique_ptr<RandomFile>> Open(std::string_view name) const = 0;
  virtual Result<std::uint64_t> FileBytes(std::string_view name) const = 0;  // kNotFound if absent
  // Replaces `to`. kNotFound if `from` is absent.
  virtual Status Rename(std::string_view from, std::string_view to) = 0;
  // A hard link in another directory of the same kind. kUnsupported across devices and where the
  // file system has no links; kAlreadyExists, kNotFound.
  virtual Status Link(std::string_view name, Directory* to, std::string_view to_name) = 0;
  // A regular file only: kyro makes nothing else, so it removes nothing else. kNotFound if absent,
  // kIoError for a link, a directory, a pipe or a socket, which stays.
  virtual Status Unlink(std::string_view name) = 0;
  virtual Result<std::vector<DirectoryEntry>> List() const = 0;  // sorted by name; no "." and ".."
  virtual Status Sync() = 0;  // names: creations, renames, unlinks
  // Creates `name` if need be and locks it without waiting: kLocked, with the holder's advisory
  // text in the message. An exclusive lock writes pid and start time into the file.
  virtual Result<std::unique_ptr<FileLock>> Lock(std::string_view name, bool shared) = 0;
  virtual Result<std::uint64_t> FreeBytes() const = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Opens a directory; with `create` makes it (0700) if it is not there, and syncs its parent
  // whenever it is empty, so that whatever is put into it has a durable path; should that sync fail
  // a directory that was made here is removed again. kNotFound if absent
  // and not to be created; kInvalidArgument if it is no directory or has no parent to be made in.
  virtual Result<std::unique_ptr<Directory>> OpenDirectory(const std::string& path,
                                                           bool create) = 0;
  // Within one parent directory, which is synced: durable on OK. kAlreadyExists if `to` is there;
  // kNotFound if `from` is not. If only the sync failed the new name stands, but may be lost.
  virtual Status RenameDirectory(const std::string& from, const std::string& to) = 0;
};

// The whole of a small file, at most `bytes_max` (kDataLoss if longer). kNotFound if absent.
Result<std::string> ReadWholeFile(const Directory& directory, std::string_view name,
                                  std::uint64_t bytes_max);

}  // namespace kyro::io

#endif  // KYRO_IO_FILE_SYSTEM_H_
