// SPDX-License-Identifier: Apache-2.0
#include "index/reference.h"

#include <algorithm>
#include <cstring>

namespace kyro::index {
namespace {

__extension__ typedef unsigned __int128 Wide;

class Reader {
 public:
  Reader(std::span<const std::byte> model, std::uint64_t key) : model_(model), key_(key) {
    const auto up = [](std::uint64_t value) { return (value + 63) / 64 * 64; };
    slots_ = up(256 + 32 * U32(64));
    words_ = up(slots_ + 8 * U32(68));
  }

  ReferenceWindow Predict() const {
    switch (U32(28)) {
      case 0:
        return {0, U32(24)};
      case 3:
        return Block(RootTree());
      default:
        return Slots();
    }
  }

 private:
  std::uint64_t U64(std::uint64_t offset) const {
    std::uint64_t value;
    std::memcpy(&value, model_.data() + offset, 8);
    return value;
  }
  std::uint64_t U32(std::uint64_t offset) const {
    std::uint32_t value;
    std::memcpy(&value, model_.data() + offset, 4);
    return value;
  }
  std::uint64_t Below(std::uint64_t word) const {  // of the 16 separators from `word` on
    std::uint64_t count = 0;
    for (int i = 0; i < 16; ++i) count += U64(words_ + 8 * (word + i)) < key_ ? 1 : 0;
    return count;
  }
  ReferenceWindow Block(std::uint64_t block) const {
    return {std::min(block * 32, U32(24) - 32), 32};
  }
  std::uint64_t RootTree() const {
    const std::uint64_t levels = U32(44);
    const std::uint64_t blocks = (U32(24) + 31) / 32;
    std::uint64_t reach = 1;
    for (std::uint64_t level = 0; level < levels; ++level) reach *= 17;
    std::uint64_t node = 0, first_word = 0, nodes = 1;
    for (std::uint64_t level = 0; level < levels; ++level) {
      node = node * 17 + Below(first_word + node * 16);
      first_word += nodes * 16;
      reach /= 17;
      nodes = level < 2 ? (blocks + reach - 1) / reach : nodes * 17;
    }
    return node;
  }
  ReferenceWindow Slots() const {
    std::uint64_t node = 0;
    while (true) {
      const std::uint64_t at = 256 + 32 * node;
      const std::uint64_t distance = std::min(key_ < U64(at) ? 0 : key_ - U64(at), U64(at + 8));
      const Wide product = static_cast<Wide>(distance) * U64(at + 16);
      const std::uint64_t index = U32(at + 24) + static_cast<std::uint64_t>(product >> 64);
      const std::uint64_t slot = U64(slots_ + 8 * index);
      const std::uint64_t high = slot >> 32 & 0x3fffffff, low = slot & 0xffffffff;
      switch (slot >> 62) {
        case 0:
          return Leaf(low +
                      static_cast<std::uint64_t>(
                          static_cast<Wide>(static_cast<std::uint64_t>(product)) * high >> 64));
        case 1:
          node = low;
          break;
        case 2:
          return Block(high + Below(low));
        default: {
          const std::uint64_t child = Below(low);
          return Block(high + child * 17 + Below(low + 16 * (child + 1)));
        }
      }
    }
  }
  ReferenceWindow Leaf(std::uint64_t position) const {
    const std::uint64_t lines = U32(36);
    const std::uint64_t before = 4 * lines - 4;
    const std::uint64_t start = position < before ? 0 : (position - before) / 8 * 8;
    return {std::min(start, U32(24) - 8 * lines), 8 * lines};
  }

  std::span<const std::byte> model_;
  std::uint64_t key_;
  std::uint64_t slots_ = 0, words_ = 0;
};

}  // namespace

ReferenceWindow ReferencePredict(std::span<const std::byte> model, std::uint64_t key) {
  return Reader(model, key).Predict();
}

}  // namespace kyro::index
