// SPDX-License-Identifier: Apache-2.0
//
// The doors: Put in each durability mode with 1 to 8 threads committing at once (group commit), and
// Get, MultiGet and scans of keys that lie in the delta or in segments. Every value is checked;
// what was put is read back. KYRO_BENCH_KEYS (default 1000000) is how many keys are read from.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/bench.h"
#include "kyro/db.h"

namespace kyro {
namespace {

using bench::IsValueOf;
using bench::MakeValue;
using bench::Mix;

constexpr std::size_t kValueBytes = 100;
constexpr std::size_t kBatch = 32;       // keys of a MultiGet
constexpr std::size_t kDeltaShare = 10;  // one in so many keys, where they stay in the delta

void Skip(benchmark::State& state, const Status& status) {
  state.SkipWithError(status.ToString().c_str());
}

// An open database that is removed with this object.
class Store {
 public:
  explicit Store(const Options& options) : path_(bench::FreshDirectory("db_bench")) {
    auto opened = Db::Open(path_, options);
    status_ = opened.status();
    if (!status_.ok()) return;
    db.emplace(*std::move(opened));
    auto space = db->OpenKeyspace<U64>();
    status_ = space.status();
    if (status_.ok()) cells = *std::move(space);
  }
  ~Store() {
    db.reset();
    bench::RemoveDirectory(path_);
  }
  const Status& status() const { return status_; }

  std::optional<Db> db;
  Keyspace<U64> cells;

 private:
  const std::string path_;
  Status status_;
};

// ------------------------------------------------------------------------ writes

// One for all threads of a run; made and checked by the first of them.
std::unique_ptr<Store> g_store;

std::uint64_t KeyOf(int thread, std::uint64_t n) {
  return (static_cast<std::uint64_t>(thread) << 40) | n;
}

// Every key of every thread, and nothing else.
Status CheckWritten(const Store& store, int threads, std::uint64_t each) {
  auto view = store.cells.view();
  if (!view.ok()) return view.status();
  std::uint64_t rows = 0;
  Scan<U64> scan = view->scan();
  for (const auto& [key, value] : scan) {
    const bool ours = key == KeyOf(static_cast<int>(rows / each), rows % each);
    if (!ours || !IsValueOf(key, kValueBytes, value)) {
      return Status(StatusCode::kDataLoss, "a row is not as it was written");
    }
    ++rows;
  }
  if (!scan.status().ok()) return scan.status();
  const bool all = rows == each * static_cast<std::uint64_t>(threads);
  return all ? Status::Ok() : Status(StatusCode::kDataLoss, "a row is missing");
}

void Put(benchmark::State& state, Durability durability) {
  if (state.thread_index() == 0) {
    Options options;
    options.durability = durability;
    g_store = std::make_unique<Store>(options);
    if (!g_store->status().ok()) Skip(state, g_store->status());
  }
  std::string value;
  std::uint64_t n = 0;
  // The threads meet here, so that all see the store.
  for (auto _ : state) {
    const std::uint64_t key = KeyOf(state.thread_index(), n++);
    MakeValue(key, kValueBytes, &value);
    const Status status = g_store->cells.Put(key, value);
    if (!status.ok()) Skip(state, status);
  }
  // And here: every thread has put as many.
  const auto each = static_cast<std::uint64_t>(state.iterations());
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(8 + kValueBytes));
  if (state.thread_index() != 0) return;
  if (!state.error_occurred()) {
    const Status written = CheckWritten(*g_store, state.threads(), each);
    if (!written.ok()) Skip(state, written);
    const Stats stats = g_store->db->stats();
    state.counters["commits_per_group"] =
        static_cast<double>(each) * state.threads() / static_cast<double>(stats.groups);
  }
  g_store = nullptr;
}
#define KYRO_THREADS ThreadRange(1, 8)->UseRealTime()->Unit(benchmark::kMicrosecond)
BENCHMARK_CAPTURE(Put, sync, Durability::kSync)->KYRO_THREADS;
BENCHMARK_CAPTURE(Put, interval, Durability::kInterval)->KYRO_THREADS;
BENCHMARK_CAPTURE(Put, os, Durability::kOs)->KYRO_THREADS;

// ------------------------------------------------------------------------ reads

enum class Where { kDelta, kSegments };

// The n-th key. They are even, so that one more is a key that is not there.
std::uint64_t NthKey(std::uint64_t n) {
  return Mix(n + 1) & ~std::uint64_t{1};
}

// A database to read from, made once for all benchmarks of its kind.
struct Shelf {
  Shelf(Where where, std::uint64_t keys) : count(keys), store(OptionsOf()) {
    status = store.status();
    std::string value;
    for (std::uint64_t n = 0; n < count && status.ok();) {
      WriteBatch batch;
      for (std::uint64_t end = std::min<std::uint64_t>(n + 1000, count); n < end; ++n) {
        MakeValue(NthKey(n), kValueBytes, &value);
        batch.Put(store.cells, NthKey(n), value);
      }
      status = store.db->Write(batch).status();
    }
    if (status.ok() && where == Where::kSegments) status = store.db->Fold();
  }
  static Options OptionsOf() {
    Options options;
    options.durability = Durability::kOs;
    options.delta_bytes = std::size_t{1} << 30;  // nothing is flushed before it is told to be
    return options;
  }

  const std::uint64_t count;
  Store store;
  Status status;
};

// The last one asked for stays; all read benchmarks of a kind stand together.
Shelf& ShelfOf(Where where) {
  static std::unique_ptr<Shelf> shelf;
  static Where of;
  if (shelf == nullptr || of != where) {
    shelf = nullptr;  // one directory: gone before the next is made
    const std::size_t keys = bench::KeyCount(1'000'000);
    const std::size_t share = where == Where::kDelta ? keys / kDeltaShare + 1 : keys;
    shelf = std::make_unique<Shelf>(where, share);
    of = where;
  }
  return *shelf;
}

void Finish(benchmark::State& state, std::uint64_t wrong, std::int64_t items) {
  if (wrong != 0) state.SkipWithError("wrong result");
  state.SetItemsProcessed(items);
  state.SetBytesProcessed(items * static_cast<std::int64_t>(8 + kValueBytes));
}

void GetHit(benchmark::State& state, Where where) {
  const Shelf& shelf = ShelfOf(where);
  if (!shelf.status.ok()) return Skip(state, shelf.status);
  std::string value;
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    const std::uint64_t key = NthKey(Mix(i++) % shelf.count);
    wrong += !shelf.store.cells.Get(key, &value).ok() || !IsValueOf(key, kValueBytes, value);
  }
  Finish(state, wrong, state.iterations());
}
void GetMiss(benchmark::State& state, Where where) {
  const Shelf& shelf = ShelfOf(where);
  if (!shelf.status.ok()) return Skip(state, shelf.status);
  std::string value;
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    const std::uint64_t key = NthKey(Mix(i++) % shelf.count) + 1;
    wrong += shelf.store.cells.Get(key, &value).code() != StatusCode::kNotFound;
  }
  Finish(state, wrong, state.iterations());
}
void ViewGetHit(benchmark::State& state, Where where) {
  const Shelf& shelf = ShelfOf(where);
  if (!shelf.status.ok()) return Skip(state, shelf.status);
  const auto view = shelf.store.cells.view();
  if (!view.ok()) return Skip(state, view.status());
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    const std::uint64_t key = NthKey(Mix(i++) % shelf.count);
    wrong += !IsValueOf(key, kValueBytes, view->Get(key).value());
  }
  Finish(state, wrong, state.iterations());
}
void MultiGet(benchmark::State& state, Where where) {
  const Shelf& shelf = ShelfOf(where);
  if (!shelf.status.ok()) return Skip(state, shelf.status);
  const auto view = shelf.store.cells.view();
  if (!view.ok()) return Skip(state, view.status());
  std::vector<std::uint64_t> keys(kBatch);
  std::vector<Lookup> found(kBatch);
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    for (std::uint64_t& key : keys) key = NthKey(Mix(i++) % shelf.count);
    wrong += !view->MultiGet(keys, found).ok();
    for (std::size_t k = 0; k < kBatch; ++k) {
      wrong += !IsValueOf(keys[k], kValueBytes, found[k].value());
    }
  }
  Finish(state, wrong, state.iterations() * static_cast<std::int64_t>(kBatch));
}
void ScanAll(benchmark::State& state, Where where) {
  const Shelf& shelf = ShelfOf(where);
  if (!shelf.status.ok()) return Skip(state, shelf.status);
  const auto view = shelf.store.cells.view();
  if (!view.ok()) return Skip(state, view.status());
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    std::uint64_t rows = 0, last = 0;
    Scan<U64> scan = view->scan();
    for (const auto& [key, value] : scan) {
      wrong += !IsValueOf(key, kValueBytes, value) || (rows > 0 && key <= last);
      last = key;
      ++rows;
    }
    wrong += rows != shelf.count || !scan.status().ok();
  }
  Finish(state, wrong, state.iterations() * static_cast<std::int64_t>(shelf.count));
}

void ScanBatches(benchmark::State& state, Where where) {
  const Shelf& shelf = ShelfOf(where);
  if (!shelf.status.ok()) return Skip(state, shelf.status);
  const auto view = shelf.store.cells.view();
  if (!view.ok()) return Skip(state, view.status());
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    std::uint64_t rows = 0, last = 0;
    Scan<U64> scan = view->scan();
    ColumnBatch<U64> batch;
    while (scan.NextBatch(&batch)) {
      for (std::size_t i = 0; i < batch.size(); ++i, ++rows) {
        const std::uint64_t key = batch.keys[i];
        wrong += !IsValueOf(key, kValueBytes, batch.values[i]) || (rows > 0 && key <= last);
        last = key;
      }
    }
    wrong += rows != shelf.count || !scan.status().ok();
  }
  Finish(state, wrong, state.iterations() * static_cast<std::int64_t>(shelf.count));
}

#define KYRO_READS(where, name)                                           \
  BENCHMARK_CAPTURE(GetHit, name, where);                                 \
  BENCHMARK_CAPTURE(GetMiss, name, where);                                \
  BENCHMARK_CAPTURE(ViewGetHit, name, where);                             \
  BENCHMARK_CAPTURE(MultiGet, name, where);                               \
  BENCHMARK_CAPTURE(ScanAll, name, where)->Unit(benchmark::kMillisecond); \
  BENCHMARK_CAPTURE(ScanBatches, name, where)->Unit(benchmark::kMillisecond)
KYRO_READS(Where::kDelta, delta);
KYRO_READS(Where::kSegments, segments);

}  // namespace
}  // namespace kyro

int main(int argc, char** argv) {
  return kyro::bench::Main(argc, argv);
}
