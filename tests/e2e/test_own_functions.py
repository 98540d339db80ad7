# SPDX-License-Identifier: Apache-2.0
"""[functions] with signatures on real servers: a tenant's own functions, and only the listed overloads of them."""
import contextlib
import time

import psycopg2
import pytest

import stack as stacks

FUNCTIONS = """
CREATE TABLE {schema}.calls (id bigserial, note text);
CREATE FUNCTION {schema}.margin(price numeric, cost numeric) RETURNS numeric IMMUTABLE LANGUAGE sql
  AS 'SELECT round((price - cost) / price, 2)';
CREATE FUNCTION {schema}.margin(price text, cost text) RETURNS text LANGUAGE sql AS $$SELECT 'the wrong one'$$;
CREATE FUNCTION {schema}.margin(price double precision, cost double precision) RETURNS text LANGUAGE sql AS $$SELECT 'the wrong one'$$;
CREATE FUNCTION {schema}.margin(VARIADIC all_of_them numeric[]) RETURNS text LANGUAGE sql AS $$SELECT 'the wrong one'$$;
CREATE FUNCTION {schema}.whose() RETURNS text LANGUAGE sql AS $$SELECT '{schema}'$$;
CREATE FUNCTION {schema}.log(note text) RETURNS bigint LANGUAGE sql
  AS $$INSERT INTO {schema}.calls (note) VALUES (note) RETURNING id$$;
CREATE FUNCTION {schema}.numbers(n int) RETURNS SETOF int LANGUAGE sql AS 'SELECT generate_series(1, n)';
CREATE FUNCTION {schema}.labels(names text[]) RETURNS text LANGUAGE sql AS $$SELECT array_to_string(names, '+')$$;
CREATE FUNCTION {schema}.unlisted(n int) RETURNS text LANGUAGE sql AS $$SELECT 'nobody listed this'$$;
GRANT INSERT, SELECT ON {schema}.calls TO rowgate;
GRANT USAGE ON SEQUENCE {schema}.calls_id_seq TO rowgate;
"""

ALLOW = """
[functions]
allow = ["sales.margin(numeric, numeric)", "sales.whose()", "sales.log(text)", "sales.numbers(int)", "sales.labels(text[])",
         "int4larger(int, int)"]
deny = ["upper"]
"""


class FunctionStack(stacks.Stack):
    def __init__(self):
        super().__init__(extra=ALLOW)

    def _fill(self):
        super()._fill()
        for tenant in stacks.TENANTS:
            self.server.execute(FUNCTIONS.format(schema=f"t_{tenant}"), dbname="bi")


@pytest.fixture(scope="module")
def own():
    with FunctionStack() as running:
        yield running


@pytest.mark.parametrize("sql, rows", [
    ("select sales.margin(10, 4)", [("0.60",)]),
    ("select margin('10', '4')", [("0.60",)]),  # unknown literals would choose the text overload
    ("select sales.margin(10::float8, 4::float8)", [("0.60",)]),  # floats the float8 one
    ("select sales.margin(amount, amount / 2) from sales.orders where id = 4", [("0.50",)]),
    ("select sum(n) from sales.numbers(4) as x(n)", [("10",)]),
    ("select labels(array['a', 'b,c'])", [("a+b,c",)]),
    ("select int4larger(3, 4)", [("4",)]),
    ("select margin(sum(amount), count(*)) > 0 from orders having margin(10, 4) > 0", [("True",)]),
])
def test_listed_functions_are_called_in_the_listed_form(own, sql, rows):
    assert [tuple(str(value) for value in row) for row in own.query(sql)] == rows


@pytest.mark.parametrize("tenant", ["acme", "globex"])
def test_each_tenant_calls_its_own(own, tenant):
    assert own.query("select sales.whose(), whose()", tenant) == [(f"t_{tenant}", f"t_{tenant}")]


def test_parameters_take_the_listed_type(own):
    with contextlib.closing(own.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("prepare p as select sales.margin($1, $2)")
        cursor.execute("execute p('10', '4')")
        assert str(cursor.fetchone()[0]) == "0.60"
        cursor.execute("select sales.margin(%s, %s)", ("8", 2))
        assert str(cursor.fetchone()[0]) == "0.75"


@pytest.mark.parametrize("sql", [
    "select sales.unlisted(1)", "select sales.margin(1)", "select sales.margin(1, 2, 3)", "select t_globex.whose()",
    "select t_acme.whose()", "select public.whose()", "select pg_catalog.whose()", "select sales.margin(variadic array[1, 2])",
    "select upper('a')", "select sales.margin(price => 1, cost => 2)", "select x.whose from sales.numbers(1) as x",
    "select int4larger(1)", "select int4smaller(1, 2)", "call sales.log('x')", "do $$ begin perform t_acme.log('x'); end $$",
    "declare c cursor for select sales.log('x')", "select sales.log((select max(note) from t_globex.orders))"])
def test_nothing_else_is(own, sql):
    with pytest.raises(psycopg2.Error) as caught:
        own.query(sql)
    assert caught.value.pgcode in ("42501", "0A000"), caught.value
    assert "wrong one" not in str(caught.value)
    assert own.server.execute("select count(*) from t_acme.calls where note <> 'recorded-marker'", dbname="bi") == [(0,)]


def test_what_may_change_something_is_recorded_before_it_does(own):
    assert own.query("select sales.log('recorded-marker')") == [(1,)]
    time.sleep(0.2)
    found = [record for record in own.audit_records() if "recorded-marker" in str(record)]
    assert len(found) == 2  # the decision went to the disk first, then the call, then how it ended
    assert own.server.execute("select note from t_acme.calls", dbname="bi") == [("recorded-marker",)]


def test_what_undoes_a_promise_cannot_be_configured(own):
    import subprocess
    for name in ("pg_read_file", "pg_sleep(double precision)", "sales.dblink(text, text)", "set_config", "nextval"):
        path = own.directory / "never.toml"
        path.write_text(own.config_text().replace('"sales.whose()"', f'"{name}"'))
        done = subprocess.run([stacks.binary(), "check", "-c", str(path)], text=True, capture_output=True, env=None)
        assert done.returncode != 0 and "can never be allowed" in done.stdout + done.stderr, done
