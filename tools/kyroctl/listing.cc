// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kyroctl/text.h"

namespace kyro::kyroctl {

std::string Count(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string Counted(std::uint64_t number, std::string_view what) {
  return fmt::format("{} {}{}", Count(number), what, number == 1 ? "" : "s");
}

std::string Shortened(std::string_view bytes, std::size_t columns) {
  std::string text = Printable(bytes);
  if (text.size() <= columns) return text;
  const auto is_middle_of_character = [&](std::size_t i) {
    return (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
  };
  std::size_t head = columns / 2 - 2, tail = text.size() - (columns - head - 3);
  while (head > 0 && is_middle_of_character(head)) --head;
  while (tail < text.size() && is_middle_of_character(tail)) ++tail;
  return text.substr(0, head) + "..." + text.substr(tail);
}

void AppendWrapped(std::string* out, std::string line, std::size_t column, std::string_view text) {
  bool fresh = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (!fresh && line.size() + 1 + end > kColumns) {
      out->append(line).push_back('\n');
      line.assign(column, ' ');
      fresh = true;
    }
    if (!fresh) line.push_back(' ');
    line.append(text.substr(0, end));
    fresh = false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out->append(line).push_back('\n');
}

std::string RowLine(std::string_view lead, std::string_view key, std::string_view value,
                    std::size_t columns) {
  constexpr std::size_t kTab = 8;
  std::string line(lead);
  line += columns == 0 ? Printable(key) : Shortened(key, columns / 2);
  const std::size_t column = (line.size() / kTab + 1) * kTab;
  line.push_back('\t');
  return line + (columns == 0 ? Printable(value) : Shortened(value, columns - column));
}

void AppendField(std::string* out, std::size_t indent, std::string_view label,
                 std::string_view text) {
  AppendWrapped(out, fmt::format("{:{}}{:<{}}", "", indent, label, kLabelColumns),
                indent + kLabelColumns, text);
}

}  // namespace kyro::kyroctl
