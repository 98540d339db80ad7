--- leaks.md utility: commands that run code, empty tables, or tell sizes.
-- use standard.policy

-- case: DO
DO $$ BEGIN PERFORM 1; END $$
-- refuse: 42501 statement.function

-- case: CALL
CALL f()
-- refuse: 42501 statement.function

-- case: LOCK
LOCK sales.orders
-- refuse: 42501 statement.utility

-- case: VACUUM
VACUUM VERBOSE shared.orders
-- refuse: 42501 statement.utility

-- case: ANALYZE
ANALYZE VERBOSE
-- refuse: 42501 statement.utility

-- case: CLUSTER
CLUSTER sales.orders
-- refuse: 42501 statement.utility

-- case: REINDEX
REINDEX TABLE sales.orders
-- refuse: 42501 statement.utility

-- case: CHECKPOINT
CHECKPOINT
-- refuse: 42501 statement.utility

-- case: LOAD
LOAD 'auto_explain'
-- refuse: 42501 statement.utility

-- case: PREPARE TRANSACTION
PREPARE TRANSACTION 'x'
-- refuse: 0A000 statement.transaction

-- case: SHOW ALL
SHOW ALL
-- refuse: 42501 setting.not_allowed

-- case: DISCARD PLANS
DISCARD PLANS
-- expect:
SET standard_conforming_strings = on

-- case: second statement of two
SELECT 1; DROP TABLE sales.a
-- refuse: 42501 statement.ddl

-- case: first statement of two
DROP TABLE sales.a; SELECT 1
-- refuse: 42501 statement.ddl

-- case: after a comment
/* SELECT */ DROP TABLE sales.a
-- refuse: 42501 statement.ddl

-- case: MERGE
MERGE INTO sales.a USING sales.b ON a.id = b.id WHEN MATCHED THEN DELETE
-- refuse: 42501 statement.write

