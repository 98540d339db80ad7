--- SYSTEM_USER is a name to PostgreSQL 15's grammar and, from 16 on, a call without parentheses: it tells how rowgate's
--- own login came in. Unquoted or quoted cannot be told apart once parsed.
-- use standard.policy

-- case: in the select list
SELECT SYSTEM_USER
-- refuse: 42501 function.not_allowed

-- case: as an argument
SELECT upper(system_user) FROM sales.orders
-- refuse: 42501 function.not_allowed

-- case: in an XML attribute
SELECT xmlelement(name a, xmlattributes(system_user))
-- refuse: 42501 function.not_allowed

-- case: in FROM
SELECT * FROM system_user
-- refuse: 42501 relation.not_allowed

-- case: in FROM, where a WITH item hides it from this grammar only
WITH "system_user" AS (SELECT 1 AS a) SELECT * FROM system_user
-- refuse: 42501 relation.not_allowed

-- case: of a guarded call
SELECT pg_get_userbyid(system_user)
-- refuse: 42501 function.not_allowed

-- case: behind a dot it is a column
SELECT x.system_user FROM (SELECT 1 AS system_user) AS x
-- unchanged

-- case: behind a schema it is a relation
SELECT a FROM sales.system_user
-- expect:
SELECT a FROM t_acme.system_user

