// SPDX-License-Identifier: Apache-2.0
//
// Bytes as text and back: UTF-8, base64, hexadecimal, numbers. Pure functions; any thread.
#ifndef KYRO_TOOLS_KYROCTL_TEXT_H_
#define KYRO_TOOLS_KYROCTL_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kyro::kyroctl {

// Well-formed as Unicode's table 3-7 has it: no surrogates, nothing overlong, at most U+10FFFF.
bool IsUtf8(std::string_view bytes) noexcept;

// RFC 4648, section 4, padded. Decoding accepts exactly what encoding writes.
void AppendBase64(std::string* out, std::string_view bytes);
std::optional<std::string> DecodeBase64(std::string_view text);

// Two digits per byte, upper or lower case.
std::optional<std::string> DecodeHex(std::string_view text);

// Decimal digits, or 0x and hexadecimal ones, and nothing else; at most 2^64-1.
std::optional<std::uint64_t> ParseU64(std::string_view text) noexcept;

// For a line on a terminal: printable UTF-8 stands for itself, a backslash is doubled, tab and the
// line ends are \t \n \r, every other byte is \xNN.
std::string Printable(std::string_view bytes);

// A JSON string with its quotes. Requires IsUtf8.
void AppendJsonString(std::string* out, std::string_view utf8);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_TEXT_H_
