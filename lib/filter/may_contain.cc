// SPDX-License-Identifier: Apache-2.0
//
// The lookup in a split-block filter, of eight words at once where the processor can: of a Get
// through three runs it took an eighth of the time, word by word.
//
// Vectors before AVX2 hold four words and cannot shift each by a number of its own.
#define HWY_DISABLED_TARGETS HWY_SSSE3  // as in index/kernels.cc, for the reason given there
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "filter/may_contain.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
//
#include "base/coding.h"
#include "filter/block.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace kyro::filter {
namespace HWY_NAMESPACE {

inline bool BlockContains(const char* block, std::uint64_t hash) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_SSE4
  // No early exit: eight independent words cost less than one branch that is taken half the time.
  std::uint32_t missing = 0;
  for (std::size_t i = 0; i < kWords; ++i) {
    missing |= Bit(hash, i) & ~LoadLE<std::uint32_t>(block + i * sizeof(std::uint32_t));
  }
  return missing == 0;
#else
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<std::uint32_t, kWords> d;
  const auto* words = reinterpret_cast<const std::uint32_t*>(block);
  const auto low = hn::Set(d, static_cast<std::uint32_t>(hash));
  auto missing = hn::Zero(d);
  for (std::size_t i = 0; i < kWords; i += hn::Lanes(d)) {
    const auto number = hn::ShiftRight<27>(hn::Mul(low, hn::Load(d, kSalts + i)));
    const auto bits = hn::Shl(hn::Set(d, 1), number);
    missing = hn::Or(missing, hn::AndNot(hn::LoadU(d, words + i), bits));
  }
  return hn::AllTrue(d, hn::Eq(missing, hn::Zero(d)));
#endif
}

bool AnyContains(std::span<const std::string_view> filters, std::uint64_t hash) {
  bool any = false;  // without a branch for each: almost always all are asked
  for (const std::string_view filter : filters) {
    any |= BlockContains(filter.data() + BlockOffset(hash, filter.size() / kBlockBytes), hash);
  }
  return any;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace kyro::filter
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kyro::filter {

HWY_EXPORT(AnyContains);

bool AnyMayContain(std::span<const std::string_view> filters, std::uint64_t hash) noexcept {
  return HWY_DYNAMIC_DISPATCH(AnyContains)(filters, hash);
}

bool MayContain(std::string_view filter, std::uint64_t hash) noexcept {
  if (filter.empty() || filter.size() % kBlockBytes != 0) return true;
  return AnyMayContain({&filter, 1}, hash);
}

}  // namespace kyro::filter
#endif  // HWY_ONCE
