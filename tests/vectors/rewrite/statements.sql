--- Statements that carry a query: EXPLAIN, COPY to the client, cursors, PREPARE and EXECUTE.
-- use standard.policy
-- prepared by_id(int4) = SELECT * FROM sales.orders WHERE id = $1
-- prepared totals = SELECT sum(total) FROM shared.orders

-- case: EXPLAIN
EXPLAIN SELECT * FROM sales.orders
-- allow

-- case: EXPLAIN with options
EXPLAIN (FORMAT JSON, COSTS) SELECT * FROM sales.orders
-- allow

-- case: EXPLAIN VERBOSE
EXPLAIN VERBOSE SELECT id FROM sales.orders
-- allow

-- case: EXPLAIN of a constant
EXPLAIN SELECT 1
-- allow

-- case: EXPLAIN of VALUES
EXPLAIN VALUES (1)
-- allow

-- case: COPY of a query
COPY (SELECT * FROM sales.orders) TO STDOUT
-- allow

-- case: COPY of a shared query as CSV
COPY (SELECT id, total FROM shared.orders) TO STDOUT WITH (FORMAT csv, HEADER)
-- allow

-- case: COPY of a query, old options
COPY (SELECT 1) TO STDOUT CSV HEADER DELIMITER ';'
-- allow

-- case: COPY binary
COPY (SELECT 1) TO STDOUT (FORMAT binary)
-- allow

-- case: cursor
DECLARE c CURSOR FOR SELECT * FROM sales.orders
-- allow

-- case: cursor as SQLAlchemy writes it
DECLARE "c_7f_1" CURSOR WITHOUT HOLD FOR SELECT * FROM shared.orders
-- allow

-- case: cursor NO SCROLL
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM shared.orders
-- allow

-- case: FETCH
FETCH FORWARD 100 FROM "c_7f_1"
-- allow

-- case: FETCH ALL
FETCH ALL FROM c
-- allow

-- case: MOVE
MOVE 5 IN c
-- allow

-- case: CLOSE
CLOSE "c_7f_1"
-- allow

-- case: PREPARE
-- effect: PREPARE
PREPARE p (int4) AS SELECT * FROM sales.orders WHERE id = $1
-- allow

-- case: PREPARE over a shared relation
-- effect: PREPARE
PREPARE p AS SELECT * FROM shared.orders
-- allow

-- case: EXECUTE
EXECUTE by_id (7)
-- allow

-- case: EXECUTE of a shared statement
EXECUTE totals
-- allow

-- case: EXECUTE with a missing statement
EXECUTE nobody_prepared_this
-- refuse: 26000

-- case: DEALLOCATE
-- effect: DEALLOCATE
DEALLOCATE by_id
-- allow

-- case: DEALLOCATE ALL
-- effect: DEALLOCATE
DEALLOCATE ALL
-- allow

-- case: cursor WITH HOLD
DECLARE c CURSOR WITH HOLD FOR SELECT 1
-- refuse: 0A000

-- case: COPY of a query to a file
COPY (SELECT 1) TO '/tmp/x'
-- refuse: ?

-- case: EXPLAIN EXECUTE
EXPLAIN EXECUTE by_id (7)
-- refuse: ?

-- case: PREPARE of a foreign relation
PREPARE p AS SELECT * FROM t_globex.orders
-- refuse: 42501

-- case: PREPARE of a write
PREPARE p AS DELETE FROM sales.orders
-- refuse: ?

-- case: cursor over a foreign relation
DECLARE c CURSOR FOR SELECT * FROM t_globex.orders
-- refuse: 42501

-- case: EXPLAIN of a foreign relation
EXPLAIN SELECT * FROM t_globex.orders
-- refuse: 42501

-- case: COPY of a foreign relation
COPY (SELECT * FROM t_globex.orders) TO STDOUT
-- refuse: 42501

