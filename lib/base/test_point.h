// SPDX-License-Identifier: Apache-2.0
//
// Named points at which a test can hold a thread: KYRO_TEST_POINT("delta.slot_written") calls the
// hook with that name where the code is compiled with KYRO_TEST_POINTS, and is nothing otherwise.
// The shipped library is compiled without; a test links its own copy of a room compiled with.
#ifndef KYRO_BASE_TEST_POINT_H_
#define KYRO_BASE_TEST_POINT_H_

#ifdef KYRO_TEST_POINTS

#include <atomic>

namespace kyro {

using TestPointHook = void (*)(const char* name);
inline std::atomic<TestPointHook> test_point_hook{nullptr};

inline void ReachTestPoint(const char* name) {
  if (const TestPointHook hook = test_point_hook.load(std::memory_order_acquire)) hook(name);
}

}  // namespace kyro

#define KYRO_TEST_POINT(name) ::kyro::ReachTestPoint(name)

#else

#define KYRO_TEST_POINT(name) static_cast<void>(0)

#endif  // KYRO_TEST_POINTS

#endif  // KYRO_BASE_TEST_POINT_H_
