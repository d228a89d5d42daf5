// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/command_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kyroctl/text.h"
#include "kyroctl/verbs.h"

namespace kyro::kyroctl {

const std::vector<Verb>& Verbs() {
  static const auto* const verbs = new std::vector<Verb>{
      // One a line, for those who add to it.
      // clang-format off
      CreateVerb(),
      PutVerb(),
      DeleteVerb(),
      LoadVerb(),
      DropVerb(),
      GetVerb(),
      ScanVerb(),
      DumpVerb(),
      CountVerb(),
      DiffVerb(),
      InspectVerb(),
      ExplainVerb(),
      KeyspacesVerb(),
      CheckpointVerb(),
      SnapshotVerb(),
      RebuildVerb(),
      VerifyVerb(),
      RepairVerb(),
      ReportVerb(),
      BenchVerb(),
      StatsVerb(),
      // clang-format on
  };
  return *verbs;
}

const Verb* FindVerb(std::string_view name) {
  for (const Verb& verb : Verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

const std::vector<Option>& CommonOptions() {
  static const auto* const options = new std::vector<Option>{
      FlagOption("--json", &Request::json, "Answer in JSON, errors too"),
      TextOption("--keyspace", "NAME", &Request::keyspace_given, "Keyspace; unless given: default"),
      FlagOption("--quiet", &Request::quiet, "Draw no progress bar"),
  };
  return *options;
}

const std::vector<ExitMeaning>& CommonExits() {
  static const auto* const exits = new std::vector<ExitMeaning>{
      {.code = kExitOk, .about = "done"},
      {.code = kExitUsage, .about = "the command or its input is wrong"},
      {.code = kExitDamage, .about = "the database is damaged, or a newer kyro wrote it"},
      {.code = kExitLocked, .about = "another process has the database"},
      {.code = kExitFailure,
       .about = "input and output, no space, no such database or keyspace, anything else"},
  };
  return *exits;
}

std::vector<ExitMeaning> ExitsOf(const Verb& verb) {
  std::vector<ExitMeaning> exits = CommonExits();
  exits.insert(exits.end(), verb.exits.begin(), verb.exits.end());
  std::stable_sort(exits.begin(), exits.end(),
                   [](const ExitMeaning& a, const ExitMeaning& b) { return a.code < b.code; });
  return exits;
}

std::string_view GroupTitle(Group group) noexcept {
  switch (group) {
    case Group::kWriting:
      return "Writing";
    case Group::kReading:
      return "Reading";
    case Group::kUpkeep:
      break;
  }
  return "Looking after a database";
}

Argument DbArgument() {
  return {.name = "DB",
          .about = "Directory of the database",
          .field = &Request::db,
          .completes = Completes::kDirectory};
}

Argument KeyArgument() {
  return {
      .name = "KEY", .about = "Key: 42 or 0x2a; for bytes keys as typed", .field = &Request::key};
}

Option FlagOption(std::string name, bool Request::*field, std::string about) {
  Option option;
  option.name = std::move(name);
  option.about = std::move(about);
  option.set = [field](Request* request, const std::string&) {
    request->*field = true;
    return Status::Ok();
  };
  return option;
}

Option TextOption(std::string name, std::string value, std::optional<std::string> Request::*field,
                  std::string about) {
  Option option;
  option.name = std::move(name);
  option.value = std::move(value);
  option.about = std::move(about);
  option.set = [field](Request* request, const std::string& text) {
    request->*field = text;
    return Status::Ok();
  };
  return option;
}

Option NumberOption(std::string name, std::uint64_t Request::*field, std::uint64_t least,
                    std::uint64_t most, std::string about) {
  Option option;
  option.name = std::move(name);
  option.value = "N";
  option.about = std::move(about);
  option.set = [=](Request* request, const std::string& text) {
    const auto number = ParseU64(text);
    if (!number || *number < least || *number > most) {
      return Status(StatusCode::kInvalidArgument,
                    fmt::format("give a number from {} to {}", least, most));
    }
    request->*field = *number;
    return Status::Ok();
  };
  return option;
}

Option HexOption() {
  return FlagOption("--hex", &Request::hex, "Bytes keys are given as hex digits");
}

Option KeysOption(std::string about) {
  Option option;
  option.name = "--keys";
  option.value = "KIND";
  option.about = std::move(about);
  option.choices = {"u64", "bytes"};
  option.set = [](Request* request, const std::string& text) {
    request->keys = text == "u64" ? KeyKind::kU64 : KeyKind::kBytes;
    return Status::Ok();
  };
  return option;
}

std::vector<Option> RangeOptions() {
  return {TextOption("--from", "KEY", &Request::from, "First key, inclusive"),
          TextOption("--to", "KEY", &Request::to, "Last key, exclusive"),
          TextOption("--prefix", "BYTES", &Request::prefix, "Only bytes keys that begin so"),
          HexOption()};
}

std::vector<Option> WalkOptions() {
  std::vector<Option> options = RangeOptions();
  options.push_back(
      NumberOption("--limit", &Request::limit, 0, ~std::uint64_t{0}, "Print at most N rows"));
  options.push_back(FlagOption("--reverse", &Request::reverse, "Largest key first"));
  return options;
}

}  // namespace kyro::kyroctl
