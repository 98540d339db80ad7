--- ctid is refused because it tells what lies between a tenant's rows. TABLESAMPLE told the same: SYSTEM takes whole
--- blocks, so rows that come together share one; with REPEATABLE, whether a row comes is a known function of its block
--- and line, and a few dozen seeds give both.
-- use standard.policy

-- case: blocks
SELECT id FROM shared.orders TABLESAMPLE SYSTEM (50)
-- refuse: 0A000 sql.sample

-- case: blocks, by the qualified name
SELECT id FROM shared.orders TABLESAMPLE pg_catalog.system (50)
-- refuse: 0A000 sql.sample

-- case: a known seed
SELECT id FROM shared.orders AS o TABLESAMPLE BERNOULLI (50) REPEATABLE (1)
-- refuse: 0A000 sql.sample

-- case: a quoted name
SELECT id FROM ONLY shared.orders TABLESAMPLE "system" (50)
-- refuse: 0A000 sql.sample

-- case: chance tells nothing
SELECT id FROM shared.orders TABLESAMPLE BERNOULLI (50)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r TABLESAMPLE pg_catalog.BERNOULLI (50) WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: the tenant's own table
SELECT id FROM sales.orders TABLESAMPLE SYSTEM (50) REPEATABLE (1)
-- expect:
SELECT id FROM t_acme.orders TABLESAMPLE pg_catalog.SYSTEM (50) REPEATABLE (1)

