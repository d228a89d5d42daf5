// SPDX-License-Identifier: Apache-2.0
//
// The byte that stands for a byte-string key in the fingerprint column. Equal keys have equal
// fingerprints, so a fingerprint that differs proves absence; one that agrees proves nothing.
#ifndef KYRO_SEGMENT_FINGERPRINT_H_
#define KYRO_SEGMENT_FINGERPRINT_H_

#include <cstdint>

namespace kyro::segment {

// `hash` is filter::HashKey of the key. The filter takes its block from the top bits and its words'
// bits from the lower half; these are the bits between.
constexpr std::uint8_t Fingerprint(std::uint64_t hash) noexcept {
  return static_cast<std::uint8_t>(hash >> 32);
}

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_FINGERPRINT_H_
