// SPDX-License-Identifier: Apache-2.0
//
// The command line: what there is to say, and which command answers it.
#include "kyroctl/run.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <string>

#include "kyroctl/output.h"
#include "kyroctl/request.h"
#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

using Command = int (*)(const Request&, Output&);

constexpr const char* kFooter = R"(
DB is a directory. Keys of a u64 keyspace are typed as 42 or 0x2a; keys of a
bytes keyspace as they are, or with --hex as hex digits. After -- nothing is an
option. Only create and load --create make a database; get, scan, dump, inspect
and verify change no file.

Exit codes: 0 done; 1 no (the key is absent, the keyspace exists); 2 wrong
command or input; 3 damaged, or written by a newer kyro; 4 locked by another
process; 5 input and output, no space, no such database, anything else.)";

// Declares the commands' options and remembers which command was given.
class CommandLine {
 public:
  CommandLine() : app_("Reads, writes and looks after a kyro database.", "kyroctl") {
    app_.set_help_flag("-h,--help", "Print help (also: kyroctl COMMAND --help)");
    app_.set_version_flag("--version", "kyroctl " KYRO_VERSION, "Print the version");
    app_.require_subcommand(1);
    app_.footer(kFooter + 1);
    AddCommon(&app_);
    AddWriting();
    AddReading();
    AddAdmin();
  }

  // Throws CLI::ParseError.
  void Parse(std::vector<std::string> args) {
    std::reverse(args.begin(), args.end());  // as CLI11 wants them
    app_.parse(std::move(args));
  }
  // Of the command that was given, or of kyroctl.
  std::string Help() const { return app_.help(); }
  const Request& request() const noexcept { return request_; }
  int Run(Output& output) const { return command_(request_, output); }

 private:
  // Also for every command, so that they may stand on either side of it. Fallthrough would do the
  // same, but take the key "get" in `put DB get 1` for a command.
  void AddCommon(CLI::App* app) {
    app->add_flag("--json", request_.json, "Answer in JSON, errors too");
    app->add_option("--keyspace", request_.keyspace, "Keyspace; unless given: default")
        ->type_name("NAME");
  }

  CLI::App* AddCommand(const std::string& name, const std::string& about, Command command) {
    CLI::App* const sub = app_.add_subcommand(name, about);
    sub->set_help_flag("-h,--help", "Print this help");
    AddCommon(sub);
    AddText(sub, "DB", &request_.db, "Directory of the database");
    sub->final_callback([this, command] { command_ = command; });
    return sub;
  }

  // A positional argument. CLI11 would read "[1,2]" as a list.
  static void AddText(CLI::App* sub, const std::string& name, std::string* text,
                      const std::string& about) {
    sub->add_option_function<std::string>(
           name, [text](const std::string& given) { *text = given; }, about)
        ->required()
        ->type_name("");
  }

  void AddKey(CLI::App* sub) {
    AddText(sub, "KEY", &request_.key, "Key: 42 or 0x2a; for bytes keys as typed");
    AddHex(sub);
  }
  void AddHex(CLI::App* sub) {
    sub->add_flag("--hex", request_.hex, "Bytes keys are given as hex digits");
  }

  void AddKeys(CLI::App* sub, const std::string& about) {
    sub->add_option_function<std::string>(
           "--keys",
           [this](const std::string& kind) {
             request_.keys = kind == "u64" ? KeyKind::kU64 : KeyKind::kBytes;
           },
           about)
        ->type_name("KIND")
        ->check(CLI::IsMember({"u64", "bytes"}).description(""));
  }

  void AddNumber(CLI::App* sub, const std::string& name, std::uint64_t least, std::uint64_t most,
                 std::uint64_t* number, const std::string& about) {
    sub->add_option_function<std::string>(
           name,
           [=](const std::string& text) {
             const auto parsed = ParseU64(text);
             if (!parsed || *parsed < least || *parsed > most) {
               throw CLI::ValidationError(
                   fmt::format("{}: give a number from {} to {}", name, least, most));
             }
             *number = *parsed;
           },
           about)
        ->type_name("N");
  }

  void AddRange(CLI::App* sub) {
    const auto bound = [&](const char* name, std::optional<std::string>* key, const char* about) {
      sub->add_option_function<std::string>(
             name, [key](const std::string& text) { *key = text; }, about)
          ->type_name("KEY");
    };
    bound("--from", &request_.from, "First key, inclusive");
    bound("--to", &request_.to, "Last key, exclusive");
    AddNumber(sub, "--limit", 0, ~std::uint64_t{0}, &request_.limit, "Print at most N rows");
    sub->add_flag("--reverse", request_.reverse, "Largest key first");
    AddHex(sub);
  }

  void AddWriting() {
    AddKeys(AddCommand("create", "Make a database, or a further keyspace in one", &Create),
            "u64 or bytes; unless given: u64");
    CLI::App* const put = AddCommand("put", "Write one row", &Put);
    AddKey(put);
    AddText(put, "VALUE", &request_.value, "Value as typed; - reads standard input");
    AddKey(AddCommand("delete", "Delete one row; exit 1 if there is none", &Delete));
    CLI::App* const load = AddCommand("load", "Write the rows of a file of NDJSON", &Load);
    AddText(load, "FILE", &request_.file, "Lines {\"key\":42,\"value\":\"text\"}; - is stdin");
    AddNumber(load, "--batch", 1, 1000000, &request_.batch, "Rows per commit; unless given: 1000");
    load->add_flag("--create", request_.create, "Make the database and the keyspace");
    AddKeys(load, "With --create; unless given: as the first row");
  }

  void AddReading() {
    AddKey(AddCommand("get", "Print a row's value; exit 1 if there is none", &Get));
    AddRange(AddCommand("scan", "Print rows, a key, a tab and a value each", &ScanRows));
    AddRange(AddCommand("dump", "Print rows as NDJSON, for load", &Dump));
  }

  void AddAdmin() {
    AddCommand("inspect", "Show files, segments, models, log, counters", &Inspect);
    AddCommand("snapshot", "Fold each keyspace into one run of segments", &Snapshot);
    AddCommand("rebuild", "Train every model anew", &Rebuild);
    AddCommand("verify", "Check every byte of every file", &Verify);
  }

  CLI::App app_;
  Request request_;
  Command command_ = nullptr;
};

bool AsksForJson(const std::vector<std::string>& args) {
  const auto end = std::find(args.begin(), args.end(), "--");
  return std::find(args.begin(), end, "--json") != end;
}

int Usage(const CLI::ParseError& error, Output& output) {
  std::string message = error.what();
  message.resize(std::min(message.size(), message.find('\n')));
  return output.Fail(
      Status(StatusCode::kInvalidArgument, fmt::format("{}; see kyroctl --help", message)));
}

int RunOrThrow(const std::vector<std::string>& args, const Streams& streams) {
  Output plain(streams, AsksForJson(args));
  CommandLine line;
  try {
    line.Parse(args);
  } catch (const CLI::CallForHelp&) {
    plain.Write(line.Help());
    return plain.Done();
  } catch (const CLI::CallForVersion& version) {
    plain.Line(version.what());
    return plain.Done();
  } catch (const CLI::ParseError& error) {
    return Usage(error, plain);
  }
  Output output(streams, line.request().json);
  return line.Run(output);
}

}  // namespace

int Run(const std::vector<std::string>& args, const Streams& streams) noexcept {
  try {
    return RunOrThrow(args, streams);
  } catch (const std::exception& error) {
    // Memory, or a stream that was told to throw: commands throw nothing else.
    streams.err << "kyroctl: " << error.what() << '\n';
    return kExitFailure;
  }
}

}  // namespace kyro::kyroctl
