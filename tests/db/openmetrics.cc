// SPDX-License-Identifier: Apache-2.0
#include "db/openmetrics.h"

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <set>
#include <sstream>

namespace kyro::db {
namespace {

using Samples = std::vector<MetricSample>;

const std::map<std::string, std::vector<std::string>>& Suffixes() {
  static const auto* const suffixes = new std::map<std::string, std::vector<std::string>>{
      {"counter", {"_total"}},
      {"gauge", {""}},
      {"histogram", {"_bucket", "_sum", "_count"}},
      {"info", {"_info"}},
      {"stateset", {""}}};
  return *suffixes;
}

bool EndsWith(const std::string& text, const std::string& with) {
  return text.size() >= with.size() && text.substr(text.size() - with.size()) == with;
}

// Reads `name="value",...}` from `*at`, which it moves behind the brace.
std::string ParseLabels(const std::string& line, std::size_t* at, MetricSample* sample) {
  std::set<std::string> names;
  for (;;) {
    std::smatch match;
    static const std::regex name("[a-zA-Z_][a-zA-Z0-9_]*");
    if (!std::regex_search(line.begin() + *at, line.end(), match, name,
                           std::regex_constants::match_continuous)) {
      return "no label name";
    }
    if (!names.insert(match.str()).second) return "a label twice";
    *at += match.length();
    if (line.compare(*at, 2, "=\"") != 0) return "no label value";
    *at += 2;
    std::string value;
    for (; *at < line.size() && line[*at] != '"'; ++*at) {
      if (line[*at] != '\\') {
        value.push_back(line[*at]);
        continue;
      }
      const char escaped = ++*at < line.size() ? line[*at] : '\0';
      if (escaped != 'n' && escaped != '"' && escaped != '\\') return "an unknown escape";
      value.push_back(escaped == 'n' ? '\n' : escaped);
    }
    if (*at >= line.size()) return "an open label value";
    sample->labels.emplace_back(match.str(), value);
    const char behind = line[++*at];
    ++*at;
    if (behind == '}') return "";
    if (behind != ',') return "no comma between labels";
  }
}

std::string ParseSample(const std::string& line, MetricSample* sample) {
  static const std::regex name("[a-zA-Z_:][a-zA-Z0-9_:]*");
  static const std::regex number("[+-]?(?:[0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?)|[+-]Inf|NaN");
  std::smatch match;
  if (!std::regex_search(line, match, name, std::regex_constants::match_continuous)) {
    return "no name";
  }
  sample->name = match.str();
  sample->text = line;
  std::size_t at = match.length();
  if (at < line.size() && line[at] == '{') {
    ++at;
    if (std::string problem = ParseLabels(line, &at, sample); !problem.empty()) return problem;
  }
  if (at >= line.size() || line[at] != ' ') return "no single space before the value";
  sample->value = line.substr(at + 1);
  return std::regex_match(sample->value, number) ? "" : "no number";
}

std::string CheckHistogram(const MetricFamily& family) {
  const Samples& samples = family.samples;
  if (samples.size() < 3) return "too few samples";
  double bound = -1;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 2 < samples.size(); ++i) {
    const MetricSample& bucket = samples[i];
    if (bucket.name != family.name + "_bucket" || bucket.labels.size() != 1 ||
        bucket.labels[0].first != "le") {
      return "no bucket";
    }
    const double le = std::strtod(bucket.labels[0].second.c_str(), nullptr);
    if (le <= bound) return "bounds that do not rise";
    bound = le;
    const std::uint64_t count = std::strtoull(bucket.value.c_str(), nullptr, 10);
    if (count < seen) return "buckets that are not cumulative";
    seen = count;
  }
  const MetricSample& last = samples[samples.size() - 3];
  if (last.labels[0].second != "+Inf") return "no +Inf bucket at the end";
  if (samples[samples.size() - 2].name != family.name + "_sum") return "no sum";
  if (samples.back().name != family.name + "_count") return "no count";
  return samples.back().value == last.value ? "" : "a count that is not the +Inf bucket";
}

std::string CheckFamily(const MetricFamily& family) {
  const auto suffixes = Suffixes().find(family.type);
  if (suffixes == Suffixes().end()) return "an unknown type";
  if (family.help.empty()) return "no help";
  if (!family.unit.empty() && !EndsWith(family.name, "_" + family.unit)) return "a unit not named";
  for (const auto& [type, reserved] : Suffixes()) {
    for (const std::string& suffix : reserved) {
      if (!suffix.empty() && EndsWith(family.name, suffix)) return "a name with a suffix";
    }
  }
  std::set<std::string> seen;
  for (const MetricSample& sample : family.samples) {
    const auto& allowed = suffixes->second;
    if (std::none_of(allowed.begin(), allowed.end(), [&](const std::string& suffix) {
          return sample.name == family.name + suffix;
        })) {
      return "a sample that is not of its family: " + sample.text;
    }
    std::string identity = sample.name;
    for (const auto& [name, value] : sample.labels) identity += '\0' + name + '\0' + value;
    if (!seen.insert(identity).second) return "a sample twice: " + sample.text;
    if (family.type == "info" && sample.value != "1") return "an info that is not 1";
    if (family.type == "counter" && sample.value[0] == '-') return "a counter below 0";
  }
  if (family.samples.empty()) return "no samples";
  return family.type == "histogram" ? CheckHistogram(family) : "";
}

// A line of "# TYPE name text" and the like.
std::string ParseDescription(const std::string& line, std::vector<MetricFamily>* families) {
  std::istringstream words(line.substr(2));
  std::string what, name, text;
  words >> what >> name;
  std::getline(words, text);
  if (text.size() < 2) return "nothing described";
  text.erase(0, 1);
  if (what == "TYPE") {
    families->emplace_back().name = name;
    families->back().type = text;
    return "";
  }
  if (families->empty() || families->back().name != name) return "a family torn apart";
  MetricFamily& family = families->back();
  if (!family.samples.empty()) return "a description behind samples";
  std::string* const to = what == "UNIT" ? &family.unit : what == "HELP" ? &family.help : nullptr;
  if (to == nullptr || !to->empty()) return "an unknown or second description";
  *to = text;
  return "";
}

}  // namespace

std::vector<MetricFamily> ParseOpenMetrics(const std::string& text, std::string* problem) {
  std::vector<MetricFamily> families;
  std::istringstream lines(text);
  bool ended = false;
  problem->clear();
  for (std::string line; problem->empty() && std::getline(lines, line);) {
    if (ended) {
      *problem = "text behind the end";
    } else if (line == "# EOF") {
      ended = true;
    } else if (line.rfind("# ", 0) == 0) {
      *problem = ParseDescription(line, &families);
    } else if (families.empty()) {
      *problem = "a sample of nothing";
    } else {
      *problem = ParseSample(line, &families.back().samples.emplace_back());
    }
    if (!problem->empty()) *problem += ": " + line;
  }
  if (problem->empty() && (!ended || text.back() != '\n')) *problem = "no end";
  std::set<std::string> names;
  for (const MetricFamily& family : families) {
    if (!problem->empty()) break;
    *problem = names.insert(family.name).second ? CheckFamily(family) : "a family twice";
    if (!problem->empty()) *problem = family.name + ": " + *problem;
  }
  return families;
}

}  // namespace kyro::db
