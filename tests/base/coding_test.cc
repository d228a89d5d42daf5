// SPDX-License-Identifier: Apache-2.0
#include "base/coding.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/key_traits.h"

namespace kyro {
namespace {

TEST(Coding, IntegersAreLittleEndian) {
  std::string bytes;
  AppendLE(&bytes, std::uint8_t{0x01});
  AppendLE(&bytes, std::uint16_t{0x0302});
  AppendLE(&bytes, std::uint32_t{0x07060504});
  AppendLE(&bytes, std::uint64_t{0x0f0e0d0c0b0a0908});
  EXPECT_EQ(bytes, std::string("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"));
}

TEST(Coding, LoadsWhatWasStoredAtAnyAlignment) {
  char buffer[32];
  for (std::size_t at = 0; at < 8; ++at) {
    const std::uint64_t value = 0x8877665544332211 + at;
    StoreLE(buffer + at, value);
    EXPECT_EQ(LoadLE<std::uint64_t>(buffer + at), value);
  }
}

TEST(ByteReader, ReadsFieldsInOrder) {
  std::string bytes;
  AppendLE(&bytes, std::uint32_t{7});
  bytes.append("abc");
  AppendLE(&bytes, std::numeric_limits<std::uint64_t>::max());
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Read<std::uint32_t>(), 7u);
  EXPECT_EQ(reader.position(), 4u);
  EXPECT_EQ(reader.ReadBytes(3), "abc");
  EXPECT_EQ(reader.rest().size(), 8u);
  EXPECT_EQ(reader.Read<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(reader.empty());
  EXPECT_TRUE(reader.ok());
}

TEST(ByteReader, OnceShortAlwaysFailed) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.Read<std::uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.ReadBytes(1), "a") << "what is there may still be read";
  EXPECT_FALSE(reader.ok()) << "but the reader stays failed";
}

TEST(ByteReader, LengthsBeyondTheEndAreRefusedNotWrapped) {
  ByteReader reader("abc");
  EXPECT_EQ(reader.ReadBytes(std::numeric_limits<std::uint64_t>::max()), "");
  EXPECT_FALSE(reader.ok());
}

TEST(Coding, AlignUpRoundsToPowersOfTwo) {
  EXPECT_EQ(AlignUp(0, 512), 0u);
  EXPECT_EQ(AlignUp(1, 512), 512u);
  EXPECT_EQ(AlignUp(512, 512), 512u);
  EXPECT_EQ(AlignUp(513, 512), 1024u);
  EXPECT_EQ(AlignUp(17, 1), 17u);
}

TEST(Coding, IsZeroSeesEveryBit) {
  for (const std::size_t size : {0, 1, 7, 8, 255, 256, 257, 511, 512, 513, 1000}) {
    std::string bytes(size, '\0');
    EXPECT_TRUE(IsZero(bytes)) << size;
    for (std::size_t i = 0; i < size; ++i) {
      for (const int bit : {0, 7}) {
        bytes[i] = static_cast<char>(1 << bit);
        EXPECT_FALSE(IsZero(bytes)) << size << " bytes, byte " << i;
        bytes[i] = '\0';
      }
    }
  }
}

TEST(Coding, IsZeroLooksOnlyAtItsBytes) {
  const std::string bytes = std::string("x") + std::string(600, '\0') + "x";
  EXPECT_TRUE(IsZero(std::string_view(bytes).substr(1, 600)));
  EXPECT_FALSE(IsZero(std::string_view(bytes).substr(1, 601)));
  EXPECT_FALSE(IsZero(std::string_view(bytes).substr(0, 601)));
}

TEST(KeyTraits, U64KeysAreOrderedByNumberAndTakeEightBytes) {
  std::string bytes;
  KeyTraits<U64>::Append(&bytes, 0x100);
  KeyTraits<U64>::Append(&bytes, ~std::uint64_t{0});
  ASSERT_EQ(bytes.size(), 16u);
  EXPECT_EQ(bytes[1], 1);
  EXPECT_EQ(KeyTraits<U64>::Decode(bytes.substr(0, 8)), 0x100u);
  EXPECT_EQ(KeyTraits<U64>::Decode(bytes.substr(8)), ~std::uint64_t{0});
  EXPECT_TRUE(KeyTraits<U64>::Less(0xff, 0x100));
  EXPECT_TRUE(KeyTraits<U64>::Less(0, ~std::uint64_t{0}));
  EXPECT_TRUE(KeyTraits<U64>::ValidSize(8));
  EXPECT_FALSE(KeyTraits<U64>::ValidSize(7));
  EXPECT_FALSE(KeyTraits<U64>::ValidSize(9));
}

TEST(KeyTraits, BytesKeysAreOrderedAsUnsignedBytesThenByLength) {
  using Traits = KeyTraits<Bytes>;
  EXPECT_TRUE(Traits::Less("", std::string_view("\0", 1)));
  EXPECT_TRUE(Traits::Less("a", "aa"));
  EXPECT_TRUE(Traits::Less("\x7f", "\x80")) << "bytes are unsigned";
  EXPECT_FALSE(Traits::Less("b", "aa"));
  EXPECT_FALSE(Traits::Equal(std::string_view("a\0", 2), "a"));
  EXPECT_TRUE(Traits::ValidSize(0));
  EXPECT_TRUE(Traits::ValidSize(65535));
  EXPECT_FALSE(Traits::ValidSize(65536));
}

}  // namespace
}  // namespace kyro
