// SPDX-License-Identifier: Apache-2.0
//
// Point lookups and scans of kyro against LMDB: the same u64 keys, the same 8-byte values, in one
// process, warm, one after the other in every repeat. kyro reads through a held view of a folded
// database, LMDB through a held read transaction with MDB_INTEGERKEY. Every answer is checked. A
// scan adds up every key and every value: kyro row by row and as columns, LMDB with a cursor.
//
//   lmdb_bench [--keys N] [--repeats N] [--sets uniform,coastline] [--dir DIR] [--json FILE]
//              [--require-ratio X] [--scans-only] [--smoke]
//
// Prints medians over the repeats and their ratio. What it reports of the index it also demands:
// one prediction per lookup, no fallback, a p99.9 window of at most 64 keys. Absolute times mean
// little on a shared machine; the ratio does.
#include <fmt/format.h>
#include <lmdb.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/working_directory.h"
#include "kyro/db.h"
#include "shoreline/hilbert.h"
#include "shoreline/record.h"
#ifdef KYRO_HAVE_SHORE
#include "shoreline/shore.h"
#endif

namespace kyro::bench {
namespace {

using shoreline::Mix;
using shoreline::Numbers;
using Keys = std::vector<std::uint64_t>;

constexpr std::uint64_t kWindowP999Max = 64;

// A benchmark has no caller to return an error to.
[[noreturn]] void Give(const std::string& what) {
  throw std::runtime_error(what);
}
void Must(const Status& status) {
  if (!status.ok()) Give(status.ToString());
}
template <class T>
T Must(Result<T> result) {
  if (!result.ok()) Give(result.status().ToString());
  return *std::move(result);
}
void MustLmdb(int error, const char* what) {
  if (error != MDB_SUCCESS) Give(fmt::format("{}: {}", what, mdb_strerror(error)));
}

std::uint64_t ValueOf(std::uint64_t key) {
  return Mix(key ^ 0x6b79726f);
}
std::string_view Raw(const std::uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

// ------------------------------------------------------------------------------------- keys

void SortUnique(Keys* keys) {
  std::sort(keys->begin(), keys->end());
  keys->erase(std::unique(keys->begin(), keys->end()), keys->end());
}

// Exactly `count` keys, evenly taken from the sorted ones.
Keys Thinned(Keys keys, std::size_t count) {
  if (keys.size() <= count) return keys;
  Keys thin(count);
  for (std::size_t i = 0; i < count; ++i) {
    thin[i] =
        keys[static_cast<std::size_t>(static_cast<unsigned __int128>(i) * keys.size() / count)];
  }
  return thin;
}

Keys Uniform(std::size_t count) {
  Numbers numbers(1);
  Keys keys;
  while (keys.size() < count) {
    while (keys.size() < count + count / 1000 + 8) keys.push_back(numbers.Next());
    SortUnique(&keys);
  }
  return Thinned(std::move(keys), count);
}

// The middle of a segment is displaced by a random part of its length: a coast, to the eye and to a
// model. Appends the points strictly between the ends.
void Displace(Numbers* numbers, double x0, double y0, double x1, double y1, int depth, Keys* keys) {
  if (depth == 0) return;
  const auto shift = [&] {
    return (static_cast<double>(numbers->Next() >> 11) * 0x1p-53 - 0.5) * 0.5;
  };
  const double x = (x0 + x1) / 2 + shift() * (y1 - y0), y = (y0 + y1) / 2 + shift() * (x0 - x1);
  Displace(numbers, x0, y0, x, y, depth - 1, keys);
  const auto step = [](double part) {
    return static_cast<std::uint32_t>(std::clamp(part, 0.0, 1.0) * 4294967295.0);
  };
  keys->push_back(shoreline::HilbertCell({step(x), step(y)}));
  Displace(numbers, x, y, x1, y1, depth - 1, keys);
}

// Made coasts, for machines without the real ones: islands of very different sizes.
Keys MadeCoasts(std::size_t count) {
  Numbers numbers(2);
  const auto part = [&] { return static_cast<double>(numbers.Next() >> 11) * 0x1p-53; };
  Keys keys;
  while (keys.size() < count) {
    const std::size_t before = keys.size();
    while (keys.size() < before + count / 8 + 64) {
      const double x = part(), y = part(), size = 0.1 * part() * part() * part();
      const int depth = 5 + static_cast<int>(numbers.Below(9));
      Displace(&numbers, x, y, x + size, y + size, depth, &keys);
      Displace(&numbers, x + size, y + size, x, y, depth, &keys);
    }
    SortUnique(&keys);
  }
  return Thinned(std::move(keys), count);
}

Keys Coastline(std::size_t count, std::string* source) {
#ifdef KYRO_HAVE_SHORE
  auto cells = shoreline::ReadShore(shoreline::kShoreFile);
  if (cells.ok()) {
    Keys keys = shoreline::SortedCells(*std::move(cells));
    if (keys.size() >= count) {
      *source = "GSHHG shoreline points";
      // A stretch of the curve keeps its structure; an even selection would thin it.
      keys.resize(count);
      return keys;
    }
  }
#endif
  *source = "made coasts";
  return MadeCoasts(count);
}

void Shuffle(Keys* keys, std::uint64_t seed) {
  Numbers numbers(seed);
  for (std::size_t i = keys->size(); i > 1; --i) {
    std::swap((*keys)[i - 1], (*keys)[numbers.Below(i)]);
  }
}

// As many keys that are absent, between and beyond the present ones.
Keys Absent(const Keys& sorted) {
  Numbers numbers(3);
  Keys absent;
  absent.reserve(sorted.size());
  while (absent.size() < sorted.size()) {
    const std::uint64_t near = sorted[absent.size()] + 1, far = numbers.Next();
    const std::uint64_t key = absent.size() % 2 == 0 ? near : far;
    absent.push_back(std::binary_search(sorted.begin(), sorted.end(), key) ? far : key);
    if (std::binary_search(sorted.begin(), sorted.end(), absent.back())) absent.pop_back();
  }
  return absent;
}

// ------------------------------------------------------------------------------- contestants

std::uint64_t Number(const void* bytes) {
  std::uint64_t number;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

// What a scan saw of every row.
struct Sums {
  void Add(std::uint64_t key, std::uint64_t value, std::size_t value_bytes) {
    ++rows;
    keys += key;
    values += value;
    wrong += value_bytes ^ 8;
  }
  bool operator==(const Sums&) const = default;

  std::uint64_t rows = 0, keys = 0, values = 0, wrong = 0;
};

class Lmdb {
 public:
  Lmdb(const std::string& directory, const Keys& sorted) {
    MustLmdb(mdb_env_create(&env_), "mdb_env_create");
    MustLmdb(mdb_env_set_mapsize(env_, std::size_t{128} * sorted.size() + (std::size_t{64} << 20)),
             "mdb_env_set_mapsize");
    std::filesystem::create_directories(directory);
    // Loading is not measured here; random reads want no readahead, warm ones need none.
    MustLmdb(mdb_env_open(env_, directory.c_str(), MDB_NOSYNC | MDB_NORDAHEAD, 0600),
             "mdb_env_open");
    MustLmdb(mdb_txn_begin(env_, nullptr, 0, &txn_), "mdb_txn_begin");
    MustLmdb(mdb_dbi_open(txn_, nullptr, MDB_INTEGERKEY, &dbi_), "mdb_dbi_open");
    for (const std::uint64_t key : sorted) {
      std::uint64_t copy = key, number = ValueOf(key);
      MDB_val k{sizeof(copy), &copy}, v{sizeof(number), &number};
      MustLmdb(mdb_put(txn_, dbi_, &k, &v, MDB_APPEND), "mdb_put");
    }
    MustLmdb(mdb_txn_commit(std::exchange(txn_, nullptr)), "mdb_txn_commit");
    MustLmdb(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn_), "mdb_txn_begin");
  }
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;
  ~Lmdb() {
    if (txn_ != nullptr) mdb_txn_abort(txn_);
    if (env_ != nullptr) mdb_env_close(env_);
  }

  // Null: absent.
  const void* Get(std::uint64_t key) const {
    MDB_val k{sizeof(key), &key}, v{};
    const int error = mdb_get(txn_, dbi_, &k, &v);
    if (error == MDB_SUCCESS && v.mv_size == sizeof(std::uint64_t)) return v.mv_data;
    if (error != MDB_NOTFOUND) Give("mdb_get failed");
    return nullptr;
  }

  Sums SumRows() const {
    MDB_cursor* cursor = nullptr;
    MustLmdb(mdb_cursor_open(txn_, dbi_, &cursor), "mdb_cursor_open");
    Sums sums;
    MDB_val k{}, v{};
    int error = mdb_cursor_get(cursor, &k, &v, MDB_FIRST);
    for (; error == MDB_SUCCESS; error = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) {
      sums.Add(Number(k.mv_data), Number(v.mv_data), v.mv_size);
    }
    mdb_cursor_close(cursor);
    if (error != MDB_NOTFOUND) MustLmdb(error, "mdb_cursor_get");
    return sums;
  }

 private:
  MDB_env* env_ = nullptr;
  MDB_txn* txn_ = nullptr;
  MDB_dbi dbi_ = 0;
};

class Kyro {
 public:
  Kyro(const std::string& directory, const Keys& sorted)
      : db_(Must(Db::Open(directory))), keyspace_(Must(db_.OpenKeyspace<U64>())) {
    constexpr std::size_t kBatchRows = 20000;
    WriteBatch batch;
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      batch.Put(keyspace_, sorted[i], Raw(ValueOf(sorted[i])));
      if (batch.count() < kBatchRows && i + 1 < sorted.size()) continue;
      Must(db_.Write(batch, {.durability = Durability::kOs}));
      batch.Clear();
    }
    Must(db_.Fold());
    view_ = std::make_unique<View<U64>>(Must(keyspace_.view()));
  }

  const void* Get(std::uint64_t key) const {
    const Lookup found = view_->Get(key);
    if (found.failed()) Must(found.status());
    return found.present() && found.value().size() == 8 ? found.value().data() : nullptr;
  }
  Sums SumRows() const {
    Sums sums;
    Scan<U64> scan = view_->scan();
    for (const auto& [key, value] : scan) sums.Add(key, Number(value.data()), value.size());
    Must(scan.status());
    return sums;
  }
  Sums SumBatches() const {
    Sums sums;
    Scan<U64> scan = view_->scan();
    ColumnBatch<U64> batch;
    while (scan.NextBatch(&batch)) {
      if (batch.values.offsets() != nullptr || batch.values.width() != 8) Give("not 8 wide");
      sums.rows += batch.size();
      const char* const values = batch.values.data();
      for (std::size_t i = 0; i < batch.size(); ++i) {
        sums.keys += batch.keys[i];
        sums.values += Number(values + 8 * i);
      }
    }
    Must(scan.status());
    return sums;
  }
  Stats stats() const { return db_.stats(); }

 private:
  Db db_;
  Keyspace<U64> keyspace_;
  std::unique_ptr<View<U64>> view_;
};

// ----------------------------------------------------------------------------------- measure

// Nanoseconds per lookup; throws at a wrong answer.
template <class Store>
double TimeHits(const Store& store, const Keys& queries) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::uint64_t key : queries) {
    const void* const value = store.Get(key);
    const std::uint64_t want = ValueOf(key);
    if (value == nullptr || std::memcmp(value, &want, 8) != 0) {
      Give(fmt::format("a wrong answer for key {}", key));
    }
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / static_cast<double>(queries.size());
}

template <class Store>
double TimeMisses(const Store& store, const Keys& queries) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::uint64_t key : queries) {
    if (store.Get(key) != nullptr) Give(fmt::format("key {} should be absent", key));
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  return spent.count() / static_cast<double>(queries.size());
}

// Nanoseconds per row of `scan`, which returns what it saw.
template <class Walk>
double TimeScan(const Sums& want, Walk&& walk) {
  const auto start = std::chrono::steady_clock::now();
  const Sums sums = walk();
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  if (!(sums == want)) Give("a scan saw other rows");
  return spent.count() / static_cast<double>(want.rows);
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct Series {
  std::vector<double> kyro_hit, lmdb_hit, kyro_miss, lmdb_miss;
  std::vector<double> kyro_rows, kyro_columns, lmdb_rows;
};

void MeasureScans(const Kyro& kyro, const Lmdb& lmdb, const Keys& sorted, int repeats,
                  Series* series) {
  Sums want;
  for (const std::uint64_t key : sorted) want.Add(key, ValueOf(key), 8);
  for (int i = 0; i < repeats; ++i) {
    series->kyro_rows.push_back(TimeScan(want, [&] { return kyro.SumRows(); }));
    series->kyro_columns.push_back(TimeScan(want, [&] { return kyro.SumBatches(); }));
    series->lmdb_rows.push_back(TimeScan(want, [&] { return lmdb.SumRows(); }));
  }
}

// Whoever goes second finds colder caches: they take turns.
Series Measure(const Kyro& kyro, const Lmdb& lmdb, const Keys& sorted, int repeats) {
  Keys hits = sorted, misses = Absent(sorted);
  Series series;
  for (int i = 0; i < repeats; ++i) {
    Shuffle(&hits, static_cast<std::uint64_t>(100 + i));
    Shuffle(&misses, static_cast<std::uint64_t>(200 + i));
    for (int turn = 0; turn < 2; ++turn) {
      if ((i + turn) % 2 == 0) {
        series.kyro_hit.push_back(TimeHits(kyro, hits));
        series.kyro_miss.push_back(TimeMisses(kyro, misses));
      } else {
        series.lmdb_hit.push_back(TimeHits(lmdb, hits));
        series.lmdb_miss.push_back(TimeMisses(lmdb, misses));
      }
    }
  }
  return series;
}

struct Settings {
  std::size_t keys = 10000000;
  int repeats = 5;
  std::vector<std::string> sets{"uniform", "coastline"};
  std::string directory;
  std::string json;
  double require_ratio = 0;
  bool scans_only = false;
  bool smoke = false;
};

nlohmann::ordered_json RunSet(const Settings& settings, const std::string& set) {
  std::string source = "splitmix64";
  const Keys sorted = set == "uniform" ? Uniform(settings.keys) : Coastline(settings.keys, &source);
  const std::filesystem::path work(settings.directory);
  const Lmdb lmdb(work / (set + ".lmdb"), sorted);
  const Kyro kyro(work / (set + ".kyro"), sorted);
  TimeHits(kyro, sorted);  // warm, and every key once
  TimeHits(lmdb, sorted);
  Keys counted;
  std::uint64_t predictions = 0;
  Series series;
  if (!settings.scans_only) {
    counted = sorted;
    Shuffle(&counted, 99);
    const Stats before = kyro.stats();
    TimeHits(kyro, counted);
    predictions = kyro.stats().predictions - before.predictions;
    series = Measure(kyro, lmdb, sorted, settings.repeats);
  }
  MeasureScans(kyro, lmdb, sorted, settings.repeats, &series);
  const Stats stats = kyro.stats();
  nlohmann::ordered_json result;
  result["set"] = set;
  result["source"] = source;
  result["keys"] = sorted.size();
  result["repeats"] = settings.repeats;
  for (const auto& [name, values] :
       {std::pair("kyro_hit_ns", &series.kyro_hit), std::pair("lmdb_hit_ns", &series.lmdb_hit),
        std::pair("kyro_miss_ns", &series.kyro_miss), std::pair("lmdb_miss_ns", &series.lmdb_miss),
        std::pair("kyro_rows_ns", &series.kyro_rows),
        std::pair("kyro_columns_ns", &series.kyro_columns),
        std::pair("lmdb_rows_ns", &series.lmdb_rows)}) {
    result[name] = {{"median", Median(*values)}, {"all", *values}};
  }
  if (!settings.scans_only) {
    result["hit_ratio"] = Median(series.lmdb_hit) / Median(series.kyro_hit);
    result["miss_ratio"] = Median(series.lmdb_miss) / Median(series.kyro_miss);
  }
  result["rows_ratio"] = Median(series.lmdb_rows) / Median(series.kyro_rows);
  result["columns_ratio"] = Median(series.lmdb_rows) / Median(series.kyro_columns);
  result["model_bytes_per_key"] = stats.model_bytes_per_key;
  result["leaves"] = stats.leaves;
  result["window_p999"] = stats.window_p999;
  result["lookups"] = counted.size();
  result["predictions"] = predictions;
  result["fallbacks"] = stats.model_fallbacks;
  return result;
}

void Print(const nlohmann::ordered_json& r) {
  const auto median = [&](const char* name) { return r[name]["median"].get<double>(); };
  fmt::print("{} ({}), {} keys, 8-byte values, medians of {}\n", r["set"].get<std::string>(),
             r["source"].get<std::string>(), r["keys"].get<std::size_t>(), r["repeats"].get<int>());
  if (r["lookups"] != 0) {
    fmt::print("  hit     kyro {:6.0f} ns   lmdb {:6.0f} ns   {:.2f} times faster\n",
               median("kyro_hit_ns"), median("lmdb_hit_ns"), r["hit_ratio"].get<double>());
    fmt::print("  miss    kyro {:6.0f} ns   lmdb {:6.0f} ns   {:.2f} times faster\n",
               median("kyro_miss_ns"), median("lmdb_miss_ns"), r["miss_ratio"].get<double>());
  }
  fmt::print("  rows    kyro {:6.2f} ns   lmdb {:6.2f} ns   {:.2f} times faster\n",
             median("kyro_rows_ns"), median("lmdb_rows_ns"), r["rows_ratio"].get<double>());
  fmt::print("  columns kyro {:6.2f} ns   lmdb {:6.2f} ns   {:.2f} times faster\n",
             median("kyro_columns_ns"), median("lmdb_rows_ns"), r["columns_ratio"].get<double>());
  fmt::print("  index   {:.3f} bytes per key, {} leaves, p99.9 window {} keys\n",
             r["model_bytes_per_key"].get<double>(), r["leaves"].get<std::uint64_t>(),
             r["window_p999"].get<std::uint64_t>());
  fmt::print("          {} lookups, {} predictions, {} fallbacks\n",
             r["lookups"].get<std::uint64_t>(), r["predictions"].get<std::uint64_t>(),
             r["fallbacks"].get<std::uint64_t>());
}

// What the design demands of this run.
void Judge(const Settings& settings, const nlohmann::ordered_json& r) {
  const std::string set = r["set"];
  if (r["fallbacks"] != 0) Give(set + ": fallbacks");
  if (r["predictions"] != r["lookups"]) Give(set + ": predictions differ from lookups");
  if (r["window_p999"] > kWindowP999Max) Give(set + ": the p99.9 window is too wide");
  if (r["model_bytes_per_key"].get<double>() > (set == "uniform" ? 0.2 : 0.3)) {
    Give(set + ": the model is too large");
  }
  if (!settings.scans_only && r["hit_ratio"].get<double>() < settings.require_ratio) {
    Give(fmt::format("{}: {:.2f} times faster than LMDB, {} wanted", set,
                     r["hit_ratio"].get<double>(), settings.require_ratio));
  }
}

int RunAll(Settings settings) {
  if (settings.smoke) {
    settings.keys = std::min<std::size_t>(settings.keys, 100000);
    settings.repeats = 1;
  }
  const WorkingDirectory directory(settings.directory, "lmdb-bench");
  settings.directory = directory.path();
  auto all = nlohmann::ordered_json::array();
  for (const std::string& set : settings.sets) {
    all.push_back(RunSet(settings, set));
    Print(all.back());
    std::fflush(stdout);
  }
  if (!settings.json.empty()) std::ofstream(settings.json) << all.dump(2) << '\n';
  for (const auto& result : all) Judge(settings, result);
  return 0;
}

int Main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Point lookups and scans of kyro against LMDB.", "lmdb_bench");
  app.add_option("--keys", settings.keys, "Keys per set")->check(CLI::Range(1000, 1000000000));
  app.add_option("--repeats", settings.repeats, "Interleaved repeats")->check(CLI::Range(1, 1000));
  app.add_option("--sets", settings.sets, "uniform, coastline")
      ->delimiter(',')
      ->check(CLI::IsMember({"uniform", "coastline"}));
  app.add_option("--dir", settings.directory, "Where to work, empty; else a new one in /var/tmp");
  app.add_option("--json", settings.json, "Also write every measurement to this file");
  app.add_option("--require-ratio", settings.require_ratio, "Fail if hits are not so much faster");
  app.add_flag("--scans-only", settings.scans_only, "Measure no lookups");
  app.add_flag("--smoke", settings.smoke, "Few keys, one repeat");
  CLI11_PARSE(app, argc, argv);
  return RunAll(settings);
}

}  // namespace
}  // namespace kyro::bench

int main(int argc, char** argv) {
  try {
    return kyro::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "lmdb_bench: {}\n", error.what());
    return 1;
  }
}
