--- Transaction statements pass as they are.
-- use standard.policy

-- case: BEGIN
-- effect: BEGIN
BEGIN
-- allow

-- case: BEGIN WORK
-- effect: BEGIN
BEGIN WORK
-- allow

-- case: START TRANSACTION
-- effect: BEGIN
START TRANSACTION READ ONLY
-- allow

-- case: BEGIN with modes
-- effect: BEGIN
BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY, DEFERRABLE
-- allow

-- case: COMMIT
-- effect: COMMIT
COMMIT
-- allow

-- case: END
-- effect: COMMIT
END
-- allow

-- case: ROLLBACK
-- effect: ROLLBACK
ROLLBACK
-- allow

-- case: ABORT
-- effect: ROLLBACK
ABORT
-- allow

-- case: SAVEPOINT
-- effect: NONE
SAVEPOINT s1
-- allow

-- case: ROLLBACK TO
-- effect: NONE
ROLLBACK TO SAVEPOINT s1
-- allow

-- case: RELEASE
-- effect: NONE
RELEASE SAVEPOINT s1
-- allow

-- case: SET TRANSACTION
-- effect: NONE
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
-- allow

-- case: SET TRANSACTION READ ONLY
-- effect: NONE
SET TRANSACTION READ ONLY
-- allow

-- case: BEGIN and a statement
BEGIN; SELECT * FROM sales.orders; COMMIT
-- allow

-- case: COMMIT AND CHAIN
COMMIT AND CHAIN
-- allow

-- case: PREPARE TRANSACTION
PREPARE TRANSACTION 'x'
-- refuse: ?

-- case: COMMIT PREPARED
COMMIT PREPARED 'x'
-- refuse: ?

-- case: ROLLBACK PREPARED
ROLLBACK PREPARED 'x'
-- refuse: ?

-- case: SET TRANSACTION SNAPSHOT
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
-- refuse: ?

