// SPDX-License-Identifier: Apache-2.0
//
// Env: the four seams to the world, bundled. Nothing else in lib/ calls the operating system,
// starts a thread, reads a clock or draws random bytes; a test in the suite holds the rooms to it.
#ifndef KYRO_IO_ENV_H_
#define KYRO_IO_ENV_H_

#include <chrono>
#include <cstdint>

#include "base/fork_word.h"
#include "base/uuid.h"
#include "io/executor.h"
#include "io/file_system.h"

namespace kyro::io {

// Any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t NowMicros() const noexcept = 0;  // wall time since 1970, microseconds
  virtual std::uint64_t MonotonicNanos() const noexcept = 0;
  virtual void Sleep(std::chrono::microseconds duration) noexcept = 0;
};

// Any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual Status Fill(void* to, std::size_t bytes) noexcept = 0;  // from the operating system
  Result<Uuid> NewUuid() noexcept;                                // never nil
};

struct Env {
  FileSystem* fs;
  Executor* executor;
  Clock* clock;
  Random* random;
};

// The real world. Lives for ever.
const Env& SystemEnv() noexcept;

// A word that reads 1 in the process that called this and 0 in every later fork of it
// (MADV_WIPEONFORK). Shared by all callers; null if the kernel refuses.
const std::uint8_t* ForkWord() noexcept;

}  // namespace kyro::io

#endif  // KYRO_IO_ENV_H_
