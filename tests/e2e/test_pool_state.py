# SPDX-License-Identifier: Apache-2.0
"""One server connection for everybody, through PgBouncer in transaction mode and through rowgate's own pool: nothing that one client did (settings,
prepared statements, cursors, temporary tables, channels, locks, failed transactions) is seen by the next, of the same
tenant or of another."""

import concurrent.futures
import contextlib
import random
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

import stack as stack_module
from test_protocol import Wire, error_of, kinds


@pytest.fixture(scope="module", params=["pgbouncer", "pool"])
def single(request):
    with stack_module.Stack(kind=request.param, pool=1, workers=1 if request.param == "pool" else 2,
                            server_settings={"log_connections": "on"}, own_kinds='["select", "insert", "update", "delete"]') as running:
        yield running


@pytest.fixture
def two(single):
    with contextlib.closing(single.connect()) as one, contextlib.closing(single.connect("globex")) as other:
        yield one.cursor(), other.cursor()


def rows(cursor, sql, arguments=None):
    cursor.execute(sql, arguments)
    return cursor.fetchall()


def refused(cursor, sql):
    with pytest.raises(psycopg2.Error) as caught:
        cursor.execute(sql)
    return caught.value.pgcode


def state_of_server(single):
    """What the pooled server connections look like from inside the server."""
    return single.server.execute("select count(*) from pg_stat_activity where usename = 'rowgate'")[0][0]


def test_everybody_shares_one_server_connection(single):
    with contextlib.ExitStack() as clients:
        for tenant in ("acme", "globex") * 3:
            cursor = clients.enter_context(contextlib.closing(single.connect(tenant))).cursor()
            assert rows(cursor, "select count(*) from sales.orders") == [(300,)]
        # rowgate's own connection for the catalogue may be a second one
        assert state_of_server(single) <= 2


def test_unqualified_names_mean_each_clients_own_tables(two):
    for _ in range(5):
        for cursor, tenant in zip(two, ("acme", "globex")):
            assert rows(cursor, "select note from orders where id = 1") == [(f"{tenant} note 1",)]


@pytest.mark.parametrize("setting, value", [
    ("search_path", "shared"), ("application_name", "one-was-here"), ("statement_timeout", "1234"),
    ("datestyle", "ISO"), ("timezone", "UTC"), ("extra_float_digits", "1"), ("client_min_messages", "error"),
])
def test_a_setting_is_its_own_clients_alone(single, two, setting, value):
    one, other = two
    with contextlib.closing(single.connect()) as colleague_connection:
        colleague = colleague_connection.cursor()
        before = rows(other, f"show {setting}"), rows(colleague, f"show {setting}")
        one.execute(f"set {setting} = '{value}'" if setting != "search_path" else "set search_path = shared")
        mine = rows(one, f"show {setting}")
        rows(one, "select 1 from generate_series(1, 3)")
        assert (rows(other, f"show {setting}"), rows(colleague, f"show {setting}")) == before
        assert rows(one, f"show {setting}") == mine
        with contextlib.closing(single.connect()) as later:
            assert rows(later.cursor(), f"show {setting}") == before[1]


def test_a_short_timeout_of_one_does_not_end_the_statement_of_the_next(two):
    one, other = two
    one.execute("set statement_timeout = '1ms'")
    with contextlib.suppress(psycopg2.errors.QueryCanceled):
        one.execute("select count(*) from generate_series(1, 3000000)")
    assert rows(other, "select count(*) from generate_series(1, 500000)") == [(500000,)]


def test_a_long_timeout_of_one_does_not_lift_the_limit_of_the_next(two):
    one, other = two
    one.execute("set statement_timeout = '60s'")
    rows(one, "select count(*) from orders")
    assert refused(other, "select count(*) from generate_series(1, 2000000000)") == "57014"


@pytest.mark.parametrize("text", [
    "set datestyle = 'SQL, DMY'", "set timezone = 'Asia/Tokyo'", "set intervalstyle = 'iso_8601'", "set local timezone = 'Asia/Tokyo'",
    "set bytea_output = 'escape'", "set lc_messages = 'C'", "set role postgres", "set session authorization postgres",
    "set local role none", "reset role", "set transaction_timeout = 1", "set work_mem = '1MB'", "set enable_seqscan = off",
    "set default_transaction_read_only = on", "set session characteristics as transaction read only",
    "select set_config('application_name', 'x', false)", "set xmloption = 'document'", "set my.variable = 'acme'",
    "set escape_string_warning = off", "set array_nulls = off", "set standard_conforming_strings = off",
])
def test_settings_that_would_stay_behind_are_refused_or_virtual(two, text):
    one, other = two
    probe = ("select timestamptz '2026-02-03 04:05Z'::text, interval '1 day 2 hours'::text, '\\x00ff'::bytea::text, "
             "'{null}'::text[]::text, 'a\\b', 1.1::float8::text")
    before = rows(other, probe)
    with contextlib.suppress(psycopg2.Error):
        one.execute(text)
    with contextlib.suppress(psycopg2.Error):
        rows(one, "select 1")
    assert rows(other, probe) == before
    assert rows(other, "show default_transaction_read_only") == [("off",)]
    assert refused(other, "show my.variable") == "42501"


def test_settings_of_the_startup_packet_stay_with_their_client(single, two):
    options = "-c search_path=shared -c application_name=sneaky -c statement_timeout=1234"
    try:
        connection = single.connect(options=options)
    except psycopg2.Error:
        connection = None
    if connection is not None:
        rows(connection.cursor(), "select 1")
        connection.close()
    for cursor in two:
        assert rows(cursor, "select count(*) from orders") == [(300,)]
        assert "sneaky" not in str(rows(cursor, "show application_name"))
        assert "1234" not in str(rows(cursor, "show statement_timeout"))


def test_prepared_statements_of_sql_with_equal_names(single, two):
    one, other = two
    one.execute("prepare p (int) as select note from orders where id = $1")
    assert refused(other, "execute p (1)") == "26000"
    other.execute("prepare p (int) as select 'other: ' || note from orders where id = $1")
    for _ in range(3):
        assert rows(one, "execute p (1)") == [("acme note 1",)]
        assert rows(other, "execute p (1)") == [("other: globex note 1",)]
    one.execute("deallocate p")
    assert refused(one, "execute p (1)") == "26000"
    assert rows(other, "execute p (2)") == [("other: globex note 2",)]
    one.execute("deallocate all")
    one.execute("discard all")
    assert rows(other, "execute p (3)") == [("other: globex note 3",)]


def test_prepared_statements_of_the_protocol_with_equal_names(single):
    text = "select note from orders where id = $1::int"
    with Wire(single) as one, Wire(single, "globex") as other, Wire(single) as stranger:
        for client in (one, other):
            client.parse(text, "s1")
            client.send(b"S")
            assert kinds(client.until("Z")) == "1Z"
        for _ in range(5):
            for client, tenant in ((one, b"acme"), (other, b"globex")):
                client.bind("s1", values=["7"])
                client.execute()
                client.send(b"S")
                messages = client.until("Z")
                assert kinds(messages) == "2DCZ" and messages[1][1].endswith(tenant + b" note 7")
        stranger.bind("s1", values=["7"])
        stranger.execute()
        stranger.send(b"S")
        assert error_of(stranger.until("Z"))["C"] == "26000"
        stranger.send(b"Q", b"execute s1 (7)\0")
        assert error_of(stranger.until("Z"))["C"] == "26000"
        stranger.send(b"D", b"Ss1\0")
        stranger.send(b"S")
        assert error_of(stranger.until("Z"))["C"] == "26000"


def test_the_unnamed_statement_is_not_the_previous_clients(single):
    with Wire(single) as one, Wire(single, "globex") as other:
        one.parse("select note from orders limit 1")
        one.send(b"S")
        assert kinds(one.until("Z")) == "1Z"
        other.bind()
        other.execute()
        other.send(b"S")
        assert error_of(other.until("Z"))["C"] == "26000"


def test_names_like_rowgates_or_pgbouncers_own_reach_nobody(single, two):
    for name in ("PGBOUNCER_1", "PGBOUNCER_2", "rowgate_1", "rg_1", "rg1", "s1", "_1"):
        for cursor in two:
            assert refused(cursor, f'execute "{name}"') == "26000"
            assert refused(cursor, f'deallocate "{name}"') == "26000"


def test_cursors_end_with_their_transaction_and_belong_to_their_client(two):
    one, other = two
    one.execute("begin")
    one.execute("declare c cursor for select note from orders order by id")
    assert rows(one, "fetch 1 from c") == [("acme note 1",)]
    one.execute("commit")
    assert refused(other, "fetch 1 from c") == "34000"
    assert refused(one, "fetch 1 from c") == "34000"
    assert refused(one, "declare h cursor with hold for select note from orders") in ("0A000", "42501")
    assert refused(other, "fetch 1 from h") == "34000"


def test_portals_of_the_protocol_end_with_their_transaction(single):
    with Wire(single) as one, Wire(single, "globex") as other:
        one.parse("select note from orders order by id")
        one.bind(portal="p")
        one.execute("p", 1)
        one.send(b"S")
        assert "D" in kinds(one.until("Z"))
        other.execute("p", 1)
        other.send(b"S")
        assert error_of(other.until("Z"))["C"] == "34000"


@pytest.mark.parametrize("text", [
    "create temp table orders (id int, note text)", "create temporary view orders as select 1 as id",
    "select * into temp orders from sales.orders", "create temp sequence s", "create table pg_temp.orders (id int)",
    "select * into pg_temp.orders from sales.orders",
    "create function pg_temp.f() returns int language sql as 'select 1'", "discard temp", "discard sequences",
])
def test_temporary_objects_are_not_made(two, text):
    one, other = two
    with contextlib.suppress(psycopg2.Error):
        one.execute(text)
    for cursor, tenant in zip(two, ("acme", "globex")):
        assert rows(cursor, "select note from orders where id = 1") == [(f"{tenant} note 1",)]
        assert refused(cursor, "select * from pg_temp.orders") in ("42501", "42P01")


@pytest.mark.parametrize("text", [
    "listen x", "notify x, 'from acme'", "select pg_notify('x', 'from acme')", "load 'auto_explain'",
    "select pg_advisory_lock(1)", "select pg_try_advisory_lock(1)", "select pg_advisory_lock_shared(1, 2)",
    "select pg_advisory_xact_lock(1)", "select nextval('s')", "select lastval()", "select currval('s')", "select setval('s', 1)",
    "select pg_export_snapshot()", "set transaction snapshot '00000003-0000001B-1'", "prepare transaction 'x'", "commit prepared 'x'",
    "lock table orders", "checkpoint", "select txid_current()", "select pg_current_xact_id()", "select setseed(0.5)",
])
def test_what_would_stay_with_the_server_session_is_refused(single, two, text):
    one, _ = two
    assert refused(one, text) in ("42501", "0A000", "42883")
    assert single.server.execute("select count(*) from pg_locks where locktype = 'advisory'") == [(0,)]
    assert single.server.execute("select count(*) from pg_prepared_xacts") == [(0,)]


def test_no_notification_reaches_a_client(single, two):
    one, _ = two
    for text in ("listen x", "unlisten x", "unlisten *", "notify x"):
        with contextlib.suppress(psycopg2.Error):
            one.execute(text)
    single.server.execute("select pg_notify('x', 'globex secret')", dbname="bi")
    rows(one, "select 1")
    one.connection.poll()
    assert one.connection.notifies == []


def test_an_open_transaction_makes_the_next_client_wait_not_join(single):
    with contextlib.closing(single.connect(autocommit=False)) as holder, contextlib.closing(single.connect("globex")) as other:
        first = holder.cursor()
        assert rows(first, "select note from orders where id = 1") == [("acme note 1",)]
        first.execute("insert into sales.orders (id, note) values (9001, 'acme uncommitted')")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiting = pool.submit(rows, other.cursor(), "select count(*), max(id) from orders")
            time.sleep(0.5)
            assert not waiting.done()
            holder.rollback()
            assert waiting.result(timeout=20) == [(300, 300)]
    assert single.query("select count(*) from orders where id = 9001") == [(0,)]


def test_a_failed_transaction_is_its_own_clients_problem(single):
    with contextlib.closing(single.connect(autocommit=False)) as failing, contextlib.closing(single.connect("globex")) as other:
        with pytest.raises(psycopg2.errors.DivisionByZero):
            failing.cursor().execute("select 1/0")
        failing.rollback()
        assert rows(other.cursor(), "select count(*) from orders") == [(300,)]


def test_a_client_that_vanishes_in_its_transaction_leaves_nothing(single):
    for i in range(5):
        with Wire(single) as client:
            client.send(b"Q", b"begin; insert into sales.orders (id, note) values (%d, 'gone'); declare c cursor for select 1\0" % (9100 + i))
            client.until("Z")
        with contextlib.closing(single.connect("globex")) as other:
            assert rows(other.cursor(), "select count(*), max(id) from orders") == [(300, 300)]
            assert refused(other.cursor(), "fetch 1 from c") == "34000"
    assert single.query("select count(*) from orders where note = 'gone'") == [(0,)]


def test_a_client_that_vanishes_in_its_result_leaves_no_row_for_the_next(single):
    for _ in range(5):
        client = Wire(single)
        client.send(b"Q", b"select note, repeat('a', 1000) from orders, generate_series(1, 100)\0")
        client.until("D")
        client.sock.close()
        assert single.query("select distinct left(note, 6) from orders", tenant="globex") == [("globex",)]


def test_transaction_modes_do_not_stay(two):
    one, other = two
    for text in ("begin read only", "begin isolation level serializable", "start transaction isolation level repeatable read"):
        with contextlib.suppress(psycopg2.Error):
            one.execute(text)
        with contextlib.suppress(psycopg2.Error):
            one.execute("rollback")
        assert rows(other, "show transaction_read_only") == [("off",)]
        assert rows(other, "show transaction isolation level") == [("read committed",)]


def test_the_same_text_in_a_shared_cache_keeps_tenants_apart(single):
    texts = ["select note from orders where id = 5", "select distinct left(note, 4) from shared.events",
             "select count(*), min(note) from shared.events", "select note from sales.orders order by id limit 1"]
    expected = {(text, tenant): single.native(text, tenant) for text in texts for tenant in ("acme", "globex")}

    def work(number):
        generator = random.Random(number)
        tenant = ("acme", "globex")[number % 2]
        with contextlib.closing(single.connect(tenant)) as connection, connection.cursor() as cursor:
            for _ in range(40):
                text = generator.choice(texts)
                assert rows(cursor, text) == expected[text, tenant]
        return True

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))


def test_many_clients_with_equal_statement_names_never_swap_answers(single):
    def work(number):
        tenant = ("acme", "globex")[number % 2]
        with Wire(single, tenant) as client:
            client.parse(f"select note || ' for {number}' from orders where id = $1::int", "s")
            client.send(b"S")
            assert kinds(client.until("Z")) == "1Z"
            for i in range(1, 40):
                client.bind("s", values=[str(i)])
                client.execute()
                client.send(b"S")
                messages = client.until("Z")
                assert kinds(messages) == "2DCZ", error_of(messages)
                assert messages[1][1].endswith(f"{tenant} note {i} for {number}".encode())
        return True

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))


def test_no_answer_goes_to_the_next_client_of_the_server(single):
    """PgBouncer 1.18 gives the server away when the last Query or Sync was answered, whatever was sent behind it: so
    nothing may be on its way behind one. The statement takes long, so that its rows would come to the next client."""
    slow = ("select note from sales.orders where id < 4 and "
            "(select count(*) from sales.orders a, sales.orders b, generate_series(1, 30)) > 0")
    foreign, ending = [], threading.Event()

    def look():
        with contextlib.suppress(EOFError, OSError):
            with Wire(single, "globex") as wire:
                while not ending.is_set():
                    wire.parse("select note from sales.orders where id < 4")
                    wire.bind()
                    wire.execute()
                    wire.send(b"S")
                    answers = wire.until("Z")
                    foreign.extend(body for kind, body in answers if kind == "D" and b"globex" not in body)
                return
        foreign.append("the session was lost")

    watchers = [threading.Thread(target=look, daemon=True) for _ in range(3)]  # so that the first query has to wait
    for watcher in watchers:
        watcher.start()
    with Wire(single) as wire:
        for first in (b"select 1\0", b"begin; commit\0", b"select * from t_globex.orders\0") * 2:
            wire.send(b"Q", first)
            wire.parse(slow)
            wire.bind()
            wire.execute()
            wire.send(b"H")
            time.sleep(0.5)
            wire.send(b"S")
            wire.until("Z")
            assert [body for kind, body in wire.until("Z") if kind == "D"] == [b"\0\1\0\0\0\x0bacme note %d" % i for i in (1, 2, 3)]
    ending.set()
    for watcher in watchers:
        watcher.join(20)
    assert not foreign


def logins(single):
    """Connections that the upstream has let in so far, of rowgate's login."""
    if single.kind == "pool":
        return single.server.log_text.count("connection authorized: user=rowgate ")
    return (single.bouncer.directory / "log").read_text().count("login attempt")


def test_the_next_client_gets_the_connection_that_the_last_one_left(single):
    before = logins(single)
    for i in range(20):
        tenant = ("acme", "globex")[i % 2]
        with contextlib.closing(single.connect(tenant)) as connection:
            cursor = connection.cursor()
            assert rows(cursor, "select note from orders where id = 1") == [(f"{tenant} note 1",)]
            assert rows(cursor, "show search_path") == [('sales',)] and rows(cursor, "show application_name") == [('',)]
            cursor.execute("set search_path = shared")
            cursor.execute("set application_name = 'left behind'")
    assert logins(single) - before <= 10  # one for each event loop, one for each reading of the catalogue


def leave_parse(client):
    client.parse("select note from sales.orders", "left")
    client.parse("select note from sales.orders")
    client.send(b"H")
    client.until("1")


def leave_error(client):
    client.parse("select 1/0")
    client.bind()
    client.execute()
    client.send(b"H")
    client.until("E")


LEFT = {
    "a transaction": lambda client: (client.send(b"Q", b"begin; select 1\0"), client.until("Z")),
    "a failed transaction": lambda client: (client.send(b"Q", b"begin; select 1/0\0"), client.until("Z")),
    "a batch without its end": leave_parse,
    "an error without its Sync": leave_error,
    "a running statement": lambda client: client.send(b"Q", b"select count(*) from sales.orders a, sales.orders b, sales.orders c\0"),
    "half a message": lambda client: client.sock.sendall(b"Q\0\0\1\0select"),
    "a copy": lambda client: (client.send(b"Q", b"copy (select * from sales.orders, generate_series(1, 10000)) to stdout\0"), client.until("H")),
    "nothing": lambda client: (client.send(b"Q", b"select 1\0"), client.until("Z"), client.send(b"X")),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_a_client_leaves_is_not_met_by_the_next(single, what):
    for _ in range(4):
        with Wire(single) as client:
            LEFT[what](client)
        with Wire(single, "globex") as other:
            other.send(b"Q", b"select note from orders where id = 1\0")
            messages = other.until("Z")
            assert kinds(messages) == "TDCZ" and messages[1][1].endswith(b"globex note 1") and messages[-1][1] == b"I"
            other.bind("left")
            other.send(b"S")
            assert error_of(other.until("Z"))["C"] == "26000"


def test_a_connection_that_was_cancelled_is_not_handed_on(single):
    """A cancel request may be late, and hit whoever has the connection then."""
    if single.kind == "pool":
        ended = lambda: logins(single)  # each is replaced
    else:
        ended = lambda: (single.bouncer.directory / "log").read_text().count("closing because: client close request")
    before = ended()
    for _ in range(8):
        with contextlib.closing(single.connect("globex")) as connection:
            cursor = connection.cursor()
            cursor.execute("set statement_timeout = '20ms'")
            assert refused(cursor, "select count(*) from generate_series(1, 2000000000)") == "57014"
        with contextlib.closing(single.connect()) as connection:
            assert rows(connection.cursor(), "select count(*) from orders") == [(300,)]
    stack_module.wait_for(lambda: ended() - before >= 8, "the end of each connection that was cancelled")
