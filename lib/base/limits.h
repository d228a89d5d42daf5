// SPDX-License-Identifier: Apache-2.0
//
// Every limit that more than one room must agree on.
#ifndef KYRO_BASE_LIMITS_H_
#define KYRO_BASE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace kyro {

inline constexpr std::size_t kSectorBytes = 512;  // a torn write is torn between these
inline constexpr std::size_t kSizeMin = 4096;     // the smallest value of any size option
inline constexpr std::uint64_t kSegmentEntriesMax = (std::uint64_t{1} << 31) - 1;
inline constexpr std::uint64_t kSegmentHeapBytesMax = std::uint64_t{1} << 31;  // u32 offsets
inline constexpr std::size_t kKeyspaceNameBytesMax = 255;
inline constexpr std::size_t kKeyspacesMax = 65536;
inline constexpr std::uint64_t kSequenceMax = ~std::uint64_t{0};  // never taken
// No counter of a database comes near this in a thousand years; one on disk that is above it was
// not written by us, and counting on from it might wrap.
inline constexpr std::uint64_t kCounterMax = std::uint64_t{1} << 62;
inline constexpr std::uint32_t kKeyspaceIdMax = (std::uint32_t{1} << 31) - 1;
inline constexpr int kFrozenGenerationsMax = 2;  // then writers are slowed

}  // namespace kyro

#endif  // KYRO_BASE_LIMITS_H_
