--- [functions] with signatures: qualified, and each argument cast, so that no other overload can be meant.
-- use functions.policy

-- case: own function
SELECT sales.margin(price, cost) FROM sales.orders
-- expect:
SELECT t_acme.margin((price)::pg_catalog."numeric", (cost)::pg_catalog."numeric") FROM t_acme.orders

-- case: own function by the path keeps its name
SELECT margin(price, cost + 1) AS m, margin(1) FROM orders ORDER BY margin(1)
-- expect:
SELECT t_acme.margin((price)::pg_catalog."numeric", (cost + 1)::pg_catalog."numeric") AS m, t_acme.margin((1)::pg_catalog."numeric") FROM "T_Acme Other".orders ORDER BY t_acme.margin((1)::pg_catalog."numeric")

-- case: no argument
SELECT sales.now_ ( )
-- expect:
SELECT t_acme.now_ ( )

-- case: overload by the number of arguments
SELECT sales.margin( /* one, two */ (price) )
-- expect:
SELECT t_acme.margin( /* one, two */ ((price))::pg_catalog."numeric" )

-- case: quoted names, arrays, a type that is a word
SELECT sales."Odd Name"($1, ARRAY['a,b', 'c(d'], 'x')
-- expect:
SELECT t_acme."Odd Name"(($1)::pg_catalog.float8, (ARRAY['a,b', 'c(d'])::pg_catalog.text[], ('x')::pg_catalog."char")

-- case: another own schema whose name needs quotes
SELECT other.total(1, '2026-01-01'), "other"."total"(-1, now())
-- expect:
SELECT "T_Acme Other".total((1)::pg_catalog.int4, ('2026-01-01')::pg_catalog.timestamptz), "T_Acme Other".total((-1)::pg_catalog.int4, (pg_catalog.now())::pg_catalog.timestamptz)

-- case: arguments are rewritten too
SELECT sales.margin((SELECT max(total) FROM shared.orders), round(1.5)) FROM sales.orders
-- expect:
SELECT t_acme.margin(((SELECT pg_catalog.max(total) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))::pg_catalog."numeric", (pg_catalog.round(1.5))::pg_catalog."numeric") FROM t_acme.orders

-- case: nested
SELECT sales.margin(sales.margin(sales.margin(1,2),current_user::numeric),case when true then upper('a') end::numeric)
-- expect:
SELECT t_acme.margin((t_acme.margin((t_acme.margin((1)::pg_catalog."numeric",(2)::pg_catalog."numeric"))::pg_catalog."numeric",((CAST('alice'::pg_catalog.text AS pg_catalog.name))::numeric)::pg_catalog."numeric"))::pg_catalog."numeric",(case when true then pg_catalog.upper('a') end::numeric)::pg_catalog."numeric")

-- case: all the arguments' brackets
SELECT sales.margin((ARRAY[1,2])[1], coalesce(a.b, (1), f[1:2][1])) FROM sales.a
-- expect:
SELECT t_acme.margin(((ARRAY[1,2])[1])::pg_catalog."numeric", (coalesce(a.b, (1), f[1:2][1]))::pg_catalog."numeric") FROM t_acme.a

-- case: in FROM
SELECT r.n FROM sales.rows_of(5) AS r(n), LATERAL sales.rows_of(r.n) s(m)
-- expect:
SELECT r.n FROM t_acme.rows_of((5)::pg_catalog.int4) AS r(n), LATERAL t_acme.rows_of((r.n)::pg_catalog.int4) s(m)

-- case: in WHERE, GROUP BY and HAVING
SELECT count(*) FROM sales.orders WHERE sales.margin(a, b) > 1 GROUP BY sales.margin(a, b) HAVING sum(sales.margin(a, b)) > 2
-- expect:
SELECT pg_catalog.count(*) FROM t_acme.orders WHERE t_acme.margin((a)::pg_catalog."numeric", (b)::pg_catalog."numeric") > 1 GROUP BY t_acme.margin((a)::pg_catalog."numeric", (b)::pg_catalog."numeric") HAVING pg_catalog.sum(t_acme.margin((a)::pg_catalog."numeric", (b)::pg_catalog."numeric")) > 2

-- case: in a write
INSERT INTO sales.orders SELECT margin(1, 2) RETURNING sales.margin(1)
-- expect:
INSERT INTO t_acme.orders SELECT t_acme.margin((1)::pg_catalog."numeric", (2)::pg_catalog."numeric") RETURNING t_acme.margin((1)::pg_catalog."numeric")

-- case: PostgreSQL's own by its signature
SELECT scale_up(a, b), pg_catalog.scale_up(1, 2) FROM sales.a
-- expect:
SELECT pg_catalog.scale_up((a)::pg_catalog."numeric", (b)::pg_catalog.int4), pg_catalog.scale_up((1)::pg_catalog."numeric", (2)::pg_catalog.int4) FROM t_acme.a

-- case: PostgreSQL's own by its name
SELECT similarity(a, b), pg_catalog.json_object(a) FROM sales.a
-- expect:
SELECT pg_catalog.similarity(a, b), pg_catalog.json_object(a) FROM t_acme.a

-- case: comments and no spaces
SELECT sales . margin(/* ( */a/* , */,b -- )
)FROM sales.a
-- expect:
SELECT t_acme.margin(/* ( */(a)::pg_catalog."numeric"/* , */,(b)::pg_catalog."numeric" -- )
)FROM t_acme.a

-- case: PostgreSQL's own name is never taken for the tenant's
SELECT round(1.5), similarity('a', 'b'), sales.round(1.5), sales.similarity('a', 'b')
-- expect:
SELECT pg_catalog.round(1.5), pg_catalog.similarity('a', 'b'), t_acme.round((1.5)::pg_catalog."numeric"), t_acme.similarity(('a')::pg_catalog.text, ('b')::pg_catalog.text)

-- case: denying PostgreSQL's own denies no function of the tenant's
SELECT rows_of(1), sales.rows_of(2)
-- expect:
SELECT t_acme.rows_of((1)::pg_catalog.int4), t_acme.rows_of((2)::pg_catalog.int4)

