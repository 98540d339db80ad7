--- How names are written: quotes, case, unicode, comments, length. The tree decides, never the text.
-- use standard.policy

-- case: quoted
-- relations: sales.orders
SELECT * FROM "sales"."orders"
-- allow

-- case: upper case
-- relations: sales.orders
SELECT * FROM SALES.ORDERS
-- allow

-- case: quoted mixed case
-- relations: sales.Orders 2024
SELECT * FROM sales."Orders 2024"
-- allow

-- case: quotes in quotes
SELECT * FROM sales."a""b"
-- allow

-- case: quoted with a dot
SELECT * FROM sales."a.b"
-- allow

-- case: alias that needs quotes
SELECT "My Orders".id FROM shared.orders AS "My Orders"
-- allow

-- case: alias with a quote in it
SELECT * FROM shared.orders AS "a""b"
-- allow

-- case: relation whose name is a keyword
SELECT * FROM sales."select"
-- allow

-- case: relation whose name needs quotes, without an alias
SELECT "Orders 2024".id FROM sales."Orders 2024"
-- allow

-- case: unicode escapes
-- relations: sales.orders
SELECT * FROM U&"sales".U&"\006frders"
-- allow

-- case: unicode escapes with another escape character
-- relations: sales.orders
SELECT * FROM U&"sal!0065s" UESCAPE '!' . orders
-- allow

-- case: letters beyond ASCII
SELECT * FROM sales."Aufträge"
-- allow

-- case: comment inside a name
-- relations: sales.orders
SELECT * FROM sales/* x */./* y */orders
-- allow

-- case: comment before and after
/* dashboard 7 */ SELECT id FROM sales.orders -- chart 3
-- allow

-- case: nested comment
-- relations: sales.orders
SELECT /* a /* b */ FROM shared.customers */ id FROM sales.orders
-- allow

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
-- allow

-- case: no blanks
SELECT"id"FROM"sales"."orders"WHERE"id"=1
-- allow

-- case: name of 63 bytes
SELECT * FROM sales.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- allow

-- case: name that is cut to 63 bytes
-- relations: sales.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
SELECT * FROM sales.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- allow

-- case: alias with column names, unqualified
SELECT n FROM items AS i (n)
-- allow

-- case: parameter
-- protocol: extended
SELECT * FROM sales.orders WHERE id = $1
-- allow

-- case: parameter in a shared relation
-- protocol: extended
SELECT * FROM shared.orders WHERE id = $1 AND note = $2::text
-- allow

-- case: trailing semicolon
SELECT * FROM sales.orders;
-- allow

-- case: several semicolons
SELECT 1;;
-- allow

-- case: blank text

-- allow

-- case: only a comment
-- nothing here
-- allow

-- case: only a semicolon
;
-- allow

-- case: two statements
SELECT 1; SELECT * FROM sales.orders
-- allow

-- case: three statements, one shared
SELECT * FROM sales.a; SELECT * FROM shared.orders; SELECT 3
-- allow

-- case: two statements in the extended protocol
-- protocol: extended
SELECT 1; SELECT 2
-- refuse: 42601

-- case: string with escapes
SELECT E'a\'b', 'c''d' FROM sales.orders
-- allow

-- case: national and bit strings
SELECT b'01', x'ff', n'text'
-- allow

-- case: schema-qualified column, quoted
SELECT "shared"."orders"."id" FROM "shared"."orders"
-- allow

-- case: schema-qualified star
SELECT shared.orders.* FROM shared.orders
-- allow

-- case: alias hides the schema-qualified name
SELECT o.id FROM shared.orders o WHERE o.id > 3
-- allow

