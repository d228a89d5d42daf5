// SPDX-License-Identifier: Apache-2.0
#include "base/file_header.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "base/status_util.h"
#include "support/golden.h"

namespace kyro {
namespace {

constexpr FileKind kKinds[] = {FileKind::kManifest, FileKind::kWal, FileKind::kKeys,
                               FileKind::kData, FileKind::kModel};

FileHeader Example() {
  FileHeader header;
  header.kind = FileKind::kKeys;
  header.compatible = 0x01;
  header.read_only_compatible = 0x02;
  header.database = {0x1716151413121110, 0x1f1e1d1c1b1a1918};
  header.number = 42;
  header.file = {0x2726252423222120, 0x2f2e2d2c2b2a2928};
  return header;
}

// Sets bytes and makes the checksum right again.
std::string Patched(std::string bytes, std::size_t offset, std::uint32_t value) {
  StoreLE(bytes.data() + offset, value);
  StoreLE(bytes.data() + 124, Crc32c(std::string_view(bytes).substr(0, 124)));
  return bytes;
}

TEST(FileHeader, RoundTripsForEveryKind) {
  std::set<std::string> magics;
  for (const FileKind kind : kKinds) {
    FileHeader header = Example();
    header.kind = kind;
    header.number = std::numeric_limits<std::uint64_t>::max();
    const std::string bytes = EncodeFileHeader(header);
    ASSERT_EQ(bytes.size(), kFileHeaderBytes);
    magics.insert(bytes.substr(0, 16));
    const Result<FileHeader> decoded = DecodeFileHeader(bytes, kind, "name");
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, header);
  }
  EXPECT_EQ(magics.size(), 5u);
}

TEST(FileHeader, MagicBetraysTextTransfers) {
  for (const FileKind kind : kKinds) {
    FileHeader header = Example();
    header.kind = kind;
    const std::string magic = EncodeFileHeader(header).substr(0, 16);
    EXPECT_NE(magic.find("\r\n"), std::string::npos);
    EXPECT_NE(magic.find('\x1a'), std::string::npos);
    EXPECT_LT(magic[0], 0) << "not ASCII";
    EXPECT_NE(magic.find("kyro"), std::string::npos);
  }
}

TEST(FileHeader, FieldsStandWhereTheFormatPageSays) {
  const std::string bytes = EncodeFileHeader(Example());
  EXPECT_EQ(LoadLE<std::uint32_t>(bytes.data() + 16), kFormatVersion);
  EXPECT_EQ(LoadLE<std::uint32_t>(bytes.data() + 20), 1u);
  EXPECT_EQ(LoadLE<std::uint32_t>(bytes.data() + 24), 2u);
  EXPECT_EQ(LoadLE<std::uint32_t>(bytes.data() + 28), 0u);
  EXPECT_EQ(LoadLE<Uuid>(bytes.data() + 32), Example().database);
  EXPECT_EQ(LoadLE<std::uint64_t>(bytes.data() + 48), 42u);
  EXPECT_EQ(LoadLE<Uuid>(bytes.data() + 56), Example().file);
  EXPECT_TRUE(IsZero(std::string_view(bytes).substr(72, 52)));
  EXPECT_EQ(LoadLE<std::uint32_t>(bytes.data() + 124),
            Crc32c(std::string_view(bytes).substr(0, 124)));
}

TEST(FileHeader, IsTheGoldenFileAndTheFormatPageShowsIt) {
  const std::string bytes = EncodeFileHeader(Example());
  support::ExpectGolden("header.bin", bytes);
  support::ExpectDocShowsGolden("docs/format-header.md", bytes);
  const Result<FileHeader> golden = DecodeFileHeader(
      support::ReadSourceFile("tests/golden/header.bin"), FileKind::kKeys, "header.bin");
  ASSERT_TRUE(golden.ok()) << golden.status().ToString();
  EXPECT_EQ(*golden, Example());
}

TEST(FileHeader, EveryFlippedBitIsDataLoss) {
  const std::string good = EncodeFileHeader(Example());
  for (std::size_t i = 0; i < 8 * good.size(); ++i) {
    std::string bytes = good;
    bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << (i % 8)));
    const Result<FileHeader> decoded = DecodeFileHeader(bytes, FileKind::kKeys, "000042.keys");
    ASSERT_FALSE(decoded.ok()) << "bit " << i;
    EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss) << "bit " << i;
    EXPECT_EQ(decoded.status().file(), "000042.keys");
    EXPECT_EQ(decoded.status().offset(), i < 128 ? 0u : 124u);
  }
}

TEST(FileHeader, EveryShorterPrefixIsDataLoss) {
  const std::string good = EncodeFileHeader(Example());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto decoded =
        DecodeFileHeader(std::string_view(good).substr(0, size), FileKind::kKeys, "f");
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(decoded.status().offset(), size);
  }
  EXPECT_TRUE(DecodeFileHeader(good + "more", FileKind::kKeys, "f").ok());
}

TEST(FileHeader, AnotherKindIsNamed) {
  const auto decoded =
      DecodeFileHeader(EncodeFileHeader(Example()), FileKind::kData, "000042.data");
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().message(),
            "000042.data: magic at offset 0: a keys file, want a data file");
}

TEST(FileHeader, DamageNamesFoundAndWanted) {
  std::string bytes = EncodeFileHeader(Example());
  const auto stored = LoadLE<std::uint32_t>(bytes.data() + 124);
  bytes[124] = static_cast<char>(bytes[124] ^ 1);
  const auto decoded = DecodeFileHeader(bytes, FileKind::kKeys, "000042.keys");
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.status().message(),
            fmt::format("000042.keys: header at offset 124: crc32c {:08x}, want {:08x}", stored ^ 1,
                        stored));
}

TEST(FileHeader, PaddingIsCheckedEvenUnderAGoodChecksum) {
  const std::string good = EncodeFileHeader(Example());
  for (std::size_t offset = 72; offset <= 120; ++offset) {
    const auto decoded = DecodeFileHeader(Patched(good, offset, 1), FileKind::kKeys, "f");
    ASSERT_FALSE(decoded.ok()) << offset;
    EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss);
    EXPECT_EQ(decoded.status().offset(), 72u);
  }
}

TEST(FileHeader, NewerVersionsAndUnknownIncompatibleFeaturesAreUnsupported) {
  const std::string good = EncodeFileHeader(Example());
  const auto version = DecodeFileHeader(Patched(good, 16, 1), FileKind::kKeys, "f");
  ASSERT_FALSE(version.ok());
  EXPECT_EQ(version.status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(version.status().offset(), 16u);
  for (int bit = 0; bit < 32; ++bit) {
    const auto decoded =
        DecodeFileHeader(Patched(good, 28, std::uint32_t{1} << bit), FileKind::kKeys, "f");
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.status().code(), StatusCode::kUnsupported);
    EXPECT_EQ(decoded.status().offset(), 28u);
  }
  // The other two sets are for the caller to heed.
  EXPECT_TRUE(DecodeFileHeader(Patched(good, 20, ~0u), FileKind::kKeys, "f").ok());
  EXPECT_TRUE(DecodeFileHeader(Patched(good, 24, ~0u), FileKind::kKeys, "f").ok());
}

TEST(FileName, HasAtLeastSixDigits) {
  EXPECT_EQ(FileName(FileKind::kKeys, 42), "000042.keys");
  EXPECT_EQ(FileName(FileKind::kWal, 1234567), "1234567.wal");
  EXPECT_EQ(FileName(FileKind::kModel, 0), "000000.rmi");
  EXPECT_EQ(FileName(FileKind::kData, std::numeric_limits<std::uint64_t>::max()),
            "18446744073709551615.data");
  EXPECT_EQ(FileName(FileKind::kManifest, 42), "MANIFEST");
  EXPECT_EQ(TemporaryName("000042.keys"), "000042.keys.tmp");
}

TEST(FileName, ParsesWhatItMakes) {
  for (const FileKind kind : kKinds) {
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{42}, std::uint64_t{999999},
                                       std::uint64_t{1000000}, kCounterMax}) {
      FileKind found_kind{};
      std::uint64_t found_number = 7;
      ASSERT_TRUE(ParseFileName(FileName(kind, number), &found_kind, &found_number));
      EXPECT_EQ(found_kind, kind);
      EXPECT_EQ(found_number, kind == FileKind::kManifest ? 0 : number);
    }
  }
  EXPECT_TRUE(ParseFileName("000001.wal", nullptr, nullptr));
}

TEST(FileName, RefusesEveryOtherName) {
  for (const char* const name : {"",
                                 "LOCK",
                                 "MANIFEST.tmp",
                                 "manifest",
                                 "42.keys",
                                 "00042.keys",
                                 "0000042.keys",
                                 "000042",
                                 "000042.",
                                 "000042.key",
                                 "000042.keys.tmp",
                                 "000042.keyss",
                                 "000042.manifest",
                                 "-00042.keys",
                                 "+000042.keys",
                                 " 000042.keys",
                                 "000042 .keys",
                                 "0x0042.keys",
                                 "4611686018427387905.keys",  // 2^62 + 1
                                 "18446744073709551615.wal",
                                 "18446744073709551616.keys",
                                 "99999999999999999999999.wal",
                                 "000042.KEYS",
                                 ".keys"}) {
    FileKind kind = FileKind::kData;
    std::uint64_t number = 7;
    EXPECT_FALSE(ParseFileName(name, &kind, &number)) << name;
    EXPECT_EQ(kind, FileKind::kData) << "untouched";
    EXPECT_EQ(number, 7u) << "untouched";
  }
  EXPECT_FALSE(ParseFileName(std::string_view("000042.keys\0", 12), nullptr, nullptr));
}

TEST(Uuid, PrintsItsBytesInFileOrder) {
  const Uuid uuid{0x0706050403020100, 0xfffe0d0c0b0a0908};
  EXPECT_EQ(uuid.ToString(), "000102030405060708090a0b0c0dfeff");
  EXPECT_FALSE(uuid.IsNil());
  EXPECT_TRUE(Uuid().IsNil());
  EXPECT_FALSE((Uuid{0, 1}.IsNil()));
  EXPECT_FALSE((Uuid{1, 0}.IsNil()));
}

TEST(Uuid, SeedIsTheChecksumOfItsBytes) {
  const Uuid uuid{0x3736353433323130, 0x4645444342413938};
  EXPECT_EQ(uuid.CrcSeed(), Crc32c("0123456789ABCDEF"));
}

}  // namespace
}  // namespace kyro
