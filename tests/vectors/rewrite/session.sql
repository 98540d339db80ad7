--- SET, SHOW, RESET: rowgate keeps a virtual session; little is forwarded and nothing that decides whose rows are seen.
-- use standard.policy

-- case: search_path to the own schema
-- effect: SET_SEARCH_PATH
-- tag: SET
set search_path = "sales"
-- allow

-- case: search_path, unquoted
-- effect: SET_SEARCH_PATH
SET search_path TO sales
-- allow

-- case: search_path in quotes
-- effect: SET_SEARCH_PATH
SET search_path = 'sales'
-- allow

-- case: search_path with public
SET search_path = sales, public
-- refuse: ?

-- case: search_path to default
-- effect: SET_SEARCH_PATH
SET search_path TO DEFAULT
-- allow

-- case: RESET search_path
-- effect: SET_SEARCH_PATH
RESET search_path
-- allow

-- case: search_path to the physical schema
SET search_path = t_acme
-- refuse: 42501

-- case: search_path to a foreign schema
SET search_path = t_globex
-- refuse: 42501

-- case: search_path to a schema that does not exist
SET search_path = no_such_schema
-- refuse: 42501

-- case: standard_conforming_strings on
SET standard_conforming_strings = on
-- allow

-- case: standard_conforming_strings off
SET standard_conforming_strings = off
-- refuse: ?

-- case: client_encoding UTF8
SET client_encoding TO 'UTF8'
-- allow

-- case: client_encoding other
SET client_encoding TO 'LATIN1'
-- refuse: ?

-- case: SET NAMES
SET NAMES 'utf8'
-- allow

-- case: datestyle as psycopg2 sends it
SET datestyle TO 'ISO'
-- allow

-- case: timezone
SET TIME ZONE 'UTC'
-- allow

-- case: timezone by name
SET timezone = 'Europe/Berlin'
-- allow

-- case: extra_float_digits as the JDBC driver sends it
SET extra_float_digits = 3
-- allow

-- case: application_name as the JDBC driver sends it
-- effect: SET_APPLICATION
SET application_name = 'PostgreSQL JDBC Driver'
-- allow

-- case: statement_timeout in milliseconds
-- effect: SET_TIMEOUT
SET statement_timeout = 30000
-- allow

-- case: statement_timeout with a unit
-- effect: SET_TIMEOUT
SET statement_timeout = '5s'
-- allow

-- case: statement_timeout off
-- effect: SET_TIMEOUT
SET statement_timeout TO 0
-- allow

-- case: SHOW transaction isolation level
show transaction isolation level
-- allow

-- case: SHOW standard_conforming_strings
show standard_conforming_strings
-- allow

-- case: SHOW server_version
SHOW server_version
-- allow

-- case: SHOW search_path
SHOW search_path
-- allow

-- case: SHOW timezone
SHOW timezone
-- allow

-- case: SHOW client_encoding
SHOW client_encoding
-- allow

-- case: RESET ALL
-- effect: RESET_ALL
RESET ALL
-- allow

-- case: DISCARD ALL
-- effect: RESET_ALL
DISCARD ALL
-- allow

-- case: SHOW ALL
SHOW ALL
-- refuse: ?

-- case: SHOW of a path
SHOW data_directory
-- refuse: ?

-- case: SHOW of the login's configuration
SHOW hba_file
-- refuse: ?

-- case: version
select pg_catalog.version()
-- allow

-- case: current_schema
select current_schema()
-- allow

-- case: current_schema without parentheses
SELECT current_schema
-- allow

-- case: current_user
SELECT current_user
-- allow

-- case: session_user and user
SELECT session_user, user, current_role
-- allow

-- case: current_database
SELECT current_database()
-- allow

-- case: current_catalog
SELECT current_catalog
-- allow

-- case: pg_backend_pid
SELECT pg_backend_pid()
-- allow

-- case: cancel of the own statement
-- effect: CANCEL_PID
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid='4711'
-- allow

-- case: current_setting of a harmless setting
SELECT current_setting('server_version_num')
-- refuse: ?

