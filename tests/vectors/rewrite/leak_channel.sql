--- leaks.md channel: what is the database's and so everyone's.
-- use standard.policy

-- case: LISTEN
LISTEN x
-- refuse: ?

-- case: NOTIFY
NOTIFY x, 'y'
-- refuse: ?

-- case: UNLISTEN
UNLISTEN *
-- refuse: ?

-- case: pg_notify
SELECT pg_notify('x', 'y')
-- refuse: ?

-- case: advisory lock
SELECT pg_advisory_lock(1)
-- refuse: ?

-- case: advisory lock, try
SELECT pg_try_advisory_xact_lock(1)
-- refuse: ?

-- case: advisory unlock
SELECT pg_advisory_unlock_all()
-- refuse: ?

-- case: pg_locks
SELECT * FROM pg_locks
-- refuse: ?

-- case: pg_stat_activity
SELECT query FROM pg_stat_activity
-- refuse: ?

-- case: transaction ids
SELECT txid_current()
-- refuse: ?

-- case: pg_current_xact_id
SELECT pg_current_xact_id()
-- refuse: ?

-- case: sequences
SELECT nextval('shared.orders_id_seq')
-- refuse: ?

-- case: lastval
SELECT lastval()
-- refuse: ?

-- case: sleep
SELECT pg_sleep(3600)
-- refuse: ?

