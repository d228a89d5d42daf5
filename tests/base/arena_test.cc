// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "base/coding.h"

namespace kyro {
namespace {

TEST(Arena, CostsNothingUntilUsed) {
  Arena arena(4096);
  EXPECT_EQ(arena.bytes(), 0u);
  EXPECT_TRUE(arena.Reserve(0).ok());
  EXPECT_EQ(arena.bytes(), 0u);
}

TEST(Arena, ReservedBytesAreThereEvenWhenTheyFillABlockExactly) {
  Arena arena(4096);
  ASSERT_TRUE(arena.Reserve(4096).ok());
  const std::size_t cost = arena.bytes();
  char* const first = static_cast<char*>(arena.Allocate(1));
  for (int i = 1; i < 512; ++i) {
    EXPECT_EQ(arena.Allocate(8), first + 8 * i) << "allocations round up to 8 and adjoin";
  }
  EXPECT_EQ(arena.bytes(), cost);
}

TEST(Arena, AReservationThatDoesNotFitTakesANewBlock) {
  Arena arena(4096);
  ASSERT_TRUE(arena.Reserve(4000).ok());
  arena.Allocate(4000);
  ASSERT_TRUE(arena.Reserve(96).ok());
  const std::size_t one = arena.bytes();
  ASSERT_TRUE(arena.Reserve(104).ok());
  EXPECT_EQ(arena.bytes(), 2 * one);
}

TEST(Arena, AReservationLargerThanABlockIsServedWhole) {
  Arena arena(4096);
  ASSERT_TRUE(arena.Reserve(1 << 20).ok());
  EXPECT_GE(arena.bytes(), std::size_t{1} << 20);
  EXPECT_LE(arena.bytes(), (std::size_t{1} << 20) + 4096);
  std::memset(arena.Allocate(1 << 20), 0xab, 1 << 20);
}

TEST(Arena, RefusalIsTypedAndChangesNothing) {
  Arena arena(4096);
  ASSERT_TRUE(arena.Reserve(64).ok());
  char* const before = static_cast<char*>(arena.Allocate(8));
  const std::size_t cost = arena.bytes();
  constexpr std::size_t kMax = std::numeric_limits<std::size_t>::max();
  for (const std::size_t bytes : {kMax, kMax - 7, kMax - 16, kMax - 32, kMax / 2, kMax / 4}) {
    EXPECT_EQ(arena.Reserve(bytes).code(), StatusCode::kResourceExhausted) << bytes;
  }
  EXPECT_EQ(arena.bytes(), cost);
  EXPECT_EQ(arena.Allocate(8), before + 8) << "the current block is still in use";
}

TEST(Arena, MemoryIsAlignedDistinctAndStays) {
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  Arena arena(4096);
  struct Piece {
    unsigned char* at;
    std::size_t bytes;
    unsigned char fill;
  };
  std::vector<Piece> pieces;
  for (int round = 0; round < 2000; ++round) {
    const std::size_t count = 1 + random() % 3;
    std::vector<std::size_t> sizes;
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i) {
      sizes.push_back(random() % (round % 100 == 0 ? 9000 : 300));
      total += AlignUp(sizes.back(), Arena::kAlignment);
    }
    ASSERT_TRUE(arena.Reserve(total).ok());
    for (const std::size_t bytes : sizes) {
      auto* const at = static_cast<unsigned char*>(arena.Allocate(bytes));
      ASSERT_EQ(reinterpret_cast<std::uintptr_t>(at) % Arena::kAlignment, 0u);
      const auto fill = static_cast<unsigned char>(random());
      if (bytes > 0) std::memset(at, fill, bytes);
      pieces.push_back({at, bytes, fill});
    }
  }
  for (const Piece& piece : pieces) {
    for (std::size_t i = 0; i < piece.bytes; ++i) ASSERT_EQ(piece.at[i], piece.fill);
  }
}

}  // namespace
}  // namespace kyro
