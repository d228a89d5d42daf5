// SPDX-License-Identifier: Apache-2.0
//
// Lookups through the learned index against a binary search and against the floor, where the
// position is known: independent (the next does not wait), dependent (it does), and in batches of
// 32. Each lookup fetches its 8-byte value, and every value is checked.
//
// KYRO_BENCH_KEYS (default 10000000) is how many keys there are, KYRO_BENCH_SETS (default: all) the
// key sets by name, between commas; KYRO_BENCH_BOTH=1 adds each set with slots forced and with the
// tree forced, which shows what the choice between them is worth. Compare only ratios within one
// run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/bench.h"
#include "bench/peers/datasets.h"
#include "index/model.h"

namespace kyro::index {
namespace {

using Keys = std::vector<std::uint64_t>;

constexpr std::size_t kQueriesMax = std::size_t{1} << 20;
constexpr std::size_t kBatch = 32;
constexpr std::uint64_t kSeed = 1;  // of keys

std::uint64_t ValueOf(std::uint64_t key) {
  return key * 0x9e3779b97f4a7c15u + 1;
}

void SortUnique(Keys* keys) {
  std::sort(keys->begin(), keys->end());
  keys->erase(std::unique(keys->begin(), keys->end()), keys->end());
}

Keys Outlier(std::size_t count) {
  Keys keys = bench::MakeDataset("uniform", count, kSeed).keys;
  for (std::uint64_t& key : keys) key >>= 20;
  keys.push_back(~std::uint64_t{0});
  SortUnique(&keys);
  return keys;
}

// The cell of (x, y) on a Hilbert curve of order 31.
std::uint64_t HilbertCell(std::uint32_t x, std::uint32_t y) {
  std::uint64_t cell = 0;
  for (std::uint32_t s = 1u << 30; s > 0; s /= 2) {
    const std::uint32_t rx = (x & s) != 0 ? 1 : 0;
    const std::uint32_t ry = (y & s) != 0 ? 1 : 0;
    cell += std::uint64_t{s} * s * ((3 * rx) ^ ry);
    if (ry != 0) continue;
    if (rx == 1) {
      x = (s - 1) - (x & (s - 1));
      y = (s - 1) - (y & (s - 1));
    }
    std::swap(x, y);
  }
  return cell;
}

struct Point {
  double x, y;
};

// A fractal curve from a to b by midpoint displacement.
void Coast(Point a, Point b, std::size_t steps, bench::Numbers* rng, Keys* out) {
  if (steps <= 1) {
    const auto coordinate = [](double c) {
      return static_cast<std::uint32_t>(std::clamp(c, 0.0, 1.0) * 2147483647.0);
    };
    out->push_back(HilbertCell(coordinate(a.x), coordinate(a.y)));
    return;
  }
  const double shift = 0.18 * rng->Normal();
  const Point mid = {(a.x + b.x) / 2 - (b.y - a.y) * shift, (a.y + b.y) / 2 + (b.x - a.x) * shift};
  Coast(a, mid, steps / 2, rng, out);
  Coast(mid, b, steps - steps / 2, rng, out);
}

// Cells that simulated coasts pass through: a few continents and many islands.
Keys Coastline(std::size_t count) {
  bench::Numbers rng(3);
  Keys keys;
  for (double share = 0.2; keys.size() < count; share = std::max(share * 0.8, 1e-5)) {
    const std::size_t steps =
        std::max<std::size_t>(64, static_cast<std::size_t>(share * static_cast<double>(count)));
    const Point center = {rng.Unit(), rng.Unit()};
    const double radius = 0.2 * std::sqrt(share) * (0.5 + rng.Unit());
    const Point corners[3] = {{center.x + radius, center.y},
                              {center.x - radius / 2, center.y + radius},
                              {center.x - radius / 2, center.y - radius}};
    for (int i = 0; i < 3; ++i) Coast(corners[i], corners[(i + 1) % 3], steps / 3, &rng, &keys);
  }
  SortUnique(&keys);
  return keys;
}

// The sets that need no file are those that kyro_peers has. The coasts here are made: every machine
// has them.
Keys MakeKeys(const std::string& name, std::size_t count) {
  if (name == "outlier") return Outlier(count);
  if (name == "coastline") return Coastline(count);
  return bench::MakeDataset(name, count, kSeed).keys;
}

// One column on 64-byte boundaries, as in a segment.
class AlignedColumn {
 public:
  explicit AlignedColumn(std::size_t count)
      : data_(static_cast<std::uint64_t*>(std::aligned_alloc(64, (count * 8 + 64) / 64 * 64))) {}
  std::uint64_t* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(std::uint64_t* data) const { std::free(data); }
  };
  std::unique_ptr<std::uint64_t, Free> data_;
};

struct Data {
  explicit Data(const Keys& sorted, const TrainOptions& how = {})
      : options(how), count(sorted.size()), keys(count), values(count), model(Model::None()) {
    std::copy(sorted.begin(), sorted.end(), keys.data());
    for (std::size_t i = 0; i < count; ++i) values.data()[i] = ValueOf(sorted[i]);
    Result<ModelBytes> trained = Train(key_span(), options);
    if (!trained.ok()) std::abort();
    blob = std::move(trained).value();
    Result<Model> opened = Model::Open(blob.bytes(), static_cast<std::uint32_t>(count));
    if (!opened.ok() || !VerifyModel(*opened, key_span()).ok()) std::abort();
    model = *opened;
    bench::Numbers rng(7);
    for (std::size_t i = 0; i < std::min(kQueriesMax, count * 4); ++i) {
      positions.push_back(static_cast<std::uint32_t>(rng.Next() % count));
      queries.push_back(sorted[positions.back()]);
    }
  }
  std::span<const std::uint64_t> key_span() const { return {keys.data(), count}; }

  TrainOptions options;
  std::size_t count;
  AlignedColumn keys, values;
  ModelBytes blob;
  Model model;
  Keys queries;
  std::vector<std::uint32_t> positions;
  mutable Counters counters;
};

struct Known {
  static std::uint32_t Find(const Data& data, const Columns&, std::size_t i, std::uint64_t key) {
    // The floor touches the key's line too, and depends on the previous result through `key`.
    const std::uint32_t position =
        data.positions[i] + static_cast<std::uint32_t>(key - data.queries[i]);
    return data.keys.data()[position] == key ? position : 0;
  }
};
struct Learned {
  static std::uint32_t Find(const Data& data, const Columns& columns, std::size_t,
                            std::uint64_t key) {
    return data.model.LowerBound(columns, key);
  }
};
struct Binary {
  static std::uint32_t Find(const Data& data, const Columns& columns, std::size_t,
                            std::uint64_t key) {
    return BinaryLowerBound(columns.keys, static_cast<std::uint32_t>(data.count), key);
  }
};

Columns ColumnsOf(const Data& data) {
  return {data.keys.data(), data.values.data(), 8, &data.counters};
}

void Report(benchmark::State& state, const Data& data, std::uint64_t wrong) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * data.queries.size()));
  if (wrong != 0 || data.counters.fallbacks.load() != 0) state.SkipWithError("wrong result");
  state.counters["per_lookup"] =
      benchmark::Counter(static_cast<double>(state.iterations() * data.queries.size()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Finder>
void Independent(benchmark::State& state, const Data& data) {
  const Columns columns = ColumnsOf(data);
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < data.queries.size(); ++i) {
      const std::uint64_t key = data.queries[i];
      wrong |= data.values.data()[Finder::Find(data, columns, i, key)] ^ ValueOf(key);
    }
  }
  Report(state, data, wrong);
}

template <class Finder>
void Dependent(benchmark::State& state, const Data& data) {
  const Columns columns = ColumnsOf(data);
  std::uint64_t wrong = 0;
  // A wrong value leads the loop below astray, out of the columns.
  for (std::size_t i = 0; i < data.queries.size(); ++i) {
    const std::uint64_t key = data.queries[i];
    wrong |= data.values.data()[Finder::Find(data, columns, i, key)] ^ ValueOf(key);
  }
  if (wrong != 0) return state.SkipWithError("wrong result");
  for (auto _ : state) {
    std::uint64_t difference = 0;  // of the value and the expected one: 0, but the CPU must wait
    for (std::size_t i = 0; i < data.queries.size(); ++i) {
      const std::uint64_t key = data.queries[i] + difference;
      difference = data.values.data()[Finder::Find(data, columns, i, key)] ^ ValueOf(key);
      wrong |= difference;
    }
  }
  Report(state, data, wrong);
}

void Batched(benchmark::State& state, const Data& data) {
  const Columns columns = ColumnsOf(data);
  std::uint64_t wrong = 0;
  std::uint32_t positions[kBatch];
  for (auto _ : state) {
    for (std::size_t first = 0; first < data.queries.size(); first += kBatch) {
      const std::size_t count = std::min(kBatch, data.queries.size() - first);
      const std::span<const std::uint64_t> queries(data.queries.data() + first, count);
      data.model.LowerBoundBatch(columns, queries, {positions, count});
      for (std::size_t i = 0; i < count; ++i) {
        wrong |= data.values.data()[positions[i]] ^ ValueOf(queries[i]);
      }
    }
  }
  Report(state, data, wrong);
}

// Nanoseconds per lookup in the slowest 1 of 1000 groups of 64 lookups, and in the middle one. Each
// group is timed by itself, so this says what a set of keys does to the tail.
template <class Finder>
void Tail(benchmark::State& state, const Data& data) {
  constexpr std::size_t kGroup = 64;
  using Clock = std::chrono::steady_clock;
  const Columns columns = ColumnsOf(data);
  std::uint64_t wrong = 0;
  std::vector<std::int64_t> times;
  for (auto _ : state) {
    for (std::size_t first = 0; first + kGroup <= data.queries.size(); first += kGroup) {
      const Clock::time_point start = Clock::now();
      for (std::size_t i = first; i < first + kGroup; ++i) {
        const std::uint64_t key = data.queries[i];
        wrong |= data.values.data()[Finder::Find(data, columns, i, key)] ^ ValueOf(key);
      }
      times.push_back((Clock::now() - start).count());
    }
  }
  Report(state, data, wrong);
  const auto quantile = [&](double share) {
    if (times.empty()) return 0.0;
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
    std::nth_element(times.begin(), times.begin() + at, times.end());
    return static_cast<double>(times[static_cast<std::size_t>(at)]) / kGroup;
  };
  state.counters["p50_ns"] = quantile(0.5);
  state.counters["p99_ns"] = quantile(0.99);
  state.counters["p999_ns"] = quantile(0.999);
}

void Training(benchmark::State& state, const Data& data) {
  ModelBytes last;
  for (auto _ : state) {
    Result<ModelBytes> blob = Train(data.key_span(), data.options);
    if (!blob.ok()) return state.SkipWithError("not trained");
    last = *std::move(blob);
    benchmark::DoNotOptimize(last.bytes().data());
  }
  const Result<Model> model = Model::Open(last.bytes(), static_cast<std::uint32_t>(data.count));
  if (!model.ok() || !VerifyModel(*model, data.key_span()).ok()) {
    state.SkipWithError("a model that does not hold its keys");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(data.count));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.count * 8));
  state.counters["per_key"] =
      benchmark::Counter(static_cast<double>(state.iterations() * data.count),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_key"] = data.model.facts().bytes_per_key();
  state.counters["window_p999"] = data.model.facts().window_p999;
  state.counters["max_error"] = data.model.facts().max_error;
}

void Register(const std::string& name, std::shared_ptr<const Data> data) {
  const Result<std::string> why = Explain(data->model.facts());
  std::fprintf(stderr, "%s: %zu keys, %s\n", name.c_str(), data->count,
               why.ok() ? why->c_str() : "");
  const auto add = [&](const char* what, void (*run)(benchmark::State&, const Data&)) {
    benchmark::RegisterBenchmark((name + "/" + what).c_str(), [data, run](benchmark::State& state) {
      run(state, *data);
    })->Unit(benchmark::kMillisecond);
  };
  add("independent/known", Independent<Known>);
  add("independent/learned", Independent<Learned>);
  add("independent/binary", Independent<Binary>);
  add("dependent/known", Dependent<Known>);
  add("dependent/learned", Dependent<Learned>);
  add("dependent/binary", Dependent<Binary>);
  add("batched/learned", Batched);
  add("tail/learned", Tail<Learned>);
  add("tail/binary", Tail<Binary>);
  add("training", Training);
}

bool Wanted(std::string_view name) {
  const char* const sets = std::getenv("KYRO_BENCH_SETS");
  if (sets == nullptr) return true;
  return ("," + std::string(sets) + ",").find("," + std::string(name) + ",") != std::string::npos;
}

void RegisterSets(std::size_t count) {
  const char* const both = std::getenv("KYRO_BENCH_BOTH");
  for (const std::string name :
       {"uniform", "coastline", "lognormal", "outlier", "clumped", "poisoned"}) {
    if (!Wanted(name)) continue;
    const Keys keys = MakeKeys(name, count);
    Register(name, std::make_shared<Data>(keys));
    if (both == nullptr) continue;
    using Force = TrainOptions::Force;
    for (const auto& [how, force] : {std::pair("slots", Force::kSlots),
                                     {"tree", Force::kTree},
                                     {"packed", Force::kPackedTree}}) {
      Register(name + "_" + how, std::make_shared<Data>(keys, TrainOptions{.force = force}));
    }
  }
}

}  // namespace
}  // namespace kyro::index

int main(int argc, char** argv) {
  using namespace kyro::index;  // NOLINT: main of one file
  const std::size_t count = kyro::bench::KeyCount(10'000'000);
  std::fprintf(stderr, "target %s\n", TargetName());
  RegisterSets(count);
  return kyro::bench::Main(argc, argv);
}
