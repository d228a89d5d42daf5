// SPDX-License-Identifier: Apache-2.0
//
// Memory that runs out where a proof says. The program's operators new, and malloc and
// aligned_alloc as lib/ calls them (the linker's --wrap), count the allocations of each thread
// while they are armed, and refuse those that were chosen. All allocations are counted for leaks.
#ifndef KYRO_TESTS_PROOFS_MEMORY_FAILING_NEW_H_
#define KYRO_TESTS_PROOFS_MEMORY_FAILING_NEW_H_

#include <cstdint>

namespace kyro::proofs {

// Everything here is the calling thread's own.
class Memory {
 public:
  // Of the armed allocations from now on, those numbered nth (1: the next) to nth + count - 1 fail.
  static void Fail(std::uint64_t nth, std::uint64_t count) noexcept;
  // None does.
  static void Lift() noexcept;
  static std::uint64_t tried() noexcept;   // armed ones since Fail
  static std::uint64_t failed() noexcept;  // of these
  static std::int64_t live() noexcept;     // allocated here, less freed here
  // False under ThreadSanitizer, whose operators new cannot be replaced.
  static bool Works() noexcept;
};

// While it lives, allocations are the library's: counted, and refused if chosen (or, with false,
// those of a test's own things that the library called).
class Armed {
 public:
  explicit Armed(bool armed = true) noexcept;
  ~Armed();
  Armed(const Armed&) = delete;
  Armed& operator=(const Armed&) = delete;

 private:
  const bool before_;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_MEMORY_FAILING_NEW_H_
