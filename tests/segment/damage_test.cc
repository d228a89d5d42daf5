// SPDX-License-Identifier: Apache-2.0
//
// Whatever happens to the files: an answer is right or it is kDataLoss, and Verify names the file.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "index/format.h"
#include "segment/format.h"
#include "segment/testing.h"

namespace kyro::segment {
namespace {

Entries<U64> SmallU64() {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto& value = entries[i * i * i * 7919];
    if (i % 11 != 5) value = std::string(i % 9, static_cast<char>('a' + i % 26));
  }
  return entries;
}

Entries<Bytes> SmallBytes() {
  Entries<Bytes> entries;
  for (std::uint64_t i = 0; i < 80; ++i) {
    auto& value = entries["key" + std::to_string(i * 37)];
    if (i % 11 != 5) value = std::string(i % 9, static_cast<char>('a' + i % 26));
  }
  return entries;
}

struct FileOf {
  FileKind kind;
  const FileRef* ref;
};
std::vector<FileOf> FilesOf(const SegmentRef& ref) {
  std::vector<FileOf> files = {{FileKind::kKeys, &ref.keys}, {FileKind::kData, &ref.data}};
  if (ref.model.id.exists()) files.push_back({FileKind::kModel, &ref.model});
  return files;
}

// Opens and reads a segment whose file `name` is damaged. At least one of Open and VerifyFiles says
// so and names it; a damaged model leaves every answer right.
template <class K>
void CheckDamaged(World* world, const SegmentRef& ref, const Entries<K>& entries, FileKind kind,
                  const std::string& name) {
  Counters counters;
  const auto opened = TryOpen<K>(world, ref, &counters);
  if (!opened.ok()) {
    ASSERT_NE(kind, FileKind::kModel) << opened.status().ToString();
    ASSERT_EQ(opened.status().code(), StatusCode::kDataLoss) << opened.status().ToString();
    ASSERT_EQ(opened.status().file(), name);
    return;
  }
  const auto& segment = *opened.value();
  const ReadOutcome outcome = CheckReads<K>(segment, entries, /*damaged=*/true);
  const Status verified = segment.VerifyFiles(nullptr, nullptr);
  ASSERT_EQ(verified.code(), StatusCode::kDataLoss) << verified.ToString();
  ASSERT_EQ(verified.file(), name) << verified.ToString();
  if (kind == FileKind::kModel) {
    ASSERT_EQ(outcome.errors, 0u);
    ASSERT_EQ(counters.models_damaged.load(), 1u);
    ASSERT_TRUE(segment.facts().model_damaged);
    ASSERT_TRUE(segment.VerifyMapped(nullptr).ok());
  } else {
    const Status mapped = segment.VerifyMapped(nullptr);
    ASSERT_EQ(mapped.code(), StatusCode::kDataLoss);
    ASSERT_EQ(mapped.file(), name);
    ASSERT_GT(counters.blocks_bad.load(), 0u);
  }
}

template <class K>
void FlipEveryByte(const Entries<K>& entries) {
  World world;
  const SegmentRef ref = Build<K>(&world, entries);
  for (const FileOf& file : FilesOf(ref)) {
    const std::string name = NameOf(file.kind, *file.ref);
    const std::string intact = world.Read(name);
    for (std::uint64_t offset = 0; offset < intact.size(); ++offset) {
      const auto mask = static_cast<std::uint8_t>(1u << (offset % 8));
      ASSERT_TRUE(world.fs().FlipByte("/db/" + name, offset, mask).ok());
      SCOPED_TRACE(name + " at offset " + std::to_string(offset));
      CheckDamaged<K>(&world, ref, entries, file.kind, name);
      if (testing::Test::HasFailure()) return;
      ASSERT_TRUE(world.fs().FlipByte("/db/" + name, offset, mask).ok());
    }
  }
  Counters counters;
  const auto segment = Open<K>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  EXPECT_EQ(CheckReads<K>(*segment, entries).errors, 0u);
}

TEST(SegmentDamage, EveryFlippedByteIsFoundWithU64Keys) {
  FlipEveryByte<U64>(SmallU64());
}
TEST(SegmentDamage, EveryFlippedByteIsFoundWithByteKeys) {
  FlipEveryByte<Bytes>(SmallBytes());
}

TEST(SegmentDamage, EveryTruncationIsFound) {
  World world;
  const Entries<U64> entries = SmallU64();
  const SegmentRef ref = Build<U64>(&world, entries);
  for (const FileOf& file : FilesOf(ref)) {
    const std::string name = NameOf(file.kind, *file.ref);
    const std::string intact = world.Read(name);
    for (std::uint64_t bytes = 0; bytes < intact.size(); bytes += bytes < 4000 ? 61 : 1) {
      world.Write(name, std::string_view(intact).substr(0, bytes));
      Counters counters;
      const auto opened = TryOpen<U64>(&world, ref, &counters);
      if (file.kind == FileKind::kModel) {
        ASSERT_TRUE(opened.ok());
        ASSERT_TRUE(opened.value()->facts().model_damaged);
        ASSERT_EQ(opened.value()->VerifyFiles(nullptr, nullptr).file(), name);
      } else {
        ASSERT_EQ(opened.status().code(), StatusCode::kDataLoss) << bytes;
        ASSERT_EQ(opened.status().file(), name);
      }
    }
    world.Write(name, intact + '\0');
    Counters counters;
    const auto longer = TryOpen<U64>(&world, ref, &counters);
    ASSERT_EQ(longer.ok(), file.kind == FileKind::kModel);
    world.Write(name, intact);
  }
}

TEST(SegmentDamage, MissingAndSwappedFilesAreNamed) {
  World world;
  const Entries<U64> entries = SmallU64();
  Entries<U64> others = entries;
  others.begin()->second = "other";
  const SegmentRef one = Build<U64>(&world, entries);
  const SegmentRef two = Build<U64>(&world, others);
  const auto files = FilesOf(one);
  const auto with = FilesOf(two);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string name = NameOf(files[i].kind, *files[i].ref);
    const std::string intact = world.Read(name);
    SCOPED_TRACE(name);
    world.Write(name, world.Read(NameOf(with[i].kind, *with[i].ref)));
    CheckDamaged<U64>(&world, one, entries, files[i].kind, name);
    ASSERT_TRUE(world.directory().Unlink(name).ok());
    CheckDamaged<U64>(&world, one, entries, files[i].kind, name);
    world.Write(name, intact);
  }
  // Each ref alone is right, together they are not one segment.
  SegmentRef mixed = one;
  mixed.data = two.data;
  Counters counters;
  EXPECT_EQ(TryOpen<U64>(&world, mixed, &counters).status().code(), StatusCode::kDataLoss);
  mixed = one;
  mixed.model = two.model;
  const auto other_model = Open<U64>(&world, mixed, &counters);
  ASSERT_NE(other_model, nullptr);
  EXPECT_TRUE(other_model->facts().model_damaged);
  EXPECT_EQ(CheckReads<U64>(*other_model, entries).errors, 0u);
  // The other key kind.
  EXPECT_EQ(TryOpen<Bytes>(&world, one, &counters).status().code(), StatusCode::kDataLoss);
}

TEST(SegmentDamage, WrongCountsInTheRefAreRefused) {
  World world;
  const SegmentRef ref = Build<U64>(&world, SmallU64());
  Counters counters;
  SegmentRef wrong = ref;
  wrong.entries = 0;
  EXPECT_EQ(TryOpen<U64>(&world, wrong, &counters).status().code(), StatusCode::kDataLoss);
  wrong = ref;
  wrong.tombstones -= 1;
  EXPECT_EQ(TryOpen<U64>(&world, wrong, &counters).status().code(), StatusCode::kDataLoss);
  wrong = ref;
  wrong.first_key = "short";
  EXPECT_EQ(TryOpen<U64>(&world, wrong, &counters).status().code(), StatusCode::kDataLoss);
  wrong = ref;
  wrong.first_key[0] = static_cast<char>(wrong.first_key[0] + 1);
  const auto segment = Open<U64>(&world, wrong, &counters);
  ASSERT_NE(segment, nullptr);
  EXPECT_EQ(segment->VerifyFiles(nullptr, nullptr).code(), StatusCode::kDataLoss);
}

// One bad block of many: what stands elsewhere is still read, the error says where, and it stays.
TEST(SegmentDamage, OneBadBlockHidesOnlyItself) {
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 20'000; ++i) entries.emplace_hint(entries.end(), i * 5, "12345678");
  const SegmentRef ref = Build<U64>(&world, entries);
  const std::string name = NameOf(FileKind::kKeys, ref.keys);
  const std::uint64_t offset = 17 * 4096 + 100;
  ASSERT_TRUE(world.fs().FlipByte("/db/" + name, offset).ok());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const ReadOutcome outcome = CheckReads<U64>(*segment, entries, /*damaged=*/true);
  EXPECT_GT(outcome.errors, 500u);
  EXPECT_GT(outcome.right, 3 * 19'000u);
  EXPECT_EQ(counters.blocks_bad.load(), 1u);
  EXPECT_FALSE(segment->all_verified());

  const std::uint64_t hidden = ((offset - 4096) / 8) * 5;
  const Lookup found = segment->Get(hidden);
  ASSERT_TRUE(found.failed());
  const Status error = found.status();
  EXPECT_EQ(error.code(), StatusCode::kDataLoss);
  EXPECT_EQ(error.file(), name);
  EXPECT_EQ(error.offset(), 17 * 4096u);
  EXPECT_EQ(std::string(error.message()).rfind(name + ": block 17 at offset 69632: crc32c ", 0), 0u)
      << error.message();
  // Repairing the file does not bring a block back that this mapping found bad.
  ASSERT_TRUE(world.fs().FlipByte("/db/" + name, offset).ok());
  EXPECT_TRUE(segment->Get(hidden).failed());
}

TEST(SegmentDamage, RandomDamageNeverLies) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    auto& random = world.random();
    Entries<U64> entries;
    for (int i = 0; i < 2000; ++i) {
      entries[random.OneIn(2) ? random.Next() : random.Below(5000)] =
          random.OneIn(9) ? std::nullopt : std::optional(random.String(random.Below(20)));
    }
    const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(seed % 2 == 0));
    const auto files = FilesOf(ref);
    const FileOf file = files[random.Below(files.size())];
    const std::string name = NameOf(file.kind, *file.ref);
    std::string bytes = world.Read(name);
    const std::uint64_t from = random.Below(bytes.size());
    const std::uint64_t count = std::min<std::uint64_t>(1 + random.Below(600), bytes.size() - from);
    for (std::uint64_t i = 0; i < count; ++i) bytes[from + i] = static_cast<char>(random.Next());
    bytes[from] = static_cast<char>(world.Read(name)[from] ^ 1);
    world.Write(name, bytes);
    CheckDamaged<U64>(&world, ref, entries, file.kind, name);
    if (HasFailure()) return;
  }
}

// ------------------------------------------------------------------- checksums repaired

TEST(SegmentDamage, AnyModelBytesGiveTheAnswersOfABinarySearch) {
  std::uint64_t fallbacks = 0;
  std::uint64_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    auto& random = world.random();
    Entries<U64> entries;
    const bool smooth = seed % 2 == 0;
    for (std::uint64_t i = 0; i < 3000; ++i) {
      entries[smooth ? i * 1000 + random.Below(900) : random.Next() >> random.Below(60)] = "v";
    }
    SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
    Rewrite(&world, &ref, FileKind::kModel, [&](std::string* bytes) {
      // The blob behind its header, which Model::Open checks field by field.
      const std::uint64_t begin = 4096 + sizeof(index::ModelHeader);
      const std::uint64_t end = LoadLE<std::uint64_t>(bytes->data() + 256 + 8) +
                                LoadLE<std::uint64_t>(bytes->data() + 256 + 16);
      const std::uint64_t count = 1 + random.Below(end - begin);
      for (std::uint64_t i = 0; i < count; ++i) {
        (*bytes)[begin + random.Below(end - begin)] = static_cast<char>(random.Next());
      }
    });
    Counters counters;
    const auto segment = Open<U64>(&world, ref, &counters);
    ASSERT_NE(segment, nullptr);
    EXPECT_EQ(CheckReads<U64>(*segment, entries).errors, 0u);
    ASSERT_TRUE(segment->VerifyMapped(nullptr).ok());
    EXPECT_EQ(CheckReads<U64>(*segment, entries).errors, 0u);
    fallbacks += counters.model_fallbacks.load();
    accepted += segment->facts().model_damaged ? 0 : 1;
    const Status verified = segment->VerifyFiles(nullptr, nullptr);
    if (counters.model_fallbacks.load() > 0) {
      EXPECT_EQ(verified.code(), StatusCode::kDataLoss);
      EXPECT_EQ(verified.file(), NameOf(FileKind::kModel, ref.model));
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(accepted, 10u);
  EXPECT_GT(fallbacks, 1000u);
}

// A model that misleads a lookup into a damaged block it has not verified: the search behind it
// must not decide there.
TEST(SegmentDamage, ADamagedModelBesideDamagedKeysNeverLies) {
  std::uint64_t errors = 0, fallbacks = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    Entries<U64> entries;
    for (std::uint64_t i = 0; i < 3000; ++i) entries[i * 1000 + world.random().Below(900)] = "v";
    SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
    Rewrite(&world, &ref, FileKind::kModel, [&](std::string* bytes) {
      for (std::uint64_t at = 4096 + sizeof(index::ModelHeader) + sizeof(index::NodeRecord);
           at + 8 <= bytes->size() - kFooterBytes - kColumnAlignment; at += 8) {
        StoreLE(bytes->data() + at, world.random().Below(entries.size()));
      }
    });
    // The top byte of every key in a block in the middle, where a search looks first.
    const std::string name = "/db/" + NameOf(FileKind::kKeys, ref.keys);
    for (std::uint64_t at = 3 * 4096 + 7; at < 4 * 4096; at += 8) {
      ASSERT_TRUE(world.fs().FlipByte(name, at).ok());
    }
    Counters counters;
    const auto segment = Open<U64>(&world, ref, &counters);
    ASSERT_NE(segment, nullptr);
    ASSERT_FALSE(segment->facts().model_damaged);
    errors += CheckReads<U64>(*segment, entries, /*damaged=*/true).errors;
    fallbacks += counters.model_fallbacks.load();
    if (HasFailure()) return;
  }
  EXPECT_GT(errors, 100u);
  EXPECT_GT(fallbacks, 100u);
}

// Bytes where zeros belong, under checksums that match.
TEST(SegmentDamage, PaddingIsZeroOrAnError) {
  const Entries<U64> entries = SmallU64();
  for (const FileKind kind : {FileKind::kKeys, FileKind::kData}) {
    World world;
    SegmentRef ref = Build<U64>(&world, entries);
    Rewrite(&world, &ref, kind, [](std::string* bytes) {
      const auto at = LoadLE<std::uint64_t>(bytes->data() + 256 + 8) +
                      LoadLE<std::uint64_t>(bytes->data() + 256 + 16);
      ASSERT_NE(at % kColumnAlignment, 0u);
      (*bytes)[at] = 1;
    });
    Counters counters;
    const auto segment = Open<U64>(&world, ref, &counters);
    ASSERT_NE(segment, nullptr);
    EXPECT_EQ(CheckReads<U64>(*segment, entries).errors, 0u);
    const Status verified = segment->VerifyFiles(nullptr, nullptr);
    EXPECT_EQ(verified.code(), StatusCode::kDataLoss);
    EXPECT_NE(verified.message().find("padding"), std::string_view::npos) << verified.message();
  }
}

// A file with the right number and uuid, and checksums that match, is still another file.
TEST(SegmentDamage, ADigestBindsTheContent) {
  const Entries<U64> entries = SmallU64();
  for (const bool model : {false, true}) {
    World world;
    const SegmentRef ref = Build<U64>(&world, entries);
    const std::string name =
        model ? NameOf(FileKind::kModel, ref.model) : NameOf(FileKind::kData, ref.data);
    std::string bytes = world.Read(name);
    bytes[4096 + 90] = static_cast<char>(bytes[4096 + 90] ^ 1);
    (void)Reseal(&bytes);
    world.Write(name, bytes);
    Counters counters;
    const auto opened = TryOpen<U64>(&world, ref, &counters);
    if (model) {
      ASSERT_TRUE(opened.ok());
      EXPECT_TRUE(opened.value()->facts().model_damaged);
      EXPECT_EQ(opened.value()->VerifyFiles(nullptr, nullptr).file(), name);
    } else {
      EXPECT_EQ(opened.status().code(), StatusCode::kDataLoss);
      EXPECT_EQ(opened.status().file(), name);
    }
  }
}

// Offsets that lie although their checksum is right: an error, never a read out of bounds.
TEST(SegmentDamage, LyingOffsetsAreErrorsWhereTheyAreUsed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    auto& random = world.random();
    const Entries<Bytes> entries = SmallBytes();
    SegmentRef ref = Build<Bytes>(&world, entries, SmallBlocks(false));
    Rewrite(&world, &ref, FileKind::kKeys, [&](std::string* bytes) {
      // Columns: key heap, key offsets, fingerprints, value offsets, tombstones.
      const std::uint64_t column = seed % 2 == 0 ? 1 : 3;
      const auto at = LoadLE<std::uint64_t>(bytes->data() + 256 + 64 * column + 8);
      const std::uint64_t i = random.Below(entries.size() + 1);
      StoreLE(bytes->data() + at + 4 * i, static_cast<std::uint32_t>(random.Next()));
    });
    Counters counters;
    const auto segment = Open<Bytes>(&world, ref, &counters);
    ASSERT_NE(segment, nullptr);
    EXPECT_EQ(segment->VerifyFiles(nullptr, nullptr).code(), StatusCode::kDataLoss);
    std::uint64_t errors = 0;
    for (const auto& [key, value] : entries) errors += segment->Get(key).failed() ? 1 : 0;
    Segment<Bytes>::Cursor cursor(segment.get());
    for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) {
    }
    EXPECT_EQ(cursor.status().code(), StatusCode::kDataLoss);
    EXPECT_GT(errors, 0u);
  }
}

// Keys that descend although their checksum is right: wherever they stand, the place is named.
TEST(SegmentDamage, KeysOutOfOrderAreFoundAndNamed) {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 5000; ++i) entries.emplace_hint(entries.end(), i * 3 + 3, "fixed");
  for (const bool with_filter : {false, true}) {
    for (const std::uint64_t row : {1u, 7u, 2047u, 2048u, 2049u, 4998u}) {
      SCOPED_TRACE(row);
      World world;
      SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(with_filter));
      Rewrite(&world, &ref, FileKind::kKeys, [&](std::string* bytes) {
        const std::uint64_t at = LoadLE<std::uint64_t>(bytes->data() + 256 + 8) + row * 8;
        StoreLE(bytes->data() + at, LoadLE<std::uint64_t>(bytes->data() + at - 8));
      });
      Counters counters;
      const auto segment = Open<U64>(&world, ref, &counters);
      ASSERT_NE(segment, nullptr);
      const Status status = segment->VerifyFiles(nullptr, nullptr);
      EXPECT_EQ(status.code(), StatusCode::kDataLoss);
      EXPECT_EQ(status.offset(), 4096 + row * 8);
      EXPECT_NE(status.message().find("a key out of order"), std::string::npos);
    }
  }
}

// What the directory may not say.
TEST(SegmentDamage, ImpossibleColumnsAreRefused) {
  const std::uint64_t n = 256;  // the directory
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> fields = {
      {128, 1},    {129, 1},    {130, 2},    {132, 4},    {136, 8},    {144, 8},    {208, 8},
      {n, 4},      {n + 4, 1},  {n + 5, 1},  {n + 8, 8},  {n + 16, 8}, {n + 24, 8}, {n + 32, 4},
      {n + 40, 8}, {n + 72, 8}, {n + 80, 8}, {n + 88, 8}, {n + 96, 4}, {4000, 8}};
  const std::array<std::uint64_t, 6> values = {
      0, 1, 200, 65535, std::uint64_t{1} << 40, ~std::uint64_t{0}};
  std::uint64_t refused = 0;
  for (const FileKind kind : {FileKind::kKeys, FileKind::kData}) {
    for (const auto& field : fields) {
      const std::uint64_t offset = field.first;
      const std::uint64_t bytes = field.second;
      for (const std::uint64_t value : values) {
        SCOPED_TRACE(std::to_string(offset) + " = " + std::to_string(value));
        World world;
        const Entries<U64> entries = SmallU64();
        SegmentRef ref = Build<U64>(&world, entries);
        bool changed = false;
        Rewrite(&world, &ref, kind, [&](std::string* file) {
          const std::string before = *file;
          std::memcpy(file->data() + offset, &value, bytes);
          changed = before != *file;
          // Reseal needs a block size.
          const int bits = static_cast<unsigned char>((*file)[129]);
          if (bits != 12) *file = before, changed = false;
        });
        if (!changed) continue;
        Counters counters;
        const auto opened = TryOpen<U64>(&world, ref, &counters);
        if (opened.ok()) {
          EXPECT_FALSE(opened.value()->VerifyFiles(nullptr, nullptr).ok());
          CheckReads<U64>(*opened.value(), entries, /*damaged=*/true);
        } else {
          EXPECT_TRUE(opened.status().code() == StatusCode::kDataLoss ||
                      opened.status().code() == StatusCode::kUnsupported)
              << opened.status().ToString();
          ++refused;
        }
      }
    }
  }
  EXPECT_GT(refused, 150u);
}

}  // namespace
}  // namespace kyro::segment
