// SPDX-License-Identifier: Apache-2.0
#include "kyroctl/report/numbers.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "kyroctl/listing.h"
#include "kyroctl/text.h"

namespace kyro::kyroctl {
namespace {

// Two digits that say something: 1.5, 23, 950.
std::string Short(double number) {
  const bool whole = number >= 99.5 || std::abs(number - std::round(number)) < 0.05;
  return whole ? fmt::format("{:.0f}", number) : fmt::format("{:.1f}", number);
}

constexpr double kTicksMax = 50;

}  // namespace

std::string Escaped(std::string_view bytes) {
  std::string out;
  const std::string printable = Printable(bytes);
  for (std::size_t i = 0; i < printable.size(); ++i) {
    switch (printable[i]) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        // U+FFFE and U+FFFF are UTF-8, but no characters of XML.
        if (printable.compare(i, 3, "\xef\xbf\xbe") == 0 ||
            printable.compare(i, 3, "\xef\xbf\xbf") == 0) {
          out +=
              "\\xef\\xbf\\x" + fmt::format("{:02x}", static_cast<unsigned char>(printable[i + 2]));
          i += 2;
        } else {
          out.push_back(printable[i]);
        }
    }
  }
  return out;
}

std::string Compact(double number) {
  constexpr std::array<const char*, 7> kUnits = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  while (number >= 999.5 && unit + 1 < kUnits.size()) {
    number /= 1000;
    ++unit;
  }
  return Short(number) + kUnits[unit];
}

std::string Power(int base, int exponent) {
  constexpr std::array<const char*, 10> kRaised = {"⁰", "¹", "²", "³", "⁴",
                                                   "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = fmt::format("{}", base);
  for (const char digit : fmt::format("{}", exponent)) {
    text += kRaised[static_cast<std::size_t>(digit - '0') % kRaised.size()];
  }
  return text;
}

std::string KeyLabel(double key) {
  if (key < 1e6) return Count(static_cast<std::uint64_t>(std::max(0.0, key)));
  const int exponent = static_cast<int>(std::floor(std::log10(key) + 1e-9));
  const double mantissa = key / std::pow(10, exponent);
  std::string text = fmt::format("{:.2f}", mantissa);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "×" + Power(10, exponent);
}

std::string Percent(double part) {
  const double percent = 100 * part;
  if (percent > 0 && percent < 0.1) return "<0.1%";
  if (percent < 100 && percent >= 99.95) return ">99.9%";
  if (percent == 0 || percent == 100) return fmt::format("{:.0f}%", percent);
  return fmt::format("{:.1f}%", percent);
}

std::vector<double> Ticks(double low, double high, int count, double least_step) {
  std::vector<double> ticks;
  if (!(high > low) || count < 1) return {low};
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double mantissa = rough / power;
  double step = power * (mantissa <= 1.5 ? 1 : mantissa <= 3.5 ? 2 : mantissa <= 7.5 ? 5 : 10);
  step = std::max(step, least_step);
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) {
    ticks.push_back(i * step + 0.0);  // no -0
    if (ticks.size() > kTicksMax) break;
  }
  return ticks;
}

}  // namespace kyro::kyroctl
