// SPDX-License-Identifier: Apache-2.0
//
// The page's drawings. Each is one <figure> with an SVG and a caption that says how to read it; an
// empty string where there is nothing to draw. Pure functions; any thread.
#ifndef KYRO_TOOLS_KYROCTL_REPORT_FIGURES_H_
#define KYRO_TOOLS_KYROCTL_REPORT_FIGURES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kyroctl/report/bytes.h"
#include "kyroctl/report/profile.h"

namespace kyro::kyroctl {

// `id` makes the ids of one keyspace's figures unique.
std::string DistributionFigure(const Profile& profile, std::string_view id);
std::string ErrorBandFigure(const Profile& profile, std::string_view id, std::uint32_t max_error);
std::string ErrorHistogram(const Profile& profile, std::string_view id);
std::string WindowHistogram(const Profile& profile, std::string_view id);
std::string LeafHistogram(const Profile& profile, std::string_view id);
std::string LayersFigure(const Profile& profile, std::string_view id);
std::string GapHistogram(const Profile& profile, std::string_view id);
std::string KeyLengthHistogram(const Profile& profile, std::string_view id);
std::string BytesFigure(const std::vector<ByteShare>& shares, std::uint64_t rows);

// A figure around a drawing. `name` and `caption` are HTML; `numbers`, a table or empty, stands
// under the drawing folded away.
std::string Figure(std::string_view name, std::string_view drawing, std::string_view caption,
                   std::string_view numbers = {});

// Bars of a histogram, as drawn and as the table under it.
struct Bar {
  std::string label;
  std::string tip_unit;                 // "keys"
  std::uint64_t first = 0, second = 0;  // stacked: leaves, trees
};
std::string NumbersTable(const std::vector<std::string>& heads,
                         const std::vector<std::vector<std::string>>& rows);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REPORT_FIGURES_H_
