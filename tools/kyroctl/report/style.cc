// SPDX-License-Identifier: Apache-2.0
//
// The page's style sheet: one palette for light and one for dark, both with a contrast of at least
// 4.5 for text and 3 for shapes against the ground. Paper is always light.
#include "kyroctl/report/page.h"

namespace kyro::kyroctl {

namespace {

constexpr std::string_view kStyleSheet = R"css(
:root {
  color-scheme: light;
  --ground: #ffffff; --card: #f5f7fa; --ink: #18212b; --soft: #55636f; --line: #dde3ea;
  --blue: #2a6ebb; --pale: #bcd6f2; --orange: #c4560a; --teal: #16806f; --violet: #7456b5;
  --gold: #8f6d00; --rose: #b8416b; --slate: #6c7a88; --faint: #a9b4bf; --on: #ffffff;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --ground: #11161c; --card: #19212a; --ink: #e8eef4; --soft: #a3b1be; --line: #2c3844;
    --blue: #63a8ef; --pale: #234b75; --orange: #f39a52; --teal: #45c0aa; --violet: #b499f2;
    --gold: #d9b73c; --rose: #ee86a9; --slate: #93a2b0; --faint: #5d6b78; --on: #11161c;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 32px 64px; }
h1, h2, h3 { line-height: 1.2; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: 34px; font-weight: 650; letter-spacing: -0.015em; margin: 2px 0 6px; }
h2 { font-size: 22px; font-weight: 650; letter-spacing: -0.01em; margin: 56px 0 6px;
     padding-top: 22px; border-top: 2px solid var(--ink); }
h3 { font-size: 15px; font-weight: 650; margin: 0 0 6px; }
p { margin: 0 0 12px; max-width: 72ch; }
.eyebrow { margin: 0; color: var(--orange); font-size: 13px; font-weight: 650;
           letter-spacing: 0.09em; text-transform: uppercase; }
.soft { color: var(--soft); overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
         margin: 24px 0 8px; padding: 0; list-style: none; }
.tiles li { background: var(--card); border-radius: 8px; padding: 14px 16px 12px; }
.tiles b { display: block; font-size: 26px; font-weight: 620; line-height: 1.15;
           letter-spacing: -0.015em; }
.tiles span { color: var(--soft); font-size: 13.5px; line-height: 1.35; display: block;
              margin-top: 3px; }
figure { margin: 26px 0 0; min-width: 0; break-inside: avoid; }
figcaption { color: var(--soft); font-size: 14px; line-height: 1.45; margin-top: 4px;
             max-width: 84ch; }
.pair { display: grid; grid-template-columns: 1fr 1fr; column-gap: 40px; align-items: start; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 11.5px; fill: var(--ink); }
svg .label { fill: var(--soft); }
svg .axis { fill: var(--soft); font-size: 11.5px; }
svg .inside { fill: var(--on); font-size: 13px; font-weight: 600; }
svg .marked { font-size: 11px; fill: var(--ink); font-weight: 600; }
.pair svg text { font-size: 12px; }
.grid { stroke: var(--line); stroke-width: 1; }
.base { stroke: var(--soft); stroke-width: 1; }
.zero { stroke: var(--ink); stroke-width: 0.8; }
.bound { stroke: var(--orange); stroke-width: 1.3; stroke-dasharray: 5 4; }
.mark { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3; }
.area { fill: var(--pale); }
.model { fill: none; stroke: var(--orange); stroke-width: 1.6; stroke-linejoin: round; }
.band { fill: var(--pale); }
.band, .mean { shape-rendering: crispEdges; }
.mean, .leaf { fill: var(--blue); }
.tree { fill: var(--orange); }
.plain { fill: var(--slate); }
.part0 { fill: var(--blue); --swatch: var(--blue); }
.part1 { fill: var(--teal); --swatch: var(--teal); }
.part2 { fill: var(--orange); --swatch: var(--orange); }
.part3 { fill: var(--violet); --swatch: var(--violet); }
.part4 { fill: var(--gold); --swatch: var(--gold); }
.part5 { fill: var(--slate); --swatch: var(--slate); }
.part6 { fill: var(--rose); --swatch: var(--rose); }
.part7 { fill: var(--faint); --swatch: var(--faint); }
.key { white-space: nowrap; margin-right: 10px; }
.key::before { content: ""; display: inline-block; width: 0.72em; height: 0.72em;
               margin-right: 0.45em; border-radius: 2px; background: var(--swatch, var(--blue)); }
.key.tree { --swatch: var(--orange); }
.scroll { overflow-x: auto; margin-top: 14px; }
table { border-collapse: collapse; font-size: 14px; }
.scroll table, .bytes { width: 100%; }
.scroll table { font-size: 13.5px; }
thead th { vertical-align: bottom; }
th, td { padding: 5px 0 5px 14px; text-align: right; vertical-align: top; white-space: nowrap;
         border-bottom: 1px solid var(--line); font-weight: 400; }
th:first-child, td:first-child { padding-left: 0; text-align: left; }
td.text, th.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
thead th { color: var(--soft); font-size: 13px; border-bottom-color: var(--faint); }
tfoot th, tfoot td { font-weight: 650; border-bottom: 0; }
.why { max-width: none; font-size: 14px; color: var(--soft); margin: 12px 0 0; }
details { font-size: 13px; margin-top: 6px; color: var(--soft); }
details table { font-size: 13px; margin-top: 4px; }
summary { cursor: pointer; }
dl { display: grid; grid-template-columns: minmax(120px, max-content) 1fr; gap: 5px 22px;
     margin: 14px 0 0; font-size: 14px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 56px; color: var(--soft); font-size: 13px; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
       font-size: 0.92em; }
@media (max-width: 760px) {
  main { padding: 24px 18px 48px; }
  .pair { grid-template-columns: 1fr; }
  .wide svg text, .wide svg .axis { font-size: 16px; }
  .bytes td.text, .bytes thead th:nth-child(2), .bytes tfoot td:nth-child(2) { display: none; }
  h1 { font-size: 27px; }
}
@media print {
  body { font-size: 11pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  details { display: none; }
  .scroll { overflow: visible; }
  .scroll table { font-size: 8.5pt; }
  .scroll th, .scroll td { padding-left: 8px; }
}
)css";

}  // namespace

std::string_view StyleSheet() noexcept {
  return kStyleSheet;
}

}  // namespace kyro::kyroctl
