--- leaks.md utility: commands that run code, empty tables, or tell sizes.
-- use standard.policy

-- case: DO
DO $$ BEGIN PERFORM 1; END $$
-- refuse: ?

-- case: CALL
CALL f()
-- refuse: ?

-- case: LOCK
LOCK sales.orders
-- refuse: ?

-- case: VACUUM
VACUUM VERBOSE shared.orders
-- refuse: ?

-- case: ANALYZE
ANALYZE VERBOSE
-- refuse: ?

-- case: CLUSTER
CLUSTER sales.orders
-- refuse: ?

-- case: REINDEX
REINDEX TABLE sales.orders
-- refuse: ?

-- case: CHECKPOINT
CHECKPOINT
-- refuse: ?

-- case: LOAD
LOAD 'auto_explain'
-- refuse: ?

-- case: PREPARE TRANSACTION
PREPARE TRANSACTION 'x'
-- refuse: ?

-- case: SHOW ALL
SHOW ALL
-- refuse: ?

-- case: DISCARD PLANS
DISCARD PLANS
-- refuse: ?

-- case: second statement of two
SELECT 1; DROP TABLE sales.a
-- refuse: ?

-- case: first statement of two
DROP TABLE sales.a; SELECT 1
-- refuse: ?

-- case: after a comment
/* SELECT */ DROP TABLE sales.a
-- refuse: ?

-- case: MERGE
MERGE INTO sales.a USING sales.b ON a.id = b.id WHEN MATCHED THEN DELETE
-- refuse: ?

