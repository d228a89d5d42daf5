// SPDX-License-Identifier: Apache-2.0
//
// What the columns of a segment must look like for its entries, and where they are. From headers
// only, so that opening and verifying agree on what is valid.
#ifndef KYRO_SEGMENT_LAYOUT_H_
#define KYRO_SEGMENT_LAYOUT_H_

#include <cstdint>
#include <string_view>

#include "base/file_ref.h"
#include "kyro/status.h"
#include "segment/format.h"

namespace kyro::segment {

// Pointers into the headers it was made from. Null: the segment has no such column.
struct Layout {
  std::uint64_t entries = 0;
  const Column* keys = nullptr;         // U64
  const Column* key_offsets = nullptr;  // Bytes, with the next two
  const Column* key_heap = nullptr;
  const Column* fingerprints = nullptr;
  const Column* value_offsets = nullptr;  // null: every value is values->stride wide
  const Column* tombstones = nullptr;
  const Column* filter = nullptr;
  const Column* values = nullptr;
};

// kDataLoss if the files do not belong to `ref` or to each other, or lack what `kind` needs.
Result<Layout> CheckLayout(const Header& keys, std::string_view keys_name, const Header& data,
                           std::string_view data_name, KeyKind kind, const SegmentRef& ref);

// The same for a model: it was trained for these keys.
Status CheckModel(const Header& model, std::string_view model_name, const SegmentRef& ref);

}  // namespace kyro::segment

#endif  // KYRO_SEGMENT_LAYOUT_H_
