// SPDX-License-Identifier: Apache-2.0
#include "base/coding.h"

namespace kyro {

bool IsZero(std::string_view bytes) noexcept {
  // Words are OR-ed in runs without a branch, so that the compiler uses vectors.
  constexpr std::size_t kRunBytes = 256;
  while (bytes.size() >= kRunBytes) {
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < kRunBytes; i += 8) any |= LoadLE<std::uint64_t>(bytes.data() + i);
    if (any != 0) return false;
    bytes.remove_prefix(kRunBytes);
  }
  unsigned char any = 0;
  for (const char byte : bytes) any |= static_cast<unsigned char>(byte);
  return any == 0;
}

}  // namespace kyro
