// SPDX-License-Identifier: Apache-2.0
//
// The shortest way from a key to its value: what a Get on a view becomes once one segment serves
// the view, all its blocks are verified, it has a model, neither filter nor tombstones, and values
// of one width. Then a lookup is one call that counts, predicts, probes and compares; everything
// that would be tested on the way was settled before (direct.cc).
#ifndef KYRO_SEGMENT_DIRECT_H_
#define KYRO_SEGMENT_DIRECT_H_

#include <cstddef>

#include "base/tally.h"
#include "index/core.h"
#include "kyro/lookup.h"
#include "kyro/types.h"

namespace kyro::segment {

// What such a Get reads, beside the model and the columns: a Getter, so that a function of this
// kind can stand in the place of any other. Constant after it was filled, but for `get`.
template <class K>
struct Direct : Getter<K> {
  using Function = typename Getter<K>::Function;

  const void* owner = nullptr;  // of whoever made it
};

template <>
struct Direct<U64> : Getter<U64> {
  using Function = Getter<U64>::Function;

  const void* owner = nullptr;
  TallyCells* lookups = nullptr;  // counted in here
  Function counted = nullptr;     // what goes on with a lookup whose count is due
  // Filled by the segment, which outlives it.
  std::uint64_t first_key = 0;
  std::uint64_t key_span = 0;  // last - first
  index::Core core;            // its root covers this range
  index::Columns columns;      // `values` are those that answers point to
};

// Both null: there is no such way.
template <class K>
struct DirectWay {
  using MultiGet = void (*)(const Direct<K>&, const typename K::Key* keys, Lookup* out,
                            std::size_t count) noexcept;
  typename Direct<K>::Function get = nullptr;  // counts itself
  MultiGet multi_get = nullptr;                // does not; in lockstep
};

// The way for lookups in `core` and `columns` on the best SIMD target that this machine has; none
// without a model, or where no target is worth it.
DirectWay<U64> ChooseDirect(const index::Core& core, const index::Columns& columns) noexcept;

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_DIRECT_H_
