// SPDX-License-Identifier: Apache-2.0
//
// What one Get did in one segment, step by step, for `kyroctl explain`. Every number comes from the
// functions that Get itself calls. Plain data; no thread contract.
#ifndef KYRO_SEGMENT_EXPLANATION_H_
#define KYRO_SEGMENT_EXPLANATION_H_

#include <cstdint>
#include <string>

#include "index/route.h"
#include "kyro/status.h"

namespace kyro::segment {

// Positions or blocks [begin, end).
struct Interval {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// How a byte-string key was searched for.
struct ByteSearch {
  std::uint64_t halvings = 0;          // whole keys compared to narrow the candidates
  Interval candidates;                 // whose fingerprints were then scanned
  std::uint64_t fingerprint_hits = 0;  // candidates whose whole key was compared after that
};

struct Explanation {
  enum class Found : std::uint8_t { kAbsent, kValue, kTombstone, kFailed };

  std::string keys_file, data_file, model_file;  // names; no model: empty
  std::uint64_t entries = 0;
  std::string first_key, last_key;  // as manifests hold them

  // The cascade: what ended it is the first that says no.
  bool in_key_range = false;
  bool has_filter = false;
  bool filter_excludes = false;
  bool searched = false;  // neither of them did: the keys were looked at

  // u64 keys, if searched.
  bool has_model = false;
  bool model_damaged = false;
  std::string structure, why;     // as Facts has them
  std::uint32_t max_error = 0;    // of the model's leaves, or what its packed tree misses keys by
  index::Route route;             // without a model: all keys
  std::uint64_t bound_first = 0;  // where the model promises the lower bound: [first, last]
  std::uint64_t bound_last = 0;
  Interval window;                 // the keys that are probed first
  std::uint64_t window_lines = 0;  // 64-byte cache lines that they lie on
  bool probe_proves = false;       // the first probe alone proves the answer
  // Byte-string keys, if searched.
  ByteSearch bytes;

  // Both, if searched. The position of the first key that is not below the one asked for.
  std::uint64_t lower_bound = 0;

  std::uint64_t block_bytes = 0;  // of the .keys file
  // Blocks whose checksum this Get was the first to verify. Others that read at the same time
  // count too.
  std::uint64_t blocks_verified = 0;

  Found found = Found::kAbsent;
  std::uint64_t value_bytes = 0;   // kValue
  std::uint64_t value_offset = 0;  // in data_file
  Status status;                   // kFailed: what is wrong
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_EXPLANATION_H_
