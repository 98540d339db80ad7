# SPDX-License-Identifier: Apache-2.0
"""The gate (law L4) on the raw wire of both sides, with a disk that syncs when the test says so.

Rule A: what is not a proven read reaches PostgreSQL when its decision is durable, and not before.
Rule B: a proven read runs while its record is being written; no byte of its result leaves before.
Rule C: the message that says how a statement ended leaves behind the record that says the same.
"""
import contextlib
import itertools
import os
import pathlib
import select
import signal
import struct
import time

import pytest

import faults
import stack as stacks
from test_protocol import Wire, error_of, kinds
from upstream_tap import Tap

QUIET = 0.25  # seconds in which something forbidden would have happened
numbers = itertools.count(1900000001)  # no clock in a record holds one of them


class GateStack(faults.FaultStack):
    def __init__(self):
        super().__init__(workers=1, fill=faults.TABLE, own_kinds='["select", "insert", "update", "delete"]',
                         extra='[functions]\nallow = ["sales.touch(integer)"]\n')
        self.tap = None
        self.holds = 0

    def _fill(self):
        super()._fill()
        self.server.execute("CREATE FUNCTION t_acme.touch(n integer) RETURNS integer LANGUAGE sql AS 'SELECT n'", dbname="bi")
        self.tap = Tap(self.server.port)

    def dsn(self):
        return f"host=127.0.0.1 port={self.tap.port} dbname=bi user=rowgate sslmode=disable"

    def config_text(self, **changes):
        """The catalogue is read once: its query would be seen on the wire as a client's."""
        return super().config_text(**changes).replace('connect_timeout = "5s"', 'connect_timeout = "5s"\ncatalog_refresh = "24h"')

    def sync(self, word):
        """"hold": no fdatasync of records ends; "go": all do."""
        self.holds += 1
        self.fault(*([f"fdatasync * * hold={self.holds}"] if word == "hold" else []))

    def is_held(self):
        return any(f" hold={self.holds} " in line for line in self.met())

    def wait_for_write(self, condition, what):
        """While syncs are held. The one that is held may be of a checkpoint, which is due each second: then that one goes on,
        and the next is held. Nothing is written behind a sync that is held: what is not there then is not covered by it."""
        for _ in range(40):
            with contextlib.suppress(RuntimeError):
                return stacks.wait_for(condition, what, 0.7)
            if self.is_held() and not condition():
                self.sync("hold")
        raise RuntimeError(f"{what} did not come")

    def __exit__(self, *arguments):
        if self.directory is not None and self.directory.exists():
            self.sync("go")
        if self.tap is not None:
            self.tap.stop()
        super().__exit__(*arguments)

    def log(self):
        """All bytes of the log's files, durable or not."""
        return b"".join(path.read_bytes() for path in sorted((self.directory / "audit" / "seg").glob("*.jsonl")))


@pytest.fixture(scope="module")
def gated():
    with GateStack() as stack:
        yield stack


@pytest.fixture(autouse=True)
def at_rest(gated):
    gated.sync("go")
    gated.tap.pass_answers()


# ---- how a statement is sent ----

def simple(wire, sql):
    wire.send(b"Q", sql.encode() + b"\0")


def extended(wire, sql):
    wire.parse(sql)
    wire.bind()
    wire.send(b"D", b"P\0")
    wire.execute()
    wire.send(b"S")


def pipeline(wire, sql):
    """Behind a read of the same batch, whose own record is under way."""
    wire.parse("select 'ahead'", "ahead")
    wire.bind("ahead", "ahead")
    wire.execute("ahead")
    wire.parse(sql)
    wire.bind()
    wire.execute()
    wire.send(b"S")


def portal(wire, sql):
    """One row at a time, as JDBC's fetch size does."""
    wire.parse(sql)
    wire.bind()
    wire.execute(rows=1)
    wire.send(b"H")
    wire.execute(rows=0)
    wire.send(b"S")


PROTOCOLS = [simple, extended, pipeline]

# name, what prepares the session, the statement, what the answer is without ParseComplete and the like
READS = [
    ("read", [], "select 'small {0}'", "TDCZ"),
    ("read of a policed table", [], "select count(*) /* {0} */ from shared.events", "TDCZ"),
    ("read of 200 KiB", [], "select repeat('x', 1000) /* {0} */ from generate_series(1, 200)", "T" + "D" * 200 + "CZ"),
    ("fetch of a cursor", ["begin", "declare c cursor for select id from sales.orders"], "fetch 3 from c /* {0} */", "TDDDCZ"),
    ("set that rowgate keeps and the server never sees", [], "set statement_timeout = '50s' /* {0} */", "CZ"),
    ("copy out", [], "copy (select id /* {0} */ from sales.orders where id < 4) to stdout", "HdddcCZ"),
    ("copy out of 200 KiB", [], "copy (select repeat('x', 1000) /* {0} */ from generate_series(1, 200)) to stdout",
     "H" + "d" * 200 + "cCZ"),
]
GATED = [
    ("insert", [], "insert into sales.loads (id, note) values ({0}, 'x')", "CZ"),
    ("insert with its rows", [], "insert into sales.loads (id, note) values ({0}, 'x') returning id", "TDCZ"),
    ("update", [], "update sales.loads set note = 'y' where id = {0}", "CZ"),
    ("delete", [], "delete from sales.loads where id = {0}", "CZ"),
    ("writing CTE", [], "with w as (insert into sales.loads (id) values ({0}) returning id) select id from w", "TDCZ"),
    ("call of a function of one's own", [], "select sales.touch({0})", "TDCZ"),
    ("set local", ["begin read write"], "set local timezone = 'UTC' /* {0} */", "CZ"),
    ("commit of a write", ["begin", "insert into sales.loads (id) values (1)"], "commit /* {0} */", "CZ"),
]


def settle(gated, wire, prepare):
    gated.sync("go")
    gated.tap.pass_answers()
    for sql in prepare:
        simple(wire, sql)
        assert kinds(wire.until("Z"))[-2:] == "CZ", sql


def is_silent(wire, seconds=QUIET):
    """Nothing came, not even into the TLS layer's hands."""
    return wire.buffer == b"" and not wire.sock.pending() and not select.select([wire.sock], [], [], seconds)[0]


def strip(text):
    return "".join(kind for kind in text if kind not in "12nt")


def log_has(gated, marker, phase):
    return any(marker in line and f'"phase":"{phase}"'.encode() in line
               for line in gated.log().split(b"\n"))


def rows_of(rows, protocols):
    return [pytest.param(row, protocol, id=f"{row[0]}-{protocol.__name__}") for row in rows for protocol in protocols]


@pytest.mark.parametrize("row,protocol", rows_of(READS, PROTOCOLS))
def test_a_read_runs_during_the_sync_and_nothing_of_it_leaves_before(gated, row, protocol):
    _, prepare, sql, wanted = row
    number = next(numbers)
    sql = sql.format(number)
    with Wire(gated) as wire:
        settle(gated, wire, prepare)
        mark, answers = len(gated.tap.sent), len(gated.tap.answered)
        gated.sync("hold")
        protocol(wire, sql)
        # it ran to its end although no record is durable: the sync overlaps, also with what is more than one record holds
        if sql.startswith("set ") and protocol is simple:
            assert is_silent(wire) and not gated.tap.statements(mark)
        else:
            stacks.wait_for(lambda: "Z" in gated.tap.answered[answers:], "PostgreSQL's whole answer", 10)
            assert gated.tap.statements(mark)
        assert is_silent(wire)
        if protocol is not pipeline:  # there the record of the read ahead is the one on its way, this one waits behind it
            gated.wait_for_write(lambda: str(number).encode() in gated.log(), "its record on its way to the disk")
            assert is_silent(wire)
        gated.sync("go")
        answer = strip(kinds(wire.until("Z")))
        ahead = "DC" if protocol is pipeline else ""
        described = wanted.replace("T", "") if protocol is pipeline else wanted
        assert answer == ahead + described


@pytest.mark.parametrize("sql,wanted", [("select version()", "TDCZ"), ("begin", "CZ"), ("set search_path = sales", "CZ")])
def test_what_rowgate_answers_itself_leaves_with_its_record_alone(gated, sql, wanted):
    with Wire(gated) as wire:
        settle(gated, wire, ["select version()"])
        mark = len(gated.tap.sent)
        gated.sync("hold")
        wire.send(b"Q", sql.encode() + b"\0")
        assert is_silent(wire) and is_silent(wire)
        assert not gated.tap.statements(mark)
        gated.sync("go")
        assert kinds(wire.until("Z")) == wanted


@pytest.mark.parametrize("row,protocol", rows_of(GATED, PROTOCOLS))
def test_what_may_change_anything_is_durable_first_and_its_end_is_durable_before_it_is_told(gated, row, protocol):
    _, prepare, sql, wanted = row
    number = next(numbers)
    sql = sql.format(number)
    marker = str(number).encode()
    with Wire(gated) as wire:
        settle(gated, wire, prepare)
        ahead = 1 if protocol is pipeline else 0
        mark = len(gated.tap.sent)
        gated.sync("hold")
        protocol(wire, sql)
        gated.wait_for_write(lambda: log_has(gated, marker, "decision"), "its decision on its way to the disk")
        assert is_silent(wire)
        assert len(gated.tap.statements(mark)) == ahead  # the read before it in the same batch, and nothing more
        # Rule A holds; now rule C: the database answers when the next sync is held again
        gated.tap.keep_answers()
        gated.sync("go")
        stacks.wait_for(lambda: len(gated.tap.statements(mark)) == ahead + 1, "the statement's arrival", 10)
        time.sleep(0.05)  # what is still being synced of before
        gated.sync("hold")
        gated.tap.pass_answers()
        gated.wait_for_write(lambda: log_has(gated, marker, "outcome"), "its outcome on its way to the disk")
        seen = []
        while not is_silent(wire):  # rows may leave: their decision is durable
            seen.append(wire.next()[0])
        assert "Z" not in seen and seen.count("C") <= ahead, seen
        gated.sync("go")
        answer = strip("".join(seen) + kinds(wire.until("Z")))
        assert answer == ("DC" + wanted.replace("T", "") if ahead else wanted)


@pytest.mark.parametrize("protocol", [simple, extended])
def test_the_data_of_a_copy_waits_for_the_decision_and_its_end_for_the_outcome(gated, protocol):
    number = next(numbers)
    marker = str(number).encode()
    with Wire(gated) as wire:
        settle(gated, wire, [])
        mark, answers = len(gated.tap.sent), len(gated.tap.answered)
        gated.sync("hold")
        if protocol is simple:
            simple(wire, f"copy sales.loads from stdin /* {number} */")
        else:
            wire.parse(f"copy sales.loads from stdin /* {number} */")
            wire.bind()
            wire.execute()
        wire.send(b"d", b"1\tone\n")
        wire.send(b"c")
        if protocol is extended:
            wire.send(b"S")
        gated.wait_for_write(lambda: log_has(gated, marker, "decision"), "its decision on its way to the disk")
        assert is_silent(wire)
        assert gated.tap.statements(mark) == []
        gated.tap.keep_answers()
        gated.sync("go")
        stacks.wait_for(lambda: gated.tap.statements(mark), "the statement's arrival", 10)
        time.sleep(0.05)
        gated.sync("hold")
        gated.tap.pass_answers()
        stacks.wait_for(lambda: "Z" in gated.tap.answered[answers:], "PostgreSQL's whole answer", 10)
        assert gated.tap.statements(mark)[1:] == ["d", "c"]
        seen = []
        while not is_silent(wire):
            seen.append(wire.next()[0])
        # extended: what Parse and Bind showed has a record of its own, which stands before the outcome's in the disk's queue
        assert seen == (["G"] if protocol is simple else []), seen
        assert protocol is not simple or log_has(gated, marker, "outcome")
        gated.sync("go")
        assert strip("".join(seen) + kinds(wire.until("Z"))) == "GCZ"


def test_each_part_of_a_portal_waits_for_a_record_of_its_own(gated):
    number = next(numbers)
    with Wire(gated) as wire:
        settle(gated, wire, [])
        gated.sync("hold")
        portal(wire, f"select id /* {number} */ from sales.orders where id < 4 order by id")
        gated.wait_for_write(lambda: str(number).encode() in gated.log(), "the first part's record")
        assert is_silent(wire)
        gated.sync("go")
        assert strip(kinds(wire.until("Z"))) == "DsDDCZ"
    gated.sync("go")
    records = [record for record in gated.audit_records() if str(number) in str(record)]
    assert [record["unmapped"]["rg"]["rows"] for record in records if "rows" in record["unmapped"]["rg"]] == [1, 2]


@pytest.mark.parametrize("sql", ["select 1/0 /* {0} */", "insert into sales.loads (id) values ('no number {0}')",
                                 "select * /* {0} */ from t_globex.orders", "nonsense {0}"])
def test_an_error_waits_for_its_record_too(gated, sql):
    number = next(numbers)
    with Wire(gated) as wire:
        settle(gated, wire, [])
        gated.sync("hold")
        simple(wire, sql.format(number))
        gated.wait_for_write(lambda: str(number).encode() in gated.log(), "its record on its way to the disk")
        assert is_silent(wire)
        gated.sync("go")
        assert kinds(wire.until("Z")) == "EZ"


def test_a_login_is_answered_behind_its_record(gated):
    gated.sync("go")
    token = gated.token()
    from test_login import startup, tls
    sock = tls(gated)
    sock.sendall(startup(user="alice", database="bi"))
    assert sock.recv(9)[:1] == b"R"
    gated.sync("hold")
    before = gated.log().count(b'"kind":"login"')
    body = token.encode() + b"\0"
    sock.sendall(b"p" + struct.pack("!i", len(body) + 4) + body)
    gated.wait_for_write(lambda: gated.log().count(b'"kind":"login"') > before, "the login's record on its way")
    assert not select.select([sock], [], [], QUIET)[0]
    gated.sync("go")
    assert sock.recv(9)[:1] == b"R"
    sock.close()


def test_an_execute_that_is_skipped_while_it_waits_has_an_outcome(gated):
    """Its decision is on record, then the statement before it fails, so that it never runs."""
    number = next(numbers)
    marker = str(number).encode()
    with Wire(gated) as wire:
        settle(gated, wire, [])
        gated.tap.keep_answers()
        mark = len(gated.tap.sent)
        wire.parse("select 1/0", "fails")
        wire.bind("fails", "fails")
        wire.execute("fails")
        wire.send(b"H")
        stacks.wait_for(lambda: len(gated.tap.statements(mark)) == 1, "the failing statement's arrival", 10)
        gated.sync("hold")
        wire.parse(f"insert into sales.loads (id) values ({number})")
        wire.bind()
        wire.execute()
        wire.send(b"S")
        gated.wait_for_write(lambda: log_has(gated, marker, "decision"), "its decision on its way to the disk")
        gated.tap.pass_answers()
        time.sleep(QUIET)
        gated.sync("go")
        assert kinds(wire.until("Z")).endswith("EZ")
        assert len(gated.tap.statements(mark)) == 1
    stacks.wait_for(lambda: log_has(gated, marker, "outcome"), "its outcome", 10)
    outcome = [record for record in gated.audit_records() if str(number) in str(record)
               and record["unmapped"]["rg"].get("phase") == "outcome"]
    assert len(outcome) == 1 and outcome[0]["status_code"] == "25P02"


def test_a_session_that_ends_while_its_write_waits_leaves_an_outcome(gated):
    number = next(numbers)
    marker = str(number).encode()
    with Wire(gated) as wire:
        settle(gated, wire, [])
        mark = len(gated.tap.sent)
        gated.sync("hold")
        simple(wire, f"insert into sales.loads (id) values ({number})")
        gated.wait_for_write(lambda: log_has(gated, marker, "decision"), "its decision on its way to the disk")
    time.sleep(QUIET)
    gated.sync("go")
    stacks.wait_for(lambda: log_has(gated, marker, "outcome"), "its outcome", 10)
    assert gated.tap.statements(mark) == []


def test_an_abandoned_copy_is_on_record_with_what_had_come(gated):
    number = next(numbers)
    with Wire(gated) as wire:
        settle(gated, wire, [])
        simple(wire, f"copy sales.loads from stdin /* {number} */")
        assert kinds([wire.next()]) == "G"
        wire.send(b"d", b"1\tone\n" * 100)
        time.sleep(QUIET)
    stacks.wait_for(lambda: log_has(gated, str(number).encode(), "outcome"), "its outcome", 10)
    outcome = next(record for record in gated.audit_records() if str(number) in str(record)
                   and record["unmapped"]["rg"].get("phase") == "outcome")
    assert outcome["unmapped"]["rg"]["bytes"] == 600 and outcome["status_code"] == "08006"


@pytest.mark.parametrize("sql", ["select 'never {0}'", "select repeat('x', 1000) /* {0} */ from generate_series(1, 200)",
                                 "insert into sales.loads (id) values ({0})", "select 1/0 /* {0} */"])
def test_what_waits_for_an_auditor_that_dies_never_leaves(gated, sql):
    """Whether its record was saved or not: nobody has said so. Other sessions do not notice."""
    number = next(numbers)
    with Wire(gated) as waiting, Wire(gated) as other:
        settle(gated, other, [])
        mark = len(gated.tap.sent)
        gated.sync("hold")
        simple(waiting, sql.format(number))
        gated.wait_for_write(lambda: str(number).encode() in gated.log(), "its record on its way to the disk")
        auditor = gated.rowgate.auditor
        os.kill(auditor, signal.SIGKILL)
        gated.sync("go")
        answer = [waiting.next()]
        with pytest.raises((EOFError, OSError)):
            waiting.next()
        assert kinds(answer) == "E" and error_of(answer)["C"] == "58030" and error_of(answer)["S"] == "FATAL"
        assert "insert" not in sql or gated.tap.statements(mark) == []

        def works():
            simple(other, "select 'other'")
            return kinds(other.until("Z")) == "TDCZ"
        stacks.wait_for(works, "the other session's next statement", 10)


def test_after_all_that_the_log_is_whole(gated):
    gated.sync("go")
    gated.tap.pass_answers()
    assert gated.query("select 1") == [(1,)]
    assert {event["child"] for event in gated.rowgate.events() if event["event"] == "server.child.died"} == {"auditor"}
    assert gated.rowgate.stop() == 0
    done = gated.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr
