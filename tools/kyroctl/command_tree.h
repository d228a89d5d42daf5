// SPDX-License-Identifier: Apache-2.0
//
// What kyroctl can be told: each verb's name, arguments, options, examples and exit codes, declared
// once. The parser (command_line), --help (help), the manual page (man_page) and the completions
// (completion) are made from this tree, so none of them can lag behind. Plain values; any thread.
//
// A new verb: a function `Verb XVerb()` beside the code that runs it, declared in verbs.h and
// listed in command_tree.cc.
#ifndef KYRO_TOOLS_KYROCTL_COMMAND_TREE_H_
#define KYRO_TOOLS_KYROCTL_COMMAND_TREE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kyro/status.h"
#include "kyroctl/output.h"
#include "kyroctl/request.h"

namespace kyro::kyroctl {

// What a shell offers in this place.
enum class Completes : std::uint8_t { kNothing, kDirectory, kFile };

struct Argument {
  std::string name{};                     // "KEY"
  std::string about{};                    // at most one line
  std::string Request::*field = nullptr;  // receives it as typed
  bool required = true;
  Completes completes = Completes::kNothing;
};

struct Option {
  std::string name{};   // "--from"
  char letter = '\0';   // 'o' for -o; '\0': none
  std::string value{};  // "KEY": what it takes; empty: a flag
  std::string about{};
  // A flag's text is empty. kInvalidArgument says what to give instead.
  std::function<Status(Request* request, const std::string& text)> set{};
  std::vector<std::string> choices{};  // if it takes one of these
  Completes completes = Completes::kNothing;

  bool is_flag() const noexcept { return value.empty(); }
};

struct Example {
  std::string command{};  // a line of shell; a test runs it
  std::string about{};
};

struct ExitMeaning {
  int code = 0;
  std::string about{};
};

enum class Group : std::uint8_t { kWriting, kReading, kUpkeep };

struct Verb {
  std::string name{};
  std::string summary{};      // one line without a full stop
  std::string description{};  // sentences
  Group group = Group::kReading;
  std::vector<Argument> arguments{};
  std::vector<Option> options{};  // besides the common ones
  std::vector<Example> examples{};
  std::vector<ExitMeaning> exits{};  // besides the common ones
  int (*run)(const Request& request, Output& output) = nullptr;
};

// In the order of the help.
const std::vector<Verb>& Verbs();
const Verb* FindVerb(std::string_view name);
// Every verb has these, and so has kyroctl before the verb. --help and --version are not among
// them: the parser answers those itself.
const std::vector<Option>& CommonOptions();
const std::vector<ExitMeaning>& CommonExits();
// `verb`'s own and the common ones, ascending.
std::vector<ExitMeaning> ExitsOf(const Verb& verb);

std::string_view GroupTitle(Group group) noexcept;

// Arguments that several verbs take.
Argument DbArgument();
Argument KeyArgument();

// Kinds of options.
Option FlagOption(std::string name, bool Request::*field, std::string about);
Option TextOption(std::string name, std::string value, std::optional<std::string> Request::*field,
                  std::string about);
// A whole number from `least` to `most`, in decimal or 0x.
Option NumberOption(std::string name, std::uint64_t Request::*field, std::uint64_t least,
                    std::uint64_t most, std::string about);

// Options that several verbs take.
Option HexOption();
Option KeysOption(std::string about);
std::vector<Option> RangeOptions();  // --from --to --prefix --hex
std::vector<Option> WalkOptions();   // those, and --limit --reverse

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_COMMAND_TREE_H_
