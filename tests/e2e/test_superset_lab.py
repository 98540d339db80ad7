# SPDX-License-Identifier: Apache-2.0
"""Superset's SQL Lab, datasets and reflection between both planes of rowgate, as analysts of two tenants use them: a real Superset with
Redis and a Celery worker, whose database is the listener for capsules."""
import csv
import io
import json
import re
import threading
import urllib.parse
import uuid

import pytest

import bi
import labstack

pytestmark = pytest.mark.external

# What each tenant has that the other must not see the name, the text or the shape of.
FILL = "".join(f"""
CREATE TYPE t_{name}.{name}_mood AS ENUM ('{name} sad', '{name} happy');
CREATE DOMAIN t_{name}.{name}_code AS text CHECK (value ~ '^{name}');
CREATE TABLE t_{name}.{name}_own (id int PRIMARY KEY, mood t_{name}.{name}_mood, code t_{name}.{name}_code);
INSERT INTO t_{name}.{name}_own VALUES (1, '{name} happy', '{name}-1');
CREATE VIEW t_{name}.{name}_paid AS SELECT * FROM t_{name}.orders WHERE status = 'paid';
CREATE FUNCTION t_{name}.{name}_secret() RETURNS int LANGUAGE sql AS 'SELECT 1';
COMMENT ON SCHEMA t_{name} IS 'schema of {name}';
COMMENT ON TABLE t_{name}.orders IS 'orders of {name}';
COMMENT ON COLUMN t_{name}.orders.note IS 'note of {name}';
ALTER TABLE t_{name}.orders ADD CONSTRAINT {name}_amount CHECK (amount > 0);
CREATE INDEX {name}_placed ON t_{name}.orders (placed);
GRANT SELECT ON ALL TABLES IN SCHEMA t_{name} TO rowgate;
""" for name in ("acme", "globex"))
OTHER = {"acme": "globex", "globex": "acme"}
TENANTS = sorted(OTHER)


@pytest.fixture(scope="module")
def lab():
    with labstack.LabStack(fill=FILL) as running:
        yield running


def analyst(lab, tenant):
    return lab.caller("alice" if tenant == "acme" else "gina", tenant)


def other_is_absent(tenant, answer):
    """Neither its names nor its texts, nor the physical schema of anybody."""
    text = answer.text
    assert OTHER[tenant] not in text and not re.search(r"\bt_(acme|globex)\b", text), text[:3000]


def of(answer):
    assert answer.status == 200, answer
    return answer.json["result"]


def plain(row):
    return [value if isinstance(value, str) else float(value) for value in row]


# ---- SQL Lab ----

# Superset puts a LIMIT of its own where the statement has one.
SHAPES = {
    "count": "select count(*) as n, sum(amount) as s from orders",
    "cte and join": "with big as (select * from orders where amount > 100) select c.country, count(*) as n from big b"
                    " join customers c on c.id = b.customer_id group by 1 order by 1",
    "window": "select id, rank() over (order by amount desc) as r from orders order by id",
    "qualified": "select note from sales.orders where id < 4 order by id",
    "lateral": "select o.id, i.sku from orders o cross join lateral (select sku from order_items i where i.order_id = o.id order by sku limit 1) i"
               " where o.id < 6 order by 1",
}


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sql_lab_gives_the_tenants_own_rows(lab, tenant, shape):
    rows = analyst(lab, tenant).sql_rows(lab.database, SHAPES[shape])
    native = re.sub(r"\b(orders|customers|order_items)\b(?! (o|i)\b\.)", lambda found: f"sales.{found[1]}",
                    SHAPES[shape].replace("sales.", ""))
    expected = lab.native(native, tenant)
    assert expected and [plain(row.values()) for row in rows] == [plain(row) for row in expected]


def test_the_same_statement_by_celerys_worker(lab):
    lab.maker.ask("PUT", f"/api/v1/database/{lab.database}", {"allow_run_async": True})
    try:
        for tenant in TENANTS:
            rows = analyst(lab, tenant).sql_rows(lab.database, "select min(note) as first, count(*) as n from orders", is_async=True)
            assert [tuple(rows[0].values())] == [tuple(row) for row in lab.native("select min(note), count(*) from sales.orders", tenant)]
    finally:
        lab.maker.ask("PUT", f"/api/v1/database/{lab.database}", {"allow_run_async": False})


REFUSED = ["select * from t_{other}.orders", "select * from pg_catalog.pg_authid", "select pg_read_file('/etc/passwd')",
           "select * from shared.secret", "insert into orders (id) values (100000)", "delete from orders", "drop table orders",
           "set role postgres", "copy orders to '/tmp/x'", "select * from {other}_own", "select pg_terminate_backend(pid) from pg_stat_activity", "create table sales.stolen as select * from orders"]


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_not_allowed_is_refused_and_the_page_is_told_why(lab, tenant, sql):
    answer = analyst(lab, tenant).sql(lab.database, sql.format(other=OTHER[tenant]))
    assert answer.status in (400, 403, 500) and answer.json["errors"][0]["message"], answer
    assert "note" not in answer.text and "root:" not in answer.text


# ---- what the pages list ----

@pytest.mark.parametrize("tenant", TENANTS)
def test_nothing_of_the_other_tenant_is_listed_anywhere(lab, tenant):
    caller, base = analyst(lab, tenant), f"/api/v1/database/{lab.database}"
    schemas = caller.get(f"{base}/schemas/?q=(force:!t)")
    assert "sales" in of(schemas)
    tables = caller.get(f"{base}/tables/?q=(schema_name:sales,force:!t)")
    assert {row["value"] for row in of(tables)} == {"orders", "customers", "order_items", f"{tenant}_own", f"{tenant}_paid"}
    orders = caller.get(f"{base}/table_metadata/?name=orders&schema=sales")
    own = caller.get(f"{base}/table_metadata/?name={tenant}_own&schema=sales")
    for answer in (schemas, tables, orders, own, caller.get(f"{base}/catalogs/"), caller.get(f"{base}/function_names/"),
                   caller.get(f"{base}/select_star/orders/sales/"), caller.get(f"{base}/table_metadata/extra/?name=orders&schema=sales")):
        assert answer.status == 200, answer
        other_is_absent(tenant, answer)
    assert [column["name"] for column in orders.json["columns"]] == ["id", "customer_id", "amount", "status", "placed", "note"]
    assert [(key["referred_schema"], key["referred_table"]) for key in orders.json["foreignKeys"]] == [("sales", "customers")]
    assert orders.json["comment"] == f"orders of {tenant}"
    assert {column["name"]: column["comment"] for column in orders.json["columns"]}["note"] == f"note of {tenant}"
    assert f"{tenant}_placed" in {index["name"] for index in orders.json["indexes"]}  # keys of any kind; of the primary one Superset loses the columns


@pytest.mark.parametrize("tenant", TENANTS)
def test_what_is_asked_by_the_others_name_is_not_there(lab, tenant):
    caller, base = analyst(lab, tenant), f"/api/v1/database/{lab.database}"
    for name in (f"t_{OTHER[tenant]}", f"t_{tenant}"):
        tables = caller.get(f"{base}/tables/?q=(schema_name:{name},force:!t)")
        assert tables.status != 200 or tables.json["result"] == [], tables
        table = caller.get(f"{base}/table_metadata/?name=orders&schema={name}")
        assert table.status != 200 or not table.json["columns"], table
    table = caller.get(f"{base}/table_metadata/?name={OTHER[tenant]}_own&schema=sales")
    assert table.status != 200 or not table.json["columns"], table


CATALOGUE = ["select nspname from pg_namespace", "select relname from pg_class", "select typname from pg_type", "select enumlabel from pg_enum",
             "select description from pg_description", "select conname from pg_constraint", "select proname from pg_proc",
             "select indexdef from pg_indexes", "select viewname, definition from pg_views", "select table_schema, table_name from information_schema.tables",
             "select query, usename from pg_stat_activity", "select attname, most_common_vals from pg_stats",
             "select 't_acme.orders'::regclass::text, 't_globex.orders'::regclass::text"]


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("sql", CATALOGUE)
def test_the_catalogue_in_sql_lab_tells_nothing_of_the_other(lab, tenant, sql):
    answer = analyst(lab, tenant).sql(lab.database, sql)
    text = json.dumps([list(row.values()) for row in answer.json["data"]] if answer.status == 200 else answer.json["errors"])
    assert OTHER[tenant] not in text and f"t_{tenant}" not in text, text[:2000]


# ---- datasets ----

@pytest.fixture(scope="module")
def virtual(lab):
    sql = ("with o as (select * from orders where amount > 10) select o.id, o.note, c.country, o.placed from o"
           " join customers c on c.id = o.customer_id")
    return lab.maker.made("/api/v1/dataset/", {"database": lab.database, "schema": "sales", "table_name": "virtual", "sql": sql})


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_virtual_dataset_is_each_tenants_own(lab, virtual, tenant):
    answer = lab.caller("owner", tenant, ("maker",)).chart_data(
        virtual, columns=["note"], filters=[{"col": "country", "op": "==", "val": "de"}], orderby=[["note", True]])
    expected = lab.native("select o.note from sales.orders o join sales.customers c on c.id = o.customer_id"
                          " where o.amount > 10 and c.country = 'de' group by 1 order by 1", tenant)
    assert sorted(row["note"] for row in bi.rows(answer)) == sorted(row[0] for row in expected)
    other_is_absent(tenant, answer)


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_dataset_made_of_an_own_table_knows_its_types(lab, tenant):
    owner = lab.caller("owner", tenant, ("maker",))
    made = owner.dataset(lab.database, f"{tenant}_own")
    columns = owner.get(f"/api/v1/dataset/{made}")
    assert [column["column_name"] for column in of(columns)["columns"]] == ["id", "mood", "code"]
    other_is_absent(tenant, columns)
    samples = owner.post(f"/datasource/samples?force=true&datasource_type=table&datasource_id={made}", {})
    assert of(samples)["data"] == [{"id": 1, "mood": f"{tenant} happy", "code": f"{tenant}-1"}]
    values = owner.get(f"/api/v1/datasource/table/{made}/column/mood/values/")
    assert of(values) == [f"{tenant} happy"]


# ---- estimate, upload, export ----

def test_the_estimate_is_of_the_own_rows_and_names_nothing(lab):
    lab.maker.ask("PUT", f"/api/v1/database/{lab.database}", {"extra": json.dumps({"cost_estimate_enabled": True})})
    for tenant in TENANTS:
        answer = analyst(lab, tenant).post("/api/v1/sqllab/estimate/", {"database_id": lab.database, "schema": "sales", "sql": "select * from orders"})
        assert {"Start-up cost", "Total cost"} <= of(answer)[0].keys(), answer
        other_is_absent(tenant, answer)
        refused = analyst(lab, tenant).post("/api/v1/sqllab/estimate/", {
            "database_id": lab.database, "schema": "sales", "sql": f"select * from t_{OTHER[tenant]}.orders"})
        assert refused.status != 200 or not refused.json["result"], refused


def upload(caller, database, table):
    mark = uuid.uuid4().hex
    fields = {"type": "csv", "schema": "sales", "table_name": table, "already_exists": "replace"}
    body = "".join(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    body += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\nContent-Type: text/csv\r\n\r\nid,note\r\n1,mine\r\n\r\n--{mark}--\r\n'
    return caller.post(f"/api/v1/database/{database}/upload/", body=body.encode(), headers={"Content-Type": f"multipart/form-data; boundary={mark}"})


def test_an_upload_is_refused_by_policy_and_leaves_no_table(lab):
    lab.maker.ask("PUT", f"/api/v1/database/{lab.database}", {
        "allow_file_upload": True, "extra": json.dumps({"cost_estimate_enabled": True, "schemas_allowed_for_file_upload": ["sales"]})})
    for table in ("uploaded", "orders"):
        answer = upload(lab.maker, lab.database, table)
        assert answer.status in (400, 403, 422, 500), answer
    names = lab.server.psql("-Atc", "select relname from pg_class where relname = 'uploaded'", dbname="bi")
    assert names.stdout == "" and lab.native("select count(*) from sales.orders") == [(300,)]


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_csv_is_streamed_whole_by_a_cursor(lab, tenant):
    caller = analyst(lab, tenant)
    ran = caller.sql(lab.database, "select id, note from orders order by id")
    assert ran.status == 200, ran
    key = ran.json["query"]["id"]
    answer = caller.post("/api/v1/sqllab/export_streaming/", body=urllib.parse.urlencode({"client_id": key, "expected_rows": "300"}).encode(),
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200, answer
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert [tuple(row) for row in rows[1:]] == [(str(number), note) for number, note in lab.native("select id, note from sales.orders order by id", tenant)]
    assert any(b"DECLARE" in path.read_bytes() for path in (lab.audit / "seg").glob("*.jsonl"))


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_chart_is_exported_whole(lab, virtual, tenant):
    form = {"form_data": json.dumps(bi.chart_query(virtual, "csv", columns=["id", "note"]))}
    answer = lab.caller("owner", tenant, ("maker",)).post("/api/v1/chart/data", body=urllib.parse.urlencode(form).encode(),
                                                          headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200, answer
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))[1:]
    assert sorted((int(number), note) for number, note in rows) == lab.native("select id, note from sales.orders where amount > 10 order by id", tenant)


# ---- the stop button ----

SLOW = "select count(*) as n from orders a, orders b, orders c, orders d where a.note < b.note and b.note < c.note and c.note < d.note"


def start(caller, database, client):
    answers = []
    content = {"client_id": client, "database_id": database, "runAsync": False, "schema": "sales", "sql": SLOW, "sql_editor_id": "1", "tab": "t",
               "tmp_table_name": "", "select_as_cta": False, "ctas_method": "TABLE", "queryLimit": 1000, "expand_data": True}
    thread = threading.Thread(target=lambda: answers.append(caller.post("/api/v1/sqllab/execute/", content)), daemon=True)
    thread.start()
    return thread, answers


def virtual_pid(lab, client):
    """What Superset has kept as the number of the backend."""
    import sqlite3
    with sqlite3.connect(lab.superset.database, timeout=60) as database:
        row = database.execute("select extra_json from query where client_id = ? and status = 'running'", (client,)).fetchone()
    return json.loads(row[0]).get("cancel_query") if row and row[0] else None


def test_the_stop_button_stops_ones_own_statement_and_nobody_elses(lab):
    client = uuid.uuid4().hex[:10]
    thread, answers = start(analyst(lab, "acme"), lab.database, client)
    number = bi.wait_until(lambda: virtual_pid(lab, client), "the number of the statement")
    busy = "select count(*) from pg_stat_activity where state = 'active' and query like '%d.note%' and pid <> pg_backend_pid()"
    bi.wait_until(lambda: lab.server.psql("-Atc", busy, dbname="bi").stdout.strip() == "1", "the statement at the database")
    backends = lab.server.psql("-Atc", "select pid from pg_stat_activity", dbname="bi").stdout.split()
    assert str(number) not in backends  # a number of rowgate's, not the server's
    for stranger in (analyst(lab, "globex"), lab.caller("bob", "acme")):
        # Superset thinks that anybody may stop what he can name, and believes to have done it: it asks the database
        assert stranger.post("/api/v1/query/stop", {"client_id": client}).status == 200
    lab.query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid='{number}'", "globex")
    lab.query(f"SELECT pg_cancel_backend({number})", "globex")
    assert lab.server.psql("-Atc", busy, dbname="bi").stdout.strip() == "1" and thread.is_alive()
    own = analyst(lab, "acme").post("/api/v1/query/stop", {"client_id": client})
    assert own.status == 200, own
    thread.join(60)
    assert not thread.is_alive()
    bi.wait_until(lambda: lab.server.psql("-Atc", busy, dbname="bi").stdout.strip() == "0", "the end of the statement")
    assert answers[0].status != 200 or answers[0].json["status"] == "stopped", answers
