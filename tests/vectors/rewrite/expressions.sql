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
-- allow

-- case: ordered aggregate
SELECT string_agg(name, ', ' ORDER BY name) FROM sales.orders
-- allow

-- case: filtered aggregate
SELECT count(*) FILTER (WHERE status = 'open') FROM shared.orders
-- allow

-- case: window
SELECT row_number() OVER (PARTITION BY customer_id ORDER BY ts), rank() OVER w FROM shared.orders WINDOW w AS (ORDER BY total)
-- allow

-- case: percentile
SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY total) FROM shared.orders
-- allow

-- case: date functions
SELECT date_trunc('month', ts), now(), current_date, EXTRACT(dow FROM ts), age(ts) FROM sales.orders
-- allow

-- case: time zone
SELECT ts AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/Berlin' FROM sales.orders
-- allow

-- case: interval
SELECT ts - interval '7 days', INTERVAL '1' MONTH FROM sales.orders
-- allow

-- case: text functions
SELECT trim(BOTH ' ' FROM name), substring(name FROM 1 FOR 2), position('a' IN name), overlay(name PLACING 'x' FROM 1), replace(name, 'a', 'b'), name || '!' FROM sales.orders
-- allow

-- case: regular expressions
SELECT regexp_replace(name, '(a)', '\1'), name ~* 'x', name SIMILAR TO 'a%' FROM sales.orders
-- allow

-- case: mathematics
SELECT abs(x), ceil(x), floor(x), round(x, 2), power(x, 2), sqrt(x), ln(x), x % 2, x ^ 2 FROM sales.a
-- allow

-- case: JSON
SELECT payload -> 'a' ->> 'b', payload #>> '{a,b}', jsonb_array_length(payload), to_jsonb(x), jsonb_build_object('a', 1) FROM sales.a
-- allow

-- case: arrays
SELECT ARRAY[1, 2][1], array_length(tags, 1), tags @> ARRAY['x'], 'x' = ANY (tags), cardinality(tags) FROM sales.a
-- allow

-- case: casts
SELECT id::text, CAST(total AS numeric(10, 2)), '2024-01-01'::date, x::double precision, y::varchar(10) FROM sales.a
-- allow

-- case: NULL handling
SELECT COALESCE(a, b, 0), NULLIF(a, 0), a IS NULL, a IS NOT DISTINCT FROM b, GREATEST(a, b) FROM sales.a
-- allow

-- case: CASE
SELECT CASE WHEN a > 1 THEN 'x' WHEN a > 2 THEN 'y' ELSE 'z' END, CASE a WHEN 1 THEN 2 END FROM sales.a
-- allow

-- case: LIKE and ILIKE
SELECT 1 FROM shared.customers WHERE name LIKE 'A%' OR name ILIKE '%b' OR name NOT LIKE 'c\%' ESCAPE '\'
-- allow

-- case: DISTINCT ON
SELECT DISTINCT ON (customer_id) * FROM shared.orders ORDER BY customer_id, ts DESC
-- allow

-- case: grouping sets
SELECT a, b, count(*), GROUPING(a) FROM sales.t GROUP BY GROUPING SETS ((a, b), (a), ())
-- allow

-- case: collation
SELECT name COLLATE "C" FROM sales.a ORDER BY name COLLATE "C"
-- allow

-- case: operator of pg_catalog
SELECT 1 OPERATOR(pg_catalog.+) 2
-- unchanged

-- case: text search
SELECT to_tsvector('english', note) @@ to_tsquery('english', 'a & b') FROM sales.a
-- allow

-- case: generate_series in the select list
SELECT generate_series(1, 3)
-- allow

-- case: ranges
SELECT int4range(1, 5) @> 3, daterange('2024-01-01', '2024-02-01')
-- allow

-- case: uuid and md5
SELECT gen_random_uuid(), md5('x')
-- allow

-- case: formatting
SELECT to_char(ts, 'YYYY-MM'), to_date('2024', 'YYYY'), format('%s', 'x') FROM sales.a
-- allow

