# SPDX-License-Identifier: Apache-2.0
"""Two locks, each holding alone: the leak suite (the vectors of reference leaks.md and the attacks of test_isolation) is
run under the rewriter alone, under the exported row security alone, and under both. "Alone" means for row security: a
client of PostgreSQL itself, logged in as rowgate's login, in a transaction that begins with the prelude, sends the
attack with the physical names. What counts as a leak there is another tenant's values, in rows, errors or notices; the
catalogue's names are no secret to row security. Statements that forge the settings themselves are tested through
rowgate, whose work it is to refuse them."""
import contextlib
import io
import pathlib
import re
import struct

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import pytest

import stack as stack_module
from test_isolation import ATTACKS
from test_protocol import Wire, error_of, kinds

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors" / "rewrite"

SHARED_POLICIES = """
[[policies]]
name = "tenant"
on = ["shared.orders", "shared.customers"]
for = ["select", "insert", "update", "delete"]
using = "tenant_id = :tenant_id"
[[policies]]
name = "region"
on = ["shared.visits"]
for = ["select"]
using = "tenant_id = :tenant_id and region = any(:regions)"
[[policies]]
name = "everybody"
on = ["shared.currencies"]
for = ["select"]
"""

# Whatever belongs to another tenant holds the word zebra, a number of 666, or a text that only the stack's others have.
FOREIGN = ("zebra", "66600", "globex note", "globex event", "globex customer", "initech event", "nobody may see")

COLUMNS = """id int PRIMARY KEY, tenant_id uuid, region text, customer_id int, amount numeric, note text, email text, name text,
  status text, ts timestamptz, at timestamptz, x int, y int, z int, b text, doc xml, payload jsonb, tags text[]"""
ROW = """i, tenant::uuid, (ARRAY['emea','apac','amer'])[i % 3 + 1], i, money + i, word || ' ' || i, word || i || '@x.y', word, word,
  timestamptz '2026-01-01 00:00Z' + i * interval '1 hour', timestamptz '2026-01-01 00:00Z', i, i, money + i, word,
  xmlparse(content word), jsonb_build_object('ms', money + i, 'w', word), ARRAY[word]"""


def table(name, others=True):
    rows = """(0, '11111111-1111-1111-1111-111111111111', 'acme', 10)"""
    if others:
        rows += """, (1000, '22222222-2222-2222-2222-222222222222', 'zebra', 66600000),
          (2000, '33333333-3333-3333-3333-333333333333', 'zebra', 66600000)"""
    return f"""CREATE TABLE {name} ({COLUMNS});
      INSERT INTO {name} SELECT {ROW.replace('i,', 'base + i,', 1)} FROM (VALUES {rows}) v(base, tenant, word, money),
        generate_series(1, 20) i;
      GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO rowgate;"""


FILL = "".join(table(f"shared.{name}") for name in ("orders", "customers", "visits", "feedback", "dropbox", "archive"))
FILL += "".join(table(f"t_acme.{name}", False) for name in ("a", "b", "archive", "s", "v", "x", "f", "d", "o"))
FILL += "".join(table(f"t_globex.{name}") for name in ("a", "docs", "secret_sheet"))
FILL += """
CREATE TABLE shared.currencies (code text, name text);
INSERT INTO shared.currencies VALUES ('EUR', 'Euro');
GRANT SELECT ON shared.currencies TO rowgate;
CREATE VIEW t_acme.big AS SELECT id, note FROM t_acme.orders WHERE amount > 100;
CREATE VIEW t_globex.hidden_view AS SELECT note FROM t_globex.a;
CREATE MATERIALIZED VIEW t_globex.hidden_matview AS SELECT note FROM t_globex.a;
GRANT SELECT ON t_acme.big, t_globex.hidden_view, t_globex.hidden_matview TO rowgate;
CREATE TABLE t_acme.parent (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE t_acme.parent_1 PARTITION OF t_acme.parent FOR VALUES FROM (0) TO (100);
INSERT INTO t_acme.parent VALUES (1, 'acme part');
CREATE TABLE shared.heir () INHERITS (shared.visits);
INSERT INTO shared.heir (id, tenant_id, note) VALUES (1, '22222222-2222-2222-2222-222222222222', 'zebra heir');
GRANT SELECT ON t_acme.parent, t_acme.parent_1, shared.heir TO rowgate;
ANALYZE;
"""
OWN = '["select", "insert", "update", "delete"]'


def vectors():
    """Every statement of the leak vectors that is plain text."""
    for path in sorted(VECTORS.glob("leak_*.sql")):
        for case in re.split(r"^-- case: ", path.read_text(), flags=re.M)[1:]:
            head, *lines = case.split("\n")
            sql = []
            for line in lines:
                if re.match(r"-- (expect:|unchanged|allow|refuse:)", line):
                    break
                if not re.match(r"-- (protocol|class|effect|tag|relations|escaped)", line):
                    sql.append(line)
            text = "\n".join(sql).strip()
            if text and "-- escaped" not in case and len(text) < 100_000:
                yield f"{path.stem}: {head}", text


SUITE = list(vectors()) + [(attack, attack) for attack in ATTACKS]
# views and the like, whose owner could read everything; children, whose parent alone is named
SUITE += [(text, text) for text in (
    "select * from t_globex.hidden_view", "select * from t_globex.hidden_matview", "select * from shared.heir",
    "select * from shared.visits", "select * from only shared.visits", "select * from shared.feedback",
    "select * from shared.orders where note like 'zebra 1\\'", "select * from shared.orders where note like 'zebra%\\'",
    "select * from shared.orders where 1/(amount - 66600005) > 0", "select * from shared.orders where amount::text::int = 1",
    "select xmlparse(document note) from shared.orders", "select o from shared.orders o", "select to_jsonb(o) from shared.orders o",
    "update shared.orders set note = note || 'x' returning *", "delete from shared.orders returning *",
    "update shared.orders set tenant_id = '22222222-2222-2222-2222-222222222222' returning *",
    "insert into shared.orders (id, tenant_id, note) values (9999, '22222222-2222-2222-2222-222222222222', 'gift') returning *",
    "insert into shared.orders (id, tenant_id) values (1001, '11111111-1111-1111-1111-111111111111') on conflict do nothing returning *",
    "insert into shared.orders (id, tenant_id) values (1001, '11111111-1111-1111-1111-111111111111') on conflict (id) do update"
    " set note = shared.orders.note returning *",
    "copy shared.orders to stdout", "copy t_globex.a to stdout", "copy (select * from shared.orders) to stdout",
    "declare c cursor for select * from shared.orders; fetch all from c",
    "select min(note), max(note), string_agg(name, ',') from shared.orders",
    "merge into shared.orders o using (select 1001 as id) s on o.id = s.id when matched then update set note = 'seen'",
    "select * from shared.orders for update", "table shared.orders", "select count(*) from shared.orders having max(amount) > 1000",
    "explain (analyze, verbose) select * from shared.orders where note like 'zebra%'",
)]


def outcome(connection, sql):
    """All that a client sees of a statement: rows, copied bytes, error fields, notices."""
    connection.notices.clear()
    with connection.cursor() as cursor:
        try:
            if re.match(r"\s*copy\b.*\bto\s+stdout", sql, re.I | re.S):
                copied = io.StringIO()
                cursor.copy_expert(sql, copied)
                return copied.getvalue() + str(connection.notices)
            cursor.execute(sql)
            return str(cursor.fetchall() if cursor.description else "") + str(connection.notices)
        except psycopg2.Error as error:
            diag = error.diag
            return " ".join(str(part) for part in (diag.message_primary, diag.message_detail, diag.message_hint, diag.context,
                                                   diag.internal_query)) + str(connection.notices)


def leaks(sql, text):
    """Foreign values in what came back, less what the attacker wrote himself."""
    for word in sorted(set(re.findall(r"[\w ]+", sql)), key=len, reverse=True):
        if any(canary in word for canary in FOREIGN):
            text = text.replace(word, "")
    return [word for word in FOREIGN if word in text]


def run(open_connection, start, rename):
    """The suite over one connection, each attack in a transaction of its own; who leaked."""
    found, answered = [], 0
    connection = open_connection()
    for name, sql in SUITE:
        if connection.closed:
            connection = open_connection()
        try:
            with connection.cursor() as cursor:
                start(cursor)
            text = outcome(connection, rename(sql))
            answered += bool(re.search(r"^\[\(|^\w+\t", text))
            if leaks(sql, text):
                found.append((name, sql, leaks(sql, text), text[:300]))
        finally:
            with contextlib.suppress(psycopg2.Error):
                connection.rollback()
    connection.close()
    return found, answered


def foreign_rows(running):
    """What no attack may change."""
    return [running.server.execute(f"select md5(string_agg(t::text, ',' order by id)) from {name} t where {where}", dbname="bi")
            for name, where in (("shared.orders", "id > 1000"), ("shared.customers", "id > 1000"), ("t_globex.a", "true"),
                                ("t_globex.orders", "true"), ("shared.visits", "id > 1000"))]


@pytest.fixture(scope="module")
def rewritten():
    with stack_module.Stack(identity="none", own_kinds=OWN, extra=SHARED_POLICIES, fill=FILL) as running:
        yield running


@pytest.fixture(scope="module", params=["set_local", "set_role"])
def locked(request):
    with stack_module.Stack(identity=request.param, own_kinds=OWN, extra=SHARED_POLICIES, fill=FILL,
                            server_settings={"log_statement": "all"}) as running:
        yield running


@pytest.fixture(scope="module", params=["set_local", "set_role"])
def pooled(request):
    with stack_module.Stack(kind="pgbouncer", pool=1, identity=request.param, own_kinds=OWN, extra=SHARED_POLICIES,
                            fill=FILL) as running:
        yield running


def login(running):
    connection = running.server.connect(user="rowgate", password=stack_module.PASSWORD, dbname="bi", autocommit=False)
    connection.set_client_encoding("UTF8")
    with connection.cursor() as cursor: # nobody else is there to stop pg_sleep and the like
        cursor.execute("set statement_timeout = '1s'; set lock_timeout = '1s'; set idle_in_transaction_session_timeout = '20s'")
    connection.commit()
    return connection


def prelude(running, tenant="acme"):
    """What rowgate sends for this tenant, as the server logged it."""
    running.query("select count(*) from shared.currencies", tenant)
    texts = re.findall(rf"(SELECT pg_catalog\.set_config\('rowgate\.tenant', '{tenant}', true\).*)", running.server.log_text)
    return texts[-1]


def physical(sql):
    return re.sub(r"\bsales\.", "t_acme.", sql)


def through(running):
    return lambda: running.connect(autocommit=False)


def test_there_are_attacks_enough():
    assert len(SUITE) > 500


def test_the_rewriter_alone_holds(rewritten):
    before = foreign_rows(rewritten)
    found, answered = run(through(rewritten), lambda cursor: None, lambda sql: sql)
    assert not found, found[:5]
    assert answered > 50
    assert foreign_rows(rewritten) == before


def test_row_security_alone_holds(locked):
    before = foreign_rows(locked)
    settings = prelude(locked)
    found, answered = run(lambda: login(locked), lambda cursor: cursor.execute(settings), physical)
    assert not found, found[:5]
    assert answered > 100
    assert foreign_rows(locked) == before


def test_both_hold(locked):
    before = foreign_rows(locked)
    found, answered = run(through(locked), lambda cursor: None, lambda sql: sql)
    assert not found, found[:5]
    assert answered > 50
    assert foreign_rows(locked) == before
