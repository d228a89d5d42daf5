// SPDX-License-Identifier: Apache-2.0
//
// Text for people within 80 columns. Columns are counted in bytes, so never too few. Pure
// functions; any thread.
#ifndef KYRO_TOOLS_KYROCTL_LISTING_H_
#define KYRO_TOOLS_KYROCTL_LISTING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kyro::kyroctl {

inline constexpr std::size_t kColumns = 80;

// 12345678 as 12,345,678.
std::string Count(std::uint64_t number);
// "1 file", "2 files".
std::string Counted(std::uint64_t number, std::string_view what);

// Printable(bytes) in at most `columns` (8 at least); the middle gives way to "...".
std::string Shortened(std::string_view bytes, std::size_t columns);

// Appends `line` and `text`, wrapped at spaces; further lines start at `column`. A word that fits
// on no line stands on one of its own.
void AppendWrapped(std::string* out, std::string line, std::size_t column, std::string_view text);

// A row for people: key, tab, value, both escaped, without a line end. `lead` stands before it. At
// most `columns` wide, or 0: as long as it is, so that programs may read it too.
std::string RowLine(std::string_view lead, std::string_view key, std::string_view value,
                    std::size_t columns);

// "label       text", the text wrapped under itself.
void AppendField(std::string* out, std::size_t indent, std::string_view label,
                 std::string_view text);
inline constexpr std::size_t kLabelColumns = 12;

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_LISTING_H_
