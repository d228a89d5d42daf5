// SPDX-License-Identifier: Apache-2.0
//
// kyroctl as a function: tests call it in their own process, main() calls it once.
#ifndef KYRO_TOOLS_KYROCTL_RUN_H_
#define KYRO_TOOLS_KYROCTL_RUN_H_

#include <chrono>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "kyroctl/screen.h"

namespace kyro::kyroctl {

// Exit codes, as docs/kyroctl.md promises them to scripts.
inline constexpr int kExitOk = 0;
inline constexpr int kExitNo = 1;       // a negative answer: the key is absent, the keyspace exists
inline constexpr int kExitUsage = 2;    // the command or its input is wrong
inline constexpr int kExitDamage = 3;   // kDataLoss, kUnsupported
inline constexpr int kExitLocked = 4;   // another process has the database
inline constexpr int kExitFailure = 5;  // input and output, space, anything else
inline constexpr int kExitInterrupted = 130;  // ^C ended it, as a shell has it: 128 + SIGINT

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;  // get ends its value with a newline there
  bool err_is_terminal = false;  // progress bars are drawn there
  Screen out_screen{};
  Screen err_screen{};
  // The time, for progress bars.
  std::chrono::steady_clock::time_point (*now)() = &std::chrono::steady_clock::now;
};

// Runs one command line (without the program's name) and returns its exit code. Throws nothing.
// One thread at a time per database.
int Run(const std::vector<std::string>& args, const Streams& streams) noexcept;

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_RUN_H_
