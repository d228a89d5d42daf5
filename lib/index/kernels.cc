// SPDX-License-Identifier: Apache-2.0
//
// SSSE3 has no 64-bit compare: its kernels are the largest of all targets. What has it and no
// SSE4.2, processors of 2006 and 2007, takes the scalar search.
//
// Every file of the library disables the same targets: what picks among them is an inline function
// of Highway over the file's own set, and without optimization the files share one copy of it. A
// file with fewer targets than the machine's best would be sent to one that it does not have.
#define HWY_DISABLED_TARGETS HWY_SSSE3
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "hwy/highway.h"
#include "index/batch-inl.h"
#include "index/kernels.h"
#include "index/lookup-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::index {
namespace HWY_NAMESPACE {

template <class Lookup>
std::uint32_t LowerBoundOf(const Core& core, const Columns& columns, std::uint64_t key) noexcept {
  return Lookup::Find({&core, &columns}, key);
}

inline Window PredictInSlots(const Core& core, std::uint64_t key) noexcept {
  return LocateInSlots(core, key);
}

inline Window PredictInTree(const Core& core, std::uint64_t key) noexcept {
  return LocateInRootTree(core, key);
}

inline Window PredictInPackedTree(const Core& core, std::uint64_t key) noexcept {
  return LocateInPackedTree(core, key);
}

#if HWY_TARGET == HWY_SCALAR

// Without vectors a copy per structure and a batch in lockstep gain less than their size is worth:
// on x86 these are processors of before 2008.
struct AnyFamily {
  static void Batch(const Core& core, const Columns& columns, const std::uint64_t* queries,
                    std::uint32_t* positions, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      positions[i] = AnyLookup::Find({&core, &columns}, queries[i]);
    }
  }
  static constexpr Kernels kSlots = {&LowerBoundOf<AnyLookup>, &Batch, &PredictInSlots,
                                     &MeasureSlots};
  static constexpr Kernels kTree = {&LowerBoundOf<AnyLookup>, &Batch, &PredictInTree, &MeasureTree};
  static constexpr Kernels kPackedTree = {&LowerBoundOf<AnyLookup>, &Batch, &PredictInPackedTree,
                                          &MeasurePackedTree};
};

inline const Kernels& SlotKernels() {
  return AnyFamily::kSlots;
}
inline const Kernels& TreeKernels() {
  return AnyFamily::kTree;
}
inline const Kernels& PackedTreeKernels() {
  return AnyFamily::kPackedTree;
}

#else

KYRO_INDEX_LARGE inline void BatchInSlots(const Core& core, const Columns& columns,
                                          const std::uint64_t* queries, std::uint32_t* positions,
                                          std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += kLockstep) {
    FindSlotsLockstep<LowerBoundProbe>({&core, &columns}, queries + i, positions + i,
                                       std::min(kLockstep, count - i));
  }
}

KYRO_INDEX_LARGE inline void BatchInTree(const Core& core, const Columns& columns,
                                         const std::uint64_t* queries, std::uint32_t* positions,
                                         std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += kLockstep) {
    FindTreeLockstep<LowerBoundProbe>({&core, &columns}, queries + i, positions + i,
                                      std::min(kLockstep, count - i));
  }
}

KYRO_INDEX_LARGE inline void BatchInPackedTree(const Core& core, const Columns& columns,
                                               const std::uint64_t* queries,
                                               std::uint32_t* positions,
                                               std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; i += kLockstep) {
    FindPackedLockstep<LowerBoundProbe>({&core, &columns}, queries + i, positions + i,
                                        std::min(kLockstep, count - i));
  }
}

// Lines, kind of slots, and depth of a tree are tested: the branches always go the same way. A copy
// for each is worth its size only where a lookup ends with the answer (segment/direct.cc).
inline const Kernels& SlotKernels() {
  static constexpr Kernels kKernels = {&LowerBoundOf<AnySlotLookup<LowerBoundProbe> >,
                                       &BatchInSlots, &PredictInSlots, &MeasureSlots};
  return kKernels;
}

inline const Kernels& TreeKernels() {
  static constexpr Kernels kKernels = {&LowerBoundOf<AnyTreeLookup<LowerBoundProbe> >, &BatchInTree,
                                       &PredictInTree, &MeasureTree};
  return kKernels;
}

inline const Kernels& PackedTreeKernels() {
  static constexpr Kernels kKernels = {&LowerBoundOf<AnyPackedTreeLookup<LowerBoundProbe> >,
                                       &BatchInPackedTree, &PredictInPackedTree,
                                       &MeasurePackedTree};
  return kKernels;
}

#endif  // HWY_TARGET == HWY_SCALAR

// No model: few keys, or a caller that lost it.
struct SearchFamily {
  static std::uint32_t Find(const Core& core, const Columns& columns, std::uint64_t key) noexcept {
    return BinaryLowerBound(columns.keys, core.key_count, key);
  }
  static void Batch(const Core& core, const Columns& columns, const std::uint64_t* queries,
                    std::uint32_t* positions, std::size_t count) noexcept {
    for (std::size_t i = 0; i < count; ++i) positions[i] = Find(core, columns, queries[i]);
  }
  static Window Predict(const Core& core, std::uint64_t) noexcept {
    return {0, core.key_count, core.key_count / 2, false};
  }
  static void Measure(const Core&, const std::uint64_t*, Measured*) noexcept {}
  static constexpr Kernels kKernels = {&Find, &Batch, &Predict, &Measure};
};

inline const Kernels* ChooseKernels(const Core& core) {
  switch (core.structure) {
    case Structure::kSlots:
    case Structure::kMixed:
      return &SlotKernels();
    case Structure::kTree:
      return &TreeKernels();
    case Structure::kPackedTree:
      return &PackedTreeKernels();
    case Structure::kSearch:
      break;
  }
  return &SearchFamily::kKernels;
}

inline std::int64_t CurrentTarget() {
  return HWY_TARGET;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::index
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kyro::index {

HWY_EXPORT(ChooseKernels);
HWY_EXPORT(CurrentTarget);

const Kernels& KernelsFor(const Core& core) noexcept {
  return *HWY_DYNAMIC_DISPATCH(ChooseKernels)(core);
}

const char* TargetName() noexcept {
  return hwy::TargetName(HWY_DYNAMIC_DISPATCH(CurrentTarget)());
}

}  // namespace kyro::index
#endif  // HWY_ONCE
