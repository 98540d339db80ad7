# SPDX-License-Identifier: Apache-2.0
"""Rowgate changes what a tenant can reach, never what a legitimate statement means: each statement of equal_rows.sql
answers through rowgate exactly (names, types, texts of the values) what it answers under PostgreSQL's own row-level
security with the same predicates. By simple query, PREPARE/EXECUTE, the extended protocol, a cursor and COPY."""

import collections
import contextlib
import io
import pathlib
import struct

import psycopg2
import psycopg2.extensions
import pytest

from test_protocol import Wire, error_of, kinds


RECORD = 2249


def statements():
    """(statement, section) of equal_rows.sql."""
    found, section, text = [], None, ""
    for line in pathlib.Path(__file__).with_name("equal_rows.sql").read_text().splitlines():
        if line.startswith("--- "):
            section = line.removeprefix("--- ")
        elif text or not line.startswith("--"):
            text += line + "\n"
            if line.endswith(";"):
                found.append((text.strip().removesuffix(";"), section))
                text = ""
    assert not text.strip()
    return found


STATEMENTS = [(text, section == "ordered") for text, section in statements() if section in ("ordered", "multiset")]
REFUSED = [text for text, section in statements() if section == "refused"]
CASES = pytest.mark.parametrize("case", STATEMENTS, ids=[f"{i}" for i in range(len(STATEMENTS))])
PARAMETERS = [  # (with parameters, values, the same as literals)
    ("select id, note from sales.orders where id = $1 or status = $2 order by id", ["3", "paid"],
     "select id, note from sales.orders where id = 3 or status = 'paid' order by id"),
    ("select e.id from shared.events e where e.amount > $1 and e.kind = any ($2::text[]) order by 1", ["100", "{click,view}"],
     "select e.id from shared.events e where e.amount > 100 and e.kind = any ('{click,view}') order by 1"),
    ("select $1::int + id, $2::text || region from shared.regional where id < $3 order by id limit $4", ["5", "it's", "50", "7"],
     "select 5 + id, 'it''s' || region from shared.regional where id < 50 order by id limit 7"),
    ("select id from shared.events where tenant_id = $1 order by id", ["22222222-2222-2222-2222-222222222222"],
     "select id from shared.events where tenant_id = '22222222-2222-2222-2222-222222222222' order by id"),
    ("with x as (select id from sales.orders where id < $1) select * from x where id > $2 order by id", ["20", "10"],
     "select id from sales.orders where id < 20 and id > 10 order by id"),
    ("select note from sales.orders where note like $1 order by note", ["%' or true --"],
     "select note from sales.orders where false"),
]


def test_the_list_is_long_enough():
    assert len(STATEMENTS) >= 130
    assert len({text for text, _ in STATEMENTS}) == len(STATEMENTS)
    assert {section for _, section in statements()} <= {"ordered", "multiset", "refused"}


@pytest.mark.parametrize("sql", REFUSED)
def test_what_cannot_be_made_safe_is_refused_and_named(pair, sql):
    pair.expected(sql)
    with pytest.raises(psycopg2.Error) as caught:
        answer(pair.ours, sql)
    assert caught.value.pgcode == "0A000" and "Refused by rule" in caught.value.diag.message_detail


def as_text(connection):
    """Every value as the server wrote it."""
    with connection.cursor() as cursor:
        cursor.execute("select oid from pg_catalog.pg_type")
        types = tuple(oid for (oid,) in cursor.fetchall())
    psycopg2.extensions.register_type(psycopg2.extensions.new_type(types, "TEXT", lambda value, _: value), connection)
    return connection


class Pair:
    """One tenant through rowgate, and the same tenant under native row-level security."""

    def __init__(self, stack, tenant):
        self.tenant = tenant
        self.ours = as_text(stack.connect(tenant))
        self.native = as_text(stack.server.connect(user=f"rls_{tenant}", password="native", dbname="bi"))
        self.wire = Wire(stack, tenant)
        self.known = {}
        self.row_types = {oid for (oid,) in stack.server.execute(
            "select reltype from pg_class where relnamespace = 'shared'::regnamespace and relkind = 'r'", dbname="bi")}

    def close(self):
        self.ours.close()
        self.native.close()
        self.wire.sock.close()

    def native_text(self, sql):
        return sql.replace("sales.", f"t_{self.tenant}.").replace("sales .", f"t_{self.tenant} .").replace(
            f"t_{self.tenant}.id", "sales.id").replace('"sales".', f'"t_{self.tenant}".')

    def expected(self, sql):
        if sql not in self.known:
            self.known[sql] = answer(self.native, self.native_text(sql))
        return self.known[sql]


def answer(connection, *texts):
    """Columns and rows of the last of the texts."""
    with connection.cursor() as cursor:
        for text in texts:
            cursor.execute(text)
        columns = [(c.name, c.type_code, c.precision, c.scale, c.internal_size) for c in cursor.description]
        return columns, cursor.fetchall()


def same_columns(pair, ours, native):
    """A whole row of a shared relation is a row of the sub-select in its place: an unnamed record."""
    return len(ours) == len(native) and all(
        our == its or (our[0] == its[0] and our[1] == RECORD and its[1] in pair.row_types) for our, its in zip(ours, native))


def copied(connection, sql):
    out = io.StringIO()
    with connection.cursor() as cursor:
        cursor.copy_expert(f"copy ({sql}\n) to stdout", out)
    return out.getvalue().splitlines()


def same(one, other, ordered):
    return one == other if ordered else collections.Counter(one) == collections.Counter(other)


@pytest.fixture(scope="module", params=["acme", "globex"])
def pair(stack, request):
    with contextlib.closing(Pair(stack, request.param)) as opened:
        yield opened


@CASES
def test_simple_query(pair, case):
    sql, ordered = case
    columns, rows = pair.expected(sql)
    our_columns, our_rows = answer(pair.ours, sql)
    assert same_columns(pair, our_columns, columns)
    assert same(our_rows, rows, ordered)


@CASES
def test_prepare_and_execute(pair, case):
    sql, ordered = case
    columns, rows = pair.expected(sql)
    try:
        our_columns, our_rows = answer(pair.ours, f"prepare p as {sql}", "execute p")
    finally:
        answer_or_error(pair.ours, "deallocate p")
    assert same_columns(pair, our_columns, columns)
    assert same(our_rows, rows, ordered)


def answer_or_error(connection, sql):
    with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
        cursor.execute(sql)


def extended_columns(body):
    """name, type, size, modifier of a RowDescription."""
    count, at, columns = struct.unpack("!h", body[:2])[0], 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        _, _, kind, size, modifier, _ = struct.unpack("!ihihih", body[end + 1:end + 19])
        columns.append((body[at:end].decode(), kind, size, modifier))
        at = end + 19
    return columns


def extended_row(body):
    count, at, row = struct.unpack("!h", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        row.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return tuple(row)


def extended(wire, sql, values=()):
    wire.parse(sql)
    wire.bind(values=values)
    wire.send(b"D", b"P\0")
    wire.execute()
    wire.send(b"S")
    messages = wire.until("Z")
    assert "E" not in kinds(messages), error_of(messages)
    assert kinds(messages).replace("D", "") in ("12TCZ", "12nCZ")
    columns = [extended_columns(body) for kind, body in messages if kind == "T"]
    return columns[0] if columns else [], [extended_row(body) for kind, body in messages if kind == "D"]


@CASES
def test_extended_protocol(pair, case):
    sql, ordered = case
    columns, rows = pair.expected(sql)
    our_columns, our_rows = extended(pair.wire, sql)
    assert same_columns(pair, [column[:2] for column in our_columns], [column[:2] for column in columns])
    assert same(our_rows, rows, ordered)


@pytest.mark.parametrize("sql, values, literal", PARAMETERS)
def test_extended_protocol_with_parameters(pair, sql, values, literal):
    _, rows = pair.expected(literal)
    for _ in range(3):
        assert extended(pair.wire, sql, values)[1] == rows


@CASES
def test_cursor(pair, case):
    sql, ordered = case
    columns, rows = pair.expected(sql)
    with pair.ours.cursor() as cursor:
        cursor.execute("begin")
        try:
            cursor.execute(f"declare c no scroll cursor for {sql}")
            cursor.execute("fetch forward 3 from c")
            assert [column.name for column in cursor.description] == [column[0] for column in columns]
            our_rows = cursor.fetchall()
            cursor.execute("fetch all c")
            our_rows += cursor.fetchall()
            cursor.execute("close c")
        finally:
            cursor.execute("rollback")
    assert same(our_rows, rows, ordered)


@CASES
def test_copy_to_stdout(pair, case):
    sql, ordered = case
    assert same(copied(pair.ours, sql), copied(pair.native, pair.native_text(sql)), ordered)


def test_the_comparison_would_notice(stack):
    """Both tenants have rows that only they have, in every table that the statements read."""
    for table in ("sales.orders", "sales.customers", "shared.events", "shared.regional"):
        acme, globex = (stack.query(f"select t::text from {table} t", tenant) for tenant in ("acme", "globex"))
        assert acme and globex and not set(acme) & set(globex)
