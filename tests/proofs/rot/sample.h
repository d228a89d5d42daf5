// SPDX-License-Identifier: Apache-2.0
//
// The database that is damaged: small, and with everything in it that a kyro file can hold. Both
// key kinds, values of one width and of many, smooth and clumped keys (so models of both shapes),
// three runs over each other with tombstones and filters, a run of several segments, an empty
// keyspace, and a log of two files whose records are not in segments yet.
#ifndef KYRO_TESTS_PROOFS_ROT_SAMPLE_H_
#define KYRO_TESTS_PROOFS_ROT_SAMPLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kyro/db.h"
#include "support/image_fs.h"

namespace kyro::proofs {

using support::ImageFs;

// What a commit made of a key; no value: deleted.
struct Version {
  Sequence sequence = 0;
  std::optional<std::string> value;
};

// A keyspace as it must be read. U64 keys as their eight bytes, highest first (db/any_space.h).
struct SampleSpace {
  std::string name;
  KeyKind kind = KeyKind::kU64;
  std::map<std::string, std::string> rows;
  std::map<std::string, std::vector<Version>> versions;  // of every key, oldest first
  // Every key that was ever written, its neighbours and the ends of the key range, ascending, each
  // with its value or null. The keys once more as the API takes them.
  std::vector<std::pair<std::string, const std::string*>> probes;
  std::vector<std::uint64_t> u64_keys;
  std::vector<std::string_view> bytes_keys;
  std::vector<std::pair<std::uint64_t, std::string_view>> u64_rows;
  std::vector<std::pair<std::string_view, std::string_view>> bytes_rows;
};

struct Sample {
  std::vector<SampleSpace> spaces;  // ascending id
  ImageFs::Files files;             // of the closed database, without LOCK
  // The directory as it was at moments before: after each flush, fold, rotation and reopening.
  std::vector<ImageFs::Files> history;
  // A checkpoint that was taken on the way; a database of its own.
  ImageFs::Files checkpoint;
  std::uint64_t bytes = 0;  // of `files`
  Sequence last_sequence = 0;
};

// Moving a Sample keeps what its probes point to. Aborts the program with a message if the
// database cannot be made.
Sample MakeSample(std::uint64_t seed);

}  // namespace kyro::proofs

#endif  // KYRO_TESTS_PROOFS_ROT_SAMPLE_H_
