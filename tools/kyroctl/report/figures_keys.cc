// SPDX-License-Identifier: Apache-2.0
//
// Drawings along the keys: the distribution with the model on it, and the band of errors below, on
// the same axis.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kyroctl/listing.h"
#include "kyroctl/report/figures.h"
#include "kyroctl/report/numbers.h"
#include "kyroctl/report/svg.h"

namespace kyro::kyroctl {
namespace {

constexpr double kWidth = 760;
constexpr double kColumnWidth = 2;
constexpr double kLeft = 74;

Frame FrameOf(double height) {
  return {.left = kLeft, .top = 12, .width = kKeyColumns * kColumnWidth, .height = height};
}

std::vector<Tick> KeyTicks(const Profile& profile, const Frame& frame) {
  std::vector<Tick> ticks;
  const auto first = static_cast<double>(profile.first_key);
  const auto last = static_cast<double>(profile.last_key);
  if (!profile.prefers_log()) {
    const Scale x(first, last + 1, frame.left, frame.right());
    const double margin = (last - first) / 200;  // round numbers just outside are good labels
    for (const double key : Ticks(first - margin, last + margin, 5, 1))
      ticks.emplace_back(x(key), KeyLabel(key));
    return ticks;
  }
  const double decades = std::log10(last - first + 1);
  const Scale x(0, decades, frame.left, frame.right());
  const int step = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  for (int i = 0; i <= decades; i += step) ticks.emplace_back(x(i), Power(10, i));
  return ticks;
}

std::string KeyAxisLabel(const Profile& profile) {
  if (!profile.prefers_log()) return "key";
  return fmt::format("key − {} (logarithmic)", KeyLabel(static_cast<double>(profile.first_key)));
}

double ColumnX(const Frame& frame, std::size_t column) {
  return frame.left + static_cast<double>(column) * kColumnWidth;
}

std::int64_t FarthestApart(const KeyColumns& columns) {
  std::int64_t most = 0;
  for (const KeyColumn& column : columns) {
    most = std::max(most, std::abs(static_cast<std::int64_t>(column.rank) -
                                   static_cast<std::int64_t>(column.predicted)));
  }
  return most;
}

// Tall enough for the errors and, if it is not far above them, the promised bound.
double ErrorReach(const Profile& profile, std::uint32_t max_error) {
  double reach = std::max<double>(max_error, 2);
  for (const KeyColumn& column : profile.columns()) {
    if (column.modelled == 0) continue;
    reach = std::max(
        {reach, static_cast<double>(-column.error_min), static_cast<double>(column.error_max)});
  }
  return reach * 1.08;
}

}  // namespace

std::string DistributionFigure(const Profile& profile, std::string_view id) {
  if (profile.rows == 0) return {};
  const Frame frame = FrameOf(220);
  const auto rows = static_cast<double>(profile.rows);
  const Scale y(0, rows, frame.bottom(), frame.top);
  Svg svg(kWidth, frame.bottom() + 46, fmt::format("{}-cdf", id), "Key distribution",
          fmt::format("Cumulative count of {} keys over the key space, with what the models "
                      "predict drawn on it.",
                      Count(profile.rows)));
  std::vector<Tick> ticks;
  for (const double keys : Ticks(0, rows, 4, 1)) ticks.emplace_back(y(keys), Compact(keys));
  DrawYAxis(&svg, frame, ticks, "keys up to here");
  std::vector<std::pair<double, double>> area{{frame.left, frame.bottom()}}, line;
  const KeyColumns& columns = profile.columns();
  line.emplace_back(frame.left, frame.bottom());
  for (std::size_t i = 0; i < kKeyColumns; ++i) {
    const double right = ColumnX(frame, i + 1);
    area.emplace_back(right, y(static_cast<double>(columns[i].rank)));
    line.emplace_back(right, y(static_cast<double>(columns[i].predicted)));
  }
  area.emplace_back(frame.right(), frame.bottom());
  svg.Polygon(area, "area");
  if (profile.unmodelled < profile.rows) svg.Polyline(line, "model");
  DrawXAxis(&svg, frame, KeyTicks(profile, frame), KeyAxisLabel(profile));
  const std::string caption =
      profile.unmodelled == profile.rows
          ? "The area counts the keys up to each point of the key space; there are too few for a "
            "model."
          : fmt::format(
                "The area counts the keys up to each point of the key space and the line "
                "is what the models predict there; at the edges of the {} columns they "
                "are at most {} apart.",
                kKeyColumns, Counted(static_cast<std::uint64_t>(FarthestApart(columns)), "key"));
  return Figure("Keys and model", svg.Finish(), caption);
}

std::string ErrorBandFigure(const Profile& profile, std::string_view id, std::uint32_t max_error) {
  if (profile.rows == profile.unmodelled) return {};
  const Frame frame = FrameOf(150);
  const double reach = ErrorReach(profile, max_error);
  const Scale y(-reach, reach, frame.bottom(), frame.top);
  Svg svg(kWidth, frame.bottom() + 46, fmt::format("{}-band", id),
          "Prediction error along the keys",
          "Smallest, largest and mean error in each column of the key axis.");
  std::vector<Tick> ticks;
  for (const double error : Ticks(-reach, reach, 5, 1)) {
    ticks.emplace_back(y(error),
                       error < 0 ? fmt::format("−{:.0f}", -error) : fmt::format("{:.0f}", error));
  }
  DrawYAxis(&svg, frame, ticks, "keys off");
  const KeyColumns& columns = profile.columns();
  for (std::size_t i = 0; i < kKeyColumns; ++i) {
    const KeyColumn& column = columns[i];
    if (column.modelled == 0) continue;
    const double x = ColumnX(frame, i);
    const double top = y(static_cast<double>(column.error_max) + 0.5);
    const double bottom = y(static_cast<double>(column.error_min) - 0.5);
    const double mean =
        static_cast<double>(column.error_sum) / static_cast<double>(column.modelled);
    svg.Rect(x, top, kColumnWidth, bottom - top, "band",
             fmt::format("{}: {} to {} off, {:.1f} on average", Counted(column.modelled, "key"),
                         column.error_min, column.error_max, mean));
    svg.Rect(x, y(mean), kColumnWidth, std::max(1.0, y(-mean) - y(mean)), "mean");
  }
  svg.Line(frame.left, y(0), frame.right(), y(0), "zero");
  std::string bound;
  if (max_error != 0) {
    for (const double error : {-static_cast<double>(max_error), static_cast<double>(max_error)}) {
      svg.Line(frame.left, y(error), frame.right(), y(error), "bound");
    }
    bound = fmt::format(" The dashed lines are the recorded bound, {}.", Counted(max_error, "key"));
  }
  DrawXAxis(&svg, frame, KeyTicks(profile, frame), KeyAxisLabel(profile));
  const bool trees = profile.endings[static_cast<std::size_t>(Ending::kSmallTree)] +
                         profile.endings[static_cast<std::size_t>(Ending::kRootTree)] !=
                     0;
  const bool packed = profile.lines != 0;
  return Figure(
      "Error along the keys", svg.Finish(),
      fmt::format("For each column of keys, how far they stand from their predictions: the wide "
                  "band spans all of them, the narrow one the mean distance.{}{}{}",
                  bound,
                  trees ? " A tree names a block of 32 keys, so its keys stand 16 below to 15 "
                          "above its middle."
                        : "",
                  packed ? " A packed tree names a block of 8 keys, and misses some keys, which "
                           "stand in a later one."
                         : ""));
}

}  // namespace kyro::kyroctl
