// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/text.h"

#include <array>
#include <charconv>
#include <cstddef>

namespace kyro::kyroctl {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHexDigits = "0123456789abcdef";

unsigned char At(std::string_view bytes, std::size_t i) noexcept {
  return static_cast<unsigned char>(bytes[i]);
}

// The length of the well-formed sequence at `i`, or 0.
std::size_t SequenceLength(std::string_view bytes, std::size_t i) noexcept {
  const unsigned char lead = At(bytes, i);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (bytes.size() - i < length) return 0;
  // The second byte's range rules out overlong forms, surrogates and what is beyond U+10FFFF.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (At(bytes, i + 1) < low || At(bytes, i + 1) > high) return 0;
  for (std::size_t k = 2; k < length; ++k) {
    if ((At(bytes, i + k) & 0xc0) != 0x80) return 0;
  }
  return length;
}

int Base64Value(char c) noexcept {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

int HexValue(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendHexEscape(std::string* out, std::string_view prefix, unsigned char byte) {
  out->append(prefix);
  out->push_back(kHexDigits[byte >> 4]);
  out->push_back(kHexDigits[byte & 15]);
}

// The letter of a two-character escape that JSON and terminals share, or 0.
char ShortEscape(unsigned char byte) noexcept {
  switch (byte) {
    case '\t':
      return 't';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\\':
      return '\\';
    default:
      return 0;
  }
}

}  // namespace

bool IsUtf8(std::string_view bytes) noexcept {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t length = SequenceLength(bytes, i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

void AppendBase64(std::string* out, std::string_view bytes) {
  out->reserve(out->size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = static_cast<std::uint32_t>(At(bytes, i)) << 16;
    if (left > 1) group |= static_cast<std::uint32_t>(At(bytes, i + 1)) << 8;
    if (left > 2) group |= At(bytes, i + 2);
    out->push_back(kBase64Digits[group >> 18]);
    out->push_back(kBase64Digits[(group >> 12) & 63]);
    out->push_back(left > 1 ? kBase64Digits[(group >> 6) & 63] : '=');
    out->push_back(left > 2 ? kBase64Digits[group & 63] : '=');
  }
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t digits = 4;
    if (i + 4 == text.size()) {
      while (digits > 2 && text[i + digits - 1] == '=') --digits;
    }
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int value = k < digits ? Base64Value(text[i + k]) : 0;
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    // Bits below the last whole byte are zero in what an encoder writes.
    const std::uint32_t spare = digits == 2 ? 0xffff : digits == 3 ? 0xff : 0;
    if ((group & spare) != 0) return std::nullopt;
    for (std::size_t k = 0; k + 1 < digits; ++k) {
      bytes.push_back(static_cast<char>(group >> (16 - 8 * k) & 0xff));
    }
  }
  return bytes;
}

std::optional<std::string> DecodeHex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = HexValue(text[i]), low = HexValue(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return bytes;
}

std::optional<std::uint64_t> ParseU64(std::string_view text) noexcept {
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
    base = 16;
    text.remove_prefix(2);
  }
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return number;
}

std::string Printable(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t i = 0; i < bytes.size();) {
    const unsigned char byte = At(bytes, i);
    const std::size_t length = SequenceLength(bytes, i);
    // U+0080 to U+009F are control characters to a terminal, as are those below U+0020.
    const bool control =
        byte < 0x20 || byte == 0x7f || (length == 2 && byte == 0xc2 && At(bytes, i + 1) < 0xa0);
    if (const char letter = ShortEscape(byte)) {
      out.push_back('\\');
      out.push_back(letter);
    } else if (length == 0 || control) {
      for (std::size_t k = 0; k < (length == 0 ? 1 : length); ++k) {
        AppendHexEscape(&out, "\\x", At(bytes, i + k));
      }
    } else {
      out.append(bytes.substr(i, length));
    }
    i += length == 0 ? 1 : length;
  }
  return out;
}

void AppendJsonString(std::string* out, std::string_view utf8) {
  out->push_back('"');
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if (const char letter = c == '"' ? '"' : ShortEscape(byte)) {
      out->push_back('\\');
      out->push_back(letter);
    } else if (byte < 0x20) {
      AppendHexEscape(out, "\\u00", byte);
    } else {
      out->push_back(c);
    }
  }
  out->push_back('"');
}

}  // namespace kyro::kyroctl
