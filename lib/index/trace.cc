// SPDX-License-Identifier: Apache-2.0
//
// Traces of lookups, by the functions of lookup-inl.h that lookups call, for one SIMD target: all
// give the same for any bytes, which tests see to, and nobody waits for a trace.
#include "hwy/highway.h"
#include "index/kernels.h"
#include "index/lookup-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {
namespace {

// Writes down what a lookup tells it. Passed by value, so it is a pointer.
struct RouteWriter {
  Route* route;
  void Node(std::uint32_t node, std::uint64_t slot) noexcept { route->Node(node, slot); }
  void Level(std::uint64_t node) const noexcept { route->Level(node); }
};

void TraceInTree(const Core& core, std::uint64_t key, Route* route) noexcept {
  route->end = Route::End::kRootTree;
  const std::size_t block = AnyRootTreeBlock(core, key, RouteWriter{route});
  route->block = static_cast<std::uint32_t>(block);
  route->window = BlockWindow(core, block);
}

void TraceInPackedTree(const Core& core, std::uint64_t key, Route* route) noexcept {
  route->end = Route::End::kPackedTree;
  const RouteWriter writer{route};
  const std::size_t group = AnyRootTreeBlock(core, key, writer);
  writer.Level(group);
  const std::size_t node = PackedNode(core, key, group);
  writer.Level(node);
  const std::size_t block = PackedBlock(core, key, node);
  route->block = static_cast<std::uint32_t>(block);
  route->window = BlockWindow<kPackedBlockKeys>(core, block);
}

void TraceInSlots(const Core& core, std::uint64_t key, Route* route) noexcept {
  const RouteWriter writer{route};
  SlotPosition at = LocateSlot(core.root, key);
  route->Node(0, at.slot);
  at.slot = core.slots[at.slot];
  // A lookup follows children only where the model may have them, whatever the slot says.
  const bool mixed = core.structure == Structure::kMixed;
  if (mixed) at = FollowChildren(core, key, at, writer);
  if (!mixed || KindOf(at.slot) == SlotKind::kLeaf) {
    route->end = Route::End::kLeaf;
    route->leaf_base = LowOf(at.slot);
    route->leaf_count = HighOf(at.slot);
    route->window = LeafWindow(core, at.slot, at.fraction, core.probe_lines);
    return;
  }
  const std::uint64_t block = SmallTreeBlock(core, key, at.slot, writer);
  route->end = Route::End::kSmallTree;
  route->block = static_cast<std::uint32_t>(block);
  route->window = BlockWindow(core, block);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace
}  // namespace HWY_NAMESPACE

Route TraceOf(const Core& core, std::uint64_t key) noexcept {
  Route route;
  switch (core.structure) {
    case Structure::kSearch:
      route.window = {0, core.key_count, core.key_count / 2, false};
      break;
    case Structure::kSlots:
    case Structure::kMixed:
      HWY_NAMESPACE::TraceInSlots(core, key, &route);
      break;
    case Structure::kTree:
      HWY_NAMESPACE::TraceInTree(core, key, &route);
      break;
    case Structure::kPackedTree:
      HWY_NAMESPACE::TraceInPackedTree(core, key, &route);
      break;
  }
  return route;
}

}  // namespace kyro::index
HWY_AFTER_NAMESPACE();
