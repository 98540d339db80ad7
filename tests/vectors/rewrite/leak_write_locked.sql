--- With the second lock the database enforces the policies on writes: the target stands bare, all else stays fenced.
-- use write.policy
-- lock set_local

-- case: INSERT
-- class: WRITE
-- relations: shared.orders
INSERT INTO shared.orders (tenant_id) VALUES ('00000000-0000-0000-0000-000000000002')
-- unchanged

-- case: UPDATE with itself as a source
UPDATE shared.orders o SET total = x.total FROM shared.orders x WHERE x.id = o.id RETURNING o.*
-- expect:
UPDATE shared.orders o SET total = x.total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) x WHERE x.id = o.id RETURNING o.*

-- case: UPDATE with a sub-select on itself
UPDATE shared.orders SET total = (SELECT max(total) FROM shared.orders)
-- expect:
UPDATE shared.orders SET total = (SELECT pg_catalog.max(total) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.total FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders)

-- case: DELETE
DELETE FROM shared.orders WHERE id IN (SELECT id FROM shared.customers)
-- expect:
DELETE FROM shared.orders WHERE id IN (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers)

-- case: MERGE
MERGE INTO shared.orders o USING shared.customers c ON o.id = c.id WHEN MATCHED THEN UPDATE SET total = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (c.id)
-- expect:
MERGE INTO shared.orders o USING (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c ON o.id = c.id WHEN MATCHED THEN UPDATE SET total = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (c.id)

-- case: ON CONFLICT
INSERT INTO shared.orders AS o VALUES (1) ON CONFLICT (id) DO UPDATE SET total = o.total + excluded.total
-- unchanged

-- case: own relation with a predicate
UPDATE sales.archive SET hidden = true WHERE id = 1
-- expect:
UPDATE t_acme.archive SET hidden = true WHERE id = 1

-- case: predicate for writes alone
INSERT INTO shared.dropbox VALUES (1)
-- unchanged

-- case: shared relation without a predicate
INSERT INTO shared.feedback VALUES (1)
-- unchanged

-- case: own relation
INSERT INTO sales.orders VALUES (1)
-- expect:
INSERT INTO t_acme.orders VALUES (1)

-- case: reading stays fenced
SELECT * FROM shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: own COPY
COPY sales.orders FROM STDIN
-- expect:
COPY t_acme.orders FROM STDIN

-- case: ON CONFLICT ON CONSTRAINT
INSERT INTO shared.orders VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING
-- refuse: 0A000 statement.write

-- case: COPY FROM into a shared relation
COPY shared.orders FROM STDIN
-- refuse: 0A000 statement.copy

-- case: COPY FROM into an own relation with a predicate
COPY sales.archive FROM STDIN
-- refuse: 0A000 statement.copy

-- case: a relation whose policy is for reading
UPDATE shared.customers SET note = 'x'
-- refuse: 42501 statement.write

-- case: a relation that nobody may write
DELETE FROM shared.currencies
-- refuse: 42501 statement.write

-- case: a relation that may not be read, RETURNING
INSERT INTO shared.dropbox VALUES (1) RETURNING *
-- refuse: 42501 statement.write

-- case: UPDATE without the right
UPDATE shared.feedback SET note = 'x'
-- refuse: 42501 statement.write

-- case: upsert without the right to update
INSERT INTO shared.feedback VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'x'
-- refuse: 42501 statement.write

-- case: MERGE without the right of one action
MERGE INTO shared.feedback f USING sales.b ON f.id = b.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)
-- refuse: 42501 statement.write

-- case: no policy names it
INSERT INTO shared.secret VALUES (1)
-- refuse: 42501 relation.not_allowed

-- case: foreign
UPDATE t_globex.orders SET total = 0
-- refuse: 42501 relation.not_allowed

-- case: by its physical name
INSERT INTO t_acme.orders VALUES (1)
-- refuse: 42501 relation.not_allowed

-- case: system column
UPDATE shared.orders SET total = 0 WHERE ctid = '(0,1)'
-- refuse: 42501 column.system

-- case: EXPLAIN
EXPLAIN UPDATE shared.orders SET total = 0
-- refuse: 0A000 statement.explain

-- case: TRUNCATE ignores row security
TRUNCATE shared.orders
-- refuse: 42501 statement.write

-- case: row locks
SELECT * FROM shared.orders FOR UPDATE
-- refuse: 0A000 statement.lock

-- case: a view writes with its owner's rights
UPDATE shared.orders_view SET note = 'x'
-- refuse: 0A000 statement.write

-- case: INSERT through a view
INSERT INTO shared.orders_view VALUES (1)
-- refuse: 0A000 statement.write

-- case: a foreign table
INSERT INTO shared.remote VALUES (1)
-- refuse: 0A000 statement.write

-- case: a relation that the snapshot does not know
DELETE FROM shared.unknown
-- refuse: 42501 relation.not_allowed

-- case: several columns of a locked relation
UPDATE shared.orders SET (note, total) = (SELECT note, 1 FROM shared.customers LIMIT 1) WHERE id = 1
-- expect:
UPDATE shared.orders SET (note, total) = (SELECT note, 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.note FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers LIMIT 1) WHERE id = 1

