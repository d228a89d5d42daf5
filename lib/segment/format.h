// SPDX-License-Identifier: Apache-2.0
//
// The container that .keys, .data and .rmi files share (docs/format-segment.md): a block file.
//
//   0         header area, 4096 bytes: file header, kind header, column directory, CRC
//   4096      columns, each on a 64-byte boundary, zero padding between them
//   T         checksum table: a CRC32C per block of 2^k bytes of [4096, T), zero padding
//   end - 64  footer: where the table is, its CRC, the length, the identity, CRC
//
// Every byte stands under exactly one of: header CRC, a block's CRC, table CRC, footer CRC.
// Encoders and decoders of these bytes only; no I/O. Pure functions; any thread.
#ifndef KYRO_SEGMENT_FORMAT_H_
#define KYRO_SEGMENT_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/file_header.h"
#include "base/file_ref.h"
#include "kyro/status.h"
#include "kyro/types.h"

namespace kyro::segment {

inline constexpr std::uint64_t kHeaderAreaBytes = 4096;
inline constexpr std::uint64_t kFooterBytes = 64;
inline constexpr std::uint64_t kColumnAlignment = 64;
inline constexpr std::uint32_t kBlockBitsMin = 12;
inline constexpr std::uint32_t kBlockBitsMax = 16;
inline constexpr std::uint32_t kBlockBitsDefault = 14;
inline constexpr std::size_t kColumnsMax = 32;
inline constexpr std::uint64_t kBlockFileBytesMin = kHeaderAreaBytes + kFooterBytes;

// What a column holds. Numbers are for ever.
enum class ColumnId : std::uint32_t {
  kKeys = 1,              // u64, strictly increasing
  kKeyOffsets = 2,        // u32, entries + 1, into the key heap
  kKeyHeap = 3,           // bytes of the keys, concatenated
  kFingerprints = 4,      // u8, of each key
  kValueOffsets = 5,      // u32, entries + 1, into the value heap
  kTombstones = 6,        // one bit an entry, lowest bit first
  kFilter = 7,            // split-block Bloom filter over all keys
  kSequences = 8,         // reserved
  kExpiries = 9,          // reserved
  kRangeTombstones = 10,  // reserved
  kValues = 16,           // .data: the value heap
  kModel = 32,            // .rmi: the index's blob
};

enum class ColumnType : std::uint8_t { kU64 = 1, kU32 = 2, kU8 = 3, kBit = 4, kBytes = 5 };

enum class ColumnEncoding : std::uint8_t {
  kPlain = 0,    // `count` elements of `stride` bytes (bits: stride 0; bytes: count elements)
  kOffsets = 1,  // bytes whose elements an offsets column delimits; stride 0
};

struct Column {
  ColumnId id = ColumnId::kKeys;
  ColumnType type = ColumnType::kBytes;
  ColumnEncoding encoding = ColumnEncoding::kPlain;
  bool required = true;      // a reader that does not know it refuses the file
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;
  std::uint64_t count = 0;   // elements
  std::uint32_t stride = 0;  // bytes of an element, 0 if they differ or are smaller

  friend bool operator==(const Column&, const Column&) = default;
};

// The header area, decoded.
struct Header {
  FileHeader file;
  KeyKind key_kind = KeyKind::kU64;
  std::uint32_t block_bits = kBlockBitsDefault;
  std::uint32_t column_count = 0;
  std::uint64_t entries = 0;
  std::uint64_t tombstones = 0;
  Sequence min_sequence = 0;
  Sequence max_sequence = 0;
  Uuid companion;           // .keys: its .data file; .data and .rmi: their .keys file
  Digest companion_digest;  // .rmi: of the .keys file; zero elsewhere
  std::array<Column, kColumnsMax> columns{};

  std::uint64_t block_bytes() const noexcept { return std::uint64_t{1} << block_bits; }
  // Where the last column ends.
  std::uint64_t columns_end() const noexcept;
  // Null if there is none.
  const Column* Find(ColumnId id) const noexcept;
};

struct Footer {
  std::uint64_t table_offset = 0;
  std::uint32_t block_count = 0;
  std::uint32_t table_crc = 0;   // of the table and its padding, seeded with the file's uuid
  std::uint32_t header_crc = 0;  // as the header area ends
  std::uint64_t file_bytes = 0;
  Uuid file;

  // Table and padding.
  std::uint64_t table_bytes() const noexcept {
    return AlignUp(std::uint64_t{block_count} * 4, kColumnAlignment);
  }
};

// Blocks of [0, table_offset). The first one's checksum starts at kHeaderAreaBytes.
constexpr std::uint64_t BlockCount(std::uint64_t table_offset, std::uint32_t block_bits) noexcept {
  return (table_offset + (std::uint64_t{1} << block_bits) - 1) >> block_bits;
}

// The CRC32C that block `block` of a file starts from.
std::uint32_t BlockSeed(std::uint32_t uuid_seed, std::uint64_t block) noexcept;

// Exactly kHeaderAreaBytes. Requires columns in file order.
std::string EncodeHeader(const Header& header);
std::string EncodeFooter(const Footer& footer);

// XXH3-128 of the header area followed by the table with its padding.
Digest DigestOf(std::string_view header_area, std::string_view table) noexcept;

// Valid if and only if: the file header is, the CRC matches, padding is zero, and every column is
// of a known shape and starts on the first 64-byte boundary behind the one before it. A required
// column with an unknown id is kUnsupported; an optional one is kept but means nothing. `name` is
// for messages.
Result<Header> DecodeHeader(std::string_view area, FileKind kind, std::string_view name);

// `area` (kHeaderAreaBytes) with zeros wherever an encoder puts padding, and checksums to match:
// what was written, if nothing but padding and checksums was damaged. Only a digest can tell.
std::string WithPaddingAsWritten(std::string area);

// `bytes` are the last kFooterBytes of a file of `file_bytes`. Checks everything that the footer
// alone can tell.
Result<Footer> DecodeFooter(std::string_view bytes, std::uint64_t file_bytes,
                            std::string_view name);

// What header, footer and table say of each other: identity, CRCs, zero padding, block count, the
// columns' place.
Status CheckParts(const Header& header, std::string_view header_area, const Footer& footer,
                  std::string_view table, std::string_view name);

// "block 17 at offset 1114112: crc32c 5c1e90aa, want 1f02c7d3".
Status BlockError(std::string_view name, std::uint64_t block, std::uint32_t block_bits,
                  std::uint32_t found, std::uint32_t want);

// Where the checksum of a block starts: its first byte, or the first one behind the header area.
constexpr std::uint64_t BlockOffset(std::uint64_t block, std::uint32_t block_bits) noexcept {
  const std::uint64_t offset = block << block_bits;
  return offset < kHeaderAreaBytes ? kHeaderAreaBytes : offset;
}

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_FORMAT_H_
