// SPDX-License-Identifier: Apache-2.0
//
// What the latency histograms cost: the same calls on three databases of the same rows, two without
// histograms and one with, in one process. They take turns of a millisecond or so, so that what
// else the machine does meets all three. The second one without tells how much of a difference is
// noise. Every answer is checked.
//
//   metrics_bench [--keys N] [--repeats N] [--dir DIR] [--smoke]
//
// Prints medians of nanoseconds per call, and of the ratios to the first database within a repeat,
// with the middle half of these.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kyro/db.h"

namespace kyro::bench {
namespace {

constexpr std::size_t kTables = 3;  // off, off again, on
constexpr std::size_t kMultiGet = 32;

void Must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}
template <class T>
T Must(Result<T> result) {
  Must(result.status());
  return *std::move(result);
}

std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::string ValueOf(std::uint64_t key) {
  std::string value(sizeof(key), '\0');
  std::memcpy(value.data(), &key, sizeof(key));
  return value;
}

struct Table {
  Db db;
  Keyspace<U64> rows;
  View<U64> view;
};

Table MakeTable(const std::string& dir, bool histograms, const std::vector<std::uint64_t>& keys) {
  Options options;
  options.latency_histograms = histograms;
  options.durability = Durability::kOs;
  options.error_if_exists = true;
  Db db = Must(Db::Open(dir, options));
  auto rows = Must(db.OpenKeyspace<U64>());
  WriteBatch batch;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    batch.Put(rows, keys[i], ValueOf(keys[i]));
    if (batch.count() < 10000 && i + 1 < keys.size()) continue;
    (void)Must(db.Write(batch));
    batch.Clear();
  }
  Must(db.Fold());
  auto view = Must(rows.view());
  return Table{std::move(db), std::move(rows), std::move(view)};
}

using Keys = std::vector<std::uint64_t>;
using Work = std::function<void(Table&, const Keys&)>;  // one call, or kMultiGet lookups, per key

void Check(bool right) {
  if (!right) throw std::runtime_error("a wrong answer");
}

void ViewGets(Table& table, const Keys& keys) {
  for (const std::uint64_t key : keys) {
    const Lookup lookup = table.view.Get(key);
    Check(lookup.present() && std::memcmp(lookup.value().data(), &key, sizeof(key)) == 0);
  }
}
void KeyspaceGets(Table& table, const Keys& keys) {
  std::string value;
  for (const std::uint64_t key : keys) {
    Must(table.rows.Get(key, &value));
    Check(std::memcmp(value.data(), &key, sizeof(key)) == 0);
  }
}
void MultiGets(Table& table, const Keys& keys) {
  std::array<Lookup, kMultiGet> lookups;
  for (std::size_t i = 0; i + kMultiGet <= keys.size(); i += kMultiGet) {
    Must(table.view.MultiGet({&keys[i], kMultiGet}, lookups));
    for (std::size_t k = 0; k < kMultiGet; ++k) {
      Check(std::memcmp(lookups[k].value().data(), &keys[i + k], sizeof(std::uint64_t)) == 0);
    }
  }
}
void Puts(Table& table, const Keys& keys) {
  for (const std::uint64_t key : keys) Must(table.rows.Put(key, ValueOf(key)));
}

double Middle(std::vector<double> values, double part = 0.5) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

void Measure(const std::string& name, std::vector<Table>* tables, std::size_t repeats,
             const Keys& all, std::size_t calls, const Work& work) {
  std::array<std::vector<double>, kTables> nanos, ratios;
  for (std::size_t r = 0; r < repeats + 1; ++r) {
    Keys keys(calls);
    for (std::size_t i = 0; i < calls; ++i) keys[i] = all[Mix(r * calls + i) % all.size()];
    std::array<double, kTables> now{};
    for (std::size_t i = 0; i < kTables; ++i) {
      const std::size_t t = (r + i) % kTables;  // each goes first as often
      const auto start = std::chrono::steady_clock::now();
      work((*tables)[t], keys);
      const std::chrono::duration<double, std::nano> took =
          std::chrono::steady_clock::now() - start;
      now[t] = took.count() / static_cast<double>(keys.size());
    }
    if (r == 0) continue;  // warms
    for (std::size_t t = 0; t < kTables; ++t) {
      nanos[t].push_back(now[t]);
      ratios[t].push_back(now[t] / now[0]);
    }
  }
  fmt::print("{:<14} off {:8.1f} ns", name, Middle(nanos[0]));
  for (const auto& [t, what] : {std::pair<std::size_t, const char*>{1, "off again"}, {2, "on"}}) {
    fmt::print("   {} {:8.1f} ns, x{:.4f} ({:.4f} to {:.4f})", what, Middle(nanos[t]),
               Middle(ratios[t]), Middle(ratios[t], 0.25), Middle(ratios[t], 0.75));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void Run(const std::string& dir, std::size_t key_count, std::size_t repeats) {
  Keys keys(key_count);
  for (std::size_t i = 0; i < key_count; ++i) keys[i] = Mix(i + 1);
  std::vector<Table> tables;
  for (std::size_t t = 0; t < kTables; ++t) {
    tables.push_back(MakeTable(fmt::format("{}/{}", dir, t), t == 2, keys));
  }
  Measure("View::Get", &tables, repeats, keys, 8192, ViewGets);
  Measure("Keyspace::Get", &tables, repeats, keys, 4096, KeyspaceGets);
  Measure("MultiGet of 32", &tables, repeats, keys, 16384, MultiGets);
  Measure("Put, kOs", &tables, repeats, keys, 128, Puts);
  const Stats on = tables[2].db.stats(), off = tables[0].db.stats();
  Check(on.get_latency.count > 0 && on.put_latency.count > 0 && off.get_latency.count == 0);
}

}  // namespace
}  // namespace kyro::bench

int main(int argc, char** argv) {
  CLI::App app("What the latency histograms cost.");
  std::size_t keys = 1000000, repeats = 1001;
  std::string dir = std::filesystem::temp_directory_path() / "kyro_metrics_bench";
  bool smoke = false;
  app.add_option("--keys", keys)->check(CLI::Range(1000, 1000000000));
  app.add_option("--repeats", repeats)->check(CLI::Range(1, 10000));
  app.add_option("--dir", dir, "Made, and removed at the end");
  app.add_flag("--smoke", smoke, "Small and quick");
  CLI11_PARSE(app, argc, argv);
  try {
    if (!std::filesystem::create_directory(dir)) throw std::runtime_error(dir + " exists");
    kyro::bench::Run(dir, smoke ? 2000 : keys, smoke ? 2 : repeats);
    std::filesystem::remove_all(dir);
  } catch (const std::exception& error) {
    fmt::print(stderr, "metrics_bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
