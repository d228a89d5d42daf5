// SPDX-License-Identifier: Apache-2.0
//
// Builds one segment from entries in key order, with bounded memory: the .keys and .data files,
// and for u64 keys the .rmi model over them. Nothing has its final name before it is complete,
// synced and read back; an abandoned build leaves at most *.tmp files, which the destructor
// removes.
#ifndef KYRO_SEGMENT_BUILDER_H_
#define KYRO_SEGMENT_BUILDER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "base/file_ref.h"
#include "base/key_traits.h"
#include "io/env.h"
#include "kyro/status.h"
#include "segment/row_block.h"

namespace kyro::segment {

// Where segments are built. Everything outlives the builder.
struct BuildContext {
  io::Directory* directory = nullptr;
  io::Random* random = nullptr;
  Uuid database;
  std::function<std::uint64_t()> next_number;  // a fresh file number; any thread
  // Polled at least every 10 ms of work; true: the build ends with kCancelled.
  std::function<bool()> stop;
};

struct BuildOptions {
  bool with_filter = true;  // runs that have an older run beneath them
  Sequence min_sequence = 0;
  Sequence max_sequence = 0;
  // Split thresholds; tests set them low.
  std::uint64_t entries_max = 0x7fffffff;
  std::uint64_t heap_bytes_max = std::uint64_t{1} << 31;  // at most that
  std::uint32_t block_bits = 14;                          // checksum blocks of 2^12 to 2^16 bytes
};

// One thread at a time.
template <class K>
class Builder {
 public:
  using Key = typename K::Key;

  static Result<std::unique_ptr<Builder>> Create(const BuildContext& context,
                                                 const BuildOptions& options);
  virtual ~Builder() = default;

  // True if this entry would take the segment over a split threshold: Finish, and begin another.
  // Never true for an empty builder.
  virtual bool Full(Key key, std::uint64_t value_bytes) const = 0;
  // Strictly ascending keys; kInvalidArgument otherwise, and nothing is added. After any other
  // error the build is lost.
  virtual Status Add(Key key, std::string_view value) = 0;
  virtual Status AddTombstone(Key key) = 0;
  // The same for a block of rows, none of which takes the segment over a threshold (Holds).
  // kInvalidArgument otherwise, or if keys do not ascend, and nothing is added.
  virtual Status AddBlock(const RowBlock<K>& rows) = 0;
  virtual bool Holds(const RowBlock<K>& rows) const = 0;
  virtual std::uint64_t entries() const = 0;
  // Requires entries() > 0. Writes what is left, trains the model, syncs, re-reads every byte
  // (order, count, checksums, the trained model's bytes) and gives the files their names. The
  // caller syncs the directory before a manifest may name them.
  virtual Result<SegmentRef> Finish() = 0;
};

extern template class Builder<U64>;
extern template class Builder<Bytes>;

// Trains a new model over an existing segment and writes it under a new number; data untouched.
// The returned ref is `segment` with another model.
Result<SegmentRef> Retrain(const BuildContext& context, const SegmentRef& segment);

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_BUILDER_H_
