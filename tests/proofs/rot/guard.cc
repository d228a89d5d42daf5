// SPDX-License-Identifier: Apache-2.0
#include "proofs/rot/guard.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <thread>
#include <vector>

#include "support/sanitized.h"

namespace kyro::proofs {
namespace {

constexpr std::size_t kThreadsMax = 64;
constexpr std::chrono::seconds kHang{60};

struct Worker {
  std::atomic<const std::function<std::string()>*> current{nullptr};
  std::atomic<std::uint64_t> progress{0};
};
std::array<Worker, kThreadsMax> g_workers;
thread_local Worker* t_worker = nullptr;

[[noreturn]] void EndWith(const char* what, const Worker* worker) {
  const auto* describe = worker == nullptr ? nullptr : worker->current.load();
  std::printf("VIOLATION %s: %s\n", what, describe == nullptr ? "?" : (*describe)().c_str());
  std::fflush(stdout);
  _exit(1);
}

// The program is lost anyway: printing more than a handler may is worth the risk.
void OnSignal(int number) {
  std::signal(number, SIG_DFL);
  EndWith(number == SIGSEGV ? "crash (SIGSEGV)" : "crash", t_worker);
}

}  // namespace

void NoteCase(const std::function<std::string()>* describe) {
  t_worker->current.store(describe, std::memory_order_release);
  t_worker->progress.fetch_add(1, std::memory_order_relaxed);
}

void RunGuarded(std::uint64_t threads, const std::function<void(std::uint64_t worker)>& work) {
  if (threads > kThreadsMax) threads = kThreadsMax;
  if (!support::kSanitized) {
    for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
      std::signal(number, OnSignal);
    }
  }
  std::mutex mutex;
  std::condition_variable ended;
  std::uint64_t running = threads;
  std::vector<std::thread> pool;
  for (std::uint64_t i = 0; i < threads; ++i) {
    g_workers[i].current = nullptr;
    pool.emplace_back([&, i] {
      t_worker = &g_workers[i];
      work(i);
      const std::lock_guard lock(mutex);
      g_workers[i].current = nullptr;
      --running;
      ended.notify_all();
    });
  }
  std::vector<std::uint64_t> seen(threads, 0);
  std::unique_lock lock(mutex);
  while (!ended.wait_for(lock, kHang, [&] { return running == 0; })) {
    for (std::uint64_t i = 0; i < threads; ++i) {
      const std::uint64_t now = g_workers[i].progress;
      if (g_workers[i].current.load() != nullptr && now == seen[i]) {
        EndWith("a minute without an end", &g_workers[i]);
      }
      seen[i] = now;
    }
  }
  lock.unlock();
  for (std::thread& thread : pool) thread.join();
}

}  // namespace kyro::proofs
