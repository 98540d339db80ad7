--- EXPLAIN is refused for a relation with a predicate and for catalogues, but a call that is replaced by a select over
--- the catalogue passed: the plan showed how large every tenant's catalogue is, and physical schema names.
-- use standard.policy

-- case: a guarded call
EXPLAIN SELECT pg_table_is_visible(id) FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: a cast to a name
EXPLAIN SELECT id::regclass FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: a name's cast
EXPLAIN SELECT 'orders'::regclass
-- refuse: 0A000 statement.explain

-- case: in a sub-select
EXPLAIN (COSTS off) SELECT 1 WHERE EXISTS (SELECT pg_get_indexdef(id) FROM sales.orders)
-- refuse: 0A000 statement.explain

-- case: a constant tells nothing
EXPLAIN SELECT current_user FROM sales.orders
-- expect:
EXPLAIN SELECT (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "current_user" FROM t_acme.orders

