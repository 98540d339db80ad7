# SPDX-License-Identifier: Apache-2.0
"""The view key on both planes, and the tripwire on answers that come out of Superset's cache (docs/cache-guard.md), with a
stand-in for Superset whose keys say for whom they are, or do not. The real one: test_superset_cache.py."""

import contextlib
import gzip
import json
import re
import subprocess
import sys
import threading

import psycopg2
import pytest

import guardstack
import stack

VIEW = re.compile(r"[A-Za-z0-9_-]{22}\Z")
CHANGED = 'using = "tenant_id = :tenant_id"'


@pytest.fixture(scope="module")
def both():
    with guardstack.GuardStack(workers=3) as running:
        yield running


@pytest.fixture
def fresh(both):
    """An empty cache, whose keys do not say for whom they are."""
    both.superset.keys_have_view = False
    both.superset.cache.clear()
    both.superset.headers = ()
    both.superset.plant = None
    return both


def query(name):
    """No other test's."""
    return json.dumps({"queries": [name]}).encode()


def marker(tenant, view):
    return f"'rg.{tenant}.{view}' = 'rg.{tenant}.{view}'"


# ---- the tripwire ----

@pytest.mark.parametrize("path", ["/api/v1/chart/data", "/explore_json/?form_data=1", "/datasource/samples", "/api/v1/chart/7/data/"])
def test_a_cached_answer_of_another_tenant_does_not_leave(fresh, path):
    before = len(fresh.leaks())
    mine = query(f"warm {path}")
    assert fresh.chart("acme", mine, path)[0] == 200
    assert fresh.chart("acme", mine, path)[0] == 200  # from the cache
    status, problem = fresh.chart("globex", mine, path)
    assert status == 502
    assert problem["rule"] == "http.cache.leak" and problem["instance"].startswith("r-")
    assert "acme" not in json.dumps(problem)
    own, foreign = sorted(fresh.leaks()[before:], key=lambda leak: leak["tenant"] != "globex")
    assert {own["tenant"], foreign["tenant"]} == {"globex", "acme"}
    for leak in (own, foreign):
        assert (leak["verdict"], leak["rule"], leak["class_uid"]) == ("denied", "http.cache.leak", 2004)
        assert leak["reference"] == problem["instance"] and leak["object"].startswith("cache/")
    assert "acme" not in json.dumps(own) and "globex" not in json.dumps(foreign)


def test_no_order_of_two_tenants_shows_one_the_others_rows_unnoticed(fresh):
    """Many at once, over all workers. Only what the cache hands out while its first maker still waits for the own answer can
    slip through, and that is on record when the maker's answer comes."""
    before = len(fresh.leaks())
    slipped = []
    wrong = []

    def run(tenant, number):
        for i in range(20):
            name = f"race {(number + i) % 7}"
            status, answer = fresh.chart(tenant, query(name))
            if status == 200 and answer["result"][0]["data"] != [{"who": f"canary of {tenant}"}]:
                slipped.append((name, answer["result"][0]["cache_key"]))
            elif status not in (200, 502):
                wrong.append((tenant, status, answer))

    threads = [threading.Thread(target=run, args=(tenant, n)) for n, tenant in enumerate(["acme", "globex"] * 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = {leak["object"] for leak in fresh.leaks()[before:] if leak["verdict"] == "allowed"}
    assert not wrong and {f"cache/{key}" for _, key in slipped} <= told, (wrong[:3], slipped)


def test_keys_with_the_view_serve_each_its_own(fresh):
    fresh.superset.keys_have_view = True
    before = len(fresh.leaks())
    for _ in range(3):
        for tenant in ("acme", "globex"):
            status, answer = fresh.chart(tenant, query("with view"))
            assert (status, answer["result"][0]["data"]) == (200, [{"who": f"canary of {tenant}"}])
    assert len(fresh.superset.cache) == 2 and len(fresh.leaks()) == before


def test_without_a_cache_nobody_is_refused(fresh):
    for tenant in ("acme", "globex", "acme", "globex"):
        fresh.superset.cache.clear()
        assert fresh.chart(tenant, query("no cache"))[0] == 200


def test_the_request_is_on_record_as_refused_and_the_log_is_sound(fresh):
    fresh.chart("acme", query("record"))
    _, problem = fresh.chart("globex", query("record"))
    records = [record for record in fresh.audit_records() if record["unmapped"]["rg"].get("reference") == problem["instance"]]
    kinds = [record["unmapped"]["rg"]["kind"] for record in records]
    assert kinds == ["cache.leak", "cache.leak", "http.request"]
    request = records[-1]["unmapped"]["rg"]
    assert (request["verdict"], request["rule"], request["status"]) == ("denied", "http.cache.leak", 502)
    assert all(record["unmapped"]["rg"].get("tenant") in ("globex", "acme") for record in records)
    done = subprocess.run([stack.binary(), "audit", "search", "--action", "cache.leak", "--json", str(fresh.audit)], text=True,
                          capture_output=True)
    assert done.returncode == 0 and problem["instance"] in done.stdout, done
    verified = fresh.audit_verify()
    assert verified.returncode == 0, verified.stdout


def test_what_is_compressed_or_no_json_does_not_leave_and_files_do(fresh):
    fresh.superset.plant = gzip.compress(b'{"result": []}')
    fresh.superset.headers = (("Content-Encoding", "gzip"), ("Content-Type", "application/json"))
    assert fresh.chart("acme")[1]["rule"] == "http.cache.unread"
    assert fresh.superset.seen[-1].headers["accept-encoding"] == "identity"
    fresh.superset.plant = b"<html>"
    fresh.superset.headers = (("Content-Type", "application/json"),)
    assert fresh.chart("acme")[1]["rule"] == "http.cache.unread"
    fresh.superset.plant = b"a,b\n1,2\n"
    fresh.superset.headers = (("Content-Type", "text/csv; charset=utf-8"),)
    assert fresh.ask("POST", "/api/v1/chart/data", fresh.token("acme"), b"{}") == (200, b"a,b\n1,2\n")


def test_a_large_answer_passes_whole(fresh):
    rows = [{"n": i, "text": "x" * 80} for i in range(60000)]
    fresh.superset.plant = json.dumps({"result": [{"cache_key": "large", "is_cached": True, "data": rows}]}).encode()
    fresh.superset.headers = (("Content-Type", "application/json"),)
    assert len(fresh.superset.plant) > 6 << 20
    assert fresh.chart("acme")[1]["result"][0]["data"] == rows
    assert fresh.chart("globex")[0] == 502


def test_a_guard_that_only_warns_records_and_passes():
    with guardstack.GuardStack(guard='cache_guard = "warn"', rows=1) as warned:
        warned.chart("acme", query("w"))
        status, answer = warned.chart("globex", query("w"))
        assert (status, answer["result"][0]["data"]) == (200, [{"who": "canary of acme"}])  # so that the tests are known to bite
        assert [leak["verdict"] for leak in warned.leaks()] == ["allowed", "allowed"]
        assert warned.rowgate.event("http.cache_leak")["owner"] == "acme"


# ---- the view key ----

def test_a_view_is_of_the_tenant_and_the_claims_and_not_of_the_person(fresh):
    acme = fresh.view("acme")
    assert VIEW.match(acme)
    assert fresh.view("acme", fresh.idp.token("bob", tenant="acme")) == acme
    regions = [fresh.view("acme", fresh.idp.token(tenant="acme", claims=[f"regions={json.dumps(value)}"]))
               for value in (["emea"], ["apac"], ["emea", "apac"], ["apac", "emea"])]
    assert regions[2] == acme  # what the tokens of these tests say anyway
    assert len({acme, fresh.view("globex"), *regions}) == 5


def test_both_planes_have_one_view(fresh):
    acme, globex = fresh.view("acme"), fresh.view("globex")
    statement = "SELECT count(*) FROM (SELECT kind FROM shared.events) AS virtual_table WHERE ({})"
    assert fresh.query(statement.format(marker("acme", acme))) == [(1000,)]
    assert fresh.query(statement.format(marker("globex", globex)), "globex") == [(1000,)]
    for tenant, text, rule in (("acme", marker("globex", globex), "view.tenant"), ("acme", marker("acme", globex), "view.mismatch"),
                               ("globex", marker("acme", acme), "view.tenant")):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege) as refused:
            fresh.query(statement.format(text), tenant)
        assert f"rule {rule}," in refused.value.diag.message_detail
        assert int(refused.value.diag.statement_position) > 0


def test_the_marker_holds_in_cursors_and_through_kept_plans(fresh):
    views = {tenant: fresh.view(tenant) for tenant in ("acme", "globex")}
    text = "SELECT kind FROM shared.events WHERE " + marker("acme", views["acme"]) + " ORDER BY id"
    with fresh.connect("acme", autocommit=False) as connection:
        with connection.cursor("stream") as cursor:  # as Superset streams CSV
            cursor.itersize = 100
            cursor.execute(text)
            assert len(cursor.fetchall()) == 1000
    for _ in range(3):
        assert len(fresh.query(text)) == 1000
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            fresh.query(text, "globex")


def test_a_restart_keeps_the_view_and_a_policy_changes_it():
    with guardstack.GuardStack(rows=1) as own:
        first = own.view("acme")
        own.rowgate.stop()
        own.rowgate.start()
        assert own.view("acme") == first
        own.reload(new="\n# a comment\n[limits.other]\nrows = 7\n")
        assert own.view("acme") == first
        own.chart("acme", query("kept"))
        assert own.chart("acme", query("kept"))[1]["result"][0]["is_cached"]
        old = "SELECT 1 FROM shared.events WHERE " + marker("acme", first)
        with contextlib.closing(own.connect("acme")) as connection:
            cursor = connection.cursor()
            cursor.execute(old)
            own.reload(CHANGED, CHANGED[:-1] + ' and amount > 10"')
            second = own.view("acme")
            assert second != first
            with pytest.raises(psycopg2.errors.InsufficientPrivilege) as refused:  # a session that was there before
                cursor.execute(old)
            assert "rule view.mismatch," in refused.value.diag.message_detail
            cursor.execute(old.replace(first, second))
        status, problem = own.chart("acme", query("kept"))  # rows of the old policy
        assert (status, problem["rule"]) == (502, "http.cache.leak")
        assert [leak["tenant"] for leak in own.leaks()] == ["acme"]
        own.superset.cache.clear()
        assert [own.chart("acme", query("kept"))[0] for _ in range(2)] == [200, 200]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__]))
