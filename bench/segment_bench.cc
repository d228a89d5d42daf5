// SPDX-License-Identifier: Apache-2.0
//
// One u64 segment on a real file system: how fast it is built, read, scanned and verified. Every
// answer is checked; a wrong one ends the program.
//
//   segment_bench [entries = 10000000] [directory = /tmp/kyro_segment_bench]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "io/env.h"
#include "segment/builder.h"
#include "segment/segment.h"

namespace kyro::segment {
namespace {

constexpr std::uint64_t kLookups = 2'000'000;
constexpr int kRepeats = 5;

template <class T>
T Must(Result<T> result) {
  if (!result.ok()) {
    fmt::print(stderr, "{}\n", result.status().ToString());
    std::exit(1);
  }
  return std::move(result).value();
}
void Must(const Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", status.ToString());
  std::exit(1);
}
void Check(bool right, const char* what) {
  if (right) return;
  fmt::print(stderr, "wrong answer: {}\n", what);
  std::exit(1);
}

std::uint64_t Mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

double Seconds(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

// The median of kRepeats runs of `body`, in ns per `count`.
template <class Body>
void Report(const char* name, std::uint64_t count, Body body) {
  std::vector<double> times;
  for (int i = 0; i < kRepeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    times.push_back(Seconds(start) * 1e9 / static_cast<double>(count));
  }
  std::sort(times.begin(), times.end());
  fmt::print("{:28} {:9.1f} ns  (min {:.1f}, max {:.1f})\n", name, times[kRepeats / 2],
             times.front(), times.back());
}

std::string_view ValueOf(const std::uint64_t& key) {
  return {reinterpret_cast<const char*>(&key), sizeof(key)};
}

// Random keys, all even, so that key + 1 is absent.
std::vector<std::uint64_t> MakeKeys(std::uint64_t entries) {
  std::vector<std::uint64_t> keys(entries);
  for (std::uint64_t i = 0; i < entries; ++i) keys[i] = Mix(i + 1) & ~std::uint64_t{1};
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

SegmentRef BuildSegment(io::Directory* directory, const std::vector<std::uint64_t>& keys,
                        bool with_filter) {
  std::uint64_t number = 1;
  BuildContext context;
  context.directory = directory;
  context.random = io::SystemEnv().random;
  context.next_number = [&] { return number++; };
  BuildOptions options;
  options.with_filter = with_filter;
  const auto start = std::chrono::steady_clock::now();
  auto builder = Must(Builder<U64>::Create(context, options));
  for (const std::uint64_t key : keys) Must(builder->Add(key, ValueOf(key)));
  const double added = Seconds(start);
  SegmentRef ref = Must(builder->Finish());
  const double total = Seconds(start);
  const auto count = static_cast<double>(keys.size());
  fmt::print(
      "build: {:.1f} M entries/s durable and verified (adding {:.1f} M/s, {:.2f} s of {:.2f})\n",
      count / total / 1e6, count / added / 1e6, added, total);
  fmt::print("bytes per entry: {:.3f} keys + data, {:.3f} model\n",
             static_cast<double>(ref.keys.bytes + ref.data.bytes) / count,
             static_cast<double>(ref.model.bytes) / count);
  return ref;
}

void BenchReads(const Segment<U64>& segment, const std::vector<std::uint64_t>& keys) {
  std::vector<std::uint64_t> hits(kLookups);
  for (std::uint64_t i = 0; i < kLookups; ++i) hits[i] = keys[Mix(i) % keys.size()];
  Report("get_hit", kLookups, [&] {
    for (const std::uint64_t key : hits) Check(segment.Get(key).value() == ValueOf(key), "hit");
  });
  Report("get_miss", kLookups, [&] {
    for (const std::uint64_t key : hits) Check(segment.Get(key + 1).undecided(), "miss");
  });
  std::uint64_t carry = 0;
  Report("get_dependent", kLookups, [&] {
    for (std::uint64_t i = 0; i < kLookups; ++i) {
      const std::uint64_t key = hits[(i + (carry & 1)) % kLookups];
      const Lookup found = segment.Get(key);
      Check(found.value() == ValueOf(key), "dependent");
      carry = static_cast<unsigned char>(found.value()[0]);
    }
  });
  std::vector<Lookup> found(32);
  Report("multiget_32", kLookups, [&] {
    for (std::uint64_t i = 0; i + 32 <= kLookups; i += 32) {
      std::fill(found.begin(), found.end(), Lookup());
      segment.MultiGet(std::span(hits).subspan(i, 32), found);
      for (std::size_t j = 0; j < 32; ++j) {
        Check(found[j].value() == ValueOf(hits[i + j]), "multiget");
      }
    }
  });
  Report("scan_row", keys.size(), [&] {
    Segment<U64>::Cursor cursor(&segment);
    std::uint64_t rows = 0, sum = 0;
    for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next(), ++rows) {
      sum += cursor.key() ^ LoadLE<std::uint64_t>(cursor.value().data());
    }
    Check(rows == keys.size() && sum == 0 && cursor.status().ok(), "scan");
  });
}

int Main(int argc, char** argv) {
  const std::uint64_t entries = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const std::string path = argc > 2 ? argv[2] : "/tmp/kyro_segment_bench";
  for (const bool with_filter : {false, true}) {
    std::filesystem::remove_all(path);
    const auto directory = Must(io::SystemEnv().fs->OpenDirectory(path, true));
    const std::vector<std::uint64_t> keys = MakeKeys(entries);
    fmt::print("--- {} u64 keys, 8-byte values, {} filter\n", keys.size(),
               with_filter ? "with" : "without");
    const SegmentRef ref = BuildSegment(directory.get(), keys, with_filter);
    Counters counters;
    const auto start = std::chrono::steady_clock::now();
    const auto segment = Must(Segment<U64>::Open(*directory, Uuid{}, ref, Access::kMap, &counters));
    Check(segment->Get(keys[keys.size() / 2]).present(), "first get");
    fmt::print("open and first get: {:.2f} ms\n", Seconds(start) * 1e3);
    fmt::print("model: {}\n", segment->facts().structure);
    BenchReads(*segment, keys);
    Must(segment->VerifyMapped(nullptr));
    Check(counters.model_fallbacks.load() == 0, "fallbacks");
    const auto verify = std::chrono::steady_clock::now();
    std::uint64_t bytes = 0;
    Must(segment->VerifyFiles(nullptr, &bytes));
    fmt::print("verify files: {:.2f} GB/s\n", static_cast<double>(bytes) / Seconds(verify) / 1e9);
  }
  std::filesystem::remove_all(path);
  return 0;
}

}  // namespace
}  // namespace kyro::segment

int main(int argc, char** argv) {
  return kyro::segment::Main(argc, argv);
}
