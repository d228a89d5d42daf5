// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/sweep.h"

#include <atomic>
#include <cstdlib>
#include <thread>
#include <vector>

namespace kyro::proofs {

Selection::Selection(const Args& args) {
  const std::size_t colon = args.only.find(':');
  part = args.only.substr(0, colon);
  if (colon == std::string::npos) return;
  char* end = nullptr;
  from = to = std::strtoull(args.only.c_str() + colon + 1, &end, 10);
  if (*end == '-') to = std::strtoull(end + 1, nullptr, 10);
}

std::uint64_t Sweep(std::uint64_t threads, std::uint64_t stride, const Selection& selection,
                    const Tally& tally, const std::function<bool(std::uint64_t n)>& run) {
  constexpr std::uint64_t kEnough = 20;
  const bool all = selection.from == 1 && selection.to == ~std::uint64_t{0};
  if (!all) stride = 1;
  std::atomic<std::uint64_t> next{selection.from}, end{selection.to};
  const auto work = [&] {
    for (;;) {
      const std::uint64_t n = next.fetch_add(stride);
      if (n > end.load() || tally.violations() >= kEnough) return;
      if (run(n)) continue;
      std::uint64_t now = end.load();
      while (n < now && !end.compare_exchange_weak(now, n)) {
      }
    }
  };
  std::vector<std::thread> workers;
  for (std::uint64_t i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  return end.load();
}

}  // namespace kyro::proofs
