# SPDX-License-Identifier: Apache-2.0
"""deploy/rowgate_superset in a real Superset: every road on which it asks a database carries the caller's capsule, and where there
is no capsule nothing is sent that opens anything. Twice: charts at once and by global async queries, Celery's worker with processes
and with threads."""
import io
import json
import re
import sqlite3
import time
import urllib.parse
import zipfile

import pytest

import bi
import planeworld

pytestmark = pytest.mark.external

MORE = """
import superset_probe
FLASK_APP_MUTATOR = superset_probe.add_routes
FEATURE_FLAGS = {**FEATURE_FLAGS, "ALERT_REPORTS": True, "GLOBAL_ASYNC_QUERIES": %s, "ESTIMATE_QUERY_COST": True, "DRILL_TO_DETAIL": True}
ROWGATE_REPORTS = {"rg.acme": ("acme_reports", "env:ACME_REPORTS")}
CSV_STREAMING_ROW_THRESHOLD = 10
ALERT_REPORTS_NOTIFICATION_DRY_RUN = True
"""
REPORTS_PASSWORD = "the narrow account's password"
CAPSULE = re.compile(r"rgc1\.[0-9a-f]{32}")


@pytest.fixture(scope="module", params=["prefork", "threads"])
def world(request):
    more = MORE % (request.param == "threads")
    with planeworld.World(more=more, pool=request.param, environment={"ACME_REPORTS": REPORTS_PASSWORD}) as made:
        made.is_async = request.param == "threads"
        made.number, made.chart, made.uuid = made.maker.dashboard(made.dataset)
        made.plane.live[REPORTS_PASSWORD] = "acme"
        yield made
        assert not [login for login in made.plane.logins if "stored" in login.password or "stored" in login.user]


def data(world, caller, answer):
    return caller.data_when_ready(answer).text if world.is_async and answer.status == 202 else answer.text


def sheet(answer):
    return answer.text if answer.status != 200 else zipfile.ZipFile(io.BytesIO(answer.body)).read("xl/sharedStrings.xml").decode()


def form(query):
    return {"body": urllib.parse.urlencode({"form_data": json.dumps(query)}).encode(),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


def estimate(world, caller):
    return caller.post("/api/v1/sqllab/estimate/", {"database_id": world.database, "schema": "sales", "sql": "select * from orders"}).text


NOTES = "select note from orders order by id limit 3"
ROADS = {
    "chart": lambda w, c: data(w, c, c.chart_data(w.dataset, columns=["note"], force=True)),
    "samples": lambda w, c: data(w, c, c.chart_data(w.dataset, kind="samples", force=True)),
    "drill to detail": lambda w, c: c.post(f"/datasource/samples?datasource_type=table&datasource_id={w.dataset}&force=true", {}).text,
    "column values": lambda w, c: c.get(f"/api/v1/datasource/table/{w.dataset}/column/note/values/").text,
    "CSV": lambda w, c: c.chart_data(w.dataset, form="csv", columns=["note"], force=True).text,
    "CSV by a form": lambda w, c: c.post("/api/v1/chart/data", **form(bi.chart_query(w.dataset, "csv", columns=["note"], force=True))).text,
    "CSV that streams": lambda w, c: c.chart_data(w.dataset, form="csv", columns=["note"], form_data={"row_limit": 20}, force=True).text,
    "XLSX": lambda w, c: sheet(c.chart_data(w.dataset, form="xlsx", columns=["note"], force=True)),
    "saved chart": lambda w, c: data(w, c, c.get(f"/api/v1/chart/{w.chart}/data/?force=true")),
    "SQL Lab": lambda w, c: c.sql(w.database, NOTES).text,
    "SQL Lab by Celery": lambda w, c: json.dumps(c.sql_rows(w.database, NOTES, is_async=True)),
    "tables": lambda w, c: c.get(f"/api/v1/database/{w.database}/tables/?q=(force:!t,schema_name:sales)").text,
    "schemas": lambda w, c: c.get(f"/api/v1/database/{w.database}/schemas/?q=(force:!t)").text,
}
REFLECTED = {"tables": "only_{}", "schemas": "own_{}"}


def canary(road, tenant):
    return REFLECTED.get(road, "canary of {}").format(tenant)


def travel(world, road, caller):
    """What came of it; a refusal is a text, too."""
    try:
        return ROADS[road](world, caller)
    except RuntimeError as refused:
        return str(refused)


@pytest.mark.parametrize("road", ROADS)
def test_every_road_carries_the_callers_capsule(world, road):
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        begun = len(world.plane.logins)
        text = travel(world, road, world.caller(tenant))
        assert canary(road, tenant) in text and canary(road, other) not in text, text[:2000]
        logins = world.plane.since(begun)
        assert logins and {login.tenant for login in logins} == {tenant}, logins
        assert {login.user for login in logins} == {world.username(tenant)}
        assert all(CAPSULE.fullmatch(login.password) for login in logins)


@pytest.mark.parametrize("road", ROADS)
def test_without_a_capsule_no_road_opens_anything(world, road):
    begun = len(world.plane.logins)
    text = travel(world, road, world.caller("acme", capsule=""))
    assert "canary of" not in text and "only_" not in text and "own_" not in text, text[:2000]
    logins = world.plane.since(begun)
    assert logins and {(login.password, login.tenant) for login in logins} == {("none", None)}, logins


@pytest.mark.parametrize("road", ROADS)
def test_a_capsule_that_is_over_opens_nothing(world, road):
    begun = len(world.plane.logins)
    text = travel(world, road, world.caller("acme", capsule="rgc1.over"))
    assert "canary of" not in text and "only_" not in text and "own_" not in text, text[:2000]
    assert {login.tenant for login in world.plane.since(begun)} == {None}


def test_the_estimate_of_a_query_carries_the_capsule(world):
    begun = len(world.plane.logins)
    assert "cost" in estimate(world, world.caller("acme")).lower()
    assert {login.tenant for login in world.plane.since(begun)} == {"acme"}


def guest_query(world, **changes):
    return bi.chart_query(world.dataset, columns=["note"], force=True, form_data={"slice_id": world.chart, "dashboardId": world.number}, **changes)


def filter_query(world):
    return bi.chart_query(world.dataset, columns=["note"], force=True, form_data={
        "type": "NATIVE_FILTER", "native_filter_id": "NATIVE_FILTER-1", "dashboardId": world.number})


GUEST_ROADS = {
    "chart": lambda w, c: data(w, c, c.post("/api/v1/chart/data", guest_query(w))),
    "native filter": lambda w, c: data(w, c, c.post("/api/v1/chart/data", filter_query(w))),
    "CSV by a form": lambda w, c: c.post("/api/v1/chart/data", **form(guest_query(w) | {"result_format": "csv"})).text,
    "drill to detail": lambda w, c: c.post(
        f"/datasource/samples?datasource_type=table&datasource_id={w.dataset}&dashboard_id={w.number}&force=true", {}).text,
}


@pytest.mark.parametrize("road", GUEST_ROADS)
def test_a_guests_roads_carry_the_guests_capsule(world, road):
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        begun = len(world.plane.logins)
        text = GUEST_ROADS[road](world, world.guest(tenant, world.uuid))
        assert f"canary of {tenant}" in text and f"canary of {other}" not in text, text[:2000]
        assert {login.tenant for login in world.plane.since(begun)} == {tenant}


def test_the_capsule_in_a_guests_own_token_serves_where_no_header_came(world):
    text = GUEST_ROADS["chart"](world, world.guest("globex", world.uuid, has_header=False))
    assert "canary of globex" in text and "canary of acme" not in text, text


def test_a_guest_of_no_capsule_gets_nothing(world):
    begun = len(world.plane.logins)
    try:
        text = GUEST_ROADS["chart"](world, world.guest("globex", world.uuid, capsule=""))
    except RuntimeError as refused:
        text = str(refused)
    assert "canary of" not in text
    assert {login.password for login in world.plane.since(begun)} == {"none"}


GUEST_REFUSED = {
    "a table of SQL Lab": lambda w, c: c.sql(w.database, NOTES),
    "another chart": lambda w, c: c.chart_data(w.dataset, columns=["id"], force=True),
    "the databases": lambda w, c: c.get("/api/v1/database/"),
}


@pytest.mark.parametrize("what", GUEST_REFUSED)
def test_a_guest_may_see_his_dashboard_and_no_more(world, what):
    begun = len(world.plane.logins)
    assert GUEST_REFUSED[what](world, world.guest("acme", world.uuid)).status in (401, 403, 404)
    assert not world.plane.since(begun)


def test_a_guest_token_that_has_no_marker_is_nobody(world):
    now = time.time()
    claims = {"user": {"username": "somebody"}, "resources": [{"type": "dashboard", "id": world.uuid}], "rls_rules": [], "iat": now,
              "exp": now + 60, "aud": "superset", "type": "guest"}
    marker = f"rg.acme.{planeworld.view_of('acme')}"
    other = f"rg.globex.{planeworld.view_of('globex')}"
    for user, clause in (("somebody", f"'{marker}' = '{marker}'"), (f"{marker}.1", "1 = 1"), (f"{marker}.1", f"'{other}' = '{other}'")):
        made = claims | {"user": {"username": user}, "rls_rules": [{"clause": clause}]}
        caller = bi.Caller(world.superset.url, {"X-GuestToken": world.sign(made), "X-Rowgate-Capsule": world.capsule("acme")})
        assert caller.get("/api/v1/me/roles/").status == 401
    narrow = claims | {"user": {"username": f"{marker}.1"}, "rls_rules": [{"clause": f"'{marker}' = '{marker}'", "dataset": 99}]}
    assert bi.Caller(world.superset.url, {"X-GuestToken": world.sign(narrow)}).get("/api/v1/me/roles/").status == 401


def test_superset_itself_can_make_no_guest_token(world):
    answer = world.maker.post("/api/v1/security/guest_token/", {
        "user": {"username": "x"}, "resources": [{"type": "dashboard", "id": world.uuid}], "rls": []})
    assert answer.status >= 400 and "token" not in answer.text.replace("Guest token", ""), answer


def test_streams_of_many_callers_keep_their_capsules_apart(world):
    """Pieces of several answers by the same few threads, in turns."""
    capsules = [f"probe-{number}" for number in range(12)]
    callers = [bi.Caller(world.superset.url, {"X-Rowgate-Capsule": capsule}) for capsule in capsules]
    answers = bi.at_once(*[lambda caller=caller: caller.get("/probe/stream?pieces=40").text for caller in callers])
    assert [set(answer.split()) for answer in answers] == [{capsule} for capsule in capsules]
    nobody = bi.Caller(world.superset.url, {})
    assert all(nobody.get("/probe/stream?pieces=2").text == "\n\n" for _ in range(12))  # on the same threads


def test_tasks_of_many_callers_keep_their_capsules_apart(world):
    capsules = [f"probe-{number}" for number in range(8)] + [""] * 4
    callers = [bi.Caller(world.superset.url, {"X-Rowgate-Capsule": capsule} if capsule else {}) for capsule in capsules]
    answers = bi.at_once(*[lambda caller=caller: caller.get("/probe/task?pause=0.05").json for caller in callers])
    assert answers == [[capsule[::-1]] * 2 for capsule in capsules]
    nobody = bi.Caller(world.superset.url, {})
    assert [nobody.get("/probe/task?pause=0").json for _ in range(6)] == [["", ""]] * 6  # on the same processes and threads


def test_a_retried_task_still_has_its_capsule(world):
    for tenant in ("acme", "globex"):
        capsule = world.capsule(tenant)
        query = urllib.parse.urlencode({"database": world.database, "sql": NOTES})
        kept, text = bi.Caller(world.superset.url, {"X-Rowgate-Capsule": capsule}).get(f"/probe/retry?{query}").json
        assert kept == capsule[::-1] and f"canary of {tenant}" in text, text
    kept, text = bi.Caller(world.superset.url, {}).get(f"/probe/retry?{query}").json
    assert kept == "" and text.startswith("refused:"), text


def test_a_task_that_a_task_began_has_the_same_capsule(world):
    capsule = world.capsule("acme")
    assert bi.Caller(world.superset.url, {"X-Rowgate-Capsule": capsule}).get("/probe/chain").json == [capsule[::-1]] * 2
    assert bi.Caller(world.superset.url, {}).get("/probe/chain").json == ["", ""]


def test_a_thread_of_a_request_has_no_capsule(world):
    """Who starts threads must hand the passage on; nobody gets one by accident."""
    query = urllib.parse.urlencode({"database": world.database, "sql": NOTES})
    begun = len(world.plane.logins)
    text = bi.Caller(world.superset.url, {"X-Rowgate-Capsule": world.capsule("acme")}).get(f"/probe/thread?{query}").text
    assert text.startswith("refused:")
    assert {login.password for login in world.plane.since(begun)} == {"none"}


def alert(world, name, tenant, **more):
    return world.caller(tenant, "maker", roles=["maker"]).made("/api/v1/report/", {
        "type": "Alert", "name": name, "crontab": "0 0 1 1 *", "database": world.database, "sql": "select count(*) from sales.orders",
        "creation_method": "alerts_reports", "validator_type": "operator", "validator_config_json": {"op": ">", "threshold": 100000},
        "dashboard": world.number, "recipients": [], "force_screenshot": False} | more)


def runs(world, number):
    with sqlite3.connect(world.superset.database) as database:
        return database.execute("select state, error_message from report_execution_log where report_schedule_id = ?", (number,)).fetchall()


def run_alert(world, number):
    """As Celery's beat does: nobody asks."""
    begun = len(world.plane.logins)
    done = world.superset.python(f"""
import datetime
from superset.app import create_app
with create_app().app_context():
    from superset.tasks.scheduler import execute
    execute.apply_async(({number},), eta=datetime.datetime.now(datetime.timezone.utc))
""")
    assert done.returncode == 0, done.stderr[-3000:]
    bi.wait_until(lambda: any(state != "Working" for state, _ in runs(world, number)), "the end of the alert")
    return world.plane.since(begun)


def last_state(world, number):
    with sqlite3.connect(world.superset.database) as database:
        return database.execute("select last_state, last_value from report_schedule where id = ?", (number,)).fetchone()


def test_an_alert_runs_as_the_narrow_account_of_its_owners_tenant(world):
    number = alert(world, "many orders", "acme")
    logins = run_alert(world, number)
    assert {(login.user, login.password) for login in logins} == {("acme_reports", REPORTS_PASSWORD)}, runs(world, number)
    assert last_state(world, number) == ("Not triggered", 40.0)


def test_an_alert_of_a_tenant_without_such_an_account_is_refused(world):
    number = alert(world, "many orders of globex", "globex")
    logins = run_alert(world, number)
    assert {(login.password, login.tenant) for login in logins} == {("none", None)}, logins
    assert last_state(world, number)[0] == "Error"


def number_of(world, name):
    with sqlite3.connect(world.superset.database) as database:
        return database.execute("select id from ab_user where username = ?", (name,)).fetchone()[0]


def test_an_alert_that_another_tenant_has_a_hand_in_gets_no_account(world):
    """Superset runs an alert as its owner who changed it last, and lets the others say what is asked and who hears of it."""
    people = {tenant: world.caller(tenant, "maker", roles=["maker"]) for tenant in ("acme", "globex")}
    owners = [people[tenant].get("/api/v1/me/").json["result"]["username"] for tenant in people]
    number = alert(world, "ours and theirs", "globex", owners=[number_of(world, name) for name in owners])
    changed = people["acme"].ask("PUT", f"/api/v1/report/{number}", {"description": "who am I in this?"})
    assert changed.status == 200, changed
    logins = run_alert(world, number)
    assert {(login.password, login.tenant) for login in logins} == {("none", None)}, logins
    assert last_state(world, number) == ("Error", None)


def test_the_narrow_account_is_for_alerts_alone(world):
    """Its owner, in a request and in other tasks, without a capsule."""
    begun = len(world.plane.logins)
    travel(world, "SQL Lab by Celery", world.caller("acme", "maker", capsule="", roles=["maker"]))
    travel(world, "SQL Lab", world.caller("acme", "maker", capsule="", roles=["maker"]))
    assert {login.password for login in world.plane.since(begun)} == {"none"}


def test_no_capsule_stays_behind(world):
    """Not in Superset's log, its metadata or its Redis, when all is done."""
    for road in ("chart", "SQL Lab", "SQL Lab by Celery"):
        travel(world, road, world.caller("acme"))
    assert not CAPSULE.search(world.superset.log_path.read_text())
    with sqlite3.connect(world.superset.database) as database:
        assert not CAPSULE.search("\n".join(database.iterdump()))

    def left():
        for number in range(3):
            client = world.redis.client(number)
            for key in client.keys("*"):
                found = client.dump(key)
                if found and b"rgc1." in found:
                    return key
        return None

    bi.wait_until(lambda: left() is None, "a queue without capsules")


STEERED = {
    "connect_args": {"connect_args": {"host": "127.0.0.1", "hostaddr": "127.0.0.1", "port": 1, "password": "x", "user": "y", "sslmode": "disable",
                                      "sslrootcert": "/dev/null", "service": "evil", "passfile": "/dev/null", "options": "-c work_mem=1MB"}},
    "engine": {"echo": True, "encoding": "latin1", "connect_args": {"dsn": "host=127.0.0.1 port=1"}},
}


@pytest.mark.parametrize("how", STEERED)
def test_a_database_cannot_send_capsules_elsewhere(world, how):
    made = world.maker.database(world.uri(), database_name=f"steered by {how}", extra=json.dumps({"engine_params": STEERED[how]}))
    begun = len(world.plane.logins)
    assert "canary of acme" in world.caller("acme").sql(made, NOTES).text
    logins = world.plane.since(begun)
    assert {login.tenant for login in logins} == {"acme"} and {login.user for login in logins} == {world.username("acme")}


OTHERS = {
    "another port": lambda w: w.uri().replace(str(w.plane.port), str(w.plane.server.port)),
    "another name of the host": lambda w: w.uri().replace("localhost", "127.0.0.1"),
    "another host in the query": lambda w: f"postgresql+psycopg2://u:p@/bi?host=localhost&port={w.plane.port}",
    "several hosts": lambda w: f"postgresql+psycopg2://u:p@/bi?host=localhost:{w.plane.port}&host=127.0.0.1:1",
    "another database system": lambda w: w.uri().replace("postgresql+psycopg2", "sqlite"),
}


@pytest.mark.parametrize("how", OTHERS)
def test_another_database_gets_no_connection(world, how):
    begun = len(world.plane.logins)
    answer = world.maker.post("/api/v1/database/", {"database_name": f"other by {how}", "sqlalchemy_uri": OTHERS[how](world)})
    assert answer.status >= 400, answer
    assert not world.plane.since(begun)
