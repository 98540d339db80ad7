# SPDX-License-Identifier: Apache-2.0
"""A server with tests/e2e/tenant_world.sql in it, and tenant acme's catalogues as views and functions of a schema, so
that whole client queries can run over the templates of policy/ without the rewriter."""

import contextlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import pgtest  # noqa: E402
import policydata  # noqa: E402

DATABASE = "world"
ACME = policydata.Identity(schemas={"t_acme": "sales", "t_acme_more": "more"}, relations=["shared.events"],
                           relation_schemas={"shared": "common"}, path=["t_acme", "shared"])
NOBODY = policydata.Identity(schemas={})
# Rows of functions.def that are syntax: what the views' schema calls them, and their argument types.
SYNTAX = {"::regclass": ("rg_regclass", "oid", "text"), "::regclass::oid": ("rg_regclass_oid", "oid", "oid"),
          "'name'::regclass": ("rg_regclass_name", "text", "oid"),
          "'name'::regproc": ("rg_regproc_name", "text", "oid"), "::regtype": ("rg_regtype", "oid", "text"),
          "pg_get_serial_sequence(oid)": ("rg_serial_sequence", "oid, text", "oid")}


def build(server):
    """Creates the world and acme's catalogues in schema cat_acme; the tables of policy/."""
    server.execute(f"CREATE DATABASE {DATABASE}")
    server.execute("CREATE DATABASE zebra_database")
    done = server.psql("-q", "-f", pathlib.Path(__file__).with_name("tenant_world.sql"), dbname=DATABASE)
    assert done.returncode == 0, done.stderr
    tables = policydata.Tables()
    with contextlib.closing(server.connect(dbname=DATABASE)) as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE pg_catalog.pg_class")
        cursor.execute("ANALYZE")
        cursor.execute("CREATE SCHEMA cat_acme")
        for name, select in tables.catalogs.items():
            if name == "pg_attribute":  # a view cannot have a column of type anyarray
                select = select.replace("CASE WHEN false THEN a.attmissingval END", "NULL::pg_catalog.text[]")
            cursor.execute(f"CREATE VIEW cat_acme.{name} AS {policydata.expand(select, ACME)}")
        for function in tables.functions.values():
            create_functions(cursor, function)
    return tables


def create_functions(cursor, function):
    for arity, template in enumerate(function.by_arity):
        if template is None:
            continue
        body = policydata.expand(template, ACME, ["$1", "$2", "$3"])
        if function.name in SYNTAX:
            signatures = [SYNTAX[function.name]]
        else:
            cursor.execute("SELECT proname, oidvectortypes(proargtypes), CASE WHEN proname = 'pg_partition_ancestors'"
                           " THEN 'SETOF oid' ELSE prorettype::regtype::text END"
                           " FROM pg_catalog.pg_proc WHERE proname = %s AND pronargs = %s AND pronamespace = 11",
                           (function.name, arity))
            signatures = cursor.fetchall()
        for name, arguments, result in signatures:
            arguments = arguments.replace('"any"', "anyelement")
            if name == "pg_partition_ancestors":
                arguments += ", OUT relid oid"
            cast = result.removeprefix("SETOF ")
            cursor.execute(f'CREATE FUNCTION cat_acme."{name}"({arguments}) RETURNS {result} STABLE LANGUAGE sql'
                           f" AS $body$ SELECT ({body})::{cast} $body$")


def translate(tables, sql):
    """A client's query as the rewriter would send it, near enough: catalogues and guarded functions come from cat_acme
    (first in the search_path), reg* casts of columns become calls."""
    sql = re.sub(r"pg_catalog\.pg_get_serial_sequence\(\s*(\w+\.\w+)::regclass::text, (\w+\.\w+)\s*\)::regclass::oid",
                 r"cat_acme.rg_serial_sequence(\1, \2)", sql)
    sql = re.sub(r"CAST\(CAST\(pg_catalog\.pg_get_serial_sequence\(CAST\(CAST\(([\w.]+) AS REGCLASS\) AS TEXT\), ([\w.]+)\)"
                 r" AS REGCLASS\) AS OID\)", r"cat_acme.rg_serial_sequence(\1, \2)", sql)  # SQLAlchemy 2's spelling
    sql = re.sub(r"(\w+\.\w+|\b\w+)::(?:pg_catalog\.)?regclass\b(?!::oid)", r"cat_acme.rg_regclass(\1)", sql)
    sql = re.sub(r"('[^']*')::(?:pg_catalog\.)?regclass\b", r"cat_acme.rg_regclass_name(\1)", sql)

    def replace(match):
        name = match.group(1)
        row = tables.functions.get(name)
        if name in tables.catalogs or (row and row.rule in ("GUARDED", "CONSTANT")):
            return "cat_acme." + name
        return match.group(0)

    return re.sub(r"(?<!')pg_catalog\.(\w+)\b", replace, sql)
