// SPDX-License-Identifier: Apache-2.0
//
// Numbers and names as a page shows them. Pure functions; any thread.
#ifndef KYRO_TOOLS_KYROCTL_REPORT_NUMBERS_H_
#define KYRO_TOOLS_KYROCTL_REPORT_NUMBERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kyro::kyroctl {

// Bytes of any origin as the text of an element or an attribute: what cannot be shown is \xNN, and
// no character means anything to XML.
std::string Escaped(std::string_view bytes);

// At most four characters and a unit: 0, 950, 1.5k, 23M.
std::string Compact(double number);
// A number for an axis of keys: 1,200, or 1.5×10¹⁸ from a million on.
std::string KeyLabel(double key);
// 10³, 2⁶³.
std::string Power(int base, int exponent);
// 0.1234 as "12.3%"; next to nothing is "<0.1%", next to all ">99.9%".
std::string Percent(double part);

// About `count` round numbers from `low` to `high`, both inside: steps of 1, 2 or 5 times a power
// of ten, at least `least_step`.
std::vector<double> Ticks(double low, double high, int count, double least_step = 0);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REPORT_NUMBERS_H_
