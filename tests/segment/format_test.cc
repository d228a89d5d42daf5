// SPDX-License-Identifier: Apache-2.0
#include "segment/format.h"

#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "segment/testing.h"
#include "support/golden.h"

namespace kyro::segment {
namespace {

constexpr char kPage[] = "docs/format-segment.md";

// Three byte-string keys, one of them deleted, values of different widths.
TEST(SegmentFormat, GoldenByteKeys) {
  World world(7);
  const Entries<Bytes> entries = {{"", "nothing"}, {"kyro", std::nullopt}, {"lea", "f"}};
  const SegmentRef ref = Build<Bytes>(&world, entries);
  const std::string keys = world.Read("000042.keys");
  const std::string data = world.Read("000043.data");
  EXPECT_EQ(ref.keys.id.number, 42u);
  EXPECT_EQ(ref.data.id.number, 43u);
  support::ExpectGolden("keys_bytes.bin", keys);
  support::ExpectGolden("data_bytes.bin", data);
  support::ExpectDocShowsGolden(kPage, keys);
  support::ExpectDocShowsGolden(kPage, data);
}

// 64 u64 keys, the fewest that get a model, with values of one width.
TEST(SegmentFormat, GoldenU64KeysAndTheirModel) {
  World world(8);
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 64; ++i) entries[i * 1000] = std::string(2, static_cast<char>(i));
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  ASSERT_TRUE(ref.model.id.exists());
  const std::string model = world.Read(NameOf(FileKind::kModel, ref.model));
  support::ExpectGolden("keys_u64.bin", world.Read("000042.keys"));
  support::ExpectGolden("data_u64.bin", world.Read("000043.data"));
  support::ExpectGolden("rmi.bin", model);
  support::ExpectDocShowsGolden(kPage, model);
}

Header ExampleHeader() {
  Header header;
  header.file.kind = FileKind::kKeys;
  header.file.database = Uuid{1, 2};
  header.file.number = 3;
  header.file.file = Uuid{4, 5};
  header.key_kind = KeyKind::kBytes;
  header.block_bits = 13;
  header.entries = 10;
  header.tombstones = 2;
  header.min_sequence = 100;
  header.max_sequence = 200;
  header.companion = Uuid{6, 7};
  header.companion_digest = Digest{8, 9};
  header.column_count = 2;
  header.columns[0] = Column{.id = ColumnId::kKeyHeap,
                             .type = ColumnType::kBytes,
                             .encoding = ColumnEncoding::kOffsets,
                             .required = true,
                             .offset = 4096,
                             .bytes = 77,
                             .count = 10,
                             .stride = 0};
  header.columns[1] = Column{.id = ColumnId::kKeyOffsets,
                             .type = ColumnType::kU32,
                             .encoding = ColumnEncoding::kPlain,
                             .required = true,
                             .offset = 4224,
                             .bytes = 44,
                             .count = 11,
                             .stride = 4};
  return header;
}

TEST(SegmentFormat, HeadersRoundTrip) {
  const Header header = ExampleHeader();
  const std::string area = EncodeHeader(header);
  ASSERT_EQ(area.size(), kHeaderAreaBytes);
  const auto decoded = DecodeHeader(area, FileKind::kKeys, "x.keys");
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(decoded.value().file, header.file);
  EXPECT_EQ(decoded.value().columns, header.columns);
  EXPECT_EQ(EncodeHeader(decoded.value()), area);
  for (std::size_t bytes = 0; bytes < area.size(); bytes += 13) {
    EXPECT_EQ(DecodeHeader(area.substr(0, bytes), FileKind::kKeys, "x.keys").status().code(),
              StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeHeader(area, FileKind::kData, "x.data").status().code(), StatusCode::kDataLoss);
}

// A later kyro may add columns: optional ones are passed over, required ones refused.
TEST(SegmentFormat, UnknownOptionalColumnsAreIgnoredAndRequiredOnesRefused) {
  for (const std::uint32_t id : {8u, 9u, 10u, 77u}) {
    for (const bool required : {false, true}) {
      Header header = ExampleHeader();
      header.columns[1].id = static_cast<ColumnId>(id);
      header.columns[1].type = static_cast<ColumnType>(99);
      header.columns[1].required = required;
      const auto decoded = DecodeHeader(EncodeHeader(header), FileKind::kKeys, "x.keys");
      EXPECT_EQ(decoded.ok(), !required);
      if (required) {
        EXPECT_EQ(decoded.status().code(), StatusCode::kUnsupported);
      }
    }
  }
}

TEST(SegmentFormat, ColumnsOutOfPlaceAreRefused) {
  const auto refused = [](const Header& header) {
    return DecodeHeader(EncodeHeader(header), FileKind::kKeys, "x.keys").status().code() ==
           StatusCode::kDataLoss;
  };
  Header header = ExampleHeader();
  EXPECT_FALSE(refused(header));
  header.columns[1].offset = 4160;  // inside the heap
  EXPECT_TRUE(refused(header));
  header.columns[1].offset = 4288;  // a gap
  EXPECT_TRUE(refused(header));
  header = ExampleHeader();
  header.columns[1].id = ColumnId::kKeyHeap;  // twice
  EXPECT_TRUE(refused(header));
  header = ExampleHeader();
  header.columns[1].count = 12;
  EXPECT_TRUE(refused(header));
  header = ExampleHeader();
  header.columns[0].bytes = ~std::uint64_t{0} - 4096;
  EXPECT_TRUE(refused(header));
  header = ExampleHeader();
  header.block_bits = 17;
  EXPECT_TRUE(refused(header));
}

// A whole file in parts: header area, no columns but one of 100 bytes, table, footer.
struct Parts {
  Parts() {
    header = ExampleHeader();
    header.column_count = 1;
    header.columns[0].bytes = 100;
    area = EncodeHeader(header);
    footer.table_offset = 4096 + 128;
    footer.block_count = 1;
    table.assign(footer.table_bytes(), '\0');
    footer.file_bytes = footer.table_offset + table.size() + kFooterBytes;
    footer.file = header.file.file;
    footer.header_crc = LoadLE<std::uint32_t>(area.data() + kHeaderAreaBytes - 4);
    footer.table_crc = Crc32c(table, header.file.file.CrcSeed());
  }
  Status Decode() const {
    return DecodeFooter(EncodeFooter(footer), footer_at() + kFooterBytes, "x.keys").status();
  }
  Status Check() const { return CheckParts(header, area, footer, table, "x.keys"); }
  std::uint64_t footer_at() const { return 4096 + 128 + table.size(); }

  Header header;
  std::string area;
  Footer footer;
  std::string table;
};

void ExpectDamage(const Status& status, std::uint64_t offset, std::string_view what) {
  EXPECT_EQ(StatusCodeName(status.code()), "kDataLoss") << status.ToString();
  EXPECT_EQ(status.file(), "x.keys");
  EXPECT_EQ(status.offset(), offset) << status.ToString();
  EXPECT_NE(status.message().find(what), std::string_view::npos) << status.ToString();
}

TEST(SegmentFormat, FootersThatSayWhatCannotBeAreRefused) {
  Parts parts;
  EXPECT_TRUE(parts.Decode().ok()) << parts.Decode().ToString();
  ++parts.footer.file_bytes;
  ExpectDamage(parts.Decode(), parts.footer_at(), "is 4352 bytes long, its footer says 4353");
  parts = Parts();
  for (const std::uint64_t offset : {4032u, 4225u, 4160u, 4288u, 8192u}) {
    parts.footer.table_offset = offset;
    ExpectDamage(parts.Decode(), parts.footer_at() + 8, "a checksum table out of place");
  }
  parts = Parts();
  std::string bytes = EncodeFooter(parts.footer);
  bytes[55] = 1;
  StoreLE(bytes.data() + 60,
          Crc32c(std::string_view(bytes).substr(0, 60), parts.footer.file.CrcSeed()));
  ExpectDamage(DecodeFooter(bytes, parts.footer.file_bytes, "x.keys").status(),
               parts.footer_at() + 52, "bytes in footer padding");
}

TEST(SegmentFormat, PartsThatDoNotBelongTogetherAreRefused) {
  Parts parts;
  EXPECT_TRUE(parts.Check().ok()) << parts.Check().ToString();
  parts.footer.file = Uuid{9, 9};
  ExpectDamage(parts.Check(), parts.footer_at() + 24, "the footer of another file");
  parts = Parts();
  ++parts.footer.header_crc;
  ExpectDamage(parts.Check(), parts.footer_at() + 48, "the footer of another header");
  parts = Parts();
  ++parts.footer.block_count;
  ExpectDamage(parts.Check(), parts.footer_at() + 40, "a wrong count of blocks");
  parts = Parts();
  parts.table[20] = 1;
  parts.footer.table_crc = Crc32c(parts.table, parts.footer.file.CrcSeed());
  ExpectDamage(parts.Check(), parts.footer.table_offset + 4, "bytes in table padding");
  parts = Parts();
  parts.header.columns[0].bytes = 30;
  ExpectDamage(parts.Check(), parts.footer.table_offset, "does not follow the columns");
}

TEST(SegmentFormat, BlockErrorsReadAsTheyAreDocumented) {
  const Status error = BlockError("000042.keys", 17, 16, 0x5c1e90aa, 0x1f02c7d3);
  EXPECT_EQ(error.message(),
            "000042.keys: block 17 at offset 1114112: crc32c 5c1e90aa, want 1f02c7d3");
  EXPECT_EQ(error.file(), "000042.keys");
  EXPECT_EQ(error.offset(), 1114112u);
}

}  // namespace
}  // namespace kyro::segment
