--- pg_typeof takes any row, and alias.pg_typeof calls it. Its result is a regtype, so a number beside it became one, and
--- printed the name of the type, and so of the table, that has that OID: every tenant's.
-- use standard.policy

-- case: a number becomes a name
SELECT COALESCE(16500, c.pg_typeof) FROM sales.customers AS c
-- refuse: 42501 column.function

-- case: a physical name
SELECT orders.pg_typeof FROM shared.orders
-- refuse: 42501 column.function

-- case: behind a schema
SELECT sales.orders.pg_typeof FROM sales.orders
-- refuse: 42501 column.function

-- case: of a sub-select
SELECT 1 FROM (SELECT 1 AS a) AS s WHERE s.pg_typeof = 16500
-- refuse: 42501 column.function

-- case: of a WITH item
WITH w AS (SELECT 1 AS a) SELECT 1 FROM w ORDER BY COALESCE(16500, w.pg_typeof)
-- refuse: 42501 column.function

-- case: what a write returns
UPDATE sales.orders SET id = 1 RETURNING orders.pg_typeof
-- refuse: 42501 statement.write

-- case: as the argument of a guarded function
SELECT pg_get_indexdef(c.pg_column_size) FROM sales.customers AS c
-- refuse: 42501 column.function

-- case: alone it is a column
SELECT pg_typeof FROM (SELECT 1 AS pg_typeof) AS s
-- unchanged

