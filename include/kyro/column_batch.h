// SPDX-License-Identifier: Apache-2.0
//
// ColumnBatch: consecutive rows of a Scan as columns, mostly where they lie in the database's
// files.
#ifndef KYRO_COLUMN_BATCH_H_
#define KYRO_COLUMN_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kyro/types.h"

namespace kyro {

// Byte strings side by side. Owns nothing: it lives as long as the batch that it is part of.
class BytesColumn {
 public:
  BytesColumn() noexcept = default;  // none

  // How many strings it has.
  std::size_t size() const noexcept { return size_; }
  // The string at `i` < size().
  std::string_view operator[](std::size_t i) const noexcept {
    if (offsets_ == nullptr) return std::string_view(data_ + i * width_, width_);
    return std::string_view(data_ + offsets_[i], offsets_[i + 1] - offsets_[i]);
  }

  // Where positions count from: string i begins at data() + offsets()[i], or at data() + i *
  // width() if there are no offsets.
  const char* data() const noexcept { return data_; }
  // size() + 1 ascending positions, of which the first need not be 0; the last is the end of the
  // last string. Null: every string is width() bytes long.
  const std::uint32_t* offsets() const noexcept { return offsets_; }
  // Bytes of each string, if there are no offsets.
  std::size_t width() const noexcept { return width_; }

  // --- For kyro's own rooms. What is pointed to outlives it.
  // Strings of one width.
  static BytesColumn OfWidth(const char* data, std::size_t width, std::size_t size) noexcept {
    return BytesColumn(data, nullptr, width, size);
  }
  // Strings between `size` + 1 offsets.
  static BytesColumn Between(const char* data, const std::uint32_t* offsets,
                             std::size_t size) noexcept {
    return BytesColumn(data, offsets, 0, size);
  }

 private:
  BytesColumn(const char* data, const std::uint32_t* offsets, std::size_t width,
              std::size_t size) noexcept
      : data_(data), offsets_(offsets), width_(width), size_(size) {}

  const char* data_ = nullptr;
  const std::uint32_t* offsets_ = nullptr;
  std::size_t width_ = 0;
  std::size_t size_ = 0;
};

// Rows with ascending keys: row i is keys[i] and values[i]. Owns nothing; see Scan::NextBatch for
// how long it lives. Copyable; any thread, while it lives.
template <class K>
struct ColumnBatch {
  std::span<const std::uint64_t> keys{};  // of each row
  BytesColumn values{};                   // of each row

  // How many rows it has.
  std::size_t size() const noexcept { return keys.size(); }
  // It has none.
  bool empty() const noexcept { return keys.empty(); }
};
// The same with byte-string keys.
template <>
struct ColumnBatch<Bytes> {
  BytesColumn keys{};    // of each row
  BytesColumn values{};  // of each row

  // How many rows it has.
  std::size_t size() const noexcept { return keys.size(); }
  // It has none.
  bool empty() const noexcept { return keys.size() == 0; }
};

}  // namespace kyro

#endif  // KYRO_COLUMN_BATCH_H_
