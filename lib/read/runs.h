// SPDX-License-Identifier: Apache-2.0
//
// Runs: the immutable part of what a reader reads. A run is a list of key-disjoint segments in key
// order; the runs of a keyspace are totally ordered by sequence, newest first.
#ifndef KYRO_READ_RUNS_H_
#define KYRO_READ_RUNS_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/key_traits.h"
#include "read/one_segment.h"
#include "segment/segment.h"

namespace kyro::read {

template <class K>
struct Run {
  using Key = typename K::Key;
  using Segment = segment::Segment<K>;

  std::vector<std::shared_ptr<const Segment>> segments;
  std::vector<typename KeyTraits<K>::Owned> first_keys;  // of each segment
  std::vector<typename KeyTraits<K>::Owned> last_keys;   // inclusive

  // The position of the first segment whose last key is >= `key`; segments.size() if none.
  std::size_t Seek(Key key) const noexcept {
    const auto it = std::partition_point(
        last_keys.begin(), last_keys.end(),
        [key](const auto& last) { return KeyTraits<K>::Less(Key(last), key); });
    return static_cast<std::size_t>(it - last_keys.begin());
  }
  // The one segment that may hold `key`, or null.
  const Segment* Find(Key key) const noexcept {
    const std::size_t i = segments.size() == 1 ? 0 : Seek(key);
    return i < segments.size() ? segments[i].get() : nullptr;
  }
};

template <class K>
struct Runs {
  std::vector<Run<K>> runs;  // newest first
  // Ready for lookups, if one segment is all there is; else null.
  std::unique_ptr<const OneSegment<K>> one;

  // To be called once, after `runs` was filled. May throw bad_alloc.
  void FindOne(LookupMeter* lookups) {
    if (runs.size() != 1 || runs[0].segments.size() != 1) return;
    one = std::make_unique<const OneSegment<K>>(runs[0].segments[0].get(), lookups);
  }
};

using AnyRuns = std::variant<std::shared_ptr<const Runs<U64>>, std::shared_ptr<const Runs<Bytes>>>;

struct KeyspaceRuns {
  std::uint32_t id = 0;
  AnyRuns runs;
};

// The runs of all keyspaces as one manifest names them.
struct RunsVersion {
  std::vector<KeyspaceRuns> keyspaces;  // ascending id
  Sequence floor_sequence = 0;          // they hold everything up to here, and nothing above

  // Null if the keyspace has no runs here, or is of the other kind.
  template <class K>
  const Runs<K>* Find(std::uint32_t id) const noexcept {
    const auto it = std::lower_bound(
        keyspaces.begin(), keyspaces.end(), id,
        [](const KeyspaceRuns& keyspace, std::uint32_t wanted) { return keyspace.id < wanted; });
    if (it == keyspaces.end() || it->id != id) return nullptr;
    const auto* runs = std::get_if<std::shared_ptr<const Runs<K>>>(&it->runs);
    return runs == nullptr ? nullptr : runs->get();
  }
};

}  // namespace kyro::read

#endif  // KYRO_READ_RUNS_H_
