# SPDX-License-Identifier: Apache-2.0
"""A stack whose auditor meets the faults that a test wants (tests/support/fault_shim.c), and the writers that tell
whether anything was executed unrecorded, or answered and lost.

    stack.renew()                                            # rowgate with a new, empty log
    with faults.Writers(stack) as load:
        stack.fault("fdatasync */seg/*.jsonl 1 errno=5")     # the next one fails
        stack.wait_for_fault()
        load.wait_for_more(50)
    faults.check(stack, load)
"""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time

import psycopg2

import stack as stacks

WRITES = '["select", "insert", "update", "delete"]'
TABLE = ("CREATE TABLE t_acme.loads (id bigint, note text); CREATE TABLE t_globex.loads (id bigint, note text);"
         "GRANT ALL ON t_acme.loads, t_globex.loads TO rowgate;")
numbers = itertools.count(1)


class FaultStack(stacks.Stack):
    def __init__(self, **options):
        super().__init__(**({"own_kinds": WRITES, "rows": 20} | options))
        self.audit_name = "audit"

    @property
    def audit(self):
        return self.directory / self.audit_name

    @property
    def rules(self):
        return self.directory / "faults"

    def environment(self):
        shim = pathlib.Path(stacks.binary()).parent / "libfault_shim.so"
        assert shim.exists(), f"build the target fault_shim: {shim}"
        options = os.environ.get("ASAN_OPTIONS", "quarantine_size_mb=8:malloc_context_size=5")
        return super().environment() | {"LD_PRELOAD": str(shim), "ROWGATE_FAULTS": str(self.rules),
                                        "ASAN_OPTIONS": options + ":verify_asan_link_order=0"}

    def fault(self, *rules):
        """These rules are in force from now on, and no others."""
        temporary = self.directory / "faults.new"
        temporary.write_text("".join(rule + "\n" for rule in rules))
        temporary.rename(self.rules)

    def met(self):
        """What met a fault, a line each."""
        path = self.directory / "faults.met"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_fault(self, count=1, seconds=20):
        stacks.wait_for(lambda: len(self.met()) >= count, f"{count} calls that meet the fault", seconds)

    # ---- logs ----

    def renew(self, extra="", keys=(), audit_name=None, **options):
        """rowgate with a log of its own. extra: more of [audit]."""
        self.stop_rowgate()
        self.fault()
        (self.directory / "faults.met").unlink(missing_ok=True)
        self.server.execute("TRUNCATE t_acme.loads, t_globex.loads", dbname="bi")
        self.extra = extra
        self.audit_name = audit_name or f"audit-{next(numbers)}"
        self.rowgate = stacks.Rowgate(self.directory, self.config_text(**options), self.environment(), self.audit)
        self.rowgate.log_path = self.directory / f"rowgate-{next(numbers)}.log"
        made = self.rowgate.make_keys(options=keys)
        assert made.returncode == 0, made.stderr
        self.rowgate.start()

    def stop_rowgate(self):
        self.fault()
        if self.rowgate is not None and self.rowgate.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.rowgate.stop()

    def kill(self):
        """All three processes at once, as a power cut would end them but for the disk's own memory."""
        for pid in [self.rowgate.process.pid, *self.rowgate.children().values()]:
            os.kill(pid, 9)
        self.rowgate.process.wait()

    def try_start(self):
        """rowgate where it must not start: its one line about it."""
        done = subprocess.run([stacks.binary(), "run", "-c", self.rowgate.config], capture_output=True, text=True, timeout=60,
                              env=self.rowgate.environment)
        assert done.returncode != 0, done.stderr
        lines = [line for line in done.stderr.splitlines() if line.startswith("rowgate: ")]
        assert len(lines) == 1, done.stderr
        return lines[0]

    def log(self):
        """All bytes of the log's files, durable or not, without the zeros ahead."""
        return b"".join(path.read_bytes().rstrip(b"\0") for path in sorted((self.audit / "seg").glob("*.jsonl")))

    def records(self, kind=None):
        return [record for record in self.audit_records() if kind in (None, record["unmapped"]["rg"]["kind"])]

    def kinds(self):
        """Not by a parser: tests ask this again and again while the log grows. No text in a record can hold a bare quote."""
        return [kind.decode() for kind in re.findall(rb'"mono_us":\d+,"kind":"([a-z_.]+)"', self.log())]

    def live_segment(self):
        return sorted((self.audit / "seg").glob("*.jsonl"))[-1]

    def signed_size(self):
        with contextlib.suppress(OSError, IndexError, ValueError):
            return int((self.audit / "head.note").read_text().splitlines()[1])
        return 0

    def deaths(self):
        return [event for event in self.rowgate.events() if event["event"] == "server.child.died"]

    def works(self, cursor, sql="select 1"):
        with contextlib.suppress(psycopg2.Error):
            cursor.execute(sql)
            return True
        return False

    def wait_until_it_works(self, seconds=30):
        """A new session's statement; a gateway that has no auditor refuses both."""
        def works():
            with contextlib.suppress(psycopg2.Error):
                return self.query("select 1") == [(1,)]
        stacks.wait_for(works, "an answer", seconds)

    def wait_until_refused(self, state="58030", seconds=10):
        """Statements of new and old sessions; returns after how many seconds."""
        start = time.monotonic()
        with contextlib.suppress(psycopg2.Error), contextlib.closing(self.connect(connect_timeout=5)) as connection:
            cursor = connection.cursor()
            while time.monotonic() < start + seconds:
                try:
                    cursor.execute("select 1")
                except psycopg2.Error as error:
                    assert error.pgcode in (state, None), error
                    return time.monotonic() - start
                time.sleep(0.05)
            raise AssertionError(f"statements are still answered after {seconds} s")
        return time.monotonic() - start


class Writers:
    """Clients that insert a row each time, with a marker that no other has, and never stop."""

    def __init__(self, stack, clients=4, tenant="acme", pause=0.0):
        self.stack = stack
        self.tenant = tenant
        self.pause = pause
        self.answered = []
        self.errors = []
        self.latencies = []
        self.run_number = next(numbers)
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def run(self, index):
        counter = itertools.count()
        while not self.stop.is_set():
            try:
                with contextlib.closing(self.stack.connect(tenant=self.tenant, connect_timeout=10)) as connection:
                    self.insert_on(connection, index, counter)
            except psycopg2.Error as error:
                self.errors.append((error.pgcode, str(error)))
            time.sleep(0.05)

    def insert_on(self, connection, index, counter):
        cursor = connection.cursor()
        while not self.stop.is_set() and not connection.closed:
            marker = f"mark-{self.run_number}-{index}-{next(counter)}-end"
            start = time.monotonic()
            try:
                cursor.execute(f"insert into sales.loads (id, note) values ({index}, '{marker}')")
                self.answered.append(marker)
                self.latencies.append(time.monotonic() - start)
            except psycopg2.Error as error:
                self.errors.append((error.pgcode, str(error)))
                time.sleep(0.05)
            time.sleep(self.pause)

    def wait_for_more(self, count, seconds=30):
        known = len(self.answered)
        stacks.wait_for(lambda: len(self.answered) >= known + count, f"{count} more answers", seconds)


def markers_by_phase(stack):
    found = {"decision": set(), "outcome": set()}
    for line in stack.log().split(b"\n"):
        at = line.find(b"mark-")
        if at < 0:
            continue
        marker = line[at:line.index(b"-end", at) + 4].decode()
        for phase, markers in found.items():
            if f'"phase":"{phase}"'.encode() in line:
                markers.add(marker)
    return found


def check(stack, *loads, verify=0):
    """After a stop: no row without its decision on record, no answer without its outcome; and the log verifies."""
    found = markers_by_phase(stack)
    rows = {note for table in ("t_acme.loads", "t_globex.loads")
            for note, in stack.server.execute(f"select note from {table}", dbname="bi")}
    assert rows - found["decision"] == set(), "executed and not on record"
    answered = {marker for load in loads for marker in load.answered}
    assert answered - found["outcome"] == set(), "answered and not on record"
    assert answered - rows == set(), "answered and not executed"
    assert len(answered) > 0 or not loads
    done = stack.audit_verify()
    assert done.returncode == verify, done.stdout + done.stderr
    return done.stdout


def stop_and_check(stack, *loads):
    assert stack.rowgate.stop() == 0
    return check(stack, *loads)


@contextlib.contextmanager
def small_disk(path, megabytes):
    """A tmpfs of that size at path; OSError when we may not mount."""
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", path], capture_output=True,
                          text=True)
    if done.returncode != 0:
        path.rmdir()
        raise OSError(done.stderr.strip())
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)
        shutil.rmtree(path, ignore_errors=True)
