--- leaks.md covert_write: writing is off unless a policy's for names it.
-- use standard.policy

-- case: INSERT
INSERT INTO sales.orders VALUES (1)
-- refuse: 42501 statement.write

-- case: INSERT into a shared relation
INSERT INTO shared.orders (tenant_id) VALUES ('00000000-0000-0000-0000-000000000002')
-- refuse: 42501 statement.write

-- case: INSERT SELECT
INSERT INTO sales.a SELECT * FROM sales.b
-- refuse: 42501 statement.write

-- case: ON CONFLICT
INSERT INTO shared.orders VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 0
-- refuse: 42501 statement.write

-- case: UPDATE
UPDATE sales.orders SET total = 0
-- refuse: 42501 statement.write

-- case: UPDATE of the tenant column
UPDATE shared.orders SET tenant_id = '00000000-0000-0000-0000-000000000002'
-- refuse: 42501 statement.write

-- case: DELETE
DELETE FROM sales.orders
-- refuse: 42501 statement.write

-- case: DELETE USING
DELETE FROM shared.orders USING sales.a
-- refuse: 42501 statement.write

-- case: MERGE
MERGE INTO shared.orders o USING sales.a ON o.id = a.id WHEN NOT MATCHED THEN INSERT VALUES (1)
-- refuse: 42501 statement.write

-- case: write to a foreign relation
DELETE FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: write in WITH
WITH x AS (INSERT INTO sales.a VALUES (1) RETURNING id) SELECT * FROM x
-- refuse: 42501 statement.write

