// SPDX-License-Identifier: Apache-2.0
#include "index/key_sets.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kyro::index {
namespace {

constexpr std::uint64_t kMax = ~std::uint64_t{0};

Keys Sorted(Keys keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// The position of (x, y) on a Hilbert curve of order 31.
std::uint64_t HilbertCell(std::uint32_t x, std::uint32_t y) {
  std::uint64_t cell = 0;
  for (std::uint32_t s = 1u << 30; s > 0; s /= 2) {
    const std::uint32_t rx = (x & s) != 0 ? 1 : 0;
    const std::uint32_t ry = (y & s) != 0 ? 1 : 0;
    cell += std::uint64_t{s} * s * ((3 * rx) ^ ry);
    if (ry == 0) {
      if (rx == 1) {
        x = (s - 1) - (x & (s - 1));
        y = (s - 1) - (y & (s - 1));
      }
      std::swap(x, y);
    }
  }
  return cell;
}

struct Point {
  double x, y;
};

// Midpoint displacement: the curve from a to b, `steps` points, roughness as of real coasts.
void Coast(Point a, Point b, std::size_t steps, Rng* rng, Keys* out) {
  if (steps <= 1) {
    const double x = std::clamp(a.x, 0.0, 1.0), y = std::clamp(a.y, 0.0, 1.0);
    out->push_back(HilbertCell(static_cast<std::uint32_t>(x * 2147483647.0),
                               static_cast<std::uint32_t>(y * 2147483647.0)));
    return;
  }
  const double dx = b.x - a.x, dy = b.y - a.y;
  const double shift = 0.18 * rng->Normal();
  const Point mid = {(a.x + b.x) / 2 - dy * shift, (a.y + b.y) / 2 + dx * shift};
  Coast(a, mid, steps / 2, rng, out);
  Coast(mid, b, steps - steps / 2, rng, out);
}

Keys DenseKeys(std::size_t count, std::uint64_t first) {
  Keys keys(count);
  for (std::size_t i = 0; i < count; ++i) keys[i] = first + i;
  return keys;
}

Keys RunsKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys;
  while (keys.size() < count) {
    std::uint64_t key = rng.Next() >> 8;
    for (std::uint64_t n = 500 + rng.Below(5000); n > 0; --n) keys.push_back(key++);
  }
  return Sorted(std::move(keys));
}

Keys DuplicateKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys;
  while (keys.size() < count) {
    const std::uint64_t key = rng.Next() >> 20;
    const std::uint64_t copies = rng.Below(50) == 0 ? rng.Below(400) : 1 + rng.Below(3);
    keys.insert(keys.end(), copies, key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Keys With(Keys keys, std::initializer_list<std::uint64_t> more) {
  keys.insert(keys.end(), more);
  return Sorted(std::move(keys));
}

}  // namespace

double Rng::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Unit()));
  return radius * std::cos(6.283185307179586 * Unit());
}

Keys UniformKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys(count);
  for (std::uint64_t& key : keys) key = rng.Next();
  return Sorted(std::move(keys));
}

Keys CoastlineKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys;
  double share = 0.2;
  while (keys.size() < count) {  // continents, then islands
    const std::size_t steps =
        std::max<std::size_t>(64, static_cast<std::size_t>(share * static_cast<double>(count)));
    const Point center = {rng.Unit(), rng.Unit()};
    const double radius = 0.2 * std::sqrt(share) * (0.5 + rng.Unit());
    const Point corners[3] = {{center.x + radius, center.y},
                              {center.x - radius / 2, center.y + radius},
                              {center.x - radius / 2, center.y - radius}};
    for (int i = 0; i < 3; ++i) Coast(corners[i], corners[(i + 1) % 3], steps / 3, &rng, &keys);
    share = std::max(share * 0.8, 1e-5);
  }
  return Sorted(std::move(keys));
}

Keys LognormalKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys(count);
  for (std::uint64_t& key : keys) {
    key = static_cast<std::uint64_t>(std::min(std::exp(2.0 * rng.Normal()) * 1e12, 9e18));
  }
  return Sorted(std::move(keys));
}

Keys ClumpKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys;
  while (keys.size() < count) {
    std::uint64_t key = rng.Next() >> 1;
    for (std::uint64_t n = 15 + rng.Below(5); n > 0; --n) keys.push_back(key++);
  }
  return Sorted(std::move(keys));
}

Keys ClumpsOfClumpsKeys(std::size_t count, std::uint64_t seed) {
  Rng rng(seed);
  Keys keys;
  while (keys.size() < count) {
    const std::uint64_t outer = rng.Next() & ~((std::uint64_t{1} << 50) - 1);
    for (std::uint64_t m = 1 + rng.Below(40); m > 0; --m) {
      const std::uint64_t middle = outer + (rng.Next() >> 34 << 12);
      for (std::uint64_t n = 1 + rng.Below(300); n > 0; --n) {
        keys.push_back(middle + rng.Below(2000));
      }
    }
  }
  return Sorted(std::move(keys));
}

Keys PoisonedKeys(std::size_t count, std::uint64_t seed) {
  // Nine keys of ten are uniform. Each poison key goes where the line through its neighbourhood
  // fits worst already, right beside another key, so that the deviation grows: the greedy attack
  // on linear fits, done per stretch of 1000 keys.
  const Keys base = UniformKeys(count * 9 / 10, seed);
  Keys keys = base;
  for (std::size_t first = 0; first + 1000 <= base.size(); first += 1000) {
    const double low = static_cast<double>(base[first]);
    const double slope = 999.0 / (static_cast<double>(base[first + 999]) - low);
    double worst = -1;
    std::size_t at = first;
    for (std::size_t i = first; i < first + 1000; ++i) {
      const double rank = (static_cast<double>(base[i]) - low) * slope;
      const double error = std::abs(rank - static_cast<double>(i - first));
      if (error > worst) worst = error, at = i;
    }
    for (std::uint64_t n = 1; n <= 111; ++n) keys.push_back(base[at] + n);
  }
  return Sorted(std::move(keys));
}

std::vector<KeySet> EdgeSets() {
  std::vector<KeySet> sets = {
      {"none", {}},
      {"zero", {0}},
      {"max", {kMax}},
      {"zero_and_max", {0, kMax}},
      {"one", {42}},
      {"two", {41, 43}},
      {"neighbours", {42, 43}},
      {"equal_pair", {7, 7}, true},
      {"all_equal", Keys(1000, 7), true},
      {"all_max", Keys(1000, kMax), true},
      {"all_zero", Keys(20000, 0), true},
  };
  for (std::size_t count : {31, 32, 33, 63, 64, 65, 127, 543, 544, 545, 9247, 9248, 9249}) {
    sets.push_back({"dense_" + std::to_string(count), DenseKeys(count, 0)});
    sets.push_back({"dense_top_" + std::to_string(count), DenseKeys(count, kMax - count + 1)});
    sets.push_back({"uniform_" + std::to_string(count), UniformKeys(count, count)});
    sets.push_back({"clumps_" + std::to_string(count), ClumpsOfClumpsKeys(count, count)});
  }
  return sets;
}

std::vector<KeySet> LargeSets(std::size_t count) {
  Keys doubled = UniformKeys(count, 9);
  for (std::uint64_t& key : doubled) key = (std::uint64_t{1} << 63) + (key >> 44);
  Keys gaps = DenseKeys(count, 1);
  for (std::uint64_t& key : gaps) key = key * 1000 + (key * 0x9e3779b97f4a7c15u >> 56);
  std::vector<KeySet> sets;
  sets.push_back({"uniform", UniformKeys(count, 1)});
  sets.push_back({"uniform_with_ends", With(UniformKeys(count, 2), {0, kMax})});
  sets.push_back({"dense", DenseKeys(count, 1000)});
  sets.push_back({"dense_with_outlier", With(DenseKeys(count, 1000), {kMax - 5})});
  sets.push_back({"dense_between_outliers", With(DenseKeys(count, kMax / 3), {0, kMax})});
  sets.push_back({"uniform_with_outliers", With(LognormalKeys(count, 3), {kMax - 1, kMax})});
  sets.push_back({"runs", RunsKeys(count, 4)});
  sets.push_back({"gaps", std::move(gaps)});
  sets.push_back({"lognormal", LognormalKeys(count, 5)});
  sets.push_back({"clumps", ClumpKeys(count, 6)});
  sets.push_back({"clumps_of_clumps", ClumpsOfClumpsKeys(count, 7)});
  sets.push_back({"poisoned", PoisonedKeys(count, 8)});
  sets.push_back({"coastline", CoastlineKeys(count, 10)});
  sets.push_back({"below_double_precision", Sorted(std::move(doubled))});
  sets.push_back({"duplicates", DuplicateKeys(count, 11), true});
  sets.push_back({"duplicate_blocks",
                  [&] {
                    Keys keys = UniformKeys(count / 2, 12);
                    keys.insert(keys.end(), count / 2, keys[keys.size() / 2]);
                    std::sort(keys.begin(), keys.end());
                    return keys;
                  }(),
                  true});
  return sets;
}

}  // namespace kyro::index
