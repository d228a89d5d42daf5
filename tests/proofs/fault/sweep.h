// SPDX-License-Identifier: Apache-2.0
//
// A sweep over n: every n until a run in which the fault did not hit, so that nothing is left out.
#ifndef KYRO_TESTS_PROOFS_FAULT_SWEEP_H_
#define KYRO_TESTS_PROOFS_FAULT_SWEEP_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "proofs/proof.h"

namespace kyro::proofs {

// What --only says: PART, PART:n to repeat one case, or PART:from-to.
struct Selection {
  explicit Selection(const Args& args);
  // All of it was selected, or nothing.
  bool Has(std::string_view name) const { return part.empty() || part == name; }
  std::string part;
  std::uint64_t from = 1, to = ~std::uint64_t{0};
};

// When --long is over; at once in a bounded run.
class Deadline {
 public:
  explicit Deadline(const Args& args)
      : at_(std::chrono::steady_clock::now() +
            std::chrono::minutes(static_cast<std::int64_t>(args.minutes))) {}
  bool over() const { return std::chrono::steady_clock::now() >= at_; }

 private:
  const std::chrono::steady_clock::time_point at_;
};

// Calls `run(n)` for n = 1, 1 + stride, ... on `threads` threads until one returns false: the fault
// did not hit. Returns that n. Of a selection the n in its range alone are run, all of them. Ends
// early once there are many violations.
std::uint64_t Sweep(std::uint64_t threads, std::uint64_t stride, const Selection& selection,
                    const Tally& tally, const std::function<bool(std::uint64_t n)>& run);

// The same, done by several threads or, in Shared memory, processes, each with a call of TakeTurns.
struct SweepTurns {
  std::atomic<std::uint64_t> next{1};
  std::atomic<std::uint64_t> end{~std::uint64_t{0}};  // the first n whose fault did not hit
};
// Runs the next n until there is none, or `stop` says so.
void TakeTurns(SweepTurns* turns, std::uint64_t stride, const std::function<bool()>& stop,
               const std::function<bool(std::uint64_t n)>& run);
// Where a selection begins and ends, and its stride: 1 unless it is all of them.
std::uint64_t Select(const Selection& selection, std::uint64_t stride, SweepTurns* turns);
inline constexpr std::uint64_t kViolationsMany = 20;

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_FAULT_SWEEP_H_
