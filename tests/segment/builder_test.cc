// SPDX-License-Identifier: Apache-2.0
#include "segment/builder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "io/env.h"
#include "segment/testing.h"
#include "support/fault_fs.h"

namespace kyro::segment {
namespace {

using support::FaultFs;
using support::FsOp;
using support::FsOps;

TEST(SegmentBuilder, KeysOutOfOrderAreRefusedAndNotAdded) {
  World world;
  auto builder = Builder<U64>::Create(world.context(), SmallBlocks()).value();
  EXPECT_EQ(builder->Finish().status().code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(builder->Add(5, "five").ok());
  EXPECT_EQ(builder->Add(5, "again").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->AddTombstone(4).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->entries(), 1u);
  ASSERT_TRUE(builder->Add(6, "six").ok());
  const auto ref = builder->Finish();
  ASSERT_TRUE(ref.ok()) << ref.status().ToString();
  EXPECT_EQ(builder->Finish().status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->Add(7, "").code(), StatusCode::kInvalidArgument);
  Counters counters;
  CheckReads<U64>(*Open<U64>(&world, ref.value(), &counters), {{5, "five"}, {6, "six"}});
}

TEST(SegmentBuilder, KeysAndValuesThatAreTooLargeAreRefused) {
  World world;
  auto builder = Builder<Bytes>::Create(world.context(), SmallBlocks()).value();
  EXPECT_EQ(builder->Add(std::string(kKeyBytesMax + 1, 'k'), "").code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->Add("k", std::string(kValueBytesMax + 1, 'v')).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->entries(), 0u);
}

TEST(SegmentBuilder, AnAbandonedBuildLeavesNothing) {
  World world;
  {
    auto builder = Builder<U64>::Create(world.context(), SmallBlocks()).value();
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      ASSERT_TRUE(builder->Add(i, std::string(i % 3, 'x')).ok());
    }
    EXPECT_EQ(world.names().size(), 3u);  // .keys, .data and what spilled
    for (const std::string& name : world.names()) EXPECT_TRUE(name.ends_with(".tmp")) << name;
  }
  EXPECT_TRUE(world.names().empty());
}

// Rows in blocks make the files that rows one by one make.
TEST(SegmentBuilder, ABlockIsItsRows) {
  struct Part {
    std::uint64_t rows, width;
    bool mixed = false;
  };
  std::string files[2];
  for (const bool blocks : {false, true}) {
    World world;
    auto builder = Builder<U64>::Create(world.context(), SmallBlocks()).value();
    std::uint64_t key = 1;
    const auto add_part = [&](const Part& part) {
      std::vector<std::uint64_t> keys;
      std::vector<std::uint32_t> ends;
      std::string values;
      for (std::uint64_t i = 0; i < part.rows; ++i, key += 3) {
        keys.push_back(key);
        values.append(part.mixed ? i % 5 : part.width, static_cast<char>('a' + key % 26));
        ends.push_back(static_cast<std::uint32_t>(values.size()));
      }
      const RowBlock<U64> rows{keys, values, ends, !part.mixed};
      ASSERT_TRUE(builder->Holds(rows));
      if (blocks) {
        ASSERT_TRUE(builder->AddBlock(rows).ok());
        // The same rows again do not ascend, and nothing of them is added.
        if (!keys.empty()) {
          ASSERT_EQ(builder->AddBlock(rows).code(), StatusCode::kInvalidArgument);
        }
      } else {
        for (std::size_t i = 0; i < rows.rows(); ++i) {
          ASSERT_TRUE(builder->Add(keys[i], rows.value(i)).ok());
        }
      }
    };
    for (const Part& part : {Part{0, 0}, Part{700, 8}, Part{500, 8}}) add_part(part);
    ASSERT_TRUE(builder->AddTombstone(key++).ok());
    for (const Part& part : {Part{300, 8}, Part{40, 9}, Part{500, 0, true}, Part{20, 0}}) {
      add_part(part);
    }
    const auto ref = builder->Finish();
    ASSERT_TRUE(ref.ok()) << ref.status().ToString();
    EXPECT_EQ(ref.value().entries, 2061u);
    for (const std::string& name : world.names()) files[blocks] += name + world.Read(name);
  }
  EXPECT_EQ(files[0], files[1]);
}

TEST(SegmentBuilder, ABlockThatDescendsOrDoesNotFitIsRefused) {
  World world;
  BuildOptions options = SmallBlocks();
  options.entries_max = 5;
  options.heap_bytes_max = 30;
  auto builder = Builder<U64>::Create(world.context(), options).value();
  const std::uint64_t keys[] = {2, 1, 4, 5, 6, 7, 8};
  const auto block = [&](std::size_t first, std::size_t count, std::string_view values) {
    return RowBlock<U64>{{keys + first, count}, values, {}, true};
  };
  EXPECT_EQ(builder->AddBlock(block(0, 2, "abcd")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->AddBlock(block(1, 6, "abcdef")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->AddBlock(block(2, 1, std::string(31, 'x'))).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(builder->entries(), 0u);
  ASSERT_TRUE(builder->AddBlock(block(1, 4, std::string(28, 'x'))).ok());
  EXPECT_FALSE(builder->Holds(block(5, 1, std::string(7, 'x'))));
  EXPECT_FALSE(builder->Holds(block(5, 2, "xx")));
  EXPECT_TRUE(builder->Holds(block(5, 1, "xx")));
  const auto ref = builder->Finish();
  ASSERT_TRUE(ref.ok()) << ref.status().ToString();
  EXPECT_EQ(ref.value().entries, 4u);
}

TEST(SegmentBuilder, NothingHasItsNameBeforeItIsSynced) {
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 200; ++i) entries[i] = std::string(i % 3, 'x');
  FaultFs faults(&world.fs());
  const auto directory = faults.OpenDirectory("/db", false).value();
  // The third rename fails: all three files were synced, and the first two names are taken back.
  faults.Inject({.ops = {FsOp::kRename}, .nth = 3});
  EXPECT_EQ(TryBuild<U64>(world.context(directory.get()), entries, SmallBlocks()).status().code(),
            StatusCode::kIoError);
  EXPECT_EQ(world.fs().Count(support::SimOp::kSync), 3u);
  EXPECT_TRUE(world.names().empty());
}

TEST(SegmentBuilder, StopEndsTheBuild) {
  for (int polls = 0; polls < 12; ++polls) {
    World world;
    BuildContext context = world.context();
    int polled = 0;
    context.stop = [&] { return polled++ >= polls; };
    Entries<U64> entries;
    for (std::uint64_t i = 0; i < 200'000; ++i) entries.emplace_hint(entries.end(), i, "12345678");
    const auto ref = TryBuild<U64>(context, entries, SmallBlocks());
    if (ref.ok()) {
      EXPECT_GT(polls, 4);
      return;
    }
    EXPECT_EQ(ref.status().code(), StatusCode::kCancelled);
    EXPECT_TRUE(world.names().empty());
  }
}

// ------------------------------------------------------------------------- faults

// Enough entries for a spill file and a model.
template <class K>
Entries<K> FaultEntries() {
  Entries<K> entries;
  for (std::uint64_t i = 0; i < 70'000; ++i) {
    auto value = i % 999 == 0 ? std::nullopt : std::optional(std::string(i % 4, 'v'));
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      entries.emplace_hint(entries.end(), i * 77, value);
    } else {
      entries.emplace("key" + std::to_string(i), value);
    }
  }
  return entries;
}

// A file with a final name is whole, whatever became of the build.
void ExpectOnlyWholeFiles(World* world, bool temporaries_allowed) {
  for (const std::string& name : world->names()) {
    if (name.ends_with(".tmp")) {
      EXPECT_TRUE(temporaries_allowed) << name;
      continue;
    }
    std::string bytes = world->Read(name);
    const std::string before = bytes;
    Reseal(&bytes);
    EXPECT_EQ(bytes, before) << name;
  }
}

template <class K>
void FailEveryCall(bool sticky, StatusCode code) {
  const Entries<K> entries = FaultEntries<K>();
  std::uint64_t failures = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    World world;
    FaultFs faults(&world.fs());
    const auto directory = faults.OpenDirectory("/db", false).value();
    const auto fault = faults.Inject({.nth = nth, .sticky = sticky, .code = code});
    const auto ref = TryBuild<K>(world.context(directory.get()), entries, SmallBlocks());
    const std::uint64_t hits = faults.Hits(fault);
    const bool unlink_failed = sticky || faults.Count({FsOp::kUnlink}) > 0;
    faults.Clear();
    if (!ref.ok()) {
      EXPECT_EQ(ref.status().code(), code) << ref.status().ToString();
      ++failures;
      ExpectOnlyWholeFiles(&world, unlink_failed);
    } else {
      // Hints may fail, and so may the unlinking of what spilled; the segment is whole.
      ExpectOnlyWholeFiles(&world, hits > 0);
      Counters counters;
      const auto segment = Open<K>(&world, ref.value(), &counters);
      ASSERT_NE(segment, nullptr);
      EXPECT_TRUE(segment->VerifyFiles(nullptr, nullptr).ok());
      EXPECT_FALSE(segment->facts().model_damaged);
    }
    if (hits == 0) break;
    ASSERT_LT(nth, 2000u);
  }
  EXPECT_GT(failures, 30u);
}

TEST(SegmentBuilder, EveryFailingCallIsATypedErrorOnce) {
  FailEveryCall<U64>(/*sticky=*/false, StatusCode::kIoError);
  FailEveryCall<Bytes>(/*sticky=*/false, StatusCode::kNoSpace);
}
TEST(SegmentBuilder, EveryFailingCallIsATypedErrorForEver) {
  FailEveryCall<U64>(/*sticky=*/true, StatusCode::kResourceExhausted);
}

// Opening and reading under faults: a typed error or the truth.
TEST(SegmentBuilder, EveryFailingCallWhileReadingIsATypedError) {
  World world;
  Entries<U64> entries;
  for (std::uint64_t i = 0; i < 2000; ++i) entries[i * 3] = std::string(i % 5, 'v');
  const SegmentRef ref = Build<U64>(&world, entries);
  FaultFs faults(&world.fs());
  const auto directory = faults.OpenDirectory("/db", false).value();
  std::uint64_t failed_opens = 0, failed_reads = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    faults.Clear();
    const auto fault = faults.Inject({.nth = nth, .code = StatusCode::kResourceExhausted});
    Counters counters;
    const auto opened = Segment<U64>::Open(*directory, Uuid{}, ref, Access::kMap, &counters);
    if (!opened.ok()) {
      ++failed_opens;
      EXPECT_EQ(opened.status().code(), StatusCode::kResourceExhausted);
      continue;
    }
    for (const auto& [key, value] : entries) {
      const Lookup found = opened.value()->Get(key);
      if (found.failed()) {
        ++failed_reads;
        EXPECT_EQ(found.status().code(), StatusCode::kResourceExhausted);
        // A failed populate says nothing of the bytes: the next read tries again.
        EXPECT_TRUE(opened.value()->Get(key).present());
      } else {
        EXPECT_EQ(found.value(), *value);
      }
    }
    if (faults.Hits(fault) == 0) break;
    ASSERT_LT(nth, 2000u);
  }
  EXPECT_GT(failed_opens, 5u);
  EXPECT_GT(failed_reads, 2u);
}

// ------------------------------------------------------------------------- memory

TEST(SegmentBuilder, MemoryDoesNotGrowWithTheEntries) {
  const std::string path = testing::TempDir() + "/kyro_segment_memory";
  std::filesystem::remove_all(path);
  const auto directory = io::SystemEnv().fs->OpenDirectory(path, true).value();
  World world;
  std::uint64_t peaks[2] = {};
  for (const int round : {0, 1}) {
    const std::uint64_t entries = round == 0 ? 300'000 : 1'500'000;
    BuildOptions options;
    options.with_filter = false;
    HeapMeter meter;
    auto builder = Builder<Bytes>::Create(world.context(directory.get()), options).value();
    char key[16];
    for (std::uint64_t i = 0; i < entries; ++i) {
      const int n = std::snprintf(key, sizeof(key), "%012llu", static_cast<unsigned long long>(i));
      const std::string_view view(key, static_cast<std::size_t>(n));
      ASSERT_TRUE(
          (i % 5 == 0 ? builder->AddTombstone(view) : builder->Add(view, view.substr(0, i % 11)))
              .ok());
    }
    const auto ref = builder->Finish();
    ASSERT_TRUE(ref.ok()) << ref.status().ToString();
    peaks[round] = meter.peak();
  }
  // Two write buffers, four spill buffers, what verification streams through, tables.
  EXPECT_LT(peaks[1], std::uint64_t{7} << 20);
  // In the first round one of them had not grown to its full size.
  EXPECT_LT(peaks[1], peaks[0] + (std::uint64_t{384} << 10));
  std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace kyro::segment
