// SPDX-License-Identifier: Apache-2.0
//
// Runs: the immutable part of what a reader reads. A run is a list of key-disjoint segments in key
// order; the runs of a keyspace are totally ordered by sequence, newest first.
#ifndef KYRO_READ_RUNS_H_
#define KYRO_READ_RUNS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include "base/key_traits.h"
#include "read/oldest_segment.h"
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
  // The oldest run's segment, and the filters of all newer runs' segments; null and none unless
  // each run is one segment and each but the oldest has a filter.
  std::unique_ptr<const OldestSegment<K>> oldest;
  std::vector<std::string_view> newer_filters;

  // To be called once, after `runs` was filled. May throw bad_alloc.
  void FindOldest(LookupMeter* lookups) {
    if (runs.empty() || runs.back().segments.size() != 1) return;
    for (std::size_t i = 0; i + 1 < runs.size(); ++i) {
      const auto& segments = runs[i].segments;
      if (segments.size() != 1 || segments[0]->filter().empty()) return newer_filters.clear();
      newer_filters.push_back(segments[0]->filter());
    }
    oldest = std::make_unique<const OldestSegment<K>>(runs.back().segments[0].get(), lookups);
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

  // Every segment, keyspace by keyspace, newer runs first.
  using Visitor = std::function<void(std::uint32_t keyspace, const segment::AnySegment& segment)>;
  void ForEachSegment(const Visitor& visit) const;
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
