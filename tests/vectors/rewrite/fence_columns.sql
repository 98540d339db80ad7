--- Which columns leave the fence: those that the statement names, all where it could use others.
-- use fenced.policy

-- case: named columns in the relation's order
SELECT status, id FROM shared.orders ORDER BY day
-- expect:
SELECT status, id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.day, rg_r.status FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders ORDER BY day

-- case: none
SELECT count(*) FROM shared.orders
-- expect:
SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: none, in EXISTS
SELECT 1 WHERE EXISTS (SELECT 1 FROM shared.orders)
-- expect:
SELECT 1 WHERE EXISTS (SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: a column in every clause
SELECT sum(total) FILTER (WHERE is_paid), rank() OVER (PARTITION BY country ORDER BY ts) FROM shared.orders WHERE payload IS NULL GROUP BY country, ts HAVING max(score) > 1 ORDER BY min(code) LIMIT 5
-- expect:
SELECT pg_catalog.sum(total) FILTER (WHERE is_paid), pg_catalog.rank() OVER (PARTITION BY country ORDER BY ts) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.ts, rg_r.country, rg_r.total, rg_r.score, rg_r.payload, rg_r.code, rg_r.is_paid FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE payload IS NULL GROUP BY country, ts HAVING pg_catalog.max(score) > 1 ORDER BY pg_catalog.min(code) LIMIT 5

-- case: star
SELECT * FROM shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: star of another
SELECT c.*, o.id FROM shared.orders o, shared.customers c
-- expect:
SELECT c.*, o.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c

-- case: star in a sub-query
SELECT id FROM shared.orders WHERE EXISTS (SELECT * FROM sales.deals)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE EXISTS (SELECT * FROM t_acme.deals)

-- case: count of rows is no star
SELECT count(*), sum(total) FROM shared.orders
-- expect:
SELECT pg_catalog.count(*), pg_catalog.sum(total) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.total FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: TABLE
TABLE shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: whole row
SELECT o FROM shared.orders o
-- expect:
SELECT o FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: whole row of the relation's name
SELECT orders FROM shared.orders
-- expect:
SELECT orders FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: whole row in a function
SELECT row_to_json(o) FROM shared.orders o
-- expect:
SELECT pg_catalog.row_to_json(o) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: whole row in a row
SELECT ROW(o) FROM shared.orders o
-- expect:
SELECT ROW(o) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: whole row by star in a function
SELECT row_to_json(o.*) FROM shared.orders o
-- expect:
SELECT pg_catalog.row_to_json(o.*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: whole row of a join's alias
SELECT j FROM (shared.orders o JOIN shared.customers c ON true) AS j
-- expect:
SELECT j FROM ((WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c ON true) AS j

-- case: whole row of a sub-query
SELECT s FROM (SELECT id, status FROM shared.orders) s
-- expect:
SELECT s FROM (SELECT id, status FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) s

-- case: functional notation: a function of the row
SELECT o.id, o.row_to_json FROM shared.orders o
-- expect:
SELECT o.id, o.row_to_json FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: functional notation by the schema's name
SELECT shared.orders.row_to_json FROM shared.orders
-- expect:
SELECT orders.row_to_json FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: a column named like a FROM item elsewhere
SELECT country FROM shared.orders WHERE id IN (SELECT country.id FROM shared.customers AS country)
-- expect:
SELECT country FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IN (SELECT country.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS country)

-- case: NATURAL JOIN
SELECT o.id FROM shared.orders o NATURAL JOIN shared.customers c
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o NATURAL JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c

-- case: USING
SELECT o.id, c.name FROM shared.orders o JOIN shared.customers c USING (country)
-- expect:
SELECT o.id, c.name FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name, rg_r.country FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c USING (country)

-- case: USING with an alias
SELECT u.country FROM shared.orders o JOIN shared.customers c USING (country) AS u
-- expect:
SELECT u.country FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c USING (country) AS u

-- case: alias with column names
SELECT a FROM shared.orders AS o (a, b)
-- expect:
SELECT a FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS o (a, b)

-- case: names of a sub-query's alias are not the relation's
SELECT s.x FROM (SELECT id, day FROM shared.orders) AS s (x, y)
-- expect:
SELECT s.x FROM (SELECT id, day FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.day FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS s (x, y)

-- case: the outer query's columns in a sub-query
SELECT (SELECT max(c.name) FROM shared.customers c WHERE c.id = o.customer_id) FROM shared.orders o
-- expect:
SELECT (SELECT pg_catalog.max(c.name) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c WHERE c.id = o.customer_id) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: two relations take what they have of all names
SELECT o.status, c.name FROM shared.orders o, shared.customers c WHERE o.customer_id = c.id
-- expect:
SELECT o.status, c.name FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.status, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o, (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c WHERE o.customer_id = c.id

-- case: odd name
SELECT "Odd ""Name" FROM shared.orders
-- expect:
SELECT "Odd ""Name" FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r."Odd ""Name" FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: WITH item's columns
WITH w (a) AS (SELECT day FROM shared.orders) SELECT a FROM w
-- expect:
WITH w (a) AS (SELECT day FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.day FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT a FROM w

-- case: a row's field
SELECT (o).id FROM shared.orders o
-- refuse: 0A000 sql.field

