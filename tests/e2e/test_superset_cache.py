# SPDX-License-Identifier: Apache-2.0
"""Superset's caches with deploy/rowgate_superset: what one view stored no other view finds, in any order, with Superset's own flags at
their worst. And the same without the view key, where the leak must show, or these tests would prove nothing."""
import contextlib
import itertools
import json
import pickle

import jwt
import pytest

import bi
import bistack
import planeworld

pytestmark = pytest.mark.external

WORST = """
FEATURE_FLAGS = {**FEATURE_FLAGS, "CACHE_QUERY_BY_USER": False, "CACHE_IMPERSONATION": False}
CACHE_WARNING = False
"""
PLAIN = """
import os
_plain = lambda prefix: {"CACHE_TYPE": "RedisCache", "CACHE_REDIS_URL": os.environ["ROWGATE_CACHE"], "CACHE_KEY_PREFIX": prefix,
                         "CACHE_DEFAULT_TIMEOUT": 600}
CACHE_CONFIG, DATA_CACHE_CONFIG = _plain("a."), _plain("b.")
"""
WITHOUT_VIEW = PLAIN + """
from superset.security import SupersetSecurityManager
class WithoutView(CUSTOM_SECURITY_MANAGER):
    get_rls_cache_key = SupersetSecurityManager.get_rls_cache_key
CUSTOM_SECURITY_MANAGER = WithoutView
"""
METADATA_CACHED = json.dumps({"metadata_cache_timeout": {"schema_cache_timeout": 600, "table_cache_timeout": 600}})


@contextlib.contextmanager
def made_world(more):
    with planeworld.World(more=WORST + more) as world:
        answer = world.maker.ask("PUT", f"/api/v1/database/{world.database}", {"extra": METADATA_CACHED})
        assert answer.status == 200, answer
        world.number, world.chart, world.uuid = world.maker.dashboard(world.dataset)
        yield world


@pytest.fixture(scope="module")
def world():
    with made_world("") as made:
        yield made


@pytest.fixture(autouse=True)
def emptied(request):
    if "world" in request.fixturenames:
        request.getfixturevalue("world").redis.client().flushdb()


QUERIES = {
    "notes": {"columns": ["note"]},
    "the greatest note": {"metrics": [{"expressionType": "SQL", "sqlExpression": "max(note)", "label": "m"}]},
    "notes of a region": {"columns": ["note"], "filters": [{"col": "region", "op": "IN", "val": ["north"]}]},
}


def guest_query(world):
    return bi.chart_query(world.dataset, columns=["note"], form_data={"slice_id": world.chart, "dashboardId": world.number})


def seen(world, tenant, caller, query):
    answer = caller.post("/api/v1/chart/data", query)
    assert answer.status == 200, answer
    other = "globex" if tenant == "acme" else "acme"
    assert f"canary of {tenant}" in answer.text and f"canary of {other}" not in answer.text, answer
    return answer.json["result"][0]


@pytest.mark.parametrize("order", itertools.permutations(["acme person", "globex person", "acme guest", "globex guest"]), ids=" ".join)
def test_nobody_is_shown_another_tenants_rows_in_any_order(world, order):
    """All the same chart, asked for twice: the second round is answered from the cache."""
    callers = {f"{tenant} {kind}": made(world, tenant) for tenant in world.tenants
               for kind, made in (("person", lambda w, t: w.caller(t)), ("guest", lambda w, t: w.guest(t, w.uuid)))}
    for who in order:
        seen(world, who.split()[0], callers[who], guest_query(world))
    begun = len(world.plane.logins)
    for who in reversed(order):
        assert seen(world, who.split()[0], callers[who], guest_query(world))["is_cached"], who
    assert not world.plane.since(begun)  # rowgate was not asked: the cache alone kept them apart


@pytest.mark.parametrize("name", QUERIES)
def test_the_same_chart_is_kept_for_each_tenant(world, name):
    query = bi.chart_query(world.dataset, **QUERIES[name])
    keys = set()
    for tenant in ("acme", "globex", "acme", "globex"):
        keys.add(seen(world, tenant, world.caller(tenant), query)["cache_key"])
    assert len(keys) == 2


def test_people_of_one_view_share_what_is_cached(world):
    query = bi.chart_query(world.dataset, columns=["note"])
    assert not seen(world, "acme", world.caller("acme", "alice"), query)["is_cached"]
    begun = len(world.plane.logins)
    assert seen(world, "acme", world.caller("acme", "amy"), query)["is_cached"]
    assert not world.plane.since(begun)


def test_another_view_of_the_same_tenant_starts_with_nothing(world):
    """What a reload of the policies, or another claim, does: rowgate says another view."""
    query = bi.chart_query(world.dataset, columns=["note"])
    seen(world, "acme", world.caller("acme"), query)
    assert seen(world, "acme", world.caller("acme"), query)["is_cached"]
    assert not seen(world, "acme", world.caller("acme", view=planeworld.view_of("acme", "reloaded")), query)["is_cached"]
    guest = guest_query(world)
    seen(world, "acme", world.guest("acme", world.uuid), guest)
    assert not seen(world, "acme", world.guest("acme", world.uuid, view=planeworld.view_of("acme", "other claim")), guest)["is_cached"]


def test_who_has_no_view_is_neither_served_nor_stored(world):
    nobody = bi.Caller(world.superset.url, lambda: {"X-Rowgate-Identity": world.sign(unviewed(world)), "X-Rowgate-Capsule": world.capsule("acme"),
                                                    "X-Rowgate-Cache-Secret": planeworld.secret_of(planeworld.view_of("acme"))})
    query = bi.chart_query(world.dataset, columns=["note"])
    keys = {seen(world, "acme", nobody, query)["cache_key"] for _ in range(2)}
    assert len(keys) == 2 and not world.redis.client().keys("*")


def unviewed(world):
    claims = jwt.decode(world.identity("acme"), options={"verify_signature": False})
    del claims["view"]
    return claims


LISTS = {
    "tables": (lambda w, c: c.get(f"/api/v1/database/{w.database}/tables/?q=(schema_name:sales)"), "only_{}"),
    "schemas": (lambda w, c: c.get(f"/api/v1/database/{w.database}/schemas/"), "own_{}"),
}


def listed(world, name, tenant):
    ask, own = LISTS[name]
    answer = ask(world, world.caller(tenant))
    assert answer.status == 200, answer
    return [one for one in world.tenants if own.format(one) in answer.text]


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_tables_and_schemas_are_kept_for_each_tenant(world, name):
    for tenant in ("acme", "globex", "acme", "globex"):
        assert listed(world, name, tenant) == [tenant]
    begun = len(world.plane.logins)
    assert listed(world, name, "acme") == ["acme"]
    assert not world.plane.since(begun)  # it is cached


def test_results_of_sql_lab_are_for_whoever_asked(world):
    maker = world.caller("acme", "maker", roles=["maker"])
    assert maker.sql(world.database, "select note from orders").status == 200
    other = world.caller("globex", "maker", roles=["maker"])  # an administrator of Superset, but of another tenant
    query = maker.get("/api/v1/query/updated_since?q=(last_updated_ms:0)").json["result"][-1]
    if query["resultsKey"]:
        assert other.get(f"/api/v1/sqllab/results/?q=(key:'{query['resultsKey']}')").status in (404, 410)


def test_a_filter_state_is_found_in_its_own_view_alone(world):
    path = f"/api/v1/dashboard/{world.number}/filter_state"
    maker = world.caller("acme", "maker", roles=["maker"])
    key = maker.post(path, {"value": json.dumps({"of": "acme"})}).json["key"]
    assert maker.get(f"{path}/{key}").json["value"] == json.dumps({"of": "acme"})
    answer = world.caller("globex", "maker", roles=["maker"]).get(f"{path}/{key}")
    assert "acme" not in answer.text, answer


def test_a_form_of_explore_is_found_in_its_own_view_alone(world):
    made = world.maker.post("/api/v1/explore/form_data", {"datasource_id": world.dataset, "datasource_type": "table",
                                                          "form_data": json.dumps({"of": "acme"})})
    assert made.status == 201, made
    key = made.json["key"]
    assert "acme" in world.maker.get(f"/api/v1/explore/form_data/{key}").text
    assert "acme" not in world.caller("globex", "maker", roles=["maker"]).get(f"/api/v1/explore/form_data/{key}").text


def entries(world):
    client = world.redis.client()
    return {key: client.get(key) for key in client.keys("*")}


def test_what_lies_in_redis_tells_no_rows_and_no_names(world):
    for tenant in world.tenants:
        seen(world, tenant, world.caller(tenant), bi.chart_query(world.dataset, columns=["note"]))
        for name in LISTS:
            listed(world, name, tenant)
    found = entries(world)
    assert len(found) >= 6
    for value in found.values():
        assert not any(word in value for word in (b"canary", b"only_", b"own_", b"pandas", b"note")), value[:200]


FORGED = {
    "a pickle in clear": lambda own, other: b"!" + pickle.dumps({"df": None, "query": "planted"}),
    "another view's": lambda own, other: other,
    "changed": lambda own, other: own[:-1] + bytes([own[-1] ^ 1]),
    "cut": lambda own, other: own[:9],
    "nothing": lambda own, other: b"",
}


@pytest.mark.parametrize("how", FORGED)
def test_what_somebody_wrote_into_redis_is_not_there(world, how):
    query = bi.chart_query(world.dataset, columns=["note"])
    for tenant in world.tenants:
        seen(world, tenant, world.caller(tenant), query)
    data = {key: value for key, value in entries(world).items() if key.startswith(b"rg.data.")}
    (own, own_value), = [item for item in data.items() if planeworld.view_of("acme").encode() in item[0]]
    (_, other_value), = [item for item in data.items() if planeworld.view_of("globex").encode() in item[0]]
    world.redis.client().set(own, FORGED[how](own_value, other_value))
    begun = len(world.plane.logins)
    assert not seen(world, "acme", world.caller("acme"), query)["is_cached"]
    assert world.plane.since(begun)


def test_without_the_secret_nothing_is_stored_or_found(world):
    query = bi.chart_query(world.dataset, columns=["note"])
    seen(world, "acme", world.caller("acme"), query)
    before = set(entries(world))
    blind = bi.Caller(world.superset.url, lambda: {"X-Rowgate-Identity": world.identity("acme"), "X-Rowgate-Capsule": world.capsule("acme")})
    for _ in range(2):
        assert not seen(world, "acme", blind, query)["is_cached"]
    assert set(entries(world)) == before


def test_every_key_is_in_a_views_room(world):
    for tenant in world.tenants:
        seen(world, tenant, world.caller(tenant), bi.chart_query(world.dataset, columns=["note"]))
        for name in LISTS:
            listed(world, name, tenant)
    views = {planeworld.view_of(tenant) for tenant in world.tenants}
    keys = [key.decode() for key in world.redis.client().keys("*")]
    assert keys and {key.split(".")[2] for key in keys} == views, keys


def test_without_the_view_key_the_leak_shows():
    """The worst there is: Superset's own cache and keys, a person of globex is shown acme's rows, tables and schemas."""
    with made_world(WITHOUT_VIEW) as leaky:
        query = bi.chart_query(leaky.dataset, columns=["note"])
        seen(leaky, "acme", leaky.caller("acme"), query)
        stolen = leaky.caller("globex").post("/api/v1/chart/data", query)
        assert "canary of acme" in stolen.text and "canary of globex" not in stolen.text
        for name in LISTS:
            listed(leaky, name, "acme")
            assert listed(leaky, name, "globex") == ["acme"]


def test_another_cache_than_ours_still_keeps_charts_apart():
    """DATA_CACHE_CONFIG of one's own: the view is part of the key of a chart's data in any cache. The lists of names are not safe there."""
    with made_world(PLAIN) as plain:
        query = bi.chart_query(plain.dataset, columns=["note"])
        for tenant in ("acme", "globex", "acme", "globex"):
            seen(plain, tenant, plain.caller(tenant), query)
        assert seen(plain, "acme", plain.caller("acme"), query)["is_cached"]


def test_rowgate_blocks_the_leak_that_superset_would_make():
    """The same without the view key, behind rowgate: what was stored for acme leaves for nobody else (docs/cache-guard.md)."""
    with bistack.BiStack(more=WORST + WITHOUT_VIEW) as leaky:
        query = bi.chart_query(leaky.dataset, columns=["note"])
        assert "acme note" in leaky.caller("acme").post("/api/v1/chart/data", query).text
        stolen = leaky.caller("globex").post("/api/v1/chart/data", query)
        assert stolen.status == 502 and stolen.json["rule"] == "http.cache.leak" and "note" not in stolen.text, stolen
        leaks = [record["unmapped"]["rg"] for record in leaky.audit_records() if record["unmapped"]["rg"]["kind"] == "cache.leak"]
        assert [(leak["tenant"], leak["reference"]) for leak in leaks] == [("globex", stolen.json["instance"]), ("acme", stolen.json["instance"])]
        assert "acme note" in leaky.caller("acme").post("/api/v1/chart/data", query).text  # its own is still its own


def reloaded(leaky):
    text = leaky.config_text().replace('name = "own schema"', 'name = "own schema, as before"')
    assert leaky.reload(text) == "policy.reloaded"


def test_a_reload_of_the_policies_and_another_claim_start_with_nothing():
    with bistack.BiStack(more=WORST) as world:
        query = bi.chart_query(world.dataset, columns=["note"])
        first = world.caller("acme").post("/api/v1/chart/data", query).json["result"][0]
        again = world.caller("acme", "amy").post("/api/v1/chart/data", query).json["result"][0]
        assert again["is_cached"] and again["cache_key"] == first["cache_key"]  # another person of the same view
        other = world.caller("acme", roles=["analyst", "maker"]).post("/api/v1/chart/data", query).json["result"][0]
        assert not other["is_cached"] and other["cache_key"] != first["cache_key"]
        reloaded(world)
        after = world.caller("acme").post("/api/v1/chart/data", query).json["result"][0]
        assert not after["is_cached"] and after["cache_key"] not in (first["cache_key"], other["cache_key"])
        assert world.caller("acme").post("/api/v1/chart/data", query).json["result"][0]["is_cached"]
