// SPDX-License-Identifier: Apache-2.0
//
// A delta beside std::map and absl::btree_map, which know no versions, no readers beside a writer
// and no refusal of memory: insertions, hits, misses (which the filter ends) and a scan; integer
// and byte-string keys; 10,000 keys (about 1 MiB) and 500,000. Every result is checked.
#include <absl/container/btree_map.h>
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "bench/bench.h"
#include "delta/delta.h"

namespace kyro::delta {
namespace {

enum class Arrival { kRandom, kAscending };

// Distinct keys, all odd numbers: an even one is a miss between two of them.
std::vector<std::uint64_t> Numbers(std::size_t count, Arrival arrival) {
  std::vector<std::uint64_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = (i * 1000003 + i % 7) * 2 + 1;
  if (arrival == Arrival::kRandom) {
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(1));
  }
  return numbers;
}

template <class K>
typename KeyTraits<K>::Owned MakeKey(std::uint64_t number) {
  if constexpr (std::is_same_v<K, U64>) {
    return number;
  } else {
    const std::uint64_t big = __builtin_bswap64(number);
    return "user/0000" + std::string(reinterpret_cast<const char*>(&big), 8) + "/field";
  }
}

template <class K>
std::vector<typename KeyTraits<K>::Owned> MakeKeys(const std::vector<std::uint64_t>& numbers) {
  std::vector<typename KeyTraits<K>::Owned> keys;
  for (const std::uint64_t number : numbers) keys.push_back(MakeKey<K>(number));
  return keys;
}

// What is measured, behind one face. A value is eight bytes: the key's place in the input.
template <class K>
class DeltaUnderTest {
 public:
  using Kind = K;
  DeltaUnderTest() : delta_(std::move(Delta<K>::Create(std::size_t{64} << 20)).value()) {}
  void Insert(typename K::Key key, std::uint64_t value) {
    char bytes[8];
    StoreLE(bytes, value);
    if (!delta_->Reserve(Delta<K>::OpBytes(32, 8)).ok()) std::abort();
    delta_->Put(key, 1, std::string_view(bytes, 8));
  }
  bool Find(typename K::Key key, std::uint64_t* value) const {
    const Version version = delta_->Get(key, 1);
    if (version.found != Found::kValue) return false;
    *value = LoadLE<std::uint64_t>(version.value.data());
    return true;
  }
  std::uint64_t SumAll() const {
    std::uint64_t sum = 0;
    typename Delta<K>::Cursor cursor(delta_.get(), 1);
    for (cursor.SeekToFirst(); cursor.Valid(); cursor.Next()) {
      sum += LoadLE<std::uint64_t>(cursor.value().data());
    }
    return sum;
  }
  std::uint64_t size() const { return delta_->keys(); }
  std::size_t bytes() const { return delta_->bytes(); }

 private:
  std::unique_ptr<Delta<K>> delta_;
};

template <class K, class Map>
class MapUnderTest {
 public:
  using Kind = K;
  void Insert(typename K::Key key, std::uint64_t value) {
    map_.emplace(typename KeyTraits<K>::Owned(key), value);
  }
  bool Find(typename K::Key key, std::uint64_t* value) const {
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    *value = found->second;
    return true;
  }
  std::uint64_t SumAll() const {
    std::uint64_t sum = 0;
    for (const auto& [key, value] : map_) sum += value;
    return sum;
  }
  std::uint64_t size() const { return map_.size(); }
  std::size_t bytes() const { return 0; }

 private:
  Map map_;
};

using StdU64 = MapUnderTest<U64, std::map<std::uint64_t, std::uint64_t>>;
using AbslU64 = MapUnderTest<U64, absl::btree_map<std::uint64_t, std::uint64_t>>;
using StdBytes = MapUnderTest<Bytes, std::map<std::string, std::uint64_t, std::less<>>>;
using AbslBytes = MapUnderTest<Bytes, absl::btree_map<std::string, std::uint64_t, std::less<>>>;

template <class T>
void Fill(T* map, const std::vector<typename KeyTraits<typename T::Kind>::Owned>& keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) map->Insert(keys[i], i);
}

template <class T, Arrival kArrival>
void BM_Insert(benchmark::State& state) {
  const auto keys =
      MakeKeys<typename T::Kind>(Numbers(static_cast<std::size_t>(state.range(0)), kArrival));
  std::size_t bytes = 0;
  for (auto _ : state) {
    auto map = std::make_unique<T>();
    Fill(map.get(), keys);
    benchmark::ClobberMemory();
    state.PauseTiming();
    bytes = map->bytes();
    if (map->size() != keys.size()) state.SkipWithError("wrong size");
    for (std::size_t i = 0; i < keys.size(); i += 97) {
      std::uint64_t value = 0;
      if (!map->Find(keys[i], &value) || value != i) state.SkipWithError("wrong value");
    }
    map.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["bytes_per_key"] = static_cast<double>(bytes) / static_cast<double>(keys.size());
}

template <class T, bool kHit>
void BM_Get(benchmark::State& state) {
  const auto numbers = Numbers(static_cast<std::size_t>(state.range(0)), Arrival::kRandom);
  T map;
  Fill(&map, MakeKeys<typename T::Kind>(numbers));
  std::vector<std::size_t> order(numbers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937_64(2));
  std::vector<typename KeyTraits<typename T::Kind>::Owned> asked;
  for (const std::size_t i : order) {
    asked.push_back(MakeKey<typename T::Kind>(numbers[i] + (kHit ? 0 : 1)));
  }
  std::size_t at = 0;
  std::uint64_t wrong = 0;
  for (auto _ : state) {
    std::uint64_t value = 0;
    const bool found = map.Find(asked[at], &value);
    wrong += found != kHit || (kHit && value != order[at]);
    if (++at == asked.size()) at = 0;
  }
  if (wrong != 0) state.SkipWithError("wrong result");
  state.SetItemsProcessed(state.iterations());
}

template <class T>
void BM_Scan(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  T map;
  Fill(&map, MakeKeys<typename T::Kind>(Numbers(count, Arrival::kRandom)));
  for (auto _ : state) {
    if (map.SumAll() != count * (count - 1) / 2) state.SkipWithError("wrong sum");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

#define KYRO_BENCH_ALL(T)                                                                        \
  BENCHMARK(BM_Insert<T, Arrival::kRandom>)->Arg(10000)->Arg(500000)->Name("insert_random/" #T); \
  BENCHMARK(BM_Insert<T, Arrival::kAscending>)                                                   \
      ->Arg(10000)                                                                               \
      ->Arg(500000)                                                                              \
      ->Name("insert_ascending/" #T);                                                            \
  BENCHMARK(BM_Get<T, true>)->Arg(10000)->Arg(500000)->Name("get_hit/" #T);                      \
  BENCHMARK(BM_Get<T, false>)->Arg(100)->Arg(10000)->Arg(500000)->Name("get_miss/" #T);          \
  BENCHMARK(BM_Scan<T>)->Arg(10000)->Arg(500000)->Name("scan/" #T)

using DeltaU64 = DeltaUnderTest<U64>;
using DeltaBytes = DeltaUnderTest<Bytes>;
KYRO_BENCH_ALL(DeltaU64);
KYRO_BENCH_ALL(StdU64);
KYRO_BENCH_ALL(AbslU64);
KYRO_BENCH_ALL(DeltaBytes);
KYRO_BENCH_ALL(StdBytes);
KYRO_BENCH_ALL(AbslBytes);

}  // namespace
}  // namespace kyro::delta

int main(int argc, char** argv) {
  return kyro::bench::Main(argc, argv);
}
