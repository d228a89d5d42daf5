// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/report/svg.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "kyroctl/report/numbers.h"

namespace kyro::kyroctl {
namespace {

// A coordinate with one decimal; whatever is no number is drawn at 0.
std::string At(double coordinate) {
  if (!std::isfinite(coordinate)) return "0";
  std::string text = fmt::format("{:.1f}", coordinate);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

}  // namespace

Svg::Svg(double width, double height, std::string_view id, std::string_view title,
         std::string_view description) {
  out_ = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-labelledby=\"{}-title {}-desc\">\n<title id=\"{}-title\">{}</title>\n"
      "<desc id=\"{}-desc\">{}</desc>\n",
      At(width), At(height), id, id, id, Escaped(title), id, Escaped(description));
}

void Svg::Line(double x1, double y1, double x2, double y2, std::string_view style) {
  fmt::format_to(std::back_inserter(out_),
                 "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>\n", At(x1), At(y1),
                 At(x2), At(y2), style);
}

void Svg::Rect(double x, double y, double width, double height, std::string_view style,
               std::string_view tip) {
  fmt::format_to(std::back_inserter(out_),
                 "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"", At(x), At(y),
                 At(std::fmax(width, 0)), At(std::fmax(height, 0)), style);
  out_ += tip.empty() ? "/>\n" : fmt::format("><title>{}</title></rect>\n", Escaped(tip));
}

void Svg::Points(std::string_view element, const std::vector<std::pair<double, double>>& points,
                 std::string_view style) {
  fmt::format_to(std::back_inserter(out_), "<{} class=\"{}\" points=\"", element, style);
  for (const auto& [x, y] : points) {
    fmt::format_to(std::back_inserter(out_), "{},{} ", At(x), At(y));
  }
  out_ += "\"/>\n";
}

void Svg::Polyline(const std::vector<std::pair<double, double>>& points, std::string_view style) {
  Points("polyline", points, style);
}
void Svg::Polygon(const std::vector<std::pair<double, double>>& points, std::string_view style) {
  Points("polygon", points, style);
}

void Svg::Text(double x, double y, std::string_view anchor, std::string_view text,
               std::string_view style) {
  fmt::format_to(std::back_inserter(out_),
                 "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", At(x),
                 At(y), anchor, style, Escaped(text));
}

void Svg::VerticalText(double x, double y, std::string_view text) {
  fmt::format_to(std::back_inserter(out_),
                 "<text transform=\"translate({} {}) rotate(-90)\" text-anchor=\"middle\" "
                 "class=\"axis\">{}</text>\n",
                 At(x), At(y), Escaped(text));
}

std::string Svg::Finish() {
  out_ += "</svg>\n";
  return std::move(out_);
}

void DrawYAxis(Svg* svg, const Frame& frame, const std::vector<Tick>& ticks,
               std::string_view label) {
  for (const auto& [y, text] : ticks) {
    svg->Line(frame.left, y, frame.right(), y, "grid");
    svg->Text(frame.left - 7, y + 4, "end", text);
  }
  svg->VerticalText(13, frame.top + frame.height / 2, label);
}

void DrawXAxis(Svg* svg, const Frame& frame, const std::vector<Tick>& ticks,
               std::string_view label) {
  svg->Line(frame.left, frame.bottom(), frame.right(), frame.bottom(), "base");
  for (const auto& [x, text] : ticks) {
    svg->Line(x, frame.bottom(), x, frame.bottom() + 4, "base");
    // Labels at the ends stay inside the drawing.
    const bool last = x > frame.right() - 12;
    svg->Text(last ? frame.right() + 6 : x, frame.bottom() + 18, last ? "end" : "middle", text);
  }
  svg->Text(frame.left + frame.width / 2, frame.bottom() + 37, "middle", label, "axis");
}

}  // namespace kyro::kyroctl
