// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace kyro {
namespace {

std::string RandomBytes(std::size_t size, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// RFC 3720, B.4.
TEST(Crc32c, KnownAnswers) {
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending.push_back(static_cast<char>(i));
  const std::string descending(ascending.rbegin(), ascending.rend());
  const struct {
    std::string bytes;
    std::uint32_t want;
  } cases[] = {{"", 0},
               {"123456789", 0xE3069283},
               {std::string(32, '\0'), 0x8A9136AA},
               {std::string(32, '\xff'), 0x62A8AB43},
               {ascending, 0x46DD794E},
               {descending, 0x113FDB5C}};
  for (const auto& c : cases) {
    EXPECT_EQ(Crc32c(c.bytes), c.want);
    EXPECT_EQ(Crc32cTable(c.bytes), c.want);
  }
}

TEST(Crc32c, FastEqualsTableAtEveryLengthAndAlignment) {
  const std::string bytes = RandomBytes(1700, 1);
  for (std::size_t at = 0; at < 16; ++at) {
    for (std::size_t size = 0; at + size <= bytes.size(); size += size < 600 || at == 0 ? 1 : 7) {
      const std::string_view part = std::string_view(bytes).substr(at, size);
      ASSERT_EQ(Crc32c(part, 0x12345678), Crc32cTable(part, 0x12345678)) << at << " + " << size;
    }
  }
}

TEST(Crc32c, FastEqualsTableAroundEveryLaneBoundary) {
  const std::string bytes = RandomBytes(80000, 2);
  for (std::size_t lanes = 1; lanes * 4080 < bytes.size() - 700; ++lanes) {
    for (const std::size_t more : {0, 1, 7, 8, 16, 503, 504, 505, 511, 512}) {
      for (const std::size_t at : {0, 1, 4}) {
        const auto part = std::string_view(bytes).substr(at, lanes * 4080 - 8 + more);
        ASSERT_EQ(Crc32c(part), Crc32cTable(part)) << at << " + " << part.size();
      }
    }
  }
}

TEST(Crc32c, SeedContinues) {
  const std::string bytes = RandomBytes(10000, 3);
  const std::uint32_t whole = Crc32c(bytes);
  for (const std::size_t cut : {0, 1, 9, 504, 4079, 4080, 4096, 9999, 10000}) {
    const std::string_view head = std::string_view(bytes).substr(0, cut);
    const std::string_view tail = std::string_view(bytes).substr(cut);
    EXPECT_EQ(Crc32c(tail, Crc32c(head)), whole) << cut;
    EXPECT_EQ(Crc32cTable(tail, Crc32cTable(head)), whole) << cut;
  }
}

TEST(Crc32c, EveryFlippedBitShows) {
  std::string bytes = RandomBytes(4500, 4);
  const std::uint32_t want = Crc32c(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int bit = static_cast<int>(i % 8);
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
    ASSERT_NE(Crc32c(bytes), want) << "byte " << i;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
  }
}

}  // namespace
}  // namespace kyro
