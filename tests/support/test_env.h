// SPDX-License-Identifier: Apache-2.0
//
// TestEnv: a small deterministic world: SimFs, StepExecutor, FakeClock and SeededRandom as one Env.
#ifndef KYRO_TESTS_SUPPORT_TEST_ENV_H_
#define KYRO_TESTS_SUPPORT_TEST_ENV_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "io/env.h"
#include "support/fake_clock.h"
#include "support/seeded_random.h"
#include "support/sim_fs.h"
#include "support/step_executor.h"

namespace kyro::support {

class TestEnv {
 public:
  explicit TestEnv(std::uint64_t seed = 1) : TestEnv(seed, std::make_unique<SimFs>()) {}
  TestEnv(std::uint64_t seed, std::unique_ptr<SimFs> fs)
      : fs_(std::move(fs)), executor_(&clock_), random_(seed) {}

  SimFs& fs() noexcept { return *fs_; }
  StepExecutor& executor() noexcept { return executor_; }
  FakeClock& clock() noexcept { return clock_; }
  SeededRandom& random() noexcept { return random_; }

  // Lives as long as this object.
  const io::Env& env() noexcept { return env_; }
  // The same with another file system in front, such as a FaultFs over fs(). Not owned.
  io::Env EnvOver(io::FileSystem* fs) noexcept {
    return io::Env{fs, &executor_, &clock_, &random_};
  }

  // The world after a crash: the file system as SimFs::CrashImage has it, no background work, fresh
  // randomness (so that nothing made after the crash repeats an identity made before it).
  std::unique_ptr<TestEnv> Crash(CrashKind kind, std::uint64_t event, std::uint64_t seed = 0,
                                 Unsynced unsynced = Unsynced::kSeeded) {
    return Around(fs_->CrashImage(kind, event, seed, unsynced));
  }
  // The same around a crash image that was made already.
  std::unique_ptr<TestEnv> Around(std::unique_ptr<SimFs> image) {
    auto env = std::make_unique<TestEnv>(random_.Next(), std::move(image));
    env->clock_.Advance(std::chrono::nanoseconds(clock_.MonotonicNanos()));
    return env;
  }

 private:
  std::unique_ptr<SimFs> fs_;
  FakeClock clock_;
  StepExecutor executor_;
  SeededRandom random_;
  io::Env env_{fs_.get(), &executor_, &clock_, &random_};
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_TEST_ENV_H_
