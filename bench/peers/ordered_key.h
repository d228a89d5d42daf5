// SPDX-License-Identifier: Apache-2.0
//
// A number as eight bytes whose memcmp order is the numbers' order, for engines that know only
// bytes.
#ifndef KYRO_BENCH_PEERS_ORDERED_KEY_H_
#define KYRO_BENCH_PEERS_ORDERED_KEY_H_

#include <cstdint>
#include <cstring>
#include <string_view>

namespace kyro::bench {

class OrderedKey {
 public:
  OrderedKey() = default;
  explicit OrderedKey(std::uint64_t number) noexcept : big_endian_(__builtin_bswap64(number)) {}
  std::string_view bytes() const noexcept {
    return {reinterpret_cast<const char*>(&big_endian_), sizeof(big_endian_)};
  }
  static std::uint64_t Number(const char* bytes) noexcept {
    std::uint64_t big_endian = 0;
    std::memcpy(&big_endian, bytes, sizeof(big_endian));
    return __builtin_bswap64(big_endian);
  }

 private:
  std::uint64_t big_endian_ = 0;
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_ORDERED_KEY_H_
