# SPDX-License-Identifier: Apache-2.0
"""The wire, driven by real clients and by raw messages: simple, extended, pipelined, COPY, cancel, errors."""
import contextlib
import ssl
import struct
import subprocess
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

from test_login import startup, tls


class Wire:
    """A raw client after login."""

    def __init__(self, stack, tenant="acme"):
        self.sock = tls(stack)
        self.sock.sendall(startup(user="alice", database="bi"))
        self.buffer = b""
        assert self.next() == ("R", b"\0\0\0\3")
        token = stack.token(tenant).encode()
        self.send(b"p", token + b"\0")
        self.until("Z")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, kind, body=b""):
        self.sock.sendall(kind + struct.pack("!i", len(body) + 4) + body)

    def next(self):
        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack("!i", self.buffer[1:5])[0]:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        size = 1 + struct.unpack("!i", self.buffer[1:5])[0]
        message, self.buffer = self.buffer[:size], self.buffer[size:]
        return chr(message[0]), message[5:]

    def until(self, kind):
        messages = []
        while not messages or messages[-1][0] != kind:
            messages.append(self.next())
        return messages

    def parse(self, text, name=""):
        self.send(b"P", name.encode() + b"\0" + text.encode() + b"\0\0\0")

    def bind(self, name="", portal="", values=()):
        body = portal.encode() + b"\0" + name.encode() + b"\0\0\0" + struct.pack("!h", len(values))
        for value in values:
            body += struct.pack("!i", len(value)) + value.encode()
        self.send(b"B", body + b"\0\0")

    def execute(self, portal="", rows=0):
        self.send(b"E", portal.encode() + b"\0" + struct.pack("!i", rows))


def kinds(messages):
    return "".join(kind for kind, _ in messages)


def fields(body):
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def error_of(messages):
    return fields(next(body for kind, body in messages if kind == "E"))


@pytest.fixture
def wire(stack):
    with Wire(stack) as client:
        yield client


def test_simple_query_with_several_statements(wire):
    wire.send(b"Q", b"select 1; select 2 where false; select 3\0")
    assert kinds(wire.until("Z")) == "TDCTCTDCZ"
    wire.send(b"Q", b"\0")
    assert kinds(wire.until("Z")) == "IZ"
    wire.send(b"Q", b" -- nothing \0")
    assert kinds(wire.until("Z")) == "IZ"


def test_extended_protocol_in_one_batch(wire):
    wire.parse("select id from orders where id <= $1::int order by id")
    wire.send(b"D", b"S\0")
    wire.bind(values=["3"])
    wire.send(b"D", b"P\0")
    wire.execute()
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "1tT2TDDDCZ"


def test_named_statements_survive_batches_and_are_closed(wire):
    wire.parse("select $1::text", "s1")
    wire.send(b"S")
    wire.until("Z")
    for value in ("a", "b"):
        wire.bind("s1", values=[value])
        wire.execute()
        wire.send(b"S")
        messages = wire.until("Z")
        assert kinds(messages) == "2DCZ" and messages[1][1].endswith(value.encode())
    wire.send(b"C", b"Ss1\0")
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "3Z"
    wire.bind("s1", values=["c"])
    wire.execute()
    wire.send(b"S")
    messages = wire.until("Z")
    assert kinds(messages) == "EZ" and error_of(messages)["C"] == "26000"


def test_flush_gets_the_answers_so_far(wire):
    wire.parse("select 1 as one")
    wire.send(b"D", b"S\0")
    wire.send(b"H")
    assert kinds(wire.until("T")) == "1tT"
    wire.bind()
    wire.execute()
    wire.send(b"H")
    assert kinds(wire.until("C")) == "2DC"
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "Z"


def test_portals_with_row_limits(wire):
    wire.send(b"Q", b"begin\0")
    wire.until("Z")
    wire.parse("select id from orders order by id limit 5")
    wire.bind(portal="p")
    wire.execute("p", 2)
    wire.execute("p", 2)
    wire.execute("p", 2)
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "12DDsDDsDCZ"
    wire.send(b"Q", b"rollback\0")
    wire.until("Z")
    wire.execute("p", 2)
    wire.send(b"S")
    assert error_of(wire.until("Z"))["C"] == "34000"


def test_a_query_leaves_a_named_portal_alone(wire):
    wire.send(b"Q", b"begin\0")
    wire.until("Z")
    wire.parse("select id from orders order by id limit 5")
    wire.bind(portal="p")
    wire.execute("p", 2)
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "12DDsZ"
    wire.send(b"Q", b"select 1\0")
    assert kinds(wire.until("Z")) == "TDCZ"
    wire.execute("p", 2)
    wire.send(b"S")
    assert kinds(wire.until("Z")) == "DDsZ"


def test_pipelined_batches_without_waiting(wire):
    for i in range(50):
        wire.parse(f"select {i}")
        wire.bind()
        wire.execute()
        wire.send(b"S")
    for i in range(50):
        messages = wire.until("Z")
        assert kinds(messages) == "12DCZ"
        assert messages[2][1].endswith(str(i).encode())


def test_an_error_in_a_batch_skips_to_sync(wire):
    wire.parse("select 1/0")
    wire.bind()
    wire.execute()
    wire.parse("select 2")
    wire.bind()
    wire.execute()
    wire.send(b"S")
    messages = wire.until("Z")
    assert error_of(messages)["C"] == "22012"
    assert kinds(messages).count("C") == 0
    wire.send(b"Q", b"select 1\0")
    assert kinds(wire.until("Z")) == "TDCZ"


def test_a_refusal_in_a_batch_keeps_the_order_and_skips_to_sync(wire):
    wire.parse("select 1")
    wire.bind()
    wire.execute()
    wire.parse("select * from t_globex.orders")
    wire.bind()
    wire.execute()
    wire.send(b"S")
    messages = wire.until("Z")
    assert kinds(messages) == "12DCEZ"
    error = error_of(messages)
    assert error["C"] == "42501" and "audit record" in error["D"] and "0000000000000000" not in error["D"]


def test_a_refusal_fails_the_transaction_it_stands_in(wire):
    wire.send(b"Q", b"begin\0")
    wire.until("Z")
    wire.send(b"Q", b"select * from t_globex.orders\0")
    messages = wire.until("Z")
    assert kinds(messages) == "EZ" and messages[-1][1] == b"E"
    wire.send(b"Q", b"select 1\0")
    assert error_of(wire.until("Z"))["C"] == "25P02"
    wire.send(b"Q", b"rollback\0")
    assert wire.until("Z")[-1][1] == b"I"


def test_one_refused_statement_refuses_the_whole_text(wire):
    wire.send(b"Q", b"select 1; select * from t_globex.orders; select 2\0")
    messages = wire.until("Z")
    assert kinds(messages) == "EZ" and messages[-1][1] == b"I"


def test_function_call_and_unknown_messages_end_the_session(stack):
    for kind in (b"F", b"d", b"p", b"\xff"):
        with Wire(stack) as client:
            client.send(kind, b"\0\0\0\1\0\0\0\0\0\0")
            messages = client.until("E")
            assert error_of(messages)["C"] == "08P01"
            with pytest.raises((EOFError, ssl.SSLError, OSError)):
                client.next()


def test_lengths_that_lie_end_only_their_own_session(stack, wire):
    for header in (b"Q\0\0\0\0", b"Q\xff\xff\xff\xff", b"Q\x7f\xff\xff\xff", b"P\0\0\0\3"):
        with Wire(stack) as client:
            client.sock.sendall(header)
            assert error_of(client.until("E"))["C"] in ("08P01", "54000")
    wire.send(b"Q", b"select 1\0")
    assert kinds(wire.until("Z")) == "TDCZ"


def test_invalid_utf8_and_huge_texts_are_refused_and_the_session_lives(wire):
    wire.send(b"Q", b"select '\xff\xfe'\0")
    assert error_of(wire.until("Z"))["C"] in ("22021", "42501")
    wire.send(b"Q", b"select " + b"(" * 5000 + b"1" + b")" * 5000 + b"\0")
    wire.until("Z")  # parentheses leave no node: either answer is fine, a crash is not
    wire.send(b"Q", b"select " + b"1+" * 10000 + b"1\0")
    assert error_of(wire.until("Z"))["C"] == "54001"
    wire.send(b"Q", b"select 1\0")
    assert kinds(wire.until("Z")) == "TDCZ"


def test_copy_out(stack):
    with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        import io
        out = io.StringIO()
        cursor.copy_expert("copy (select id, note from sales.orders order by id limit 3) to stdout with (format csv)", out)
        assert out.getvalue() == "1,acme note 1\n2,acme note 2\n3,acme note 3\n"
        for refused in ("copy sales.orders from stdin", "copy (select 1) to program 'id'", "copy (select 1) to '/tmp/x'",
                        "copy (select * from t_globex.orders) to stdout"):
            with pytest.raises(psycopg2.Error):
                cursor.copy_expert(refused, io.StringIO(""))


def test_cancel_reaches_the_statement_of_its_own_session_only(stack):
    connection = stack.connect()
    bystander = stack.connect()
    slow = "select count(*) from generate_series(1, 2000000000)"
    threading.Timer(0.7, connection.cancel).start()
    start = time.monotonic()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        connection.cursor().execute(slow)
    assert time.monotonic() - start < 30
    cursor = bystander.cursor()
    cursor.execute("select 1")
    assert cursor.fetchall() == [(1,)]
    with connection.cursor() as again:
        again.execute("select 2")
        assert again.fetchall() == [(2,)]


def test_a_wrong_cancel_key_does_nothing(stack):
    import socket
    with Wire(stack) as client:
        client.send(b"Q", b"select count(*) from generate_series(1, 3000000)\0")
        with socket.create_connection(("127.0.0.1", stack.rowgate.port)) as sock:
            sock.sendall(struct.pack("!iiii", 16, 80877102, 12345, 67890))
            assert sock.recv(10) == b""
        assert kinds(client.until("Z")) == "TDCZ"


def test_rows_and_time_are_limited(stack):
    with contextlib.closing(stack.connect("globex")) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("select * from generate_series(1, 1001)")
        assert caught.value.pgcode == "53400"
        cursor.execute("select count(*) from generate_series(1, 1000)")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("select count(*) from generate_series(1, 2000000000)")
        assert caught.value.pgcode == "57014"
        cursor.execute("select 1")
        assert cursor.fetchall() == [(1,)]


def test_large_results_stream_and_rowgate_does_not_grow(stack):
    with contextlib.closing(stack.connect(autocommit=False)) as connection:
        before = stack.rowgate.resident()
        with connection.cursor("big") as cursor:
            cursor.itersize = 20000
            cursor.execute("select i, repeat('x', 200) from generate_series(1, 300000) i")
            assert sum(1 for _ in cursor) == 300000
        done = subprocess.run(["psql", "-X", "-At", "-c", "select i, repeat('x', 200) from generate_series(1, 200000) i"],
                              env=stack.psql_environment(), capture_output=True, timeout=120)
        assert done.stdout.count(b"\n") == 200000
        assert stack.rowgate.resident() - before < 64 << 20


def test_a_slow_reader_is_not_buffered_for(stack):
    with Wire(stack) as client:
        client.send(b"Q", b"select repeat('x', 1000) from generate_series(1, 400000)\0")
        time.sleep(2)
        assert stack.rowgate.resident() < 700 << 20
        assert kinds(client.until("Z")).count("D") == 400000


def test_error_positions_point_into_the_clients_own_text(stack):
    text = "select status, nosuchcolumn from sales.orders o join shared.events e using (id)"
    with pytest.raises(psycopg2.Error) as caught:
        stack.query(text)
    assert caught.value.pgcode == "42703"
    assert int(caught.value.diag.statement_position) == text.index("nosuchcolumn") + 1


def test_settings_stay_with_their_session(stack):
    with contextlib.closing(stack.connect()) as one, contextlib.closing(stack.connect()) as other:
        first, second = one.cursor(), other.cursor()
        first.execute("set search_path = shared")
        first.execute("show search_path")
        assert first.fetchall()[0][0].replace('"', "") == "shared"
        first.execute("select count(*) from events")
        second.execute("select count(*) from orders")
        with pytest.raises(psycopg2.Error):
            second.execute("select count(*) from events")
        first.execute("set application_name = 'x'")
        with pytest.raises(psycopg2.Error):
            first.execute("set search_path = t_globex")
        with pytest.raises(psycopg2.Error):
            first.execute("select set_config('search_path', 't_globex', false)")


def test_prepared_statements_of_sql(stack):
    with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("prepare p (int) as select note from orders where id = $1")
        cursor.execute("execute p (7)")
        assert cursor.fetchall() == [("acme note 7",)]
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("prepare p as select 1")
        assert caught.value.pgcode == "42P05"
        cursor.execute("deallocate p")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("execute p (7)")
        assert caught.value.pgcode == "26000"
        with pytest.raises(psycopg2.Error):
            cursor.execute("prepare q as select * from t_globex.orders")


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(stack, mode):
    script = stack.directory / "bench.sql"
    script.write_text("\\set id random(1, 300)\nselect note from sales.orders where id = :id;\n")
    done = subprocess.run(["/usr/lib/postgresql/15/bin/pgbench", "-n", "-M", mode, "-c", "8", "-j", "2", "-t", "100", "-f", script,
                           "bi"], env=stack.psql_environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "number of transactions actually processed: 800/800" in done.stdout
    assert "number of failed transactions: 0" in done.stdout
