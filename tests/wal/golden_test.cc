// SPDX-License-Identifier: Apache-2.0
//
// The example of docs/format-wal.md: a closed file with every type of record, and one that a newer
// writer would have to read for ever after version 1.
#include <gtest/gtest.h>

#include <string>

#include "base/file_header.h"
#include "support/golden.h"
#include "wal/inspect.h"
#include "wal/log_fixture.h"

namespace kyro::wal {
namespace {

// The Random seam with nothing random: the uuid of the example is 00 01 02 .. 0f.
class Counting final : public io::Random {
 public:
  Status Fill(void* to, std::size_t bytes) noexcept override {
    for (std::size_t i = 0; i < bytes; ++i) static_cast<unsigned char*>(to)[i] = next_++;
    return Status::Ok();
  }

 private:
  unsigned char next_ = 0;
};

std::string Example() {
  Log log;
  Counting random;
  auto made = Writer::Create(log.directory.get(), &random, kDatabase, 7, 4096);
  EXPECT_TRUE(made.ok());
  log.writer = std::move(made).value();
  log.last = 40;
  const Link link{FileId{5, Uuid{0xaaaaaaaaaaaaaaaa, 0xbbbbbbbbbbbbbbbb}}, 8192, 40, false};
  EXPECT_TRUE(log.writer->AppendLink(log.Info(), link).ok());
  log.Synced({"first batch", "second"});
  log.Mark();
  EXPECT_TRUE(log.writer->AppendSeal(log.Info(), FileId{}).ok());
  EXPECT_TRUE(log.writer->TruncateToLength().ok());
  return log.Bytes(7);
}

TEST(WalFormat, TheBytesAreThoseOfTheFormatPage) {
  const std::string bytes = Example();
  support::ExpectGolden("wal.bin", bytes);
  support::ExpectDocShowsGolden("docs/format-wal.md", bytes);
}

TEST(WalFormat, TheGoldenFileReadsBack) {
  Log log;
  log.Replace(7, support::ReadSourceFile("tests/golden/wal.bin"));
  std::vector<std::string> lines;
  const auto report =
      ScanFile(*log.directory, "000007.wal", [&](const RecordHeader& header, std::string_view p) {
        lines.push_back(fmt::format("{} {} {}-{} synced {}", RecordTypeName(header.type),
                                    header.offset, header.first, header.last,
                                    header.synced_offset));
        for (std::string_view batch; header.batches > 0 && NextBatch(&p, &batch);) {
          lines.emplace_back(batch);
        }
        return Status::Ok();
      });
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->damage.ok()) << report->damage.ToString();
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "link 512 41-40 synced 512", "group 1024 41-42 synced 512", "first batch",
                       "second", "mark 1536 43-42 synced 1536", "seal 2048 43-42 synced 1536"}));
  EXPECT_EQ(report->header.database, kDatabase);
  EXPECT_EQ(report->file.last_sequence, 42u);
}

}  // namespace
}  // namespace kyro::wal
