// SPDX-License-Identifier: Apache-2.0
//
// Lookups in one call against a binary search: every structure, SIMD target and width, key sets
// that break learned indexes, and models with any bytes in them.
#include "segment/direct.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "index/key_sets.h"
#include "index/test_util.h"

namespace kyro::segment {
namespace {

using index::Column;
using index::KeySet;
using Force = index::TrainOptions::Force;

// A column with values of one width, its model, and the ways into it.
class Rows {
 public:
  Rows(const KeySet& set, std::uint32_t width, Force force)
      : column_(set.keys), width_(width), values_(set.keys.size() * width, '\0') {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i] = static_cast<char>(i / width * 131 + i % width);
    }
    auto blob = index::Train(column_.keys(), {.force = force});
    if (!blob.ok()) return;  // this structure cannot be forced on these keys
    blob_ = std::move(blob).value();
    auto model = index::Model::Open(blob_.bytes(), static_cast<std::uint32_t>(set.keys.size()));
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    direct_.lookups = &lookups_;
    direct_.counted = &Counted;
    direct_.first_key = set.keys.front();
    direct_.key_span = set.keys.back() - set.keys.front();
    direct_.core = model->core();
    direct_.columns = {column_.keys().data(), values_.data(), width, &counters_};
    way_ = ChooseDirect(direct_.core, direct_.columns);
  }

  bool offered() const { return way_.get != nullptr; }
  index::ModelBytes& blob() { return blob_; }
  const index::Core& core() const { return direct_.core; }
  const index::Counters& counters() const { return counters_; }
  TallyCells* lookups() { return &lookups_; }
  Lookup Get(std::uint64_t key) const { return way_.get(direct_, key); }

  void Check(std::span<const std::uint64_t> queries) const {
    std::vector<Lookup> many(queries.size());
    way_.multi_get(direct_, queries.data(), many.data(), queries.size());
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const std::uint64_t key = queries[i];
      const std::uint32_t at = index::Expected(column_.keys(), key);
      const bool there = at < column_.keys().size() && column_.keys()[at] == key;
      for (const Lookup& lookup : {Get(key), many[i]}) {
        ASSERT_EQ(lookup.present(), there) << key;
        ASSERT_EQ(lookup.undecided(), !there) << key;
        if (!there) continue;
        ASSERT_EQ(lookup.value().data(), values_.data() + std::size_t{at} * width_) << key;
        ASSERT_EQ(lookup.value().size(), width_) << key;
      }
    }
  }
  index::Keys Queries() const {
    return index::QueriesFor(column_.keys(), 1 + column_.keys().size() / 3000);
  }

 private:
  static Lookup Counted(const Getter<U64>&, std::uint64_t) noexcept { return Lookup::Tombstone(); }

  Column column_;
  const std::uint32_t width_;
  std::string values_;
  index::ModelBytes blob_;
  mutable index::Counters counters_;
  TallyCells lookups_;
  Direct<U64> direct_;
  DirectWay<U64> way_;
};

// Nobody is told of a count: this thread's cell, which it may not have yet, is never due.
void NeverDue(TallyCells* cells) {
  for (std::size_t i = 0; i <= kTallyCells; ++i) (*cells)[i].due.store(~std::uint64_t{0});
}

// Distinct keys, enough of them for a model.
std::vector<KeySet> Sets(std::size_t count) {
  std::vector<KeySet> sets = index::EdgeSets();
  for (KeySet& set : index::LargeSets(count)) sets.push_back(std::move(set));
  std::erase_if(sets, [](const KeySet& set) {
    return set.duplicates || set.keys.size() < index::kModelKeysMin;
  });
  return sets;
}

TEST(Direct, AnswersAreThoseOfABinarySearch) {
  int checked = 0, trees = 0, packed = 0, slots = 0, mixed = 0;
  index::ForEachTarget([&] {
    for (const KeySet& set : Sets(20000)) {
      for (const Force force : {Force::kNothing, Force::kSlots, Force::kTree, Force::kPackedTree}) {
        for (const std::uint32_t width : {8u, 3u, 100u}) {
          SCOPED_TRACE(set.name + ", width " + std::to_string(width));
          Rows rows(set, width, force);
          if (!rows.offered()) continue;
          NeverDue(rows.lookups());
          rows.Check(rows.Queries());
          EXPECT_EQ(rows.counters().fallbacks.load(), 0u);
          ++checked;
          trees += rows.core().structure == index::Structure::kTree;
          packed += rows.core().structure == index::Structure::kPackedTree;
          slots += rows.core().structure == index::Structure::kSlots;
          mixed += rows.core().structure == index::Structure::kMixed;
        }
      }
    }
  });
  // Where the best target has no such way there is nothing to check.
  if (checked == 0) GTEST_SKIP() << "no AVX2 on this machine";
  EXPECT_GT(trees, 10);
  EXPECT_GT(packed, 10);
  EXPECT_GT(slots, 10);
  EXPECT_GT(mixed, 10);
}

TEST(Direct, EveryDepthOfATree) {
  std::set<std::uint32_t> levels;
  for (const std::size_t count : {64u, 544u, 545u, 9248u, 9249u, 157216u, 157217u}) {
    KeySet set{"uniform", index::UniformKeys(count, 3)};
    Rows rows(set, 8, Force::kTree);
    if (!rows.offered()) GTEST_SKIP() << "no AVX2 on this machine";
    NeverDue(rows.lookups());
    rows.Check(rows.Queries());
    levels.insert(rows.core().tree_levels);
  }
  EXPECT_EQ(levels, (std::set<std::uint32_t>{1, 2, 3, 4}));
}

TEST(Direct, DepthsOfAPackedTree) {
  std::set<std::uint32_t> levels;
  for (const std::size_t count : {64u, 71544u, 71545u, 1220472u, 1220473u}) {
    KeySet set{"uniform", index::UniformKeys(count, 3)};
    Rows rows(set, 8, Force::kPackedTree);
    if (!rows.offered()) GTEST_SKIP() << "no AVX2 on this machine";
    NeverDue(rows.lookups());
    rows.Check(rows.Queries());
    levels.insert(rows.core().tree_levels);
  }
  EXPECT_EQ(levels, (std::set<std::uint32_t>{1, 2, 3}));
}

// Slots, nodes and separators may hold anything (index/core.h C4): answers stay those of the keys.
TEST(Direct, AnyModelBytesGiveTheSameAnswers) {
  index::Rng rng(11);
  std::uint64_t fallbacks = 0, offered = 0;
  for (const KeySet& set : Sets(3000)) {
    for (const Force force : {Force::kSlots, Force::kTree, Force::kPackedTree}) {
      for (int round = 0; round < 8; ++round) {
        SCOPED_TRACE(set.name + ", round " + std::to_string(round));
        Rows rows(set, round % 2 == 0 ? 8 : 5, force);
        if (!rows.offered()) continue;
        NeverDue(rows.lookups());
        ++offered;
        const std::span<std::byte> bytes = rows.blob().bytes();
        const std::size_t first = sizeof(index::ModelHeader);
        for (std::size_t at = first; at + 8 <= bytes.size(); at += 8) {
          if (round < 4 && rng.Below(8) != 0) continue;  // some words, or all
          const std::uint64_t word = round % 3 == 0 ? rng.Next() : rng.Next() >> rng.Below(64);
          std::memcpy(bytes.data() + at, &word, 8);
        }
        rows.Check(rows.Queries());
        fallbacks += rows.counters().fallbacks.load();
      }
    }
  }
  if (offered == 0) GTEST_SKIP() << "no AVX2 on this machine";
  EXPECT_GT(fallbacks, 1000u);  // or the models were not damaged
}

TEST(Direct, CountsEachLookupAndTellsWhenOneIsDue) {
  Rows rows({"uniform", index::UniformKeys(1000, 5)}, 8, Force::kNothing);
  if (!rows.offered()) GTEST_SKIP() << "no AVX2 on this machine";
  // A thread without a cell is told at once.
  std::thread([&] { EXPECT_TRUE(rows.Get(1).absent() && !rows.Get(1).undecided()); }).join();
  EXPECT_EQ(rows.lookups()->Sum(), 0u);
  // One with a cell is told from the count on at which it is due.
  std::thread([&] {
    thread_tally_cell = 5;
    (*rows.lookups())[5].due.store(10);
    for (int i = 1; i < 20; ++i) EXPECT_EQ(rows.Get(1).undecided(), i < 10) << i;
  }).join();
  EXPECT_EQ(rows.lookups()->Sum(), 19u);
}

}  // namespace
}  // namespace kyro::segment
