// SPDX-License-Identifier: Apache-2.0
//
// kyroctl.1 in the man macros (groff_man(7)).
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "kyroctl/manual.h"

namespace kyro::kyroctl {
namespace {

// Text as roff reads it back: backslashes and hyphens escaped, no line begins with a control
// character.
std::string Roff(std::string_view text) {
  std::string out;
  if (!text.empty() && (text[0] == '.' || text[0] == '\'')) out += "\\&";
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

void Paragraph(std::string* out, std::string_view text) {
  *out += fmt::format(".PP\n{}\n", Roff(text));
}

// A tagged paragraph.
void Term(std::string* out, std::string_view tag, std::string_view text) {
  *out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", Roff(tag), Roff(text));
}

void AppendOption(std::string* out, const Option& option) {
  *out += ".TP\n";
  if (option.letter != '\0') *out += fmt::format("\\fB\\-{}\\fR, ", option.letter);
  *out += fmt::format("\\fB{}\\fR", Roff(option.name));
  if (!option.is_flag()) *out += fmt::format(" \\fI{}\\fR", Roff(option.value));
  std::string about = option.about;
  if (!option.choices.empty()) about += fmt::format(" ({})", fmt::join(option.choices, ", "));
  *out += fmt::format("\n{}\n", Roff(about));
}

void AppendVerb(std::string* out, const Verb& verb) {
  *out += fmt::format(".SS {}\n.PP\n\\fBkyroctl {}\\fR", Roff(verb.name), Roff(verb.name));
  for (const Argument& argument : verb.arguments) {
    const std::string name = fmt::format("\\fI{}\\fR", Roff(argument.name));
    *out += argument.required ? " " + name : fmt::format(" [{}]", name);
  }
  *out += " [\\fIOPTIONS\\fR]\n";
  Paragraph(out, verb.summary + ". " + verb.description);
  for (const Argument& argument : verb.arguments) Term(out, argument.name, argument.about);
  for (const Option& option : verb.options) AppendOption(out, option);
  for (const Example& example : verb.examples) {
    *out += fmt::format(".PP\n{}:\n.PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", Roff(example.about),
                        Roff(example.command));
  }
  for (const ExitMeaning& exit : verb.exits) {
    Paragraph(out, fmt::format("Exit code {}: {}.", exit.code, exit.about));
  }
}

}  // namespace

std::string ManualPage() {
  std::string out = fmt::format(
      ".TH KYROCTL 1 \"\" \"kyro {}\" \"User Commands\"\n"
      ".SH NAME\nkyroctl \\- reads, writes and looks after a kyro database\n"
      ".SH SYNOPSIS\n"
      "\\fBkyroctl\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR \\fIDB\\fR [\\fIARGUMENTS\\fR] "
      "[\\fIOPTIONS\\fR]\n"
      ".SH DESCRIPTION\n",
      Roff(ProgramVersion()));
  Paragraph(&out,
            "A kyro database is a directory of named keyspaces, each an ordered map from keys of "
            "one kind to values. Keys of a u64 keyspace are typed as 42 or 0x2a; keys of a bytes "
            "keyspace as they are, or with --hex as hex digits. After -- nothing is an option.");
  Paragraph(&out,
            "Answers go to standard output, errors as one line to standard error. With --json an "
            "answer is one object, or one on each line.");
  out += ".SH OPTIONS\n";
  for (const Option& option : CommonOptions()) AppendOption(&out, option);
  Term(&out, "-h, --help", "Print help, of a command after its name");
  Term(&out, "--version", "Print the version");
  out += ".SH COMMANDS\n";
  for (const Verb& verb : Verbs()) AppendVerb(&out, verb);
  out += ".SH EXIT STATUS\n";
  for (const ExitMeaning& exit : CommonExits()) {
    Term(&out, fmt::format("{}", exit.code), exit.about);
  }
  out += ".SH ENVIRONMENT\n";
  Term(&out, "NO_COLOR", "If set and not empty, nothing is coloured");
  Term(&out, "TERM", "If it is dumb, no progress bar is drawn and nothing is coloured");
  return out;
}

}  // namespace kyro::kyroctl
