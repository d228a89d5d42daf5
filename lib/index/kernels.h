// SPDX-License-Identifier: Apache-2.0
//
// The functions that one SIMD target offers for one structure. A model picks its set once, when
// it is opened, so a lookup is one indirect call and tests nothing that the model has settled.
#ifndef KYRO_INDEX_KERNELS_H_
#define KYRO_INDEX_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "index/core.h"
#include "index/route.h"

namespace kyro::index {

// What Measure found over all keys of a column.
struct Measured {
  // Keys in leaves, by their error; in a packed tree, by how many blocks behind the chosen one.
  std::uint64_t errors[kErrorBuckets] = {};
  std::uint64_t tree_keys = 0;
  std::uint64_t outside = 0;    // keys that neither holds, and keys that find no place at all
  std::uint32_t max_error = 0;  // of those in `errors`, in keys
};

struct Kernels {
  std::uint32_t (*lower_bound)(const Core&, const Columns&, std::uint64_t key) noexcept;
  void (*lower_bound_batch)(const Core&, const Columns&, const std::uint64_t* queries,
                            std::uint32_t* positions, std::size_t count) noexcept;
  Window (*predict)(const Core&, std::uint64_t key) noexcept;
  void (*measure)(const Core&, const std::uint64_t* keys, Measured*) noexcept;
};

// The set for `core`'s structure on the best target that this machine has.
const Kernels& KernelsFor(const Core& core) noexcept;

// The way of a lookup, from the root to its window; the same on every target.
Route TraceOf(const Core& core, std::uint64_t key) noexcept;

// The target's name: "AVX3".
const char* TargetName() noexcept;

}  // namespace kyro::index

#endif  // KYRO_INDEX_KERNELS_H_
