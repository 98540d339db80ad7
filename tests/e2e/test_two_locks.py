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


# ---- the settings reach every transaction, and nothing else changes ----

COUNT = "select count(*) from shared.orders"


def simple(wire, text):
    wire.send(b"Q", text.encode() + b"\0")
    return wire.until("Z")


def row(messages, at=0):
    """Of the at-th DataRow, its one column."""
    bodies = [body for kind, body in messages if kind == "D"]
    return bodies[at][6:].decode()


def extended(wire, *texts, sync=True):
    for text in texts:
        wire.parse(text)
        wire.bind()
        wire.execute()
    if sync:
        wire.send(b"S")


@pytest.mark.parametrize("text, shown", [
    (COUNT, "TDCZ"), (f"{COUNT}; {COUNT}", "TDCTDCZ"), (f"begin; {COUNT}; commit; {COUNT}", "CTDCCTDCZ"),
    (f"rollback; {COUNT}", "NCTDCZ"), ("", "IZ"), ("-- nothing", "IZ"), ("show search_path", "TDCZ"), ("set search_path = sales", "CZ"),
    (f"copy ({COUNT}) to stdout", "HdcCZ"), (f"begin; savepoint a; {COUNT}; rollback to a; {COUNT}; rollback", "CCTDCCTDCCZ"),
    (f"begin; {COUNT}; commit and chain; {COUNT}; rollback", "CTDCCTDCCZ"), (f"explain (costs off) select * from sales.orders", "TDDCZ"),
    (f"begin; declare c cursor for {COUNT}; fetch c; close c; end", "CCTDCCCZ"),
    (f"prepare p as {COUNT}; execute p; deallocate p", "CTDCCZ"),
])
def test_a_simple_query_is_answered_as_without_the_lock(locked, text, shown):
    with Wire(locked) as wire:
        messages = simple(wire, text)
        assert kinds(messages).replace("N", "") == shown.replace("N", ""), messages
        for kind, body in messages:
            if kind == "D" and COUNT in text:
                assert body[6:] == b"20"
            assert kind not in "Dd" or b"rowgate" not in body or b"Filter" in body
        assert kinds(simple(wire, COUNT)) == "TDCZ"


def test_a_transaction_keeps_its_characteristics(locked):
    """A query before them would be an error: the settings are one, and come behind them."""
    with Wire(locked) as wire:
        for begin in (["begin isolation level serializable read only deferrable"], ["begin", "set transaction isolation level serializable"],
                      ["begin; set transaction isolation level serializable"],
                      ["begin", "show transaction_isolation", "set transaction isolation level serializable"],
                      ["start transaction", "set search_path = sales", "set transaction isolation level serializable"]):
            for text in begin:
                assert "E" not in kinds(simple(wire, text)), (begin, text)
            assert row(simple(wire, COUNT)) == "20"
            assert row(simple(wire, "show transaction_isolation")) == "serializable"
            assert kinds(simple(wire, "commit")) == "CZ"
        extended(wire, "begin isolation level repeatable read", COUNT, "show transaction_isolation", "commit", COUNT)
        messages = wire.until("Z")
        assert kinds(messages) == "12C" + "12DC" * 2 + "12C" + "12DCZ"
        assert [row(messages, i) for i in range(3)] == ["20", "repeatable read", "20"]


def test_the_extended_protocol_is_answered_as_without_the_lock(locked):
    with Wire(locked) as wire:
        extended(wire, COUNT)
        messages = wire.until("Z")
        assert kinds(messages) == "12DCZ" and row(messages) == "20"
        for begin, end in ((None, None), ("begin", "commit")):
            if begin:
                simple(wire, begin)
            for _ in range(3):
                extended(wire, COUNT, COUNT)
                assert kinds(wire.until("Z")) == "12DC" * 2 + "Z"
            if end:
                simple(wire, end)
        wire.parse("select id from shared.orders where id <= $1::int order by id", "named")
        wire.send(b"D", b"Snamed\0")
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "1tTZ"
        for count in ("3", "7"):
            wire.bind("named", "portal", [count])
            wire.send(b"D", b"Pportal\0")
            wire.execute("portal")
            wire.send(b"S")
            assert kinds(wire.until("Z")) == "2T" + "D" * int(count) + "CZ"
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "Z"


def test_portals_live_through_their_transaction(locked):
    with Wire(locked) as wire:
        simple(wire, "begin")
        wire.parse("select id from shared.orders order by id limit 5")
        wire.bind(portal="p")
        wire.execute("p", 2)
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "12DDsZ"
        extended(wire, "savepoint a", COUNT, "rollback to a", COUNT)
        assert kinds(wire.until("Z")) == "12C12DC12C12DCZ"
        wire.execute("p", 2)
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "DDsZ"
        wire.execute("p")
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "DCZ"
        simple(wire, "commit")


def test_flush_without_sync(locked):
    with Wire(locked) as wire:
        for _ in range(3):
            wire.parse(COUNT)
            wire.send(b"D", b"S\0")
            wire.send(b"H")
            assert kinds(wire.until("T")) == "1tT"
            wire.bind()
            wire.execute()
            wire.send(b"H")
            assert kinds(wire.until("C")) == "2DC"
        extended(wire, "commit", COUNT, sync=False)
        wire.send(b"H")
        wire.until("C")
        messages = wire.until("C")
        assert row(messages) == "20"
        wire.send(b"S")
        assert kinds(wire.until("Z")) == "Z"


def test_pipelines_of_every_kind(locked):
    with Wire(locked) as wire:
        for _ in range(20):
            extended(wire, COUNT)
            wire.send(b"Q", COUNT.encode() + b"\0")
            extended(wire, "begin", COUNT, "rollback", COUNT)
            wire.send(b"Q", b"begin\0")
            extended(wire, COUNT)
            wire.send(b"Q", b"commit and chain\0")
            extended(wire, COUNT)
            wire.send(b"Q", b"rollback\0")
            extended(wire, COUNT)
        seen = [wire.until("Z") for _ in range(20 * 9)]
        assert all("E" not in kinds(messages) for messages in seen)
        rows = [body[6:] for messages in seen for kind, body in messages if kind == "D"]
        assert rows == [b"20"] * (20 * 7)


def test_a_refused_query_ends_the_batch_and_what_it_held(locked):
    """The settings went with the implicit transaction that the refusal ended: what comes next brings its own."""
    with Wire(locked) as wire:
        for following in (lambda: simple(wire, COUNT), lambda: extended(wire, COUNT) or wire.until("Z")):
            extended(wire, COUNT, sync=False)
            wire.send(b"H")
            assert kinds(wire.until("C")) == "12DC"
            assert kinds(simple(wire, "select * from t_globex.orders")) == "EZ"
            assert row(following()) == "20"
            assert row(simple(wire, COUNT)) == "20"
        for text in (COUNT, "begin", COUNT, "select * from t_globex.orders", "rollback"):
            wire.send(b"Q", text.encode() + b"\0")
        extended(wire, COUNT)
        assert [kinds(wire.until("Z")) for _ in range(6)] == ["TDCZ", "CZ", "TDCZ", "EZ", "CZ", "12DCZ"]


def test_errors_are_the_clients_own_and_in_his_place(locked):
    with Wire(locked) as wire:
        error = error_of(simple(wire, "select nothing from shared.orders"))
        assert (error["C"], error["P"]) == ("42703", "8")
        error = error_of(simple(wire, "select 1; select 'é', nothing from shared.orders"))
        assert (error["C"], error["P"]) == ("42703", "23")
        assert kinds(simple(wire, "select 1/0; select 2")) == "EZ"
        simple(wire, "begin")
        assert error_of(simple(wire, "select 1/0"))["C"] == "22012"
        assert error_of(simple(wire, COUNT))["C"] == "25P02"
        assert error_of(simple(wire, "select 1; rollback"))["C"] == "25P02"
        extended(wire, COUNT)
        assert error_of(wire.until("Z"))["C"] == "25P02"
        assert kinds(simple(wire, f"rollback; {COUNT}")) == "CTDCZ"
        simple(wire, "begin; savepoint a")
        assert error_of(simple(wire, "select 1/0"))["C"] == "22012"
        assert kinds(simple(wire, f"rollback to a; {COUNT}")) == "CTDCZ"
        assert row(simple(wire, COUNT)) == "20"
        # pipelined behind an error: the transaction has failed when the settings come
        for text in ("begin", "select 1/0", COUNT, "rollback", COUNT):
            wire.send(b"Q", text.encode() + b"\0")
        codes = [wire.until("Z") for _ in range(5)]
        assert [error_of(m)["C"] if "E" in kinds(m) else "" for m in codes] == ["", "22012", "25P02", "", ""]
        extended(wire, "select 1/0", COUNT)
        assert kinds(wire.until("Z")) == "1EZ"
        extended(wire, COUNT)
        assert kinds(wire.until("Z")) == "12DCZ"
    assert locked.audit_verify().returncode == 0


def test_every_statement_is_on_record_and_the_settings_are_not(locked):
    with Wire(locked) as wire:
        simple(wire, "select 'on_record_one'; select 'on_record_two'")
        extended(wire, "select 'on_record_three'")
        wire.until("Z")
    text = [str(record) for record in locked.audit_records()]
    for marker in ("one", "two", "three"):
        assert any(f"on_record_{marker}" in record for record in text)
    assert not any("set_config('rowgate" in record for record in text)


@pytest.mark.parametrize("forged", [
    "set rowgate.tenant = 'globex'", "set local rowgate.tenant = 'globex'", "reset rowgate.tenant", "show rowgate.tenant",
    "select set_config('rowgate.tenant', 'globex', true)", "select pg_catalog.set_config('role', 'rowgate_globex', false)",
    "set role rowgate_globex", "set local role rowgate_globex", "set role none", "reset role",
    "set session authorization rowgate", "alter role rowgate set rowgate.tenant = 'globex'",
    "update pg_settings set setting = 'globex' where name = 'rowgate.tenant'",
    "do $$ begin perform set_config('rowgate.tenant', 'globex', true); end $$", "set row_security = off",
])
def test_no_client_says_who_he_is(locked, forged):
    with contextlib.closing(locked.connect(autocommit=False)) as connection, connection.cursor() as cursor:
        cursor.execute(COUNT)
        with pytest.raises(psycopg2.Error):
            cursor.execute(forged)
        connection.rollback()
        cursor.execute("select count(*), count(*) filter (where note like 'zebra%') from shared.orders")
        assert cursor.fetchall() == [(20, 0)]


def test_nobody_reads_the_settings(locked):
    for name in ("rowgate.tenant", "rowgate.schemas", "rowgate.claim_tenant_id"):
        assert locked.query(f"select current_setting('{name}', true), (select count(*) from shared.orders)") == [(None, 20)]
    assert locked.query("select count(*) from pg_settings where name like 'rowgate%'") == [(0,)]


@pytest.mark.parametrize("options", ["-c rowgate.tenant=globex", "-c role=rowgate_globex", "-c session_authorization=postgres",
                                     "-c row_security=off", "-c ROWGATE.tenant=globex"])
def test_nor_at_startup(locked, options):
    with pytest.raises(psycopg2.OperationalError):
        locked.connect(options=options)


def test_a_tenant_without_a_role_is_told_what_to_do():
    """The database was not told of the tenant: refused, on record, and nothing of it is half done."""
    with stack_module.Stack(identity="set_role", own_kinds=OWN) as running:
        running.server.execute("DROP OWNED BY rowgate_globex; DROP ROLE rowgate_globex", dbname="bi")
        with Wire(running, "globex") as wire:
            error = error_of(simple(wire, "select count(*) from sales.orders; select 1"))
            assert error["C"] == "42501" and "upstream.lock" in error["D"] and "policy export" in error["H"], error
            extended(wire, "select count(*) from sales.orders", "select 1")
            messages = wire.until("Z")
            assert kinds(messages) == "EZ" and error_of(messages)["C"] == "42501"
            assert kinds(simple(wire, "begin")) == "CZ"
            assert error_of(simple(wire, "insert into sales.customers values (9999, 'x')"))["C"] == "42501"
            assert kinds(simple(wire, "rollback")) == "CZ"
            assert kinds(simple(wire, "show search_path")) == "TDCZ"
        assert running.query("select count(*) from sales.orders") == [(300,)]
        assert any("rowgate_globex" in str(event) for event in running.rowgate.events() if event.get("event") == "sql.upstream.lock")
        assert any("upstream.lock" in str(record) for record in running.audit_records())
        assert running.audit_verify().returncode == 0


def test_an_absent_claim_gives_no_row_and_a_present_one_is_exact(locked):
    seen = {}
    for name, claims in (("absent", 'regions=null'), ("empty", "regions=[]"), ("odd", 'regions=["it\'s", "a\\"b", "emea"]'),
                         ("one", 'regions=["emea"]')):
        token = locked.idp.token(tenant=None, claims=[f"tenant_id={stack_module.TENANTS['acme']}", claims])
        with contextlib.suppress(psycopg2.OperationalError):
            seen[name] = locked.query("select count(*) from shared.regional", password=token)
    assert seen["absent"] == [(0,)] and seen["odd"] == seen["one"] and seen["one"][0][0] > 0
    assert seen.get("empty", [(0,)]) == [(0,)]


# ---- a pooled connection carries nothing to the next client ----

def test_the_next_client_of_the_same_connection_is_himself(pooled):
    with contextlib.ExitStack() as clients:
        cursors = [clients.enter_context(contextlib.closing(pooled.connect(tenant))).cursor() for tenant in ("acme", "globex") * 2]
        for _ in range(10):
            for cursor, tenant in zip(cursors, ("acme", "globex") * 2):
                cursor.execute("select count(*), min(split_part(note, ' ', 1)), max(split_part(note, ' ', 1)) from sales.orders")
                assert cursor.fetchall() == [(300, tenant, tenant)]
                cursor.execute("select count(*) from shared.events")
                assert cursor.fetchall() == [(1000,)]


def test_the_connection_itself_knows_nobody(pooled):
    for tenant in ("acme", "globex"):
        pooled.query("select count(*) from shared.events", tenant)
        parameters = {"host": "127.0.0.1", "port": pooled.bouncer.port, "user": "rowgate", "password": stack_module.PASSWORD, "dbname": "bi"}
        with contextlib.closing(psycopg2.connect(**parameters)) as connection, connection.cursor() as cursor:
            cursor.execute("select coalesce(current_setting('rowgate.tenant', true), ''), current_user")
            assert cursor.fetchall() == [("", "rowgate")]
            for table in ("shared.events", "t_acme.orders", "t_globex.orders"):
                try:
                    cursor.execute(f"select count(*) from {table}")
                    assert cursor.fetchall() == [(0,)]
                except psycopg2.errors.InsufficientPrivilege:
                    pass # identity set_role: the login itself may do nothing
                connection.rollback()


def test_a_client_that_leaves_in_a_transaction_leaves_nothing(pooled):
    for _ in range(5):
        connection = pooled.connect(autocommit=False)
        connection.cursor().execute("select * from shared.events limit 1")
        connection.close()
        assert pooled.query("select min(split_part(note, ' ', 1)) from sales.orders", "globex") == [("globex",)]


# ---- export and diff ----

def test_the_login_is_subject_to_the_lock(locked):
    assert locked.server.execute("select rolsuper, rolbypassrls from pg_roles where rolname = 'rowgate'") == [(False, False)]
    assert locked.server.execute("select count(*) from pg_class where relowner = 'rowgate'::regrole", dbname="bi") == [(0,)]


def differences(running):
    done = running.command("diff")
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


def test_diff_is_quiet_behind_an_export_and_finds_what_was_changed(locked):
    drop = "DROP POLICY IF EXISTS all_rows ON shared.events; DROP POLICY IF EXISTS all_rows ON shared.regional"
    locked.server.execute(drop, dbname="bi")
    assert differences(locked) == (0, "")
    assert locked.load_lock() == locked.load_lock()
    assert differences(locked) == (0, "")
    for change, found in (
            ('alter policy "rowgate select 1" on shared.orders using (true)', "different  shared.orders"),
            ('drop policy "rowgate select 0" on shared.visits', "missing    shared.visits"),
            ("alter table t_acme.orders disable row level security", "missing    t_acme.orders"),
            ("alter table t_acme.orders no force row level security", "missing    t_acme.orders"),
            ("grant select on shared.secret to rowgate", "dangerous  shared.secret"),
            ("grant truncate on shared.orders to public", "dangerous  shared.orders"),
            ("create policy extra on shared.orders as permissive to rowgate, all_of_us using (true)", "surplus    shared.orders"),
            ("alter view t_acme.big reset (security_invoker)", "missing    t_acme.big")):
        if "all_of_us" in change:
            change = change.replace(", all_of_us", "").replace("to rowgate", "to public")
        locked.server.execute(change, dbname="bi")
        code, text = differences(locked)
        assert code == 1 and text.startswith(found), (change, text)
        locked.server.execute("drop policy if exists extra on shared.orders", dbname="bi")
        locked.load_lock()
        assert differences(locked) == (0, ""), change
    for change, back, found in (
            ("alter role rowgate bypassrls", "alter role rowgate nobypassrls", 'dangerous  role "rowgate"'),
            ("grant pg_read_all_data to rowgate", "revoke pg_read_all_data from rowgate", 'dangerous  role "rowgate"'),
            ("create table public.stray (i int); grant select on public.stray to public", "drop table public.stray",
             "dangerous  public.stray"),
            ("alter table t_acme.parent owner to rowgate", "alter table t_acme.parent owner to postgres", "dangerous  t_acme.parent")):
        locked.server.execute(change, dbname="bi")
        code, text = differences(locked)
        assert code == 1 and found in text, (change, text)
        locked.server.execute(back, dbname="bi")
        locked.load_lock()
        assert differences(locked) == (0, ""), change


def test_trouble_has_its_own_exit_status(rewritten):
    for arguments in (["policy", "export"], ["diff"]):
        done = rewritten.command(*arguments)
        assert done.returncode == 2 and "no second lock" in done.stderr, done
