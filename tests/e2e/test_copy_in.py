# SPDX-License-Identifier: Apache-2.0
"""COPY ... FROM STDIN: real clients load rows of their own tenant; raw clients say what no client should say."""
import contextlib
import io
import socket
import struct
import subprocess
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

import stack as stacks
from test_protocol import Wire, error_of, kinds

COPY = b"copy sales.loads from stdin\0"
ROWS = "".join(f"{i}\tname {i}\n" for i in range(1, 1001))


socket.setdefaulttimeout(30)


class LoadStack(stacks.Stack):
    """With an empty table to load, and few bytes for globex."""

    def __init__(self, kind):
        super().__init__(kind=kind, own_kinds='["select", "insert", "update", "delete"]')

    def _fill(self):
        super()._fill()
        for schema in ("t_acme", "t_globex"):
            done = self.server.psql("-q", dbname="bi", stdin=f"""
                CREATE TABLE {schema}.loads (id int PRIMARY KEY, name text CHECK (name <> 'bad'));
                GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.loads TO rowgate;""")
            assert done.returncode == 0, done.stderr

    def config_text(self, **changes):
        return super().config_text(**changes).replace("rows = 1000\n", 'rows = 1000\nbytes = "64KiB"\n')


@pytest.fixture(scope="module", params=["postgres", "pgbouncer"])
def loader(request):
    with LoadStack(request.param) as running:
        yield running
        assert running.audit_verify().returncode == 0


@pytest.fixture(autouse=True)
def empty(loader):
    loader.server.execute("truncate t_acme.loads, t_globex.loads", dbname="bi")
    yield
    assert loader.rowgate.process.poll() is None
    assert loader.query("select 1") == [(1,)]


@pytest.fixture
def wire(loader):
    with Wire(loader) as client:
        yield client


def loaded(loader, tenant="acme"):
    return loader.server.execute(f"select count(*) from t_{tenant}.loads", dbname="bi")[0][0]


def settled(loader, wanted, seconds=10):
    stacks.wait_for(lambda: loaded(loader) == wanted, f"{wanted} rows, not {loaded(loader)}", seconds)


# ---- real clients ----

def test_psycopg2_loads_what_it_sends(loader):
    with contextlib.closing(loader.connect()) as connection, connection.cursor() as cursor:
        cursor.copy_expert("copy sales.loads from stdin", io.StringIO(ROWS))
        assert cursor.rowcount == 1000
        cursor.execute("select id, name from sales.loads order by id")
        assert cursor.fetchall() == [(i, f"name {i}") for i in range(1, 1001)]
        cursor.copy_expert("copy sales.loads (name, id) from stdin with (format csv, header)",
                           io.StringIO('name,id\n"a, ""quoted"" name",2000\n'))
        cursor.execute("select name from sales.loads where id = 2000")
        assert cursor.fetchall() == [('a, "quoted" name',)]
    assert loaded(loader, "globex") == 0


def test_psql_loads_a_file_and_gets_the_same_rows_back(loader, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("".join(f"{i},näme {i}\n" for i in range(1, 5001)))
    done = loader.psql("-c", f"\\copy sales.loads from '{path}' with (format csv)")
    assert done.returncode == 0 and done.stdout == "COPY 5000\n", done.stderr
    done = loader.psql("-c", "\\copy (select * from sales.loads order by id) to stdout with (format csv)")
    assert done.stdout == path.read_text()


def test_psql_loads_from_a_script_between_other_statements(loader):
    script = "begin;\ncopy sales.loads from stdin;\n1\ta\n2\tb\n\\.\nupdate sales.loads set name = 'c' where id = 2;\ncommit;\n"
    done = loader.psql("-q", stdin=script)
    assert done.returncode == 0, done.stderr
    assert loader.query("select * from sales.loads order by id") == [(1, "a"), (2, "c")]


def test_a_copy_that_is_rolled_back_leaves_nothing(loader):
    with contextlib.closing(loader.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.copy_expert("copy sales.loads from stdin", io.StringIO(ROWS))
        connection.rollback()
    assert loaded(loader) == 0


def test_large_data_streams_and_rowgate_does_not_grow(loader):
    before = loader.rowgate.resident()
    text = "".join(f"{i}\t{'x' * 400}\n" for i in range(200000))  # 80 MB
    with contextlib.closing(loader.connect()) as connection, connection.cursor() as cursor:
        cursor.copy_expert("copy sales.loads from stdin", io.StringIO(text), size=1 << 20)
        assert cursor.rowcount == 200000
    assert loader.rowgate.resident() - before < 48 << 20
    assert loaded(loader) == 200000


def test_the_record_stands_before_the_data_and_says_rows_and_bytes(loader, wire):
    marker = "the loading of fifty rows"
    known = len(list(loader.audit_records()))
    wire.send(b"Q", f"copy sales.loads from stdin /* {marker} */\0".encode())
    assert kinds([wire.next()]) == "G"
    decided = [record for record in list(loader.audit_records())[known:] if marker in str(record)]
    assert len(decided) == 1 and "decision" in str(decided[0])
    data = "".join(f"{i}\tx\n" for i in range(50)).encode()
    wire.send(b"d", data)
    wire.send(b"c")
    assert kinds(wire.until("Z")) == "CZ"
    records = [record for record in list(loader.audit_records())[known:] if marker in str(record)]
    assert len(records) == 2 and "outcome" in str(records[1])
    assert str(len(data)) in str(records[1]) and "50" in str(records[1])


# ---- errors ----

def test_bad_data_is_an_error_and_the_session_lives(loader):
    with contextlib.closing(loader.connect()) as connection, connection.cursor() as cursor:
        for text, wanted in (("x\ty\n", "22P02"), ("1\tbad\n", "23514"), ("1\n", "22P04"), ("1\ta\n1\tb\n", "23505"),
                             ("1\ta\tb\n", "22P04")):
            with pytest.raises(psycopg2.Error) as caught:
                cursor.copy_expert("copy sales.loads from stdin", io.StringIO(text + ROWS * 30))
            assert caught.value.pgcode == wanted
            assert caught.value.diag.context is None and caught.value.diag.message_detail is None
        cursor.execute("select count(*) from sales.loads")
        assert cursor.fetchall() == [(0,)]


@pytest.mark.parametrize("sql", ["copy t_globex.loads from stdin", "copy shared.events from stdin", "copy sales.loads from '/etc/passwd'",
                                 "copy sales.loads from program 'id'", "copy sales.loads from stdin with (format binary)",
                                 "copy pg_authid from stdin", "copy sales.absent from stdin"])
def test_what_policies_do_not_name_is_refused_before_any_data(loader, sql):
    with contextlib.closing(loader.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.copy_expert(sql, io.StringIO(ROWS))
        assert caught.value.pgcode in ("42501", "0A000", "42P01")
        cursor.execute("select 1")


def test_the_clients_own_failure_ends_the_copy(loader, wire):
    wire.send(b"Q", COPY)
    assert kinds([wire.next()]) == "G"
    wire.send(b"d", b"1\ta\n")
    wire.send(b"f", b"the disk is on fire\0")
    messages = wire.until("Z")
    assert kinds(messages) == "EZ" and "the disk is on fire" in error_of(messages)["M"]
    assert loaded(loader) == 0


def test_a_reason_that_is_no_text_still_ends_the_copy(loader, wire):
    wire.send(b"Q", COPY)
    wire.next()
    wire.send(b"f", b"\xff\xfe\0")
    assert kinds(wire.until("Z")) == "EZ"
    wire.send(b"Q", b"select 1\0")
    assert kinds(wire.until("Z")) == "TDCZ"


def test_too_many_bytes_end_the_copy_and_the_rest_is_ignored(loader):
    with Wire(loader, "globex") as wire:
        for size in (1000, 1 << 20):  # in many messages, and in one
            wire.send(b"Q", COPY)
            assert kinds([wire.next()]) == "G"
            for i in range(70):
                wire.send(b"d", f"{i}\t{'x' * size}\n".encode())
                if size > 1000:
                    break
            wire.send(b"c")
            messages = wire.until("Z")
            assert kinds(messages) == "EZ" and error_of(messages)["C"] == "54000"
            wire.send(b"Q", b"select 1\0")
            assert kinds(wire.until("Z")) == "TDCZ"
    assert loaded(loader, "globex") == 0


def test_a_client_that_sends_nothing_is_timed_out(loader):
    with Wire(loader, "globex") as wire:
        wire.send(b"Q", COPY)
        assert kinds([wire.next()]) == "G"
        start = time.monotonic()
        messages = wire.until("Z")
        assert kinds(messages) == "EZ" and error_of(messages)["C"] == "57014" and time.monotonic() - start < 6
        wire.send(b"d", b"1\ta\n")  # it did not know yet
        wire.send(b"c")
        wire.send(b"Q", b"select 1\0")
        assert kinds(wire.until("Z")) == "TDCZ"


def test_a_copy_that_waits_for_a_lock_is_cancelled_too(loader):
    """The database reads nothing then, so an end of the data alone would not reach it."""
    with contextlib.closing(loader.server.connect(dbname="bi", autocommit=False)) as other, Wire(loader, "globex") as wire:
        other.cursor().execute("insert into t_globex.loads values (1, 'first')")
        wire.send(b"Q", COPY)
        assert kinds([wire.next()]) == "G"
        wire.send(b"d", b"".join(b"%d\tx\n" % i for i in range(1, 5000)))
        messages = wire.until("Z")
        assert kinds(messages) == "EZ" and error_of(messages)["C"] == "57014"
        assert loader.server.execute("select count(*) from pg_stat_activity where query ilike 'copy%loads%' and state = 'active' "
                                     "and pid <> pg_backend_pid()") == [(0,)]
        wire.send(b"d", b"1\ta\n")  # it did not know yet
        wire.send(b"c")
        wire.send(b"Q", b"select 1\0")
        assert kinds(wire.until("Z")) == "TDCZ"
        other.rollback()


def test_a_cancel_ends_the_copy(loader):
    with contextlib.closing(loader.connect()) as connection, connection.cursor() as cursor:
        class Slow(io.StringIO):
            left = 40  # libpq looks for an answer at the end only

            def read(self, size=-1):
                time.sleep(0.05)
                self.left -= 1
                return f"{self.left}\ta\n" if self.left > 0 else ""
        threading.Timer(0.5, connection.cancel).start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.copy_expert("copy sales.loads from stdin", Slow())
        cursor.execute("select count(*) from sales.loads")
        assert cursor.fetchall() == [(0,)]


def test_a_client_that_vanishes_leaves_nothing(loader):
    for tail in (b"", b"d\0\1\0\0unfinished", b"d\0"):
        wire = Wire(loader)
        wire.send(b"Q", COPY)
        assert kinds([wire.next()]) == "G"
        wire.send(b"d", ROWS.encode())
        wire.sock.sendall(tail)
        wire.sock.close()
    with Wire(loader) as wire:  # as does one that says goodbye
        wire.send(b"Q", COPY)
        wire.next()
        wire.send(b"d", ROWS.encode())
        wire.send(b"X")
        with pytest.raises((EOFError, OSError)):
            wire.next()
    stacks.wait_for(lambda: loader.server.execute("select count(*) from pg_stat_activity where query ilike 'copy%loads%' and "
                                                  "state = 'active'") == [(0,)], "the end of the copies")
    assert loaded(loader) == 0
    loader.server.execute("set lock_timeout = '5s'; lock table t_acme.loads", dbname="bi")


def test_a_lost_database_ends_the_session_in_a_copy(loader):
    with Wire(loader) as wire:
        wire.send(b"Q", COPY)
        wire.next()
        wire.send(b"d", b"1\ta\n")
        loader.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'copy%loads%' and "
                              "pid <> pg_backend_pid()")
        with pytest.raises((EOFError, OSError)):
            messages = []
            for _ in range(200):
                wire.send(b"d", b"2\tb\n" * 1000)
                time.sleep(0.01)
            while True:
                messages.append(wire.next())
    assert loaded(loader) == 0


def test_a_log_that_takes_no_record_ends_a_copy_and_nothing_stays():
    """The limit is a signal by default, which would end the process and not the session."""
    with LoadStack("postgres") as own, Wire(own) as wire:
        wire.send(b"Q", COPY)
        assert kinds([wire.next()]) == "G"
        wire.send(b"d", ROWS.encode())
        for process in (own.rowgate.process.pid, own.rowgate.auditor):  # this auditor, and those that come after it
            subprocess.run(["prlimit", "--pid", str(process), "--fsize=1000"], check=True)
        with pytest.raises(psycopg2.OperationalError):  # its record is the first that cannot be written
            own.query("select 1", "globex")
        time.sleep(0.5)  # the other event loop hears of it, too: the copy's decision is on record, so a CopyDone before that may pass
        messages = []
        with pytest.raises((EOFError, OSError)):
            wire.send(b"c")
            while True:
                messages.append(wire.next())
        assert not messages or error_of(messages)["C"] == "58030"
        assert loaded(own) == 0
        assert own.rowgate.process.poll() is None
        assert own.audit_verify().returncode == 0


# ---- the protocol ----

def test_the_extended_protocol_takes_data_too(loader, wire):
    wire.parse("copy sales.loads from stdin")
    wire.send(b"D", b"S\0")
    wire.bind()
    wire.execute()
    wire.send(b"S")  # PostgreSQL ignores it: libpq sends it without knowing
    assert kinds(wire.until("G")) == "1tn2G"
    wire.send(b"d", b"1\ta\n")
    wire.send(b"H")
    wire.send(b"d", b"2\tb\n")
    wire.send(b"c")
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "CZ"
    assert loaded(loader) == 2


def test_an_error_in_the_extended_protocol_skips_to_sync(loader, wire):
    for end in (b"c", b"f"):
        wire.parse("copy sales.loads from stdin")
        wire.bind()
        wire.execute()
        assert kinds(wire.until("G")) == "12G"
        wire.send(b"d", b"x\ty\n")
        assert error_of([wire.next()])["C"] == "22P02"
        wire.send(b"d", b"1\ta\n")
        wire.send(end, b"" if end == b"c" else b"why\0")
        wire.parse("select 1")
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "Z"
        wire.send(b"Q", b"select 2\0")
        assert kinds(wire.until("Z")) == "TDCZ"
    assert loaded(loader) == 0


def test_data_sent_before_it_was_asked_for_is_taken_when_it_is(loader, wire):
    wire.send(b"Q", b"select 1\0")
    wire.send(b"Q", COPY)
    wire.send(b"d", b"1\ta\n")
    wire.send(b"d", b"")
    wire.send(b"c")
    wire.send(b"Q", b"select count(*) from sales.loads\0")
    assert kinds(wire.until("Z") + wire.until("Z") + wire.until("Z")) == "TDCZGCZTDCZ"


def test_data_of_a_copy_that_never_began_is_ignored(loader, wire):
    wire.send(b"Q", b"begin; select 1/0\0")
    wire.until("Z")
    wire.send(b"Q", COPY)  # 25P02
    wire.send(b"d", b"1\ta\n")
    wire.send(b"c")
    wire.send(b"Q", b"rollback\0")
    assert kinds(wire.until("Z") + wire.until("Z")) == "EZCZ"
    assert loaded(loader) == 0


def test_several_copies_in_one_query(loader, wire):
    wire.send(b"Q", b"copy sales.loads from stdin; select 1; copy sales.loads (id) from stdin; select 2\0")
    for data in (b"1\ta\n", b"2\n3\n"):
        assert kinds(wire.until("G"))[-1] == "G"
        wire.send(b"d", data)
        wire.send(b"c")
    assert kinds(wire.until("Z")) == "CTDCZ"
    assert loaded(loader) == 3


def test_the_first_copys_error_ends_the_query_and_nothing_of_it_stays(loader, wire):
    wire.send(b"Q", b"copy sales.loads from stdin; copy sales.loads (id) from stdin\0")
    wire.until("G")
    wire.send(b"d", b"1\ta\n")
    wire.send(b"c")
    wire.until("G")
    wire.send(b"d", b"x\n")
    assert kinds(wire.until("Z")) == "EZ"
    wire.send(b"d", b"2\n")
    wire.send(b"c")
    wire.send(b"Q", b"select count(*) from sales.loads\0")
    messages = wire.until("Z")
    assert kinds(messages) == "TDCZ" and messages[1][1].endswith(b"0")


@pytest.mark.parametrize("kind, body", [(b"d", b"1\ta\n"), (b"c", b""), (b"f", b"why\0")])
def test_data_out_of_place_ends_the_session(loader, wire, kind, body):
    wire.send(kind, body)
    messages = []
    with pytest.raises((EOFError, OSError)):
        while True:
            messages.append(wire.next())
    assert error_of(messages)["C"] == "08P01"


@pytest.mark.parametrize("kind, body", [(b"Q", b"select 1\0"), (b"P", b"\0select 1\0\0\0"), (b"E", b"\0\0\0\0\0"), (b"p", b"x\0"),
                                        (b"F", b""), (b"d", None), (b"c", b"x"), (b"f", b"no end"), (b"f", b"a\0b\0")])
def test_other_messages_in_a_copy_end_the_session_and_nothing_stays(loader, wire, kind, body):
    wire.send(b"Q", COPY)
    wire.next()
    wire.send(b"d", ROWS.encode())
    if body is None:  # longer than PostgreSQL allows
        wire.sock.sendall(kind + struct.pack("!i", 0x40000000))
    else:
        wire.send(kind, body)
    messages = []
    with pytest.raises((EOFError, OSError)):
        while True:
            messages.append(wire.next())
    assert error_of(messages)["C"] in ("08P01", "54000")
    time.sleep(0.1)
    assert loaded(loader) == 0


def test_one_message_of_many_megabytes_is_passed_on(loader, wire):
    data = "".join(f"{i}\t{'y' * 1000}\n" for i in range(40000)).encode()  # 40 MB, ten times the longest statement
    wire.send(b"Q", COPY)
    wire.next()
    wire.send(b"d", data)
    wire.send(b"c")
    assert kinds(wire.until("Z")) == "CZ"
    assert loaded(loader) == 40000


def test_data_byte_by_byte(loader, wire):
    wire.send(b"Q", COPY)
    wire.next()
    for byte in b"d" + struct.pack("!i", 8) + b"7\tz\n" + b"c\0\0\0\4":
        wire.sock.sendall(bytes([byte]))
        time.sleep(0.002)
    assert kinds(wire.until("Z")) == "CZ"
    assert loader.query("select * from sales.loads") == [(7, "z")]


def test_a_copy_under_an_expired_policy_is_judged_anew(loader, wire):
    """The unnamed statement of COPY survives in rowgate; each run of it is a statement with a record of its own."""
    wire.parse("copy sales.loads from stdin", "again")
    wire.send(b"S")
    wire.until("Z")
    for i in range(3):
        wire.bind("again")
        wire.execute()
        assert kinds(wire.until("G"))[-1] == "G"
        wire.send(b"d", f"{i}\tx\n".encode())
        wire.send(b"c")
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "CZ"
    assert loaded(loader) == 3
