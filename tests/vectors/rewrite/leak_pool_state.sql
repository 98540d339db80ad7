--- leaks.md pool_state: nothing that stays on a pooled session.
-- use standard.policy

-- case: temporary table
CREATE TEMP TABLE t AS SELECT 1
-- refuse: ?

-- case: temporary view
CREATE TEMP VIEW v AS SELECT 1
-- refuse: ?

-- case: SELECT INTO TEMP
SELECT 1 INTO TEMP t
-- refuse: ?

-- case: held cursor
DECLARE c CURSOR WITH HOLD FOR SELECT 1
-- refuse: ?

-- case: LISTEN
LISTEN c
-- refuse: ?

-- case: role
SET ROLE x
-- refuse: ?

-- case: DISCARD TEMP
DISCARD TEMP
-- refuse: ?

-- case: currval
SELECT currval('sales.s')
-- refuse: ?

-- case: setval
SELECT setval('sales.s', 1)
-- refuse: ?

-- case: random seed
SELECT setseed(0.5)
-- refuse: ?

-- case: work_mem
SET work_mem = '8GB'
-- refuse: ?

-- case: session_replication_role
SET session_replication_role = replica
-- refuse: ?

-- case: advisory lock
SELECT pg_advisory_lock(7)
-- refuse: ?

-- case: PREPARE TRANSACTION
PREPARE TRANSACTION 'g'
-- refuse: ?

