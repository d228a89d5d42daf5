// SPDX-License-Identifier: Apache-2.0
//
// An open segment: an immutable, sorted, mapped piece of a keyspace.
//
//   S1  No byte decides an answer, absence included, before the checksum of its block was verified
//       since the file was mapped (G12).
//   S2  Every offset read from the file is checked against its column where it is used.
//   S3  The model is a hint: equality proves a hit, the bracket proves absence; a failed bracket
//       falls back to binary search and is counted (G8).
#ifndef KYRO_SEGMENT_SEGMENT_H_
#define KYRO_SEGMENT_SEGMENT_H_

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/file_ref.h"
#include "base/key_traits.h"
#include "index/core.h"
#include "index/model.h"
#include "index/route.h"
#include "io/file_system.h"
#include "kyro/lookup.h"
#include "kyro/status.h"
#include "segment/direct.h"
#include "segment/explanation.h"

namespace kyro::segment {

// Shared by all segments of a Db; any thread.
struct Counters {
  Counters() = default;
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  std::atomic<std::uint64_t> blocks_verified{0};  // first touches
  std::atomic<std::uint64_t> blocks_bad{0};
  index::Counters model;                                          // what the index counts itself
  std::atomic<std::uint64_t>& model_fallbacks = model.fallbacks;  // lookups whose bracket failed
  std::atomic<std::uint64_t> models_damaged{0};                   // models ignored at open
  std::atomic<std::uint64_t> filter_skips{0};  // lookups a filter ended (approximate)
};

// What is known of a segment and its model, for stats and inspect.
struct Facts {
  std::uint64_t entries = 0;
  std::uint64_t tombstones = 0;
  std::uint64_t keys_bytes = 0, data_bytes = 0, model_bytes = 0;  // files
  std::uint64_t filter_bytes = 0;
  // What else the files' columns take; the rest of a file is header, checksums and padding.
  std::uint64_t key_column_bytes = 0;    // u64 keys, or the heap of byte-string keys
  std::uint64_t key_offset_bytes = 0;    // where each byte-string key begins
  std::uint64_t fingerprint_bytes = 0;   // of byte-string keys
  std::uint64_t value_offset_bytes = 0;  // where each value begins
  std::uint64_t tombstone_bytes = 0;
  std::uint64_t value_column_bytes = 0;
  std::uint64_t model_column_bytes = 0;
  std::uint32_t value_bytes_fixed = 0;  // width of all values if it is one, else 0
  bool fixed_width = false;
  bool has_model = false;
  bool model_damaged = false;
  bool all_verified = false;
  // The model, as trained (zeros without one).
  std::string structure;  // "slots", "tree", ...
  std::string why;        // why the builder chose it
  std::uint64_t leaves = 0;
  std::uint32_t depth = 0;
  std::uint32_t max_error = 0;
  std::uint32_t window_p50 = 0, window_p99 = 0, window_p999 = 0, window_max = 0;  // keys
  index::ModelFacts model;  // all that training recorded
};

// Progress of a long check: called at least every 10 ms of work with the bytes done since the last
// call; returning false ends it with kCancelled.
using Tick = std::function<bool(std::uint64_t bytes)>;

// Consecutive rows [begin, end) of which every byte was verified and every offset checked. The
// pointers are to whole columns: index them by position. Lives as long as the segment.
struct Chunk {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  const std::uint64_t* keys = nullptr;         // U64
  const std::uint32_t* key_offsets = nullptr;  // Bytes
  const char* key_heap = nullptr;              // Bytes
  const char* values = nullptr;
  const std::uint32_t* value_offsets = nullptr;  // null: every value is value_stride wide
  std::uint64_t value_stride = 0;
  const unsigned char* tombstones = nullptr;  // null: none

  template <class K>
  typename K::Key key(std::uint64_t position) const noexcept {
    if constexpr (kKindOf<K> == KeyKind::kU64) {
      return keys[position];
    } else {
      const std::uint32_t from = key_offsets[position];
      return std::string_view(key_heap + from, key_offsets[position + 1] - from);
    }
  }
  bool tombstone(std::uint64_t position) const noexcept {
    return tombstones != nullptr && (tombstones[position / 8] >> (position % 8) & 1) != 0;
  }
  // The first tombstone in [from, to), which lies in the chunk; `to` if there is none.
  std::uint64_t NextTombstone(std::uint64_t from, std::uint64_t to) const noexcept {
    if (tombstones == nullptr) return to;
    while (from < to) {
      const unsigned rest = tombstones[from / 8] >> (from % 8);
      if (rest != 0) return std::min(from + std::countr_zero(rest), to);
      from = (from / 8 + 1) * 8;
    }
    return to;
  }
  // Of an entry that is no tombstone.
  std::string_view value(std::uint64_t position) const noexcept {
    if (value_offsets == nullptr) {
      return std::string_view(values + position * value_stride, value_stride);
    }
    const std::uint32_t from = value_offsets[position];
    return std::string_view(values + from, value_offsets[position + 1] - from);
  }
};

// What there is to a segment whatever its keys are. Any thread. The directory outlives it.
class AnySegment {
 public:
  virtual ~AnySegment() = default;

  // True if Get goes through a model, not a plain binary search.
  bool has_model() const noexcept { return has_model_; }
  // True if its model was damaged or missing at Open: to be retrained.
  bool model_damaged() const noexcept { return model_damaged_; }

  virtual const SegmentRef& ref() const noexcept = 0;
  virtual Facts facts() const = 0;
  virtual std::uint64_t mapped_bytes() const noexcept = 0;
  // Its filter, of at least one block; empty if it has none. Lives as long as the segment.
  virtual std::string_view filter() const noexcept = 0;

  // True once every block is verified: lookups no longer test.
  virtual bool all_verified() const noexcept = 0;
  // Faults in and verifies every block of the keys and, if asked, the values, going on behind bad
  // ones; returns the first error. Ticks count bytes.
  virtual Status VerifyMapped(const Tick& tick, bool values = true) const = 0;
  // Re-reads every byte of every file from the file system, not from the mapping: checksums,
  // padding, order, counts, offsets, filter membership, model bound over every key. Here a damaged
  // model is an error too. Adds the bytes of the files to `*bytes`.
  virtual Status VerifyFiles(const Tick& tick, std::uint64_t* bytes) const = 0;

  // The same entries, of the same kind of keys, over new copies of the files in memory of their own
  // (Access::kCopy), verified: of keys and model, and of the values if asked. Errors are those of
  // Open; kDataLoss also for the first block of a copy that is damaged.
  virtual Result<std::shared_ptr<const AnySegment>> Copy(bool values) const = 0;
  // Of keys, or of keys and values: true if they are such copies.
  virtual bool copied(bool values) const noexcept = 0;
  // Alive as long as this segment or a Copy of it, in either direction: as long as its files may be
  // needed.
  virtual std::weak_ptr<const void> lease() const noexcept = 0;

 protected:
  bool has_model_ = false;  // both constant after Open
  bool model_damaged_ = false;
};

template <class K>
class Segment : public AnySegment {
 public:
  using Key = typename K::Key;
  class Cursor;

  // Maps the files and checks headers, footers, checksum tables and digests against `ref`, the
  // filter and the model whole. A damaged or missing model is no error (model_damaged). kDataLoss
  // with file and offset for all else that is wrong.
  static Result<std::shared_ptr<const Segment>> Open(const io::Directory& directory,
                                                     const Uuid& database, const SegmentRef& ref,
                                                     Access access, Counters* counters);

  // O(log n) worst case. Values point into the mapping; errors live as long as the segment.
  virtual Lookup Get(Key key) const noexcept = 0;
  // The same where the key's hash is known (filter::HashKey).
  virtual Lookup Get(Key key, std::uint64_t hash) const noexcept = 0;
  // Asks for the memory that a Get of `key` will need, without waiting for it.
  virtual void Prefetch(Key key) const noexcept = 0;
  // The same for many keys at once, in lockstep. Only entries of `out` that are undecided() are
  // looked up. Sizes are equal.
  virtual void MultiGet(std::span<const Key> keys, std::span<Lookup> out) const noexcept = 0;

  // Fills what lookups in one call read (segment/direct.h) and returns these calls, for when the
  // segment is all_verified().
  virtual DirectWay<K> MakeDirect(Direct<K>* direct) const noexcept = 0;

  // The first position whose key is >= `key` (entries() if none), or the error that hides it.
  virtual Result<std::uint64_t> LowerBound(Key key) const noexcept = 0;

  // Verifies up to `rows` rows from `position` < entries on, fewer where they are large or where
  // damage follows; at least one, or the error that hides it (null: none).
  virtual const Status* ChunkAt(std::uint64_t position, std::uint64_t rows,
                                Chunk* chunk) const noexcept = 0;

  // What a Get of `key` does here: it does one, and says how it went. May throw bad_alloc.
  virtual Explanation Explain(Key key) const = 0;
  // The way of a lookup of `key` that is in range and passed the filter. Reads the model alone.
  virtual index::Route RouteOf(Key key) const noexcept = 0;
};

// One thread at a time; the segment outlives it. After an error Valid() is false and status() says
// why; an end of range leaves status() OK.
template <class K>
class Segment<K>::Cursor {
 public:
  explicit Cursor(const Segment* segment) noexcept : segment_(segment) {}
  bool Valid() const noexcept { return valid_; }
  const Status& status() const noexcept { return status_; }
  void SeekToFirst() noexcept;
  void SeekToLast() noexcept;
  void Seek(Key key) noexcept;         // first key >= key
  void SeekForPrev(Key key) noexcept;  // last key <= key
  void Next() noexcept {               // requires Valid()
    if (++position_ < chunk_.end) [[likely]] {
      Show();
    } else {
      LoadForward();
    }
  }
  void Prev() noexcept {  // requires Valid()
    if (position_ > chunk_.begin) [[likely]] {
      --position_;
      Show();
    } else {
      LoadBackward();
    }
  }
  Key key() const noexcept { return key_; }  // lives as long as the segment
  std::string_view value() const noexcept { return value_; }
  bool tombstone() const noexcept { return tombstone_; }

  // The verified rows around the current one, and its position, for readers of whole columns.
  // Requires Valid().
  const Chunk& chunk() const noexcept { return chunk_; }
  std::uint64_t position() const noexcept { return position_; }
  // Goes to a row of chunk(), or to chunk().end, which may be the end of the segment.
  void MoveTo(std::uint64_t position) noexcept {
    position_ = position - 1;
    Next();
  }

 private:
  // Rows of a chunk: few after a seek, then doubling. With at most 512 a scan of 10 million warm
  // rows took 1.05 ns a row and 0.57 as columns; with 2048 0.95 and 0.52; with 8192 the same.
  static constexpr std::uint64_t kRowsFirst = 8;
  static constexpr std::uint64_t kRowsMax = 2048;

  // Always inlined: a call for each row of a walk else.
  [[gnu::always_inline]] void Show() noexcept {
    key_ = chunk_.template key<K>(position_);
    tombstone_ = chunk_.tombstone(position_);
    value_ = tombstone_ ? std::string_view() : chunk_.value(position_);
  }
  void Load(std::uint64_t begin, std::uint64_t rows, std::uint64_t position) noexcept;
  void LoadForward() noexcept;
  void LoadBackward() noexcept;
  void Fail(Status status) noexcept;
  void Restart() noexcept;

  const Segment* segment_;
  std::uint64_t position_ = 0;
  std::uint64_t rows_ = kRowsFirst;
  Chunk chunk_;
  Key key_{};
  std::string_view value_;
  Status status_;
  bool tombstone_ = false;
  bool valid_ = false;
};

extern template class Segment<U64>;
extern template class Segment<Bytes>;

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_SEGMENT_H_
