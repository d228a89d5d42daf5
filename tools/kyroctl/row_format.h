// SPDX-License-Identifier: Apache-2.0
//
// The formats that load takes. docs/kyroctl.md describes them.
#ifndef KYRO_TOOLS_KYROCTL_ROW_FORMAT_H_
#define KYRO_TOOLS_KYROCTL_ROW_FORMAT_H_

#include <cstdint>
#include <string_view>

namespace kyro::kyroctl {

enum class RowFormat : std::uint8_t { kNdjson, kCsv, kSosd };

// "rows.csv" is CSV, "keys.sosd" SOSD, everything else NDJSON.
inline RowFormat FormatOfName(std::string_view file) noexcept {
  if (file.ends_with(".csv")) return RowFormat::kCsv;
  if (file.ends_with(".sosd")) return RowFormat::kSosd;
  return RowFormat::kNdjson;
}

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_ROW_FORMAT_H_
