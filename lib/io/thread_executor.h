// SPDX-License-Identifier: Apache-2.0
//
// The real Executor: a thread for each queue.
#ifndef KYRO_IO_THREAD_EXECUTOR_H_
#define KYRO_IO_THREAD_EXECUTOR_H_

#include <memory>
#include <string_view>

#include "io/executor.h"

namespace kyro::io {

// Any thread.
class ThreadExecutor final : public Executor {
 public:
  // kResourceExhausted if there is no thread to be had.
  Result<std::unique_ptr<JobQueue>> NewQueue(std::string_view name) override;
};

}  // namespace kyro::io

#endif  // KYRO_IO_THREAD_EXECUTOR_H_
