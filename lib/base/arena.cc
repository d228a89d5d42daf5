// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <cstdlib>
#include <limits>
#include <new>

#include "base/check.h"
#include "base/coding.h"

namespace kyro {

// Followed by its bytes. malloc aligns to 16, so the bytes are aligned too.
struct Arena::Block {
  Block* older;
  std::size_t bytes;  // without this header
};

Arena::~Arena() {
  while (head_ != nullptr) {
    Block* const older = head_->older;
    std::free(head_);
    head_ = older;
  }
}

Status Arena::Reserve(std::size_t bytes) noexcept {
  static_assert(sizeof(Block) % kAlignment == 0);
  constexpr std::size_t kBytesMax =
      std::numeric_limits<std::size_t>::max() - sizeof(Block) - kAlignment;
  if (bytes > kBytesMax) return Status(StatusCode::kResourceExhausted, "out of memory");
  bytes = AlignUp(bytes, kAlignment);
  if (bytes <= left_) return Status::Ok();

  // What is left of the current block is given up: at most one reservation's worth per block.
  const std::size_t block_bytes = AlignUp(bytes < block_bytes_ ? block_bytes_ : bytes, kAlignment);
  void* const memory = std::malloc(sizeof(Block) + block_bytes);
  if (memory == nullptr) return Status(StatusCode::kResourceExhausted, "out of memory");
  head_ = new (memory) Block{head_, block_bytes};
  next_ = reinterpret_cast<char*>(head_ + 1);
  left_ = block_bytes;
  bytes_.fetch_add(sizeof(Block) + block_bytes, std::memory_order_relaxed);
  return Status::Ok();
}

void* Arena::Allocate(std::size_t bytes) noexcept {
  bytes = AlignUp(bytes, kAlignment);
  KYRO_DCHECK(bytes <= left_);
  void* const memory = next_;
  next_ += bytes;
  left_ -= bytes;
  return memory;
}

}  // namespace kyro
