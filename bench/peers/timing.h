// SPDX-License-Identifier: Apache-2.0
//
// Times: of any work, and of two threads that begin at once.
#ifndef KYRO_BENCH_PEERS_TIMING_H_
#define KYRO_BENCH_PEERS_TIMING_H_

#include <atomic>
#include <chrono>
#include <exception>
#include <string>
#include <thread>

#include "bench/peers/engine.h"
#include "bench/peers/hot_loops.h"

namespace kyro::bench {

template <class F>
double TimeNanos(F&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

// prepare(i) makes, on thread i, what that thread does once both are ready. Nanoseconds until both
// have done it; what one of them throws is thrown here.
template <class Prepare>
double TimeTwoThreads(Prepare&& prepare) {
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::string failed[2];
  const auto run = [&](int i) {
    try {
      auto work = prepare(i);
      ++ready;
      while (!go) std::this_thread::yield();
      work();
    } catch (const std::exception& error) {
      failed[i] = error.what();
      ++ready;
    }
  };
  std::thread first(run, 0), second(run, 1);
  while (ready < 2) std::this_thread::yield();
  const double nanos = TimeNanos([&] {
    go = true;
    first.join();
    second.join();
  });
  for (const std::string& what : failed) {
    if (!what.empty()) Give(what);
  }
  return nanos;
}

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_TIMING_H_
