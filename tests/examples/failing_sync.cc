// SPDX-License-Identifier: Apache-2.0
//
// For LD_PRELOAD: the fdatasync number $FAILING_SYNC of the process, counted from 1, fails with EIO
// as a broken disk's would: once, and the next ones are fine.
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace {
std::atomic<int> calls{0};
}  // namespace

extern "C" [[gnu::visibility("default")]] int fdatasync(int file) {
  const char* const wanted = getenv("FAILING_SYNC");
  if (wanted != nullptr && ++calls == atoi(wanted)) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, file));
}
