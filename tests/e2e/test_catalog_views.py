# SPDX-License-Identifier: Apache-2.0
"""Tenant acme's view of the catalogues over a real server: the right columns, its own objects as psql and SQLAlchemy
know them, and not one word or OID of what is not its own."""

import contextlib
import re

import psycopg2
import pytest
import sqlalchemy

import catalog_world as world
from catalog_world import ACME, DATABASE, NOBODY, pgtest, policydata, translate

FOREIGN_OIDS = """
SELECT array_agg(o) FROM (
    SELECT c.oid AS o FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
      WHERE relname ~ 'zebra' OR n.nspname ~ 'zebra'
    UNION ALL SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
      WHERE (typname ~ 'zebra' OR n.nspname ~ 'zebra') AND typname !~ 'hstore'
    UNION ALL SELECT oid FROM pg_constraint WHERE conname ~ 'zebra'
    UNION ALL SELECT p.oid FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE n.nspname ~ 'zebra'
    UNION ALL SELECT oid FROM pg_trigger WHERE tgname ~ 'zebra'
    UNION ALL SELECT oid FROM pg_roles WHERE rolname ~ 'zebra'
    UNION ALL SELECT oid FROM pg_database WHERE datname ~ 'zebra'
    UNION ALL SELECT e.oid FROM pg_enum e WHERE enumlabel ~ 'zebra'
    UNION ALL SELECT oid FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) ~ 'zebra'
    UNION ALL SELECT oid FROM pg_collation WHERE collname ~ 'zebra') AS all_oids
"""
# Columns that may name the type of acme's own column, wherever the type lives; a bare number.
TYPE_REFERENCES = {("pg_attribute", "atttypid"), ("pg_type", "typnamespace")}


@pytest.fixture(scope="module")
def server():
    with pgtest.Server() as running:
        running.tables = world.build(running)
        yield running


@pytest.fixture()
def cursor(server):
    with contextlib.closing(server.connect(dbname=DATABASE)) as connection, connection.cursor() as opened:
        yield opened


def rows(cursor, sql, arguments=None):
    cursor.execute(sql, arguments)
    return cursor.fetchall()


def one(cursor, sql, arguments=None):
    return rows(cursor, sql, arguments)[0][0]


def view(server, name, identity=ACME):
    return f"({policydata.expand(server.tables.catalogs[name], identity)})"


def call(server, name, arguments, identity=ACME):
    return policydata.expand(server.tables.functions[name].by_arity[len(arguments)], identity, arguments)


def oid(cursor, relation):
    return one(cursor, "SELECT %s::regclass::oid", (relation,))


# regproc -> oid, regtype -> text, aclitem[] -> text[], xid -> text: see policy/catalog.h.
REPLACED = {24: 26, 2206: 25, 1034: 1009, 28: 25}
CATALOGS = sorted(policydata.Tables().catalogs)


@pytest.mark.parametrize("name", CATALOGS)
@pytest.mark.parametrize("identity", [ACME, NOBODY], ids=["acme", "nobody"])
def test_has_the_columns_and_types_of_the_real_catalogue(server, cursor, name, identity):
    cursor.execute(f"SELECT * FROM {view(server, name, identity)} AS x LIMIT 0")
    ours = [(column.name, column.type_code) for column in cursor.description]
    cursor.execute(f"SELECT * FROM pg_catalog.{name} LIMIT 0")
    assert ours == [(column.name, REPLACED.get(column.type_code, column.type_code)) for column in cursor.description]


@pytest.mark.parametrize("name", CATALOGS)
@pytest.mark.parametrize("identity", [ACME, NOBODY], ids=["acme", "nobody"])
def test_shows_no_word_of_another_tenant(server, cursor, name, identity):
    for (row,) in rows(cursor, f"SELECT x::text FROM {view(server, name, identity)} AS x"):
        assert "zebra" not in row.lower()
        if identity is NOBODY:
            assert "acme" not in row.replace(NOBODY.database, "") and "events" not in row.replace("_events", "")


@pytest.mark.parametrize("name", CATALOGS)
def test_shows_no_oid_of_another_tenant(server, cursor, name):
    foreign = set(one(cursor, FOREIGN_OIDS))
    assert len(foreign) > 30
    cursor.execute(f"SELECT * FROM {view(server, name)} AS x")
    oid_columns = [i for i, column in enumerate(cursor.description)
                   if column.type_code == 26 and (name, column.name) not in TYPE_REFERENCES]
    for row in cursor.fetchall():
        assert not foreign & {row[i] for i in oid_columns}, row


def test_the_leak_tests_would_notice(cursor):
    """The world really holds what the tests above look for."""
    for name in ["pg_class", "pg_namespace", "pg_type", "pg_attribute", "pg_constraint", "pg_enum", "pg_description", "pg_proc",
                 "pg_trigger", "pg_rewrite", "pg_policy", "pg_publication", "pg_foreign_server", "pg_statistic_ext",
                 "pg_collation", "pg_ts_config", "pg_roles", "pg_database", "pg_tables", "pg_views", "pg_indexes",
                 "pg_matviews", "pg_sequences", "pg_shdescription", "pg_user", "pg_foreign_data_wrapper", "pg_rules"]:
        found = one(cursor, f"SELECT count(*) FROM pg_catalog.{name} AS x WHERE x::text ~ 'zebra'")
        assert found > 0 or name == "pg_user", name


def test_shows_the_tenants_own_objects_and_the_shared_one(server, cursor):
    relations = rows(cursor, f"SELECT n.nspname || '.' || c.relname FROM {view(server, 'pg_class')} c"
                             f" JOIN {view(server, 'pg_namespace')} n ON n.oid = c.relnamespace"
                             " WHERE c.relkind IN ('r', 'p', 'v', 'm') ORDER BY 1")
    assert [name for (name,) in relations] == [
        "common.events", "more.only_more", "more.orders", "sales.audit_links", "sales.big_orders", "sales.customers",
        "sales.order_sums", "sales.orders", "sales.parts", "sales.parts_2026"]
    assert rows(cursor, f"SELECT nspname FROM {view(server, 'pg_namespace')} n ORDER BY 1") == [
        ("common",), ("more",), ("pg_catalog",), ("sales",)]
    assert rows(cursor, f"SELECT enumlabel FROM {view(server, 'pg_enum')} e ORDER BY 1") == [("busy",), ("calm",)]


def test_says_nothing_of_a_shared_relation_but_its_shape(server, cursor):
    events = oid(cursor, "shared.events")
    shape = rows(cursor, f"SELECT relpages, reltuples, relallvisible, relchecks, relhastriggers, relrowsecurity, relacl,"
                         f" reloptions, relfrozenxid::text, relfilenode FROM {view(server, 'pg_class')} c WHERE oid = {events}")
    assert shape == [(0, -1.0, 0, 0, False, False, None, None, "0", 0)]
    assert rows(cursor, f"SELECT count(*) FROM {view(server, 'pg_attrdef')} d WHERE adrelid = {events}") == [(0,)]
    assert rows(cursor, f"SELECT contype FROM {view(server, 'pg_constraint')} k WHERE conrelid = {events}") == [("p",)]
    assert [name for (name,) in rows(cursor, f"SELECT indexname FROM {view(server, 'pg_indexes')} i"
                                             " WHERE tablename = 'events' ORDER BY 1")] == ["events_note", "events_pkey"]
    columns = rows(cursor, f"SELECT attname FROM {view(server, 'pg_attribute')} a WHERE attrelid = {events}"
                           " AND attnum > 0 AND NOT attisdropped ORDER BY attnum")
    assert [name for (name,) in columns] == ["id", "tenant_id", "plan", "plans", "code", "hidden_id", "computed", "note", "later"]


def test_a_foreign_key_to_an_invisible_relation_is_invisible(server, cursor):
    links = oid(cursor, "t_acme.audit_links")
    assert rows(cursor, f"SELECT * FROM {view(server, 'pg_constraint')} k WHERE conrelid = {links}") == []


@pytest.mark.parametrize("name", CATALOGS)
def test_an_ordinary_login_may_read_it(server, cursor, name):
    """The upstream login owns nothing and is no superuser: the selects and guards must not need more."""
    cursor.execute("SET ROLE pg_read_all_data")
    found = rows(cursor, f"SELECT count(*) FROM {view(server, name)} AS x")
    cursor.execute("RESET ROLE")
    if name != "pg_settings":
        assert found == rows(cursor, f"SELECT count(*) FROM {view(server, name)} AS x")


# ---- the statement's own conditions must not see other tenants' rows ----

def probes(cursor, select):
    """Conditions that raise an error for a value which begins with zebra, on every column that can be text."""
    cursor.execute(f"SELECT * FROM {select} AS x LIMIT 0")
    for column in cursor.description:
        quoted = '"' + column.name + '"'
        yield f"SELECT 1 FROM {select} AS x WHERE {quoted}::text LIKE 'zebra%\\'"
        yield f"SELECT 1 FROM {select} AS x WHERE 1 / (CASE WHEN {quoted}::text LIKE '%zebra%' THEN 0 ELSE 1 END) = 1"
        if column.type_code in (19, 25):
            yield f"EXPLAIN SELECT 1 FROM {select} AS x WHERE {quoted} LIKE 'zebra%\\'"
            yield f"SELECT 1 FROM {select} AS x WHERE {quoted} LIKE 'zebra%\\' LIMIT 0"


@pytest.mark.parametrize("name", CATALOGS)
def test_a_condition_cannot_reach_another_tenants_rows(server, cursor, name):
    for probe in probes(cursor, view(server, name)):
        cursor.execute(probe)  # an error would tell that such a row exists


def test_the_same_conditions_do_reach_them_without_the_fence(server, cursor):
    unfenced = re.sub(r"^\(WITH rg_m AS MATERIALIZED \((.*)\) SELECT \* FROM rg_m\)$", r"(\1)", view(server, "pg_class"), flags=re.S)
    assert "MATERIALIZED" not in unfenced
    with pytest.raises(psycopg2.Error):
        for probe in probes(cursor, unfenced):
            cursor.execute(probe)


# ---- nor may the type of a column beside a constant ----

def outcome(cursor, sql):
    try:
        return rows(cursor, sql)
    except psycopg2.Error as error:
        return error.pgcode


def columns(cursor, select):
    cursor.execute(f"SELECT * FROM {select} AS x LIMIT 0")
    return ['"' + column.name + '"' for column in cursor.description]


@pytest.mark.parametrize("name", CATALOGS)
def test_a_column_does_not_make_a_number_tell_its_name(server, cursor, name):
    foreign = one(cursor, FOREIGN_OIDS)
    select = view(server, name)
    for column in columns(cursor, select):
        for number in foreign[::11]:
            found = outcome(cursor, f"SELECT COALESCE({number}, {column})::text FROM {select} AS x LIMIT 1")
            assert "zebra" not in str(found), column
            found = outcome(cursor, f"SELECT {column}::text FROM {select} AS x WHERE false UNION ALL SELECT {number}::text")
            assert "zebra" not in str(found), column


@pytest.mark.parametrize("name", CATALOGS)
def test_a_column_does_not_make_a_name_tell_whether_it_exists(server, cursor, name):
    select = view(server, name)
    pairs = [("t_zebra.zebra_orders", "t_zebra.zebra_nothing"), ("t_zebra.zebra_function", "t_zebra.zebra_nothing"),
             ("t_zebra.zebra_mood", "t_zebra.zebra_nothing"), ("zebra_owner", "zebra_nobody"),
             ("{zebra_owner=r/postgres}", "{zebra_nobody=r/postgres}"), ("t_zebra.zebra_config", "t_zebra.zebra_nothing")]
    for column in columns(cursor, select):
        for real, missing in pairs:
            found = [outcome(cursor, f"SELECT count(COALESCE({column}, '{word}')) FROM {select} AS x") for word in (real, missing)]
            assert found[0] == found[1], (column, real)


def test_the_real_columns_do_tell(cursor):
    number = one(cursor, "SELECT oid FROM pg_proc WHERE proname = 'zebra_function'")
    assert "zebra_function" in one(cursor, f"SELECT COALESCE({number}, typinput)::text FROM pg_catalog.pg_type LIMIT 1")
    assert outcome(cursor, "SELECT COALESCE(typinput, 't_zebra.zebra_nothing') FROM pg_catalog.pg_type") == "42883"


def test_no_template_gives_a_value_that_lends_such_a_type(server, cursor):
    samples = foreign_arguments(cursor)
    document = ["'{}'::jsonb", "'\"all\"'"]
    samples |= {"current_schemas": [["true"]], "pg_typeof": [["1"]], "ts_headline": [["'a'::text", "'a'::tsquery"]],
                "json_to_tsvector": [["'{}'::json", "'\"all\"'"], ["'english'", "'{}'::json", "'\"all\"'"]],
                "jsonb_to_tsvector": [document, ["'english'", *document]]}
    for row in server.tables.functions.values():
        for arity in [n for n, text in enumerate(row.by_arity) if text]:
            plain_value = "'a'" if row.rule == "CONSTANT" or "_ts" in row.name and not row.name.startswith("pg_") else "1"
            arguments = [str(a) for a in next((a for a in samples.get(row.name, []) if len(a) == arity), [plain_value] * arity)]
            kind = rows(cursor, f"SELECT pg_typeof(x)::text FROM (SELECT {call(server, row.name, arguments)}) AS t(x) UNION SELECT ''")
            assert not any(name.startswith("reg") or "acl" in name for (name,) in kind), row.name


def test_a_text_search_configuration_is_a_built_in_one(server, cursor):
    number = one(cursor, "SELECT oid FROM pg_ts_config WHERE cfgname = 'zebra_config'")
    for name in ["to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery"]:
        for config in ["'t_zebra.zebra_config'", "'zebra_config'", "'t_zebra.nothing'", str(number), "'pg_catalog.nothing'", "NULL"]:
            assert one(cursor, f"SELECT {call(server, name, [config, chr(39) + 'running' + chr(39)])}") is None
        assert one(cursor, f"SELECT {call(server, name, [chr(39) + 'english' + chr(39), chr(39) + 'running' + chr(39)])}::text").startswith("'run'")
        assert one(cursor, f"SELECT {call(server, name, [chr(39) + 'pg_catalog.simple' + chr(39), chr(39) + 'running' + chr(39)])}::text").startswith("'running'")
        assert one(cursor, f"SELECT {call(server, name, [chr(39) + 'running' + chr(39)])}::text") is not None
    document = chr(39) + '{"a": "running"}' + chr(39)
    for kind in ["json", "jsonb"]:
        for config, answer in [("'english'", "'run':1"), ("'t_zebra.zebra_config'", None), (str(number), None)]:
            text = call(server, f"{kind}_to_tsvector", [config, f"{document}::{kind}", "'[\"string\"]'"])
            assert one(cursor, f"SELECT {text}::text") == answer


# ---- guards ----

def foreign_arguments(cursor):
    """Function name -> argument lists that name another tenant's objects."""
    orders, events, hidden = (oid(cursor, name) for name in ["t_zebra.zebra_orders", "shared.events", "shared.zebra_hidden"])
    constraints = [row[0] for row in rows(cursor, "SELECT oid FROM pg_constraint WHERE conname ~ 'zebra' OR conname = 'events_tenant'")]
    indexes = [oid(cursor, name) for name in ["t_zebra.zebra_index", "shared.zebra_partial", "shared.zebra_expression"]]
    types = [row[0] for row in rows(cursor, "SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace"
                                            " WHERE typname ~ 'zebra' OR (nspname = 't_zebra' AND typname !~ '^_?hstore$')")]
    function = one(cursor, "SELECT oid FROM pg_proc WHERE proname = 'zebra_function'")
    namespace = one(cursor, "SELECT oid FROM pg_namespace WHERE nspname = 't_zebra'")
    relations = [orders, hidden, oid(cursor, "t_zebra.zebra_view"), oid(cursor, "t_zebra.zebra_sequence")]
    tree = "(SELECT adbin FROM pg_catalog.pg_attrdef WHERE adrelid = 't_acme.orders'::regclass AND adnum = 6)"
    kinds = {"pg_class": relations + indexes, "pg_type": types, "pg_constraint": constraints, "pg_namespace": [namespace],
             "pg_proc": [function], "pg_authid": [10], "nonsense": relations}
    return {
        "::regclass": [[o] for o in relations + indexes], "::regclass::oid": [[o] for o in relations + indexes],
        "'name'::regproc": [["'t_zebra.zebra_function'"], ["'zebra_function'"], [f"'{function}'"], ["'min'"], ["'sales.now'"]],
        "::regtype": [[o] for o in types], "::regproc": [[function]], "::regnamespace": [[namespace]],
        "'name'::regclass": [[f"'{name}'"] for name in [
            "t_zebra.zebra_orders", "zebra_orders", "shared.zebra_hidden", "common.zebra_hidden", "zebra_hidden",
            "t_acme.orders", "shared.events", "sales.zebra_orders", "only_more", "", ".", "orders.", str(orders), "a'"[:1]]],
        "format_type": [[o, "NULL::int4"] for o in types] + [[o, "-1"] for o in types],
        "pg_table_is_visible": [[o] for o in relations + indexes], "pg_type_is_visible": [[o] for o in types],
        "pg_get_constraintdef": [[o] for o in constraints] + [[o, "true"] for o in constraints],
        "pg_get_indexdef": [[o] for o in indexes] + [[o, n, "true"] for o in indexes for n in (0, 1)],
        "pg_get_partkeydef": [[oid(cursor, "t_zebra.zebra_parts")]],
        "pg_get_expr": [[tree, o] for o in relations] + [[tree, o, "true"] for o in relations],
        "pg_get_function_arguments": [[function]], "pg_get_function_result": [[function]],
        "pg_get_function_identity_arguments": [[function]],
        "obj_description": [[o] for o in relations] + [[o, f"'{kind}'"] for kind, oids in kinds.items() for o in oids],
        "col_description": [[orders, n] for n in range(0, 6)] + [[hidden, 2]],
        "pg_get_serial_sequence": [["'t_zebra.zebra_orders'", "'id'"], ["'t_zebra.zebra_orders'", "'zebra_identity'"],
                                   ["'shared.events'", "'id'"], ["'common.events'", "'id'"]],
        "pg_get_serial_sequence(oid)": [[orders, "'id'"], [orders, "'zebra_identity'"], [events, "'id'"]],
        "pg_partition_ancestors": [[oid(cursor, name)] for name in ["t_zebra.zebra_parts", "t_zebra.zebra_parts_1"]],
        "current_setting": [["'search_path'"], ["'data_directory'"], ["'hba_file'", "true"], ["'rg.tenant'", "true"]],
    }


GUARDS = sorted(row.name for row in policydata.Tables().functions.values() if row.rule == "GUARDED")
NOT_BY_OBJECT = {"current_schemas", "pg_typeof", "ts_headline"} | {name for name in GUARDS if "_ts" in name and name[:3] != "pg_"} | {name for name in GUARDS if name.endswith("_is_visible")} - {"pg_table_is_visible", "pg_type_is_visible"}


@pytest.mark.parametrize("name", [name for name in GUARDS if name not in NOT_BY_OBJECT])
@pytest.mark.parametrize("identity", [ACME, NOBODY], ids=["acme", "nobody"])
def test_a_guard_answers_null_for_another_tenants_objects(server, cursor, name, identity):
    cases = foreign_arguments(cursor)[name]
    arities = {len(arguments) for arguments in cases}
    assert arities == {n for n, text in enumerate(server.tables.functions[name].by_arity) if text}
    for arguments in cases:
        found = rows(cursor, f"SELECT {call(server, name, [str(a) for a in arguments], identity)}")
        assert found == ([] if name == "pg_partition_ancestors" else [(None,)]), arguments


@pytest.mark.parametrize("name", sorted(name for name in NOT_BY_OBJECT if name.endswith("_is_visible")))
def test_a_foreign_object_is_never_found_by_its_bare_name(server, cursor, name):
    function = one(cursor, "SELECT oid FROM pg_proc WHERE proname = 'zebra_function'")
    assert one(cursor, f"SELECT {call(server, name, [str(function)])}") is False
    assert one(cursor, f"SELECT {call(server, name, ['31'])}") is True


def test_guards_name_own_objects_as_the_tenant_does(server, cursor):
    def ask(name, *arguments):
        return one(cursor, f"SELECT {call(server, name, [str(a) for a in arguments])}")

    def constraint(name):
        return one(cursor, "SELECT oid FROM pg_constraint WHERE conname = %s", (name,))

    orders, more = oid(cursor, "t_acme.orders"), oid(cursor, "t_acme_more.orders")
    assert ask("::regclass", orders) == "orders"
    assert ask("::regclass", more) == "more.orders"
    assert ask("::regclass", oid(cursor, "shared.events")) == "events"
    assert ask("::regclass::oid", orders) == orders
    for name, wanted in [("orders", orders), ("sales.orders", orders), ("more.orders", more), ("ORDERS", orders),
                         ("common.events", oid(cursor, "shared.events")), ("pg_class", 1259), ("pg_catalog.pg_class", 1259), (str(orders), orders),
                         ('"Orders"', None)]:
        assert ask("'name'::regclass", f"'{name}'") == wanted, name
    assert ask("pg_table_is_visible", orders) is True
    assert ask("pg_table_is_visible", more) is False
    assert ask("pg_get_constraintdef", constraint("orders_customer_fk"), "true") == (
        "FOREIGN KEY (customer_id) REFERENCES customers(id) ON UPDATE CASCADE ON DELETE SET NULL DEFERRABLE")
    assert ask("pg_get_constraintdef", constraint("only_more_order_id_fkey")) == "FOREIGN KEY (order_id) REFERENCES more.orders(id)"
    assert ask("pg_get_constraintdef", constraint("amount_positive"), "true") == "CHECK (amount >= 0::numeric)"
    assert ask("pg_get_constraintdef", constraint("price_positive")) == "CHECK ((VALUE >= (0)::numeric))"
    assert ask("pg_get_indexdef", oid(cursor, "t_acme.orders_unique")) == (
        "CREATE UNIQUE INDEX orders_unique ON sales.orders USING btree (customer_id, at)")
    assert ask("pg_get_indexdef", oid(cursor, "t_acme.orders_lower"), 1, "true") == "lower(label)"
    assert ask("pg_get_partkeydef", oid(cursor, "t_acme.parts")) == "RANGE (at)"
    parts, child = oid(cursor, "t_acme.parts"), oid(cursor, "t_acme.parts_2026")
    ancestors = call(server, "pg_partition_ancestors", [f"'{child}'"])
    assert rows(cursor, f"SELECT {ancestors}") == rows(cursor, f"SELECT * FROM {ancestors} AS a") == [(child,), (parts,)]
    assert ask("obj_description", orders, "'pg_class'") == "acme orders"
    assert ask("obj_description", oid(cursor, "shared.events")) == "events of everybody"
    assert ask("obj_description", one(cursor, "SELECT 't_acme.mood'::regtype::oid"), "'pg_type'") == "acme mood"
    assert ask("obj_description", one(cursor, "SELECT 't_acme'::regnamespace::oid"), "'pg_namespace'") == "acme's schema"
    assert ask("obj_description", constraint("amount_positive"), "'pg_constraint'") == "acme constraint"
    assert ask("col_description", orders, 6) == "acme amount"
    assert ask("pg_get_serial_sequence", "'orders'", "'id'") == "sales.orders_id_seq"
    assert ask("pg_get_serial_sequence", "'sales.customers'", "'id'") == "sales.customers_id_seq"
    assert ask("pg_get_serial_sequence(oid)", orders, "'id'") == oid(cursor, "t_acme.orders_id_seq")
    assert ask("::regnamespace", one(cursor, "SELECT 't_acme'::regnamespace::oid")) == "sales"
    assert ask("::regproc", 1299) == "now"
    assert ask("'name'::regproc", "'pg_catalog.now'") == ask("'name'::regproc", "'now'") == 1299
    assert ask("current_schemas", "true") == ["pg_catalog", "sales", "common"]
    assert ask("current_schemas", "false") == ["sales", "common"]
    assert ask("current_setting", "'datestyle'") == "ISO, MDY"
    assert ask("pg_get_function_result", 1299) == "timestamp with time zone"


def test_types_are_written_as_the_tenant_writes_them(server, cursor):
    wanted = {"t_acme.mood": "mood", "t_acme.mood[]": "mood[]", "shared.plan": "plan", "shared.plan[]": "plan[]",
              "t_zebra.hstore": "hstore", "int4": "integer", "int4[]": "integer[]", "varchar": "character varying"}
    for name, answer in wanted.items():
        number = one(cursor, f"SELECT '{name}'::regtype::oid")
        assert one(cursor, f"SELECT {call(server, 'format_type', [str(number), 'NULL'])}") == answer
        assert one(cursor, f"SELECT {call(server, '::regtype', [str(number)])}") == answer
    assert one(cursor, f"SELECT {call(server, 'format_type', ['1700', '655366'])}") == "numeric(10,2)"
    elsewhere = policydata.Identity(schemas={"t_acme": "sales"}, path=["t_acme_more"])
    number = one(cursor, "SELECT 't_acme.mood[]'::regtype::oid")
    assert one(cursor, f"SELECT {call(server, 'format_type', [str(number), '-1'], elsewhere)}") == "sales.mood[]"


def test_a_guard_does_not_capture_the_callers_columns(server, cursor):
    """Unqualified and oddly qualified columns of the statement keep their meaning inside the template."""
    for alias in ["t", "n", "c", "e", "k", "pg_type", "x"]:
        for column in ["oid", f"{alias}.oid"]:
            text = call(server, "format_type", [column, "typtypmod"])
            found = rows(cursor, f"SELECT {text} FROM pg_catalog.pg_type AS {alias} WHERE typname = 'int4'")
            assert found == [("integer",)]
    text = call(server, "pg_get_expr", ["adbin", "adrelid"])
    assert ("0",) in rows(cursor, f"SELECT {text} FROM {view(server, 'pg_attrdef')} AS d")


# ---- whole clients ----

OWN_PATH = "t_acme,shared"
OUR_PATH = "cat_acme,pg_catalog," + OWN_PATH  # the server's own deparsing qualifies by its search_path

def engine(server, tables, path, virtual):
    url = f"postgresql+psycopg2://postgres@{server.host}:{server.port}/{DATABASE}"
    made = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool,
                                    connect_args={"options": f"-c search_path={path}"})
    if virtual:
        @sqlalchemy.event.listens_for(made, "before_cursor_execute", retval=True)
        def before(_connection, _cursor, statement, parameters, _context, _many):
            return translate(tables, statement), parameters
    return made


def plain(value):
    """Reflected things as comparable text, with acme's physical names turned into its logical ones."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, sqlalchemy.types.TypeEngine):
        value = repr(value)
    if isinstance(value, str):
        return value.replace("t_acme_more", "more").replace("t_acme", "sales").replace("t_zebra.", "").replace("'shared'", "'common'")
    return value


REFLECTIONS = ["get_columns", "get_pk_constraint", "get_foreign_keys", "get_indexes", "get_unique_constraints",
               "get_check_constraints", "get_table_comment"]


@pytest.mark.parametrize("relation", [("t_acme", "sales", name) for name in ["orders", "customers", "big_orders", "order_sums", "parts"]]
                         + [("t_acme_more", "more", "orders"), ("t_acme_more", "more", "only_more")], ids=lambda r: ".".join(r[1:]))
def test_sqlalchemy_reflects_own_tables_as_it_does_without_us(server, relation):
    physical, logical, table = relation
    real = sqlalchemy.inspect(engine(server, server.tables, OWN_PATH, False))
    ours = sqlalchemy.inspect(engine(server, server.tables, OUR_PATH, True))
    for method in REFLECTIONS:
        wanted, found = plain(getattr(real, method)(table, schema=physical)), plain(getattr(ours, method)(table, schema=logical))
        for column in [column for column in found if method == "get_columns" and column["name"] == "extra"]:
            assert column["type"].startswith("HSTORE")  # without us: t_zebra.hstore, which SQLAlchemy does not know
            wanted[found.index(column)]["type"] = column["type"]
        assert found == wanted, method


def test_sqlalchemy_lists_schemas_tables_views_and_enums(server):
    ours = sqlalchemy.inspect(engine(server, server.tables, OUR_PATH, True))
    assert ours.default_schema_name == "sales"
    assert ours.get_schema_names() == ["common", "more", "sales"]
    assert sorted(ours.get_table_names("sales")) == ["audit_links", "customers", "orders", "parts", "parts_2026"]
    materialized = getattr(ours, "get_materialized_view_names", lambda schema: [])("sales")  # SQLAlchemy 2 lists them apart
    assert sorted(ours.get_view_names("sales") + materialized) == ["big_orders", "order_sums"]
    assert ours.get_table_names("common") == ["events"]
    assert ours.get_table_names("t_zebra") == [] and ours.get_table_names("t_acme") == []
    assert ours.has_table("orders", schema="sales") and not ours.has_table("zebra_orders", schema="t_zebra")
    assert ours.get_enums(schema="*") == [
        {"name": "plan", "schema": "common", "visible": True, "labels": []},
        {"name": "mood", "schema": "sales", "visible": True, "labels": ["calm", "busy"]}]
    columns = {column["name"]: str(column["type"]) for column in ours.get_columns("events", schema="common")}
    assert columns["id"] == "BIGINT" and columns["note"] == "TEXT" and "zebra" not in str(columns)


def psql_queries(server, command):
    done = server.psql("-E", "-At", "-c", "SET search_path = t_acme, shared", "-c", command, dbname=DATABASE)
    assert done.returncode == 0, done.stderr
    return re.findall(r"\*{8,9} QUERY \*{10}\n(.*?)\n\*{24,26}", done.stdout, flags=re.S)


COMMANDS = [r"\d", r"\dt", r"\di", r"\dv", r"\dm", r"\ds", r"\dn", r"\dT", r"\dD", r"\l", r"\du", r"\df", r"\do", r"\dx",
            r"\dp", r"\db"] + [rf"\d t_acme.{name}" for name in [
                "orders", "customers", "big_orders", "order_sums", "parts", "parts_2026", "orders_lower", "free_seq",
                "orders_id_seq", "customers_id_seq"]] + [r"\dT t_acme.*", r"\dt t_acme.*", r"\d t_acme_more.only_more"]
# Shown by one side only, by design: the shared table's sequence (hidden), its domain (without default and CHECK).
HIDDEN = re.compile(r"'events_id_seq'|'code', 'text'")
# What psql asks of the whole server is not equal by design: there the answer must only be right.
WORLD_WIDE = {r"\l", r"\du", r"\dn", r"\dx", r"\dp", r"\db"}


@pytest.mark.parametrize("command", COMMANDS)
def test_psql_describes_own_objects_as_it_does_without_us(server, cursor, command):
    queries = psql_queries(server, command)
    assert queries
    for query in queries:
        cursor.execute(f"SET search_path = {OWN_PATH}")
        real = {plain(str(row)).replace("'postgres'", "'alice'") for row in rows(cursor, query)}
        real = {row for row in real if "zebra" not in row and not HIDDEN.search(row)}
        cursor.execute(f"SET search_path = {OUR_PATH}")
        ours = {str(row) for row in rows(cursor, translate(server.tables, query.replace("t_acme_more", "more").replace("t_acme", "sales")))}
        assert "zebra" not in str(ours)
        ours = {row for row in ours if not HIDDEN.search(row)}
        if command not in WORLD_WIDE:
            assert ours == real, query


def test_psql_lists_one_database_one_role_and_own_schemas(server, cursor):
    cursor.execute(f"SET search_path = {OUR_PATH}")
    answers = {command: rows(cursor, translate(server.tables, psql_queries(server, command)[0])) for command in [r"\l", r"\du", r"\dn"]}
    assert [row[:2] for row in answers[r"\l"]] == [("acme", "alice")]
    assert [row[0] for row in answers[r"\du"]] == ["alice"]
    assert answers[r"\dn"] == [("common", "alice"), ("more", "alice"), ("sales", "alice")]
