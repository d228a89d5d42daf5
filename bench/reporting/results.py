# SPDX-License-Identifier: Apache-2.0
"""Result files of kyro_peers: one JSON object per line, one line per engine, workload and repeat.

A file is one run. Nothing is ever compared across files: a ratio of times is worth something only
where both were measured in turn, on one machine, in one process.
"""
import json
import math

# In the order in which they are shown; what is not listed follows, by name.
ENGINES = {
    "kyro": "kyro",
    "lmdb": "LMDB",
    "rocksdb": "RocksDB",
    "leveldb": "LevelDB",
    "sqlite": "SQLite",
    "tkrzw": "Tkrzw",
    "wiredtiger": "WiredTiger",
    "flat_hash_map": "flat_hash_map",
    "flat_hash_map_prefetch": "flat_hash_map, prefetching",
    "btree_map": "btree_map",
    "sorted_array": "sorted array",
    "simd_tree": "SIMD tree",
}
IN_MEMORY = ("flat_hash_map", "flat_hash_map_prefetch", "btree_map", "sorted_array", "simd_tree")
WORKLOADS = {
    "load": "load, a row",
    "get_hit": "get, present",
    "get_miss": "get, absent",
    "get_mixed": "get, half present",
    "get_dependent": "get, dependent on the last",
    "multiget_8": "MultiGet of 8, a key",
    "multiget_32": "MultiGet of 32, a key",
    "multiget_128": "MultiGet of 128, a key",
    "seek_50": "seek and 50 rows",
    "scan_rows": "scan, a row",
    "scan_columns": "scan by columns, a row",
    "ycsb_a": "YCSB A", "ycsb_b": "YCSB B", "ycsb_c": "YCSB C",
    "ycsb_d": "YCSB D", "ycsb_e": "YCSB E", "ycsb_f": "YCSB F",
    "threads_2": "get by two threads",
    "open_warm": "open and first get, files in memory",
    "open_cold": "open and first get, files on disk",
}
DATASETS = ("uniform", "gaps", "lognormal", "clumped", "poisoned", "coastline")
STATES = ("default", "warm", "huge", "delta_1", "delta_2", "delta")
SECTIONS = ("gets", "delta", "lsm", "load")
MODEL = "model"    # facts about the model, no times
TRAIN = "train"    # training alone
MAKERS = ("load", TRAIN)
# Work cut off after the stage named in "stage": where the time goes. A table for each kind of work.
STAGES = (
    {"stages": "independent get", "stages_dependent": "dependent get"},
    {"stages_batch": "key of a batch of 32"},
    {"stages_scan": "row of a scan"},
    {"stages_train": "key, training"},
    {"stages_threads": "get of each of two threads"},
)
STAGE_WORKLOADS = [name for kind in STAGES for name in kind]
MODEL_FACTS = ("model_bytes_per_key", "training_ns_per_key")
FACTS = MODEL_FACTS + ("raw_bytes_per_key",)


class BadResult(Exception):
    """A result file that must not become a figure; the text names file and line."""


def rank(known, name):
    """Sorts by place in `known`, what is not there behind it by name."""
    known = list(known)
    return (known.index(name), "") if name in known else (len(known), name)


def median(values):
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


class Config(tuple):
    """What two times must share to be compared: (data set, rows, bytes of a value, the most bytes of
    a value, section of the run). The engines of another section were not there, or others were too."""
    dataset = property(lambda self: self[0])
    n = property(lambda self: self[1])
    value_bytes = property(lambda self: self[2])
    value_bytes_max = property(lambda self: self[3])
    section = property(lambda self: self[4])

    def order(self):
        return (rank(DATASETS, self.dataset), self.n, self.value_bytes, rank(SECTIONS, self.section))


class Run:
    """One result file. `times` maps (config, workload, engine, state) to ns per operation, one for
    each repeat, in the order of the file."""

    def __init__(self, name):
        self.name = name
        self.times = {}
        self.facts = {}       # (config, engine, fact) -> values
        self.disk = {}        # (config, engine) -> bytes on disk, of state "default"
        self.memory = {}      # (config, engine) -> peak resident bytes
        self.stages = {}      # (config, engine) -> {stage: {workload: ns per repeat}}
        self.machines = []    # descriptions, each once
        self.commit = None
        self.seeds = []
        self.lines = 0
        self._seen = set()

    def configs(self):
        return sorted({key[0] for key in self.times}, key=Config.order)

    def matching(self, dataset, n, value_bytes, value_bytes_max):
        """The configs of these rows, whatever their section."""
        return [config for config in self.configs()
                if config[:4] == (dataset, n, value_bytes, value_bytes_max)]

    def workloads(self, config):
        found = {key[1] for key in self.times if key[0] == config}
        return sorted(found, key=lambda name: rank(WORKLOADS, name))

    def series(self, config, workload):
        """[((engine, state), times)] in the order in which engines are shown."""
        found = [(key[2:], times) for key, times in self.times.items()
                 if key[0] == config and key[1] == workload]
        return sorted(found, key=lambda pair: series_order(pair[0]))

    def median(self, config, workload, engine, state="default"):
        times = self.times.get((config, workload, engine, state))
        return median(times) if times else None

    def fact(self, config, engine, name):
        values = self.facts.get((config, engine, name))
        return median(values) if values else None

    def add(self, line):
        """Adds a checked line; raises ValueError."""
        if self.commit not in (None, line["commit"]):
            raise ValueError("commit %s in a run of commit %s" % (line["commit"], self.commit))
        value_bytes = line["value_bytes"]
        config = Config((line["dataset"], line["n"], value_bytes,
                         line.get("value_bytes_max", value_bytes),
                         line.get("section", "").rpartition("/")[2]))
        engine, workload, state = line["engine"], line["workload"], line["state"]
        seen = (config, workload, engine, state, *map(line.get, ("repeat", "seed", "stage")))
        if seen in self._seen:
            raise ValueError("a second line for repeat %d of %s, %s" % (line["repeat"], engine,
                                                                       workload))
        self._seen.add(seen)
        self.commit = line["commit"]
        self.lines += 1
        if line["machine"] not in self.machines:
            self.machines.append(line["machine"])
        if line.get("seed") is not None and line["seed"] not in self.seeds:
            self.seeds.append(line["seed"])
        for fact in FACTS:
            if line.get(fact) is not None:
                self.facts.setdefault((config, engine, fact), []).append(line[fact])
        if workload in STAGE_WORKLOADS:
            stages = self.stages.setdefault((config, engine), {})
            stage = stages.setdefault(line["stage"], {})
            stage.setdefault(workload, []).append(line["ns_per_op"])
        elif workload != MODEL:
            self.times.setdefault((config, workload, engine, state), []).append(line["ns_per_op"])
        if state == "default":
            if line.get("scaling") is not None:
                self.facts.setdefault((config, engine, "scaling"), []).append(line["scaling"])
            for field, kept in (("bytes_on_disk", self.disk), ("peak_rss_bytes", self.memory)):
                if line.get(field):
                    kept[(config, engine)] = max(line[field], kept.get((config, engine), 0))


def series_order(series):
    engine, state = series
    return (rank(ENGINES, engine), rank(STATES, state))


def series_name(series):
    engine, state = series
    name = ENGINES.get(engine, engine)
    return name if state == "default" else "%s, %s" % (name, state)


def adapt(line):
    """Puts what kyro_peers says in its own way where the page looks for it."""
    for name in FACTS:
        if name in line.get("facts", {}):
            line.setdefault(name, line["facts"][name])
    if line.get("workload") == TRAIN:
        line.setdefault("training_ns_per_key", line.get("ns_per_op"))


def check(line):
    """Raises ValueError unless the object is a result that may be shown."""
    if not isinstance(line, dict):
        raise ValueError("not an object")
    line.setdefault("state", "default")
    for field in ("engine", "workload", "dataset", "commit", "state"):
        if not isinstance(line.get(field), str) or not line[field]:
            raise ValueError("%s is not a text" % field)
    for field in ("n", "value_bytes", "repeat"):
        if not isinstance(line.get(field), int) or isinstance(line[field], bool) or line[field] < 0:
            raise ValueError("%s is not a whole number" % field)
    if line["n"] == 0:
        raise ValueError("n is 0")
    if not isinstance(line.get("section", ""), str):
        raise ValueError("section is not a text")
    if not isinstance(line.get("machine"), (str, dict)) or not line["machine"]:
        raise ValueError("machine is neither a text nor an object")
    if not is_number(line.get("verified")) and not isinstance(line.get("verified"), bool):
        raise ValueError("verified is neither a number nor true or false")
    # What a load or a training makes is what the other lines of the run verify.
    if line["verified"] <= 0 and line["workload"] not in MAKERS:
        raise ValueError("not verified: %s, %s" % (line["engine"], line["workload"]))
    spent = line.get("ns_per_op")
    if line["workload"] != MODEL and not (is_number(spent) and spent > 0):
        raise ValueError("ns_per_op is not a positive number")
    for field in FACTS + ("ops", "bytes_on_disk", "peak_rss_bytes", "value_bytes_max", "scaling"):
        if line.get(field) is not None and not (is_number(line[field]) and line[field] >= 0):
            raise ValueError("%s is not a number" % field)
    if line["workload"] == MODEL and all(line.get(fact) is None for fact in MODEL_FACTS):
        raise ValueError("a model line without %s" % " or ".join(MODEL_FACTS))
    if line["workload"] in STAGE_WORKLOADS and not (isinstance(line.get("stage"), str) and line["stage"]):
        raise ValueError("a line of stages without the name of its stage")


def read(path):
    """The Run of a file; BadResult names the first line that is wrong."""
    run = Run(path.name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadResult("%s: %s" % (path, error)) from error
    for number, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            line = json.loads(row)
            if isinstance(line, dict) and line.get("not_offered"):
                continue  # and why; nothing was measured
            if isinstance(line, dict):
                adapt(line)
            check(line)
            run.add(line)
        except ValueError as error:
            raise BadResult("%s:%d: %s" % (path, number, error)) from error
    if run.lines == 0:
        raise BadResult("%s: no results" % path)
    return run
