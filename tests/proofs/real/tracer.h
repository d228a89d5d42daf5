// SPDX-License-Identifier: Apache-2.0
//
// Runs a child and stops it before its n-th system call, where it is killed. The calls that count
// are picked by a seccomp filter, so that the child runs at full speed in between, and at full
// speed altogether until it asks for the filter. A call before which the child is killed does not
// happen: the kernel skips it.
#ifndef KYRO_TESTS_PROOFS_REAL_TRACER_H_
#define KYRO_TESTS_PROOFS_REAL_TRACER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace kyro::proofs {

enum class Calls {
  kChanging,  // those that change files or make them durable, and creating opens
  kAll,       // every one
};

struct Call {
  std::uint64_t number = 0;  // of the system call
  std::uint64_t args[6] = {};
  // "pwrite64(5, 512 bytes at 4096)" as far as it is known.
  std::string Text() const;
  // Of a write: the bytes it was to write.
  std::optional<std::uint64_t> write_bytes() const;
};

// Whether a system call is one of kChanging, known to change no file, or neither.
enum class CallClass { kChanging, kHarmless, kUnknown };
CallClass ClassOf(const Call& call);

struct TracePlan {
  Calls calls = Calls::kChanging;
  bool from_start = true;     // false: calls count from when the child calls CountFromHere
  std::uint64_t kill_at = 0;  // 1 is the first; 0: never
  // The call is a write of which only so many bytes happen before the child is killed.
  std::optional<std::uint64_t> torn_bytes{};
  // Called while the child stands before the call, right before it is killed.
  std::function<void()> before_kill{};
  // Called at every call that counts.
  std::function<void(const Call&)> on_call{};
};

struct TraceResult {
  std::uint64_t calls = 0;  // that counted, up to the kill
  bool killed = false;      // at the call wanted
  int exit_status = -1;     // of a child that ran to its end; -1: it was killed, 128 + a signal
  Call last;                // the call before which it was killed
};

TraceResult Trace(const TracePlan& plan, const std::function<int()>& body);

// For the child of a plan that is not `from_start`, once.
void CountFromHere(Calls calls);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_REAL_TRACER_H_
