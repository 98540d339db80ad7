--- leaks.md text_sql_func: functions that take SQL or names as text.
-- use standard.policy

-- case: query_to_xml
SELECT query_to_xml('SELECT * FROM t_globex.orders', true, true, '')
-- refuse: 42501

-- case: table_to_xml
SELECT table_to_xml('t_globex.orders', true, true, '')
-- refuse: 42501

-- case: schema_to_xml
SELECT schema_to_xml('t_globex', true, true, '')
-- refuse: 42501

-- case: database_to_xml
SELECT database_to_xml(true, true, '')
-- refuse: 42501

-- case: cursor_to_xml
SELECT cursor_to_xml('c', 1, true, true, '')
-- refuse: 42501

-- case: query_to_xml, qualified
SELECT pg_catalog.query_to_xml('SELECT 1', true, true, '')
-- refuse: 42501

-- case: ts_stat
SELECT * FROM ts_stat('SELECT v FROM t_globex.docs')
-- refuse: 42501

-- case: ts_rewrite
SELECT ts_rewrite('a'::tsquery, 'SELECT a, b FROM t_globex.x')
-- refuse: 42501

-- case: dblink
SELECT * FROM dblink('dbname=bi', 'SELECT 1') AS t (a int)
-- refuse: 42501

-- case: crosstab
SELECT * FROM crosstab('SELECT 1') AS t (a int)
-- refuse: 42501

-- case: in FROM
SELECT * FROM query_to_xml($$SELECT 1$$, true, true, $$$$)
-- refuse: 42501

-- case: in ROWS FROM
SELECT * FROM ROWS FROM (generate_series(1, 2), query_to_xml('SELECT 1', true, true, '')) AS r
-- refuse: 42501

-- case: in a window frame
SELECT rank() OVER (ORDER BY query_to_xml('SELECT 1', true, true, '')::text)
-- refuse: 42501

-- case: in quotes
SELECT "query_to_xml"('SELECT 1', true, true, '')
-- refuse: 42501

-- case: regclass of a foreign relation
SELECT 't_globex.orders'::regclass
-- refuse: 42501

-- case: regclass of a number
SELECT 16500::regclass::text
-- refuse: 42501

-- case: regclass of a column
SELECT id::regclass::text FROM sales.a
-- refuse: 42501

-- case: regclass as a function
SELECT to_regclass('t_globex.orders')
-- refuse: 42501

-- case: regproc
SELECT 'pg_read_file'::regproc
-- refuse: 42501

-- case: regrole
SELECT 10::regrole
-- refuse: 42501

-- case: regnamespace
SELECT 2200::regnamespace::text
-- refuse: 42501

-- case: regtype of a foreign type
SELECT 't_globex.mood'::regtype
-- refuse: 42501

-- case: regclass by CAST
SELECT CAST('t_globex.orders' AS pg_catalog.regclass)
-- refuse: 42501

-- case: regclass by a type name in front
SELECT regclass 't_globex.orders'
-- refuse: 42501

-- case: array of regclass
SELECT '{t_globex.orders}'::regclass[]
-- refuse: 42501

