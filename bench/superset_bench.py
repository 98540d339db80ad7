# SPDX-License-Identifier: Apache-2.0
"""scripts/bench superset: an embedded dashboard loaded with cold caches, through rowgate before and behind Superset, and from a second
Superset with PgBouncer alone, over TLS and in clear; interleaved. docs/benchmarks.md says how to read it."""

import argparse
import pathlib
import statistics
import subprocess
import sys
import time

import report
import sql
import stack
import superset
import superset_load
import superset_world

ROOT = pathlib.Path(__file__).resolve().parents[1]
BASE = "direct, TLS"


def measure(target):
    """One load: its times, what it asked of the database, and whose CPU it took."""
    target.empty_caches()
    statements, logins, cpu = target.statements(), target.logins(), target.cpu_ns()
    found = superset_load.load(target)
    spent = {what: (after - cpu[what]) / 1e6 for what, after in target.cpu_ns().items()}
    after = target.statements()
    return found | {"cpu_ms": spent, "statements": after[0] - statements[0], "transactions": after[1] - statements[1],
                    "connections": target.logins() - logins}


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def summarise(runs):
    rows = []
    for name in dict.fromkeys(run["target"] for run in runs):
        own = {run["round"]: run for run in runs if run["target"] == name}
        base = {run["round"]: run for run in runs if run["target"] == BASE}
        ms = [run["ms"] for run in own.values()]
        row = {"target": name, "p50_ms": statistics.median(ms), "p95_ms": percentile(ms, 0.95)}
        for key in ("page_ms", "who_ms", "board_ms", "data_ms", "statements", "transactions", "connections"):
            row[key] = statistics.median(run[key] for run in own.values())
        row["chart_p50_ms"] = statistics.median(one for run in own.values() for one in run["chart_ms"])
        row["cpu_ms"] = {what: statistics.mean(run["cpu_ms"][what] for run in own.values()) for what in next(iter(own.values()))["cpu_ms"]}
        row["ratio_by_round"] = statistics.median(own[i]["ms"] / base[i]["ms"] for i in own)
        rows.append(row)
    for row in rows:
        base = next(one for one in rows if one["target"] == BASE)
        row["p50_ratio"], row["p95_ratio"] = row["p50_ms"] / base["p50_ms"], row["p95_ms"] / base["p95_ms"]
    return rows


def table(rows):
    lines = [f"| {'one load':<14} | p50 ms | to direct | p95 ms | to direct | by round | page | me | board | data | a chart |",
             "|:" + "-" * 14 + "-|" + "---:|" * 10]
    for row in rows:
        lines.append(f"| {row['target']:<14} | {row['p50_ms']:,.0f} | {row['p50_ratio']:.2f} | {row['p95_ms']:,.0f} | {row['p95_ratio']:.2f} | "
                     f"{row['ratio_by_round']:.2f} | {row['page_ms']:.0f} | {row['who_ms']:.0f} | {row['board_ms']:.0f} | {row['data_ms']:.0f} | "
                     f"{row['chart_p50_ms']:.0f} |")
    parts = ("Superset", "rowgate", "before", "PgBouncer", "PostgreSQL")
    lines += ["", f"| {'CPU ms a load':<14} | " + " | ".join(f"{part:>10}" for part in parts) + " | all | connections | statements | transactions |",
              "|:" + "-" * 14 + "-|" + "---:|" * (len(parts) + 4)]
    for row in rows:
        cells = [f"{row['cpu_ms'][part]:.1f}" if part in row["cpu_ms"] else "-" for part in parts]
        lines.append(f"| {row['target']:<14} | " + " | ".join(f"{cell:>10}" for cell in cells) + f" | {sum(row['cpu_ms'].values()):.1f} | "
                     f"{row['connections']:.0f} | {row['statements']:.0f} | {row['transactions']:.0f} |")
    return "\n".join(lines)


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench superset", description=__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="loads of each target (default 25)")
    parser.add_argument("--workers", type=int, default=2, help="gunicorn's processes, of four threads each, for each Superset (default 2)")
    parser.add_argument("--quick", action="store_true", help="1 round: shows that it runs, measures nothing")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    if options.rounds < 1 or options.workers < 1:
        parser.error("--rounds and --workers are at least 1")
    return options


def main():
    options = parse_options()
    document = report.surroundings(ROOT, stack.binary()) | {"options": vars(options)}
    document["versions"] |= {"superset": superset.PACKAGES[0],
                             "nginx": subprocess.run(["/usr/sbin/nginx", "-v"], capture_output=True, text=True).stderr.strip()}
    began, runs = time.monotonic(), []

    def tell(words):
        print(f"  [{time.monotonic() - began:4.0f} s] {words}", file=sys.stderr, flush=True)
    with superset_world.World(options.workers, tell) as running:
        sql.refuse_memory_disks([running.audit])
        for _ in range(min(3, options.rounds)):  # warm: every worker has met every chart; not counted
            for target in running.targets:
                measure(target)
        for turn in range(options.rounds):
            first = turn % len(running.targets)  # nobody is always behind the same one
            for target in running.targets[first:] + running.targets[:first]:
                runs.append({"round": turn, "target": target.name} | measure(target))
                tell(f"round {turn + 1}, {target.name}: {runs[-1]['ms']:,.0f} ms")
        sql.verify_logs([running.audit])
    rows = summarise(runs)
    rows.sort(key=lambda row: [one.name for one in running.targets].index(row["target"]))
    path = ROOT / "build/bench/superset.json"
    report.write(path, document | {"summary": rows, "runs": runs})
    print(table(rows))
    print(f"\n{path.relative_to(ROOT)}: {len(runs)} runs, {document['versions']['commit']}, {document['date']}")


if __name__ == "__main__":
    main()
