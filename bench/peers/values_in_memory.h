// SPDX-License-Identifier: Apache-2.0
//
// Values of the engines in memory: a word each, which is the value if it has 8 bytes, or else says
// where it stands.
#ifndef KYRO_BENCH_PEERS_VALUES_IN_MEMORY_H_
#define KYRO_BENCH_PEERS_VALUES_IN_MEMORY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "bench/peers/engine.h"

namespace kyro::bench {

class ValuesInMemory {
 public:
  explicit ValuesInMemory(const StoreOptions& options)
      : inline_(options.shape == ValueShape{8, 8}) {
    if (!inline_) bytes_.reserve(options.key_count * (options.shape.max + 4));
  }

  // The words kept are the values.
  bool side_by_side() const noexcept { return inline_; }

  std::uint64_t Keep(std::string_view value) {
    if (inline_) return LoadLE<std::uint64_t>(value.data());
    const std::uint64_t at = bytes_.size();
    bytes_.resize(at + 4);
    StoreLE(bytes_.data() + at, static_cast<std::uint32_t>(value.size()));
    bytes_.append(value);
    return at;
  }
  // Of a word that lies where it is kept. Valid until the next Keep.
  std::string_view Of(const std::uint64_t& word) const {
    if (inline_) return {reinterpret_cast<const char*>(&word), 8};
    const char* const at = bytes_.data() + word;
    return {at + 4, LoadLE<std::uint32_t>(at)};
  }

 private:
  bool inline_;
  std::string bytes_;
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_VALUES_IN_MEMORY_H_
