#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every node that libpg_query's grammar knows is decided by name. Its own description of all nodes (pg_query.proto) is walked:
each has a row in policy/sql_nodes.def, handled or refused; the row of a handled one names every field that can hold another
node; each statement has a row in policy/sql_kinds.def. A new version with a new node, or a new field, fails here."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTO = pathlib.Path("/usr/include/pg_query/pg_query.proto")

# Fields that hold no tree in a raw parse tree, with the reason.
NO_TREE = {
    "A_Const.val": "a value inside the node itself: an enum and a number or a string",
    "RangeVar.catalogname": "a string",
}
# Filled in by parse analysis, NULL or NIL in a raw tree; the reason is the same for all.
ANALYSIS = {
    "CommonTableExpr.ctecolnames", "CommonTableExpr.ctecoltypes", "CommonTableExpr.ctecoltypmods",
    "CommonTableExpr.ctecolcollations",
}


def messages(text):
    """{message: {field: type}} with the names of the C structs and members; type is that of the message's field."""
    found = {}
    for name, body in re.findall(r"^message (\w+)\s*\{(.*?)^\}", text, re.M | re.S):
        fields = re.findall(r"^\s*(?:repeated )?(\w+) \w+ = \d+ \[json_name=\"(\w+)\"\];", body, re.M)
        found[name] = {member: kind for kind, member in fields}
    return found


def rows(text):
    """{node: fields, or None where the row refuses}"""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    found = {}
    for kind, name, rest in re.findall(r"SQL_(NODE|LEAF|REFUSED)\((\w+)((?:[^()]|\([^()]*\))*)\)", text):
        if name in found:
            yield f"sql_nodes.def: {name} has two rows", None
        found[name] = None if kind == "REFUSED" else set(re.findall(r"F\(\w+, (\w+)\)", rest))
    yield None, found


def main():
    complaints = []
    described = messages(PROTO.read_text())
    nodes = list(described["Node"].values())
    table = (ROOT / "policy/sql_kinds.def").read_text()
    kinds = re.findall(r"^SQL_KIND(?:_REFUSED)?\((\w+),", table, re.M)
    refused = re.findall(r"^SQL_KIND_REFUSED\((\w+),", table, re.M)
    decided = {}
    for complaint, found in rows((ROOT / "policy/sql_nodes.def").read_text()):
        if complaint:
            complaints.append(complaint)
        else:
            decided = found
    for node in nodes:
        if node not in decided and node not in refused and node not in ("List", "IntList", "OidList"):
            complaints.append(f"sql_nodes.def: no row for {node}")
    for node, fields in decided.items():
        if node not in described:
            complaints.append(f"sql_nodes.def: {node} is no node of libpg_query")
            continue
        trees = {member for member, kind in described[node].items() if kind in described and member != "xpr"}
        for member in sorted(trees - (fields if fields is not None else trees)):
            if f"{node}.{member}" not in NO_TREE and f"{node}.{member}" not in ANALYSIS:
                complaints.append(f"sql_nodes.def: {node}.{member} can hold a tree and is not walked")
    complaints += [f"{node} has a row in both tables" for node in refused if node in decided]
    statements = [node for node in nodes if node.endswith("Stmt")]
    complaints += [f"sql_kinds.def: {kind} has {kinds.count(kind)} rows" for kind in set(kinds) if kinds.count(kind) > 1]
    complaints += [f"sql_kinds.def: no row for {node}" for node in statements if node not in kinds]
    if len(nodes) < 200 or len(statements) < 100:
        complaints.append(f"only {len(nodes)} nodes and {len(statements)} statements found: has {PROTO} another form now?")
    print("\n".join(complaints) or f"{len(nodes)} nodes and {len(statements)} statements are decided")
    return 1 if complaints else 0


sys.exit(main())
