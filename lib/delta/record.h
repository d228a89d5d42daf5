// SPDX-License-Identifier: Apache-2.0
//
// A record: one version of a key, with its value behind it; constant from birth. The newest of a
// key is its head. Older ones hang on it, with a jump pointer each (Myers 1983: a list that is
// searched in logarithmic time), so that an old view of a key that was overwritten a million times
// does not walk through all of it.
//
//   [older, jump]  sequence  value bytes, tombstone  depth  value ...
// The first version of a key, by far the most common, has no links.
#ifndef KYRO_DELTA_RECORD_H_
#define KYRO_DELTA_RECORD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>

#include "base/coding.h"
#include "kyro/types.h"

namespace kyro::delta {

class Record {
 public:
  // Bytes of memory, aligned to 8, that Make takes.
  static std::size_t Bytes(std::size_t value_bytes, bool first) noexcept {
    return AlignUp((first ? 0 : sizeof(Links)) + sizeof(Record) + value_bytes, 8);
  }

  // `older`: the head so far, null if this is the key's first version.
  static const Record* Make(void* memory, const Record* older, Sequence sequence,
                            std::string_view value, bool tombstone) noexcept {
    char* at = static_cast<char*>(memory);
    if (older != nullptr) {
      new (at) Links{older, Jump(older)};
      at += sizeof(Links);
    }
    Record* const record = new (at) Record(older, sequence, value.size(), tombstone);
    if (!value.empty()) std::memcpy(at + sizeof(Record), value.data(), value.size());
    return record;
  }

  // The version that a reader at `sequence` sees, or null. `head` may be null.
  static const Record* Find(const Record* head, Sequence sequence) noexcept {
    const Record* record = head;
    while (record != nullptr && record->sequence_ > sequence) {
      if (record->depth_ == 0) return nullptr;
      const Links& links = record->links();
      // All between a record and its jump are at least as new as the jump (D3).
      record = links.jump->sequence_ > sequence ? links.jump : links.older;
    }
    return record;
  }

  Sequence sequence() const noexcept { return sequence_; }
  bool tombstone() const noexcept { return tombstone_ != 0; }
  std::string_view value() const noexcept {
    return std::string_view(reinterpret_cast<const char*>(this + 1), value_bytes_);
  }

 private:
  struct Links {
    const Record* older;
    const Record* jump;
  };

  Record(const Record* older, Sequence sequence, std::size_t value_bytes, bool tombstone) noexcept
      : sequence_(sequence),
        value_bytes_(static_cast<std::uint32_t>(value_bytes) & kValueBytesMask),
        tombstone_(tombstone ? 1 : 0),
        depth_(older == nullptr ? 0 : older->depth_ + (older->depth_ == kDepthMax ? 0 : 1)) {}

  const Links& links() const noexcept { return reinterpret_cast<const Links*>(this)[-1]; }

  // Where the jump of a record before `older` goes: over two jumps of one length, or one step.
  static const Record* Jump(const Record* older) noexcept {
    if (older->depth_ == 0) return older;
    const Record* const jump = older->links().jump;
    const Record* const far = jump->depth_ == 0 ? jump : jump->links().jump;
    const bool equal = older->depth_ - jump->depth_ == jump->depth_ - far->depth_;
    return equal && jump->depth_ != 0 ? far : older;
  }

  static constexpr std::uint32_t kValueBytesMask = 0x7FFFFFFF;
  static constexpr std::uint32_t kDepthMax = 0xFFFFFFFF;
  static_assert(kValueBytesMax <= kValueBytesMask);

  const Sequence sequence_;
  const std::uint32_t value_bytes_ : 31;
  const std::uint32_t tombstone_ : 1;
  const std::uint32_t depth_;  // versions below; at kDepthMax it says "many" and jumps stop growing
};
static_assert(sizeof(Record) == 16);

using Head = std::atomic<const Record*>;

}  // namespace kyro::delta

#endif  // KYRO_DELTA_RECORD_H_
