# SPDX-License-Identifier: Apache-2.0
"""Writes on real servers: into the tenant's own relations where a policy's `for` names them, and into shared ones while the
database enforces the same policies. Each statement must end as it does under PostgreSQL's own row-level security, with the
same rows, counts and SQLSTATE; errors must carry nothing of another tenant's rows."""
import contextlib
import io
import re
import time

import psycopg2
import pytest

import stack as stacks

ACME = stacks.TENANTS["acme"]
GLOBEX = stacks.TENANTS["globex"]

# The native side of the comparison: the same policies by hand, for a login of acme's own. rowgate's login gets what
# `rowgate policy export` writes; without the second lock, it sees all rows, and rowgate alone keeps tenants apart.
TABLES = """
CREATE TABLE shared.notes (id int PRIMARY KEY, tenant_id uuid NOT NULL, note text CHECK (note <> 'forbidden'), amount int);
INSERT INTO shared.notes SELECT i, (ARRAY['{acme}', '{globex}'])[i % 2 + 1]::uuid, (ARRAY['acme', 'globex'])[i % 2 + 1] || ' ' || i, i
  FROM generate_series(1, 40) i;
CREATE TABLE shared.capped (LIKE shared.notes INCLUDING ALL);
INSERT INTO shared.capped SELECT * FROM shared.notes;
CREATE TABLE shared.inbox (id int, tenant_id uuid NOT NULL, note text);
CREATE VIEW shared.notes_view AS SELECT * FROM shared.notes;
ALTER TABLE shared.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared.capped ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared.inbox ENABLE ROW LEVEL SECURITY;
CREATE POLICY n ON shared.notes TO rls_acme USING (tenant_id = '{acme}');
CREATE POLICY n ON shared.capped TO rls_acme USING (tenant_id = '{acme}') WITH CHECK (tenant_id = '{acme}' AND amount < 100);
CREATE POLICY n ON shared.inbox FOR INSERT TO rls_acme WITH CHECK (tenant_id = '{acme}');
GRANT SELECT, INSERT, UPDATE, DELETE ON shared.notes, shared.capped, shared.notes_view TO rowgate, rls_acme;
GRANT INSERT ON shared.inbox TO rowgate, rls_acme;
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA t_acme TO rls_acme;
CREATE POLICY n ON t_acme.customers TO rls_acme USING (true);
CREATE POLICY n ON t_acme.orders TO rls_acme USING (true);
CREATE POLICY n ON t_acme.order_items TO rls_acme USING (true);
"""
OPEN = "CREATE POLICY o ON shared.notes TO rowgate USING (true); CREATE POLICY o ON shared.capped TO rowgate USING (true);"

POLICIES = """
[[policies]]
name = "notes"
on = ["shared.notes", "shared.notes_view"]
for = ["select", "insert", "update", "delete"]
using = "tenant_id = :tenant_id"
[[policies]]
name = "capped"
on = ["shared.capped"]
for = ["select", "insert", "update", "delete"]
using = "tenant_id = :tenant_id"
with_check = "tenant_id = :tenant_id and amount < 100"
[[policies]]
name = "inbox"
on = ["shared.inbox"]
for = ["insert"]
using = "tenant_id = :tenant_id"
"""


def writable(identity):
    """Own relations writable; with the second lock, the shared ones of TABLES too."""
    fill = TABLES.format(**stacks.TENANTS) + (OPEN if identity == "none" else "")
    return stacks.Stack(own_kinds='["select", "insert", "update", "delete"]', extra=POLICIES, identity=identity, fill=fill)


@pytest.fixture(scope="module", params=["set_local", "set_role"])
def locked(request):
    with writable(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def unlocked():
    with writable("none") as running:
        yield running


def run(connection, statements):
    """What became of each statement of a transaction, which is then rolled back: count and rows, or the error."""
    outcomes = []
    with connection.cursor() as cursor:
        for sql in statements:
            try:
                cursor.execute(sql)
                outcomes.append((cursor.rowcount, sorted(cursor.fetchall(), key=str) if cursor.description else None))
            except psycopg2.Error as error:
                # what is exported are restrictive policies, which the message names; they are the same rules
                outcomes.append((error.pgcode, re.sub(r'policy "[^"]*" ', "policy ", error.diag.message_primary)))
                break
    connection.rollback()
    return outcomes


def compare(stack, statements):
    with contextlib.closing(stack.connect(autocommit=False)) as gate:
        through = run(gate, statements)
    with contextlib.closing(stack.server.connect(user="rls_acme", password="native", dbname="bi", autocommit=False)) as native:
        wanted = run(native, [sql.replace("sales.", "t_acme.") for sql in statements])
    assert through == wanted, statements
    return through


ROW = f"(1001, '{ACME}', 'new', 1)"
FOREIGN = f"(1002, '{GLOBEX}', 'new', 1)"
SHARED = [
    [f"insert into shared.notes values {ROW} returning *", "select * from shared.notes where id > 1000"],
    [f"insert into shared.notes values {FOREIGN}"],
    [f"insert into shared.notes values {ROW}, {FOREIGN}"],
    [f"insert into shared.notes (id, tenant_id) values (1001, '{ACME}') returning id, upper(note), amount is null"],
    ["insert into shared.notes select id + 2000, tenant_id, note, amount from shared.notes",
     "select count(*), min(id) from shared.notes where id > 2000"],
    [f"insert into shared.notes select id + 2000, '{GLOBEX}', note, amount from shared.notes"],
    ["update shared.notes set note = 'x'", "select count(*) from shared.notes where note = 'x'"],
    ["update shared.notes set note = 'x' where id in (1, 2, 3, 4) returning id, note"],
    ["update shared.notes set note = 'x' where note like 'globex%' returning id"],
    [f"update shared.notes set tenant_id = '{GLOBEX}' where id = 2"],
    [f"update shared.notes set tenant_id = '{GLOBEX}'"],
    ["update shared.notes n set amount = o.amount + 1 from shared.notes o where o.id = n.id returning n.id, n.amount"],
    ["update shared.notes set (note, amount) = (select 'top', max(amount) from shared.notes) where id < 10 returning *"],
    ["update shared.notes set amount = (select count(*) from shared.notes) returning amount"],
    ["delete from shared.notes", "select count(*) from shared.notes"],
    ["delete from shared.notes where id between 1 and 10 returning id"],
    ["delete from shared.notes using sales.orders o where o.id = notes.id and o.id < 10 returning notes.id"],
    [f"insert into shared.notes values (2, '{ACME}', 'again', 1)"],
    [f"insert into shared.notes values (1, '{ACME}', 'taken by globex', 1)"],
    [f"insert into shared.notes values (1, '{ACME}', 'taken by globex', 1) on conflict do nothing returning *"],
    [f"insert into shared.notes values (2, '{ACME}', 'mine', 1) on conflict (id) do nothing returning *"],
    [f"insert into shared.notes as n values (2, '{ACME}', 'mine', 1) on conflict (id) do update set note = excluded.note || n.amount "
     "where n.amount < 100 returning *"],
    [f"insert into shared.notes values (1, '{ACME}', 'theirs', 1) on conflict (id) do update set note = 'taken'"],
    [f"insert into shared.notes values (1, '{ACME}', 'theirs', 1) on conflict (id) do update set note = notes.note returning note"],
    [f"insert into shared.notes values (2, '{ACME}', 'mine', 1) on conflict (id) do update set tenant_id = '{GLOBEX}'"],
    ["merge into shared.notes n using (values (2, 'two'), (1, 'one'), (3000, 'new')) as v(id, note) on v.id = n.id when matched then "
     f"update set note = v.note when not matched and v.id > 1000 then insert values (v.id, '{ACME}', v.note, 0)",
     "select id, note from shared.notes where id in (1, 2, 3000)"],
    ["merge into shared.notes n using generate_series(1, 10) as g(id) on g.id = n.id when matched and n.amount > 4 then delete "
     "when matched then do nothing", "select id from shared.notes where id <= 10"],
    [f"merge into shared.notes n using (values (3001)) as v(id) on v.id = n.id when not matched then insert values (v.id, '{GLOBEX}', '', 0)"],
    [f"merge into shared.notes n using (values (1)) as v(id) on v.id = n.id when not matched then insert values (v.id, '{ACME}', '', 0)"],
    [f"merge into shared.notes n using (values (2)) as v(id) on v.id = n.id when matched then update set tenant_id = '{GLOBEX}'"],
    ["with gone as (delete from shared.notes where amount > 10 returning *) insert into sales.customers (id, name) "
     "select id + 5000, note from gone returning id"],
    ["with more as (update shared.notes set amount = amount + 1 returning *) select count(*), sum(amount) from more"],
    ["insert into shared.notes values (1003, null, 'x', 1)"],
    [f"insert into shared.notes values (1004, '{ACME}', 'forbidden', 1)"],
    ["update shared.notes set note = 'forbidden'"],
    ["update shared.notes set note = note where 1 / (amount - 1) > 5"],
    ["delete from shared.notes where note::int = 1"],
    ["delete from shared.notes where tenant_id is not null or true returning tenant_id"],
    [f"insert into shared.capped values (1001, '{ACME}', 'x', 99)", f"insert into shared.capped values (1002, '{ACME}', 'x', 100)"],
    ["update shared.capped set amount = 99 where id = 2", "update shared.capped set amount = 100 where id = 2"],
    ["update shared.capped set amount = amount + 90"],
    [f"insert into shared.inbox values (1, '{ACME}', 'x')"],
    [f"insert into shared.inbox values (1, '{GLOBEX}', 'x')"],
]

OWN = [
    ["insert into sales.customers values (900, 'new', 'de'), (901, 'more', default) returning *"],
    ["insert into sales.customers values (1, 'taken', 'de')"],
    ["insert into sales.customers (id) values (902)"],
    ["insert into sales.orders (id, customer_id) values (9000, 77777)"],
    ["delete from sales.customers where id = 1"],
    ["insert into sales.customers as c values (1, 'again', 'de') on conflict (id) do update set name = c.name || excluded.name returning *"],
    ["insert into sales.customers values (1, 'again', 'de') on conflict on constraint customers_pkey do nothing"],
    ["insert into sales.customers (id, name) select id + 1000, note from shared.notes returning id, name"],
    ["update sales.orders o set (note, amount) = (select c.name, o.amount + 1 from sales.customers c where c.id = o.customer_id) "
     "where o.id < 5 returning o.id, o.note, o.amount"],
    ["update sales.orders set note = n.note from shared.notes n where n.id = orders.id returning orders.id, orders.note"],
    ["delete from sales.order_items using sales.orders o where o.id = order_id and o.amount < 10 returning order_id, line"],
    ["merge into sales.customers c using shared.notes n on n.id = c.id when matched and n.amount < 10 then update set name = n.note "
     "when matched then do nothing when not matched then insert (id, name) values (n.id, n.note)",
     "select id, name from sales.customers where id < 45"],
    ["with items as (delete from sales.order_items where order_id < 4 returning *), gone as (insert into sales.customers (id, name) "
     "select 600 + order_id * 10 + line, sku from items returning id) select * from gone"],
    ["update sales.orders set amount = 1e20 where id = 1"],
    ["update sales.orders set amount = 'x'"],
]


@pytest.mark.parametrize("statements", SHARED, ids=lambda statements: statements[0][:60])
def test_shared_tables_end_as_under_row_level_security(locked, statements):
    compare(locked, statements)


@pytest.mark.parametrize("statements", OWN, ids=lambda statements: statements[0][:60])
def test_own_tables_end_as_without_a_proxy(locked, unlocked, statements):
    compare(locked, statements)
    compare(unlocked, statements)


def test_some_of_these_are_refused_by_the_database_and_some_are_not(locked):
    """The comparison above would prove nothing if all of them failed alike."""
    outcomes = [compare(locked, statements)[-1] for statements in SHARED]
    violations = [outcome for outcome in outcomes if outcome[0] == "42501"]
    assert len(violations) >= 10, outcomes
    assert all("row-level security policy" in message for _, message in violations), violations
    assert len([outcome for outcome in outcomes if isinstance(outcome[0], int)]) >= 20


@pytest.mark.parametrize("statement", [statements[0] for statements in SHARED])
def test_shared_tables_are_read_only_without_the_second_lock(unlocked, statement):
    with contextlib.closing(unlocked.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute(statement)
    assert caught.value.pgcode == "0A000"
    assert "needs row security in the database" in caught.value.diag.message_primary


ATTACKS = [
    f"insert into t_globex.customers values (900, 'x', 'x')",
    "update t_globex.customers set name = 'x'",
    "delete from t_acme.customers",
    "truncate sales.customers",
    "update shared.notes_view set note = 'x'",
    f"insert into shared.notes_view values {ROW}",
    "delete from shared.events",
    "update shared.secret set content = 'x'",
    "merge into t_globex.customers c using sales.orders o on o.id = c.id when matched then delete",
    "insert into sales.customers select id, content from shared.secret",
    "insert into sales.customers (id, name) values (900, (select string_agg(name, '') from t_globex.customers))",
    "update sales.customers set name = (select min(note) from t_globex.orders)",
    f"insert into shared.notes values {ROW} on conflict on constraint notes_pkey do nothing",
    "insert into shared.inbox values (1, null, 'x') returning *",
    "delete from sales.customers where current of c",
    "explain delete from sales.order_items",
    "explain analyze insert into sales.customers values (900, 'x', 'x')",
    "update sales.customers set ctid = '(0,1)'",
    "delete from shared.notes where ctid = '(0,1)'",
    "select * from shared.notes for update",
    "copy sales.customers from '/etc/passwd'",
    "copy sales.customers from program 'id'",
    "do $$ begin delete from shared.notes; end $$",
    "set rowgate.claim_tenant_id = '=" + GLOBEX + "'",
    f"select set_config('rowgate.claim_tenant_id', '={GLOBEX}', false)",
    f"with s as (select set_config('rowgate.claim_tenant_id', '={GLOBEX}', true)) update shared.notes set note = 'x' from s",
    "set row_security = off",
    "set role postgres; delete from shared.notes",
]


@pytest.mark.parametrize("statement", ATTACKS)
def test_attacks_change_nothing(locked, statement):
    count = "select (select md5(string_agg(n::text, '' order by id)) from shared.notes n), (select count(*) from t_globex.customers), " \
            "(select count(*) from t_acme.customers)"
    before = locked.server.execute(count, dbname="bi")
    with contextlib.closing(locked.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute(statement)
    assert caught.value.pgcode in ("42501", "0A000"), caught.value
    assert locked.server.execute(count, dbname="bi") == before


@pytest.mark.parametrize("statement, code", [
    (f"insert into shared.notes values (1, '{ACME}', 'x', 1)", "23505"),
    (f"insert into shared.notes values (null, '{ACME}', 'hidden value', 1)", "23502"),
    (f"insert into shared.notes values {FOREIGN}", "42501"),
    ("insert into sales.customers values (1, 'hidden value', 'de')", "23505"),
    ("insert into sales.orders (id, customer_id) values (9000, 77777)", "23503"),
    ("delete from sales.customers where id = 1", "23503"),
    ("update shared.notes set note = 'forbidden' where id = 2", "23514"),
])
def test_errors_carry_no_row(locked, statement, code):
    with contextlib.closing(locked.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute(statement)
    diag = caught.value.diag
    assert caught.value.pgcode == code
    assert diag.message_detail is None and diag.context is None and diag.internal_query is None, diag.message_detail
    assert "hidden value" not in str(caught.value) and "Key (" not in str(caught.value)


def test_who_one_is_does_not_outlive_a_transaction(locked):
    """Two tenants, one after the other on the same pool: each one's writes see its own rows."""
    for tenant, mine in (("acme", ACME), ("globex", GLOBEX), ("acme", ACME)):
        with contextlib.closing(locked.connect(tenant, autocommit=False)) as connection, connection.cursor() as cursor:
            cursor.execute("update shared.notes set amount = amount returning tenant_id")
            assert {row[0] for row in cursor.fetchall()} == {mine}
            cursor.execute("savepoint a")
            with pytest.raises(psycopg2.Error):
                cursor.execute("update shared.notes set tenant_id = '33333333-3333-3333-3333-333333333333'")
            cursor.execute("rollback to a")
            cursor.execute("delete from shared.notes returning tenant_id")
            assert {row[0] for row in cursor.fetchall()} == {mine}
            connection.rollback()


def test_copy_from_stdin_fills_own_tables(unlocked):
    with contextlib.closing(unlocked.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.copy_expert("copy sales.customers (id, name) from stdin with (format csv)", io.StringIO('701,"a, b"\n702,"c"\n'))
        assert cursor.rowcount == 2
        cursor.execute("select id, name from sales.customers where id > 700 order by id")
        assert cursor.fetchall() == [(701, "a, b"), (702, "c")]
        cursor.copy_expert("copy sales.customers from stdin", io.StringIO("703\tx\t\\N\n"))
        connection.rollback()


def test_copy_from_stdin_is_nothing_for_row_level_security(locked):
    """What is exported covers own tables, too, and PostgreSQL copies into no table under row-level security."""
    with contextlib.closing(locked.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.copy_expert("copy sales.customers (id, name) from stdin", io.StringIO("701\tx\n"))
        assert caught.value.pgcode == "0A000" and "row-level security" in str(caught.value)
        cursor.execute("select count(*) from sales.customers")
        assert cursor.fetchall() == [(50,)]


@pytest.mark.parametrize("statement", [
    "copy shared.notes from stdin", "copy t_globex.customers from stdin", "copy sales.customers from stdin (format binary)",
    "copy sales.customers from stdin where id > 1", "copy sales.customers (ctid) from stdin", "copy pg_authid from stdin"])
def test_copy_from_stdin_goes_nowhere_else(locked, statement):
    with contextlib.closing(locked.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.copy_expert(statement, io.StringIO("1\tx\ty\n"))
        assert caught.value.pgcode in ("42501", "0A000")
        cursor.execute("select count(*) from sales.customers")  # the session goes on
        assert cursor.fetchall() == [(50,)]


def test_copy_errors_carry_no_row(unlocked):
    with contextlib.closing(unlocked.connect()) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.Error) as caught:
            cursor.copy_expert("copy sales.customers from stdin", io.StringIO("1\ttaken\tde\n"))
    assert caught.value.pgcode == "23505" and caught.value.diag.message_detail is None and caught.value.diag.context is None


def rg(record):
    return record["unmapped"]["rg"]


@pytest.mark.parametrize("statement, relations", [
    ("update shared.notes set note = 'audit-marker-{n}' where id = -1", ["shared.notes"]),
    ("merge into sales.customers c using shared.notes n on n.id = c.id and n.note = 'audit-marker-{n}' when matched then do nothing",
     ["sales.customers", "shared.notes"]),
    ("with x as (delete from sales.order_items where sku = 'audit-marker-{n}' returning *) select count(*) from x", ["sales.order_items"]),
    ("insert into shared.notes (id, tenant_id, note) select -1, n.tenant_id, 'audit-marker-{n}' from shared.notes n where false",
     ["shared.notes"]),
])
def test_writes_are_audited_as_writes_and_before_they_happen(locked, statement, relations):
    sql = statement.format(n=abs(hash(statement)))
    locked.query(sql)
    time.sleep(0.2)
    found = [record for record in locked.audit_records() if f"audit-marker-{abs(hash(statement))}" in str(record)]
    assert len(found) == 2  # the decision, durable before the statement went on, and how it ended
    decision, outcome = found
    assert int(rg(decision)["seq"]) < int(rg(outcome)["seq"])
    assert rg(decision)["class"] == "WRITE" and rg(decision)["tenant"] == "acme", decision
    assert [relation for relation in rg(decision)["relations"]] == relations
