// SPDX-License-Identifier: Apache-2.0
#include "delta/delta.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include "delta/delta_model.h"
#include "filter/refusing_new.h"

namespace kyro::delta {
namespace {

constexpr std::size_t kBudget = std::size_t{1} << 20;
constexpr Sequence kLatest = ~Sequence{0};

template <class K>
std::unique_ptr<Delta<K>> NewDelta(std::size_t budget_bytes = kBudget) {
  auto delta = Delta<K>::Create(budget_bytes);
  EXPECT_TRUE(delta.ok());
  return std::move(delta).value();
}

template <class K>
std::size_t KeyBytes(typename K::Key key) {
  std::string encoded;
  KeyTraits<K>::Append(&encoded, key);
  return encoded.size();
}

// Writes to the delta and the model, with just as much reserved as the operation says it needs.
template <class K>
void Write(Delta<K>* delta, DeltaModel<K>* model, typename K::Key key, Sequence sequence,
           std::optional<std::string> value) {
  const std::size_t bytes = Delta<K>::OpBytes(KeyBytes<K>(key), value ? value->size() : 0);
  ASSERT_TRUE(delta->Reserve(bytes).ok());
  if (value) {
    delta->Put(key, sequence, *value);
  } else {
    delta->Delete(key, sequence);
  }
  model->Write(key, sequence, std::move(value));
}

template <class K>
class DeltaTest : public testing::Test {};
using Kinds = testing::Types<U64, Bytes>;
TYPED_TEST_SUITE(DeltaTest, Kinds);

TYPED_TEST(DeltaTest, AnEmptyDeltaSaysNothing) {
  auto delta = NewDelta<TypeParam>();
  EXPECT_TRUE(delta->empty());
  const auto key = KeyOf<TypeParam>(7);
  EXPECT_FALSE(delta->MayContain(key));
  EXPECT_EQ(delta->Get(key, kLatest).found, Found::kNothing);
  typename Delta<TypeParam>::Cursor cursor(delta.get(), kLatest);
  cursor.SeekToFirst();
  EXPECT_FALSE(cursor.Valid());
  cursor.SeekToLast();
  EXPECT_FALSE(cursor.Valid());
  cursor.Seek(key);
  EXPECT_FALSE(cursor.Valid());
  cursor.SeekForPrev(key);
  EXPECT_FALSE(cursor.Valid());
}

TYPED_TEST(DeltaTest, EqualsAMapOfVersionsAtEverySequence) {
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    auto delta = NewDelta<TypeParam>(4096);
    DeltaModel<TypeParam> model;
    Sequence sequence = 1;
    std::uint64_t operations = 0;
    const std::uint64_t keys = seed % 2 == 0 ? 60 : 3000;  // many versions of few keys, or few
    for (; operations < 4000; ++operations) {
      sequence += random() % 3;  // sometimes the same as before
      const auto key = KeyOf<TypeParam>(random() % keys);
      std::optional<std::string> value;
      if (random() % 5 != 0) value = std::string(random() % 20, static_cast<char>(random()));
      ASSERT_NO_FATAL_FAILURE(
          (Write<TypeParam>(delta.get(), &model, key, sequence, std::move(value))));
    }
    EXPECT_EQ(delta->keys(), model.keys());
    EXPECT_EQ(delta->versions(), operations);
    for (const Sequence at :
         {Sequence{0}, Sequence{1}, sequence / 3, sequence / 2, sequence - 1, sequence, kLatest}) {
      ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, at));
      for (int i = 0; i < 40; ++i) {
        const auto key = KeyOf<TypeParam>(random() % (keys + 50));
        ASSERT_NO_FATAL_FAILURE(ExpectSameSeek<TypeParam>(*delta, model, at, key));
      }
    }
  }
}

TYPED_TEST(DeltaTest, KeepsOrderForKeysThatArriveAscendingDescendingAndInRuns) {
  constexpr std::uint64_t kKeys = 20000;
  const auto ascending = [](std::uint64_t i) { return i; };
  const auto descending = [](std::uint64_t i) { return kKeys - 1 - i; };
  const auto interleaved_runs = [](std::uint64_t i) { return (i % 8) * (kKeys / 8) + i / 8; };
  const auto from_both_ends = [](std::uint64_t i) {
    return i % 2 == 0 ? i / 2 : kKeys - 1 - i / 2;
  };
  std::uint64_t (*const patterns[])(std::uint64_t) = {ascending, descending, interleaved_runs,
                                                      from_both_ends};
  for (const auto pattern : patterns) {
    auto delta = NewDelta<TypeParam>();
    DeltaModel<TypeParam> model;
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const auto key = KeyOf<TypeParam>(pattern(i));
      ASSERT_NO_FATAL_FAILURE(
          (Write<TypeParam>(delta.get(), &model, key, i + 1, std::to_string(i))));
    }
    ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, kKeys));
    ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, kKeys / 2));
  }
}

// Memory is reserved for a batch of exactly what its operations say; a debug build checks that the
// arena never gives more than was reserved. The batches are those that split the most: one key
// into each of many full leaves.
TYPED_TEST(DeltaTest, OperationsNeverTakeMoreThanOpBytes) {
  for (const std::uint64_t gap : {1u, 5u, 14u, 15u, 16u, 240u}) {
    SCOPED_TRACE(testing::Message() << "gap " << gap);
    auto delta = NewDelta<TypeParam>(4096);
    constexpr std::uint64_t kFull = 15000;
    const auto key_of = [](std::uint64_t i) {
      if constexpr (std::is_same_v<TypeParam, U64>) {
        return i;
      } else {
        const std::uint64_t big = __builtin_bswap64(i);
        return std::string(reinterpret_cast<const char*>(&big), 8);
      }
    };
    const auto batch = [&](std::uint64_t first, std::uint64_t last, std::uint64_t step) {
      const std::uint64_t operations = (last - first + step - 1) / step;
      const std::size_t before = delta->bytes();
      ASSERT_TRUE(delta->Reserve(operations * Delta<TypeParam>::OpBytes(8, 0)).ok());
      for (std::uint64_t i = first; i < last; i += step) delta->Put(key_of(i), 1, {});
      EXPECT_GE(delta->bytes(), before);
    };
    ASSERT_NO_FATAL_FAILURE(batch(0, kFull * 32, 32));  // ascending: every leaf is full
    for (std::uint64_t round = 1; round < 32; ++round) {
      ASSERT_NO_FATAL_FAILURE(batch(round, kFull * 32, 32 * gap * (round % 3 + 1)));
    }
    std::uint64_t seen = 0;
    typename Delta<TypeParam>::Cursor cursor(delta.get(), 1);
    for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) ++seen;
    EXPECT_EQ(seen, delta->keys());
  }
}

TYPED_TEST(DeltaTest, RandomBatchesStayWithinTheirReservation) {
  std::mt19937_64 random(11);
  auto delta = NewDelta<TypeParam>(4096);
  DeltaModel<TypeParam> model;
  for (Sequence sequence = 1; sequence < 60; ++sequence) {
    std::vector<std::pair<typename KeyTraits<TypeParam>::Owned, std::string>> batch;
    std::size_t bytes = 0;
    for (std::size_t i = random() % (random() % 2 == 0 ? 10 : 1000); i > 0; --i) {
      batch.emplace_back(KeyOf<TypeParam>(random() % 20000), std::string(random() % 30, 'v'));
      bytes += Delta<TypeParam>::OpBytes(KeyBytes<TypeParam>(batch.back().first),
                                         batch.back().second.size());
    }
    ASSERT_TRUE(delta->Reserve(bytes).ok());
    for (const auto& [key, value] : batch) {
      delta->Put(key, sequence, value);
      model.Write(key, sequence, value);
    }
  }
  ExpectSame(*delta, model, kLatest);
}

TYPED_TEST(DeltaTest, ARefusedReservationChangesNothing) {
  auto delta = NewDelta<TypeParam>();
  DeltaModel<TypeParam> model;
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_NO_FATAL_FAILURE(
        (Write<TypeParam>(delta.get(), &model, KeyOf<TypeParam>(i), i + 1, "value")));
  }
  const std::size_t bytes = delta->bytes();
  for (const std::size_t refused : {std::size_t{1} << 62, ~std::size_t{0}, std::size_t{1} << 47}) {
    EXPECT_EQ(delta->Reserve(refused).code(), StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(delta->bytes(), bytes);
  ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, kLatest));
  ASSERT_NO_FATAL_FAILURE(
      (Write<TypeParam>(delta.get(), &model, KeyOf<TypeParam>(500), 200, "later")));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, kLatest));
}

TYPED_TEST(DeltaTest, CreationWithoutMemoryIsRefused) {
  if (!support::RefuseNew::Works()) GTEST_SKIP() << "operator new is the sanitizer's";
  for (int granted = 0; granted < 2; ++granted) {
    const support::RefuseNew refuse(granted);
    EXPECT_EQ(Delta<TypeParam>::Create(kBudget).status().code(), StatusCode::kResourceExhausted);
  }
}

TYPED_TEST(DeltaTest, AnOldViewOfAHotKeyFindsItsVersion) {
  auto delta = NewDelta<TypeParam>();
  DeltaModel<TypeParam> model;
  constexpr Sequence kVersions = 20000;
  const auto key = KeyOf<TypeParam>(5);
  for (Sequence sequence = 1; sequence <= kVersions; ++sequence) {
    ASSERT_TRUE(delta->Reserve(Delta<TypeParam>::OpBytes(KeyBytes<TypeParam>(key), 8)).ok());
    delta->Put(key, sequence * 2, std::to_string(sequence));
  }
  for (Sequence sequence = 1; sequence <= kVersions; ++sequence) {
    ASSERT_EQ(delta->Get(key, sequence * 2).value, std::to_string(sequence));
    ASSERT_EQ(delta->Get(key, sequence * 2 + 1).value, std::to_string(sequence));
  }
  EXPECT_EQ(delta->Get(key, 1).found, Found::kNothing);
  EXPECT_EQ(delta->keys(), 1u);
}

TYPED_TEST(DeltaTest, OfTwoWritesWithOneSequenceTheLaterWins) {
  auto delta = NewDelta<TypeParam>();
  DeltaModel<TypeParam> model;
  const auto key = KeyOf<TypeParam>(3);
  for (int i = 0; i < 9; ++i) {
    ASSERT_NO_FATAL_FAILURE((Write<TypeParam>(delta.get(), &model, key, 5, std::to_string(i))));
  }
  EXPECT_EQ(delta->Get(key, 5).value, "8");
  ASSERT_NO_FATAL_FAILURE((Write<TypeParam>(delta.get(), &model, key, 5, std::nullopt)));
  EXPECT_EQ(delta->Get(key, 5).found, Found::kTombstone);
  EXPECT_EQ(delta->Get(key, 4).found, Found::kNothing);
}

TEST(Delta, HoldsTheLargestKeysAndValues) {
  auto delta = NewDelta<Bytes>();
  DeltaModel<Bytes> model;
  const std::string longest(kKeyBytesMax, '\xFF');
  std::string sibling = longest;
  sibling.back() = '\xFE';
  const std::string value(kValueBytesMax, 'v');
  ASSERT_NO_FATAL_FAILURE(Write<Bytes>(delta.get(), &model, longest, 1, value));
  ASSERT_NO_FATAL_FAILURE(Write<Bytes>(delta.get(), &model, sibling, 2, "sibling"));
  ASSERT_NO_FATAL_FAILURE(
      Write<Bytes>(delta.get(), &model, longest.substr(0, kKeyBytesMax - 1), 3, "shorter"));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, 3));
  ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, 1));
  EXPECT_GE(delta->bytes(), kValueBytesMax + 2 * kKeyBytesMax);
}

TEST(Delta, BothEndsOfTheIntegersAreOrdinaryKeys) {
  auto delta = NewDelta<U64>();
  DeltaModel<U64> model;
  for (const std::uint64_t key : {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{1} << 63,
                                  ~std::uint64_t{0} - 1, std::uint64_t{1}}) {
    ASSERT_NO_FATAL_FAILURE(ExpectSameSeek<U64>(*delta, model, 1, key));
    ASSERT_NO_FATAL_FAILURE(Write<U64>(delta.get(), &model, key, 1, "v"));
  }
  ASSERT_NO_FATAL_FAILURE(ExpectSame(*delta, model, 1));
  for (const std::uint64_t key : {~std::uint64_t{0}, std::uint64_t{0}, std::uint64_t{2}}) {
    ASSERT_NO_FATAL_FAILURE(ExpectSameSeek<U64>(*delta, model, 1, key));
  }
}

TEST(Delta, AscendingKeysLeaveFullLeaves) {
  auto ascending = NewDelta<U64>();
  auto shuffled = NewDelta<U64>();
  std::vector<std::uint64_t> keys(50000);
  for (std::uint64_t i = 0; i < keys.size(); ++i) keys[i] = i;
  const auto insert = [&keys](Delta<U64>* delta) {
    for (const std::uint64_t key : keys) {
      ASSERT_TRUE(delta->Reserve(Delta<U64>::OpBytes(8, 8)).ok());
      delta->Put(key, 1, "12345678");
    }
  };
  ASSERT_NO_FATAL_FAILURE(insert(ascending.get()));
  std::shuffle(keys.begin(), keys.end(), std::mt19937_64(1));
  ASSERT_NO_FATAL_FAILURE(insert(shuffled.get()));
  // A record of 24 bytes and a fifteenth of a leaf; a shuffled key leaves dead leaves behind too.
  EXPECT_LT(ascending->bytes() / keys.size(), 60u);
  EXPECT_LT(shuffled->bytes() / keys.size(), 130u);
}

}  // namespace
}  // namespace kyro::delta
