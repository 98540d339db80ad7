# SPDX-License-Identifier: Apache-2.0
"""The statements that scripts/bench rewrite times, the policy they are rewritten under, and the same transformation in
Python's sqlglot."""

HEAD = """\
-- claim tenant_id uuid required = 11111111-1111-1111-1111-111111111111
-- tenant acme schemas sales=t_acme
-- policy on=sales.* isolation=schema
-- policy on=shared.* using=tenant_id = :tenant_id
"""
# What rowgate knows of the database in the rows "with a snapshot".
RELATIONS = {"orders": "id:int8 tenant_id:uuid order_date:timestamptz amount:numeric customer_id:int8 status:text note:text",
             "customers": "id:int8 tenant_id:uuid country:text region_id:int4 name:text", "regions": "id:int4 tenant_id:uuid name:text"}
OPERATORS = [[name, kind, kind] for name in ("<", "<=", "<>", "=", ">", ">=") for kind in ("int4", "int8", "text", "timestamptz", "uuid")]
SNAPSHOT = {"version": 1, "server": 150020, "operators": OPERATORS, "relations": [
    {"schema": "shared", "name": name, "kind": "r", "columns": [column.split(":") for column in columns.split()], "parents": [], "reads": []}
    for name, columns in RELATIONS.items()]}
CHART = """SELECT DATE_TRUNC('day', order_date) AS __timestamp, region AS region, SUM(amount) AS "SUM(amount)", COUNT(DISTINCT customer_id) AS customers
FROM (SELECT o.order_date, o.amount, o.customer_id, c.country, r.name AS region FROM shared.orders o
JOIN shared.customers c ON c.id = o.customer_id JOIN shared.regions r ON r.id = c.region_id WHERE o.status <> 'cancelled') AS virtual_table
WHERE order_date >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
AND order_date < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND country IN ('DE', 'FR', 'US', 'JP')
GROUP BY DATE_TRUNC('day', order_date), region ORDER BY "SUM(amount)" DESC LIMIT 10000"""
Q2 = """select s_acctbal, s_name, n_name, p_partkey, p_mfgr, s_address, s_phone, s_comment
from shared.part, shared.supplier, shared.partsupp, shared.nation, shared.region
where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size = 15 and p_type like '%BRASS' and s_nationkey = n_nationkey
and n_regionkey = r_regionkey and r_name = 'EUROPE' and ps_supplycost = (select min(ps_supplycost)
from shared.partsupp, shared.supplier, shared.nation, shared.region where p_partkey = ps_partkey and s_suppkey = ps_suppkey
and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE')
order by s_acctbal desc, n_name, s_name, p_partkey limit 100"""
Q21 = """select s_name, count(*) as numwait from shared.supplier, shared.lineitem l1, shared.orders, shared.nation
where s_suppkey = l1.l_suppkey and o_orderkey = l1.l_orderkey and o_orderstatus = 'F' and l1.l_receiptdate > l1.l_commitdate
and exists (select * from shared.lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey)
and not exists (select * from shared.lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey
and l3.l_receiptdate > l3.l_commitdate) and s_nationkey = n_nationkey and n_name = 'SAUDI ARABIA'
group by s_name order by numwait desc, s_name limit 100"""

# name: (text, goals in microseconds: cold, aim, cached, aim; 0 = none)
STATEMENTS = {
    "SELECT 1": ("SELECT 1", (0, 0, 2, 1)),
    "pgbench select": ("SELECT abalance FROM sales.pgbench_accounts WHERE aid = 7777;", (8, 5, 2, 1)),
    "Superset chart": (CHART, (60, 35, 2, 1)),
    "TPC-H Q2": (Q2, (0, 0, 2, 1)),
    "TPC-H Q21": (Q21, (0, 0, 2, 1)),
    "IN list, 10 kB": ("SELECT id, amount FROM shared.orders WHERE customer_id IN (" + ", ".join(str(10 ** 16 + i * 7) for i in range(555)) + ")",
                       (300, 200, 0, 0)),
}
SNAPPED = ("Superset chart", "IN list, 10 kB")  # measured with a snapshot as well
# name: text; answered or refused within LARGE_GOAL_MS
LARGE_GOAL_MS = 50
LARGE = {
    "sum of 10,000 terms": "SELECT 1" + " + 1" * 9_999,
    "sum of 10,000 columns": "SELECT a" + " + a" * 9_999 + " FROM shared.orders",
    "5,000 NOT": "SELECT " + "NOT " * 5_000 + "true",
    "100,000 parentheses": "SELECT " + "(" * 50_000 + "1" + ")" * 50_000,
    "900 parentheses": "SELECT " + "(" * 900 + "1" + ")" * 900,
    "IN list, 0.94 MB": "SELECT id FROM shared.orders WHERE id IN (" + ", ".join(str(10 ** 7 + i) for i in range(94_000)) + ")",
    "100,000 commas": "SELECT " + ", ".join(["1"] * 100_000),
    "10,000 tables": "SELECT 1 FROM " + ", ".join(f"shared.t{i}" for i in range(10_000)),
    "500 tables": "SELECT 1 FROM " + ", ".join(f"shared.t{i}" for i in range(500)),
}


def with_sqlglot(text):
    """Qualifies each table with its physical schema and puts a filtered sub-select in its place."""
    import sqlglot
    from sqlglot import exp

    def changed(node):
        if not isinstance(node, exp.Table):
            return node
        physical = "t_acme" if node.text("db") == "sales" else "shared"
        name = node.alias or node.name
        inner = exp.select("*").from_(exp.Table(this=exp.to_identifier(node.name), db=exp.to_identifier(physical)))
        if physical == "shared":
            inner = inner.where("tenant_id = CAST('11111111-1111-1111-1111-111111111111' AS uuid)", dialect="postgres")
        return inner.subquery(name)

    tree = sqlglot.parse_one(text.rstrip(";"), read="postgres")
    return tree.transform(changed).sql(dialect="postgres")
