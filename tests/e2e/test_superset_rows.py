# SPDX-License-Identifier: Apache-2.0
"""From a request at rowgate through a real Superset to rows, and back: every road gives a tenant its own rows, by its capsule. Then
Superset is taken over: code in its process, its secrets, its metadata, its Redis. Without a live capsule of a tenant it gets none of
that tenant's rows."""
import json
import re

import pytest

import bistack
import test_superset_sql as sql

pytestmark = pytest.mark.external

# What an intruder would do first: keep every password that goes by.
MORE = """
import json
import rowgate_superset.connection
FEATURE_FLAGS = {**FEATURE_FLAGS, "GLOBAL_ASYNC_QUERIES": True, "CACHE_QUERY_BY_USER": False}
CSV_STREAMING_ROW_THRESHOLD = 10
def DB_CONNECTION_MUTATOR(uri, params, username, security_manager, source):
    uri, params = rowgate_superset.connection.mutate(uri, params, username, security_manager, source)
    with open("kept", "a") as kept:
        kept.write(json.dumps([username, params["connect_args"]["password"]]) + "\\n")
    return uri, params
"""
REFUSAL = "this connection needs a live identity capsule"
NAMES = {"acme": "alice", "globex": "bob"}


@pytest.fixture(scope="module")
def world():
    with bistack.BiStack(more=MORE, pool="prefork") as made:
        made.is_async = True
        made.number, made.chart, made.uuid = made.maker.dashboard(made.dataset)
        yield made


def rg(record):
    return record["unmapped"]["rg"]


def records(world, kind):
    return [record for record in world.audit_records() if rg(record)["kind"] == kind]


ROADS = [road for road in sql.ROADS if road not in ("schemas",)]


@pytest.mark.parametrize("road", ROADS)
def test_every_road_gives_a_tenant_its_own_rows(world, road):
    for tenant, other in (("acme", "globex"), ("globex", "acme")):
        text = sql.travel(world, road, world.caller(tenant))
        if road == "tables":
            assert "orders" in text and "t_acme" not in text and "t_globex" not in text, text[:1500]
        else:
            assert f"{tenant} note" in text and f"{other} note" not in text, text[:1500]


def test_the_statements_of_a_request_carry_its_reference(world):
    begun = len(records(world, "statement"))
    answer = world.caller("acme").sql(world.database, "select note from orders where id = 7")
    assert answer.status == 200, answer
    references = {rg(record).get("reference") for record in records(world, "statement")[begun:]}
    requests = [record for record in records(world, "http.request") if rg(record).get("reference") in references]
    assert len(references) == 1 and requests and {rg(record)["tenant"] for record in requests} == {"acme"}, references


TOOLS = '''
import contextlib, json, os, re, psycopg2
from superset.app import create_app
app = create_app()
app.app_context().push()
from superset import db, security_manager
from superset.models.core import Database
from superset.utils.core import override_user
from rowgate_superset import passage
warehouse = db.session.query(Database).one()
HOST, PORT, CA = "localhost", int(os.environ["SQL_PORT"]), os.environ["ROWGATE_CA_FILE"]
SQL = "select note from sales.orders"

def direct(password, user="whoever", **more):
    try:
        with contextlib.closing(psycopg2.connect(host=HOST, port=PORT, dbname="bi", user=user, password=password, sslmode="verify-full",
                                                 sslrootcert=CA, **more)) as connection, connection.cursor() as cursor:
            cursor.execute(SQL)
            return " ".join(row[0] for row in cursor.fetchall())
    except Exception as error:
        return str(error)

def through_superset(username, capsule=""):
    passage.amend(capsule=capsule)
    try:
        with app.test_request_context(), override_user(security_manager.find_user(username)):
            return warehouse.get_df(SQL, None, "sales").to_csv()
    except Exception as error:
        return str(error)

found = {}
'''


def inside(world, text, **environment):
    """What a script found that runs in Superset's machine."""
    done = world.superset.python(TOOLS + text + "\nprint('FOUND ' + json.dumps(found))",
                                 environment={"SQL_PORT": str(world.sql_port), **environment})
    line = next((line for line in done.stdout.splitlines() if line.startswith("FOUND ")), None)
    assert line, done.stderr[-3000:]
    return json.loads(line[6:])


def kept(world, username):
    """The capsules of a user that the intruder saw."""
    lines = [json.loads(line) for line in (world.superset.directory / "kept").read_text().splitlines()]
    return [password for name, password in lines if name == username and password.startswith("rgc1.")]


def username(world, tenant):
    return world.caller(tenant).get("/api/v1/me/").json["result"]["username"]


def live_capsule(world, tenant):
    """One that Superset has just been given."""
    assert f"{tenant} note" in world.caller(tenant).sql(world.database, "select note from orders").text
    return kept(world, username(world, tenant))[-1]


def test_the_secrets_of_superset_open_nothing(world):
    found = inside(world, '''
import jwt, time, hashlib, hmac, base64
secret, public = app.config["SECRET_KEY"], app.config["ROWGATE_PUBLIC_KEY"]
claims = {"iss": "rowgate", "aud": "superset", "sub": os.environ["BOB"], "tenant": "globex", "roles": [], "iat": int(time.time()), "exp": int(time.time()) + 60}
encode = lambda raw: base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
sealed = encode(hmac.digest(public.encode(), b"globex", "sha256") * 8)
tries = {"stored password": warehouse.sqlalchemy_uri_decrypted.split(":")[2].split("@")[0], "stored in the column": warehouse.password,
         "nothing": "", "none": "none", "SECRET_KEY": secret, "public key": public, "prefix alone": "rgc1.",
         "a token by SECRET_KEY": jwt.encode(claims, secret, algorithm="HS256"), "made up": "rgc1." + sealed,
         "made up and long": "rgc1." + sealed * 16, "not base64": "rgc1.!!!", "the guest role": app.config["GUEST_ROLE_NAME"]}
for name, password in tries.items():
    for user in ("bob", os.environ["BOB"], "rowgate", "postgres", "acme_etl", "admin"):
        found[name + " as " + user] = direct(password, user)
''', BOB=username(world, "globex"))
    assert len(found) >= 60 and all(REFUSAL in text or "no password supplied" in text for text in found.values()), found


def test_being_another_user_in_superset_opens_nothing(world):
    """The intruder decides who Superset believes the caller to be; rowgate asks for the capsule."""
    names = {tenant: username(world, tenant) for tenant in NAMES}
    found = inside(world, '''
for name in ("ALICE", "BOB", "MIA"):
    found[name] = through_superset(os.environ[name])
''', ALICE=names["acme"], BOB=names["globex"], MIA=world.maker.get("/api/v1/me/").json["result"]["username"])
    assert all("note" not in text.replace("not ", "") and REFUSAL in text for text in found.values()), found


def test_ones_own_live_capsule_gives_ones_own_rows_whoever_one_claims_to_be(world):
    capsule = live_capsule(world, "acme")
    found = inside(world, '''
bob, capsule = os.environ["BOB"], os.environ["CAPSULE"]
found["as bob in Superset"] = through_superset(bob, capsule)
found["as bob"] = direct(capsule, bob)
found["as globex"] = direct(capsule, "globex")
found["with options"] = direct(capsule, bob, application_name="globex")
SQL = "select note from t_globex.orders"
found["in globex' schema"] = direct(capsule, bob)
SQL = "select note from sales.orders where 'globex' = 'globex' union all select note from t_globex.orders"
found["by a union"] = direct(capsule, bob)
''', BOB=username(world, "globex"), CAPSULE=capsule)
    assert all("globex note" not in text for text in found.values()), found
    assert all("acme note" in found[name] for name in ("as bob in Superset", "as bob", "as globex", "with options")), found


def test_no_change_to_a_live_capsule_opens_anything(world):
    found = inside(world, '''
capsule = os.environ["CAPSULE"]
for place in range(0, len(capsule), 7):
    other = "A" if capsule[place] != "A" else "B"
    found[f"changed at {place}"] = direct(capsule[:place] + other + capsule[place + 1:])
for size in (6, 20, len(capsule) // 2, len(capsule) - 1):
    found[f"cut at {size}"] = direct(capsule[:size])
found["longer"] = direct(capsule + "A")
found["twice"] = direct(capsule + capsule)
found["upper"] = direct(capsule.upper())
''', CAPSULE=live_capsule(world, "acme"))
    assert len(found) > 30 and all(REFUSAL in text for text in found.values()), found


def test_nothing_that_lies_about_is_a_capsule(world):
    """Redis, the metadata, Superset's log: all passwords of the shape of one are tried."""
    for tenant in NAMES:
        live_capsule(world, tenant)
        sql.travel(world, "SQL Lab by Celery", world.caller(tenant))
        sql.travel(world, "chart", world.caller(tenant))
    found = inside(world, '''
import redis, pathlib, sqlite3
heap = [pathlib.Path(os.environ["LOG"]).read_bytes()]
with sqlite3.connect(os.environ["META"]) as meta:
    heap.append("\\n".join(meta.iterdump()).encode())
for number in range(16):
    client = redis.Redis(port=int(os.environ["REDIS"]), db=number)
    heap += [client.dump(key) or b"" for key in client.keys("*")]
looked = b"\\n".join(heap)
capsules = set(re.findall(rb"rgc1\\.[A-Za-z0-9_-]+", looked))
found["size"] = len(looked)
found["capsules"] = len(capsules)
found["opened"] = [text for text in map(direct, [one.decode() for one in capsules]) if "note" in text]
''', LOG=str(world.superset.log_path), META=str(world.superset.database), REDIS=str(world.redis.port))
    assert found["size"] > 10000 and found["opened"] == [], found


def test_what_lies_in_the_caches_is_of_no_use(world):
    """Rows of globex are in Redis, asked for a moment ago; the intruder has all of Redis and Superset's own code for it."""
    sql.travel(world, "chart", world.caller("globex"))
    sql.travel(world, "SQL Lab by Celery", world.caller("globex"))
    found = inside(world, '''
import redis
from rowgate_superset.caches import ViewCache
from superset.extensions import cache_manager
client = redis.Redis(port=int(os.environ["REDIS"]), db=0)
keys = client.keys("rg.*")
found["entries"] = len(keys)
found["in clear"] = [key.decode() for key in keys if b"globex note" in client.get(key) or b"note" in client.get(key)]
views = {key.split(b".")[2].decode() for key in keys}
found["opened"] = []
secrets = ["", "A" * 43, app.config["SECRET_KEY"], os.environ["CAPSULE"][5:48]]
for view in views:
    for secret in secrets:
        passage.amend(view=view, secret=secret)
        for cache in (cache_manager.cache, cache_manager.data_cache, app.config["RESULTS_BACKEND"]):
            for key in keys:
                try:
                    value = cache.get(key.decode().split(".", 3)[3])
                except Exception:
                    value = None
                if value is not None:
                    found["opened"].append(key.decode())
''', REDIS=str(world.redis.port), CAPSULE=live_capsule(world, "acme"))
    assert found["entries"] >= 2 and found["in clear"] == [] and found["opened"] == [], found


def test_a_ready_charts_address_is_of_use_to_its_own_view_alone(world):
    """Global async queries: where acme's chart can be fetched."""
    alice, bob = world.caller("acme"), world.caller("globex")
    query = sql.bi.chart_query(world.dataset, columns=["note"], row_limit=11)
    answer = alice.post("/api/v1/chart/data", query)
    assert "acme note" in alice.data_when_ready(answer).text
    events = alice.get("/api/v1/async_event/").json["result"]
    address = next(event["result_url"] for event in events if event["job_id"] == answer.json["job_id"] and event["status"] == "done")
    assert "acme note" in alice.get(address).text
    stolen = bob.get(address)
    assert stolen.status >= 400 and "acme note" not in stolen.text, stolen
    assert answer.json["job_id"] not in bob.get("/api/v1/async_event/").text


def test_a_capsule_that_was_kept_dies_with_the_revocation_of_its_holder(world):
    """What a person of globex left in Superset is of use until he is out."""
    caller = world.caller("globex", "zoe")
    assert "globex note" in caller.sql(world.database, "select note from orders").text
    name = caller.get("/api/v1/me/").json["result"]["username"]
    capsule = kept(world, name)[-1]
    assert "globex note" in inside(world, 'found["live"] = direct(os.environ["CAPSULE"])', CAPSULE=capsule)["live"]
    done = world.command("session", "revoke", "--subject", "zoe", "--idp", "main")
    assert done.returncode == 0, done.stderr
    found = inside(world, '''
found["direct"] = direct(os.environ["CAPSULE"])
found["through Superset"] = through_superset(os.environ["ZOE"], os.environ["CAPSULE"])
''', CAPSULE=capsule, ZOE=name)
    assert all(REFUSAL in text for text in found.values()), found


def test_every_refusal_was_28000_and_is_on_record(world):
    failed = records(world, "login.failed")
    assert len(failed) > 90
    assert {record["status_code"] for record in failed} == {"28000"}
    assert {rg(record)["rule"] for record in failed} == {"login.capsule"}
    assert not re.search(r"rgc1\.[A-Za-z0-9_-]{20}", json.dumps(failed))
