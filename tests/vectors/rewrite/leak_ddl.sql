--- leaks.md ddl: SQL that is stored and runs later, under other names, for others.
-- use standard.policy

-- case: CREATE TABLE
CREATE TABLE sales.x (id int)
-- refuse: ?

-- case: CREATE TEMP TABLE
CREATE TEMP TABLE orders (id int)
-- refuse: ?

-- case: CREATE TABLE AS
CREATE TABLE sales.x AS SELECT * FROM shared.orders
-- refuse: ?

-- case: CREATE VIEW
CREATE VIEW sales.v AS SELECT * FROM t_globex.orders
-- refuse: ?

-- case: CREATE MATERIALIZED VIEW
CREATE MATERIALIZED VIEW sales.v AS SELECT 1
-- refuse: ?

-- case: CREATE FUNCTION
CREATE FUNCTION sales.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- refuse: ?

-- case: CREATE RULE
CREATE RULE r AS ON SELECT TO sales.a DO INSTEAD SELECT 1
-- refuse: ?

-- case: CREATE TRIGGER
CREATE TRIGGER t BEFORE INSERT ON sales.a EXECUTE FUNCTION f()
-- refuse: ?

-- case: CREATE INDEX
CREATE INDEX ON sales.a (id)
-- refuse: ?

-- case: CREATE TYPE
CREATE TYPE sales.mood AS ENUM ('a')
-- refuse: ?

-- case: CREATE DOMAIN
CREATE DOMAIN sales.d AS int CHECK (VALUE > 0)
-- refuse: ?

-- case: CREATE OPERATOR
CREATE OPERATOR sales.+ (FUNCTION = f, LEFTARG = int, RIGHTARG = int)
-- refuse: ?

-- case: CREATE CAST
CREATE CAST (int AS text) WITHOUT FUNCTION
-- refuse: ?

-- case: CREATE SCHEMA
CREATE SCHEMA t_x
-- refuse: ?

-- case: CREATE EXTENSION
CREATE EXTENSION dblink
-- refuse: ?

-- case: CREATE POLICY
CREATE POLICY p ON shared.orders USING (true)
-- refuse: ?

-- case: CREATE SERVER
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw
-- refuse: ?

-- case: CREATE STATISTICS
CREATE STATISTICS s ON a, b FROM sales.a
-- refuse: ?

-- case: ALTER TABLE
ALTER TABLE shared.orders DISABLE ROW LEVEL SECURITY
-- refuse: ?

-- case: ALTER TABLE rename
ALTER TABLE sales.a RENAME TO b
-- refuse: ?

-- case: ALTER TABLE OWNER
ALTER TABLE sales.a OWNER TO postgres
-- refuse: ?

-- case: DROP TABLE
DROP TABLE sales.orders
-- refuse: ?

-- case: DROP SCHEMA
DROP SCHEMA t_globex CASCADE
-- refuse: ?

-- case: TRUNCATE
TRUNCATE sales.orders
-- refuse: ?

-- case: COMMENT
COMMENT ON TABLE sales.a IS 'x'
-- refuse: ?

-- case: GRANT
GRANT SELECT ON sales.a TO PUBLIC
-- refuse: ?

-- case: REVOKE
REVOKE ALL ON sales.a FROM PUBLIC
-- refuse: ?

-- case: REFRESH
REFRESH MATERIALIZED VIEW sales.v
-- refuse: ?

-- case: SECURITY LABEL
SECURITY LABEL ON TABLE sales.a IS 'x'
-- refuse: ?

-- case: IMPORT FOREIGN SCHEMA
IMPORT FOREIGN SCHEMA s FROM SERVER x INTO sales
-- refuse: ?

-- case: EXPLAIN of CREATE TABLE AS
EXPLAIN CREATE TABLE sales.x AS SELECT 1
-- refuse: ?

-- case: CREATE ROLE
CREATE ROLE x SUPERUSER
-- refuse: ?

-- case: REASSIGN OWNED
REASSIGN OWNED BY a TO b
-- refuse: ?

