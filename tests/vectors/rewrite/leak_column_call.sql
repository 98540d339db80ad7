--- Found beside leaks.md foreign_object: a column of a function in FROM that returns a scalar is tried as a function
--- of that scalar, so a column could call what the list of functions does not hold.
-- use standard.policy

-- case: file
SELECT x.pg_read_file FROM unnest(ARRAY['PG_VERSION']) AS x
-- refuse: 42501 column.function

-- case: file, of a named column
SELECT x.pg_ls_dir FROM unnest(ARRAY['.']) AS x (a)
-- refuse: 42501 column.function

-- case: sleep
SELECT g.pg_sleep FROM generate_series(1, 2) AS g
-- refuse: 42501 column.function

-- case: by the function's own name
SELECT generate_series.pg_sleep FROM generate_series(1, 2)
-- refuse: 42501 column.function

-- case: alias that is the function's name
SELECT pg_read_file.pg_read_file FROM json_array_elements_text('["PG_VERSION"]') AS pg_read_file
-- refuse: 42501 column.function

-- case: setting
SELECT x.current_setting FROM unnest(ARRAY['search_path']) AS x
-- refuse: 42501 column.function

-- case: large object
SELECT g.lo_get FROM generate_series(16384, 16400) AS g
-- refuse: 42501 column.function

-- case: cast to regclass
SELECT g.regclass FROM generate_series(1, 20000) AS g
-- refuse: 42501 column.function

-- case: quoted
SELECT "x"."pg_sleep" FROM generate_series(1, 2) AS "x"
-- refuse: 42501 column.function

-- case: advisory lock in WHERE
SELECT 1 FROM generate_series(1::bigint, 2) AS g WHERE g.pg_advisory_lock IS NULL
-- refuse: 42501 column.function

-- case: ROWS FROM
SELECT r.pg_sleep FROM ROWS FROM (generate_series(1, 2)) AS r
-- refuse: 42501 column.function

-- case: LATERAL
SELECT s.a FROM generate_series(1, 2) AS g, LATERAL (SELECT g.pg_sleep AS a) s
-- refuse: 42501 column.function

-- case: in the argument of another function in FROM
SELECT 1 FROM generate_series(1, 2) AS g, generate_series(1, g.pg_sleep) AS h
-- refuse: 42501 column.function

-- case: before its FROM is read
SELECT (SELECT g.pg_sleep) FROM generate_series(1, 2) AS g
-- refuse: 42501 column.function

-- case: field of a function's row
SELECT (g).pg_sleep FROM generate_series(1, 2) AS g (n)
-- refuse: 0A000 sql.field

-- case: field of a constant
SELECT ('PG_VERSION'::text).pg_read_file
-- refuse: 0A000 sql.field

-- case: allowed: the alias of a series
SELECT g.g FROM generate_series(1, 2) AS g
-- expect:
SELECT g.g FROM pg_catalog.generate_series(1, 2) AS g

-- case: allowed: a named column
SELECT g.n FROM generate_series(1, 2) AS g (n)
-- expect:
SELECT g.n FROM pg_catalog.generate_series(1, 2) AS g (n)

-- case: allowed: the output's own name
SELECT e.value FROM jsonb_array_elements('[1]') AS e
-- expect:
SELECT e.value FROM pg_catalog.jsonb_array_elements('[1]') AS e

-- case: allowed: key and value
SELECT e.key, e.value FROM jsonb_each('{}') AS e
-- expect:
SELECT e.key, e.value FROM pg_catalog.jsonb_each('{}') AS e

-- case: allowed: ordinality
SELECT u.tag, u.ordinality FROM unnest(ARRAY['a']) WITH ORDINALITY AS u (tag)
-- expect:
SELECT u.tag, u.ordinality FROM pg_catalog.unnest(ARRAY['a']) WITH ORDINALITY AS u (tag)

-- case: allowed: column definitions
SELECT r.a FROM jsonb_to_recordset('[]') AS r (a int, b text)
-- expect:
SELECT r.a FROM pg_catalog.jsonb_to_recordset('[]') AS r (a int, b pg_catalog.text)

-- case: allowed: star
SELECT g.* FROM generate_series(1, 2) AS g
-- expect:
SELECT g.* FROM pg_catalog.generate_series(1, 2) AS g

-- case: allowed: the column of a relation beside it
SELECT a.pg_sleep, g.n FROM sales.a, generate_series(1, 2) AS g (n)
-- expect:
SELECT a.pg_sleep, g.n FROM t_acme.a, pg_catalog.generate_series(1, 2) AS g (n)

-- case: in an argument of a function that answers by OID
SELECT pg_get_constraintdef(g.lo_creat) FROM generate_series(1, 2) AS g
-- refuse: 42501 column.function

