// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks share: a main that fails when a check fails, sizes and places from the
// environment, and values that can be checked against their keys.
#ifndef KYRO_BENCH_BENCH_H_
#define KYRO_BENCH_BENCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/coding.h"

namespace kyro::bench {

// Runs the registered benchmarks that the flags select. Returns 1 if one of them found a wrong
// result (SkipWithError), if none was selected, or for unknown flags.
int Main(int argc, char** argv);

// KYRO_BENCH_KEYS, or `otherwise`: how many keys a benchmark of many keys has. At least 1.
std::size_t KeyCount(std::size_t otherwise);

// The path of a directory for `name` below KYRO_BENCH_DIR (default: the working directory), which
// says on which disk. Empty now: what an interrupted run left there is removed.
std::string FreshDirectory(std::string_view name);
void RemoveDirectory(const std::string& path);

// A bijection whose results look random.
inline constexpr std::uint64_t kMixFirst = 0xbf58476d1ce4e5b9u;
inline constexpr std::uint64_t kMixSecond = 0x94d049bb133111ebu;
inline std::uint64_t Mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * kMixFirst;
  x = (x ^ (x >> 27)) * kMixSecond;
  return x ^ (x >> 31);
}

// `bytes` >= 8 bytes that say which key they belong to.
inline void MakeValue(std::uint64_t key, std::size_t bytes, std::string* value) {
  value->assign(bytes, static_cast<char>('a' + key % 26));
  StoreLE(value->data(), Mix(key));
}
inline bool IsValueOf(std::uint64_t key, std::size_t bytes, std::string_view value) noexcept {
  return value.size() == bytes && LoadLE<std::uint64_t>(value.data()) == Mix(key) &&
         (bytes == 8 || value.back() == static_cast<char>('a' + key % 26));
}

}  // namespace kyro::bench

#endif  // KYRO_BENCH_BENCH_H_
