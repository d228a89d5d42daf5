// SPDX-License-Identifier: Apache-2.0
//
// CRC32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as in iSCSI (RFC 3720, B.4) and SSE4.2.
#ifndef KYRO_BASE_CRC32C_H_
#define KYRO_BASE_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace kyro {

// The CRC32C of (the bytes that `seed` is the CRC32C of) followed by `bytes`.
// Crc32c("123456789") == 0xE3069283. Uses the CPU's instruction where there is one.
std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed = 0) noexcept;

// The same by table: the reference that tests hold the fast one against.
std::uint32_t Crc32cTable(std::string_view bytes, std::uint32_t seed = 0) noexcept;

}  // namespace kyro

#endif  // KYRO_BASE_CRC32C_H_
