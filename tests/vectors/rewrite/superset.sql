--- The shapes that Superset and other tools send for charts, filters and datasets.
-- use standard.policy

-- case: time series
SELECT DATE_TRUNC('day', ts) AS __timestamp, SUM(total) AS "SUM(total)"
FROM shared.orders
WHERE ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ts < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY DATE_TRUNC('day', ts)
ORDER BY "SUM(total)" DESC
LIMIT 10000
-- expect:
SELECT pg_catalog.DATE_TRUNC('day', ts) AS __timestamp, pg_catalog.SUM(total) AS "SUM(total)"
FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders
WHERE ts >= pg_catalog.TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ts < pg_catalog.TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY pg_catalog.DATE_TRUNC('day', ts)
ORDER BY "SUM(total)" DESC
LIMIT 10000

-- case: big number
SELECT COUNT(*) AS count FROM shared.orders LIMIT 50000
-- expect:
SELECT pg_catalog.COUNT(*) AS count FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 50000

-- case: table with a series limit
SELECT DATE_TRUNC('week', ts) AS __timestamp, country AS country, COUNT(DISTINCT customer_id) AS "COUNT_DISTINCT(customer_id)"
FROM shared.orders JOIN (SELECT country AS country__, COUNT(DISTINCT customer_id) AS mme_inner__
FROM shared.orders
WHERE ts >= '2024-01-01' GROUP BY country ORDER BY mme_inner__ DESC
LIMIT 5) AS series_limit ON country = country__
GROUP BY DATE_TRUNC('week', ts), country ORDER BY "COUNT_DISTINCT(customer_id)" DESC LIMIT 1000
-- expect:
SELECT pg_catalog.DATE_TRUNC('week', ts) AS __timestamp, country AS country, pg_catalog.COUNT(DISTINCT customer_id) AS "COUNT_DISTINCT(customer_id)"
FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders JOIN (SELECT country AS country__, pg_catalog.COUNT(DISTINCT customer_id) AS mme_inner__
FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders
WHERE ts >= '2024-01-01' GROUP BY country ORDER BY mme_inner__ DESC
LIMIT 5) AS series_limit ON country = country__
GROUP BY pg_catalog.DATE_TRUNC('week', ts), country ORDER BY "COUNT_DISTINCT(customer_id)" DESC LIMIT 1000

-- case: virtual dataset
SELECT country AS country, sum(total) AS total
FROM (SELECT o.*, c.country FROM shared.orders o JOIN shared.customers c ON c.id = o.customer_id) AS virtual_table
WHERE country IN ('DE', 'FR') GROUP BY country ORDER BY total DESC LIMIT 100
-- expect:
SELECT country AS country, pg_catalog.sum(total) AS total
FROM (SELECT o.*, c.country FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c ON c.id = o.customer_id) AS virtual_table
WHERE country IN ('DE', 'FR') GROUP BY country ORDER BY total DESC LIMIT 100

-- case: virtual dataset with WITH
WITH __cte AS (SELECT id, total FROM shared.orders WHERE total > 0)
SELECT id AS id FROM __cte LIMIT 1
-- expect:
WITH __cte AS (SELECT id, total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE total > 0)
SELECT id AS id FROM __cte LIMIT 1

-- case: values for a filter
SELECT DISTINCT country AS column_values FROM sales.orders WHERE country IS NOT NULL LIMIT 10000
-- expect:
SELECT DISTINCT country AS column_values FROM t_acme.orders WHERE country IS NOT NULL LIMIT 10000

-- case: column probe
SELECT * FROM (SELECT * FROM shared.orders) AS virtual_table LIMIT 1
-- expect:
SELECT * FROM (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS virtual_table LIMIT 1

-- case: samples
SELECT id AS id, ts AS ts, total AS total FROM sales.orders LIMIT 1000 OFFSET 0
-- expect:
SELECT id AS id, ts AS ts, total AS total FROM t_acme.orders LIMIT 1000 OFFSET 0

-- case: row count of a virtual dataset
SELECT COUNT(*) AS rowcount FROM (SELECT id AS id FROM shared.orders LIMIT 1000) AS rowcount_qry
-- expect:
SELECT pg_catalog.COUNT(*) AS rowcount FROM (SELECT id AS id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1000) AS rowcount_qry

-- case: adhoc metric
SELECT region AS region, SUM(CASE WHEN status = 'won' THEN total ELSE 0 END) / NULLIF(SUM(total), 0) AS rate FROM shared.visits GROUP BY region
-- expect:
SELECT region AS region, pg_catalog.SUM(CASE WHEN status = 'won' THEN total ELSE 0 END) / NULLIF(pg_catalog.SUM(total), 0) AS rate FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) AS visits GROUP BY region

-- case: pivot
SELECT a AS a, b AS b, SUM(x) AS x FROM sales.t GROUP BY a, b ORDER BY x DESC LIMIT 10000
-- expect:
SELECT a AS a, b AS b, pg_catalog.SUM(x) AS x FROM t_acme.t GROUP BY a, b ORDER BY x DESC LIMIT 10000

-- case: histogram
SELECT total AS total FROM shared.orders WHERE total IS NOT NULL LIMIT 10000
-- expect:
SELECT total AS total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE total IS NOT NULL LIMIT 10000

-- case: box plot
SELECT country AS country, DATE_TRUNC('month', ts) AS __timestamp, AVG(total) AS avg FROM shared.orders GROUP BY country, DATE_TRUNC('month', ts)
-- expect:
SELECT country AS country, pg_catalog.DATE_TRUNC('month', ts) AS __timestamp, pg_catalog.AVG(total) AS avg FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders GROUP BY country, pg_catalog.DATE_TRUNC('month', ts)

-- case: time range ends
SELECT MIN(ts) AS min, MAX(ts) AS max FROM shared.orders
-- expect:
SELECT pg_catalog.MIN(ts) AS min, pg_catalog.MAX(ts) AS max FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: LIKE filter
SELECT name AS name FROM shared.customers WHERE name ILIKE '%co%' LIMIT 1000
-- expect:
SELECT name AS name FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers WHERE name ILIKE '%co%' LIMIT 1000

-- case: row level security clause of Superset
SELECT COUNT(*) AS count FROM shared.orders WHERE ((1 = 1))
-- expect:
SELECT pg_catalog.COUNT(*) AS count FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE ((1 = 1))

-- case: percentage of the whole
SELECT a, SUM(x) / SUM(SUM(x)) OVER () AS share FROM sales.t GROUP BY a
-- expect:
SELECT a, pg_catalog.SUM(x) / pg_catalog.SUM(pg_catalog.SUM(x)) OVER () AS share FROM t_acme.t GROUP BY a

-- case: quarter and week
SELECT DATE_TRUNC('quarter', ts), TO_CHAR(ts, 'IYYY-IW') FROM sales.orders GROUP BY 1, 2
-- expect:
SELECT pg_catalog.DATE_TRUNC('quarter', ts), pg_catalog.TO_CHAR(ts, 'IYYY-IW') FROM t_acme.orders GROUP BY 1, 2

-- case: week ending Saturday
SELECT DATE_TRUNC('week', ts + INTERVAL '1 DAY') + INTERVAL '5 DAY' AS __timestamp, COUNT(*) FROM sales.orders GROUP BY 1
-- expect:
SELECT pg_catalog.DATE_TRUNC('week', ts + INTERVAL '1 DAY') + INTERVAL '5 DAY' AS __timestamp, pg_catalog.COUNT(*) FROM t_acme.orders GROUP BY 1

-- case: Metabase
SELECT "sales"."orders"."id" AS "id", "sales"."orders"."total" AS "total" FROM "sales"."orders" WHERE "sales"."orders"."status" = 'open' LIMIT 2000
-- expect:
SELECT "orders"."id" AS "id", "orders"."total" AS "total" FROM t_acme.orders WHERE "orders"."status" = 'open' LIMIT 2000

-- case: Metabase over a shared relation
SELECT CAST("shared"."orders"."ts" AS date) AS "ts", count(*) AS "count" FROM "shared"."orders" GROUP BY CAST("shared"."orders"."ts" AS date) ORDER BY CAST("shared"."orders"."ts" AS date) ASC
-- expect:
SELECT CAST("orders"."ts" AS pg_catalog.date) AS "ts", pg_catalog.count(*) AS "count" FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders GROUP BY CAST("orders"."ts" AS pg_catalog.date) ORDER BY CAST("orders"."ts" AS pg_catalog.date) ASC

-- case: Tableau
SELECT "orders"."country" AS "country", SUM("orders"."total") AS "sum:total:ok" FROM "shared"."orders" "orders" GROUP BY 1
-- expect:
SELECT "orders"."country" AS "country", pg_catalog.SUM("orders"."total") AS "sum:total:ok" FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) "orders" GROUP BY 1

-- case: Power BI
select "_"."id", "_"."total" from (select "$Table"."id" as "id", "$Table"."total" as "total" from "shared"."orders" "$Table") "_" limit 1000
-- expect:
select "_"."id", "_"."total" from (select "$Table"."id" as "id", "$Table"."total" as "total" from (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) "$Table") "_" limit 1000

-- case: ping
SELECT 1
-- unchanged

-- case: functional dependency on an own key
SELECT o.id, o.name, count(*) FROM sales.orders o JOIN sales.items i ON i.order_id = o.id GROUP BY o.id
-- expect:
SELECT o.id, o.name, pg_catalog.count(*) FROM t_acme.orders o JOIN t_acme.items i ON i.order_id = o.id GROUP BY o.id

