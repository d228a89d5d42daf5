// SPDX-License-Identifier: Apache-2.0
//
// The points of the world's shorelines, from the binned netCDF file of the GSHHG data set (Debian:
// gmt-gshhg-full), as Hilbert cells.
#ifndef KYRO_TOOLS_SHORELINE_SHORE_H_
#define KYRO_TOOLS_SHORELINE_SHORE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kyro/status.h"

namespace kyro::shoreline {

inline constexpr const char* kShoreFile = "/usr/share/gmt-gshhg/binned_GSHHS_f.nc";

// The cell of every point in the file, in file order, duplicates included. kNotFound if there is no
// such file; kDataLoss if it is not what the format says.
Result<std::vector<std::uint64_t>> ReadShore(const std::string& file);

// Ascending, each once.
std::vector<std::uint64_t> SortedCells(std::vector<std::uint64_t> cells);

}  // namespace kyro::shoreline

#endif  // KYRO_TOOLS_SHORELINE_SHORE_H_
