// SPDX-License-Identifier: Apache-2.0
//
// The record that is stored for a cell: 16 bytes that follow from the key alone, so that whoever
// reads one can tell whether it is the right one. Pure functions; any thread.
#ifndef KYRO_TOOLS_SHORELINE_RECORD_H_
#define KYRO_TOOLS_SHORELINE_RECORD_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "shoreline/hilbert.h"

namespace kyro::shoreline {

// A bijection of 64 bits without visible structure (the finalizer of splitmix64).
inline std::uint64_t Mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A repeatable stream of numbers.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) noexcept : state_(seed) {}
  std::uint64_t Next() noexcept { return Mix(state_ += 0x9e3779b97f4a7c15u); }
  // Below `bound`, which is not 0.
  std::uint64_t Below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>(static_cast<unsigned __int128>(Next()) * bound >> 64);
  }

 private:
  std::uint64_t state_;
};

// Where the point lies on the grid, and a fingerprint of the key.
class Record {
 public:
  explicit Record(std::uint64_t cell) noexcept {
    const GridPoint point = HilbertPoint(cell);
    const std::uint64_t fingerprint = Mix(cell);
    std::memcpy(bytes_.data(), &point.x, 4);
    std::memcpy(bytes_.data() + 4, &point.y, 4);
    std::memcpy(bytes_.data() + 8, &fingerprint, 8);
  }
  std::string_view bytes() const noexcept { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, 16> bytes_;
};

// Whether these are the bytes of Record(cell). Costs more than a lookup.
inline bool IsRecordOf(std::uint64_t cell, std::string_view bytes) noexcept {
  return bytes == Record(cell).bytes();
}
// The same by the fingerprint alone, for where time is taken.
inline bool HasFingerprintOf(std::uint64_t cell, std::string_view bytes) noexcept {
  std::uint64_t fingerprint = 0;
  if (bytes.size() != 16) return false;
  std::memcpy(&fingerprint, bytes.data() + 8, 8);
  return fingerprint == Mix(cell);
}

}  // namespace kyro::shoreline

#endif  // KYRO_TOOLS_SHORELINE_RECORD_H_
