# SPDX-License-Identifier: Apache-2.0
"""scripts/bench scale: thousands of idle clients, tenants and policies, a reload under load, and hundreds of thousands of distinct
statements: memory, time to load, the longest wait of a client, and what a statement costs. docs/benchmarks.md says how to read it."""

import argparse
import os
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import pgtest
import report
import scale_world
import sql
import stack

ROOT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = "/usr/bin/python3"
PARTS = ("load", "reload", "statement", "distinct", "idle")
ASKED = "select abalance from sales.pgbench_accounts where aid = 1"
LOCAL = "select current_schema()"  # rowgate answers itself: no upstream's pauses
DISTINCT = "\\set n :n + 1\nselect abalance from sales.pgbench_accounts where aid = :client_id * 10000000 + :n;\n"
DISTINCT_CLIENTS = 8


class Table:
    """What was found, beside what was wanted: a goal is a function of the value, or None."""

    def __init__(self):
        self.rows = []

    def add(self, what, value, unit, goal=None, limit=None):
        is_met = None if limit is None else value <= limit
        self.rows.append({"what": what, "value": value, "unit": unit, "goal": goal, "is_met": is_met})
        print(f"  {what}: {value:,.2f} {unit}", file=sys.stderr)

    def text(self):
        lines = ["| what | found | goal |", "|:---|---:|:---|"]
        for row in self.rows:
            goal = "-" if row["goal"] is None else f"{row['goal']}: {'met' if row['is_met'] else 'missed'}"
            value = f"{row['value']:,.0f}" if abs(row["value"]) >= 100 else f"{row['value']:,.2f}"
            lines.append(f"| {row['what']} | {value} {row['unit']} | {goal} |")
        return "\n".join(lines)


# ---- idle clients ----

class Idle:
    def __init__(self, running, rowgate):
        environment = os.environ | {"TOKEN": running.token("acme")}
        self.process = subprocess.Popen([PYTHON, ROOT / "bench/idle_clients.py", str(rowgate.port), running.directory / "tls/server.crt"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the idle clients failed at: {text}")
        return int(answer)

    def stop(self):
        self.process.stdin.close()
        stack.end(self.process)


def idle(running, options, table):
    rowgate = running.rowgate_of("few")
    clients = Idle(running, rowgate)
    try:
        clients.order("login 100")  # what the first ones cost once: caches, pools
        clients.order(f"ask {ASKED}")
        start = scale_world.resident(rowgate)
        count = clients.order(f"login {options.clients - 100}")
        logged_in = scale_world.resident(rowgate)
        clients.order(f"ask {ASKED}")
        time.sleep(2)
        asked = scale_world.resident(rowgate)
        spent = scale_world.cpu_ns(rowgate)
        time.sleep(5)
        spent = scale_world.cpu_ns(rowgate) - spent
    finally:
        clients.stop()
    table.add("100 clients: all processes", sum(start.values()) / 1024, "MB")
    table.add(f"{count:,} idle clients, logged in", sum(logged_in.values()) / 1024, "MB", "400 MB", 400)
    table.add("... after a statement of each", sum(asked.values()) / 1024, "MB", "400 MB", 400)
    table.add("... of that the gateway", asked["gateway"] / 1024, "MB")
    table.add("a client", (asked["gateway"] - start["gateway"]) / (count - 100), "KB")
    table.add("CPU of a second with nothing to do", spent / 5e6, "ms")
    running.stop("few")


# ---- load and reload ----

def timed(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def load(running, options, table):
    for name in ("few", "many"):
        checks = [timed(lambda: running.check(name)) for _ in range(options.rounds)]
        is_many = name == "many"
        table.add(f"check, {name}", statistics.median(checks), "s", "1 s" if is_many else None, 1 if is_many else None)
    for name in ("few", "many"):
        is_many = name == "many"
        running.rowgate_of(name)  # makes keys
        running.stop(name)
        starts = []
        for _ in range(options.rounds):
            starts.append(timed(lambda: running.rowgate_of(name)))
            running.stop(name)
        table.add(f"start to listening, {name}", statistics.median(starts), "s", "1 s" if is_many else None, 1 if is_many else None)


def put_ahead(rowgate):
    """The event loops and the auditor, ahead of whatever else this machine does; the reload, on the gateway's main thread, not:
    what is left is what a loop itself does, or waits for. False where that is not allowed."""
    for name in ("gateway", "auditor"):
        for task in pathlib.Path(f"/proc/{scale_world.processes(rowgate)[name]}/task").iterdir():
            if name == "auditor" or task.joinpath("comm").read_text().startswith("loop-"):
                try:
                    os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(5))
                except PermissionError:
                    return False
    return True


class Probe:
    def __init__(self, running, rowgate, text):
        environment = os.environ | running.client_environment(rowgate)
        self.process = subprocess.Popen([PYTHON, ROOT / "bench/probe.py", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=environment)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("the probe does not start")

    def stop(self):
        out, _ = self.process.communicate(timeout=60)
        *slow, last = out.splitlines()
        return [tuple(float(word) for word in line.split()) for line in slow], int(last.split()[1])


def longest(slow, start, end):
    return max((ms for at, ms in slow if start <= at + ms / 1000 and at <= end), default=1.0)


def reload_once(rowgate):
    """From the signal to the event that says that every loop has it."""
    at = rowgate.log_path.stat().st_size
    rowgate.process.send_signal(signal.SIGHUP)
    stack.wait_for(lambda: rowgate.event("policy.reloaded", at) or rowgate.event("policy.reload_failed", at), "the reload")
    if rowgate.event("policy.reload_failed", at):
        raise RuntimeError("the reload was refused")


def reload(running, options, table):
    rowgate = running.rowgate_of("many")
    clients = Idle(running, rowgate)
    try:
        clients.order(f"login {options.bystanders}")
        is_ahead = put_ahead(rowgate)
        probe = Probe(running, rowgate, LOCAL)
        quiet, during, took = [], [], []
        for number in range(options.rounds + 2):
            with rowgate.config.open("a") as file:
                file.write(f"# {number}\n")  # new bytes: a new digest
            time.sleep(1)
            begin = time.monotonic()
            reload_once(rowgate)
            end = time.monotonic()
            time.sleep(0.2)
            quiet.append((begin - (end - begin), begin))
            during.append((begin, end + 0.1))
            took.append(end - begin)
        slow, count = probe.stop()
    finally:
        clients.stop()
    before = [longest(slow, *span) for span in quiet]
    meanwhile = [longest(slow, *span) for span in during]
    table.add("SIGHUP to loaded on every loop", statistics.median(took), "s")
    table.add("a statement's longest wait, no reload (median; 1 = less)", statistics.median(before), "ms")
    table.add("... during a reload (median)", statistics.median(meanwhile), "ms", "5 ms", 5)
    table.add("... during a reload (worst)", max(meanwhile), "ms")
    print(f"  {count} statements; loops {'ahead of' if is_ahead else 'beside'} other work", file=sys.stderr)
    running.stop("many")


# ---- what a statement costs ----

def statement(running, options, table):
    targets = [running.target(name, running.rowgate_of(name)) for name in ("few", "many")]
    cell = sql.Cell("simple", 32)
    for target in targets:
        measure.run(target, cell, 1)
    runs = {target.name: [] for target in targets}
    for _ in range(options.rounds):
        for target in targets:
            runs[target.name].append(measure.run(target, cell, options.seconds))
    for key, unit in (("cpu_us", "us"), ("p50_ms", "ms")):
        for name, found in runs.items():
            table.add(f"a statement, {name}: {key.split('_')[0]}", statistics.median(run[key] for run in found), unit)
    ratios = [many["cpu_us"] / few["cpu_us"] for few, many in zip(runs["few"], runs["many"])]
    table.add("CPU, many to few (median)", statistics.median(ratios), "", "1.10", 1.10)
    for name in ("few", "many"):
        running.stop(name)


# ---- distinct statements ----

def ask_distinct(target, first, count):
    """Statements first + 1 to first + count of each client; no text comes twice."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(DISTINCT)
        script.flush()
        command = [pgtest.BIN / "pgbench", "-n", "-M", "simple", "-c", str(DISTINCT_CLIENTS), "-j", "2", "-t", str(count), "-D", f"n={first}",
                   "-f", script.name]
        done = subprocess.run(command, env=os.environ | target.environment, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"pgbench failed:\n{done.stdout}{done.stderr}")


def distinct(running, options, table):
    rowgate = running.rowgate_of("few")
    target = running.target("few", rowgate)
    measure.run(target, sql.Cell("simple", DISTINCT_CLIENTS), 1)
    table.add("before distinct statements: the gateway", scale_world.resident(rowgate)["gateway"] / 1024, "MB")
    done, found = 0, {}
    for total in sorted({min(step, options.distinct) for step in (100_000, 200_000, 300_000, options.distinct)}):
        ask_distinct(target, done // DISTINCT_CLIENTS, (total - done) // DISTINCT_CLIENTS)
        done = total
        found[total] = sum(scale_world.resident(rowgate).values()) / 1024
        is_full = total > 200_000  # by then every cache is full
        limit = found[200_000] + 16 if is_full else None
        table.add(f"after {total:,} distinct statements: all processes", found[total], "MB",
                  "at most 16 MB more than after 200,000" if is_full else None, limit)
    running.stop("few")


# ----

def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench scale", description=__doc__)
    parser.add_argument("--clients", type=int, default=10_000, help="idle clients (default 10000)")
    parser.add_argument("--bystanders", type=int, default=1_000, help="idle clients during a reload (default 1000)")
    parser.add_argument("--distinct", type=int, default=1_000_000, help="distinct statements (default 1000000)")
    parser.add_argument("--seconds", type=int, default=2, help="of a run of pgbench (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="rowgate's event loops (default: one a core)")
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it runs, measures nothing")
    parser.add_argument("--only", choices=PARTS, help="one part")
    options = parser.parse_args()
    if options.quick:
        options.clients, options.bystanders, options.distinct, options.seconds, options.rounds = 200, 50, 100_000, 1, 1
    return options


def main():
    options = parse_options()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    document = report.surroundings(ROOT, stack.binary()) | {"options": vars(options)}
    table = Table()
    with scale_world.World(options.workers, 10) as running:
        for part in PARTS:
            if options.only in (None, part):
                globals()[part](running, options, table)
    path = ROOT / "build/bench/scale.json"
    report.write(path, document | {"rows": table.rows})
    print(table.text())
    print(f"\n{path.relative_to(ROOT)}: {document['versions']['commit']}, {document['date']}")


if __name__ == "__main__":
    main()
