// SPDX-License-Identifier: Apache-2.0
#include "base/file_header.h"

#include <charconv>
#include <system_error>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/planted.h"
#include "base/status_util.h"

namespace kyro {

namespace {

constexpr std::string_view kManifestName = "MANIFEST";
constexpr std::size_t kDigitsMin = 6;

// The offsets of docs/format-header.md.
constexpr std::size_t kMagicBytes = 16;
constexpr std::size_t kVersionOffset = 16;
constexpr std::size_t kIncompatibleOffset = 28;
constexpr std::size_t kPaddingOffset = 72;
constexpr std::size_t kCrcOffset = 124;
static_assert(kCrcOffset + sizeof(std::uint32_t) == kFileHeaderBytes);

constexpr FileKind kKinds[] = {FileKind::kManifest, FileKind::kWal, FileKind::kKeys,
                               FileKind::kData, FileKind::kModel};

// No incompatible feature exists yet.
constexpr std::uint32_t kKnownIncompatible = 0;

// A byte that is not ASCII, CR LF and ^Z betray a transfer that took the file for text.
std::string Magic(FileKind kind) {
  std::string magic = "\x89kyro";
  magic.append(FileKindName(kind));
  magic.resize(kMagicBytes - 3, ' ');
  return magic.append("\r\n\x1a");
}

std::string DescribeMagic(std::string_view found) {
  for (const FileKind kind : kKinds) {
    if (found == Magic(kind)) return fmt::format("a {} file", FileKindName(kind));
  }
  return IsZero(found) ? "zeros" : "no kyro file";
}

}  // namespace

std::string_view FileKindName(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::kManifest:
      return "manifest";
    case FileKind::kWal:
      return "wal";
    case FileKind::kKeys:
      return "keys";
    case FileKind::kData:
      return "data";
    case FileKind::kModel:
      return "rmi";
  }
  return "unknown";
}

std::string FileName(FileKind kind, std::uint64_t number) {
  if (kind == FileKind::kManifest) return std::string(kManifestName);
  return fmt::format("{:06}.{}", number, FileKindName(kind));
}

bool ParseFileName(std::string_view name, FileKind* kind, std::uint64_t* number) noexcept {
  FileKind found_kind = FileKind::kManifest;
  std::uint64_t found_number = 0;
  if (name != kManifestName) {
    const char* const begin = name.data();
    const char* const end = begin + name.size();
    const auto [digits_end, error] = std::from_chars(begin, end, found_number);
    const auto digits = static_cast<std::size_t>(digits_end - begin);
    // FileName pads to six digits and no further. A number that nobody gives out is no name of
    // ours: counting on from it might wrap.
    if (error != std::errc() || digits < kDigitsMin) return false;
    if (found_number > kCounterMax) return false;
    if (digits > kDigitsMin && *begin == '0') return false;
    if (digits_end == end || *digits_end != '.') return false;
    const std::string_view suffix = name.substr(digits + 1);
    bool known = false;
    for (const FileKind candidate : kKinds) {
      if (candidate == FileKind::kManifest || suffix != FileKindName(candidate)) continue;
      found_kind = candidate;
      known = true;
    }
    if (!known) return false;
  }
  if (kind != nullptr) *kind = found_kind;
  if (number != nullptr) *number = found_number;
  return true;
}

std::string TemporaryName(std::string_view name) {
  std::string temporary(name);
  return temporary.append(".tmp");
}

std::string EncodeFileHeader(const FileHeader& header) {
  std::string bytes = Magic(header.kind);
  bytes.reserve(kFileHeaderBytes);
  AppendLE(&bytes, header.version);
  AppendLE(&bytes, header.compatible);
  AppendLE(&bytes, header.read_only_compatible);
  AppendLE(&bytes, header.incompatible);
  AppendLE(&bytes, header.database);
  AppendLE(&bytes, header.number);
  AppendLE(&bytes, header.file);
  bytes.resize(kCrcOffset, '\0');
  AppendLE(&bytes, Crc32c(bytes));
  return bytes;
}

Result<FileHeader> DecodeFileHeader(std::string_view bytes, FileKind kind, std::string_view name) {
  if (bytes.size() < kFileHeaderBytes) {
    return FileError(StatusCode::kDataLoss, name, bytes.size(),
                     "ends at byte {}, inside the header of {} bytes", bytes.size(),
                     kFileHeaderBytes);
  }
  ByteReader reader(bytes.substr(0, kFileHeaderBytes));
  const std::string_view magic = reader.ReadBytes(kMagicBytes);
  if (magic != Magic(kind)) {
    return FileError(StatusCode::kDataLoss, name, 0, "magic at offset 0: {}, want a {} file",
                     DescribeMagic(magic), FileKindName(kind));
  }
  const auto found = LoadLE<std::uint32_t>(bytes.data() + kCrcOffset);
  const std::uint32_t want = Crc32c(bytes.substr(0, kCrcOffset));
  if (found != want && !KYRO_PLANTED(kSkipFileHeaderChecksum)) {
    return FileError(StatusCode::kDataLoss, name, kCrcOffset,
                     "header at offset {}: crc32c {:08x}, want {:08x}", kCrcOffset, found, want);
  }

  FileHeader header;
  header.kind = kind;
  header.version = reader.Read<std::uint32_t>();
  header.compatible = reader.Read<std::uint32_t>();
  header.read_only_compatible = reader.Read<std::uint32_t>();
  header.incompatible = reader.Read<std::uint32_t>();
  header.database = reader.Read<Uuid>();
  header.number = reader.Read<std::uint64_t>();
  header.file = reader.Read<Uuid>();
  // Before the padding, to which a newer version may have given a meaning.
  if (header.version != kFormatVersion) {
    return FileError(StatusCode::kUnsupported, name, kVersionOffset,
                     "version {} at offset {}, this kyro reads {}", header.version, kVersionOffset,
                     kFormatVersion);
  }
  if (const std::uint32_t unknown = header.incompatible & ~kKnownIncompatible; unknown != 0) {
    return FileError(StatusCode::kUnsupported, name, kIncompatibleOffset,
                     "unknown incompatible features {:#x} at offset {}", unknown,
                     kIncompatibleOffset);
  }
  if (!IsZero(bytes.substr(kPaddingOffset, kCrcOffset - kPaddingOffset))) {
    return FileError(StatusCode::kDataLoss, name, kPaddingOffset,
                     "padding at offset {}: found bytes, want zeros", kPaddingOffset);
  }
  return header;
}

}  // namespace kyro
