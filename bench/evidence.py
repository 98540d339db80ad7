# SPDX-License-Identifier: Apache-2.0
"""scripts/bench evidence: how long the pack for one criterion takes, beside `rowgate audit verify` of the same log, from the
page cache. --log DIR takes a log that is there (it stays as it is); otherwise one is made and removed. The machine's cores are
used; CPU seconds say what it costs when they are not free. docs/benchmarks.md."""

import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile

import audit
import report
import stack

CRITERIA = ("CC6.1", "CC6.6", "CC8.1", "all")
GOAL_SECONDS = 60
GOAL_RECORDS = 10_000_000


def make(log, options):
    """1.3 KB a record: log-ins, failures, denied and allowed statements of 500 users."""
    done = subprocess.run([audit.beside(stack.binary(), "audit_load"), "--directory", log, "--clients", "512", "--seconds",
                           str(options.seconds), "--bytes", "400", "--durability", "written", "--mixed", "--json"],
                          text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"audit_load failed:\n{done.stdout}{done.stderr}")


def measure(log, directory):
    size = sum(path.stat().st_size for path in (log / "seg").glob("*.jsonl"))
    verified = audit.timed([stack.binary(), "audit", "verify", "--json", log])
    records = json.loads(verified.pop("output"))["records"]
    rows = [{"what": "verify", "records": records, "bytes": size} | verified]
    for criterion in CRITERIA:
        folder = directory / "pack"
        found = audit.timed([stack.binary(), "audit", "evidence", "--criterion", criterion, "--from", "1970-01-02", "--to",
                             "2200-01-01", "--unrecorded", "--json", "-o", folder, log])
        made = json.loads(found.pop("output"))
        shutil.rmtree(folder)
        rows.append({"what": criterion, "records": made["records"], "enclosed": made["enclosed"], "bytes": size} | found)
    return rows


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench evidence")
    parser.add_argument("--seconds", type=float, default=30, help="how long records are written: some 50,000 a second")
    parser.add_argument("--log", type=pathlib.Path, help="a log that is there")
    options, _ = parser.parse_known_args()
    with tempfile.TemporaryDirectory(prefix="rowgate.evidence.") as name:
        directory = pathlib.Path(name)
        log = options.log or directory / "log"
        if options.log is None:
            make(log, options)
        rows = measure(log, directory)
    for row in rows:
        share = GOAL_RECORDS / row["records"]
        row["cpu_of_goal"] = row["cpu"] * share
        print(f"{row['what']:7} {row['records']:>11,} records  {row['wall']:6.1f} s wall  {row['cpu']:6.1f} s CPU  "
              f"10 million: {row['cpu_of_goal']:6.1f} s CPU, {row['cpu_of_goal'] / 2:5.1f} s on two free cores"
              f" (goal {GOAL_SECONDS})")
    report.write(audit.ROOT / "build/bench/evidence.json", report.surroundings(audit.ROOT, stack.binary()) | {"rows": rows})


if __name__ == "__main__":
    main()
