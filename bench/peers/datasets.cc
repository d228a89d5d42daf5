// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/datasets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <stdexcept>

#ifdef KYRO_HAVE_SHORE
#include "shoreline/shore.h"
#endif

namespace kyro::bench {
namespace {

using Keys = std::vector<std::uint64_t>;

void SortUnique(Keys* keys) {
  std::sort(keys->begin(), keys->end());
  keys->erase(std::unique(keys->begin(), keys->end()), keys->end());
}

// The first `count` of a shuffle, sorted.
Keys Chosen(Keys keys, std::size_t count, Numbers* numbers) {
  if (keys.size() <= count) return keys;
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(keys[i], keys[i + numbers->Below(keys.size() - i)]);
  }
  keys.resize(count);
  std::sort(keys.begin(), keys.end());
  return keys;
}

// `count` different keys, of which `more` appends some at each call.
Keys Gathered(std::size_t count, Numbers* numbers, const std::function<void(Keys*)>& more) {
  Keys keys;
  while (keys.size() < count) {
    while (keys.size() < count + count / 500 + 8) more(&keys);
    SortUnique(&keys);
  }
  return Chosen(std::move(keys), count, numbers);
}

// The key that a least-squares line of rank over key fits worst, if it is inserted into `stretch`,
// which is sorted and offset to begin at 0. Its error is largest beside a key that is there.
std::uint64_t WorstKey(const Keys& stretch) {
  const std::size_t count = stretch.size();
  double sum = 0, squares = 0, products = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto key = static_cast<double>(stretch[i]);
    sum += key, squares += key * key, products += key * static_cast<double>(i);
  }
  const double n = static_cast<double>(count) + 1, ranks = n * (n - 1) / 2;
  double behind = sum, best = -1;  // `behind`: the keys that would move up by one rank
  std::uint64_t worst = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    behind -= static_cast<double>(stretch[i]);
    if (stretch[i + 1] - stretch[i] < 2) continue;
    for (const std::uint64_t at : {stretch[i] + 1, stretch[i + 1] - 1}) {
      const auto key = static_cast<double>(at);
      const double s = sum + key, q = squares + key * key;
      const double p = products + key * static_cast<double>(i + 1) + behind;
      const double spread = q - s * s / n, covered = p - s * ranks / n;
      // The line explains covered^2 / spread of the ranks' variance, which is always the same.
      const double error = -covered * covered / spread;
      if (best == -1 || error > best) best = error, worst = at;
    }
  }
  return worst;
}

Keys Poisoned(std::size_t count, Numbers* numbers) {
  constexpr std::size_t kStretch = 900, kPoison = 100;
  const Keys base = Gathered(std::max<std::size_t>(count * 9 / 10, 2), numbers,
                             [&](Keys* keys) { keys->push_back(numbers->Next() >> 1); });
  Keys keys;
  for (std::size_t first = 0; first < base.size(); first += kStretch) {
    const std::size_t last = std::min(first + kStretch, base.size());
    const std::uint64_t origin = base[first];
    Keys stretch;
    for (std::size_t i = first; i < last; ++i) stretch.push_back(base[i] - origin);
    const std::size_t more = (last - first) * kPoison / kStretch;
    for (std::size_t i = 0; i < more; ++i) {
      const std::uint64_t key = WorstKey(stretch);
      if (key == 0) break;
      stretch.insert(std::lower_bound(stretch.begin(), stretch.end(), key), key);
    }
    for (const std::uint64_t key : stretch) keys.push_back(origin + key);
  }
  while (keys.size() < count) {
    keys.push_back(numbers->Next());
    if (keys.size() == count) SortUnique(&keys);
  }
  return Chosen(std::move(keys), count, numbers);
}

Dataset Enough(Keys keys, std::size_t count, const std::string& source, Numbers* numbers) {
  SortUnique(&keys);
  if (keys.size() < count) return {{}, fmt::format("{} has {} keys", source, keys.size())};
  return {Chosen(std::move(keys), count, numbers), ""};
}

Dataset Coastline(std::size_t count, Numbers* numbers) {
#ifdef KYRO_HAVE_SHORE
  auto cells = shoreline::ReadShore(shoreline::kShoreFile);
  if (!cells.ok()) return {{}, cells.status().ToString()};
  return Enough(*std::move(cells), count, "the shoreline", numbers);
#else
  (void)count, (void)numbers;
  return {{}, "built without libnetcdf-dev"};
#endif
}

Dataset Sosd(const std::string& file, std::size_t count, Numbers* numbers) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {{}, file + " cannot be read"};
  const auto bytes = static_cast<std::uint64_t>(in.tellg());
  std::uint64_t stored = 0;
  in.seekg(0);
  in.read(reinterpret_cast<char*>(&stored), sizeof(stored));
  if (!in || bytes / 8 == 0 || stored != bytes / 8 - 1) return {{}, file + " is not a SOSD file"};
  Keys keys(stored);
  in.read(reinterpret_cast<char*>(keys.data()), static_cast<std::streamsize>(8 * stored));
  if (!in) return {{}, file + " cannot be read"};
  return Enough(std::move(keys), count, file, numbers);
}

}  // namespace

double Numbers::Normal() {
  const double radius = std::sqrt(-2 * std::log(1 - Unit()));
  return radius * std::cos(2 * M_PI * Unit());
}

Dataset MakeDataset(const std::string& name, std::size_t count, std::uint64_t seed) {
  Numbers numbers(seed);
  const auto gathered = [&](const std::function<void(Keys*)>& more) {
    return Dataset{Gathered(count, &numbers, more), ""};
  };
  if (name == "uniform") return gathered([&](Keys* keys) { keys->push_back(numbers.Next()); });
  if (name == "gaps") {
    Keys keys(count);
    for (std::size_t i = 0; i < count; ++i) keys[i] = i * 1000 + numbers.Below(256);
    return {std::move(keys), ""};
  }
  if (name == "lognormal") {
    return gathered([&](Keys* keys) {
      const double key = std::exp(2 * numbers.Normal()) * 1e12;
      keys->push_back(static_cast<std::uint64_t>(std::min(key, 9e18)));
    });
  }
  if (name == "clumped") {
    Keys keys;  // choosing from clumps would thin them: they are cut at the end instead
    while (keys.size() < count) {
      std::uint64_t key = numbers.Next() >> 1;
      for (std::uint64_t n = 15 + numbers.Below(5); n > 0; --n) keys.push_back(key++);
      if (keys.size() >= count) SortUnique(&keys);
    }
    keys.resize(count);
    return {std::move(keys), ""};
  }
  if (name == "poisoned") return {Poisoned(count, &numbers), ""};
  if (name == "coastline") return Coastline(count, &numbers);
  if (name.rfind("sosd:", 0) == 0) return Sosd(name.substr(5), count, &numbers);
  throw std::runtime_error("no such dataset: " + name);
}

}  // namespace kyro::bench
