--- Attacks with writes, where writing is allowed somewhere. No second lock: shared relations are read-only.
-- use write.policy

-- case: shared relation, INSERT
INSERT INTO shared.orders (tenant_id) VALUES ('00000000-0000-0000-0000-000000000001')
-- refuse: 0A000 statement.write

-- case: shared relation, UPDATE
UPDATE shared.orders SET total = 0
-- refuse: 0A000 statement.write

-- case: shared relation, DELETE
DELETE FROM shared.orders
-- refuse: 0A000 statement.write

-- case: shared relation, MERGE
MERGE INTO shared.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN DELETE
-- refuse: 0A000 statement.write

-- case: shared relation, MERGE that does nothing
MERGE INTO shared.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN DO NOTHING
-- refuse: 0A000 statement.write

-- case: shared relation, COPY
COPY shared.orders FROM STDIN
-- refuse: 0A000 statement.write

-- case: shared relation, in WITH
WITH x AS (UPDATE shared.orders SET total = 0 RETURNING *) SELECT * FROM x
-- refuse: 0A000 statement.write

-- case: shared relation without a predicate
INSERT INTO shared.feedback VALUES (1)
-- refuse: 0A000 statement.write

-- case: shared relation whose policy is for reading
DELETE FROM shared.customers
-- refuse: 42501 statement.write

-- case: own relation with a predicate
UPDATE sales.archive SET hidden = false
-- refuse: 0A000 statement.write

-- case: predicate for writes alone
INSERT INTO shared.dropbox VALUES (1)
-- refuse: 0A000 statement.write

-- case: foreign relation
INSERT INTO t_globex.orders VALUES (1)
-- refuse: 42501 relation.not_allowed

-- case: own relation by its physical name
DELETE FROM t_acme.orders
-- refuse: 42501 relation.not_allowed

-- case: with a database
DELETE FROM bi.sales.orders
-- refuse: 42501 relation.not_allowed

-- case: MERGE into another schema
MERGE INTO t_globex.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN DELETE
-- refuse: 42501 relation.not_allowed

-- case: MERGE from another schema
MERGE INTO sales.orders o USING t_globex.orders b ON o.id = b.id WHEN MATCHED THEN DELETE
-- refuse: 42501 relation.not_allowed

-- case: MERGE that reaches a foreign relation in its condition
MERGE INTO sales.orders o USING sales.b ON o.id = b.id WHEN MATCHED AND EXISTS (SELECT FROM t_globex.orders) THEN DELETE
-- refuse: 42501 relation.not_allowed

-- case: MERGE that reaches a foreign relation in its values
MERGE INTO sales.orders o USING sales.b ON o.id = b.id WHEN NOT MATCHED THEN INSERT VALUES ((SELECT max(id) FROM t_globex.orders))
-- refuse: 42501 relation.not_allowed

-- case: MERGE that reaches a foreign relation in SET
MERGE INTO sales.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN UPDATE SET (a, b) = (SELECT id, 1 FROM t_globex.orders)
-- refuse: 42501 relation.not_allowed

-- case: MERGE into a relation that may not be read
MERGE INTO blind.notes i USING sales.b ON i.id = b.id WHEN NOT MATCHED THEN INSERT VALUES (1)
-- refuse: 42501 statement.write

-- case: MERGE within WITH
WITH x AS (MERGE INTO sales.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN DELETE) SELECT 1
-- refuse: 0A000 statement.write

-- case: MERGE into a catalogue
MERGE INTO pg_catalog.pg_class c USING sales.b ON c.oid = b.id WHEN MATCHED THEN DELETE
-- refuse: 42501 relation.not_allowed

-- case: MERGE into the name of a WITH item is one into the own relation
WITH o AS (SELECT 1 AS id) MERGE INTO o USING sales.b ON o.id = b.id WHEN MATCHED THEN DELETE
-- expect:
WITH o AS (SELECT 1 AS id) MERGE INTO t_acme.o USING t_acme.b ON o.id = b.id WHEN MATCHED THEN DELETE

-- case: catalogue, UPDATE
UPDATE pg_settings SET setting = 'off'
-- refuse: 42501 relation.not_allowed

-- case: catalogue, INSERT
INSERT INTO pg_catalog.pg_class DEFAULT VALUES
-- refuse: 42501 relation.not_allowed

-- case: catalogue, COPY
COPY pg_authid FROM STDIN
-- refuse: 42501 relation.not_allowed

-- case: ON CONFLICT reaches a foreign relation
INSERT INTO sales.orders VALUES (1) ON CONFLICT (id) DO UPDATE SET note = (SELECT note FROM t_globex.orders LIMIT 1)
-- refuse: 42501 relation.not_allowed

-- case: ON CONFLICT's WHERE reaches a foreign relation
INSERT INTO sales.orders VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'x' WHERE EXISTS (SELECT FROM t_globex.orders)
-- refuse: 42501 relation.not_allowed

-- case: ON CONFLICT's inference reaches a foreign relation
INSERT INTO sales.orders VALUES (1) ON CONFLICT ((EXISTS (SELECT FROM t_globex.orders))) DO NOTHING
-- refuse: 42501 relation.not_allowed

-- case: ON CONFLICT with an operator class
INSERT INTO sales.orders VALUES (1) ON CONFLICT (id public.leak_ops) DO NOTHING
-- refuse: 0A000 sql.node

-- case: ON CONFLICT with a collation
INSERT INTO sales.orders VALUES (1) ON CONFLICT (id COLLATE public.x) DO NOTHING
-- refuse: 0A000 sql.node

-- case: a fenced relation in VALUES stays fenced
INSERT INTO sales.orders VALUES ((SELECT max(id) FROM shared.orders))
-- expect:
INSERT INTO t_acme.orders VALUES ((SELECT pg_catalog.max(id) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders))

-- case: leak in RETURNING
DELETE FROM sales.orders RETURNING (SELECT string_agg(note, '') FROM t_globex.orders)
-- refuse: 42501 relation.not_allowed

-- case: denied function in RETURNING
INSERT INTO sales.orders VALUES (1) RETURNING pg_read_file('/etc/passwd')
-- refuse: 42501 function.not_allowed

-- case: denied function in SET
UPDATE sales.orders SET note = set_config('search_path', 't_globex', false)
-- refuse: 42501 function.not_allowed

-- case: denied function in a subscript
UPDATE sales.orders SET tags[pg_advisory_lock(1)] = 'x'
-- refuse: 42501 function.not_allowed

-- case: denied function in a source of several columns
UPDATE sales.orders SET (a, b) = ROW (1, pg_sleep(10))
-- refuse: 42501 function.not_allowed

-- case: system column written
UPDATE sales.orders SET ctid = '(0,1)'
-- refuse: 42501 column.system

-- case: system column inserted
INSERT INTO sales.orders (xmin) VALUES (1)
-- refuse: 42501 column.system

-- case: system column copied
COPY sales.orders (tableoid) FROM STDIN
-- refuse: 42501 column.system

-- case: system column returned
DELETE FROM sales.orders RETURNING ctid
-- refuse: 42501 column.system

-- case: system column compared
DELETE FROM sales.orders WHERE xmin::text::int > 5
-- refuse: 42501 column.system

-- case: system column in a MERGE
MERGE INTO sales.orders o USING sales.b ON o.ctid = b.place WHEN MATCHED THEN DELETE
-- refuse: 42501 column.system

-- case: system column written by MERGE
MERGE INTO sales.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN UPDATE SET ctid = '(0,1)'
-- refuse: 42501 column.system

-- case: field of a column
UPDATE sales.orders SET place.street = 'x'
-- refuse: 0A000 sql.field

-- case: field of a column, INSERT
INSERT INTO sales.orders (place.street) VALUES ('x')
-- refuse: 0A000 sql.field

-- case: CURRENT OF
DELETE FROM sales.orders WHERE CURRENT OF c
-- refuse: 0A000 sql.node

-- case: CURRENT OF, UPDATE
UPDATE sales.orders SET note = 'x' WHERE CURRENT OF c
-- refuse: 0A000 sql.node

-- case: EXPLAIN of a write
EXPLAIN INSERT INTO sales.orders VALUES (1)
-- refuse: 0A000 statement.explain

-- case: EXPLAIN ANALYZE of a write
EXPLAIN (ANALYZE) DELETE FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: EXPLAIN of a write in WITH
EXPLAIN WITH x AS (DELETE FROM sales.orders RETURNING *) SELECT * FROM x
-- refuse: 0A000 statement.explain

-- case: EXPLAIN of MERGE
EXPLAIN MERGE INTO sales.orders o USING sales.b ON o.id = b.id WHEN MATCHED THEN DELETE
-- refuse: 0A000 statement.explain

-- case: cursor over a write
DECLARE c CURSOR FOR WITH x AS (DELETE FROM sales.orders RETURNING *) SELECT * FROM x
-- refuse: 0A000 statement.cursor

-- case: COPY of a write
COPY (INSERT INTO sales.orders VALUES (1) RETURNING *) TO STDOUT
-- refuse: 0A000 statement.copy

-- case: COPY of a write in WITH
COPY (WITH x AS (DELETE FROM sales.orders RETURNING *) SELECT * FROM x) TO STDOUT
-- refuse: 0A000 statement.copy

-- case: COPY FROM a file
COPY sales.orders FROM '/etc/passwd'
-- refuse: 42501 statement.copy

-- case: COPY FROM a program
COPY sales.orders FROM PROGRAM 'id'
-- refuse: 42501 statement.copy

-- case: COPY FROM STDIN with a WHERE
COPY sales.orders FROM STDIN WHERE id > (SELECT 1)
-- refuse: 42501 statement.copy

-- case: COPY FROM STDIN, binary
COPY sales.orders FROM STDIN (FORMAT binary)
-- refuse: 0A000 statement.copy

-- case: COPY FROM STDIN, binary, old spelling
COPY BINARY sales.orders FROM STDIN
-- refuse: 0A000 statement.copy

-- case: COPY FROM STDIN, FREEZE
COPY sales.orders FROM STDIN (FREEZE true)
-- refuse: 0A000 statement.copy

-- case: COPY FROM STDIN in another encoding
COPY sales.orders FROM STDIN (ENCODING 'SJIS')
-- refuse: 0A000 statement.copy

-- case: COPY FROM STDIN into a foreign relation
COPY t_globex.orders FROM STDIN
-- refuse: 42501 relation.not_allowed

-- case: COPY FROM STDIN into the fence's name is one into an own relation
COPY rg_m FROM STDIN
-- expect:
COPY t_acme.rg_m FROM STDIN

-- case: blind UPDATE that reads in SET
UPDATE blind.notes SET a = a + 1
-- refuse: 42501 statement.write

-- case: blind UPDATE that reads in WHERE
UPDATE blind.notes SET a = 1 WHERE b = 2
-- refuse: 42501 statement.write

-- case: blind UPDATE that returns
UPDATE blind.notes SET a = 1 RETURNING a
-- refuse: 42501 statement.write

-- case: blind UPDATE that reads by several columns
UPDATE blind.notes SET (a, b) = (b, a)
-- refuse: 42501 statement.write

-- case: blind DELETE that asks
DELETE FROM blind.notes WHERE a = 1
-- refuse: 42501 statement.write

-- case: blind DELETE that returns
DELETE FROM blind.notes RETURNING *
-- refuse: 42501 statement.write

-- case: blind DELETE by another relation
DELETE FROM blind.notes USING sales.b
-- refuse: 42501 statement.write

-- case: blind INSERT that returns
INSERT INTO blind.notes VALUES (1) RETURNING *
-- refuse: 42501 statement.write

-- case: blind INSERT that asks for a conflict
INSERT INTO blind.notes VALUES (1) ON CONFLICT (a) DO NOTHING
-- refuse: 42501 statement.write

-- case: blind INSERT that updates
INSERT INTO blind.notes VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1
-- refuse: 42501 statement.write

-- case: several columns within several columns
UPDATE sales.orders SET (a, b) = (WITH x AS (UPDATE sales.b SET (c, d) = (SELECT 1, 2) RETURNING 1, 2) SELECT * FROM x)
-- refuse: 54001 sql.complexity

-- case: TRUNCATE
TRUNCATE sales.orders
-- refuse: 42501 statement.write

-- case: SELECT INTO
SELECT * INTO sales.new FROM shared.orders
-- refuse: 42501 statement.ddl

-- case: second statement writes to a shared relation
INSERT INTO sales.orders VALUES (1); INSERT INTO shared.orders VALUES (1)
-- refuse: 0A000 statement.write

-- case: WITH of an UPDATE reaches a foreign relation
WITH x AS (SELECT * FROM t_globex.orders) UPDATE sales.orders SET note = x.note FROM x
-- refuse: 42501 relation.not_allowed

-- case: WITH of a DELETE reaches a foreign relation
WITH x AS (SELECT * FROM t_globex.orders) DELETE FROM sales.orders USING x WHERE x.id = orders.id
-- refuse: 42501 relation.not_allowed

-- case: one of several columns reaches a foreign relation
UPDATE sales.orders SET (note) = (SELECT max(note) FROM t_globex.orders)
-- refuse: 42501 relation.not_allowed

-- case: COPY FROM STDIN in a format that begins like another
COPY sales.orders FROM STDIN (FORMAT textual)
-- refuse: 0A000 statement.copy

-- case: COPY FROM STDIN, columns that are none
COPY sales.orders FROM STDIN (FORMAT csv, FORCE_NULL true)
-- refuse: 0A000 statement.copy

-- case: COPY FROM STDIN, a format that is none
COPY sales.orders FROM STDIN (FORMAT)
-- refuse: 0A000 statement.copy

