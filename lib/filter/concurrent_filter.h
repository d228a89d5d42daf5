// SPDX-License-Identifier: Apache-2.0
//
// A Bloom filter in memory that grows: one writer, any number of readers without locks. It stands
// in front of a delta, so that a lookup of a key that is not there touches one or two cache lines.
//
// It is a ladder of filters, each eight times the one before up to kRungBytesMax; new keys go to
// the newest, a lookup asks all. A nearly empty delta has one small rung that stays in the L1
// cache, and nothing is ever rehashed. A rung's block is one 64-bit word with six bits a key: a
// lookup is one load, and relaxed atomics on it cost nothing.
//
//   C1  A rung is zeroed and complete before count_ names it (release/acquire).
//   C2  Bits are only ever set.
// A reader who is told of a key (by the sequence that its insertion published) sees its bits.
#ifndef KYRO_FILTER_CONCURRENT_FILTER_H_
#define KYRO_FILTER_CONCURRENT_FILTER_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kyro::filter {

class ConcurrentFilter {
 public:
  static constexpr std::size_t kRungBytesMin = 512;
  static constexpr std::size_t kRungBytesMax = std::size_t{1} << 20;
  static constexpr std::size_t kRungsMax = 8;

  ConcurrentFilter() noexcept = default;
  ~ConcurrentFilter();
  ConcurrentFilter(const ConcurrentFilter&) = delete;
  ConcurrentFilter& operator=(const ConcurrentFilter&) = delete;

  // Makes the first rung: small, and smaller where `budget_bytes` (of the delta behind) is small.
  // Call once, before anything else. False, and nothing has changed, if memory is refused.
  [[nodiscard]] bool Init(std::size_t budget_bytes) noexcept;

  // The writer; once per distinct key. Never fails: when memory for the next rung is refused the
  // newest takes more keys than it should, which costs precision only.
  void Add(std::uint64_t hash) noexcept;

  // Any thread. False only if no key of that hash was added.
  bool MayContain(std::uint64_t hash) const noexcept {
    const std::uint64_t bits = Bits(hash);
    for (std::uint32_t i = count_.load(std::memory_order_acquire); i-- > 0;) {
      const std::uint64_t word = rungs_[i].Word(hash).load(std::memory_order_relaxed);
      if ((word & bits) == bits) return true;
    }
    return false;
  }

  // Any thread. Bytes taken.
  std::size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  using AtomicWord = std::atomic<std::uint64_t>;
  struct Rung {
    AtomicWord* words = nullptr;
    std::uint64_t size = 0;  // words
    AtomicWord& Word(std::uint64_t hash) const noexcept {
      return words[((hash >> 32) * size) >> 32];
    }
  };

  // Six bits, fewer where they fall together: three of one table entry, three of another, turned.
  // A shift for each of five bits took twice the instructions, and these are what a delta costs the
  // lookups of what is below it. Turned by a constant they gave a third more false positives.
  static std::uint64_t Bits(std::uint64_t hash) noexcept {
    return kThreeBits[hash & 255] |
           std::rotl(kThreeBits[(hash >> 8) & 255], static_cast<int>(hash >> 16 & 63));
  }
  static constexpr std::array<std::uint64_t, 256> kThreeBits = [] {
    std::array<std::uint64_t, 256> table{};
    std::uint64_t state = 1;
    for (std::uint64_t& bits : table) {
      while (std::popcount(bits) < 3) {
        state = state * 0x5851F42D4C957F2Du + 1;  // Knuth's MMIX
        bits |= std::uint64_t{1} << (state >> 58);
      }
    }
    return table;
  }();

  bool Grow(std::size_t rung_bytes) noexcept;

  std::atomic<std::uint32_t> count_{0};
  Rung rungs_[kRungsMax];   // the first count_ are constant
  std::uint64_t room_ = 0;  // the writer's: keys until the newest rung is full
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace kyro::filter

#endif  // KYRO_FILTER_CONCURRENT_FILTER_H_
