// SPDX-License-Identifier: Apache-2.0
//
// SeededRandom: the Random seam with a seed, and the generator of every random test. SplitMix64, so
// that a seed means the same on every platform and standard library.
#ifndef KYRO_TESTS_SUPPORT_SEEDED_RANDOM_H_
#define KYRO_TESTS_SUPPORT_SEEDED_RANDOM_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "io/env.h"

namespace kyro::support {

// Any thread; a sequence that several threads draw from is deterministic only as a set.
class SeededRandom final : public io::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  Status Fill(void* to, std::size_t bytes) noexcept override;

  std::uint64_t Next() noexcept;
  // Uniform in [0, count), up to a bias below 2^-32. Requires count > 0.
  std::uint64_t Below(std::uint64_t count) noexcept;
  // Uniform in [lo, hi].
  std::uint64_t Between(std::uint64_t lo, std::uint64_t hi) noexcept;
  bool OneIn(std::uint64_t count) noexcept { return Below(count) == 0; }
  std::string String(std::size_t bytes);

 private:
  std::atomic<std::uint64_t> state_;
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_SEEDED_RANDOM_H_
