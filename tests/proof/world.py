# SPDX-License-Identifier: Apache-2.0
"""The proof's databases, all of one server, and what rowgate is told of them.

  bi             what rowgate's login sees: t_acme, t_globex, shared; the login bypasses row-level security
  twin           the same, but every row that acme may not see has other values of the same width: nothing that
                 acme asks may tell bi and twin apart
  alone          bi without the rows that acme may not see
  native_TENANT  the client's own names (schema sales is the tenant's), PostgreSQL's own row-level security
  shuffled_TENANT the same rows in another physical order and other planner settings: an answer that differs there was
                 never determined by the statement
  masked_TENANT, masked_shuffled_TENANT
                 the same with the masks carried out for good: what a masked identity must be answered
  masked_twin    twin, and what masks hide of the tenant's own rows is different as well

An identity comes in three variants: "plain" (rowgate knows nothing of the database's columns), "snapshot" (it knows them),
"masked" (and some are masked).
"""

import contextlib
import os
import pathlib

import stack

TENANTS = dict(stack.TENANTS)
OTHER = "33333333-3333-3333-3333-333333333333"
REGIONS = ("emea", "apac")

# name -> (type of generate.py, type of PostgreSQL) by table; the same for both tenants
TABLES = {
    "sales.customers": {"id": "int", "name": "text", "country": "text", "vip": "bool", "born": "date", "tags": "texts"},
    "sales.orders": {"id": "int", "customer_id": "int", "amount": "num", "status": "text", "placed": "ts", "note": "text",
                     "payload": "json", "code": "text"},
    "sales.order_items": {"order_id": "int", "line": "int", "sku": "text", "quantity": "int"},
    'sales."Odd Table"': {"id": "int", '"select"': "text", '"Mixed Case"': "num", '"a.b"': "text"},
    "sales.sales": {"id": "int", "sales": "int", "shared": "text"},
    "shared.events": {"id": "int", "tenant_id": "uuid", "kind": "text", "amount": "num", "note": "text", "ts": "ts",
                      "payload": "json", "labels": "texts", "scores": "ints", "day": "date", "flag": "bool", "ratio": "float",
                      "code": "text", "doc": "text"},
    "shared.orders": {"id": "int", "tenant_id": "uuid", "amount": "num", "note": "text", "code": "text"},
    "shared.regional": {"id": "int", "tenant_id": "uuid", "region": "text", "amount": "int"},
    "shared.plain": {"code": "text", "rate": "num", "id": "int"},
}
POSTGRES = {"int": "int", "num": "numeric(12,2)", "text": "text", "bool": "bool", "date": "date", "ts": "timestamptz", "json": "jsonb",
            "texts": "text[]", "ints": "int[]", "uuid": "uuid", "float": "float8"}
KEYS = {"sales.order_items": "order_id, line", "shared.plain": "code"}

HEAD = """\
-- claim tenant_id uuid required = {id}
-- claim regions text[] = {{{regions}}}
-- tenant {tenant} schemas sales=t_{tenant}
-- policy on=sales.* for=select,insert,update,delete isolation=schema
-- policy on=shared.events,shared.orders using=tenant_id = :tenant_id
-- policy on=shared.regional using=tenant_id = :tenant_id and region = any(:regions)
-- policy on=shared.plain
"""
VARIANTS = ("plain", "snapshot", "masked")
# column, mask of rowgate, the same as SQL, what masked_twin has in its place (of the same width)
MASKS = (("shared.events.doc", "with=redact", "'***'", "overlay(doc placing 'zz' from 1)"),
         ("shared.events.amount", "with=null", "NULL", "amount + 1"),
         ("shared.events.labels", "with=null", "NULL", "ARRAY['m9', 'all']"),
         ("shared.orders.code", "with=redact", "'***'", "reverse(code)"),
         ("shared.regional.amount", "with=constant constant=7", "7", "amount + 1"),
         ("sales.orders.note", "with=redact", "'***'", "'mask' || substr(note, 5)"),
         ("sales.customers.born", "with=null", "NULL", "born + 1"))
EXTRA_CONFIG = """\
[[policies]]
name = "shared orders"
on = ["shared.orders"]
for = ["select"]
using = "tenant_id = :tenant_id"
[[policies]]
name = "plain"
on = ["shared.plain"]
for = ["select"]
"""


def create_tables(schema, own):
    """CREATE TABLE for the tables of the logical schema."""
    text = f"CREATE SCHEMA {own};\n"
    for table, columns in TABLES.items():
        if table.startswith(schema + "."):
            body = ", ".join(f"{name} {POSTGRES[kind]}" for name, kind in columns.items())
            text += f"CREATE TABLE {own}.{table.split('.', 1)[1]} ({body}, PRIMARY KEY ({KEYS.get(table, 'id')}));\n"
    return text


def own_rows(schema, tenant, order):
    return f"""
INSERT INTO {schema}.customers SELECT i, '{tenant} customer ' || i, (ARRAY['de','fr','us',null])[i % 4 + 1], i % 3 = 0,
  date '1990-01-01' + i * 100, ARRAY['t' || i % 3, '{tenant}'] FROM generate_series(1, 7) i ORDER BY {order};
INSERT INTO {schema}.orders SELECT i, nullif(i % 8, 0), i * 1.25, (ARRAY['new','paid','sent'])[i % 3 + 1],
  timestamptz '2026-01-01 00:00Z' + i * interval '7 hours', CASE WHEN i % 11 > 0 THEN '{tenant} note ' || i END,
  jsonb_build_object('n', i, 'tags', jsonb_build_array('a', i % 3), 'who', '{tenant}'), lpad(i::text, 6, '0')
  FROM generate_series(1, 16) i ORDER BY {order};
INSERT INTO {schema}.order_items SELECT i, l, 'sku-' || (i + l) % 9, l * i % 7 FROM generate_series(1, 9) i, generate_series(1, 2) l
  ORDER BY {order};
INSERT INTO {schema}."Odd Table" SELECT i, 'odd ' || i, i / 3.0, CASE WHEN i % 2 = 0 THEN '{tenant}' END
  FROM generate_series(1, 5) i ORDER BY {order};
INSERT INTO {schema}.sales SELECT i, i * i AS square, 'shared ' || i FROM generate_series(1, 5) i ORDER BY {order};
"""


# %(word)s and the like are what the two databases bi and twin have different in rows that acme may not see
DIFFERENT = {
    False: {"word": "ZEBRA", "kind": "zkind", "amount": "66600005", "code": "zebra1", "json": '"zebra"', "score": "0", "ratio": "1e308",
            "doc": "<zebra", "day": "-infinity", "flag": "true", "label": "zebra", "region_amount": "0"},
    True: {"word": "OTTER", "kind": "okind", "amount": "77700006", "code": "000002", "json": '"55555"', "score": "7", "ratio": "2e000",
           "doc": "<o/>  ", "day": "2026-03-04", "flag": "false", "label": "otter", "region_amount": "9"},
}


def shared_rows(order, twin_of=None):
    """twin_of: the tenant id whose view must not change while everything else does."""
    foreign = lambda name, column="tenant_id": DIFFERENT[twin_of is not None][name]
    mine = f"t = '{twin_of or TENANTS['acme']}'"
    pick = lambda own, name, kind: f"CASE WHEN {mine} OR t = '{TENANTS['globex']}' AND {str(twin_of is None).lower()} AND i % 4 = 0 " \
                                   f"THEN {own} ELSE {quoted(foreign(name), kind)} END"
    events = f"""
INSERT INTO shared.events SELECT i, t::uuid, {pick("(ARRAY['click','view','buy'])[i % 3 + 1]", "kind", "text")},
  {pick("i * 0.5", "amount", "numeric")}, {pick("CASE WHEN i % 7 > 0 THEN 'own event ' || i END", "word", "text")} || ' event ' || i % 5,
  timestamptz '2026-01-01 00:00Z' + i * interval '5 hours',
  jsonb_build_object('n', {pick("to_jsonb(i)", "json", "jsonb")}, 'deep', jsonb_build_array(i % 3, 'x')),
  ARRAY[{pick("'l' || i % 4", "label", "text")}, 'all'], ARRAY[{pick("i % 5 + 1", "score", "int")}, 2],
  {pick("date '2026-01-01' + i", "day", "date")}, {pick("i % 2 = 0", "flag", "bool")}, {pick("i / 4.0", "ratio", "float8")},
  {pick("lpad(i::text, 6, '0')", "code", "text")}, {pick("'<a>' || i % 9 || '</a>'", "doc", "text")}
  FROM (SELECT i, (ARRAY['{TENANTS['acme']}','{TENANTS['globex']}','{OTHER}'])[i % 3 + 1] AS t FROM generate_series(1, 54) i) s ORDER BY {order};
"""
    orders = f"""
INSERT INTO shared.orders SELECT i, t::uuid, {pick("i * 2", "amount", "numeric")}, {pick("'own order ' || i", "word", "text")},
  {pick("lpad(i::text, 6, '0')", "code", "text")}
  FROM (SELECT i, (ARRAY['{TENANTS['acme']}','{TENANTS['globex']}','{OTHER}'])[i % 3 + 1] AS t FROM generate_series(1, 36) i) s ORDER BY {order};
"""
    hidden = f"(t <> '{twin_of or TENANTS['acme']}' OR r = 'amer')"
    regional = f"""
INSERT INTO shared.regional SELECT i, t::uuid, r, CASE WHEN {hidden} THEN {foreign("region_amount")} ELSE i END AS amount
  FROM (SELECT i, (ARRAY['{TENANTS['acme']}','{TENANTS['globex']}'])[i % 2 + 1] AS t, (ARRAY['emea','apac','amer'])[i % 3 + 1] AS r
        FROM generate_series(1, 36) i) s ORDER BY {order};
INSERT INTO shared.plain SELECT 'c' || i, i / 8.0, i AS id FROM generate_series(1, 6) i ORDER BY {order};
"""
    return events + orders + regional


def quoted(value, kind):
    return f"'{value}'::{kind}"


def physical(twin):
    """bi and twin."""
    text = create_tables("shared", "shared") + shared_rows("i", TENANTS["acme"] if twin else None)
    for tenant in TENANTS:
        rows = own_rows(f"t_{tenant}", tenant, "i")
        text += create_tables("sales", f"t_{tenant}") + (rows.replace("note ", "nope ") if twin and tenant != "acme" else rows)
        text += f"GRANT USAGE ON SCHEMA t_{tenant} TO rowgate; GRANT ALL ON ALL TABLES IN SCHEMA t_{tenant} TO rowgate;"
    return text + "GRANT USAGE ON SCHEMA shared TO rowgate; GRANT SELECT ON ALL TABLES IN SCHEMA shared TO rowgate; VACUUM FULL; ANALYZE;"


def native(tenant, order="i"):
    login = f"rls_{tenant}"
    region = f" AND region = ANY ('{{{','.join(REGIONS)}}}')"
    text = create_tables("shared", "shared") + shared_rows(order) + create_tables("sales", "sales") + own_rows("sales", tenant, order)
    for table in ("events", "orders", "regional"):
        text += f"ALTER TABLE shared.{table} ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON shared.{table} TO {login} USING (" \
                f"tenant_id = '{TENANTS[tenant]}'{region if table == 'regional' else ''});"
    text += f"GRANT USAGE ON SCHEMA sales, shared TO {login}; GRANT SELECT ON ALL TABLES IN SCHEMA shared TO {login};"
    return text + f"GRANT ALL ON ALL TABLES IN SCHEMA sales TO {login}; ANALYZE;"


def masked(native_names, values):
    """UPDATEs. values: 2 = as masked, 3 = what nobody may notice. Masks of rowgate hide NULL as well as a value."""
    text = ""
    for mask in MASKS:
        table, _, column = mask[0].rpartition(".")
        name = table if native_names else table.replace("sales.", "t_acme.")
        text += f"UPDATE {name} SET {column} = {mask[values]};"
    if values == 3:  # back into the order in which the rows were before
        tables = {mask[0].rpartition(".")[0].replace("sales.", "t_acme.") for mask in MASKS}
        text += "".join(f"CLUSTER {table} USING {table.partition('.')[2]}_pkey;" for table in sorted(tables))
    return text + "ANALYZE;"


def alone():
    """What acme may see of bi, and no other row."""
    text = physical(False)
    for table in ("events", "orders", "regional"):
        region = f" OR region <> ALL ('{{{','.join(REGIONS)}}}')" if table == "regional" else ""
        text += f"DELETE FROM shared.{table} WHERE tenant_id <> '{TENANTS['acme']}'{region};"
    return text + "VACUUM FULL; ANALYZE;"


SHUFFLED_SETTINGS = {"enable_hashjoin": "off", "enable_hashagg": "off", "enable_nestloop": "off", "enable_seqscan": "off",
                     "enable_memoize": "off", "from_collapse_limit": "1", "join_collapse_limit": "1"}


class World(stack.Stack):
    """with_rowgate: start rowgate itself too, for the statements that take the whole road."""

    def __init__(self, with_rowgate=True, server_settings=None):
        settings = {"autovacuum": "off", "jit": "off", "max_parallel_workers_per_gather": "0"}
        super().__init__(own_kinds='["select", "insert", "update", "delete"]', extra=EXTRA_CONFIG, durability="written",
                         server_settings=settings | (server_settings or {}))
        self.with_rowgate = with_rowgate

    def _start(self):
        if self.with_rowgate:
            super()._start()
        else:
            self.server.start()
            self._fill()

    def _fill(self):
        self._run(f"CREATE ROLE rowgate LOGIN BYPASSRLS PASSWORD '{stack.PASSWORD}'; ALTER ROLE rowgate SET search_path = pg_catalog;",
                  "postgres")
        databases = {"bi": physical(False), "twin": physical(True), "alone": alone()}
        for tenant in TENANTS:
            self._run(f"CREATE ROLE rls_{tenant} LOGIN PASSWORD 'native'; ALTER ROLE rls_{tenant} SET search_path = sales;", "postgres")
            other = native(tenant, "i * 7919 % 101, i")
            databases |= {f"native_{tenant}": native(tenant), f"shuffled_{tenant}": other}
            databases |= {f"masked_{tenant}": native(tenant) + masked(True, 2), f"masked_shuffled_{tenant}": other + masked(True, 2)}
        databases["masked_twin"] = physical(True) + masked(False, 3)
        for name, text in databases.items():
            self._run(f"CREATE DATABASE {name}", "postgres")
            self._run(text, name)
        self._run("".join(f"ALTER ROLE rls_{tenant} IN DATABASE {prefix}shuffled_{tenant} SET {name} = {value};" for tenant in TENANTS
                          for prefix in ("", "masked_") for name, value in SHUFFLED_SETTINGS.items()), "postgres")

    def _run(self, text, database):
        done = self.server.psql("-q", stdin=text, dbname=database)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def head(self, tenant, variant, relations_query):
        """A file that tests/support/rewrite_server.c reads."""
        directory = pathlib.Path(self.directory)
        text = HEAD.format(tenant=tenant, id=TENANTS[tenant], regions=",".join(REGIONS))
        text += f"-- user rls_{tenant}\n-- database {'masked' if variant == 'masked' else 'native'}_{tenant}\n"
        if variant != "plain":
            name = f"relations-{os.getpid()}.json"  # each worker its own
            text += f"-- snapshot {name}\n"
            (directory / name).write_text(self.server.execute(relations_query, dbname="bi")[0][0])
        if variant == "masked":
            text += "".join(f"-- mask columns={column} {mask}\n" for column, mask, _, _ in MASKS)
        path = directory / f"{tenant}-{variant}-{os.getpid()}.head"
        path.write_text(text)
        return path


@contextlib.contextmanager
def opened(with_rowgate=True):
    with World(with_rowgate) as running:
        yield running
