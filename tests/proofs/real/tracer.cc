// SPDX-License-Identifier: Apache-2.0
#include "proofs/real/tracer.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "proofs/real/workers.h"

namespace kyro::proofs {
namespace {

struct NamedCall {
  std::uint64_t number;
  std::string_view name;
};

constexpr NamedCall kChangingCalls[] = {
    {SYS_write, "write"},
    {SYS_pwrite64, "pwrite64"},
    {SYS_writev, "writev"},
    {SYS_pwritev, "pwritev"},
    {SYS_pwritev2, "pwritev2"},
    {SYS_ftruncate, "ftruncate"},
    {SYS_truncate, "truncate"},
    {SYS_fallocate, "fallocate"},
    {SYS_renameat, "renameat"},
    {SYS_renameat2, "renameat2"},
    {SYS_linkat, "linkat"},
    {SYS_unlinkat, "unlinkat"},
    {SYS_symlinkat, "symlinkat"},
    {SYS_mkdirat, "mkdirat"},
    {SYS_copy_file_range, "copy_file_range"},
    {SYS_sendfile, "sendfile"},
    {SYS_splice, "splice"},
    {SYS_fchmod, "fchmod"},
    {SYS_fchmodat, "fchmodat"},
    {SYS_fsync, "fsync"},
    {SYS_fdatasync, "fdatasync"},
    {SYS_sync, "sync"},
    {SYS_syncfs, "syncfs"},
    {SYS_sync_file_range, "sync_file_range"},
    {SYS_msync, "msync"},
#ifdef SYS_rename
    {SYS_rename, "rename"},
    {SYS_link, "link"},
    {SYS_unlink, "unlink"},
    {SYS_rmdir, "rmdir"},
    {SYS_mkdir, "mkdir"},
    {SYS_creat, "creat"},
    {SYS_symlink, "symlink"},
    {SYS_chmod, "chmod"},
#endif
};

constexpr NamedCall kHarmlessCalls[] = {
    {SYS_read, "read"},
    {SYS_pread64, "pread64"},
    {SYS_readv, "readv"},
    {SYS_close, "close"},
    {SYS_fstat, "fstat"},
    {SYS_newfstatat, "newfstatat"},
    {SYS_statx, "statx"},
    {SYS_statfs, "statfs"},
    {SYS_fstatfs, "fstatfs"},
    {SYS_lseek, "lseek"},
    {SYS_getdents64, "getdents64"},
    {SYS_fcntl, "fcntl"},
    {SYS_fadvise64, "fadvise64"},
    {SYS_mmap, "mmap"},
    {SYS_munmap, "munmap"},
    {SYS_mremap, "mremap"},
    {SYS_mprotect, "mprotect"},
    {SYS_madvise, "madvise"},
    {SYS_brk, "brk"},
    {SYS_getrandom, "getrandom"},
    {SYS_getpid, "getpid"},
    {SYS_gettid, "gettid"},
    {SYS_clock_gettime, "clock_gettime"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_futex, "futex"},
    {SYS_sched_yield, "sched_yield"},
    {SYS_sched_getaffinity, "sched_getaffinity"},
    {SYS_rt_sigprocmask, "rt_sigprocmask"},
    {SYS_rt_sigaction, "rt_sigaction"},
    {SYS_sigaltstack, "sigaltstack"},
    {SYS_prctl, "prctl"},
    {SYS_exit_group, "exit_group"},
#ifdef SYS_stat
    {SYS_stat, "stat"},
    {SYS_lstat, "lstat"},
    {SYS_readlink, "readlink"},
#endif
};

constexpr std::uint64_t kCreating = O_CREAT | O_TRUNC;
constexpr std::uint64_t kTemporary = 020000000;  // O_TMPFILE without O_DIRECTORY

template <std::size_t N>
std::string_view NameIn(const NamedCall (&calls)[N], std::uint64_t number) {
  for (const NamedCall& call : calls) {
    if (call.number == number) return call.name;
  }
  return {};
}

void Check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(2);
}

constexpr std::uint32_t Low(std::size_t arg) {
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * arg);
}

// Return TRACE for the calls that count, ALLOW for the rest.
std::vector<sock_filter> FilterFor(Calls calls) {
  const sock_filter trace = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  if (calls == Calls::kAll) return {trace};
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const NamedCall& call : kChangingCalls) {
    filter.push_back(
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call.number), 0, 1));
    filter.push_back(trace);
  }
  const auto if_creating = [&](std::uint32_t number, std::size_t flags) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));
    filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, Low(flags)));
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
                              static_cast<std::uint32_t>(kCreating | kTemporary), 0, 1));
    filter.push_back(trace);
    filter.push_back(allow);
  };
  if_creating(SYS_openat, 2);
#ifdef SYS_open
  if_creating(SYS_open, 1);
#endif
  filter.push_back(allow);
  return filter;
}

int TracedBody(const TracePlan& plan, const std::function<int()>& body) {
  Check(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "ptrace(TRACEME)");
  ::raise(SIGSTOP);
  if (plan.from_start) CountFromHere(plan.calls);
  return body();
}

Call CallOf(pid_t child) {
  struct __ptrace_syscall_info info;
  std::memset(&info, 0, sizeof(info));
  Check(::ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0,
        "ptrace(GET_SYSCALL_INFO)");
  Call call;
  call.number = info.seccomp.nr;
  std::copy_n(info.seccomp.args, 6, call.args);
  return call;
}

// The third argument of the call before which the child stands.
void SetThirdArgument(pid_t child, std::uint64_t value) {
  user_regs_struct registers;
  iovec io{&registers, sizeof(registers)};
  Check(::ptrace(PTRACE_GETREGSET, child, NT_PRSTATUS, &io) == 0, "ptrace(GETREGSET)");
#if defined(__x86_64__)
  registers.rdx = value;
#elif defined(__aarch64__)
  registers.regs[2] = value;
#else
#error "which register holds the third argument of a system call?"
#endif
  Check(::ptrace(PTRACE_SETREGSET, child, NT_PRSTATUS, &io) == 0, "ptrace(SETREGSET)");
}

int Wait(pid_t child) {
  int status = 0;
  Check(::waitpid(child, &status, __WALL) == child, "waitpid");
  return status;
}

// Kills and reaps.
void Kill(pid_t child) {
  ::kill(child, SIGKILL);
  while (!WIFSIGNALED(Wait(child))) {
  }
}

bool AtCall(int status) {
  return WIFSTOPPED(status) && (status >> 8) == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8));
}

}  // namespace

CallClass ClassOf(const Call& call) {
  bool opens = call.number == SYS_openat;
  std::uint64_t flags = call.args[2];
#ifdef SYS_open
  if (call.number == SYS_open) {
    opens = true;
    flags = call.args[1];
  }
#endif
  if (opens) {
    return (flags & (kCreating | kTemporary)) != 0 ? CallClass::kChanging : CallClass::kHarmless;
  }
  if (!NameIn(kChangingCalls, call.number).empty()) return CallClass::kChanging;
  // A shared mapping that may be written would change a file without any further call.
  const bool writes_mapping = call.number == SYS_mmap && (call.args[2] & 2) != 0 &&
                              (call.args[3] & 0x1) != 0 && (call.args[3] & 0x20) == 0;
  if (writes_mapping) return CallClass::kUnknown;
  return NameIn(kHarmlessCalls, call.number).empty() ? CallClass::kUnknown : CallClass::kHarmless;
}

std::optional<std::uint64_t> Call::write_bytes() const {
  if (number != SYS_pwrite64 && number != SYS_write) return {};
  return args[2];
}

std::string Call::Text() const {
  std::string_view name = NameIn(kChangingCalls, number);
  if (name.empty()) name = NameIn(kHarmlessCalls, number);
  if (name.empty() && number == SYS_openat) name = "openat";
  std::string text = name.empty() ? "system call " + std::to_string(number) : std::string(name);
  text += "(" + std::to_string(static_cast<std::int64_t>(args[0]));
  if (const auto bytes = write_bytes(); bytes.has_value()) {
    text += ", " + std::to_string(*bytes) + " bytes";
    if (number == SYS_pwrite64) text += " at " + std::to_string(args[3]);
  }
  return text + ")";
}

void CountFromHere(Calls calls) {
  std::vector<sock_filter> filter = FilterFor(calls);
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  Check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl(NO_NEW_PRIVS)");
  Check(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "prctl(SECCOMP)");
}

TraceResult Trace(const TracePlan& plan, const std::function<int()>& body) {
  TraceResult result;
  const pid_t child = ForkChild([&] { return TracedBody(plan, body); });
  int status = Wait(child);
  Check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "the traced child did not stop");
  Check(::ptrace(PTRACE_SETOPTIONS, child, nullptr,
                 PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0,
        "ptrace(SETOPTIONS)");
  long signal = 0;
  for (;;) {
    Check(::ptrace(PTRACE_CONT, child, nullptr, signal) == 0, "ptrace(CONT)");
    signal = 0;
    status = Wait(child);
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      result.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      return result;
    }
    if (!AtCall(status)) {
      signal = WSTOPSIG(status);
      continue;
    }
    ++result.calls;
    const bool here = result.calls == plan.kill_at;
    if (here || plan.on_call) result.last = CallOf(child);
    if (plan.on_call) plan.on_call(result.last);
    if (!here) continue;
    if (plan.torn_bytes.has_value()) {
      SetThirdArgument(child, *plan.torn_bytes);
      // Stops when the call has returned.
      Check(::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0, "ptrace(SYSCALL)");
      (void)Wait(child);
    }
    if (plan.before_kill) plan.before_kill();
    Kill(child);
    result.killed = true;
    return result;
  }
}

}  // namespace kyro::proofs
