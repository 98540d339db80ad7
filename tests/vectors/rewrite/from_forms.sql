--- Every form of a FROM item, over the tenant's own relations and over shared ones.
-- use standard.policy

-- case: constant
-- class: READ
SELECT 1
-- unchanged

-- case: own relation, qualified
-- relations: sales.orders
SELECT * FROM sales.orders
-- expect:
SELECT * FROM t_acme.orders AS orders

-- case: own relation, unqualified
-- relations: sales.items
SELECT id FROM items
-- allow

-- case: own relation with an alias
SELECT o.id FROM sales.orders o
-- allow

-- case: own relation with AS
SELECT o.id FROM sales.orders AS o WHERE o.id = 1
-- allow

-- case: own relation with column aliases
SELECT a, b FROM sales.orders AS o (a, b)
-- allow

-- case: own relation named twice
-- relations: sales.orders
SELECT * FROM sales.orders a, sales.orders b WHERE a.id = b.id
-- allow

-- case: shared relation
-- relations: shared.orders
SELECT * FROM shared.orders
-- allow

-- case: shared relation with an alias
SELECT o.* FROM shared.orders o
-- allow

-- case: shared relation with column aliases
SELECT x FROM shared.orders AS o (x, y, z)
-- allow

-- case: shared relation twice
SELECT * FROM shared.orders a JOIN shared.orders b ON a.id = b.parent_id
-- allow

-- case: two predicates
SELECT * FROM shared.visits
-- allow

-- case: own and shared
-- relations: sales.items,shared.orders
SELECT * FROM sales.items i JOIN shared.orders o ON o.id = i.order_id
-- allow

-- case: ONLY
SELECT * FROM ONLY sales.orders
-- allow

-- case: ONLY with parentheses
SELECT * FROM ONLY (sales.orders) AS o
-- allow

-- case: ONLY on a shared relation
SELECT * FROM ONLY shared.orders
-- allow

-- case: star after the name
SELECT * FROM sales.orders *
-- allow

-- case: TABLE
TABLE sales.orders
-- allow

-- case: TABLE on a shared relation
TABLE shared.orders
-- allow

-- case: TABLE in a set operation
TABLE sales.a UNION ALL TABLE shared.orders
-- allow

-- case: VALUES
VALUES (1, 2), (3, 4)
-- unchanged

-- case: VALUES in FROM
SELECT * FROM (VALUES (1, 'a')) AS v (n, t)
-- unchanged

-- case: TABLESAMPLE BERNOULLI
SELECT * FROM sales.orders TABLESAMPLE BERNOULLI (10)
-- allow

-- case: TABLESAMPLE SYSTEM REPEATABLE
SELECT * FROM sales.orders AS o TABLESAMPLE SYSTEM (1) REPEATABLE (3)
-- allow

-- case: TABLESAMPLE on a shared relation
SELECT * FROM shared.orders TABLESAMPLE BERNOULLI (10)
-- refuse: ?

-- case: sub-select
SELECT s.id FROM (SELECT id FROM sales.orders) AS s
-- allow

-- case: sub-select of a shared relation
SELECT s.id FROM (SELECT id FROM shared.orders WHERE total > 10) s
-- allow

-- case: sub-selects three deep
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM shared.orders) a) b) c
-- allow

-- case: LATERAL sub-select
SELECT * FROM sales.orders o, LATERAL (SELECT * FROM sales.items i WHERE i.order_id = o.id) s
-- allow

-- case: LATERAL over shared
SELECT * FROM sales.orders o CROSS JOIN LATERAL (SELECT count(*) FROM shared.visits v WHERE v.order_id = o.id) s
-- allow

-- case: LEFT JOIN LATERAL ON true
SELECT * FROM shared.customers c LEFT JOIN LATERAL (SELECT * FROM shared.orders o WHERE o.customer_id = c.id ORDER BY ts DESC LIMIT 1) l ON true
-- allow

-- case: function in FROM
SELECT * FROM generate_series(1, 10)
-- allow

-- case: function in FROM with an alias
SELECT n FROM generate_series(1, 10) AS g (n)
-- allow

-- case: function WITH ORDINALITY
SELECT * FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t (v, n)
-- allow

-- case: LATERAL function
SELECT * FROM sales.orders o, LATERAL unnest(o.tags) AS t (tag)
-- allow

-- case: function of a column of an earlier item
SELECT * FROM shared.orders o, jsonb_array_elements(o.lines) AS l
-- allow

-- case: ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a'])) AS r (n, t)
-- allow

-- case: function with a column list
SELECT * FROM jsonb_to_recordset('[{"a":1}]') AS x (a int, b text)
-- allow

-- case: alias that is the name of another relation
SELECT customers.id FROM shared.orders AS customers
-- allow

-- case: alias equal to a schema
SELECT shared.id FROM shared.orders AS shared
-- allow

-- case: schema-qualified column
SELECT shared.orders.id FROM shared.orders
-- allow

-- case: schema-qualified column of an own relation
SELECT sales.orders.id, sales.orders.* FROM sales.orders
-- allow

-- case: schema-qualified column in WHERE
SELECT 1 FROM sales.orders WHERE sales.orders.id = 1 ORDER BY sales.orders.id
-- allow

-- case: no FROM list but WHERE
SELECT 1 WHERE 1 = 2
-- allow

-- case: empty select list
SELECT FROM sales.orders
-- allow

