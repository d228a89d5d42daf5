// SPDX-License-Identifier: Apache-2.0
#include "upkeep/merge_policy.h"

namespace kyro::upkeep {

std::size_t PickMerge(std::span<const std::uint64_t> run_bytes, double merge_fraction,
                      std::size_t runs_max) {
  std::size_t pick = 0;
  std::uint64_t newer = 0;
  for (std::size_t i = 0; i < run_bytes.size(); ++i) {
    const double wanted = merge_fraction * static_cast<double>(run_bytes[i]);
    if (i > 0 && static_cast<double>(newer) >= wanted) pick = i + 1;
    newer += run_bytes[i];
  }
  return run_bytes.size() > runs_max ? run_bytes.size() : pick;
}

}  // namespace kyro::upkeep
