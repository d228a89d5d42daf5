// SPDX-License-Identifier: Apache-2.0
#include "support/golden.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <vector>

namespace kyro::support {
namespace {

constexpr std::size_t kLineBytes = 16;

std::optional<std::string> ReadFileAt(const std::string& path) {
  std::ifstream file(std::string(KYRO_SOURCE_DIR) + "/" + path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::string HexLine(std::size_t offset, std::string_view bytes) {
  std::string line = fmt::format("{:08x} ", offset);
  std::string text;
  for (std::size_t i = 0; i < kLineBytes; ++i) {
    if (i == kLineBytes / 2) line += ' ';
    if (i >= bytes.size()) {
      line += "   ";
      continue;
    }
    const char c = bytes[i];
    line += fmt::format(" {:02x}", static_cast<unsigned char>(c));
    text += c >= ' ' && c <= '~' ? c : '.';
  }
  return line + "  |" + text + "|\n";
}

// The contents of every ```hex block of a page.
std::vector<std::string> HexBlocks(const std::string& page) {
  std::vector<std::string> blocks;
  std::istringstream lines(page);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (inside && line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back() += line + "\n";
    } else if (line == "```hex") {
      inside = true;
      blocks.emplace_back();
    }
  }
  return blocks;
}

}  // namespace

std::string ReadSourceFile(const std::string& path) {
  std::optional<std::string> text = ReadFileAt(path);
  if (!text.has_value()) ADD_FAILURE() << path << " cannot be read";
  return text.value_or("");
}

std::string HexDump(std::string_view bytes) {
  std::string dump;
  std::string_view before;
  bool starred = false;
  for (std::size_t at = 0; at < bytes.size(); at += kLineBytes) {
    const std::string_view line = bytes.substr(at, kLineBytes);
    const bool repeats = line == before;
    if (!repeats) dump += HexLine(at, line);
    if (repeats && !starred) dump += "*\n";
    starred = repeats;
    before = line;
  }
  return dump + fmt::format("{:08x}\n", bytes.size());
}

void ExpectGolden(const std::string& name, std::string_view bytes) {
  const std::string path = "tests/golden/" + name;
  const char* const update = std::getenv("KYRO_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") {
    std::ofstream file(std::string(KYRO_SOURCE_DIR) + "/" + path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    EXPECT_TRUE(file.good()) << path << " cannot be written";
    return;
  }
  const std::optional<std::string> golden = ReadFileAt(path);
  if (!golden.has_value()) {
    ADD_FAILURE() << path << " cannot be read; KYRO_UPDATE_GOLDEN=1 makes it";
    return;
  }
  if (*golden == bytes) return;
  const auto differ = std::mismatch(golden->begin(), golden->end(), bytes.begin(), bytes.end());
  const std::size_t offset = static_cast<std::size_t>(differ.first - golden->begin());
  ADD_FAILURE() << path << " has " << golden->size() << " bytes, encoded " << bytes.size()
                << "; they differ from offset " << offset << " on. Golden:\n"
                << HexDump(*golden) << "encoded:\n"
                << HexDump(bytes);
}

void ExpectDocShowsGolden(const std::string& page, std::string_view bytes) {
  const std::string dump = HexDump(bytes);
  const std::vector<std::string> blocks = HexBlocks(ReadSourceFile(page));
  if (std::find(blocks.begin(), blocks.end(), dump) != blocks.end()) return;
  ADD_FAILURE() << page << " has " << blocks.size()
                << " ```hex blocks, and none of them is this one:\n```hex\n"
                << dump << "```";
}

}  // namespace kyro::support
