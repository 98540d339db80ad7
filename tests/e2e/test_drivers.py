# SPDX-License-Identifier: Apache-2.0
"""The drivers that people put in front: SQLAlchemy as Superset uses it (reference/superset.md 4), its reflection, psql's
own commands, psycopg2's less usual ways, and pgbench with a new connection for every transaction."""

import contextlib
import decimal
import os
import re
import subprocess
import threading
import time

import psycopg2
import psycopg2.errors
import psycopg2.extensions
import psycopg2.extras
import pytest
import sqlalchemy
import sqlalchemy.exc
import sqlalchemy.pool

import stack as stacks

FOREIGN = re.compile(r"globex|initech|t_acme|22222222|33333333|\brls_|\bpostgres\b|\bsecret\b")
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"
NASTY = ["it's", "\\", "\\'; drop table x; --", "'' or 1=1", 'dou"ble', "tab\there", "new\nline", "$1 $$ $a$", "%s %% %(x)s", ":x",
         "-- comment", "/* open", "ünïcödé ☃ 🐘", "\u202e\u0007", "E'\\x41'", "", " ", "NULL", "{a,\"b\"}", "\\x00"]


def engine(stack, tenant="acme", **options):
    """A fresh engine without pool, as Superset makes for each query."""
    parameters = stack.parameters(tenant)
    return sqlalchemy.create_engine("postgresql+psycopg2://", poolclass=sqlalchemy.pool.NullPool, connect_args=parameters, **options)


def no_foreign(text):
    found = FOREIGN.search(str(text))
    assert found is None, (found[0], str(text)[max(found.start() - 500, 0):found.end() + 500])


# ---- Superset's connection pattern ----

def chart(stack, sql, tenant="acme", schema="sales"):
    """superset.md 4.1: engine, prequeries on the raw connection, the statement, all anew."""
    made = engine(stack, tenant)
    with contextlib.closing(made.raw_connection()) as connection:
        cursor = connection.cursor()
        if schema is not None:
            cursor.execute(f'set search_path = "{schema}"')
        cursor.execute(sql)
        answer = [column.name for column in cursor.description], cursor.fetchall()
    made.dispose()
    return answer


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_a_chart_as_superset_asks_for_it(stack, tenant):
    sql = ("SELECT DATE_TRUNC('day', placed) AS placed, sum(amount) AS \"SUM(amount)\" FROM orders "
           "GROUP BY DATE_TRUNC('day', placed) ORDER BY \"SUM(amount)\" DESC, 1\n LIMIT 10000")
    for _ in range(3):
        names, rows = chart(stack, sql, tenant)
        assert names == ["placed", "SUM(amount)"]
        assert rows == stack.native(sql, tenant)
    shared = "SELECT kind AS kind, COUNT(*) AS count FROM shared.events GROUP BY kind ORDER BY count DESC LIMIT 1000"
    assert chart(stack, shared, tenant, None)[1] == stack.native(shared, tenant)
    assert chart(stack, shared.replace("shared.", ""), tenant, "shared")[1] == stack.native(shared, tenant)


def test_the_prequery_of_a_foreign_schema_is_refused(stack):
    for schema in ("t_globex", "t_acme", "nothing", "pg_toast"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege) as caught:
            chart(stack, "select 1", schema=schema)
        no_foreign(str(caught.value).replace(schema, ""))


def test_the_nine_bookkeeping_statements(stack):
    with contextlib.closing(stack.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        def one(sql):
            cursor.execute(sql)
            return cursor.fetchall()
        assert one("SELECT t.oid, typarray\nFROM pg_type t JOIN pg_namespace ns\n    ON typnamespace = ns.oid\n"
                   "WHERE typname = 'hstore';\n") == []
        connection.rollback()
        assert one("select pg_catalog.version()")[0][0].startswith("PostgreSQL 15")
        assert one("select current_schema()") == [("sales",)]
        assert one("show transaction isolation level") == [("read committed",)]
        assert one("show standard_conforming_strings") == [("on",)]
        connection.rollback()
        assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE


def test_dialect_facts(stack):
    made = engine(stack)
    with made.connect() as connection:
        assert made.dialect.default_schema_name == "sales"
        assert made.dialect.server_version_info[0] == 15
        assert connection.scalar(sqlalchemy.text("select count(*) from orders where id < :n"), {"n": 11}) == 10
        assert connection.dialect.get_isolation_level(connection.connection.dbapi_connection) == "READ COMMITTED"


def test_streaming_results_use_a_server_side_cursor(stack):
    with engine(stack).connect() as connection:
        result = connection.execution_options(stream_results=True, yield_per=70).execute(
            sqlalchemy.text("select id, note from sales.orders order by id"))
        parts = [len(part) for part in result.partitions(70)]
        assert parts == [70, 70, 70, 70, 20]


def test_tables_of_sqlalchemy_core(stack):
    metadata = sqlalchemy.MetaData()
    made = engine(stack)
    orders = sqlalchemy.Table("orders", metadata, autoload_with=made, schema="sales")
    events = sqlalchemy.Table("events", metadata, autoload_with=made, schema="shared")
    query = (sqlalchemy.select(orders.c.status, sqlalchemy.func.count().label("n"), sqlalchemy.func.max(events.c.note))
             .join(events, events.c.id == orders.c.id).group_by(orders.c.status).order_by(orders.c.status))
    with made.connect() as connection:
        ours = connection.execute(query).fetchall()
    native = stack.native("select status, count(*), max(e.note) from sales.orders o join shared.events e using (id) group by 1 order by 1")
    assert [tuple(row) for row in ours] == native and ours


# ---- Superset's other statements ----

def test_backend_pid_is_virtual(stack):
    with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchall()[0][0]
        assert pid == connection.get_backend_pid()
        real = {row[0] for row in stack.server.execute("select pid from pg_stat_activity")}
        assert pid not in real


def cancelled(stack, canceller_tenant, statement):
    """A slow statement of acme; what the canceller's statement answers, and how the slow one ended."""
    with contextlib.closing(stack.connect()) as slow, contextlib.closing(stack.connect(canceller_tenant)) as canceller:
        ended = []

        def run():
            with slow.cursor() as cursor:
                try:
                    cursor.execute("select count(*) from generate_series(1, 6000000)")
                    ended.append(cursor.fetchall())
                except psycopg2.Error as error:
                    ended.append(error.pgcode)
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.4)
        with canceller.cursor() as cursor:
            try:
                cursor.execute(statement.format(pid=slow.get_backend_pid()))
                answer = cursor.fetchall()
            except psycopg2.Error as error:
                answer = error.pgcode
        thread.join(timeout=60)
        return answer, ended[0]


STOP = "SELECT pg_terminate_backend(pg_stat_activity.pid) FROM pg_stat_activity WHERE pid='{pid}'"


def test_the_stop_button_cancels_the_users_own_statement(stack):
    assert cancelled(stack, "acme", STOP) == ([(True,)], "57014")
    assert cancelled(stack, "acme", STOP.replace(" pid=", " pg_stat_activity.pid=")) == ([(True,)], "57014")
    assert cancelled(stack, "acme", STOP.replace("pg_stat_activity.pid", "pid")) == ([(True,)], "57014")
    assert cancelled(stack, "acme", "select pg_cancel_backend({pid})") == ([(True,)], "57014")


def test_the_stop_button_of_another_tenant_does_nothing(stack):
    for statement in (STOP, "select pg_cancel_backend({pid})", "select pg_terminate_backend({pid})"):
        answer, ended = cancelled(stack, "globex", statement)
        assert ended == [(6000000,)]
        with contextlib.closing(stack.connect("globex")) as other, other.cursor() as cursor:
            cursor.execute(statement.format(pid=2147483000))
            assert cursor.fetchall() == answer  # as for a session that does not exist


def test_real_pids_cannot_be_ended(stack):
    before = sessions(stack)
    for (pid,) in stack.server.execute("select pid from pg_stat_activity where backend_type = 'client backend' or pid > 0"):
        assert stack.query(f"select pg_terminate_backend({pid})") == stack.query("select pg_terminate_backend(2147483000)")
    time.sleep(0.2)
    assert before <= sessions(stack)


def sessions(stack):
    """The server's own processes and what holds on to it; not the sessions of clients, which come and go."""
    return {row[0] for row in stack.server.execute("select pid from pg_stat_activity where backend_type <> 'client backend'"
                                                   " and backend_type !~ 'autovacuum worker|parallel'")}


def test_explain_of_own_tables_and_not_of_shared_ones(stack):
    rows = stack.query("EXPLAIN SELECT * FROM sales.orders WHERE status = 'paid'")
    assert re.search(r"cost=\d+\.\d+\.\.\d+", rows[0][0])
    no_foreign(rows)
    with pytest.raises(psycopg2.errors.FeatureNotSupported):
        stack.query("EXPLAIN SELECT * FROM shared.events")


def test_small_statements_of_superset(stack):
    assert stack.query("SELECT 1") == [(1,)]
    assert stack.query("SELECT datname FROM pg_database WHERE datistemplate = false;") == [("bi",)]
    for _ in range(2):
        assert len(stack.query("SELECT * FROM (select id, note from orders) AS virtual_table LIMIT 1")) == 1
    no_foreign(stack.query("select * from pg_stat_activity"))


# ---- reflection ----

def physical(stack, tenant):
    """An engine of the superuser, straight to the server."""
    return sqlalchemy.create_engine("postgresql+psycopg2://", poolclass=sqlalchemy.pool.NullPool, connect_args={
        "host": "127.0.0.1", "port": stack.server.port, "dbname": "bi", "user": "postgres", "password": "super",
        "options": f"-c search_path=t_{tenant}"})


EXTRA = """
CREATE VIEW {s}.paid AS SELECT id, amount FROM {s}.orders WHERE status = 'paid';
CREATE MATERIALIZED VIEW {s}.totals AS SELECT status, sum(amount) AS total FROM {s}.orders GROUP BY 1;
CREATE TYPE {s}.mood AS ENUM ('sad', '{s}-only');
CREATE DOMAIN {s}.positive AS int CHECK (value > 0);
CREATE TABLE {s}.rich (id bigserial PRIMARY KEY, code varchar(10) NOT NULL DEFAULT 'x' UNIQUE, mood {s}.mood, n {s}.positive,
  price numeric(10,2), tags text[], at timestamptz DEFAULT now(), doc jsonb, customer int, other int,
  twice int GENERATED ALWAYS AS (other * 2) STORED, made int GENERATED BY DEFAULT AS IDENTITY,
  CONSTRAINT to_customer FOREIGN KEY (customer) REFERENCES {s}.customers (id) ON DELETE CASCADE,
  CONSTRAINT pair UNIQUE (customer, other), CONSTRAINT sane CHECK (other > 0));
CREATE INDEX rich_at ON {s}.rich (at DESC);
CREATE INDEX rich_expression ON {s}.rich (lower(code)) WHERE other > 5;
COMMENT ON TABLE {s}.rich IS 'a rich table of {s}';
COMMENT ON COLUMN {s}.rich.price IS 'in {s} euros';
GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO rowgate;
"""


@pytest.fixture(scope="module")
def rich(stack):
    """More kinds of objects for both tenants, and gone afterwards."""
    for tenant in ("acme", "globex"):
        done = stack.server.psql("-q", stdin=EXTRA.format(s=f"t_{tenant}"), dbname="bi")
        assert done.returncode == 0, done.stderr
    yield stack
    for tenant in ("acme", "globex"):
        done = stack.server.psql("-q", dbname="bi", stdin="DROP TABLE {s}.rich; DROP DOMAIN {s}.positive; DROP TYPE {s}.mood;"
                                 "DROP MATERIALIZED VIEW {s}.totals; DROP VIEW {s}.paid;".format(s=f"t_{tenant}"))
        assert done.returncode == 0, done.stderr


def reflected(inspector, schema, table):
    found = {"columns": [{key: str(value) if key in ("type", "default") else value for key, value in column.items()}
                         for column in inspector.get_columns(table, schema)],
             "pk": inspector.get_pk_constraint(table, schema), "fks": inspector.get_foreign_keys(table, schema),
             "indexes": inspector.get_indexes(table, schema), "unique": inspector.get_unique_constraints(table, schema),
             "checks": inspector.get_check_constraints(table, schema), "comment": inspector.get_table_comment(table, schema),
             "exists": inspector.has_table(table, schema)}
    return found


def plain(found, tenant):
    """Physical names as the tenant knows them. Expressions of defaults name the physical schema, as PostgreSQL prints them."""
    text = repr(found).replace(f"t_{tenant}.", "sales.").replace(f"'t_{tenant}'", "'sales'").replace(f'"t_{tenant}".', '"sales".')
    text = text.replace("\\'", "'").replace('"', "'")
    return re.sub(r"\bnextval\('+(sales'?\.)?rich_", "nextval('rich_", text)


@pytest.mark.parametrize("tenant", ["acme", "globex"])
@pytest.mark.parametrize("table", ["customers", "orders", "order_items", "rich", "paid", "totals"])
def test_reflection_of_own_tables_equals_the_physical_one(rich, tenant, table):
    ours = reflected(sqlalchemy.inspect(engine(rich, tenant)), "sales", table)
    native = reflected(sqlalchemy.inspect(physical(rich, tenant)), f"t_{tenant}", table)
    for topic, value in native.items():
        assert plain(ours[topic], tenant).replace(f"of t_{tenant}", "") == plain(value, tenant).replace(f"of t_{tenant}", ""), topic


@pytest.mark.parametrize("table", ["orders", "rich", "paid"])
def test_reflection_without_a_schema_finds_the_search_paths_tables(rich, table):
    ours = reflected(sqlalchemy.inspect(engine(rich)), None, table)
    native = reflected(sqlalchemy.inspect(physical(rich, "acme")), None, table)
    assert plain(ours, "acme") == plain(native, "acme")


def test_reflection_lists_own_and_shared_names_only(rich):
    inspector = sqlalchemy.inspect(engine(rich))
    assert inspector.get_schema_names() == ["sales", "shared"] or inspector.get_schema_names() == [
        "information_schema", "sales", "shared"]
    assert sorted(inspector.get_table_names("sales")) == ["customers", "order_items", "orders", "rich"]
    assert sorted(inspector.get_table_names()) == ["customers", "order_items", "orders", "rich"]
    assert sorted(inspector.get_view_names("sales")) == ["paid", "totals"]
    assert sorted(inspector.get_table_names("shared")) == ["events", "regional"]
    for schema in ("t_globex", "t_acme", "t_acme_service", "public", "nothing"):
        assert inspector.get_table_names(schema) == [] and inspector.get_view_names(schema) == []
        assert not inspector.has_table("orders", schema)
    assert not inspector.has_table("secret", "shared")
    assert inspector.get_foreign_table_names("sales") == []
    enums = inspector.get_enums("*")
    assert [enum["name"] for enum in enums] == ["mood"] and enums[0]["schema"] == "sales"
    no_foreign(inspector.get_enums("sales")[0]["schema"])
    no_foreign([inspector.get_schema_names(), inspector.get_sequence_names("sales")])


def test_reflection_of_shared_tables(rich):
    ours = sqlalchemy.inspect(engine(rich))
    native = sqlalchemy.inspect(physical(rich, "acme"))
    for table in ("events", "regional"):
        mine, theirs = reflected(ours, "shared", table), reflected(native, "shared", table)
        for topic in ("columns", "pk", "exists", "comment", "fks"):
            assert repr(mine[topic]) == repr(theirs[topic])
        no_foreign(mine)
    for schema, table in (("shared", "secret"), ("t_globex", "orders"), ("t_acme", "orders")):
        with pytest.raises(sqlalchemy.exc.NoSuchTableError):
            ours.get_columns(table, schema)


def test_reflecting_everything_shows_no_foreign_name(rich):
    metadata = sqlalchemy.MetaData()
    for schema in ("sales", "shared"):
        metadata.reflect(bind=engine(rich), schema=schema, views=True)
    assert set(metadata.tables) == {"sales.customers", "sales.orders", "sales.order_items", "sales.rich", "sales.paid", "sales.totals",
                                    "shared.events", "shared.regional"}
    names = [(table.name, table.schema, [(c.name, str(c.type)) for c in table.columns], [i.name for i in table.indexes],
              [(f.target_fullname, f.name) for f in table.foreign_keys]) for table in metadata.tables.values()]
    no_foreign(names)


# ---- psql ----

PSQL = [("\\d", ["orders", "customers", "order_items"], 0), ("\\dt", ["orders", "customers"], 0), ("\\d orders", ["customer_id", "orders_pkey"], 0),
        ("\\d sales.orders", ["customer_id", "orders_pkey"], 0), ("\\d+ orders", ["customer_id"], 0), ("\\dn", ["sales", "shared"], 0), ("\\l", ["bi"], 0),
        ("\\dt *.*", ["events", "orders"], 0), ("\\dt shared.*", ["events", "regional"], 0), ("\\d shared.events", ["tenant_id"], 0),
        ("\\dv", ["paid"], 0), ("\\dm", ["totals"], 0), ("\\di", ["orders_pkey"], 0), ("\\ds", ["rich_id_seq"], 0), ("\\dT", ["mood"], 0),
        ("\\dD", ["positive"], 0), ("\\d rich", ["to_customer", "rich_at", "pair"], 0), ("\\dn+", ["sales"], 0), ("\\conninfo", ["bi"], 0),
        ("\\encoding", ["UTF8"], 0), ("\\d nothing", [], None), ("\\d t_globex.orders", [], None), ("\\d t_acme.orders", [], None),
        ("\\dt t_globex.*", [], None), ("\\d shared.secret", [], None)]
# These may be refused, but must show nobody.
PSQL_QUIET = ["\\df", "\\df *.*", "\\dp", "\\z", "\\du", "\\dg", "\\db", "\\dx", "\\ddp", "\\drds", "\\dO", "\\dL", "\\do", "\\da", "\\dC", "\\des", "\\dew", "\\deu",
              "\\det", "\\dF", "\\dRp", "\\dRs", "\\dy", "\\dX", "\\dconfig", "\\dP", "\\sf f", "\\sv paid", "\\ef f", "\\lo_list", "\\l+", "\\dt+", "\\di+",
              "\\d+ shared.events", "\\dS+", "\\dA", "\\dAc", "\\dc", "\\dd", "\\dl", "\\dE"]


@pytest.mark.parametrize("command, wanted, code", PSQL, ids=[case[0] for case in PSQL])
def test_psql_commands_show_what_is_the_tenants(rich, command, wanted, code):
    done = rich.psql("-c", command)
    output = done.stdout + done.stderr
    for word in wanted:
        assert word in done.stdout, output
    # a default's expression names the tenant's own physical schema, as PostgreSQL prints it
    own = output.replace("of t_acme", "").replace("t_acme-only", "").replace("nextval('t_acme.", "nextval('")
    no_foreign(own.replace(command[3:].strip() or "\0", ""))
    if code is not None:
        assert done.returncode == code, output
    elif command.startswith("\\d "):
        assert done.returncode == 1 and "Did not find any relation" in done.stderr


@pytest.mark.parametrize("command", PSQL_QUIET)
def test_psql_commands_show_nobody_elses(rich, command):
    done = rich.psql("-c", command, EDITOR="true", PSQL_EDITOR="true")
    text = done.stdout + done.stderr
    no_foreign(text.replace("of t_acme", "").replace("t_acme-only", ""))


def test_psql_copy_to_a_file(stack, tmp_path):
    path = tmp_path / "out.csv"
    done = stack.psql("-c", f"\\copy (select id, note from orders order by id limit 3) to '{path}' with (format csv, header)")
    assert done.returncode == 0 and done.stdout == "COPY 3\n", done.stderr
    assert path.read_text() == "id,note\n1,acme note 1\n2,acme note 2\n3,acme note 3\n"
    done = stack.psql("-c", f"\\copy (select * from t_globex.orders) to '{path}'")
    assert done.returncode == 1 and "Refused by rule" in done.stderr


def test_psql_with_pgoptions(stack):
    done = stack.psql("-At", "-c", "show search_path", PGOPTIONS="-c search_path=t_globex")
    assert "globex" not in done.stdout
    done = stack.psql("-At", "-c", "select note from orders where id = 1", PGOPTIONS="-c search_path=t_globex -c role=postgres")
    assert "globex" not in done.stdout + done.stderr.replace("t_globex", "")
    done = stack.psql("-At", "-c", "select note from orders where id = 1", PGOPTIONS="-c statement_timeout=5s")
    assert done.stdout in ("acme note 1\n", "")
    done = stack.psql("-At", "-c", "select note from orders where id = 1", PGAPPNAME="it's \"me\" \\ ☃", PGTZ="UTC", PGDATESTYLE="ISO")
    assert done.stdout == "acme note 1\n", done.stderr


def test_psql_scripts_exit_with_their_first_error(stack):
    script = "select 1;\nbegin;\nselect count(*) from orders;\ncommit;\nselect * from t_globex.orders;\nselect 'after';\n"
    done = stack.psql("-At", "-f", "-", stdin=script)
    assert done.returncode == 3 and done.stdout == "1\nBEGIN\n300\nCOMMIT\n" and "after" not in done.stdout
    done = stack.psql("-At", "-1", "-c", "select 1", "-c", "select 2")
    assert done.returncode == 0 and done.stdout.endswith("1\n2\n")
    done = stack.psql("-At", stdin="select id from orders order by id limit 2 \\gset x_\n\\echo :x_id\n")
    assert done.returncode != 0  # two rows
    done = stack.psql("-At", stdin="select id, note from orders where id = 2 \\gset x_\n\\echo :x_note\n"
                                   "select note from orders where id = :x_id \\gx\nselect 'select 42' \\gexec\n"
                                   "select $1 + 1 \\bind 4 \\g\n" .replace("select $1 + 1 \\bind 4 \\g\n", ""))
    assert done.returncode == 0 and "acme note 2" in done.stdout and done.stdout.endswith("42\n")
    done = stack.psql("-At", "-v", "FETCH_COUNT=7", "-c", "select id from orders order by id")
    assert done.returncode == 0 and done.stdout.split() == [str(i) for i in range(1, 301)]
    done = stack.psql("-c", "select id, note from orders order by id limit 1 \\crosstabview")
    assert done.returncode in (0, 1)


# ---- psycopg2 ----

@pytest.fixture
def connection(stack):
    with contextlib.closing(stack.connect(autocommit=False)) as opened:
        yield opened


def test_named_cursors(connection):
    with connection.cursor("named cursor \"x\"") as cursor:
        cursor.itersize = 13
        cursor.execute("select id from orders where id <= %s order by id", (100,))
        assert [row[0] for row in cursor] == list(range(1, 101))
    with connection.cursor("s", scrollable=True) as cursor:
        cursor.execute("select id from sales.orders order by id")
        cursor.scroll(10)
        assert cursor.fetchone() == (11,)
        cursor.scroll(-5, mode="relative")
        assert cursor.fetchmany(2) == [(7,), (8,)]
        cursor.scroll(0, mode="absolute")
        assert len(cursor.fetchall()) == 300
    with pytest.raises(psycopg2.Error):
        with connection.cursor("hold", withhold=True) as cursor:
            cursor.execute("select 1")
    connection.rollback()


def test_a_named_cursor_over_a_shared_table_sees_the_tenants_rows(stack, connection):
    with connection.cursor("shared") as cursor:
        cursor.itersize = 100
        cursor.execute("select id, note from shared.events order by id")
        assert cursor.fetchall() == stack.native("select id, note from shared.events order by id")


def test_a_binary_cursor_gives_binary_values(stack):
    with contextlib.closing(stack.connect(autocommit=False)) as opened, opened.cursor() as cursor:
        cursor.execute("declare b binary cursor for select note::bytea from orders order by id")
        psycopg2.extensions.register_type(psycopg2.extensions.new_type((17,), "RAW", lambda value, _: value), cursor)
        cursor.execute("fetch 1 from b")
        value = cursor.fetchall()[0][0]
        assert "acme note 1" in value


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_strings_come_back_as_they_went(connection, value):
    with connection.cursor() as cursor:
        text = cursor.mogrify("select %s, %s::text[], length(%s)", (value, [value, None], value))
        cursor.execute(text)
        assert cursor.fetchall() == [(value, [value, None], len(value))]
        cursor.execute("select count(*) from orders where note = %s", (value,))
        assert cursor.fetchall() == [(0,)]
        cursor.execute("select 1 as %s" % psycopg2.extensions.quote_ident(value[:30] or "x", cursor))
        assert cursor.description[0].name == (value[:30] or "x")


def test_nul_is_refused_by_the_driver_and_by_the_gate(stack, connection):
    with pytest.raises(ValueError):
        connection.cursor().execute("select %s", ("a\0b",))
    connection.rollback()
    with contextlib.closing(stack.connect()) as opened, opened.cursor() as cursor:
        for text in ("select e'a\\000b'", "select U&'\\0000'", "select chr(0)"):
            with pytest.raises(psycopg2.Error):
                cursor.execute(text)
        cursor.execute("select 1")


def test_values_of_many_types(connection):
    values = (1, -2 ** 62, decimal.Decimal("12345678901234567890.123456789"), 1.5, True, None, b"\x00\xff'\\", [1, [2][0]],
              float("inf"), "x")
    with connection.cursor() as cursor:
        cursor.execute("select " + ", ".join(["%s"] * len(values)), values)
        row = list(cursor.fetchone())
        row[6] = bytes(row[6])
        row[8] = float(row[8])
        assert row == list(values)
        cursor.execute("select %s::jsonb ->> 'a', %s::uuid", (psycopg2.extras.Json({"a": "it's"}), "11111111-1111-1111-1111-111111111111"))
        assert cursor.fetchone() == ("it's", "11111111-1111-1111-1111-111111111111")


def test_hstore_registration_is_answered(connection):
    assert psycopg2.extras.HstoreAdapter.get_oids(connection) in (None, ((), ()))
    with pytest.raises(psycopg2.ProgrammingError):
        psycopg2.extras.register_hstore(connection)


def test_execute_many_and_values_write_only_where_writing_is_allowed(stack, direct):
    with contextlib.closing(direct.connect(autocommit=False)) as opened, opened.cursor() as cursor:
        cursor.executemany("insert into sales.customers (id, name, country) values (%s, %s, %s)",
                           [(7000 + i, value, "x") for i, value in enumerate(NASTY)])
        psycopg2.extras.execute_values(cursor, "insert into sales.customers (id, name) values %s", [(8000 + i, "v") for i in range(250)])
        psycopg2.extras.execute_batch(cursor, "update sales.customers set country = %s where id = %s", [("y", 8000 + i) for i in range(50)])
        cursor.execute("select name from sales.customers where id between 7000 and 7999 order by id")
        assert [row[0] for row in cursor.fetchall()] == NASTY
        cursor.execute("select country, count(*) from sales.customers where id >= 8000 group by 1 order by 1")
        assert cursor.fetchall() == [("y", 50), (None, 200)]
        opened.rollback()
        cursor.execute("select count(*) from sales.customers")
        assert cursor.fetchall() == [(50,)]
        opened.rollback()
    with contextlib.closing(stack.connect(autocommit=False)) as opened, opened.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.executemany("insert into sales.customers (id, name) values (%s, %s)", [(1, "a")])


def test_savepoints(connection):
    with connection.cursor() as cursor:
        cursor.execute("select 1")
        for i in range(3):
            cursor.execute(f'savepoint "s {i}"')
            with pytest.raises(psycopg2.Error):
                cursor.execute("select * from t_globex.orders" if i % 2 else "select 1/0")
            with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
                cursor.execute("select 1")
            cursor.execute(f'rollback to savepoint "s {i}"')
            cursor.execute("select count(*) from orders")
            assert cursor.fetchall() == [(300,)]
            cursor.execute(f'release savepoint "s {i}"')
        connection.commit()
        assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE


def test_autocommit_and_session_modes(stack):
    with contextlib.closing(stack.connect()) as opened, opened.cursor() as cursor:
        cursor.execute("select 1")
        assert opened.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE
        opened.autocommit = False
        cursor.execute("select 1")
        assert opened.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_INTRANS
        opened.rollback()
        opened.set_session(isolation_level="READ COMMITTED", readonly=True)
        cursor.execute("show transaction_read_only")
        assert cursor.fetchall() == [("on",)]
        opened.rollback()
        opened.set_session(isolation_level="SERIALIZABLE", readonly=True, deferrable=True)
        cursor.execute("select count(*) from orders")
        opened.rollback()
    with pytest.raises(psycopg2.Error):
        with contextlib.closing(stack.connect(autocommit=False)) as opened, opened:
            opened.cursor().execute("select 1/0")


def test_asynchronous_connections(stack):
    import select
    opened = psycopg2.connect(**stack.parameters("acme"), async_=True)

    def wait():
        while (state := opened.poll()) != psycopg2.extensions.POLL_OK:
            assert select.select([opened] * (state == 1), [opened] * (state == 2), [], 20) != ([], [], [])
    with contextlib.closing(opened):
        wait()
        cursor = opened.cursor()
        cursor.execute("select count(*) from orders; select note from orders where id = 3")
        wait()
        assert cursor.fetchall() == [("acme note 3",)]


def test_notices_and_reset(connection):
    connection.cursor().execute("select 1")
    connection.reset()
    assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    connection.cursor().execute("commit")
    assert connection.get_parameter_status("server_encoding") == "UTF8"
    assert connection.get_parameter_status("is_superuser") in ("off", None)
    assert connection.get_parameter_status("session_authorization") not in ("rowgate", "postgres")
    no_foreign(connection.notices)


# ---- a new connection for every transaction ----

def bench(stack, *arguments, **environment):
    script = stack.directory / "connect.sql"
    script.write_text("\\set id random(1, 300)\nselect note from sales.orders where id = :id;\n")
    return subprocess.run([PGBENCH, "-n", "-C", "-f", script, *arguments, "bi"], env=stack.psql_environment(**environment),
                          capture_output=True, text=True, timeout=200)


def test_pgbench_with_a_connection_for_every_transaction(stack):
    done = bench(stack, "-c", "8", "-j", "2", "-t", "40")
    assert done.returncode == 0, done.stderr
    assert "number of transactions actually processed: 320/320" in done.stdout


def test_pgbench_with_wrong_tokens_between(stack):
    good = stack.token("acme")
    wrong = [good[:-4] + "AAAA", "x", good.rsplit(".", 1)[0] + ".", "a.b.c", good[:40], "ü" * 300]
    ended = []

    def attack():
        for i in range(40):
            try:
                stack.connect(password=wrong[i % len(wrong)]).close()
                ended.append("in")
            except psycopg2.OperationalError as error:
                ended.append(str(error))
    threads = [threading.Thread(target=attack) for _ in range(3)]
    for thread in threads:
        thread.start()
    done = bench(stack, "-c", "4", "-j", "2", "-t", "60")
    for thread in threads:
        thread.join(timeout=120)
    assert done.returncode == 0, done.stderr
    assert "number of transactions actually processed: 240/240" in done.stdout
    assert len(ended) == 120 and "in" not in ended
    assert all("FATAL:" in text and "Refused by rule login.token" in text for text in ended), set(ended)
    assert not any(good[:40] in text for text in ended)
    assert stacks.is_running(stack.rowgate.gateway) and not stack.rowgate.event("server.child.died")
