--- The shapes that Superset and other tools send for charts, filters and datasets.
-- use standard.policy

-- case: time series
SELECT DATE_TRUNC('day', ts) AS __timestamp, SUM(total) AS "SUM(total)"
FROM shared.orders
WHERE ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ts < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
GROUP BY DATE_TRUNC('day', ts)
ORDER BY "SUM(total)" DESC
LIMIT 10000
-- allow

-- case: big number
SELECT COUNT(*) AS count FROM shared.orders LIMIT 50000
-- allow

-- case: table with a series limit
SELECT DATE_TRUNC('week', ts) AS __timestamp, country AS country, COUNT(DISTINCT customer_id) AS "COUNT_DISTINCT(customer_id)"
FROM shared.orders JOIN (SELECT country AS country__, COUNT(DISTINCT customer_id) AS mme_inner__
FROM shared.orders
WHERE ts >= '2024-01-01' GROUP BY country ORDER BY mme_inner__ DESC
LIMIT 5) AS series_limit ON country = country__
GROUP BY DATE_TRUNC('week', ts), country ORDER BY "COUNT_DISTINCT(customer_id)" DESC LIMIT 1000
-- allow

-- case: virtual dataset
SELECT country AS country, sum(total) AS total
FROM (SELECT o.*, c.country FROM shared.orders o JOIN shared.customers c ON c.id = o.customer_id) AS virtual_table
WHERE country IN ('DE', 'FR') GROUP BY country ORDER BY total DESC LIMIT 100
-- allow

-- case: virtual dataset with WITH
WITH __cte AS (SELECT id, total FROM shared.orders WHERE total > 0)
SELECT id AS id FROM __cte LIMIT 1
-- allow

-- case: values for a filter
SELECT DISTINCT country AS column_values FROM sales.orders WHERE country IS NOT NULL LIMIT 10000
-- allow

-- case: column probe
SELECT * FROM (SELECT * FROM shared.orders) AS virtual_table LIMIT 1
-- allow

-- case: samples
SELECT id AS id, ts AS ts, total AS total FROM sales.orders LIMIT 1000 OFFSET 0
-- allow

-- case: row count of a virtual dataset
SELECT COUNT(*) AS rowcount FROM (SELECT id AS id FROM shared.orders LIMIT 1000) AS rowcount_qry
-- allow

-- case: adhoc metric
SELECT region AS region, SUM(CASE WHEN status = 'won' THEN total ELSE 0 END) / NULLIF(SUM(total), 0) AS rate FROM shared.visits GROUP BY region
-- allow

-- case: pivot
SELECT a AS a, b AS b, SUM(x) AS x FROM sales.t GROUP BY a, b ORDER BY x DESC LIMIT 10000
-- allow

-- case: histogram
SELECT total AS total FROM shared.orders WHERE total IS NOT NULL LIMIT 10000
-- allow

-- case: box plot
SELECT country AS country, DATE_TRUNC('month', ts) AS __timestamp, AVG(total) AS avg FROM shared.orders GROUP BY country, DATE_TRUNC('month', ts)
-- allow

-- case: time range ends
SELECT MIN(ts) AS min, MAX(ts) AS max FROM shared.orders
-- allow

-- case: LIKE filter
SELECT name AS name FROM shared.customers WHERE name ILIKE '%co%' LIMIT 1000
-- allow

-- case: row level security clause of Superset
SELECT COUNT(*) AS count FROM shared.orders WHERE ((1 = 1))
-- allow

-- case: percentage of the whole
SELECT a, SUM(x) / SUM(SUM(x)) OVER () AS share FROM sales.t GROUP BY a
-- allow

-- case: quarter and week
SELECT DATE_TRUNC('quarter', ts), TO_CHAR(ts, 'IYYY-IW') FROM sales.orders GROUP BY 1, 2
-- allow

-- case: week ending Saturday
SELECT DATE_TRUNC('week', ts + INTERVAL '1 DAY') + INTERVAL '5 DAY' AS __timestamp, COUNT(*) FROM sales.orders GROUP BY 1
-- allow

-- case: Metabase
SELECT "sales"."orders"."id" AS "id", "sales"."orders"."total" AS "total" FROM "sales"."orders" WHERE "sales"."orders"."status" = 'open' LIMIT 2000
-- allow

-- case: Metabase over a shared relation
SELECT CAST("shared"."orders"."ts" AS date) AS "ts", count(*) AS "count" FROM "shared"."orders" GROUP BY CAST("shared"."orders"."ts" AS date) ORDER BY CAST("shared"."orders"."ts" AS date) ASC
-- allow

-- case: Tableau
SELECT "orders"."country" AS "country", SUM("orders"."total") AS "sum:total:ok" FROM "shared"."orders" "orders" GROUP BY 1
-- allow

-- case: Power BI
select "_"."id", "_"."total" from (select "$Table"."id" as "id", "$Table"."total" as "total" from "shared"."orders" "$Table") "_" limit 1000
-- allow

-- case: ping
SELECT 1
-- allow

-- case: functional dependency on an own key
SELECT o.id, o.name, count(*) FROM sales.orders o JOIN sales.items i ON i.order_id = o.id GROUP BY o.id
-- allow

