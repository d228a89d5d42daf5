// SPDX-License-Identifier: Apache-2.0
//
// Whether this is a sanitizer build, which runs an order of magnitude slower. Exhaustive tests take
// every kSparse-th state there: the release build takes them all, the sanitizers look at the code
// that each kind of state reaches.
#ifndef KYRO_TESTS_SUPPORT_SANITIZED_H_
#define KYRO_TESTS_SUPPORT_SANITIZED_H_

#include <cstdint>

namespace kyro::support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KYRO_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KYRO_SANITIZED 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define KYRO_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KYRO_THREAD_SANITIZED 1
#endif
#endif

#ifdef KYRO_THREAD_SANITIZED
inline constexpr bool kThreadSanitized = true;
#else
inline constexpr bool kThreadSanitized = false;
#endif

#ifdef KYRO_SANITIZED
inline constexpr bool kSanitized = true;
inline constexpr std::uint64_t kSparse = 13;
#else
inline constexpr bool kSanitized = false;
inline constexpr std::uint64_t kSparse = 1;
#endif

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_SANITIZED_H_
