// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/system_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>

namespace kyro::proofs {
namespace {

struct Plan {
  SysSet set = 0;
  std::uint64_t nth = 0, count = 0;
  int error = 0;  // 0: shorten
  double share = 0;
  std::uint64_t calls = 0, hits = 0;
};
constinit thread_local Plan plan;

bool Hit(Sys sys) {
  if ((plan.set & Only(sys)) == 0) return false;
  ++plan.calls;
  if (plan.calls < plan.nth || plan.calls - plan.nth >= plan.count) return false;
  ++plan.hits;
  return true;
}

// True if the call is to fail, with errno set.
bool Fails(Sys sys) {
  if (plan.error == 0 || !Hit(sys)) return false;
  errno = plan.error;
  return true;
}

std::size_t Shortened(Sys sys, std::size_t bytes) {
  if (plan.error != 0 || bytes < 2 || !Hit(sys)) return bytes;
  return std::max<std::size_t>(1,
                               static_cast<std::size_t>(static_cast<double>(bytes) * plan.share));
}

}  // namespace

std::string_view SysName(Sys sys) {
  constexpr std::string_view kNames[kSysCount] = {
      "open",      "openat",  "pread",     "pwrite",    "ftruncate", "fstatvfs",
      "fcntl",     "madvise", "getrandom", "fdatasync", "fsync",     "syncfs",
      "fstat",     "fstatat", "readdir",   "fdopendir", "rename",    "renameat",
      "renameat2", "linkat",  "unlinkat",  "mkdir",     "mmap",      "mprotect"};
  return kNames[static_cast<std::size_t>(sys)];
}

void SystemCalls::Fail(SysSet set, std::uint64_t nth, std::uint64_t count, int error) {
  plan = Plan{set, nth, count, error, 0, 0, 0};
}
void SystemCalls::Shorten(SysSet set, std::uint64_t nth, std::uint64_t count, double share) {
  plan = Plan{set, nth, count, 0, share, 0, 0};
}
void SystemCalls::Lift() {
  plan.set = 0;
}
std::uint64_t SystemCalls::hits() {
  return plan.hits;
}

}  // namespace kyro::proofs

using kyro::proofs::Fails;
using kyro::proofs::Shortened;
using kyro::proofs::Sys;

extern "C" {

int __real_open64(const char* path, int flags, ...);
int __wrap_open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  return Fails(Sys::kOpen) ? -1 : __real_open64(path, flags, mode);
}

int __real_openat64(int directory, const char* path, int flags, ...);
int __wrap_openat64(int directory, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const int mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
  va_end(rest);
  return Fails(Sys::kOpenAt) ? -1 : __real_openat64(directory, path, flags, mode);
}

ssize_t __real_pread64(int fd, void* to, std::size_t bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void* to, std::size_t bytes, off_t offset) {
  if (Fails(Sys::kRead)) return -1;
  // A direct read moves whole sectors.
  const bool direct = (::fcntl(fd, F_GETFL) & O_DIRECT) != 0;
  return __real_pread64(fd, to, direct ? bytes : Shortened(Sys::kRead, bytes), offset);
}

ssize_t __real_pwrite64(int fd, const void* from, std::size_t bytes, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void* from, std::size_t bytes, off_t offset) {
  if (Fails(Sys::kWrite)) return -1;
  return __real_pwrite64(fd, from, Shortened(Sys::kWrite, bytes), offset);
}

ssize_t __real_getrandom(void* to, std::size_t bytes, unsigned flags);
ssize_t __wrap_getrandom(void* to, std::size_t bytes, unsigned flags) {
  if (Fails(Sys::kRandom)) return -1;
  return __real_getrandom(to, Shortened(Sys::kRandom, bytes), flags);
}

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void* const argument = va_arg(rest, void*);
  va_end(rest);
  if (command == F_OFD_SETLK && Fails(Sys::kLock)) return -1;
  return __real_fcntl64(fd, command, argument);
}

int __real_madvise(void* memory, std::size_t bytes, int advice);
int __wrap_madvise(void* memory, std::size_t bytes, int advice) {
  const bool hint = advice == MADV_HUGEPAGE || advice == MADV_WIPEONFORK;
  return !hint && Fails(Sys::kPopulate) ? -1 : __real_madvise(memory, bytes, advice);
}

void* __real_mmap64(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset);
void* __wrap_mmap64(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) {
  if (Fails(Sys::kMap)) return MAP_FAILED;
  return __real_mmap64(at, bytes, protection, flags, fd, offset);
}

DIR* __real_fdopendir(int fd);
DIR* __wrap_fdopendir(int fd) {
  return Fails(Sys::kListDir) ? nullptr : __real_fdopendir(fd);
}

struct dirent* __real_readdir64(DIR* stream);
struct dirent* __wrap_readdir64(DIR* stream) {
  return Fails(Sys::kReadDir) ? nullptr : __real_readdir64(stream);
}

// Calls that return 0 or -1 and are only failed or passed on.
#define KYRO_WRAP(sys, name, parameters, arguments)   \
  int __real_##name parameters;                       \
  int __wrap_##name parameters {                      \
    return Fails(sys) ? -1 : __real_##name arguments; \
  }
KYRO_WRAP(Sys::kTruncate, ftruncate64, (int fd, off_t bytes), (fd, bytes))
KYRO_WRAP(Sys::kStatVfs, fstatvfs64, (int fd, struct statvfs* info), (fd, info))
KYRO_WRAP(Sys::kDataSync, fdatasync, (int fd), (fd))
KYRO_WRAP(Sys::kSync, fsync, (int fd), (fd))
KYRO_WRAP(Sys::kSyncFs, syncfs, (int fd), (fd))
KYRO_WRAP(Sys::kStat, fstat64, (int fd, struct stat* info), (fd, info))
KYRO_WRAP(Sys::kStatAt, fstatat64, (int at, const char* name, struct stat* info, int flags),
          (at, name, info, flags))
KYRO_WRAP(Sys::kRename, rename, (const char* from, const char* to), (from, to))
KYRO_WRAP(Sys::kRenameAt, renameat, (int a, const char* from, int b, const char* to),
          (a, from, b, to))
KYRO_WRAP(Sys::kRenameAt2, renameat2, (int a, const char* from, int b, const char* to, unsigned f),
          (a, from, b, to, f))
KYRO_WRAP(Sys::kLink, linkat, (int a, const char* from, int b, const char* to, int flags),
          (a, from, b, to, flags))
KYRO_WRAP(Sys::kUnlink, unlinkat, (int at, const char* name, int flags), (at, name, flags))
KYRO_WRAP(Sys::kMakeDir, mkdir, (const char* path, mode_t mode), (path, mode))
KYRO_WRAP(Sys::kProtect, mprotect, (void* at, std::size_t bytes, int protection),
          (at, bytes, protection))
#undef KYRO_WRAP

}  // extern "C"
