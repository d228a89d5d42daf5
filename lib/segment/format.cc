// SPDX-License-Identifier: Apache-2.0
#define XXH_STATIC_LINKING_ONLY  // XXH3_state_t on the stack
#include "segment/format.h"

#include <xxhash.h>

#include <algorithm>

#include "base/crc32c.h"
#include "base/planted.h"
#include "base/status_util.h"

namespace kyro::segment {

namespace {

// Offsets in the header area (docs/format-segment.md).
constexpr std::size_t kKindHeaderOffset = kFileHeaderBytes;
constexpr std::size_t kKindHeaderUsed = 72;
constexpr std::size_t kDirectoryOffset = 256;
constexpr std::size_t kColumnBytes = 64;
constexpr std::size_t kColumnUsed = 36;
constexpr std::size_t kHeaderCrcOffset = kHeaderAreaBytes - 4;
static_assert(kDirectoryOffset + kColumnsMax * kColumnBytes <= kHeaderCrcOffset);

constexpr std::uint64_t kFooterMagic = 0x0a1a52544f4f464bu;  // "KFOOTR", 0x1A, LF
constexpr std::size_t kFooterCrcOffset = kFooterBytes - 4;
constexpr std::size_t kFooterUsed = 52;

constexpr std::uint16_t kRequiredFlag = 1;
constexpr std::uint64_t kFileOffsetMax = std::uint64_t{1} << 62;

Status Damage(std::string_view name, std::uint64_t offset, std::string_view what) {
  return FileError(StatusCode::kDataLoss, name, offset, "{} at offset {}", what, offset);
}

bool KnownId(ColumnId id) noexcept {
  switch (id) {
    case ColumnId::kKeys:
    case ColumnId::kKeyOffsets:
    case ColumnId::kKeyHeap:
    case ColumnId::kFingerprints:
    case ColumnId::kValueOffsets:
    case ColumnId::kTombstones:
    case ColumnId::kFilter:
    case ColumnId::kValues:
    case ColumnId::kModel:
      return true;
    default:
      return false;
  }
}

// True if type, encoding, stride, count and bytes agree.
bool Coherent(const Column& column) noexcept {
  if (column.encoding == ColumnEncoding::kOffsets) {
    return column.type == ColumnType::kBytes && column.stride == 0;
  }
  if (column.encoding != ColumnEncoding::kPlain) return false;
  if (column.count > kFileOffsetMax) return false;
  const auto product = static_cast<unsigned __int128>(column.count) * column.stride;
  switch (column.type) {
    case ColumnType::kU64:
      return column.stride == 8 && column.bytes == product;
    case ColumnType::kU32:
      return column.stride == 4 && column.bytes == product;
    case ColumnType::kU8:
      return column.stride == 1 && column.bytes == product;
    case ColumnType::kBit:
      return column.stride == 0 && column.bytes == (column.count + 7) / 8;
    case ColumnType::kBytes:
      return column.bytes == product;
    default:
      return false;
  }
}

Column DecodeColumn(ByteReader* reader) noexcept {
  Column column;
  column.id = static_cast<ColumnId>(reader->Read<std::uint32_t>());
  column.type = static_cast<ColumnType>(reader->Read<std::uint8_t>());
  column.encoding = static_cast<ColumnEncoding>(reader->Read<std::uint8_t>());
  column.required = (reader->Read<std::uint16_t>() & kRequiredFlag) != 0;
  column.offset = reader->Read<std::uint64_t>();
  column.bytes = reader->Read<std::uint64_t>();
  column.count = reader->Read<std::uint64_t>();
  column.stride = reader->Read<std::uint32_t>();
  return column;
}

// Fills header->columns from the directory in `area`.
Status DecodeDirectory(std::string_view area, std::uint32_t count, std::string_view name,
                       Header* header) {
  std::uint64_t end = kHeaderAreaBytes;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t at = kDirectoryOffset + std::uint64_t{i} * kColumnBytes;
    ByteReader reader(area.substr(at, kColumnBytes));
    const Column column = DecodeColumn(&reader);
    const bool known = KnownId(column.id);
    if (!known && column.required) {
      return FileError(StatusCode::kUnsupported, name, at,
                       "column id {} at offset {} is required and unknown to this kyro",
                       static_cast<std::uint32_t>(column.id), at);
    }
    if (known && !IsZero(reader.rest())) {
      return Damage(name, at + kColumnUsed, "bytes in column padding");
    }
    if (header->Find(column.id) != nullptr) return Damage(name, at, "a column given twice");
    if (known && !Coherent(column)) return Damage(name, at, "a column of impossible shape");
    if (column.offset != AlignUp(end, kColumnAlignment) || column.bytes > kFileOffsetMax - end) {
      return Damage(name, at + 8, "a column out of place");
    }
    end = column.offset + column.bytes;
    header->columns[header->column_count++] = column;
  }
  if (!IsZero(area.substr(kDirectoryOffset + count * kColumnBytes,
                          kHeaderCrcOffset - kDirectoryOffset - count * kColumnBytes))) {
    return Damage(name, kDirectoryOffset + count * kColumnBytes, "bytes in header padding");
  }
  return Status::Ok();
}

}  // namespace

std::uint64_t Header::columns_end() const noexcept {
  if (column_count == 0) return kHeaderAreaBytes;
  const Column& last = columns[column_count - 1];
  return last.offset + last.bytes;
}

const Column* Header::Find(ColumnId id) const noexcept {
  for (std::uint32_t i = 0; i < column_count; ++i) {
    if (columns[i].id == id) return &columns[i];
  }
  return nullptr;
}

std::uint32_t BlockSeed(std::uint32_t uuid_seed, std::uint64_t block) noexcept {
  char bytes[sizeof(block)];
  StoreLE(bytes, block);
  return Crc32c(std::string_view(bytes, sizeof(bytes)), uuid_seed);
}

std::string EncodeHeader(const Header& header) {
  std::string area = EncodeFileHeader(header.file);
  area.reserve(kHeaderAreaBytes);
  AppendLE(&area, static_cast<std::uint8_t>(header.key_kind));
  AppendLE(&area, static_cast<std::uint8_t>(header.block_bits));
  AppendLE(&area, static_cast<std::uint16_t>(header.column_count));
  AppendLE(&area, std::uint32_t{0});
  AppendLE(&area, header.entries);
  AppendLE(&area, header.tombstones);
  AppendLE(&area, header.min_sequence);
  AppendLE(&area, header.max_sequence);
  AppendLE(&area, header.companion);
  AppendLE(&area, header.companion_digest.lo);
  AppendLE(&area, header.companion_digest.hi);
  area.resize(kDirectoryOffset, '\0');
  for (std::uint32_t i = 0; i < header.column_count; ++i) {
    const Column& column = header.columns[i];
    AppendLE(&area, static_cast<std::uint32_t>(column.id));
    AppendLE(&area, static_cast<std::uint8_t>(column.type));
    AppendLE(&area, static_cast<std::uint8_t>(column.encoding));
    AppendLE(&area, static_cast<std::uint16_t>(column.required ? kRequiredFlag : 0));
    AppendLE(&area, column.offset);
    AppendLE(&area, column.bytes);
    AppendLE(&area, column.count);
    AppendLE(&area, column.stride);
    area.resize(kDirectoryOffset + (i + 1) * kColumnBytes, '\0');
  }
  area.resize(kHeaderCrcOffset, '\0');
  AppendLE(&area, Crc32c(area, header.file.file.CrcSeed()));
  return area;
}

Result<Header> DecodeHeader(std::string_view area, FileKind kind, std::string_view name) {
  if (area.size() < kHeaderAreaBytes) {
    return FileError(StatusCode::kDataLoss, name, area.size(),
                     "ends at byte {}, inside the header area of {} bytes", area.size(),
                     kHeaderAreaBytes);
  }
  area = area.substr(0, kHeaderAreaBytes);
  Header header;
  KYRO_ASSIGN_OR_RETURN(header.file, DecodeFileHeader(area, kind, name));
  const auto found = LoadLE<std::uint32_t>(area.data() + kHeaderCrcOffset);
  const std::uint32_t want = Crc32c(area.substr(0, kHeaderCrcOffset), header.file.file.CrcSeed());
  if (found != want && !KYRO_PLANTED(kSkipSegmentHeaderChecksum)) {
    return FileError(StatusCode::kDataLoss, name, kHeaderCrcOffset,
                     "header area at offset {}: crc32c {:08x}, want {:08x}", kHeaderCrcOffset,
                     found, want);
  }
  ByteReader reader(area.substr(kKindHeaderOffset, kDirectoryOffset - kKindHeaderOffset));
  header.key_kind = static_cast<KeyKind>(reader.Read<std::uint8_t>());
  header.block_bits = reader.Read<std::uint8_t>();
  const std::uint32_t columns = reader.Read<std::uint16_t>();
  const bool flags = reader.Read<std::uint32_t>() != 0;
  header.entries = reader.Read<std::uint64_t>();
  header.tombstones = reader.Read<std::uint64_t>();
  header.min_sequence = reader.Read<Sequence>();
  header.max_sequence = reader.Read<Sequence>();
  header.companion = reader.Read<Uuid>();
  header.companion_digest.lo = reader.Read<std::uint64_t>();
  header.companion_digest.hi = reader.Read<std::uint64_t>();
  if (header.key_kind != KeyKind::kU64 && header.key_kind != KeyKind::kBytes) {
    return Damage(name, kKindHeaderOffset, "an unknown key kind");
  }
  if (header.block_bits < kBlockBitsMin || header.block_bits > kBlockBitsMax) {
    return Damage(name, kKindHeaderOffset + 1, "a block size out of range");
  }
  if (columns > kColumnsMax) return Damage(name, kKindHeaderOffset + 2, "too many columns");
  if (flags || !IsZero(reader.rest())) {
    return Damage(name, kKindHeaderOffset + kKindHeaderUsed, "bytes in header padding");
  }
  KYRO_RETURN_IF_ERROR(DecodeDirectory(area, columns, name, &header));
  return header;
}

std::string WithPaddingAsWritten(std::string area) {
  constexpr std::size_t kFileCrcOffset = kFileHeaderBytes - 4;
  constexpr std::size_t kFileUsed = 72;  // docs/format-header.md
  const auto zero = [&](std::size_t from, std::size_t to) {
    if (from < to) area.replace(from, to - from, to - from, '\0');
  };
  zero(kFileUsed, kFileCrcOffset);
  zero(kKindHeaderOffset + kKindHeaderUsed, kDirectoryOffset);
  const std::size_t columns = std::min<std::size_t>(
      LoadLE<std::uint16_t>(area.data() + kKindHeaderOffset + 2), kColumnsMax);
  for (std::size_t i = 0; i < columns; ++i) {
    zero(kDirectoryOffset + i * kColumnBytes + kColumnUsed,
         kDirectoryOffset + (i + 1) * kColumnBytes);
  }
  zero(kDirectoryOffset + columns * kColumnBytes, kHeaderCrcOffset);
  StoreLE(area.data() + kFileCrcOffset, Crc32c(std::string_view(area).substr(0, kFileCrcOffset)));
  Uuid file;
  ByteReader reader(std::string_view(area).substr(56, sizeof(Uuid)));
  file = reader.Read<Uuid>();
  StoreLE(area.data() + kHeaderCrcOffset,
          Crc32c(std::string_view(area).substr(0, kHeaderCrcOffset), file.CrcSeed()));
  return area;
}

std::string EncodeFooter(const Footer& footer) {
  std::string bytes;
  bytes.reserve(kFooterBytes);
  AppendLE(&bytes, kFooterMagic);
  AppendLE(&bytes, footer.table_offset);
  AppendLE(&bytes, footer.file_bytes);
  AppendLE(&bytes, footer.file);
  AppendLE(&bytes, footer.block_count);
  AppendLE(&bytes, footer.table_crc);
  AppendLE(&bytes, footer.header_crc);
  bytes.resize(kFooterCrcOffset, '\0');
  AppendLE(&bytes, Crc32c(bytes, footer.file.CrcSeed()));
  return bytes;
}

Result<Footer> DecodeFooter(std::string_view bytes, std::uint64_t file_bytes,
                            std::string_view name) {
  const std::uint64_t at = file_bytes - kFooterBytes;
  ByteReader reader(bytes);
  const bool magic = reader.Read<std::uint64_t>() == kFooterMagic;
  Footer footer;
  footer.table_offset = reader.Read<std::uint64_t>();
  footer.file_bytes = reader.Read<std::uint64_t>();
  footer.file = reader.Read<Uuid>();
  footer.block_count = reader.Read<std::uint32_t>();
  footer.table_crc = reader.Read<std::uint32_t>();
  footer.header_crc = reader.Read<std::uint32_t>();
  if (!reader.ok() || bytes.size() != kFooterBytes || !magic) {
    return Damage(name, at, "no footer");
  }
  const auto found = LoadLE<std::uint32_t>(bytes.data() + kFooterCrcOffset);
  const std::uint32_t want = Crc32c(bytes.substr(0, kFooterCrcOffset), footer.file.CrcSeed());
  if (found != want && !KYRO_PLANTED(kSkipFooterChecksum)) {
    return FileError(StatusCode::kDataLoss, name, at + kFooterCrcOffset,
                     "footer at offset {}: crc32c {:08x}, want {:08x}", at, found, want);
  }
  if (!IsZero(bytes.substr(kFooterUsed, kFooterCrcOffset - kFooterUsed)) &&
      !KYRO_PLANTED(kSkipFooterChecksum)) {
    return Damage(name, at + kFooterUsed, "bytes in footer padding");
  }
  if (footer.file_bytes != file_bytes) {
    return FileError(StatusCode::kDataLoss, name, at, "is {} bytes long, its footer says {}",
                     file_bytes, footer.file_bytes);
  }
  if (footer.table_offset < kHeaderAreaBytes || footer.table_offset % kColumnAlignment != 0 ||
      footer.table_offset > file_bytes - kFooterBytes ||
      footer.table_bytes() != file_bytes - kFooterBytes - footer.table_offset) {
    return Damage(name, at + 8, "a checksum table out of place");
  }
  return footer;
}

Status CheckParts(const Header& header, std::string_view header_area, const Footer& footer,
                  std::string_view table, std::string_view name) {
  const std::uint64_t footer_at = footer.file_bytes - kFooterBytes;
  if (footer.file != header.file.file) {
    return Damage(name, footer_at + 24, "the footer of another file");
  }
  if (footer.header_crc != LoadLE<std::uint32_t>(header_area.data() + kHeaderCrcOffset)) {
    return Damage(name, footer_at + 48, "the footer of another header");
  }
  if (footer.block_count != BlockCount(footer.table_offset, header.block_bits)) {
    return Damage(name, footer_at + 40, "a wrong count of blocks");
  }
  const std::uint32_t crc = Crc32c(table, header.file.file.CrcSeed());
  if (crc != footer.table_crc && !KYRO_PLANTED(kSkipTableChecksum)) {
    return FileError(StatusCode::kDataLoss, name, footer.table_offset,
                     "checksum table at offset {}: crc32c {:08x}, want {:08x}", footer.table_offset,
                     crc, footer.table_crc);
  }
  if (!IsZero(table.substr(std::uint64_t{footer.block_count} * 4)) &&
      !KYRO_PLANTED(kSkipTableChecksum)) {
    return Damage(name, footer.table_offset + footer.block_count * 4, "bytes in table padding");
  }
  if (AlignUp(header.columns_end(), kColumnAlignment) != footer.table_offset) {
    return Damage(name, footer.table_offset, "a checksum table that does not follow the columns");
  }
  return Status::Ok();
}

Digest DigestOf(std::string_view header_area, std::string_view table) noexcept {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, header_area.data(), header_area.size());
  XXH3_128bits_update(&state, table.data(), table.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return Digest{hash.low64, hash.high64};
}

Status BlockError(std::string_view name, std::uint64_t block, std::uint32_t block_bits,
                  std::uint32_t found, std::uint32_t want) {
  const std::uint64_t offset = BlockOffset(block, block_bits);
  return FileError(StatusCode::kDataLoss, name, offset,
                   "block {} at offset {}: crc32c {:08x}, want {:08x}", block, offset, found, want);
}

}  // namespace kyro::segment
