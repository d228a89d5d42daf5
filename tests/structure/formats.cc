// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "structure/rules.h"

namespace kyro::structure {

namespace {

bool IsPathChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '/' || c == '.' || c == '_' ||
         c == '-';
}

// Every path in `text` that starts with `prefix`, without a sentence's full stop.
std::set<std::string> PathsIn(const std::string& text, const std::string& prefix) {
  std::set<std::string> paths;
  for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix, at)) {
    std::size_t end = at;
    while (end < text.size() && IsPathChar(text[end])) ++end;
    std::string path = text.substr(at, end - at);
    while (!path.empty() && path.back() == '.') path.pop_back();
    // A directory is not yet a file.
    if (path.find('.') != std::string::npos) paths.insert(path);
    at = end;
  }
  return paths;
}

bool StartsWith(const std::string& text, const std::string& with) {
  return text.compare(0, with.size(), with) == 0;
}

}  // namespace

Problems CheckFormats(const std::map<std::string, std::string>& files) {
  Problems problems;
  std::set<std::string> documented;
  for (const auto& [path, text] : files) {
    if (!StartsWith(path, "docs/format-")) continue;
    bool golden = false;
    for (const std::string& named : PathsIn(text, "tests/golden/")) {
      documented.insert(named);
      golden = true;
      if (files.count(named) == 0) problems.push_back(path + ": names " + named + ": not there");
    }
    if (!golden) problems.push_back(path + ": names no golden file");
    bool codec = false;
    for (const std::string& named : PathsIn(text, "lib/")) {
      codec = true;
      if (files.count(named) == 0) problems.push_back(path + ": names " + named + ": not there");
    }
    if (!codec) problems.push_back(path + ": names no codec in lib/");
    std::string lower = text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    for (const char* const want : {"offset", "size", "description", "valid if and only if"}) {
      if (lower.find(want) == std::string::npos) {
        problems.push_back(fmt::format("{}: no \"{}\"", path, want));
      }
    }
  }
  for (const auto& [path, text] : files) {
    if (StartsWith(path, "tests/golden/") && documented.count(path) == 0) {
      problems.push_back(path + ": no docs/format-*.md names it");
    }
  }
  return problems;
}

}  // namespace kyro::structure
