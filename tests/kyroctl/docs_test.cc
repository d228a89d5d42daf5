// SPDX-License-Identifier: Apache-2.0
//
// What docs/kyroctl.md shows is what happens: its ```sh blocks are run from top to bottom, and each
// command must print the lines that follow it. `...` stands for any text within a line; a line of
// only `...` for any lines.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "kyroctl/ctl.h"

namespace kyro::kyroctl {
namespace {

struct Step {
  std::string command;
  std::vector<std::string> lines;  // expected
  int line = 0;                    // in the page
};

// A line that starts with "$ " is a command; what follows is its output.
std::vector<Step> StepsOf(const std::string& page) {
  std::vector<Step> steps;
  std::ifstream file(page);
  bool inside = false;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside && line.starts_with("$ ")) {
      steps.push_back({.command = line.substr(2), .line = number});
    } else if (inside && !steps.empty()) {
      steps.back().lines.push_back(line);
    }
  }
  return steps;
}

std::regex PatternOf(const std::vector<std::string>& lines) {
  std::string pattern;
  for (const std::string& line : lines) {
    if (line == "...") {
      pattern += "(?:.*\\n)*";
      continue;
    }
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line.compare(i, 3, "...") == 0) {
        pattern += ".*";
        i += 2;
      } else {
        if (std::string("\\^$.|?*+()[]{}").find(line[i]) != std::string::npos) pattern += '\\';
        pattern += line[i];
      }
    }
    pattern += "\\n";
  }
  return std::regex(pattern);
}

TEST(Docs, ShowWhatHappens) {
  const auto steps = StepsOf(KYRO_SOURCE_DIR "/docs/kyroctl.md");
  ASSERT_GE(steps.size(), 15u);
  TempDir dir;
  for (const Step& step : steps) {
    const Answer answer = Shell("exec 2>&1; " + step.command, dir.path());
    // A value without a line end is shown on a line of its own.
    const std::string shown =
        answer.out.empty() || answer.out.ends_with('\n') ? answer.out : answer.out + "\n";
    EXPECT_TRUE(std::regex_match(shown, PatternOf(step.lines)))
        << "docs/kyroctl.md:" << step.line << ": " << step.command << " printed\n"
        << answer.out;
  }
}

}  // namespace
}  // namespace kyro::kyroctl
