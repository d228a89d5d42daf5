// SPDX-License-Identifier: Apache-2.0
//
// Reading everything back: point lookups in random order, in batches, ranges and the way back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "shoreline/job.h"
#include "shoreline/record.h"

namespace kyro::shoreline {
namespace {

Status Broken(std::string message) {
  return Status(StatusCode::kInternal, message);
}

void Shuffle(std::vector<std::uint64_t>* keys, std::uint64_t seed) {
  Numbers numbers(seed);
  for (std::size_t i = keys->size(); i > 1; --i) {
    std::swap((*keys)[i - 1], (*keys)[numbers.Below(i)]);
  }
}

// As many keys that are not there: every other one right behind a key that is, the rest anywhere.
std::vector<std::uint64_t> AbsentKeys(const std::vector<std::uint64_t>& sorted,
                                      std::uint64_t seed) {
  Numbers numbers(seed);
  std::vector<std::uint64_t> absent;
  absent.reserve(sorted.size());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const bool last = i + 1 == sorted.size();
    if (i % 2 == 0 && sorted[i] != ~std::uint64_t{0} && (last || sorted[i] + 1 != sorted[i + 1])) {
      absent.push_back(sorted[i] + 1);
      continue;
    }
    std::uint64_t key = numbers.Next();
    while (std::binary_search(sorted.begin(), sorted.end(), key)) key = numbers.Next();
    absent.push_back(key);
  }
  return absent;
}

double NanosPer(const Stopwatch& watch, std::size_t count) {
  return count == 0 ? 0 : watch.seconds() * 1e9 / static_cast<double>(count);
}

// How a value is checked: IsRecordOf or HasFingerprintOf.
using Check = bool (*)(std::uint64_t cell, std::string_view bytes) noexcept;

template <Check kIsRight>
Status CheckPresent(const View<U64>& view, const std::vector<std::uint64_t>& keys, double* ns) {
  Ticker ticker("reading every key");
  const Stopwatch watch;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Lookup found = view.Get(keys[i]);
    if (!found.present()) {
      return found.failed() ? found.status() : Broken(fmt::format("key {} is lost", keys[i]));
    }
    if (!kIsRight(keys[i], found.value())) {
      return Broken(fmt::format("key {} has a value that was not written", keys[i]));
    }
    if (i % 65536 == 0) ticker.Show(i, keys.size());
  }
  *ns = NanosPer(watch, keys.size());
  return Status::Ok();
}

Status CheckAbsent(const View<U64>& view, const std::vector<std::uint64_t>& keys, double* ns) {
  Ticker ticker("asking for absent keys");
  const Stopwatch watch;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Lookup found = view.Get(keys[i]);
    if (!found.absent()) {
      return found.failed() ? found.status()
                            : Broken(fmt::format("key {} was never written", keys[i]));
    }
    if (i % 65536 == 0) ticker.Show(i, keys.size());
  }
  *ns = NanosPer(watch, keys.size());
  return Status::Ok();
}

Status CheckBatches(const View<U64>& view, const std::vector<std::uint64_t>& keys, double* ns) {
  constexpr std::size_t kLockstep = 32;
  std::array<Lookup, kLockstep> found;
  const Stopwatch watch;
  for (std::size_t i = 0; i < keys.size(); i += kLockstep) {
    const std::size_t count = std::min(kLockstep, keys.size() - i);
    const std::span<Lookup> answers(found.data(), count);
    const Status status = view.MultiGet(std::span(keys).subspan(i, count), answers);
    if (!status.ok()) return status;
    for (std::size_t k = 0; k < count; ++k) {
      if (!answers[k].present() || !HasFingerprintOf(keys[i + k], answers[k].value())) {
        return Broken(fmt::format("MultiGet is wrong about key {}", keys[i + k]));
      }
    }
  }
  *ns = NanosPer(watch, keys.size());
  return Status::Ok();
}

// The rows of [lo, hi) are the sorted keys from `first` to `last`.
Status CheckRange(const View<U64>& view, const std::vector<std::uint64_t>& sorted,
                  std::size_t first, std::size_t last, Range<U64> range) {
  Scan<U64> scan = view.scan(range);
  std::size_t i = first;
  for (const auto& [key, value] : scan) {
    if (i == last || key != sorted[i]) {
      return Broken(fmt::format("a scan gave key {} as row {}", key, i));
    }
    if (!HasFingerprintOf(key, value)) {
      return Broken(fmt::format("a scan gave a wrong value for key {}", key));
    }
    ++i;
  }
  if (!scan.status().ok()) return scan.status();
  if (i != last) return Broken(fmt::format("a scan ended before row {} of {}", i, last));
  return Status::Ok();
}

Status CheckRanges(const View<U64>& view, const std::vector<std::uint64_t>& sorted,
                   std::uint64_t seed) {
  constexpr int kRanges = 1000;
  constexpr std::size_t kRowsMax = 1000;
  Numbers numbers(seed);
  for (int i = 0; i < kRanges; ++i) {
    const std::size_t first = numbers.Below(sorted.size());
    const std::size_t last = first + numbers.Below(std::min(kRowsMax, sorted.size() - first));
    const Status status =
        CheckRange(view, sorted, first, last, {.lo = sorted[first], .hi = sorted[last]});
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

Status CheckBackwards(const View<U64>& view, const std::vector<std::uint64_t>& sorted) {
  Iterator<U64> it = view.NewIterator();
  std::size_t left = sorted.size();
  for (it.SeekToLast(); it.Valid(); it.Prev()) {
    if (left == 0 || it.key() != sorted[--left]) {
      return Broken(fmt::format("the way back gave key {} out of order", it.key()));
    }
  }
  if (!it.status().ok()) return it.status();
  return left == 0 ? Status::Ok() : Broken("the way back ended early");
}

}  // namespace

Status CheckReads(const Db& db, const Keyspace<U64>& keyspace, const Settings& settings,
                  const Keys& keys, ReadFigures* figures) {
  const auto view = keyspace.view();
  if (!view.ok()) return view.status();
  std::vector<std::uint64_t> queries = keys.sorted;
  Shuffle(&queries, settings.seed + 1);
  const std::uint64_t before = db.stats().predictions;
  Status status = CheckPresent<HasFingerprintOf>(*view, queries, &figures->hit_ns);
  if (!status.ok()) return status;
  figures->hit_predictions = db.stats().predictions - before;
  double untimed = 0;
  status = CheckPresent<IsRecordOf>(*view, queries, &untimed);
  if (!status.ok()) return status;
  status = CheckBatches(*view, queries, &figures->batch_ns);
  if (!status.ok()) return status;
  queries = AbsentKeys(keys.sorted, settings.seed + 2);
  Shuffle(&queries, settings.seed + 3);
  figures->absent = queries.size();
  status = CheckAbsent(*view, queries, &figures->miss_ns);
  if (!status.ok()) return status;
  const Stopwatch scanning;
  status = CheckRange(*view, keys.sorted, 0, keys.count(), {});
  if (!status.ok()) return status;
  figures->scan_ns = NanosPer(scanning, keys.count());
  status = CheckRanges(*view, keys.sorted, settings.seed + 4);
  if (!status.ok()) return status;
  return CheckBackwards(*view, keys.sorted);
}

}  // namespace kyro::shoreline
