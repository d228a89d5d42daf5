// SPDX-License-Identifier: Apache-2.0
//
// One writer and readers beside it, for ThreadSanitizer and for the eye: what a reader sees at the
// published sequence is exactly what was written up to it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "delta/delta_model.h"

namespace kyro::delta {
namespace {

constexpr std::uint64_t kKeys = 4096;
constexpr Sequence kSequences = 30000;

// Sequence s writes one key; all that is at a sequence can be computed from it.
std::uint64_t KeyNumber(Sequence sequence) {
  return sequence * 2654435761u % kKeys;
}
std::string ValueAt(Sequence sequence) {
  return sequence % 7 == 0 ? "" : std::to_string(sequence);  // "": a tombstone
}

template <class K>
struct Reader {
  const Delta<K>* delta;
  std::uint64_t wrong = 0;

  // The last write of key number `i` at or before `sequence`; 0 if none.
  static Sequence LastWrite(std::uint64_t i, Sequence sequence) {
    // The multiplier is odd, so kKeys consecutive sequences write each key once.
    for (Sequence at = sequence; at > 0 && at + kKeys > sequence; --at) {
      if (KeyNumber(at) == i) return at;
    }
    return 0;
  }

  void CheckGet(std::uint64_t i, Sequence sequence) {
    const auto key = KeyOf<K>(i);
    const Sequence last = LastWrite(i, sequence);
    const Version version = delta->Get(key, sequence);
    const Found want = last == 0       ? Found::kNothing
                       : last % 7 == 0 ? Found::kTombstone
                                       : Found::kValue;
    wrong += version.found != want;
    wrong += last != 0 && version.value != ValueAt(last);
    wrong += last != 0 && !delta->MayContain(key);
  }

  // The keys of one reading order are strictly ordered and as many as were written.
  void CheckScan(Sequence sequence, bool forward) {
    typename Delta<K>::Cursor cursor(delta, sequence);
    std::uint64_t rows = 0;
    typename KeyTraits<K>::Owned previous{};
    forward ? cursor.SeekToFirst() : cursor.SeekToLast();
    while (cursor.Valid() && rows <= kKeys) {
      if (rows++ > 0) {
        wrong += forward ? !(typename K::Key(previous) < cursor.key())
                         : !(cursor.key() < typename K::Key(previous));
      }
      previous = typename KeyTraits<K>::Owned(cursor.key());
      forward ? cursor.Next() : cursor.Prev();
    }
    wrong += rows != std::min<std::uint64_t>(sequence, kKeys);
  }
};

template <class K>
class ConcurrentDelta : public testing::Test {};
using Kinds = testing::Types<U64, Bytes>;
TYPED_TEST_SUITE(ConcurrentDelta, Kinds);

template <class K>
void Run() {
  auto created = Delta<K>::Create(std::size_t{1} << 20);
  ASSERT_TRUE(created.ok());
  Delta<K>* const delta = created->get();
  std::atomic<Sequence> visible{0};
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      Reader<K> reader{delta};
      std::mt19937_64 random(static_cast<std::uint64_t>(r));
      Sequence old = 0;
      for (Sequence sequence = 0; sequence < kSequences;) {
        sequence = visible.load(std::memory_order_acquire);
        for (int i = 0; i < 20; ++i) reader.CheckGet(random() % kKeys, sequence);
        if (old != 0) reader.CheckGet(KeyNumber(old), old);
        reader.CheckScan(sequence, random() % 2 == 0);
        reader.CheckScan(old, random() % 2 == 0);
        if (random() % 4 == 0) old = sequence;
      }
      wrong.fetch_add(reader.wrong);
    });
  }
  for (Sequence sequence = 1; sequence <= kSequences; ++sequence) {
    const auto key = KeyOf<K>(KeyNumber(sequence));
    const std::string value = ValueAt(sequence);
    ASSERT_TRUE(delta->Reserve(Delta<K>::OpBytes(64, value.size())).ok());
    if (value.empty()) {
      delta->Delete(key, sequence);
    } else {
      delta->Put(key, sequence, value);
    }
    visible.store(sequence, std::memory_order_release);
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0u);
}

TYPED_TEST(ConcurrentDelta, ReadersSeeExactlyWhatWasPublished) {
  Run<TypeParam>();
}

}  // namespace
}  // namespace kyro::delta
