// SPDX-License-Identifier: Apache-2.0
//
// StepExecutor: background work without threads. Jobs wait until a test runs them on its own
// thread, so a schedule is a list of calls and can be repeated.
//
// E1 A queue runs its jobs one at a time, in the order in which they fell due; jobs due at the same
//    time run in the order posted.
// E2 A job is due once the clock has reached the time of its Post plus its delay; a job that is not
//    due holds up no other.
// E3 A job runs with no lock of the executor held: it may Post, Help and Stop. A job of a queue
// that
//    is already running one (further up the same stack, or on another thread) is not started.
#ifndef KYRO_TESTS_SUPPORT_STEP_EXECUTOR_H_
#define KYRO_TESTS_SUPPORT_STEP_EXECUTOR_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>

#include "io/executor.h"
#include "support/fake_clock.h"

namespace kyro::support {

// Any thread. Queues may outlive the executor (nothing runs their jobs then but Help).
class StepExecutor final : public io::Executor {
 public:
  explicit StepExecutor(FakeClock* clock);  // not owned; outlives every queue
  ~StepExecutor() override;

  Result<std::unique_ptr<io::JobQueue>> NewQueue(std::string_view name) override;

  // Runs the job that fell due first, of any queue or of the queues called `name`. False if none
  // can run.
  bool RunOne();
  bool RunOne(std::string_view name);
  // Runs due jobs, also those posted meanwhile, until there is none or `jobs_max` have run. Returns
  // how many ran. Time does not pass, so a job with a delay waits.
  std::size_t RunDue(std::size_t jobs_max = 1'000'000);
  // The same, advancing the clock to the next delayed job whenever nothing is due.
  std::size_t RunAll(std::size_t jobs_max = 1'000'000);
  // Advances the clock by `duration`, running each job when it falls due.
  std::size_t Advance(std::chrono::nanoseconds duration);

  std::size_t pending() const;                       // jobs not yet started, due or not
  std::size_t pending(std::string_view name) const;  // of the queues called `name`
  std::size_t due() const;                           // of those, how many could be run now

 private:
  class Core;
  class StepQueue;
  std::shared_ptr<Core> core_;
};

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_STEP_EXECUTOR_H_
