// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/fault_world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace kyro::proofs {

using support::CrashKind;
using support::FsOp;

namespace {
constexpr std::uint64_t kSleepsMax = 300'000;
constexpr std::chrono::microseconds kReclaimPause{50};
constexpr std::uint64_t kPlenty = std::uint64_t{1} << 40;
}  // namespace

void PatientClock::Sleep(std::chrono::microseconds duration) noexcept {
  // Between looks at readers inside a call: epochs are the process's, and other worlds' threads may
  // have been stopped inside one.
  if (duration <= kReclaimPause) {
    std::this_thread::yield();
  } else if (++sleeps_ > kSleepsMax) {
    std::printf("VIOLATION %s: a hang: somebody waits for ever\n", what_.c_str());
    std::fflush(stdout);
    std::_Exit(1);
  }
  clock_->Sleep(duration);
}

FaultWorld::FaultWorld(std::uint64_t seed, std::string what)
    : what_(std::move(what)),
      now_(std::make_unique<Machine>(std::make_unique<support::TestEnv>(seed), what_)) {
  now_->env.fs().StopJournal();
}

void FaultWorld::Plan(support::Fault fault) {
  constexpr FsOp kReads[] = {FsOp::kOpen,     FsOp::kFileBytes, FsOp::kList,
                             FsOp::kReadBack, FsOp::kRead,      FsOp::kReadDevice,
                             FsOp::kMap,      FsOp::kPopulate,  FsOp::kOpenDirectory};
  reads_may_fail_ =
      std::any_of(std::begin(kReads), std::end(kReads), [&](FsOp op) { return fault.ops.Has(op); });
  plans_.push_back({std::move(fault)});
  Arm(plans_.back());
}

void FaultWorld::PlanLostSync(std::uint64_t nth, bool directory) {
  lost_sync_ = nth;
  lost_directory_ = directory;
  ArmLostSync();
}

std::uint64_t FaultWorld::LostSyncCount() const {
  const auto op = lost_directory_ ? support::SimOp::kSyncDirectory : support::SimOp::kSync;
  return now_->env.fs().Count(op);
}

// The file system knows one such failure at a time: afterwards the planned one is set again.
void FaultWorld::FailNextSync(bool on) {
  now_->env.fs().FailSync(on ? 1 : 0);
  if (!on) ArmLostSync();
}

void FaultWorld::ArmLostSync() {
  if (!lost_sync_.has_value() || lifted_) return;
  const std::uint64_t done = syncs_before_ + LostSyncCount();
  const std::uint64_t nth = *lost_sync_ > done ? *lost_sync_ - done : 0;
  lost_directory_ ? now_->env.fs().FailDirectorySync(nth) : now_->env.fs().FailSync(nth);
}

void FaultWorld::Arm(const Planned& planned) {
  support::Fault fault = planned.fault;
  if (lifted_ || (fault.nth <= planned.calls_before && !fault.sticky)) return;
  fault.nth = fault.nth <= planned.calls_before ? 1 : fault.nth - planned.calls_before;
  now_->armed.push_back(now_->faults.Inject(std::move(fault)));
}

std::uint64_t FaultWorld::hits() const {
  if (lost_sync_.has_value()) return syncs_before_ + LostSyncCount() >= *lost_sync_ ? 1 : 0;
  std::uint64_t hits = hits_before_;
  for (const support::FaultFs::Id id : now_->armed) hits += now_->faults.Hits(id);
  return hits;
}

void FaultWorld::SetFree(std::uint64_t bytes) {
  full_ = true;
  now_->env.fs().SetFreeBytes(bytes);
}

void FaultWorld::Lift() {
  lifted_ = true;
  now_->faults.Clear();
  if (lost_sync_.has_value()) {
    now_->env.fs().FailSync(0);
    now_->env.fs().FailDirectorySync(0);
  }
  now_->env.fs().SetFreeBytes(kPlenty);
}

io::Env FaultWorld::env() {
  io::Env env = now_->env.EnvOver(&now_->faults);
  env.clock = &now_->clock;
  return env;
}

void FaultWorld::Kill() {
  auto crashed = now_->env.Crash(CrashKind::kKill, now_->env.fs().event_count());
  hits_before_ = hits();
  if (lost_sync_.has_value()) syncs_before_ += LostSyncCount();
  for (Planned& planned : plans_) {
    planned.calls_before += now_->faults.Count(planned.fault.ops, planned.fault.name);
  }
  now_->faults.Clear();
  old_ = std::move(now_);
  now_ = std::make_unique<Machine>(std::move(crashed), what_);
  now_->env.fs().StopJournal();
  ArmLostSync();
  for (const Planned& planned : plans_) Arm(planned);
}

}  // namespace kyro::proofs
