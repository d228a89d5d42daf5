// SPDX-License-Identifier: Apache-2.0
//
// What the compiler cannot hold the tree to. Every rule returns one line per offence:
// "lib/wal/reader.cc:17: calls mmap: only lib/io may".
#ifndef KYRO_TESTS_STRUCTURE_RULES_H_
#define KYRO_TESTS_STRUCTURE_RULES_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "structure/source.h"

namespace kyro::structure {

using Problems = std::vector<std::string>;

// Rooms include only rooms below them; tools only the public API and the inspection door; public
// headers only each other and the standard library.
Problems CheckIncludes(const Source& source);

// lib/ reaches the world through lib/io alone: no system calls, threads, clocks, random bytes or
// bare mutexes elsewhere.
Problems CheckSeams(const Source& source);

// lib/ does not print, end the process, throw, ask for types at run time, or handle signals.
Problems CheckManners(const Source& source);

// At most kFunctionLinesMax lines from a function's first line to its closing brace.
inline constexpr int kFunctionLinesMax = 60;
Problems CheckFunctionSizes(const Source& source);

// Columns, include guards, the licence line.
Problems CheckLayout(const Source& source);
// The licence line alone, for scripts and build files.
Problems CheckLicence(const std::string& path, const std::string& text);

// Each docs/format-*.md names a codec in lib/ and a golden file, each golden file a page.
// `files` maps paths to contents; only docs/ contents are read.
Problems CheckFormats(const std::map<std::string, std::string>& files);

// The planted bugs of lib/base/planted.h are at least so many, each has a switch in a .cc file of
// lib/ (or a kernel, -inl.h), a catcher in tests/proofs/planted.txt, and a row in docs/testing.md
// that says the same.
Problems CheckPlanted(const std::map<std::string, std::string>& files, std::size_t at_least);

}  // namespace kyro::structure

#endif  // KYRO_TESTS_STRUCTURE_RULES_H_
