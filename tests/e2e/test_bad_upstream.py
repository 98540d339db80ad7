# SPDX-License-Identifier: Apache-2.0
"""An upstream that logs in properly and then lies, stalls, floods or leaves: it costs its session, never the process."""
import contextlib
import random
import socket
import struct
import threading
import time

import psycopg2
import pytest

import stack as stacks


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


READY = message(b"Z", b"I")
COLUMN = message(b"T", struct.pack("!h", 1) + b"c\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0))
ROW = message(b"D", struct.pack("!hi", 1, 5) + b"value")
DONE = message(b"C", b"SELECT 1\0")
ANSWER = COLUMN + ROW + DONE + READY
DOCUMENT = b'{"version": 1, "server": 150005, "operators": [], "relations": []}'
CATALOGUE = (message(b"C", b"BEGIN\0") + message(b"C", b"SET\0") * 2 + COLUMN +
             message(b"D", struct.pack("!hi", 1, len(DOCUMENT)) + DOCUMENT) + DONE + message(b"C", b"COMMIT\0") + READY)
PARAMETERS = {"client_encoding": "UTF8", "standard_conforming_strings": "on", "server_version": "15.5", "server_encoding": "UTF8",
              "DateStyle": "ISO, MDY", "TimeZone": "UTC", "integer_datetimes": "on", "IntervalStyle": "postgres"}


def parameter(name, value):
    return message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


class Cut(bytes):
    """The last words: the server leaves behind them."""


class FakeServer:
    """Speaks enough to let libpq in, then answers each message of a client with what script(kind) says."""

    def __init__(self):
        self.script = lambda kind: ANSWER if kind == b"Q" else b""
        self.greeting = b""
        self.bodies = []  # of messages, as they came
        self.catalogue = CATALOGUE
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError, struct.error):
            stream = connection.makefile("rb")
            size, code = struct.unpack("!iI", stream.read(8))
            stream.read(size - 8)
            if code == 80877102:  # a cancel request
                return
            connection.sendall(message(b"R", b"\0\0\0\0") + self.greeting + b"".join(parameter(*item) for item in PARAMETERS.items()) +
                               message(b"K", struct.pack("!ii", 1, 2)) + READY)
            while True:
                kind = stream.read(1)
                if kind in (b"", b"X"):
                    return
                body = stream.read(struct.unpack("!i", stream.read(4))[0] - 4)
                self.bodies.append(body)
                answer = self.catalogue if b"pg_catalog.pg_class" in body else self.script(kind)  # the reader's alone
                if answer is None:
                    return
                connection.sendall(answer)
                if isinstance(answer, Cut):
                    return

    def stop(self):
        self.listener.close()


class BadStack(stacks.Stack):
    def __init__(self):
        super().__init__(own_kinds='["select", "insert"]')
        self.fake = FakeServer()

    def dsn(self):
        return f"host=127.0.0.1 port={self.fake.port} dbname=bi user=rowgate sslmode=disable"

    def __exit__(self, *rest):
        super().__exit__(*rest)
        self.fake.stop()


@pytest.fixture(scope="module")
def bad():
    with BadStack() as running:
        yield running


@pytest.fixture(autouse=True)
def honest_again(bad):
    honest = bad.fake.script
    yield
    bad.fake.script, bad.fake.greeting, bad.fake.catalogue = honest, b"", CATALOGUE
    assert bad.rowgate.process.poll() is None
    assert bad.query("select 'x'") == [("value",)]
    assert bad.audit_verify().returncode == 0


def outcome(bad, sql="select 'x'", tenant="acme"):
    try:
        return bad.query(sql, tenant)
    except psycopg2.Error as error:
        return error


LIES = {
    "an unknown message": b"?\0\0\0\4",
    "a length below four": b"T\0\0\0\0",
    "a huge length": b"T\x7f\xff\xff\xff" + b"x" * 1000,
    "a negative length": b"D\xff\xff\xff\xff",
    "a huge row": b"D\x3f\xff\xff\xf0" + b"x" * 100000,
    "an authentication request": message(b"R", b"\0\0\0\3"),
    "another authentication success": message(b"R", b"\0\0\0\0"),
    "CopyIn": message(b"G", b"\0\0\0"),
    "CopyBoth": message(b"W", b"\0\0\0"),
    "a key": message(b"K", b"\0" * 8) + READY,
    "ParseComplete": message(b"1"),
    "a ready with a false state": COLUMN + ROW + DONE + message(b"Z", b"x"),
    "an empty ready": message(b"Z"),
    "a changed encoding": parameter("client_encoding", "LATIN1") + ANSWER,
    "changed strings": parameter("standard_conforming_strings", "off") + ANSWER,
    "a parameter without an end": message(b"S", b"TimeZone\0x"),
    "an error without fields": message(b"E") + READY,
    "an error without an end": message(b"E", b"Mtext") + READY,
    "a fatal error and nothing": message(b"E", b"SFATAL\0VFATAL\0C57P01\0Mgone\0\0"),
    "a negotiation": message(b"v", b"\0" * 8),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_costs_the_session_alone(bad, name):
    bad.fake.script = lambda kind: LIES[name] if kind == b"Q" else b""
    assert isinstance(outcome(bad, tenant="globex"), psycopg2.Error) or name == "an error without fields"


def test_rows_that_nobody_asked_for_do_not_leave(bad):
    bad.fake.script = lambda kind: ANSWER + COLUMN + ROW if kind == b"Q" else b""
    with contextlib.closing(bad.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select 'x'")
        assert cursor.fetchall() == [("value",)]
        cursor.execute("select 'y'")  # in a new session upstream
        assert cursor.fetchall() == [("value",)]


def test_an_upstream_that_leaves_at_any_byte_is_survived(bad):
    for size in range(0, len(ANSWER), 3):
        with contextlib.closing(bad.connect()) as connection, connection.cursor() as cursor:
            bad.fake.script = lambda kind: Cut(ANSWER[:size])
            with pytest.raises(psycopg2.Error):
                cursor.execute("select 'x'")


def test_a_flood_of_notices_and_parameters_does_not_grow_the_process(bad):
    from test_attacks import memory
    before = memory(bad)
    notice = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M" + b"x" * 60000 + b"\0\0")
    bad.fake.script = lambda kind: notice * 500 + ANSWER if kind == b"Q" else b""
    outcome(bad)
    bad.fake.script = lambda kind: parameter("TimeZone", "x" * 60000) * 500 + ANSWER if kind == b"Q" else b""
    outcome(bad)
    assert memory(bad) - before < 100


FORGED = message(b"N", b"SNOTICE\0VNOTICE\0C00000\0M\n{\"event\": \"forged\"}\n" + b"x" * 5000 + b"\0\0")
BEFORE_ANSWER = message(b"C", b"BEGIN\0") + message(b"C", b"SET\0") * 2 + COLUMN


def document(text):
    return BEFORE_ANSWER + message(b"D", struct.pack("!hi", 1, len(text)) + text) + DONE + message(b"C", b"COMMIT\0") + READY


def read_anew(bad):
    """A refusal for want of a relation asks for a new snapshot; what the log says of that read."""
    start = bad.rowgate.log_path.stat().st_size
    outcome(bad, "select * from sales.unheard_of")
    stacks.wait_for(lambda: any(event.get("event", "").startswith("sql.catalog") for event in bad.rowgate.events(start)), "a read", 90)
    return next(event for event in bad.rowgate.events(start) if event.get("event", "").startswith("sql.catalog"))


@pytest.mark.parametrize("flood", ["rows", "one row", "parameters", "values"])
def test_a_catalogue_without_end_does_not_grow_the_process(bad, flood):
    from test_attacks import memory
    before = memory(bad)
    bad.fake.catalogue = {
        "rows": lambda: BEFORE_ANSWER + message(b"D", struct.pack("!hi", 1, 100000) + b"x" * 100000) * 6000,
        "one row": lambda: BEFORE_ANSWER + b"D" + struct.pack("!ihi", 900000010, 1, 900000000) + b"x" * 600000000,
        "parameters": lambda: b"".join(parameter(f"p{i}", "x" * 20000) for i in range(20000)) + CATALOGUE,
        "values": lambda: document(b'{"version":1,"server":150005,"operators":[],"relations":[' + b"{}," * 20_000_000 + b"{}]}"),
    }[flood]()
    stop, peak = threading.Event(), [before]

    def watch():
        while not stop.wait(0.02):
            peak.append(memory(bad))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        event = read_anew(bad)
    finally:
        stop.set()
        watcher.join()
        bad.fake.catalogue = CATALOGUE
    assert event["event"] == "sql.catalog.failed" and ("more than" in event["reason"] or "too many" in event["reason"]), event
    assert max(peak) - before < 350
    stacks.wait_for(lambda: read_anew(bad)["event"] == "sql.catalog.read", "an honest catalogue")


def test_notices_of_a_login_do_not_reach_the_log(bad):
    start = bad.rowgate.log_path.stat().st_size
    bad.fake.greeting, bad.fake.catalogue = FORGED * 20, FORGED * 20 + CATALOGUE
    assert bad.query("select 'x'") == [("value",)]
    outcome(bad, "select * from sales.unheard_of")
    time.sleep(2)
    assert b"forged" not in bad.rowgate.log_path.read_bytes()[start:]
    bad.fake.greeting = FORGED * 2000  # 10 MB
    assert isinstance(outcome(bad), psycopg2.Error)
    assert b"forged" not in bad.rowgate.log_path.read_bytes()[start:]


def test_an_upstream_that_never_answers_is_given_up(bad):
    bad.fake.script = lambda kind: b""
    start = time.monotonic()
    assert isinstance(outcome(bad, tenant="globex"), psycopg2.Error)  # its limit: 2 s, then 5 s for the cancel
    assert time.monotonic() - start < 15


def test_a_server_whose_planner_is_not_proved_is_refused(bad):
    PARAMETERS["server_version"] = "17.2"
    try:
        with pytest.raises(psycopg2.OperationalError) as refused:
            bad.connect()
        assert "cannot be reached" in str(refused.value)
        assert "17" in bad.rowgate.event("sql.upstream.rejected")["reason"]
    finally:
        PARAMETERS["server_version"] = "15.5"


def test_a_silent_upstream_and_a_refused_statement_are_survived(bad):
    state = message(b"C", b"BEGIN\0") + message(b"Z", b"T")
    with contextlib.closing(bad.connect("globex")) as connection, connection.cursor() as cursor:
        bad.fake.script = lambda kind: state if kind == b"Q" else b""
        cursor.execute("begin")
        bad.fake.script = lambda kind: b""
        with pytest.raises(psycopg2.Error):
            cursor.execute("drop table orders")


def test_random_answers_are_survived(bad):
    seed = random.randrange(1 << 32)
    rng = random.Random(seed)
    parts = [COLUMN, ROW, DONE, READY, message(b"Z", b"T"), message(b"Z", b"E"), message(b"1"), message(b"2"), message(b"3"),
             message(b"n"), message(b"t", b"\0\0"), message(b"I"), message(b"s"), message(b"H", b"\0\0\0"), message(b"d", b"data"),
             message(b"c"), message(b"A", b"\0\0\0\1c\0\0"), message(b"N", b"SNOTICE\0C00000\0Mhello\0\0"),
             message(b"E", b"SERROR\0VERROR\0C22012\0Mdivision\0P8\0\0"), parameter("TimeZone", "UTC"), *LIES.values()]

    def script(kind):
        data = b"".join(rng.choice(parts) for _ in range(rng.randrange(6)))
        if rng.random() < 0.2 and data:
            at = rng.randrange(len(data))
            data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1:]
        return None if rng.random() < 0.1 else data + (READY if rng.random() < 0.5 else b"")

    bad.fake.script = script

    def converse():
        for _ in range(25):
            with contextlib.suppress(psycopg2.Error, OSError):
                connection = bad.connect(options="-c statement_timeout=50 -c search_path=sales")
                connection.set_session(autocommit=True)
                for sql in ("select 'a'; select 'b'", "begin", "insert into customers values (1)", "drop table orders", "commit"):
                    connection.cursor().execute(sql)

    threads = [threading.Thread(target=converse, daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert bad.rowgate.process.poll() is None, seed
