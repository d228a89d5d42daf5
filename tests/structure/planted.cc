// SPDX-License-Identifier: Apache-2.0
//
// Planted bugs: three lists that must agree, and where their switches may stand.
#include <fmt/format.h>

#include <set>
#include <sstream>

#include "structure/rules.h"

namespace kyro::structure {

namespace {

constexpr const char* kList = "lib/base/planted.h";
constexpr const char* kCatchers = "tests/proofs/planted.txt";
constexpr const char* kPage = "docs/testing.md";

struct Row {
  std::string what;
  std::string program;
};
using Rows = std::map<std::string, Row>;  // by bug

std::string TextOf(const std::map<std::string, std::string>& files, const char* path) {
  const auto found = files.find(path);
  return found == files.end() ? "" : found->second;
}

void Add(const std::string& bug, Row row, const char* where, Rows* rows, Problems* problems) {
  if (!rows->emplace(bug, std::move(row)).second) {
    problems->push_back(fmt::format("{}: {} stands there twice", where, bug));
  }
}

// X(kName, "what is broken"), perhaps in several pieces of a literal.
Rows ParseList(const std::string& text, Problems* problems) {
  Rows rows;
  for (std::size_t at = text.find(" X(k"); at != std::string::npos; at = text.find(" X(k", at)) {
    const std::size_t comma = text.find(',', at);
    const std::string bug = text.substr(at + 3, comma - at - 3);
    std::string what;
    std::size_t i = comma + 1;
    for (bool inside = false; i < text.size() && (inside || text[i] != ')'); ++i) {
      if (text[i] == '"') {
        inside = !inside;
      } else if (inside) {
        what += text[i];
      }
    }
    Add(bug, {what, ""}, kList, &rows, problems);
    at = i;
  }
  return rows;
}

// bug program arguments...
Rows ParseCatchers(const std::string& text, Problems* problems) {
  Rows rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string bug, program;
    words >> bug >> program;
    Add(bug, {"", program}, kCatchers, &rows, problems);
  }
  return rows;
}

// | `bug` | what is broken | `program` |
Rows ParsePage(const std::string& text, Problems* problems) {
  Rows rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("| `k", 0) != 0) continue;
    std::string cells[3];
    std::size_t at = 2;
    for (std::string& cell : cells) {
      const std::size_t end = line.find(" |", at);
      if (end == std::string::npos) break;
      cell = line.substr(at, end - at);
      if (cell.size() > 2 && cell.front() == '`') cell = cell.substr(1, cell.size() - 2);
      at = end + 3;
    }
    Add(cells[0], {cells[1], cells[2]}, kPage, &rows, problems);
  }
  return rows;
}

void Compare(const Rows& list, const Rows& other, const char* where, Problems* problems) {
  for (const auto& [bug, row] : list) {
    const auto found = other.find(bug);
    if (found == other.end()) {
      problems->push_back(fmt::format("{}: no row for {}", where, bug));
    } else if (!found->second.what.empty() && found->second.what != row.what) {
      problems->push_back(fmt::format("{}: {} is \"{}\", but in {} \"{}\"", where, bug,
                                      found->second.what, kList, row.what));
    }
  }
  for (const auto& [bug, row] : other) {
    if (list.count(bug) == 0) {
      problems->push_back(fmt::format("{}: {} is not in {}", where, bug, kList));
    }
  }
}

bool MayHoldSwitches(const std::string& path) {
  return path.rfind("lib/", 0) == 0 && (path.ends_with(".cc") || path.ends_with("-inl.h"));
}

// The bugs that `text` switches on.
std::set<std::string> SwitchesIn(const std::string& text) {
  constexpr std::string_view kSwitch = "KYRO_PLANTED(k";
  std::set<std::string> bugs;
  for (std::size_t at = text.find(kSwitch); at != std::string::npos; at = text.find(kSwitch, at)) {
    at += kSwitch.size();
    bugs.insert("k" + text.substr(at, text.find(')', at) - at));
  }
  return bugs;
}

}  // namespace

Problems CheckPlanted(const std::map<std::string, std::string>& files, std::size_t at_least) {
  Problems problems;
  const Rows list = ParseList(TextOf(files, kList), &problems);
  const Rows catchers = ParseCatchers(TextOf(files, kCatchers), &problems);
  const Rows page = ParsePage(TextOf(files, kPage), &problems);
  Compare(list, catchers, kCatchers, &problems);
  Compare(list, page, kPage, &problems);
  for (const auto& [bug, row] : page) {
    const auto found = catchers.find(bug);
    if (found != catchers.end() && found->second.program != row.program) {
      problems.push_back(fmt::format("{}: {} is caught by {}, but in {} by {}", kPage, bug,
                                     row.program, kCatchers, found->second.program));
    }
  }
  std::set<std::string> switches;
  for (const auto& [path, text] : files) {
    const std::set<std::string> here = SwitchesIn(text);
    if (MayHoldSwitches(path)) switches.insert(here.begin(), here.end());
    // What else includes a header would not know which library it is for.
    if (path.rfind("lib/", 0) == 0 && path != kList && !MayHoldSwitches(path) && !here.empty()) {
      problems.push_back(fmt::format("{}: a switch; they stand in lib/'s .cc files alone", path));
    }
  }
  for (const auto& [bug, row] : list) {
    if (switches.count(bug) == 0)
      problems.push_back(fmt::format("{}: {} has no switch", kList, bug));
  }
  if (list.size() < at_least) {
    problems.push_back(fmt::format("{}: {} bugs, want {}", kList, list.size(), at_least));
  }
  return problems;
}

}  // namespace kyro::structure
