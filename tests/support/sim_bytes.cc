// SPDX-License-Identifier: Apache-2.0
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "support/sim_state.h"

namespace kyro::support {

std::size_t SimBytes::Read(std::uint64_t offset, std::size_t bytes, char* to) const {
  if (offset >= size_) return 0;
  bytes = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, size_ - offset));
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t within = (offset + done) % kBlockBytes;
    const std::size_t part = std::min(bytes - done, kBlockBytes - within);
    const auto& block = blocks_[(offset + done) / kBlockBytes];
    if (block == nullptr) {
      std::memset(to + done, 0, part);
    } else {
      std::memcpy(to + done, block->bytes + within, part);
    }
    done += part;
  }
  return bytes;
}

std::string SimBytes::Read(std::uint64_t offset, std::size_t bytes) const {
  std::string text(bytes, '\0');
  text.resize(Read(offset, bytes, text.data()));
  return text;
}

void SimBytes::Write(std::uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return;
  if (offset + bytes.size() > size_) Resize(offset + bytes.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const std::size_t within = (offset + done) % kBlockBytes;
    const std::size_t part = std::min(bytes.size() - done, kBlockBytes - within);
    std::memcpy(MutableBlock((offset + done) / kBlockBytes) + within, bytes.data() + done, part);
    done += part;
  }
}

void SimBytes::Resize(std::uint64_t bytes) {
  const std::size_t within = bytes % kBlockBytes;
  if (bytes < size_ && within != 0 && blocks_[bytes / kBlockBytes] != nullptr) {
    std::memset(MutableBlock(bytes / kBlockBytes) + within, 0, kBlockBytes - within);
  }
  blocks_.resize((bytes + kBlockBytes - 1) / kBlockBytes);
  size_ = bytes;
}

SimBytes::Block::Block(const Block& other) {
  std::memcpy(bytes, other.bytes, kBlockBytes);
}

// A block that was never written hashes as the zeros that it stands for.
std::uint64_t SimBytes::Hash() const {
  static const std::uint64_t zeros = XXH3_64bits(Block().bytes, kBlockBytes) | 1;
  std::uint64_t hash = XXH3_64bits(&size_, sizeof(size_));
  for (const auto& block : blocks_) {
    std::uint64_t of_block = zeros;
    if (block != nullptr) {
      of_block = block->hash.load(std::memory_order_relaxed);
      if (of_block == 0) {
        of_block = XXH3_64bits(block->bytes, kBlockBytes) | 1;
        block->hash.store(of_block, std::memory_order_relaxed);
      }
    }
    hash = XXH3_64bits_withSeed(&of_block, sizeof(of_block), hash);
  }
  return hash;
}

char* SimBytes::MutableBlock(std::size_t index) {
  auto& block = blocks_[index];
  if (block == nullptr) {
    block = std::make_shared<Block>();  // zeros
  } else if (block.use_count() > 1) {
    block = std::make_shared<Block>(*block);
  }
  block->hash.store(0, std::memory_order_relaxed);
  return block->bytes;
}

}  // namespace kyro::support
