# SPDX-License-Identifier: Apache-2.0
"""scripts/bench sql: pgbench through rowgate, PgBouncer and PostgreSQL, interleaved (A B C ... A B C ...) so that whatever else
the machine does hits all alike. docs/benchmarks.md says how to read what it prints."""

import argparse
import dataclasses
import os
import pathlib
import subprocess
import sys

import measure
import report
import stack
import world

ROOT = pathlib.Path(__file__).resolve().parents[1]
CHURN_CLIENTS = 8


@dataclasses.dataclass(frozen=True)
class Cell:
    protocol: str
    clients: int
    is_cold: bool = False
    is_churn: bool = False
    is_analytic: bool = False
    is_stream: bool = False
    counts_calls: bool = False

    @property
    def name(self):
        if self.is_stream:
            return "a million rows, 1 client"
        if self.is_analytic:
            return "50 ms of work, 1 client"
        if self.counts_calls:
            return f"system calls, {self.protocol}, {self.clients} clients"
        if self.is_churn:
            return f"new connections, {self.clients} clients"
        return f"{self.protocol}{' cold' if self.is_cold else ''}, {self.clients} client{'s' * (self.clients > 1)}"


def cells():
    found = [Cell(protocol, clients) for protocol in ("simple", "extended", "prepared") for clients in (1, 8, 32, 100)]
    found += [Cell("simple", 1, is_analytic=True), Cell("simple", 1, is_stream=True), Cell("simple", 32, counts_calls=True)]
    return [*found, Cell("simple", 32, is_cold=True), Cell("simple", CHURN_CLIENTS, is_churn=True)]


def fits(cell, target):
    """PgBouncer 1.18 has no protocol-level prepared statements in transaction mode."""
    if target.is_for_churn_only and not cell.is_churn:
        return False
    return cell.protocol != "prepared" or target.has_named_statements


def file_system(path):
    done = subprocess.run(["df", "--output=fstype", path], text=True, capture_output=True, check=True)
    return done.stdout.split()[-1]


def refuse_memory_disks(directories):
    """A sync to memory costs nothing: a figure of it would be a lie."""
    for directory in directories:
        if file_system(directory) in ("tmpfs", "ramfs"):
            sys.exit(f"scripts/bench: {directory} is no disk; set TMPDIR to a directory on one")


def measure_all(targets, wanted, options):
    runs = []
    for target in targets:  # warm: caches, pools, page cache; not counted
        measure.run(target, Cell("simple", 8), 1)
    for cell in wanted:
        for number in range(options.rounds):
            for target in (target for target in targets if fits(cell, target)):
                result = measure.run(target, cell, options.seconds)
                runs.append({"cell": cell.name, "round": number, "target": target.name} | result)
                print(f"  {cell.name}, round {number + 1}, {target.name}: "
                      + (f"{result['mb_s']:,.0f} MB/s" if cell.is_stream else f"{result['tps']:,.0f} tps"), file=sys.stderr)
    return runs


def verify_logs(directories):
    """What was measured was recorded, and the record holds."""
    for directory in directories:
        done = subprocess.run([stack.binary(), "audit", "verify", directory], text=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"the audit log of the benchmark does not verify:\n{done.stdout}{done.stderr}")


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench sql", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each run (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="of each cell (default 3)")
    parser.add_argument("--quick", action="store_true", help="1 second, 1 round: shows that it runs, measures nothing")
    parser.add_argument("--scale", type=int, default=10, help="pgbench's scale factor, at least 10 (default 10)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="rowgate's event loops (default: one a core)")
    parser.add_argument("--only", default="", help="run only the cells whose name contains this, e.g. 'simple, 32' or '50 ms|million'")
    parser.add_argument("--targets", default="", help="run only targets whose names are in this list, e.g. 'direct TLS,PgBouncer TLS'")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 1
    if options.scale < 10 or options.seconds < 1 or options.rounds < 1:
        parser.error("--scale is at least 10, --seconds and --rounds at least 1")
    return options


def main():
    options = parse_options()
    wanted = [cell for cell in cells() if any(part in cell.name for part in options.only.split("|"))]
    document = report.surroundings(ROOT, stack.binary()) | {"options": vars(options)}
    with world.World(options.workers, options.scale) as running:
        refuse_memory_disks(running.audit_directories())
        document["file_system"] = file_system(running.directory)
        names = [name for name in options.targets.split(",") if name]
        runs = measure_all([target for target in running.targets() if not names or target.name in names], wanted, options)
        verify_logs(running.audit_directories())
    rows = report.summarise(runs)
    path = ROOT / "build/bench/sql.json"
    report.write(path, document | {"summary": rows, "runs": runs})
    print(report.table(rows))
    print(f"\n{path.relative_to(ROOT)}: {len(runs)} runs, {document['versions']['commit']}, {document['date']}")


if __name__ == "__main__":
    main()
