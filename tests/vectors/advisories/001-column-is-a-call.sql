--- alias.name is the call name(alias) when the alias has no such column; a scalar function in FROM hands over the bare
--- value. ts_stat runs the text it is given, so `x.ts_stat` read every tenant's rows through rowgate.
-- use standard.policy

-- case: a text that is run
SELECT x.ts_stat FROM unnest(ARRAY['SELECT to_tsvector(note) FROM t_globex.orders']) AS x
-- refuse: 42501 column.function

-- case: a name that is looked up
SELECT x.to_regclass FROM unnest(ARRAY['t_globex.orders']) AS x
-- refuse: 42501 column.function

-- case: a relation by its number
SELECT x.pg_relation_size FROM unnest(ARRAY[16400::oid]) AS x
-- refuse: 42501 column.function

-- case: another session is ended
SELECT x.pg_terminate_backend FROM generate_series(1, 100000) AS x
-- refuse: 42501 column.function

-- case: without an alias
SELECT generate_series.pg_sleep FROM generate_series(1, 2)
-- refuse: 42501 column.function

-- case: in WHERE
SELECT 1 FROM string_to_table('shared.secret', ',') AS x WHERE x.to_regclass IS NOT NULL
-- refuse: 42501 column.function

-- case: from a sub-query of another level
SELECT 1 FROM unnest(ARRAY['shared.secret']) AS x WHERE EXISTS (SELECT 1 ORDER BY x.to_regclass)
-- refuse: 42501 column.function

-- case: lateral
SELECT 1 FROM unnest(ARRAY['shared.secret']) AS x, LATERAL (SELECT x.to_regclass) AS y
-- refuse: 42501 column.function

-- case: as an argument
SELECT upper(x.current_setting) FROM unnest(ARRAY['search_path']) AS x
-- refuse: 42501 column.function

-- case: as the argument of a guarded function
SELECT pg_get_userbyid(x.lo_create) FROM unnest(ARRAY[0::oid]) AS x
-- refuse: 42501 column.function

-- case: ROWS FROM of one function
SELECT x.ts_stat FROM ROWS FROM (unnest(ARRAY['SELECT 1'])) AS x
-- refuse: 42501 column.function

-- case: an alias that is the function's name, and a result that has a name of its own
SELECT ts_stat.ts_stat FROM json_array_elements_text('["SELECT 1"]') AS ts_stat
-- refuse: 42501 column.function

-- case: quoted and escaped
SELECT U&"\0078"."ts_stat" FROM unnest(ARRAY['SELECT 1']) AS x
-- refuse: 42501 column.function

-- case: two items of one name, of which one has the column
SELECT (SELECT x.ts_stat FROM unnest(ARRAY['SELECT 1']) AS x) FROM unnest(ARRAY['SELECT 1']) AS x (ts_stat)
-- refuse: 42501 column.function

-- case: in a prepared statement
PREPARE p AS SELECT x.ts_stat FROM unnest(ARRAY[$1]) AS x
-- refuse: 42501 column.function

-- case: a call in FROM that is replaced by another
SELECT array_cat.ts_stat FROM current_schemas(true)
-- refuse: 0A000 sql.check

-- case: a column that is written out
SELECT x.ts_stat, x.place FROM unnest(ARRAY['a']) WITH ORDINALITY AS x (ts_stat, place)
-- expect:
SELECT x.ts_stat, x.place FROM pg_catalog.unnest(ARRAY['a']) WITH ORDINALITY AS x (ts_stat, place)

-- case: a column that is named after the alias
SELECT i.i FROM generate_series(1, 3) AS i
-- expect:
SELECT i.i FROM pg_catalog.generate_series(1, 3) AS i

-- case: a column that is defined
SELECT r.a FROM json_to_recordset('[{"a": 1}]') AS r (a int)
-- expect:
SELECT r.a FROM pg_catalog.json_to_recordset('[{"a": 1}]') AS r (a int)

-- case: result columns with names
SELECT e.key, e.value FROM jsonb_each('{"a": 1}') AS e
-- expect:
SELECT e.key, e.value FROM pg_catalog.jsonb_each('{"a": 1}') AS e

