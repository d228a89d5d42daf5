# SPDX-License-Identifier: Apache-2.0
"""The targets of kyro's speed, and whether a run meets them.

Each is judged by medians of one run, kyro in its default state: folded, read through a held view.
They are for TARGET_ROWS rows. Where no run has that many the largest size is judged instead, and
the page says so.
"""
import collections
import math

import results

TARGET_ROWS = 10_000_000
COLUMNS = ("uniform", "coastline")

# `want`: what is aimed at, per column; `least`: more is better. `measure(run, config)` gives the
# figure, or None where the run does not have it. `values` (least and most bytes) and `n` choose the
# config; n None is the size that is judged.
Target = collections.namedtuple("Target", "title want unit least measure values n")
Verdict = collections.namedtuple("Verdict", "figure met run config")


def ratio(above, below):
    return above / below if above is not None and below is not None else None


def first(*values):
    return next((value for value in values if value is not None), None)


def peer_over_kyro(peer, workload, peer_workloads=None):
    """How many times faster kyro is: the peer's time by kyro's."""
    names = peer_workloads or (workload,)
    return lambda run, config: ratio(first(*(run.median(config, name, peer) for name in names)),
                                     run.median(config, workload, "kyro"))


def kyro_over_peer(peer, workload, peer_workloads=None):
    faster = peer_over_kyro(peer, workload, peer_workloads)
    return lambda run, config: ratio(1.0, faster(run, config))


def kyro_over_kyro(workload, state, below):
    return lambda run, config: ratio(run.median(config, workload, "kyro", state),
                                     run.median(config, below, "kyro"))


def scaling_against_array(run, config):
    return ratio(run.fact(config, "kyro", "scaling"), run.fact(config, "sorted_array", "scaling"))


def fact(name):
    return lambda run, config: run.fact(config, "kyro", name)


def disk_over_raw(run, config):
    """Bytes on disk without the model, by those of keys and values alone."""
    disk, model = run.disk.get((config, "kyro")), run.fact(config, "kyro", "model_bytes_per_key")
    if disk is None or model is None:
        return None
    return (disk / config.n - model) / (8 + config.value_bytes)


def open_ms(run, config):
    spent = run.median(config, "open_warm", "kyro")
    return None if spent is None else spent / 1e6


def disk_beyond_raw(run, config):
    """Bytes on disk for each key beyond those of keys, values and the model."""
    disk = run.disk.get((config, "kyro"))
    raw, model = (run.fact(config, "kyro", name)
                  for name in ("raw_bytes_per_key", "model_bytes_per_key"))
    return None if None in (disk, raw, model) else disk / config.n - model - raw


def at_least(title, uniform, coastline, measure, values=(8, 8)):
    return Target(title, (uniform, coastline), "x", True, measure, values, None)


def at_most(title, uniform, coastline, measure, unit="x", values=(8, 8), n=None):
    return Target(title, (uniform, coastline), unit, False, measure, values, n)


BATCH = ("multiget_32", "get_hit")  # a peer without batches is asked one by one
TARGETS = (
    at_least("get_hit: faster than LMDB", 10, 8, peer_over_kyro("lmdb", "get_hit")),
    at_least("get_hit: faster than RocksDB", 22, 18, peer_over_kyro("rocksdb", "get_hit")),
    at_least("get_hit: faster than LevelDB", 22, 18, peer_over_kyro("leveldb", "get_hit")),
    at_most("get_hit: time of flat_hash_map's", 1.6, 2.3,
            kyro_over_peer("flat_hash_map", "get_hit")),
    at_most("get_dependent: time of flat_hash_map's", 1.0, 1.1,
            kyro_over_peer("flat_hash_map", "get_dependent")),
    at_most("get_miss: time of get_hit's", 1.0, 1.0,
            kyro_over_kyro("get_miss", "default", "get_hit")),
    at_least("get_hit, values of 100 bytes: faster than LMDB", 6, 5,
             peer_over_kyro("lmdb", "get_hit"), values=(100, 100)),
    at_least("multiget_32: faster than LMDB", 28, 25, peer_over_kyro("lmdb", "multiget_32", BATCH)),
    at_most("multiget_32: time of flat_hash_map's, one by one", 0.7, 0.7,
            kyro_over_peer("flat_hash_map", "multiget_32", BATCH)),
    at_most("multiget_32: time of flat_hash_map's with prefetch", 1.1, 1.1,
            kyro_over_peer("flat_hash_map_prefetch", "multiget_32")),
    at_least("scan_rows: faster than LMDB's cursor", 3, 3, peer_over_kyro("lmdb", "scan_rows")),
    at_least("scan_columns: faster than LMDB's cursor", 8, 8,
             peer_over_kyro("lmdb", "scan_columns", ("scan_rows",))),
    at_least("two threads against one: part of the sorted array's scaling", 0.95, 0.95,
             scaling_against_array),
    at_most("model, bytes per key", 0.15, 0.30, fact("model_bytes_per_key"), unit=""),
    at_most("bytes on disk without the model, values of 8 bytes: of raw", 1.03, 1.03,
            disk_over_raw),
    at_most("bytes on disk without the model, values of various lengths: per key beyond raw",
            4.5, 4.5, disk_beyond_raw, unit="", values=(16, 184)),
    at_most("training and validation, ns per key", 3, 6, fact("training_ns_per_key"), unit=""),
    at_least("load until durable: faster than LMDB's unsynced append", 1.5, 1.5,
             peer_over_kyro("lmdb", "load")),
    at_most("clean open and first get, ms", 10, 10, open_ms, unit=""),
    at_most("clean open and first get at 50 million rows, ms", 10, 10, open_ms, unit="",
            n=50_000_000),
    at_most("get_hit with 1 MiB in the delta over 3 runs: time of the folded database's", 1.6, 1.6,
            kyro_over_kyro("get_hit", "delta", "get_hit")),
)
# For any keys at all: the worst data set decides.
ANY_KEYS = (
    ("model, bytes per key", 0.30, "model_bytes_per_key"),
    ("training and validation, ns per key", 6, "training_ns_per_key"),
)
# Faster, not as fast.
STRICT = ("get_dependent: time of flat_hash_map's", 0)


def judged_rows(runs):
    """The size that is judged: TARGET_ROWS if a run has kyro there, else the largest."""
    sizes = {key[0].n for run in runs for key in run.times if key[2] == "kyro"}
    return TARGET_ROWS if TARGET_ROWS in sizes or not sizes else max(sizes)


def meets(target, column, figure):
    if (target.title, column) == STRICT:
        return figure < target.want[column]
    return figure >= target.want[column] if target.least else figure <= target.want[column]


def judge(target, column, runs, rows):
    """The Verdict by the last run, in the order of names, that measured it; None if none did."""
    for run in reversed(runs):
        for config in run.matching(COLUMNS[column], target.n or rows, *target.values):
            figure = target.measure(run, config)
            if figure is not None:
                return Verdict(figure, meets(target, column, figure), run, config)
    return None


def worst(fact_name, runs, rows):
    """(figure, data set): the largest over all data sets, of each the last run's; None if none."""
    newest = {}
    for run in runs:
        for config, engine, name in run.facts:
            if (engine, name) == ("kyro", fact_name) and config[1:4] == (rows, 8, 8):
                newest[config.dataset] = run.fact(config, engine, name)
    return max(((figure, dataset) for dataset, figure in newest.items()), default=None)


def shown(figure, least, unit=""):
    """Three digits, rounded to the bad side: what is shown never meets a target that was missed."""
    if figure == 0:
        return "0" + unit
    places = max(0, 2 - math.floor(math.log10(abs(figure))))
    scaled = figure * 10 ** places
    # A hair of slack, so that 1.6 stored as 1.6000000000000001 is not shown as 1.61.
    scaled = math.floor(scaled + 1e-9) if least else math.ceil(scaled - 1e-9)
    return "%.*f%s" % (places, scaled / 10 ** places, unit)
