--- Joins in every shape: the predicate is below each of them.
-- use standard.policy

-- case: inner
SELECT * FROM sales.a JOIN sales.b ON a.id = b.id
-- expect:
SELECT * FROM t_acme.a JOIN t_acme.b ON a.id = b.id

-- case: comma
SELECT * FROM shared.orders, shared.customers WHERE orders.customer_id = customers.id
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers WHERE orders.customer_id = customers.id

-- case: cross
SELECT * FROM sales.a CROSS JOIN shared.orders
-- expect:
SELECT * FROM t_acme.a CROSS JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: left
SELECT * FROM sales.a LEFT JOIN shared.orders o ON o.id = a.order_id
-- expect:
SELECT * FROM t_acme.a LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.id = a.order_id

-- case: right
SELECT * FROM shared.orders o RIGHT OUTER JOIN sales.a ON o.id = a.order_id
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o RIGHT OUTER JOIN t_acme.a ON o.id = a.order_id

-- case: full
SELECT * FROM shared.orders o FULL JOIN shared.customers c ON o.customer_id = c.id
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o FULL JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c ON o.customer_id = c.id

-- case: IS NULL above a left join
SELECT a.id FROM sales.a LEFT JOIN shared.orders o ON o.id = a.id WHERE o.id IS NULL
-- expect:
SELECT a.id FROM t_acme.a LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.id = a.id WHERE o.id IS NULL

-- case: USING
SELECT id FROM shared.orders JOIN sales.a USING (id)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders JOIN t_acme.a USING (id)

-- case: USING with several columns
SELECT * FROM shared.orders JOIN shared.visits USING (tenant_id, id)
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) AS visits USING (tenant_id, id)

-- case: USING with an alias
SELECT j.id FROM shared.orders JOIN sales.a USING (id) AS j
-- expect:
SELECT j.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders JOIN t_acme.a USING (id) AS j

-- case: NATURAL
SELECT * FROM shared.orders NATURAL JOIN sales.a
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders NATURAL JOIN t_acme.a

-- case: NATURAL LEFT
SELECT * FROM sales.a NATURAL LEFT JOIN shared.customers
-- expect:
SELECT * FROM t_acme.a NATURAL LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers

-- case: nested
SELECT * FROM (sales.a JOIN (shared.orders o JOIN shared.customers c ON c.id = o.customer_id) ON a.id = o.id) AS j
-- expect:
SELECT * FROM (t_acme.a JOIN ((WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c ON c.id = o.customer_id) ON a.id = o.id) AS j

-- case: nested with column aliases
SELECT x FROM (sales.a CROSS JOIN shared.orders) AS j (x, y)
-- expect:
SELECT x FROM (t_acme.a CROSS JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS j (x, y)

-- case: self join of a shared relation
SELECT a.id, b.id FROM shared.orders a JOIN shared.orders b USING (customer_id)
-- expect:
SELECT a.id, b.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) a JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) b USING (customer_id)

-- case: join on a sub-query
SELECT * FROM sales.a JOIN (SELECT customer_id, sum(total) AS t FROM shared.orders GROUP BY 1) s ON s.customer_id = a.id
-- expect:
SELECT * FROM t_acme.a JOIN (SELECT customer_id, pg_catalog.sum(total) AS t FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders GROUP BY 1) s ON s.customer_id = a.id

-- case: sub-query in ON
SELECT * FROM sales.a JOIN sales.b ON a.id = (SELECT max(id) FROM shared.orders)
-- expect:
SELECT * FROM t_acme.a JOIN t_acme.b ON a.id = (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: three own relations
SELECT * FROM sales.a, sales.b, sales.c WHERE a.id = b.id AND b.id = c.id
-- expect:
SELECT * FROM t_acme.a, t_acme.b, t_acme.c WHERE a.id = b.id AND b.id = c.id

-- case: semi join
SELECT * FROM shared.customers c WHERE EXISTS (SELECT 1 FROM shared.orders o WHERE o.customer_id = c.id)
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c WHERE EXISTS (SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.customer_id = c.id)

-- case: anti join
SELECT * FROM shared.customers c WHERE NOT EXISTS (SELECT FROM shared.orders o WHERE o.customer_id = c.id)
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c WHERE NOT EXISTS (SELECT FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.customer_id = c.id)

