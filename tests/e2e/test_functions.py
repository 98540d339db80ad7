# SPDX-License-Identifier: Apache-2.0
"""Derives the function and type lists of policy/ again from a live PostgreSQL's own catalogues."""

import contextlib
import re

import pytest

import catalog_world  # noqa: F401  (finds tests/support)
import pgtest
import policydata

# Volatile, and harmless: no state that outlives the statement, nothing about anybody else.
VOLATILE = {"random", "clock_timestamp", "timeofday", "gen_random_uuid"}

# Names of which no overload is volatile or deals in the server's inner types, and which do more than implement an
# operator, an index method, an aggregate's step or a type's input and output.
ELIGIBLE = r"""
WITH p AS (
    SELECT proname, provolatile, coalesce(d.description, '') AS described, prorettype::regtype::text AS result,
        (SELECT array_agg(format_type(x, NULL)) FROM unnest(proargtypes) AS x) AS arguments
    FROM pg_proc LEFT JOIN pg_description d ON d.objoid = pg_proc.oid AND d.classoid = 'pg_proc'::regclass
    WHERE pronamespace = 11 AND pg_proc.oid < 16384 AND prokind IN ('f', 'w', 'a'))
SELECT proname FROM p GROUP BY proname HAVING NOT bool_or(
        provolatile = 'v'
        OR result IN ('internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'fdw_handler',
                      'index_am_handler', 'table_am_handler', 'tsm_handler')
        OR coalesce(arguments, '{}') && ARRAY['internal', 'cstring', 'trigger', 'event_trigger', 'language_handler', 'refcursor'])
    AND NOT bool_and(described = '' OR described ~ ('^(implementation of|aggregate |I/O|less-equal-greater|hash|larger of two|'
        'smaller of two|less than|greater than|equal|not equal|sort support|range support|deprecated|internal|\(internal|adjust|'
        'GIN|GiST|SP-GiST|BRIN|window|B-tree|convert a .* typmod)'))
"""

# Eligible, and refused: SQL or names as text, objects by OID, server, session, transactions, sizes, statistics, roles;
# and steps of other functions that nobody calls.
REFUSED = re.compile(
    r"(has_|pg_|to_reg|inet_(client|server)|txid_|acl|makeaclitem|database_to|schema_to|table_to|mxid_age|fmgr_|current_|"
    r"session_user|get_current_ts_config|getdatabaseencoding|row_security|col_desc|obj_desc|shobj_desc|format_type|"
    r"ts_(stat|rewrite|debug|parse|lexize|token_type)$|regclass$|xid$|oidvectortypes|nameconcatoid|numeric_|int8(inc|dec)|"
    r"int4inc|.*_(subdiff|canonical|transfn)$|xmlvalidate|dlog|dexp|dround|dtrunc|satisfies|cash_words|dist_|textlen$|anytextcat|"
    r"textanycat)")

# Refused by the rules above and yet harmless and needed.
ADDED = {"array_cat", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "starts_with", "timezone", "varbit",
         "pg_encoding_to_char", "pg_char_to_encoding", "pg_client_encoding", "pg_collation_for", "pg_size_pretty",
         "pg_size_bytes", "pg_get_keywords", "pg_encoding_max_length", "getdatabaseencoding"} | VOLATILE

# Allowed, but their text search configuration must be a built-in one: GUARDED.
CONFIGURED = {"to_tsvector", "to_tsquery", "plainto_tsquery", "phraseto_tsquery", "websearch_to_tsquery", "json_to_tsvector",
              "jsonb_to_tsvector", "ts_headline"}

# Argument and result types through which a function could name or tell of an object; and the names that may have them.
NAMING = {"regclass", "regproc", "regprocedure", "regtype", "regoper", "regoperator", "regrole", "regnamespace", "regdictionary",
          "regcollation", "regconfig", "pg_node_tree", "xid8", "tid", "cid", "aclitem", "pg_snapshot", "txid_snapshot"}
NAMING_ALLOWED = {"max": {"xid8", "tid"}, "min": {"xid8", "tid"}}


@pytest.fixture(scope="module")
def cursor():
    with pgtest.Server() as server, contextlib.closing(server.connect()) as connection, connection.cursor() as opened:
        yield opened


@pytest.fixture(scope="module")
def tables():
    return policydata.Tables()


def allowed(tables):
    return {row.name for row in tables.functions.values() if row.rule == "ALLOWED"}


def rows(cursor, sql, arguments=None):
    cursor.execute(sql, arguments)
    return cursor.fetchall()


def test_the_allowed_functions_are_those_the_rules_give(cursor, tables):
    eligible = {name for (name,) in rows(cursor, ELIGIBLE)}
    assert allowed(tables) == {name for name in eligible if not REFUSED.match(name)} - CONFIGURED | ADDED


def test_every_allowed_name_exists_and_no_overload_is_volatile(cursor, tables):
    volatility = dict(rows(cursor, "SELECT proname, string_agg(DISTINCT provolatile::text, '') FROM pg_proc"
                                   " WHERE pronamespace = 11 GROUP BY 1"))
    for name in allowed(tables):
        assert name in volatility, f"{name} does not exist"
        assert "v" not in volatility[name] or name in VOLATILE, f"{name} is volatile"


def test_no_allowed_function_deals_in_names_of_objects(cursor, tables):
    found = rows(cursor, "SELECT proname, format_type(t, NULL) FROM pg_proc, unnest(proargtypes || prorettype) AS t"
                         " WHERE pronamespace = 11 AND proname = ANY (%s)", (sorted(allowed(tables)),))
    bad = {(name, kind) for name, kind in found if kind.removesuffix("[]") in NAMING and kind not in NAMING_ALLOWED.get(name, ())}
    assert bad == set()


def test_no_allowed_function_is_a_security_definer_or_restricted_to_superusers(cursor, tables):
    assert rows(cursor, "SELECT proname FROM pg_proc WHERE pronamespace = 11 AND proname = ANY (%s) AND (prosecdef OR proacl"
                        " IS NOT NULL)", (sorted(allowed(tables)),)) == []


def test_every_guarded_name_is_a_function_or_syntax(cursor, tables):
    syntax = {"user", "current_role", "current_catalog", "'name'::regclass", "'name'::regproc", "pg_get_serial_sequence(oid)"}
    existing = {name for (name,) in rows(cursor, "SELECT proname FROM pg_proc WHERE pronamespace = 11")}
    for name, row in tables.functions.items():
        if row.rule != "ALLOWED" and name not in syntax and not name.startswith("::reg"):
            assert name in existing, name


def test_every_guard_covers_an_overload_that_exists(cursor, tables):
    """No template for a number of arguments with which the function cannot be called."""
    arities = {}
    for name, least, most in rows(cursor, "SELECT proname, pronargs - pronargdefaults, pronargs FROM pg_proc WHERE pronamespace = 11"):
        arities.setdefault(name, set()).update(range(least, most + 1))
    for row in tables.functions.values():
        if row.rule != "ALLOWED" and row.name in arities:
            assert {n for n, text in enumerate(row.by_arity) if text} <= arities[row.name], row.name


REFUSED_TYPES = {"_record", "aclitem", "cid", "cstring", "gtsvector", "pg_brin_bloom_summary", "pg_brin_minmax_multi_summary",
                 "pg_dependencies", "pg_lsn", "pg_mcv_list", "pg_ndistinct", "pg_node_tree", "pg_snapshot", "refcursor", "regclass",
                 "regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc",
                 "regprocedure", "regrole", "regtype", "tid", "txid_snapshot", "xid", "xid8"}


def test_the_allowed_types_are_the_servers_less_the_refused(cursor, tables):
    base = {name for (name,) in rows(cursor, "SELECT typname FROM pg_type WHERE typnamespace = 11 AND typtype IN ('b', 'r', 'm')"
                                             " AND (typcategory <> 'A' OR typname IN ('int2vector', 'oidvector'))")}
    assert set(tables.types) == base - REFUSED_TYPES


def test_every_type_by_its_array_name_is_that_array(cursor, tables):
    for name, array in rows(cursor, "SELECT t.typname, a.typname FROM pg_type t JOIN pg_type a ON a.oid = t.typarray"
                                    " WHERE t.typnamespace = 11 AND t.typtype IN ('b', 'r', 'm', 'p')"):
        assert tables.type_is_allowed(array) == tables.type_is_allowed(name) == (name in tables.types), array


def test_the_parameter_types_are_the_allowed_names_ones(cursor, tables):
    for number, name, schema in rows(cursor, "SELECT oid, typname, typnamespace FROM pg_type"):
        wanted = schema == 11 and (tables.type_is_allowed(name) or name == "unknown")
        assert tables.type_oid_is_allowed(number) == wanted, name
