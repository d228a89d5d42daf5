// SPDX-License-Identifier: Apache-2.0
//
// Segments for tests: a small world, entries in a map, and every way of reading compared with it.
#ifndef KYRO_TESTS_SEGMENT_TESTING_H_
#define KYRO_TESTS_SEGMENT_TESTING_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_header.h"
#include "base/key_traits.h"
#include "segment/builder.h"
#include "segment/segment.h"
#include "support/test_env.h"

namespace kyro::segment {

template <class K>
using Owned = typename KeyTraits<K>::Owned;

// Keys and values; no value: a tombstone.
template <class K>
using Entries = std::map<Owned<K>, std::optional<std::string>>;

// A directory, numbers and identities.
class World {
 public:
  explicit World(std::uint64_t seed = 1) : env_(seed) {
    env_.fs().StopJournal();
    directory_ = env_.fs().OpenDirectory("/db", /*create=*/true).value();
  }

  BuildContext context(io::Directory* directory = nullptr) {
    BuildContext context;
    context.directory = directory != nullptr ? directory : directory_.get();
    context.random = &env_.random();
    context.database = Uuid{1, 2};
    context.next_number = [this] { return next_number_++; };
    return context;
  }
  io::Directory& directory() { return *directory_; }
  support::SimFs& fs() { return env_.fs(); }
  support::SeededRandom& random() { return env_.random(); }
  std::vector<std::string> names() { return fs().ListNames("/db"); }
  std::string Read(const std::string& name) { return fs().ReadFile("/db/" + name).value(); }
  void Write(const std::string& name, std::string_view bytes) {
    ASSERT_TRUE(fs().ReplaceFile("/db/" + name, bytes).ok());
  }

 private:
  support::TestEnv env_;
  std::unique_ptr<io::Directory> directory_;
  std::uint64_t next_number_ = 42;
};

inline BuildOptions SmallBlocks(bool with_filter = true) {
  BuildOptions options;
  options.with_filter = with_filter;
  options.block_bits = 12;
  options.min_sequence = 7;
  options.max_sequence = 9;
  return options;
}

template <class K>
Status AddAll(Builder<K>* builder, const Entries<K>& entries) {
  for (const auto& [key, value] : entries) {
    const Status status = value ? builder->Add(key, *value) : builder->AddTombstone(key);
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

template <class K>
Result<SegmentRef> TryBuild(const BuildContext& context, const Entries<K>& entries,
                            const BuildOptions& options) {
  auto builder = Builder<K>::Create(context, options);
  if (!builder.ok()) return builder.status();
  const Status status = AddAll<K>(builder.value().get(), entries);
  if (!status.ok()) return status;
  return builder.value()->Finish();
}

template <class K>
SegmentRef Build(World* world, const Entries<K>& entries,
                 const BuildOptions& options = SmallBlocks()) {
  auto ref = TryBuild<K>(world->context(), entries, options);
  EXPECT_TRUE(ref.ok()) << ref.status().ToString();
  return ref.ok() ? ref.value() : SegmentRef{};
}

template <class K>
Result<std::shared_ptr<const Segment<K>>> TryOpen(World* world, const SegmentRef& ref,
                                                  Counters* counters,
                                                  Access access = Access::kMap) {
  return Segment<K>::Open(world->directory(), Uuid{1, 2}, ref, access, counters);
}

template <class K>
std::shared_ptr<const Segment<K>> Open(World* world, const SegmentRef& ref, Counters* counters,
                                       Access access = Access::kMap) {
  auto segment = TryOpen<K>(world, ref, counters, access);
  EXPECT_TRUE(segment.ok()) << segment.status().ToString();
  return segment.ok() ? segment.value() : nullptr;
}

inline std::vector<std::uint64_t> Neighbours(std::uint64_t key) {
  return {key - 1, key + 1, key ^ 1, key / 2, ~key};
}
inline std::vector<std::string> Neighbours(const std::string& key) {
  std::vector<std::string> near = {key + '\0', key + "x", "x" + key};
  if (!key.empty()) near.push_back(key.substr(0, key.size() - 1));
  if (near[1].size() > kKeyBytesMax) near.erase(near.begin(), near.begin() + 3);
  return near;
}

// How many answers were errors; every other one is checked. `damaged` allows errors, which must be
// kDataLoss.
struct ReadOutcome {
  std::uint64_t right = 0;
  std::uint64_t errors = 0;
};

class Judge {
 public:
  Judge(bool damaged, ReadOutcome* outcome) : damaged_(damaged), outcome_(outcome) {}
  // True if the answer is to be compared.
  bool Comparable(const Status& status) {
    if (status.ok() || status.code() == StatusCode::kNotFound) return ++outcome_->right, true;
    EXPECT_TRUE(damaged_ && status.code() == StatusCode::kDataLoss) << status.ToString();
    EXPECT_FALSE(status.file().empty());
    ++outcome_->errors;
    return false;
  }

 private:
  const bool damaged_;
  ReadOutcome* const outcome_;
};

template <class K>
void CheckLookup(const Lookup& found, const std::optional<std::string>* want, Judge* judge) {
  if (!judge->Comparable(found.failed() ? found.status() : Status::Ok())) return;
  if (want == nullptr) {
    EXPECT_TRUE(found.undecided());
  } else if (*want) {
    ASSERT_TRUE(found.present());
    EXPECT_EQ(found.value(), **want);
  } else {
    EXPECT_TRUE(found.absent() && !found.undecided());
  }
}

template <class K>
void CheckGets(const Segment<K>& segment, const Entries<K>& entries, Judge* judge) {
  std::vector<typename K::Key> keys;
  std::vector<Owned<K>> absent;
  for (const auto& [key, value] : entries) {
    CheckLookup<K>(segment.Get(key), &value, judge);
    keys.push_back(key);
    for (const Owned<K>& near : Neighbours(key)) {
      if (entries.count(near) == 0) absent.push_back(near);
    }
  }
  for (const auto& key : absent) {
    CheckLookup<K>(segment.Get(key), nullptr, judge);
    keys.push_back(key);
  }
  std::vector<Lookup> found(keys.size());
  segment.MultiGet(keys, found);
  const auto check = [&] {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto want = entries.find(Owned<K>(keys[i]));
      CheckLookup<K>(found[i], want == entries.end() ? nullptr : &want->second, judge);
    }
  };
  check();
  // The shortest way, if there is one by now.
  Direct<K> direct;
  const DirectWay<K> way = segment.MakeDirect(&direct);
  if (way.multi_get == nullptr || !segment.all_verified()) return;
  way.multi_get(direct, keys.data(), found.data(), keys.size());
  check();
}

template <class K>
void CheckRow(const typename Segment<K>::Cursor& cursor, typename Entries<K>::const_iterator want) {
  EXPECT_EQ(cursor.key(), want->first);
  EXPECT_EQ(cursor.tombstone(), !want->second.has_value());
  EXPECT_EQ(cursor.value(), want->second.value_or(""));
}

template <class K>
void CheckScans(const Segment<K>& segment, const Entries<K>& entries, Judge* judge) {
  typename Segment<K>::Cursor cursor(&segment);
  auto want = entries.begin();
  for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next(), ++want) {
    ASSERT_NE(want, entries.end());
    CheckRow<K>(cursor, want);
  }
  if (judge->Comparable(cursor.status())) {
    EXPECT_EQ(want, entries.end());
  }

  want = entries.end();
  for (cursor.SeekToLast(); cursor.Valid(); cursor.Prev()) {
    ASSERT_NE(want, entries.begin());
    CheckRow<K>(cursor, --want);
  }
  if (judge->Comparable(cursor.status())) {
    EXPECT_EQ(want, entries.begin());
  }
}

template <class K>
void CheckSeeks(const Segment<K>& segment, const Entries<K>& entries, Judge* judge) {
  std::vector<Owned<K>> keys;
  const std::uint64_t step = entries.size() / 32 + 1;
  std::uint64_t i = 0;
  for (const auto& [key, value] : entries) {
    if (i++ % step != 0) continue;
    keys.push_back(key);
    for (const Owned<K>& near : Neighbours(key)) keys.push_back(near);
  }
  typename Segment<K>::Cursor cursor(&segment);
  for (const auto& key : keys) {
    const auto want = entries.lower_bound(key);
    const auto position = segment.LowerBound(key);
    if (judge->Comparable(position.ok() ? Status::Ok() : position.status())) {
      EXPECT_EQ(position.value(), static_cast<std::uint64_t>(std::distance(entries.begin(), want)));
    }
    cursor.Seek(key);
    if (judge->Comparable(cursor.status())) {
      ASSERT_EQ(cursor.Valid(), want != entries.end());
      if (cursor.Valid()) CheckRow<K>(cursor, want);
    }
    auto before = entries.upper_bound(key);
    cursor.SeekForPrev(key);
    if (judge->Comparable(cursor.status())) {
      ASSERT_EQ(cursor.Valid(), before != entries.begin());
      if (cursor.Valid()) CheckRow<K>(cursor, --before);
    }
  }
}

// Every way of reading against `entries`.
template <class K>
ReadOutcome CheckReads(const Segment<K>& segment, const Entries<K>& entries, bool damaged = false) {
  ReadOutcome outcome;
  Judge judge(damaged, &outcome);
  CheckGets<K>(segment, entries, &judge);
  CheckScans<K>(segment, entries, &judge);
  CheckSeeks<K>(segment, entries, &judge);
  return outcome;
}

// Recomputes every checksum of a block file whose bytes were changed, as an attacker would, and
// returns its new digest. The header area's own fields are kept.
Digest Reseal(std::string* file);

std::string NameOf(FileKind kind, const FileRef& ref);

// Changes a file of `*ref` as `change` says, repairs its checksums, and has `*ref` name the digest
// that it has now.
void Rewrite(World* world, SegmentRef* ref, FileKind kind,
             const std::function<void(std::string*)>& change);

// The most bytes that were allocated at once since it was made, beyond those before. One at a time.
class HeapMeter {
 public:
  HeapMeter();
  std::uint64_t peak() const;

 private:
  const std::int64_t start_;
};

// While it lives, the thread that made it gets no memory from operator new.
class NoMemory {
 public:
  NoMemory();
  ~NoMemory();
  NoMemory(const NoMemory&) = delete;
  NoMemory& operator=(const NoMemory&) = delete;
};

}  // namespace kyro::segment

#endif  // KYRO_TESTS_SEGMENT_TESTING_H_
