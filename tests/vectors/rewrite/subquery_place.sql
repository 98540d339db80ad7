--- A sub-query over a shared relation in each place of the grammar that holds one.
-- use standard.policy

-- case: select list
-- relations: shared.orders
SELECT (SELECT max(id) FROM shared.orders)
-- allow

-- case: select list with an alias
-- relations: sales.a,shared.orders
SELECT (SELECT max(id) FROM shared.orders) AS m, a.id FROM sales.a
-- allow

-- case: WHERE
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE a.id = (SELECT max(id) FROM shared.orders)
-- allow

-- case: EXISTS
-- relations: shared.orders
SELECT 1 WHERE EXISTS (SELECT FROM shared.orders)
-- allow

-- case: NOT EXISTS
-- relations: shared.orders
SELECT 1 WHERE NOT EXISTS (SELECT FROM shared.orders o WHERE o.total > 9)
-- allow

-- case: IN
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE id IN (SELECT id FROM shared.orders)
-- allow

-- case: NOT IN
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE id NOT IN (SELECT id FROM shared.orders)
-- allow

-- case: = ANY
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE id = ANY (SELECT id FROM shared.orders)
-- allow

-- case: <> ALL
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE id <> ALL (SELECT id FROM shared.orders)
-- allow

-- case: row IN
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE (id, x) IN (SELECT id, total FROM shared.orders)
-- allow

-- case: left of IN
-- relations: sales.a,shared.orders
SELECT 1 WHERE (SELECT max(id) FROM shared.orders) IN (SELECT id FROM sales.a)
-- allow

-- case: IN list
-- relations: shared.orders
SELECT 1 WHERE 1 IN (2, (SELECT max(id) FROM shared.orders))
-- allow

-- case: ARRAY()
-- relations: shared.orders
SELECT ARRAY(SELECT id FROM shared.orders ORDER BY id)
-- allow

-- case: ARRAY[]
-- relations: shared.orders
SELECT ARRAY[1, (SELECT max(id) FROM shared.orders)]
-- allow

-- case: ROW
-- relations: shared.orders
SELECT ROW(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: row comparison
-- relations: shared.orders
SELECT (1, 2) = (SELECT id, total FROM shared.orders LIMIT 1)
-- allow

-- case: CASE WHEN
-- relations: shared.orders
SELECT CASE WHEN (SELECT max(id) FROM shared.orders) > 1 THEN 2 END
-- allow

-- case: CASE THEN
-- relations: shared.orders
SELECT CASE WHEN true THEN (SELECT max(id) FROM shared.orders) END
-- allow

-- case: CASE ELSE
-- relations: shared.orders
SELECT CASE WHEN true THEN 1 ELSE (SELECT max(id) FROM shared.orders) END
-- allow

-- case: CASE argument
-- relations: shared.orders
SELECT CASE (SELECT max(id) FROM shared.orders) WHEN 1 THEN 2 END
-- allow

-- case: COALESCE
-- relations: shared.orders
SELECT COALESCE(NULL, (SELECT max(id) FROM shared.orders))
-- allow

-- case: NULLIF
-- relations: shared.orders
SELECT NULLIF(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: GREATEST
-- relations: shared.orders
SELECT GREATEST(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: LEAST
-- relations: shared.orders
SELECT LEAST((SELECT max(id) FROM shared.orders), 2)
-- allow

-- case: IS NULL
-- relations: shared.orders
SELECT (SELECT max(id) FROM shared.orders) IS NULL
-- allow

-- case: IS DISTINCT FROM
-- relations: shared.orders
SELECT 1 IS DISTINCT FROM (SELECT max(id) FROM shared.orders)
-- allow

-- case: IS TRUE
-- relations: shared.orders
SELECT ((SELECT max(id) FROM shared.orders) = 1) IS TRUE
-- allow

-- case: BETWEEN
-- relations: shared.orders
SELECT 1 BETWEEN (SELECT max(id) FROM shared.orders) AND 9
-- allow

-- case: BETWEEN SYMMETRIC
-- relations: shared.orders
SELECT 1 BETWEEN SYMMETRIC 9 AND (SELECT max(id) FROM shared.orders)
-- allow

-- case: LIKE
-- relations: shared.orders
SELECT (SELECT max(note) FROM shared.orders) LIKE 'a%'
-- allow

-- case: LIKE pattern
-- relations: sales.a,shared.orders
SELECT note LIKE (SELECT max(note) FROM shared.orders) FROM sales.a
-- allow

-- case: LIKE ESCAPE
-- relations: shared.orders
SELECT 'a' LIKE 'b' ESCAPE (SELECT '!' FROM shared.orders LIMIT 1)
-- allow

-- case: SIMILAR TO
-- relations: shared.orders
SELECT 'a' SIMILAR TO (SELECT max(note) FROM shared.orders)
-- allow

-- case: regular expression
-- relations: shared.orders
SELECT 'a' ~ (SELECT max(note) FROM shared.orders)
-- allow

-- case: cast
-- relations: shared.orders
SELECT (SELECT max(id) FROM shared.orders)::text
-- allow

-- case: CAST
-- relations: shared.orders
SELECT CAST((SELECT max(id) FROM shared.orders) AS numeric(10, 2))
-- allow

-- case: COLLATE
-- relations: shared.orders
SELECT (SELECT max(note) FROM shared.orders) COLLATE "C"
-- allow

-- case: AT TIME ZONE
-- relations: shared.orders
SELECT (SELECT max(ts) FROM shared.orders) AT TIME ZONE 'UTC'
-- allow

-- case: subscript
-- relations: sales.a,shared.orders
SELECT (tags)[(SELECT max(id) FROM shared.orders)] FROM sales.a
-- allow

-- case: slice
-- relations: sales.a,shared.orders
SELECT (tags)[1:(SELECT max(id) FROM shared.orders)] FROM sales.a
-- allow

-- case: operator
-- relations: shared.orders
SELECT 1 + (SELECT max(id) FROM shared.orders) * 2
-- allow

-- case: prefix operator
-- relations: shared.orders
SELECT - (SELECT max(id) FROM shared.orders)
-- allow

-- case: NOT
-- relations: shared.orders
SELECT NOT ((SELECT max(id) FROM shared.orders) = 1)
-- allow

-- case: AND and OR
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE id = 1 AND (x = 2 OR y = (SELECT max(id) FROM shared.orders))
-- allow

-- case: function argument
-- relations: shared.orders
SELECT round((SELECT max(id) FROM shared.orders), 2)
-- allow

-- case: function in FROM
-- relations: shared.orders
SELECT * FROM generate_series(1, (SELECT max(id) FROM shared.orders))
-- allow

-- case: ROWS FROM
-- relations: shared.orders
SELECT * FROM ROWS FROM (generate_series(1, (SELECT max(id) FROM shared.orders)), generate_series(1, 2)) AS r
-- allow

-- case: EXTRACT
-- relations: shared.orders
SELECT EXTRACT(year FROM (SELECT max(ts) FROM shared.orders))
-- allow

-- case: SUBSTRING
-- relations: shared.orders
SELECT SUBSTRING((SELECT max(note) FROM shared.orders) FROM 1 FOR 3)
-- allow

-- case: aggregate argument
-- relations: sales.a,shared.orders
SELECT sum((SELECT max(id) FROM shared.orders WHERE orders.id = a.id)) FROM sales.a
-- allow

-- case: aggregate ORDER BY
-- relations: sales.a,shared.orders
SELECT array_agg(id ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: FILTER
-- relations: sales.a,shared.orders
SELECT count(*) FILTER (WHERE id > (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: WITHIN GROUP
-- relations: sales.a,shared.orders
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: window function argument
-- relations: sales.a,shared.orders
SELECT lag(id, 1, (SELECT max(id) FROM shared.orders)) OVER (ORDER BY id) FROM sales.a
-- allow

-- case: PARTITION BY
-- relations: sales.a,shared.orders
SELECT rank() OVER (PARTITION BY (SELECT max(id) FROM shared.orders) ORDER BY id) FROM sales.a
-- allow

-- case: window ORDER BY
-- relations: sales.a,shared.orders
SELECT rank() OVER (ORDER BY (SELECT max(id) FROM shared.orders)) FROM sales.a
-- allow

-- case: frame start
-- relations: sales.a,shared.orders
SELECT sum(id) OVER (ORDER BY id ROWS (SELECT max(id) FROM shared.orders) PRECEDING) FROM sales.a
-- allow

-- case: frame end
-- relations: sales.a,shared.orders
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND (SELECT max(id) FROM shared.orders) FOLLOWING) FROM sales.a
-- allow

-- case: WINDOW clause
-- relations: sales.a,shared.orders
SELECT rank() OVER w FROM sales.a WINDOW w AS (PARTITION BY (SELECT max(id) FROM shared.orders))
-- allow

-- case: GROUP BY
-- relations: sales.a,shared.orders
SELECT count(*) FROM sales.a GROUP BY (SELECT max(id) FROM shared.orders)
-- allow

-- case: ROLLUP
-- relations: sales.a,shared.orders
SELECT count(*) FROM sales.a GROUP BY ROLLUP (id, (SELECT max(id) FROM shared.orders))
-- allow

-- case: CUBE
-- relations: sales.a,shared.orders
SELECT count(*) FROM sales.a GROUP BY CUBE (id, ((SELECT max(id) FROM shared.orders)))
-- allow

-- case: GROUPING SETS
-- relations: sales.a,shared.orders
SELECT count(*) FROM sales.a GROUP BY GROUPING SETS ((id), ((SELECT max(id) FROM shared.orders)), ())
-- allow

-- case: HAVING
-- relations: sales.a,shared.orders
SELECT id FROM sales.a GROUP BY id HAVING count(*) > (SELECT max(id) FROM shared.orders)
-- allow

-- case: ORDER BY
-- relations: sales.a,shared.orders
SELECT id FROM sales.a ORDER BY (SELECT max(id) FROM shared.orders) DESC NULLS LAST
-- allow

-- case: DISTINCT ON
-- relations: sales.a,shared.orders
SELECT DISTINCT ON ((SELECT max(id) FROM shared.orders)) id FROM sales.a
-- allow

-- case: LIMIT
-- relations: sales.a,shared.orders
SELECT id FROM sales.a LIMIT (SELECT max(id) FROM shared.orders)
-- allow

-- case: OFFSET
-- relations: sales.a,shared.orders
SELECT id FROM sales.a OFFSET (SELECT max(id) FROM shared.orders)
-- allow

-- case: FETCH FIRST
-- relations: sales.a,shared.orders
SELECT id FROM sales.a FETCH FIRST (SELECT max(id) FROM shared.orders) ROWS ONLY
-- allow

-- case: FETCH FIRST WITH TIES
-- relations: sales.a,shared.orders
SELECT id FROM sales.a ORDER BY id FETCH FIRST (SELECT max(id) FROM shared.orders) ROWS WITH TIES
-- allow

-- case: VALUES
-- relations: shared.orders
VALUES (1), ((SELECT max(id) FROM shared.orders))
-- allow

-- case: FROM
-- relations: shared.orders
SELECT * FROM (SELECT * FROM shared.orders) AS s
-- allow

-- case: LATERAL
-- relations: sales.a,shared.orders
SELECT * FROM sales.a, LATERAL (SELECT * FROM shared.orders o WHERE o.id = a.id) s
-- allow

-- case: JOIN ON
-- relations: sales.a,sales.b,shared.orders
SELECT * FROM sales.a JOIN sales.b ON a.id = (SELECT max(id) FROM shared.orders)
-- allow

-- case: TABLESAMPLE argument
-- relations: sales.a,shared.orders
SELECT * FROM sales.a TABLESAMPLE SYSTEM ((SELECT max(id) FROM shared.orders))
-- allow

-- case: REPEATABLE
-- relations: sales.a,shared.orders
SELECT * FROM sales.a TABLESAMPLE SYSTEM (1) REPEATABLE ((SELECT max(id) FROM shared.orders))
-- allow

-- case: WITH item
-- relations: shared.orders
WITH w AS (SELECT max(id) AS m FROM shared.orders) SELECT m FROM w
-- allow

-- case: right arm
-- relations: shared.orders
SELECT 1 UNION SELECT max(id) FROM shared.orders
-- allow

-- case: sub-query in a sub-query
-- relations: shared.orders
SELECT (SELECT (SELECT max(id) FROM shared.orders))
-- allow

-- case: correlated twice
-- relations: sales.a,shared.orders,shared.visits
SELECT (SELECT count(*) FROM shared.orders o WHERE o.id = a.id AND EXISTS (SELECT FROM shared.visits v WHERE v.order_id = o.id AND v.a = a.x)) FROM sales.a
-- allow

-- case: field of a sub-query
-- relations: shared.orders
SELECT ((SELECT o FROM shared.orders o LIMIT 1)).id
-- allow

-- case: named argument
-- relations: shared.orders
SELECT make_interval(days => (SELECT max(id) FROM shared.orders)::int)
-- allow

-- case: VARIADIC
-- relations: shared.orders
SELECT concat_ws(',', VARIADIC ARRAY(SELECT note FROM shared.orders))
-- allow

-- case: IN of a cast
-- relations: sales.a,shared.orders
SELECT 1 FROM sales.a WHERE id::text IN (SELECT id::text FROM shared.orders)
-- allow

