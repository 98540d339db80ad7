-- use standard.policy

-- case: a column with its database
SELECT acme.sales.a.id FROM sales.a
-- refuse: 0A000 sql.name

-- case: a relation with its database
SELECT 1 FROM acme.sales.a
-- refuse: 42501 relation.not_allowed

-- case: ANY with an operator of another schema
SELECT 1 FROM sales.a WHERE id OPERATOR(public.=) ANY (SELECT id FROM sales.b)
-- refuse: 42501 operator.not_allowed

-- case: ALL with a plain operator
SELECT 1 FROM sales.a WHERE id > ALL (SELECT id FROM sales.b)
-- expect:
SELECT 1 FROM t_acme.a WHERE id > ALL (SELECT id FROM t_acme.b)

-- case: a type of another schema in a sub-select's cast
SELECT (SELECT id::public.mood FROM sales.a)
-- refuse: 42501 type.not_allowed

-- case: SETOF in a cast
PREPARE p (SETOF int4) AS SELECT 1
-- refuse: 42501 type.not_allowed

-- case: a type taken from a column
PREPARE p (sales.a.id%TYPE) AS SELECT 1
-- refuse: 42601 sql.syntax

-- case: a type modifier that is no constant
SELECT id::numeric(a) FROM sales.a
-- refuse: 0A000 type.modifier

-- case: a collation of another schema
SELECT name COLLATE public.x FROM sales.a
-- refuse: 42501 collation.not_allowed

-- case: sample size that is no constant on a fenced relation
SELECT 1 FROM shared.orders TABLESAMPLE bernoulli ((SELECT 10))
-- refuse: 0A000 sql.sample

-- case: sample of a sub-select
SELECT 1 FROM (SELECT 1) x TABLESAMPLE bernoulli (10)
-- refuse: 42601 sql.syntax

-- case: sample of a view of the catalogue
SELECT 1 FROM pg_class TABLESAMPLE bernoulli (10)
-- refuse: 0A000 sql.sample

-- case: EXPLAIN of a sample on a fenced relation
EXPLAIN SELECT 1 FROM shared.orders TABLESAMPLE bernoulli (10)
-- refuse: 0A000 statement.explain

-- case: sample with a seed on an own relation
SELECT 1 FROM sales.a TABLESAMPLE system (10) REPEATABLE (1)
-- expect:
SELECT 1 FROM t_acme.a TABLESAMPLE pg_catalog.system (10) REPEATABLE (1)

-- case: parameter zero
-- protocol: extended
SELECT $0
-- refuse: 42601 sql.parameter

-- case: parameter beyond the protocol
-- protocol: extended
SELECT $65536
-- refuse: 42601 sql.parameter

-- case: ordered, filtered and windowed aggregate arguments are looked at
SELECT array_agg(id ORDER BY (SELECT max(x.id) FROM shared.orders x)) FILTER (WHERE id IN (SELECT y.id FROM shared.customers y)) FROM sales.a
-- expect:
SELECT pg_catalog.array_agg(id ORDER BY (SELECT pg_catalog.max(x.id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) x)) FILTER (WHERE id IN (SELECT y.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) y)) FROM t_acme.a

-- case: a window whose frame holds a sub-select
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN (SELECT count(*) FROM shared.orders) PRECEDING AND CURRENT ROW) FROM sales.a
-- expect:
SELECT pg_catalog.sum(id) OVER (ORDER BY id ROWS BETWEEN (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) PRECEDING AND CURRENT ROW) FROM t_acme.a

-- case: PREPARE redefined in one text
PREPARE p AS SELECT id FROM sales.a; EXECUTE p; DEALLOCATE p; EXECUTE p
-- refuse: 26000 statement.prepare

-- case: PREPARE, DEALLOCATE ALL, EXECUTE
PREPARE p AS SELECT id FROM sales.a; DEALLOCATE ALL; EXECUTE p
-- refuse: 26000 statement.prepare

-- case: PREPARE of another name, EXECUTE
PREPARE p AS SELECT id FROM sales.a; EXECUTE q
-- refuse: 26000 statement.prepare

-- case: PREPARE then EXECUTE in one text
PREPARE p (int) AS SELECT id FROM shared.orders WHERE id = $1; EXECUTE p (5)
-- expect:
SET standard_conforming_strings = on
-- and:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = CAST(5 AS pg_catalog.int4)

-- case: EXECUTE with too many arguments
PREPARE p (int) AS SELECT $1; EXECUTE p (5, 6)
-- refuse: 42601 statement.execute

-- case: EXECUTE with a sub-select
PREPARE p (int) AS SELECT $1; EXECUTE p ((SELECT 1))
-- refuse: 0A000 statement.execute

-- case: EXECUTE with an array of constants
PREPARE p (int[]) AS SELECT $1; EXECUTE p (ARRAY[1, 2])
-- expect:
SET standard_conforming_strings = on
-- and:
SELECT CAST(ARRAY[1, 2] AS pg_catalog.int4[])

-- case: EXECUTE with an array that holds a sub-select
PREPARE p (int[]) AS SELECT $1; EXECUTE p (ARRAY[1, (SELECT 2)])
-- refuse: 0A000 statement.execute

-- case: EXECUTE of an EXECUTE
PREPARE p AS EXECUTE q
-- refuse: 42601 sql.syntax

-- case: the path is reset within one text
SET search_path = nowhere; SELECT 1 FROM a
-- refuse: 42501 setting.value

-- case: RESET ALL within one text
RESET ALL; SELECT id FROM a
-- expect:
SET standard_conforming_strings = on
-- and:
SELECT id FROM t_acme.a

-- case: SET LOCAL of what is virtual
SET LOCAL search_path = sales
-- expect:
SET standard_conforming_strings = on

-- case: SET TIME ZONE with an interval
SET TIME ZONE INTERVAL '1' HOUR TO MINUTE
-- refuse: 42501 setting.value

-- case: a time-out in hours
SET statement_timeout = '1h'
-- expect:
SET standard_conforming_strings = on

-- case: a time-out that does not fit
SET statement_timeout = '99999999999d'
-- refuse: 42501 setting.value

-- case: a time-out without sense
SET statement_timeout = '5 parsecs'
-- refuse: 42501 setting.value

-- case: transaction characteristics of the session
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
-- refuse: 42501 setting.not_allowed

-- case: SET TRANSACTION SNAPSHOT
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
-- refuse: 42501 setting.not_allowed

-- case: SHOW of a list
SHOW ALL
-- refuse: 42501 setting.not_allowed

-- case: cancel with a window
SELECT pg_cancel_backend(5) OVER ()
-- refuse: 42501 function.not_allowed

-- case: cancel with a filter
SELECT pg_cancel_backend(5) FILTER (WHERE true)
-- refuse: 42501 function.not_allowed

-- case: cancel among others
SELECT pg_cancel_backend(5), 1
-- refuse: 42501 function.not_allowed

-- case: cancel from rows
SELECT pg_cancel_backend(5) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: cancel where
SELECT pg_cancel_backend(5) WHERE true
-- refuse: 42501 function.not_allowed

-- case: cancel with a limit
SELECT pg_cancel_backend(5) LIMIT 1
-- refuse: 42501 function.not_allowed

-- case: cancel with WITH
WITH x AS (SELECT 1) SELECT pg_cancel_backend(5)
-- refuse: 42501 function.not_allowed

-- case: cancel with ORDER BY
SELECT pg_cancel_backend(5) ORDER BY 1
-- refuse: 42501 function.not_allowed

-- case: cancel with GROUP BY
SELECT pg_cancel_backend(5) GROUP BY 1
-- refuse: 42501 function.not_allowed

-- case: cancel with HAVING
SELECT pg_cancel_backend(5) HAVING true
-- refuse: 42501 function.not_allowed

-- case: cancel with DISTINCT
SELECT DISTINCT pg_cancel_backend(5)
-- refuse: 42501 function.not_allowed

-- case: cancel with OFFSET
SELECT pg_cancel_backend(5) OFFSET 0
-- refuse: 42501 function.not_allowed

-- case: cancel for update
SELECT pg_cancel_backend(5) FOR UPDATE
-- refuse: 0A000 statement.lock

-- case: cancel into
SELECT pg_cancel_backend(5) INTO t
-- refuse: 42501 statement.ddl

-- case: cancel of a negative number
SELECT pg_cancel_backend(-5)
-- expect:
SELECT true AS pg_cancel_backend

-- case: cancel by another table
SELECT pg_terminate_backend(pg_stat_activity.pid) FROM sales.pg_stat_activity WHERE pg_stat_activity.pid = '5'
-- expect:
SELECT true AS pg_terminate_backend

-- case: cancel of more than one
SELECT pg_terminate_backend(pg_stat_activity.pid) FROM pg_stat_activity WHERE pg_stat_activity.pid > '5'
-- refuse: 42501 function.not_allowed

-- case: cancel by user name
SELECT pg_terminate_backend(pg_stat_activity.pid) FROM pg_stat_activity WHERE pg_stat_activity.usename = '5'
-- refuse: 42501 function.not_allowed

-- case: COPY with a HEADER choice
COPY sales.a TO STDOUT (FORMAT csv, HEADER match)
-- expect:
COPY (SELECT * FROM t_acme.a) TO STDOUT (FORMAT csv, HEADER match)

-- case: COPY of several columns
COPY sales.a (id, name) TO STDOUT
-- expect:
COPY (SELECT id, name FROM t_acme.a ) TO STDOUT

-- case: COPY from a program
COPY sales.a FROM PROGRAM 'id'
-- refuse: 42501 statement.copy

-- case: EXPLAIN with a summary
EXPLAIN (SUMMARY off, COSTS off) SELECT id FROM sales.a
-- expect:
EXPLAIN (SUMMARY off, COSTS off) SELECT id FROM t_acme.a

-- case: EXPLAIN, verbose
EXPLAIN (VERBOSE) SELECT id FROM sales.a
-- refuse: 0A000 statement.explain

-- case: EXPLAIN with a format that does not exist
EXPLAIN (FORMAT protobuf) SELECT id FROM sales.a
-- refuse: 0A000 statement.explain

-- case: two columns of two schemas, shortened
SELECT sales.a.id, sales.b.id FROM sales.a, sales.b
-- expect:
SELECT a.id, b.id FROM t_acme.a, t_acme.b

-- case: a column of a relation that is not in FROM
SELECT sales.b.id FROM sales.a
-- refuse: 0A000 column.relation

-- case: functions that PostgreSQL's grammar spells its own way
SELECT EXTRACT(year FROM now()), OVERLAY('a' PLACING 'b' FROM 1), POSITION('a' IN 'b'), SUBSTRING('a' FROM 1), TRIM(LEADING 'x' FROM 'xa')
-- expect:
SELECT EXTRACT(year FROM pg_catalog.now()), OVERLAY('a' PLACING 'b' FROM 1), POSITION('a' IN 'b'), SUBSTRING('a' FROM 1), TRIM(LEADING 'x' FROM 'xa')

-- case: unnest of several arrays with a column list
SELECT * FROM unnest(ARRAY[1], ARRAY[2]) AS u (a, b)
-- unchanged

-- case: unnest of one variadic array
SELECT * FROM unnest(VARIADIC ARRAY[ARRAY[1]]) AS u
-- expect:
SELECT * FROM pg_catalog.unnest(VARIADIC ARRAY[ARRAY[1]]) AS u

-- case: ROWS FROM with two functions
SELECT * FROM ROWS FROM (generate_series(1, 2), unnest(ARRAY[1])) AS u (a, b)
-- expect:
SELECT * FROM ROWS FROM (pg_catalog.generate_series(1, 2), pg_catalog.unnest(ARRAY[1])) AS u (a, b)

-- case: a serial sequence of something that is no column
SELECT pg_get_serial_sequence('sales.a', 'id')
-- expect:
SELECT ((SELECT pg_catalog.min(rg_g.rg_sequence) FROM (SELECT CAST(c.oid AS pg_catalog.text) AS rg_digits, pg_catalog.quote_ident(c.relname) AS rg_name, pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) AS rg_full, ((n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) OR n.oid = 11) AS rg_found, a.attname AS rg_column, pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN m.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], m.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], m.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(s.relname)) AS rg_sequence FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid JOIN pg_catalog.pg_class AS s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_catalog.pg_namespace AS m ON m.oid = s.relnamespace JOIN pg_catalog.pg_class AS c ON c.oid = d.refobjid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE d.classid = 1259 AND d.refclassid = 1259 AND d.deptype IN ('a', 'i') AND n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND m.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) AS rg_g WHERE (rg_g.rg_full = CASE WHEN pg_catalog.strpos('sales.a', '"') = 0 THEN pg_catalog.lower('sales.a') ELSE 'sales.a' END OR (rg_g.rg_found AND rg_g.rg_name = CASE WHEN pg_catalog.strpos('sales.a', '"') = 0 THEN pg_catalog.lower('sales.a') ELSE 'sales.a' END)) AND rg_g.rg_column = 'id')) AS pg_get_serial_sequence

-- case: a serial sequence by a cast of a constant
SELECT pg_get_serial_sequence('sales.a'::regclass::text, 'id')::regclass
-- refuse: 42501 type.not_allowed

-- case: a window's name that is also a relation
SELECT sum(id) OVER a FROM sales.a WINDOW a AS (PARTITION BY id)
-- expect:
SELECT pg_catalog.sum(id) OVER a FROM t_acme.a WINDOW a AS (PARTITION BY id)

-- case: search and cycle clauses
WITH RECURSIVE t (id) AS (SELECT id FROM sales.a UNION ALL SELECT a.id FROM sales.a, t WHERE a.parent = t.id) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c TO true DEFAULT false USING p SELECT id FROM t
-- expect:
WITH RECURSIVE t (id) AS (SELECT id FROM t_acme.a UNION ALL SELECT a.id FROM t_acme.a, t WHERE a.parent = t.id) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c TO true DEFAULT false USING p SELECT id FROM t

-- case: a name longer than 63 bytes
SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.id FROM sales.a AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- expect:
SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.id FROM t_acme.a AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa

-- case: an xmltable whose parts hold relations
SELECT x.* FROM XMLTABLE((SELECT 'a' FROM shared.orders LIMIT 1) PASSING (SELECT '<a/>'::xml FROM shared.customers LIMIT 1) COLUMNS a text PATH 'a' DEFAULT (SELECT note FROM shared.orders LIMIT 1)) AS x
-- expect:
SELECT x.* FROM XMLTABLE((SELECT 'a' FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1) PASSING (SELECT '<a/>'::pg_catalog.xml FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers LIMIT 1) COLUMNS a pg_catalog.text PATH 'a' DEFAULT (SELECT note FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1)) AS x

-- case: rows of VALUES that hold relations
VALUES ((SELECT count(*) FROM shared.orders), 1), (2, (SELECT count(*) FROM shared.customers))
-- expect:
VALUES ((SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders), 1), (2, (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers))

-- case: LIMIT and OFFSET that hold relations
SELECT id FROM sales.a LIMIT (SELECT count(*) FROM shared.orders) OFFSET (SELECT count(*) FROM shared.customers)
-- expect:
SELECT id FROM t_acme.a LIMIT (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) OFFSET (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers)

-- case: grouping sets that hold relations
SELECT count(*) FROM sales.a GROUP BY GROUPING SETS (((SELECT id FROM shared.orders LIMIT 1)), CUBE (id, (SELECT id FROM shared.customers LIMIT 1)), ROLLUP ((SELECT max(id) FROM shared.orders)))
-- expect:
SELECT pg_catalog.count(*) FROM t_acme.a GROUP BY GROUPING SETS (((SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders LIMIT 1)), CUBE (id, (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers LIMIT 1)), ROLLUP ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)))

-- case: an array subscript that holds a relation
SELECT (ARRAY[1, 2])[(SELECT count(*) FROM shared.orders):(SELECT count(*) FROM shared.customers)]
-- expect:
SELECT (ARRAY[1, 2])[(SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders):(SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers)]

-- case: a bit string
SELECT B'101'
-- unchanged

-- case: a current cursor
UPDATE sales.a SET id = 1 WHERE CURRENT OF c
-- refuse: 42501 statement.write


-- case: a description by the cast of a name
SELECT shobj_description('alice'::regrole, 'pg_authid')
-- refuse: 0A000 function.argument

-- case: DEALLOCATE of what was never prepared
DEALLOCATE nothing
-- refuse: 26000 statement.prepare

-- case: SHOW of the transaction's access mode
SHOW transaction_read_only
-- unchanged
