// SPDX-License-Identifier: Apache-2.0
//
// Files whose checksums are right and that say what cannot be: the rule that each one breaks is
// named, with the file and the place. And files that change while they are read.
#include <gtest/gtest.h>

#include "filter/split_block.h"
#include "segment/fingerprint.h"
#include "segment/format.h"
#include "segment/layout.h"
#include "segment/testing.h"
#include "segment/verify.h"
#include "support/fault_fs.h"
#include "support/sanitized.h"

namespace kyro::segment {
namespace {

using support::FsOp;

// kDataLoss that names the file, the place and what is wrong.
void ExpectLie(const Status& status, const std::string& file, std::uint64_t offset,
               std::string_view what) {
  EXPECT_EQ(StatusCodeName(status.code()), "kDataLoss") << status.ToString();
  EXPECT_EQ(status.file(), file) << status.ToString();
  EXPECT_EQ(status.offset(), offset) << status.ToString();
  EXPECT_NE(status.message().find(what), std::string_view::npos) << status.ToString();
}

Header HeaderOf(const std::string& file, FileKind kind) {
  const auto header =
      DecodeHeader(std::string_view(file).substr(0, kHeaderAreaBytes), kind, "of a test");
  EXPECT_TRUE(header.ok()) << header.status().ToString();
  return header.value();
}

// ---------------------------------------------------------------------------------- rows

// A segment of either kind of keys, its .keys file rewritten, and what VerifyFiles says of it.
template <class K>
class Rows {
 public:
  explicit Rows(const BuildOptions& options) {
    Entries<K> entries;
    for (std::uint64_t i = 0; i < 100; ++i) {
      auto& value = entries[MakeKey(i)];
      // Empty, then longer and longer; every 11th is deleted.
      if (i % 11 != 5) value = std::string(i % 9, static_cast<char>('a' + i % 26));
    }
    entries.rbegin()->second = "the last value";
    ref_ = Build<K>(&world_, entries, options);
    name_ = NameOf(FileKind::kKeys, ref_.keys);
    header_ = HeaderOf(world_.Read(name_), FileKind::kKeys);
  }

  static Owned<K> MakeKey(std::uint64_t i) {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      return i * 7;
    } else {
      return "key" + std::to_string(1000 + i) + (i == 99 ? "zz" : "");
    }
  }

  const Column& column(ColumnId id) const { return *header_.Find(id); }
  const Header& header() const { return header_; }
  const std::string& name() const { return name_; }
  SegmentRef& ref() { return ref_; }
  void Change(const std::function<void(std::string*)>& change) {
    Rewrite(&world_, &ref_, FileKind::kKeys, change);
  }
  Status Verify() {
    Counters counters;
    const auto segment = Open<K>(&world_, ref_, &counters);
    return segment == nullptr ? Status(StatusCode::kAborted)
                              : segment->VerifyFiles(nullptr, nullptr);
  }

 private:
  World world_;
  SegmentRef ref_;
  std::string name_;
  Header header_;
};

TEST(SegmentLies, AFingerprintThatIsNotOfItsKey) {
  Rows<Bytes> rows(SmallBlocks(false));
  ASSERT_TRUE(rows.Verify().ok());
  const std::uint64_t at = rows.column(ColumnId::kFingerprints).offset + 42;
  rows.Change([&](std::string* file) { (*file)[at] = static_cast<char>((*file)[at] + 1); });
  ExpectLie(rows.Verify(), rows.name(), at, "a wrong fingerprint");
}

TEST(SegmentLies, AFilterThatDoesNotKnowAKey) {
  Rows<U64> rows(SmallBlocks(true));
  ASSERT_TRUE(rows.Verify().ok());
  const Column& filter = rows.column(ColumnId::kFilter);
  rows.Change(
      [&](std::string* file) { file->replace(filter.offset, filter.bytes, filter.bytes, 0); });
  ExpectLie(rows.Verify(), rows.name(), rows.column(ColumnId::kKeys).offset,
            "a key that the filter does not know");
}

TEST(SegmentLies, ALastKeyThatTheManifestHasOtherwise) {
  Rows<U64> rows(SmallBlocks(false));
  rows.ref().last_key[0] = static_cast<char>(rows.ref().last_key[0] + 1);
  ExpectLie(rows.Verify(), rows.name(), rows.header().columns_end(),
            "a last key other than the manifest's");
}

TEST(SegmentLies, KeyOffsetsThatEndBeforeTheHeap) {
  Rows<Bytes> rows(SmallBlocks(false));
  // A byte less, and still above the one before.
  const std::string last = Rows<Bytes>::MakeKey(99).substr(0, Rows<Bytes>::MakeKey(99).size() - 1);
  const Column& offsets = rows.column(ColumnId::kKeyOffsets);
  const std::uint64_t at = offsets.offset + offsets.bytes - 4;
  rows.Change([&](std::string* file) {
    StoreLE(file->data() + at, LoadLE<std::uint32_t>(file->data() + at) - 1);
    (*file)[rows.column(ColumnId::kFingerprints).offset + 99] =
        static_cast<char>(Fingerprint(filter::HashKey(std::string_view(last))));
  });
  rows.ref().last_key = last;
  ExpectLie(rows.Verify(), rows.name(), at, "key offsets that do not end with the heap");
}

TEST(SegmentLies, ValueOffsetsThatEndBeforeTheHeap) {
  Rows<U64> rows(SmallBlocks(false));
  const Column& offsets = rows.column(ColumnId::kValueOffsets);
  const std::uint64_t at = offsets.offset + offsets.bytes - 4;
  rows.Change([&](std::string* file) {
    StoreLE(file->data() + at, LoadLE<std::uint32_t>(file->data() + at) - 1);
  });
  ExpectLie(rows.Verify(), rows.name(), at, "value offsets that do not end with the heap");
}

TEST(SegmentLies, MoreTombstonesThanTheHeaderCounts) {
  Rows<U64> rows(SmallBlocks(false));
  const std::uint64_t at = rows.column(ColumnId::kTombstones).offset;
  rows.Change([&](std::string* file) { (*file)[at] = static_cast<char>((*file)[at] | 1); });
  ExpectLie(rows.Verify(), rows.name(), at, "a wrong number of tombstones");
}

TEST(SegmentLies, TombstonesOfEntriesThatAreNotThere) {
  Rows<U64> rows(SmallBlocks(false));
  const std::uint64_t at = rows.column(ColumnId::kTombstones).offset + 12;  // of entries 96 to 99
  rows.Change([&](std::string* file) { (*file)[at] = static_cast<char>((*file)[at] | 0x80); });
  ExpectLie(rows.Verify(), rows.name(), at, "tombstone bits behind the last entry");
}

// ---------------------------------------------------------------------------------- columns

class Layouts : public testing::Test {
 protected:
  template <class K>
  void Make(const std::string& first, const std::string& second) {
    const Entries<K> entries = {{Rows<K>::MakeKey(1), first}, {Rows<K>::MakeKey(2), second}};
    ref_ = Build<K>(&world_, entries);
    keys_ = HeaderOf(world_.Read(NameOf(FileKind::kKeys, ref_.keys)), FileKind::kKeys);
    data_ = HeaderOf(world_.Read(NameOf(FileKind::kData, ref_.data)), FileKind::kData);
    kind_ = kKindOf<K>;
    ASSERT_TRUE(Check().ok()) << Check().ToString();
  }
  Status Check() const {
    return CheckLayout(keys_, "x.keys", data_, "x.data", kind_, ref_).status();
  }
  static Column* Find(Header* header, ColumnId id) { return const_cast<Column*>(header->Find(id)); }

  World world_;
  SegmentRef ref_;
  Header keys_, data_;
  KeyKind kind_ = KeyKind::kU64;
};

TEST_F(Layouts, AKeyHeapIsDelimitedByOffsets) {
  Make<Bytes>("a", "bc");
  Find(&keys_, ColumnId::kKeyHeap)->encoding = ColumnEncoding::kPlain;
  ExpectLie(Check(), "x.keys", kFileHeaderBytes, "key heap encoding: 0, want 1");
}

TEST_F(Layouts, ValuesOfOneWidthAreNoWiderThanAValueMayBe) {
  Make<U64>("ab", "cd");
  Column* const values = Find(&data_, ColumnId::kValues);
  ASSERT_EQ(values->encoding, ColumnEncoding::kPlain);
  values->stride = kValueBytesMax;
  EXPECT_TRUE(Check().ok());
  values->stride = kValueBytesMax + 1;
  ExpectLie(Check(), "x.data", kFileHeaderBytes, "value width: ");
}

TEST_F(Layouts, AFilterIsWholeBlocks) {
  Make<U64>("ab", "cd");
  Column* const filter = Find(&keys_, ColumnId::kFilter);
  ASSERT_NE(filter, nullptr);
  for (const std::uint64_t bytes : {std::uint64_t{0}, filter->bytes + 1}) {
    filter->bytes = bytes;
    ExpectLie(Check(), "x.keys", kFileHeaderBytes, "filter bytes: " + std::to_string(bytes));
  }
}

TEST_F(Layouts, AModelHasItsColumn) {
  Header model;
  model.entries = ref_.entries;
  ExpectLie(CheckModel(model, "x.rmi", ref_), "x.rmi", kFileHeaderBytes, "has no model column");
}

TEST(SegmentLies, AModelForByteStringKeysIsRefused) {
  World world;
  SegmentRef ref = Build<Bytes>(&world, {{"a", "b"}});
  ref.model = ref.data;
  Counters counters;
  const Status status = TryOpen<Bytes>(&world, ref, &counters).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), NameOf(FileKind::kKeys, ref.keys) + ": a model for byte-string keys");
}

// ---------------------------------------------------------------------------------- the model

TEST(SegmentLies, AModelReadBackOtherwiseThanItWasWritten) {
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 3000; ++i) entries[i * i] = "v";
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  const std::string name = NameOf(FileKind::kModel, ref.model);
  const std::string file = world.Read(name);
  const Column column = *HeaderOf(file, FileKind::kModel).Find(ColumnId::kModel);
  const auto verify = [&](const std::string& model) {
    return VerifyModelBytes({.directory = &world.directory(), .device = false}, ref,
                            std::as_bytes(std::span(model)));
  };
  std::string model = file.substr(column.offset, column.bytes);
  EXPECT_TRUE(verify(model).ok());
  EXPECT_EQ(verify(model + '\0').offset(), column.offset);
  model[model.size() / 2] = static_cast<char>(model[model.size() / 2] + 1);
  ExpectLie(verify(model), name, column.offset, "a model read back that is not what was written");
}

// Slots for most of the keys, and a node for the outlier.
TEST(SegmentFacts, NameAModelWithSlotsAndNodes) {
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 200'000; ++i) entries.emplace_hint(entries.end(), 1000 + i, "v");
  entries[~std::uint64_t{0} - 5] = "far";
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const Facts facts = segment->facts();
  EXPECT_EQ(facts.structure, "mixed");
  EXPECT_TRUE(facts.has_model);
  EXPECT_GE(facts.model.nodes, 2u);
}

// ---------------------------------------------------------------------------------- in motion

// A file that is cut between two calls: what is missing is an error, and nothing beyond it is read.
TEST(SegmentLies, AFileCutWhileItIsVerified) {
  World world;
  support::FaultFs faults(&world.fs());
  auto directory = faults.OpenDirectory("/db", false).value();
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 2000; ++i) entries[i * 3] = "v";
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  const std::string name = NameOf(FileKind::kKeys, ref.keys);
  std::uint64_t reads = 0;
  // Header area, footer, table, and then the blocks.
  faults.Watch({FsOp::kReadDevice}, [&](FsOp, std::string_view file) {
    if (file == name && ++reads == 4) world.Write(name, world.Read(name).substr(0, 9000));
  });
  const Status status = VerifyKeysAndData({.directory = directory.get()}, KeyKind::kU64, ref);
  ExpectLie(status, name, 9000, "ends at byte 9000, want ");
}

TEST(SegmentLies, AFileCutBeforeItIsMapped) {
  World world;
  support::FaultFs faults(&world.fs());
  auto directory = faults.OpenDirectory("/db", false).value();
  const SegmentRef ref = Build<U64>(&world, {{1, "one"}, {2, "two"}});
  const std::string name = NameOf(FileKind::kKeys, ref.keys);
  faults.Watch({FsOp::kMap}, [&](FsOp, std::string_view file) {
    if (file == name) world.Write(name, world.Read(name).substr(0, 4200));
  });
  Counters counters;
  const Status status =
      Segment<U64>::Open(*directory, Uuid{1, 2}, ref, Access::kMap, &counters).status();
  ExpectLie(status, name, 4200, "is 4200 bytes long, want " + std::to_string(ref.keys.bytes));
}

// ---------------------------------------------------------------------------------- errors

// A file keeps so many errors. What comes after is an error too, of the file as a whole.
TEST(SegmentDamage, MoreBadBlocksThanAreKeptApart) {
  World world;
  Entries<U64> entries;
  const std::uint64_t rows = 4096 + 100;
  const std::string value(4096, 'v');
  for (std::uint64_t i = 0; i < rows; ++i) entries.emplace_hint(entries.end(), i, value);
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  const std::string name = NameOf(FileKind::kData, ref.data);
  std::string bytes = world.Read(name);
  for (std::uint64_t at = 4096; at + 4096 <= 4096 * (rows + 1); at += 4096) bytes[at] ^= 1;
  world.Write(name, bytes);
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  EXPECT_EQ(segment->VerifyMapped(nullptr).code(), StatusCode::kDataLoss);
  EXPECT_EQ(counters.blocks_bad.load(), rows);
  ExpectLie(segment->Get(0).status(), name, 4096, "block 1 at offset 4096: crc32c ");
  for (int again = 0; again < 2; ++again) {
    ExpectLie(segment->Get(rows - 1).status(), name, Status::kNoOffset,
              "damaged; there was no room to say where");
  }
}

// An answer must not need memory: that a block is bad is known without it, where it is is not.
TEST(SegmentDamage, ABadBlockFoundWithoutMemoryIsAnErrorOfTheFile) {
  if (support::kThreadSanitized) GTEST_SKIP() << "operator new is the sanitizer's";
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 5000; ++i) entries.emplace_hint(entries.end(), i, "12345678");
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  const std::string name = NameOf(FileKind::kData, ref.data);
  ASSERT_TRUE(world.fs().FlipByte("/db/" + name, 4096 + 10).ok());
  ASSERT_TRUE(world.fs().FlipByte("/db/" + name, 2 * 4096 + 10).ok());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  ASSERT_TRUE(segment->Get(4999).present());
  Lookup found;
  {
    const NoMemory none;
    found = segment->Get(1);
  }
  ASSERT_TRUE(found.failed());
  ExpectLie(found.status(), name, Status::kNoOffset, "damaged; there was no room to say where");
  ExpectLie(segment->Get(2).status(), name, Status::kNoOffset, "damaged");
  // The next one has a place again.
  ExpectLie(segment->Get(600).status(), name, 2 * 4096, "block 2 at offset 8192: crc32c ");
  EXPECT_EQ(counters.blocks_bad.load(), 2u);
}

TEST(SegmentDamage, AnExplanationSaysThatALookupFailed) {
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 5000; ++i) entries[i * 5] = "12345678";
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  const std::string name = NameOf(FileKind::kKeys, ref.keys);
  ASSERT_TRUE(world.fs().FlipByte("/db/" + name, 3 * 4096 + 100).ok());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const Explanation told = segment->Explain((2 * 4096 + 100) / 8 * 5);
  EXPECT_EQ(told.found, Explanation::Found::kFailed);
  EXPECT_EQ(told.keys_file, name);
  ExpectLie(told.status, name, 3 * 4096, "block 3 at offset 12288: crc32c ");
  EXPECT_EQ(segment->Explain(0).found, Explanation::Found::kValue);
}

}  // namespace
}  // namespace kyro::segment
