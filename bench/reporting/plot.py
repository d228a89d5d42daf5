# SPDX-License-Identifier: Apache-2.0
"""One workload as bars in SVG: a bar per engine up to its median, a dot per repeat.

Drawn 400 units wide, as wide as a phone, with colours that the page's style sheet gives to classes.
"""
import html
import math

import results
import tables

WIDTH = 400
NAMES = 122      # where names end and bars begin
BARS = 282       # where bars end
MEDIANS = 340    # right edge of the medians
ROW = 22
BAR = 12
TOP = 16
LOG_FROM = 8     # times between the least and the most from which the axis is logarithmic


class Scale:
    """From times to x: linear from 0, or logarithmic from a round number below the least."""

    def __init__(self, times):
        least, most = min(times), max(times)
        self.log = most / least > LOG_FROM
        self.low = round_below(least * 0.8) if self.log else 0.0
        self.high = most

    def x(self, time):
        if self.log:
            part = math.log(time / self.low) / math.log(self.high / self.low)
        else:
            part = time / self.high
        return NAMES + part * (BARS - NAMES)

    def ticks(self):
        """Round numbers, few enough not to touch."""
        if not self.log:
            step = round_below(self.high / 3)
            marks = [step * i for i in range(int(self.high / step) + 1)]
            return marks if len(marks) <= 5 else marks[::2]
        first, last = math.floor(math.log10(self.low)), math.floor(math.log10(self.high))
        if last - first <= 2:
            marks = [digit * 10.0 ** e for e in range(first, last + 1) for digit in (1, 2, 5)]
        else:
            marks = [10.0 ** e for e in range(first, last + 1)]
        marks = [m for m in marks if self.low * 0.999 <= m <= self.high]
        apart = []
        for mark in marks:
            if not apart or self.x(mark) - self.x(apart[-1]) >= 34:
                apart.append(mark)
        return apart


def round_below(value):
    """The largest 1, 2 or 5 times a power of ten that is not above the value."""
    power = 10.0 ** math.floor(math.log10(value))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= value * 1.0000001)


def kind(series):
    engine, state = series
    if engine == "kyro":
        return "kyro" if state == "default" else "state"
    return "memory" if engine in results.IN_MEMORY else "store"


def axis(scale, bottom, divisor, unit):
    parts = []
    ticks = scale.ticks()
    for tick in ticks:
        x = scale.x(tick)
        parts.append('<path class="grid" d="M%.1f %dV%d"/>' % (x, TOP, bottom))
        parts.append('<text class="axis" x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            x, bottom + 14, "%g" % float("%.3g" % (tick / divisor))))
    parts.append('<text class="axis" x="0" y="%d">%s%s</text>' % (
        bottom + 14, unit, ", logarithmic" if scale.log else ""))
    return "".join(parts)


def bar_row(series, times, y, scale, divisor, unit, kyro):
    middle = results.median(times)
    name = results.series_name(series)
    centre = y + ROW / 2
    about = "%s: %s %s, %s to %s, %d repeats" % (
        name, tables.digits(middle / divisor), unit, tables.digits(min(times) / divisor),
        tables.digits(max(times) / divisor), len(times))
    dots = "".join("M%.1f %gh0" % (scale.x(time), centre) for time in times)
    end = scale.x(middle)
    # What is only in memory is told apart without colour too: its bars are hollow.
    inset = 0.75 if kind(series) == "memory" else 0
    parts = ['<g class="%s"><title>%s</title>' % (kind(series), html.escape(about)),
             '<text class="name" x="%d" y="%g" text-anchor="end">%s</text>' % (
                 NAMES - 7, centre + 4, html.escape(name.replace(", prefetching", ", pref."))),
             '<rect class="bar" x="%d" y="%g" width="%.1f" height="%g"/>' % (
                 NAMES, centre - BAR / 2 + inset, max(1.0, end - NAMES), BAR - 2 * inset),
             '<path class="dots" d="%s"/>' % dots,
             '<text x="%d" y="%g" text-anchor="end">%s</text>' % (
                 MEDIANS, centre + 4, tables.digits(middle / divisor))]
    if kyro is not None and series != ("kyro", "default"):
        parts.append('<text class="ratio" x="%d" y="%g" text-anchor="end">%s</text>' % (
            WIDTH, centre + 4, tables.times_kyro(middle, kyro)))
    return "".join(parts) + "</g>\n"


def workload(run, config, name):
    """The figure of one workload, fastest first."""
    found = sorted(run.series(config, name),
                   key=lambda pair: (results.median(pair[1]), results.series_order(pair[0])))
    every = [time for _, times in found for time in times]
    scale = Scale(every)
    divisor, unit = tables.unit_of(results.median([results.median(times) for _, times in found]))
    kyro = run.median(config, name, "kyro")
    bottom = TOP + ROW * len(found)
    head = '<text class="axis" x="%d" y="10" text-anchor="end">median</text>' % MEDIANS
    if kyro is not None and len(found) > 1:
        head += '<text class="axis" x="%d" y="10" text-anchor="end">by kyro</text>' % WIDTH
    rows = "".join(bar_row(series, times, TOP + ROW * i, scale, divisor, unit, kyro)
                   for i, (series, times) in enumerate(found))
    title = results.WORKLOADS.get(name, name)
    code = "" if title == name else ' <code>%s</code>' % html.escape(name)
    return ('<figure><h3>%s%s</h3>\n<svg viewBox="0 0 %d %d" role="img" aria-label="%s">\n'
            "%s%s\n%s</svg></figure>\n" % (
                html.escape(title), code, WIDTH, bottom + 20, html.escape(title),
                head, axis(scale, bottom, divisor, unit), rows))
