--- Every form of a FROM item, over the tenant's own relations and over shared ones.
-- use standard.policy

-- case: constant
-- class: READ
SELECT 1
-- unchanged

-- case: own relation, qualified
-- relations: sales.orders
SELECT * FROM sales.orders
-- expect:
SELECT * FROM t_acme.orders

-- case: own relation, unqualified
-- relations: sales.items
SELECT id FROM items
-- expect:
SELECT id FROM t_acme.items

-- case: own relation with an alias
SELECT o.id FROM sales.orders o
-- expect:
SELECT o.id FROM t_acme.orders o

-- case: own relation with AS
SELECT o.id FROM sales.orders AS o WHERE o.id = 1
-- expect:
SELECT o.id FROM t_acme.orders AS o WHERE o.id = 1

-- case: own relation with column aliases
SELECT a, b FROM sales.orders AS o (a, b)
-- expect:
SELECT a, b FROM t_acme.orders AS o (a, b)

-- case: own relation named twice
-- relations: sales.orders
SELECT * FROM sales.orders a, sales.orders b WHERE a.id = b.id
-- expect:
SELECT * FROM t_acme.orders a, t_acme.orders b WHERE a.id = b.id

-- case: shared relation
-- relations: shared.orders
SELECT * FROM shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: shared relation with an alias
SELECT o.* FROM shared.orders o
-- expect:
SELECT o.* FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: shared relation with column aliases
SELECT x FROM shared.orders AS o (x, y, z)
-- expect:
SELECT x FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS o (x, y, z)

-- case: shared relation twice
SELECT * FROM shared.orders a JOIN shared.orders b ON a.id = b.parent_id
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) a JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) b ON a.id = b.parent_id

-- case: two predicates
SELECT * FROM shared.visits
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) AS visits

-- case: own and shared
-- relations: sales.items,shared.orders
SELECT * FROM sales.items i JOIN shared.orders o ON o.id = i.order_id
-- expect:
SELECT * FROM t_acme.items i JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.id = i.order_id

-- case: ONLY
SELECT * FROM ONLY sales.orders
-- expect:
SELECT * FROM ONLY t_acme.orders

-- case: ONLY with parentheses
SELECT * FROM ONLY (sales.orders) AS o
-- expect:
SELECT * FROM ONLY (t_acme.orders) AS o

-- case: ONLY on a shared relation
SELECT * FROM ONLY shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM ONLY shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: star after the name
SELECT * FROM sales.orders *
-- expect:
SELECT * FROM t_acme.orders *

-- case: TABLE
TABLE sales.orders
-- expect:
TABLE t_acme.orders

-- case: TABLE on a shared relation
TABLE shared.orders
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: TABLE in a set operation
TABLE sales.a UNION ALL TABLE shared.orders
-- expect:
TABLE t_acme.a UNION ALL SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: VALUES
VALUES (1, 2), (3, 4)
-- unchanged

-- case: VALUES in FROM
SELECT * FROM (VALUES (1, 'a')) AS v (n, t)
-- unchanged

-- case: TABLESAMPLE BERNOULLI
SELECT * FROM sales.orders TABLESAMPLE BERNOULLI (10)
-- expect:
SELECT * FROM t_acme.orders TABLESAMPLE pg_catalog.BERNOULLI (10)

-- case: TABLESAMPLE SYSTEM REPEATABLE
SELECT * FROM sales.orders AS o TABLESAMPLE SYSTEM (1) REPEATABLE (3)
-- expect:
SELECT * FROM t_acme.orders AS o TABLESAMPLE pg_catalog.SYSTEM (1) REPEATABLE (3)

-- case: TABLESAMPLE on a shared relation, below its predicate
SELECT * FROM shared.orders TABLESAMPLE BERNOULLI (10)
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r TABLESAMPLE pg_catalog.BERNOULLI (10) WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: sub-select
SELECT s.id FROM (SELECT id FROM sales.orders) AS s
-- expect:
SELECT s.id FROM (SELECT id FROM t_acme.orders) AS s

-- case: sub-select of a shared relation
SELECT s.id FROM (SELECT id FROM shared.orders WHERE total > 10) s
-- expect:
SELECT s.id FROM (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE total > 10) s

-- case: sub-selects three deep
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM shared.orders) a) b) c
-- expect:
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) a) b) c

-- case: LATERAL sub-select
SELECT * FROM sales.orders o, LATERAL (SELECT * FROM sales.items i WHERE i.order_id = o.id) s
-- expect:
SELECT * FROM t_acme.orders o, LATERAL (SELECT * FROM t_acme.items i WHERE i.order_id = o.id) s

-- case: LATERAL over shared
SELECT * FROM sales.orders o CROSS JOIN LATERAL (SELECT count(*) FROM shared.visits v WHERE v.order_id = o.id) s
-- expect:
SELECT * FROM t_acme.orders o CROSS JOIN LATERAL (SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) v WHERE v.order_id = o.id) s

-- case: LEFT JOIN LATERAL ON true
SELECT * FROM shared.customers c LEFT JOIN LATERAL (SELECT * FROM shared.orders o WHERE o.customer_id = c.id ORDER BY ts DESC LIMIT 1) l ON true
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c LEFT JOIN LATERAL (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE o.customer_id = c.id ORDER BY ts DESC LIMIT 1) l ON true

-- case: function in FROM
SELECT * FROM generate_series(1, 10)
-- expect:
SELECT * FROM pg_catalog.generate_series(1, 10)

-- case: function in FROM with an alias
SELECT n FROM generate_series(1, 10) AS g (n)
-- expect:
SELECT n FROM pg_catalog.generate_series(1, 10) AS g (n)

-- case: function WITH ORDINALITY
SELECT * FROM unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t (v, n)
-- expect:
SELECT * FROM pg_catalog.unnest(ARRAY['a', 'b']) WITH ORDINALITY AS t (v, n)

-- case: LATERAL function
SELECT * FROM sales.orders o, LATERAL unnest(o.tags) AS t (tag)
-- expect:
SELECT * FROM t_acme.orders o, LATERAL pg_catalog.unnest(o.tags) AS t (tag)

-- case: function of a column of an earlier item
SELECT * FROM shared.orders o, jsonb_array_elements(o.lines) AS l
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o, pg_catalog.jsonb_array_elements(o.lines) AS l

-- case: ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a'])) AS r (n, t)
-- expect:
SELECT * FROM ROWS FROM (pg_catalog.generate_series(1, 3), pg_catalog.unnest(ARRAY['a'])) AS r (n, t)

-- case: unnest of several arrays is syntax that a schema's name would break
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) WITH ORDINALITY AS t (n, s, i)
-- unchanged

-- case: unnest of several arrays of columns, of sub-selects and of calls
SELECT * FROM sales.orders o, ROWS FROM (unnest(o.tags, string_to_array(o.note, ',')), generate_series(1, 2)) AS t
-- expect:
SELECT * FROM t_acme.orders o, ROWS FROM (unnest(o.tags, pg_catalog.string_to_array(o.note, ',')), pg_catalog.generate_series(1, 2)) AS t

-- case: unnest of several arrays, one with another tenant's rows
SELECT * FROM unnest(ARRAY[1], ARRAY(SELECT id FROM t_globex.orders))
-- refuse: 42501 relation.not_allowed

-- case: unnest of several arrays with a call that is not allowed
SELECT * FROM unnest(ARRAY[1], ARRAY[pg_read_file('x')])
-- refuse: 42501 function.not_allowed

-- case: unnest of another schema
SELECT * FROM t_globex.unnest(ARRAY[1], ARRAY[2])
-- refuse: 42501 function.not_allowed

-- case: unnest of several arrays is a function like others outside FROM
SELECT unnest(ARRAY[1], ARRAY[2])
-- expect:
SELECT pg_catalog.unnest(ARRAY[1], ARRAY[2])

-- case: function with a column list
SELECT * FROM jsonb_to_recordset('[{"a":1}]') AS x (a int, b text)
-- expect:
SELECT * FROM pg_catalog.jsonb_to_recordset('[{"a":1}]') AS x (a int, b pg_catalog.text)

-- case: alias that is the name of another relation
SELECT customers.id FROM shared.orders AS customers
-- expect:
SELECT customers.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers

-- case: alias equal to a schema
SELECT shared.id FROM shared.orders AS shared
-- expect:
SELECT shared.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS shared

-- case: schema-qualified column
SELECT shared.orders.id FROM shared.orders
-- expect:
SELECT orders.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: schema-qualified column of an own relation
SELECT sales.orders.id, sales.orders.* FROM sales.orders
-- expect:
SELECT orders.id, orders.* FROM t_acme.orders

-- case: schema-qualified column in WHERE
SELECT 1 FROM sales.orders WHERE sales.orders.id = 1 ORDER BY sales.orders.id
-- expect:
SELECT 1 FROM t_acme.orders WHERE orders.id = 1 ORDER BY orders.id

-- case: no FROM list but WHERE
SELECT 1 WHERE 1 = 2
-- unchanged

-- case: empty select list
SELECT FROM sales.orders
-- expect:
SELECT FROM t_acme.orders

-- case: an own and a shared relation of one name
SELECT sales.orders.id, shared.orders.id FROM sales.orders, shared.orders
-- refuse: 0A000 column.relation

-- case: column of an outer relation that an inner one of the same name would capture
SELECT (SELECT max(shared.orders.id) FROM sales.orders) FROM shared.orders
-- refuse: 0A000 column.relation

-- case: column of a relation whose name a WITH item has too
WITH orders AS (SELECT 1 AS id) SELECT shared.orders.id FROM shared.orders, orders
-- refuse: 0A000 column.relation

-- case: column of a relation whose name an alias has too
SELECT shared.orders.id FROM shared.orders, sales.items AS orders
-- refuse: 0A000 column.relation

-- case: schema-qualified column in two queries over the same relation
SELECT (SELECT max(shared.orders.id) FROM shared.orders) FROM shared.orders WHERE shared.orders.id > 1
-- expect:
SELECT (SELECT pg_catalog.max(orders.id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE orders.id > 1

-- case: an own and a shared relation of one name, one with an alias
SELECT o.id, orders.id FROM sales.orders o, shared.orders
-- expect:
SELECT o.id, orders.id FROM t_acme.orders o, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: own relation named through the path and by its schema
SELECT items.id, sales.items.id FROM items
-- expect:
SELECT items.id, items.id FROM t_acme.items

-- case: schema-qualified column of an outer query
SELECT (SELECT max(i.id) FROM sales.items i WHERE i.order_id = shared.orders.id) FROM shared.orders
-- expect:
SELECT (SELECT pg_catalog.max(i.id) FROM t_acme.items i WHERE i.order_id = orders.id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: schema-qualified column of a relation that has an alias
SELECT sales.orders.id FROM sales.orders o
-- refuse: 0A000 column.relation

-- case: schema-qualified column of a foreign relation
SELECT t_globex.orders.id FROM sales.orders
-- refuse: 0A000 column.relation

-- case: physical schema in a column
SELECT t_acme.orders.id FROM sales.orders
-- refuse: 0A000 column.relation

-- case: a guarded function in FROM stays a call
SELECT a.relid, depth FROM pg_catalog.pg_partition_ancestors(16384) WITH ORDINALITY AS a (relid, depth)
-- expect:
SELECT a.relid, depth FROM pg_catalog.unnest(ARRAY(SELECT rg_a.rg_relation::pg_catalog.oid FROM (SELECT c.oid AS rg_oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) AS rg_g CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(rg_g.rg_oid) AS rg_a(rg_relation) WHERE rg_g.rg_oid = 16384 AND rg_a.rg_relation::pg_catalog.oid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) WITH ORDINALITY AS a (relid, depth)

-- case: a guarded function in ROWS FROM stays a call
SELECT * FROM ROWS FROM (pg_partition_ancestors(16384), generate_series(1, 2)) AS r (a, b)
-- expect:
SELECT * FROM ROWS FROM (pg_catalog.unnest(ARRAY(SELECT rg_a.rg_relation::pg_catalog.oid FROM (SELECT c.oid AS rg_oid FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) AS rg_g CROSS JOIN LATERAL pg_catalog.pg_partition_ancestors(rg_g.rg_oid) AS rg_a(rg_relation) WHERE rg_g.rg_oid = 16384 AND rg_a.rg_relation::pg_catalog.oid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))), pg_catalog.generate_series(1, 2)) AS r (a, b)

