// SPDX-License-Identifier: Apache-2.0
//
// Databases to damage: a few small ones that between them have every kind of file and every state
// in which a database is left, made once by the library itself, and what is known of them.
#ifndef KYRO_FUZZ_DIRECTORY_BASE_H_
#define KYRO_FUZZ_DIRECTORY_BASE_H_

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "db/any_space.h"
#include "kyro/types.h"

namespace kyro::fuzz {

inline constexpr std::size_t kSpaces = 2;
inline constexpr std::string_view kSpaceNames[kSpaces] = {"cells", "words"};
inline constexpr KeyKind kSpaceKinds[kSpaces] = {KeyKind::kU64, KeyKind::kBytes};

using Files = std::map<std::string, std::string>;  // by name; without LOCK, which is no data
using Contents = std::array<db::Map, kSpaces>;

struct BuiltDatabase {
  Files files;
  std::map<Sequence, Contents> history;  // after each commit, and before the first
  bool clean = false;                    // closed: nothing of it may be missing
};

// Built at the first call.
const std::vector<BuiltDatabase>& Databases();

// Small enough that a few hundred rows are several segments.
Options DirectoryOptions();

}  // namespace kyro::fuzz

#endif  // KYRO_FUZZ_DIRECTORY_BASE_H_
