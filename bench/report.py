# SPDX-License-Identifier: Apache-2.0
"""From raw runs to figures: a ratio is taken within its round, then the median over the rounds; absolutes are medians."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess

import pgtest

DIRECT, PEER = "direct TLS", "PgBouncer TLS"


def _median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def _by_round(runs, cell, target, key):
    return {run["round"]: run[key] for run in runs
            if run["cell"] == cell and run["target"] == target and run.get(key) is not None}


def _ratio(runs, cell, target, base, key):
    ours, theirs = _by_round(runs, cell, target, key), _by_round(runs, cell, base, key)
    return _median([ours[number] / theirs[number] for number in ours if number in theirs])


def summarise(runs):
    """One dict a cell and target, in the order in which they first ran."""
    pairs = dict.fromkeys((run["cell"], run["target"]) for run in runs)
    rows = []
    for cell, target in pairs:
        row = {"cell": cell, "target": target}
        for key in ("tps", "cpu_us", "cpu_behind_us", "p50_ms", "p99_ms", "calls", "mb_s", "cpu_ms_100mb", "cpu_behind_ms_100mb"):
            row[key] = _median(_by_round(runs, cell, target, key).values())
        row |= {"tps_to_direct": _ratio(runs, cell, target, DIRECT, "tps"), "tps_to_pgbouncer": _ratio(runs, cell, target, PEER, "tps"),
                "cpu_to_pgbouncer": _ratio(runs, cell, target, PEER, "cpu_us"), "p50_to_pgbouncer": _ratio(runs, cell, target, PEER, "p50_ms"),
                "mb_s_to_pgbouncer": _ratio(runs, cell, target, PEER, "mb_s"),
                "cpu_ms_to_pgbouncer": _ratio(runs, cell, target, PEER, "cpu_ms_100mb")}
        rows.append(row)
    return rows


COLUMNS = (("tps", "TPS", "{:,.0f}"), ("tps_to_direct", "to direct", "{:.2f}"), ("tps_to_pgbouncer", "to PgB.", "{:.2f}"),
           ("cpu_us", "CPU us/txn", "{:.1f}"), ("cpu_to_pgbouncer", "to PgB.", "{:.2f}"), ("cpu_behind_us", "+ behind", "{:.1f}"),
           ("p50_ms", "p50 ms", "{:.2f}"), ("p50_to_pgbouncer", "to PgB.", "{:.2f}"), ("p99_ms", "p99 ms", "{:.2f}"),
           ("calls", "calls/txn", "{:.2f}"), ("mb_s", "MB/s", "{:.0f}"), ("mb_s_to_pgbouncer", "to PgB.", "{:.2f}"),
           ("cpu_ms_100mb", "ms/100 MB", "{:.0f}"), ("cpu_ms_to_pgbouncer", "to PgB.", "{:.2f}"), ("cpu_behind_ms_100mb", "+ behind", "{:.0f}"))


def _cell_text(row, key, form):
    return "-" if row[key] is None else form.format(row[key])


def table(rows):
    """A Markdown table for each cell, fit for a terminal and for docs/benchmarks.md."""
    lines = []
    for cell in dict.fromkeys(row["cell"] for row in rows):
        own = [row for row in rows if row["cell"] == cell]
        columns = [column for column in COLUMNS if any(row[column[0]] is not None for row in own)]  # of a stream, say, others
        heads = [title for _, title, _ in columns]
        lines += ["", f"| {cell:<32} | " + " | ".join(f"{head:>10}" for head in heads) + " |",
                  f"|:{'-' * 32}-|" + f"{'-' * 11}:|" * len(heads)]
        for row in own:
            values = [_cell_text(row, key, form) for key, _, form in columns]
            lines.append(f"| {row['target']:<32} | " + " | ".join(f"{value:>10}" for value in values) + " |")
    return "\n".join(lines[1:])


def _first_line(*command):
    try:
        done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL)
    except OSError:
        return "unknown"
    return (done.stdout or done.stderr).strip().split("\n")[0]


def _field(path, name):
    for line in pathlib.Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def surroundings(root, rowgate):
    """What the figures depend on besides the code."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "machine": {"cpu": _field("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "memory": _field("/proc/meminfo", "MemTotal"),
                    "kernel": platform.release(), "load_at_start": os.getloadavg()},
        "versions": {"rowgate": _first_line(rowgate, "--version"),
                     "commit": _first_line("git", "-C", root, "describe", "--always", "--dirty"),
                     "postgresql": _first_line(pgtest.BIN / "postgres", "--version"),
                     "pgbench": _first_line(pgtest.BIN / "pgbench", "--version"),
                     "pgbouncer": _first_line("/usr/sbin/pgbouncer", "--version"), "openssl": _first_line("openssl", "version")},
    }


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, default=str) + "\n")
