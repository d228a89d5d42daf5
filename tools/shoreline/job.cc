// SPDX-License-Identifier: Apache-2.0
#include "shoreline/job.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <unordered_set>
#include <utility>

#include "shoreline/record.h"
#include "shoreline/shore.h"

namespace kyro::shoreline {
namespace {

// --small: this part of the file, in the middle of it: dense and sparse coasts.
constexpr std::size_t kSmallFirst = 4000000;
constexpr std::size_t kSmallCount = 200000;

std::vector<std::uint64_t> WithoutRepeats(const std::vector<std::uint64_t>& cells) {
  std::vector<std::uint64_t> first;
  first.reserve(cells.size());
  std::unordered_set<std::uint64_t> seen;
  seen.reserve(cells.size());
  for (const std::uint64_t cell : cells) {
    if (seen.insert(cell).second) first.push_back(cell);
  }
  return first;
}

}  // namespace

Result<Keys> MakeKeys(const Settings& settings, std::uint64_t* points) {
  auto cells = ReadShore(settings.data_file);
  if (!cells.ok()) return cells.status();
  if (settings.small) {
    if (cells->size() < kSmallFirst + kSmallCount) {
      return Status(StatusCode::kDataLoss, "the file has too few points for --small");
    }
    cells->erase(cells->begin(), cells->begin() + kSmallFirst);
    cells->resize(kSmallCount);
  }
  *points = cells->size();
  Keys keys;
  keys.sorted = SortedCells(*cells);
  if (settings.in_file_order) {
    keys.in_order = WithoutRepeats(*cells);
    return keys;
  }
  keys.in_order = keys.sorted;
  Numbers numbers(settings.seed);
  for (std::size_t i = keys.in_order.size(); i > 1; --i) {
    std::swap(keys.in_order[i - 1], keys.in_order[numbers.Below(i)]);
  }
  return keys;
}

Ticker::Ticker(std::string_view what) : what_(what), terminal_(isatty(STDERR_FILENO) == 1) {}

Ticker::~Ticker() {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

void Ticker::Show(std::uint64_t done, std::uint64_t total) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  const double part = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
  fmt::print(stderr, "\r\033[K  {} {:3.0f}%", what_, 100 * part);
  std::fflush(stderr);
}

Options JobOptions() {
  return Options{};  // the defaults, kSync among them, are what is to be shown
}

Status WriteRows(Db& db, const Keyspace<U64>& keyspace, std::span<const std::uint64_t> keys) {
  WriteBatch batch;
  for (const std::uint64_t key : keys) batch.Put(keyspace, key, Record(key).bytes());
  return db.Write(batch).status();
}

}  // namespace kyro::shoreline
