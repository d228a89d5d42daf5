// SPDX-License-Identifier: Apache-2.0
//
// A consumer of Arrow C streams that trusts nothing: every field of every struct is compared with
// what the interface and kyro/arrow.h say.
#ifndef KYRO_TESTS_DB_ARROW_CONSUMER_H_
#define KYRO_TESTS_DB_ARROW_CONSUMER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kyro/arrow.h"

namespace kyro::db {

struct ArrowRows {
  std::string key_format, value_format;
  std::vector<std::pair<std::string, std::string>> rows;  // u64 keys as eight bytes, as they lie
  std::vector<std::int64_t> batches;                      // rows of each
  std::vector<const void*> key_data;                      // of each
  int error = 0;
  std::string message;
};

// Reads the stream to its end, or its error, and releases it.
ArrowRows Consume(ArrowArrayStream* stream);
// The rows of an array that get_next gave. Leaves it as it is.
void AppendRows(const ArrowArray& array, ArrowRows* to);

}  // namespace kyro::db

#endif  // KYRO_TESTS_DB_ARROW_CONSUMER_H_
