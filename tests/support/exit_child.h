// SPDX-License-Identifier: Apache-2.0
//
// How a forked child of a test ends: at once, without what exit would do for the parent. In a
// program that counts which lines run (tests/proofs/coverage) its counts are written before, which
// _exit would leave out.
#ifndef KYRO_TESTS_SUPPORT_EXIT_CHILD_H_
#define KYRO_TESTS_SUPPORT_EXIT_CHILD_H_

#include <unistd.h>

// Of libgcov; there only where tests/proofs/coverage has the linker ask for it.
extern "C" [[gnu::weak]] void __gcov_dump();

namespace kyro::support {

[[noreturn]] inline void ExitChild(int status) {
  if (__gcov_dump != nullptr) __gcov_dump();
  ::_exit(status);
}

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_EXIT_CHILD_H_
