#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
#
# smoke.py KYRO_PEERS DIRECTORY ENGINE...: whether the checks of kyro_peers hold, with few keys and
# every engine of the build (those named). Proves no speed.
#   - every engine serves every workload rightly, or says why it does not
#   - a wrong value in any engine's store fails the run, with exit code 1
#   - every data set can be made, and one that cannot is reported
#   - the presets run through
import json
import pathlib
import struct
import subprocess
import sys

PROGRAM, ENGINES = sys.argv[1], sys.argv[3:]
DIRECTORY = pathlib.Path(sys.argv[2]) / "kyro_peers_smoke"
STATES = ["kyro:warm", "kyro:delta_1", "kyro:delta"]
WORKLOADS = """load get_hit get_miss get_mixed get_dependent multiget_8 multiget_32 multiget_128
  seek_50 scan_rows scan_columns threads_2 train stages stages_dependent stages_batch stages_scan
  stages_train stages_threads open_warm open_cold ycsb_a ycsb_b ycsb_c ycsb_d ycsb_e ycsb_f""".split()
GET_STAGES = ["answer known", "position known", "position predicted", "position found", "View::Get",
              "Keyspace::Get"]
STAGES = {
    "stages": GET_STAGES, "stages_dependent": GET_STAGES,
    "stages_batch": ["answer known", "position known", "positions found", "View::MultiGet"],
    "stages_scan": ["bytes read", "rows checked", "Scan::NextBatch", "Scan, row by row"],
    "stages_threads": ["answer known", "position known", "position found", "View::Get"],
    "stages_train": ["keys read", "slots built", "errors measured", "Train"],
}
# Engines that cannot serve a workload, and say so: all others must.
UNORDERED = {"flat_hash_map", "flat_hash_map_prefetch", "tkrzw"}
ORDERED = {"seek_50", "scan_rows", "scan_columns", "ycsb_e"}
MEMORY = {"flat_hash_map", "flat_hash_map_prefetch", "btree_map", "sorted_array", "simd_tree"}
STATIC = {"sorted_array", "simd_tree"}
DEFAULT_ONLY = {"train", *STAGES, "open_warm", "open_cold"}


def run(*flags, code=0):
    """The records of a run that ends with `code`, and what it printed."""
    out = DIRECTORY / "out.ndjson"
    command = [PROGRAM, "--dir", str(DIRECTORY), "--json", str(out), *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != code:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}, {code} wanted\n{done.stderr}")
    return [json.loads(line) for line in out.read_text().splitlines()], done.stdout + done.stderr


def offered(engine, workload):
    if engine == "flat_hash_map_prefetch":
        return workload == "load" or workload.startswith("multiget")
    if workload in ORDERED and engine in UNORDERED:
        return False
    if workload.startswith("open") and engine in MEMORY:
        return False
    if workload == "train" or workload in STAGES:
        return engine == "kyro"
    return not (engine in STATIC and workload.startswith("ycsb") and workload != "ycsb_c")


def check_everything(value_bytes, workloads):
    names = ENGINES + STATES
    records, _ = run("--n=2000", "--ops=600", "--repeats=2", f"--value_bytes={value_bytes}",
                     f"--workloads={','.join(workloads)}", f"--engines={','.join(names)}")
    seen = {}
    for r in records:
        state = "" if r["state"] == "default" else ":" + r["state"]
        seen.setdefault((r["engine"] + state, r["workload"]), []).append(r)
        for field in ["dataset", "n", "value_bytes", "repeat", "bytes_on_disk",
                      "peak_rss_bytes", "machine", "commit", "seed"]:
            assert field in r, (field, r)
    for name in names:
        engine = name.split(":")[0]
        for workload in workloads:
            got = seen.get((name, workload), [])
            if name in STATES and workload in DEFAULT_ONLY or not offered(engine, workload):
                assert len(got) == 1 and got[0]["not_offered"], (name, workload, got)
                continue
            stages = STAGES.get(workload, [None])
            assert [(r["repeat"], r.get("stage")) for r in got] == [
                (repeat, stage) for repeat in [1, 2] for stage in stages], (name, workload, got)
            for r in got:
                assert r["ops"] > 0 and r["ns_per_op"] > 0, r
                assert r["verified"] > 0 or workload == "load", r


def check_planted():
    for engine in ENGINES:
        workload = "multiget_8" if engine == "flat_hash_map_prefetch" else "get_hit"
        records, text = run("--n=200", "--ops=4000", "--repeats=1", f"--workloads={workload}",
                            f"--engines={engine}", f"--plant_wrong_value={engine}", code=1)
        assert f"kyro_peers: {engine}: wrong" in text, text
        assert any("wrong" in r for r in records), records
    # Training does not look at values.
    for workload in ["scan_rows", "scan_columns", "seek_50", "get_mixed", "get_dependent", "threads_2",
                     "ycsb_c", "stages", "stages_dependent", "stages_batch", "stages_scan"]:
        records, _ = run("--n=200", "--ops=20000", "--repeats=1", f"--workloads={workload}",
                         "--engines=kyro", "--plant_wrong_value=kyro", code=1)
        assert all("wrong" in r for r in records), records


def check_datasets():
    sosd = DIRECTORY / "keys.sosd"
    sosd.write_bytes(struct.pack("<3001Q", 3000, *[i * i for i in range(3000)]))
    flags = ["--ops=500", "--repeats=1", "--workloads=get_hit,get_miss,scan_rows",
             "--engines=kyro,sorted_array"]
    names = ["uniform", "gaps", "lognormal", "clumped", "poisoned", "coastline", f"sosd:{sosd}"]
    records, _ = run(*flags, "--n=2000", f"--dataset={','.join(names)}")
    for name in names:
        got = [r for r in records if r["dataset"] == name]
        assert len(got) == 6, (name, got)
        may_lack = name == "coastline"  # the machine may not have the shoreline
        assert all("ns_per_op" in r or (may_lack and r["not_offered"]) for r in got), got
    records, _ = run(*flags, "--n=4000", f"--dataset=sosd:{sosd}")
    assert len(records) == 6 and all("3000 keys" in r["not_offered"] for r in records), records
    run("--n=2000", "--dataset=nonsense", code=1)


def check_presets():
    _, text = run("--preset=core", "--dataset=uniform", "--n=2000", "--ops=500", "--repeats=1")
    assert "targets, uniform" in text and "get_hit, against LMDB" in text, text
    assert max(map(len, text.splitlines())) <= 80, text
    _, text = run("--preset=full", "--sections=states", "--dataset=gaps", "--n=2000", "--ops=500",
                  "--repeats=1")
    assert "kyro:delta" in text, text


DIRECTORY.mkdir(parents=True, exist_ok=True)
check_everything("8", WORKLOADS)
check_everything("16-60", ["get_hit", "multiget_32", "scan_rows", "ycsb_d"])
check_planted()
check_datasets()
check_presets()
