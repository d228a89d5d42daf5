// SPDX-License-Identifier: Apache-2.0
//
// Sorted key columns from a few bytes: runs of keys with one distance each. A short input makes a
// long column, and a changed byte moves every key behind it.
#ifndef KYRO_FUZZ_KEY_PROGRAM_H_
#define KYRO_FUZZ_KEY_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fuzz/fuzz.h"

namespace kyro::fuzz {

// At most `runs_max` runs and `keys_max` keys, ascending; equal ones only if `duplicates`. Stops
// where the next key would not fit into 64 bits, unless that very run says to go to the end.
inline std::vector<std::uint64_t> KeysFrom(Input* input, std::size_t runs_max, std::size_t keys_max,
                                           bool duplicates) {
  std::vector<std::uint64_t> keys;
  std::uint64_t at = input->U8();
  for (std::size_t run = 0; run < runs_max && !input->empty(); ++run) {
    const std::uint8_t shape = input->U8();
    const std::size_t count = std::size_t{1} + input->U8();
    std::uint64_t distance = std::uint64_t{input->U16()} << (shape % 56);
    if (!duplicates && distance == 0) distance = 1;
    for (std::size_t i = 0; i < count && keys.size() < keys_max; ++i) {
      // Every other shape has gaps that differ a little.
      const std::uint64_t jitter = shape >= 128 ? (i * 0x9e3779b9u >> 7) % (distance / 4 + 1) : 0;
      if (distance + jitter > ~std::uint64_t{0} - at) {
        if (at != ~std::uint64_t{0}) keys.push_back(at = ~std::uint64_t{0});
        return keys;
      }
      keys.push_back(at += distance + jitter);
    }
  }
  return keys;
}

// A column in memory of exactly its size, so that AddressSanitizer sees a read past it.
class Column {
 public:
  explicit Column(const std::vector<std::uint64_t>& keys)
      : data_(new std::uint64_t[keys.size()]), count_(keys.size()) {
    for (std::size_t i = 0; i < count_; ++i) data_[i] = keys[i];
  }
  std::span<const std::uint64_t> keys() const noexcept { return {data_.get(), count_}; }

 private:
  std::unique_ptr<std::uint64_t[]> data_;
  std::size_t count_;
};

// Each key (or about `most` of them) with its neighbours, and the ends of the key space.
inline std::vector<std::uint64_t> QueriesFor(std::span<const std::uint64_t> keys,
                                             std::size_t most) {
  std::vector<std::uint64_t> queries = {0, 1, ~std::uint64_t{0}, ~std::uint64_t{0} - 1};
  const std::size_t step = keys.size() / most + 1;
  for (std::size_t i = 0; i < keys.size(); i += step) {
    queries.insert(queries.end(), {keys[i] - 1, keys[i], keys[i] + 1});
  }
  return queries;
}

}  // namespace kyro::fuzz

#endif  // KYRO_FUZZ_KEY_PROGRAM_H_
