--- leaks.md leaky_predicate: allowed, and harmless, because no expression of the caller's runs below the fence.
-- use standard.policy

-- case: LIKE with a trailing escape
SELECT 1 FROM shared.orders WHERE note LIKE 'GLOBEX\'
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE note LIKE 'GLOBEX\'

-- case: LIKE ANY
SELECT 1 FROM shared.orders WHERE note LIKE ANY (ARRAY['x\'])
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE note LIKE ANY (ARRAY['x\'])

-- case: division by zero
SELECT 1 FROM shared.orders WHERE 1 / (amount - 66600005) > 0
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE 1 / (amount - 66600005) > 0

-- case: cast that fails
SELECT 1 FROM shared.orders WHERE note::int = 1
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE note::int = 1

-- case: JSON path
SELECT 1 FROM shared.orders WHERE jsonb_path_exists(payload, '$ ? (@.ms == 66600005).page.double()')
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE pg_catalog.jsonb_path_exists(payload, '$ ? (@.ms == 66600005).page.double()')

-- case: in HAVING
SELECT note FROM shared.orders GROUP BY note HAVING note LIKE 'x\'
-- expect:
SELECT note FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders GROUP BY note HAVING note LIKE 'x\'

-- case: in JOIN ON
SELECT 1 FROM sales.a JOIN shared.orders o ON o.note LIKE 'x\'
-- expect:
SELECT 1 FROM t_acme.a JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.note LIKE 'x\'

-- case: above UNION ALL
SELECT * FROM (SELECT note FROM shared.orders UNION ALL SELECT note FROM sales.a) u WHERE note LIKE 'x\'
-- expect:
SELECT * FROM (SELECT note FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders UNION ALL SELECT note FROM t_acme.a) u WHERE note LIKE 'x\'

-- case: above DISTINCT
SELECT * FROM (SELECT DISTINCT note FROM shared.orders) d WHERE note::int = 1
-- expect:
SELECT * FROM (SELECT DISTINCT note FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) d WHERE note::int = 1

-- case: on a caller's inlined item
WITH w AS NOT MATERIALIZED (SELECT * FROM shared.orders) SELECT 1 FROM w WHERE note LIKE 'x\'
-- expect:
WITH w AS NOT MATERIALIZED (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT 1 FROM w WHERE note LIKE 'x\'

-- case: with a caller's materialized item
WITH w AS MATERIALIZED (SELECT * FROM shared.orders WHERE note LIKE 'x\') SELECT 1 FROM w
-- expect:
WITH w AS MATERIALIZED (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE note LIKE 'x\') SELECT 1 FROM w

-- case: XMLPARSE
SELECT 1 FROM shared.orders WHERE xmlparse(DOCUMENT note) IS NOT NULL
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE xmlparse(DOCUMENT note) IS NOT NULL

