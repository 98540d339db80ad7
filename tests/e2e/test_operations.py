# SPDX-License-Identifier: Apache-2.0
"""Reload, drain, lost upstreams: what operators do and what breaks under them."""
import contextlib
import signal
import threading
import time

import psycopg2
import pytest

import stack as stacks


@pytest.fixture(scope="module")
def own():
    with stacks.Stack() as stack:
        yield stack


def reload(stack, text, event):
    start = stack.rowgate.log_path.stat().st_size
    stack.rowgate.config.write_text(text)
    stack.rowgate.signal(signal.SIGHUP)
    stacks.wait_for(lambda: stack.rowgate.event(event, start), event)
    return list(stack.rowgate.events(start))


def test_a_bad_file_changes_nothing_and_says_where(own):
    good = own.config_text()
    bad = good.replace('using = "tenant_id = :tenant_id"', 'using = "tenant_id = :tenant"').replace("rows = 1000\n", "rowz = 1000\n")
    events = reload(own, bad, "policy.reload_failed")
    findings = [event for event in events if event["event"] == "config.finding"]
    assert len(findings) >= 2 and all(finding["line"] > 0 and finding["column"] > 0 for finding in findings)
    assert own.query("select count(*) from shared.events") == [(1000,)]
    reload(own, good, "policy.reloaded")


def test_a_new_policy_holds_for_the_next_statement_of_an_open_session(own):
    with contextlib.closing(own.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("prepare p as select count(*) from shared.events")
        cursor.execute("select count(*) from shared.events")
        assert cursor.fetchall() == [(1000,)]
        narrowed = own.config_text().replace('using = "tenant_id = :tenant_id"', 'using = "tenant_id = :tenant_id and id < 100"')
        reload(own, narrowed, "policy.reloaded")
        cursor.execute("select count(*) from shared.events")
        assert cursor.fetchall()[0][0] < 100
        cursor.execute("execute p")
        assert cursor.fetchall()[0][0] < 100
        removed = own.config_text().replace('on = ["shared.events"]', 'on = ["shared.other"]')
        reload(own, removed, "policy.reloaded")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("execute p")
        assert caught.value.pgcode == "42501"
        reload(own, own.config_text(), "policy.reloaded")
    assert any("policy" in str(record).lower() for record in own.audit_records())


TRIED = """
[[tests]]
name = "a tenant sees its own rows only"
as = { tenant = "acme" }
sql = "select * from shared.events"
expect = "rewrite"
contains = ["WANTED"]
"""


def test_a_strict_reload_takes_no_policy_that_fails_its_own_tests(own):
    good = own.config_text()
    strict = good.replace("[server]\n", "[server]\nstrict_reload = true\n", 1)
    assert strict != good
    tried = TRIED.replace("WANTED", f"tenant_id = '{stacks.TENANTS['acme']}'")
    reload(own, strict + tried, "policy.reloaded")
    assert own.query("select count(*) from shared.events") == [(1000,)]
    widened = strict.replace('using = "tenant_id = :tenant_id"', 'using = "id > 0"')
    assert widened != strict
    events = reload(own, widened + tried, "policy.reload_failed")
    (finding,) = [event for event in events if event["event"] == "config.finding"]
    assert "a tenant sees its own rows only" in finding["text"] and finding["line"] > 0
    assert own.query("select count(*) from shared.events") == [(1000,)]
    lax = widened.replace("strict_reload = true\n", "")
    reload(own, lax + tried, "policy.reloaded")
    reload(own, good, "policy.reloaded")


def test_a_removed_tenant_loses_its_open_session(own):
    with contextlib.closing(own.connect("globex")) as connection, connection.cursor() as cursor:
        cursor.execute("select 1")
        text = own.config_text().replace('id = "globex"\nmatch', 'id = "globex"\nfrozen = true\nmatch')
        reload(own, text, "policy.reloaded")
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("select 1")
        assert "28000" in str(caught.value.pgcode or caught.value) or connection.closed
        reload(own, own.config_text(), "policy.reloaded")


def test_a_lost_upstream_ends_busy_sessions_and_spares_idle_ones(own):
    busy, idle = own.connect(), own.connect()
    cursor = idle.cursor()
    cursor.execute("select 1")
    failures = []

    def run():
        try:
            busy.cursor().execute("select count(*) from generate_series(1, 2000000000)")
        except psycopg2.Error as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.7)
    own.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
    thread.join(timeout=30)
    assert failures and not thread.is_alive()
    time.sleep(0.3)
    cursor.execute("select 2")  # opened again behind the scenes
    assert cursor.fetchall() == [(2,)]


def test_a_refusing_upstream_gives_a_clear_error_and_recovers():
    with stacks.Stack(workers=1) as stack:
        idle = stack.connect()
        stack.server._end_process()
        time.sleep(0.3)
        with pytest.raises(psycopg2.Error) as caught:
            idle.cursor().execute("select 1")
        assert "cannot be reached" in str(caught.value)
        with pytest.raises(psycopg2.OperationalError) as refused:
            stack.connect()
        assert "cannot be reached" in str(refused.value)
        assert "upstream-secret" not in str(refused.value)
        assert stack.server._launch()
        with idle.cursor() as cursor:
            cursor.execute("select 3")
            assert cursor.fetchall() == [(3,)]


def test_sigterm_drains_and_a_second_one_stops():
    with stacks.Stack() as stack:
        idle = stack.connect()
        busy = stack.connect(autocommit=False)
        cursor = busy.cursor()
        cursor.execute("select 1")
        stack.rowgate.signal(signal.SIGTERM)
        time.sleep(0.7)
        with pytest.raises(psycopg2.Error):
            idle.cursor().execute("select 1")
        cursor.execute("select count(*) from sales.orders")  # the open transaction may end
        assert cursor.fetchall() == [(stack.rows,)]
        with pytest.raises(psycopg2.OperationalError):
            stack.connect()
        busy.commit()
        assert stack.rowgate.process.wait(timeout=10) == 0
        assert stack.audit_verify().returncode == 0
        stack.rowgate.start()
        held = stack.connect(autocommit=False)
        held.cursor().execute("select 1")
        stack.rowgate.signal(signal.SIGTERM)
        time.sleep(0.3)
        stack.rowgate.signal(signal.SIGTERM)
        assert stack.rowgate.process.wait(timeout=3) == 0
        assert stack.audit_verify().returncode == 0


def test_slow_and_silent_clients_do_not_disturb_others(own):
    import socket
    silent = [socket.create_connection(("127.0.0.1", own.rowgate.port)) for _ in range(50)]
    start = time.monotonic()
    assert own.query("select 1") == [(1,)]
    assert time.monotonic() - start < 5
    for sock in silent:
        sock.close()


def test_a_pooled_login_that_would_look_into_other_schemas_is_refused():
    with stacks.Stack(kind="pgbouncer", pins_search_path=False) as stack:
        with pytest.raises(psycopg2.OperationalError) as refused:
            stack.connect()
        assert "cannot be reached" in str(refused.value)
        assert "search_path" in stack.rowgate.event("sql.upstream.rejected")["reason"]
        stack.server.execute("ALTER ROLE rowgate SET search_path = pg_catalog")
        stack.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
        time.sleep(0.3)
        assert stack.query("select 1") == [(1,)]


def test_the_log_is_json_lines(own):
    import json
    for line in own.rowgate.log_path.read_text().splitlines():
        assert {"time", "level", "event"} <= set(json.loads(line))
