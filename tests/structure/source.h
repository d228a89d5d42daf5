// SPDX-License-Identifier: Apache-2.0
//
// C++ source as the structure rules see it: tokens without comments, and include lines. Not a
// parser: it knows what this tree's formatter lets through.
#ifndef KYRO_TESTS_STRUCTURE_SOURCE_H_
#define KYRO_TESTS_STRUCTURE_SOURCE_H_

#include <string>
#include <string_view>
#include <vector>

namespace kyro::structure {

struct Token {
  enum class Kind { kIdentifier, kLiteral, kPunctuation, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;          // "::" and "->" are one token; a literal's text is ""
  int line = 0;              // from 1
  bool directive = false;    // on a preprocessor line
  bool alternative = false;  // behind an #else or #elif: braces there are not balanced
};

struct Include {
  std::string path;
  bool angled = false;
  int line = 0;
};

struct Source {
  std::string path;  // relative to the root of the tree, with '/'
  std::vector<std::string> lines;
  std::vector<Token> tokens;
  std::vector<Include> includes;

  // The token at i, or kEnd outside.
  const Token& at(std::size_t i) const;
  // "lib" of "lib/wal/format.h".
  std::string_view top() const;
  // "wal" of "lib/wal/format.h"; "" outside lib.
  std::string_view room() const;
};

Source ParseSource(std::string path, std::string_view text);

}  // namespace kyro::structure

#endif  // KYRO_TESTS_STRUCTURE_SOURCE_H_
