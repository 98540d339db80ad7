--- leaks.md text_sql_func: functions that take SQL or names as text.
-- use standard.policy

-- case: query_to_xml
SELECT query_to_xml('SELECT * FROM t_globex.orders', true, true, '')
-- refuse: 42501 function.not_allowed

-- case: table_to_xml
SELECT table_to_xml('t_globex.orders', true, true, '')
-- refuse: 42501 function.not_allowed

-- case: schema_to_xml
SELECT schema_to_xml('t_globex', true, true, '')
-- refuse: 42501 function.not_allowed

-- case: database_to_xml
SELECT database_to_xml(true, true, '')
-- refuse: 42501 function.not_allowed

-- case: cursor_to_xml
SELECT cursor_to_xml('c', 1, true, true, '')
-- refuse: 42501 function.not_allowed

-- case: query_to_xml, qualified
SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')
-- refuse: 42501 function.not_allowed

-- case: ts_stat
SELECT * FROM ts_stat('SELECT v FROM t_globex.docs')
-- refuse: 42501 function.not_allowed

-- case: ts_rewrite
SELECT ts_rewrite('a'::tsquery, 'SELECT a, b FROM t_globex.x')
-- refuse: 42501 function.not_allowed

-- case: dblink
SELECT * FROM dblink('dbname=bi', 'SELECT 1') AS t (a int)
-- refuse: 42501 function.not_allowed

-- case: crosstab
SELECT * FROM crosstab('SELECT 1') AS t (a int)
-- refuse: 42501 function.not_allowed

-- case: in FROM
SELECT * FROM query_to_xml($$SELECT 1$$, true, true, $$$$)
-- refuse: 42501 function.not_allowed

-- case: in ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, 2), query_to_xml('SELECT 1', true, true, '')) AS r
-- refuse: 42501 function.not_allowed

-- case: in a window frame
SELECT rank() OVER (ORDER BY query_to_xml('SELECT 1', true, true, '')::text)
-- refuse: 42501 function.not_allowed

-- case: in quotes
SELECT "query_to_xml"('SELECT 1', true, true, '')
-- refuse: 42501 function.not_allowed

-- case: regclass of a foreign relation
SELECT 't_globex.orders'::regclass
-- expect:
SELECT ((SELECT rg_g.rg_oid FROM (SELECT c.oid AS rg_oid, CAST(c.oid AS pg_catalog.text) AS rg_digits, pg_catalog.quote_ident(c.relname) AS rg_name, pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) AS rg_full, ((n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) OR n.oid = 11) AS rg_found FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) OR n.oid = 11) AS rg_g WHERE (rg_g.rg_full = CASE WHEN pg_catalog.strpos('t_globex.orders', '"') = 0 THEN pg_catalog.lower('t_globex.orders') ELSE 't_globex.orders' END OR (rg_g.rg_found AND rg_g.rg_name = CASE WHEN pg_catalog.strpos('t_globex.orders', '"') = 0 THEN pg_catalog.lower('t_globex.orders') ELSE 't_globex.orders' END)) OR rg_g.rg_digits = 't_globex.orders')) AS regclass

-- case: regclass of a number
SELECT 16500::regclass::text
-- expect:
SELECT ((SELECT rg_g.rg_name FROM (SELECT c.oid AS rg_oid, CASE WHEN (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) THEN pg_catalog.quote_ident(c.relname) ELSE pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) END AS rg_name FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) OR c.oid IN (SELECT rg_i.indexrelid FROM pg_catalog.pg_index AS rg_i WHERE rg_i.indexprs IS NULL AND rg_i.indpred IS NULL AND rg_i.indrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) AS rg_g WHERE rg_g.rg_oid = 16500))::pg_catalog.text AS text

-- case: regclass of a column
SELECT id::regclass::text FROM sales.a
-- expect:
SELECT ((SELECT rg_g.rg_name FROM (SELECT c.oid AS rg_oid, CASE WHEN (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) THEN pg_catalog.quote_ident(c.relname) ELSE pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) END AS rg_name FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) OR c.oid IN (SELECT rg_i.indexrelid FROM pg_catalog.pg_index AS rg_i WHERE rg_i.indexprs IS NULL AND rg_i.indpred IS NULL AND rg_i.indrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) AS rg_g WHERE rg_g.rg_oid = id))::pg_catalog.text AS id FROM t_acme.a

-- case: regclass as a function
SELECT to_regclass('t_globex.orders')
-- refuse: 42501 function.not_allowed

-- case: regproc
SELECT 'pg_read_file'::regproc
-- expect:
SELECT ((SELECT CASE WHEN pg_catalog.count(*) = 1 THEN pg_catalog.min(rg_g.rg_oid) END FROM (SELECT p.oid AS rg_oid, CAST(p.proname AS pg_catalog.text) AS rg_name FROM pg_catalog.pg_proc AS p WHERE p.oid < 16384 AND p.pronamespace = 11) AS rg_g WHERE rg_g.rg_name = pg_catalog.regexp_replace(CAST('pg_read_file' AS pg_catalog.text), '^pg_catalog[.]', ''))) AS regproc

-- case: regrole
SELECT 10::regrole
-- expect:
SELECT pg_catalog.quote_ident('alice'::pg_catalog.text) AS regrole

-- case: regnamespace
SELECT 2200::regnamespace::text
-- expect:
SELECT ((SELECT pg_catalog.quote_ident(rg_g.rg_name) FROM (SELECT n.oid AS rg_oid, CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END AS rg_name FROM pg_catalog.pg_namespace AS n WHERE n.oid = 11 OR n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR n.nspname = ANY (ARRAY['shared']::pg_catalog.text[])) AS rg_g WHERE rg_g.rg_oid = 2200))::pg_catalog.text AS text

-- case: regtype of a foreign type
SELECT 't_globex.mood'::regtype
-- refuse: 42501 type.not_allowed

-- case: regclass by CAST
SELECT CAST('t_globex.orders' AS pg_catalog.regclass)
-- expect:
SELECT ((SELECT rg_g.rg_oid FROM (SELECT c.oid AS rg_oid, CAST(c.oid AS pg_catalog.text) AS rg_digits, pg_catalog.quote_ident(c.relname) AS rg_name, pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) AS rg_full, ((n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) OR n.oid = 11) AS rg_found FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) OR n.oid = 11) AS rg_g WHERE (rg_g.rg_full = CASE WHEN pg_catalog.strpos('t_globex.orders', '"') = 0 THEN pg_catalog.lower('t_globex.orders') ELSE 't_globex.orders' END OR (rg_g.rg_found AND rg_g.rg_name = CASE WHEN pg_catalog.strpos('t_globex.orders', '"') = 0 THEN pg_catalog.lower('t_globex.orders') ELSE 't_globex.orders' END)) OR rg_g.rg_digits = 't_globex.orders')) AS regclass

-- case: regclass by a type name in front
SELECT regclass 't_globex.orders'
-- expect:
SELECT ((SELECT rg_g.rg_oid FROM (SELECT c.oid AS rg_oid, CAST(c.oid AS pg_catalog.text) AS rg_digits, pg_catalog.quote_ident(c.relname) AS rg_name, pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) AS rg_full, ((n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) OR n.oid = 11) AS rg_found FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))) OR n.oid = 11) AS rg_g WHERE (rg_g.rg_full = CASE WHEN pg_catalog.strpos('t_globex.orders', '"') = 0 THEN pg_catalog.lower('t_globex.orders') ELSE 't_globex.orders' END OR (rg_g.rg_found AND rg_g.rg_name = CASE WHEN pg_catalog.strpos('t_globex.orders', '"') = 0 THEN pg_catalog.lower('t_globex.orders') ELSE 't_globex.orders' END)) OR rg_g.rg_digits = 't_globex.orders')) AS regclass

-- case: array of regclass
SELECT '{t_globex.orders}'::regclass[]
-- refuse: 42501 type.not_allowed

