// SPDX-License-Identifier: Apache-2.0
//
// --help, for a terminal of 80 columns.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kyro/version.h"
#include "kyroctl/listing.h"
#include "kyroctl/manual.h"

namespace kyro::kyroctl {
namespace {

constexpr std::size_t kTermColumns = 20;

// "  term              text", the text wrapped under itself; a long term has a line of its own.
void AppendTerm(std::string* out, std::string_view term, std::string_view text) {
  std::string line = fmt::format("  {:<{}}", term, kTermColumns);
  if (term.size() + 2 > kTermColumns) {
    out->append("  ").append(term).push_back('\n');
    line.assign(kTermColumns + 2, ' ');
  }
  AppendWrapped(out, std::move(line), kTermColumns + 2, text);
}

void AppendOptions(std::string* out, const std::vector<Option>& options) {
  for (const Option& option : options) {
    std::string about = option.about;
    if (!option.choices.empty()) {
      about += fmt::format(" ({})", fmt::join(option.choices, ", "));
    }
    AppendTerm(out, OptionSyntax(option), about);
  }
}

void AppendExits(std::string* out, const std::vector<ExitMeaning>& exits) {
  out->append("\nExit codes:\n");
  for (const ExitMeaning& exit : exits) {
    AppendWrapped(out, fmt::format("  {:<5}", exit.code), 7, exit.about);
  }
}

void AppendVerbs(std::string* out, Group group) {
  *out += fmt::format("\n{}:\n", GroupTitle(group));
  for (const Verb& verb : Verbs()) {
    if (verb.group == group)
      AppendWrapped(out, fmt::format("  {:<12}", verb.name), 14, verb.summary);
  }
}

constexpr std::string_view kNotes =
    "DB is a directory. Keys of a u64 keyspace are typed as 42 or 0x2a; keys of a bytes keyspace "
    "as they are, or with --hex as hex digits. After -- nothing is an option. Only create and "
    "load --create make a database.";

}  // namespace

std::string_view ProgramVersion() noexcept {
  return LibraryVersion();
}

std::string OptionSyntax(const Option& option) {
  std::string syntax = option.letter == '\0' ? "" : fmt::format("-{}, ", option.letter);
  syntax += option.name;
  if (!option.is_flag()) syntax += " " + option.value;
  return syntax;
}

std::string UsageOf(const Verb& verb) {
  std::string usage = "kyroctl " + verb.name;
  for (const Argument& argument : verb.arguments) {
    usage += argument.required ? " " + argument.name : fmt::format(" [{}]", argument.name);
  }
  return usage + " [OPTIONS]";
}

std::string HelpText() {
  std::string out =
      "Reads, writes and looks after a kyro database.\n\n"
      "Usage: kyroctl [OPTIONS] COMMAND DB [ARGUMENTS] [OPTIONS]\n";
  for (const Group group : {Group::kWriting, Group::kReading, Group::kUpkeep}) {
    AppendVerbs(&out, group);
  }
  out.append("\nOptions of every command:\n");
  AppendOptions(&out, CommonOptions());
  AppendTerm(&out, "-h, --help", "Print help (also: kyroctl COMMAND --help)");
  AppendTerm(&out, "--version", "Print the version");
  out.push_back('\n');
  AppendWrapped(&out, {}, 0, kNotes);
  std::vector<ExitMeaning> exits = CommonExits();
  exits.insert(exits.begin() + 1,
               {.code = kExitNo, .about = "no: the key is absent, the keyspace exists, and so on"});
  AppendExits(&out, exits);
  return out;
}

std::string HelpText(const Verb& verb) {
  std::string out;
  AppendWrapped(&out, {}, 0, verb.summary + ".");
  out += fmt::format("\nUsage: {}\n\n", UsageOf(verb));
  for (const Argument& argument : verb.arguments) {
    AppendTerm(&out, argument.name, argument.about);
  }
  if (!verb.description.empty()) {
    out.push_back('\n');
    AppendWrapped(&out, {}, 0, verb.description);
  }
  if (!verb.options.empty()) {
    out.append("\nOptions:\n");
    AppendOptions(&out, verb.options);
  }
  out.append("\nOptions of every command:\n");
  AppendOptions(&out, CommonOptions());
  AppendTerm(&out, "-h, --help", "Print this help");
  out.append("\nExamples:\n");
  for (const Example& example : verb.examples) {
    out += fmt::format("  {}\n", example.command);
    AppendWrapped(&out, "      ", 6, example.about);
  }
  AppendExits(&out, ExitsOf(verb));
  return out;
}

}  // namespace kyro::kyroctl
