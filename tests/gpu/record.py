#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The ssm authors
# SPDX-License-Identifier: Apache-2.0
"""Writes what ran on a GPU to last_run.json beside this file, which is committed.

    record.py tests <Catch2's JUnit report> <what the sanitizers said, as scripts/test_cuda.sh writes it>
    record.py figures <what cuda_bench wrote> <its exit status>

Each keeps what the other wrote.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "last_run.json"


def output(*command):
    try:
        return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def machine():
    gpu, _, driver = output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader").partition(", ")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "gpu": gpu,
        "driver": driver,
        "commit": output("git", "describe", "--always", "--dirty"),
    }


def sanitizers(report):
    """Seconds of each case under each tool, by what came of it."""
    found = {}
    for line in report.read_text().splitlines():
        tool, status, seconds, case = line.split(" ", 3)
        verdict = {"0": "clean", "124": "cut off", "137": "cut off, or killed"}.get(status, f"exit status {status}")
        found.setdefault(tool, {}).setdefault(verdict, {})[case] = int(seconds)
    return found


def tests(report, under_sanitizers):
    suites = xml.parse(report).getroot().iter("testsuite")
    cases = [case for suite in suites for case in suite.iter("testcase")]
    failed = [case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    result = machine() | {"passed": len(cases) - len(failed), "failed": len(failed), "failures": failed}
    if pathlib.Path(under_sanitizers).exists():
        result["sanitizers"] = sanitizers(pathlib.Path(under_sanitizers))
    return {"tests": result}


def figures(report, status):
    ended = {} if status == "0" else {"cut off": f"exit status {status}"}
    return {"benchmark": machine() | ended | {"figures": json.loads(pathlib.Path(report).read_text())["figures"]}}


def main(kind, *arguments):
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record.update({"tests": tests, "figures": figures}[kind](*arguments))
    RECORD.write_text(json.dumps(record, indent=2) + "\n")
    print(f"wrote {RECORD}")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("tests", "figures"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
