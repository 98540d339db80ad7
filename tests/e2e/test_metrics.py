# SPDX-License-Identifier: Apache-2.0
"""What monitoring sees, driven by real clients: numbers move exactly as they were driven, health follows what is broken,
strangers add no series, and nothing that must not be shown is shown."""
import concurrent.futures
import contextlib
import os
import re
import signal
import socket
import threading
import time

import psycopg2
import pytest

import faults
import httpstack
import pgtest
import prom
import stack as stacks
from test_protocol import Wire, kinds


class Metered(stacks.Stack):
    """One worker, so that what is cached is known; tenants: series of their own."""

    def __init__(self, tenants=0, workers=1, admin="", **options):
        self.admin_port = pgtest.free_port()
        self.tenants = tenants
        extra = f'[admin]\nmetrics = "127.0.0.1:{self.admin_port}"\n{admin}\n' + options.pop("extra", "")
        super().__init__(workers=workers, extra=extra, **options)
        self.admin = prom.Admin(self.admin_port)

    def config_text(self, **changes):
        text = super().config_text(**changes)
        return text.replace("[server]\n", f"[server]\nmetrics_max_tenants = {self.tenants}\n", 1) if self.tenants else text

    def settled(self):
        """When nothing waits and nobody is connected: numbers that stood still for a while, as a session's last record comes after its end."""
        numbers = ["rowgate_audit_records_total", "rowgate_audit_bytes_total", "rowgate_statements_total", "rowgate_client_connections"]

        def is_quiet():
            before = self.admin.metrics()
            time.sleep(0.3)
            now = self.admin.metrics()
            return now.get("rowgate_audit_waiting_records") == 0 and now.sum("rowgate_client_connections") == 0 \
                and all(before.sum(name) == now.sum(name) for name in numbers)
        stacks.wait_for(is_quiet, "quiet", 60)
        return self.admin.metrics()


@pytest.fixture(scope="module")
def metered():
    with Metered(tenants=2) as stack:
        yield stack


def kinds_on_record(stack):
    return [record["unmapped"]["rg"]["kind"] for record in stack.audit_records()]


def refused(action):
    with pytest.raises(psycopg2.Error) as caught:
        action()
    return caught.value


def grown(before, after, name, /, **labels):
    return after.sum(name, **labels) - before.sum(name, **labels)


# ---- the listener ----

def test_three_pages_answer_and_nothing_else(metered):
    assert metered.admin.page("/livez") == (200, "ok\n")
    assert metered.admin.page("/readyz") == (200, "ok\n")
    assert metered.admin.ask("/readyz", "HEAD")[2] == ""
    for path in ["/", "/metric", "/metrics/", "//metrics", "/livez/x", "/.rowgate/login", "/METRICS", "/%6detrics"]:
        assert metered.admin.page(path)[0] == 404, path
    for path in ["/metrics", "/livez", "/readyz"]:
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"]:
            status, headers, _ = metered.admin.ask(path, method, body="x=1")
            assert (status, headers["allow"]) == (405, "GET, HEAD"), method
    assert metered.admin.ask("/metrics", "POST", body="x" * 5000)[0] == 413


def test_garbage_hurts_nobody(metered):
    for data in [b"\x16\x03\x01\x02\x00" + os.urandom(512), b"GET /metrics\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 70000,
                 b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]:
        with socket.create_connection(("127.0.0.1", metered.admin_port), timeout=20) as raw, contextlib.suppress(OSError):
            raw.sendall(data)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(65536):
                pass
    with contextlib.ExitStack() as idle:  # more than it keeps: those beyond are closed, and the rest in time
        for _ in range(80):
            idle.enter_context(socket.create_connection(("127.0.0.1", metered.admin_port), timeout=20))
    stacks.wait_for(lambda: metered.admin.page("/livez") == (200, "ok\n"), "an answer")
    assert metered.query("select count(*) from shared.events") == [(1000,)]


def test_promtool_finds_nothing_wrong(metered):
    metered.query("select count(*) from shared.events")
    prom.check(metered.admin.text())


def test_without_admin_nothing_listens_and_a_bad_one_does_not_start(metered, tmp_path):
    other = metered.config_text().replace(str(metered.audit), str(tmp_path / "audit"))
    taken = stacks.Rowgate(tmp_path, other, metered.environment(), tmp_path / "audit")
    with pytest.raises(RuntimeError) as caught:
        taken.start()  # the address has an owner
    assert f"cannot listen on 127.0.0.1 port {metered.admin_port}: Address already in use" in str(caught.value)
    none = stacks.Rowgate(tmp_path, re.sub(r"\[admin\]\nmetrics = .*\n", "", other), metered.environment(), tmp_path / "audit")
    none.start()
    assert none.event("admin.listening") is None
    assert none.stop() == 0
    code = metered.rowgate.event("admin.listening")
    assert code["port"] == metered.admin_port


# ---- numbers ----

def test_statements_move_what_they_should_and_nothing_else(metered):
    before = metered.settled()
    records = len(kinds_on_record(metered))
    for _ in range(3):
        assert metered.query("select id, kind from shared.events order by id limit 7") is not None
    metered.query("select count(*) from sales.orders", tenant="globex")
    refused(lambda: metered.query("select 1/(id-id) from sales.orders"))
    refused(lambda: metered.query("select * from shared.secret"))
    refused(lambda: metered.query("delete from sales.orders", tenant="globex"))
    after = metered.settled()

    def rise(name, /, **labels):
        return grown(before, after, name, **labels)
    assert rise("rowgate_client_connections_total", plane="sql") == 7
    assert rise("rowgate_logins_total", plane="sql", result="accepted") == 7
    assert rise("rowgate_logins_total", result="refused") == 0
    assert rise("rowgate_statements_total", result="ok") == 4
    assert rise("rowgate_statements_total", **{"class": "READ"}, result="failed") == 1
    assert rise("rowgate_decisions_total", tenant="acme", decision="rewritten") == 4
    assert rise("rowgate_decisions_total", tenant="acme", decision="denied") == 1
    assert rise("rowgate_decisions_total", tenant="globex", decision="denied") == 1
    assert rise("rowgate_decisions_total") == 7
    assert rise("rowgate_denials_total", plane="sql", rule="relation.not_allowed") == 1
    assert rise("rowgate_denials_total") == 2
    assert rise("rowgate_result_rows_total") == 3 * 7 + 1
    assert rise("rowgate_statement_seconds_count") == 5
    assert rise("rowgate_statement_seconds_count", tenant="globex") == 1
    assert rise("rowgate_statement_own_seconds_count") == 5
    assert 0 < rise("rowgate_statement_own_seconds_sum") <= rise("rowgate_statement_seconds_sum")
    assert rise("rowgate_plan_cache_lookups_total", result="hit") == 2
    assert rise("rowgate_plan_cache_lookups_total", result="miss") == 5
    assert rise("rowgate_rewrite_seconds_count") == 5
    assert rise("rowgate_upstream_connects_total", upstream="main", result="ok") == 7
    assert rise("rowgate_upstream_connects_total", result="failed") == 0
    assert after.get("rowgate_upstream_connections", upstream="main") == 0
    assert after.sum("rowgate_sessions") == 0
    written = [kind for kind in kinds_on_record(metered)[records:] if not kind.startswith("log.")]  # those are the auditor's own
    assert rise("rowgate_audit_records_total") == len(written)
    assert rise("rowgate_audit_commit_seconds_count") == len(written)
    assert rise("rowgate_audit_bytes_total") > 100 * len(written)
    assert rise("rowgate_audit_refused_total") == 0


def test_the_extended_protocol_and_several_statements_are_counted_once_each(metered):
    before = metered.settled()
    with Wire(metered) as wire:
        for _ in range(4):
            wire.parse("select id from shared.events limit 1")
            wire.bind()
            wire.execute()
            wire.send(b"S")
            assert kinds(wire.until("Z")).endswith("DCZ")
        wire.send(b"Q", b"select 1; select 2; select 3\0")
        assert kinds(wire.until("Z")).count("C") == 3
    after = metered.settled()
    assert grown(before, after, "rowgate_statements_total", result="ok") == 7
    assert grown(before, after, "rowgate_statement_seconds_count") == 7
    assert 0 < grown(before, after, "rowgate_statement_own_seconds_sum") <= grown(before, after, "rowgate_statement_seconds_sum")


def test_a_slow_upstream_is_in_the_whole_time_and_not_in_ours(metered):
    before = metered.settled()
    metered.query("select count(*) from sales.orders a, sales.orders b, sales.orders c where a.id + b.id > c.id")
    after = metered.settled()
    whole = grown(before, after, "rowgate_statement_seconds_sum")
    own = grown(before, after, "rowgate_statement_own_seconds_sum")
    assert whole > 0.5 and own < whole / 2, (whole, own)


def test_a_session_is_counted_while_it_lasts(metered):
    with contextlib.closing(metered.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select 1 from sales.orders")
        now = metered.admin.metrics()
        assert now.get("rowgate_sessions", plane="sql", tenant="acme") == 1
        assert now.get("rowgate_client_connections", plane="sql") == 1
        assert now.get("rowgate_upstream_connections", upstream="main") == 1
        metered.server.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'rowgate'")
        stacks.wait_for(lambda: metered.admin.metrics().get("rowgate_upstream_lost_total", upstream="main") >= 1, "the loss")
        assert metered.admin.metrics().get("rowgate_upstream_connections", upstream="main") == 0
        cursor.execute("select 1 from sales.orders")
    assert metered.settled().sum("rowgate_sessions") == 0


def test_a_limit_that_stops_a_result_is_a_denial(metered):
    before = metered.settled()
    refused(lambda: metered.query("select a.id from sales.orders a, sales.orders b", tenant="globex"))
    after = metered.settled()
    assert grown(before, after, "rowgate_denials_total", rule="limits.rows") == 1


def test_tenants_beyond_the_limit_are_other(metered):
    metered.query("select 1", tenant="acme")
    metered.query("select 1", tenant="globex")
    with contextlib.closing(metered.connect(user="acme_etl", password="etl-secret")) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from sales.jobs")
        assert metered.admin.metrics().get("rowgate_sessions", plane="sql", tenant="other") == 1
    now = metered.settled()
    assert now.values("tenant") == {"acme", "globex", "other"}
    assert now.sum("rowgate_decisions_total", tenant="other", decision="allowed") \
        + now.sum("rowgate_decisions_total", tenant="other", decision="rewritten") >= 1


def test_a_thousand_bad_logins_are_counted_and_add_no_series(metered):
    refused(lambda: metered.connect(password="not-a-token"))
    refused(lambda: metered.connect(user="acme_etl", password="wrong"))
    metered.settled()
    before = metered.settled()

    def guess(i):
        password = f"eyJ-{i}.guess-{i}.x" if i % 2 else f"secret-{i}"
        refused(lambda: metered.connect(user=f"user-{i}" if i % 3 else f"u'\"\\{i}", dbname=f"db-{i}", password=password,
                                        application_name=f"app-{i}"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(1000)))
    after = metered.settled()
    assert after.series() == before.series()
    assert grown(before, after, "rowgate_logins_total", plane="sql", result="refused") == 1000
    assert grown(before, after, "rowgate_denials_total", plane="sql", rule="login.token") == 1000
    prom.check(after.text)


def test_nothing_is_shown_that_must_not_be(metered):
    metered.query("select 'canary-in-sql' from sales.orders limit 1")
    refused(lambda: metered.query("select canary_column from sales.orders"))
    refused(lambda: metered.connect(user="canary_user", dbname="canary_db", password="canary-password", application_name="canary_app"))
    text = metered.settled().text
    for secret in ["canary", "alice", stacks.PASSWORD, stacks.TENANTS["acme"], "127.0.0.1", "localhost", "select", "orders", "etl"]:
        assert secret not in text, secret


def test_a_policy_s_reload_is_seen(metered):
    def metrics():
        return metered.admin.metrics()

    def digest():
        return [dict(pairs)["digest"] for name, pairs in metrics().samples if name == "rowgate_policy_info"]

    def reload(text, event):
        start = metered.rowgate.log_path.stat().st_size
        metered.rowgate.config.write_text(text)
        metered.rowgate.signal(signal.SIGHUP)
        stacks.wait_for(lambda: metered.rowgate.event(event, start), event)
    first, good = metrics(), metered.config_text()
    loaded = first.get("rowgate_policy_loaded_timestamp_seconds")
    assert abs(time.time() - loaded) < 3600 and len(digest()) == 1
    assert (first.get("rowgate_policy_reloads_total", result="ok"), first.get("rowgate_config_last_reload_success")) == (1, 1)
    old = digest()
    for bad in ["nonsense = 1\n", good.replace(f":{metered.admin_port}", f":{pgtest.free_port()}"),
                good.replace("metrics_max_tenants = 2", "metrics_max_tenants = 3"), re.sub(r"\[admin\]\nmetrics = .*\n", "", good)]:
        reload(bad, "policy.reload_failed")
        assert (digest(), metrics().get("rowgate_config_last_reload_success")) == (old, 0)
    assert metrics().get("rowgate_policy_reloads_total", result="failed") == 4
    assert metrics().get("rowgate_policy_loaded_timestamp_seconds") == loaded
    assert metered.admin.page("/readyz") == (200, "ok\n")  # the old policy serves
    reload(good.replace("rows = 1000\n", "rows = 1001\n"), "policy.reloaded")
    assert metrics().get("rowgate_policy_loaded_timestamp_seconds") > loaded
    assert (len(digest()), digest() != old, metrics().get("rowgate_config_last_reload_success")) == (1, True, 1)
    reload(good, "policy.reloaded")
    assert digest() == old
    more = f'[tls.second]\ncertificate = "{metered.directory}/tls/server.crt"\nprivate_key = "{metered.directory}/tls/server.key"\n'
    reload(good + more, "policy.reloaded")
    for name in ("public", "second"):
        left = metrics().get("rowgate_tls_certificate_expiry_seconds", name=name) - time.time()
        assert 29 * 86400 < left < 31 * 86400
    reload(good, "policy.reloaded")
    assert metrics().values("name") == {"public"}


# ---- health ----

@pytest.fixture
def own():
    with Metered(workers=2) as stack:
        yield stack


def test_ready_follows_the_auditor(own):
    admin = own.admin
    auditor = own.rowgate.auditor
    (own.audit / "keys").rename(own.directory / "keys-away")  # no auditor starts without
    os.kill(auditor, signal.SIGKILL)
    stacks.wait_for(lambda: admin.page("/readyz") == (503, "the audit log takes no records\n"), "not ready")
    assert admin.page("/livez") == (200, "ok\n")
    now = admin.metrics()
    assert now.get("rowgate_ready") == 0
    assert [now.get("rowgate_audit_state", state=state) for state in ("closed", "open", "low", "reserve")] == [1, 0, 0, 0]
    refused(lambda: own.query("select 1"))
    assert admin.metrics().get("rowgate_denials_total", plane="sql", rule="audit.unavailable") >= 1
    (own.directory / "keys-away").rename(own.audit / "keys")
    stacks.wait_for(lambda: admin.page("/readyz") == (200, "ok\n"), "ready again")
    assert own.query("select count(*) from shared.events") == [(1000,)]
    now = admin.metrics()
    assert now.get("rowgate_ready") == 1 and now.get("rowgate_audit_state", state="open") == 1


def test_an_auditor_that_says_nothing_is_noticed(own):
    admin, auditor = own.admin, own.rowgate.auditor
    os.kill(auditor, signal.SIGSTOP)
    try:
        thread = threading.Thread(target=lambda: own.query("select count(*) from shared.events"))
        thread.start()
        stacks.wait_for(lambda: admin.metrics().get("rowgate_audit_waiting_records") >= 1, "a record that waits")
        stacks.wait_for(lambda: admin.page("/readyz") == (503, "the audit log acknowledges no records\n"), "not ready", 60)
        assert admin.page("/livez") == (200, "ok\n")
    finally:
        os.kill(auditor, signal.SIGCONT)
    thread.join(60)
    stacks.wait_for(lambda: admin.page("/readyz") == (200, "ok\n"), "ready again")
    now = own.settled()
    assert now.get("rowgate_audit_commit_seconds_bucket", le="5") < now.get("rowgate_audit_commit_seconds_bucket", le="+Inf")


def test_ready_says_no_while_it_drains(own):
    with contextlib.closing(own.connect(autocommit=False)) as busy, busy.cursor() as cursor:
        cursor.execute("select 1 from sales.orders")  # a transaction that is open
        own.rowgate.signal(signal.SIGTERM)
        stacks.wait_for(lambda: own.admin.page("/readyz") == (503, "draining\n"), "draining")
        assert own.admin.page("/livez") == (200, "ok\n")
        cursor.execute("select count(*) from sales.orders")
        assert cursor.fetchall() == [(300,)]
        busy.commit()
    assert own.rowgate.process.wait(60) == 0


def test_a_gateway_that_starts_again_counts_from_the_start(own):
    own.query("select 1")
    before = own.admin.metrics()
    old = own.rowgate.gateway
    os.kill(old, signal.SIGKILL)

    def is_back():
        with contextlib.suppress(OSError, KeyError):
            return own.rowgate.gateway != old and own.admin.page("/readyz") == (200, "ok\n")
        return False
    stacks.wait_for(is_back, "a new gateway behind the same port")
    after = own.admin.metrics()
    assert after.get("process_start_time_seconds") > before.get("process_start_time_seconds")
    assert after.sum("rowgate_logins_total") == 0 and after.get("rowgate_event_loops") == 2
    own.query("select 1")
    assert own.admin.metrics().get("rowgate_logins_total", plane="sql", result="accepted") == 1


def test_a_full_disk_is_not_ready_and_heals(faulty):
    mib = 1024 * 1024
    port = pgtest.free_port()
    settings = 'reserve = "1MiB"\nlow_space = "12MiB"\nsegment_size = "1MiB"\nbreak_glass = ["alice@acme"]\n'
    name = f"disk-{next(faults.numbers)}"
    admin = prom.Admin(port)

    def fill(disk):
        with open(disk / "ballast", "ab", buffering=0) as file:
            for size in (mib, 512):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
    with contextlib.ExitStack() as cleaning:
        try:
            disk = cleaning.enter_context(faults.small_disk(faulty.directory / name, 40))
        except OSError as error:
            pytest.skip(f"no file system of our own: {error}")
        faulty.renew(extra=settings + f'[admin]\nmetrics = "127.0.0.1:{port}"\n', audit_name=f"{name}/audit")
        try:
            assert admin.page("/readyz") == (200, "ok\n")
            fill(disk)
            faulty.query("select 1")
            stacks.wait_for(lambda: admin.page("/readyz") == (503, "the audit log's disk is nearly full\n"), "the reserve")
            assert admin.metrics().get("rowgate_audit_state", state="reserve") == 1
            refused(lambda: faulty.query("select 1", tenant="globex"))
            assert admin.metrics().get("rowgate_denials_total", plane="sql", rule="audit.reserve") >= 1
            (disk / "ballast").unlink()
            stacks.wait_for(lambda: admin.page("/readyz") == (200, "ok\n"), "room again")
            faulty.query("select 1", tenant="globex")
        finally:
            faulty.stop_rowgate()
            faulty.audit_name = "gone"


def test_metrics_for_other_machines_are_encrypted():
    import ssl
    with stacks.Stack() as stack:
        port = pgtest.free_port()
        tls = stack.directory / "tls"
        more = (f'[admin]\nmetrics = "0.0.0.0:{port}"\nmetrics_tls = "inside"\n'
                f'[tls.inside]\ncertificate = "{tls}/server.crt"\nprivate_key = "{tls}/server.key"\n')
        stack.rowgate.stop()
        stack.rowgate.config.write_text(stack.config_text() + more)
        stack.rowgate.start()
        trust = ssl.create_default_context(cafile=tls / "server.crt")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw:
            with trust.wrap_socket(raw, server_hostname="localhost") as safe:
                safe.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: safe.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"ok\n")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as raw, contextlib.suppress(OSError):
            raw.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"rowgate_" not in b"".join(iter(lambda: raw.recv(65536), b""))
        assert stack.query("select count(*) from shared.events") == [(1000,)]  # its own certificate speaks PostgreSQL still


# ---- the HTTP plane ----

def test_requests_move_what_they_should():
    port = pgtest.free_port()
    with httpstack.HttpStack(extra=f'[admin]\nmetrics = "127.0.0.1:{port}"\n', workers=1) as web:
        admin = prom.Admin(port)
        bearer = {"Authorization": f"Bearer {web.token('alice', 'acme')}"}
        before = admin.metrics()

        @web.upstream.on("/api/v1/chart/")
        def broken(exchange):
            exchange.answer(503, (), b"down")
        for _ in range(3):
            assert web.request("GET", "/api/v1/dashboard/", bearer).status == 200
        assert web.request("GET", "/api/v1/chart/", bearer).status == 503
        assert web.request("GET", "/api/v1/dashboard/").status == 401
        assert web.request("GET", "/no/such/route", bearer).status == 403
        assert web.request("GET", "/metrics", bearer).status == 403  # not on a listener for clients
        bad = {"Authorization": "Bearer nonsense"}
        assert web.request("GET", "/api/v1/dashboard/", bad).status == 401

        def is_quiet():
            return admin.metrics().get("rowgate_client_connections", plane="http") == 0
        stacks.wait_for(is_quiet, "quiet")
        after = admin.metrics()

        def rise(name, /, **labels):
            return grown(before, after, name, **labels)
        assert rise("rowgate_client_connections_total", plane="http") == 8
        assert rise("rowgate_http_requests_total", **{"class": "api"}, status="2xx") == 3
        assert rise("rowgate_http_requests_total", **{"class": "api"}, status="5xx") == 1
        assert rise("rowgate_http_requests_total", **{"class": "api"}, status="4xx") == 2
        assert rise("rowgate_http_requests_total", **{"class": "unknown"}, status="4xx") == 2
        assert rise("rowgate_http_requests_total") == 8
        assert rise("rowgate_http_request_seconds_count") == 8
        assert rise("rowgate_decisions_total", plane="http", decision="allowed") == 4
        assert rise("rowgate_decisions_total", plane="http", decision="denied") == 4
        assert rise("rowgate_denials_total", plane="http", rule="http.route.unknown") == 2
        assert rise("rowgate_denials_total") == 4
        assert rise("rowgate_logins_total", plane="http", result="refused") == 1
        assert not after.values("tenant")
        prom.check(after.text)
