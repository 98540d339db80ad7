--- leaks.md schema_qual: another tenant's schema by its name, however it is written.
-- use standard.policy

-- case: plain
SELECT * FROM tenant_globex.orders
-- refuse: 42501

-- case: physical name of another tenant
SELECT * FROM t_globex.orders
-- refuse: 42501

-- case: physical name of the own schema
SELECT * FROM t_acme.orders
-- refuse: 42501

-- case: quoted
SELECT * FROM "t_globex"."orders"
-- refuse: 42501

-- case: unicode escapes
SELECT * FROM U&"t\005fglobex".orders
-- refuse: 42501

-- case: split by comments
SELECT * FROM t_globex/**/./**/orders
-- refuse: 42501

-- case: split by a newline
SELECT * FROM t_globex
.
orders
-- refuse: 42501

-- case: with the database
SELECT * FROM bi.t_globex.orders
-- refuse: 42501

-- case: own schema with the database
SELECT * FROM otherdb.sales.orders
-- refuse: 42501

-- case: other case of the own schema
SELECT * FROM "Sales".orders
-- refuse: 42501

-- case: blank at the end
SELECT * FROM "sales ".orders
-- refuse: 42501

-- case: cut to 63 bytes
SELECT * FROM tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt.orders
-- refuse: 42501

-- case: a shared relation that no policy names
SELECT * FROM shared.invoices
-- refuse: 42501

-- case: a shared relation of another case
SELECT * FROM shared."Orders"
-- refuse: 42501

-- case: public
SELECT * FROM public.orders
-- refuse: 42501

-- case: temporary schema
SELECT * FROM pg_temp.orders
-- refuse: 42501

-- case: toast
SELECT * FROM pg_toast.pg_toast_1255
-- refuse: 42501

-- case: in a join
SELECT * FROM sales.a JOIN t_globex.orders USING (id)
-- refuse: 42501

-- case: in a sub-query
SELECT (SELECT max(id) FROM t_globex.orders)
-- refuse: 42501

-- case: in WITH
WITH w AS (SELECT * FROM t_globex.orders) SELECT 1
-- refuse: 42501

-- case: in a set operation
SELECT id FROM sales.a UNION SELECT id FROM t_globex.orders
-- refuse: 42501

-- case: in the second statement
SELECT 1; SELECT * FROM t_globex.orders
-- refuse: 42501

-- case: TABLE
TABLE t_globex.orders
-- refuse: 42501

-- case: ONLY
SELECT * FROM ONLY t_globex.orders
-- refuse: 42501

-- case: look-alike letters
SELECT * FROM "sаles".orders
-- refuse: 42501

