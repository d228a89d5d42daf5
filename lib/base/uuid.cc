// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

#include "base/coding.h"
#include "base/crc32c.h"

namespace kyro {

namespace {

// The bytes as they stand in files.
struct UuidBytes {
  explicit UuidBytes(const Uuid& uuid) noexcept {
    StoreLE(bytes, uuid.lo);
    StoreLE(bytes + 8, uuid.hi);
  }
  char bytes[16];
};

}  // namespace

std::string Uuid::ToString() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(32);
  for (const char byte : UuidBytes(*this).bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

std::uint32_t Uuid::CrcSeed() const noexcept {
  return Crc32c(std::string_view(UuidBytes(*this).bytes, 16));
}

}  // namespace kyro
