// SPDX-License-Identifier: Apache-2.0
//
// The file cuts the world into bins of Bin_size_in_minutes, rows of bins from the north pole
// southwards, each row from longitude 0 eastwards. A bin names its first segment and how many
// follow; a segment names its first point and, above its low 9 bits of flags, how many follow; a
// point is a pair of unsigned 16-bit steps of 1/65535 of a bin from the bin's south-west corner.
#include "shoreline/shore.h"

#include <fmt/format.h>
#include <netcdf.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "shoreline/hilbert.h"

namespace kyro::shoreline {
namespace {

constexpr std::uint64_t kBinSteps = 65535;

class ShoreFile {
 public:
  ShoreFile() = default;
  ShoreFile(const ShoreFile&) = delete;
  ShoreFile& operator=(const ShoreFile&) = delete;
  ~ShoreFile() {
    if (id_ >= 0) nc_close(id_);
  }

  Status Open(const std::string& file) {
    file_ = file;
    return Check(nc_open(file.c_str(), NC_NOWRITE, &id_), "the file");
  }

  // A whole one-dimensional variable.
  Status Read(const char* name, std::vector<int>* values) {
    return ReadWith(name, values, nc_get_var_int);
  }
  Status Read(const char* name, std::vector<short>* values) {
    return ReadWith(name, values, nc_get_var_short);
  }
  Status ReadOne(const char* name, int* value) {
    std::vector<int> values;
    if (Status status = Read(name, &values); !status.ok()) return status;
    if (values.size() != 1) return Wrong(fmt::format("{} is not one number", name));
    *value = values[0];
    return Status::Ok();
  }
  Status Wrong(std::string_view what) const {
    return Status(StatusCode::kDataLoss, fmt::format("{}: {}", file_, what), file_);
  }

 private:
  template <class T>
  Status ReadWith(const char* name, std::vector<T>* values, int (*get)(int, int, T*)) {
    int variable = 0, dimensions = 0, dimension = 0;
    std::size_t count = 0;
    int error = nc_inq_varid(id_, name, &variable);
    if (error == NC_NOERR) error = nc_inq_varndims(id_, variable, &dimensions);
    if (error == NC_NOERR && dimensions != 1) return Wrong(fmt::format("{} is no list", name));
    if (error == NC_NOERR) error = nc_inq_vardimid(id_, variable, &dimension);
    if (error == NC_NOERR) error = nc_inq_dimlen(id_, dimension, &count);
    if (error == NC_NOERR) {
      values->resize(count);
      error = get(id_, variable, values->data());
    }
    return Check(error, name);
  }
  Status Check(int error, std::string_view what) const {
    if (error == NC_NOERR) return Status::Ok();
    return Wrong(fmt::format("{}: {}", what, nc_strerror(error)));
  }

  std::string file_;
  int id_ = -1;
};

struct Shore {
  int bin_minutes = 0, columns = 0, rows = 0;
  std::vector<int> first_segment;    // of a bin
  std::vector<short> segment_count;  // of a bin
  std::vector<int> first_point;      // of a segment
  std::vector<int> packed;           // of a segment: points, and 9 bits of flags
  std::vector<short> dx, dy;         // of a point, unsigned
};

Status ReadAll(ShoreFile* file, Shore* shore) {
  Status status = file->ReadOne("Bin_size_in_minutes", &shore->bin_minutes);
  if (status.ok()) status = file->ReadOne("N_bins_in_360_longitude_range", &shore->columns);
  if (status.ok()) status = file->ReadOne("N_bins_in_180_degree_latitude_range", &shore->rows);
  if (status.ok()) status = file->Read("Id_of_first_segment_in_a_bin", &shore->first_segment);
  if (status.ok()) status = file->Read("N_segments_in_a_bin", &shore->segment_count);
  if (status.ok()) status = file->Read("Id_of_first_point_in_a_segment", &shore->first_point);
  if (status.ok()) {
    status = file->Read("Embedded_npts_levels_exit_entry_for_a_segment", &shore->packed);
  }
  if (status.ok()) status = file->Read("Relative_longitude_from_SW_corner_of_bin", &shore->dx);
  if (status.ok()) status = file->Read("Relative_latitude_from_SW_corner_of_bin", &shore->dy);
  if (!status.ok()) return status;
  const bool covers = shore->bin_minutes > 0 && shore->columns > 0 && shore->rows > 0 &&
                      std::int64_t{shore->bin_minutes} * shore->columns == 360 * 60 &&
                      std::int64_t{shore->bin_minutes} * shore->rows == 180 * 60;
  const auto bins =
      static_cast<std::size_t>(shore->columns) * static_cast<std::size_t>(shore->rows);
  if (!covers || shore->first_segment.size() != bins || shore->segment_count.size() != bins) {
    return file->Wrong("its bins do not cover the world");
  }
  if (shore->first_point.size() != shore->packed.size() || shore->dx.size() != shore->dy.size()) {
    return file->Wrong("its lists are of different lengths");
  }
  return Status::Ok();
}

// The grid has 2^32 steps around the equator and 2^32 - 1 from pole to pole: longitude 360 is 0,
// and both poles are on it.
GridPoint OnGrid(const Shore& shore, std::uint64_t x_steps, std::uint64_t y_steps) {
  const std::uint64_t around = static_cast<std::uint64_t>(shore.columns) * kBinSteps;
  const std::uint64_t upwards = static_cast<std::uint64_t>(shore.rows) * kBinSteps;
  return {static_cast<std::uint32_t>((x_steps % around << 32) / around),
          static_cast<std::uint32_t>(y_steps * 0xffffffffu / upwards)};
}

// Appends the cells of one segment in the bin at (column, row), rows counted from the south.
bool AppendSegment(const Shore& shore, std::size_t segment, std::uint64_t column, std::uint64_t row,
                   std::vector<std::uint64_t>* cells) {
  const int first = shore.first_point[segment];
  const int count = shore.packed[segment] >> 9;
  if (first < 0 || count < 0) return false;
  const auto begin = static_cast<std::size_t>(first), end = begin + static_cast<std::size_t>(count);
  if (end > shore.dx.size()) return false;
  for (std::size_t i = begin; i < end; ++i) {
    const std::uint64_t x = column * kBinSteps + static_cast<std::uint16_t>(shore.dx[i]);
    const std::uint64_t y = row * kBinSteps + static_cast<std::uint16_t>(shore.dy[i]);
    cells->push_back(HilbertCell(OnGrid(shore, x, y)));
  }
  return true;
}

}  // namespace

Result<std::vector<std::uint64_t>> ReadShore(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Status(StatusCode::kNotFound,
                  fmt::format("{} is not there; install gmt-gshhg-full", path));
  }
  ShoreFile file;
  Shore shore;
  if (Status status = file.Open(path); !status.ok()) return status;
  if (Status status = ReadAll(&file, &shore); !status.ok()) return status;
  std::vector<std::uint64_t> cells;
  cells.reserve(shore.dx.size());
  for (std::size_t bin = 0; bin < shore.first_segment.size(); ++bin) {
    const auto columns = static_cast<std::size_t>(shore.columns);
    const std::uint64_t column = bin % columns;
    const std::uint64_t row = static_cast<std::size_t>(shore.rows) - 1 - bin / columns;
    const int first = shore.first_segment[bin], count = shore.segment_count[bin];
    if (count <= 0) continue;
    if (first < 0 || static_cast<std::size_t>(first) + static_cast<std::size_t>(count) >
                         shore.first_point.size()) {
      return file.Wrong(fmt::format("bin {} names segments that are not there", bin));
    }
    for (int i = 0; i < count; ++i) {
      if (AppendSegment(shore, static_cast<std::size_t>(first + i), column, row, &cells)) continue;
      return file.Wrong(fmt::format("segment {} names points that are not there", first + i));
    }
  }
  return cells;
}

std::vector<std::uint64_t> SortedCells(std::vector<std::uint64_t> cells) {
  std::sort(cells.begin(), cells.end());
  cells.erase(std::unique(cells.begin(), cells.end()), cells.end());
  return cells;
}

}  // namespace kyro::shoreline
