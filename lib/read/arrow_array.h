// SPDX-License-Identifier: Apache-2.0
//
// Arrays and schemas of the Arrow C data interface: a struct of the columns `key` and `value`. Each
// owns what it points to, children too, because a consumer may move them away from their parent.
#ifndef KYRO_READ_ARROW_ARRAY_H_
#define KYRO_READ_ARROW_ARRAY_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "kyro/arrow.h"

namespace kyro::read {

// One column of `rows` values without nulls.
struct ArrowColumn {
  // As the format demands: validity (null: no nulls), then offsets if it has any, then the data.
  std::array<const void*, 3> buffers{};
  int buffer_count = 0;
  std::shared_ptr<const void> keep;  // what the buffers lie in
};

// Each fills `*out`, whose release frees it. May throw bad_alloc; then `*out` is not touched.
void MakeArrowSchema(const char* key_format, const std::string& value_format, ArrowSchema* out);
void MakeArrowArray(std::int64_t rows, ArrowColumn key, ArrowColumn value, ArrowArray* out);

}  // namespace kyro::read

#endif  // KYRO_READ_ARROW_ARRAY_H_
