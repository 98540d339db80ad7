--- Statements that carry a query: EXPLAIN, COPY to the client, cursors, PREPARE and EXECUTE.
-- use standard.policy
-- prepared by_id(int4) = SELECT * FROM sales.orders WHERE id = $1
-- prepared totals = SELECT sum(total) FROM shared.orders

-- case: EXPLAIN
EXPLAIN SELECT * FROM sales.orders
-- expect:
EXPLAIN SELECT * FROM t_acme.orders

-- case: EXPLAIN with options
EXPLAIN (FORMAT JSON, COSTS) SELECT * FROM sales.orders
-- expect:
EXPLAIN (FORMAT JSON, COSTS) SELECT * FROM t_acme.orders

-- case: EXPLAIN VERBOSE
EXPLAIN VERBOSE SELECT id FROM sales.orders
-- refuse: 0A000 statement.explain

-- case: EXPLAIN of a constant
EXPLAIN SELECT 1
-- unchanged

-- case: EXPLAIN of VALUES
EXPLAIN VALUES (1)
-- unchanged

-- case: COPY of a query
COPY (SELECT * FROM sales.orders) TO STDOUT
-- expect:
COPY (SELECT * FROM t_acme.orders) TO STDOUT

-- case: COPY of a shared query as CSV
COPY (SELECT id, total FROM shared.orders) TO STDOUT WITH (FORMAT csv, HEADER)
-- expect:
COPY (SELECT id, total FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) TO STDOUT WITH (FORMAT csv, HEADER)

-- case: COPY of a query, old options
COPY (SELECT 1) TO STDOUT CSV HEADER DELIMITER ';'
-- unchanged

-- case: COPY binary
COPY (SELECT 1) TO STDOUT (FORMAT binary)
-- unchanged

-- case: cursor
DECLARE c CURSOR FOR SELECT * FROM sales.orders
-- expect:
DECLARE c CURSOR FOR SELECT * FROM t_acme.orders

-- case: cursor as SQLAlchemy writes it
DECLARE "c_7f_1" CURSOR WITHOUT HOLD FOR SELECT * FROM shared.orders
-- expect:
DECLARE "c_7f_1" CURSOR WITHOUT HOLD FOR SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: cursor NO SCROLL
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM shared.orders
-- expect:
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: FETCH
FETCH FORWARD 100 FROM "c_7f_1"
-- unchanged

-- case: FETCH ALL
FETCH ALL FROM c
-- unchanged

-- case: MOVE
MOVE 5 IN c
-- unchanged

-- case: CLOSE
CLOSE "c_7f_1"
-- unchanged

-- case: PREPARE
-- effect: PREPARE
PREPARE p (int4) AS SELECT * FROM sales.orders WHERE id = $1
-- expect:
SET standard_conforming_strings = on

-- case: PREPARE over a shared relation
-- effect: PREPARE
PREPARE p AS SELECT * FROM shared.orders
-- expect:
SET standard_conforming_strings = on

-- case: EXECUTE
EXECUTE by_id (7)
-- expect:
SELECT * FROM t_acme.orders WHERE id = CAST(7 AS pg_catalog.int4)

-- case: EXECUTE of a shared statement
EXECUTE totals
-- expect:
SELECT pg_catalog.sum(total) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: EXECUTE with a missing statement
EXECUTE nobody_prepared_this
-- refuse: 26000 statement.prepare

-- case: DEALLOCATE
-- effect: DEALLOCATE
DEALLOCATE by_id
-- expect:
SET standard_conforming_strings = on

-- case: DEALLOCATE ALL
-- effect: DEALLOCATE
DEALLOCATE ALL
-- expect:
SET standard_conforming_strings = on

-- case: cursor WITH HOLD
DECLARE c CURSOR WITH HOLD FOR SELECT 1
-- refuse: 0A000 statement.cursor

-- case: COPY of a query to a file
COPY (SELECT 1) TO '/tmp/x'
-- refuse: 42501 statement.copy

-- case: EXPLAIN EXECUTE
EXPLAIN EXECUTE by_id (7)
-- refuse: 0A000 statement.explain

-- case: PREPARE of a foreign relation
PREPARE p AS SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: PREPARE of a write
PREPARE p AS DELETE FROM sales.orders
-- refuse: 42501 statement.write

-- case: cursor over a foreign relation
DECLARE c CURSOR FOR SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: EXPLAIN of a foreign relation
EXPLAIN SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: COPY of a foreign relation
COPY (SELECT * FROM t_globex.orders) TO STDOUT
-- refuse: 42501 relation.not_allowed

