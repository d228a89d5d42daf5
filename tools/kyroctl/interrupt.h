// SPDX-License-Identifier: Apache-2.0
//
// ^C as a question: while an Interrupt lives, the first SIGINT asks for the end of the work and the
// second kills, as without one.
#ifndef KYRO_TOOLS_KYROCTL_INTERRUPT_H_
#define KYRO_TOOLS_KYROCTL_INTERRUPT_H_

#include <csignal>

namespace kyro::kyroctl {

// At most one lives at a time in a process (the signal's handler is the process's). Made and
// destroyed by one thread; Requested() and descriptor() by any.
class Interrupt {
 public:
  Interrupt() noexcept;
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // Whether SIGINT has come since the Interrupt that lives, or lived last, was made.
  static bool Requested() noexcept;
  // Readable once it has come: for poll. -1 if there is none.
  static int descriptor() noexcept;

 private:
  struct sigaction before_ = {};
};

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_INTERRUPT_H_
