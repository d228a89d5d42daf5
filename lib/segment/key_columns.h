// SPDX-License-Identifier: Apache-2.0
//
// The columns of the .keys file that a builder makes while rows stream: keys, with offsets and
// fingerprints where they are byte strings, and tombstone bits. One thread.
#ifndef KYRO_SEGMENT_KEY_COLUMNS_H_
#define KYRO_SEGMENT_KEY_COLUMNS_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/coding.h"
#include "base/status_util.h"
#include "filter/split_block.h"
#include "kyro/types.h"
#include "segment/block_writer.h"
#include "segment/fingerprint.h"
#include "segment/spill.h"

namespace kyro::segment {

// One bit per entry, made from the first tombstone on.
class TombstoneBits {
 public:
  explicit TombstoneBits(SpillFile* spill) : bits_(spill) {}

  Status Add(std::uint64_t entry, bool tombstone) {
    if (tombstone && count_++ == 0) KYRO_RETURN_IF_ERROR(Start(entry));
    if (count_ == 0) return Status::Ok();
    byte_ = static_cast<std::uint8_t>(byte_ | (tombstone ? 1u << (entry % 8) : 0u));
    return entry % 8 == 7 ? Flush() : Status::Ok();
  }
  std::uint64_t count() const noexcept { return count_; }
  // Completes the last byte of `entries`.
  Result<SpillColumn*> Finish(std::uint64_t entries) {
    if (entries % 8 != 0) KYRO_RETURN_IF_ERROR(Flush());
    return &bits_;
  }

 private:
  Status Start(std::uint64_t entry) {
    for (std::uint64_t i = 0; i < entry / 8; ++i) KYRO_RETURN_IF_ERROR(Flush());
    return Status::Ok();
  }
  Status Flush() {
    KYRO_RETURN_IF_ERROR(bits_.Append(&byte_, 1));
    byte_ = 0;
    return Status::Ok();
  }

  SpillColumn bits_;
  std::uint64_t count_ = 0;
  std::uint8_t byte_ = 0;
};

// The keys of a segment as they stream into its .keys file, by kind.
template <class K>
class KeyColumns;

template <>
class KeyColumns<U64> {
 public:
  KeyColumns(BlockWriter* keys, SpillFile*) : keys_(keys) {}

  Status Begin() {
    return keys_->BeginColumn(ColumnId::kKeys, ColumnType::kU64, ColumnEncoding::kPlain, true);
  }
  Status Add(std::uint64_t key) {
    return keys_->Append({reinterpret_cast<const char*>(&key), sizeof(key)});
  }
  Status AddAll(std::span<const std::uint64_t> keys) {
    return keys_->Append({reinterpret_cast<const char*>(keys.data()), keys.size_bytes()});
  }
  static bool HeapFull(std::uint64_t, std::uint64_t) noexcept { return false; }
  static bool Valid(std::uint64_t) noexcept { return true; }
  Status Finish(std::uint64_t entries, const std::function<Status()>&) {
    at_ = keys_->column_offset();
    keys_->EndColumn(ColumnEncoding::kPlain, entries, sizeof(std::uint64_t));
    return Status::Ok();
  }
  // Calls `hash` with the hash of every key in the file's mapped bytes.
  template <class Hash>
  Status ForEachHash(std::string_view bytes, std::uint64_t entries, Hash hash) const {
    for (std::uint64_t i = 0; i < entries; ++i) {
      KYRO_RETURN_IF_ERROR(
          hash(i, filter::HashKey(LoadLE<std::uint64_t>(bytes.data() + at_ + i * 8))));
    }
    return Status::Ok();
  }
  std::uint64_t end(std::uint64_t entries) const noexcept { return at_ + entries * 8; }

 private:
  BlockWriter* const keys_;
  std::uint64_t at_ = 0;
};

template <>
class KeyColumns<Bytes> {
 public:
  KeyColumns(BlockWriter* keys, SpillFile* spill)
      : keys_(keys), offsets_(spill), fingerprints_(spill) {}

  Status Begin() {
    KYRO_RETURN_IF_ERROR(
        keys_->BeginColumn(ColumnId::kKeyHeap, ColumnType::kBytes, ColumnEncoding::kOffsets, true));
    return AppendOffset();
  }
  Status Add(std::string_view key) {
    KYRO_RETURN_IF_ERROR(keys_->Append(key));
    const std::uint8_t fingerprint = Fingerprint(filter::HashKey(key));
    KYRO_RETURN_IF_ERROR(fingerprints_.Append(&fingerprint, 1));
    return AppendOffset();
  }
  Status AddAll(std::span<const std::string_view> keys) {
    for (const std::string_view key : keys) KYRO_RETURN_IF_ERROR(Add(key));
    return Status::Ok();
  }
  bool HeapFull(std::uint64_t key_bytes, std::uint64_t heap_bytes_max) const noexcept {
    return keys_->column_bytes() + key_bytes > heap_bytes_max;
  }
  static bool Valid(std::string_view key) noexcept { return key.size() <= kKeyBytesMax; }
  Status Finish(std::uint64_t entries, const std::function<Status()>& tick) {
    heap_at_ = keys_->column_offset();
    keys_->EndColumn(ColumnEncoding::kOffsets, entries, 0);
    KYRO_RETURN_IF_ERROR(
        keys_->BeginColumn(ColumnId::kKeyOffsets, ColumnType::kU32, ColumnEncoding::kPlain, true));
    offsets_at_ = keys_->column_offset();
    KYRO_RETURN_IF_ERROR(offsets_.MoveTo(keys_, tick));
    keys_->EndColumn(ColumnEncoding::kPlain, entries + 1, sizeof(std::uint32_t));
    KYRO_RETURN_IF_ERROR(
        keys_->BeginColumn(ColumnId::kFingerprints, ColumnType::kU8, ColumnEncoding::kPlain, true));
    KYRO_RETURN_IF_ERROR(fingerprints_.MoveTo(keys_, tick));
    keys_->EndColumn(ColumnEncoding::kPlain, entries, 1);
    return Status::Ok();
  }
  template <class Hash>
  Status ForEachHash(std::string_view bytes, std::uint64_t entries, Hash hash) const {
    const char* const offsets = bytes.data() + offsets_at_;
    auto from = LoadLE<std::uint32_t>(offsets);
    for (std::uint64_t i = 0; i < entries; ++i) {
      const auto to = LoadLE<std::uint32_t>(offsets + (i + 1) * 4);
      // Our own bytes, but they come back from a file.
      if (to < from || heap_at_ + to > offsets_at_) {
        return FileError(StatusCode::kDataLoss, keys_->temporary_name(), offsets_at_ + i * 4,
                         "a key offset read back is not what was written");
      }
      KYRO_RETURN_IF_ERROR(hash(i, filter::HashKey(bytes.substr(heap_at_ + from, to - from))));
      from = to;
    }
    return Status::Ok();
  }
  std::uint64_t end(std::uint64_t entries) const noexcept { return offsets_at_ + entries * 4 + 4; }

 private:
  Status AppendOffset() {
    const auto end = static_cast<std::uint32_t>(keys_->column_bytes());
    return offsets_.Append(&end, sizeof(end));
  }

  BlockWriter* const keys_;
  SpillColumn offsets_;
  SpillColumn fingerprints_;
  std::uint64_t heap_at_ = 0;
  std::uint64_t offsets_at_ = 0;
};

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_KEY_COLUMNS_H_
