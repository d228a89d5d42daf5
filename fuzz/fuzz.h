// SPDX-License-Identifier: Apache-2.0
//
// What the fuzz targets share: the entry point, bytes to draw decisions from, and the way to say
// that a promise is broken. docs/fuzzing.md says what each target asserts.
//
// F1 A target is a pure function of its input: no clock, no files, no random bytes of its own, so
//    that an input that fails once fails always.
// F2 Where the bytes stand under checksums a target tries each input twice: as it is, and with the
//    checksums made right (seal.h). So fuzzing gets behind them without guessing, and what they
//    promise is still tested.
#ifndef KYRO_FUZZ_FUZZ_H_
#define KYRO_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kyro/status.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes);

namespace kyro::fuzz {

// Says what is broken and ends the process the way fuzzing engines notice.
[[noreturn]] void Fail(const char* file, int line, const char* promise, const std::string& detail);

// An error that damage may cause: typed, one line, of a kind that tells the caller what to do.
// Fails for OK, kInternal, and anything that only a bug brings about.
void RequireTyped(const Status& status);

// Decisions drawn from an input; zeros when it is used up.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t bytes) noexcept
      : rest_(reinterpret_cast<const char*>(data), bytes) {}

  bool empty() const noexcept { return rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }
  std::uint8_t U8() noexcept { return static_cast<std::uint8_t>(Number(1)); }
  std::uint16_t U16() noexcept { return static_cast<std::uint16_t>(Number(2)); }
  std::uint32_t U32() noexcept { return static_cast<std::uint32_t>(Number(4)); }
  std::uint64_t U64() noexcept { return Number(8); }
  // In [0, count); takes two bytes. Requires 0 < count.
  std::uint64_t Below(std::uint64_t count) noexcept { return U16() % count; }
  // At most `count` bytes.
  std::string_view Take(std::size_t count) noexcept {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::uint64_t Number(std::size_t bytes) noexcept {
    std::uint64_t number = 0;
    int shift = 0;
    for (const char byte : Take(bytes)) {
      number |= std::uint64_t{static_cast<unsigned char>(byte)} << shift;
      shift += 8;
    }
    return number;
  }
  std::string_view rest_;
};

}  // namespace kyro::fuzz

// Ends the process unless `condition` holds. `detail` is evaluated only then.
#define KYRO_REQUIRE(condition, detail)                                                        \
  do {                                                                                         \
    if (!(condition)) ::kyro::fuzz::Fail(__FILE__, __LINE__, #condition, std::string(detail)); \
  } while (false)

#endif  // KYRO_FUZZ_FUZZ_H_
