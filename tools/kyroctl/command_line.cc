// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "kyroctl/manual.h"

namespace kyro::kyroctl {
namespace {

// Hands the tree to CLI11 and collects what it finds in a CommandLine.
class Parser {
 public:
  Parser() : app_("", "kyroctl") {
    app_.set_help_flag("-h,--help");
    app_.set_version_flag("--version", "");
    app_.require_subcommand(1);
    AddOptions(&app_, CommonOptions());
    AddGenerators();
    for (const Verb& verb : Verbs()) AddVerb(verb);
  }

  // Throws CLI::ParseError.
  void Parse(std::vector<std::string> args) {
    std::reverse(args.begin(), args.end());  // as CLI11 wants them
    app_.parse(std::move(args));
  }

  // Of the help that was asked for; null: of kyroctl.
  const Verb* AskedVerb() const {
    const auto given = app_.get_subcommands();
    return given.empty() ? nullptr : FindVerb(given.front()->get_name());
  }

  // Why there is no verb.
  Status NoVerb() const {
    const auto left = app_.remaining();
    std::string what = "give a command";
    if (!left.empty()) {
      what = fmt::format("there is no {} \"{}\"",
                         left.front().starts_with('-') ? "option" : "command", left.front());
    }
    return Status(StatusCode::kInvalidArgument, what + "; see kyroctl --help");
  }

  CommandLine line;

 private:
  // What the build asks for. Nobody types these, so no help lists them.
  void AddGenerators() {
    app_.add_flag_callback("--print-manual", [] { throw CLI::CallForAllHelp(); });
    app_.add_option_function<std::string>("--print-completion",
                                          [this](const std::string& shell) {
                                            line.shell = shell;
                                            throw CLI::CallForAllHelp();
                                          })
        ->check(CLI::IsMember(CompletionShells()))
        ->trigger_on_parse();
  }

  void AddVerb(const Verb& verb) {
    CLI::App* const sub = app_.add_subcommand(verb.name);
    sub->set_help_flag("-h,--help");
    // On every verb as well as before it, so that they may stand on either side. Fallthrough would
    // do the same, but take the key "get" in `put DB get 1` for a verb.
    AddOptions(sub, CommonOptions());
    AddOptions(sub, verb.options);
    for (const Argument& argument : verb.arguments) {
      // As a function: CLI11 would read "[1,2]" as a list.
      CLI::Option* const added = sub->add_option_function<std::string>(
          argument.name,
          [this, field = argument.field](const std::string& text) { line.request.*field = text; });
      if (argument.required) added->required();
    }
    sub->final_callback([this, &verb] { line.verb = &verb; });
  }

  void AddOptions(CLI::App* app, const std::vector<Option>& options) {
    for (const Option& option : options) {
      const std::string names =
          option.letter == '\0' ? option.name : fmt::format("-{},{}", option.letter, option.name);
      if (option.is_flag()) {
        app->add_flag_callback(names, [this, &option] { Set(option, {}); })
            ->disable_flag_override();
      } else {
        app->add_option_function<std::string>(
               names, [this, &option](const std::string& text) { Set(option, text); })
            ->type_name(option.value);
      }
    }
  }

  void Set(const Option& option, const std::string& text) {
    const auto& choices = option.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
      throw CLI::ValidationError(
          fmt::format("{}: give {}", option.name, fmt::join(choices, " or ")));
    }
    const Status status = option.set(&line.request, text);
    if (!status.ok()) {
      throw CLI::ValidationError(fmt::format("{}: {}", option.name, status.message()));
    }
  }

  CLI::App app_;
};

std::string FirstLine(std::string text) {
  text.resize(std::min(text.size(), text.find('\n')));
  return text;
}

Status WrongUsage(const CLI::ParseError& error, const Verb* verb) {
  return Status(StatusCode::kInvalidArgument,
                fmt::format("{}; see kyroctl {}--help", FirstLine(error.what()),
                            verb == nullptr ? "" : verb->name + " "));
}

}  // namespace

Result<CommandLine> ParseCommandLine(std::vector<std::string> args) {
  Parser parser;
  CommandLine& line = parser.line;
  try {
    parser.Parse(std::move(args));
    if (line.request.keyspace_given) line.request.keyspace = *line.request.keyspace_given;
  } catch (const CLI::CallForHelp&) {
    line.asks = CommandLine::Asks::kHelp;
    line.verb = parser.AskedVerb();
  } catch (const CLI::CallForAllHelp&) {
    line.asks = line.shell.empty() ? CommandLine::Asks::kManual : CommandLine::Asks::kCompletion;
  } catch (const CLI::CallForVersion&) {
    line.asks = CommandLine::Asks::kVersion;
  } catch (const CLI::RequiredError& error) {
    if (parser.AskedVerb() == nullptr) return parser.NoVerb();
    return WrongUsage(error, parser.AskedVerb());
  } catch (const CLI::ParseError& error) {
    return WrongUsage(error, parser.AskedVerb());
  }
  return std::move(line);
}

}  // namespace kyro::kyroctl
