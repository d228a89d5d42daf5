// SPDX-License-Identifier: Apache-2.0
#include "filter/split_block.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "base/crc32c.h"
#include "filter/block.h"
#include "hwy/targets.h"

namespace kyro::filter {
namespace {

std::string Filled(const std::vector<std::uint64_t>& hashes, std::size_t bytes) {
  std::string filter(bytes, '\0');
  for (const std::uint64_t hash : hashes) Add(filter, hash);
  return filter;
}

std::vector<std::uint64_t> RandomHashes(std::size_t count, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::uint64_t> hashes(count);
  for (std::uint64_t& hash : hashes) hash = HashKey(std::uint64_t{random()});
  return hashes;
}

TEST(SplitBlock, NeverDeniesAnAddedKey) {
  for (const std::size_t entries : {1u, 2u, 25u, 26u, 1000u, 50000u}) {
    for (const std::uint32_t bits : {1u, 8u, 10u, 16u}) {
      SCOPED_TRACE(testing::Message() << entries << " entries, " << bits << " bits");
      const auto hashes = RandomHashes(entries, entries);
      const std::string filter = Filled(hashes, FilterBytes(entries, bits));
      for (const std::uint64_t hash : hashes) ASSERT_TRUE(MayContain(filter, hash));
    }
  }
}

TEST(SplitBlock, TenBitsPerKeyGiveFalsePositivesBelowTwoPercent) {
  constexpr std::size_t kEntries = 100000;
  const std::string filter = Filled(RandomHashes(kEntries, 1), FilterBytes(kEntries, 10));
  std::size_t positives = 0;
  for (const std::uint64_t hash : RandomHashes(kEntries, 2)) positives += MayContain(filter, hash);
  EXPECT_LT(positives, kEntries / 50);
  EXPECT_GT(positives, kEntries / 500);  // an oracle that says no to everything is no filter
}

TEST(SplitBlock, BytesAreAPositiveMultipleOfTheBlock) {
  EXPECT_EQ(FilterBytes(0, 10), kBlockBytes);
  EXPECT_EQ(FilterBytes(100, 0), kBlockBytes);
  EXPECT_EQ(FilterBytes(25, 10), kBlockBytes);
  EXPECT_EQ(FilterBytes(26, 10), 2 * kBlockBytes);
  EXPECT_EQ(FilterBytes(std::uint64_t{1} << 31, 10), (std::size_t{10} << 31) / 8);
  EXPECT_EQ(FilterBytes(~std::uint64_t{0}, ~std::uint32_t{0}) % kBlockBytes, 0u);
}

TEST(SplitBlock, AFilterOfNoOrUnevenSizeDeniesNothing) {
  EXPECT_TRUE(MayContain("", 1));
  EXPECT_TRUE(MayContain(std::string(kBlockBytes - 1, '\0'), 1));
  EXPECT_TRUE(MayContain(std::string(kBlockBytes + 1, '\0'), 1));
  EXPECT_FALSE(MayContain(std::string(kBlockBytes, '\0'), 1));
}

// What block.h says, word by word.
bool Reference(std::string_view filter, std::uint64_t hash) {
  const char* const block = filter.data() + BlockOffset(hash, filter.size() / kBlockBytes);
  for (std::size_t i = 0; i < kWords; ++i) {
    if ((LoadLE<std::uint32_t>(block + 4 * i) & Bit(hash, i)) == 0) return false;
  }
  return true;
}

TEST(SplitBlock, VectorsAnswerAsTheWordsDo) {
  // Three bits of four are set, so that most blocks lack a bit of some word and a tenth has all.
  std::string filter(64 * kBlockBytes, '\0');
  std::mt19937_64 random(5);
  for (char& byte : filter) byte = static_cast<char>(random() | random());
  const auto hashes = RandomHashes(20000, 3);
  constexpr std::int64_t kTargets[] = {HWY_SCALAR, HWY_AVX2, 0};  // 0: all that there are
  for (const std::int64_t target : kTargets) {
    if (target == HWY_AVX2 && (hwy::SupportedTargets() & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    std::size_t found = 0;
    for (const std::uint64_t hash : hashes) {
      ASSERT_EQ(MayContain(filter, hash), Reference(filter, hash)) << target << " " << hash;
      found += MayContain(filter, hash);
    }
    EXPECT_GT(found, hashes.size() / 20);
    EXPECT_LT(found, hashes.size() / 5);
  }
  hwy::SetSupportedTargetsForTest(0);
}

// These decide what is on disk: a change here is a change of format.
TEST(SplitBlock, HashesAndBitsAreTheSameOnEveryMachine) {
  EXPECT_EQ(HashKey(std::uint64_t{0}), 0u);
  EXPECT_EQ(HashKey(std::uint64_t{1}), 0xB456BCFC34C2CB2Cu);
  EXPECT_EQ(HashKey(~std::uint64_t{0}), 0x64B5720B4B825F21u);
  EXPECT_EQ(HashKey(std::string_view("")), 0x2D06800538D394C2u);
  EXPECT_EQ(HashKey(std::string_view("kyro")), 0x7662BE747EDD2657u);

  std::string filter(4 * kBlockBytes, '\0');
  Add(filter, 0x40000001'00000003u);  // block 1 of 4
  for (std::size_t i = 0; i < filter.size(); i += 4) {
    const auto word = LoadLE<std::uint32_t>(filter.data() + i);
    EXPECT_EQ(std::popcount(word), i / kBlockBytes == 1 ? 1 : 0) << i;
  }
  EXPECT_EQ(LoadLE<std::uint32_t>(filter.data() + 32), 1u << ((3u * 0x47B6137Bu) >> 27));
  EXPECT_EQ(LoadLE<std::uint32_t>(filter.data() + 60), 1u << ((3u * 0x5C6BFB31u) >> 27));

  std::string large(64 * kBlockBytes, '\0');
  for (std::uint64_t key = 0; key < 200; ++key) Add(large, HashKey(key));
  EXPECT_EQ(Crc32c(large), 0xDCD93BD1u);
}

}  // namespace
}  // namespace kyro::filter
