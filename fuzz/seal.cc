// SPDX-License-Identifier: Apache-2.0
#include "fuzz/seal.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/file_header.h"
#include "base/limits.h"
#include "manifest/format.h"
#include "segment/format.h"
#include "wal/format.h"

namespace kyro::fuzz {
namespace {

constexpr std::size_t kHeaderCrcOffset = 124;
constexpr std::size_t kUuidOffset = 56;

std::uint32_t SeedOf(const std::string& file) {
  return LoadLE<Uuid>(file.data() + kUuidOffset).CrcSeed();
}

// Of [from, to) of the file.
std::uint32_t CrcOf(const std::string& file, std::size_t from, std::size_t to, std::uint32_t seed) {
  return Crc32c(std::string_view(file).substr(from, to - from), seed);
}

}  // namespace

void SealHeader(std::string* file) {
  if (file->size() < kFileHeaderBytes) return;
  StoreLE(file->data() + kHeaderCrcOffset, CrcOf(*file, 0, kHeaderCrcOffset, 0));
}

void SealManifest(std::string* file) {
  SealHeader(file);
  if (file->size() < manifest::kBytesMin) return;
  StoreLE(file->data() + manifest::kLengthOffset, std::uint64_t{file->size()});
  const std::size_t crc_at = file->size() - 4;
  StoreLE(file->data() + crc_at, CrcOf(*file, 0, crc_at, SeedOf(*file)));
}

void SealLog(std::string* file) {
  SealHeader(file);
  if (file->size() < kFileHeaderBytes) return;
  const std::uint32_t seed = SeedOf(*file);
  for (std::size_t at = wal::kFirstRecordOffset; at + wal::kRecordHeaderBytes <= file->size();) {
    char* const head = file->data() + at;
    const auto payload_bytes = LoadLE<std::uint32_t>(head + 12);
    const std::size_t payload_at = at + wal::kRecordHeaderBytes;
    const bool fits = payload_bytes <= file->size() - payload_at;
    // A sector of zeros is no record, and must stay what it is.
    if (fits && !IsZero(std::string_view(head, wal::kRecordHeaderBytes))) {
      StoreLE(head + 8, CrcOf(*file, payload_at, payload_at + payload_bytes, seed));
      StoreLE(head + 16, std::uint64_t{at});
      const std::uint32_t type_crc = CrcOf(*file, at, at + 4, seed);
      StoreLE(head + 4, CrcOf(*file, at + 8, payload_at, type_crc));
    }
    at = AlignUp(payload_at + (fits ? payload_bytes : 0), kSectorBytes);
  }
}

void SealBlockFile(std::string* file) {
  SealHeader(file);
  if (file->size() < segment::kBlockFileBytesMin) return;
  char* const bytes = file->data();
  const std::size_t footer_at = file->size() - segment::kFooterBytes;
  const std::uint32_t seed = SeedOf(*file);
  const std::uint32_t bits =
      std::clamp<std::uint32_t>(static_cast<unsigned char>(bytes[kFileHeaderBytes + 1]),
                                segment::kBlockBitsMin, segment::kBlockBitsMax);
  const std::size_t area_crc_at = segment::kHeaderAreaBytes - 4;
  StoreLE(bytes + area_crc_at, CrcOf(*file, 0, area_crc_at, seed));

  segment::Footer footer;
  footer.table_offset = LoadLE<std::uint64_t>(bytes + footer_at + 8);
  footer.block_count = LoadLE<std::uint32_t>(bytes + footer_at + 40);
  footer.file_bytes = file->size();
  footer.file = LoadLE<Uuid>(bytes + kUuidOffset);
  footer.header_crc = LoadLE<std::uint32_t>(bytes + area_crc_at);
  const bool placed = footer.table_offset >= segment::kHeaderAreaBytes &&
                      footer.table_offset <= footer_at &&
                      footer.table_bytes() == footer_at - footer.table_offset &&
                      footer.block_count == segment::BlockCount(footer.table_offset, bits);
  if (placed) {
    for (std::uint32_t block = 0; block < footer.block_count; ++block) {
      const std::uint64_t from = segment::BlockOffset(block, bits);
      const std::uint64_t end = std::min((std::uint64_t{block} + 1) << bits, footer.table_offset);
      const std::uint32_t block_seed = segment::BlockSeed(seed, block);
      StoreLE(bytes + footer.table_offset + block * 4,
              from < end ? CrcOf(*file, from, end, block_seed) : block_seed);
    }
    footer.table_crc = CrcOf(*file, footer.table_offset, footer_at, seed);
  }
  file->replace(footer_at, segment::kFooterBytes, EncodeFooter(footer));
}

Digest DigestOfBlockFile(const std::string& file) {
  if (file.size() < segment::kBlockFileBytesMin) return {};
  const std::size_t footer_at = file.size() - segment::kFooterBytes;
  const auto table_at = LoadLE<std::uint64_t>(file.data() + footer_at + 8);
  if (table_at > footer_at) return {};
  const std::string_view all(file);
  return segment::DigestOf(all.substr(0, segment::kHeaderAreaBytes),
                           all.substr(table_at, footer_at - table_at));
}

}  // namespace kyro::fuzz
