# SPDX-License-Identifier: Apache-2.0
"""rowgate's own transaction pool (pool_mode = "transaction"): its queue, its bounds, and what happens to it when servers, clients and
configurations come and go. That nothing is handed on with a connection: test_pool_state.py."""
import concurrent.futures
import contextlib
import os
import signal
import struct
import threading
import time

import psycopg2
import psycopg2.errors
import pytest

import stack as stacks
from test_bad_upstream import ANSWER, LIES, PARAMETERS, READY, Cut, FakeServer, message, parameter
from test_bookkeeping import KINDS
from test_metrics import Metered
from test_operations import reload
from test_protocol import Wire, error_of, kinds

WORK = "select count(*) from sales.orders a, sales.orders b, generate_series(1, %d)"
IDLE = psycopg2.extensions.TRANSACTION_STATUS_IDLE


class Pooled(Metered):
    """One event loop, so that its share is the whole pool."""

    def __init__(self, pool=1, pooling="", **options):
        self.more = pooling
        super().__init__(kind="pool", pool=pool, own_kinds=KINDS, server_settings={"log_connections": "on"}, **options)

    def config_text(self, **changes):
        text = super().config_text(**changes)
        return text.replace("pool_size =", f"{self.more}\npool_size =", 1)

    def backends(self):
        """Of rowgate's login, but for the reader of the catalogue."""
        return [pid for pid, in self.server.execute("select pid from pg_stat_activity where usename = 'rowgate' "
                                                    "and query not like '%pg_catalog.pg_class%' order by 1")]

    def number(self, name):
        return self.admin.metrics().sum(f"rowgate_pool_{name}")

    def wait_number(self, name, wanted):
        stacks.wait_for(lambda: self.number(name) == wanted, f"{name} = {wanted}")


@pytest.fixture(scope="module")
def one():
    """A single connection."""
    with Pooled(pooling='query_wait_timeout = "2s"') as stack:
        yield stack


@pytest.fixture
def fresh(request):
    with Pooled(**getattr(request, "param", {})) as stack:
        yield stack


@contextlib.contextmanager
def holder(stack, tenant="acme"):
    """A client in an open transaction, which has a connection."""
    with contextlib.closing(stack.connect(tenant, autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from orders")
        yield connection


# ---- the queue ----

def test_a_statement_waits_for_a_connection_and_is_answered(one):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clients = [one.connect(tenant) for tenant in ("acme", "globex") * 2]
        with holder(one) as held:
            asked = [pool.submit(one_answer, client) for client in clients]
            one.wait_number("clients_waiting", 4)
            assert one.number("clients_active") == 1 and not any(question.done() for question in asked)
            held.commit()
            assert [question.result(30) for question in asked] == [("acme note 1",), ("globex note 1",)] * 2
        for client in clients:
            client.close()
    one.wait_number("clients_waiting", 0)
    one.wait_number("clients_active", 0)
    assert one.number("servers_idle") == 1


def one_answer(connection):
    with connection.cursor() as cursor:
        cursor.execute("select note from orders where id = 1")
        return cursor.fetchone()


def test_who_waits_too_long_is_told_and_goes_on(one):
    start = one.rowgate.log_path.stat().st_size
    with contextlib.closing(one.connect("globex")) as waiting, waiting.cursor() as cursor:
        with holder(one):
            with pytest.raises(psycopg2.errors.TooManyConnections) as caught:
                cursor.execute("select 1")
            assert "query_wait_timeout" in str(caught.value) and "acme" not in str(caught.value)
            assert waiting.info.transaction_status == IDLE
        cursor.execute("select note from orders where id = 1")
        assert cursor.fetchall() == [("globex note 1",)]
    event = one.rowgate.event("sql.pool.timeout", start)
    assert (event["tenant"], event["tenant_active"], event["active"]) == ("globex", 0, 1)
    denied = [record["unmapped"]["rg"] for record in one.audit_records() if record["unmapped"]["rg"].get("rule") == "limits.pool"]
    assert denied and denied[-1]["tenant"] == "globex"


def test_the_extended_protocol_goes_on_behind_a_refusal_too(one):
    with Wire(one, "globex") as wire:
        with holder(one):
            for part in ("parse", "bind", "execute"):
                getattr(wire, part)(*(["select note from orders where id = 1"] if part == "parse" else []))
            wire.send(b"S")
            answers = wire.until("Z")
            assert kinds(answers) == "EZ" and error_of(answers)["C"] == "53300" and answers[-1][1] == b"I"
            wire.send(b"S")
            assert kinds(wire.until("Z")) == "Z"  # a batch of nothing waits for nobody
        wire.parse("select note from orders where id = 1")
        wire.bind()
        wire.execute()
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "12DCZ"


def test_a_login_waits_too_and_is_told(one):
    with holder(one):
        with pytest.raises(psycopg2.OperationalError, match="query_wait_timeout"):
            one.connect("globex")
    assert one.query("select 1") == [(1,)]


def test_a_statement_is_cancelled_while_it_waits(one):
    with contextlib.closing(one.connect("globex")) as waiting, waiting.cursor() as cursor, holder(one):
        timer = threading.Timer(0.5, waiting.cancel)
        timer.start()
        began = time.monotonic()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute("select 1")
        assert time.monotonic() - began < 1.9 and one.number("clients_waiting") == 0
        timer.join()
    assert one.query("select count(*) from orders", tenant="globex") == [(300,)]


def test_a_client_that_goes_while_it_waits_takes_nothing(one):
    statements = len(statements_of(one, "globex"))
    with contextlib.ExitStack() as clients:
        wires = [clients.enter_context(Wire(one, "globex")) for _ in range(3)]
        with holder(one):
            for wire in wires:
                wire.send(b"Q", b"insert into orders (id) values (77001)\0")
            one.wait_number("clients_waiting", 3)
            began = time.monotonic()
            for wire in wires:
                wire.sock.close()
            one.wait_number("clients_waiting", 0)
            assert time.monotonic() - began < 1.5  # not because their time was over
    assert one.query("select count(*) from orders where id = 77001", tenant="globex") == [(0,)]
    more = statements_of(one, "globex")[statements:]
    assert len(more) == 1, more
    one.wait_number("clients_active", 0)


def statements_of(stack, tenant):
    records = [record["unmapped"]["rg"] for record in stack.audit_records()]
    return [record for record in records if record["kind"] == "statement" and record.get("tenant") == tenant]


def test_a_timeout_at_a_close_leaves_the_session(one):
    with Wire(one, "globex") as wire:
        wire.parse("select 1", "s1")
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "1Z"
        with holder(one):
            wire.send(b"C", b"Ss1\0")
            wire.send(b"S")
            answers = wire.until("Z")
            assert kinds(answers) == "EZ" and error_of(answers)["C"] == "53300"
        wire.send(b"Q", b"select 1\0")
        assert kinds(wire.until("Z")) == "TDCZ"


def test_a_copy_that_failed_gives_its_place_back(one):
    with Wire(one) as wire:
        wire.send(b"Q", b"copy orders (id, note) from stdin\0")
        wire.until("G")
        wire.send(b"d", b"notanumber\tx\n" * 20000)
        answers = wire.until("Z")
        assert kinds(answers) == "EZ" and error_of(answers)["C"] == "22P02" and answers[-1][1] == b"I"
        assert one.query("select note from orders where id = 1", tenant="globex") == [("globex note 1",)]
        wire.send(b"d", b"1\tlate\n")
        wire.send(b"c")
        wire.send(b"Q", b"select 1\0")
        assert kinds(wire.until("Z")) == "TDCZ"


# ---- bounds ----

@pytest.mark.parametrize("fresh", [{"pool": 3, "pooling": "pool_per_tenant = 2"}], indirect=True)
def test_a_tenant_has_its_share_and_no_more(fresh):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with holder(fresh), holder(fresh), contextlib.closing(fresh.connect("globex")) as other:
            third = pool.submit(fresh.query, "select count(*) from orders")
            fresh.wait_number("clients_waiting", 1)
            for _ in range(20):
                assert one_answer(other) == ("globex note 1",)
            assert not third.done() and len(fresh.backends()) <= 3
            with holder(fresh, "globex"):  # now all three are in use
                assert fresh.number("clients_active") == 3
        assert third.result(30) == [(300,)]


@pytest.mark.parametrize("fresh", [{"pool": 2}], indirect=True)
def test_a_quiet_tenant_is_served_between_the_statements_of_a_noisy_one(fresh):
    """Twenty clients of one tenant never cease to ask: another's statement waits for one of theirs and not for twenty."""
    ending = threading.Event()

    def ask_on():
        count = 0
        with contextlib.closing(fresh.connect()) as connection, connection.cursor() as cursor:
            while not ending.is_set():
                cursor.execute("select count(*) from orders a, orders b where a.id < 100")
                count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        noisy = [pool.submit(ask_on) for _ in range(20)]
        with contextlib.closing(fresh.connect("globex")) as quiet:
            fresh.wait_number("clients_waiting", 18)
            before = sum_of_statements(fresh)
            for _ in range(30):
                assert one_answer(quiet) == ("globex note 1",)
            between = sum_of_statements(fresh) - before
        ending.set()
        assert all(question.result(60) > 0 for question in noisy)
    assert between < 30 * 8, between  # of the others', for thirty: in one queue for all it would be twenty each


def test_a_client_that_sends_ahead_lets_others_in_between(one):
    """Twenty statements are always on their way: without a moment between two of them nobody else would have the connection."""
    ending, sent = threading.Event(), b"select count(*) from orders a, orders b\0"
    with Wire(one) as wire:
        for _ in range(20):
            wire.send(b"Q", sent)

        def ask_on():
            while not ending.is_set():
                wire.until("Z")
                wire.send(b"Q", sent)

        asking = threading.Thread(target=ask_on)
        asking.start()
        try:
            for _ in range(5):
                assert one.query("select note from orders where id = 1", tenant="globex") == [("globex note 1",)]
        finally:
            ending.set()
            asking.join(30)
        for _ in range(20):
            assert kinds(wire.until("Z")) == "TDCZ"


def sum_of_statements(stack):
    return stack.admin.metrics().sum("rowgate_statements_total")


@pytest.mark.parametrize("fresh", [{"pool": 4}], indirect=True)
def test_a_hundred_clients_share_four_connections(fresh):
    def work(number):
        tenant = "globex" if number % 40 == 0 else "acme"
        with contextlib.closing(fresh.connect(tenant)) as connection, connection.cursor() as cursor:
            for i in range(1, 6):
                cursor.execute("select note from orders where id = %s", (i,))
                assert cursor.fetchall() == [(f"{tenant} note {i}",)]
                cursor.execute("begin")
                cursor.execute("select count(*) from orders")
                assert cursor.fetchall() == [(300,)]
                cursor.execute("commit")
        return True

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert all(pool.map(work, range(100)))
    assert len(fresh.backends()) <= 4
    assert fresh.server.log_text.count("connection authorized: user=rowgate ") <= 8  # and those of the catalogue's reader
    assert fresh.audit_verify().returncode == 0


@pytest.mark.parametrize("fresh", [{"pool": 5, "workers": 3}], indirect=True)
def test_event_loops_share_the_size(fresh):
    """Whichever loop a client is on: all places are anybody's, and there are no more of them than were asked for."""
    with contextlib.closing(fresh.connect("globex")) as late, concurrent.futures.ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as held:
        for _ in range(5):
            held.enter_context(holder(fresh))
        assert len(fresh.backends()) == 5
        asked = pool.submit(one_answer, late)
        fresh.wait_number("clients_waiting", 1)
        held.close()
        assert asked.result(timeout=30) == ("globex note 1",)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(lambda _: fresh.query(WORK % 3)[0][0], range(40))) == {270000}
    assert len(fresh.backends()) <= 5


@pytest.mark.parametrize("fresh", [{"pool": 1, "workers": 3}], indirect=True)
def test_one_connection_goes_round_the_loops(fresh):
    def work(number):
        tenant = "globex" if number % 8 == 0 else "acme"
        with contextlib.closing(fresh.connect(tenant)) as connection:
            return [one_answer(connection) for _ in range(5)] == [(f"{tenant} note 1",)] * 5

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))
    assert len(fresh.backends()) <= 1
    assert fresh.audit_verify().returncode == 0


# ---- servers that go ----

@pytest.mark.parametrize("fresh", [{"pool": 3}], indirect=True)
def test_a_restart_of_the_server_costs_no_statement_outside_of_transactions(fresh):
    with contextlib.ExitStack() as clients:
        connections = [clients.enter_context(contextlib.closing(fresh.connect(tenant))) for tenant in ("acme", "globex") * 3]
        for connection in connections:
            one_answer(connection)
        fresh.server._end_process()
        assert fresh.server._launch()
        for connection, tenant in zip(connections, ("acme", "globex") * 3):
            assert one_answer(connection) == (f"{tenant} note 1",)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:  # asked while there is no server
            fresh.server._end_process()
            asked = [pool.submit(one_answer, connection) for connection in connections[:2]]
            time.sleep(1)
            assert fresh.server._launch()
            assert [question.result(30) for question in asked] == [("acme note 1",), ("globex note 1",)]


@contextlib.contextmanager
def stopped(stack):
    """rowgate stands still: what the server says meanwhile comes in one piece."""
    processes = [stack.rowgate.process.pid, *stack.rowgate.children().values()]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def end_backend_after(stack, pid):
    stacks.wait_for(lambda: stack.server.execute(f"select count(*) from pg_stat_activity where pid = {pid} and state like 'idle%'") == [(1,)],
                    "the statement's end", 60)
    stack.server.execute(f"select pg_terminate_backend({pid})")
    time.sleep(0.3)


def test_a_braked_client_goes_on_when_its_server_ends_behind_an_answer(fresh):
    with concurrent.futures.ThreadPoolExecutor(1) as pool, Wire(fresh) as wire, contextlib.closing(fresh.connect("globex")) as other:
        wire.send(b"Q", (WORK % 300 + "\0").encode())
        waiting = pool.submit(one_answer, other)
        fresh.wait_number("clients_waiting", 1)
        wire.send(b"Q", b"select note from orders where id = 1\0")
        time.sleep(0.2)
        pid = fresh.server.execute("select pid from pg_stat_activity where usename = 'rowgate' and query like '%generate_series%'")[0][0]
        with stopped(fresh):
            end_backend_after(fresh, pid)
        assert kinds(wire.until("Z")) == "TDCZ" and kinds(wire.until("Z")) == "TDCZ"
        assert waiting.result(30) == ("globex note 1",)
    fresh.wait_number("clients_active", 0)


def test_a_copy_that_fails_right_before_its_server_ends_harms_nobody(fresh):
    fresh.server.execute("create unique index on t_acme.orders (id)", dbname="bi")
    gateway = fresh.rowgate.gateway
    with contextlib.closing(fresh.server.connect(dbname="bi", autocommit=False)) as blocker, blocker.cursor() as cursor, Wire(fresh) as wire:
        cursor.execute("insert into t_acme.orders (id) values (900001)")
        wire.send(b"Q", b"copy orders (id, note) from stdin\0")
        wire.until("G")
        wire.send(b"d", b"".join(b"%d\tx\n" % (900001 + i) for i in range(3000)))
        blocked = lambda: fresh.server.execute("select pid from pg_stat_activity where usename = 'rowgate' and wait_event_type = 'Lock'")
        stacks.wait_for(lambda: len(blocked()) == 1, "the lock")
        pid = blocked()[0][0]
        with stopped(fresh):
            blocker.commit()
            end_backend_after(fresh, pid)
        answers = wire.until("Z")
        assert kinds(answers) == "EZ" and error_of(answers)["C"] == "23505"
        wire.send(b"d", b"1\tlate\n")
        wire.send(b"c")
        wire.send(b"Q", b"select 1\0")
        assert kinds(wire.until("Z")) == "TDCZ"
    assert fresh.rowgate.gateway == gateway


def test_a_transaction_that_loses_its_server_is_lost_and_the_place_is_not(one):
    with holder(one) as held:
        one.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
        with pytest.raises(psycopg2.Error):
            with held.cursor() as cursor:
                cursor.execute("select 1")
    assert one.query("select count(*) from orders", tenant="globex") == [(300,)]


def test_a_server_that_cannot_be_reached_is_told_and_the_place_given_back(fresh):
    with contextlib.closing(fresh.connect()) as connection:
        one_answer(connection)
        fresh.server._end_process()
        with pytest.raises(psycopg2.OperationalError) as caught:
            one_answer(connection)
        assert caught.value.pgcode == "08006" and not connection.closed
        assert fresh.number("clients_active") == 0
        assert fresh.server._launch()
        assert one_answer(connection) == ("acme note 1",)


def test_a_cancelled_connection_is_not_handed_on(one):
    before = one.backends()
    with contextlib.closing(one.connect()) as connection, connection.cursor() as cursor:
        timer = threading.Timer(0.3, connection.cancel)
        timer.start()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute(WORK % 100000)
        timer.join()
        assert one.query("select count(*) from orders", tenant="globex") == [(300,)]
        assert one_answer(connection) == ("acme note 1",)
    assert one.backends() != before


@pytest.mark.parametrize("fresh", [{"pool": 2, "pooling": 'server_idle_timeout = "500ms"'}], indirect=True)
def test_an_idle_connection_is_closed_in_time(fresh):
    fresh.query("select 1")
    fresh.wait_number("servers_idle", 0)
    assert fresh.backends() == [] and fresh.admin.metrics().sum("rowgate_upstream_connections") == 0


@pytest.mark.parametrize("fresh", [{"pool": 2, "pooling": 'server_lifetime = "1s"'}], indirect=True)
def test_an_old_connection_is_closed_when_it_is_given_back(fresh):
    with contextlib.closing(fresh.connect()) as connection:
        one_answer(connection)
        before = fresh.backends()
        time.sleep(1.2)
        one_answer(connection)
        assert fresh.backends() != before


# ---- connections before they are asked for, and more than there should be ----

def wait_backends(stack, count):
    stacks.wait_for(lambda: len(stack.backends()) == count, f"{count} connections")


@pytest.mark.parametrize("fresh", [{"pool": 5, "workers": 2, "pooling": 'min_pool_size = 3\nserver_idle_timeout = "1s"'}], indirect=True)
def test_the_least_is_there_before_anybody_asks_and_again_when_it_went(fresh):
    wait_backends(fresh, 3)
    before = fresh.backends()
    with holder(fresh), holder(fresh), holder(fresh), holder(fresh), holder(fresh):
        wait_backends(fresh, 5)  # nobody waits for what is only kept; the process of a connection that was lent ends a moment later
    wait_backends(fresh, 3)
    time.sleep(1.5)
    assert len(fresh.backends()) == 3  # idle for longer than others may be
    fresh.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
    stacks.wait_for(lambda: len(fresh.backends()) == 3 and not set(before) & set(fresh.backends()), "three new ones")
    assert fresh.query("select count(*) from orders") == [(300,)]
    reload(fresh, fresh.config_text().replace("min_pool_size = 3", "min_pool_size = 0"), "policy.reloaded")
    wait_backends(fresh, 0)


@pytest.mark.parametrize("fresh", [{"pool": 4, "workers": 2, "pooling": "min_pool_size = 4"}], indirect=True)
def test_the_least_is_of_the_size_whichever_loop_has_the_clients(fresh):
    wait_backends(fresh, 4)
    for _ in range(4):
        with contextlib.ExitStack() as held:
            for _ in range(4):
                held.enter_context(holder(fresh))
                assert len(fresh.backends()) <= 4
            time.sleep(1.2)  # for a look at the least
            assert len(fresh.backends()) <= 4
    wait_backends(fresh, 4)


def serves(stack):
    try:
        return stack.server.execute("select 1") == [(1,)]
    except psycopg2.OperationalError:
        return False


@pytest.mark.parametrize("fresh", [{"pool": 2, "pooling": "min_pool_size = 2"}], indirect=True)
def test_a_server_that_is_away_is_tried_quietly(fresh):
    wait_backends(fresh, 2)
    fresh.server._end_process()
    time.sleep(3)
    assert fresh.server._launch()
    stacks.wait_for(lambda: serves(fresh) and len(fresh.backends()) == 2, "2 connections")
    told = [line for line in fresh.rowgate.log_path.read_text().splitlines() if "sql.upstream.unavailable" in line]
    assert len(told) <= 1 and "s3cret" not in "".join(told)


@pytest.mark.parametrize("fresh", [{"pool": 1, "pooling": 'reserve_pool_size = 1\nreserve_pool_timeout = "1s"\nquery_wait_timeout = "4s"'}], indirect=True)
def test_the_reserve_is_for_those_who_waited_long(fresh):
    with contextlib.ExitStack() as clients:
        waiting, patient = (clients.enter_context(contextlib.closing(fresh.connect())) for _ in range(2))
        with concurrent.futures.ThreadPoolExecutor(2) as pool, holder(fresh):
            assert one_answer(waiting) == ("acme note 1",)  # a second later
            assert len(fresh.backends()) <= 2
            with holder(fresh, "globex"):  # has the reserve: there is no more
                assert len(fresh.backends()) == 2
                with pytest.raises(psycopg2.errors.TooManyConnections):
                    one_answer(patient)
                assert len(fresh.backends()) == 2
            asked = pool.submit(one_answer, patient)
            assert asked.result(timeout=30) == ("acme note 1",)
        fresh.wait_number("clients_active", 0)
        stacks.wait_for(lambda: len(fresh.backends()) <= 1, "the reserve given back")
        assert one_answer(waiting) == ("acme note 1",)
        assert len(fresh.backends()) == 1


# ---- connections that went without a word ----

@contextlib.contextmanager
def deaf(stack):
    """The server's processes of the idle connections do not answer."""
    pids = stack.backends()
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


CHECKED = {"pool": 2, "pooling": 'server_check_delay = "500ms"'}


@pytest.mark.parametrize("fresh", [CHECKED], indirect=True)
def test_what_was_long_idle_is_asked_and_used(fresh):
    with contextlib.closing(fresh.connect()) as connection:
        one_answer(connection)
        before = fresh.backends()
        time.sleep(0.7)
        assert one_answer(connection) == ("acme note 1",)
        assert fresh.backends() == before
        with contextlib.closing(fresh.connect("globex")) as other:
            assert one_answer(other) == ("globex note 1",)
    told = [record for record in fresh.audit_records() if "search_path" in str(record)]
    assert not told  # nobody's statement


@pytest.mark.parametrize("fresh", [CHECKED], indirect=True)
def test_what_does_not_answer_is_replaced_and_no_write_is_lost_or_done_twice(fresh):
    with contextlib.closing(fresh.connect()) as connection, contextlib.closing(fresh.connect()) as second, connection.cursor() as cursor:
        with holder(fresh):
            one_answer(connection)
        before = fresh.backends()
        time.sleep(0.7)
        with deaf(fresh):
            cursor.execute("insert into orders (id) values (99001)")
            assert one_answer(second) == ("acme note 1",)
            assert not set(before) & {pid for pid, in fresh.server.execute(
                "select pid from pg_stat_activity where usename = 'rowgate' and state = 'idle' and backend_start > now() - interval '4 s'")}
            with contextlib.closing(fresh.connect("globex")) as late:  # so does a login
                assert one_answer(late) == ("globex note 1",)
    assert fresh.server.execute("select count(*) from t_acme.orders where id = 99001", dbname="bi") == [(1,)]
    assert fresh.audit_verify().returncode == 0


@pytest.mark.parametrize("fresh", [CHECKED], indirect=True)
def test_one_that_ends_while_it_is_asked_is_replaced_at_once(fresh):
    with contextlib.closing(fresh.connect()) as connection, concurrent.futures.ThreadPoolExecutor(1) as pool:
        one_answer(connection)
        time.sleep(0.7)
        with deaf(fresh):
            asked = pool.submit(one_answer, connection)
            time.sleep(0.5)
            fresh.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
        assert asked.result(timeout=4) == ("acme note 1",)


@pytest.mark.parametrize("fresh", [CHECKED], indirect=True)
def test_a_cancel_request_hits_the_statement_and_not_the_question(fresh):
    with contextlib.closing(fresh.connect()) as connection, concurrent.futures.ThreadPoolExecutor(1) as pool:
        one_answer(connection)
        before = fresh.backends()
        time.sleep(0.7)
        with deaf(fresh):
            asked = pool.submit(one_answer, connection)
            time.sleep(0.5)
            connection.cancel()
            time.sleep(0.5)
        with pytest.raises(psycopg2.errors.QueryCanceled):
            asked.result(timeout=4)
        assert one_answer(connection) == ("acme note 1",)
        assert fresh.backends() == before


@pytest.mark.parametrize("fresh", [CHECKED | {"workers": 1}], indirect=True)
def test_what_was_judged_before_the_question_is_judged_again_behind_it(fresh):
    with contextlib.closing(fresh.connect()) as connection, concurrent.futures.ThreadPoolExecutor(1) as pool, connection.cursor() as cursor:
        one_answer(connection)
        time.sleep(0.7)
        with deaf(fresh):
            asked = pool.submit(cursor.execute, "insert into orders (id) values (99002)")
            time.sleep(0.5)
            reload(fresh, fresh.config_text().replace(KINDS, '["select"]'), "policy.reloaded")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                asked.result(timeout=30)
    assert fresh.server.execute("select count(*) from t_acme.orders where id = 99002", dbname="bi") == [(0,)]
    assert fresh.audit_verify().returncode == 0


class Lying(Pooled):
    """Its server answers the question whether it is there with a lie."""

    def __init__(self):
        self.fake, self.lie = FakeServer(), b""
        self.fake.script = lambda kind: self.lie if b"search_path" in self.fake.bodies[-1] else ANSWER if kind == b"Q" else b""
        super().__init__(**CHECKED)

    def dsn(self):
        return f"host=127.0.0.1 port={self.fake.port} dbname=bi user=rowgate sslmode=disable"

    def __exit__(self, *rest):
        super().__exit__(*rest)
        self.fake.stop()


def test_what_answers_the_question_with_something_else_is_replaced():
    lies = [LIES[name] for name in ("an unknown message", "changed strings", "ParseComplete", "an empty ready")]
    lies += [ANSWER, message(b"E", b"SERROR\0C57014\0Mcanceled\0\0") + READY, Cut(b"")]
    with Lying() as stack, concurrent.futures.ThreadPoolExecutor(len(lies)) as pool:
        with contextlib.closing(stack.connect()) as connection:
            for stack.lie in lies:
                one_value(connection)
                time.sleep(0.7)
                assert pool.submit(one_value, connection).result(timeout=4) == ("value",), stack.lie
                time.sleep(0.7)
                with contextlib.closing(pool.submit(stack.connect, "globex").result(timeout=4)) as late:  # so does a login
                    assert one_value(late) == ("value",)
        assert stack.audit_verify().returncode == 0


class Leaving(FakeServer):
    """Lets each in and ends behind the greeting."""

    logins = 0

    def serve(self, connection):
        self.logins += 1
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(message(b"R", b"\0\0\0\0") + b"".join(parameter(*item) for item in PARAMETERS.items()) +
                               message(b"K", struct.pack("!ii", 1, 2)) + READY)


def test_a_server_that_ends_each_connection_is_not_asked_without_an_end():
    with Lying() as stack:
        leaving = Leaving()
        text = stack.config_text().replace(str(stack.fake.port), str(leaving.port)).replace("pool_size =", "min_pool_size = 2\npool_size =")
        reload(stack, text, "policy.reloaded")
        time.sleep(3)
        leaving.stop()
        assert 2 <= leaving.logins < 30  # with the reader's of the catalogue


def one_value(connection):
    with connection.cursor() as cursor:
        cursor.execute("select 'x'")
        return cursor.fetchone()


# ---- configurations ----

def test_a_reload_changes_the_size_and_keeps_what_the_same_dsn_opened(fresh):
    with holder(fresh) as held:
        before = fresh.backends()
        reload(fresh, fresh.config_text().replace("pool_size = 1", "pool_size = 2"), "policy.reloaded")
        assert fresh.query("select count(*) from orders", tenant="globex") == [(300,)]  # the second one
        held.commit()
    fresh.wait_number("clients_active", 0)
    assert set(before) <= set(fresh.backends())
    with holder(fresh), holder(fresh, "globex"):
        assert fresh.number("clients_active") == 2


def test_a_reload_drops_what_another_dsn_opened_idle_or_in_use(fresh):
    changed = fresh.config_text().replace("user=rowgate", "user=rowgate application_name=other").replace("pool_size = 1", "pool_size = 2")
    with holder(fresh) as held:
        before = fresh.backends()
        reload(fresh, changed, "policy.reloaded")
        held.commit()
    fresh.wait_number("clients_active", 0)
    assert fresh.query("select count(*) from orders") == [(300,)]
    assert not set(before) & set(fresh.backends())
    idle = fresh.backends()
    assert fresh.server.execute(f"select application_name from pg_stat_activity where pid = {idle[0]}") == [("other",)]
    reload(fresh, fresh.config_text(), "policy.reloaded")
    assert fresh.query("select count(*) from orders") == [(300,)]
    assert not set(idle) & set(fresh.backends())


def test_a_reload_that_ends_the_pool_leaves_each_session_its_own_connection(fresh):
    with contextlib.closing(fresh.connect()) as connection:
        one_answer(connection)
        text = fresh.config_text()
        plain = "\n".join(line for line in text.splitlines() if not line.startswith("pool_"))
        reload(fresh, plain, "policy.reloaded")
        with holder(fresh), holder(fresh, "globex"):
            assert one_answer(connection) == ("acme note 1",)
            assert len(fresh.backends()) == 3
        reload(fresh, text, "policy.reloaded")
        assert one_answer(connection) == ("acme note 1",)
        assert fresh.query("select 1") == [(1,)]


def test_who_had_a_connection_of_its_own_joins_the_pool_after_a_reload(fresh):
    text = fresh.config_text()
    reload(fresh, "\n".join(line for line in text.splitlines() if not line.startswith("pool_")), "policy.reloaded")
    with contextlib.ExitStack() as clients:
        connections = [clients.enter_context(contextlib.closing(fresh.connect())) for _ in range(4)]
        for connection in connections:
            one_answer(connection)
        assert len(fresh.backends()) == 4
        reload(fresh, text, "policy.reloaded")
        for connection in connections:
            assert one_answer(connection) == ("acme note 1",)
        assert len(fresh.backends()) == 1


def test_what_is_refused_behind_its_wait_gives_its_place_back(fresh):
    with contextlib.closing(fresh.connect("globex")) as waiting, concurrent.futures.ThreadPoolExecutor(1) as pool:
        with holder(fresh) as held:
            asked = pool.submit(one_answer, waiting)
            fresh.wait_number("clients_waiting", 1)
            reload(fresh, fresh.config_text().replace('sales = "t_globex"', 'sales = "t_nothing"'), "policy.reloaded")
            time.sleep(1)
            held.commit()
            with pytest.raises(psycopg2.Error):
                asked.result(30)
        fresh.wait_number("clients_active", 0)
        assert fresh.query("select count(*) from orders") == [(300,)]


def test_a_write_on_record_that_waits_again_is_judged_again(fresh):
    """Its connection goes while it waits for its record; while it waits for another one, its tenant's schema is changed."""
    with Wire(fresh) as writing, Wire(fresh, "globex") as other:
        for wire in (writing, other):
            wire.send(b"Q", b"select 1\0")
            wire.until("Z")
        auditor = fresh.rowgate.auditor
        os.kill(auditor, signal.SIGSTOP)
        try:
            writing.send(b"Q", b"insert into orders (id) values (88001)\0")
            fresh.wait_number("clients_active", 1)
            other.send(b"Q", b"begin; select 2\0")
            fresh.wait_number("clients_waiting", 1)
            fresh.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
            fresh.wait_number("clients_waiting", 0)
        finally:
            os.kill(auditor, signal.SIGCONT)
        assert kinds(other.until("Z")) == "CTDCZ"
        fresh.wait_number("clients_waiting", 1)
        reload(fresh, fresh.config_text().replace('sales = "t_acme" }', 'sales = "t_nothing" }'), "policy.reloaded")
        time.sleep(1)
        other.send(b"Q", b"commit\0")
        other.until("Z")
        assert kinds(writing.until("Z")) == "EZ"
    assert fresh.server.execute("select count(*) from t_acme.orders where id = 88001", dbname="bi") == [(0,)]
    told = [record for record in fresh.audit_records() if "judged again" in str(record)]
    assert [record["unmapped"]["rg"]["phase"] for record in told] == ["outcome"]
    assert fresh.audit_verify().returncode == 0


def test_a_token_that_expires_during_the_wait_opens_nothing(fresh):
    short = fresh.idp.token(tenant="globex", ttl=4)
    with contextlib.closing(fresh.connect("globex", password=short)) as waiting, concurrent.futures.ThreadPoolExecutor(1) as pool:
        with holder(fresh) as held:
            asked = pool.submit(one_answer, waiting)
            fresh.wait_number("clients_waiting", 1)
            time.sleep(6)
            held.commit()
            with pytest.raises(psycopg2.Error):
                asked.result(30)
    fresh.wait_number("clients_active", 0)


def test_what_waits_during_a_reload_is_judged_by_the_new_configuration(fresh):
    """The tenant's schema and the upstream's login change while its statements wait: none runs with one old and the other new."""
    sql = stacks.SCHEMA.format(schema="t_acme2", tenant="moved", rows=10)
    sql += f"create role rowgate2 login password '{stacks.PASSWORD}'; alter role rowgate2 set search_path = pg_catalog;"
    sql += "grant usage on schema t_acme, t_acme2, t_globex, shared, t_acme_service to rowgate, rowgate2;"
    sql += "grant select on all tables in schema t_acme, t_acme2, t_globex, shared to rowgate, rowgate2;"
    sql += "revoke all on t_acme2.orders from rowgate; revoke all on t_acme.orders from rowgate2;"
    assert fresh.server.psql("-q", stdin=sql, dbname="bi").returncode == 0
    text = fresh.config_text().replace("user=rowgate ", "user=rowgate2 ").replace('sales = "t_acme"', 'sales = "t_acme2"')
    with contextlib.ExitStack() as clients, concurrent.futures.ThreadPoolExecutor(4) as pool:
        connections = [clients.enter_context(contextlib.closing(fresh.connect(tenant))) for tenant in ("acme", "acme", "globex", "acme")]
        with holder(fresh) as held:
            asked = []
            for number, connection in enumerate(connections[:2]):
                asked.append(pool.submit(one_answer, connection))
                fresh.wait_number("clients_waiting", number + 1)
            reload(fresh, text, "policy.reloaded")
            time.sleep(1)  # for the catalogue to be read with the new login
            for number, connection in enumerate(connections[2:]):
                asked.append(pool.submit(one_answer, connection))
                fresh.wait_number("clients_waiting", number + 3)
            held.commit()
            assert [question.result(30) for question in asked] == [("moved note 1",)] * 2 + [("globex note 1",), ("moved note 1",)]


def test_a_drain_lets_transactions_end(fresh):
    with holder(fresh) as held:
        fresh.rowgate.signal(signal.SIGTERM)
        time.sleep(0.3)
        with held.cursor() as cursor:
            cursor.execute("select note from orders where id = 1")
            assert cursor.fetchall() == [("acme note 1",)]
        held.commit()
    assert fresh.rowgate.process.wait(20) == 0
    fresh.rowgate.process = None
