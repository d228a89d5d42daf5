// SPDX-License-Identifier: Apache-2.0
//
// Loading sorted rows, kyro against LMDB: random u64 keys, 8-byte values, into a new database each
// time, in turn. Kyro's BulkLoader ends durable: built, modelled, synced, read back and installed.
// LMDB appends (MDB_APPEND) in one transaction and syncs nothing (MDB_NOSYNC). Every row that was
// loaded is read back and compared, outside of the time.
//
//   load_bench [--keys N] [--repeats N] [--dir DIR] [--require-ratio X] [--smoke]
//
// Prints the medians of the repeats and their ratio.
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
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bench/bench.h"
#include "bench/working_directory.h"
#include "kyro/db.h"

namespace kyro::bench {
namespace {

using Numbers = std::vector<std::uint64_t>;

// A benchmark has no caller to return an error to.
void Must(bool right, const std::string& what) {
  if (!right) throw std::runtime_error(what);
}
void Must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}
template <class T>
T Must(Result<T> result) {
  Must(result.status());
  return *std::move(result);
}

class Stopwatch {
 public:
  // Nanoseconds per row since the last lap.
  double Lap(std::size_t rows) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::nano> spent = now - std::exchange(start_, now);
    return spent.count() / static_cast<double>(rows);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

struct Rows {
  Numbers keys, values;
};

Rows MakeRows(std::size_t count) {
  Rows rows;
  for (std::uint64_t i = 0; i < count; ++i) rows.keys.push_back(Mix(i + 1));  // a bijection
  std::sort(rows.keys.begin(), rows.keys.end());
  for (const std::uint64_t key : rows.keys) rows.values.push_back(Mix(key));
  return rows;
}

std::string_view Raw(const std::uint64_t& number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

// Nanoseconds per row.
struct Times {
  std::vector<double> add, finish, total;
};

void AddRows(const Rows& rows, BulkLoader<U64>* loader) {
  for (std::size_t i = 0; i < rows.keys.size(); ++i) {
    if (Status status = loader->Add(rows.keys[i], Raw(rows.values[i])); !status.ok()) Must(status);
  }
}

void LoadKyro(const std::string& directory, const Rows& rows,
              void (*add)(const Rows&, BulkLoader<U64>*), Times* times) {
  Db db = Must(Db::Open(directory));
  auto keyspace = Must(db.OpenKeyspace<U64>());
  Stopwatch watch;
  auto loader = Must(keyspace.NewBulkLoader());
  add(rows, &loader);
  times->add.push_back(watch.Lap(rows.keys.size()));
  Must(loader.Finish());
  times->finish.push_back(watch.Lap(rows.keys.size()));
  times->total.push_back(times->add.back() + times->finish.back());

  std::size_t row = 0;
  const auto view = Must(keyspace.view());
  auto scan = view.scan();
  for (const auto& [key, value] : scan) {
    Must(row < rows.keys.size() && key == rows.keys[row] && value == Raw(rows.values[row]),
         fmt::format("kyro: row {} is wrong", row));
    ++row;
  }
  Must(scan.status());
  Must(row == rows.keys.size() && db.stats().model_fallbacks == 0, "kyro: rows are missing");
  Must(db.Close());
}

void MustLmdb(int error, const char* what) {
  if (error != MDB_SUCCESS)
    throw std::runtime_error(fmt::format("{}: {}", what, mdb_strerror(error)));
}

void LoadLmdb(const std::string& directory, const Rows& rows, Times* times) {
  std::filesystem::create_directories(directory);
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi dbi = 0;
  MustLmdb(mdb_env_create(&env), "mdb_env_create");
  MustLmdb(mdb_env_set_mapsize(env, 128 * rows.keys.size() + (std::size_t{64} << 20)),
           "mdb_env_set_mapsize");
  MustLmdb(mdb_env_open(env, directory.c_str(), MDB_NOSYNC, 0600), "mdb_env_open");
  Stopwatch watch;
  MustLmdb(mdb_txn_begin(env, nullptr, 0, &txn), "mdb_txn_begin");
  MustLmdb(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &dbi), "mdb_dbi_open");
  for (std::size_t i = 0; i < rows.keys.size(); ++i) {
    std::uint64_t key = rows.keys[i], number = rows.values[i];
    MDB_val k{sizeof(key), &key}, v{sizeof(number), &number};
    MustLmdb(mdb_put(txn, dbi, &k, &v, MDB_APPEND), "mdb_put");
  }
  MustLmdb(mdb_txn_commit(txn), "mdb_txn_commit");
  times->total.push_back(watch.Lap(rows.keys.size()));

  MustLmdb(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn), "mdb_txn_begin");
  MDB_cursor* cursor = nullptr;
  MustLmdb(mdb_cursor_open(txn, dbi, &cursor), "mdb_cursor_open");
  MDB_val k{}, v{};
  for (std::size_t i = 0; i < rows.keys.size(); ++i) {
    MustLmdb(mdb_cursor_get(cursor, &k, &v, MDB_NEXT), "mdb_cursor_get");
    Must(std::memcmp(k.mv_data, &rows.keys[i], 8) == 0 &&
             std::memcmp(v.mv_data, &rows.values[i], 8) == 0,
         fmt::format("lmdb: row {} is wrong", i));
  }
  Must(mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == MDB_NOTFOUND, "lmdb: rows too many");
  mdb_cursor_close(cursor);
  mdb_txn_abort(txn);
  mdb_env_close(env);
}

struct Settings {
  std::size_t keys = 10000000;
  int repeats = 5;
  std::string directory;
  double require_ratio = 0;
  bool smoke = false;
};

void Print(const char* what, const Times& times) {
  const double total = Median(times.total);
  fmt::print("{:8} {:6.1f} ns per row, {:5.1f} million rows/s", what, total, 1e3 / total);
  if (!times.add.empty()) {
    fmt::print("  (add {:.1f}, finish {:.1f})", Median(times.add), Median(times.finish));
  }
  fmt::print("\n");
}

int RunAll(Settings settings) {
  if (settings.smoke) settings.keys = 20000, settings.repeats = 1;
  const WorkingDirectory directory(settings.directory, "load-bench");
  const Rows rows = MakeRows(settings.keys);
  const std::string place = directory.path() + "/load_bench.tmp";
  Times by_row, lmdb;
  for (int i = 0; i < settings.repeats; ++i) {
    RemoveDirectory(place);
    LoadKyro(place, rows, AddRows, &by_row);
    RemoveDirectory(place);
    LoadLmdb(place, rows, &lmdb);
  }
  RemoveDirectory(place);
  fmt::print("{} rows of 16 bytes, medians of {}\n", rows.keys.size(), settings.repeats);
  Print("rows", by_row);
  Print("lmdb", lmdb);
  const double ratio = Median(lmdb.total) / Median(by_row.total);
  fmt::print("rows are {:.2f} times as fast as lmdb\n", ratio);
  Must(ratio >= settings.require_ratio,
       fmt::format("{:.2f} times as fast as LMDB, {} wanted", ratio, settings.require_ratio));
  return 0;
}

int LoadMain(int argc, char** argv) {
  Settings settings;
  CLI::App app("Loading sorted rows, kyro against LMDB.", "load_bench");
  app.add_option("--keys", settings.keys, "Rows")->check(CLI::Range(1000, 1000000000));
  app.add_option("--repeats", settings.repeats, "Loads of each kind")->check(CLI::Range(1, 1000));
  app.add_option("--dir", settings.directory, "Where to work; else a new one in /var/tmp");
  app.add_option("--require-ratio", settings.require_ratio, "Fail if kyro is not so much faster");
  app.add_flag("--smoke", settings.smoke, "Few rows, one repeat");
  CLI11_PARSE(app, argc, argv);
  return RunAll(settings);
}

}  // namespace
}  // namespace kyro::bench

int main(int argc, char** argv) {
  try {
    return kyro::bench::LoadMain(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "load_bench: {}\n", error.what());
    return 1;
  }
}
