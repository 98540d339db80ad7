--- leaks.md search_path: every spelling of a change of path, role or tenant.
-- use standard.policy

-- case: SET
SET search_path = t_globex
-- refuse: 42501 setting.value

-- case: SET LOCAL
SET LOCAL search_path TO t_globex
-- refuse: 42501 setting.value

-- case: SET SESSION
SET SESSION search_path TO t_globex
-- refuse: 42501 setting.value

-- case: SET SCHEMA
SET SCHEMA 't_globex'
-- refuse: 42501 setting.value

-- case: a list with one foreign
SET search_path = sales, t_globex
-- refuse: 42501 setting.value

-- case: quoted list
SET search_path = 'sales, t_globex'
-- refuse: 42501 setting.value

-- case: pg_temp first
SET search_path = pg_temp, sales
-- refuse: 42501 setting.value

-- case: $user
SET search_path = "$user", public
-- expect:
SET standard_conforming_strings = on

-- case: other case
SET SEARCH_PATH = T_GLOBEX
-- refuse: 42501 setting.value

-- case: set_config
SELECT set_config('search_path', 't_globex', false)
-- refuse: 42501 function.not_allowed

-- case: set_config, qualified
SELECT pg_catalog.set_config('search_path', 't_globex', true)
-- refuse: 42501 function.not_allowed

-- case: set_config in WHERE
SELECT 1 FROM sales.a WHERE set_config('search_path', 't_globex', false) = ''
-- refuse: 42501 function.not_allowed

-- case: set_config in ORDER BY
SELECT 1 ORDER BY set_config('role', 'postgres', false)
-- refuse: 42501 function.not_allowed

-- case: set_config in a function's argument
SELECT lower(set_config('a.b', 'c', false))
-- refuse: 42501 function.not_allowed

-- case: set_config in quotes
SELECT "set_config"('search_path', 't_globex', false)
-- refuse: 42501 function.not_allowed

-- case: UPDATE pg_settings
UPDATE pg_settings SET setting = 't_globex' WHERE name = 'search_path'
-- refuse: 42501 relation.not_allowed

-- case: SELECT pg_settings
SELECT name FROM pg_settings
-- expect:
SELECT name FROM (WITH rg_m AS MATERIALIZED (SELECT s.name, s.setting, s.unit, s.category, s.short_desc, s.extra_desc, s.context, s.vartype, 'default'::pg_catalog.text AS source, s.min_val, s.max_val, s.enumvals, s.boot_val, s.reset_val, NULL::pg_catalog.text AS sourcefile, NULL::pg_catalog.int4 AS sourceline, false AS pending_restart FROM pg_catalog.pg_settings AS s WHERE s.name IN ('server_version', 'server_version_num', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'integer_datetimes', 'max_identifier_length', 'max_index_keys', 'max_function_args', 'block_size', 'bytea_output', 'extra_float_digits', 'lc_collate', 'lc_ctype', 'transaction_isolation', 'default_transaction_isolation', 'transaction_read_only', 'backslash_quote', 'escape_string_warning', 'xmlbinary', 'xmloption')) SELECT * FROM rg_m) AS pg_settings

-- case: ALTER ROLE
ALTER ROLE rowgate SET search_path = t_globex
-- refuse: 42501 statement.role

-- case: ALTER DATABASE
ALTER DATABASE bi SET search_path = t_globex
-- refuse: 42501 statement.ddl

-- case: ALTER SYSTEM
ALTER SYSTEM SET work_mem = '1GB'
-- refuse: 42501 statement.ddl

-- case: SET ROLE
SET ROLE postgres
-- refuse: 42501 setting.not_allowed

-- case: SET ROLE NONE
SET ROLE NONE
-- refuse: 42501 setting.not_allowed

-- case: RESET ROLE
RESET ROLE
-- refuse: 42501 setting.not_allowed

-- case: SET SESSION AUTHORIZATION
SET SESSION AUTHORIZATION postgres
-- refuse: 42501 setting.not_allowed

-- case: RESET SESSION AUTHORIZATION
RESET SESSION AUTHORIZATION
-- refuse: 42501 setting.not_allowed

-- case: row_security
SET row_security = off
-- refuse: 42501 setting.not_allowed

-- case: a setting that carries a tenant
SET rowgate.tenant_id = '2'
-- refuse: 42501 setting.not_allowed

-- case: a setting that carries a tenant, local
SET LOCAL app.tenant TO 'globex'
-- refuse: 42501 setting.not_allowed

-- case: planner settings
SET enable_indexscan = off
-- refuse: 42501 setting.not_allowed

-- case: SET FROM CURRENT
SET search_path FROM CURRENT
-- refuse: 42501 setting.not_allowed

-- case: session defaults
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
-- refuse: 42501 setting.not_allowed

-- case: current_setting of a secret name
SELECT current_setting('search_path')
-- expect:
SELECT ((SELECT rg_g.rg_setting FROM (SELECT pg_catalog.lower(s.name) AS rg_name, s.setting AS rg_setting FROM pg_catalog.pg_settings AS s WHERE s.name IN ('server_version', 'server_version_num', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'integer_datetimes', 'max_identifier_length', 'max_index_keys', 'max_function_args', 'block_size', 'bytea_output', 'extra_float_digits', 'lc_collate', 'lc_ctype', 'transaction_isolation', 'default_transaction_isolation', 'transaction_read_only', 'backslash_quote', 'escape_string_warning', 'xmlbinary', 'xmloption')) AS rg_g WHERE rg_g.rg_name = pg_catalog.lower('search_path'))) AS current_setting

