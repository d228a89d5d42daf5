// SPDX-License-Identifier: Apache-2.0
//
// When blocks are verified: at the first touch, before they decide, once.
#include <gtest/gtest.h>

#include <thread>

#include "index/key_sets.h"
#include "segment/testing.h"
#include "support/fault_fs.h"

namespace kyro::segment {
namespace {

using support::FaultFs;
using support::FsOp;

Entries<U64> ManyEntries() {
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 30'000; ++i) {
    entries.emplace_hint(entries.end(), i * 11, std::to_string(i));
  }
  return entries;
}

std::uint64_t AllBlocks(const SegmentRef& ref) {
  return ref.keys.bytes / 4096 + ref.data.bytes / 4096 + 2;
}

TEST(SegmentTouch, OpenVerifiesOnlyTheFilterAndTheModel) {
  World world;
  const SegmentRef with = Build<U64>(&world, ManyEntries(), SmallBlocks(true));
  const SegmentRef without = Build<U64>(&world, ManyEntries(), SmallBlocks(false));
  Counters a, b;
  const auto filtered = Open<U64>(&world, with, &a);
  const auto plain = Open<U64>(&world, without, &b);
  ASSERT_TRUE(filtered != nullptr && plain != nullptr);
  const std::uint64_t model_blocks = with.model.bytes / 4096 + 1;
  EXPECT_LE(b.blocks_verified.load(), model_blocks);
  const std::uint64_t filter_blocks = filtered->facts().filter_bytes / 4096;
  EXPECT_GE(a.blocks_verified.load(), filter_blocks);
  EXPECT_LE(a.blocks_verified.load(), filter_blocks + 2 + model_blocks);
}

TEST(SegmentTouch, ALookupVerifiesAFewBlocksOnce) {
  World world;
  const Entries<U64> entries = ManyEntries();
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const std::uint64_t opened = counters.blocks_verified.load();
  ASSERT_TRUE(segment->Get(11 * 12'345).present());
  const std::uint64_t first = counters.blocks_verified.load() - opened;
  EXPECT_GE(first, 3u);  // keys, offsets, value
  EXPECT_LE(first, 5u);
  ASSERT_TRUE(segment->Get(11 * 12'345).present());
  EXPECT_EQ(counters.blocks_verified.load() - opened, first);
  ASSERT_TRUE(segment->Get(11 * 12'345 + 1).undecided());
  EXPECT_EQ(counters.blocks_verified.load() - opened, first);  // the same keys prove it
}

// A packed tree misses keys by whole blocks: what a lookup verifies reaches as far as the model
// says they may be.
TEST(SegmentTouch, KeysThatAPackedTreeMissesAreProvedAtTheFirstTouch) {
  World world;
  Entries<U64> entries;
  for (const std::uint64_t key : index::CoastlineKeys(200'000, 1)) {
    entries.emplace_hint(entries.end(), key, std::to_string(key % 1000));
  }
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  ASSERT_EQ(segment->facts().structure, "packed tree");
  ASSERT_GE(segment->facts().max_error, 64u) << "no key lies beyond the margin of a window";
  for (const auto& [key, value] : entries) ASSERT_TRUE(segment->Get(key).present()) << key;
  EXPECT_EQ(counters.model_fallbacks.load(), 0u);
}

TEST(SegmentTouch, OnceAllAreGoodNothingIsTested) {
  World world;
  const Entries<U64> entries = ManyEntries();
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(true));
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  EXPECT_FALSE(segment->all_verified());
  std::uint64_t ticked = 0;
  ASSERT_TRUE(segment
                  ->VerifyMapped([&](std::uint64_t bytes) {
                    ticked += bytes;
                    return true;
                  })
                  .ok());
  EXPECT_TRUE(segment->all_verified());
  EXPECT_TRUE(segment->facts().all_verified);
  EXPECT_GE(ticked, ref.keys.bytes + ref.data.bytes - 3 * 4096);
  EXPECT_LE(counters.blocks_verified.load(), AllBlocks(ref) + ref.model.bytes / 4096 + 1);
}

TEST(SegmentTouch, ACheckCanBeCancelled) {
  World world;
  const SegmentRef ref = Build<U64>(&world, ManyEntries());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const Tick no = [](std::uint64_t) { return false; };
  EXPECT_EQ(segment->VerifyMapped(no).code(), StatusCode::kCancelled);
  EXPECT_EQ(segment->VerifyFiles(no, nullptr).code(), StatusCode::kCancelled);
}

TEST(SegmentTouch, VerifyFilesReadsTheDeviceAndNotTheMapping) {
  World world;
  const SegmentRef ref = Build<U64>(&world, ManyEntries());
  FaultFs faults(&world.fs());
  const auto directory = faults.OpenDirectory("/db", false).value();
  Counters counters;
  const auto segment = Segment<U64>::Open(*directory, Uuid{}, ref, Access::kMap, &counters).value();
  ASSERT_TRUE(segment->VerifyMapped(nullptr).ok());
  const std::uint64_t maps = faults.Count({FsOp::kMap, FsOp::kRead});
  ASSERT_TRUE(segment->VerifyFiles(nullptr, nullptr).ok());
  EXPECT_EQ(faults.Count({FsOp::kMap, FsOp::kRead}), maps);
  EXPECT_GT(faults.Count({FsOp::kReadDevice}), 10u);
  // The mapping is right and the file is not.
  ASSERT_TRUE(world.fs().FlipByte("/db/" + NameOf(FileKind::kKeys, ref.keys), 9000).ok());
  EXPECT_TRUE(segment->VerifyMapped(nullptr).ok());
  EXPECT_EQ(segment->VerifyFiles(nullptr, nullptr).code(), StatusCode::kDataLoss);
}

TEST(SegmentTouch, ATruncatedMappingIsAnErrorAndNotASignal) {
  World world;
  const Entries<U64> entries = ManyEntries();
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const std::string name = NameOf(FileKind::kData, ref.data);
  ASSERT_TRUE(world.directory().OpenForWrite(name).value()->Truncate(8192).ok());
  std::uint64_t failed = 0;
  for (const auto& [key, value] : entries) {
    const Lookup found = segment->Get(key);
    if (found.failed()) {
      ++failed;
      EXPECT_EQ(found.status().file(), name);
    } else {
      EXPECT_EQ(found.value(), *value);
    }
  }
  EXPECT_GT(failed, 20'000u);
  EXPECT_LT(failed, entries.size());
}

TEST(SegmentTouch, ManyThreadsTouchFirst) {
  World world;
  const Entries<U64> entries = ManyEntries();
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(true));
  const std::string name = NameOf(FileKind::kData, ref.data);
  ASSERT_TRUE(world.fs().FlipByte("/db/" + name, 5 * 4096).ok());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  std::atomic<std::uint64_t> wrong{0}, failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < entries.size(); ++i) {
        const std::uint64_t n = (i * 7919 + static_cast<std::uint64_t>(t)) % entries.size();
        const Lookup found = segment->Get(n * 11);
        if (found.failed()) {
          failed += found.status().code() == StatusCode::kDataLoss ? 1 : 0;
        } else if (found.value() != std::to_string(n)) {
          ++wrong;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(failed.load(), 1000u);
  EXPECT_EQ(counters.blocks_bad.load(), 1u);
  EXPECT_LE(counters.blocks_verified.load(), AllBlocks(ref) + ref.model.bytes / 4096 + 1);
}

TEST(SegmentTouch, AChunkEndsBeforeTheDamageOrIsOneRow) {
  World world;
  const Entries<U64> entries = ManyEntries();
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  ASSERT_TRUE(world.fs().FlipByte("/db/" + NameOf(FileKind::kKeys, ref.keys), 5 * 4096 + 9).ok());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  const std::uint64_t first_bad = 4 * 4096 / 8;
  Chunk chunk;
  ASSERT_EQ(segment->ChunkAt(first_bad - 100, 64, &chunk), nullptr);
  EXPECT_EQ(chunk.begin, first_bad - 100);
  EXPECT_EQ(chunk.end, first_bad - 36);
  ASSERT_EQ(segment->ChunkAt(first_bad - 20, 64, &chunk), nullptr);
  EXPECT_EQ(chunk.end, first_bad - 19);
  EXPECT_EQ(chunk.key<U64>(chunk.begin), (first_bad - 20) * 11);
  EXPECT_EQ(chunk.value(chunk.begin), std::to_string(first_bad - 20));
  const Status* error = segment->ChunkAt(first_bad, 64, &chunk);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(error->code(), StatusCode::kDataLoss);
}

TEST(SegmentTouch, CursorsKeepRowsBeforeTheDamage) {
  World world;
  const Entries<U64> entries = ManyEntries();
  const SegmentRef ref = Build<U64>(&world, entries, SmallBlocks(false));
  // Values: 10 of 1 byte, 90 of 2, 900 of 3, 9000 of 4, the rest of 5.
  const std::uint64_t damaged = 20 * 4096;
  ASSERT_TRUE(world.fs().FlipByte("/db/" + NameOf(FileKind::kData, ref.data), damaged + 50).ok());
  Counters counters;
  const auto segment = Open<U64>(&world, ref, &counters);
  ASSERT_NE(segment, nullptr);
  Segment<U64>::Cursor cursor(segment.get());
  std::uint64_t rows = 0, bytes = 0;
  for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next(), ++rows) bytes += cursor.value().size();
  EXPECT_EQ(cursor.status().code(), StatusCode::kDataLoss);
  // Every row whose value ends before the damaged block was shown.
  EXPECT_LE(bytes, damaged - 4096);
  EXPECT_GT(bytes + 6, damaged - 4096);
  std::uint64_t behind = 0;
  for (cursor.SeekToLast(); cursor.Valid(); cursor.Prev()) ++behind;
  EXPECT_EQ(cursor.status().code(), StatusCode::kDataLoss);
  EXPECT_GT(rows + behind, entries.size() - 4096 / 4);
  EXPECT_LT(rows + behind, entries.size());
}

}  // namespace
}  // namespace kyro::segment
