# SPDX-License-Identifier: Apache-2.0
"""Attacks on what rowgate answers itself (test_bookkeeping.py): messages sent ahead in any order, floods, what is learnt of an upstream
that was replaced, an auditor that stands still."""
import collections
import contextlib
import os
import random
import re
import select
import signal
import socket
import socketserver
import ssl
import struct
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

import stack as stacks
from test_bad_upstream import COLUMN, DONE, READY, BadStack, FakeServer, message
from test_bookkeeping import KINDS, WORLD, content, make
from test_protocol import Wire, fields, kinds


@pytest.fixture(scope="module", params=["postgres", "pgbouncer", "pool", "two locks"])
def running(request):
    options = {"kind": "postgres", "identity": "set_local"} if request.param == "two locks" else {"kind": request.param}
    with make(**options) as stack:
        yield stack


def encode(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def query(text):
    return encode(b"Q", text.encode() + b"\0")


# ---- any messages in any order ----

SIMPLE = ["BEGIN"] * 4 + ["COMMIT", "ROLLBACK"] * 2 + ["select version()", "select 1", "show transaction isolation level",
          "set application_name = 'x'", "set search_path = sales", "insert into pages values (%d, 's')", "insert into pages values (%d, 't')",
          "select count(*) from pages", "select 1 / 0", "select * from shared.secret", "this is no SQL", "", "select 1; select 2",
          "BEGIN; insert into pages values (%d, 'u')", "insert into pages values (%d, 'v'); COMMIT", "SAVEPOINT a", "ROLLBACK TO a",
          "copy pages to stdout", "discard all", "prepare p as select 1", "execute p", "deallocate p"]
EXTENDED = ["BEGIN", "COMMIT", "ROLLBACK", "select 1", "select count(*) from pages", "insert into pages values (%d, 'w')",
            "insert into pages values (%d, 'x')", "select 1 / 0", "select * from shared.secret", "set application_name = 'y'", "select version()"]


def conversation(chance, simple=SIMPLE):
    """Messages of one client, as (kind, text)."""
    for _ in range(chance.randint(3, 16)):
        if chance.random() < 0.6:
            text = chance.choice(simple)
            yield ("Q", text % chance.randint(1, 9) if "%d" in text else text)
            continue
        text = chance.choice(EXTENDED)
        text = text % chance.randint(1, 9) if "%d" in text else text
        batch = [("P", text), ("B", ""), ("D", "S"), ("E", ""), ("C", "S"), ("H", "")]
        wanted = chance.choice(["PBE", "PBE", "PBE", "P", "PD", "H", "C", "", "PHBE", "PBEPBE", "PB", "E", "B"])
        yield from (next(part for part in batch if part[0] == kind) for kind in wanted)
        if chance.random() < 0.85:
            yield ("S", "")
    yield ("S", "")
    yield ("Q", "ROLLBACK")


def encoded(part, mark):
    kind, text = part
    if kind == "Q":
        return query(mark + text if text else text)
    return {"P": lambda: encode(b"P", b"\0" + text.encode() + b"\0\0\0"), "B": lambda: encode(b"B", b"\0\0\0\0\0\0\0\0"),
            "D": lambda: encode(b"D", b"S\0"), "E": lambda: encode(b"E", b"\0\0\0\0\0"), "C": lambda: encode(b"C", b"S\0"),
            "H": lambda: encode(b"H"), "S": lambda: encode(b"S")}[kind]()


def hold(running, parts, mark, waits):
    """What is answered: kinds, states, tags and SQLSTATEs; mark is put before texts, so that they are not known as bookkeeping. Behind
    some parts (waits) it pauses; a Bind of what an earlier batch parsed is sent when that batch is answered: sent before, it would be
    told that the statement does not exist or why its Parse failed, as comes first."""
    answers, pending = [], b""
    with Wire(running) as wire:
        def take():
            kind, body = wire.next()
            if kind != "N":
                answers.append((kind, body if kind in "DZC" else fields(body)["C"] if kind == "E" else b""))

        batches, is_parsed = 0, True
        for part, waited in zip(parts, waits):
            if part[0] == "B" and not is_parsed:
                wire.sock.sendall(pending)
                pending = b""
                usual = wire.sock.gettimeout()
                wire.sock.settimeout(0.5)
                with contextlib.suppress(TimeoutError):  # a Query behind an error and before its Sync has no answer
                    while sum(kind == "Z" for kind, _ in answers) < batches:
                        take()
                wire.sock.settimeout(usual)
            pending += encoded(part, mark)
            batches += part[0] in "SQ"
            is_parsed = part[0] == "P" or (is_parsed and part[0] not in "SQ")
            if waited:
                wire.sock.sendall(pending)
                pending = b""
                time.sleep(0.002)
        wire.sock.sendall(pending + query("select 'the end'"))
        while not answers or answers[-1][0] != "D" or b"the end" not in answers[-1][1]:
            take()
    return [(kind, b"" if kind == "D" else body) for kind, body in answers[:-1]]


@pytest.mark.parametrize("seed", range(4))
def test_messages_in_any_order_are_answered_as_the_upstream_would(running, seed):
    """The same conversation twice: with texts that rowgate answers itself, and with a comment before each, which it does not."""
    chance = random.Random(seed)
    # PgBouncer 1.18 may lose a Query that stands behind a COPY: it hangs with and without the comments
    simple = [text for text in SIMPLE if running.kind != "pgbouncer" or not text.startswith("copy")]
    for number in range(20):
        parts = list(conversation(chance, simple))
        waits = [chance.random() < 0.5 for _ in parts]
        said, found = [], []
        for mark in ("", "/**/ "):
            running.server.execute("truncate t_acme.pages", dbname="bi")
            try:
                said.append(hold(running, parts, mark, waits))
            except (EOFError, ConnectionError) as error:
                said.append(repr(error))
            found.append(content(running, "t_acme"))
        assert said[0] == said[1], (seed, number, parts, waits)
        assert found[0] == found[1], (seed, number, parts, waits)
    assert running.audit_verify().returncode == 0


def test_statements_cancelled_behind_a_begin_leave_the_session(running):
    """As PostgreSQL does: a cancel request ends a statement, and never the session."""
    running.server.execute("truncate t_acme.pages", dbname="bi")
    ended = []
    for _ in range(8):
        with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
            for number in range(15):
                try:
                    cursor.execute("BEGIN")
                    canceller = threading.Thread(target=connection.cancel)
                    canceller.start()
                    with contextlib.suppress(psycopg2.errors.QueryCanceled):
                        cursor.execute("insert into pages values (1, 'x')")
                    canceller.join()
                    with contextlib.suppress(psycopg2.errors.QueryCanceled):
                        cursor.execute("select 2")
                except psycopg2.errors.InFailedSqlTransaction:
                    pass
                except psycopg2.Error as error:
                    ended.append((number, error.pgcode, str(error)))
                    break
                try:
                    cursor.execute("ROLLBACK")
                except psycopg2.errors.QueryCanceled:
                    cursor.execute("ROLLBACK")
    assert ended == []
    assert not content(running, "t_acme")


class SlowRoad(stacks.Stack):
    """Behind a relay that keeps a BEGIN to itself for a while, as a pooler without a free server does."""

    def dsn(self):
        return f"host=127.0.0.1 port={self.relay.port} dbname=bi user=rowgate sslmode=disable"

    def __enter__(self):
        self.relay = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Slow)
        self.relay.daemon_threads = True
        self.relay.port, self.relay.stack = self.relay.server_address[1], self
        threading.Thread(target=self.relay.serve_forever, daemon=True).start()
        return super().__enter__()

    def __exit__(self, *rest):
        super().__exit__(*rest)
        self.relay.shutdown()
        self.relay.server_close()


class Slow(socketserver.BaseRequestHandler):
    def handle(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.server.stack.server.port)) as upstream:
            ways = {self.request: upstream, upstream: self.request}
            while True:
                for source in select.select(list(ways), [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        return
                    if data == query("BEGIN"):
                        time.sleep(1)
                    ways[source].sendall(data)


def test_a_statement_is_cancelled_while_it_waits_for_the_begin_before_it():
    with SlowRoad(workers=1, own_kinds=KINDS, fill=WORLD) as stack, contextlib.closing(stack.connect()) as connection, \
            connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute("BEGIN")
            canceller = threading.Timer(0.4, connection.cancel)
            canceller.start()
            with pytest.raises(psycopg2.errors.QueryCanceled):
                cursor.execute("insert into pages values (1, 'x')")
            canceller.join()
            with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
                cursor.execute("insert into pages values (2, 'x')")
            cursor.execute("ROLLBACK")
        cursor.execute("insert into pages values (3, 'x')")
        assert content(stack, "t_acme") == {(3, "x"): 1}
        assert stack.audit_verify().returncode == 0


def test_a_begin_that_nobody_waits_for_is_not_timed_as_a_statement():
    with BadStack() as stack:
        stack.fake.script = lambda kind: b"" if stack.fake.bodies[-1] == b"BEGIN\0" else answer_of(b"1")(kind)
        with Wire(stack) as wire:
            for text in ("set statement_timeout = 300", "BEGIN"):
                wire.sock.sendall(query(text))
                wire.until("Z")
            assert select.select([wire.sock], [], [], 8)[0] == [], wire.next()


# ---- an upstream that goes while a statement waits for its record ----

def test_an_upstream_that_goes_while_a_write_waits_for_its_record_costs_nothing(running):
    """Nothing of it was sent: it runs once, on another connection."""
    running.server.execute("truncate t_acme.pages", dbname="bi")
    gateway = running.rowgate.gateway
    for text in ("insert into pages values (1, 'x')", "select version()", "BEGIN", "set search_path = sales"):
        with Wire(running) as wire:
            wire.sock.sendall(query("select 2"))
            wire.until("Z")
            auditor = running.rowgate.auditor
            os.kill(auditor, signal.SIGSTOP)
            try:
                wire.sock.sendall(query(text))
                time.sleep(0.3)
                running.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
                time.sleep(0.3)
            finally:
                os.kill(auditor, signal.SIGCONT)
            answers = wire.until("Z")
            assert "E" not in kinds(answers), (text, answers)
        assert running.query("select 2") == [(2,)]
    assert running.rowgate.gateway == gateway
    assert content(running, "t_acme") == {(1, "x"): 1}
    running.server.execute("truncate t_acme.pages", dbname="bi")


# ---- what a transaction leaves of the settings ----

def extended(text):
    return encode(b"P", b"\0" + text.encode() + b"\0\0\0") + encode(b"B", b"\0\0\0\0\0\0\0\0") + encode(b"E", b"\0\0\0\0\0") + encode(b"S")


@pytest.mark.parametrize("texts,wanted", [
    (["BEGIN", "set search_path = shared", "select 1/0", "COMMIT"], b"sales"),
    (["BEGIN", "set search_path = shared", "select 2", "COMMIT"], b"shared"),
    (["BEGIN", "set search_path = shared", "ROLLBACK"], b"sales"),
    (["BEGIN; set search_path = shared; select 1/0", "COMMIT"], b"sales"),
    (["BEGIN; set search_path = shared; BEGIN", "ROLLBACK"], b"sales"),
    (["BEGIN", "set search_path = shared", "BEGIN", "ROLLBACK"], b"sales"),
    (["select 1/0; BEGIN", "set search_path = shared", "ROLLBACK"], b"shared"),
    (["set search_path = shared", "BEGIN", "ROLLBACK"], b"shared"),
], ids=str)
@pytest.mark.parametrize("last", [query, extended])
def test_settings_are_those_of_what_was_committed(running, texts, wanted, last):
    with Wire(running) as wire:
        for text in texts[:-1]:
            wire.sock.sendall(query(text))
            wire.until("Z")
        wire.sock.sendall(last(texts[-1]))
        assert wire.until("Z")[-1] == ("Z", b"I")
        wire.sock.sendall(query("select current_schema()"))
        assert [body[6:] for kind, body in wire.until("Z") if kind == "D"] == [wanted]


# ---- floods ----

def flood(wire, data):
    """Sends as fast as it is taken and reads as fast as it comes: in one thread, as a TLS socket wants it. All that came, up to the
    answer of a last query, a time of silence, or the end."""
    came = bytearray()
    data += query("select 'the end'")
    with contextlib.suppress(ConnectionError, ssl.SSLEOFError):
        while b"the end" not in came[-100:]:
            readable, writable, _ = select.select([wire.sock], [wire.sock] if data else [], [], 20)
            if not wire.sock.pending() and not readable and not writable:
                break
            wire.sock.settimeout(0)
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if data:
                    data = data[wire.sock.send(data[:65536]):]
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                while piece := wire.sock.recv(65536):
                    came += piece
                break
    wire.sock.settimeout(30)
    return bytes(came)


@pytest.mark.parametrize("texts", [["select version()"], ["set application_name = 'x'"], ["BEGIN", "ROLLBACK"], ["select 2"]], ids=str)
def test_a_client_that_sends_much_before_it_reads_is_answered(running, texts):
    """As PostgreSQL does, and rowgate where the upstream answers: the client is not read while too many answers wait."""
    count = 12000
    with Wire(running) as wire:
        for text in texts:
            wire.sock.sendall(query(text))
            wire.until("Z")
        came = flood(wire, b"".join(query(text) for text in texts) * (count // len(texts)))
        ready = re.findall(rb"Z\x00\x00\x00\x05([ITE])", came)
        assert len(ready) == count + 1 and came.endswith(b"Z\0\0\0\5I"), (len(ready), came[-300:])
        assert collections.Counter(ready) == ({b"I": count + 1} if len(texts) == 1 else {b"I": count // 2 + 1, b"T": count // 2})


# ---- L4 ----

def test_no_answer_of_rowgates_own_leaves_while_the_auditor_stands_still(running):
    with Wire(running) as wire:
        for text in ("select version()", "BEGIN", "ROLLBACK"):
            wire.sock.sendall(query(text))
            wire.until("Z")
        auditor = running.rowgate.auditor
        os.kill(auditor, signal.SIGSTOP)
        try:
            wire.sock.sendall(query("select version()") + query("BEGIN") + query("set application_name = 'y'") + query("ROLLBACK"))
            assert select.select([wire.sock], [], [], 1.5)[0] == []
        finally:
            os.kill(auditor, signal.SIGCONT)
        assert [wire.until("Z")[-1][1] for _ in range(4)] == [b"I", b"T", b"T", b"I"]
    assert running.audit_verify().returncode == 0


# ---- what is learnt ----

def answer_of(word):
    row = message(b"D", struct.pack("!hi", 1, len(word)) + word)
    return lambda kind: COLUMN + row + DONE + READY


def ask(wire, text):
    wire.sock.sendall(query(text))
    return [body[6:] for kind, body in wire.until("Z") if kind == "D"]


def test_what_an_old_connection_says_is_not_told_of_the_server_in_its_place():
    """A reload names another server: sessions from before keep their connection, and taught it to those of the new one."""
    other, stack = FakeServer(), BadStack()
    stack.workers = 1  # each learns for itself
    with stack:
        stack.fake.script, other.script = answer_of(b"old"), answer_of(b"new")
        with Wire(stack) as before:
            assert ask(before, "select version()") == [b"old"]
            start = stack.rowgate.log_path.stat().st_size
            stack.rowgate.config.write_text(stack.config_text(dsn=stack.dsn().replace(str(stack.fake.port), str(other.port))))
            stack.rowgate.signal(signal.SIGHUP)
            stacks.wait_for(lambda: stack.rowgate.event("policy.reloaded", start), "the reload")
            assert ask(before, "select version()") == [b"old"]
            with Wire(stack) as after:
                assert ask(after, "select 'x'") == [b"new"]
                assert ask(after, "select version()") == [b"new"]
    other.stop()


def test_a_question_whether_the_database_is_there_reaches_it():
    """SELECT 1 is what pools, probes and Superset's "test connection" send to learn that the database answers."""
    with BadStack() as stack:
        stack.fake.script = answer_of(b"1")
        with Wire(stack) as wire:
            assert ask(wire, "select 1") == [b"1"]
            stack.fake.script = lambda kind: b""  # it answers no more
            wire.sock.sendall(query("select 1"))
            assert select.select([wire.sock], [], [], 1.5)[0] == [], "nobody asked the database"


def test_the_time_of_a_transaction_is_that_of_its_begin_but_for_a_second(running):
    with contextlib.closing(running.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        stacks.wait_for(lambda: running.server.execute("select count(*) from pg_stat_activity where usename = 'rowgate' and "
                                                       "state = 'idle in transaction'") == [(1,)], "the transaction in the database")
        time.sleep(1)
        cursor.execute("select extract(epoch from clock_timestamp() - now())")
        assert cursor.fetchone()[0] > 1
        cursor.execute("insert into pages values (1, 'x')")
        cursor.execute("ROLLBACK")
    assert not content(running, "t_acme")
