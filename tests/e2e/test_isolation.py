# SPDX-License-Identifier: Apache-2.0
"""Promise 1 on real servers: attacks that must not see a foreign row, through real clients."""
import psycopg2
import pytest

FOREIGN = ("globex", "initech", "nobody may see", "22222222", "33333333")

ATTACKS = [
    "select * from t_globex.orders",
    'select * from "t_globex".orders',
    'select * from U&"t\\005fglobex".orders',
    "select * from bi.t_globex.orders",
    "select * from t_globex . orders",
    "table t_globex.orders",
    "select 1 union all select id from t_globex.orders",
    "select (select note from t_globex.orders limit 1)",
    "select * from sales.orders o, lateral (select * from t_globex.orders g where g.id = o.id) x",
    "with o as (select * from t_globex.orders) select * from o",
    "with recursive o as (select 1 id union all select g.id from o join t_globex.orders g on g.id = o.id + 1) select * from o",
    "select * from sales.orders order by (select max(note) from t_globex.orders)",
    "select count(*) filter (where exists (select from t_globex.orders)) from sales.orders",
    "select * from sales.orders limit (select count(*) from t_globex.orders)",
    "select sum(id) over (order by id rows between (select 1 from t_globex.orders limit 1) preceding and current row) from sales.orders",
    "select * from shared.secret",
    "select * from shared.events e where tenant_id <> e.tenant_id or true",
    "select * from shared.events union select * from shared.events",
    "select e.* from shared.events e right join (values (1), (2), (4), (5)) v(i) on e.id = v.i",
    "select * from only shared.events",
    "select * from shared.events as e (id, note, tenant_id)",
    "select * from shared.events tablesample system (100)",
    "select * from shared.events where note like 'globex\\'",
    "select * from shared.events where note like 'globex%\\'",
    "select * from shared.events where 1/(case when note like 'globex%' then 0 else 1 end) = 1",
    "select * from shared.events where note::int = 1",
    "select xmlparse(document note) from shared.events where xmlparse(document note) is not null",
    "select * from shared.events where jsonb_path_exists(payload, '$ ? (@.n == 1).page.double()')",
    "explain select * from shared.events where note like 'globex%'",
    "explain (analyze, verbose) select * from shared.events",
    "select query_to_xml('select * from t_globex.orders', true, true, '')",
    "select table_to_xml('t_globex.orders', true, true, '')",
    "select database_to_xml(true, true, '')",
    "select * from ts_stat('select to_tsvector(note) from t_globex.orders')",
    "select pg_read_file('/etc/passwd')",
    "select lo_import('/etc/passwd')",
    "select pg_relation_size('shared.events')",
    "select * from pg_stats where schemaname = 'shared'",
    "select * from pg_statistic",
    "select * from pg_stat_activity where query like '%globex%'",
    "select * from pg_authid",
    "select nspname from pg_namespace where nspname like 't_globex'",
    "select relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = relnamespace where nspname = 't_globex'",
    "select i::regclass::text from generate_series(16384, 17000) i",
    "select pg_get_constraintdef(i) from generate_series(16384, 17000) i",
    "select to_regclass('t_globex.orders')",
    "select 't_globex.orders'::regclass",
    "select has_table_privilege('rowgate', 't_globex.orders', 'select')",
    "select current_setting('search_path')",
    "select set_config('search_path', 't_globex', false)",
    "set search_path = t_globex; select * from orders",
    "set role postgres",
    "set session authorization postgres",
    "set row_security = off",
    "set standard_conforming_strings = off",
    "set client_encoding = 'SJIS'",
    "reset all; select * from orders where note like 'globex%'",
    "create view v as select * from t_globex.orders",
    "create temp table x as select * from t_globex.orders",
    "select * into temp x from shared.events",
    "do $$ begin perform 1 from t_globex.orders; end $$",
    "call x()",
    "copy t_globex.orders to stdout",
    "copy shared.events to stdout",
    "listen x",
    "notify x, 'y'",
    "select pg_notify('x', 'y')",
    "select pg_advisory_lock(1)",
    "lock table shared.events",
    "truncate sales.orders",
    "insert into sales.orders (id) values (1000001)",
    "update sales.orders set note = 'x'",
    "delete from shared.events",
    "merge into sales.orders using (select 1) s(i) on true when matched then delete",
    "with x as (delete from sales.orders returning *) select * from x",
    "select * from sales.orders for update",
    "select * from shared.events for share skip locked",
    "declare c cursor with hold for select * from t_globex.orders",
    "prepare p as select * from t_globex.orders",
    "execute nothing",
    "vacuum verbose",
    "analyze verbose shared.events",
    "grant select on shared.events to public",
    "select ctid, * from sales.orders",
    "select tableoid::regclass from sales.orders",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_tables where schemaname = 't_globex'",
    "select pg_sleep(0)",
    "select dblink('', '')",
    "select * from shared.events where tenant_id operator(pg_catalog.<>) tenant_id",
    "select * from sales.orders where id operator(t_globex.=) 1",
    "select 1 collate t_globex.x",
    "select null::t_globex.orders",
    "show all",
    "select version(), inet_server_addr(), pg_postmaster_start_time()",
    "/* t */ select/**/*/**/from/**/t_globex/**/./**/orders",
    "select 1; select * from t_globex.orders",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_sees_a_foreign_row(stack, attack):
    import contextlib
    with contextlib.closing(stack.connect()) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(attack)
            rows = cursor.fetchall() if cursor.description else []
        except psycopg2.Error as error:
            rows = [(str(error.diag.message_primary), str(error.diag.message_detail), str(error.diag.message_hint),
                     str(error.diag.context))]
            text = str(rows).replace(attack, "")
        else:
            text = str(rows)
    for word in FOREIGN:
        quoted_by_the_client = word in attack
        assert word not in text or (quoted_by_the_client and len(rows) <= 1), (attack, text[:500])
    if "shared.events" in attack and rows and len(rows) > 1:
        assert len(rows) <= 2000


def test_the_refusal_says_the_same_whether_the_object_exists_or_not(stack):
    texts = set()
    for name in ("t_globex.orders", "t_nobody.orders", "t_globex.nothing"):
        with pytest.raises(psycopg2.Error) as caught:
            stack.query(f"select * from {name}")
        texts.add(caught.value.diag.message_primary.replace(name, "X"))
    assert texts == {'relation "X" is not available to you'}


def test_notices_and_errors_carry_no_detail_of_others(direct):
    with pytest.raises(psycopg2.Error) as caught:
        direct.query("insert into sales.orders (id, note) values (1, 'duplicate')")
    assert caught.value.pgcode == "23505"
    assert "Key (" not in str(caught.value)
