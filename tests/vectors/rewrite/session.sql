--- SET, SHOW, RESET: rowgate keeps a virtual session; little is forwarded and nothing that decides whose rows are seen.
-- use standard.policy

-- case: search_path to the own schema
-- effect: SET_SEARCH_PATH
-- tag: SET
set search_path = "sales"
-- expect:
SET standard_conforming_strings = on

-- case: search_path, unquoted
-- effect: SET_SEARCH_PATH
SET search_path TO sales
-- expect:
SET standard_conforming_strings = on

-- case: search_path in quotes
-- effect: SET_SEARCH_PATH
SET search_path = 'sales'
-- expect:
SET standard_conforming_strings = on

-- case: search_path with public
-- effect: SET_SEARCH_PATH
SET search_path = sales, public
-- expect:
SET standard_conforming_strings = on

-- case: search_path to default
-- effect: SET_SEARCH_PATH
SET search_path TO DEFAULT
-- expect:
SET standard_conforming_strings = on

-- case: RESET search_path
-- effect: SET_SEARCH_PATH
RESET search_path
-- expect:
SET standard_conforming_strings = on

-- case: search_path to the physical schema
SET search_path = t_acme
-- refuse: 42501 setting.value

-- case: search_path to a foreign schema
SET search_path = t_globex
-- refuse: 42501 setting.value

-- case: search_path to a schema that does not exist
SET search_path = no_such_schema
-- refuse: 42501 setting.value

-- case: standard_conforming_strings on
SET standard_conforming_strings = on
-- unchanged

-- case: standard_conforming_strings off
SET standard_conforming_strings = off
-- refuse: 42501 setting.value

-- case: client_encoding UTF8
SET client_encoding TO 'UTF8'
-- expect:
SET standard_conforming_strings = on

-- case: client_encoding other
SET client_encoding TO 'LATIN1'
-- refuse: 42501 setting.value

-- case: SET NAMES
SET NAMES 'utf8'
-- expect:
SET standard_conforming_strings = on

-- case: datestyle as psycopg2 sends it
SET datestyle TO 'ISO'
-- expect:
SET standard_conforming_strings = on

-- case: timezone
SET TIME ZONE 'UTC'
-- expect:
SET standard_conforming_strings = on

-- case: timezone by name
SET timezone = 'Europe/Berlin'
-- refuse: 42501 setting.value

-- case: extra_float_digits as the JDBC driver sends it
SET extra_float_digits = 3
-- expect:
SET standard_conforming_strings = on

-- case: application_name as the JDBC driver sends it
-- effect: SET_APPLICATION
SET application_name = 'PostgreSQL JDBC Driver'
-- expect:
SET standard_conforming_strings = on

-- case: statement_timeout in milliseconds
-- effect: SET_TIMEOUT
SET statement_timeout = 30000
-- expect:
SET standard_conforming_strings = on

-- case: statement_timeout with a unit
-- effect: SET_TIMEOUT
SET statement_timeout = '5s'
-- expect:
SET standard_conforming_strings = on

-- case: statement_timeout off
-- effect: SET_TIMEOUT
SET statement_timeout TO 0
-- expect:
SET standard_conforming_strings = on

-- case: SHOW transaction isolation level
show transaction isolation level
-- unchanged

-- case: SHOW standard_conforming_strings
show standard_conforming_strings
-- unchanged

-- case: SHOW server_version
SHOW server_version
-- unchanged

-- case: SHOW search_path
SHOW search_path
-- expect:
SELECT 'sales'::pg_catalog.text AS search_path

-- case: SHOW timezone
SHOW timezone
-- unchanged

-- case: SHOW client_encoding
SHOW client_encoding
-- expect:
SELECT 'UTF8'::pg_catalog.text AS client_encoding

-- case: RESET ALL
-- effect: RESET_ALL
RESET ALL
-- expect:
SET standard_conforming_strings = on

-- case: DISCARD ALL
-- effect: RESET_ALL
DISCARD ALL
-- expect:
SET standard_conforming_strings = on

-- case: SHOW ALL
SHOW ALL
-- refuse: 42501 setting.not_allowed

-- case: SHOW of a path
SHOW data_directory
-- refuse: 42501 setting.not_allowed

-- case: SHOW of the login's configuration
SHOW hba_file
-- refuse: 42501 setting.not_allowed

-- case: version
select pg_catalog.version()
-- unchanged

-- case: current_schema
select current_schema()
-- expect:
select (CAST('sales'::pg_catalog.text AS pg_catalog.name)) AS "current_schema"

-- case: current_schema without parentheses
SELECT current_schema
-- expect:
SELECT (CAST('sales'::pg_catalog.text AS pg_catalog.name)) AS "current_schema"

-- case: current_user
SELECT current_user
-- expect:
SELECT (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "current_user"

-- case: session_user and user
SELECT session_user, user, current_role
-- expect:
SELECT (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "session_user", (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "user", (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "current_role"

-- case: current_database
SELECT current_database()
-- expect:
SELECT (CAST('bi'::pg_catalog.text AS pg_catalog.name)) AS current_database

-- case: current_catalog
SELECT current_catalog
-- expect:
SELECT (CAST('bi'::pg_catalog.text AS pg_catalog.name)) AS "current_catalog"

-- case: pg_backend_pid
SELECT pg_backend_pid()
-- expect:
SELECT ('4711'::pg_catalog.int4) AS pg_backend_pid

-- case: cancel of the own statement
-- effect: CANCEL_PID
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid='4711'
-- expect:
SELECT true AS pg_terminate_backend

-- case: cancel of the own statement, columns with their table
-- effect: CANCEL_PID
SELECT pg_terminate_backend(pg_stat_activity.pid) FROM pg_stat_activity WHERE pg_stat_activity.pid = 4711
-- expect:
SELECT true AS pg_terminate_backend

-- case: cancel of whatever another relation says
SELECT pg_terminate_backend(orders.pid) FROM sales.orders WHERE orders.pid = 4711
-- refuse: 42501 function.not_allowed

-- case: cancel of a column of another name
SELECT pg_terminate_backend(x.pid) FROM pg_stat_activity WHERE x.pid = 4711
-- refuse: 42501 function.not_allowed

-- case: current_setting of a harmless setting
SELECT current_setting('server_version_num')
-- expect:
SELECT ((SELECT rg_g.rg_setting FROM (SELECT pg_catalog.lower(s.name) AS rg_name, s.setting AS rg_setting FROM pg_catalog.pg_settings AS s WHERE s.name IN ('server_version', 'server_version_num', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'integer_datetimes', 'max_identifier_length', 'max_index_keys', 'max_function_args', 'block_size', 'bytea_output', 'extra_float_digits', 'lc_collate', 'lc_ctype', 'transaction_isolation', 'default_transaction_isolation', 'transaction_read_only', 'backslash_quote', 'escape_string_warning', 'xmlbinary', 'xmloption')) AS rg_g WHERE rg_g.rg_name = pg_catalog.lower('server_version_num'))) AS current_setting

-- case: current_user in WHERE
SELECT 1 FROM sales.a WHERE owner = current_user
-- expect:
SELECT 1 FROM t_acme.a WHERE owner = (CAST('alice'::pg_catalog.text AS pg_catalog.name))

-- case: current_user in a function, a group and an order
SELECT lower(current_user) FROM sales.a GROUP BY current_user ORDER BY current_user
-- expect:
SELECT pg_catalog.lower((CAST('alice'::pg_catalog.text AS pg_catalog.name))) FROM t_acme.a GROUP BY (CAST('alice'::pg_catalog.text AS pg_catalog.name)) ORDER BY (CAST('alice'::pg_catalog.text AS pg_catalog.name))

-- case: current_schema in a comparison
SELECT current_schema() = 'sales' AS x
-- expect:
SELECT (CAST('sales'::pg_catalog.text AS pg_catalog.name)) = 'sales' AS x

-- case: current_database as an alias
SELECT current_database() AS db, current_user me
-- expect:
SELECT (CAST('bi'::pg_catalog.text AS pg_catalog.name)) AS db, (CAST('alice'::pg_catalog.text AS pg_catalog.name)) me

-- case: current_user in a sub-query
SELECT (SELECT current_user), ARRAY[current_user]
-- expect:
SELECT (SELECT (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "current_user"), ARRAY[(CAST('alice'::pg_catalog.text AS pg_catalog.name))]

