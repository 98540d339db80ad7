--- A Hyper upstream (docs/hyper.md): what is sent there, and what is refused. AS SECURE is Hyper's fence.
-- policy name=own on=sales.* isolation=schema for=select,insert,update,delete
-- policy name=tenant on=shared.orders,shared.customers using=tenant_id = :tenant_id
-- policy name=region on=shared.visits using=tenant_id = :tenant_id and region = any(:regions)
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- claim regions text[] = {emea,apac}
-- tenant acme schemas sales=t_acme
-- dialect hyper

-- case: own table
SELECT id, note FROM sales.orders WHERE id = 5
-- expect:
SELECT id, note FROM t_acme.orders WHERE id = 5

-- case: own table by the path
SELECT o.note FROM orders o
-- expect:
SELECT o.note FROM t_acme.orders o

-- case: shared table: the fence is SECURE
SELECT count(*) FROM shared.orders WHERE 1 / (id % 2) = 1
-- expect:
SELECT pg_catalog.count(*) FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE 1 / (id % 2) = 1

-- case: two predicates, an array of a claim
SELECT * FROM shared.visits AS v JOIN shared.orders AS o ON o.id = v.id
-- expect:
SELECT * FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) AS v JOIN (WITH rg_m AS SECURE       (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS o ON o.id = v.id

-- case: a column list before the fence
WITH m (materialized) AS MATERIALIZED (SELECT 1), n AS (SELECT 2) SELECT m.materialized FROM m, n
-- expect:
WITH m (materialized) AS SECURE       (SELECT 1), n AS (SELECT 2) SELECT m.materialized FROM m, n

-- case: an alias called materialized, which looks like a fence
SELECT * FROM (VALUES (1, 2)) AS materialized (a, b)
-- refuse: 0A000 hyper.token

-- case: an alias called "materialized", quoted
SELECT * FROM (VALUES (1, 2)) AS "materialized" (a, b)
-- unchanged

-- case: a column called materialized
SELECT 1 AS materialized
-- unchanged

-- case: a comment is blanked
SELECT 1 /* x */ + 2 -- y
 + 3
-- expect:
SELECT 1         + 2       + 3

-- case: a nested comment, which Hyper would end early
SELECT 1 /* /* */ FROM t_globex.orders -- */
-- expect:
SELECT 1

-- case: a quote inside a string
SELECT 'it''s \', "dou""ble" FROM orders
-- expect:
SELECT 'it''s \', "dou""ble" FROM t_acme.orders

-- case: version
SELECT pg_catalog.version()
-- expect:
SELECT (CAST('PostgreSQL 9.1.0 (Tableau Hyper)' AS pg_catalog.text)) AS version

-- case: identity
SELECT current_user, session_user, current_database(), current_schema()
-- expect:
SELECT (CAST('alice'::pg_catalog.text AS pg_catalog.text)) AS "current_user", (CAST('alice'::pg_catalog.text AS pg_catalog.text)) AS "session_user", (CAST('bi'::pg_catalog.text AS pg_catalog.text)) AS current_database, (CAST('sales'::pg_catalog.text AS pg_catalog.text)) AS "current_schema"

-- case: tables as SQLAlchemy asks for them
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'sales' AND c.relkind in ('r', 'p')
-- expect:
SELECT c.relname FROM (WITH rg_m AS SECURE       (SELECT c.oid, c.relname, c.relnamespace, 0::pg_catalog.oid AS reltype, 0::pg_catalog.oid AS reloftype, 10::pg_catalog.oid AS relowner, 0::pg_catalog.oid AS relam, 0::pg_catalog.oid AS relfilenode, 0::pg_catalog.oid AS reltablespace, 0 AS relpages, CAST(-1 AS pg_catalog.float4) AS reltuples, 0 AS relallvisible, 0::pg_catalog.oid AS reltoastrelid, false AS relhasindex, false AS relisshared, c.relpersistence, c.relkind, c.relnatts, 0::pg_catalog.int2 AS relchecks, false AS relhasoids, false AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity, true AS relispopulated, CAST('n' AS pg_catalog."char") AS relreplident, false AS relispartition, NULL::pg_catalog.text[] AS relacl, NULL::pg_catalog.text[] AS reloptions, NULL::pg_catalog.text AS relpartbound FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND c.relkind = 'r' AND (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) SELECT * FROM rg_m) c JOIN (WITH rg_m AS SECURE       (SELECT n.oid, CAST(COALESCE((ARRAY['sales']::pg_catalog.text[])[CAST(pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname) AS pg_catalog.int4)], (ARRAY['shared']::pg_catalog.text[])[CAST(pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname) AS pg_catalog.int4)], CASE WHEN n.oid = 11 THEN 'pg_catalog' END) AS pg_catalog.text) AS nspname, 10::pg_catalog.oid AS nspowner, NULL::pg_catalog.text[] AS nspacl FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR n.oid = 11 OR n.nspname = ANY (ARRAY['shared']::pg_catalog.text[])) SELECT * FROM rg_m) n ON n.oid = c.relnamespace WHERE n.nspname = 'sales' AND c.relkind in ('r', 'p')

-- case: is it visible
SELECT c.relname FROM pg_catalog.pg_class c WHERE pg_catalog.pg_table_is_visible(c.oid)
-- expect:
SELECT c.relname FROM (WITH rg_m AS SECURE       (SELECT c.oid, c.relname, c.relnamespace, 0::pg_catalog.oid AS reltype, 0::pg_catalog.oid AS reloftype, 10::pg_catalog.oid AS relowner, 0::pg_catalog.oid AS relam, 0::pg_catalog.oid AS relfilenode, 0::pg_catalog.oid AS reltablespace, 0 AS relpages, CAST(-1 AS pg_catalog.float4) AS reltuples, 0 AS relallvisible, 0::pg_catalog.oid AS reltoastrelid, false AS relhasindex, false AS relisshared, c.relpersistence, c.relkind, c.relnatts, 0::pg_catalog.int2 AS relchecks, false AS relhasoids, false AS relhasrules, false AS relhastriggers, false AS relhassubclass, false AS relrowsecurity, false AS relforcerowsecurity, true AS relispopulated, CAST('n' AS pg_catalog."char") AS relreplident, false AS relispartition, NULL::pg_catalog.text[] AS relacl, NULL::pg_catalog.text[] AS reloptions, NULL::pg_catalog.text AS relpartbound FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND c.relkind = 'r' AND (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) SELECT * FROM rg_m) c WHERE ((SELECT rg_g.rg_found FROM (SELECT c.oid AS rg_oid, COALESCE(pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname) = (SELECT pg_catalog.min(pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_n.nspname)) FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace AND (rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])) WHERE rg_c.relname = c.relname), false) AS rg_found FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND c.relkind = 'r' AND (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) AS rg_g WHERE rg_g.rg_oid = c.oid))

-- case: arguments that a template does not want disappear
SELECT pg_catalog.pg_get_indexdef(i.indexrelid, i.indnatts + 1, true), i.oid::regclass FROM (SELECT indexrelid, indnatts, indexrelid AS oid FROM pg_index) AS i
-- expect:
SELECT (NULL::pg_catalog.text) AS pg_get_indexdef, (NULL::pg_catalog.text) AS oid FROM (SELECT indexrelid, indnatts, indexrelid AS oid FROM (SELECT NULL::pg_catalog.oid AS indexrelid, NULL::pg_catalog.oid AS indrelid, NULL::pg_catalog.int2 AS indnatts, NULL::pg_catalog.int2 AS indnkeyatts, NULL::pg_catalog.bool AS indisunique, NULL::pg_catalog.bool AS indnullsnotdistinct, NULL::pg_catalog.bool AS indisprimary, NULL::pg_catalog.bool AS indisexclusion, NULL::pg_catalog.bool AS indimmediate, NULL::pg_catalog.bool AS indisclustered, NULL::pg_catalog.bool AS indisvalid, NULL::pg_catalog.bool AS indcheckxmin, NULL::pg_catalog.bool AS indisready, NULL::pg_catalog.bool AS indislive, NULL::pg_catalog.bool AS indisreplident, NULL::pg_catalog.int2[] AS indkey, NULL::pg_catalog.oid[] AS indcollation, NULL::pg_catalog.oid[] AS indclass, NULL::pg_catalog.int2[] AS indoption, NULL::pg_catalog.text AS indexprs, NULL::pg_catalog.text AS indpred WHERE false) AS pg_index) AS i

-- case: show
SHOW statement_timeout
-- expect:
SELECT '0'::pg_catalog.text AS statement_timeout

-- case: show the version
SHOW server_version
-- unchanged

-- case: set
SET statement_timeout = '5s'
-- expect:
SET standard_conforming_strings = on

-- case: begin
BEGIN ISOLATION LEVEL READ COMMITTED
-- unchanged

-- case: copy
COPY (SELECT id FROM orders) TO STDOUT WITH (FORMAT csv)
-- expect:
COPY (SELECT id FROM t_acme.orders) TO STDOUT WITH (FORMAT csv)

-- case: functions that both know
SELECT lower(note), extract(year FROM placed), substring(note FROM 1 FOR 2), position('a' IN note) FROM orders
-- expect:
SELECT pg_catalog.lower(note), extract(year FROM placed), substring(note FROM 1 FOR 2), position('a' IN note) FROM t_acme.orders

-- case: window
SELECT id, sum(amount) OVER (PARTITION BY note ORDER BY id) FROM shared.orders
-- expect:
SELECT id, pg_catalog.sum(amount) OVER (PARTITION BY note ORDER BY id) FROM (WITH rg_m AS SECURE       (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: discard
DISCARD ALL
-- expect:
SET standard_conforming_strings = on

-- case: prepare
PREPARE p AS SELECT $1
-- expect:
SET standard_conforming_strings = on

-- case: a parameter whose value is not known yet
-- protocol: extended
SELECT id FROM orders WHERE note = $1 LIMIT $2
-- expect:
SELECT id FROM t_acme.orders WHERE note =  NULL  LIMIT  NULL

-- case: a file
SELECT * FROM external('/etc/passwd', FORMAT => 'csv', columns => descriptor(a text))
-- refuse: 42601 sql.syntax

-- case: a file by its own function
SELECT pg_catalog.external('/etc/passwd')
-- refuse: 42501 function.not_allowed

-- case: many files
SELECT * FROM external(array_of('a', 'b'))
-- refuse: 42501 function.not_allowed

-- case: array_of
SELECT array_of(1, 2)
-- refuse: 42501 function.not_allowed

-- case: a column list of a file
SELECT descriptor(a)
-- refuse: 42501 function.not_allowed

-- case: raw SQL
SELECT raw_sql_function('1')
-- refuse: 42501 function.not_allowed

-- case: the plan's own words
SELECT dumpsqlast('select 1')
-- refuse: 42501 function.not_allowed

-- case: a place in the cloud
SELECT s3_location('s3://x')
-- refuse: 42501 function.not_allowed

-- case: a database's schema
SELECT hyper_schema_json('x')
-- refuse: 42501 function.not_allowed

-- case: sleep
SELECT pg_sleep(10)
-- refuse: 42501 function.not_allowed

-- case: settings by function
SELECT set_config('search_path', 't_globex', false)
-- refuse: 42501 function.not_allowed

-- case: a function that Hyper lacks
SELECT gen_random_uuid()
-- refuse: 42501 function.not_allowed

-- case: privileges
SELECT has_table_privilege('t_globex.orders', 'select')
-- refuse: 42501 function.not_allowed

-- case: copy from a file
COPY orders FROM '/etc/passwd'
-- refuse: 42501 statement.write

-- case: copy to a file
COPY orders TO '/tmp/x'
-- refuse: 42501 statement.copy

-- case: copy from the client
COPY orders FROM STDIN
-- refuse: 42501 statement.write

-- case: copy without a format
COPY (SELECT 1) TO STDOUT
-- refuse: 0A000 statement.copy

-- case: copy in Hyper's own format
COPY (SELECT 1) TO STDOUT WITH (FORMAT hyperbinary)
-- refuse: 0A000 statement.copy

-- case: a database
CREATE DATABASE x
-- refuse: 42501 statement.ddl

-- case: drop a database
DROP DATABASE x
-- refuse: 42501 statement.ddl

-- case: attach
ATTACH DATABASE '/data/globex.hyper' AS g
-- refuse: 42601 sql.syntax

-- case: detach
DETACH DATABASE g
-- refuse: 42601 sql.syntax

-- case: three parts
SELECT * FROM lake.t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: another tenant's schema
SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: its own physical schema
SELECT * FROM t_acme.orders
-- refuse: 42501 relation.not_allowed

-- case: a temporary table
CREATE TEMP TABLE x (a int)
-- refuse: 42501 statement.ddl

-- case: select into
SELECT 1 INTO TEMP x
-- refuse: 42501 statement.ddl

-- case: insert
INSERT INTO sales.orders VALUES (1)
-- refuse: 42501 statement.write

-- case: update
UPDATE sales.orders SET id = 1
-- refuse: 42501 statement.write

-- case: delete
DELETE FROM sales.orders
-- refuse: 42501 statement.write

-- case: a write inside
WITH x AS (DELETE FROM sales.orders RETURNING id) SELECT * FROM x
-- refuse: 42501 statement.write

-- case: explain
EXPLAIN SELECT 1
-- refuse: 0A000 statement.explain

-- case: a savepoint
SAVEPOINT x
-- refuse: 0A000 hyper.transaction

-- case: commit and chain
COMMIT AND CHAIN
-- refuse: 0A000 hyper.transaction

-- case: other sessions
SELECT * FROM pg_stat_activity
-- refuse: 42501 relation.not_allowed

-- case: statistics
SELECT * FROM pg_catalog.pg_stats
-- refuse: 42501 relation.not_allowed

-- case: Hyper's own catalogue
SELECT * FROM pg_catalog.hyper_attached_database
-- refuse: 42501 relation.not_allowed

-- case: settings
SELECT * FROM pg_settings
-- refuse: 42501 relation.not_allowed

-- case: information_schema
SELECT * FROM information_schema.tables
-- refuse: 42501 relation.not_allowed

-- case: set role
SET ROLE x
-- refuse: 42501 setting.not_allowed

-- case: search path
SET search_path = t_globex
-- refuse: 42501 setting.value

-- case: SET LOCAL that Hyper lacks
SET LOCAL timezone = 'Europe/Berlin'
-- refuse: 42501 setting.value

-- case: whose table is it
SELECT 't_globex.orders'::regclass
-- expect:
SELECT ((SELECT rg_g.rg_oid FROM (VALUES ('pg_type', 1247), ('pg_attribute', 1249), ('pg_class', 1259), ('pg_database', 1262), ('pg_constraint', 2606), ('pg_namespace', 2615)) AS rg_g (rg_name, rg_oid) WHERE rg_g.rg_name = 't_globex.orders' OR pg_catalog.concat('pg_catalog.', rg_g.rg_name) = 't_globex.orders')) AS regclass

-- case: a parameter in a simple query
SELECT $1
-- refuse: 42P02 sql.parameter

-- case: words that run together
SELECT 1 AS a, e'x\'' FROM t_globex.orders -- '
-- refuse: 42501 relation.not_allowed

-- case: an escape string
SELECT E'\''
-- refuse: 0A000 hyper.token

-- case: dollar quotes
SELECT $$x$$
-- refuse: 0A000 hyper.token

-- case: dollar quotes around a table
SELECT $a$ FROM t_globex.orders $a$
-- refuse: 0A000 hyper.token

-- case: a dollar in a name
SELECT a$b$c FROM orders
-- refuse: 0A000 hyper.token

-- case: an escaped name
SELECT U&"\0061" FROM orders
-- refuse: 0A000 hyper.token

-- case: bits
SELECT B'101'
-- refuse: 0A000 hyper.token

-- case: a string in two pieces
SELECT 'a'
'b'
-- refuse: 0A000 hyper.token

-- case: letters of other alphabets outside of quotes
SELECT id FROM t_globex.orders
-- refuse: 0A000 hyper.token

-- case: an ideographic space
SELECT id　from　secret FROM orders
-- refuse: 0A000 hyper.token

-- case: a word of Hyper's
SELECT 1 AS secure
-- refuse: 0A000 hyper.token

-- case: a graph
SELECT graph_table FROM orders
-- refuse: 0A000 hyper.token

-- case: a long name
WITH aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa AS (SELECT 1) SELECT * FROM aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
-- refuse: 0A000 hyper.token

-- case: an operator that one of them lacks
SELECT 1 # 2
-- refuse: 0A000 hyper.token

-- case: a named argument
SELECT round(a => 1)
-- refuse: 0A000 hyper.token

-- case: not materialized
WITH x AS NOT MATERIALIZED (SELECT 1) SELECT * FROM x
-- refuse: 0A000 hyper.token

-- case: a sample
SELECT * FROM sales.orders TABLESAMPLE BERNOULLI (1)
-- refuse: 0A000 sql.sample

-- case: a type that Hyper lacks
SELECT '1.2.3.4'::inet
-- refuse: 42501 type.not_allowed

-- case: a type by name
SELECT 'x'::regtype
-- refuse: 42501 type.not_allowed


-- case: a later WITH item, which Hyper would take for a table
WITH RECURSIVE a AS (SELECT * FROM secret), secret AS (SELECT 1 AS x) SELECT * FROM a
-- refuse: 0A000 hyper.with

-- case: a WITH item with the name of a catalogue
WITH pg_stat_activity AS (SELECT 1 AS x) SELECT * FROM pg_stat_activity
-- refuse: 0A000 hyper.with

-- case: a WITH item with the name of a catalogue of Hyper
WITH hyper_attached_database AS (SELECT 1) SELECT * FROM hyper_attached_database
-- refuse: 0A000 hyper.with

-- case: one recursive item
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r
-- unchanged

-- case: an escape string as psql writes it
SELECT E'\n', e'a\tb'
-- unchanged

-- case: an escape string with a quote
SELECT E'a''b'
-- refuse: 0A000 hyper.token

-- case: an escape string that ends in an escape
SELECT E'\\'
-- refuse: 0A000 hyper.token

-- case: copy into an own table
COPY sales.orders FROM STDIN
-- refuse: 42501 statement.write
