--- A sub-query over a shared relation in each place of the grammar that holds one.
-- use standard.policy

-- case: select list
SELECT (SELECT max(id) FROM shared.orders)
-- expect:
SELECT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: select list with an alias
SELECT (SELECT max(id) FROM shared.orders) AS m, a.id FROM sales.a
-- expect:
SELECT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS m, a.id FROM t_acme.a

-- case: WHERE
SELECT 1 FROM sales.a WHERE a.id = (SELECT max(id) FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE a.id = (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: EXISTS
SELECT 1 WHERE EXISTS (SELECT FROM shared.orders)
-- expect:
SELECT 1 WHERE EXISTS (SELECT FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: NOT EXISTS
SELECT 1 WHERE NOT EXISTS (SELECT FROM shared.orders o WHERE o.total > 9)
-- expect:
SELECT 1 WHERE NOT EXISTS (SELECT FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.total > 9)

-- case: IN
SELECT 1 FROM sales.a WHERE id IN (SELECT id FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE id IN (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: NOT IN
SELECT 1 FROM sales.a WHERE id NOT IN (SELECT id FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE id NOT IN (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: = ANY
SELECT 1 FROM sales.a WHERE id = ANY (SELECT id FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE id = ANY (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: <> ALL
SELECT 1 FROM sales.a WHERE id <> ALL (SELECT id FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE id <> ALL (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: row IN
SELECT 1 FROM sales.a WHERE (id, x) IN (SELECT id, total FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE (id, x) IN (SELECT id, total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: left of IN
SELECT 1 WHERE (SELECT max(id) FROM shared.orders) IN (SELECT id FROM sales.a)
-- expect:
SELECT 1 WHERE (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) IN (SELECT id FROM t_acme.a)

-- case: IN list
SELECT 1 WHERE 1 IN (2, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT 1 WHERE 1 IN (2, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: ARRAY()
SELECT ARRAY(SELECT id FROM shared.orders ORDER BY id)
-- expect:
SELECT ARRAY(SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders ORDER BY id)

-- case: ARRAY[]
SELECT ARRAY[1, (SELECT max(id) FROM shared.orders)]
-- expect:
SELECT ARRAY[1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)]

-- case: ROW
SELECT ROW(1, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT ROW(1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: row comparison
SELECT (1, 2) = (SELECT id, total FROM shared.orders LIMIT 1)
-- expect:
SELECT (1, 2) = (SELECT id, total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1)

-- case: CASE WHEN
SELECT CASE WHEN (SELECT max(id) FROM shared.orders) > 1 THEN 2 END
-- expect:
SELECT CASE WHEN (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) > 1 THEN 2 END

-- case: CASE THEN
SELECT CASE WHEN true THEN (SELECT max(id) FROM shared.orders) END
-- expect:
SELECT CASE WHEN true THEN (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) END

-- case: CASE ELSE
SELECT CASE WHEN true THEN 1 ELSE (SELECT max(id) FROM shared.orders) END
-- expect:
SELECT CASE WHEN true THEN 1 ELSE (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) END

-- case: CASE argument
SELECT CASE (SELECT max(id) FROM shared.orders) WHEN 1 THEN 2 END
-- expect:
SELECT CASE (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) WHEN 1 THEN 2 END

-- case: COALESCE
SELECT COALESCE(NULL, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT COALESCE(NULL, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: NULLIF
SELECT NULLIF(1, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT NULLIF(1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: GREATEST
SELECT GREATEST(1, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT GREATEST(1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: LEAST
SELECT LEAST((SELECT max(id) FROM shared.orders), 2)
-- expect:
SELECT LEAST((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders), 2)

-- case: IS NULL
SELECT (SELECT max(id) FROM shared.orders) IS NULL
-- expect:
SELECT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) IS NULL

-- case: IS DISTINCT FROM
SELECT 1 IS DISTINCT FROM (SELECT max(id) FROM shared.orders)
-- expect:
SELECT 1 IS DISTINCT FROM (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: IS TRUE
SELECT ((SELECT max(id) FROM shared.orders) = 1) IS TRUE
-- expect:
SELECT ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) = 1) IS TRUE

-- case: BETWEEN
SELECT 1 BETWEEN (SELECT max(id) FROM shared.orders) AND 9
-- expect:
SELECT 1 BETWEEN (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AND 9

-- case: BETWEEN SYMMETRIC
SELECT 1 BETWEEN SYMMETRIC 9 AND (SELECT max(id) FROM shared.orders)
-- expect:
SELECT 1 BETWEEN SYMMETRIC 9 AND (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: LIKE
SELECT (SELECT max(note) FROM shared.orders) LIKE 'a%'
-- expect:
SELECT (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) LIKE 'a%'

-- case: LIKE pattern
SELECT note LIKE (SELECT max(note) FROM shared.orders) FROM sales.a
-- expect:
SELECT note LIKE (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) FROM t_acme.a

-- case: LIKE ESCAPE
SELECT 'a' LIKE 'b' ESCAPE (SELECT '!' FROM shared.orders LIMIT 1)
-- expect:
SELECT 'a' LIKE 'b' ESCAPE (SELECT '!' FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1)

-- case: SIMILAR TO
SELECT 'a' SIMILAR TO (SELECT max(note) FROM shared.orders)
-- expect:
SELECT 'a' SIMILAR TO (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: regular expression
SELECT 'a' ~ (SELECT max(note) FROM shared.orders)
-- expect:
SELECT 'a' ~ (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: cast
SELECT (SELECT max(id) FROM shared.orders)::text
-- expect:
SELECT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)::pg_catalog.text

-- case: CAST
SELECT CAST((SELECT max(id) FROM shared.orders) AS numeric(10, 2))
-- expect:
SELECT CAST((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS numeric(10, 2))

-- case: COLLATE
SELECT (SELECT max(note) FROM shared.orders) COLLATE "C"
-- expect:
SELECT (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) COLLATE pg_catalog."C"

-- case: AT TIME ZONE
SELECT (SELECT max(ts) FROM shared.orders) AT TIME ZONE 'UTC'
-- expect:
SELECT (SELECT pg_catalog.max(ts) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AT TIME ZONE 'UTC'

-- case: subscript
SELECT (tags)[(SELECT max(id) FROM shared.orders)] FROM sales.a
-- expect:
SELECT (tags)[(SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)] FROM t_acme.a

-- case: slice
SELECT (tags)[1:(SELECT max(id) FROM shared.orders)] FROM sales.a
-- expect:
SELECT (tags)[1:(SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)] FROM t_acme.a

-- case: operator
SELECT 1 + (SELECT max(id) FROM shared.orders) * 2
-- expect:
SELECT 1 + (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) * 2

-- case: prefix operator
SELECT - (SELECT max(id) FROM shared.orders)
-- expect:
SELECT - (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: NOT
SELECT NOT ((SELECT max(id) FROM shared.orders) = 1)
-- expect:
SELECT NOT ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) = 1)

-- case: AND and OR
SELECT 1 FROM sales.a WHERE id = 1 AND (x = 2 OR y = (SELECT max(id) FROM shared.orders))
-- expect:
SELECT 1 FROM t_acme.a WHERE id = 1 AND (x = 2 OR y = (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: function argument
SELECT round((SELECT max(id) FROM shared.orders), 2)
-- expect:
SELECT pg_catalog.round((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders), 2)

-- case: function in FROM
SELECT * FROM generate_series(1, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT * FROM pg_catalog.generate_series(1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, (SELECT max(id) FROM shared.orders)), generate_series(1, 2)) AS r
-- expect:
SELECT * FROM ROWS FROM (pg_catalog.generate_series(1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)), pg_catalog.generate_series(1, 2)) AS r

-- case: EXTRACT
SELECT EXTRACT(year FROM (SELECT max(ts) FROM shared.orders))
-- expect:
SELECT EXTRACT(year FROM (SELECT pg_catalog.max(ts) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: SUBSTRING
SELECT SUBSTRING((SELECT max(note) FROM shared.orders) FROM 1 FOR 3)
-- expect:
SELECT SUBSTRING((SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) FROM 1 FOR 3)

-- case: aggregate argument
SELECT sum((SELECT max(id) FROM shared.orders WHERE orders.id = a.id)) FROM sales.a
-- expect:
SELECT pg_catalog.sum((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE orders.id = a.id)) FROM t_acme.a

-- case: aggregate ORDER BY
SELECT array_agg(id ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- expect:
SELECT pg_catalog.array_agg(id ORDER BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) FROM t_acme.a

-- case: FILTER
SELECT count(*) FILTER (WHERE id > (SELECT max(id) FROM shared.orders)) FROM sales.a
-- expect:
SELECT pg_catalog.count(*) FILTER (WHERE id > (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) FROM t_acme.a

-- case: WITHIN GROUP
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- expect:
SELECT pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) FROM t_acme.a

-- case: window function argument
SELECT lag(id, 1, (SELECT max(id) FROM shared.orders)) OVER (ORDER BY id) FROM sales.a
-- expect:
SELECT pg_catalog.lag(id, 1, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) OVER (ORDER BY id) FROM t_acme.a

-- case: PARTITION BY
SELECT rank() OVER (PARTITION BY (SELECT max(id) FROM shared.orders) ORDER BY id) FROM sales.a
-- expect:
SELECT pg_catalog.rank() OVER (PARTITION BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) ORDER BY id) FROM t_acme.a

-- case: window ORDER BY
SELECT rank() OVER (ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- expect:
SELECT pg_catalog.rank() OVER (ORDER BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) FROM t_acme.a

-- case: frame start
SELECT sum(id) OVER (ORDER BY id ROWS (SELECT max(id) FROM shared.orders) PRECEDING) FROM sales.a
-- expect:
SELECT pg_catalog.sum(id) OVER (ORDER BY id ROWS (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) PRECEDING) FROM t_acme.a

-- case: frame end
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND (SELECT max(id) FROM shared.orders) FOLLOWING) FROM sales.a
-- expect:
SELECT pg_catalog.sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) FOLLOWING) FROM t_acme.a

-- case: WINDOW clause
SELECT rank() OVER w FROM sales.a WINDOW w AS (PARTITION BY (SELECT max(id) FROM shared.orders))
-- expect:
SELECT pg_catalog.rank() OVER w FROM t_acme.a WINDOW w AS (PARTITION BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: GROUP BY
SELECT count(*) FROM sales.a GROUP BY (SELECT max(id) FROM shared.orders)
-- expect:
SELECT pg_catalog.count(*) FROM t_acme.a GROUP BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: ROLLUP
SELECT count(*) FROM sales.a GROUP BY ROLLUP (id, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT pg_catalog.count(*) FROM t_acme.a GROUP BY ROLLUP (id, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: CUBE
SELECT count(*) FROM sales.a GROUP BY CUBE (id, ((SELECT max(id) FROM shared.orders)))
-- expect:
SELECT pg_catalog.count(*) FROM t_acme.a GROUP BY CUBE (id, ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)))

-- case: GROUPING SETS
SELECT count(*) FROM sales.a GROUP BY GROUPING SETS ((id), ((SELECT max(id) FROM shared.orders)), ())
-- expect:
SELECT pg_catalog.count(*) FROM t_acme.a GROUP BY GROUPING SETS ((id), ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)), ())

-- case: HAVING
SELECT id FROM sales.a GROUP BY id HAVING count(*) > (SELECT max(id) FROM shared.orders)
-- expect:
SELECT id FROM t_acme.a GROUP BY id HAVING pg_catalog.count(*) > (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: ORDER BY
SELECT id FROM sales.a ORDER BY (SELECT max(id) FROM shared.orders) DESC NULLS LAST
-- expect:
SELECT id FROM t_acme.a ORDER BY (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) DESC NULLS LAST

-- case: DISTINCT ON
SELECT DISTINCT ON ((SELECT max(id) FROM shared.orders)) id FROM sales.a
-- expect:
SELECT DISTINCT ON ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) id FROM t_acme.a

-- case: LIMIT
SELECT id FROM sales.a LIMIT (SELECT max(id) FROM shared.orders)
-- expect:
SELECT id FROM t_acme.a LIMIT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: OFFSET
SELECT id FROM sales.a OFFSET (SELECT max(id) FROM shared.orders)
-- expect:
SELECT id FROM t_acme.a OFFSET (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: FETCH FIRST
SELECT id FROM sales.a FETCH FIRST (SELECT max(id) FROM shared.orders) ROWS ONLY
-- expect:
SELECT id FROM t_acme.a FETCH FIRST (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) ROWS ONLY

-- case: FETCH FIRST WITH TIES
SELECT id FROM sales.a ORDER BY id FETCH FIRST (SELECT max(id) FROM shared.orders) ROWS WITH TIES
-- expect:
SELECT id FROM t_acme.a ORDER BY id FETCH FIRST (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) ROWS WITH TIES

-- case: VALUES
VALUES (1), ((SELECT max(id) FROM shared.orders))
-- expect:
VALUES (1), ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: FROM
SELECT * FROM (SELECT * FROM shared.orders) AS s
-- expect:
SELECT * FROM (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS s

-- case: LATERAL
SELECT * FROM sales.a, LATERAL (SELECT * FROM shared.orders o WHERE o.id = a.id) s
-- expect:
SELECT * FROM t_acme.a, LATERAL (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.id = a.id) s

-- case: JOIN ON
SELECT * FROM sales.a JOIN sales.b ON a.id = (SELECT max(id) FROM shared.orders)
-- expect:
SELECT * FROM t_acme.a JOIN t_acme.b ON a.id = (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: TABLESAMPLE argument
SELECT * FROM sales.a TABLESAMPLE SYSTEM ((SELECT max(id) FROM shared.orders))
-- expect:
SELECT * FROM t_acme.a TABLESAMPLE pg_catalog.SYSTEM ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: REPEATABLE
SELECT * FROM sales.a TABLESAMPLE SYSTEM (1) REPEATABLE ((SELECT max(id) FROM shared.orders))
-- expect:
SELECT * FROM t_acme.a TABLESAMPLE pg_catalog.SYSTEM (1) REPEATABLE ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: WITH item
WITH w AS (SELECT max(id) AS m FROM shared.orders) SELECT m FROM w
-- expect:
WITH w AS (SELECT pg_catalog.max(id) AS m FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT m FROM w

-- case: right arm
SELECT 1 UNION SELECT max(id) FROM shared.orders
-- expect:
SELECT 1 UNION SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: sub-query in a sub-query
SELECT (SELECT (SELECT max(id) FROM shared.orders))
-- expect:
SELECT (SELECT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: correlated twice
SELECT (SELECT count(*) FROM shared.orders o WHERE o.id = a.id AND EXISTS (SELECT FROM shared.visits v WHERE v.order_id = o.id AND v.a = a.x)) FROM sales.a
-- expect:
SELECT (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.id = a.id AND EXISTS (SELECT FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) v WHERE v.order_id = o.id AND v.a = a.x)) FROM t_acme.a

-- case: field of a sub-query, refused
SELECT ((SELECT o FROM shared.orders o LIMIT 1)).id
-- refuse: 0A000 sql.field

-- case: named argument
SELECT make_interval(days => (SELECT max(id) FROM shared.orders)::int)
-- expect:
SELECT pg_catalog.make_interval(days => (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)::int)

-- case: VARIADIC
SELECT concat_ws(',', VARIADIC ARRAY(SELECT note FROM shared.orders))
-- expect:
SELECT pg_catalog.concat_ws(',', VARIADIC ARRAY(SELECT note FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: XMLELEMENT
SELECT xmlelement(name a, (SELECT max(id) FROM shared.orders))
-- expect:
SELECT xmlelement(name a, (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: XMLATTRIBUTES
SELECT xmlelement(name a, xmlattributes((SELECT max(id) FROM shared.orders) AS b))
-- expect:
SELECT xmlelement(name a, xmlattributes((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS b))

-- case: XMLFOREST
SELECT xmlforest((SELECT max(id) FROM shared.orders) AS b)
-- expect:
SELECT xmlforest((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS b)

-- case: XMLCONCAT
SELECT xmlconcat(xmlelement(name a), (SELECT xmlagg(x) FROM shared.orders))
-- expect:
SELECT xmlconcat(xmlelement(name a), (SELECT pg_catalog.xmlagg(x) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: XMLPARSE
SELECT xmlparse(DOCUMENT (SELECT max(note) FROM shared.orders))
-- expect:
SELECT xmlparse(DOCUMENT (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: XMLPI
SELECT xmlpi(name a, (SELECT max(note) FROM shared.orders))
-- expect:
SELECT xmlpi(name a, (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: XMLROOT
SELECT xmlroot((SELECT x FROM shared.orders LIMIT 1), version (SELECT max(note) FROM shared.orders))
-- expect:
SELECT xmlroot((SELECT x FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1), version (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: XMLSERIALIZE
SELECT xmlserialize(CONTENT (SELECT x FROM shared.orders LIMIT 1) AS text)
-- expect:
SELECT xmlserialize(CONTENT (SELECT x FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1) AS pg_catalog.text)

-- case: IS DOCUMENT
SELECT (SELECT x FROM shared.orders LIMIT 1) IS DOCUMENT
-- expect:
SELECT (SELECT x FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1) IS DOCUMENT

-- case: XMLEXISTS
SELECT xmlexists('//a' PASSING (SELECT x FROM shared.orders LIMIT 1))
-- expect:
SELECT xmlexists('//a' PASSING (SELECT x FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1))

-- case: XMLTABLE row
SELECT * FROM XMLTABLE((SELECT max(note) FROM shared.orders) PASSING '<a/>' COLUMNS x int) t
-- expect:
SELECT * FROM XMLTABLE((SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) PASSING '<a/>' COLUMNS x int) t

-- case: XMLTABLE document
SELECT * FROM XMLTABLE('//a' PASSING (SELECT x FROM shared.orders LIMIT 1) COLUMNS x int) t
-- expect:
SELECT * FROM XMLTABLE('//a' PASSING (SELECT x FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1) COLUMNS x int) t

-- case: XMLTABLE PATH
SELECT * FROM XMLTABLE('//a' PASSING '<a/>' COLUMNS x int PATH (SELECT max(note) FROM shared.orders)) t
-- expect:
SELECT * FROM XMLTABLE('//a' PASSING '<a/>' COLUMNS x int PATH (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) t

-- case: XMLTABLE DEFAULT
SELECT * FROM XMLTABLE('//a' PASSING '<a/>' COLUMNS x int DEFAULT (SELECT max(id) FROM shared.orders)) t
-- expect:
SELECT * FROM XMLTABLE('//a' PASSING '<a/>' COLUMNS x int DEFAULT (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)) t

-- case: XMLNAMESPACES
SELECT * FROM XMLTABLE(XMLNAMESPACES((SELECT max(note) FROM shared.orders) AS n), '//a' PASSING '<a/>' COLUMNS x int) t
-- expect:
SELECT * FROM XMLTABLE(XMLNAMESPACES((SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) AS n), '//a' PASSING '<a/>' COLUMNS x int) t

-- case: GROUPING
SELECT GROUPING(((SELECT max(id) FROM shared.orders))) FROM sales.a GROUP BY ROLLUP (((SELECT max(id) FROM shared.orders)))
-- expect:
SELECT GROUPING(((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))) FROM t_acme.a GROUP BY ROLLUP (((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)))

-- case: SEARCH and CYCLE item
WITH RECURSIVE t (id) AS ((SELECT max(id) FROM shared.orders) UNION ALL SELECT id + 1 FROM t) CYCLE id SET c USING p SELECT * FROM t
-- expect:
WITH RECURSIVE t (id) AS ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) UNION ALL SELECT id + 1 FROM t) CYCLE id SET c USING p SELECT * FROM t

-- case: operator with a schema
SELECT 1 OPERATOR(pg_catalog.+) (SELECT max(id) FROM shared.orders)
-- expect:
SELECT 1 OPERATOR(pg_catalog.+) (SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: IN of a cast
SELECT 1 FROM sales.a WHERE id::text IN (SELECT id::text FROM shared.orders)
-- expect:
SELECT 1 FROM t_acme.a WHERE id::pg_catalog.text IN (SELECT id::pg_catalog.text FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

