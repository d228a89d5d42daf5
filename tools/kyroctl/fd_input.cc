// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/fd_input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <ios>
#include <system_error>

#include "kyroctl/interrupt.h"

namespace kyro::kyroctl {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} << 10;

// False if the wait was interrupted. A regular file is always ready.
bool WaitFor(int descriptor) {
  while (!Interrupt::Requested() || Interrupt::descriptor() < 0) {
    pollfd wanted[] = {{.fd = descriptor, .events = POLLIN, .revents = 0},
                       {.fd = Interrupt::descriptor(), .events = POLLIN, .revents = 0}};
    if (poll(wanted, 2, -1) < 0 && errno == EINTR) continue;
    // Whatever else poll says, read will say it better.
    return wanted[1].revents == 0;
  }
  return false;
}

}  // namespace

FdInput::FdInput(int descriptor)
    : descriptor_(descriptor), buffer_(std::make_unique<char[]>(kBufferBytes)) {}

FdInput::int_type FdInput::underflow() {
  while (WaitFor(descriptor_)) {
    const ssize_t got = read(descriptor_, buffer_.get(), kBufferBytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw std::ios_base::failure("read", std::error_code(errno, std::generic_category()));
    }
    if (got == 0) break;
    setg(buffer_.get(), buffer_.get(), buffer_.get() + got);
    return traits_type::to_int_type(*gptr());
  }
  return traits_type::eof();
}

}  // namespace kyro::kyroctl
