// SPDX-License-Identifier: Apache-2.0
#include "batch/batch.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/coding.h"
#include "support/golden.h"
#include "support/seeded_random.h"

namespace kyro::batch {
namespace {

struct OwnedOp {
  OpKind kind;
  KeyKind key_kind;
  std::uint32_t keyspace;
  std::string key;
  std::string value;
  bool operator==(const OwnedOp&) const = default;
  Op op() const { return Op{kind, key_kind, keyspace, key, value}; }
};

std::string U64Key(std::uint64_t key) {
  std::string bytes;
  AppendLE(&bytes, key);
  return bytes;
}

// What the bytes say, or why not.
Result<std::vector<OwnedOp>> ReadAll(std::string_view bytes) {
  std::vector<OwnedOp> ops;
  Reader reader(bytes);
  for (Op op; reader.Next(&op);) {
    ops.push_back({op.kind, op.key_kind, op.keyspace, std::string(op.key), std::string(op.value)});
  }
  if (Status status = reader.status(); !status.ok()) return status;
  return ops;
}

std::string Encode(const std::vector<OwnedOp>& ops) {
  std::string bytes;
  Clear(&bytes);
  for (const OwnedOp& op : ops) EXPECT_TRUE(Append(&bytes, op.op()).ok());
  return bytes;
}

const std::vector<OwnedOp> kExample = {
    {OpKind::kPut, KeyKind::kU64, 1, U64Key(42), "forty-two"},
    {OpKind::kPut, KeyKind::kBytes, 2, "key", ""},
    {OpKind::kDelete, KeyKind::kBytes, 2, "", ""},
    {OpKind::kDelete, KeyKind::kU64, 0xffffffff, U64Key(~std::uint64_t{0}), ""},
};

TEST(Batch, AnEmptyBatchHasNoOperations) {
  std::string bytes = "old";
  Clear(&bytes);
  EXPECT_EQ(bytes, std::string(4, '\0'));
  EXPECT_EQ(OpCount(bytes), 0u);
  EXPECT_TRUE(ReadAll(bytes).value().empty());
}

TEST(Batch, OperationsRoundTripInOrder) {
  const std::string bytes = Encode(kExample);
  EXPECT_EQ(OpCount(bytes), 4u);
  EXPECT_EQ(ReadAll(bytes).value(), kExample);
}

TEST(Batch, TheBytesAreThoseOfTheFormatPage) {
  const std::string bytes = Encode(kExample);
  support::ExpectGolden("batch.bin", bytes);
  support::ExpectDocShowsGolden("docs/format-batch.md", bytes);
}

TEST(Batch, TheLargestKeyAndValueRoundTrip) {
  const std::vector<OwnedOp> ops = {{OpKind::kPut, KeyKind::kBytes, 1,
                                     std::string(kKeyBytesMax, 'k'),
                                     std::string(kValueBytesMax, 'v')}};
  EXPECT_EQ(ReadAll(Encode(ops)).value(), ops);
}

TEST(Batch, WhatIsOverALimitIsRefusedAndChangesNothing) {
  const std::string long_key(kKeyBytesMax + 1, 'k');
  const std::string long_value(kValueBytesMax + 1, 'v');
  const OwnedOp bad[] = {
      {OpKind::kPut, KeyKind::kBytes, 1, long_key, ""},
      {OpKind::kDelete, KeyKind::kBytes, 1, long_key, ""},
      {OpKind::kPut, KeyKind::kBytes, 1, "k", long_value},
      {OpKind::kPut, KeyKind::kU64, 1, "1234567", ""},
      {OpKind::kPut, KeyKind::kU64, 1, "123456789", ""},
      {OpKind::kDelete, KeyKind::kBytes, 1, "k", "value"},
      {static_cast<OpKind>(0), KeyKind::kBytes, 1, "k", ""},
      {static_cast<OpKind>(3), KeyKind::kBytes, 1, "k", ""},
      {OpKind::kPut, static_cast<KeyKind>(0), 1, "k", ""},
      {OpKind::kPut, static_cast<KeyKind>(3), 1, "k", ""},
  };
  std::string bytes = Encode(kExample);
  const std::string before = bytes;
  for (const OwnedOp& op : bad) {
    EXPECT_EQ(Append(&bytes, op.op()).code(), StatusCode::kInvalidArgument);
    EXPECT_EQ(bytes, before);
  }
  std::string never_cleared;
  EXPECT_EQ(Append(&never_cleared, kExample[0].op()).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(never_cleared.empty());
}

TEST(Batch, EveryTruncationIsDamage) {
  const std::string bytes = Encode(kExample);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto ops = ReadAll(std::string(bytes, 0, length));
    EXPECT_EQ(ops.status().code(), StatusCode::kDataLoss) << length;
  }
}

TEST(Batch, BytesBehindTheLastOperationAreDamage) {
  EXPECT_EQ(ReadAll(Encode(kExample) + '\0').status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ReadAll(std::string(5, '\0')).status().code(), StatusCode::kDataLoss);
}

TEST(Batch, StatusJudgesTheWholeBatchEvenIfTheCallerStopsEarly) {
  const std::string bytes = Encode(kExample);
  Reader good(bytes);
  Op op;
  ASSERT_TRUE(good.Next(&op));
  EXPECT_TRUE(good.status().ok());
  EXPECT_EQ(op.key, U64Key(42));  // and reading goes on where it was
  ASSERT_TRUE(good.Next(&op));
  EXPECT_EQ(op.key, "key");
  const std::string cut = bytes.substr(0, bytes.size() - 1);
  Reader bad(cut);
  ASSERT_TRUE(bad.Next(&op));
  EXPECT_EQ(bad.status().code(), StatusCode::kDataLoss);
}

TEST(Batch, DamageSaysWhatWasFoundAndWanted) {
  std::string bytes = Encode(kExample);
  bytes[4] = 9;
  EXPECT_EQ(ReadAll(bytes).status().message(),
            "batch at byte 4: unknown operation kind: found 9, want 2");
}

// Any mutation reads as a batch that says the same on being written again, or as damage. Views stay
// inside the bytes (the sanitizers watch).
void ExpectSafe(const std::string& bytes) {
  const std::string exact(bytes);  // its own allocation: reading past it is seen
  const auto ops = ReadAll(exact);
  if (ops.ok()) {
    EXPECT_EQ(Encode(*ops), bytes);
  } else {
    EXPECT_EQ(ops.status().code(), StatusCode::kDataLoss);
    EXPECT_FALSE(ops.status().message().empty());
  }
}

TEST(Batch, EveryByteTakesEveryValueSafely) {
  const std::string bytes = Encode(kExample);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string mutated = bytes;
      mutated[at] = static_cast<char>(value);
      ExpectSafe(mutated);
    }
  }
}

TEST(Batch, RandomBytesAndRandomMutationsAreSafe) {
  constexpr std::uint64_t kSeed = 20260101;
  SCOPED_TRACE(kSeed);
  support::SeededRandom random(kSeed);
  const std::string bytes = Encode(kExample);
  for (int i = 0; i < 20'000; ++i) {
    if (random.OneIn(4)) {
      ExpectSafe(random.String(random.Below(64)));
      continue;
    }
    std::string mutated = bytes.substr(0, random.Between(1, bytes.size()));
    for (std::uint64_t n = random.Between(1, 4); n > 0; --n) {
      mutated[random.Below(mutated.size())] = static_cast<char>(random.Next());
    }
    ExpectSafe(mutated);
  }
}

TEST(Batch, RandomBatchesRoundTrip) {
  constexpr std::uint64_t kSeed = 7;
  SCOPED_TRACE(kSeed);
  support::SeededRandom random(kSeed);
  for (int i = 0; i < 300; ++i) {
    std::vector<OwnedOp> ops(random.Below(20));
    for (OwnedOp& op : ops) {
      op.kind = random.OneIn(3) ? OpKind::kDelete : OpKind::kPut;
      op.key_kind = random.OneIn(2) ? KeyKind::kU64 : KeyKind::kBytes;
      op.keyspace = static_cast<std::uint32_t>(random.Next());
      op.key =
          op.key_kind == KeyKind::kU64 ? U64Key(random.Next()) : random.String(random.Below(40));
      if (op.kind == OpKind::kPut) op.value = random.String(random.Below(300));
    }
    EXPECT_EQ(ReadAll(Encode(ops)).value(), ops);
  }
}

}  // namespace
}  // namespace kyro::batch
