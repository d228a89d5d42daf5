// SPDX-License-Identifier: Apache-2.0
//
// What kyroctl says about itself, made from the command tree: --help, the manual page, and the
// completions of shells. Pure functions; any thread.
#ifndef KYRO_TOOLS_KYROCTL_MANUAL_H_
#define KYRO_TOOLS_KYROCTL_MANUAL_H_

#include <string>
#include <string_view>
#include <vector>

#include "kyroctl/command_tree.h"

namespace kyro::kyroctl {

// "0.1.0"
std::string_view ProgramVersion() noexcept;

// Lines of at most 80 columns.
std::string HelpText();
std::string HelpText(const Verb& verb);

// kyroctl.1, in the man macros.
std::string ManualPage();

// "bash", "fish", "zsh"
const std::vector<std::string>& CompletionShells();
// A script for one of those.
std::string CompletionScript(std::string_view shell);

// "kyroctl scan DB [OPTIONS]"
std::string UsageOf(const Verb& verb);
// "-o, --output FILE"
std::string OptionSyntax(const Option& option);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_MANUAL_H_
