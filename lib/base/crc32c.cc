// SPDX-License-Identifier: Apache-2.0
//
// Three implementations, equal on every input (tests/base/crc32c_test.cc), one of which the first
// call chooses for the process:
// - table: slicing by 8, anywhere;
// - x86-64: the SSE4.2 instruction on three lanes at once, joined by carry-less multiplication;
// - aarch64: the CRC32 extension.
#include "base/crc32c.h"

#include <array>
#include <atomic>
#include <cstddef>

#include "base/coding.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#include <wmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

namespace kyro {

namespace {

// Polynomials over GF(2) are bit-reflected throughout: the highest bit is the coefficient of x^0.
constexpr std::uint32_t kPolynomial = 0x82F63B78;

// value * x mod P.
constexpr std::uint32_t TimesX(std::uint32_t value) noexcept {
  return (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
}

// tables[k][b] is the CRC state of the byte b followed by k zero bytes.
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

[[gnu::cold]] Tables MakeTables() noexcept {
  Tables tables;
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t state = b;
    for (int bit = 0; bit < 8; ++bit) state = TimesX(state);
    tables[0][b] = state;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t shorter = tables[k - 1][b];
      tables[k][b] = (shorter >> 8) ^ tables[0][shorter & 255];
    }
  }
  return tables;
}

// All of these take and return the raw state: the complement of the CRC.
std::uint32_t ExtendTable(std::uint32_t state, const char* at, std::size_t bytes) noexcept {
  // Made by the first call: 8 KB that a processor with the instruction has no use for.
  static const Tables tables = MakeTables();
  for (; bytes >= 8; at += 8, bytes -= 8) {
    const std::uint64_t word = LoadLE<std::uint64_t>(at) ^ state;
    state = 0;
    for (std::size_t i = 0; i < 8; ++i) state ^= tables[7 - i][(word >> (8 * i)) & 255];
  }
  for (; bytes > 0; ++at, --bytes) {
    state = (state >> 8) ^ tables[0][(state ^ static_cast<unsigned char>(*at)) & 255];
  }
  return state;
}

#if defined(__x86_64__)

#define KYRO_TARGET_CRC __attribute__((target("sse4.2,pclmul")))

// x^n mod P.
constexpr std::uint32_t PowerOfX(std::size_t n) noexcept {
  std::uint32_t power = 0x80000000;
  for (; n > 0; --n) power = TimesX(power);
  return power;
}

// The state after kBytes more zero bytes. The product of two reflected 32-bit polynomials stands
// one bit too low and the crc instruction multiplies by x^32, hence the 33.
template <std::size_t kBytes>
KYRO_TARGET_CRC std::uint32_t SkipZeros(std::uint32_t state) noexcept {
  constexpr std::uint32_t kFactor = PowerOfX(8 * kBytes - 33);
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(state)),
                                               _mm_cvtsi32_si128(static_cast<int>(kFactor)), 0);
  const auto low = static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
  return static_cast<std::uint32_t>(_mm_crc32_u64(0, low));
}

// Three lanes of kLaneBytes: the instruction has a latency of three cycles and starts every cycle.
template <std::size_t kLaneBytes>
KYRO_TARGET_CRC std::uint32_t ExtendLanes(std::uint32_t state, const char* at) noexcept {
  static_assert(kLaneBytes % 8 == 0);
  std::uint64_t a = state;
  std::uint64_t b = 0;
  std::uint64_t c = 0;
  for (const char* const end = at + kLaneBytes; at != end; at += 8) {
    a = _mm_crc32_u64(a, LoadLE<std::uint64_t>(at));
    b = _mm_crc32_u64(b, LoadLE<std::uint64_t>(at + kLaneBytes));
    c = _mm_crc32_u64(c, LoadLE<std::uint64_t>(at + 2 * kLaneBytes));
  }
  return SkipZeros<2 * kLaneBytes>(static_cast<std::uint32_t>(a)) ^
         SkipZeros<kLaneBytes>(static_cast<std::uint32_t>(b)) ^ static_cast<std::uint32_t>(c);
}

KYRO_TARGET_CRC std::uint32_t ExtendSse42(std::uint32_t state, const char* at,
                                          std::size_t bytes) noexcept {
  // Three long lanes are just short of a 4 KiB block, three short ones of a sector.
  constexpr std::size_t kLong = 1360;
  constexpr std::size_t kShort = 168;
  for (; bytes >= 3 * kLong; at += 3 * kLong, bytes -= 3 * kLong) {
    state = ExtendLanes<kLong>(state, at);
  }
  for (; bytes >= 3 * kShort; at += 3 * kShort, bytes -= 3 * kShort) {
    state = ExtendLanes<kShort>(state, at);
  }
  std::uint64_t wide = state;
  for (; bytes >= 8; at += 8, bytes -= 8) wide = _mm_crc32_u64(wide, LoadLE<std::uint64_t>(at));
  state = static_cast<std::uint32_t>(wide);
  for (; bytes > 0; ++at, --bytes) state = _mm_crc32_u8(state, static_cast<unsigned char>(*at));
  return state;
}

#elif defined(__aarch64__)

#if defined(__clang__)
#define KYRO_TARGET_CRC __attribute__((target("crc")))
#else
#define KYRO_TARGET_CRC __attribute__((target("+crc")))
#endif

// One lane: the instruction has a latency of two cycles at most where we know it.
KYRO_TARGET_CRC std::uint32_t ExtendArm(std::uint32_t state, const char* at,
                                        std::size_t bytes) noexcept {
  for (; bytes >= 8; at += 8, bytes -= 8) state = __crc32cd(state, LoadLE<std::uint64_t>(at));
  for (; bytes > 0; ++at, --bytes) state = __crc32cb(state, static_cast<unsigned char>(*at));
  return state;
}

#endif

using Extend = std::uint32_t (*)(std::uint32_t state, const char* at, std::size_t bytes) noexcept;

Extend Fastest() noexcept {
#if defined(__x86_64__)
  // Not __builtin_cpu_supports, which brings 5 KB of tables of processors.
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  constexpr unsigned kNeeded = bit_SSE4_2 | bit_PCLMUL;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & kNeeded) == kNeeded) {
    return ExtendSse42;
  }
#elif defined(__aarch64__)
  if ((getauxval(AT_HWCAP) & HWCAP_CRC32) != 0) return ExtendArm;
#endif
  return ExtendTable;
}

std::uint32_t ChooseAndExtend(std::uint32_t state, const char* at, std::size_t bytes) noexcept;

// Relaxed: every thread that races here chooses the same function. Constant-initialised, so that
// a CRC taken by another static initialiser works.
constinit std::atomic<Extend> chosen{ChooseAndExtend};

std::uint32_t ChooseAndExtend(std::uint32_t state, const char* at, std::size_t bytes) noexcept {
  const Extend fastest = Fastest();
  chosen.store(fastest, std::memory_order_relaxed);
  return fastest(state, at, bytes);
}

}  // namespace

std::uint32_t Crc32c(std::string_view bytes, std::uint32_t seed) noexcept {
  return ~chosen.load(std::memory_order_relaxed)(~seed, bytes.data(), bytes.size());
}

std::uint32_t Crc32cTable(std::string_view bytes, std::uint32_t seed) noexcept {
  return ~ExtendTable(~seed, bytes.data(), bytes.size());
}

}  // namespace kyro
