// SPDX-License-Identifier: Apache-2.0
//
// A word that tells a process that it is a fork of the one that made it: io::ForkWord (io/env.h).
//
// In a fork other threads are not there, but the mutexes that they held stay locked for ever. What
// a forked child may still call, destructors of handles above all, asks this first.
#ifndef KYRO_BASE_FORK_WORD_H_
#define KYRO_BASE_FORK_WORD_H_

#include <cstdint>

namespace kyro {

// True if `word` came from a process that this one is a fork of. A null word detects nothing.
inline bool IsFork(const std::uint8_t* word) noexcept {
  return word != nullptr && *static_cast<const volatile std::uint8_t*>(word) == 0;
}

}  // namespace kyro

#endif  // KYRO_BASE_FORK_WORD_H_
