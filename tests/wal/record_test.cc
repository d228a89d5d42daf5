// SPDX-License-Identifier: Apache-2.0
#include "wal/record.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/crc32c.h"

namespace kyro::wal {
namespace {

constexpr std::uint32_t kSeed = 0xabcdef01;

RecordHeader SomeHeader() {
  RecordHeader header;
  header.type = RecordType::kGroup;
  header.offset = 1024;
  header.first = 41;
  header.last = 42;
  header.synced_offset = 512;
  header.commit_micros = 1'750'000'000'000'000;
  header.manifest = ManifestMark{9, 0x99};
  header.batches = 2;
  return header;
}

std::string SomePayload() {
  std::string payload;
  AddBatch(&payload, "one");
  AddBatch(&payload, "");
  return payload;
}

std::string Finished(const RecordHeader& header, const std::string& payload) {
  std::string record(kRecordHeaderBytes, '?');
  record += payload;
  FinishRecord(header, kSeed, &record);
  return record;
}

TEST(WalRecord, EveryFieldStandsWhereTheFormatSays) {
  const std::string payload = SomePayload();
  const std::string record = Finished(SomeHeader(), payload);
  ASSERT_EQ(record.size(), kSectorBytes);
  const char* const at = record.data();
  EXPECT_EQ(LoadLE<std::uint32_t>(at), 2u);
  std::uint32_t crc = Crc32c(std::string_view(record).substr(0, 4), kSeed);
  crc = Crc32c(std::string_view(record).substr(8, 72), crc);
  EXPECT_EQ(LoadLE<std::uint32_t>(at + 4), crc);
  EXPECT_EQ(LoadLE<std::uint32_t>(at + 8), Crc32c(payload, kSeed));
  EXPECT_EQ(LoadLE<std::uint32_t>(at + 12), payload.size());
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 16), 1024u);
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 24), 41u);
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 32), 42u);
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 40), 512u);
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 48), 1'750'000'000'000'000u);
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 56), 9u);
  EXPECT_EQ(LoadLE<std::uint32_t>(at + 64), 0x99u);
  EXPECT_EQ(LoadLE<std::uint32_t>(at + 68), 2u);
  EXPECT_EQ(LoadLE<std::uint64_t>(at + 72), 0u);
  EXPECT_EQ(record.substr(80, payload.size()), payload);
  EXPECT_TRUE(IsZero(std::string_view(record).substr(80 + payload.size())));
}

TEST(WalRecord, HeaderRoundTrips) {
  const std::string record = Finished(SomeHeader(), SomePayload());
  std::string why;
  const auto header = DecodeRecordHeader(record, kSeed, 1024, &why);
  ASSERT_TRUE(header) << why;
  EXPECT_EQ(header->type, RecordType::kGroup);
  EXPECT_EQ(header->payload_bytes, SomePayload().size());
  EXPECT_EQ(header->first, 41u);
  EXPECT_EQ(header->last, 42u);
  EXPECT_EQ(header->synced_offset, 512u);
  EXPECT_EQ(header->manifest, (ManifestMark{9, 0x99}));
  EXPECT_EQ(header->batches, 2u);
  EXPECT_EQ(header->end(), 1536u);
}

TEST(WalRecord, EveryFlippedHeaderBitIsFound) {
  const std::string record = Finished(SomeHeader(), SomePayload());
  for (std::size_t bit = 0; bit < 8 * kRecordHeaderBytes; ++bit) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeRecordHeader(flipped, kSeed, 1024, nullptr)) << "bit " << bit;
  }
}

TEST(WalRecord, BelongsToItsFileAndItsOffset) {
  const std::string record = Finished(SomeHeader(), SomePayload());
  std::string why;
  EXPECT_FALSE(DecodeRecordHeader(record, kSeed + 1, 1024, &why));
  EXPECT_FALSE(DecodeRecordHeader(record, kSeed, 1536, &why));
  EXPECT_EQ(why, "a record of offset 1024");
}

TEST(WalRecord, AFullSectorHasNoPadding) {
  const std::string payload(kSectorBytes - kRecordHeaderBytes, 'x');
  EXPECT_EQ(Finished(SomeHeader(), payload).size(), kSectorBytes);
  EXPECT_EQ(Finished(SomeHeader(), payload + "x").size(), 2 * kSectorBytes);
}

TEST(WalRecord, PayloadsRoundTripAndNothingElseDecodes) {
  const Link link{FileId{3, Uuid{4, 5}}, 6, 7, true};
  const Seal seal{FileId{8, Uuid{9, 10}}};
  EXPECT_EQ(DecodeLink(EncodeLink(link)), link);
  EXPECT_EQ(DecodeSeal(EncodeSeal(seal)), seal);
  for (std::size_t bytes = 0; bytes < 100; ++bytes) {
    const std::string zeros(bytes, '\0');
    EXPECT_EQ(DecodeLink(zeros).has_value(), bytes == 48) << bytes;
    EXPECT_EQ(DecodeSeal(zeros).has_value(), bytes == 24) << bytes;
  }
  std::string flags = EncodeLink(link);
  for (std::size_t bit = 1; bit < 64; ++bit) {
    std::string flipped = flags;
    flipped[40 + bit / 8] = static_cast<char>(flipped[40 + bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(DecodeLink(flipped)) << "flag " << bit;
  }
}

// What an intact record may not say. `change` makes one lie.
template <class Change>
Status Lie(Change change) {
  RecordHeader header = SomeHeader();
  std::string payload = SomePayload();
  Sequence next = header.first;
  change(&header, &payload, &next);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  return CheckRecord(header, payload, next, "000001.wal");
}

TEST(WalRecord, TheTruthPasses) {
  EXPECT_TRUE(Lie([](auto*, auto*, auto*) {}).ok());
  EXPECT_TRUE(Lie([](RecordHeader* header, std::string* payload, Sequence* next) {
                header->type = RecordType::kLink;
                header->offset = header->synced_offset = 512;
                *next = header->first = 1;
                header->last = 0;
                header->batches = 0;
                *payload = EncodeLink(Link{});
              }).ok());
}

TEST(WalRecord, AnUnknownTypeIsOfANewerVersion) {
  for (const std::uint32_t type : {0u, 5u, 0xffffffffu}) {
    EXPECT_EQ(Lie([type](RecordHeader* header, auto*, auto*) {
                header->type = static_cast<RecordType>(type);
              }).code(),
              StatusCode::kUnsupported);
  }
}

TEST(WalRecord, LiesAreDamage) {
  using H = RecordHeader;
  using P = std::string;
  using N = Sequence;
  const Status lies[] = {
      Lie([](H* header, P*, N*) { header->reserved = 1; }),
      Lie([](H* header, P*, N*) { header->first = 40; }),
      Lie([](H* header, P*, N*) { header->first = 42; }),
      Lie([](H*, P*, N* next) { *next = 40; }),
      Lie([](H*, P*, N* next) { *next = 42; }),
      Lie([](H* header, P*, N*) { header->last = 43; }),
      Lie([](H* header, P*, N*) { header->last = 40; }),
      Lie([](H* header, P*, N*) { header->batches = 1; }),
      Lie([](H* header, P*, N*) { header->batches = 3; }),
      Lie([](H* header, P*, N*) { header->synced_offset = 1536; }),
      Lie([](H* header, P*, N*) { header->synced_offset = 0; }),
      Lie([](H* header, P*, N*) { header->offset = 512; }),  // a link stands there
      Lie([](H*, P* payload, N*) { payload->pop_back(); }),
      Lie([](H*, P* payload, N*) { payload->push_back('\0'); }),
      Lie([](H*, P* payload, N*) { (*payload)[0] = '\x7f'; }),
      Lie([](H* header, P* payload, N*) {
        payload->clear();
        header->batches = 0;
        header->last = header->first - 1;
      }),
      Lie([](H* header, P*, N*) { header->type = RecordType::kMark; }),
      Lie([](H* header, P* payload, N*) {
        header->type = RecordType::kMark;
        payload->clear();
        header->last = 40;
      }),
      Lie([](H* header, P* payload, N*) {
        header->type = RecordType::kSeal;
        header->batches = 0;
        *payload = EncodeSeal(Seal{});
      }),
      Lie([](H* header, P* payload, N* next) {
        *next = header->first = std::numeric_limits<Sequence>::max();
        header->batches = 1;
        header->last = header->first;
        payload->assign(kBatchLengthBytes, '\0');
      }),
      Lie([](H* header, P* payload, N*) {
        header->type = RecordType::kLink;
        header->offset = header->synced_offset = 512;
        header->batches = 0;
        header->last = 40;
        *payload = EncodeLink(Link{FileId{}, 0, 39, false});
      }),
  };
  int i = 0;
  for (const Status& status : lies) {
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << "lie " << i++ << " " << status.ToString();
    EXPECT_EQ(status.file(), "000001.wal");
  }
}

}  // namespace
}  // namespace kyro::wal
