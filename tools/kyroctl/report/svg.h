// SPDX-License-Identifier: Apache-2.0
//
// Svg: one drawing, written from left to right. Colours and type come from the page's style sheet
// through classes (style.h). Text is escaped here. One thread at a time.
#ifndef KYRO_TOOLS_KYROCTL_REPORT_SVG_H_
#define KYRO_TOOLS_KYROCTL_REPORT_SVG_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kyro::kyroctl {

class Svg {
 public:
  // `id` is unique in the page; title and description are for those who cannot see it.
  Svg(double width, double height, std::string_view id, std::string_view title,
      std::string_view description);

  void Line(double x1, double y1, double x2, double y2, std::string_view style);
  // `tip` is shown where a pointer rests; empty: none.
  void Rect(double x, double y, double width, double height, std::string_view style,
            std::string_view tip = {});
  void Polyline(const std::vector<std::pair<double, double>>& points, std::string_view style);
  // Closed, filled.
  void Polygon(const std::vector<std::pair<double, double>>& points, std::string_view style);
  // `anchor`: "start", "middle" or "end".
  void Text(double x, double y, std::string_view anchor, std::string_view text,
            std::string_view style = "label");
  // A text that runs upward.
  void VerticalText(double x, double y, std::string_view text);

  std::string Finish();

 private:
  void Points(std::string_view element, const std::vector<std::pair<double, double>>& points,
              std::string_view style);

  std::string out_;
};

// The inside of a plot, and its axes.
struct Frame {
  double left = 0, top = 0, width = 0, height = 0;
  double right() const noexcept { return left + width; }
  double bottom() const noexcept { return top + height; }
};

// A number's place on an axis.
class Scale {
 public:
  Scale(double low, double high, double from, double to) noexcept
      : low_(low), factor_(high > low ? (to - from) / (high - low) : 0), from_(from) {}
  double operator()(double number) const noexcept { return from_ + (number - low_) * factor_; }

 private:
  double low_, factor_, from_;
};

using Tick = std::pair<double, std::string>;  // place on the drawing, label

// Grid lines and labels left of the frame; labels below it; what the axes are of.
void DrawYAxis(Svg* svg, const Frame& frame, const std::vector<Tick>& ticks,
               std::string_view label);
void DrawXAxis(Svg* svg, const Frame& frame, const std::vector<Tick>& ticks,
               std::string_view label);

}  // namespace kyro::kyroctl

#endif  // KYRO_TOOLS_KYROCTL_REPORT_SVG_H_
