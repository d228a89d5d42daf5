// SPDX-License-Identifier: Apache-2.0
//
// A reader completes, with the right answer, wherever the writer is suspended inside an insertion;
// and whatever the writer does while the reader is suspended. The room under test is compiled with
// its test points.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/test_point.h"
#include "delta/delta_model.h"

namespace kyro::delta {
namespace {

// Runs `hook` at each test point until destroyed.
class ScopedHook {
 public:
  explicit ScopedHook(std::function<void(const char*)> hook) {
    current = std::move(hook);
    test_point_hook.store([](const char* name) { current(name); });
  }
  ~ScopedHook() { test_point_hook.store(nullptr); }
  ScopedHook(const ScopedHook&) = delete;
  ScopedHook& operator=(const ScopedHook&) = delete;

 private:
  static inline std::function<void(const char*)> current;
};

// The writer stops at each point until the test lets it go on.
class Gate {
 public:
  // The writer.
  void Stop(const char* name) {
    MutexLock lock(&mutex_);
    at_ = name;
    stopped_ = true;
    changed_.NotifyAll();
    while (stopped_) changed_.Wait(&mutex_);
  }
  void Finish() {
    MutexLock lock(&mutex_);
    finished_ = true;
    changed_.NotifyAll();
  }
  // The test: false when the writer has finished, else where it stands.
  bool WaitForStop(std::string* at) {
    MutexLock lock(&mutex_);
    while (!stopped_ && !finished_) changed_.Wait(&mutex_);
    *at = at_;
    return stopped_;
  }
  void LetGo() {
    MutexLock lock(&mutex_);
    stopped_ = false;
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::string at_ KYRO_GUARDED_BY(mutex_);
  bool stopped_ KYRO_GUARDED_BY(mutex_) = false;
  bool finished_ KYRO_GUARDED_BY(mutex_) = false;
};

template <class K>
class DeltaSuspension : public testing::Test {};
using Kinds = testing::Types<U64, Bytes>;
TYPED_TEST_SUITE(DeltaSuspension, Kinds);

// Key numbers in the order in which they are written; some are written again.
std::vector<std::uint64_t> Numbers(bool shuffled) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < 420; ++i) numbers.push_back(i);
  if (shuffled) std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(5));
  for (std::uint64_t i = 0; i < 420; i += 40) numbers.push_back(i);
  return numbers;
}

// A cursor of an old sequence that moves on by one step at each suspension.
template <class K>
class OldCursor {
 public:
  OldCursor(const Delta<K>* delta, const DeltaModel<K>* model, Sequence sequence)
      : cursor_(delta, sequence), rows_(model->Rows(sequence)) {
    cursor_.SeekToFirst();
  }
  void Step() {
    if (at_ == rows_.size()) {
      ASSERT_FALSE(cursor_.Valid());
      return;
    }
    ASSERT_TRUE(cursor_.Valid());
    ASSERT_TRUE(SameRow<K>(cursor_, rows_[at_++]));
    cursor_.Next();
  }

 private:
  typename Delta<K>::Cursor cursor_;
  std::vector<std::pair<typename KeyTraits<K>::Owned, std::optional<std::string>>> rows_;
  std::size_t at_ = 0;
};

TYPED_TEST(DeltaSuspension, ReadersCompleteWhereverTheWriterIsSuspended) {
  std::set<std::string> reached;
  for (const bool shuffled : {true, false}) {
    auto created = Delta<TypeParam>::Create(4096);
    ASSERT_TRUE(created.ok());
    Delta<TypeParam>* const delta = created->get();
    DeltaModel<TypeParam> model;
    Gate gate;
    Sequence published = 0;  // handed over by the gate
    std::vector<Sequence> sequences;
    const std::vector<std::uint64_t> numbers = Numbers(shuffled);
    std::thread writer;
    // Every stop is two thread switches: at the points that each insertion passes, one in three.
    const std::set<std::string_view> frequent = {"delta.record_complete", "delta.filter_set",
                                                 "delta.slot_written", "delta.slot_linked"};
    std::uint64_t passed = 0;
    const ScopedHook hook([&](const char* name) {
      if (std::this_thread::get_id() != writer.get_id()) return;
      if (frequent.contains(name) && ++passed % 3 != 0) return;
      gate.Stop(name);
    });
    Gate start;
    writer = std::thread([&] {
      start.Stop("start");  // until `writer` is assigned
      for (Sequence sequence = 1; sequence <= numbers.size(); ++sequence) {
        EXPECT_TRUE(delta->Reserve(Delta<TypeParam>::OpBytes(64, 8)).ok());
        delta->Put(KeyOf<TypeParam>(numbers[sequence - 1]), sequence, std::to_string(sequence));
        published = sequence;
      }
      gate.Finish();
    });
    std::string at;
    ASSERT_TRUE(start.WaitForStop(&at));
    start.LetGo();

    Sequence known = 0;
    OldCursor<TypeParam> old(delta, &model, 0);
    while (gate.WaitForStop(&at)) {
      reached.insert(at);
      for (; known < published; ++known) {
        model.Write(KeyOf<TypeParam>(numbers[known]), known + 1, std::to_string(known + 1));
        if (known % 100 == 50) old = OldCursor<TypeParam>(delta, &model, known + 1);
      }
      SCOPED_TRACE(at);
      ExpectSame(*delta, model, published);
      ExpectSameSeek<TypeParam>(*delta, model, published, KeyOf<TypeParam>(numbers[published]));
      old.Step();
      gate.LetGo();
    }
    writer.join();
    ASSERT_FALSE(this->HasFatalFailure());
  }
  const std::set<std::string> all = {
      "delta.record_complete",   "delta.record_linked",     "delta.filter_set",
      "delta.slot_written",      "delta.slot_linked",       "delta.leaf_halves_built",
      "delta.root_built",        "delta.root_linked",       "delta.inner_halves_built",
      "delta.separator_written", "delta.right_half_linked", "delta.left_half_linked"};
  EXPECT_EQ(reached, all);
}

// The rows around `key`, up to 40 on either side of it.
template <class K>
void ExpectNeighbours(
    const Delta<K>& delta, Sequence sequence, typename K::Key key,
    const std::vector<std::pair<typename KeyTraits<K>::Owned, std::optional<std::string>>>& rows) {
  typename Delta<K>::Cursor cursor(&delta, sequence);
  const auto row = std::lower_bound(
      rows.begin(), rows.end(), key,
      [](const auto& a, typename K::Key b) { return typename K::Key(a.first) < b; });
  cursor.Seek(key);
  for (auto next = row; next != rows.end() && next - row < 40; ++next, cursor.Next()) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_TRUE(SameRow<K>(cursor, *next));
  }
  cursor.SeekForPrev(key);
  for (auto next = row; row - next < 40; --next, cursor.Prev()) {
    ASSERT_TRUE(cursor.Valid());
    ASSERT_TRUE(SameRow<K>(cursor, *next));
    if (next == rows.begin()) break;
  }
}

// At each point where a reader can be overtaken the writer fills the neighbourhood until nodes
// have split; the reader, at the sequence he came with, must not notice.
TYPED_TEST(DeltaSuspension, AReaderIsNotMisledByWhatTheWriterDoesMeanwhile) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    auto created = Delta<TypeParam>::Create(4096);
    ASSERT_TRUE(created.ok());
    Delta<TypeParam>* const delta = created->get();
    DeltaModel<TypeParam> model;
    Sequence sequence = 0;
    std::set<std::uint64_t> used;
    const auto write = [&](std::uint64_t number) {
      ++sequence;
      ASSERT_TRUE(delta->Reserve(Delta<TypeParam>::OpBytes(64, 8)).ok());
      delta->Put(KeyOf<TypeParam>(number), sequence, std::to_string(sequence));
      model.Write(KeyOf<TypeParam>(number), sequence, std::to_string(sequence));
      used.insert(number);
    };
    constexpr std::uint64_t kSpace = 3 << 12;
    for (int i = 0; i < 200; ++i) write(random() % kSpace / 48 * 48);

    std::set<std::string> reached;
    std::uint64_t target = 0;
    bool inside = false;
    const ScopedHook hook([&](const char* name) {
      if (inside || std::string_view(name).find("reader") == std::string_view::npos) return;
      inside = true;
      reached.insert(name);
      if (used.size() < 2500) {
        // Same family (a multiple of three apart), just above and just below the key that is read.
        for (std::uint64_t i = 1; i <= 12; ++i) {
          write((target + 3 * i) % kSpace);
          write((target + kSpace - 3 * i) % kSpace);
        }
      }
      inside = false;
    });
    for (int i = 0; i < 60; ++i) {
      const auto some = used.lower_bound(random() % kSpace);
      target = some == used.end() ? *used.begin() : *some;
      const auto key = KeyOf<TypeParam>(target);
      const Sequence at = sequence;
      const auto want = model.Find(key, at);
      ASSERT_TRUE(want != nullptr && want->has_value());
      const std::string value = **want;  // the model changes underneath
      const auto rows = model.Rows(at);
      ASSERT_EQ(delta->Get(key, at).value, value);
      ASSERT_NO_FATAL_FAILURE(ExpectNeighbours<TypeParam>(*delta, at, key, rows));
    }
    EXPECT_GT(used.size(), 1000u);
    const std::set<std::string> all = {"delta.reader_chose_child", "delta.reader_reached_leaf",
                                       "delta.reader_leaves_leaf"};
    EXPECT_EQ(reached, all);
  }
}

}  // namespace
}  // namespace kyro::delta
