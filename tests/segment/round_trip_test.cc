// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "segment/testing.h"

namespace kyro::segment {
namespace {

// What the values of a case are; nullopt: a tombstone.
using MakeValue = std::function<std::optional<std::string>(std::uint64_t i, std::uint64_t n)>;

struct ValueCase {
  const char* name;
  MakeValue make;
};

std::string Pattern(std::uint64_t i, std::size_t bytes) {
  std::string value(bytes, '\0');
  for (std::size_t b = 0; b < bytes; ++b) value[b] = static_cast<char>(i * 31 + b * 7 + 1);
  return value;
}

const ValueCase kValueCases[] = {
    {"Empty", [](auto, auto) { return ""; }},
    {"Fixed", [](auto i, auto) { return Pattern(i, 8); }},
    {"Variable", [](auto i, auto) { return Pattern(i, i % 41); }},
    {"OneOddAtTheEnd", [](auto i, auto n) { return Pattern(i, i + 1 == n ? 9 : 8); }},
    {"OneOddAtTheStart", [](auto i, auto) { return Pattern(i, i == 0 ? 3 : 8); }},
    {"FixedWithTombstones",
     [](auto i, auto) -> std::optional<std::string> {
       if (i % 3 == 0) return std::nullopt;
       return Pattern(i, 8);
     }},
    {"WideWithTombstones",
     [](auto i, auto) -> std::optional<std::string> {
       if (i % 5 == 1) return std::nullopt;
       return Pattern(i, 100);
     }},
    {"LeadingTombstonesThenWide",
     [](auto i, auto n) -> std::optional<std::string> {
       if (i < n / 2) return std::nullopt;
       return Pattern(i, 100);
     }},
    {"VariableWithTombstones",
     [](auto i, auto) -> std::optional<std::string> {
       if (i % 7 == 6) return std::nullopt;
       return Pattern(i, i % 13);
     }},
    {"FixedThenTombstoneThenOdd",
     [](auto i, auto n) -> std::optional<std::string> {
       if (i == n / 3) return std::nullopt;
       return Pattern(i, i == n - 1 ? 1 : 8);
     }},
    {"OnlyTombstones", [](auto, auto) { return std::nullopt; }},
};

std::vector<std::vector<std::uint64_t>> KeySets() {
  std::vector<std::vector<std::uint64_t>> sets = {
      {0}, {~std::uint64_t{0}}, {0, ~std::uint64_t{0}}, {17}, {5, 6}};
  std::vector<std::uint64_t> dense, clumped, outlier, fine;
  for (std::uint64_t i = 0; i < 1500; ++i) dense.push_back(1000 + i);
  for (std::uint64_t i = 0; i < 1500; ++i) {
    clumped.push_back((i / 17) * (std::uint64_t{1} << 50) + (i % 17) * 3);
  }
  outlier = dense;
  outlier.push_back(~std::uint64_t{0});
  for (std::uint64_t i = 0; i < 1500; ++i) fine.push_back((std::uint64_t{1} << 63) + i * i);
  sets.insert(sets.end(), {dense, clumped, outlier, fine});
  return sets;
}

std::string AsBytes(std::uint64_t key) {
  std::string bytes(8, '\0');
  for (int b = 0; b < 8; ++b) bytes[b] = static_cast<char>(key >> (56 - 8 * b));
  bytes.resize(8 - key % 5);  // shorter keys collide: the map keeps one of each
  return bytes;
}

template <class K>
Entries<K> MakeEntries(const std::vector<std::uint64_t>& keys, const MakeValue& make) {
  Entries<K> entries;
  for (const std::uint64_t key : keys) {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      entries[key];
    } else {
      entries[AsBytes(key)];
    }
  }
  std::uint64_t i = 0;
  for (auto& [key, value] : entries) value = make(i++, entries.size());
  return entries;
}

template <class K>
std::uint64_t CountTombstones(const Entries<K>& entries) {
  std::uint64_t count = 0;
  for (const auto& [key, value] : entries) count += value ? 0 : 1;
  return count;
}

template <class K>
void RoundTrip(const Entries<K>& entries, bool with_filter, Access access) {
  World world;
  const SegmentRef ref = Build<K>(&world, entries, SmallBlocks(with_filter));
  EXPECT_EQ(ref.entries, entries.size());
  EXPECT_EQ(ref.tombstones, CountTombstones<K>(entries));
  EXPECT_EQ(ref.min_sequence, 7u);
  EXPECT_EQ(ref.max_sequence, 9u);
  EXPECT_EQ(Owned<K>(KeyTraits<K>::Decode(ref.first_key)), entries.begin()->first);
  EXPECT_EQ(Owned<K>(KeyTraits<K>::Decode(ref.last_key)), entries.rbegin()->first);

  Counters counters;
  const auto segment = Open<K>(&world, ref, &counters, access);
  ASSERT_NE(segment, nullptr);
  EXPECT_EQ(segment->all_verified(), access == Access::kCopy);
  CheckReads<K>(*segment, entries);
  EXPECT_TRUE(segment->VerifyMapped(nullptr).ok());
  EXPECT_TRUE(segment->all_verified());
  CheckReads<K>(*segment, entries);  // now without tests
  std::uint64_t bytes = 0;
  const Status verified = segment->VerifyFiles(nullptr, &bytes);
  EXPECT_TRUE(verified.ok()) << verified.ToString();
  EXPECT_EQ(bytes, ref.keys.bytes + ref.data.bytes + ref.model.bytes);
  EXPECT_EQ(bytes, segment->mapped_bytes());
  EXPECT_EQ(counters.model_fallbacks.load(), 0u);
  EXPECT_EQ(counters.models_damaged.load(), 0u);
  EXPECT_EQ(counters.blocks_bad.load(), 0u);
}

template <class K>
void RoundTripAll(Access access) {
  for (const ValueCase& values : kValueCases) {
    std::size_t set = 0;
    for (const auto& keys : KeySets()) {
      SCOPED_TRACE(std::string(values.name) + ", key set " + std::to_string(set++));
      RoundTrip<K>(MakeEntries<K>(keys, values.make), set % 2 == 0, access);
    }
  }
}

TEST(SegmentRoundTrip, U64KeysOfEveryShape) {
  RoundTripAll<U64>(Access::kMap);
}
TEST(SegmentRoundTrip, ByteKeysOfEveryShape) {
  RoundTripAll<Bytes>(Access::kMap);
}
TEST(SegmentRoundTrip, CopiesInsteadOfMappings) {
  RoundTripAll<U64>(Access::kCopy);
}

TEST(SegmentRoundTrip, LongKeysAndTheEmptyKey) {
  Entries<Bytes> entries;
  entries[""] = "empty";
  for (int i = 0; i < 20; ++i) {
    entries[std::string(kKeyBytesMax, static_cast<char>('a' + i))] = std::to_string(i);
  }
  entries[std::string(kKeyBytesMax - 1, 'a')] = "a prefix";
  entries[std::string("\xff\x00\xff", 3)] = std::nullopt;
  RoundTrip<Bytes>(entries, /*with_filter=*/true, Access::kMap);
}

// Secondary columns larger than their buffers go through the spill file.
TEST(SegmentRoundTrip, ColumnsThatSpill) {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 80'000; ++i) {
    entries.emplace_hint(entries.end(), i * 12345,
                         i % 4 == 3 ? std::optional<std::string>() : Pattern(i, i % 5));
  }
  World world;
  const SegmentRef ref = Build<U64>(&world, entries);
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  CheckReads<U64>(*segment, entries);
  for (const std::string& name : world.names()) EXPECT_FALSE(name.ends_with(".tmp")) << name;
}

TEST(SegmentRoundTrip, SplitsByHeapAndByEntries) {
  World world;
  BuildOptions options = SmallBlocks();
  options.heap_bytes_max = 10'000;
  options.entries_max = 70;
  Entries<U64> all;
  for (std::uint64_t i = 0; i < 500; ++i) all[i * 3] = Pattern(i, i < 250 ? 10 : 1000);
  std::vector<SegmentRef> refs;
  auto builder = Builder<U64>::Create(world.context(), options).value();
  for (const auto& [key, value] : all) {
    if (builder->Full(key, value->size())) {
      EXPECT_EQ(builder->Add(key, *value).code(), StatusCode::kInvalidArgument);
      refs.push_back(builder->Finish().value());
      EXPECT_LE(refs.back().entries, 70u);
      builder = Builder<U64>::Create(world.context(), options).value();
    }
    ASSERT_FALSE(builder->Full(key, value->size()));
    ASSERT_TRUE(builder->Add(key, *value).ok());
  }
  refs.push_back(builder->Finish().value());
  EXPECT_GT(refs.size(), 25u);
  std::uint64_t entries = 0;
  for (const SegmentRef& ref : refs) {
    Counters counters;
    const auto segment = Open<U64>(&world, ref, &counters);
    ASSERT_NE(segment, nullptr);
    Segment<U64>::Cursor cursor(segment.get());
    for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next(), ++entries) {
      EXPECT_EQ(cursor.value(), *all[cursor.key()]);
    }
    EXPECT_TRUE(cursor.status().ok());
  }
  EXPECT_EQ(entries, all.size());
}

TEST(SegmentRoundTrip, SplitsByKeyHeap) {
  World world;
  BuildOptions options = SmallBlocks();
  options.heap_bytes_max = 1000;
  auto builder = Builder<Bytes>::Create(world.context(), options).value();
  EXPECT_FALSE(builder->Full(std::string(5000, 'a'), 0));  // never full while empty
  ASSERT_TRUE(builder->Add(std::string(900, 'a'), "1").ok());
  EXPECT_FALSE(builder->Full(std::string(100, 'b'), 0));
  EXPECT_TRUE(builder->Full(std::string(101, 'b'), 0));
}

TEST(SegmentRoundTrip, FixedWidthNeedsNoOffsets) {
  for (const bool odd : {false, true}) {
    Entries<U64> entries;
    for (std::uint64_t i = 0; i < 1000; ++i) entries[i] = Pattern(i, odd && i == 999 ? 7 : 8);
    World world;
    Counters counters;
    const auto segment =
        Open<U64>(&world, Build<U64>(&world, entries, SmallBlocks(false)), &counters);
    ASSERT_NE(segment, nullptr);
    const Facts facts = segment->facts();
    EXPECT_EQ(facts.fixed_width, !odd);
    EXPECT_EQ(facts.value_bytes_fixed, odd ? 0u : 8u);
    // Header area, columns, one line each of table and footer, alignment.
    EXPECT_LE(facts.keys_bytes, 4096 + 8000 + (odd ? 4004 : 0) + 256u);
    EXPECT_LE(facts.data_bytes, 4096 + 8000 + 256u);
  }
}

TEST(SegmentRoundTrip, FactsAndExplainTellOfTheModel) {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 5000; ++i) entries[i * 1000] = "12345678";
  World world;
  Counters counters;
  const auto segment = Open<U64>(&world, Build<U64>(&world, entries), &counters);
  ASSERT_NE(segment, nullptr);
  const Facts facts = segment->facts();
  EXPECT_TRUE(facts.has_model);
  EXPECT_FALSE(facts.model_damaged);
  EXPECT_EQ(facts.entries, 5000u);
  EXPECT_GT(facts.model_bytes, 0u);
  EXPECT_GE(facts.filter_bytes, 5000u * 10 / 8);
  EXPECT_FALSE(facts.structure.empty());
  EXPECT_FALSE(facts.why.empty());
  EXPECT_GT(facts.window_max, 0u);
  const Explanation told = segment->Explain(77'000);
  EXPECT_EQ(told.lower_bound, 77u);
  EXPECT_EQ(told.found, Explanation::Found::kValue);
  EXPECT_EQ(told.value_bytes, 8u);
  EXPECT_FALSE(segment->Explain(~std::uint64_t{0}).in_key_range);
}

TEST(SegmentRoundTrip, RetrainWritesAnotherModelForTheSameKeys) {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 3000; ++i) entries[i * i] = "12345678";
  World world;
  const SegmentRef ref = Build<U64>(&world, entries);
  const auto retrained = Retrain(world.context(), ref);
  ASSERT_TRUE(retrained.ok()) << retrained.status().ToString();
  EXPECT_EQ(retrained.value().keys, ref.keys);
  EXPECT_EQ(retrained.value().data, ref.data);
  EXPECT_NE(retrained.value().model, ref.model);
  Counters counters;
  const auto segment = Open<U64>(&world, retrained.value(), &counters);
  ASSERT_NE(segment, nullptr);
  EXPECT_TRUE(segment->facts().has_model);
  CheckReads<U64>(*segment, entries);
  EXPECT_EQ(counters.model_fallbacks.load(), 0u);
}

TEST(SegmentRoundTrip, FilterSkipsAbsentKeys) {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 20'000; ++i) entries[i * 2] = "x";
  World world;
  Counters counters;
  const auto segment = Open<U64>(&world, Build<U64>(&world, entries), &counters);
  ASSERT_NE(segment, nullptr);
  for (std::uint64_t i = 0; i < 19'999; ++i) ASSERT_TRUE(segment->Get(i * 2 + 1).undecided());
  EXPECT_GT(counters.filter_skips.load(), 19'000u);
}

}  // namespace
}  // namespace kyro::segment
