--- Joins in every shape: the predicate is below each of them.
-- use standard.policy

-- case: inner
SELECT * FROM sales.a JOIN sales.b ON a.id = b.id
-- allow

-- case: comma
SELECT * FROM shared.orders, shared.customers WHERE orders.customer_id = customers.id
-- allow

-- case: cross
SELECT * FROM sales.a CROSS JOIN shared.orders
-- allow

-- case: left
SELECT * FROM sales.a LEFT JOIN shared.orders o ON o.id = a.order_id
-- allow

-- case: right
SELECT * FROM shared.orders o RIGHT OUTER JOIN sales.a ON o.id = a.order_id
-- allow

-- case: full
SELECT * FROM shared.orders o FULL JOIN shared.customers c ON o.customer_id = c.id
-- allow

-- case: IS NULL above a left join
SELECT a.id FROM sales.a LEFT JOIN shared.orders o ON o.id = a.id WHERE o.id IS NULL
-- allow

-- case: USING
SELECT id FROM shared.orders JOIN sales.a USING (id)
-- allow

-- case: USING with several columns
SELECT * FROM shared.orders JOIN shared.visits USING (tenant_id, id)
-- allow

-- case: USING with an alias
SELECT j.id FROM shared.orders JOIN sales.a USING (id) AS j
-- allow

-- case: NATURAL
SELECT * FROM shared.orders NATURAL JOIN sales.a
-- allow

-- case: NATURAL LEFT
SELECT * FROM sales.a NATURAL LEFT JOIN shared.customers
-- allow

-- case: nested
SELECT * FROM (sales.a JOIN (shared.orders o JOIN shared.customers c ON c.id = o.customer_id) ON a.id = o.id) AS j
-- allow

-- case: nested with column aliases
SELECT x FROM (sales.a CROSS JOIN shared.orders) AS j (x, y)
-- allow

-- case: self join of a shared relation
SELECT a.id, b.id FROM shared.orders a JOIN shared.orders b USING (customer_id)
-- allow

-- case: join on a sub-query
SELECT * FROM sales.a JOIN (SELECT customer_id, sum(total) AS t FROM shared.orders GROUP BY 1) s ON s.customer_id = a.id
-- allow

-- case: sub-query in ON
SELECT * FROM sales.a JOIN sales.b ON a.id = (SELECT max(id) FROM shared.orders)
-- allow

-- case: three own relations
SELECT * FROM sales.a, sales.b, sales.c WHERE a.id = b.id AND b.id = c.id
-- allow

-- case: semi join
SELECT * FROM shared.customers c WHERE EXISTS (SELECT 1 FROM shared.orders o WHERE o.customer_id = c.id)
-- allow

-- case: anti join
SELECT * FROM shared.customers c WHERE NOT EXISTS (SELECT FROM shared.orders o WHERE o.customer_id = c.id)
-- allow

