# SPDX-License-Identifier: Apache-2.0
"""The limits of a tenant: each refusal says which limit, its value, whose and what to do, is on record and counted; tenants do not
touch one another; and how one gets more than its limit, tried."""
import concurrent.futures
import contextlib
import math
import select
import time
import uuid

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest

import stack as stacks
from test_metrics import Metered
from test_operations import reload
from test_protocol import Wire, error_of, kinds

PER_MINUTE = 12
IDLE = psycopg2.extensions.TRANSACTION_STATUS_IDLE
SECOND_LISTENER = """
[[listeners]]
name = "other"
plane = "sql"
listen = "127.0.0.1:0"
tls = "public"
login = ["oidc"]
"""


class Limited(Metered):
    """Two listeners, two event loops; tenants of their own for who needs a full bucket. limits: of [limits.small], globex's."""

    def __init__(self, small="", default="", tenants=(), **options):
        self.small = small
        self.default = default
        self.ids = {name: str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in tenants}
        extra = SECOND_LISTENER + "".join(
            f'[[tenants]]\nid = "{name}"\nmatch = {{ idp = "main", claim = "tenant_id", value = "{value}" }}\n'
            f'route = {{ upstream = "main", schemas = {{ sales = "t_{name}" }}, limits = "rate" }}\n' for name, value in self.ids.items())
        super().__init__(workers=options.pop("workers", 2), extra=extra + f"[limits.rate]\nstatements_per_minute = {PER_MINUTE}\n", **options)

    def config_text(self, small=None, default=None, **changes):
        text = super().config_text(**changes)
        head, rest = text.split("[limits.default]\n", 1)
        rest = "[[policies]]\n" + rest.split("[[policies]]\n", 1)[1]
        return (f'{head}[limits.default]\nlogin_timeout = "20s"\n{self.default if default is None else default}\n'
                f"[limits.small]\n{self.small if small is None else small}\n{rest}")

    def token(self, tenant="acme"):
        return super().token(self.ids.get(tenant, tenant))

    def ports(self):
        return [event["port"] for event in self.rowgate.events() if event.get("event") == "listener.open" and event["port"] != self.admin_port][:2]

    def refusals(self, rule):
        """rowgate's own part of each record, and what OCSF calls SQLSTATE and message."""
        found = [record["unmapped"]["rg"] | {"sqlstate": record.get("status_code"), "message": record.get("message", "")}
                 for record in self.audit_records()]
        return [record for record in found if record.get("rule") == rule]

    def denials(self, rule):
        return self.admin.metrics().sum("rowgate_denials_total", rule=rule)


def check(stack, error, rule, *words):
    """Whatever holds of every refusal by a limit: error is the text with its hint."""
    for word in words:
        assert word in error, error
    assert f"rule {rule}, audit record" in error, error
    stacks.wait_for(lambda: stack.denials(rule) >= 1, f"{rule} among the metrics")
    stacks.wait_for(lambda: stack.refusals(rule), f"{rule} on record")
    return stack.refusals(rule)


def failing(action, *errors, **arguments):
    with pytest.raises(errors or psycopg2.Error) as caught:
        action(*arguments.values())
    return str(caught.value)


# ---- each of them ----

SMALL = """
rows = 1000
bytes = "64KiB"
concurrency = 6
queue = 2
statement_timeout = "1500ms"
idle_timeout = "1h"
"""
LONG = "select count(*) from sales.orders a, sales.orders b, sales.orders c, sales.orders d"


@pytest.fixture(scope="module")
def each():
    with Limited(SMALL, default="rows = 200\nconcurrency = 50", kind="pool", pool=2, own_kinds='["select", "insert"]', workers=1) as stack:
        yield stack


@pytest.mark.parametrize("sql, rule, sqlstate, words", [
    ("select a.id from orders a, orders b", "limits.rows", "53400", ["rows = 200 of", "[limits.default]", "LIMIT"]),
    ("select repeat('x', 1000) from orders limit 150", "limits.bytes", "54000", ["bytes = 64KiB of", "[limits.small]", "fewer rows or columns"]),
    (LONG, "limits.statement_timeout", "57014", ["statement_timeout = 1500ms of", "[limits.small]", "Ask for less"]),
])
def test_a_result_or_time_that_is_too_large(each, sql, rule, sqlstate, words):
    with contextlib.closing(each.connect("globex")) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute(sql)
        assert caught.value.pgcode == sqlstate
        for word in ('tenant "globex"', *words):
            assert word in str(caught.value)
        cursor.execute("select 1")
        assert cursor.fetchall() == [(1,)]
    stacks.wait_for(lambda: each.denials(rule) >= 1 and each.refusals(rule), f"{rule} counted and on record")
    assert {(record["tenant"], record["sqlstate"]) for record in each.refusals(rule)} == {("globex", sqlstate)}
    assert each.query("select count(*) from orders") == [(300,)]


def test_psql_shows_all_of_it(each):
    done = each.psql("-c", "select a.id from orders a, orders b", tenant="globex")
    assert done.returncode != 0 and "ERROR:  the result has more rows than the limit allows" in done.stderr
    assert 'HINT:  The limit is rows = 200 of tenant "globex", from [limits.default]. Select fewer rows' in done.stderr


def test_the_sessions_own_timeout_is_not_called_the_tenants(each):
    with contextlib.closing(each.connect("globex")) as connection, connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 200")
        with pytest.raises(psycopg2.errors.QueryCanceled) as caught:
            cursor.execute(LONG)
    assert "this session's own setting" in str(caught.value) and "1500ms" not in str(caught.value)


def test_data_of_a_copy(each):
    with Wire(each, "globex") as wire:
        wire.send(b"Q", b"copy orders (id, note) from stdin\0")
        wire.until("G")
        for at in range(9):
            wire.send(b"d", f"{90000 + at}\t{'x' * 9000}\n".encode())
        answers = wire.until("Z")
        said = error_of(answers)
        assert said["C"] == "54000" and "data of COPY" in said["M"]
        assert 'bytes = 64KiB of tenant "globex", from [limits.small]' in said["H"]
    assert each.query("select count(*) from orders where id >= 90000", "globex") == [(0,)]
    stacks.wait_for(lambda: any("COPY" in record["message"] for record in each.refusals("limits.bytes")), "its record")


def test_connections(each):
    with contextlib.ExitStack() as held:
        for _ in range(6):
            held.enter_context(contextlib.closing(each.connect("globex")))
        error = failing(lambda: each.connect("globex"), psycopg2.OperationalError)
        found = check(each, error, "limits.connections", "too many connections", 'concurrency = 6 of tenant "globex", from [limits.small]',
                      "Close some")
        assert found[-1]["tenant"] == "globex"
        each.connect("acme").close()


def test_idle_sessions_and_slow_logins():
    small = 'idle_timeout = "1s"'
    with Limited(small, default="", workers=1) as stack:
        reload(stack, stack.config_text().replace('login_timeout = "20s"', 'login_timeout = "1s"'), "policy.reloaded")
        with Wire(stack, "globex") as wire:
            said = error_of(wire.until("E"))
            assert said["C"] == "57P05" and 'idle_timeout = 1s of tenant "globex", from [limits.small]' in said["H"]
        from test_login import startup, tls
        with contextlib.closing(tls(stack)) as sock:
            sock.sendall(startup(user="alice", database="bi"))
            answer = b""
            while b"limits.login_timeout" not in answer:
                data = sock.recv(4096)
                assert data, answer
                answer += data
        assert b"login_timeout = 1s, from [limits.default]" in answer and b"tenant" not in answer.split(b"The limit is")[1]
        stacks.wait_for(lambda: stack.refusals("limits.idle_timeout") and stack.refusals("limits.login_timeout"), "the records")
        assert stack.denials("limits.idle_timeout") == 1 and stack.denials("limits.login_timeout") == 1
        assert stack.audit_verify().returncode == 0


# ---- the queue ----

@contextlib.contextmanager
def holders(stack, count=2):
    """acme has every connection."""
    with contextlib.ExitStack() as held:
        for _ in range(count):
            connection = held.enter_context(contextlib.closing(stack.connect("acme", autocommit=False)))
            connection.cursor().execute("select count(*) from orders")
        yield


def waiting(stack):
    return stack.admin.metrics().sum("rowgate_pool_clients_waiting")


def test_who_would_wait_behind_a_full_queue_is_told_at_once(each):
    with contextlib.ExitStack() as clients:
        wires = [clients.enter_context(Wire(each, "globex")) for _ in range(3)]
        other = clients.enter_context(Wire(each, "acme"))
        with holders(each):
            for wire in wires[:2]:
                wire.send(b"Q", b"select 1 from orders where id = 1\0")
            stacks.wait_for(lambda: waiting(each) == 2, "two that wait")
            wires[2].send(b"Q", b"select 1 from orders where id = 1\0")
            answers = wires[2].until("Z")
            said = error_of(answers)
            assert kinds(answers) == "EZ" and said["C"] == "53300" and answers[-1][1] == b"I"
            check(each, f"{said['D']} {said['H']}", "limits.queue", 'queue = 2 of tenant "globex", from [limits.small]', "fewer statements at once")
            error = failing(lambda: each.connect("globex"), psycopg2.OperationalError)  # a login waits for a place, too
            assert "limits.queue" in error
            other.send(b"Q", b"select 1 from orders where id = 1\0")  # acme's queue is its own
            stacks.wait_for(lambda: waiting(each) == 3, "acme's that waits")
            wires[0].sock.close()  # who goes leaves room
            stacks.wait_for(lambda: waiting(each) == 2, "one less")
            wires[2].send(b"Q", b"select 2 from orders where id = 1\0")
            stacks.wait_for(lambda: waiting(each) == 3, "one more")
        assert kinds(wires[1].until("Z")) == kinds(wires[2].until("Z")) == kinds(other.until("Z")) == "TDCZ"
    stacks.wait_for(lambda: waiting(each) == 0, "nobody waits")
    with Wire(each, "globex") as wire, holders(each):  # nothing was left taken
        wire.send(b"Q", b"select 1 from orders where id = 1\0")
        stacks.wait_for(lambda: waiting(each) == 1, "one that waits")


def test_event_loops_share_the_queue():
    with Limited(SMALL, kind="pool", pool=2) as stack, contextlib.ExitStack() as clients:
        many = [clients.enter_context(Wire(stack, "acme")) for _ in range(16)]  # of both loops
        wires = [clients.enter_context(Wire(stack, "globex")) for _ in range(6)]
        active = lambda: stack.admin.metrics().sum("rowgate_pool_clients_active")
        for count, wire in enumerate(many):
            wire.send(b"Q", b"begin; select 1 from orders where id = 1\0")
            stacks.wait_for(lambda sent=count + 1: active() + waiting(stack) == sent, "one more that has a connection or waits")
        assert active() == 2 and waiting(stack) == 14
        for wire in wires:
            wire.send(b"Q", b"select 1 from orders where id = 1\0")
        told = []
        while len(told) < 4:
            ready, _, _ = select.select([wire.sock for wire in wires if wire not in told], [], [], 30)
            assert ready
            told += [wire for wire in wires if wire.sock in ready]
        for wire in told:
            assert 'queue = 2 of tenant "globex"' in error_of(wire.until("Z"))["H"]
        assert len(told) == 4 and waiting(stack) == 16
        for wire in many:
            wire.sock.close()
        assert all(kinds(wire.until("Z")) == "TDCZ" for wire in wires if wire not in told)
        assert stack.audit_verify().returncode == 0


def test_a_cancelled_wait_leaves_room(each):
    with contextlib.closing(each.connect("globex")) as one, contextlib.closing(each.connect("globex")) as two, \
            concurrent.futures.ThreadPoolExecutor(2) as pool, holders(each):
        for _ in range(3):  # more than the queue has, one after another
            asked = [pool.submit(failing, connection.cursor().execute, psycopg2.errors.QueryCanceled, sql="select 1") for connection in (one, two)]
            stacks.wait_for(lambda: waiting(each) == 2, "two that wait")
            for connection in (one, two):
                connection.cancel()
            assert all("user request" in question.result(30) for question in asked)


def test_the_log_verifies(each):
    done = each.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr


# ---- statements a minute ----

def messages(*parts):
    def send(wire):
        for part in parts:
            part(wire)
        wire.send(b"S")
    return send


def query(text):
    return lambda wire: wire.send(b"Q", text.encode() + b"\0")


def parse(text="select 1", name=""):
    return lambda wire: wire.parse(text, name)


def bind(name="", portal=""):
    return lambda wire: wire.bind(name, portal)


def describe(kind, name=""):
    return lambda wire: wire.send(b"D", kind + name.encode() + b"\0")


def execute(portal="", rows=0):
    return lambda wire: wire.execute(portal, rows)


def close(name):
    return lambda wire: wire.send(b"C", b"S" + name.encode() + b"\0")


ROWS = "select id from orders order by id"

# what is sent first, what again and again, and how many statements the second counts
UNITS = {
    "query": ([], query("select 1"), 1),
    "queries": ([], query("select 1; select 2; select 3"), 3),
    "empty": ([], query(""), 1),
    "syntax": ([], query("selekt 1"), 1),
    "denied": ([], query("select * from shared.secret"), 1),
    "answered_here": ([], query("set application_name = 'x'"), 1),
    "constant": ([], query("show transaction isolation level"), 1),
    "sql_execute": ([query("prepare p as select 1")], query("execute p"), 1),
    "whole": ([], messages(parse(), describe(b"S"), bind(), describe(b"P"), execute()), 1),
    "short": ([], messages(parse(), bind(), execute()), 1),
    "parse": ([], messages(parse()), 1),
    "parse_describe": ([], messages(parse(), describe(b"S")), 1),
    "parses": ([], messages(parse(), parse(), parse()), 3),
    "named": ([], messages(close("s"), parse("select 1", "s")), 1),
    "prepared": ([messages(parse("select 1", "s"))], messages(bind("s"), execute()), 1),
    "bind": ([messages(parse("select 1", "s"))], messages(bind("s")), 1),
    "binds": ([messages(parse("select 1", "s"))], messages(bind("s"), bind("s"), bind("s")), 3),
    "portals": ([messages(parse("select 1", "s"))], messages(bind("s", "a"), bind("s", "b")), 2),
    "describe": ([messages(parse("select 1", "s"))], messages(describe(b"S", "s")), 1),
    "describes": ([messages(parse("select 1", "s"))], messages(describe(b"S", "s"), describe(b"S", "s")), 2),
    "batch": ([messages(parse("select 1", "s"))], messages(bind("s"), execute(), bind("s"), execute(), bind("s"), execute()), 3),
    "missing": ([], messages(bind("nothing")), 1),
    "bad_parse": ([], messages(parse("selekt")), 1),
    "transaction": ([], lambda wire: [query(text)(wire) for text in ("begin", "select 1", "commit")], 3),
}
OWN = [f"u_{name}" for name in UNITS]
MORE = ["shared", "reloaded", "ending", "chained", "padded", "batched", "cursor", "prepared_end", "sql_reload", "huge"]


@pytest.fixture(scope="module")
def limited():
    with Limited("rows = 1000", tenants=OWN + MORE, rows=30) as stack:
        schemas = "; ".join(f"create schema t_{name}; create table t_{name}.orders (id int); insert into t_{name}.orders select generate_series(1, 90);"
                            f"grant usage on schema t_{name} to rowgate; grant select on t_{name}.orders to rowgate" for name in ("cursor", "huge"))
        stack.server.psql("-q", stdin=schemas, dbname="bi")
        reload(stack, stack.config_text() + "\n# read the catalogue again\n", "policy.reloaded")
        yield stack


def settle(wire, send):
    """Sends and waits for as many ReadyForQuery as come: the errors, if any."""
    ready = 3 if send is UNITS["transaction"][1] else 1
    send(wire)
    found = []
    for _ in range(ready):
        found += wire.until("Z")
    return [fields for fields in (error_of([message]) for message in found if message[0] == "E")]


def is_over(errors):
    return any("limits.statements_per_minute" in error.get("D", "") for error in errors)


def spend(wire, send, limit=100):
    """Until it is refused: how often it was not."""
    for count in range(limit):
        errors = settle(wire, send)
        if is_over(errors):
            return count, next(error for error in errors if "statements_per_minute" in error.get("D", ""))
    raise AssertionError(f"{limit} times and not refused")


def most(begun, used=0):
    """Statements that PER_MINUTE allows of a bucket that was full when it began."""
    return PER_MINUTE - used + math.ceil((time.monotonic() - begun) * PER_MINUTE / 60)


@pytest.mark.parametrize("name", UNITS)
def test_all_that_is_asked_for_counts(limited, name):
    first, again, cost = UNITS[name]
    tenant = f"u_{name}"
    begun = time.monotonic()
    with Wire(limited, tenant) as wire:
        for send in first:
            assert not settle(wire, send)
        # what a prepared statement's first run shares with its Parse may be one more
        passed, said = spend(wire, again)
    assert (PER_MINUTE - len(first)) // cost <= passed + (1 if name == "transaction" else 0), passed
    assert passed * cost <= most(begun, len(first)) + 1, passed
    assert said["C"] == "53400"
    assert f'statements_per_minute = {PER_MINUTE} of tenant "{tenant}", from [limits.rate]' in said["H"] and "Try again in" in said["H"]


def test_listeners_loops_and_sessions_share_it_and_other_tenants_do_not(limited):
    ports = limited.ports()
    assert len(set(ports)) == 2
    begun = time.monotonic()

    def ask(at):
        port = ports[at % 2]
        with contextlib.closing(limited.connect("shared", port=port)) as connection, connection.cursor() as cursor:
            passed = 0
            for _ in range(6):
                with contextlib.suppress(psycopg2.errors.ConfigurationLimitExceeded):
                    cursor.execute("select 1")
                    passed += 1
            return passed
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        passed = sum(pool.map(ask, range(16)))  # each with a connection of its own
    assert PER_MINUTE <= passed <= most(begun) + 1
    found = limited.refusals("limits.statements_per_minute")
    assert {record["listener"] for record in found if record["tenant"] == "shared"} == {"sql", "other"}
    for tenant in ("acme", "globex"):
        assert limited.query("select 1; select 2", tenant) == [(2,)]
    assert limited.denials("limits.statements_per_minute") >= len([record for record in found if record["tenant"] == "shared"])


def test_a_reload_changes_it_for_open_sessions(limited):
    with Wire(limited, "reloaded") as wire:
        spend(wire, query("select 1"))
        text = limited.config_text()
        reload(limited, text.replace(f"statements_per_minute = {PER_MINUTE}", "statements_per_minute = 6_000_000"), "policy.reloaded")
        stacks.wait_for(lambda: not settle(wire, query("select 1")), "the new limit")
        for _ in range(PER_MINUTE * 3):
            stacks.wait_for(lambda: not settle(wire, query("select 1")), "room")
        reload(limited, text, "policy.reloaded")
        _, said = spend(wire, query("select 1"))
        assert f"statements_per_minute = {PER_MINUTE} " in said["H"]


def test_an_open_transaction_can_be_ended_above_the_limit(limited):
    with contextlib.closing(limited.connect("ending", autocommit=False)) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.ConfigurationLimitExceeded):
            for _ in range(100):
                cursor.execute("select 1")
        assert connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR
        connection.rollback()
        assert connection.info.transaction_status == IDLE
        with pytest.raises(psycopg2.errors.ConfigurationLimitExceeded):
            for _ in range(3):
                cursor.execute("select 1")
        connection.rollback()


def test_the_end_of_a_prepared_transaction_too(limited):
    with Wire(limited, "prepared_end") as wire:
        assert not settle(wire, messages(parse("rollback", "end")))
        assert not settle(wire, query("begin"))
        spend(wire, query("select 1"))
        assert not settle(wire, messages(bind("end"), execute()))
        errors = settle(wire, messages(bind("end"), execute()))
        assert is_over(errors) or not errors  # out of a transaction it is like any other


def test_no_more_than_the_end_is_let_through(limited):
    with Wire(limited, "chained") as wire:
        settle(wire, query("begin"))
        spend(wire, query("select 1"))
        begun = time.monotonic()
        passed = sum(not is_over(settle(wire, query("rollback and chain"))) for _ in range(30))
        assert passed <= 2 + math.ceil((time.monotonic() - begun) * PER_MINUTE / 60)


def test_a_long_end_is_not_looked_at(limited):
    with Wire(limited, "padded") as wire:
        settle(wire, query("begin"))
        spend(wire, query("select 1"))
        begun = time.monotonic()
        padded = query("/* " + "x" * 200 + " */ rollback")
        passed = sum(not is_over(settle(wire, padded)) for _ in range(10))
        assert passed <= 1 + math.ceil((time.monotonic() - begun) * PER_MINUTE / 60)
        settle(wire, query("rollback"))
        wire.send(b"S")
        assert wire.until("Z")[-1][1] == b"I"


def test_all_of_a_batch_that_was_sent_ahead_counts(limited):
    begun = time.monotonic()
    with Wire(limited, "batched") as wire:
        for _ in range(60):
            query("select 1")(wire)
        answers = [wire.until("Z") for _ in range(60)]
    passed = sum(kinds(answer) == "TDCZ" for answer in answers)
    assert PER_MINUTE <= passed <= most(begun) + 1


def test_each_fetch_of_a_portal_counts(limited):
    begun = time.monotonic()
    with Wire(limited, "cursor") as wire:
        wire.send(b"Q", b"begin\0")
        wire.until("Z")
        wire.parse(ROWS)
        wire.bind()
        for _ in range(60):
            wire.execute(rows=1)
        wire.send(b"S")
        answers = wire.until("Z")
    assert is_over([error_of(answers)])
    assert PER_MINUTE - 2 <= kinds(answers).count("s") <= most(begun, 1) + 1


def test_more_statements_in_one_text_than_a_minute_has(limited):
    with Wire(limited, "huge") as wire:
        errors = settle(wire, query("; ".join(["select 1"] * (PER_MINUTE + 1))))
        assert is_over(errors) and "fewer statements at once" in errors[0]["H"]
        assert not settle(wire, query("select 1"))  # nothing but the first was taken for it


def test_what_was_refused_is_on_record(limited):
    found = limited.refusals("limits.statements_per_minute")
    assert {record["tenant"] for record in found} >= {f"u_{name}" for name in UNITS}
    assert all(record["sqlstate"] == "53400" for record in found)
    done = limited.audit_verify()
    assert done.returncode == 0, done.stdout + done.stderr
