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
        return Block(RootTree((U32(24) + 31) / 32));
      case 4:
        return PackedTree();
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
  std::uint64_t RootTree(std::uint64_t blocks) const {
    const std::uint64_t levels = U32(44);
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
  ReferenceWindow PackedTree() const {
    const std::uint64_t keys = U32(24);
    const std::uint64_t groups = (keys + 263) / 264 / 16 + 1;
    // Behind the ends of all groups come as many nodes of 8 words and one more.
    const std::uint64_t nodes = U32(72) - 8 * (16 * groups + 1);
    const std::uint64_t ends = nodes - 16 * groups;
    const std::uint64_t group = RootTree(groups);
    const std::uint64_t node = 16 * group + Below(ends + 16 * group);
    const std::uint64_t low = U64(words_ + 8 * (ends + node) - 8);
    const std::uint64_t high = U64(words_ + 8 * (ends + node));
    std::uint64_t unit = 1;
    while ((high - low) / unit > 0xffff) unit *= 2;
    const std::uint64_t distance = key_ < low ? 0 : (key_ - low) / unit;
    std::uint64_t block = 33 * node;
    for (std::uint64_t i = 0; i < 32; ++i) {
      std::uint16_t lane;
      std::memcpy(&lane, model_.data() + words_ + 8 * nodes + 64 * node + 2 * i, 2);
      block += lane < distance ? 1 : 0;
    }
    return {std::min(block * 8, keys - 8), 8};
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
