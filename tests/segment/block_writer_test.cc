// SPDX-License-Identifier: Apache-2.0
//
// How a block file reaches the file system: in units, so that a kernel can cache it in huge pages.
#include "segment/block_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "segment/testing.h"
#include "support/test_env.h"

namespace kyro::segment {
namespace {

struct Write {
  std::uint64_t begin = 0, end = 0;
};

class BlockWriterTest : public testing::Test {
 protected:
  BlockWriterTest() { directory_ = *env_.fs().OpenDirectory("/db", true); }

  // Writes a file of one column, flushing after so many bytes of it; returns its writes in order.
  std::vector<Write> WriteFile(std::uint64_t bytes, std::uint64_t piece, std::uint64_t flush_at) {
    Header header;
    header.file.kind = FileKind::kData;
    header.file.number = ++number_;
    header.file.file = Uuid{number_, 7};
    const std::uint64_t before = env_.fs().event_count();
    auto writer = *BlockWriter::Create(directory_.get(), header);
    EXPECT_TRUE(writer
                    ->BeginColumn(ColumnId::kValues, ColumnType::kBytes, ColumnEncoding::kPlain,
                                  /*required=*/true)
                    .ok());
    content_.clear();
    while (content_.size() < bytes) {
      const std::string some(std::min(piece, bytes - content_.size()),
                             static_cast<char>('a' + content_.size() % 23));
      EXPECT_TRUE(writer->Append(some).ok());
      const bool flush = content_.size() < flush_at && content_.size() + some.size() >= flush_at;
      content_ += some;
      if (flush) {
        EXPECT_TRUE(writer->Flush().ok());
      }
    }
    writer->EndColumn(ColumnEncoding::kPlain, bytes, 1);
    EXPECT_TRUE(writer->Finish().ok());
    EXPECT_TRUE(writer->Sync().ok());
    EXPECT_TRUE(writer->Publish().ok());
    std::vector<Write> writes;
    for (std::uint64_t n = before; n < env_.fs().event_count(); ++n) {
      const support::SimEvent event = env_.fs().event(n);
      if (event.op != support::SimOp::kWrite) continue;
      writes.push_back({event.offset, event.offset + event.bytes});
    }
    const std::string file = *env_.fs().ReadFile("/db/" + writer->name());
    EXPECT_TRUE(file.substr(kHeaderAreaBytes, bytes) == content_);
    return writes;
  }

  support::TestEnv env_;
  std::unique_ptr<io::Directory> directory_;
  std::string content_;
  std::uint64_t number_ = 0;
};

TEST_F(BlockWriterTest, WritesBeginAndEndAtUnits) {
  const auto writes = WriteFile(7'000'000, 12'345, 0);
  ASSERT_EQ(writes.size(), 6u);  // four of the column; the table and footer; the header
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(writes[i].begin, i * kWriteUnitBytes);
    EXPECT_EQ(writes[i].end, (i + 1) * kWriteUnitBytes);
  }
  EXPECT_EQ(writes[3].begin, 3 * kWriteUnitBytes);
  EXPECT_EQ(writes[4].begin, writes[3].end);
  EXPECT_EQ(writes[5].begin, 0u);
  EXPECT_EQ(writes[5].end, kHeaderAreaBytes);
}

// What was flushed early leaves the units where they are.
TEST_F(BlockWriterTest, AFlushInBetweenShortensOneUnit) {
  for (const std::uint64_t flush_at : {1ull, 1'000'000ull, 2'093'056ull, 2'100'000ull}) {
    SCOPED_TRACE(flush_at);
    const auto writes = WriteFile(7'000'000, 4096, flush_at);
    std::size_t whole = 0;
    for (const Write& write : writes) {
      EXPECT_LE(write.end, write.begin / kWriteUnitBytes * kWriteUnitBytes + kWriteUnitBytes);
      whole += write.end - write.begin == kWriteUnitBytes;
    }
    // One of the three is in two parts, unless the flush came at the end of a unit.
    EXPECT_EQ(whole, flush_at == 2'093'056 ? 3u : 2u);
    EXPECT_EQ(writes.size(), flush_at == 2'093'056 ? 6u : 7u);
  }
}

TEST_F(BlockWriterTest, OneAppendOfManyUnits) {
  const auto writes = WriteFile(9'000'000, 9'000'000, 0);
  ASSERT_EQ(writes.size(), 7u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(writes[i].end, (i + 1) * kWriteUnitBytes);
}

TEST_F(BlockWriterTest, ASmallFileIsOneWriteAndItsHeader) {
  const auto writes = WriteFile(100, 7, 0);
  ASSERT_EQ(writes.size(), 3u);
  EXPECT_EQ(writes[0].begin, 0u);
  EXPECT_EQ(writes[0].end, kHeaderAreaBytes + AlignUp(100, kColumnAlignment));
}

}  // namespace
}  // namespace kyro::segment
