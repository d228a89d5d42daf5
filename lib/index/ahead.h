// SPDX-License-Identifier: Apache-2.0
//
// For passes over all keys in order. Processors fetch ahead by themselves, but some only within a
// page, and training reads its keys several times over: on uniform keys it waited for them a third
// of its time.
#ifndef KYRO_INDEX_AHEAD_H_
#define KYRO_INDEX_AHEAD_H_

#include <cstdint>

namespace kyro::index {

// Asks memory for the line that is a page behind the one of `key`, which is looked at next. Past
// the last key it is harmless: a prefetch never faults.
inline void PrefetchAhead(const std::uint64_t* key) noexcept {
  constexpr std::uintptr_t kAheadBytes = 4096;
  __builtin_prefetch(
      reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(key) + kAheadBytes));
}

}  // namespace kyro::index

#endif  // KYRO_INDEX_AHEAD_H_
