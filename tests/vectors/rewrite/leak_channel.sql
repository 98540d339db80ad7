--- leaks.md channel: what is the database's and so everyone's.
-- use standard.policy

-- case: LISTEN
LISTEN x
-- refuse: 42501 statement.channel

-- case: NOTIFY
NOTIFY x, 'y'
-- refuse: 42501 statement.channel

-- case: UNLISTEN
UNLISTEN *
-- expect:
SET standard_conforming_strings = on

-- case: pg_notify
SELECT pg_notify('x', 'y')
-- refuse: 42501 function.not_allowed

-- case: advisory lock
SELECT pg_advisory_lock(1)
-- refuse: 42501 function.not_allowed

-- case: advisory lock, try
SELECT pg_try_advisory_xact_lock(1)
-- refuse: 42501 function.not_allowed

-- case: advisory unlock
SELECT pg_advisory_unlock_all()
-- refuse: 42501 function.not_allowed

-- case: pg_locks
SELECT * FROM pg_locks
-- refuse: 42501 relation.not_allowed

-- case: pg_stat_activity
SELECT query FROM pg_stat_activity
-- expect:
SELECT query FROM (SELECT NULL::pg_catalog.oid AS datid, CAST('bi'::pg_catalog.text AS pg_catalog.name) AS datname, '4711'::pg_catalog.int4 AS pid, NULL::pg_catalog.int4 AS leader_pid, 10::pg_catalog.oid AS usesysid, CAST('alice'::pg_catalog.text AS pg_catalog.name) AS usename, NULL::pg_catalog.text AS application_name, NULL::pg_catalog.inet AS client_addr, NULL::pg_catalog.text AS client_hostname, NULL::pg_catalog.int4 AS client_port, NULL::pg_catalog.timestamptz AS backend_start, NULL::pg_catalog.timestamptz AS xact_start, NULL::pg_catalog.timestamptz AS query_start, NULL::pg_catalog.timestamptz AS state_change, NULL::pg_catalog.text AS wait_event_type, NULL::pg_catalog.text AS wait_event, 'active'::pg_catalog.text AS state, NULL::pg_catalog.text AS backend_xid, NULL::pg_catalog.text AS backend_xmin, NULL::pg_catalog.int8 AS query_id, NULL::pg_catalog.text AS query, 'client backend'::pg_catalog.text AS backend_type) AS pg_stat_activity

-- case: transaction ids
SELECT txid_current()
-- refuse: 42501 function.not_allowed

-- case: pg_current_xact_id
SELECT pg_current_xact_id()
-- refuse: 42501 function.not_allowed

-- case: sequences
SELECT nextval('shared.orders_id_seq')
-- refuse: 42501 function.not_allowed

-- case: lastval
SELECT lastval()
-- refuse: 42501 function.not_allowed

-- case: sleep
SELECT pg_sleep(3600)
-- refuse: 42501 function.not_allowed

