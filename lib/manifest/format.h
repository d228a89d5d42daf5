// SPDX-License-Identifier: Apache-2.0
//
// The sizes that the manifest's encoder and decoder share (docs/format-manifest.md).
#ifndef KYRO_MANIFEST_FORMAT_H_
#define KYRO_MANIFEST_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "base/file_header.h"

namespace kyro::manifest {

inline constexpr std::size_t kLengthOffset = kFileHeaderBytes;
inline constexpr std::size_t kFixedBytes = 128;  // behind the header
inline constexpr std::size_t kKeyspaceBytes = 16;
inline constexpr std::size_t kRunBytes = 8;
inline constexpr std::size_t kFileRefBytes = 48;
inline constexpr std::size_t kSegmentBytes = 3 * kFileRefBytes + 40;
inline constexpr std::size_t kFooterBytes = 8;  // zero, CRC32C
inline constexpr std::size_t kBytesMin = kFileHeaderBytes + kFixedBytes + kFooterBytes;
inline constexpr std::size_t kAlignment = 8;  // of every structure; zeros in between

inline constexpr std::uint32_t kFlagClean = 1;

}  // namespace kyro::manifest

#endif  // KYRO_MANIFEST_FORMAT_H_
