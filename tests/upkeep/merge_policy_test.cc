// SPDX-License-Identifier: Apache-2.0
#include "upkeep/merge_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

namespace kyro::upkeep {
namespace {

std::size_t Pick(std::vector<std::uint64_t> sizes, std::size_t runs_max = 100) {
  return PickMerge(sizes, 0.25, runs_max);
}

TEST(MergePolicy, FewRunsAreLeftAlone) {
  EXPECT_EQ(Pick({}), 0u);
  EXPECT_EQ(Pick({10}), 0u);
}

TEST(MergePolicy, ARunMergesIntoAnOlderOneFourTimesItsSize) {
  EXPECT_EQ(Pick({25, 100}), 2u);
  EXPECT_EQ(Pick({24, 100}), 0u);
}

TEST(MergePolicy, NewerRunsCountTogether) {
  EXPECT_EQ(Pick({1, 5, 100}), 0u);
  EXPECT_EQ(Pick({5, 21, 100}), 3u);
}

TEST(MergePolicy, TheLongestPrefixWins) {
  EXPECT_EQ(Pick({10, 10, 10, 1000}), 3u);
  EXPECT_EQ(Pick({100, 100, 100, 1000}), 4u);
}

TEST(MergePolicy, TooManyRunsMergeWhateverTheirSizes) {
  EXPECT_EQ(Pick({1, 10, 100, 1000, 10000}, 4), 5u);
}

// Equal flushes, merged whenever the policy says so: runs stay logarithmic in number, and a byte is
// rewritten a logarithmic number of times.
TEST(MergePolicy, RunsAndRewritesStayLogarithmic) {
  std::vector<std::uint64_t> runs;
  std::uint64_t rewritten = 0;
  std::size_t most = 0;
  constexpr int kFlushes = 4096;
  for (int i = 0; i < kFlushes; ++i) {
    runs.insert(runs.begin(), 1);
    while (const std::size_t count = PickMerge(runs, 0.25, 32)) {
      const std::uint64_t sum =
          std::accumulate(runs.begin(), runs.begin() + count, std::uint64_t{});
      rewritten += sum;
      runs.erase(runs.begin() + 1, runs.begin() + count);
      runs[0] = sum;
    }
    most = std::max(most, runs.size());
  }
  EXPECT_LE(most, 2 * std::log2(kFlushes));
  EXPECT_LE(rewritten, kFlushes * 3 * std::log2(kFlushes));
}

}  // namespace
}  // namespace kyro::upkeep
