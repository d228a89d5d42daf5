// SPDX-License-Identifier: Apache-2.0
//
// 16 random bytes: the identity of a database or a file.
#ifndef KYRO_BASE_UUID_H_
#define KYRO_BASE_UUID_H_

#include <cstdint>
#include <string>

namespace kyro {

struct Uuid {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;

  friend bool operator==(const Uuid&, const Uuid&) = default;
  bool IsNil() const noexcept { return (lo | hi) == 0; }
  std::string ToString() const;  // 32 hex digits, bytes in file order
  // The seed that ties a checksum to this file.
  std::uint32_t CrcSeed() const noexcept;
};
static_assert(sizeof(Uuid) == 16);

}  // namespace kyro

#endif  // KYRO_BASE_UUID_H_
