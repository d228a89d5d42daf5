// SPDX-License-Identifier: Apache-2.0
//
// Completion scripts for bash, fish and zsh. Each is one file that stands alone: bash's needs no
// bash-completion package.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "kyroctl/manual.h"

namespace kyro::kyroctl {
namespace {

// 'text' for a shell; a quote inside is closed, escaped and opened again.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out.push_back(c);
    }
  }
  return out + "'";
}

std::vector<Option> AllOptionsOf(const Verb* verb) {
  std::vector<Option> options = CommonOptions();
  if (verb != nullptr) options.insert(options.end(), verb->options.begin(), verb->options.end());
  options.push_back({.name = "--help", .letter = 'h', .about = "Print help"});
  if (verb == nullptr) options.push_back({.name = "--version", .about = "Print the version"});
  return options;
}

std::string NamesOf(const std::vector<Option>& options) {
  std::string names;
  for (const Option& option : options) {
    if (!names.empty()) names.push_back(' ');
    if (option.letter != '\0') names += fmt::format("-{} ", option.letter);
    names += option.name;
  }
  return names;
}

std::string_view BashWords(Completes completes) noexcept {
  switch (completes) {
    case Completes::kDirectory:
      return "-d";
    case Completes::kFile:
      return "-f";
    case Completes::kNothing:
      break;
  }
  return "";
}

// ---- bash -------------------------------------------------------------------------------------

// Cases of "verb option": what may follow an option that takes a value.
std::string BashValues(const Verb* verb) {
  std::string out;
  for (const Option& option : AllOptionsOf(verb)) {
    if (option.is_flag()) continue;
    std::string pattern = fmt::format("{}:{}", verb == nullptr ? "" : verb->name, option.name);
    if (option.letter != '\0') {
      pattern += fmt::format("|{}:-{}", verb == nullptr ? "" : verb->name, option.letter);
    }
    std::string words(BashWords(option.completes));
    if (!option.choices.empty())
      words = fmt::format("-W {}", Quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    out += fmt::format("    {}) words=({}); takes=1 ;;\n", pattern, words);
  }
  return out;
}

// A verb's case: its options, and what each of its arguments completes to.
std::string BashVerb(const Verb& verb) {
  std::string out = fmt::format("    {})\n      options={}\n      case $count in\n", verb.name,
                                Quoted(NamesOf(AllOptionsOf(&verb))));
  for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
    const std::string_view words = BashWords(verb.arguments[i].completes);
    if (!words.empty()) out += fmt::format("        {}) words=({}) ;;\n", i, words);
  }
  return out + "      esac ;;\n";
}

std::string BashScript() {
  std::string verbs, values = BashValues(nullptr), cases;
  for (const Verb& verb : Verbs()) {
    verbs += (verbs.empty() ? "" : " ") + verb.name;
    values += BashValues(&verb);
    cases += BashVerb(verb);
  }
  return fmt::format(R"(# bash completion for kyroctl. Made from its command tree.
# _kyroctl_value VERB OPTION: sets words, and takes if the option takes a value.
_kyroctl_value() {{
  takes=0
  case $1:$2 in
{}  esac
}}

_kyroctl() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} verb='' options={} takes=0 skip=0 count=0 i
  local -a words=()
  COMPREPLY=()
  # The verb, and how many arguments stand after it.
  for ((i = 1; i < COMP_CWORD; ++i)); do
    if ((skip)); then skip=0; continue; fi
    case ${{COMP_WORDS[i]}} in
      -*) _kyroctl_value "$verb" "${{COMP_WORDS[i]}}"; skip=$takes ;;
      *) if [[ -z $verb ]]; then verb=${{COMP_WORDS[i]}}; else ((++count)); fi ;;
    esac
  done
  words=()
  if ((skip)); then
    _kyroctl_value "$verb" "${{COMP_WORDS[COMP_CWORD - 1]}}"
    ((${{#words[@]}})) && mapfile -t COMPREPLY < <(compgen "${{words[@]}}" -- "$word")
    return
  fi
  case $verb in
    '') words=(-W {}) ;;
{}  esac
  [[ $word == -* ]] && words=(-W "$options")
  ((${{#words[@]}})) && mapfile -t COMPREPLY < <(compgen "${{words[@]}}" -- "$word")
}}
complete -o filenames -F _kyroctl kyroctl
)",
                     values, Quoted(NamesOf(AllOptionsOf(nullptr))), Quoted(verbs), cases);
}

// ---- fish -------------------------------------------------------------------------------------

std::string FishOption(const Option& option, std::string_view condition) {
  std::string line = fmt::format("complete -c kyroctl {} -l {}", condition, option.name.substr(2));
  if (option.letter != '\0') line += fmt::format(" -s {}", option.letter);
  if (!option.is_flag()) line += option.completes == Completes::kNothing ? " -x" : " -r -F";
  if (!option.choices.empty()) {
    line += fmt::format(" -a {}", Quoted(fmt::format("{}", fmt::join(option.choices, " "))));
  }
  return line + fmt::format(" -d {}\n", Quoted(option.about));
}

// fish shares bash's and zsh's quoting of these texts: none holds a backslash.
std::string FishScript() {
  std::string verbs, out = "# fish completion for kyroctl. Made from its command tree.\n";
  for (const Verb& verb : Verbs()) verbs += (verbs.empty() ? "" : " ") + verb.name;
  const std::string none = fmt::format("-n 'not __fish_seen_subcommand_from {}'", verbs);
  for (const Verb& verb : Verbs()) {
    out += fmt::format("complete -c kyroctl {} -f -a {} -d {}\n", none, verb.name,
                       Quoted(verb.summary));
  }
  for (const Option& option : AllOptionsOf(nullptr)) out += FishOption(option, none);
  for (const Verb& verb : Verbs()) {
    const std::string condition = fmt::format("-n '__fish_seen_subcommand_from {}'", verb.name);
    for (const Option& option : AllOptionsOf(&verb)) out += FishOption(option, condition);
  }
  return out;
}

// ---- zsh --------------------------------------------------------------------------------------

// _arguments gives brackets and colons a meaning.
std::string ZshText(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string_view ZshAction(Completes completes) noexcept {
  switch (completes) {
    case Completes::kDirectory:
      return "_files -/";
    case Completes::kFile:
      return "_files";
    case Completes::kNothing:
      break;
  }
  return " ";
}

std::string ZshOption(const Option& option) {
  std::string action(ZshAction(option.completes));
  if (!option.choices.empty()) action = fmt::format("({})", fmt::join(option.choices, " "));
  std::string tail = fmt::format("[{}]", ZshText(option.about));
  if (!option.is_flag()) tail += fmt::format(":{}:{}", ZshText(option.value), action);
  std::string out = fmt::format("        {} \\\n", Quoted(option.name + tail));
  if (option.letter != '\0') {
    out += fmt::format("        {} \\\n", Quoted(fmt::format("-{}{}", option.letter, tail)));
  }
  return out;
}

std::string ZshVerb(const Verb& verb) {
  std::string out = fmt::format("    {})\n      _arguments \\\n", verb.name);
  for (const Option& option : AllOptionsOf(&verb)) out += ZshOption(option);
  for (const Argument& argument : verb.arguments) {
    out += fmt::format("        {} \\\n",
                       Quoted(fmt::format("{}{}:{}", argument.required ? ":" : "::",
                                          ZshText(argument.name), ZshAction(argument.completes))));
  }
  return out + "        && return ;;\n";
}

std::string ZshScript() {
  std::string options, verbs, cases;
  for (const Option& option : AllOptionsOf(nullptr)) options += ZshOption(option);
  for (const Verb& verb : Verbs()) {
    verbs += fmt::format("    {}\n", Quoted(verb.name + ":" + ZshText(verb.summary)));
    cases += ZshVerb(verb);
  }
  return fmt::format(R"(#compdef kyroctl
# zsh completion for kyroctl. Made from its command tree.
_kyroctl() {{
  local curcontext=$curcontext state line
  local -a verbs=(
{}  )
  _arguments -C \
{}        '1:command:->verb' '*::argument:->rest' && return
  case $state in
    verb) _describe command verbs; return ;;
  esac
  case $line[1] in
{}  esac
}}
_kyroctl "$@"
)",
                     verbs, options, cases);
}

}  // namespace

const std::vector<std::string>& CompletionShells() {
  static const auto* const shells = new std::vector<std::string>{"bash", "fish", "zsh"};
  return *shells;
}

std::string CompletionScript(std::string_view shell) {
  if (shell == "fish") return FishScript();
  if (shell == "zsh") return ZshScript();
  return BashScript();
}

}  // namespace kyro::kyroctl
