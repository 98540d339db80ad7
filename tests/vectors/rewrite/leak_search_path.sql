--- leaks.md search_path: every spelling of a change of path, role or tenant.
-- use standard.policy

-- case: SET
SET search_path = t_globex
-- refuse: 42501

-- case: SET LOCAL
SET LOCAL search_path TO t_globex
-- refuse: 42501

-- case: SET SESSION
SET SESSION search_path TO t_globex
-- refuse: 42501

-- case: SET SCHEMA
SET SCHEMA 't_globex'
-- refuse: 42501

-- case: a list with one foreign
SET search_path = sales, t_globex
-- refuse: 42501

-- case: quoted list
SET search_path = 'sales, t_globex'
-- refuse: 42501

-- case: pg_temp first
SET search_path = pg_temp, sales
-- refuse: 42501

-- case: $user
SET search_path = "$user", public
-- refuse: ?

-- case: other case
SET SEARCH_PATH = T_GLOBEX
-- refuse: 42501

-- case: set_config
SELECT set_config('search_path', 't_globex', false)
-- refuse: 42501

-- case: set_config, qualified
SELECT pg_catalog.set_config('search_path', 't_globex', true)
-- refuse: 42501

-- case: set_config in WHERE
SELECT 1 FROM sales.a WHERE set_config('search_path', 't_globex', false) = ''
-- refuse: 42501

-- case: set_config in ORDER BY
SELECT 1 ORDER BY set_config('role', 'postgres', false)
-- refuse: 42501

-- case: set_config in a function's argument
SELECT lower(set_config('a.b', 'c', false))
-- refuse: 42501

-- case: set_config in quotes
SELECT "set_config"('search_path', 't_globex', false)
-- refuse: 42501

-- case: UPDATE pg_settings
UPDATE pg_settings SET setting = 't_globex' WHERE name = 'search_path'
-- refuse: ?

-- case: SELECT pg_settings
SELECT * FROM pg_settings
-- refuse: 42501

-- case: ALTER ROLE
ALTER ROLE rowgate SET search_path = t_globex
-- refuse: ?

-- case: ALTER DATABASE
ALTER DATABASE bi SET search_path = t_globex
-- refuse: ?

-- case: ALTER SYSTEM
ALTER SYSTEM SET work_mem = '1GB'
-- refuse: ?

-- case: SET ROLE
SET ROLE postgres
-- refuse: ?

-- case: SET ROLE NONE
SET ROLE NONE
-- refuse: ?

-- case: RESET ROLE
RESET ROLE
-- refuse: ?

-- case: SET SESSION AUTHORIZATION
SET SESSION AUTHORIZATION postgres
-- refuse: ?

-- case: RESET SESSION AUTHORIZATION
RESET SESSION AUTHORIZATION
-- refuse: ?

-- case: row_security
SET row_security = off
-- refuse: ?

-- case: a setting that carries a tenant
SET rowgate.tenant_id = '2'
-- refuse: ?

-- case: a setting that carries a tenant, local
SET LOCAL app.tenant TO 'globex'
-- refuse: ?

-- case: planner settings
SET enable_indexscan = off
-- refuse: ?

-- case: SET FROM CURRENT
SET search_path FROM CURRENT
-- refuse: ?

-- case: session defaults
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
-- refuse: ?

-- case: current_setting of a secret name
SELECT current_setting('search_path')
-- refuse: ?

