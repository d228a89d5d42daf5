// SPDX-License-Identifier: Apache-2.0
//
// Linked into every test program: what the sanitizers are told before main.

// An allocation that is too large must fail like any other: that it is refused is what tests check.
#if defined(__SANITIZE_ADDRESS__)
#define KYRO_ASAN 1
#elif defined(__SANITIZE_THREAD__)
#define KYRO_TSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KYRO_ASAN 1
#elif __has_feature(thread_sanitizer)
#define KYRO_TSAN 1
#endif
#endif

#if defined(KYRO_ASAN)
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:detect_stack_use_after_return=1:strict_init_order=1";
}
extern "C" const char* __ubsan_default_options() {
  return "print_stacktrace=1";
}
#elif defined(KYRO_TSAN)
extern "C" const char* __tsan_default_options() {
  return "allocator_may_return_null=1:second_deadlock_stack=1";
}
#endif
