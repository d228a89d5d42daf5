// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/sosd.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace kyro::kyroctl {

SosdParser::Step SosdParser::Feed(std::string_view bytes, std::size_t* used) {
  *used = 0;
  while (*used < bytes.size() && !over_) {
    if (have_count_ && keys_ == count_) {
      error_ = fmt::format(
          "the file begins with the count {}, but there is more after so many keys", count_);
      over_ = true;
      break;
    }
    if (word_bytes_ == sizeof(word_)) word_bytes_ = 0;
    const std::size_t part = std::min(sizeof(word_) - word_bytes_, bytes.size() - *used);
    // kyro is built for little-endian machines only.
    std::memcpy(reinterpret_cast<char*>(&word_) + word_bytes_, bytes.data() + *used, part);
    word_bytes_ += part;
    *used += part;
    if (word_bytes_ < sizeof(word_)) break;
    if (have_count_) {
      ++keys_;
      return Step::kKey;
    }
    have_count_ = true;
    count_ = word_;
  }
  return over_ ? Step::kWrong : Step::kMore;
}

SosdParser::Step SosdParser::Finish() {
  const bool torn = word_bytes_ % sizeof(word_) != 0;
  if (!over_ && (torn || !have_count_ || keys_ != count_)) {
    over_ = true;
    error_ = !have_count_ ? "the file ends within its first 8 bytes, the count of its keys"
                          : fmt::format("the file begins with the count {}, but ends after {} keys",
                                        count_, keys_);
  }
  return over_ ? Step::kWrong : Step::kMore;
}

std::string PositionValue(std::uint64_t position) {
  std::string value(sizeof(position), '\0');
  std::memcpy(value.data(), &position, sizeof(position));
  return value;
}

}  // namespace kyro::kyroctl
