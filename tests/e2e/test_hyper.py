# SPDX-License-Identifier: Apache-2.0
"""A real hyperd behind rowgate: two tenants in one database file, a third with a file of its own. SQLAlchemy 1.4 (Debian's)
and 2.0 (PyPI) reflect and read, psycopg 2 and 3 bind values, attacks are refused and canaries never seen."""

import contextlib
import decimal
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

import psycopg2
import psycopg2.errors
import pytest
import sqlalchemy
import sqlalchemy.pool

import hyper


pytestmark = pytest.mark.external
ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON_PACKAGES = ("sqlalchemy==2.0.36", "psycopg==3.2.3")
CANARY = re.compile(r"CANARY|t_globex|t_hidden|t_acme|globex|initech|lake\.hyper|22222222")


@pytest.fixture(scope="module")
def stack():
    with hyper.HyperStack() as running:
        yield running


@pytest.fixture(scope="module")
def packages():
    """SQLAlchemy 2.0 and psycopg 3, which Debian 12 has not, in build/."""
    home = ROOT / "build" / "hyper" / "python"
    if not (home / "psycopg").exists():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", home, *PYTHON_PACKAGES], check=True, timeout=300)
    return home


def refused(stack, sql, account="acme_bi"):
    with pytest.raises(psycopg2.Error) as caught:
        stack.query(sql, account=account)
    text = f"{caught.value} {caught.value.diag.message_detail}"
    assert CANARY.search(text.replace(sql, "")) is None or CANARY.search(sql) is not None, text
    return caught.value


# ---- what works ----

@pytest.mark.parametrize("account,tenant", [("acme_bi", "acme"), ("globex_bi", "globex"), ("initech_bi", "initech")])
def test_each_tenant_reads_its_own_rows(stack, account, tenant):
    rows = stack.query("SELECT DISTINCT note FROM sales.orders UNION SELECT customer FROM orders", account=account)
    assert len(rows) == 207 and all(row[0].startswith(tenant) for row in rows)


def test_a_shared_table_shows_the_tenants_rows_only(stack):
    for account, tenant in (("acme_bi", "acme"), ("globex_bi", "globex")):
        assert stack.query("SELECT DISTINCT tenant FROM shared.events", account=account) == [(tenant,)]
        assert stack.query("SELECT count(*) FROM shared.events", account=account) == [(hyper.ROWS // 2,)]
    assert stack.query("SELECT DISTINCT tenant, region FROM shared.regional") == [("acme", "emea")]
    refused(stack, "SELECT * FROM shared.events", account="initech_bi")


def test_who_and_where(stack):
    assert stack.query("SELECT current_user, current_database(), current_schema(), version()") == [
        ("acme_bi", "lake", "sales", "PostgreSQL 9.1.0 (Tableau Hyper)")]
    assert stack.query("SELECT current_database()", account="initech_bi") == [("initech",)]
    assert stack.query("SHOW transaction_isolation") == [("read committed",)]
    assert stack.query("SHOW search_path") == [("sales",)]


def reflect(engine):
    inspector = sqlalchemy.inspect(engine)
    assert inspector.get_schema_names() == ["sales", "shared"]
    assert inspector.get_table_names() == ["nasty", "orders"]
    assert sorted(inspector.get_table_names(schema="shared")) == ["events", "notices", "regional"]
    assert inspector.get_view_names() == [] and inspector.has_table("orders", schema="sales")
    assert not inspector.has_table("canary", schema="t_hidden") and not inspector.has_table("secret", schema="shared")
    columns = inspector.get_columns("orders", schema="sales")
    assert [column["name"] for column in columns] == ["id", "customer", "amount", "placed", "day", "ratio", "is_paid", "big", "small",
                                                      "note"]
    assert [column["nullable"] for column in columns] == [False] + [True] * 9
    assert (columns[2]["type"].precision, columns[2]["type"].scale) == (12, 2)
    assert inspector.get_pk_constraint("orders", schema="sales")["constrained_columns"] == []
    for empty in (inspector.get_foreign_keys, inspector.get_indexes, inspector.get_unique_constraints,
                  inspector.get_check_constraints):
        assert empty("orders", schema="sales") == []
    assert inspector.get_table_comment("orders", schema="sales") == {"text": None}
    table = sqlalchemy.Table("orders", sqlalchemy.MetaData(), schema="sales", autoload_with=engine)
    with engine.connect() as connection:
        rows = connection.execute(sqlalchemy.select(table.c.id, table.c.amount).where(table.c.note == "acme note 7").limit(3))
        assert rows.fetchall() == [(7, decimal.Decimal("8.75"))]


def test_sqlalchemy_of_debian_reads_tables_columns_and_rows(stack):
    reflect(sqlalchemy.create_engine("postgresql+psycopg2://", connect_args=stack.parameters(), poolclass=sqlalchemy.pool.NullPool))


def test_sqlalchemy_2_reads_tables_columns_and_rows(stack, packages):
    script = ("import sys, json; import sqlalchemy; assert sqlalchemy.__version__.startswith('2.0.')\n"
              "import sqlalchemy.pool; sys.path.insert(1, sys.argv[1]); sys.path.insert(1, sys.argv[2]); import test_hyper\n"
              "test_hyper.reflect(sqlalchemy.create_engine('postgresql+psycopg2://', connect_args=json.loads(sys.argv[3]),"
              " poolclass=sqlalchemy.pool.NullPool)); print('reflected')")
    import json
    done = subprocess.run([sys.executable, "-c", script, str(ROOT / "tests/e2e"), str(ROOT / "tests/support"),
                           json.dumps(stack.parameters())], env=os.environ | {"PYTHONPATH": str(packages)}, capture_output=True,
                          text=True, timeout=120)
    assert done.stdout == "reflected\n", done.stderr


def test_psql_describes(stack):
    assert "sales  | orders | table | acme_bi" in stack.psql("-c", r"\dt").stdout
    described = stack.psql("-c", r"\d sales.orders").stdout
    assert "numeric(12,2)" in described and "not null" in described
    for command in (r"\dn", r"\l", r"\dt *.*", r"\d", r"\du", r"\dv", r"\di"):
        done = stack.psql("-c", command)
        assert "ERROR" not in done.stderr and CANARY.search(done.stdout) is None, (command, done)


def test_every_catalogue_answers(stack):
    names = re.findall(r'\{"(pg_\w+)",', (ROOT / "policy/hyper_catalog.c").read_text())
    assert len(names) > 25
    for name in names:
        rows = stack.query(f"SELECT * FROM pg_catalog.{name}")
        assert CANARY.search(repr(rows)) is None, name


def test_every_function_of_the_list_is_hypers(stack):
    text = (ROOT / "policy/hyper_functions.def").read_text()
    syntax = {"extract", "overlay", "position", "substring", "timezone"}  # SQL's own spelling only
    with contextlib.closing(stack.hyperd.connect()) as connection, connection.cursor() as cursor:
        for name in set(re.findall(r'ALLOWED\("(\w+)"\)', text)) - syntax:
            with contextlib.suppress(psycopg2.Error):
                cursor.execute(f'SELECT pg_catalog."{name}"()')
                continue
            with pytest.raises(psycopg2.Error) as caught:
                cursor.execute(f'SELECT pg_catalog."{name}"()')
            assert "does not exist" not in str(caught.value) or "()" in str(caught.value), (name, str(caught.value))


# ---- values ----

NASTY = ["it's", "\\", "\\'; select 1 --", "'' or 1=1", 'dou"ble', "tab\there", "new\nline", "$1 $$ $a$", "%s", "-- c", "/* open",
         "ünïcödé ☃ 🐘", "\u202e", "", " ", "NULL", "{a}", "a\u00a0b"]


def test_psycopg2_quotes_values(stack):
    for text in NASTY:
        assert stack.query("SELECT %s, length(%s)", (text, text)) == [(text, len(text))]


SCRIPT = r"""
import datetime, decimal, json, sys, uuid
import psycopg
connection = psycopg.connect(**json.loads(sys.argv[1]), autocommit=True)
NASTY = json.loads(sys.argv[2])
values = [5, -5, 2**40, -2**63, 2.5, 1e300, decimal.Decimal("12.345"), decimal.Decimal("-0.001"), True, False, None, datetime.date(2026, 2, 28),
          datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.datetime(2026, 1, 5, 1, 2, 3, 456), datetime.time(23, 59, 59, 999999),
          uuid.UUID(int=2**127 + 5), b"\x00\xff'\\", *NASTY]
for value in values:
    for place in ("%s", "%b", "%t"):
        got = connection.execute("SELECT " + place, (value,)).fetchone()[0]
        assert got == value, (place, value, got)
cursor = connection.cursor(binary=True)
row = cursor.execute("SELECT id, placed, amount, ratio, is_paid, big, small, day FROM sales.orders WHERE id = %b", (5,)).fetchone()
assert row == (5, datetime.datetime(2026, 1, 1, 5), decimal.Decimal("6.25"), 0.625, False, 50000000000, 5, datetime.date(2026, 1, 6)), row
def ids(sql, *values):
    return [row[0] for row in connection.execute(sql, values).fetchall()]
assert ids("SELECT id FROM sales.orders WHERE id = ANY(%s) ORDER BY id", [3, 4]) == [3, 4]
assert ids("SELECT id FROM sales.orders WHERE note = ANY(%b) ORDER BY id", ["acme note 9", "it's", 'a"b\\']) == [9]
assert ids("SELECT id FROM sales.orders ORDER BY id LIMIT %s OFFSET %s", 2, 3) == [4, 5]
assert ids("SELECT id FROM sales.orders ORDER BY id LIMIT %s::INTEGER", 2) == [1, 2]
assert ids("SELECT id FROM sales.orders WHERE amount = %s", decimal.Decimal("6.25")) == [5]
for number in range(12):  # psycopg prepares by name after five
    assert ids("SELECT id FROM sales.orders WHERE note = %s", f"acme note {number + 1}") == [number + 1]
for text in NASTY:  # never anything but a value
    assert ids("SELECT count(*) FROM shared.events WHERE note = %s", text) == [0]
with connection.pipeline():
    first, second = connection.execute("SELECT %s::int", (1,)), connection.execute("SELECT %s::int", (2,))
    assert (first.fetchone(), second.fetchone()) == ((1,), (2,))
for wrong in (b"\x00", b"\x00" * 5):
    result = connection.pgconn.exec_params(b"SELECT $1", [wrong], [23], [1])
    assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"22P02", result.error_message
result = connection.pgconn.exec_params(b"SELECT $1", [b"a\xff"], [25], [1])
assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"22P02", result.error_message
result = connection.pgconn.exec_params(b"SELECT $2", [b"1"], [23], [0])
assert result.status == psycopg.pq.ExecStatus.FATAL_ERROR
connection.pgconn.prepare(b"p", b"SELECT id, note FROM sales.orders WHERE id = $1 AND note <> $2", [23])
described = connection.pgconn.describe_prepared(b"p")
assert ([described.param_type(i) for i in range(2)], [described.ftype(i) for i in range(2)]) == ([23, 25], [23, 25])
with connection.cursor() as cursor, cursor.copy("COPY (SELECT id, note FROM sales.orders WHERE id < 3) TO STDOUT WITH (FORMAT csv)") as copy:
    assert b"".join(bytes(part) for part in copy) == b"1,acme note 1\n2,acme note 2\n"
print("bound")
"""


def test_psycopg3_binds_values_as_constants(stack, packages):
    import json
    done = subprocess.run([sys.executable, "-c", SCRIPT, json.dumps(stack.parameters()), json.dumps(NASTY)],
                          env=os.environ | {"PYTHONPATH": str(packages)}, capture_output=True, text=True, timeout=120)
    assert done.stdout == "bound\n", done.stderr


# ---- what is refused ----

ATTACKS = [
    "SELECT * FROM external('/etc/passwd')", "SELECT * FROM pg_catalog.external('/etc/hostname', 'csv')",
    "SELECT * FROM external('/etc/hostname', FORMAT => 'csv', columns => descriptor(a text))",
    "SELECT array_of(1, 2)", "SELECT descriptor(a)", "SELECT raw_sql_function('1')", "SELECT dumpsqlast('select 1')",
    "SELECT s3_location('x')", "SELECT hyper_schema_json('x')", "SELECT pg_sleep(1)", "SELECT set_config('search_path', 't_globex', false)",
    "COPY orders FROM '/etc/passwd'", "COPY orders TO '/tmp/x'", "COPY (SELECT 1) TO STDOUT",
    "CREATE DATABASE x", "DROP DATABASE x", "ATTACH DATABASE '/x' AS y", "DETACH DATABASE y", "CREATE TEMP TABLE x (a int)",
    "SELECT * FROM lake.t_globex.orders", "SELECT * FROM t_globex.orders", "SELECT * FROM t_acme.orders", "SELECT * FROM shared.secret",
    "SELECT * FROM t_hidden.canary", "SELECT * FROM nowhere.nothing", "SELECT * FROM pg_stat_activity", "SELECT * FROM pg_catalog.pg_stats",
    "SELECT * FROM pg_catalog.hyper_attached_database", "SELECT * FROM pg_settings", "SELECT * FROM information_schema.tables",
    "INSERT INTO sales.orders VALUES (1)", "UPDATE sales.orders SET id = 1", "DELETE FROM sales.orders", "DROP TABLE sales.orders",
    "EXPLAIN SELECT * FROM shared.events", "SET search_path = t_globex", "SET ROLE x", "SET acme.tenant = 'globex'",
    "SELECT 1; SELECT 2", "SELECT $$x$$", "SELECT E'\\''", "SELECT id\u00a0FROM\u00a0t_globex.orders", "SELECT 1 AS secure",
    "WITH RECURSIVE a AS (SELECT * FROM secret), secret AS (SELECT 1 AS x) SELECT * FROM a",
    "WITH pg_stat_activity AS (SELECT 1 AS x) SELECT * FROM pg_stat_activity", "SELECT lo_import('/etc/passwd')",
    "SELECT pg_read_file('/etc/passwd')", "SELECT * FROM sales.orders TABLESAMPLE SYSTEM (50)",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_attacks_are_refused_by_rowgate(stack, sql):
    error = refused(stack, sql)
    assert error.diag.message_detail is not None and "Refused by rule" in error.diag.message_detail, str(error)


@pytest.mark.parametrize("sql", ["SELECT * FROM sales.nowhere", 'SELECT * FROM "ORDERS"', "SELECT * FROM nowhere AS n"])
def test_a_relation_that_is_not_there_tells_no_path(stack, sql):
    error = refused(stack, sql)
    assert (error.pgcode, error.diag.message_primary) == ("42P01", "relation does not exist")


def test_a_qualifier_that_is_not_there_is_named(stack):
    assert 'unknown table "nosuch"' in str(refused(stack, "SELECT nosuch.id FROM sales.orders"))


def test_copy_from_the_client_is_refused(stack):
    done = stack.psql("-c", "COPY orders FROM STDIN", stdin="1\n")
    assert "Refused by rule statement.write" in done.stderr, done


def test_a_comment_is_not_what_hyper_ends_early(stack):
    """PostgreSQL nests comments, Hyper does not: what follows the first end must not run."""
    assert stack.query("SELECT 1 /* /* */ FROM t_globex.orders -- */") == [(1,)]
    assert stack.query("SELECT 1 /* x */ + /* y /* z */ */ 2") == [(3,)]


LEAKS = ["1 / ((id + 1) % 2) = 7", "(CASE WHEN note LIKE 'CANARY%' THEN note ELSE '1' END)::int < 7", "'x' LIKE (CASE WHEN note LIKE "
         "'CANARY%' THEN '\\' ELSE 'y' END)", "sqrt(-(id % 2)) < 3", "ln(1 - (id % 2)) < 1", "id * (CASE WHEN id % 2 = 1 THEN 2000000000 "
         "ELSE 1 END) > 5", "substring(note FROM 1 FOR -(id % 2)) = 'x'", "(CASE WHEN id % 2 = 1 THEN 'x' ELSE '1' END)::numeric > 0",
         "id > 500 AND 1 / ((id + 1) % 2) = 7", "(date '2026-01-01' + (CASE WHEN id % 2 = 1 THEN 2000000000 ELSE 1 END)) > date '2020-01-01'"]


@pytest.mark.parametrize("condition", LEAKS)
def test_conditions_are_not_evaluated_on_other_rows(stack, condition):
    """Each fails on globex's rows (odd ids) and on none of acme's. A plain sub-select lets some of them see those."""
    assert 0 <= stack.query(f"SELECT count(*) FROM shared.events WHERE {condition}")[0][0] <= hyper.ROWS // 2
    stack.query(f"SELECT e.id FROM shared.events AS e JOIN (VALUES (1), (2)) AS v (x) ON ({condition}) AND v.x = e.id")


def test_a_plain_subselect_would_leak_where_the_fence_does_not(stack):
    """The reason for AS SECURE (docs/hyper.md): should Hyper stop to leak here, or SECURE begin, this says so."""
    inner = "SELECT * FROM shared.events AS r WHERE lower(r.tenant) = 'acme'"
    condition = LEAKS[0]
    with contextlib.closing(stack.hyperd.connect(stack.hyperd.databases / "lake.hyper")) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error):
            cursor.execute(f"SELECT count(*) FROM ({inner}) AS e WHERE {condition}")
        cursor.execute(f"SELECT count(*) FROM (WITH m AS SECURE ({inner}) SELECT * FROM m) AS e WHERE {condition}")
        assert cursor.fetchall() == [(0,)]


def test_an_absent_claim_shows_nothing(stack):
    """x <> ALL (NULL) is NULL to PostgreSQL and true to Hyper; should Hyper stop that, the second half says so."""
    assert stack.query("SELECT * FROM shared.notices") == []
    with contextlib.closing(stack.hyperd.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 'x' <> ALL (NULL::pg_catalog.text[]), NOT ('x' = ANY (NULL::pg_catalog.text[]))")
        assert cursor.fetchall() == [(True, True)]


def test_the_database_is_the_configurations(stack):
    for database in ("initech", "/etc/passwd", str(stack.hyperd.databases / "initech.hyper"), "t_globex"):
        with pytest.raises(psycopg2.OperationalError):
            stack.connect(dbname=database)
    with pytest.raises(psycopg2.OperationalError):
        stack.connect(options="-c search_path=t_globex")


# ---- sessions ----

def test_transactions_and_clean_up(stack):
    with contextlib.closing(stack.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        with pytest.raises(psycopg2.errors.DivisionByZero):
            cursor.execute("SELECT 1 / 0")
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("SELECT 1")
        connection.rollback()
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT * FROM t_globex.orders")
        with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
            cursor.execute("SELECT 1")
        connection.rollback()
        connection.autocommit = True
        for statement in ("DISCARD ALL", "RESET ALL", "DEALLOCATE ALL", "SET statement_timeout = '5s'", "SET application_name = 'x'",
                          "SET search_path = shared", "UNLISTEN *"):
            cursor.execute(statement)
        cursor.execute("SELECT count(*) FROM events")
        assert cursor.fetchall() == [(hyper.ROWS // 2,)]


SLOW = "SELECT count(*) FROM generate_series(1, 200000) AS a (x), generate_series(1, 200000) AS b (y) WHERE (x % 7 + y % 5) = 3"


def test_cancel(stack):
    with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        timer = threading.Timer(0.5, connection.cancel)
        timer.start()
        began = time.monotonic()
        with pytest.raises(psycopg2.errors.QueryCanceled):
            cursor.execute(SLOW)
        timer.join()
        assert time.monotonic() - began < 20
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_hyperd_restarted(stack):
    with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orders")
        stack.hyperd.stop()
        stack.hyperd.start()
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(psycopg2.OperationalError):
                cursor.execute("SELECT count(*) FROM orders")
                break
            assert time.monotonic() < deadline and not connection.closed
            time.sleep(0.2)
        assert cursor.fetchall() == [(200,)]
    assert stack.query("SELECT count(*) FROM orders") == [(200,)]


def test_nothing_foreign_was_answered(stack):
    """What the whole run logged as a bug of ours: nothing."""
    bugs = [event for event in stack.rowgate.events() if "XX000" in str(event) or "sql.proof" in str(event)]
    assert bugs == []
