// SPDX-License-Identifier: Apache-2.0
//
// The parser of a command line, built from the command tree.
#ifndef KYRO_TOOLS_KYROCTL_COMMAND_LINE_H_
#define KYRO_TOOLS_KYROCTL_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "kyro/status.h"
#include "kyroctl/command_tree.h"
#include "kyroctl/request.h"

namespace kyro::kyroctl {

// What a command line asks for.
struct CommandLine {
  enum class Asks : std::uint8_t { kRun, kHelp, kVersion, kManual, kCompletion };
  Asks asks = Asks::kRun;
  const Verb* verb = nullptr;  // kRun: never null; kHelp: null means all of kyroctl
  std::string shell;           // kCompletion
  Request request;
};

// kInvalidArgument: one line that says what is wrong and where to read on. Any thread.
Result<CommandLine> ParseCommandLine(std::vector<std::string> args);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_COMMAND_LINE_H_
