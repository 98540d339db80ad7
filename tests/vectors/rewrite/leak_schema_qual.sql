--- leaks.md schema_qual: another tenant's schema by its name, however it is written.
-- use standard.policy

-- case: plain
SELECT * FROM tenant_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: physical name of another tenant
SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: physical name of the own schema
SELECT * FROM t_acme.orders
-- refuse: 42501 relation.not_allowed

-- case: quoted
SELECT * FROM "t_globex"."orders"
-- refuse: 42501 relation.not_allowed

-- case: unicode escapes
SELECT * FROM U&"t\005fglobex".orders
-- refuse: 42501 relation.not_allowed

-- case: split by comments
SELECT * FROM t_globex/**/./**/orders
-- refuse: 42501 relation.not_allowed

-- case: split by a newline
SELECT * FROM t_globex
.
orders
-- refuse: 42501 relation.not_allowed

-- case: with the database
SELECT * FROM bi.t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: own schema with the database
SELECT * FROM otherdb.sales.orders
-- refuse: 42501 relation.not_allowed

-- case: other case of the own schema
SELECT * FROM "Sales".orders
-- refuse: 42501 relation.not_allowed

-- case: blank at the end
SELECT * FROM "sales ".orders
-- refuse: 42501 relation.not_allowed

-- case: cut to 63 bytes
SELECT * FROM tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.orders
-- refuse: 42501 relation.not_allowed

-- case: a shared relation that no policy names
SELECT * FROM shared.invoices
-- refuse: 42501 relation.not_allowed

-- case: a shared relation of another case
SELECT * FROM shared."Orders"
-- refuse: 42501 relation.not_allowed

-- case: public
SELECT * FROM public.orders
-- refuse: 42501 relation.not_allowed

-- case: temporary schema
SELECT * FROM pg_temp.orders
-- refuse: 42501 relation.not_allowed

-- case: toast
SELECT * FROM pg_toast.pg_toast_1255
-- refuse: 42501 relation.not_allowed

-- case: in a join
SELECT * FROM sales.a JOIN t_globex.orders USING (id)
-- refuse: 42501 relation.not_allowed

-- case: in a sub-query
SELECT (SELECT max(id) FROM t_globex.orders)
-- refuse: 42501 relation.not_allowed

-- case: in WITH
WITH w AS (SELECT * FROM t_globex.orders) SELECT 1
-- refuse: 42501 relation.not_allowed

-- case: in a set operation
SELECT id FROM sales.a UNION SELECT id FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: in the second statement
SELECT 1; SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: TABLE
TABLE t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: ONLY
SELECT * FROM ONLY t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: look-alike letters
SELECT * FROM "sаles".orders
-- refuse: 42501 relation.not_allowed

