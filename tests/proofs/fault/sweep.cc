// SPDX-License-Identifier: Apache-2.0
#include "proofs/fault/sweep.h"

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

std::uint64_t Select(const Selection& selection, std::uint64_t stride, SweepTurns* turns) {
  const bool all = selection.from == 1 && selection.to == ~std::uint64_t{0};
  turns->next = selection.from;
  turns->end = selection.to;
  return all ? stride : 1;
}

void TakeTurns(SweepTurns* turns, std::uint64_t stride, const std::function<bool()>& stop,
               const std::function<bool(std::uint64_t n)>& run) {
  for (;;) {
    const std::uint64_t n = turns->next.fetch_add(stride);
    if (n > turns->end.load() || stop()) return;
    if (run(n)) continue;
    std::uint64_t now = turns->end.load();
    while (n < now && !turns->end.compare_exchange_weak(now, n)) {
    }
  }
}

std::uint64_t Sweep(std::uint64_t threads, std::uint64_t stride, const Selection& selection,
                    const Tally& tally, const std::function<bool(std::uint64_t n)>& run) {
  SweepTurns turns;
  stride = Select(selection, stride, &turns);
  const auto stop = [&] { return tally.violations() >= kViolationsMany; };
  const auto work = [&] { TakeTurns(&turns, stride, stop, run); };
  std::vector<std::thread> workers;
  for (std::uint64_t i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
  return turns.end.load();
}

}  // namespace kyro::proofs
