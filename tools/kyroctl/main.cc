// SPDX-License-Identifier: Apache-2.0
//
// kyroctl: a kyro database at the shell. See docs/kyroctl.md, or kyroctl --help.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <istream>
#include <string>
#include <vector>

#include "kyroctl/fd_input.h"
#include "kyroctl/run.h"
#include "kyroctl/screen.h"

int main(int argc, char** argv) {
  // `kyroctl scan DB | head` ends here, quietly, when head has seen enough; also if whoever started
  // this process ignores the signal.
  std::signal(SIGPIPE, SIG_DFL);
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  kyro::kyroctl::FdInput input(STDIN_FILENO);
  std::istream in(&input);
  const kyro::kyroctl::Streams streams{.in = in,
                                       .out = std::cout,
                                       .err = std::cerr,
                                       .out_is_terminal = isatty(STDOUT_FILENO) == 1,
                                       .err_is_terminal = isatty(STDERR_FILENO) == 1,
                                       .out_screen = kyro::kyroctl::ScreenOf(STDOUT_FILENO),
                                       .err_screen = kyro::kyroctl::ScreenOf(STDERR_FILENO)};
  return kyro::kyroctl::Run(args, streams);
}
