// SPDX-License-Identifier: Apache-2.0
//
// std::mutex with clang's thread-safety annotations (-Wthread-safety). A wrapper of our own,
// because a distribution's absl::Mutex is not instrumented and makes ThreadSanitizer cry wolf.
#ifndef KYRO_BASE_MUTEX_H_
#define KYRO_BASE_MUTEX_H_

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define KYRO_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define KYRO_THREAD_ATTRIBUTE(x)
#endif
#define KYRO_GUARDED_BY(x) KYRO_THREAD_ATTRIBUTE(guarded_by(x))
#define KYRO_PT_GUARDED_BY(x) KYRO_THREAD_ATTRIBUTE(pt_guarded_by(x))
#define KYRO_REQUIRES(...) KYRO_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define KYRO_EXCLUDES(...) KYRO_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define KYRO_ACQUIRE(...) KYRO_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define KYRO_RELEASE(...) KYRO_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define KYRO_NO_THREAD_SAFETY_ANALYSIS KYRO_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace kyro {

class KYRO_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void Lock() KYRO_ACQUIRE() { mutex_.lock(); }
  void Unlock() KYRO_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class KYRO_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) KYRO_ACQUIRE(mutex) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() KYRO_RELEASE() { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

class CondVar {
 public:
  // May wake spuriously: wait in a loop.
  void Wait(Mutex* mutex) KYRO_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False if `timeout` passed first.
  bool WaitFor(Mutex* mutex, std::chrono::microseconds timeout) KYRO_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    // wait_until on the system clock: ThreadSanitizer does not see pthread_cond_clockwait.
    const bool woken = condition_.wait_until(lock, std::chrono::system_clock::now() + timeout) ==
                       std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() noexcept { condition_.notify_one(); }
  void NotifyAll() noexcept { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace kyro

#endif  // KYRO_BASE_MUTEX_H_
