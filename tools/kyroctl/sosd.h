// SPDX-License-Identifier: Apache-2.0
//
// Files of keys as SOSD, the benchmark of learned indexes, has them: a count, then that many keys,
// all as 8 bytes little-endian. Neither sorted nor free of duplicates by rule.
#ifndef KYRO_TOOLS_KYROCTL_SOSD_H_
#define KYRO_TOOLS_KYROCTL_SOSD_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kyro::kyroctl {

// Fed with the input in pieces of any size; touches nothing else. One thread at a time.
class SosdParser {
 public:
  enum class Step : std::uint8_t {
    kMore,   // everything was used, no key is complete
    kKey,    // key() is the key at position(); feed what was not used
    kWrong,  // error() says what; this is the end
  };
  // Reads on until a key is complete. `*used` of the bytes are not to be fed again.
  Step Feed(std::string_view bytes, std::size_t* used);
  // After the last byte. kMore: all keys that were announced were there.
  Step Finish();

  std::uint64_t key() const noexcept { return word_; }
  std::uint64_t position() const noexcept { return keys_ - 1; }  // of key(), from 0
  const std::string& error() const noexcept { return error_; }

 private:
  bool have_count_ = false;
  bool over_ = false;
  std::uint64_t count_ = 0;  // announced
  std::uint64_t keys_ = 0;   // seen
  std::uint64_t word_ = 0;   // being read, or key()
  std::size_t word_bytes_ = 0;
  std::string error_;
};

// A value for the key at `position`: 8 bytes little-endian.
std::string PositionValue(std::uint64_t position);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_SOSD_H_
