--- Expressions that pass, with their functions qualified and everything else as it was.
-- use standard.policy

-- case: qualified functions
SELECT lower('A'), upper('b')
-- expect:
SELECT pg_catalog.lower('A'), pg_catalog.upper('b')

-- case: function already qualified
SELECT pg_catalog.lower('A')
-- unchanged

-- case: aggregate
SELECT count(*), count(DISTINCT id), sum(total), avg(total), min(ts), max(ts) FROM sales.orders
-- expect:
SELECT pg_catalog.count(*), pg_catalog.count(DISTINCT id), pg_catalog.sum(total), pg_catalog.avg(total), pg_catalog.min(ts), pg_catalog.max(ts) FROM t_acme.orders

-- case: ordered aggregate
SELECT string_agg(name, ', ' ORDER BY name) FROM sales.orders
-- expect:
SELECT pg_catalog.string_agg(name, ', ' ORDER BY name) FROM t_acme.orders

-- case: filtered aggregate
SELECT count(*) FILTER (WHERE status = 'open') FROM shared.orders
-- expect:
SELECT pg_catalog.count(*) FILTER (WHERE status = 'open') FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: window
SELECT row_number() OVER (PARTITION BY customer_id ORDER BY ts), rank() OVER w FROM shared.orders WINDOW w AS (ORDER BY total)
-- expect:
SELECT pg_catalog.row_number() OVER (PARTITION BY customer_id ORDER BY ts), pg_catalog.rank() OVER w FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WINDOW w AS (ORDER BY total)

-- case: percentile
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY total) FROM shared.orders
-- expect:
SELECT pg_catalog.percentile_cont(0.95) WITHIN GROUP (ORDER BY total) FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: date functions
SELECT date_trunc('month', ts), now(), current_date, EXTRACT(dow FROM ts), age(ts) FROM sales.orders
-- expect:
SELECT pg_catalog.date_trunc('month', ts), pg_catalog.now(), current_date, EXTRACT(dow FROM ts), pg_catalog.age(ts) FROM t_acme.orders

-- case: time zone
SELECT ts AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' FROM sales.orders
-- expect:
SELECT ts AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' FROM t_acme.orders

-- case: interval
SELECT ts - interval '7 days', INTERVAL '1' MONTH FROM sales.orders
-- expect:
SELECT ts - interval '7 days', INTERVAL '1' MONTH FROM t_acme.orders

-- case: text functions
SELECT trim(BOTH ' ' FROM name), substring(name FROM 1 FOR 2), position('a' IN name), overlay(name PLACING 'x' FROM 1), replace(name, 'a', 'b'), name || '!' FROM sales.orders
-- expect:
SELECT trim(BOTH ' ' FROM name), substring(name FROM 1 FOR 2), position('a' IN name), overlay(name PLACING 'x' FROM 1), pg_catalog.replace(name, 'a', 'b'), name || '!' FROM t_acme.orders

-- case: regular expressions
SELECT regexp_replace(name, '(a)', '\1'), name ~* 'x', name SIMILAR TO 'a%' FROM sales.orders
-- expect:
SELECT pg_catalog.regexp_replace(name, '(a)', '\1'), name ~* 'x', name SIMILAR TO 'a%' FROM t_acme.orders

-- case: mathematics
SELECT abs(x), ceil(x), floor(x), round(x, 2), power(x, 2), sqrt(x), ln(x), x % 2, x ^ 2 FROM sales.a
-- expect:
SELECT pg_catalog.abs(x), pg_catalog.ceil(x), pg_catalog.floor(x), pg_catalog.round(x, 2), pg_catalog.power(x, 2), pg_catalog.sqrt(x), pg_catalog.ln(x), x % 2, x ^ 2 FROM t_acme.a

-- case: JSON
SELECT payload -> 'a' ->> 'b', payload #>> '{a,b}', jsonb_array_length(payload), to_jsonb(x), jsonb_build_object('a', 1) FROM sales.a
-- expect:
SELECT payload -> 'a' ->> 'b', payload #>> '{a,b}', pg_catalog.jsonb_array_length(payload), pg_catalog.to_jsonb(x), pg_catalog.jsonb_build_object('a', 1) FROM t_acme.a

-- case: arrays
SELECT (ARRAY[1, 2])[1], array_length(tags, 1), tags @> ARRAY['x'], 'x' = ANY (tags), cardinality(tags) FROM sales.a
-- expect:
SELECT (ARRAY[1, 2])[1], pg_catalog.array_length(tags, 1), tags @> ARRAY['x'], 'x' = ANY (tags), pg_catalog.cardinality(tags) FROM t_acme.a

-- case: casts
SELECT id::text, CAST(total AS numeric(10, 2)), '2024-01-01'::date, x::double precision, y::varchar(10) FROM sales.a
-- expect:
SELECT id::pg_catalog.text, CAST(total AS numeric(10, 2)), '2024-01-01'::pg_catalog.date, x::double precision, y::varchar(10) FROM t_acme.a

-- case: NULL handling
SELECT COALESCE(a, b, 0), NULLIF(a, 0), a IS NULL, a IS NOT DISTINCT FROM b, GREATEST(a, b) FROM sales.a
-- expect:
SELECT COALESCE(a, b, 0), NULLIF(a, 0), a IS NULL, a IS NOT DISTINCT FROM b, GREATEST(a, b) FROM t_acme.a

-- case: CASE
SELECT CASE WHEN a > 1 THEN 'x' WHEN a > 2 THEN 'y' ELSE 'z' END, CASE a WHEN 1 THEN 2 END FROM sales.a
-- expect:
SELECT CASE WHEN a > 1 THEN 'x' WHEN a > 2 THEN 'y' ELSE 'z' END, CASE a WHEN 1 THEN 2 END FROM t_acme.a

-- case: LIKE and ILIKE
SELECT 1 FROM shared.customers WHERE name LIKE 'A%' OR name ILIKE '%b' OR name NOT LIKE 'c\%' ESCAPE '\'
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS customers WHERE name LIKE 'A%' OR name ILIKE '%b' OR name NOT LIKE 'c\%' ESCAPE '\'

-- case: DISTINCT ON
SELECT DISTINCT ON (customer_id) * FROM shared.orders ORDER BY customer_id, ts DESC
-- expect:
SELECT DISTINCT ON (customer_id) * FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders ORDER BY customer_id, ts DESC

-- case: grouping sets
SELECT a, b, count(*), GROUPING(a) FROM sales.t GROUP BY GROUPING SETS ((a, b), (a), ())
-- expect:
SELECT a, b, pg_catalog.count(*), GROUPING(a) FROM t_acme.t GROUP BY GROUPING SETS ((a, b), (a), ())

-- case: collation
SELECT name COLLATE "C" FROM sales.a ORDER BY name COLLATE "C"
-- expect:
SELECT name COLLATE pg_catalog."C" FROM t_acme.a ORDER BY name COLLATE pg_catalog."C"

-- case: operator of pg_catalog
SELECT 1 OPERATOR(pg_catalog.+) 2
-- unchanged

-- case: text search
SELECT to_tsvector('english', note) @@ to_tsquery('english', 'a & b') FROM sales.a
-- expect:
SELECT pg_catalog.to_tsvector((SELECT rg_g.rg_config FROM (SELECT CAST(t.oid AS pg_catalog.regconfig) AS rg_config, CAST(t.cfgname AS pg_catalog.text) AS rg_name FROM pg_catalog.pg_ts_config AS t WHERE t.oid < 16384 AND t.cfgnamespace = 11) AS rg_g WHERE rg_g.rg_name = pg_catalog.regexp_replace(CAST('english' AS pg_catalog.text), '^pg_catalog[.]', '')), note) @@ pg_catalog.to_tsquery((SELECT rg_g.rg_config FROM (SELECT CAST(t.oid AS pg_catalog.regconfig) AS rg_config, CAST(t.cfgname AS pg_catalog.text) AS rg_name FROM pg_catalog.pg_ts_config AS t WHERE t.oid < 16384 AND t.cfgnamespace = 11) AS rg_g WHERE rg_g.rg_name = pg_catalog.regexp_replace(CAST('english' AS pg_catalog.text), '^pg_catalog[.]', '')), 'a & b') FROM t_acme.a

-- case: generate_series in the select list
SELECT generate_series(1, 3)
-- expect:
SELECT pg_catalog.generate_series(1, 3)

-- case: ranges
SELECT int4range(1, 5) @> 3, daterange('2024-01-01', '2024-02-01')
-- expect:
SELECT pg_catalog.int4range(1, 5) @> 3, pg_catalog.daterange('2024-01-01', '2024-02-01')

-- case: uuid and md5
SELECT gen_random_uuid(), md5('x')
-- expect:
SELECT pg_catalog.gen_random_uuid(), pg_catalog.md5('x')

-- case: formatting
SELECT to_char(ts, 'YYYY-MM'), to_date('2024', 'YYYY'), format('%s', 'x') FROM sales.a
-- expect:
SELECT pg_catalog.to_char(ts, 'YYYY-MM'), pg_catalog.to_date('2024', 'YYYY'), pg_catalog.format('%s', 'x') FROM t_acme.a

