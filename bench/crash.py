# SPDX-License-Identifier: Apache-2.0
"""scripts/bench crash: kill -9 of the gateway, the auditor and all of rowgate, in turn, under load. After each: rowgate
serves again, `rowgate audit verify` exits 0, each statement whose answer reached a client is in the log, and so is each row
that reached the database, whoever heard of it. One miss ends the run with status 1."""

import argparse
import collections
import contextlib
import itertools
import json
import os
import pathlib
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

import psycopg2

import report
import stack

ROOT = pathlib.Path(__file__).resolve().parents[1]
MARKER = re.compile(rb"mk\d+x\d+km")
VICTIMS = ("gateway", "auditor", "all")


def children(pid):
    """{"gateway": pid, "auditor": pid} of the supervisor."""
    found = {}
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            arguments = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            for name in ("gateway", "auditor"):
                if name.encode() in arguments:
                    found[name] = int(child)
    return found


class Client(threading.Thread):
    """Statements with a mark each: reads and, every fourth time, an INSERT. Remembers which were answered."""

    numbers = itertools.count()

    def __init__(self, running, stopping):
        super().__init__(daemon=True)
        self.running = running
        self.stopping = stopping
        self.answered = []
        self.disconnects = 0

    def run(self):
        while not self.stopping.is_set():
            try:
                with contextlib.closing(self.running.connect("acme")) as connection:
                    connection.autocommit = True
                    with connection.cursor() as cursor:
                        self.work(cursor)
            except psycopg2.Error:
                self.disconnects += 1
                time.sleep(0.02)

    def work(self, cursor):
        while not self.stopping.is_set():
            number = next(Client.numbers)
            marker = f"mk{os.getpid()}x{number}km"
            if number % 4 == 0:
                cursor.execute(f"insert into sales.customers (id, name) values ({1000000 + number}, '{marker}')")
            else:
                cursor.execute(f"select '{marker}', count(*) from sales.orders")
                cursor.fetchall()
            self.answered.append(marker.encode())


class Log:
    """The marks in the raw lines, read on from where the last look ended."""

    def __init__(self, directory):
        self.directory = directory
        self.offsets = collections.Counter()
        self.marks = set()

    def read_on(self):
        for path in sorted((self.directory / "seg").glob("*.jsonl")):
            with open(path, "rb") as file:
                file.seek(self.offsets[path.name])
                lines = file.read()
            end = lines.find(b"\0")
            lines = lines[: len(lines) if end < 0 else end]
            lines = lines[: lines.rfind(b"\n") + 1]
            self.offsets[path.name] += len(lines)
            self.marks.update(MARKER.findall(lines))
        return self.marks


def serves(running):
    with contextlib.suppress(psycopg2.Error), contextlib.closing(running.connect("acme")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("select 1")
            return cursor.fetchall() == [(1,)]
    return False


def kill(running, victim):
    supervisor = running.rowgate.process.pid
    processes = children(supervisor)
    if victim != "all":
        os.kill(processes[victim], signal.SIGKILL)
        return
    for pid in (supervisor, *processes.values()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.rowgate.process.wait()
    running.rowgate.process = None
    running.rowgate.start()


def check_log(running, log, clients, number):
    """With records written an answer may be a few milliseconds ahead of the log: they stand in a ring (docs/operation.md)."""
    if running.durability == "written":
        time.sleep(0.2)
    answered = {mark for client in clients for mark in client.answered}
    lost = answered - log.read_on()
    if lost:
        sys.exit(f"round {number}: {len(lost)} answered statements are not in the log, e.g. {sorted(lost)[0].decode()}")
    done = subprocess.run([stack.binary(), "audit", "verify", running.directory / "audit"], text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"round {number}: verify says {done.returncode}:\n{done.stdout}{done.stderr}")
    return len(answered)


def check_rows(running, log):
    """What happened in the database, whether or not anybody was told."""
    rows = running.server.psql("-At", "-c", "select name from t_acme.customers where name like 'mk%'", dbname="bi").stdout.split()
    unrecorded = {row.encode() for row in rows} - log.read_on()
    if unrecorded:
        sys.exit(f"{len(unrecorded)} rows are in the database and not in the log, e.g. {sorted(unrecorded)[0].decode()}")
    return len(rows)


def one_round(running, log, options, number, victim):
    stopping = threading.Event()
    clients = [Client(running, stopping) for _ in range(options.clients)]
    for client in clients:
        client.start()
    time.sleep(random.uniform(0.05, options.load))
    start = time.monotonic()
    kill(running, victim)
    stack.wait_for(lambda: serves(running), f"service after kill -9 of {victim}")
    healed = time.monotonic() - start
    stopping.set()
    for client in clients:
        client.join()
    return {"round": number, "victim": victim, "healed_seconds": healed, "answered": check_log(running, log, clients, number)}


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how often (default 1000)")
    parser.add_argument("--clients", type=int, default=4, help="at the same time (default 4)")
    parser.add_argument("--load", type=float, default=0.3, help="longest time of load before a kill, seconds (default 0.3)")
    parser.add_argument("--durability", choices=("synced", "written"), default="synced")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="9 kills: shows that it runs")
    options = parser.parse_args()
    options.kills = 9 if options.quick else options.kills
    return options


def main():
    options = parse_options()
    random.seed(options.seed)
    rounds = []
    with stack.Stack(durability=options.durability, own_kinds='["select", "insert"]') as running:
        log = Log(running.directory / "audit")
        for number in range(options.kills):
            rounds.append(one_round(running, log, options, number, VICTIMS[number % len(VICTIMS)]))
            if sys.stderr.isatty() or number % 50 == 49:
                print(f"  {number + 1} of {options.kills}", file=sys.stderr)
        rows = check_rows(running, log)
        records = [json.loads(line) for path in sorted((running.directory / "audit/seg").glob("*.jsonl"))
                   for line in path.read_bytes().rstrip(b"\0").splitlines()]
    kinds = collections.Counter(record["unmapped"]["rg"]["kind"] for record in records)
    answered = sum(entry["answered"] for entry in rounds)
    shares = ", ".join(f"{victim} {sum(entry['victim'] == victim for entry in rounds)}" for victim in VICTIMS)
    print(f"kill -9: {len(rounds)} ({shares})")
    print(f"answered statements {answered:,}, lost from the log 0; rows in the database {rows:,}, without a record 0")
    print(f"records {len(records):,}; torn tails repaired {kinds['log.recovered']:,}; starts {kinds['log.started']:,}; "
          f"deaths on record {kinds['process.died']:,}; verify exited 0 after each of {len(rounds)}")
    for victim in VICTIMS:
        times = [entry["healed_seconds"] for entry in rounds if entry["victim"] == victim]
        if times:
            print(f"serving again after kill -9 of {victim}: median {statistics.median(times):.2f} s, worst {max(times):.2f} s")
    report.write(ROOT / "build/bench/crash.json", report.surroundings(ROOT, stack.binary()) |
                 {"options": vars(options), "rounds": rounds, "kinds": kinds, "rows": rows})


if __name__ == "__main__":
    main()
