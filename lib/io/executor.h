// SPDX-License-Identifier: Apache-2.0
//
// The Executor seam: background work. A queue runs its jobs one at a time, in order. The real
// executor gives each queue a thread with all signals blocked; the deterministic one
// (tests/support/step_executor.h) runs jobs on the caller's thread when a test says so.
#ifndef KYRO_IO_EXECUTOR_H_
#define KYRO_IO_EXECUTOR_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "kyro/status.h"

namespace kyro::io {

class JobQueue {
 public:
  virtual ~JobQueue() = default;  // calls Stop

  // Queues a job; after `delay` at the earliest if one is given (delayed jobs do not hold up
  // others). Any thread, also from inside a job. After Stop the job is dropped: kClosed.
  // kResourceExhausted if there is no memory for it.
  virtual Status Post(std::function<void()> job,
                      std::chrono::microseconds delay = std::chrono::microseconds(0)) = 0;

  // Lets the current job finish, drops the rest and joins. Idempotent. Inside a job of this queue,
  // and in a fork of the process, there is nothing to join.
  virtual void Stop() noexcept = 0;

  // Called by a thread that is about to wait for a job of this queue. The deterministic queue runs
  // one due job here and returns true; the real one returns false at once.
  virtual bool Help() = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // `name` is at most 15 bytes (it names the thread). Starts the thread.
  virtual Result<std::unique_ptr<JobQueue>> NewQueue(std::string_view name) = 0;
};

}  // namespace kyro::io

#endif  // KYRO_IO_EXECUTOR_H_
