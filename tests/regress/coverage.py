# SPDX-License-Identifier: Apache-2.0
"""A third opinion on a rewritten text, after the rewriter's proof and the second check: reads libpg_query's JSON and knows nothing
of policy/. Every relation is the tenant's, a WITH item, or inside one of rowgate's own sub-selects; every function is pg_catalog's."""

OWN = "t_regress"
FENCED = {"onek", "tenk1", "text_tbl", "j1_tbl"}


def walk(node, path=()):
    """Yields (type, node, path of the nodes around it)."""
    if isinstance(node, list):
        for child in node:
            yield from walk(child, path)
    elif isinstance(node, dict):
        for key, child in node.items():
            if key[:1].isupper() and isinstance(child, dict):
                yield key, child, path
                yield from walk(child, path + ((key, child),))
            else:
                # A field with a fixed type is not wrapped in its type's name.
                if key in ("relation", "rel") and isinstance(child, dict) and "relname" in child:
                    yield "RangeVar", child, path
                yield from walk(child, path)


def is_fence(path):
    """Is the innermost select the body of a MATERIALIZED rg_m, with a WHERE?"""
    around = [(kind, node) for kind, node in path if kind in ("SelectStmt", "CommonTableExpr")]
    return (len(around) >= 2 and around[-1][0] == "SelectStmt" and around[-2][0] == "CommonTableExpr"
            and around[-2][1].get("ctename") == "rg_m" and around[-2][1].get("ctematerialized") == "CTEMaterializeAlways"
            and "whereClause" in around[-1][1])


def is_view(path):
    """Inside a sub-select that stands in FROM or in an expression: where rowgate puts its own views of the catalogue."""
    return any(kind in ("RangeSubselect", "SubLink") for kind, _ in path)


def names(items):
    return [next(iter(item.values())).get("sval", next(iter(item.values())).get("str", "")) for item in items]


def faults(tree):
    found = list(walk(tree))
    ctes = {node.get("ctename") for kind, node, _ in found if kind == "CommonTableExpr"}
    for kind, node, path in found:
        if kind == "RangeVar":
            schema, name = node.get("schemaname"), node.get("relname")
            if schema is None and name in ctes:
                continue
            if schema == OWN and (name not in FENCED or is_fence(path)):
                continue
            if schema == "pg_catalog" and is_view(path):
                continue
            yield f"relation {schema}.{name}"
        elif kind == "FuncCall":
            schema = names(node["funcname"])[:-1]
            if schema != ["pg_catalog"] and names(node["funcname"]) != ["unnest"]:
                yield f"function {'.'.join(names(node['funcname']))}"
        elif kind in ("IntoClause", "LockingClause", "CreateStmt", "DoStmt"):
            yield kind

