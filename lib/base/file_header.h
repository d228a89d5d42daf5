// SPDX-License-Identifier: Apache-2.0
//
// The 128 bytes that every kyro file starts with (docs/format-header.md).
#ifndef KYRO_BASE_FILE_HEADER_H_
#define KYRO_BASE_FILE_HEADER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/uuid.h"
#include "kyro/status.h"

namespace kyro {

enum class FileKind : std::uint8_t { kManifest = 1, kWal = 2, kKeys = 3, kData = 4, kModel = 5 };

std::string_view FileKindName(FileKind kind) noexcept;  // "manifest", "wal", "keys", "data", "rmi"

// "000042.keys" (at least six digits); "MANIFEST" for a manifest, whatever its number.
std::string FileName(FileKind kind, std::uint64_t number);
// True if `name` is one that FileName makes; fills what is not null.
bool ParseFileName(std::string_view name, FileKind* kind, std::uint64_t* number) noexcept;
// The temporary name under which a file is built: "000042.keys.tmp".
std::string TemporaryName(std::string_view name);

inline constexpr std::size_t kFileHeaderBytes = 128;
inline constexpr std::uint32_t kFormatVersion = 0;  // no compatibility until the first release

struct FileHeader {
  FileKind kind = FileKind::kManifest;
  std::uint32_t version = kFormatVersion;
  // A reader that does not know a bit set in ...
  std::uint32_t compatible = 0;            // ... this set reads and writes on,
  std::uint32_t read_only_compatible = 0;  // ... this set opens read-only only,
  std::uint32_t incompatible = 0;          // ... this set refuses the file.
  Uuid database;                           // who made it
  std::uint64_t number = 0;
  Uuid file;  // its identity; seeds its checksums

  friend bool operator==(const FileHeader&, const FileHeader&) = default;
};

// Exactly kFileHeaderBytes.
std::string EncodeFileHeader(const FileHeader& header);

// Valid if and only if: 128 bytes are there, the magic is that of `kind`, the header CRC matches,
// the padding is zero, the version is known and no unknown incompatible bit is set. `name` is for
// messages. kDataLoss, or kUnsupported for what a newer kyro wrote.
Result<FileHeader> DecodeFileHeader(std::string_view bytes, FileKind kind, std::string_view name);

}  // namespace kyro

#endif  // KYRO_BASE_FILE_HEADER_H_
