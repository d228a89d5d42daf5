// SPDX-License-Identifier: Apache-2.0
//
// The input is a file for `kyroctl load`: CSV, SOSD keys or rows. In whatever pieces a parser is
// fed it reads the same records and refuses at the same place; CSV that is accepted reads the same
// when it is written out with every field in quotes; SOSD keys are the words of the file.
#include <algorithm>
#include <sstream>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "fuzz/fuzz.h"
#include "kyroctl/csv.h"
#include "kyroctl/row_source.h"
#include "kyroctl/sosd.h"
#include "kyroctl/text.h"

namespace kyro::fuzz {
namespace {

using kyroctl::CsvParser;
using kyroctl::SosdParser;

// What a parser made of a text.
struct Parsed {
  std::vector<std::pair<std::string, std::string>> records;
  bool wrong = false;
  std::string error;
  std::uint64_t line = 0, column = 0;  // of CSV that is wrong
  friend bool operator==(const Parsed&, const Parsed&) = default;
};

std::pair<std::string, std::string> RecordOf(const CsvParser& parser) {
  return {parser.key(), parser.value()};
}
std::pair<std::string, std::string> RecordOf(const SosdParser& parser) {
  return {std::to_string(parser.position()), std::to_string(parser.key())};
}
void Place(const CsvParser& parser, Parsed* parsed) {
  parsed->line = parser.line();
  parsed->column = parser.column();
}
void Place(const SosdParser&, Parsed*) {}

// Feeds `text` in pieces of `piece` bytes.
template <class Parser>
Parsed Parse(std::string_view text, std::size_t piece) {
  using Step = typename Parser::Step;
  Parser parser;
  Parsed parsed;
  Step step = Step::kMore;
  for (std::string_view rest = text; !rest.empty() && step != Step::kWrong;) {
    std::size_t used = 0;
    const std::string_view fed = rest.substr(0, piece);
    step = parser.Feed(fed, &used);
    KYRO_REQUIRE(used <= fed.size(), "more was used than there was");
    KYRO_REQUIRE(step != Step::kMore || used == fed.size(), "not everything was used");
    if (step != Step::kMore && step != Step::kWrong) parsed.records.push_back(RecordOf(parser));
    rest.remove_prefix(used);
  }
  while (step != Step::kWrong) {
    step = parser.Finish();
    if (step == Step::kMore) return parsed;
    if (step != Step::kWrong) parsed.records.push_back(RecordOf(parser));
    KYRO_REQUIRE(parsed.records.size() <= text.size(), "an end without an end");
  }
  parsed.wrong = true;
  parsed.error = parser.error();
  Place(parser, &parsed);
  std::size_t used = 0;
  KYRO_REQUIRE(parser.Feed("x", &used) == Step::kWrong, "wrong, but it goes on");
  KYRO_REQUIRE(!parsed.error.empty() && parsed.error.find('\n') == std::string::npos &&
                   kyroctl::IsUtf8(parsed.error),
               parsed.error);
  return parsed;
}

template <class Parser>
Parsed ParseInPieces(std::string_view text) {
  Parsed whole = Parse<Parser>(text, text.size() + 1);
  for (const std::size_t piece : {1, 3, 8}) {
    KYRO_REQUIRE(Parse<Parser>(text, piece) == whole, "in pieces it is another text");
  }
  return whole;
}

void AppendQuoted(std::string_view field, std::string* out) {
  out->push_back('"');
  for (const char c : field) out->append(c == '"' ? 2 : 1, c);
  out->push_back('"');
}

// A table of any bytes, written out, is read as it was.
void CheckWritten(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string written = "key,value\r\n";
  for (const auto& [key, value] : records) {
    AppendQuoted(key, &written);
    written.push_back(',');
    AppendQuoted(value, &written);
    written.append("\r\n");
  }
  const Parsed read = ParseInPieces<CsvParser>(written);
  KYRO_REQUIRE(!read.wrong && read.records == records, "written out, it is another table");
}

void CheckCsv(std::string_view text) {
  const std::size_t half = text.size() / 2;
  CheckWritten({{std::string(text.substr(0, half)), std::string(text.substr(half))}});
  const Parsed parsed = ParseInPieces<CsvParser>(text);
  if (parsed.wrong) {
    const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    KYRO_REQUIRE(parsed.line >= 1 && parsed.line <= lines + 1, std::to_string(parsed.line));
    KYRO_REQUIRE(parsed.column >= 1 && parsed.column <= text.size() + 1,
                 std::to_string(parsed.column));
  }
  CheckWritten(parsed.records);
}

void CheckSosd(std::string_view text) {
  const Parsed parsed = ParseInPieces<SosdParser>(text);
  const std::uint64_t count = text.size() < 8 ? 0 : LoadLE<std::uint64_t>(text.data());
  KYRO_REQUIRE(
      parsed.wrong == (text.size() < 8 || text.size() % 8 != 0 || text.size() / 8 - 1 != count),
      parsed.error);
  for (std::size_t i = 0; i < parsed.records.size(); ++i) {
    const auto word = LoadLE<std::uint64_t>(text.data() + 8 * (i + 1));
    KYRO_REQUIRE(parsed.records[i] == std::pair(std::to_string(i), std::to_string(word)),
                 std::to_string(i));
  }
}

// As load reads it: rows until an error that says where.
void CheckSource(kyroctl::RowFormat format, std::string_view text) {
  std::istringstream in{std::string(text)};
  const auto source = kyroctl::MakeRowSource(format, &in);
  kyroctl::Row row;
  std::uint64_t rows = 0;
  while (source->Next(&row)) KYRO_REQUIRE(++rows <= text.size(), "rows out of nothing");
  if (source->status().ok()) return;
  RequireTyped(source->status());
  KYRO_REQUIRE(!source->Place().empty(), "an error without a place");
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kyro::fuzz::CheckCsv(text);
  kyro::fuzz::CheckSosd(text);
  for (const auto format : {kyro::kyroctl::RowFormat::kCsv, kyro::kyroctl::RowFormat::kSosd,
                            kyro::kyroctl::RowFormat::kNdjson}) {
    kyro::fuzz::CheckSource(format, text);
  }
  return 0;
}
