// SPDX-License-Identifier: Apache-2.0
#include "support/golden.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <string>

#include "support/test_env.h"

namespace kyro::support {
namespace {

TEST(HexDump, PrintsAsHexdumpDoes) {
  EXPECT_EQ(HexDump(""), "00000000\n");
  EXPECT_EQ(HexDump("KYRO\r\n\x1a|abcdefg~\x7f"),
            "00000000  4b 59 52 4f 0d 0a 1a 7c  61 62 63 64 65 66 67 7e  |KYRO...|abcdefg~|\n"
            "00000010  7f                                                |.|\n"
            "00000011\n");
}

TEST(HexDump, FoldsRepeatedLines) {
  EXPECT_EQ(HexDump(std::string(16, 'a') + std::string(64, '\0') + "b"),
            "00000000  61 61 61 61 61 61 61 61  61 61 61 61 61 61 61 61  |aaaaaaaaaaaaaaaa|\n"
            "00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
            "*\n"
            "00000050  62                                                |b|\n"
            "00000051\n");
}

TEST(Golden, AMissingFileOrPageFailsTheTest) {
  EXPECT_NONFATAL_FAILURE(ExpectGolden("there-is-no-such-file", "x"), "cannot be read");
  EXPECT_NONFATAL_FAILURE({ EXPECT_EQ(ReadSourceFile("docs/there-is-no-such-page.md"), ""); },
                          "cannot be read");
}

TEST(Golden, ReadsTheSourceTree) {
  EXPECT_NE(ReadSourceFile("tests/support/golden_test.cc").find("ReadsTheSourceTree"),
            std::string::npos);
}

TEST(TestEnv, ACrashKeepsTheDiskAndDropsTheWork) {
  TestEnv world(7);
  const auto directory = world.env().fs->OpenDirectory("/db", true).value();
  const auto file = directory->Create("f").value();
  ASSERT_EQ(file->Write(0, "content"), Status());
  const auto queue = world.env().executor->NewQueue("flush").value();
  ASSERT_TRUE(queue->Post([] {}).ok());
  const auto after = world.Crash(CrashKind::kKill, world.fs().event_count());
  EXPECT_EQ(after->fs().ReadFile("/db/f").value(), "content");
  EXPECT_EQ(after->executor().pending(), 0u);
  EXPECT_GE(after->clock().NowMicros(), world.clock().NowMicros());
  const auto before_uuid = world.env().random->NewUuid();
  const auto after_uuid = after->env().random->NewUuid();
  ASSERT_TRUE(before_uuid.ok() && after_uuid.ok());
  EXPECT_FALSE(*before_uuid == *after_uuid);
}

TEST(SeededRandom, IsTheSameForTheSameSeedEverywhere) {
  SeededRandom random(1);
  EXPECT_EQ(random.Next(), 0x910a2dec89025cc1u);  // SplitMix64, seed 1
  EXPECT_EQ(random.Next(), 0xbeeb8da1658eec67u);
  SeededRandom one(5);
  SeededRandom two(5);
  EXPECT_EQ(one.String(100), two.String(100));
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LT(one.Below(3), 3u);
    const std::uint64_t between = one.Between(10, 12);
    EXPECT_TRUE(between >= 10 && between <= 12);
  }
}

}  // namespace
}  // namespace kyro::support
