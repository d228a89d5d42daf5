# SPDX-License-Identifier: Apache-2.0
"""The results as one page of HTML: plots and tables, no script, nothing from elsewhere."""
import html

import plot
import results
import tables
import targets

# One palette for light and one for dark, text at a contrast of at least 4.5 and shapes at 3. Paper
# is always light.
STYLE = """
:root {
  color-scheme: light;
  --ground: #ffffff; --card: #f5f7fa; --ink: #18212b; --soft: #55636f; --line: #dde3ea;
  --kyro: #bd5309; --state: #c0835a; --store: #8392a3; --memory: #16806f; --dot: #18212b;
  --good: #1d7a4a; --bad: #b3261e;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --ground: #11161c; --card: #19212a; --ink: #e8eef4; --soft: #a3b1be; --line: #2c3844;
    --kyro: #f39a52; --state: #a06f47; --store: #5f7286; --memory: #45c0aa; --dot: #ffffff;
    --good: #5fce93; --bad: #ff8f86;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
}
main { max-width: 1320px; margin: 0 auto; padding: 40px 32px 64px; }
h1, h2, h3 { line-height: 1.2; text-wrap: balance; overflow-wrap: anywhere; }
h1 { font-size: 34px; font-weight: 650; letter-spacing: -0.015em; margin: 2px 0 6px; }
h2 { font-size: 22px; font-weight: 650; letter-spacing: -0.01em; margin: 56px 0 6px;
     padding-top: 22px; border-top: 2px solid var(--ink); }
h3 { font-size: 15px; font-weight: 650; margin: 0 0 6px; }
h3 code { color: var(--soft); font-weight: 400; margin-left: 4px; }
p { margin: 0 0 12px; max-width: 72ch; }
.eyebrow { margin: 0; color: var(--kyro); font-size: 13px; font-weight: 650;
           letter-spacing: 0.09em; text-transform: uppercase; }
.soft { color: var(--soft); overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px;
         margin: 24px 0 8px; padding: 0; list-style: none; }
.tiles li { background: var(--card); border-radius: 8px; padding: 14px 16px 12px; }
.tiles b { display: block; font-size: 26px; font-weight: 620; line-height: 1.15;
           letter-spacing: -0.015em; }
.tiles span { color: var(--soft); font-size: 13.5px; line-height: 1.35; display: block;
              margin-top: 3px; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr));
         gap: 34px 40px; margin: 22px 0 8px; align-items: start; }
figure { margin: 0; min-width: 0; break-inside: avoid; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font-size: 11.5px; fill: var(--ink); }
svg .axis { fill: var(--soft); font-size: 10.5px; }
svg .ratio { fill: var(--soft); }
.kyro .name, .kyro text { font-weight: 650; }
.grid { stroke: var(--line); stroke-width: 1; }
.bar { fill: var(--shape); }
.memory .bar { fill-opacity: 0.12; stroke: var(--shape); stroke-width: 1.5; }
.kyro { --shape: var(--kyro); } .state { --shape: var(--state); }
.store { --shape: var(--store); } .memory { --shape: var(--memory); }
.dots { stroke: var(--dot); stroke-width: 3.6; stroke-linecap: round; fill: none;
        stroke-opacity: 0.8; }
.legend { font-size: 14px; color: var(--soft); max-width: none; margin-top: 10px; }
.legend span { white-space: nowrap; margin-right: 16px; }
.legend span::before { content: ""; display: inline-block; width: 0.8em; height: 0.8em;
                       margin-right: 0.45em; border-radius: 2px; background: var(--shape); }
.legend .memory::before { background: none; border: 2px solid var(--shape); }
.legend .dot::before { border-radius: 50%; width: 0.5em; height: 0.5em; vertical-align: 0.1em;
                       background: var(--dot); }
.scroll { overflow-x: auto; margin-top: 14px; }
table { border-collapse: collapse; font-size: 13.5px; }
th, td { padding: 5px 0 5px 18px; text-align: right; vertical-align: top; white-space: nowrap;
         border-bottom: 1px solid var(--line); font-weight: 400; }
th:first-child { padding-left: 0; text-align: left; position: sticky; left: 0;
                 background: var(--ground); }
thead th { color: var(--soft); font-size: 13px; vertical-align: bottom; }
.targets tbody th { white-space: normal; min-width: 15em; }
.facts td { text-align: left; white-space: normal; overflow-wrap: anywhere; }
.facts thead { display: none; }
.met { color: var(--good); }
.missed { color: var(--bad); font-weight: 650; }
table + h3, .scroll + h3 { margin-top: 22px; }
section ul { padding-left: 20px; margin: 0; }
details { font-size: 13.5px; margin-top: 14px; }
summary { cursor: pointer; color: var(--soft); }
footer { margin-top: 56px; color: var(--soft); font-size: 13px; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
       font-size: 0.92em; }
@media (max-width: 760px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 27px; }
  th, td { padding-left: 12px; }
  .targets table { font-size: 12.5px; }
  .targets th, .targets td { white-space: normal; padding-left: 5px; min-width: 3.6em; }
  .targets thead th { font-size: 11px; }
  .targets tbody th { padding-left: 0; min-width: 7em; hyphens: auto; }
}
@media print {
  body { font-size: 11pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
}
"""
LEGEND = """<p class="legend"><span class="kyro">kyro</span>%s
<span class="store">other stores on disk</span>
<span class="memory">in memory only, lost when the process ends</span>
<span class="dot">one repeat</span></p>
"""
STATE = '<span class="state">kyro in another state</span>'


def tile(figure, about):
    return "<li><b>%s</b><span>%s</span></li>\n" % (html.escape(figure), html.escape(about))


def tiles(runs, counts):
    """What a reader wants to know first, of the last run that has it."""
    parts = [tile("%d of %d" % (counts[tables.MET], counts[tables.MET] + counts[tables.MISSED]),
                  "of the targets measured are met")]
    rows = targets.judged_rows(runs)
    for dataset in targets.COLUMNS:
        run, config = next(((run, config) for run in reversed(runs)
                            for config in run.matching(dataset, rows, 8, 8)
                            if run.median(config, "get_hit", "kyro") is not None), (None, None))
        if run:
            kyro = run.median(config, "get_hit", "kyro")
            parts.append(tile("%s ns" % tables.digits(kyro), "a get, %s keys" % dataset))
            lmdb = run.median(config, "get_hit", "lmdb")
            if lmdb is not None:
                parts.append(tile(tables.times_kyro(lmdb, kyro),
                                  "LMDB's time by kyro's, %s keys" % dataset))
    return '<ul class="tiles">\n%s</ul>\n' % "".join(parts)


def target_section(runs):
    (table, any_table), counts, missed, _ = tables.target_table(runs)
    lost = "".join("<li>%s</li>\n" % html.escape(line) for line in missed)
    return ('<section class="targets">\n<h2>Targets</h2>\n<p>%s Judged %s.</p>\n'
            "%s%s%s</section>\n" % (
        tables.target_summary(counts), tables.judged_size(runs),
        tables.as_html(table), tables.as_html(any_table),
        "<h3>Missed</h3>\n<ul>\n%s</ul>\n" % lost if missed else ""))


def config_section(run, config):
    plots = "".join(plot.workload(run, config, name) for name in run.workloads(config))
    folded = tables.as_html(tables.times(run, config, False))
    in_memory = tables.times(run, config, True)
    if in_memory:
        folded += tables.as_html(in_memory)
    space = tables.space(run, config)
    states = any(key[0] == config and key[2] == "kyro" and key[3] != "default" for key in run.times)
    return ('<section>\n<h2>%s</h2>\n<p class="soft">From <code>%s</code>. Medians, fastest first; '
            "“by kyro” is the median divided by kyro’s.</p>\n%s"
            '<div class="plots">\n%s</div>\n%s<details><summary>As tables, with the least and the '
            "most of the repeats</summary>\n%s</details>\n</section>\n" % (
                html.escape(tables.config_name(config)), html.escape(run.name),
                LEGEND % (STATE if states else ""), plots,
                tables.as_html(space) if space else "", folded))


def stage_sections(runs):
    parts = ["<h3>%s, %s</h3>\n%s" % (html.escape(results.ENGINES.get(engine, engine)),
                                      html.escape(tables.config_name(config)),
                                      "".join(map(tables.as_html, tables.stages(run, config, engine))))
             for run in runs
             for config, engine in sorted(run.stages, key=lambda key: (key[0].order(), key[1]))]
    if not parts:
        return ""
    return "<section>\n<h2>Where the remaining nanoseconds go</h2>\n%s</section>\n" % "".join(parts)


def page(runs):
    if runs:
        counts = tables.target_table(runs)[1]
        about = ", ".join("%s at commit %s" % (run.name, run.commit[:12]) for run in runs)
        body = tiles(runs, counts) + target_section(runs)
        body += "".join(config_section(run, config) for run in runs for config in run.configs())
        body += stage_sections(runs)
        body += '<section class="facts">\n<h2>Machine and runs</h2>\n%s</section>\n' % "".join(
            tables.as_html(tables.machine(run)) for run in runs)
    else:
        about, body = "No results yet.", ""
    return ("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<title>kyro: performance</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n"
            "<header>\n<p class=\"eyebrow\">kyro benchmark</p>\n<h1>Performance</h1>\n"
            "<p class=\"soft\">%s</p>\n"
            "</header>\n%s<footer>Made by bench/report from the files in bench/results. Method and "
            "limits: docs/performance.md.</footer>\n</main>\n</body>\n</html>\n" % (
                STYLE, html.escape(about), body))
