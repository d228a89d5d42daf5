// SPDX-License-Identifier: Apache-2.0
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peers/check_rows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include <algorithm>

#include "bench/peers/check_rows.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::bench::HWY_NAMESPACE {

// One by one, the rows [first, end).
inline std::uint64_t WrongAmong(const std::uint64_t* keys, const char* words, std::size_t first,
                                std::size_t end) {
  std::uint64_t wrong = 0;
  for (std::size_t i = first; i < end; ++i) {
    wrong |= LoadLE<std::uint64_t>(words + 8 * i) ^ WordOf(keys[i]);
    wrong |= static_cast<std::uint64_t>(i != 0 && keys[i] <= keys[i - 1]);
  }
  return wrong;
}

#if HWY_TARGET == HWY_SCALAR

std::uint64_t WrongWords(const std::uint64_t* keys, const char* words, std::size_t count) {
  return WrongAmong(keys, words, 0, count);
}

#else

namespace hn = hwy::HWY_NAMESPACE;
using Words = hn::ScalableTag<std::uint64_t>;
using Word = hn::Vec<Words>;

// The low 64 bits of each product, of products of halves: only AVX-512 has an instruction for it,
// and Highway 1.0.3 no name.
HWY_INLINE Word Times(Word x, std::uint64_t factor) {
  const Words d;
  const hn::Repartition<std::uint32_t, Words> halves;
  const auto low = hn::BitCast(halves, x);
  const auto by = hn::BitCast(halves, hn::Set(d, factor));
  const auto crossed = hn::Set(d, (factor << 32) | (factor >> 32));
  const Word cross = hn::BitCast(d, hn::Mul(low, hn::BitCast(halves, crossed)));
  const Word high = hn::Add(cross, hn::ShiftRight<32>(cross));
  return hn::Add(hn::MulEven(low, by), hn::ShiftLeft<32>(high));
}

// WordOf.
HWY_INLINE Word WordsOf(Word keys) {
  Word x = hn::Xor(keys, hn::Set(Words(), kWordSalt));
  x = Times(hn::Xor(x, hn::ShiftRight<30>(x)), kMixFirst);
  x = Times(hn::Xor(x, hn::ShiftRight<27>(x)), kMixSecond);
  return hn::Xor(x, hn::ShiftRight<31>(x));
}

std::uint64_t WrongWords(const std::uint64_t* keys, const char* words, std::size_t count) {
  const Words d;
  const std::size_t lanes = hn::Lanes(d);
  const auto* const wanted = reinterpret_cast<const std::uint64_t*>(words);
  std::size_t i = std::min<std::size_t>(count, 1);  // the first has none before it
  std::uint64_t wrong = WrongAmong(keys, words, 0, i);
  Word differences = hn::Zero(d);
  auto ascending = hn::Eq(differences, differences);
  for (; i + lanes <= count; i += lanes) {
    const Word key = hn::LoadU(d, keys + i);
    differences = hn::Or(differences, hn::Xor(WordsOf(key), hn::LoadU(d, wanted + i)));
    ascending = hn::And(ascending, hn::Lt(hn::LoadU(d, keys + i - 1), key));
  }
  wrong |= WrongAmong(keys, words, i, count);
  const auto right = hn::And(ascending, hn::Eq(differences, hn::Zero(d)));
  return wrong | static_cast<std::uint64_t>(!hn::AllTrue(d, right));
}

#endif

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace kyro::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kyro::bench {

HWY_EXPORT(WrongWords);

std::uint64_t WrongWords(const std::uint64_t* keys, const char* words, std::size_t count) {
  return HWY_DYNAMIC_DISPATCH(WrongWords)(keys, words, count);
}

}  // namespace kyro::bench
#endif  // HWY_ONCE
