// SPDX-License-Identifier: Apache-2.0
#include "delta/generation.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "filter/refusing_new.h"

namespace kyro::delta {
namespace {

std::shared_ptr<Generation> NewGeneration(Sequence floor_sequence = 0) {
  auto generation = Generation::Create(4096, floor_sequence);
  EXPECT_TRUE(generation.ok());
  return std::move(generation).value();
}

TEST(Generation, HasWhatItWasMadeWith) {
  const auto generation = NewGeneration(17);
  EXPECT_EQ(generation->floor_sequence(), 17u);
  EXPECT_EQ(generation->budget_bytes(), 4096u);
  EXPECT_EQ(generation->last_sequence(), kSequenceMax);
  EXPECT_TRUE(generation->empty());
  EXPECT_TRUE(generation->members().empty());
  EXPECT_EQ(generation->Find<U64>(1), nullptr);
  generation->Freeze(42);
  EXPECT_EQ(generation->last_sequence(), 42u);
}

TEST(Generation, AKeyspaceHasOneDeltaThatStaysAtItsAddress) {
  const auto generation = NewGeneration();
  constexpr std::uint32_t kKeyspaces = 300;
  std::vector<const void*> deltas;
  for (std::uint32_t i = 0; i < kKeyspaces; ++i) {
    const std::uint32_t keyspace = kKeyspaces - i;  // descending
    if (keyspace % 2 == 0) {
      deltas.push_back(*generation->Ensure<U64>(keyspace));
      EXPECT_EQ(generation->Find<U64>(keyspace), deltas.back());
      EXPECT_EQ(generation->Find<Bytes>(keyspace), nullptr);
    } else {
      deltas.push_back(*generation->Ensure<Bytes>(keyspace));
      EXPECT_EQ(generation->Find<Bytes>(keyspace), deltas.back());
      EXPECT_EQ(generation->Find<U64>(keyspace), nullptr);
    }
  }
  for (std::uint32_t i = 0; i < kKeyspaces; ++i) {
    const std::uint32_t keyspace = kKeyspaces - i;
    const void* const again = keyspace % 2 == 0
                                  ? static_cast<const void*>(*generation->Ensure<U64>(keyspace))
                                  : static_cast<const void*>(*generation->Ensure<Bytes>(keyspace));
    EXPECT_EQ(again, deltas[i]);
  }
  const auto members = generation->members();
  ASSERT_EQ(members.size(), kKeyspaces);
  for (std::uint32_t i = 0; i < kKeyspaces; ++i) {
    EXPECT_EQ(members[i].keyspace, i + 1);
    EXPECT_EQ(members[i].kind, (i + 1) % 2 == 0 ? KeyKind::kU64 : KeyKind::kBytes);
  }
}

TEST(Generation, CountsWhatItsDeltasHold) {
  const auto generation = NewGeneration();
  Delta<U64>* const numbers = *generation->Ensure<U64>(1);
  Delta<Bytes>* const strings = *generation->Ensure<Bytes>(2);
  const std::size_t before = generation->bytes();
  ASSERT_TRUE(numbers->Reserve(Delta<U64>::OpBytes(8, 5)).ok());
  numbers->Put(1, 1, "value");
  ASSERT_TRUE(strings->Reserve(Delta<Bytes>::OpBytes(3, 0)).ok());
  strings->Delete("key", 1);
  EXPECT_EQ(generation->versions(), 2u);
  EXPECT_FALSE(generation->empty());
  EXPECT_GT(generation->bytes(), before);
  EXPECT_EQ(generation->bytes(), numbers->bytes() + strings->bytes());
}

TEST(Generation, TheOtherKeyKindIsAnInternalError) {
  const auto generation = NewGeneration();
  ASSERT_TRUE(generation->Ensure<U64>(3).ok());
  const auto other = generation->Ensure<Bytes>(3);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.status().code(), StatusCode::kInternal);
}

TEST(Generation, RefusedMemoryChangesNothing) {
  if (!support::RefuseNew::Works()) GTEST_SKIP() << "operator new is the sanitizer's";
  const auto generation = NewGeneration();
  std::uint32_t keyspace = 1;
  for (; keyspace <= 2; ++keyspace) ASSERT_TRUE(generation->Ensure<U64>(keyspace).ok());
  // The third makes the table grow: two allocations, then two for the delta.
  for (int granted = 0; granted < 4; ++granted) {
    const support::RefuseNew refuse(granted);
    const auto refused = generation->Ensure<U64>(keyspace);
    ASSERT_FALSE(refused.ok()) << granted;
    EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
    EXPECT_EQ(generation->Find<U64>(keyspace), nullptr);
    EXPECT_NE(generation->Find<U64>(1), nullptr);
    if (granted > 1) break;  // the table has grown; what is left is the delta's own refusal
  }
  EXPECT_TRUE(generation->Ensure<U64>(keyspace).ok());
  EXPECT_EQ(generation->members().size(), 3u);
  for (int granted = 0; granted < 2; ++granted) {
    const support::RefuseNew refuse(granted);
    const auto refused = Generation::Create(4096, 0);
    EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  }
}

TEST(Generation, ReadersFindEveryPublishedKeyspace) {
  const auto generation = NewGeneration();
  constexpr std::uint32_t kKeyspaces = 2000;
  std::atomic<std::uint32_t> published{0};
  std::thread writer([&] {
    for (std::uint32_t keyspace = 1; keyspace <= kKeyspaces; ++keyspace) {
      Delta<U64>* const delta = *generation->Ensure<U64>(keyspace);
      EXPECT_TRUE(delta->Reserve(Delta<U64>::OpBytes(8, 0)).ok());
      delta->Put(keyspace, 1, {});
      published.store(keyspace, std::memory_order_release);
    }
  });
  std::uint64_t missing = 0;
  for (std::uint32_t seen = 0; seen < kKeyspaces;) {
    seen = published.load(std::memory_order_acquire);
    for (std::uint32_t keyspace = 1; keyspace <= seen; keyspace += 1 + seen / 50) {
      const Delta<U64>* const delta = generation->Find<U64>(keyspace);
      missing += delta == nullptr || delta->Get(keyspace, 1).found != Found::kValue;
    }
  }
  writer.join();
  EXPECT_EQ(missing, 0u);
  EXPECT_EQ(generation->versions(), kKeyspaces);
}

}  // namespace
}  // namespace kyro::delta
