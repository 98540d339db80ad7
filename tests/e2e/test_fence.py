# SPDX-License-Identifier: Apache-2.0
"""Conjuncts that are repeated inside the fence change no answer: each statement gives through rowgate the rows that it gives
under PostgreSQL's own row-level security, and the server's log shows that it was sent with the conjunct inside. The rows
hold NULLs, other tenants' values of the same kind, and values that only the other tenants have."""

import contextlib
import re
import struct

import pytest

import stack as stack_module
from test_equal_rows import as_text, extended_row
from test_protocol import Wire

TENANTS = stack_module.TENANTS
FILL = """
CREATE TABLE shared.wide (id int8 PRIMARY KEY, tenant_id uuid, other int4, small int2, word text, code varchar(10), mark char(3),
  day date, at timestamptz, local timestamp, paid bool, score float8, total numeric, payload jsonb, key uuid);
INSERT INTO shared.wide SELECT i, (ARRAY['{acme}', '{globex}'])[i % 2 + 1]::uuid, i % 7, (i % 5)::int2,
  CASE WHEN i % 11 = 0 THEN NULL ELSE 'w' || i % 13 END, 'c' || i % 3, 'm' || i % 4, date '2026-01-01' + i % 30,
  timestamptz '2026-01-01 00:00Z' + i * interval '1 hour', timestamp '2026-01-01' + i * interval '1 hour', i % 3 = 0,
  i / 4.0, i * 1.5, jsonb_build_object('n', i), md5(i::text)::uuid FROM generate_series(1, 400) i;
CREATE TABLE shared.names (id int4 PRIMARY KEY, tenant_id uuid, word text, label text);
INSERT INTO shared.names SELECT i, (ARRAY['{acme}', '{globex}'])[i % 2 + 1]::uuid, 'w' || i, 'label ' || i
  FROM generate_series(0, 12) i;
ALTER TABLE shared.wide ENABLE ROW LEVEL SECURITY;
ALTER TABLE shared.names ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON shared.wide, shared.names TO rowgate, rls_acme, rls_globex;
CREATE POLICY all_rows ON shared.wide TO rowgate USING (true);
CREATE POLICY all_rows ON shared.names TO rowgate USING (true);
""".format(**TENANTS) + "".join(
    f"CREATE POLICY own_{tenant} ON shared.{table} TO rls_{tenant} USING (tenant_id = '{uuid}');"
    for tenant, uuid in TENANTS.items() for table in ("wide", "names"))
EXTRA = """
[[policies]]
name = "wide and names"
on = ["shared.wide", "shared.names"]
for = ["select"]
using = "tenant_id = :tenant_id"
"""
COPIED = [  # a statement, and what must have been sent inside a fence
    ("select id from shared.wide where id = 6", "rg_r.id = 6"),
    ("select id from shared.wide where id = 7", "rg_r.id = 7"),
    ("select id, word from shared.wide where 100 < id and id <= 120 order by id", "rg_r.id > 100 AND rg_r.id <= 120"),
    ("select id from shared.wide where id in (1, 2, 3, 4, 1000000) order by id", "rg_r.id IN (1, 2, 3, 4, 1000000)"),
    ("select id from shared.wide where small in (1, 2) order by id", "rg_r.small IN (1, 2)"),
    ("select id from shared.wide where id between 10 and 20 order by id", "rg_r.id >= 10 AND rg_r.id <= 20"),
    ("select id from shared.wide where id = 3000000000", "rg_r.id = 3000000000"),
    ("select id from shared.wide where other = -1 or other = 2 order by id", None),
    ("select id from shared.wide where word = 'w3' order by id", "rg_r.word = 'w3'"),
    ("select id from shared.wide where word < 'w2' and word >= 'w1' order by id", "rg_r.word < 'w2' AND rg_r.word >= 'w1'"),
    ("select id from shared.wide where code = 'c1' and code in ('c1', 'c2') order by id", "rg_r.code IN ('c1', 'c2')"),
    ("select id from shared.wide where code = 'c1 ' order by id", "rg_r.code = 'c1 '"),
    ("select id from shared.wide where mark = 'm1' order by id", "rg_r.mark = 'm1'"),
    ("select id from shared.wide where mark = 'm1  ' order by id", "rg_r.mark = 'm1  '"),
    ("select id from shared.wide where day = '2026-01-05' order by id", "rg_r.day = '2026-01-05'"),
    ("select id from shared.wide where day >= to_date('2026-01-28', 'YYYY-MM-DD') order by id", "rg_r.day >= pg_catalog.to_date("),
    ("select sum(total) from shared.wide where at >= to_timestamp('2026-01-02', 'YYYY-MM-DD') and at < to_timestamp('2026-01-03', 'YYYY-MM-DD')",
     "rg_r.at < pg_catalog.to_timestamp("),
    ("select id from shared.wide where at >= timestamptz '2026-01-16' order by id", "rg_r.at >= '2026-01-16'::pg_catalog.timestamptz"),
    ("select id from shared.wide where local < '2026-01-02' order by id", "rg_r.local < '2026-01-02'"),
    ("select id from shared.wide where paid = true and other = 3 order by id", "rg_r.paid = true AND rg_r.other = 3"),
    ("select id from shared.wide where score > '98.5' order by id", "rg_r.score > '98.5'"),
    ("select id from shared.wide where key = md5('6')::uuid", None),
    ("select id from shared.wide where key = '1679091c-5a88-0faf-6fb5-e6087eb1b2dc'", "rg_r.key = '1679091c-"),
    ("select id from shared.wide where total = 9 order by id", None),
    ("select id from shared.wide where payload = '{\"n\": 6}'", None),
    ("select count(*) from shared.wide", "SELECT FROM shared.wide"),
    ("select count(*) from shared.wide where other = 3", "rg_r.other = 3"),
    ("select 1 where exists (select 1 from shared.wide w where w.id = 8)", "rg_r.id = 8"),
    ("select n.label, w.id from shared.names n left join shared.wide w on w.word = n.word where w.other = 3 order by 1, 2", "rg_r.other = 3"),
    ("select n.label, w.id from shared.names n left join shared.wide w on w.word = n.word where n.id = 4 order by 1, 2", "rg_r.id = 4"),
    ("select n.label, w.id from shared.names n full join shared.wide w on w.word = n.word where label = 'label 4' order by 1, 2",
     "rg_r.label = 'label 4'"),
    ("select n.label, w.id from shared.wide w right join shared.names n on w.word = n.word and w.other = 3 where n.id < 5 order by 1, 2", "rg_r.id < 5"),
    ("select n.label, w.id from shared.names n left join shared.wide w using (word) where word = 'w4' and w.other = 3 order by 1, 2", "rg_r.other = 3"),
    ("select a.id, b.id from shared.wide a join shared.wide b on b.other = a.other where a.id = 6 and b.id < 40 order by 1, 2", "rg_r.id < 40"),
    ("select w.id from shared.wide w where w.word = 'w4' and not exists (select 1 from shared.names n where n.word = w.word and n.id = 5) order by 1",
     "rg_r.id = 5"),
    ("select (select max(w.id) from shared.wide w where w.other = n.id and w.small = 3) from shared.names n where n.id < 7 order by n.id",
     "rg_r.small = 3"),
    ("with w as (select id, other from shared.wide where other = 3) select w.id from w where w.id < 50 order by 1", "rg_r.other = 3"),
    ("select other, count(*) from shared.wide where small = 3 group by other having other = 2", "rg_r.small = 3"),
    ("select s.id, s.row_number from (select id, other, row_number() over (order by id) from shared.wide) s where s.other = 3 order by 1", None),
    ("select id from shared.wide where id = 6 union all select id from shared.names where id = 6 order by 1", "rg_r.id = 6"),
    ("select w.* from shared.wide w where w.id = 6", "AND rg_r.id = 6"),
    ("select row_to_json(n) ->> 'label' from shared.names n where n.id = 4", "AND rg_r.id = 4"),
]
PARAMETERS = [  # (statement, OIDs of the parameters, values, the same as literals, what must have been sent)
    ("select id from shared.wide where id = $1", [], ["6"], "select id from shared.wide where id = 6", "rg_r.id = $1"),
    ("select id from shared.wide where id = $1", [23], ["6"], "select id from shared.wide where id = 6", "rg_r.id = $1"),
    ("select id from shared.wide where id = $1", [1700], ["6.0"], "select id from shared.wide where id = 6", None),
    ("select id from shared.wide where word = $1 order by id", [], ["w3"], "select id from shared.wide where word = 'w3' order by id",
     "rg_r.word = $1"),
    ("select id from shared.wide where code = $1 and day >= $2 order by id", [], ["c1", "2026-01-20"],
     "select id from shared.wide where code = 'c1' and day >= '2026-01-20' order by id", "rg_r.code = $1 AND rg_r.day >= $2"),
    ("select id from shared.wide where id in ($1, $2) order by id", [], ["5", "6"],
     "select id from shared.wide where id in (5, 6) order by id", "rg_r.id IN ($1, $2)"),
    ("select id from shared.wide where id = $1 or other = $1 order by id", [], ["3"],
     "select id from shared.wide where id = 3 or other = 3 order by id", None),
    ("select id, $1::int8 from shared.wide where id = $1::int8", [], ["6"], "select id, 6::int8 from shared.wide where id = 6", None),
    ("select id from shared.wide where at between $1 and $2 order by id", [], ["2026-01-02Z", "2026-01-03Z"],
     "select id from shared.wide where at between '2026-01-02Z' and '2026-01-03Z' order by id", "rg_r.at >= $1 AND rg_r.at <= $2"),
]


@pytest.fixture(scope="module")
def fenced():
    with stack_module.Stack(extra=EXTRA, fill=FILL, server_settings={"log_statement": "all"}) as running:
        yield running


@pytest.fixture(scope="module", params=sorted(TENANTS))
def both(fenced, request):
    with contextlib.closing(as_text(fenced.connect(request.param))) as ours, \
            contextlib.closing(as_text(fenced.server.connect(user=f"rls_{request.param}", password="native", dbname="bi"))) as native:
        yield fenced, request.param, ours, native


def rows_of(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [column.name for column in cursor.description], cursor.fetchall()


def parameterised(running, tenant, sql, oids, values):
    with Wire(running, tenant) as wire:
        wire.send(b"P", b"\0" + sql.encode() + b"\0" + struct.pack(f"!h{len(oids)}I", len(oids), *oids))
        wire.bind(values=values)
        wire.execute()
        wire.send(b"S")
        messages = wire.until("Z")
    assert "E" not in [kind for kind, _ in messages], messages
    return [tuple(extended_row(body)) for kind, body in messages if kind == "D"]


def sent(running, since):
    return [line for line in running.server.log_text[since:].splitlines() if "rg_r" in line]


def plain(text):
    """Without what hides a copied constant from the planner, and without types."""
    text = re.sub(r"::pg_catalog\.\"?\w+\"?(\[\])?", "", text)
    text = re.sub(r"= ANY \(\(SELECT ARRAY\[([^\]]*)\]\)\)", r"IN (\1)", text)
    return re.sub(r"(rg_r\.\S+ (?:=|<|>|<=|>=)) \(SELECT ((?:[^()']|'[^']*'|\([^()]*\))*)\)", r"\1 \2", text)


def assert_sent(lines, inside):
    assert lines
    assert inside is None or any(plain(inside) in plain(line) for line in lines)
    assert not any(re.search(r" AND rg_r\.\S+ (=|<|>|<=|>=) (?!\(SELECT |ANY \(\(SELECT )", line) for line in lines)
    assert inside is not None or not any(" AND rg_r." in line for line in lines)


@pytest.mark.parametrize("sql, inside", COPIED, ids=[f"{i}" for i in range(len(COPIED))])
def test_rows_are_those_of_native_row_security(both, sql, inside):
    running, _, ours, native = both
    since = len(running.server.log_text)
    assert rows_of(ours, sql) == rows_of(native, sql)
    assert_sent(sent(running, since), inside)


@pytest.mark.parametrize("case", PARAMETERS, ids=[f"{i}" for i in range(len(PARAMETERS))])
def test_parameters_are_those_of_native_row_security(both, case):
    running, tenant, _, native = both
    sql, oids, values, literal, inside = case
    since = len(running.server.log_text)
    assert parameterised(running, tenant, sql, oids, values) == rows_of(native, literal)[1]
    assert_sent(sent(running, since), inside)


@pytest.mark.parametrize("sql", [
    "select id from shared.wide where word like 'w\\'",
    "select id from shared.wide where 1 / (id - 7) = 1",
    "select id from shared.wide where id = 6 and word::int = 1",
    "select id from shared.wide where payload @> '{\"n\": 7}'",
])
def test_what_could_tell_is_never_sent_inside(fenced, sql):
    since = len(fenced.server.log_text)
    with contextlib.suppress(Exception):
        fenced.query(sql, tenant="acme")
    inside = [line.split(") SELECT * FROM rg_m", 1)[0] for line in sent(fenced, since)]
    assert inside
    assert not any(word in line for line in inside for word in ("LIKE", "like", "1 / ", "::int", "@>"))
