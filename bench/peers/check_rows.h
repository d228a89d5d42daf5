// SPDX-License-Identifier: Apache-2.0
//
// The check of a scan. A row costs some stores less than it takes to compare it alone, so rows are
// put side by side and compared many at a time; columns lie so already. All engines pay for the
// same comparisons, those that walk row by row for the stores besides.
#ifndef KYRO_BENCH_PEERS_CHECK_ROWS_H_
#define KYRO_BENCH_PEERS_CHECK_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bench/bench.h"
#include "bench/peers/check.h"

namespace kyro::bench {

// 0 if every word is its key's (WordOf) and each key is above the one before it. One call through
// a pointer to the best target of the machine.
std::uint64_t WrongWords(const std::uint64_t* keys, const char* words, std::size_t count);

// Rows put side by side. Apart from the checker, whose members a scan then keeps in registers.
struct RowBlock {
  static constexpr std::size_t kRows = 64;
  std::uint64_t keys[kRows];
  std::uint64_t words[kRows];
};

// Takes rows in order, one by one or by columns. Of one scan and one thread.
class RowChecker {
 public:
  // `block` is the checker's until it ends.
  RowChecker(const Values& values, RowBlock* block) noexcept : values_(values), block_(block) {}

  void operator()(std::uint64_t key, std::string_view value) noexcept {
    if (value.size() < 8) [[unlikely]] {
      wrong_ = 1;
      return;
    }
    const std::uint64_t word = LoadLE<std::uint64_t>(value.data());
    wrong_ |= (LoadLE<std::uint64_t>(value.data() + value.size() - 8) ^ word) |
              (value.size() ^ values_.BytesOf(key));
    block_->keys[held_] = key;
    block_->words[held_] = word;
    if (++held_ == RowBlock::kRows) CheckHeld();
  }
  // Rows whose values are 8 bytes, side by side.
  void Columns(std::span<const std::uint64_t> keys, const char* values) noexcept {
    CheckHeld();
    Check(keys, values);
  }
  // 0 if the rows were `rows`, and right.
  std::uint64_t Finish(std::size_t rows) noexcept {
    CheckHeld();
    return wrong_ | (seen_ != rows);
  }

 private:
  void CheckHeld() noexcept {
    Check({block_->keys, held_}, reinterpret_cast<const char*>(block_->words));
    held_ = 0;
  }
  void Check(std::span<const std::uint64_t> keys, const char* words) noexcept {
    if (keys.empty()) return;
    wrong_ |= static_cast<std::uint64_t>(seen_ != 0 && keys.front() <= last_);
    wrong_ |= WrongWords(keys.data(), words, keys.size());
    last_ = keys.back();
    seen_ += keys.size();
  }

  const Values values_;
  RowBlock* const block_;
  std::uint64_t wrong_ = 0;
  std::uint64_t last_ = 0;  // the last row's key, if any was seen
  std::size_t seen_ = 0;
  std::size_t held_ = 0;  // rows in the block
};

}  // namespace kyro::bench

#endif  // KYRO_BENCH_PEERS_CHECK_ROWS_H_
