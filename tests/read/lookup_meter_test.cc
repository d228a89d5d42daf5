// SPDX-License-Identifier: Apache-2.0
#include "read/lookup_meter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <vector>

namespace kyro::read {
namespace {

using Timer = LookupMeter::Timer;

// The smallest and the largest gap between two samples.
constexpr std::uint64_t kGapMin = kLookupsPerSample / 4 * 3;
constexpr std::uint64_t kGapMax = kLookupsPerSample / 4 * 5;

// Counts, and says whether it was sampled.
bool Sample(SampledTally* tally, std::uint64_t count) {
  const bool due = tally->Add(count);
  if (due) tally->Rearm();
  return due;
}

TEST(SampledTally, SamplesOneInAbout256) {
  SampledTally tally(true);
  constexpr std::uint64_t kCount = 1000000;
  std::uint64_t samples = 0, last = 0;
  for (std::uint64_t i = 1; i <= kCount; ++i) {
    if (!Sample(&tally, 1)) continue;
    ++samples;
    EXPECT_LE(i - last, kGapMax);
    if (last != 0) {
      EXPECT_GE(i - last, kGapMin);
    }
    last = i;
  }
  EXPECT_EQ(tally.Sum(), kCount);
  const double per_sample = static_cast<double>(kCount) / static_cast<double>(samples);
  EXPECT_NEAR(per_sample, static_cast<double>(kLookupsPerSample), 13);  // 5 %
}

TEST(SampledTally, ARhythmHidesNothing) {
  // A workload of rounds: each place in the round must get its share of the samples.
  for (const std::uint64_t round : {2, 4, 16, 256}) {
    SampledTally tally(true);
    std::map<std::uint64_t, int> samples;
    for (std::uint64_t i = 0; i < round * kLookupsPerSample * 64; ++i) {
      if (Sample(&tally, 1)) ++samples[i % round];
    }
    ASSERT_EQ(samples.size(), round);
    for (const auto& [place, count] : samples) {
      EXPECT_GT(count, 16) << place << " of " << round;
      EXPECT_LT(count, 256) << place << " of " << round;
    }
  }
}

TEST(SampledTally, ManyAtOnceAreSampledAsOften) {
  SampledTally tally(true);
  int samples = 0;
  for (int i = 0; i < 1000; ++i) samples += Sample(&tally, 32);
  EXPECT_GE(samples, 1000 * 32 / static_cast<int>(kGapMax + 32));
  EXPECT_LE(samples, 1000 * 32 / static_cast<int>(kGapMin));
  EXPECT_TRUE(Sample(&tally, kGapMax));
}

TEST(SampledTally, CountsOnlyWhenSamplingIsOff) {
  SampledTally tally(false);
  for (int i = 0; i < 10000; ++i) EXPECT_FALSE(tally.Add(3));
  EXPECT_EQ(tally.Sum(), 30000u);
}

TEST(SampledTally, RearmingWhatIsNotDueChangesNothing) {
  SampledTally disturbed(true), calm(true);
  for (int i = 0; i < 100000; ++i) {
    ASSERT_EQ(Sample(&disturbed, 1), Sample(&calm, 1)) << i;
    disturbed.Rearm();
  }
}

TEST(LookupMeter, TimesWhatItIsTold) {
  std::uint64_t now = 1000;
  LookupMeter meter([&now] { return now; });
  {
    const Timer timer(&meter, Timer::Call::kGet);
    now += 70;
  }
  {
    const Timer timer(&meter, Timer::Call::kMultiGet);
    now += 900;
  }
  { const Timer timer(nullptr, Timer::Call::kGet); }
  {
    const LookupMeter::Upkeep upkeep(&meter);
    const Timer timer(&meter, Timer::Call::kGet);
    now += 80;
  }
  EXPECT_EQ(meter.gets().Read().count, 2u);
  EXPECT_EQ(meter.gets().Read().sum, 150u);
  EXPECT_EQ(meter.gets_during_upkeep().Read().count, 1u);
  EXPECT_EQ(meter.gets_during_upkeep().Read().sum, 80u);
  EXPECT_EQ(meter.multigets().Read().count, 1u);
  EXPECT_EQ(meter.multigets().Read().sum, 900u);
}

TEST(LookupMeter, CountsLookupsDuringUpkeepApart) {
  LookupMeter meter(nullptr);
  meter.Count(5);
  EXPECT_EQ(meter.lookups_during_upkeep(), 0u);
  std::optional<LookupMeter::Upkeep> flush(&meter);
  meter.Count(7);
  meter.CountByModel();
  EXPECT_EQ(meter.lookups_during_upkeep(), 8u);  // also while it runs
  std::optional<LookupMeter::Upkeep> merge(&meter);
  meter.Count(10);
  flush.reset();
  meter.Count(100);
  EXPECT_EQ(meter.lookups_during_upkeep(), 118u);  // two at once count once
  merge.reset();
  meter.Count(1000);
  EXPECT_EQ(meter.lookups_during_upkeep(), 118u);
  flush.emplace(&meter);
  meter.Count(2);
  flush.reset();
  EXPECT_EQ(meter.lookups_during_upkeep(), 120u);
  EXPECT_EQ(meter.lookups(), 1125u);
  EXPECT_EQ(meter.by_model(), 1u);
}

TEST(LookupMeter, ThreadsLoseNothing) {
  constexpr int kThreads = 4;
  constexpr std::uint64_t kLookups = 20000;
  std::atomic<std::uint64_t> now{0};
  LookupMeter meter([&now] { return now.fetch_add(1, std::memory_order_relaxed); });
  std::atomic<std::uint64_t> samples{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 0; i < kLookups; ++i) {
        const bool timed = i % 2 == 0 ? meter.Count(1) : meter.CountByModel();
        const Timer timer(timed ? &meter : nullptr, Timer::Call::kGet);
        samples.fetch_add(timed, std::memory_order_relaxed);
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const LookupMeter::Upkeep upkeep(&meter);
    const std::uint64_t during = meter.lookups_during_upkeep();
    EXPECT_LE(during, meter.lookups());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(meter.lookups(), kThreads * kLookups);
  EXPECT_EQ(meter.by_model(), kThreads * kLookups / 2);
  EXPECT_EQ(meter.gets().Read().count, samples.load());
  EXPECT_GE(samples.load(), kThreads * kLookups / kGapMax - 2 * kThreads);
  EXPECT_LE(samples.load(), kThreads * kLookups / kGapMin + 2 * kThreads);
  EXPECT_LE(meter.gets_during_upkeep().Read().count, meter.gets().Read().count);
}

}  // namespace
}  // namespace kyro::read
