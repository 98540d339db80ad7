--- How names are written: quotes, case, unicode, comments, length. The tree decides, never the text.
-- use standard.policy

-- case: quoted
-- relations: sales.orders
SELECT * FROM "sales"."orders"
-- expect:
SELECT * FROM t_acme.orders

-- case: upper case
-- relations: sales.orders
SELECT * FROM SALES.ORDERS
-- expect:
SELECT * FROM t_acme.orders

-- case: quoted mixed case
-- relations: sales.Orders 2024
SELECT * FROM sales."Orders 2024"
-- expect:
SELECT * FROM t_acme."Orders 2024"

-- case: quotes in quotes
SELECT * FROM sales."a""b"
-- expect:
SELECT * FROM t_acme."a""b"

-- case: quoted with a dot
SELECT * FROM sales."a.b"
-- expect:
SELECT * FROM t_acme."a.b"

-- case: alias that needs quotes
SELECT "My Orders".id FROM shared.orders AS "My Orders"
-- expect:
SELECT "My Orders".id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS "My Orders"

-- case: alias with a quote in it
SELECT * FROM shared.orders AS "a""b"
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS "a""b"

-- case: relation whose name is a keyword
SELECT * FROM sales."select"
-- expect:
SELECT * FROM t_acme."select"

-- case: relation whose name needs quotes, without an alias
SELECT "Orders 2024".id FROM sales."Orders 2024"
-- expect:
SELECT "Orders 2024".id FROM t_acme."Orders 2024"

-- case: unicode escapes
SELECT * FROM U&"sales".U&"\006frders"
-- expect:
SELECT * FROM t_acme.orders

-- case: unicode escapes with another escape character
SELECT * FROM U&"sal!0065s" UESCAPE '!' . orders
-- expect:
SELECT * FROM t_acme.orders

-- case: letters beyond ASCII
SELECT * FROM sales."Aufträge"
-- expect:
SELECT * FROM t_acme."Aufträge"

-- case: comment inside a name
-- relations: sales.orders
SELECT * FROM sales/* x */./* y */orders
-- expect:
SELECT * FROM t_acme.orders

-- case: comment before and after
/* dashboard 7 */ SELECT id FROM sales.orders -- chart 3
-- expect:
/* dashboard 7 */ SELECT id FROM t_acme.orders -- chart 3

-- case: nested comment
-- relations: sales.orders
SELECT /* a /* b */ FROM shared.customers */ id FROM sales.orders
-- expect:
SELECT /* a /* b */ FROM shared.customers */ id FROM t_acme.orders

-- case: relation in a comment
SELECT 1 -- FROM shared.orders
-- unchanged

-- case: relation in a string
SELECT 'FROM shared.orders'
-- unchanged

-- case: relation in a dollar-quoted string
SELECT $x$ FROM shared.orders $x$
-- unchanged

-- case: newlines and tabs
SELECT
	id
FROM
	sales.orders
WHERE
	id = 1
-- expect:
SELECT
	id
FROM
	t_acme.orders
WHERE
	id = 1

-- case: no blanks
SELECT"id"FROM"sales"."orders"WHERE"id"=1
-- expect:
SELECT"id"FROM t_acme.orders WHERE"id"=1

-- case: name of 63 bytes
SELECT * FROM sales.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- expect:
SELECT * FROM t_acme.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

-- case: name that is cut to 63 bytes
-- relations: sales.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
SELECT * FROM sales.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- expect:
SELECT * FROM t_acme.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

-- case: alias with column names, unqualified
SELECT n FROM items AS i (n)
-- expect:
SELECT n FROM t_acme.items AS i (n)

-- case: parameter
-- protocol: extended
SELECT * FROM sales.orders WHERE id = $1
-- expect:
SELECT * FROM t_acme.orders WHERE id = $1

-- case: parameter in a shared relation
-- protocol: extended
SELECT * FROM shared.orders WHERE id = $1 AND note = $2::text
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = $1 AND note = $2::pg_catalog.text

-- case: trailing semicolon
SELECT * FROM sales.orders;
-- expect:
SELECT * FROM t_acme.orders

-- case: several semicolons
SELECT 1;;
-- expect:
SELECT 1

-- case: blank text

-- unchanged

-- case: only a comment
-- nothing here
-- expect:


-- case: only a semicolon
;
-- expect:


-- case: two statements
SELECT 1; SELECT * FROM sales.orders
-- expect:
SELECT 1
-- and:
SELECT * FROM t_acme.orders

-- case: three statements, one shared
SELECT * FROM sales.a; SELECT * FROM shared.orders; SELECT 3
-- expect:
SELECT * FROM t_acme.a
-- and:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders
-- and:
SELECT 3

-- case: two statements in the extended protocol
-- protocol: extended
SELECT 1; SELECT 2
-- refuse: 42601 sql.syntax

-- case: string with escapes
SELECT E'a\'b', 'c''d' FROM sales.orders
-- expect:
SELECT E'a\'b', 'c''d' FROM t_acme.orders

-- case: national and bit strings
SELECT b'01', x'ff', n'text'
-- unchanged

-- case: schema-qualified column, quoted
SELECT "shared"."orders"."id" FROM "shared"."orders"
-- expect:
SELECT "orders"."id" FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: schema-qualified star
SELECT shared.orders.* FROM shared.orders
-- expect:
SELECT orders.* FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: alias hides the schema-qualified name
SELECT o.id FROM shared.orders o WHERE o.id > 3
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.id > 3

