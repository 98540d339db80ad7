--- leaks.md pool_state: nothing that stays on a pooled session.
-- use standard.policy

-- case: temporary table
CREATE TEMP TABLE t AS SELECT 1
-- refuse: 42501 statement.ddl

-- case: temporary view
CREATE TEMP VIEW v AS SELECT 1
-- refuse: 42501 statement.ddl

-- case: SELECT INTO TEMP
SELECT 1 INTO TEMP t
-- refuse: 42501 statement.ddl

-- case: held cursor
DECLARE c CURSOR WITH HOLD FOR SELECT 1
-- refuse: 0A000 statement.cursor

-- case: LISTEN
LISTEN c
-- refuse: 42501 statement.channel

-- case: role
SET ROLE x
-- refuse: 42501 setting.not_allowed

-- case: DISCARD TEMP
DISCARD TEMP
-- expect:
SET standard_conforming_strings = on

-- case: currval
SELECT currval('sales.s')
-- refuse: 42501 function.not_allowed

-- case: setval
SELECT setval('sales.s', 1)
-- refuse: 42501 function.not_allowed

-- case: random seed
SELECT setseed(0.5)
-- refuse: 42501 function.not_allowed

-- case: work_mem
SET work_mem = '8GB'
-- refuse: 42501 setting.not_allowed

-- case: session_replication_role
SET session_replication_role = replica
-- refuse: 42501 setting.not_allowed

-- case: advisory lock
SELECT pg_advisory_lock(7)
-- refuse: 42501 function.not_allowed

-- case: PREPARE TRANSACTION
PREPARE TRANSACTION 'g'
-- refuse: 0A000 statement.transaction

