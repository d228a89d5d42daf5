// SPDX-License-Identifier: Apache-2.0
#include "fuzz/fuzz.h"

#include <cstdio>
#include <cstdlib>

namespace kyro::fuzz {

void Fail(const char* file, int line, const char* promise, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: broken: %s: %s\n", file, line, promise, detail.c_str());
  std::abort();
}

void RequireTyped(const Status& status) {
  const std::string text = status.ToString();
  switch (status.code()) {
    case StatusCode::kDataLoss:
    case StatusCode::kUnsupported:
    case StatusCode::kNotFound:
    case StatusCode::kInvalidArgument:
      break;
    default:
      KYRO_REQUIRE(!"an error of a kind that damage may cause", text);
  }
  KYRO_REQUIRE(text.find('\n') == std::string::npos, text);
}

}  // namespace kyro::fuzz
