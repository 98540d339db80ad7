--- UNION, INTERSECT, EXCEPT: each arm has its own relations and its own WITH.
-- use standard.policy

-- case: UNION
SELECT id FROM sales.a UNION SELECT id FROM shared.orders
-- expect:
SELECT id FROM t_acme.a UNION SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: UNION ALL of three
SELECT id FROM sales.a UNION ALL SELECT id FROM shared.orders UNION ALL SELECT id FROM shared.visits
-- expect:
SELECT id FROM t_acme.a UNION ALL SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders UNION ALL SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) AS visits

-- case: INTERSECT and EXCEPT
SELECT id FROM sales.a INTERSECT SELECT id FROM shared.orders EXCEPT ALL SELECT id FROM sales.b
-- expect:
SELECT id FROM t_acme.a INTERSECT SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders EXCEPT ALL SELECT id FROM t_acme.b

-- case: parentheses
(SELECT id FROM sales.a) UNION (SELECT id FROM shared.orders ORDER BY id LIMIT 1) ORDER BY 1
-- expect:
(SELECT id FROM t_acme.a) UNION (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders ORDER BY id LIMIT 1) ORDER BY 1

-- case: ORDER BY and LIMIT of the whole
SELECT id FROM shared.orders UNION SELECT id FROM sales.a ORDER BY id DESC LIMIT 5 OFFSET 1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders UNION SELECT id FROM t_acme.a ORDER BY id DESC LIMIT 5 OFFSET 1

-- case: VALUES arm
VALUES (1) UNION SELECT id FROM shared.orders
-- expect:
VALUES (1) UNION SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: in FROM
SELECT count(*) FROM (SELECT id FROM sales.a UNION SELECT id FROM shared.orders) u
-- expect:
SELECT pg_catalog.count(*) FROM (SELECT id FROM t_acme.a UNION SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) u

-- case: in IN
SELECT 1 FROM sales.a WHERE id IN (SELECT id FROM shared.orders UNION SELECT id FROM shared.visits)
-- expect:
SELECT 1 FROM t_acme.a WHERE id IN (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders UNION SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) AS visits)

-- case: the same shared relation in both arms
SELECT id FROM shared.orders WHERE total < 1 UNION ALL SELECT id FROM shared.orders WHERE total > 9
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE total < 1 UNION ALL SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE total > 9

-- case: nested left
(SELECT 1 UNION SELECT id FROM sales.a) EXCEPT SELECT id FROM shared.orders
-- expect:
(SELECT 1 UNION SELECT id FROM t_acme.a) EXCEPT SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: nested right
SELECT 1 UNION (SELECT id FROM sales.a EXCEPT SELECT id FROM shared.orders)
-- expect:
SELECT 1 UNION (SELECT id FROM t_acme.a EXCEPT SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: WITH over both arms
WITH w AS (SELECT id FROM shared.orders) SELECT id FROM w UNION SELECT id FROM w
-- expect:
WITH w AS (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT id FROM w UNION SELECT id FROM w

-- case: WITH in one arm
SELECT id FROM sales.a UNION (WITH a AS (SELECT id FROM shared.orders) SELECT id FROM a)
-- expect:
SELECT id FROM t_acme.a UNION (WITH a AS (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT id FROM a)

