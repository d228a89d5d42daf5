// SPDX-License-Identifier: Apache-2.0
//
// The command line: what there is to say, and which command answers it.
#include "kyroctl/run.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "kyroctl/command_line.h"
#include "kyroctl/manual.h"
#include "kyroctl/output.h"

namespace kyro::kyroctl {
namespace {

// Asked of a command line that cannot be parsed: its error is to be in JSON too.
bool AsksForJson(const std::vector<std::string>& args) {
  const auto end = std::find(args.begin(), args.end(), "--");
  return std::find(args.begin(), end, "--json") != end;
}

std::string AnswerOf(const CommandLine& line) {
  switch (line.asks) {
    case CommandLine::Asks::kManual:
      return ManualPage();
    case CommandLine::Asks::kCompletion:
      return CompletionScript(line.shell);
    case CommandLine::Asks::kVersion:
      return "kyroctl " + std::string(ProgramVersion()) + "\n";
    default:
      return line.verb == nullptr ? HelpText() : HelpText(*line.verb);
  }
}

int RunOrThrow(const std::vector<std::string>& args, const Streams& streams) {
  const auto line = ParseCommandLine(args);
  if (!line.ok()) return Output(streams, AsksForJson(args)).Fail(line.status());
  Output output(streams, line->request.json, line->request.quiet);
  if (line->asks == CommandLine::Asks::kRun) return line->verb->run(line->request, output);
  output.Write(AnswerOf(*line));
  return output.Done();
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
