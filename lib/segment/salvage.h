// SPDX-License-Identifier: Apache-2.0
//
// The rows of a damaged segment that are provably as they were written, in key order, and where the
// others were. For repair: reads from the file system, not from a mapping, with bounded memory.
//
//   A row's key, deletion and value are given only from blocks whose checksums are right. Layout
//   and identity are trusted only from a header area that the manifest's digest proves; bytes in
//   its padding alone do not spoil it. The checksum table is then right as a whole, or each block
//   that agrees with its entry is proven by that.
#ifndef KYRO_SEGMENT_SALVAGE_H_
#define KYRO_SEGMENT_SALVAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_ref.h"
#include "base/key_traits.h"
#include "io/file_system.h"
#include "kyro/status.h"

namespace kyro::segment {

// Bytes of one file that are not what was written, or cannot be read.
struct DamagedBytes {
  std::string file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string what;
};

class SalvageFile;

// One thread at a time; the directory outlives it.
template <class K>
class Salvager {
 public:
  using Key = typename K::Key;
  enum class Row : std::uint8_t {
    kValue,
    kTombstone,
    kLost,  // the key is known; its value, or whether it was deleted, is not
  };

  // Without a digest in `ref` (a manifest that was lost) the header's own checksum must do.
  // kDataLoss if not even the keys' layout can be proven: then every row is lost.
  static Result<std::unique_ptr<Salvager>> Open(const io::Directory& directory,
                                                const SegmentRef& ref, bool with_digest);
  ~Salvager();

  // Goes to the next row whose key is readable; false behind the last. An error only if a file
  // cannot be read for want of memory or descriptors.
  Result<bool> Next();
  // Since the row before (the segment's beginning) there are rows whose keys are not readable. Also
  // after Next returned false.
  std::uint64_t skipped() const noexcept { return skipped_; }

  Key key() const noexcept;
  Row row() const noexcept { return row_; }
  std::string_view value() const noexcept { return value_; }  // of kValue

  // What is known of the damage behind the last kLost or skipped row: the block to blame.
  const DamagedBytes& last_damage() const noexcept { return last_damage_; }
  std::uint64_t entries() const noexcept { return entries_; }

 private:
  Salvager() = default;
  Result<bool> ReadKey(std::uint64_t position);
  Status ReadRow(std::uint64_t position);
  // [from, to) of entry `position` by an offsets column; false if it is not readable.
  Result<bool> ReadOffsets(const struct Column& column, std::uint64_t position,
                           std::uint64_t heap_bytes, std::uint64_t* from, std::uint64_t* to);
  Result<bool> Read(SalvageFile* file, std::uint64_t offset, std::uint64_t bytes, std::string* to);

  std::unique_ptr<SalvageFile> keys_;
  std::unique_ptr<SalvageFile> data_;  // null: damaged as a whole
  DamagedBytes data_damage_;
  std::uint64_t entries_ = 0;
  std::uint64_t position_ = 0;  // of the next row
  std::uint64_t skipped_ = 0;
  bool any_ = false;  // a key was read: the next must be larger
  typename KeyTraits<K>::Owned key_{};
  Row row_ = Row::kLost;
  std::string key_bytes_, value_, scratch_;
  DamagedBytes last_damage_;
};

// What a .keys file without a manifest says of itself: a SegmentRef without a key range and with
// the identities of the files as they are. Finds the .data file by its uuid among the directory's.
Result<SegmentRef> RefFromFiles(const io::Directory& directory, std::string_view keys_name,
                                KeyKind* kind, Uuid* database);

extern template class Salvager<U64>;
extern template class Salvager<Bytes>;

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_SALVAGE_H_
