--- WITH: which of the two a name means, a WITH item or a relation, by PostgreSQL's own scope rules. Wrongly taken
--- for an item, a relation would stay as it is; wrongly taken for a relation, the statement would break.
-- use standard.policy

-- case: item
WITH w AS (SELECT 1 AS x) SELECT x FROM w
-- unchanged

-- case: item over an own relation
WITH w AS (SELECT * FROM sales.orders) SELECT * FROM w
-- expect:
WITH w AS (SELECT * FROM t_acme.orders) SELECT * FROM w

-- case: item over a shared relation
WITH w AS (SELECT * FROM shared.orders) SELECT * FROM w
-- expect:
WITH w AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT * FROM w

-- case: item that shadows an own relation
WITH orders AS (SELECT 1 AS id) SELECT * FROM orders
-- unchanged

-- case: item that reads the relation it shadows
-- relations: sales.orders
WITH orders AS (SELECT * FROM orders) SELECT * FROM orders
-- expect:
WITH orders AS (SELECT * FROM t_acme.orders) SELECT * FROM orders

-- case: item that does not shadow a qualified name
-- relations: sales.orders
WITH orders AS (SELECT 1 AS id) SELECT * FROM sales.orders
-- expect:
WITH orders AS (SELECT 1 AS id) SELECT * FROM t_acme.orders

-- case: item that does not shadow a shared name
-- relations: shared.orders
WITH orders AS (SELECT 1 AS id) SELECT * FROM orders, shared.orders AS s
-- expect:
WITH orders AS (SELECT 1 AS id) SELECT * FROM orders, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS s

-- case: item seen by a later one
WITH a AS (SELECT 1 AS x), b AS (SELECT x FROM a) SELECT * FROM b
-- unchanged

-- case: item not seen by an earlier one
-- relations: sales.b
WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a
-- expect:
WITH a AS (SELECT * FROM t_acme.b), b AS (SELECT 1) SELECT * FROM a

-- case: item not seen in itself
-- relations: sales.a
WITH a AS (SELECT * FROM a) SELECT * FROM a
-- expect:
WITH a AS (SELECT * FROM t_acme.a) SELECT * FROM a

-- case: RECURSIVE: seen in itself
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t
-- unchanged

-- case: RECURSIVE: seen by an earlier one
WITH RECURSIVE a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a
-- unchanged

-- case: RECURSIVE over an own relation
-- relations: sales.tree
WITH RECURSIVE t AS (SELECT id, parent FROM sales.tree WHERE parent IS NULL UNION ALL SELECT c.id, c.parent FROM sales.tree c JOIN t ON t.id = c.parent) SELECT * FROM t
-- expect:
WITH RECURSIVE t AS (SELECT id, parent FROM t_acme.tree WHERE parent IS NULL UNION ALL SELECT c.id, c.parent FROM t_acme.tree c JOIN t ON t.id = c.parent) SELECT * FROM t

-- case: RECURSIVE over a shared relation
-- relations: shared.orders
WITH RECURSIVE t AS (SELECT id, parent_id FROM shared.orders WHERE parent_id IS NULL UNION SELECT o.id, o.parent_id FROM shared.orders o JOIN t ON o.parent_id = t.id) SELECT * FROM t
-- expect:
WITH RECURSIVE t AS (SELECT id, parent_id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE parent_id IS NULL UNION SELECT o.id, o.parent_id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN t ON o.parent_id = t.id) SELECT * FROM t

-- case: RECURSIVE that is not recursive
-- relations: shared.orders
WITH RECURSIVE orders AS (SELECT * FROM shared.orders) SELECT * FROM orders
-- expect:
WITH RECURSIVE orders AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT * FROM orders

-- case: SEARCH DEPTH FIRST
WITH RECURSIVE t (id) AS (SELECT id FROM sales.tree UNION ALL SELECT c.id FROM sales.tree c, t) SEARCH DEPTH FIRST BY id SET o SELECT * FROM t
-- expect:
WITH RECURSIVE t (id) AS (SELECT id FROM t_acme.tree UNION ALL SELECT c.id FROM t_acme.tree c, t) SEARCH DEPTH FIRST BY id SET o SELECT * FROM t

-- case: CYCLE
WITH RECURSIVE t (id) AS (SELECT id FROM sales.tree UNION ALL SELECT c.id FROM sales.tree c, t) CYCLE id SET looped USING path SELECT * FROM t
-- expect:
WITH RECURSIVE t (id) AS (SELECT id FROM t_acme.tree UNION ALL SELECT c.id FROM t_acme.tree c, t) CYCLE id SET looped USING path SELECT * FROM t

-- case: MATERIALIZED
WITH w AS MATERIALIZED (SELECT * FROM shared.orders) SELECT * FROM w
-- expect:
WITH w AS MATERIALIZED (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT * FROM w

-- case: NOT MATERIALIZED
WITH w AS NOT MATERIALIZED (SELECT * FROM shared.orders) SELECT * FROM w WHERE id = 1
-- expect:
WITH w AS NOT MATERIALIZED (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT * FROM w WHERE id = 1

-- case: item with column aliases
WITH w (a, b) AS (SELECT id, total FROM shared.orders) SELECT a FROM w
-- expect:
WITH w (a, b) AS (SELECT id, total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT a FROM w

-- case: used twice
WITH w AS (SELECT * FROM shared.orders) SELECT * FROM w x JOIN w y ON x.id = y.id
-- expect:
WITH w AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT * FROM w x JOIN w y ON x.id = y.id

-- case: not used
-- relations: shared.orders
WITH w AS (SELECT * FROM shared.orders) SELECT 1
-- expect:
WITH w AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) SELECT 1

-- case: seen in a sub-query
WITH w AS (SELECT 1 AS x) SELECT (SELECT x FROM w), (SELECT count(*) FROM w)
-- expect:
WITH w AS (SELECT 1 AS x) SELECT (SELECT x FROM w), (SELECT pg_catalog.count(*) FROM w)

-- case: seen in EXISTS
-- relations: sales.a
WITH w AS (SELECT 1 AS x) SELECT 1 FROM sales.a WHERE EXISTS (SELECT FROM w WHERE w.x = a.x)
-- expect:
WITH w AS (SELECT 1 AS x) SELECT 1 FROM t_acme.a WHERE EXISTS (SELECT FROM w WHERE w.x = a.x)

-- case: seen in FROM sub-select
WITH w AS (SELECT 1 AS x) SELECT * FROM (SELECT x FROM w) s
-- unchanged

-- case: seen in LIMIT
WITH w AS (SELECT 1 AS x) SELECT 1 LIMIT (SELECT x FROM w)
-- unchanged

-- case: seen in ORDER BY
-- relations: sales.a
WITH w AS (SELECT 1 AS x) SELECT id FROM sales.a ORDER BY (SELECT x FROM w)
-- expect:
WITH w AS (SELECT 1 AS x) SELECT id FROM t_acme.a ORDER BY (SELECT x FROM w)

-- case: nested WITH sees the outer
WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH b AS (SELECT x FROM a) SELECT * FROM b) s
-- unchanged

-- case: nested WITH hides the outer
WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH a AS (SELECT 2 AS x) SELECT * FROM a) s, a
-- unchanged

-- case: nested WITH of the same name reads the outer
WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH a AS (SELECT x FROM a) SELECT * FROM a) s
-- unchanged

-- case: WITH inside a WITH item
-- relations: sales.b
WITH a AS (WITH b AS (SELECT 1 AS x) SELECT x FROM b) SELECT * FROM a, b
-- expect:
WITH a AS (WITH b AS (SELECT 1 AS x) SELECT x FROM b) SELECT * FROM a, t_acme.b

-- case: item of a sub-query is not seen outside
-- relations: sales.a
SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) s, a
-- expect:
SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) s, t_acme.a

-- case: item of a sub-query is not seen in another
-- relations: sales.a
SELECT (WITH a AS (SELECT 1 AS x) SELECT x FROM a), (SELECT count(*) FROM a)
-- expect:
SELECT (WITH a AS (SELECT 1 AS x) SELECT x FROM a), (SELECT pg_catalog.count(*) FROM t_acme.a)

-- case: item of the left arm is not seen in the right
-- relations: sales.a
(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM a
-- expect:
(WITH a AS (SELECT 1) SELECT * FROM a) UNION SELECT * FROM t_acme.a

-- case: item of the right arm is not seen in the left
-- relations: sales.a
SELECT * FROM a UNION (WITH a AS (SELECT 1) SELECT * FROM a)
-- expect:
SELECT * FROM t_acme.a UNION (WITH a AS (SELECT 1) SELECT * FROM a)

-- case: WITH before a set operation is seen in both arms
WITH a AS (SELECT 1) SELECT * FROM a UNION SELECT * FROM a
-- unchanged

-- case: WITH before a set operation is seen in its ORDER BY
WITH a AS (SELECT 1 AS x) SELECT 1 UNION SELECT 2 LIMIT (SELECT x FROM a)
-- unchanged

-- case: other case in quotes is another name
-- relations: sales.Orders
WITH orders AS (SELECT 1) SELECT * FROM "Orders"
-- expect:
WITH orders AS (SELECT 1) SELECT * FROM t_acme."Orders"

-- case: upper case is folded
WITH orders AS (SELECT 1) SELECT * FROM ORDERS
-- unchanged

-- case: quoted item
WITH "My Item" AS (SELECT 1 AS x) SELECT * FROM "My Item"
-- unchanged

-- case: unicode escapes name the item
WITH orders AS (SELECT 1) SELECT * FROM U&"\006frders"
-- unchanged

-- case: names beyond 63 bytes are cut alike
WITH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa AS (SELECT 1) SELECT * FROM aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- unchanged

-- case: item named like a catalogue
WITH pg_class AS (SELECT 1 AS relname) SELECT relname FROM pg_class
-- unchanged

-- case: item named like rowgate's own
-- relations: shared.orders
WITH rg_m AS (SELECT 1 AS x) SELECT * FROM rg_m, shared.orders
-- expect:
WITH rg_m AS (SELECT 1 AS x) SELECT * FROM rg_m, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: item named like rowgate's own, read inside
-- relations: shared.orders
WITH rg_m AS (SELECT 1 AS x) SELECT (SELECT max(x) FROM rg_m WHERE x = o.id) FROM shared.orders o
-- expect:
WITH rg_m AS (SELECT 1 AS x) SELECT (SELECT pg_catalog.max(x) FROM rg_m WHERE x = o.id) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: item with a system name as schema
WITH pg_catalog AS (SELECT 1) SELECT * FROM pg_catalog
-- unchanged

-- case: twenty items chained
-- relations: shared.orders
WITH w0 AS (SELECT * FROM shared.orders), w1 AS (SELECT * FROM w0), w2 AS (SELECT * FROM w1), w3 AS (SELECT * FROM w2), w4 AS (SELECT * FROM w3), w5 AS (SELECT * FROM w4), w6 AS (SELECT * FROM w5), w7 AS (SELECT * FROM w6), w8 AS (SELECT * FROM w7), w9 AS (SELECT * FROM w8), w10 AS (SELECT * FROM w9), w11 AS (SELECT * FROM w10), w12 AS (SELECT * FROM w11), w13 AS (SELECT * FROM w12), w14 AS (SELECT * FROM w13), w15 AS (SELECT * FROM w14), w16 AS (SELECT * FROM w15), w17 AS (SELECT * FROM w16), w18 AS (SELECT * FROM w17), w19 AS (SELECT * FROM w18) SELECT * FROM w19
-- expect:
WITH w0 AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders), w1 AS (SELECT * FROM w0), w2 AS (SELECT * FROM w1), w3 AS (SELECT * FROM w2), w4 AS (SELECT * FROM w3), w5 AS (SELECT * FROM w4), w6 AS (SELECT * FROM w5), w7 AS (SELECT * FROM w6), w8 AS (SELECT * FROM w7), w9 AS (SELECT * FROM w8), w10 AS (SELECT * FROM w9), w11 AS (SELECT * FROM w10), w12 AS (SELECT * FROM w11), w13 AS (SELECT * FROM w12), w14 AS (SELECT * FROM w13), w15 AS (SELECT * FROM w14), w16 AS (SELECT * FROM w15), w17 AS (SELECT * FROM w16), w18 AS (SELECT * FROM w17), w19 AS (SELECT * FROM w18) SELECT * FROM w19

