--- Writes where a policy's for names them, without the second lock: the tenant's own relations only.
-- use write.policy

-- case: INSERT VALUES
-- class: WRITE
-- relations: sales.orders
INSERT INTO sales.orders (id, note) VALUES (1, 'a'), (2, DEFAULT)
-- expect:
INSERT INTO t_acme.orders (id, note) VALUES (1, 'a'), (2, DEFAULT)

-- case: INSERT by the path
INSERT INTO orders VALUES ($1, $2)
-- expect:
INSERT INTO t_acme.orders VALUES ($1, $2)

-- case: INSERT DEFAULT VALUES
INSERT INTO sales.orders DEFAULT VALUES
-- expect:
INSERT INTO t_acme.orders DEFAULT VALUES

-- case: INSERT OVERRIDING
INSERT INTO sales.orders (id) OVERRIDING SYSTEM VALUE VALUES (7)
-- expect:
INSERT INTO t_acme.orders (id) OVERRIDING SYSTEM VALUE VALUES (7)

-- case: INSERT with an alias
INSERT INTO sales.orders AS o (id) VALUES (1) RETURNING o.id, sales_note(1)
-- refuse: 42501 function.not_allowed

-- case: INSERT SELECT from a shared relation stays fenced
-- relations: sales.orders,shared.customers
INSERT INTO sales.orders (id) SELECT c.id FROM shared.customers c
-- expect:
INSERT INTO t_acme.orders (id) SELECT c.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c

-- case: INSERT with WITH
WITH x AS (SELECT id FROM shared.customers) INSERT INTO sales.orders SELECT id FROM x
-- expect:
WITH x AS (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers) INSERT INTO t_acme.orders SELECT id FROM x

-- case: WITH item of the target's name is not the target
WITH orders AS (SELECT 1 AS id) INSERT INTO orders SELECT id FROM orders
-- expect:
WITH orders AS (SELECT 1 AS id) INSERT INTO t_acme.orders SELECT id FROM orders

-- case: RETURNING keeps names
INSERT INTO sales.orders (id) VALUES (1) RETURNING id, current_user, upper(note)
-- expect:
INSERT INTO t_acme.orders (id) VALUES (1) RETURNING id, (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "current_user", pg_catalog.upper(note)

-- case: RETURNING everything
INSERT INTO sales.orders (id) VALUES (1) RETURNING *
-- expect:
INSERT INTO t_acme.orders (id) VALUES (1) RETURNING *

-- case: a session's name before ON CONFLICT
INSERT INTO sales.orders (note) SELECT current_user ON CONFLICT DO NOTHING
-- expect:
INSERT INTO t_acme.orders (note) SELECT (CAST('alice'::pg_catalog.text AS pg_catalog.name)) AS "current_user" ON CONFLICT DO NOTHING

-- case: ON CONFLICT DO NOTHING
INSERT INTO sales.orders VALUES (1) ON CONFLICT DO NOTHING
-- expect:
INSERT INTO t_acme.orders VALUES (1) ON CONFLICT DO NOTHING

-- case: ON CONFLICT with inference
INSERT INTO sales.orders AS o VALUES (1, 'a') ON CONFLICT (id, lower(note)) WHERE id > 0 DO UPDATE SET note = excluded.note || lower(o.note), (a, b) = (SELECT 1, id FROM shared.customers LIMIT 1) WHERE o.id < 10 RETURNING *
-- expect:
INSERT INTO t_acme.orders AS o VALUES (1, 'a') ON CONFLICT (id, pg_catalog.lower(note)) WHERE id > 0 DO UPDATE SET note = excluded.note || pg_catalog.lower(o.note), (a, b) = (SELECT 1, id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers LIMIT 1) WHERE o.id < 10 RETURNING *

-- case: ON CONFLICT ON CONSTRAINT of an own relation
INSERT INTO sales.orders VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO UPDATE SET note = 'x'
-- expect:
INSERT INTO t_acme.orders VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO UPDATE SET note = 'x'

-- case: UPDATE
-- class: WRITE
-- relations: sales.orders
UPDATE sales.orders SET note = 'x', total = total + 1 WHERE orders.id = 1
-- expect:
UPDATE t_acme.orders SET note = 'x', total = total + 1 WHERE orders.id = 1

-- case: UPDATE with three-part columns
UPDATE sales.orders SET note = sales.orders.note || 'x' WHERE sales.orders.id = 1 RETURNING sales.orders.*
-- expect:
UPDATE t_acme.orders SET note = orders.note || 'x' WHERE orders.id = 1 RETURNING orders.*

-- case: UPDATE FROM a shared relation
UPDATE sales.orders o SET note = c.note FROM shared.customers c WHERE c.id = o.id
-- expect:
UPDATE t_acme.orders o SET note = c.note FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.note FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c WHERE c.id = o.id

-- case: UPDATE ONLY
UPDATE ONLY sales.orders SET note = 'x'
-- expect:
UPDATE ONLY t_acme.orders SET note = 'x'

-- case: UPDATE ONLY in parentheses
UPDATE ONLY (sales.orders) SET note = 'x'
-- expect:
UPDATE ONLY (t_acme.orders) SET note = 'x'

-- case: UPDATE with a star
UPDATE sales.orders * SET note = 'x'
-- expect:
UPDATE t_acme.orders * SET note = 'x'

-- case: UPDATE of several columns from a row
UPDATE sales.orders SET (note, total) = ROW (upper('a'), 2), (a, b) = (1, DEFAULT)
-- expect:
UPDATE t_acme.orders SET (note, total) = ROW (pg_catalog.upper('a'), 2), (a, b) = (1, DEFAULT)

-- case: UPDATE of several columns from a fenced sub-select
UPDATE sales.orders o SET (note, total) = (SELECT c.note, count(*) FROM shared.customers c WHERE c.id = o.id GROUP BY 1) WHERE id = 5
-- expect:
UPDATE t_acme.orders o SET (note, total) = (SELECT c.note, pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.note FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c WHERE c.id = o.id GROUP BY 1) WHERE id = 5

-- case: UPDATE of elements
UPDATE sales.orders SET tags[1] = 'x', tags[2:3] = ARRAY['a', 'b']
-- expect:
UPDATE t_acme.orders SET tags[1] = 'x', tags[2:3] = ARRAY['a', 'b']

-- case: DELETE
-- class: WRITE
DELETE FROM sales.orders WHERE id IN (SELECT id FROM shared.orders)
-- expect:
DELETE FROM t_acme.orders WHERE id IN (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: DELETE USING
DELETE FROM sales.orders AS o USING shared.customers c, sales.b WHERE o.id = c.id AND b.id = o.id RETURNING o.id
-- expect:
DELETE FROM t_acme.orders AS o USING (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c, t_acme.b WHERE o.id = c.id AND b.id = o.id RETURNING o.id

-- case: MERGE with all its actions
-- class: WRITE
-- relations: sales.orders,shared.customers,shared.orders
MERGE INTO sales.orders AS o USING shared.customers AS c ON o.id = c.id WHEN MATCHED AND c.note = 'x' THEN DELETE WHEN MATCHED AND o.id > (SELECT count(*) FROM shared.orders) THEN UPDATE SET note = c.note, (a, b) = (SELECT 1, 2) WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED AND c.id > 1 THEN INSERT (id, note) OVERRIDING USER VALUE VALUES (c.id, upper(c.note)) WHEN NOT MATCHED THEN INSERT DEFAULT VALUES
-- expect:
MERGE INTO t_acme.orders AS o USING (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.note FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS c ON o.id = c.id WHEN MATCHED AND c.note = 'x' THEN DELETE WHEN MATCHED AND o.id > (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.note FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) THEN UPDATE SET note = c.note, (a, b) = (SELECT 1, 2) WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED AND c.id > 1 THEN INSERT (id, note) OVERRIDING USER VALUE VALUES (c.id, pg_catalog.upper(c.note)) WHEN NOT MATCHED THEN INSERT DEFAULT VALUES

-- case: MERGE from a sub-select
MERGE INTO orders USING (SELECT * FROM shared.customers) AS c ON orders.id = c.id WHEN NOT MATCHED THEN DO NOTHING
-- expect:
MERGE INTO t_acme.orders USING (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers) AS c ON orders.id = c.id WHEN NOT MATCHED THEN DO NOTHING

-- case: MERGE from a WITH item
WITH c AS (SELECT id FROM shared.customers) MERGE INTO ONLY sales.orders o USING c ON o.id = c.id WHEN MATCHED THEN UPDATE SET note = DEFAULT
-- expect:
WITH c AS (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers) MERGE INTO ONLY t_acme.orders o USING c ON o.id = c.id WHEN MATCHED THEN UPDATE SET note = DEFAULT

-- case: MERGE from a join
MERGE INTO sales.orders o USING (shared.customers c JOIN sales.b ON b.id = c.id) ON o.id = c.id WHEN MATCHED THEN DELETE
-- expect:
MERGE INTO t_acme.orders o USING ((WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c JOIN t_acme.b ON b.id = c.id) ON o.id = c.id WHEN MATCHED THEN DELETE

-- case: writes in WITH
-- class: WRITE
WITH gone AS (DELETE FROM sales.orders WHERE id < 10 RETURNING *), kept AS (INSERT INTO sales.log SELECT id FROM gone RETURNING id) SELECT count(*) FROM kept
-- expect:
WITH gone AS (DELETE FROM t_acme.orders WHERE id < 10 RETURNING *), kept AS (INSERT INTO t_acme.log SELECT id FROM gone RETURNING id) SELECT pg_catalog.count(*) FROM kept

-- case: COPY FROM STDIN
-- class: WRITE
-- relations: sales.orders
COPY sales.orders (id, note) FROM STDIN
-- expect:
COPY t_acme.orders (id, note) FROM STDIN

-- case: COPY FROM STDIN with options
COPY orders (id) FROM STDIN WITH (FORMAT csv, HEADER true, DELIMITER ';', NULL '', QUOTE '"', ESCAPE '"', ENCODING 'UTF8', FORCE_NOT_NULL (id), FORCE_NULL (id))
-- expect:
COPY t_acme.orders (id) FROM STDIN WITH (FORMAT csv, HEADER true, DELIMITER ';', NULL '', QUOTE '"', ESCAPE '"', ENCODING 'UTF8', FORCE_NOT_NULL (id), FORCE_NULL (id))

-- case: COPY FROM STDIN, old spelling
COPY sales.orders FROM STDIN CSV HEADER
-- expect:
COPY t_acme.orders FROM STDIN CSV HEADER

-- case: a relation that is only written
INSERT INTO sales.inbox (a) VALUES (1)
-- expect:
INSERT INTO t_acme.inbox (a) VALUES (1)

-- case: blind writes read nothing
UPDATE blind.notes SET a = 1, b = $1::text, c = DEFAULT
-- expect:
UPDATE t_acme_blind.notes SET a = 1, b = $1::pg_catalog.text, c = DEFAULT

-- case: blind DELETE of everything
DELETE FROM blind.notes
-- expect:
DELETE FROM t_acme_blind.notes

-- case: blind COPY
COPY blind.notes FROM STDIN
-- expect:
COPY t_acme_blind.notes FROM STDIN

-- case: blind INSERT, DO NOTHING
INSERT INTO blind.notes VALUES (1) ON CONFLICT DO NOTHING
-- expect:
INSERT INTO t_acme_blind.notes VALUES (1) ON CONFLICT DO NOTHING

-- case: PREPARE of a write
-- class: WRITE
PREPARE p (int) AS INSERT INTO sales.orders VALUES ($1)
-- expect:
SET standard_conforming_strings = on

-- case: UPDATE with WITH stays fenced
WITH x AS (SELECT * FROM shared.customers) UPDATE sales.orders o SET note = x.note FROM x WHERE x.id = o.id
-- expect:
WITH x AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers) UPDATE t_acme.orders o SET note = x.note FROM x WHERE x.id = o.id

-- case: DELETE with WITH stays fenced
WITH x AS (SELECT * FROM shared.customers), y AS (SELECT id FROM orders) DELETE FROM sales.orders USING x, y WHERE x.id = orders.id
-- expect:
WITH x AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers), y AS (SELECT id FROM t_acme.orders) DELETE FROM t_acme.orders USING x, y WHERE x.id = orders.id

-- case: several columns that are one
UPDATE sales.orders SET (note) = (SELECT max(note) FROM shared.customers)
-- expect:
UPDATE t_acme.orders SET (note) = (SELECT pg_catalog.max(note) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.note FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers)

-- case: several columns whose source is replaced itself
UPDATE sales.orders SET (note, total, a) = current_user, b = 1
-- expect:
UPDATE t_acme.orders SET (note, total, a) = (CAST('alice'::pg_catalog.text AS pg_catalog.name)), b = 1

-- case: COPY FROM STDIN with flags alone
COPY orders FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (id))
-- expect:
COPY t_acme.orders FROM STDIN (FORMAT csv, HEADER, FORCE_NULL (id))

