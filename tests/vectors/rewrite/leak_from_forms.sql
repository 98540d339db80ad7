--- leaks.md from_forms: forms of FROM that show more than the tenant's rows.
-- use standard.policy

-- case: TABLESAMPLE SYSTEM on a shared relation
SELECT * FROM shared.orders TABLESAMPLE SYSTEM (1)
-- refuse: ?

-- case: sampling method of an extension
SELECT * FROM sales.orders TABLESAMPLE system_rows (1)
-- refuse: ?

-- case: sampling method of a schema
SELECT * FROM sales.orders TABLESAMPLE public.bernoulli (1)
-- refuse: ?

-- case: FOR UPDATE
SELECT * FROM sales.orders FOR UPDATE
-- refuse: ?

-- case: SELECT INTO
SELECT * INTO sales.copy FROM shared.orders
-- refuse: ?

-- case: alias list renames the predicate's column
SELECT * FROM shared.orders AS o (id, tenant_id) WHERE tenant_id = 1
-- allow

-- case: alias that is the predicate's alias
SELECT * FROM shared.orders AS rg_r, shared.orders AS rg_m
-- allow

-- case: outer column of the predicate's name
SELECT (SELECT count(*) FROM shared.orders) FROM sales.a AS tenant_id
-- allow

-- case: outer join keeps the predicate below
SELECT * FROM shared.orders a LEFT JOIN shared.orders b ON a.tenant_id <> b.tenant_id
-- allow

