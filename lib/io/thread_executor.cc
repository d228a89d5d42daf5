// SPDX-License-Identifier: Apache-2.0
//
// A queue is a thread and the state that it shares with its handle.
//
// T1 The thread holds a reference to the state: a job that destroys its own queue leaves the thread
//    something to return to.
// T2 A fork has the state but not the thread: its locks may be held for ever and its condition
//    variable waited on. Nothing of a queue is touched in a fork, nor destroyed there.
#include "io/thread_executor.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "base/status_util.h"
#include "io/env.h"

namespace kyro::io {
namespace {

using Instant = std::chrono::steady_clock::time_point;

// A timed wait is cut into pieces, because CondVar waits by the wall clock, which can be set back.
constexpr std::chrono::microseconds kWaitMax = std::chrono::seconds(1);

// No signal of the application is ever handled on one of our threads (G10). A new thread inherits
// the mask.
class BlockSignals {
 public:
  BlockSignals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockSignals(const BlockSignals&) = delete;
  BlockSignals& operator=(const BlockSignals&) = delete;

 private:
  sigset_t before_;
};

class QueueState {
 public:
  Status Post(std::function<void()> job, std::chrono::microseconds delay) KYRO_EXCLUDES(mutex_);
  void Stop() noexcept KYRO_EXCLUDES(mutex_);
  void Run() noexcept KYRO_EXCLUDES(mutex_);  // the thread's body: returns after Stop

 private:
  // By the time a job falls due, then by the order of posting.
  using Place = std::pair<Instant, std::uint64_t>;
  using Jobs = std::map<Place, std::function<void()>>;

  // Waits for a job that is due and takes it. An empty handle: stopped.
  Jobs::node_type Next() KYRO_EXCLUDES(mutex_);

  Mutex mutex_;
  CondVar changed_;
  bool stopped_ KYRO_GUARDED_BY(mutex_) = false;
  std::uint64_t posted_ KYRO_GUARDED_BY(mutex_) = 0;
  Jobs jobs_ KYRO_GUARDED_BY(mutex_);
};

Status QueueState::Post(std::function<void()> job, std::chrono::microseconds delay) {
  const Instant due = std::chrono::steady_clock::now() + std::max(delay, delay.zero());
  const MutexLock lock(&mutex_);
  if (stopped_) return Status(StatusCode::kClosed, "the job queue is stopped");
  jobs_.emplace(Place{due, ++posted_}, std::move(job));
  changed_.NotifyOne();
  return Status();
}

void QueueState::Stop() noexcept {
  Jobs dropped;  // destroyed after the lock: what a job owns may call back
  const MutexLock lock(&mutex_);
  stopped_ = true;
  dropped.swap(jobs_);
  changed_.NotifyAll();
}

QueueState::Jobs::node_type QueueState::Next() {
  const MutexLock lock(&mutex_);
  for (;;) {
    if (stopped_) return {};
    if (jobs_.empty()) {
      changed_.Wait(&mutex_);
      continue;
    }
    const Instant now = std::chrono::steady_clock::now();
    const Instant due = jobs_.begin()->first.first;
    if (due <= now) return jobs_.extract(jobs_.begin());
    // Rounded up, so that the last wait does not end early and spin.
    const auto left = std::chrono::ceil<std::chrono::microseconds>(due - now);
    changed_.WaitFor(&mutex_, std::min(left, kWaitMax));
  }
}

void QueueState::Run() noexcept {
  for (Jobs::node_type job = Next(); !job.empty(); job = Next()) {
    // A job reports its own failures; an exception that it let out is dropped, as is what it owns.
    (void)Guarded([&] {
      job.mapped()();
      job.mapped() = nullptr;
      return Status();
    });
  }
}

class ThreadQueue final : public JobQueue {
 public:
  ThreadQueue() : state_(std::make_shared<QueueState>()), fork_word_(ForkWord()) {}
  ~ThreadQueue() override {
    Stop();
    if (!thread_.joinable()) return;
    if (IsFork(fork_word_)) {
      (void)new (std::nothrow) std::thread(std::move(thread_));  // T2: leaked on purpose
    } else {
      thread_.detach();  // the queue's own thread destroys it (T1)
    }
  }

  // May throw system_error.
  void Start(std::string_view name) {
    const BlockSignals blocked;
    thread_ = std::thread([state = state_] { state->Run(); });
    const std::string short_name(name.substr(0, 15));
    (void)::pthread_setname_np(thread_.native_handle(), short_name.c_str());
  }

  Status Post(std::function<void()> job, std::chrono::microseconds delay) override {
    if (IsFork(fork_word_)) return Status(StatusCode::kClosed, "the job queue's process forked");
    return Guarded([&] { return state_->Post(std::move(job), delay); });
  }

  void Stop() noexcept override {
    if (IsFork(fork_word_)) return;  // T2
    state_->Stop();
    const MutexLock lock(&join_mutex_);  // Stop is idempotent, also from two threads at once
    if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
  }

  bool Help() override { return false; }

 private:
  const std::shared_ptr<QueueState> state_;
  const std::uint8_t* const fork_word_;
  Mutex join_mutex_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<JobQueue>> ThreadExecutor::NewQueue(std::string_view name) {
  return Guarded([&]() -> Result<std::unique_ptr<JobQueue>> {
    auto queue = std::make_unique<ThreadQueue>();
    queue->Start(name);
    return std::unique_ptr<JobQueue>(std::move(queue));
  });
}

}  // namespace kyro::io
