// SPDX-License-Identifier: Apache-2.0
#include "support/seeded_random.h"

#include <algorithm>
#include <cstring>

namespace kyro::support {

std::uint64_t SeededRandom::Next() noexcept {
  constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;
  std::uint64_t z = state_.fetch_add(kGamma, std::memory_order_relaxed) + kGamma;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

std::uint64_t SeededRandom::Below(std::uint64_t count) noexcept {
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(Next()) * count) >> 64);
}

std::uint64_t SeededRandom::Between(std::uint64_t lo, std::uint64_t hi) noexcept {
  const std::uint64_t count = hi - lo + 1;
  return count == 0 ? Next() : lo + Below(count);
}

Status SeededRandom::Fill(void* to, std::size_t bytes) noexcept {
  char* next = static_cast<char*>(to);
  while (bytes > 0) {
    const std::uint64_t word = Next();
    const std::size_t part = std::min(bytes, sizeof(word));
    std::memcpy(next, &word, part);
    next += part;
    bytes -= part;
  }
  return Status();
}

std::string SeededRandom::String(std::size_t bytes) {
  std::string text(bytes, '\0');
  (void)Fill(text.data(), bytes);
  return text;
}

}  // namespace kyro::support
