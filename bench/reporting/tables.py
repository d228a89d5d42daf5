# SPDX-License-Identifier: Apache-2.0
"""What the page says in tables, each as text cells that become Markdown or HTML."""
import collections
import html
import json

import results
import targets

# Cells are plain text; what ends in MISSED is emphasized.
Table = collections.namedtuple("Table", "head rows")
MET, MISSED, UNMEASURED = "met", "missed", "not measured"
NONE = "–"


def markdown(table):
    def cell(text):
        text = text.replace("|", "\\|").replace("<", "&lt;")
        return "**%s**" % text if text.endswith(MISSED) else text
    lines = ["| %s |" % " | ".join(map(cell, table.head)),
             "|---|%s" % ("---:|" * (len(table.head) - 1))]
    lines += ["| %s |" % " | ".join(map(cell, row)) for row in table.rows]
    return "\n".join(lines) + "\n"


def as_html(table):
    def cell(tag, text):
        state = "".join(' class="%s"' % word for word in (MET, MISSED)
                        if text.endswith(", " + word))
        text = html.escape(text)
        for sign in "≥", "≤", "&lt;":
            text = text.replace(sign + " ", sign + "&nbsp;")
        return "<%s%s>%s</%s>" % (tag, state, text, tag)
    head = "".join(cell("th", text) for text in table.head)
    rows = "".join("<tr>%s%s</tr>\n" % (cell("th", row[0]), "".join(cell("td", c) for c in row[1:]))
                   for row in table.rows)
    return ('<div class="scroll"><table>\n<thead><tr>%s</tr></thead>\n<tbody>\n%s</tbody>\n'
            "</table></div>\n" % (head, rows))


# -------------------------------------------------------------------------------------- numbers

def count(number):
    if number >= 1_000_000 and number % 1_000_000 == 0:
        return "%d million" % (number // 1_000_000)
    return "{:,}".format(number)


def digits(value):
    """Three significant digits, thousands not rounded away."""
    return "%.*f" % (2 if value < 9.995 else 1 if value < 99.95 else 0, value)


def unit_of(nanoseconds):
    """(divisor, unit) that suits a time."""
    for divisor, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= 100 * divisor or (divisor > 1e3 and nanoseconds >= divisor):
            return divisor, unit
    return 1, "ns"


def time_cell(times):
    """`87.3 (85.1–90.2)`: median, least and most; a unit where it is not ns."""
    middle = results.median(times)
    divisor, unit = unit_of(middle)
    text = "%s (%s–%s)" % tuple(digits(t / divisor) for t in (middle, min(times), max(times)))
    return text if unit == "ns" else "%s %s" % (text, unit)


def times_kyro(middle, kyro):
    """The ratio against kyro, rounded down: in doubt the peer is as good as it looks."""
    return targets.shown(middle / kyro, True, "x")


def config_name(config):
    values = "%d bytes" % config.value_bytes
    if config.value_bytes_max != config.value_bytes:
        values = "%d to %d bytes" % (config.value_bytes, config.value_bytes_max)
    section = ", %s" % config.section if config.section not in ("", config.dataset) else ""
    return "%s%s: %s rows, values of %s" % (
        config.dataset, section, count(config.n), "1 byte" if values == "1 bytes" else values)


# ------------------------------------------------------------------------------------ data sets

def times(run, config, in_memory):
    """A row per workload, a column per engine: kyro and either the stores or what is in memory.
    None if there is nothing to compare."""
    columns = sorted({key[2:] for key in run.times if key[0] == config and (
        key[2] == "kyro" or (key[2] in results.IN_MEMORY) == in_memory)}, key=results.series_order)
    if in_memory:
        columns = [c for c in columns if c[0] != "kyro" or c[1] == "default"]
        if all(engine == "kyro" for engine, _ in columns):
            return None
    rows = []
    for workload in run.workloads(config):
        kyro = run.median(config, workload, "kyro")
        row = [workload]
        for column in columns:
            found = run.times.get((config, workload, *column))
            if not found:
                row.append(NONE)
            elif column == ("kyro", "default") or kyro is None:
                row.append(time_cell(found))
            else:
                row.append("%s, %s" % (time_cell(found), times_kyro(results.median(found), kyro)))
        if any(cell != NONE for cell in row[1:]):
            rows.append(row)
    return Table(["ns per operation", *map(results.series_name, columns)], rows)


def space(run, config):
    """Bytes on disk and in memory of each engine, and kyro's model; None without data."""
    raw = run.fact(config, "kyro", "raw_bytes_per_key") or 8 + config.value_bytes
    engines = {engine for kept in (run.disk, run.memory) for c, engine in kept if c == config}
    engines |= {engine for c, engine, _ in run.facts if c == config}
    rows = []
    for engine in sorted(engines, key=lambda name: results.rank(results.ENGINES, name)):
        disk, memory = run.disk.get((config, engine)), run.memory.get((config, engine))
        model, training = (run.fact(config, engine, name) for name in results.MODEL_FACTS)
        rows.append([results.ENGINES.get(engine, engine),
                     NONE if disk is None else "%.2f" % (disk / config.n),
                     NONE if disk is None else targets.shown(disk / config.n / raw, False, "x"),
                     NONE if memory is None else "%.0f" % (memory / 2**20),
                     NONE if model is None else targets.shown(model, False),
                     NONE if training is None else targets.shown(training, False)])
    return Table(["", "disk, bytes per row", "of raw", "peak memory, MiB", "model, bytes per key",
                  "training, ns per key"], rows) if rows else None


def stages(run, config, engine):
    """Tables of the time of work cut off after each stage, and what the stage adds."""
    return [table for table in (stages_of(kind, run.stages[(config, engine)])
                                for kind in results.STAGES) if table]


def stages_of(kind, spent_in):
    columns = [work for work in kind if any(work in spent for spent in spent_in.values())]
    rows, before = [], dict.fromkeys(columns, 0.0)
    for stage, spent in spent_in.items():
        row = [stage]
        for workload in columns:
            if workload not in spent:
                row += [NONE, NONE]
                continue
            middle = results.median(spent[workload])
            row += [time_cell(spent[workload]), "%+.1f" % (middle - before[workload])]
            before[workload] = middle
        if any(cell != NONE for cell in row[1:]):
            rows.append(row)
    head = ["ns, up to and with"]
    for workload in columns:
        head += [kind[workload], "this stage"]
    return Table(head, rows) if rows else None


def machine(run):
    rows = [["result file", run.name], ["commit", run.commit]]
    for described in run.machines:
        if isinstance(described, dict):
            rows += [[str(name), value if isinstance(value, str) else json.dumps(value)]
                     for name, value in described.items()]
        else:
            rows.append(["machine", described])
    if run.seeds:
        rows.append(["seed", ", ".join(map(str, run.seeds))])
    repeats = {len(times) for times in run.times.values()}
    if repeats:
        rows.append(["repeats", "–".join(str(r) for r in sorted({min(repeats), max(repeats)}))])
    rows.append(["measurements", "{:,}, each verified".format(run.lines)])
    return Table(["", "of this run"], rows)


# -------------------------------------------------------------------------------------- targets

def wanted(target, column):
    sign = "<" if (target.title, column) == targets.STRICT else "≥" if target.least else "≤"
    return "%s %g%s" % (sign, target.want[column], target.unit)


def target_table(runs):
    """(table, {verdict: how many}, [what was missed], the runs that decided)."""
    rows, counts, missed, deciding = [], collections.Counter(), [], []
    judged = targets.judged_rows(runs)

    def verdict_cells(title, want, figure, met, where):
        """[what is wanted, what is]"""
        state = UNMEASURED if figure is None else MET if met else MISSED
        counts[state] += 1
        if state == MISSED:
            missed.append("%s, %s: %s instead of %s" % (title, where, figure, want))
        return [want, state if figure is None else "%s, %s" % (figure, state)]

    for target in targets.TARGETS:
        row = [target.title]
        for column, dataset in enumerate(targets.COLUMNS):
            verdict = targets.judge(target, column, runs, judged)
            figure = None
            if verdict:
                figure = targets.shown(verdict.figure, target.least, target.unit)
                if verdict.run not in deciding:
                    deciding.append(verdict.run)
            row += verdict_cells(target.title, wanted(target, column), figure,
                                 verdict and verdict.met, dataset)
        rows.append(row)
    table = Table(["", "uniform: target", "measured", "coastline: target", "measured"], rows)
    any_rows = []
    for title, most, name in targets.ANY_KEYS:
        found = targets.worst(name, runs, judged)
        cells = verdict_cells(title, "≤ %g" % most, found and targets.shown(found[0], False),
                              found and found[0] <= most, found[1] if found else "")
        any_rows.append([title, *cells, found[1] if found else NONE])
    any_table = Table(["any keys", "target", "worst measured", "with the keys"], any_rows)
    return (table, any_table), counts, missed, deciding


def target_summary(counts):
    measured = counts[MET] + counts[MISSED]
    return "%d of %d targets that were measured are met, %d missed; %d were not measured." % (
        counts[MET], measured, counts[MISSED], counts[UNMEASURED])


def judged_size(runs):
    rows = targets.judged_rows(runs)
    aimed = "" if rows == targets.TARGET_ROWS else \
        "; the targets are for %s, which no run has" % count(targets.TARGET_ROWS)
    return "at %s rows%s" % (count(rows), aimed)


# ------------------------------------------------------------------- recorded earlier, by hand once

def prototypes(recorded, names):
    """Rows of recorded.json's prototypes: independent / dependent / lockstep; bytes of model."""
    rows = []
    for row in recorded["prototypes"]:
        if row["name"] in names:
            cells = []
            for dataset in recorded["datasets"]:
                figures = row.get(dataset)
                text = " / ".join(map(str, figures[:3])) if figures else NONE
                if figures and len(figures) > 3:
                    text += "; %s" % figures[3]
                cells.append(text)
            rows.append([row["name"], *cells])
    return Table(["ns a get", *recorded["datasets"]], rows)


def pairs(rows, head):
    return Table(head, [list(row) for row in rows])
