// SPDX-License-Identifier: Apache-2.0
//
// What a Get of one key touches, over all sources of a keyspace, newest first. Any thread, while
// the state that the sources are of is pinned.
#ifndef KYRO_READ_EXPLAIN_H_
#define KYRO_READ_EXPLAIN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "delta/delta.h"
#include "read/view_state.h"
#include "segment/explanation.h"

namespace kyro::read {

struct DeltaExplanation {
  std::uint64_t keys = 0;
  bool reached = false;          // false: a newer source answered, the rest says nothing
  bool filter_excludes = false;  // its filter says that the key was never written to it
  delta::Found found = delta::Found::kNothing;
};

struct RunExplanation {
  std::uint64_t segments = 0;
  bool reached = false;  // as above
  // The one segment that may hold the key. Absent: the run ends below the key.
  std::optional<segment::Explanation> segment{};
};

struct Explanation {
  Sequence sequence = 0;  // read at
  std::vector<DeltaExplanation> deltas;
  std::vector<RunExplanation> runs;
  // What Get returned.
  segment::Explanation::Found found = segment::Explanation::Found::kAbsent;
  std::uint64_t value_bytes = 0;
  Status status;  // kFailed: the error
};

// Looks `key` up source by source as Sources::Get does, then asks Sources::Get itself: `found` is
// its answer. May throw bad_alloc.
template <class K>
Explanation Explain(const Sources<K>& sources, typename K::Key key, Sequence sequence,
                    Tally* predictions);

extern template Explanation Explain<U64>(const Sources<U64>&, std::uint64_t, Sequence, Tally*);
extern template Explanation Explain<Bytes>(const Sources<Bytes>&, std::string_view, Sequence,
                                           Tally*);

}  // namespace kyro::read

#endif  // KYRO_READ_EXPLAIN_H_
