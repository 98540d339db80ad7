--- leaks.md from_forms: forms of FROM that show more than the tenant's rows.
-- use standard.policy

-- case: TABLESAMPLE SYSTEM on a shared relation
SELECT * FROM shared.orders TABLESAMPLE SYSTEM (1)
-- refuse: 0A000 sql.sample

-- case: sampling method of an extension
SELECT * FROM sales.orders TABLESAMPLE system_rows (1)
-- refuse: 42501 sample.not_allowed

-- case: sampling method of a schema
SELECT * FROM sales.orders TABLESAMPLE public.bernoulli (1)
-- refuse: 42501 sample.not_allowed

-- case: FOR UPDATE
SELECT * FROM sales.orders FOR UPDATE
-- refuse: 0A000 statement.lock

-- case: SELECT INTO
SELECT * INTO sales.copy FROM shared.orders
-- refuse: 42501 statement.ddl

-- case: alias list renames the predicate's column
SELECT * FROM shared.orders AS o (id, tenant_id) WHERE tenant_id = 1
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS o (id, tenant_id) WHERE tenant_id = 1

-- case: alias that is the predicate's alias
SELECT * FROM shared.orders AS rg_r, shared.orders AS rg_m
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS rg_r, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS rg_m

-- case: outer column of the predicate's name
SELECT (SELECT count(*) FROM shared.orders) FROM sales.a AS tenant_id
-- expect:
SELECT (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) FROM t_acme.a AS tenant_id

-- case: outer join keeps the predicate below
SELECT * FROM shared.orders a LEFT JOIN shared.orders b ON a.tenant_id <> b.tenant_id
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) a LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) b ON a.tenant_id <> b.tenant_id

