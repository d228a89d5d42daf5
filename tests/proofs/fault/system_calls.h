// SPDX-License-Identifier: Apache-2.0
//
// The system calls of lib/io, which the linker leads through here (--wrap): a proof has the n-th of
// some of them fail, or stop short. Everything is the calling thread's own.
#ifndef KYRO_TESTS_PROOFS_FAULT_SYSTEM_CALLS_H_
#define KYRO_TESTS_PROOFS_FAULT_SYSTEM_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kyro::proofs {

enum class Sys : std::uint8_t {
  kOpen,
  kOpenAt,
  kRead,
  kWrite,
  kTruncate,
  kStatVfs,
  kLock,
  kPopulate,  // madvise
  kRandom,
  // Those above may be interrupted by a signal, and are tried again; those below are not.
  kDataSync,
  kSync,
  kSyncFs,
  kStat,
  kStatAt,
  kReadDir,
  kListDir,  // fdopendir
  kRename,
  kRenameAt,
  kRenameAt2,
  kLink,
  kUnlink,
  kMakeDir,
  kMap,
  kProtect,
};
inline constexpr std::size_t kSysCount = static_cast<std::size_t>(Sys::kProtect) + 1;
std::string_view SysName(Sys sys);

// A set of them.
using SysSet = std::uint32_t;
constexpr SysSet Only(Sys sys) {
  return SysSet{1} << static_cast<unsigned>(sys);
}
inline constexpr SysSet kInterruptible = Only(Sys::kDataSync) - 1;
inline constexpr SysSet kPartial = Only(Sys::kRead) | Only(Sys::kWrite) | Only(Sys::kRandom);

class SystemCalls {
 public:
  // Of the calls of `set` from now on those numbered nth (1: the next) to nth + count - 1 fail with
  // `error`.
  static void Fail(SysSet set, std::uint64_t nth, std::uint64_t count, int error);
  // The same calls move `share` of their bytes, at least one: 0 is one byte, 1/2 half.
  static void Shorten(SysSet set, std::uint64_t nth, std::uint64_t count, double share);
  static void Lift();
  static std::uint64_t hits();  // calls that failed or were shortened
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_SYSTEM_CALLS_H_
