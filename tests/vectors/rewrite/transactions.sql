--- Transaction statements pass as they are.
-- use standard.policy

-- case: BEGIN
-- effect: BEGIN
BEGIN
-- unchanged

-- case: BEGIN WORK
-- effect: BEGIN
BEGIN WORK
-- unchanged

-- case: START TRANSACTION
-- effect: BEGIN
START TRANSACTION READ ONLY
-- unchanged

-- case: BEGIN with modes
-- effect: BEGIN
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY, DEFERRABLE
-- unchanged

-- case: COMMIT
-- effect: COMMIT
COMMIT
-- unchanged

-- case: END
-- effect: COMMIT
END
-- unchanged

-- case: ROLLBACK
-- effect: ROLLBACK
ROLLBACK
-- unchanged

-- case: ABORT
-- effect: ROLLBACK
ABORT
-- unchanged

-- case: SAVEPOINT
-- effect: NONE
SAVEPOINT s1
-- unchanged

-- case: ROLLBACK TO
-- effect: NONE
ROLLBACK TO SAVEPOINT s1
-- unchanged

-- case: RELEASE
-- effect: NONE
RELEASE SAVEPOINT s1
-- unchanged

-- case: SET TRANSACTION
-- effect: NONE
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
-- unchanged

-- case: SET TRANSACTION READ ONLY
-- effect: NONE
SET TRANSACTION READ ONLY
-- unchanged

-- case: BEGIN and a statement
BEGIN; SELECT * FROM sales.orders; COMMIT
-- expect:
BEGIN
-- and:
SELECT * FROM t_acme.orders
-- and:
COMMIT

-- case: COMMIT AND CHAIN
COMMIT AND CHAIN
-- unchanged

-- case: PREPARE TRANSACTION
PREPARE TRANSACTION 'x'
-- refuse: 0A000 statement.transaction

-- case: COMMIT PREPARED
COMMIT PREPARED 'x'
-- refuse: 0A000 statement.transaction

-- case: ROLLBACK PREPARED
ROLLBACK PREPARED 'x'
-- refuse: 0A000 statement.transaction

-- case: SET TRANSACTION SNAPSHOT
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
-- refuse: 42501 setting.not_allowed

