// SPDX-License-Identifier: Apache-2.0
//
// Values that follow from their keys, and the one check that every engine pays in every timed
// loop: the first and the last eight bytes and the length. Scans check rows many at a time
// (check_rows.h). Pure functions; any thread.
#ifndef KYRO_BENCH_PEERS_CHECK_H_
#define KYRO_BENCH_PEERS_CHECK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "bench/bench.h"

namespace kyro::bench {

// Lengths of values, in bytes: 8, or 16 and more. They vary with the key if min and max differ.
struct ValueShape {
  std::uint32_t min = 8;
  std::uint32_t max = 8;
  friend bool operator==(const ValueShape&, const ValueShape&) = default;
};

inline constexpr std::uint64_t kWordSalt = 0x6b79726f6b79726fu;
inline std::uint64_t WordOf(std::uint64_t key) noexcept {
  return Mix(key ^ kWordSalt);
}

class Values {
 public:
  explicit Values(ValueShape shape) noexcept : shape_(shape) {}

  ValueShape shape() const noexcept { return shape_; }

  std::uint32_t BytesOf(std::uint64_t key) const noexcept {
    if (shape_.min == shape_.max) return shape_.min;
    return shape_.min + static_cast<std::uint32_t>(WordOf(~key) % (shape_.max - shape_.min + 1));
  }

  // The value of `key`, in `*buffer`, until the next call. The middle looks random, so that no
  // engine gains by compressing it.
  std::string_view Make(std::uint64_t key, std::string* buffer) const {
    const std::uint32_t bytes = BytesOf(key);
    const std::uint64_t word = WordOf(key);
    buffer->resize(shape_.max);
    char* const data = buffer->data();
    for (std::uint32_t at = 8; at + 8 < bytes; at += 8) StoreLE(data + at, Mix(word + at));
    StoreLE(data, word);
    StoreLE(data + bytes - 8, word);
    return {data, bytes};
  }

  // 0 if `value` is the value of `key`. No branch depends on what was read, so that a caller can
  // make its next key depend on the result.
  std::uint64_t Difference(std::uint64_t key, std::string_view value) const noexcept {
    if (value.size() < 8) return ~std::uint64_t{0};
    const std::uint64_t word = WordOf(key);
    const auto* const data = value.data();
    return (LoadLE<std::uint64_t>(data) ^ word) |
           (LoadLE<std::uint64_t>(data + value.size() - 8) ^ word) | (value.size() ^ BytesOf(key));
  }

 private:
  ValueShape shape_;
};

// What is loaded: ascending keys, each once, with their values. One of them may be planted wrong.
class Rows {
 public:
  Rows(std::span<const std::uint64_t> keys, ValueShape shape, bool plant)
      : keys_(keys), values_(shape), planted_(plant ? keys.size() / 2 : keys.size()) {}

  std::span<const std::uint64_t> keys() const noexcept { return keys_; }
  std::size_t size() const noexcept { return keys_.size(); }
  const Values& values() const noexcept { return values_; }

  // The value of the i-th key, in `*buffer`, until the next call.
  std::string_view Value(std::size_t i, std::string* buffer) const {
    const std::string_view value = values_.Make(keys_[i], buffer);
    if (i == planted_) (*buffer)[0] = static_cast<char>((*buffer)[0] ^ 1);
    return value;
  }
  // Calls row(key, value) for each, ascending.
  template <class F>
  void ForEach(F&& row) const {
    std::string buffer;
    for (std::size_t i = 0; i < keys_.size(); ++i) row(keys_[i], Value(i, &buffer));
  }

 private:
  std::span<const std::uint64_t> keys_;
  Values values_;
  std::size_t planted_;
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_CHECK_H_
