// SPDX-License-Identifier: Apache-2.0
//
// The real clock and the real randomness, and the Env that bundles the real world.
#include "io/env.h"

#include <sys/random.h>
#include <time.h>

#include <cerrno>
#include <new>

#include "base/status_util.h"
#include "io/posix.h"
#include "io/thread_executor.h"

namespace kyro::io {
namespace {

constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;
constexpr int kUuidAttempts = 3;  // a nil one has a chance of 2^-128

class SystemClock final : public Clock {
 public:
  std::uint64_t NowMicros() const noexcept override { return Nanos(CLOCK_REALTIME) / 1000; }
  std::uint64_t MonotonicNanos() const noexcept override { return Nanos(CLOCK_MONOTONIC); }
  void Sleep(std::chrono::microseconds duration) noexcept override {
    if (duration.count() <= 0) return;
    const std::uint64_t until =
        MonotonicNanos() + static_cast<std::uint64_t>(duration.count()) * 1000;
    struct timespec time;
    time.tv_sec = static_cast<time_t>(until / kNanosPerSecond);
    time.tv_nsec = static_cast<long>(until % kNanosPerSecond);
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr) == EINTR) {
    }
  }

 private:
  static std::uint64_t Nanos(clockid_t clock) noexcept {
    struct timespec time {};
    ::clock_gettime(clock, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * kNanosPerSecond +
           static_cast<std::uint64_t>(time.tv_nsec);
  }
};

class SystemRandom final : public Random {
 public:
  Status Fill(void* to, std::size_t bytes) noexcept override {
    char* const begin = static_cast<char*>(to);
    for (std::size_t done = 0; done < bytes;) {
      const ssize_t got = RetryEintr([&] { return ::getrandom(begin + done, bytes - done, 0); });
      if (got < 0) {
        const int error = errno;
        return Guarded([&] { return ErrnoError(error, "getrandom", "random bytes"); });
      }
      done += static_cast<std::size_t>(got);
    }
    return Status();
  }
};

// Never destroyed: threads may outlive main.
template <class T>
T* Immortal() noexcept {
  alignas(T) static unsigned char memory[sizeof(T)];
  static T* const object = new (memory) T;
  return object;
}

}  // namespace

Result<Uuid> Random::NewUuid() noexcept {
  for (int i = 0; i < kUuidAttempts; ++i) {
    Uuid uuid;
    KYRO_RETURN_IF_ERROR(Fill(&uuid, sizeof(uuid)));
    if (!uuid.IsNil()) return uuid;
  }
  return Status(StatusCode::kIoError, "the source of randomness gives zeros");
}

const Env& SystemEnv() noexcept {
  static const Env env{Immortal<PosixFileSystem>(), Immortal<ThreadExecutor>(),
                       Immortal<SystemClock>(), Immortal<SystemRandom>()};
  return env;
}

}  // namespace kyro::io
