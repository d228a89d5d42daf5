// SPDX-License-Identifier: Apache-2.0
//
// Drawings of counts: histograms, the layers of the index, the bar of bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kyroctl/listing.h"
#include "kyroctl/report/figures.h"
#include "kyroctl/report/numbers.h"
#include "kyroctl/report/svg.h"

namespace kyro::kyroctl {
namespace {

constexpr double kWidth = 460;
constexpr Frame kFrame{.left = 66, .top = 26, .width = 380, .height = 180};

struct Histogram {
  std::string id, title, x_label, y_label;
  std::vector<Bar> bars;
  bool logarithmic = false;
  std::size_t label_every = 1, label_first = 0;
  // Marks above bars.
  std::vector<std::pair<std::size_t, std::string>> marks;
};

std::uint64_t Most(const std::vector<Bar>& bars) {
  std::uint64_t most = 0;
  for (const Bar& bar : bars) most = std::max(most, bar.first + bar.second);
  return most;
}

// On a logarithmic axis one key stands half a decade above the base.
double Height(const Histogram& histogram, double number) {
  if (!histogram.logarithmic) return number;
  return number < 0.5 ? 0 : std::log10(number) + 0.5;
}

std::vector<Tick> HeightTicks(const Histogram& histogram, const Scale& y, double most) {
  std::vector<Tick> ticks;
  if (!histogram.logarithmic) {
    for (const double number : Ticks(0, most, 4, 1)) {
      ticks.emplace_back(y(number), Compact(number));
    }
    return ticks;
  }
  const int decades = static_cast<int>(std::floor(std::log10(std::max(most, 1.0))));
  for (int i = 0; i <= decades; i += decades > 5 ? 2 : 1) {
    ticks.emplace_back(y(Height(histogram, std::pow(10, i))), Compact(std::pow(10, i)));
  }
  return ticks;
}

std::string Draw(const Histogram& histogram) {
  Svg svg(kWidth, kFrame.bottom() + 46, histogram.id, histogram.title,
          fmt::format("Histogram: {} over {}.", histogram.y_label, histogram.x_label));
  const auto most = static_cast<double>(Most(histogram.bars));
  const Scale y(0, Height(histogram, most) * 1.02, kFrame.bottom(), kFrame.top);
  DrawYAxis(&svg, kFrame, HeightTicks(histogram, y, most), histogram.y_label);
  const double slot = kFrame.width / static_cast<double>(histogram.bars.size());
  const double gap = slot > 6 ? 1.2 : 0.4;
  std::vector<Tick> ticks;
  for (std::size_t i = 0; i < histogram.bars.size(); ++i) {
    const Bar& bar = histogram.bars[i];
    const double x = kFrame.left + static_cast<double>(i) * slot;
    const auto first = static_cast<double>(bar.first);
    const double middle = y(Height(histogram, first));
    const double top = y(Height(histogram, first + static_cast<double>(bar.second)));
    const std::string tip =
        fmt::format("{}: {} {}", bar.label, Count(bar.first + bar.second), bar.tip_unit);
    if (bar.first != 0) svg.Rect(x, middle, slot - gap, kFrame.bottom() - middle, "leaf", tip);
    if (bar.second != 0) svg.Rect(x, top, slot - gap, middle - top, "tree", tip);
    if (i % histogram.label_every == histogram.label_first)
      ticks.emplace_back(x + (slot - gap) / 2, bar.label);
  }
  for (const auto& [bar, text] : histogram.marks) {
    const double x = kFrame.left + (static_cast<double>(bar) + 0.5) * slot;
    svg.Line(x, kFrame.top - 4, x, kFrame.bottom(), "mark");
    svg.Text(x, kFrame.top - 9, "middle", text, "marked");
  }
  DrawXAxis(&svg, kFrame, ticks, histogram.x_label);
  return svg.Finish();
}

std::string BarNumbers(const Histogram& histogram, std::string_view first,
                       std::string_view second) {
  std::vector<std::vector<std::string>> rows;
  for (const Bar& bar : histogram.bars) {
    if (bar.first + bar.second == 0) continue;
    rows.push_back({bar.label, Count(bar.first)});
    if (!second.empty()) rows.back().push_back(Count(bar.second));
  }
  std::vector<std::string> heads = {histogram.x_label, std::string(first)};
  if (!second.empty()) heads.emplace_back(second);
  return NumbersTable(heads, rows);
}

std::string Swatches(bool leaves, bool trees) {
  if (!leaves || !trees) return {};
  return " <span class=\"key leaf\">leaves</span> <span class=\"key tree\">trees</span>";
}

std::uint64_t Sum(std::span<const std::uint64_t> counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

// The bar that holds the `part`-th of all.
std::size_t QuantileBar(const std::vector<Bar>& bars, double part) {
  std::uint64_t all = 0, seen = 0;
  for (const Bar& bar : bars) all += bar.first + bar.second;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(static_cast<double>(all) * part));
  for (std::size_t i = 0; i < bars.size(); ++i) {
    seen += bars[i].first + bars[i].second;
    if (seen >= wanted) return i;
  }
  return 0;
}

// Counts by number, into at most forty bars of equal width, or of powers of two if a few numbers
// are far above the rest.
std::vector<Bar> Binned(const std::vector<std::uint64_t>& first,
                        const std::vector<std::uint64_t>& second, std::string_view unit) {
  const std::size_t top = std::max({first.size(), second.size(), std::size_t{1}}) - 1;
  std::vector<std::pair<std::size_t, std::size_t>> bins;  // inclusive
  if (top <= 320) {
    const std::size_t width = top / 40 + 1;
    for (std::size_t from = 0; from <= top; from += width)
      bins.emplace_back(from, from + width - 1);
  } else {
    bins.emplace_back(0, 0);
    for (std::size_t from = 1; from <= top; from *= 2) bins.emplace_back(from, 2 * from - 1);
  }
  const auto count = [](const std::vector<std::uint64_t>& counts, std::size_t from,
                        std::size_t to) {
    std::uint64_t sum = 0;
    for (std::size_t i = from; i <= to && i < counts.size(); ++i) sum += counts[i];
    return sum;
  };
  std::vector<Bar> bars;
  for (const auto& [from, to] : bins) {
    bars.push_back(
        {.label = from == to ? Count(from) : fmt::format("{}–{}", Count(from), Count(to)),
         .tip_unit = std::string(unit),
         .first = count(first, from, to),
         .second = count(second, from, to)});
  }
  // Nothing to the left of the first count, but for a few bars that make room for it.
  std::size_t empty = 0;
  while (empty + 8 < bars.size() && bars[empty].first + bars[empty].second == 0) ++empty;
  bars.erase(bars.begin(), bars.begin() + static_cast<std::ptrdiff_t>(empty));
  return bars;
}

// Labels of bins that are ranges show where they begin.
void ShortenLabels(std::vector<Bar>* bars, std::string_view tip_prefix) {
  for (Bar& bar : *bars) {
    bar.tip_unit = fmt::format("{} ({}{})", bar.tip_unit, tip_prefix, bar.label);
    bar.label.resize(std::min(bar.label.find("–"), bar.label.size()));
  }
}

}  // namespace

std::string ErrorHistogram(const Profile& profile, std::string_view id) {
  if (profile.rows == profile.unmodelled) return {};
  std::int64_t reach = 4;
  for (std::int64_t error = -kErrorSpan; error <= kErrorSpan; ++error) {
    const auto at = static_cast<std::size_t>(error + kErrorSpan);
    if (profile.leaf_errors[at] + profile.tree_errors[at] != 0) {
      reach = std::max(reach, std::abs(error));
    }
  }
  Histogram histogram{.id = fmt::format("{}-errors", id),
                      .title = "Prediction errors",
                      .x_label = "position − prediction",
                      .y_label = "keys",
                      .bars = {}};
  histogram.label_every = static_cast<std::size_t>(reach > 16 ? 8 : reach > 8 ? 4 : 2);
  for (std::int64_t error = -reach; error <= reach; ++error) {
    const auto at = static_cast<std::size_t>(error + kErrorSpan);
    histogram.bars.push_back(
        {.label = error < 0 ? fmt::format("−{}", -error) : fmt::format("{}", error),
         .tip_unit = "keys",
         .first = profile.leaf_errors[at],
         .second = profile.tree_errors[at]});
  }
  histogram.label_first = static_cast<std::size_t>(reach) % histogram.label_every;  // so 0 is one
  const std::uint64_t leaves = Sum(profile.leaf_errors), trees = Sum(profile.tree_errors);
  const std::string caption = fmt::format(
      "How many keys stand how far from where the model predicts them.{}{}{}{}",
      leaves != 0 ? " A narrow peak at 0 is a good model." : "",
      trees != 0 ? " A tree predicts the middle of a block; all places in it are as likely." : "",
      profile.lines != 0 ? " Keys that a packed tree misses by more are counted at the right end."
                         : "",
      Swatches(leaves != 0, trees != 0));
  return Figure("Errors", Draw(histogram), caption,
                BarNumbers(histogram, "keys in leaves", "keys in trees"));
}

std::string WindowHistogram(const Profile& profile, std::string_view id) {
  if (profile.rows == profile.unmodelled) return {};
  Histogram histogram{.id = fmt::format("{}-windows", id),
                      .title = "Window widths",
                      .x_label = "keys in the narrowest centred window",
                      .y_label = "keys (logarithmic)",
                      .bars = {},
                      .logarithmic = true,
                      .label_every = 4,
                      .label_first = 3};
  const auto widths = profile.windows();
  std::size_t last = 1;
  for (std::size_t i = 1; i < widths.size(); ++i) last = widths[i] != 0 ? i : last;
  const std::uint64_t trees = Sum(profile.tree_errors);
  for (std::size_t half = 1; half <= std::max<std::size_t>(last, 8); ++half) {
    const std::uint64_t in_trees = profile.tree_windows[half];
    const bool more = half + 1 == widths.size();
    histogram.bars.push_back({.label = fmt::format("{}{}", 2 * half, more ? "+" : ""),
                              .tip_unit = "keys",
                              .first = widths[half] - in_trees,
                              .second = in_trees});
  }
  const std::size_t p50 = QuantileBar(histogram.bars, 0.5);
  const std::size_t p999 = QuantileBar(histogram.bars, 0.999);
  histogram.marks.emplace_back(p50, p999 == p50 ? "p50, p99.9" : "p50");
  if (p999 > p50 + 3) histogram.marks.emplace_back(p999, "p99.9");
  const std::uint64_t modelled = profile.rows - profile.unmodelled;
  const std::string caption = fmt::format(
      "How many keys must be compared, at least, to find a key from its prediction; the first "
      "window that a lookup compares proves the answer for {} of the keys, the others take a "
      "second look beside it.{}",
      Escaped(
          Percent(1 - static_cast<double>(profile.second_looks) / static_cast<double>(modelled))),
      Swatches(trees != modelled, trees != 0));
  return Figure("Windows", Draw(histogram), caption,
                BarNumbers(histogram, "keys in leaves", "keys in trees"));
}

std::string LeafHistogram(const Profile& profile, std::string_view id) {
  if (profile.leaves == 0) return {};
  Histogram histogram{.id = fmt::format("{}-leaves", id),
                      .title = "Keys per leaf",
                      .x_label = "keys in a slot, at least",
                      .y_label = "slots",
                      .bars = Binned(profile.keys_per_leaf, profile.keys_per_tree, "slots")};
  const std::string numbers = BarNumbers(histogram, "leaves", "small trees");
  ShortenLabels(&histogram.bars, "keys: ");
  histogram.label_every = histogram.bars.size() / 6 + 1;
  return Figure("Slots", Draw(histogram),
                fmt::format("How many keys the slots of the model hold: {} interpolate over theirs"
                            "{}; even keys give slots of about the same size.{}",
                            Counted(profile.leaves, "leaf slot"),
                            profile.small_trees == 0 ? ""
                                                     : fmt::format(", {} lead to a small tree",
                                                                   Count(profile.small_trees)),
                            Swatches(true, profile.small_trees != 0)),
                numbers);
}

namespace {

struct Layer {
  std::string name;
  std::uint64_t count = 0;
  std::string style = "leaf";
};

std::vector<Layer> LayersOf(const Profile& profile) {
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < profile.linear_nodes.size(); ++i) {
    if (profile.linear_nodes[i] == 0) continue;
    layers.push_back(
        {i == 0 ? "root nodes" : fmt::format("nodes at depth {}", i + 1), profile.linear_nodes[i]});
  }
  if (profile.leaves != 0) layers.push_back({"leaf slots", profile.leaves});
  if (profile.small_trees != 0) layers.push_back({"small trees", profile.small_trees, "tree"});
  for (std::size_t i = 0; i < profile.tree_nodes.size(); ++i) {
    if (profile.tree_nodes[i] == 0) continue;
    layers.push_back({fmt::format("tree level {}", i + 1), profile.tree_nodes[i], "tree"});
  }
  if (profile.blocks != 0) layers.push_back({"blocks of 32 keys", profile.blocks, "tree"});
  if (profile.lines != 0) layers.push_back({"blocks of 8 keys", profile.lines, "tree"});
  layers.push_back({"keys", profile.rows, "plain"});
  return layers;
}

}  // namespace

std::string LayersFigure(const Profile& profile, std::string_view id) {
  if (profile.rows == profile.unmodelled) return {};
  const std::vector<Layer> layers = LayersOf(profile);
  constexpr double kRow = 26, kLabels = 132, kBars = 220;
  const double height = 10 + kRow * static_cast<double>(layers.size()) + 6;
  Svg svg(kWidth, height, fmt::format("{}-layers", id), "Layers of the index",
          "Bars, on a logarithmic scale: how many nodes each layer has.");
  const double most = std::log10(static_cast<double>(std::max<std::uint64_t>(profile.rows, 10)));
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    const double top = 10 + kRow * static_cast<double>(i);
    const double width = 8 + (kBars - 8) * std::log10(static_cast<double>(layer.count)) / most;
    svg.Text(kLabels - 10, top + 14, "end", layer.name);
    svg.Rect(kLabels, top, width, kRow - 8, layer.style,
             fmt::format("{}: {}", layer.name, Count(layer.count)));
    svg.Text(kLabels + width + 7, top + 14, "start", Count(layer.count));
    rows.push_back({layer.name, Count(layer.count)});
  }
  constexpr std::string_view kNames[kEndings] = {
      "a leaf below the root", "a leaf below a child node",
      "a small tree",          "the root tree",
      "a packed tree",         "a binary search"};
  std::string ends;
  for (std::size_t i = 0; i < kEndings; ++i) {
    if (profile.endings[i] == 0) continue;
    ends += fmt::format("{}{} end in {}", ends.empty() ? "" : ", ",
                        Escaped(Percent(static_cast<double>(profile.endings[i]) /
                                        static_cast<double>(profile.rows))),
                        kNames[i]);
  }
  return Figure("Layers", svg.Finish(),
                fmt::format("What a lookup passes from the top down, on a logarithmic scale: one "
                            "of each layer. Of the lookups of all keys, {}.",
                            ends),
                NumbersTable({"layer", "count"}, rows));
}

std::string GapHistogram(const Profile& profile, std::string_view id) {
  std::size_t first = profile.gaps.size(), last = 0;
  for (std::size_t i = 0; i < profile.gaps.size(); ++i) {
    if (profile.gaps[i] == 0) continue;
    first = std::min(first, i);
    last = i;
  }
  if (first > last) return {};
  Histogram histogram{.id = fmt::format("{}-gaps", id),
                      .title = "Gaps between keys",
                      .x_label = "distance from the key before, at least",
                      .y_label = "keys",
                      .bars = {}};
  for (std::size_t i = first; i <= std::max(last, first + 7) && i < profile.gaps.size(); ++i) {
    histogram.bars.push_back({.label = Power(2, static_cast<int>(i)),
                              .tip_unit = "keys",
                              .first = profile.gaps[i],
                              .second = 0});
  }
  histogram.label_every = histogram.bars.size() / 8 + 1;
  return Figure("Gaps", Draw(histogram),
                "How far apart neighbouring keys are, by powers of two: one hump is easy to "
                "interpolate, far-flung bars are clusters, which take child nodes or trees.",
                BarNumbers(histogram, "keys", ""));
}

std::string KeyLengthHistogram(const Profile& profile, std::string_view id) {
  if (profile.key_lengths.empty()) return {};
  Histogram histogram{.id = fmt::format("{}-lengths", id),
                      .title = "Key lengths",
                      .x_label = "bytes of a key, at least",
                      .y_label = "keys",
                      .bars = Binned(profile.key_lengths, {}, "keys")};
  const std::string numbers = BarNumbers(histogram, "keys", "");
  ShortenLabels(&histogram.bars, "bytes: ");
  histogram.label_every = histogram.bars.size() / 6 + 1;
  return Figure("Key lengths", Draw(histogram),
                "How many keys have how many bytes; byte-string keys are searched by halves and "
                "fingerprints, without a model.",
                numbers);
}

std::string BytesFigure(const std::vector<ByteShare>& shares, std::uint64_t rows) {
  std::uint64_t total = 0;
  for (const ByteShare& share : shares) total += share.bytes;
  constexpr double kWide = 760;
  Svg svg(kWide, 58, "bytes", "Where the bytes go", "One bar, divided by what bytes are for.");
  double x = 2;
  std::string table =
      "<table class=\"bytes\"><thead><tr><th></th><th class=\"text\">for</th><th>bytes</th>"
      "<th>share</th><th>per key</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const ByteShare& share = shares[i];
    const double part =
        total == 0 ? 0 : static_cast<double>(share.bytes) / static_cast<double>(total);
    const double width = part * (kWide - 4);
    if (share.bytes != 0) {
      svg.Rect(x, 8, width, 40, fmt::format("part{}", i),
               fmt::format("{}: {} bytes, {}", share.name, Count(share.bytes), Percent(part)));
      if (width > 74) svg.Text(x + 9, 32, "start", share.name, "inside");
      x += width;
    }
    table += fmt::format(
        "<tr><th><span class=\"key part{}\">{}</span></th><td class=\"text\">{}</td><td>{}</td>"
        "<td>{}</td><td>{}</td></tr>\n",
        i, share.name, share.about, Count(share.bytes), Escaped(Percent(part)),
        rows == 0
            ? std::string("–")
            : fmt::format("{:.3f}", static_cast<double>(share.bytes) / static_cast<double>(rows)));
  }
  table += fmt::format(
      "</tbody><tfoot><tr><th>all files</th><td></td><td id=\"bytes-total\">{}"
      "</td><td></td><td>{}</td></tr></tfoot></table>",
      Count(total),
      rows == 0 ? std::string("–")
                : fmt::format("{:.3f}", static_cast<double>(total) / static_cast<double>(rows)));
  return Figure("", svg.Finish(),
                "The directory's bytes by what they are for, over all keyspaces; per key means per "
                "row in segments.") +
         table + "\n";
}

std::string Figure(std::string_view name, std::string_view drawing, std::string_view caption,
                   std::string_view numbers) {
  std::string folded;
  if (!numbers.empty()) {
    folded = fmt::format("<details><summary>Numbers</summary>{}</details>\n", numbers);
  }
  const std::string head = name.empty() ? "" : fmt::format("<h3>{}</h3>\n", name);
  return fmt::format("<figure>\n{}{}<figcaption>{}</figcaption>\n{}</figure>\n", head, drawing,
                     caption, folded);
}

std::string NumbersTable(const std::vector<std::string>& heads,
                         const std::vector<std::vector<std::string>>& rows) {
  std::string out = "<table class=\"numbers\"><thead><tr>";
  for (const std::string& head : heads) out += fmt::format("<th>{}</th>", Escaped(head));
  out += "</tr></thead><tbody>\n";
  for (const std::vector<std::string>& row : rows) {
    out += "<tr>";
    for (const std::string& cell : row) out += fmt::format("<td>{}</td>", Escaped(cell));
    out += "</tr>\n";
  }
  return out + "</tbody></table>";
}

}  // namespace kyro::kyroctl
