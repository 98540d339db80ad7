--- leaks.md ddl: SQL that is stored and runs later, under other names, for others.
-- use standard.policy

-- case: CREATE TABLE
CREATE TABLE sales.x (id int)
-- refuse: 42501 statement.ddl

-- case: CREATE TEMP TABLE
CREATE TEMP TABLE orders (id int)
-- refuse: 42501 statement.ddl

-- case: CREATE TABLE AS
CREATE TABLE sales.x AS SELECT * FROM shared.orders
-- refuse: 42501 statement.ddl

-- case: CREATE VIEW
CREATE VIEW sales.v AS SELECT * FROM t_globex.orders
-- refuse: 42501 statement.ddl

-- case: CREATE MATERIALIZED VIEW
CREATE MATERIALIZED VIEW sales.v AS SELECT 1
-- refuse: 42501 statement.ddl

-- case: CREATE FUNCTION
CREATE FUNCTION sales.f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- refuse: 42501 statement.ddl

-- case: CREATE RULE
CREATE RULE r AS ON SELECT TO sales.a DO INSTEAD SELECT 1
-- refuse: 42501 statement.ddl

-- case: CREATE TRIGGER
CREATE TRIGGER t BEFORE INSERT ON sales.a EXECUTE FUNCTION f()
-- refuse: 42501 statement.ddl

-- case: CREATE INDEX
CREATE INDEX ON sales.a (id)
-- refuse: 42501 statement.ddl

-- case: CREATE TYPE
CREATE TYPE sales.mood AS ENUM ('a')
-- refuse: 42501 statement.ddl

-- case: CREATE DOMAIN
CREATE DOMAIN sales.d AS int CHECK (VALUE > 0)
-- refuse: 42501 statement.ddl

-- case: CREATE OPERATOR
CREATE OPERATOR sales.+ (FUNCTION = f, LEFTARG = int, RIGHTARG = int)
-- refuse: 42501 statement.ddl

-- case: CREATE CAST
CREATE CAST (int AS text) WITHOUT FUNCTION
-- refuse: 42501 statement.ddl

-- case: CREATE SCHEMA
CREATE SCHEMA t_x
-- refuse: 42501 statement.ddl

-- case: CREATE EXTENSION
CREATE EXTENSION dblink
-- refuse: 42501 statement.ddl

-- case: CREATE POLICY
CREATE POLICY p ON shared.orders USING (true)
-- refuse: 42501 statement.ddl

-- case: CREATE SERVER
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw
-- refuse: 42501 statement.ddl

-- case: CREATE STATISTICS
CREATE STATISTICS s ON a, b FROM sales.a
-- refuse: 42501 statement.ddl

-- case: ALTER TABLE
ALTER TABLE shared.orders DISABLE ROW LEVEL SECURITY
-- refuse: 42501 statement.ddl

-- case: ALTER TABLE rename
ALTER TABLE sales.a RENAME TO b
-- refuse: 42501 statement.ddl

-- case: ALTER TABLE OWNER
ALTER TABLE sales.a OWNER TO postgres
-- refuse: 42501 statement.ddl

-- case: DROP TABLE
DROP TABLE sales.orders
-- refuse: 42501 statement.ddl

-- case: DROP SCHEMA
DROP SCHEMA t_globex CASCADE
-- refuse: 42501 statement.ddl

-- case: TRUNCATE
TRUNCATE sales.orders
-- refuse: 42501 statement.write

-- case: COMMENT
COMMENT ON TABLE sales.a IS 'x'
-- refuse: 42501 statement.ddl

-- case: GRANT
GRANT SELECT ON sales.a TO PUBLIC
-- refuse: 42501 statement.role

-- case: REVOKE
REVOKE ALL ON sales.a FROM PUBLIC
-- refuse: 42501 statement.role

-- case: REFRESH
REFRESH MATERIALIZED VIEW sales.v
-- refuse: 42501 statement.ddl

-- case: SECURITY LABEL
SECURITY LABEL ON TABLE sales.a IS 'x'
-- refuse: 42501 statement.ddl

-- case: IMPORT FOREIGN SCHEMA
IMPORT FOREIGN SCHEMA s FROM SERVER x INTO sales
-- refuse: 42501 statement.ddl

-- case: EXPLAIN of CREATE TABLE AS
EXPLAIN CREATE TABLE sales.x AS SELECT 1
-- refuse: 0A000 statement.explain

-- case: CREATE ROLE
CREATE ROLE x SUPERUSER
-- refuse: 42501 statement.role

-- case: REASSIGN OWNED
REASSIGN OWNED BY a TO b
-- refuse: 42501 statement.role

