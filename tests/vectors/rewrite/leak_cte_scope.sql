--- leaks.md cte_scope: a name taken for a WITH item where PostgreSQL takes it for a relation.
-- use standard.policy

-- case: schema-qualified
WITH orders AS (SELECT 1) SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: catalogue behind an item in another query
SELECT * FROM (WITH pg_authid AS (SELECT 1) SELECT * FROM pg_authid) s, pg_authid
-- refuse: 42501 relation.not_allowed

-- case: before its definition
WITH a AS (SELECT * FROM pg_shadow), pg_shadow AS (SELECT 1) SELECT * FROM a
-- refuse: 42501 relation.not_allowed

-- case: inside its own body
WITH pg_authid AS (SELECT * FROM pg_authid) SELECT * FROM pg_authid
-- refuse: 42501 relation.not_allowed

-- case: other case
WITH "Pg_authid" AS (SELECT 1) SELECT * FROM pg_authid
-- refuse: 42501 relation.not_allowed

-- case: only in the left arm
(WITH pg_authid AS (SELECT 1) SELECT 1 FROM pg_authid) UNION SELECT 1 FROM pg_authid
-- refuse: 42501 relation.not_allowed

-- case: only in the right arm
SELECT 1 FROM pg_authid UNION (WITH pg_authid AS (SELECT 1) SELECT 1 FROM pg_authid)
-- refuse: 42501 relation.not_allowed

-- case: in a sub-query of the select list
SELECT (WITH pg_authid AS (SELECT 1) SELECT count(*) FROM pg_authid), (SELECT count(*) FROM pg_authid)
-- refuse: 42501 relation.not_allowed

-- case: in an item's own WITH
WITH a AS (WITH pg_authid AS (SELECT 1) SELECT * FROM pg_authid) SELECT * FROM a, pg_authid
-- refuse: 42501 relation.not_allowed

-- case: data-modifying item
WITH d AS (DELETE FROM sales.orders RETURNING *) SELECT * FROM d
-- refuse: 42501 statement.write

-- case: data-modifying item over a shared relation
WITH d AS (UPDATE shared.orders SET total = 0 RETURNING *) SELECT * FROM d
-- refuse: 42501 statement.write

-- case: target of an INSERT
WITH orders AS (SELECT 1) INSERT INTO orders SELECT * FROM orders
-- refuse: 42501 statement.write

-- case: LATERAL does not make an item
SELECT * FROM sales.a, LATERAL (WITH pg_authid AS (SELECT 1) SELECT 1 FROM pg_authid) s, LATERAL (SELECT * FROM pg_authid) t
-- refuse: 42501 relation.not_allowed

