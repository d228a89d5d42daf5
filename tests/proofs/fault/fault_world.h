// SPDX-License-Identifier: Apache-2.0
//
// FaultWorld: a Program's world over SimFs in which one planned fault hits, and a clock that knows
// when a program waits for what will never come. One thread.
#ifndef KYRO_TESTS_PROOFS_FAULT_FAULT_WORLD_H_
#define KYRO_TESTS_PROOFS_FAULT_FAULT_WORLD_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proofs/fault/program.h"
#include "support/fault_fs.h"
#include "support/test_env.h"

namespace kyro::proofs {

// Ends the process with status 1 and a line that names `what` once a program has slept more often
// than any does that gets on: a hang.
class PatientClock final : public io::Clock {
 public:
  PatientClock(support::FakeClock* clock, std::string what)
      : clock_(clock), what_(std::move(what)) {}
  std::uint64_t NowMicros() const noexcept override { return clock_->NowMicros(); }
  std::uint64_t MonotonicNanos() const noexcept override { return clock_->MonotonicNanos(); }
  void Sleep(std::chrono::microseconds duration) noexcept override;

 private:
  support::FakeClock* const clock_;
  const std::string what_;
  std::uint64_t sleeps_ = 0;
};

class FaultWorld final : public World {
 public:
  // `what` names the case for people.
  FaultWorld(std::uint64_t seed, std::string what);

  // A fault, counted from now on over all of this world, kills included. There may be several.
  void Plan(support::Fault fault);
  // The nth sync of a file (of a directory) fails, and what it should have made durable is lost.
  void PlanLostSync(std::uint64_t nth, bool directory);
  bool lost_sync() const { return lost_sync_.has_value(); }
  // Of the disk: from now on files can grow by so much.
  void SetFree(std::uint64_t bytes);
  // No fault any more, and room enough.
  void Lift();
  // Calls that the fault made fail.
  std::uint64_t hits() const;

  io::Env env() override;
  support::StepExecutor& executor() override { return now_->env.executor(); }
  support::SimFs* sim() override { return &now_->env.fs(); }
  void Kill() override;
  void Bury() override { old_.reset(); }
  void FailNextSync(bool on) override;
  bool Troubled() const override { return hits() > 0 || (full_ && !lifted_); }
  bool ReadsMayFail() const override { return reads_may_fail_ && !lifted_; }

  support::TestEnv& test_env() { return now_->env; }

 private:
  struct Machine {
    Machine(std::unique_ptr<support::TestEnv> made, const std::string& what)
        : owned(std::move(made)), env(*owned), clock(&env.clock(), what), faults(&env.fs()) {}
    std::unique_ptr<support::TestEnv> owned;
    support::TestEnv& env;
    PatientClock clock;
    support::FaultFs faults;
    std::vector<support::FaultFs::Id> armed{};
  };
  void ArmLostSync();
  std::uint64_t LostSyncCount() const;  // syncs of the planned kind in this machine

  const std::string what_;
  std::unique_ptr<Machine> now_, old_;
  struct Planned {
    support::Fault fault;
    std::uint64_t calls_before = 0;  // that it matches, in machines that are gone
  };
  void Arm(const Planned& planned);
  std::vector<Planned> plans_;
  std::optional<std::uint64_t> lost_sync_;  // its number over all machines
  bool lost_directory_ = false;
  std::uint64_t syncs_before_ = 0, hits_before_ = 0;  // of machines that are gone
  bool reads_may_fail_ = false, full_ = false, lifted_ = false;
};

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_FAULT_WORLD_H_
