--- A sub-query over a shared relation in each place of the grammar that holds one.
-- use standard.policy

-- case: select list
SELECT (SELECT max(id) FROM shared.orders)
-- allow

-- case: select list with an alias
SELECT (SELECT max(id) FROM shared.orders) AS m, a.id FROM sales.a
-- allow

-- case: WHERE
SELECT 1 FROM sales.a WHERE a.id = (SELECT max(id) FROM shared.orders)
-- allow

-- case: EXISTS
SELECT 1 WHERE EXISTS (SELECT FROM shared.orders)
-- allow

-- case: NOT EXISTS
SELECT 1 WHERE NOT EXISTS (SELECT FROM shared.orders o WHERE o.total > 9)
-- allow

-- case: IN
SELECT 1 FROM sales.a WHERE id IN (SELECT id FROM shared.orders)
-- allow

-- case: NOT IN
SELECT 1 FROM sales.a WHERE id NOT IN (SELECT id FROM shared.orders)
-- allow

-- case: = ANY
SELECT 1 FROM sales.a WHERE id = ANY (SELECT id FROM shared.orders)
-- allow

-- case: <> ALL
SELECT 1 FROM sales.a WHERE id <> ALL (SELECT id FROM shared.orders)
-- allow

-- case: row IN
SELECT 1 FROM sales.a WHERE (id, x) IN (SELECT id, total FROM shared.orders)
-- allow

-- case: left of IN
SELECT 1 WHERE (SELECT max(id) FROM shared.orders) IN (SELECT id FROM sales.a)
-- allow

-- case: IN list
SELECT 1 WHERE 1 IN (2, (SELECT max(id) FROM shared.orders))
-- allow

-- case: ARRAY()
SELECT ARRAY(SELECT id FROM shared.orders ORDER BY id)
-- allow

-- case: ARRAY[]
SELECT ARRAY[1, (SELECT max(id) FROM shared.orders)]
-- allow

-- case: ROW
SELECT ROW(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: row comparison
SELECT (1, 2) = (SELECT id, total FROM shared.orders LIMIT 1)
-- allow

-- case: CASE WHEN
SELECT CASE WHEN (SELECT max(id) FROM shared.orders) > 1 THEN 2 END
-- allow

-- case: CASE THEN
SELECT CASE WHEN true THEN (SELECT max(id) FROM shared.orders) END
-- allow

-- case: CASE ELSE
SELECT CASE WHEN true THEN 1 ELSE (SELECT max(id) FROM shared.orders) END
-- allow

-- case: CASE argument
SELECT CASE (SELECT max(id) FROM shared.orders) WHEN 1 THEN 2 END
-- allow

-- case: COALESCE
SELECT COALESCE(NULL, (SELECT max(id) FROM shared.orders))
-- allow

-- case: NULLIF
SELECT NULLIF(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: GREATEST
SELECT GREATEST(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: LEAST
SELECT LEAST((SELECT max(id) FROM shared.orders), 2)
-- allow

-- case: IS NULL
SELECT (SELECT max(id) FROM shared.orders) IS NULL
-- allow

-- case: IS DISTINCT FROM
SELECT 1 IS DISTINCT FROM (SELECT max(id) FROM shared.orders)
-- allow

-- case: IS TRUE
SELECT ((SELECT max(id) FROM shared.orders) = 1) IS TRUE
-- allow

-- case: BETWEEN
SELECT 1 BETWEEN (SELECT max(id) FROM shared.orders) AND 9
-- allow

-- case: BETWEEN SYMMETRIC
SELECT 1 BETWEEN SYMMETRIC 9 AND (SELECT max(id) FROM shared.orders)
-- allow

-- case: LIKE
SELECT (SELECT max(note) FROM shared.orders) LIKE 'a%'
-- allow

-- case: LIKE pattern
SELECT note LIKE (SELECT max(note) FROM shared.orders) FROM sales.a
-- allow

-- case: LIKE ESCAPE
SELECT 'a' LIKE 'b' ESCAPE (SELECT '!' FROM shared.orders LIMIT 1)
-- allow

-- case: SIMILAR TO
SELECT 'a' SIMILAR TO (SELECT max(note) FROM shared.orders)
-- allow

-- case: regular expression
SELECT 'a' ~ (SELECT max(note) FROM shared.orders)
-- allow

-- case: cast
SELECT (SELECT max(id) FROM shared.orders)::text
-- allow

-- case: CAST
SELECT CAST((SELECT max(id) FROM shared.orders) AS numeric(10, 2))
-- allow

-- case: COLLATE
SELECT (SELECT max(note) FROM shared.orders) COLLATE "C"
-- allow

-- case: AT TIME ZONE
SELECT (SELECT max(ts) FROM shared.orders) AT TIME ZONE 'UTC'
-- allow

-- case: subscript
SELECT (tags)[(SELECT max(id) FROM shared.orders)] FROM sales.a
-- allow

-- case: slice
SELECT (tags)[1:(SELECT max(id) FROM shared.orders)] FROM sales.a
-- allow

-- case: operator
SELECT 1 + (SELECT max(id) FROM shared.orders) * 2
-- allow

-- case: prefix operator
SELECT - (SELECT max(id) FROM shared.orders)
-- allow

-- case: NOT
SELECT NOT ((SELECT max(id) FROM shared.orders) = 1)
-- allow

-- case: AND and OR
SELECT 1 FROM sales.a WHERE id = 1 AND (x = 2 OR y = (SELECT max(id) FROM shared.orders))
-- allow

-- case: function argument
SELECT round((SELECT max(id) FROM shared.orders), 2)
-- allow

-- case: function in FROM
SELECT * FROM generate_series(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, (SELECT max(id) FROM shared.orders)), generate_series(1, 2)) AS r
-- allow

-- case: EXTRACT
SELECT EXTRACT(year FROM (SELECT max(ts) FROM shared.orders))
-- allow

-- case: SUBSTRING
SELECT SUBSTRING((SELECT max(note) FROM shared.orders) FROM 1 FOR 3)
-- allow

-- case: aggregate argument
SELECT sum((SELECT max(id) FROM shared.orders WHERE orders.id = a.id)) FROM sales.a
-- allow

-- case: aggregate ORDER BY
SELECT array_agg(id ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: FILTER
SELECT count(*) FILTER (WHERE id > (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: WITHIN GROUP
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: window function argument
SELECT lag(id, 1, (SELECT max(id) FROM shared.orders)) OVER (ORDER BY id) FROM sales.a
-- allow

-- case: PARTITION BY
SELECT rank() OVER (PARTITION BY (SELECT max(id) FROM shared.orders) ORDER BY id) FROM sales.a
-- allow

-- case: window ORDER BY
SELECT rank() OVER (ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: frame start
SELECT sum(id) OVER (ORDER BY id ROWS (SELECT max(id) FROM shared.orders) PRECEDING) FROM sales.a
-- allow

-- case: frame end
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND (SELECT max(id) FROM shared.orders) FOLLOWING) FROM sales.a
-- allow

-- case: WINDOW clause
SELECT rank() OVER w FROM sales.a WINDOW w AS (PARTITION BY (SELECT max(id) FROM shared.orders))
-- allow

-- case: GROUP BY
SELECT count(*) FROM sales.a GROUP BY (SELECT max(id) FROM shared.orders)
-- allow

-- case: ROLLUP
SELECT count(*) FROM sales.a GROUP BY ROLLUP (id, (SELECT max(id) FROM shared.orders))
-- allow

-- case: CUBE
SELECT count(*) FROM sales.a GROUP BY CUBE (id, ((SELECT max(id) FROM shared.orders)))
-- allow

-- case: GROUPING SETS
SELECT count(*) FROM sales.a GROUP BY GROUPING SETS ((id), ((SELECT max(id) FROM shared.orders)), ())
-- allow

-- case: HAVING
SELECT id FROM sales.a GROUP BY id HAVING count(*) > (SELECT max(id) FROM shared.orders)
-- allow

-- case: ORDER BY
SELECT id FROM sales.a ORDER BY (SELECT max(id) FROM shared.orders) DESC NULLS LAST
-- allow

-- case: DISTINCT ON
SELECT DISTINCT ON ((SELECT max(id) FROM shared.orders)) id FROM sales.a
-- allow

-- case: LIMIT
SELECT id FROM sales.a LIMIT (SELECT max(id) FROM shared.orders)
-- allow

-- case: OFFSET
SELECT id FROM sales.a OFFSET (SELECT max(id) FROM shared.orders)
-- allow

-- case: FETCH FIRST
SELECT id FROM sales.a FETCH FIRST (SELECT max(id) FROM shared.orders) ROWS ONLY
-- allow

-- case: FETCH FIRST WITH TIES
SELECT id FROM sales.a ORDER BY id FETCH FIRST (SELECT max(id) FROM shared.orders) ROWS WITH TIES
-- allow

-- case: VALUES
VALUES (1), ((SELECT max(id) FROM shared.orders))
-- allow

-- case: FROM
SELECT * FROM (SELECT * FROM shared.orders) AS s
-- allow

-- case: LATERAL
SELECT * FROM sales.a, LATERAL (SELECT * FROM shared.orders o WHERE o.id = a.id) s
-- allow

-- case: JOIN ON
SELECT * FROM sales.a JOIN sales.b ON a.id = (SELECT max(id) FROM shared.orders)
-- allow

-- case: TABLESAMPLE argument
SELECT * FROM sales.a TABLESAMPLE SYSTEM ((SELECT max(id) FROM shared.orders))
-- allow

-- case: REPEATABLE
SELECT * FROM sales.a TABLESAMPLE SYSTEM (1) REPEATABLE ((SELECT max(id) FROM shared.orders))
-- allow

-- case: WITH item
WITH w AS (SELECT max(id) AS m FROM shared.orders) SELECT m FROM w
-- allow

-- case: right arm
SELECT 1 UNION SELECT max(id) FROM shared.orders
-- allow

-- case: sub-query in a sub-query
SELECT (SELECT (SELECT max(id) FROM shared.orders))
-- allow

-- case: correlated twice
SELECT (SELECT count(*) FROM shared.orders o WHERE o.id = a.id AND EXISTS (SELECT FROM shared.visits v WHERE v.order_id = o.id AND v.a = a.x)) FROM sales.a
-- allow

-- case: field of a sub-query, refused
SELECT ((SELECT o FROM shared.orders o LIMIT 1)).id
-- refuse: 0A000

-- case: named argument
SELECT make_interval(days => (SELECT max(id) FROM shared.orders)::int)
-- allow

-- case: VARIADIC
SELECT concat_ws(',', VARIADIC ARRAY(SELECT note FROM shared.orders))
-- allow

-- case: IN of a cast
SELECT 1 FROM sales.a WHERE id::text IN (SELECT id::text FROM shared.orders)
-- allow

