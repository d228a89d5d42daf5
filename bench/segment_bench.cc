// SPDX-License-Identifier: Apache-2.0
//
// One u64 segment on a real file system: built, opened, read, scanned and verified, with a filter
// (runs with an older one beneath them) and without. Values are 8 bytes; every answer is checked.
// KYRO_BENCH_KEYS (default 10000000) is how many keys it holds.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/bench.h"
#include "io/env.h"
#include "segment/builder.h"
#include "segment/segment.h"

namespace kyro::segment {
namespace {

using bench::Mix;

constexpr std::size_t kBatch = 32;
constexpr std::size_t kEntryBytes = 16;  // key and value

void Skip(benchmark::State& state, const Status& status) {
  state.SkipWithError(status.ToString().c_str());
}

// A value is its key.
std::string_view ValueOf(const std::uint64_t& key) {
  return {reinterpret_cast<const char*>(&key), sizeof(key)};
}

// Random keys, all even, so that key + 1 is absent.
const std::vector<std::uint64_t>& Keys() {
  static const auto* const keys = [] {
    auto* const made = new std::vector<std::uint64_t>(bench::KeyCount(10'000'000));
    for (std::uint64_t i = 0; i < made->size(); ++i) (*made)[i] = Mix(i + 1) & ~std::uint64_t{1};
    std::sort(made->begin(), made->end());
    made->erase(std::unique(made->begin(), made->end()), made->end());
    return made;
  }();
  return *keys;
}
std::uint64_t RandomKey(std::uint64_t i) {
  return Keys()[Mix(i + 1) % Keys().size()];
}

// A directory with a segment in it, removed with this object.
class Built {
 public:
  explicit Built(bool with_filter) : path_(bench::FreshDirectory("segment_bench")) {
    status_ = Build(with_filter);
  }
  ~Built() {
    segment_ = nullptr;
    directory_ = nullptr;
    bench::RemoveDirectory(path_);
  }
  const Status& status() const { return status_; }
  const SegmentRef& ref() const { return ref_; }
  Counters& counters() { return counters_; }

  using Opened = Result<std::shared_ptr<const Segment<U64>>>;
  Opened Open() { return Segment<U64>::Open(*directory_, Uuid{}, ref_, Access::kMap, &counters_); }
  // Opened once, and verified whole, as a running database's segments soon are.
  const Segment<U64>* Ready() {
    if (segment_ == nullptr && status_.ok()) {
      Opened opened = Open();
      status_ = opened.ok() ? (*opened)->VerifyMapped(nullptr) : opened.status();
      if (status_.ok()) segment_ = *std::move(opened);
    }
    return segment_.get();
  }

 private:
  Status Build(bool with_filter) {
    auto directory = io::SystemEnv().fs->OpenDirectory(path_, true);
    if (!directory.ok()) return directory.status();
    directory_ = *std::move(directory);
    std::uint64_t number = 1;
    BuildContext context;
    context.directory = directory_.get();
    context.random = io::SystemEnv().random;
    context.next_number = [&] { return number++; };
    BuildOptions options;
    options.with_filter = with_filter;
    auto builder = Builder<U64>::Create(context, options);
    if (!builder.ok()) return builder.status();
    for (const std::uint64_t key : Keys()) {
      const Status added = (*builder)->Add(key, ValueOf(key));
      if (!added.ok()) return added;
    }
    auto ref = (*builder)->Finish();
    if (ref.ok()) ref_ = *std::move(ref);
    return ref.status();
  }

  const std::string path_;
  std::unique_ptr<io::Directory> directory_;
  SegmentRef ref_;
  Counters counters_;
  std::shared_ptr<const Segment<U64>> segment_;
  Status status_;
};

// The one read from last; null: none is kept.
std::unique_ptr<Built> g_built;

Built& BuiltOnce(bool with_filter) {
  static bool had_filter;
  if (g_built == nullptr || had_filter != with_filter) {
    g_built = nullptr;  // one directory: gone before the next is made
    g_built = std::make_unique<Built>(with_filter);
    had_filter = with_filter;
  }
  return *g_built;
}

void Finish(benchmark::State& state, std::uint64_t wrong, std::size_t items_each) {
  if (wrong != 0) state.SkipWithError("wrong result");
  const auto items = state.iterations() * static_cast<std::int64_t>(items_each);
  state.SetItemsProcessed(items);
  state.SetBytesProcessed(items * static_cast<std::int64_t>(kEntryBytes));
}

// Durable, read back and with its model: what a flush does.
void Build(benchmark::State& state, bool with_filter) {
  g_built = nullptr;
  for (auto _ : state) {
    state.PauseTiming();
    g_built = nullptr;
    state.ResumeTiming();
    g_built = std::make_unique<Built>(with_filter);
    if (!g_built->status().ok()) Skip(state, g_built->status());
  }
  if (state.error_occurred()) return;
  const SegmentRef& ref = g_built->ref();
  const auto count = static_cast<double>(Keys().size());
  state.counters["bytes_per_entry"] = static_cast<double>(ref.keys.bytes + ref.data.bytes) / count;
  state.counters["model_bytes_per_key"] = static_cast<double>(ref.model.bytes) / count;
  Finish(state, ref.entries == Keys().size() ? 0 : 1, Keys().size());
  g_built = nullptr;
}

void OpenAndGet(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  if (!built.status().ok()) return Skip(state, built.status());
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    const auto segment = built.Open();
    const std::uint64_t key = RandomKey(i++);
    wrong += !segment.ok() || (*segment)->Get(key).value() != ValueOf(key);
  }
  Finish(state, wrong, 1);
}

void GetHit(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  const Segment<U64>* const segment = built.Ready();
  if (segment == nullptr) return Skip(state, built.status());
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    const std::uint64_t key = RandomKey(i++);
    wrong += segment->Get(key).value() != ValueOf(key);
  }
  Finish(state, wrong + built.counters().model_fallbacks.load(), 1);
}

// The next lookup waits for the value of this one.
void GetDependent(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  const Segment<U64>* const segment = built.Ready();
  if (segment == nullptr) return Skip(state, built.status());
  std::uint64_t i = 0, wrong = 0, carry = 0;
  for (auto _ : state) {
    const std::uint64_t key = RandomKey(i++ + carry);
    const std::string_view value = segment->Get(key).value();
    const bool right = value == ValueOf(key);
    wrong += !right;
    carry = right ? static_cast<unsigned char>(value[0]) & 1 : 0;
  }
  Finish(state, wrong, 1);
}

void GetMiss(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  const Segment<U64>* const segment = built.Ready();
  if (segment == nullptr) return Skip(state, built.status());
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) wrong += !segment->Get(RandomKey(i++) + 1).undecided();
  Finish(state, wrong, 1);
}

void MultiGet(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  const Segment<U64>* const segment = built.Ready();
  if (segment == nullptr) return Skip(state, built.status());
  std::vector<std::uint64_t> keys(kBatch);
  std::vector<Lookup> found(kBatch);
  std::uint64_t i = 0, wrong = 0;
  for (auto _ : state) {
    for (std::uint64_t& key : keys) key = RandomKey(i++);
    std::fill(found.begin(), found.end(), Lookup());
    segment->MultiGet(keys, found);
    for (std::size_t k = 0; k < kBatch; ++k) wrong += found[k].value() != ValueOf(keys[k]);
  }
  Finish(state, wrong, kBatch);
}

void ScanAll(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  const Segment<U64>* const segment = built.Ready();
  if (segment == nullptr) return Skip(state, built.status());
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    Segment<U64>::Cursor cursor(segment);
    std::size_t row = 0;
    for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next(), ++row) {
      wrong += cursor.key() != Keys()[row] || cursor.value() != ValueOf(Keys()[row]);
    }
    wrong += row != Keys().size() || !cursor.status().ok();
  }
  Finish(state, wrong, Keys().size());
}

void VerifyFiles(benchmark::State& state, bool with_filter) {
  Built& built = BuiltOnce(with_filter);
  const Segment<U64>* const segment = built.Ready();
  if (segment == nullptr) return Skip(state, built.status());
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const Status status = segment->VerifyFiles(nullptr, &bytes);
    if (!status.ok()) Skip(state, status);
  }
  const SegmentRef& ref = built.ref();
  const std::uint64_t want = ref.keys.bytes + ref.data.bytes + ref.model.bytes;
  if (bytes != want * static_cast<std::uint64_t>(state.iterations())) {
    state.SkipWithError("not every byte was read");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(Keys().size()));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

#define KYRO_SEGMENT(name, with_filter)                                            \
  BENCHMARK_CAPTURE(Build, name, with_filter)->Unit(benchmark::kMillisecond);      \
  BENCHMARK_CAPTURE(OpenAndGet, name, with_filter)->Unit(benchmark::kMicrosecond); \
  BENCHMARK_CAPTURE(GetHit, name, with_filter);                                    \
  BENCHMARK_CAPTURE(GetDependent, name, with_filter);                              \
  BENCHMARK_CAPTURE(GetMiss, name, with_filter);                                   \
  BENCHMARK_CAPTURE(MultiGet, name, with_filter);                                  \
  BENCHMARK_CAPTURE(ScanAll, name, with_filter)->Unit(benchmark::kMillisecond);    \
  BENCHMARK_CAPTURE(VerifyFiles, name, with_filter)->Unit(benchmark::kMillisecond)
KYRO_SEGMENT(plain, false);
KYRO_SEGMENT(filtered, true);

}  // namespace

int Main(int argc, char** argv) {
  const int result = bench::Main(argc, argv);
  g_built = nullptr;  // and its directory
  return result;
}

}  // namespace kyro::segment

int main(int argc, char** argv) {
  return kyro::segment::Main(argc, argv);
}
