// SPDX-License-Identifier: Apache-2.0
//
// The input is text for kyroctl: a stream of rows, a key, base64, hex. What a parser accepts it
// reads again, the same, from what kyroctl prints of it; what it refuses it refuses with one line.
#include <algorithm>
#include <sstream>

#include "fuzz/fuzz.h"
#include "kyroctl/line_reader.h"
#include "kyroctl/rows.h"
#include "kyroctl/text.h"

namespace kyro::fuzz {
namespace {

constexpr std::size_t kLineBytesMax = 512;

void CheckRefusal(const Status& status) {
  KYRO_REQUIRE(status.code() == StatusCode::kInvalidArgument, status.ToString());
  const std::string text = status.ToString();
  KYRO_REQUIRE(text.find('\n') == std::string::npos, text);
  KYRO_REQUIRE(kyroctl::IsUtf8(text), "an error that is not text");
}

void CheckRow(std::string_view line) {
  kyroctl::Row row;
  const Status status = kyroctl::ParseRow(line, &row);
  if (!status.ok()) return CheckRefusal(status);
  std::string printed;
  if (row.kind == KeyKind::kU64) {
    kyroctl::AppendRow(&printed, row.number, row.value);
  } else {
    kyroctl::AppendRow(&printed, row.bytes, row.value);
  }
  KYRO_REQUIRE(std::count(printed.begin(), printed.end(), '\n') == 1, printed);
  kyroctl::Row again;
  const Status twice = kyroctl::ParseRow(printed, &again);
  KYRO_REQUIRE(twice.ok(), twice.ToString());
  KYRO_REQUIRE(again.kind == row.kind && again.bytes == row.bytes && again.value == row.value,
               printed);
  KYRO_REQUIRE(row.kind != KeyKind::kU64 || again.number == row.number, printed);
}

// The lines of a stream are those that a split at line ends gives, but for blank ones.
void CheckLines(std::string_view text) {
  std::istringstream in{std::string(text)};
  kyroctl::LineReader reader(&in, kLineBytesMax);
  std::string_view rest = text;
  std::string_view line;
  while (reader.Next(&line)) {
    std::string_view want;
    do {
      KYRO_REQUIRE(!rest.empty(), "a line too many");
      const std::size_t end = rest.find('\n');
      want = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    } while (want.find_first_not_of(" \t\r") == std::string_view::npos);
    KYRO_REQUIRE(line == want, "another line");
    CheckRow(line);
  }
  if (!reader.status().ok()) return CheckRefusal(reader.status());
  KYRO_REQUIRE(rest.find_first_not_of(" \t\r\n") == std::string_view::npos, "a line too few");
}

void CheckKeys(std::string_view text) {
  const auto number = kyroctl::ParseKey<U64>(text, false);
  if (number.ok()) {
    const auto again = kyroctl::ParseKey<U64>(kyroctl::KeyForPeople(*number), false);
    KYRO_REQUIRE(again.ok() && *again == *number, std::to_string(*number));
  } else {
    CheckRefusal(number.status());
  }
  const auto plain = kyroctl::ParseKey<Bytes>(text, false);
  KYRO_REQUIRE(plain.ok() && *plain == text, plain.status().ToString());
  const auto hex = kyroctl::ParseKey<Bytes>(text, true);
  if (!hex.ok()) CheckRefusal(hex.status());
  if (hex.ok()) KYRO_REQUIRE(hex->size() * 2 == text.size(), *hex);
}

void CheckText(std::string_view text) {
  std::string base64;
  kyroctl::AppendBase64(&base64, text);
  const auto decoded = kyroctl::DecodeBase64(base64);
  KYRO_REQUIRE(decoded && *decoded == text, base64);
  if (const auto bytes = kyroctl::DecodeBase64(text)) {
    base64.clear();
    kyroctl::AppendBase64(&base64, *bytes);
    KYRO_REQUIRE(base64 == text, "two texts for the same bytes");
  }
  const std::string shown = kyroctl::Printable(text);
  KYRO_REQUIRE(kyroctl::IsUtf8(shown), "printed, it is not text");
  const bool control = std::any_of(shown.begin(), shown.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  KYRO_REQUIRE(!control, "printed, it would drive the terminal");
  // Any value survives a row.
  std::string row;
  kyroctl::AppendRow(&row, text, text);
  kyroctl::Row read;
  const Status status = kyroctl::ParseRow(row, &read);
  KYRO_REQUIRE(status.ok() && read.bytes == text && read.value == text, row);
}

}  // namespace
}  // namespace kyro::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  kyro::fuzz::CheckLines(text);
  kyro::fuzz::CheckRow(text);
  kyro::fuzz::CheckKeys(text);
  kyro::fuzz::CheckText(text);
  return 0;
}
