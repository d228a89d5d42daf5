// SPDX-License-Identifier: Apache-2.0
//
// Which bug is planted: the one that the environment variable KYRO_PLANTED names, such as
// kSkipLogSync. Unset or empty: none. A name that is not in the list ends the program with status
// 3, because a proof that ran without its bug would prove nothing.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/planted.h"

namespace kyro {
namespace {

int Chosen() {
  const char* value = std::getenv("KYRO_PLANTED");
  const std::string_view wanted = value == nullptr ? "" : value;
  if (wanted.empty()) return -1;
  const std::string_view names[] = {
#define KYRO_PLANTED_NAME(name, what) #name,
      KYRO_PLANTED_BUG_LIST(KYRO_PLANTED_NAME)
#undef KYRO_PLANTED_NAME
  };
  for (std::size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == wanted) return static_cast<int>(i);
  }
  std::fprintf(stderr, "KYRO_PLANTED=%s: there is no such planted bug\n", value);
  std::exit(3);
}

const int chosen = Chosen();

}  // namespace

bool IsPlanted(PlantedBug bug) noexcept {
  return static_cast<int>(bug) == chosen;
}

}  // namespace kyro
