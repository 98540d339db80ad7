--- leaks.md explain_oracle: plans and estimates of a shared relation.
-- use standard.policy

-- case: EXPLAIN over a shared relation
EXPLAIN SELECT * FROM shared.orders WHERE note LIKE 'x%'
-- refuse: 0A000 statement.explain

-- case: EXPLAIN ANALYZE
EXPLAIN ANALYZE SELECT * FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: EXPLAIN (ANALYZE)
EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM shared.orders
-- refuse: 0A000 statement.explain

-- case: EXPLAIN BUFFERS
EXPLAIN (BUFFERS) SELECT * FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: EXPLAIN SETTINGS
EXPLAIN (SETTINGS) SELECT 1
-- refuse: 0A000 statement.explain

-- case: EXPLAIN WAL
EXPLAIN (ANALYZE, WAL) SELECT 1
-- refuse: 0A000 statement.explain

-- case: EXPLAIN of a write
EXPLAIN DELETE FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: debug_print_plan
SET debug_print_plan = on
-- refuse: 42501 setting.not_allowed

-- case: client_min_messages
SET client_min_messages = 'debug5'
-- refuse: 42501 setting.value

-- case: auto_explain
SET auto_explain.log_min_duration = 0
-- refuse: 42501 setting.not_allowed

