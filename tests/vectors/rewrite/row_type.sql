--- Whole rows: a relation in its sub-select still has its alias, so a whole row is the tenant's row.
-- use standard.policy

-- case: whole row
SELECT o FROM shared.orders o
-- expect:
SELECT o FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: whole row without an alias
SELECT orders FROM shared.orders
-- expect:
SELECT orders FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: whole row of an own relation
SELECT orders FROM sales.orders
-- expect:
SELECT orders FROM t_acme.orders

-- case: star of an alias
SELECT o.* FROM shared.orders o
-- expect:
SELECT o.* FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: ROW of a star
SELECT ROW(o.*) FROM shared.orders o
-- expect:
SELECT ROW(o.*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: to_jsonb of a row
SELECT to_jsonb(o) FROM shared.orders o
-- expect:
SELECT pg_catalog.to_jsonb(o) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: row_to_json of a sub-select
SELECT row_to_json(s) FROM (SELECT id, total FROM shared.orders) s
-- expect:
SELECT pg_catalog.row_to_json(s) FROM (SELECT id, total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) s

-- case: json_agg of a row
SELECT json_agg(o) FROM shared.orders o
-- expect:
SELECT pg_catalog.json_agg(o) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: count of a row
SELECT count(o) FROM shared.orders o
-- expect:
SELECT pg_catalog.count(o) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: row IS NULL
SELECT c.id FROM sales.a c LEFT JOIN shared.orders o ON o.id = c.id WHERE o IS NULL
-- expect:
SELECT c.id FROM t_acme.a c LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.id = c.id WHERE o IS NULL

-- case: field of a row
SELECT (o).id FROM shared.orders o
-- refuse: 0A000 sql.field

-- case: all fields of a row
SELECT (o).* FROM shared.orders o
-- expect:
SELECT (o).* FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: rows compared
SELECT 1 FROM shared.orders a, shared.orders b WHERE a = b
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) a, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) b WHERE a = b

