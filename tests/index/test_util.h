// SPDX-License-Identifier: Apache-2.0
//
// What the index tests share: a column that ends exactly where its memory does, queries that hit
// and miss, and the SIMD targets to run on.
#ifndef KYRO_TESTS_INDEX_TEST_UTIL_H_
#define KYRO_TESTS_INDEX_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hwy/targets.h"
#include "index/key_sets.h"
#include "index/model.h"

namespace kyro::index {

// Keys in an allocation of exactly their size, so that the address sanitizer sees a read past it.
class Column {
 public:
  explicit Column(const Keys& keys) : keys_(new std::uint64_t[keys.size()]), count_(keys.size()) {
    std::copy(keys.begin(), keys.end(), keys_.get());
  }
  std::span<const std::uint64_t> keys() const { return {keys_.get(), count_}; }

 private:
  std::unique_ptr<std::uint64_t[]> keys_;
  std::size_t count_;
};

inline std::uint32_t Expected(std::span<const std::uint64_t> keys, std::uint64_t key) {
  return static_cast<std::uint32_t>(std::lower_bound(keys.begin(), keys.end(), key) - keys.begin());
}

// Each key (or every `step`-th), its neighbours, and the ends of the key space.
inline Keys QueriesFor(std::span<const std::uint64_t> keys, std::size_t step = 1) {
  Keys queries = {0, 1, ~std::uint64_t{0}, ~std::uint64_t{0} - 1};
  for (std::size_t i = 0; i < keys.size(); i += step) {
    queries.push_back(keys[i] - 1);  // wraps around for 0, which is as good a query
    queries.push_back(keys[i]);
    queries.push_back(keys[i] + 1);
  }
  return queries;
}

// A model of the structure that `force` names.
inline Result<ModelBytes> TrainAs(std::span<const std::uint64_t> keys, TrainOptions::Force force) {
  TrainOptions options;
  options.force = force;
  return Train(keys, options);
}

// Runs `body` once with each SIMD target that this machine has, and names it in failures.
inline void ForEachTarget(const std::function<void()>& body) {
  const std::int64_t supported = hwy::SupportedTargets();
  for (std::int64_t target : {HWY_SCALAR, HWY_EMU128, HWY_SSSE3, HWY_SSE4, HWY_AVX2, HWY_AVX3}) {
    const bool fallback = target == HWY_SCALAR || target == HWY_EMU128;
    if (!fallback && (supported & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    SCOPED_TRACE(TargetName());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

inline KeyOrder OrderOf(const KeySet& set) {
  return set.duplicates ? KeyOrder::kDuplicates : KeyOrder::kStrict;
}

}  // namespace kyro::index

#endif  // KYRO_TESTS_INDEX_TEST_UTIL_H_
