// SPDX-License-Identifier: Apache-2.0
//
// What a delta must do, done with std::map; and a check of the one against the other.
#ifndef KYRO_TESTS_DELTA_DELTA_MODEL_H_
#define KYRO_TESTS_DELTA_DELTA_MODEL_H_

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/key_traits.h"
#include "delta/delta.h"

namespace kyro::delta {

// Key number i; distinct numbers below 2^24 are distinct keys. Byte strings come in three families:
// short keys, keys that share more than eight bytes, and keys that differ in zeros at the end.
template <class K>
typename KeyTraits<K>::Owned KeyOf(std::uint64_t i) {
  if constexpr (std::is_same_v<K, U64>) {
    return i;
  } else {
    if (i == 0) return std::string();
    const auto byte = [i](int shift) { return static_cast<char>((i >> shift) & 255); };
    if (i % 3 == 0) return std::string({'z', byte(16), byte(8)}).append(i / 3 % 256, '\0');
    std::string key = i % 3 == 1 ? "k" : "a shared prefix/";
    return key.append({byte(16), byte(8), byte(0)});
  }
}

template <class K>
class DeltaModel {
 public:
  using Key = typename K::Key;
  using Owned = typename KeyTraits<K>::Owned;
  using Value = std::optional<std::string>;  // absent: a tombstone

  void Write(Key key, Sequence sequence, Value value) {
    auto& versions = keys_[Owned(key)];
    // Of two writes with one sequence the later wins.
    if (!versions.empty() && versions.back().first == sequence) versions.pop_back();
    versions.emplace_back(sequence, std::move(value));
  }

  // Null: no version at or before `sequence`.
  const Value* Find(Key key, Sequence sequence) const {
    const auto found = keys_.find(Owned(key));
    return found == keys_.end() ? nullptr : Visible(found->second, sequence);
  }

  std::vector<std::pair<Owned, Value>> Rows(Sequence sequence) const {
    std::vector<std::pair<Owned, Value>> rows;
    for (const auto& [key, versions] : keys_) {
      if (const Value* value = Visible(versions, sequence)) rows.emplace_back(key, *value);
    }
    return rows;
  }

  std::size_t keys() const { return keys_.size(); }
  template <class Visit>
  void ForEachKey(Visit visit) const {
    for (const auto& [key, versions] : keys_) visit(Key(key));
  }

 private:
  using Versions = std::vector<std::pair<Sequence, Value>>;
  static const Value* Visible(const Versions& versions, Sequence sequence) {
    const Value* visible = nullptr;
    for (const auto& [at, value] : versions) {
      if (at <= sequence) visible = &value;
    }
    return visible;
  }
  std::map<Owned, Versions> keys_;
};

template <class K>
bool SameRow(const typename Delta<K>::Cursor& cursor,
             const std::pair<typename KeyTraits<K>::Owned, std::optional<std::string>>& row) {
  return cursor.key() == typename K::Key(row.first) && cursor.tombstone() == !row.second &&
         cursor.value() == row.second.value_or("");
}

// Every read of `delta` at `sequence` is what the model says.
template <class K>
void ExpectSame(const Delta<K>& delta, const DeltaModel<K>& model, Sequence sequence) {
  SCOPED_TRACE(testing::Message() << "at sequence " << sequence);
  model.ForEachKey([&](typename K::Key key) {
    const auto* want = model.Find(key, sequence);
    const Version found = delta.Get(key, sequence);
    ASSERT_TRUE(delta.MayContain(key));
    ASSERT_EQ(found.found, want == nullptr ? Found::kNothing
                           : *want         ? Found::kValue
                                           : Found::kTombstone);
    ASSERT_EQ(found.value, want == nullptr ? "" : want->value_or(""));
  });

  const auto rows = model.Rows(sequence);
  typename Delta<K>::Cursor cursor(&delta, sequence);
  cursor.SeekToFirst();
  for (const auto& row : rows) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_TRUE(SameRow<K>(cursor, row));
    cursor.Next();
  }
  ASSERT_FALSE(cursor.Valid());
  cursor.SeekToLast();
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_TRUE(SameRow<K>(cursor, *row));
    cursor.Prev();
  }
  ASSERT_FALSE(cursor.Valid());
}

// Seeks to `key` from both sides, and a step back over it.
template <class K>
void ExpectSameSeek(const Delta<K>& delta, const DeltaModel<K>& model, Sequence sequence,
                    typename K::Key key) {
  const auto rows = model.Rows(sequence);
  const auto below = [](const auto& row, typename K::Key bound) {
    return typename K::Key(row.first) < bound;
  };
  const auto at = std::lower_bound(rows.begin(), rows.end(), key, below);
  typename Delta<K>::Cursor cursor(&delta, sequence);
  cursor.Seek(key);
  ASSERT_EQ(cursor.Valid(), at != rows.end());
  if (cursor.Valid()) {
    ASSERT_TRUE(SameRow<K>(cursor, *at));
    cursor.Prev();
    ASSERT_EQ(cursor.Valid(), at != rows.begin());
    if (cursor.Valid()) {
      ASSERT_TRUE(SameRow<K>(cursor, *(at - 1)));
    }
  }
  const auto after = at != rows.end() && typename K::Key(at->first) == key ? at + 1 : at;
  cursor.SeekForPrev(key);
  ASSERT_EQ(cursor.Valid(), after != rows.begin());
  if (cursor.Valid()) {
    ASSERT_TRUE(SameRow<K>(cursor, *(after - 1)));
    cursor.Next();
    ASSERT_EQ(cursor.Valid(), after != rows.end());
    if (cursor.Valid()) {
      ASSERT_TRUE(SameRow<K>(cursor, *after));
    }
  }
}

}  // namespace kyro::delta

#endif  // KYRO_TESTS_DELTA_DELTA_MODEL_H_
