// SPDX-License-Identifier: Apache-2.0
//
// Golden files: the bytes of each format as they were agreed on. A test encodes a fixed example and
// compares it with tests/golden/NAME; the format's page in docs/ shows the same bytes as a hex
// dump. KYRO_UPDATE_GOLDEN=1 in the environment rewrites the file instead of comparing; the page is
// changed by hand.
#ifndef KYRO_TESTS_SUPPORT_GOLDEN_H_
#define KYRO_TESTS_SUPPORT_GOLDEN_H_

#include <string>
#include <string_view>

namespace kyro::support {

// `path` is relative to the source tree. Adds a test failure and returns "" if it cannot be read.
std::string ReadSourceFile(const std::string& path);

// "00000010  4b 59 52 4f 00 00 00 00  01 00 00 00 00 00 00 00  |KYRO............|": 16 bytes a line
// with their offset, as hexdump -C prints them. A run of lines that repeat the one before is a
// single "*". The last line is the length alone. Every line ends in a newline.
std::string HexDump(std::string_view bytes);

// A test failure unless `bytes` are those of tests/golden/`name`. The failure shows the first
// offset that differs.
void ExpectGolden(const std::string& name, std::string_view bytes);

// A test failure unless the page has, between a line "```hex" and a line "```", exactly
// HexDump(bytes). The failure prints the dump, ready to be pasted.
void ExpectDocShowsGolden(const std::string& page, std::string_view bytes);

}  // namespace kyro::support

#endif  // KYRO_TESTS_SUPPORT_GOLDEN_H_
