# SPDX-License-Identifier: Apache-2.0
"""Attacks on a session: what a hostile client or a hostile upstream tries against the gate, the bookkeeping and the
limits. Each test states what must hold; most were holes once."""
import random
import struct
import threading
import time

import psycopg2
import pytest

import stack as stack_module
from test_protocol import Wire, error_of, kinds


def records(stack, marker):
    return [r for r in stack.audit_records() if marker in str(r)]


def alive(stack):
    assert stack.rowgate.process.poll() is None
    assert stack.query("select 1") == [(1,)]


def query(wire, text):
    wire.send(b"Q", text.encode() + b"\0")
    return wire.until("Z")


def test_a_timeout_while_a_refusal_is_on_its_way_upstream_is_survived(direct):
    with Wire(direct) as wire:
        query(wire, "set statement_timeout = 1")
        for _ in range(20):
            query(wire, "begin")
            for _ in range(5):
                wire.send(b"Q", b"drop table orders\0")
            for _ in range(5):
                wire.until("Z")
            query(wire, "rollback")
    alive(direct)


def test_a_batch_after_a_stopped_result_is_answered(direct):
    with Wire(direct, "globex") as wire:
        for round in range(10):
            wire.parse("select a.id from orders a, orders b limit 1500")
            wire.bind()
            wire.execute()
            wire.send(b"S")
            assert error_of(wire.until("Z"))["C"] == "53400"
            wire.parse("select 7")
            wire.bind()
            wire.execute()
            wire.send(b"S")
            assert kinds(wire.until("Z")) == "12DCZ", round


def test_a_portal_runs_the_statement_that_its_record_names(direct):
    with Wire(direct) as wire:
        query(wire, "begin")
        wire.parse("select 'real-statement-a'", "a")
        wire.parse("select 'other-statement-b'", "b")
        wire.bind("a", "p")
        wire.send(b"S")
        wire.until("Z")
        query(wire, "savepoint s")
        wire.bind("b", "p")
        wire.send(b"S")
        wire.until("Z")
        query(wire, "rollback to s")
        wire.execute("p")
        wire.send(b"S")
        messages = wire.until("Z")
        shown = [body for kind, body in messages if kind == "D"]
        assert not any(b"real-statement-a" in body for body in shown), messages


def test_a_portal_survives_the_ready_of_the_batch_before_it(direct):
    with Wire(direct) as wire:
        wire.parse("select 1", "s1")
        wire.bind("s1")
        wire.execute()
        wire.send(b"S")
        wire.parse("select 2", "s2")
        wire.bind("s2")
        wire.send(b"H")
        wire.until("Z")
        wire.until("2")
        wire.execute()
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "DCZ"


def test_a_comment_does_not_swallow_the_next_statement(direct):
    with Wire(direct) as wire:
        assert kinds(query(wire, "select 1 -- c\n; select 2 -- d\n ;select 3 -- e")) == "TDCTDCTDCZ"


def test_two_proved_statements_are_never_executed_as_one(direct):
    """Joined behind a line comment, a column's name and a sub-select in parentheses would be a function's call."""
    with Wire(direct) as wire:
        for column, argument in (("ts_stat", "select cast(note as int)::text::tsvector as v from t_globex.orders"),
                                 ("pg_read_file", "/etc/hostname")):
            messages = query(wire, f"select 1 from (select 1 as {column}) q order by {column} -- c\n; ((select '{argument}'))")
            assert "globex note" not in str(messages) and "permission" not in str(messages), messages
            assert kinds(messages) == "TDCTDCZ", messages


def test_a_failed_statement_does_not_end_a_pipelined_session(direct):
    with Wire(direct) as wire:
        for _ in range(10):
            for _ in range(20):
                wire.parse("insert into customers values (1, 'twice')")
                wire.bind()
                wire.execute()
            wire.send(b"S")
            messages = wire.until("Z")
            assert error_of(messages)["C"] == "23505"
        assert kinds(query(wire, "select 1")) == "TDCZ"


def test_every_described_statement_has_its_own_record(direct):
    with Wire(direct) as wire:
        for name in ("one", "two"):
            wire.parse(f"select id as described_{name} from orders")
            wire.send(b"D", b"S\0")
        wire.parse("select 'executed_three'")
        wire.bind()
        wire.execute()
        wire.send(b"S")
        wire.until("Z")
        wire.parse("select id as described_four from orders")
        wire.send(b"D", b"S\0")
        wire.parse("drop table orders /* refused_five */")
        wire.send(b"S")
        wire.until("Z")
    for marker in ("described_one", "described_two", "executed_three", "described_four", "refused_five"):
        assert records(direct, marker), marker


def test_a_statement_whose_client_left_is_on_record(direct):
    wire = Wire(direct)
    wire.send(b"Q", b"select count(*), 'left_alone' from orders a, orders b, orders c\0")
    time.sleep(0.3)
    wire.sock.close()
    time.sleep(0.5)
    assert records(direct, "left_alone")


def test_a_refused_startup_setting_ends_the_login(direct):
    path = ",".join(f"s{i}" for i in range(80))
    with pytest.raises(psycopg2.OperationalError):
        direct.connect(options=f"-c search_path={path}")
    alive(direct)


def test_a_parameter_of_a_type_that_tells_names_is_refused(direct):
    with Wire(direct) as wire:
        for oid in (2205, 2206, 24, 4089, 1033, 3734):
            wire.send(b"P", b"\0select $1\0" + struct.pack("!hI", 1, oid))
            wire.send(b"S")
            messages = wire.until("Z")
            assert error_of(messages)["C"] == "42501" and "type.not_allowed" in error_of(messages)["D"], oid
        for oid in (0, 23, 25, 1184, 705, 1009):
            wire.send(b"P", b"\0select $1\0" + struct.pack("!hI", 1, oid))
            wire.send(b"S")
            assert kinds(wire.until("Z")) == "1Z", oid


def test_a_client_may_pipeline_without_reading(direct):
    """More messages than rowgate remembers, and a reader who starts late: taken slowly, answered all."""
    count = 6000
    with Wire(direct) as wire:
        wire.parse("select $1::text", "s")
        bind = b"\0s\0\0\0" + struct.pack("!hi", 1, 200) + b"x" * 200 + b"\0\0"
        bind = b"B" + struct.pack("!i", len(bind) + 4) + bind
        execute = b"E" + struct.pack("!i", 9) + b"\0" + struct.pack("!i", 0)
        batch = (bind + execute) * count
        sender = threading.Thread(target=wire.sock.sendall, args=(batch + b"S\0\0\0\4",))
        sender.start()
        time.sleep(1)
        wire.sock.settimeout(60)
        text = kinds(wire.until("Z"))
        sender.join()
        assert text == "1" + "2DC" * count + "Z"


def memory(stack):
    return stack.rowgate.resident() >> 20


def test_long_statements_that_wait_upstream_as_short_ones_do_not_fill_memory(direct):
    before = memory(direct)
    with Wire(direct) as wire:
        wire.sock.settimeout(4)
        wire.send(b"Q", b"select count(*) from orders a, orders b, orders c, orders d\0")
        try:
            for i in range(40):
                wire.send(b"Q", b"/* %d " % i + b"x" * 4000000 + b" */ set application_name = 'x'\0")
        except OSError:
            pass
        grown = memory(direct) - before
    assert grown < 150, grown
    alive(direct)


def test_the_log_verifies_after_all_that(direct):
    done = direct.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr


def test_random_conversations_harm_nobody_else(direct):
    """Valid, refused, cut and random messages in any order. Every row that arrives carries a marker that is on record."""
    seed = random.randrange(1 << 32)
    seen = set()
    errors = []

    def message(rng, marker):
        name = rng.choice([b"", b"a", b"b"])
        portal = rng.choice([b"", b"p", b"q"])
        sql = rng.choice(["select '{m}'", "select '{m}' from orders limit 3", "select '{m}', id from orders a; select '{m}'", "begin", "commit",
                          "rollback", "savepoint s", "rollback to s", "drop table orders /* {m} */", "select 1/0, '{m}'", "selec '{m}'", "",
                          "insert into customers values (1, '{m}')", "set search_path = sales", "set statement_timeout = 20",
                          "copy (select '{m}' from orders) to stdout", "prepare s as select '{m}'", "execute s", "deallocate all",
                          "declare c cursor for select '{m}' from orders", "fetch 2 from c", "select '{m}', repeat('x', 90000)",
                          "select count(*), '{m}' from orders a, orders b"]).format(m=marker).encode()
        kind = rng.choice("QQPPPBBBDEEECSSSHHX" if rng.random() < 0.02 else "QQPPPBBBDEEECSSSSH")
        body = {"Q": sql + b"\0", "P": name + b"\0" + sql + b"\0\0\0", "B": portal + b"\0" + name + b"\0\0\0\0\0\0\0",
                "D": rng.choice([b"S" + name, b"P" + portal]) + b"\0", "C": rng.choice([b"S" + name, b"P" + portal]) + b"\0",
                "E": portal + b"\0" + struct.pack("!i", rng.choice([0, 0, 1, 5])), "S": b"", "H": b"", "X": b""}[kind]
        whole = kind.encode() + struct.pack("!i", len(body) + 4) + body
        if rng.random() < 0.004:
            at = rng.randrange(len(whole))
            whole = whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1:]
        return whole

    def converse(number):
        rng = random.Random(seed + number)
        marker = f"mark{seed:08x}x{number:06d}"
        try:
            wire = Wire(direct)
        except (OSError, EOFError, AssertionError) as error:
            errors.append((number, repr(error)))
            return
        with wire:
            wire.sock.settimeout(rng.choice([0.05, 0.3, 0.3]))
            received = b""
            try:
                for _ in range(rng.randrange(1, 12)):
                    data = b"".join(message(rng, marker) for _ in range(rng.randrange(1, 15)))
                    if rng.random() < 0.05:
                        data = data[:rng.randrange(len(data) + 1)]
                    wire.sock.sendall(data)
                    if rng.random() < 0.6:
                        received += wire.sock.recv(1 << 16)
            except (OSError, EOFError):
                pass
            if marker.encode() in received:
                seen.add(marker)

    def attack(first):
        for number in range(first, first + 120):
            converse(number)

    threads = [threading.Thread(target=attack, args=(i * 1000,)) for i in range(6)]
    for thread in threads:
        thread.start()
    bystander = direct.connect("globex")
    while any(thread.is_alive() for thread in threads):
        cursor = bystander.cursor()
        cursor.execute("select count(*), min(split_part(note, ' ', 1)) from orders")
        assert cursor.fetchall() == [(direct.rows, "globex")]
        time.sleep(0.05)
    assert not errors and len(seen) > 40, (seed, len(seen), errors[:3])
    alive(direct)
    text = "\n".join(str(record) for record in direct.audit_records())
    assert not [marker for marker in seen if marker not in text], seed
    assert direct.audit_verify().returncode == 0, seed


def test_reloads_under_load_and_clients_that_vanish():
    """A stack of its own: its exit status tells whether a sanitizer found anything, to the very end."""
    import signal

    import stack as stacks
    with stacks.Stack() as own:
        until = time.monotonic() + 15
        wrong = []

        def load(number):
            rng = random.Random(number)
            while time.monotonic() < until:
                try:
                    wire = Wire(own)
                    for _ in range(rng.randrange(8)):
                        wire.send(b"Q", b"select count(*) from orders a, shared.events b\0")
                        if rng.random() < 0.7:
                            wire.until("Z")
                    wire.sock.close()
                except (OSError, EOFError, AssertionError) as error:
                    wrong.append(repr(error))

        threads = [threading.Thread(target=load, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        while time.monotonic() < until:
            own.rowgate.signal(signal.SIGHUP)
            time.sleep(0.05)
        for thread in threads:
            thread.join()
        alive(own)
        assert own.audit_verify().returncode == 0
        assert own.rowgate.stop() == 0, wrong[:3]
        own.rowgate.process = None


def peek(running):
    """A function beside pg_catalog that takes any row: what `alias.peek` calls where the search_path finds it."""
    running.server.execute("CREATE FUNCTION public.peek(anyelement) RETURNS text LANGUAGE sql SECURITY DEFINER"
                           " AS 'SELECT min(note) FROM t_globex.orders'", dbname="bi")


def test_behind_pgbouncer_a_column_is_no_call_of_a_function_of_public():
    with stack_module.Stack(kind="pgbouncer") as running:
        peek(running)
        with pytest.raises(psycopg2.errors.UndefinedColumn):
            running.query("select c.peek from sales.customers c")
        assert running.query("select 1") == [(1,)]


class Unpinned(stack_module.Stack):
    def _fill(self):
        super()._fill()
        self.server.execute("ALTER ROLE rowgate SET search_path = public, pg_catalog")


def test_behind_pgbouncer_a_login_with_another_search_path_gets_no_session():
    with Unpinned(kind="pgbouncer") as running:
        peek(running)
        for _ in range(2):
            with pytest.raises(psycopg2.OperationalError, match="upstream.unavailable"):
                running.query("select c.peek from sales.customers c")
        log = "\n".join(str(event) for event in running.rowgate.events())
        assert "ALTER ROLE ... SET search_path = pg_catalog" in log
        assert "globex note" not in log


def test_the_transaction_counter_is_not_shown(direct):
    for column, view in (("relfrozenxid", "pg_class"), ("datfrozenxid", "pg_database"), ("backend_xmin", "pg_stat_activity")):
        with pytest.raises(psycopg2.errors.UndefinedFunction):
            direct.query(f"select age(coalesce('700', {column})) from {view}")


def test_a_refusal_says_the_relation_as_it_was_written_and_not_whether_it_exists(direct):
    texts = []
    for name in ("t_globex.orders", "t_globex.nowhere"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege) as refusal:
            direct.query(f"select * from {name}")
        assert f'relation "{name}" is not available to you' in str(refusal.value)
        texts.append(refusal.value.pgcode)
    assert texts == ["42501", "42501"]
