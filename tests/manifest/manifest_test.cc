// SPDX-License-Identifier: Apache-2.0
#include "manifest/manifest.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/coding.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "manifest/example.h"
#include "support/golden.h"

namespace kyro::manifest {
namespace {

std::string Encoded(const Manifest& manifest) {
  return EncodeManifest(manifest, kExampleFile);
}

// The bytes with the checksums made right again: for what a checksum does not catch.
std::string Repaired(std::string bytes) {
  StoreLE(bytes.data() + 124, Crc32c(std::string_view(bytes).substr(0, 124)));
  const std::size_t crc_at = bytes.size() - 4;
  StoreLE(bytes.data() + crc_at,
          Crc32c(std::string_view(bytes).substr(0, crc_at), kExampleFile.CrcSeed()));
  return bytes;
}

// Refused as damage, in a message that names the file and where.
void ExpectRefused(const Result<Manifest>& decoded, const std::string& what) {
  ASSERT_FALSE(decoded.ok()) << what;
  const Status& status = decoded.status();
  EXPECT_TRUE(status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kUnsupported)
      << what << ": " << status.ToString();
  EXPECT_EQ(status.file(), kManifestName) << what;
  EXPECT_NE(status.offset(), Status::kNoOffset) << what;
  EXPECT_EQ(status.message().find("MANIFEST: "), 0u) << what << ": " << status.message();
}

TEST(Manifest, ReadsBackAsItWasWritten) {
  Manifest fresh;
  fresh.generation = 1;
  fresh.database = CountingUuid(1);
  for (const Manifest& manifest : {Example(), fresh}) {
    const std::string bytes = Encoded(manifest);
    const Result<Manifest> decoded = DecodeManifest(bytes, kManifestName);
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, manifest);
    EXPECT_EQ(EncodeManifest(*decoded, kExampleFile), bytes);
    EXPECT_EQ(MarkOf(manifest, bytes), (ManifestMark{manifest.generation, Crc32c(bytes)}));
  }
}

TEST(Manifest, IsTheGoldenFileAndTheFormatPageShowsIt) {
  const std::string bytes = Encoded(Example());
  support::ExpectGolden("manifest.bin", bytes);
  support::ExpectDocShowsGolden("docs/format-manifest.md", bytes);
  const Result<Manifest> golden =
      DecodeManifest(support::ReadSourceFile("tests/golden/manifest.bin"), kManifestName);
  ASSERT_TRUE(golden.ok()) << golden.status().ToString();
  EXPECT_EQ(*golden, Example());
}

TEST(Manifest, EveryFlippedBitIsFound) {
  const std::string good = Encoded(Example());
  for (std::size_t i = 0; i < 8 * good.size(); ++i) {
    std::string bytes = good;
    bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << (i % 8)));
    ASSERT_NO_FATAL_FAILURE(
        ExpectRefused(DecodeManifest(bytes, kManifestName), "bit " + std::to_string(i)));
  }
}

TEST(Manifest, EveryTruncationAndExtensionIsFound) {
  const std::string good = Encoded(Example());
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes) {
    ASSERT_NO_FATAL_FAILURE(ExpectRefused(DecodeManifest(good.substr(0, bytes), kManifestName),
                                          std::to_string(bytes) + " bytes"));
  }
  for (const std::size_t more : {1u, 8u, 512u}) {
    ExpectRefused(DecodeManifest(good + std::string(more, '\0'), kManifestName), "longer");
  }
}

// Rot that repairs the checksums: any byte may say anything. Nothing but a typed error or a
// manifest comes of it, and what is accepted is what would have been written.
TEST(Manifest, AnyByteMayLieBehindAGoodChecksum) {
  const std::string good = Encoded(Example());
  std::uint64_t accepted = 0;
  for (std::size_t i = 0; i + 4 < good.size(); ++i) {
    if (i >= 124 && i < 128) continue;
    for (const unsigned char mask : {1, 2, 0x10, 0x80, 0xFF}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ mask);
      if (i >= 56 && i < 72) continue;  // the seed
      bytes = Repaired(std::move(bytes));
      const Result<Manifest> decoded = DecodeManifest(bytes, kManifestName);
      if (!decoded.ok()) {
        ASSERT_NO_FATAL_FAILURE(ExpectRefused(decoded, "byte " + std::to_string(i)));
        continue;
      }
      ++accepted;
      if (i >= 20 && i < 28) continue;  // features that one may write on without knowing
      ASSERT_EQ(EncodeManifest(*decoded, kExampleFile), bytes) << "byte " << i;
    }
  }
  EXPECT_GT(accepted, 100u);
}

TEST(Manifest, TruncationsBehindAGoodChecksumAreFound) {
  const std::string good = Encoded(Example());
  for (std::size_t size = 256; size + 8 < good.size(); ++size) {
    std::string bytes = good.substr(0, size) + std::string(8, '\0');
    StoreLE(bytes.data() + 128, static_cast<std::uint64_t>(bytes.size()));
    ASSERT_NO_FATAL_FAILURE(ExpectRefused(DecodeManifest(Repaired(bytes), kManifestName),
                                          std::to_string(size) + " bytes"));
  }
}

struct Rule {
  const char* name;
  std::function<void(Manifest*)> breaks;
};

TEST(Manifest, EveryStructuralRuleIsChecked) {
  const auto segment = [](Manifest* m, std::size_t i) -> SegmentRef& {
    return m->keyspaces[0].runs[1].segments[i];
  };
  const Rule rules[] = {
      {"generation", [](Manifest* m) { m->generation = 0; }},
      {"next number", [](Manifest* m) { m->next_number = 0; }},
      {"next keyspace", [](Manifest* m) { m->next_keyspace = 0; }},
      {"next keyspace that may wrap", [](Manifest* m) { m->next_keyspace = ~0u; }},
      {"next number that may wrap", [](Manifest* m) { m->next_number = ~std::uint64_t{0}; }},
      {"generation that may wrap", [](Manifest* m) { m->generation = ~std::uint64_t{0}; }},
      {"last sequence that may wrap", [](Manifest* m) { m->last_sequence = ~std::uint64_t{0}; }},
      {"file number", [](Manifest* m) { m->next_number = 12; }},
      {"floor number", [](Manifest* m) { m->wal_floor.number = 20; }},
      {"floor above newest", [](Manifest* m) { m->wal_floor.number = 13; }},
      {"floor without number", [](Manifest* m) { m->wal_floor.number = 0; }},
      {"one log, two uuids", [](Manifest* m) { m->wal_floor.number = m->wal_newest.number; }},
      {"log and segment", [](Manifest* m) { m->wal_newest.number = 12; }},
      {"floor sequence", [](Manifest* m) { m->floor_sequence = m->last_sequence + 1; }},
      {"keyspace 0", [](Manifest* m) { m->keyspaces[0].id = 0; }},
      {"keyspaces in order", [](Manifest* m) { std::swap(m->keyspaces[0], m->keyspaces[1]); }},
      {"keyspace twice", [](Manifest* m) { m->keyspaces[1].id = 1; }},
      {"keyspace below next", [](Manifest* m) { m->next_keyspace = 5; }},
      {"kind", [](Manifest* m) { m->keyspaces[1].kind = KeyKind{3}; }},
      {"kind 0", [](Manifest* m) { m->keyspaces[1].kind = KeyKind{0}; }},
      {"name", [](Manifest* m) { m->keyspaces[1].name.clear(); }},
      {"long name", [](Manifest* m) { m->keyspaces[1].name.assign(256, 'n'); }},
      {"name twice", [](Manifest* m) { m->keyspaces[1].name = m->keyspaces[0].name; }},
      {"empty run", [](Manifest* m) { m->keyspaces[1].runs.emplace_back(); }},
      {"keys file", [&](Manifest* m) { segment(m, 0).keys = FileRef{}; }},
      {"data file", [&](Manifest* m) { segment(m, 0).data = FileRef{}; }},
      {"model without number", [&](Manifest* m) { segment(m, 1).model.bytes = 1; }},
      {"model with uuid only", [&](Manifest* m) { segment(m, 1).model.id.uuid.lo = 1; }},
      {"file twice", [&](Manifest* m) { segment(m, 1).keys = segment(m, 0).keys; }},
      {"file twice, two kinds", [&](Manifest* m) { segment(m, 1).model = segment(m, 0).data; }},
      {"no entries", [&](Manifest* m) { segment(m, 0).entries = 0; }},
      {"entries", [&](Manifest* m) { segment(m, 0).entries = kSegmentEntriesMax + 1; }},
      {"tombstones", [&](Manifest* m) { segment(m, 0).tombstones = 101; }},
      {"sequences", [&](Manifest* m) { segment(m, 0).min_sequence = 501; }},
      {"last sequence", [&](Manifest* m) { segment(m, 0).max_sequence = 1001; }},
      {"first key", [&](Manifest* m) { segment(m, 0).first_key = U64Key(300); }},
      {"overlap", [&](Manifest* m) { segment(m, 0).last_key = U64Key(256); }},
      {"order of segments", [&](Manifest* m) { std::swap(segment(m, 0), segment(m, 1)); }},
      {"key of 7 bytes", [&](Manifest* m) { segment(m, 0).first_key.pop_back(); }},
      {"key of 9 bytes", [&](Manifest* m) { segment(m, 1).last_key.push_back('x'); }},
      {"long key",
       [](Manifest* m) { m->keyspaces[2].runs[0].segments[0].last_key.assign(65536, 'z'); }},
  };
  for (const Rule& rule : rules) {
    Manifest manifest = Example();
    rule.breaks(&manifest);
    const Result<Manifest> decoded = DecodeManifest(Encoded(manifest), kManifestName);
    ExpectRefused(decoded, rule.name);
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss) << rule.name;
    }
  }
}

TEST(Manifest, IntegerKeysAreOrderedByValueNotByBytes) {
  // 255 < 256, but not as little-endian bytes; Example() relies on it.
  EXPECT_GT(U64Key(255), U64Key(256));
  EXPECT_TRUE(DecodeManifest(Encoded(Example()), kManifestName).ok());
}

TEST(Manifest, ANewerVersionAndUnknownFeaturesAreUnsupported) {
  for (const std::size_t offset : {16u, 28u}) {
    std::string bytes = Encoded(Example());
    bytes[offset] = 1;
    const Result<Manifest> decoded = DecodeManifest(Repaired(bytes), kManifestName);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.status().code(), StatusCode::kUnsupported);
  }
}

}  // namespace
}  // namespace kyro::manifest
