# SPDX-License-Identifier: Apache-2.0
"""scripts/bench audit: durable records a second and the latency they add, beside the disk's own fdatasync; verify beside
`openssl dgst -sha256` of the same bytes; pgbench through rowgate with records synced, written, and with none at all.
Everything on the same disk in the same run, interleaved. docs/benchmarks.md says how to read what it prints."""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import report
import sql
import stack
import world

ROOT = pathlib.Path(__file__).resolve().parents[1]
CLIENTS = (1, 8, 64)
RECORD_BYTES = 600
GOALS = {"records_64": 60_000, "verify_to_openssl": 0.7, "written_to_none": 0.90}


def beside(program, name):
    """A program that the same build made: next to rowgate, or in the preset's directory."""
    for directory in (pathlib.Path(program).parent, ROOT / "build/release"):
        if (directory / name).exists():
            return directory / name
    sys.exit(f"scripts/bench: {name} is not built; cmake --build --preset release --target {name}")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def device(directory, seconds):
    """One record at a time into written zeros, synced: what the disk itself asks."""
    path = directory / "device"
    line = b"x" * RECORD_BYTES
    spent = []
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, bytes(16 << 20), 0)
        os.fsync(fd)
        end = time.monotonic() + seconds
        offset = 0
        while time.monotonic() < end and offset + RECORD_BYTES < 16 << 20:
            start = time.perf_counter_ns()
            os.pwrite(fd, line, offset)
            os.fdatasync(fd)
            spent.append((time.perf_counter_ns() - start) / 1000)
            offset += RECORD_BYTES
    finally:
        os.close(fd)
        path.unlink()
    return {"syncs_per_second": len(spent) / (sum(spent) / 1e6), "p50_us": percentile(spent, 0.5), "p99_us": percentile(spent, 0.99)}


def load(directory, clients, seconds, durability):
    done = subprocess.run([beside(stack.binary(), "audit_load"), "--directory", directory, "--clients", str(clients), "--seconds",
                           str(seconds), "--bytes", str(RECORD_BYTES), "--durability", durability, "--json"],
                          text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"audit_load failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def records(directory, options):
    rows = []
    for number in range(options.rounds):
        rows.append({"what": "fdatasync", "round": number} | device(directory, options.seconds))
        for clients in CLIENTS:
            for durability in ("synced", "written"):
                found = load(directory / f"log-{number}-{clients}-{durability}", clients, options.seconds, durability)
                rows.append({"what": "records", "round": number, "clients": clients, "durability": durability} | found)
    return rows


def timed(command):
    """CPU seconds and wall seconds of a child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, text=True, capture_output=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
    return {"cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "wall": wall, "output": done.stdout}


def verifying(directory, options):
    """On a log of its own, long enough for the start of a process not to count, and the same whatever the disk is: everything
    is in the page cache, so that CPU is what is compared."""
    def size(log):
        return sum(path.stat().st_size for path in (log / "seg").glob("*.jsonl"))
    log = directory / "verified"
    load(log, 64, 3 * options.seconds, "written")
    segments = sorted((log / "seg").glob("*.jsonl"))
    rows = []
    for number in range(options.rounds + 1):
        ours = timed([stack.binary(), "audit", "verify", "--json", "--threads", "1", log])
        many = timed([stack.binary(), "audit", "verify", "--json", log])
        theirs = timed(["openssl", "dgst", "-sha256", *segments])
        if number > 0:  # the first one warms the cache
            rows.append({"round": number, "bytes": size(log), "records": json.loads(ours["output"])["records"],
                         "verify_cpu": ours["cpu"], "openssl_cpu": theirs["cpu"], "verify_all_cores_wall": many["wall"],
                         "ratio": theirs["cpu"] / ours["cpu"]})
    return rows


class Audited(world.World):
    """rowgate three times in front of one PostgreSQL: synced, written, and the one that keeps no record."""

    def _start_rowgate(self, kind, durability):
        if kind != "postgres":
            return
        super()._start_rowgate(kind, durability)
        if durability == "written":
            kept = os.environ.get("ROWGATE_BIN")
            os.environ["ROWGATE_BIN"] = str(beside(stack.binary(), "rowgate_unaudited"))
            super()._start_rowgate("none", "written")
            os.environ["ROWGATE_BIN"] = kept

    def targets(self):
        ours = self.directory / "tls/server.crt"
        names = {("postgres", "synced"): "synced", ("postgres", "written"): "written", ("none", "written"): "none"}
        return [world.Target(names[key], "sales", self._environment(rowgate.port, "alice", ours, self.token("acme")),
                             [rowgate.process.pid]) for key, rowgate in self.rowgates.items()]

    def config_text(self, **changes):
        kind, self.kind = self.kind, "postgres"
        try:
            return super().config_text(**changes)
        finally:
            self.kind = kind


def pgbench(options):
    cells = [sql.Cell("simple", 1), sql.Cell("simple", 8), sql.Cell("simple", 32)]
    rows = []
    with Audited(os.cpu_count(), 10) as running:
        sql.refuse_memory_disks(running.audit_directories())
        targets = running.targets()
        for target in targets:
            measure.run(target, cells[1], 1)
        for cell in cells:
            for number in range(options.rounds):
                for target in targets:
                    rows.append({"cell": cell.name, "clients": cell.clients, "round": number, "target": target.name}
                                | measure.run(target, cell, options.seconds))
    return rows


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def ratio(rows, clients, target):
    by_round = {(row["round"], row["target"]): row["tps"] for row in rows if row["clients"] == clients}
    rounds = {number for number, _ in by_round}
    return statistics.median(by_round[number, target] / by_round[number, "none"] for number in rounds)


def print_records(rows):
    disk = [row for row in rows if row["what"] == "fdatasync"]
    print(f"the disk: {RECORD_BYTES} bytes and fdatasync: p50 {median(disk, 'p50_us'):.0f} us, p99 {median(disk, 'p99_us'):.0f} us")
    print("\n| clients | durability | records/s | p50 us | p99 us | us CPU/record, client | auditor |")
    print("|---:|---|---:|---:|---:|---:|---:|")
    for clients in CLIENTS:
        for durability in ("synced", "written"):
            found = [row for row in rows if row.get("clients") == clients and row["durability"] == durability]
            print(f"| {clients} | {durability} | {median(found, 'records_per_second'):,.0f} | {median(found, 'p50_us'):.0f} | "
                  f"{median(found, 'p99_us'):.0f} | {median(found, 'client_cpu_us'):.2f} | {median(found, 'auditor_cpu_us'):.2f} |")


def print_verify(rows):
    size, count = rows[0]["bytes"], rows[0]["records"]
    print(f"\nverify, {count:,} records, {size / 1e6:,.0f} MB, per core: {count / median(rows, 'verify_cpu') / 1e3:,.0f} k records/s, "
          f"{size / median(rows, 'verify_cpu') / 1e9:.2f} GB/s; openssl dgst -sha256 {size / median(rows, 'openssl_cpu') / 1e9:.2f} GB/s; "
          f"ratio {median(rows, 'ratio'):.2f} (goal {GOALS['verify_to_openssl']}); "
          f"all cores {size / median(rows, 'verify_all_cores_wall') / 1e9:.2f} GB/s of wall time")


def print_pgbench(rows):
    print("\n| clients | no record, TPS | written | to none | synced | to none | CPU us/txn none, written, synced |\n|---:|---:|---:|---:|---:|---:|---|")
    for clients in (1, 8, 32):
        def of(target, key, clients=clients):
            return median([row for row in rows if row["clients"] == clients and row["target"] == target], key)
        print(f"| {clients} | {of('none', 'tps'):,.0f} | {of('written', 'tps'):,.0f} | {ratio(rows, clients, 'written'):.2f} | "
              f"{of('synced', 'tps'):,.0f} | {ratio(rows, clients, 'synced'):.2f} | {of('none', 'cpu_us'):.1f}, "
              f"{of('written', 'cpu_us'):.1f}, {of('synced', 'cpu_us'):.1f} |")


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench audit", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each run (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="of each cell (default 3)")
    parser.add_argument("--quick", action="store_true", help="1 second, 1 round: shows that it runs, measures nothing")
    parser.add_argument("--only", choices=("records", "verify", "pgbench"), help="one part")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds = 1, 1
    return options


def main():
    options = parse_options()
    document = report.surroundings(ROOT, stack.binary()) | {"options": vars(options), "goals": GOALS}
    if options.only != "pgbench":
        with tempfile.TemporaryDirectory(prefix="rowgate-bench.") as name:
            directory = pathlib.Path(name)
            sql.refuse_memory_disks([directory])
            if options.only != "verify":
                document["records"] = records(directory, options)
                print_records(document["records"])
            if options.only != "records":
                document["verify"] = verifying(directory, options)
                print_verify(document["verify"])
    if options.only in (None, "pgbench"):
        document["pgbench"] = pgbench(options)
        print_pgbench(document["pgbench"])
    report.write(ROOT / "build/bench/audit.json", document)


if __name__ == "__main__":
    main()
