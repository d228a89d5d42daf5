// SPDX-License-Identifier: Apache-2.0
//
// Readers, writers and all background work at once, on real threads: what ThreadSanitizer looks at,
// and what must hold under any schedule. Writers put the same counter into a u64 and a byte-string
// keyspace in one batch; so at any one sequence both show the same counter, and for any reader
// counters never go back.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "db/inspect.h"
#include "kyro/db.h"
#include "support/sanitized.h"
#include "support/seeded_random.h"
#include "support/sim_fs.h"

namespace kyro {
namespace {

constexpr std::uint64_t kKeys = 300;
constexpr int kWriters = 2;
constexpr int kRounds = 1500;  // batches of each writer

std::string NameOf(std::uint64_t key) {
  return "key " + std::to_string(key);
}

struct World {
  support::SimFs fs;
  support::SeededRandom random{7};
  Options options;

  World() {
    fs.StopJournal();
    options.delta_bytes = 16 << 10;
    options.wal_file_bytes = 64 << 10;
  }
  io::Env env() {
    io::Env env = io::SystemEnv();
    env.fs = &fs;
    return env;
  }
};

// Counters by key, as one reader has seen them.
class Seen {
 public:
  void Check(std::uint64_t key, std::string_view value) {
    const std::uint64_t counter = std::stoull(std::string(value));
    EXPECT_GE(counter, newest_[key]) << "key " << key << " went back";
    newest_[key] = counter;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> newest_;
};

void Write(Db* db, Keyspace<U64> numbers, Keyspace<Bytes> names, int writer,
           std::map<std::uint64_t, std::uint64_t>* last) {
  support::SeededRandom random(writer + 1);
  for (int round = 1; round <= kRounds; ++round) {
    WriteBatch batch;
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t key = random.Below(kKeys) * kWriters + writer;
      batch.Put(numbers, key, std::to_string(round));
      batch.Put(names, NameOf(key), std::to_string(round));
      (*last)[key] = round;
    }
    WriteOptions options;
    options.durability = static_cast<Durability>(round % 3);
    const auto sequence = db->Write(batch, options);
    ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
  }
}

void ReadPoints(Db* db, Keyspace<U64> numbers, Keyspace<Bytes> names,
                const std::atomic<bool>& stop) {
  Seen seen;
  for (int i = 0; !stop.load(); ++i) {
    const auto point = db->read_point();
    ASSERT_TRUE(point.ok());
    const auto by_number = numbers.view(*point);
    const auto by_name = names.view(*point);
    ASSERT_TRUE(by_number.ok() && by_name.ok());
    std::uint64_t rows = 0;
    Scan<U64> scan = by_number->scan();
    for (const auto [key, value] : scan) {
      seen.Check(key, value);
      const Lookup twin = by_name->Get(NameOf(key));
      ASSERT_TRUE(twin.present()) << key;
      ASSERT_EQ(twin.value(), value) << "a torn batch at key " << key;
      ++rows;
    }
    ASSERT_TRUE(scan.status().ok());
    Iterator<Bytes> back = by_name->NewIterator();
    for (back.SeekToLast(); back.Valid(); back.Prev()) --rows;
    ASSERT_TRUE(back.status().ok());
    ASSERT_EQ(rows, 0u) << "the view's two keyspaces differ in length";
  }
}

void ReadKeys(Keyspace<U64> numbers, const std::atomic<bool>& stop) {
  Seen seen;
  support::SeededRandom random(99);
  std::string value;
  while (!stop.load()) {
    const std::uint64_t key = random.Below(kKeys * kWriters);
    const Status status = numbers.Get(key, &value);
    if (status.ok()) seen.Check(key, value);
    ASSERT_TRUE(status.ok() || status.code() == StatusCode::kNotFound) << status.ToString();
    const auto view = numbers.view();
    ASSERT_TRUE(view.ok());
    const std::uint64_t keys[] = {key, key + 1, random.Below(kKeys)};
    Lookup lookups[3];
    ASSERT_TRUE(view->MultiGet(keys, lookups).ok());
    for (const Lookup& lookup : lookups) ASSERT_FALSE(lookup.failed());
    if (lookups[0].present()) seen.Check(key, lookups[0].value());
  }
}

TEST(Threads, ReadersWritersAndUpkeepAgree) {
  World world;
  auto db = db::Door::Open("/db", world.options, world.env());
  ASSERT_TRUE(db.ok()) << db.status().ToString();
  auto numbers = *db->OpenKeyspace<U64>("numbers");
  auto names = *db->OpenKeyspace<Bytes>("names");

  std::atomic<bool> stop{false};
  std::vector<std::map<std::uint64_t, std::uint64_t>> last(kWriters);
  std::vector<std::thread> writers;
  std::vector<std::thread> others;
  others.reserve(4);
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] { Write(&*db, numbers, names, w, &last[w]); });
  }
  others.emplace_back([&] { ReadPoints(&*db, numbers, names, stop); });
  others.emplace_back([&] { ReadKeys(numbers, stop); });
  others.emplace_back([&] {
    while (!stop.load()) {
      ASSERT_TRUE(db->Fold().ok());
      ASSERT_TRUE(db->RebuildIndex().ok());
      const Status verified = db->Verify();
      ASSERT_TRUE(verified.ok()) << verified.ToString();
      ASSERT_TRUE(db->Sync().ok());
      ASSERT_TRUE(db->Warm({.huge_pages = true}).ok());
      (void)db->stats();
    }
  });
  for (std::thread& thread : writers) thread.join();
  stop.store(true);
  for (std::thread& thread : others) thread.join();

  const auto view = *numbers.view();
  for (const auto& counters : last) {
    for (const auto& [key, counter] : counters) {
      ASSERT_EQ(view.Get(key).value(), std::to_string(counter)) << key;
    }
  }
  const Stats stats = db->stats();
  EXPECT_EQ(stats.commits, std::uint64_t{kWriters} * kRounds);
  EXPECT_GE(stats.flushes, 5u);
  EXPECT_GE(stats.merges, 3u);
  EXPECT_GE(stats.retrains, 1u);
  EXPECT_EQ(stats.model_fallbacks, 0u);
  EXPECT_EQ(stats.unread_errors, 0u);
  EXPECT_EQ(stats.upkeep_failures, 0u) << stats.background_error.ToString();
  ASSERT_TRUE(db->Close().ok());

  auto again = db::Door::Open("/db", world.options, world.env());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_TRUE(again->stats().was_clean);
  const auto reopened = again->OpenKeyspace<U64>("numbers")->view();
  for (const auto& counters : last) {
    for (const auto& [key, counter] : counters) {
      ASSERT_EQ(reopened->Get(key).value(), std::to_string(counter)) << key;
    }
  }
}

// ---------------------------------------------------------------------------------- whole loads

constexpr int kLoads = support::kSanitized ? 6 : 25;
constexpr std::uint64_t kLoadRows = 300;

// Loads the same keys again and again, each time with the number of the load as value.
void LoadAgainAndAgain(Keyspace<U64> loaded, std::atomic<int>* finished) {
  for (int load = 1; load <= kLoads; ++load) {
    auto loader = loaded.NewBulkLoader();
    ASSERT_TRUE(loader.ok()) << loader.status().ToString();
    for (std::uint64_t key = 0; key < kLoadRows; ++key) {
      ASSERT_TRUE(loader->Add(key, std::to_string(load)).ok());
    }
    const auto sequence = loader->Finish();
    ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
    finished->store(load);
  }
}

// The number of the load that a view shows; 0: none. All rows are of one.
int LoadShownBy(const View<U64>& view) {
  std::string shown;
  std::uint64_t rows = 0;
  Scan<U64> scan = view.scan();
  for (const auto [key, value] : scan) {
    if (rows++ == 0) shown = value;
    EXPECT_EQ(value, shown) << "half a load at key " << key;
  }
  EXPECT_TRUE(scan.status().ok());
  EXPECT_EQ(rows, rows == 0 ? 0 : kLoadRows);
  return rows == 0 ? 0 : std::stoi(shown);
}

void ReadLoads(Db* db, Keyspace<U64> loaded, const std::atomic<int>& finished,
               const std::atomic<bool>& stop) {
  int newest = 0;
  Sequence sequence = 0;
  while (!stop.load()) {
    const int before = finished.load();
    const auto point = db->read_point();
    ASSERT_TRUE(point.ok());
    const int shown = LoadShownBy(*loaded.view(*point));
    ASSERT_GE(shown, before) << "a finished load is not there";
    ASSERT_GE(shown, newest) << "went back";
    if (point->sequence() == sequence) {
      ASSERT_EQ(shown, newest) << "one sequence, two states";
    }
    newest = shown;
    sequence = point->sequence();
  }
}

void CheckpointLoads(Db* db, const World& world, const io::Env& env,
                     const std::atomic<int>& finished, const std::atomic<bool>& stop) {
  for (int i = 0; !stop.load(); ++i) {
    const int before = finished.load();
    const std::string path = "/copy" + std::to_string(i);
    const auto sequence = db->Checkpoint(path);
    ASSERT_TRUE(sequence.ok()) << sequence.status().ToString();
    auto copy = db::Door::Open(path, world.options, env);
    ASSERT_TRUE(copy.ok()) << copy.status().ToString();
    EXPECT_EQ(copy->stats().visible, *sequence);
    EXPECT_GE(LoadShownBy(*copy->OpenKeyspace<U64>("loaded")->view()), before);
  }
}

TEST(Threads, LoadsCheckpointsAndDropsAmongWriters) {
  World world;
  const io::Env env = world.env();
  auto db = db::Door::Open("/db", world.options, env);
  ASSERT_TRUE(db.ok());
  auto loaded = *db->OpenKeyspace<U64>("loaded");
  auto numbers = *db->OpenKeyspace<U64>("numbers");
  std::atomic<int> finished{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  others.reserve(4);
  others.emplace_back([&] { ReadLoads(&*db, loaded, finished, stop); });
  others.emplace_back([&] { CheckpointLoads(&*db, world, env, finished, stop); });
  others.emplace_back([&] {
    for (std::uint64_t i = 0; !stop.load(); ++i) {
      ASSERT_TRUE(numbers.Put(i % 500, "x", {.durability = Durability::kOs}).ok());
    }
  });
  others.emplace_back([&] {
    while (!stop.load()) {
      auto scratch = db->OpenKeyspace<Bytes>("scratch");
      ASSERT_TRUE(scratch.ok()) << scratch.status().ToString();
      ASSERT_TRUE(scratch->Put("a", "b").ok());
      ASSERT_TRUE(db->DropKeyspace("scratch").ok());
      ASSERT_EQ(scratch->Get("a").status().code(), StatusCode::kClosed);
    }
  });
  LoadAgainAndAgain(loaded, &finished);
  stop.store(true);
  for (std::thread& thread : others) thread.join();
  EXPECT_EQ(LoadShownBy(*loaded.view()), kLoads);
  EXPECT_EQ(db->stats().upkeep_failures, 0u) << db->stats().background_error.ToString();
  EXPECT_TRUE(db->Verify().ok());
  ASSERT_TRUE(db->Close().ok());
}

Status LoadUntilItFails(Db* db) {
  auto loaded = db->OpenKeyspace<U64>("loaded");
  if (!loaded.ok()) return loaded.status();
  while (true) {
    auto loader = loaded->NewBulkLoader();
    if (!loader.ok()) return loader.status();
    for (std::uint64_t key = 0; key < 1000; ++key) {
      if (Status status = loader->Add(key, "v"); !status.ok()) return status;
    }
    if (auto sequence = loader->Finish(); !sequence.ok()) return sequence.status();
  }
}

// Closing while everybody works: no call hangs, crashes or fails with anything but kClosed.
TEST(Threads, CloseUnderLoadEndsEverybodyWithClosed) {
  World world;
  auto db = db::Door::Open("/db", world.options, world.env());
  ASSERT_TRUE(db.ok());
  auto numbers = *db->OpenKeyspace<U64>("numbers");
  std::atomic<std::uint64_t> written{0};
  std::vector<std::thread> threads;
  const auto expect_closed = [](const Status& status) {
    EXPECT_TRUE(status.code() == StatusCode::kClosed || status.code() == StatusCode::kCancelled)
        << status.ToString();
  };
  for (int w = 0; w < 2; ++w) {
    threads.emplace_back([&, w] {
      Status status;
      for (std::uint64_t i = 0; status.ok(); ++i) {
        status = numbers.Put(i * 2 + w, "x", {.durability = Durability::kOs});
        if (status.ok()) written.fetch_add(1);
      }
      expect_closed(status);
    });
  }
  threads.emplace_back([&] {
    Status status;
    while (status.ok()) status = db->Fold();
    expect_closed(status);
  });
  threads.emplace_back([&] { expect_closed(LoadUntilItFails(&*db)); });
  threads.emplace_back([&] {
    std::string value;
    Status status;
    do {
      status = numbers.Get(1, &value);
    } while (status.ok() || status.code() == StatusCode::kNotFound);
    expect_closed(status);
  });
  while (written.load() < 2000) std::this_thread::yield();
  const Status closed = db->Close();
  EXPECT_TRUE(closed.ok()) << closed.ToString();
  for (std::thread& thread : threads) thread.join();

  auto again = db::Door::Open("/db", world.options, world.env());
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_TRUE(again->stats().was_clean);
  std::uint64_t rows = 0;
  const auto view = again->OpenKeyspace<U64>("numbers")->view();
  Scan<U64> scan = view->scan();
  for ([[maybe_unused]] const auto row : scan) ++rows;
  ASSERT_TRUE(scan.status().ok());
  EXPECT_EQ(rows, written.load());
}

}  // namespace
}  // namespace kyro
