// SPDX-License-Identifier: Apache-2.0
//
// A strict reader of OpenMetrics 1.0 text: it takes what the specification's grammar and its MUSTs
// allow, as far as kyro uses them, and refuses anything else.
#ifndef KYRO_TESTS_DB_OPENMETRICS_H_
#define KYRO_TESTS_DB_OPENMETRICS_H_

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kyro::db {

struct MetricSample {
  std::string name;
  std::vector<std::pair<std::string, std::string>> labels;  // in order, unescaped
  std::string value;                                        // as it stands
  std::string text;                                         // the line
};

struct MetricFamily {
  std::string name, type, unit, help;
  std::vector<MetricSample> samples;
};

// In order. On any breach of the format `*problem` says which, with the line; it is empty if the
// text is sound.
std::vector<MetricFamily> ParseOpenMetrics(const std::string& text, std::string* problem);

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_OPENMETRICS_H_
