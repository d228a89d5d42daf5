// SPDX-License-Identifier: Apache-2.0
#include "support/step_executor.h"

#include <compare>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace kyro::support {
namespace {
constexpr std::uint64_t kForever = std::numeric_limits<std::uint64_t>::max();
}  // namespace

// The jobs of all queues in one ordered map: due time first, then order of posting.
class StepExecutor::Core {
 public:
  using QueueId = std::uint64_t;

  explicit Core(FakeClock* clock) : clock_(clock) {}

  QueueId AddQueue(std::string_view name) KYRO_EXCLUDES(mutex_) {
    const MutexLock lock(&mutex_);
    names_[++last_queue_] = std::string(name);
    return last_queue_;
  }
  Status Post(QueueId queue, std::function<void()> job, std::chrono::microseconds delay)
      KYRO_EXCLUDES(mutex_);
  void Stop(QueueId queue) KYRO_EXCLUDES(mutex_);
  // Of `queue` only, or of the queues called `name`, or of any.
  bool RunOne(std::optional<QueueId> queue, std::optional<std::string_view> name)
      KYRO_EXCLUDES(mutex_);
  std::uint64_t NextDue() const KYRO_EXCLUDES(mutex_);  // kForever if no job waits
  std::size_t Count(std::optional<std::string_view> name, std::uint64_t until) const
      KYRO_EXCLUDES(mutex_);
  FakeClock* clock() const { return clock_; }

 private:
  struct Place {
    std::uint64_t due;
    std::uint64_t order;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct Job {
    QueueId queue;
    std::function<void()> run;
  };

  FakeClock* const clock_;
  mutable Mutex mutex_;
  CondVar idle_;  // a job has ended
  std::uint64_t posted_ KYRO_GUARDED_BY(mutex_) = 0;
  QueueId last_queue_ KYRO_GUARDED_BY(mutex_) = 0;
  std::map<QueueId, std::string> names_ KYRO_GUARDED_BY(mutex_);
  std::set<QueueId> stopped_ KYRO_GUARDED_BY(mutex_);
  std::map<QueueId, std::thread::id> running_ KYRO_GUARDED_BY(mutex_);
  std::map<Place, Job> jobs_ KYRO_GUARDED_BY(mutex_);
};

Status StepExecutor::Core::Post(QueueId queue, std::function<void()> job,
                                std::chrono::microseconds delay) {
  const MutexLock lock(&mutex_);
  if (stopped_.count(queue) != 0) return Status(StatusCode::kClosed, "the job queue is stopped");
  const auto wait = std::chrono::nanoseconds(delay).count();
  const std::uint64_t due =
      clock_->MonotonicNanos() + (wait > 0 ? static_cast<std::uint64_t>(wait) : 0);
  jobs_.emplace(Place{due, ++posted_}, Job{queue, std::move(job)});
  return Status();
}

void StepExecutor::Core::Stop(QueueId queue) {
  std::vector<Job> dropped;  // outlives the lock: what a job owns may call back when destroyed
  const MutexLock lock(&mutex_);
  stopped_.insert(queue);
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (it->second.queue != queue) {
      ++it;
      continue;
    }
    dropped.push_back(std::move(it->second));
    it = jobs_.erase(it);
  }
  // A job on another thread is waited for. One further up this stack cannot be.
  for (auto it = running_.find(queue);
       it != running_.end() && it->second != std::this_thread::get_id();
       it = running_.find(queue)) {
    idle_.Wait(&mutex_);
  }
}

bool StepExecutor::Core::RunOne(std::optional<QueueId> queue,
                                std::optional<std::string_view> name) {
  Job job;
  {
    const MutexLock lock(&mutex_);
    const std::uint64_t now = clock_->MonotonicNanos();
    auto it = jobs_.begin();
    for (; it != jobs_.end() && it->first.due <= now; ++it) {
      const QueueId candidate = it->second.queue;
      if (running_.count(candidate) != 0) continue;
      if (queue.has_value() && candidate != *queue) continue;
      if (name.has_value() && names_[candidate] != *name) continue;
      break;
    }
    if (it == jobs_.end() || it->first.due > now) return false;
    job = std::move(it->second);
    jobs_.erase(it);
    running_[job.queue] = std::this_thread::get_id();
  }
  job.run();
  job.run = nullptr;  // what it owns goes before the queue counts as idle
  const MutexLock lock(&mutex_);
  running_.erase(job.queue);
  idle_.NotifyAll();
  return true;
}

std::uint64_t StepExecutor::Core::NextDue() const {
  const MutexLock lock(&mutex_);
  return jobs_.empty() ? kForever : jobs_.begin()->first.due;
}

std::size_t StepExecutor::Core::Count(std::optional<std::string_view> name,
                                      std::uint64_t until) const {
  const MutexLock lock(&mutex_);
  std::size_t count = 0;
  for (const auto& [place, job] : jobs_) {
    if (place.due > until) break;
    if (!name.has_value() || names_.at(job.queue) == *name) ++count;
  }
  return count;
}

class StepExecutor::StepQueue final : public io::JobQueue {
 public:
  StepQueue(std::shared_ptr<Core> core, std::string_view name)
      : core_(std::move(core)), id_(core_->AddQueue(name)) {}
  ~StepQueue() override { core_->Stop(id_); }

  Status Post(std::function<void()> job, std::chrono::microseconds delay) override {
    return core_->Post(id_, std::move(job), delay);
  }
  void Stop() noexcept override { core_->Stop(id_); }
  bool Help() override { return core_->RunOne(id_, std::nullopt); }

 private:
  const std::shared_ptr<Core> core_;
  const Core::QueueId id_;
};

StepExecutor::StepExecutor(FakeClock* clock) : core_(std::make_shared<Core>(clock)) {}
StepExecutor::~StepExecutor() = default;

Result<std::unique_ptr<io::JobQueue>> StepExecutor::NewQueue(std::string_view name) {
  return std::unique_ptr<io::JobQueue>(std::make_unique<StepQueue>(core_, name));
}

bool StepExecutor::RunOne() {
  return core_->RunOne(std::nullopt, std::nullopt);
}
bool StepExecutor::RunOne(std::string_view name) {
  return core_->RunOne(std::nullopt, name);
}

std::size_t StepExecutor::RunDue(std::size_t jobs_max) {
  std::size_t ran = 0;
  while (ran < jobs_max && RunOne()) ++ran;
  return ran;
}

std::size_t StepExecutor::RunAll(std::size_t jobs_max) {
  std::size_t ran = 0;
  while (ran < jobs_max) {
    if (RunOne()) {
      ++ran;
      continue;
    }
    const std::uint64_t now = core_->clock()->MonotonicNanos();
    const std::uint64_t next = core_->NextDue();
    // Nothing waits, or what is due belongs to a queue that is busy further up the stack.
    if (next == kForever || next <= now) break;
    core_->clock()->Advance(std::chrono::nanoseconds(next - now));
  }
  return ran;
}

std::size_t StepExecutor::Advance(std::chrono::nanoseconds duration) {
  FakeClock* const clock = core_->clock();
  const std::uint64_t end = clock->MonotonicNanos() +
                            static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration.count()));
  std::size_t ran = RunDue();
  while (clock->MonotonicNanos() < end) {
    const std::uint64_t now = clock->MonotonicNanos();
    const std::uint64_t next = core_->NextDue();
    const std::uint64_t to = next > now && next < end ? next : end;
    clock->Advance(std::chrono::nanoseconds(to - now));
    ran += RunDue();
  }
  return ran;
}

std::size_t StepExecutor::pending() const {
  return core_->Count(std::nullopt, kForever);
}
std::size_t StepExecutor::pending(std::string_view name) const {
  return core_->Count(name, kForever);
}
std::size_t StepExecutor::due() const {
  return core_->Count(std::nullopt, core_->clock()->MonotonicNanos());
}

}  // namespace kyro::support
