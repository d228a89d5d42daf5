// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>

#include "base/status_util.h"
#include "index/model.h"

namespace kyro::index {
namespace {

std::string_view WhyNotSlots(Reason reason) noexcept {
  switch (reason) {
    case Reason::kTooManyTreeKeys:
      return "more than 30% of the keys are too unevenly spread for interpolation";
    case Reason::kTooManyBytes:
      return "interpolation would exceed the model's byte bound";
    case Reason::kTooDeep:
      return "the keys have clumps within clumps";
    case Reason::kCheaper:
      return "its expected cost is lower than interpolation's";
    default:
      return "it was asked for";
  }
}

}  // namespace

Result<std::string> Explain(const ModelFacts& facts) noexcept {
  return Guarded([&]() -> Result<std::string> {
    std::string text;
    switch (facts.structure) {
      case Structure::kSearch:
        text += fmt::format("binary search, because {} keys need no model", facts.key_count);
        return text;
      case Structure::kTree:
        text += fmt::format("a {}-level tree over blocks of {} keys, because {}", facts.tree_levels,
                            kBlockKeys, WhyNotSlots(facts.reason));
        break;
      case Structure::kPackedTree:
        text += fmt::format(
            "a {}-level tree over blocks of {} keys, the lowest level packed to 16 bits a "
            "separator, "
            "because {}",
            facts.tree_levels, kPackedBlockKeys, WhyNotSlots(facts.reason));
        break;
      case Structure::kSlots:
        text +=
            fmt::format("{} interpolating slots, because the keys are evenly spread", facts.slots);
        break;
      case Structure::kMixed:
        text += fmt::format(
            "{} interpolating slots in {} nodes, {} deep, with {} trees for {} keys, "
            "because the keys are evenly spread in parts",
            facts.slots, facts.nodes, facts.depth, facts.trees, facts.tree_keys);
        break;
    }
    text +=
        fmt::format(". {:.3f} bytes per key, windows of {} (p50), {} (p99.9), {} (max) keys",
                    facts.bytes_per_key(), facts.window_p50, facts.window_p999, facts.window_max);
    if (facts.slots_cost != 0 && facts.tree_cost != 0) {
      text += fmt::format("; expected {:.1f} ns with slots, {:.1f} ns with a tree",
                          facts.slots_cost / 10.0, facts.tree_cost / 10.0);
    }
    text.push_back('.');
    return text;
  });
}

}  // namespace kyro::index
