// SPDX-License-Identifier: Apache-2.0
//
// The rows that bench writes: keys uniform over 2^64, no two alike, and values that can be told
// from their keys. Pure functions; any thread.
#ifndef KYRO_TOOLS_KYROCTL_BENCH_DATA_H_
#define KYRO_TOOLS_KYROCTL_BENCH_DATA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kyro::kyroctl {

// A bijection of 64-bit words (the finalizer of SplitMix64): different numbers, different keys.
constexpr std::uint64_t BenchKey(std::uint64_t number) noexcept {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

inline constexpr std::size_t kBenchValueWords = 8;
inline constexpr std::size_t kBenchValueBytes = 8 * kBenchValueWords;

class BenchValue {
 public:
  explicit BenchValue(std::uint64_t key) noexcept {
    for (std::uint64_t& word : words_) word = key = key * 0x5851f42d4c957f2d + 1;
  }
  std::string_view bytes() const noexcept {
    return {reinterpret_cast<const char*>(words_.data()), kBenchValueBytes};
  }
  bool Is(std::string_view value) const noexcept {
    return value.size() == kBenchValueBytes &&
           std::memcmp(value.data(), words_.data(), kBenchValueBytes) == 0;
  }

 private:
  std::array<std::uint64_t, kBenchValueWords> words_;
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_BENCH_DATA_H_
