// SPDX-License-Identifier: Apache-2.0
#include "io/env.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace kyro::io {
namespace {

// Runs `body` in a fork; true if it returned true there.
template <class Body>
bool InFork(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(ForkWord, IsOneHereAndZeroInAFork) {
  const std::uint8_t* const word = ForkWord();
  ASSERT_NE(word, nullptr);
  EXPECT_EQ(*word, 1);
  EXPECT_FALSE(IsFork(word));
  EXPECT_TRUE(InFork([&] { return IsFork(word); }));
  EXPECT_FALSE(IsFork(word));
}

TEST(ForkWord, IsSharedByAllCallersOfAProcess) {
  EXPECT_EQ(ForkWord(), ForkWord());
  std::vector<const std::uint8_t*> words(4);
  std::vector<std::thread> threads;
  for (auto& word : words) threads.emplace_back([&word] { word = ForkWord(); });
  for (auto& thread : threads) thread.join();
  for (const auto* word : words) EXPECT_EQ(word, ForkWord());
}

TEST(ForkWord, AForkGetsAWordOfItsOwn) {
  const std::uint8_t* const word = ForkWord();
  EXPECT_TRUE(InFork([&] {
    const std::uint8_t* const own = ForkWord();
    return own != nullptr && own != word && !IsFork(own) && IsFork(word) && own == ForkWord() &&
           InFork([&] { return IsFork(own) && IsFork(word) && !IsFork(ForkWord()); });
  }));
  EXPECT_EQ(ForkWord(), word);
}

TEST(ForkWord, ANullWordDetectsNothing) {
  EXPECT_FALSE(IsFork(nullptr));
}

TEST(SystemEnv, ClocksAdvanceAndTheWallClockIsOfThisCentury) {
  Clock* const clock = SystemEnv().clock;
  const std::uint64_t nanos = clock->MonotonicNanos();
  clock->Sleep(std::chrono::microseconds(100));
  EXPECT_GE(clock->MonotonicNanos(), nanos + 100'000);
  EXPECT_GT(clock->NowMicros(), 1'600'000'000'000'000u);
  EXPECT_LT(clock->NowMicros(), 4'100'000'000'000'000u);
  clock->Sleep(std::chrono::microseconds(-5));  // returns
}

TEST(SystemEnv, UuidsAreNeverNilNorTwiceTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const auto uuid = SystemEnv().random->NewUuid();
    ASSERT_TRUE(uuid.ok());
    EXPECT_FALSE(uuid->IsNil());
    EXPECT_TRUE(seen.insert(std::string(reinterpret_cast<const char*>(&*uuid), 16)).second);
  }
}

TEST(SystemEnv, RandomFillsEveryByte) {
  std::string bytes(1000, '\0');
  std::string changed(1000, '\0');
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(SystemEnv().random->Fill(bytes.data(), bytes.size()).ok());
    for (std::size_t b = 0; b < bytes.size(); ++b) changed[b] |= bytes[b];
  }
  EXPECT_EQ(changed.find('\0'), std::string::npos);
}

class ZeroRandom final : public Random {
 public:
  Status Fill(void* to, std::size_t bytes) noexcept override {
    std::fill_n(static_cast<char*>(to), bytes, '\0');
    return Status();
  }
};

TEST(Random, ASourceOfZerosGivesAnErrorAndNoNilUuid) {
  ZeroRandom random;
  EXPECT_EQ(random.NewUuid().status().code(), StatusCode::kIoError);
}

}  // namespace
}  // namespace kyro::io
