--- UNION, INTERSECT, EXCEPT: each arm has its own relations and its own WITH.
-- use standard.policy

-- case: UNION
SELECT id FROM sales.a UNION SELECT id FROM shared.orders
-- allow

-- case: UNION ALL of three
SELECT id FROM sales.a UNION ALL SELECT id FROM shared.orders UNION ALL SELECT id FROM shared.visits
-- allow

-- case: INTERSECT and EXCEPT
SELECT id FROM sales.a INTERSECT SELECT id FROM shared.orders EXCEPT ALL SELECT id FROM sales.b
-- allow

-- case: parentheses
(SELECT id FROM sales.a) UNION (SELECT id FROM shared.orders ORDER BY id LIMIT 1) ORDER BY 1
-- allow

-- case: ORDER BY and LIMIT of the whole
SELECT id FROM shared.orders UNION SELECT id FROM sales.a ORDER BY id DESC LIMIT 5 OFFSET 1
-- allow

-- case: VALUES arm
VALUES (1) UNION SELECT id FROM shared.orders
-- allow

-- case: in FROM
SELECT count(*) FROM (SELECT id FROM sales.a UNION SELECT id FROM shared.orders) u
-- allow

-- case: in IN
SELECT 1 FROM sales.a WHERE id IN (SELECT id FROM shared.orders UNION SELECT id FROM shared.visits)
-- allow

-- case: the same shared relation in both arms
SELECT id FROM shared.orders WHERE total < 1 UNION ALL SELECT id FROM shared.orders WHERE total > 9
-- allow

-- case: nested left
(SELECT 1 UNION SELECT id FROM sales.a) EXCEPT SELECT id FROM shared.orders
-- allow

-- case: nested right
SELECT 1 UNION (SELECT id FROM sales.a EXCEPT SELECT id FROM shared.orders)
-- allow

-- case: WITH over both arms
WITH w AS (SELECT id FROM shared.orders) SELECT id FROM w UNION SELECT id FROM w
-- allow

-- case: WITH in one arm
SELECT id FROM sales.a UNION (WITH a AS (SELECT id FROM shared.orders) SELECT id FROM a)
-- allow

