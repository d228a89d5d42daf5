#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts test cases from meson's logs, for tests/run.

tally.py programs DIR asan|tsan   the programs that the build DIR has to run, one per line
tally.py sum ok|failed            sums build/, build-asan/, build-tsan/ and the format check, checks
                                  that the sanitizers ran every case they should, and prints the
                                  closing line; exits 1 on any failure

tests/sanitizer_exclusions has one line per exclusion: `asan|tsan PROGRAM:SUITE.CASE reason`, with
shell wildcards.
"""
import fnmatch
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILDS = (("build", None), ("build-asan", "asan"), ("build-tsan", "tsan"))


def exclusions(sanitizer):
    patterns = []
    for line in (ROOT / "tests/sanitizer_exclusions").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            kind, pattern, reason = line.split(None, 2)
            if kind == sanitizer:
                patterns.append(pattern)
    return patterns


def programs(directory, sanitizer):
    """All programs but those of which every case is excluded."""
    whole = {p[:-2] for p in exclusions(sanitizer) if p.endswith(":*")}
    tests = json.loads(subprocess.check_output(
        ["meson", "introspect", "--tests", str(ROOT / directory)]))
    return [t["name"] for t in tests if t["name"] not in whole]


def cases(directory):
    """{"program:Suite.Case": "passed" | "failed" | "skipped"}; a program without cases is one."""
    logs = ROOT / directory / "meson-logs"
    found = {}
    try:
        junit = xml.etree.ElementTree.parse(logs / "testlog.junit.xml").getroot()
        results = [json.loads(line) for line in open(logs / "testlog.json")]
    except (OSError, xml.etree.ElementTree.ParseError, ValueError):
        return None
    for suite in junit.iter("testsuite"):
        for case in suite.iter("testcase"):
            failed = case.find("failure") is not None or case.find("error") is not None
            skipped = case.find("skipped") is not None or case.get("status") == "notrun" \
                or case.get("result") == "skipped"
            found[name_of(suite, case)] = "failed" if failed else "skipped" if skipped else "passed"
    for result in results:
        program = result["name"].split(" / ")[-1]
        own = [name for name in found if name.startswith(program + ":")]
        good = result["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
        if not own:
            found[program + ":"] = {"OK": "passed", "SKIP": "skipped"}.get(result["result"], "failed")
        elif not good and all(found[name] != "failed" for name in own):
            # It crashed, hung or leaked: no case says so.
            found[program + ":exit"] = "failed"
    return found


def name_of(suite, case):
    """meson names a gtest suite project.program.Suite, and a plain test's suite project; the program
    is prefixed by its own suite where there are several: `kyro:slow / db_crash`."""
    parts = suite.get("name", "").split(".")
    if len(parts) >= 3:
        return "%s:%s.%s" % (parts[-2].split(" / ")[-1], parts[-1], case.get("name"))
    return "%s:" % case.get("name").split(" / ")[-1]


def check_coverage(directory, sanitizer, release, ran):
    """Problems: cases of the release build that the sanitizer should have run and did not."""
    patterns = exclusions(sanitizer)
    problems = ["%s: tests/sanitizer_exclusions: nothing matches %s" % (directory, p)
                for p in patterns if not fnmatch.filter(release, p)]
    wanted = {name for name, result in release.items() if result != "skipped"
              and not any(fnmatch.fnmatchcase(name, p) for p in patterns)}
    done = {name for name, result in ran.items() if result != "skipped"}
    problems += ["%s: did not run %s" % (directory, name) for name in sorted(wanted - done)]
    print("%-10s %d of the release build's %d cases, %d excluded by name: %s" % (
        directory, len(wanted & done), len(release), len(release) - len(wanted),
        "none missing" if not problems else "NOT as it should be"))
    return problems


def total(formatted):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    counts["passed" if formatted == "ok" else "failed"] += 1
    print("%-10s %s" % ("format", formatted))
    release = {}
    for directory, sanitizer in BUILDS:
        ran = cases(directory)
        if ran is None:
            print("%-10s did not build or run" % directory)
            counts["failed"] += 1
            continue
        here = {result: list(ran.values()).count(result) for result in counts}
        print("%-10s %d cases: %d passed, %d failed, %d skipped" % (
            directory, len(ran), here["passed"], here["failed"], here["skipped"]))
        for name in sorted(name for name, result in ran.items() if result == "failed"):
            print("  FAILED %s %s" % (directory, name))
        for result in counts:
            counts[result] += here[result]
        if sanitizer is None:
            release = ran
            continue
        problems = check_coverage(directory, sanitizer, release, ran)
        for problem in problems[:40]:
            print("  " + problem)
        counts["failed" if problems else "passed"] += 1
    line = "%d passed, %d failed" % (counts["passed"], counts["failed"])
    print(line + (", %d skipped" % counts["skipped"] if counts["skipped"] else ""))
    return 1 if counts["failed"] else 0


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "programs":
        print("\n".join(programs(arguments[1], arguments[2])))
        return 0
    if len(arguments) == 2 and arguments[0] == "sum":
        return total(arguments[1])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
