# SPDX-License-Identifier: Apache-2.0
"""The generated parts of docs/performance.md: between `<!-- generated: NAME -->`, `<!-- end -->`.

What stands around them is by hand, and must hold no figures.
"""
import re

import results
import tables

BLOCK = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.S)
# A number with a unit of speed or size, outside the blocks.
FIGURE = re.compile(r"\d[\d.,]*\s?(?:ns|µs|us|ms|s|x|times|%|percent|[KMG]i?B|bytes per \w+)(?!\w)")
NO_RESULTS = "No results yet.\n"


class BadPage(Exception):
    """The page has no place for what is generated, or figures by hand."""


def runs_block(runs):
    return "\n".join(tables.markdown(tables.machine(run)) for run in runs) or NO_RESULTS


def targets_block(runs):
    if not runs:
        return NO_RESULTS
    (table, any_table), counts, missed, deciding = tables.target_table(runs)
    text = tables.target_summary(counts) + "\n"
    if deciding:
        text += "Decided by %s, %s.\n" % (", ".join("`%s`" % run.name for run in deciding),
                                          tables.judged_size(runs))
    text += "\n" + tables.markdown(table) + "\n" + tables.markdown(any_table)
    if missed:
        text += "\nMissed:\n\n" + "".join("- %s.\n" % line for line in missed)
    return text


def results_block(runs):
    parts = []
    for run in runs:
        for config in run.configs():
            parts.append("### %s\n\nFrom `%s`. Stores:\n\n%s" % (
                tables.config_name(config), run.name,
                tables.markdown(tables.times(run, config, False))))
            in_memory = tables.times(run, config, True)
            if in_memory:
                parts.append("In memory only, lost when the process ends:\n\n"
                             + tables.markdown(in_memory))
            space = tables.space(run, config)
            if space:
                parts.append("Space:\n\n" + tables.markdown(space))
    return "\n".join(parts) or NO_RESULTS


def stages_block(runs):
    """A section of its own, heading and all; nothing while there is no data."""
    parts = []
    for run in runs:
        for config, engine in sorted(run.stages, key=lambda key: (key[0].order(), key[1])):
            parts.append("%s, %s, from `%s`:\n\n%s" % (
                results.ENGINES.get(engine, engine), tables.config_name(config), run.name,
                "\n".join(map(tables.markdown, tables.stages(run, config, engine)))))
    if not parts:
        return ""
    return ("## Where the remaining nanoseconds go\n\nGets, batches, scans and training that go no "
            "further than the stage, and what the stage adds.\n\n" + "\n".join(parts))


def blocks(runs, recorded):
    lost = [row["name"] for row in recorded["prototypes"] if row["name"] not in recorded["floor"]]
    return {
        "targets": targets_block(runs),
        "runs": runs_block(runs),
        "results": results_block(runs),
        "stages": stages_block(runs),
        "floor": tables.markdown(tables.prototypes(recorded, recorded["floor"])),
        "memory": tables.markdown(tables.pairs(recorded["memory"], ["access to memory", "time"])),
        "prototypes": "%s\n\n%s" % (recorded["about"],
                                    tables.markdown(tables.prototypes(recorded, lost))),
        "tried": tables.markdown(tables.pairs(recorded["tried"], ["tried", "measured"])),
        "paths": tables.markdown(tables.pairs(recorded["paths"], ["the way to a row", "measured"])),
    }


def check_by_hand(page):
    """Raises BadPage for a figure outside the blocks."""
    by_hand = BLOCK.sub(lambda block: "\n" * block[0].count("\n"), page)
    for number, line in enumerate(by_hand.split("\n"), 1):
        found = FIGURE.search(line)
        if found:
            raise BadPage("line %d: the figure `%s` is typed by hand" % (number, found[0]))


def fill(page, runs, recorded):
    """The page with its blocks made anew."""
    made = blocks(runs, recorded)
    places = [name for _, name, _ in BLOCK.findall(page)]
    if sorted(places) != sorted(made) or page.count("<!-- generated:") != len(made):
        raise BadPage("has blocks %s, wants each of %s once" % (
            " ".join(places) or "none", " ".join(made)))
    check_by_hand(page)
    return BLOCK.sub(lambda block: "%s\n%s\n%s" % (block[1], made[block[2]], block[3])
                     if made[block[2]] else block[1] + block[3], page)
