--- Conjuncts that may be repeated inside the fence, and those that may not: what is repeated sees every tenant's rows.
-- use fenced.policy

-- case: point look-up
SELECT id, status FROM shared.orders WHERE id = 5
-- expect:
SELECT id, status FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.status FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5

-- case: constant first
SELECT id FROM shared.orders WHERE 5 < id
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id > (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE 5 < id

-- case: all comparisons
SELECT id FROM shared.orders WHERE id > 1 AND id >= 2 AND id < 9 AND id <= 8 AND id = 7
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id > (SELECT 1) AND rg_r.id >= (SELECT 2) AND rg_r.id < (SELECT 9) AND rg_r.id <= (SELECT 8) AND rg_r.id = (SELECT 7)) SELECT * FROM rg_m) AS orders WHERE id > 1 AND id >= 2 AND id < 9 AND id <= 8 AND id = 7

-- case: unequal is not of the form
SELECT id FROM shared.orders WHERE id <> 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id <> 5

-- case: IN of integers
SELECT id FROM shared.orders WHERE id IN (1, 2, 3)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = ANY ((SELECT ARRAY[1, 2, 3]::pg_catalog.int4[])::pg_catalog.int4[])) SELECT * FROM rg_m) AS orders WHERE id IN (1, 2, 3)

-- case: IN of strings
SELECT id FROM shared.orders WHERE country IN ('it', 'de')
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = ANY ((SELECT ARRAY['it', 'de']::pg_catalog.text[])::pg_catalog.text[])) SELECT * FROM rg_m) AS orders WHERE country IN ('it', 'de')

-- case: IN of one
SELECT id FROM shared.orders WHERE country IN ('it')
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = ANY ((SELECT ARRAY['it']::pg_catalog.text[])::pg_catalog.text[])) SELECT * FROM rg_m) AS orders WHERE country IN ('it')

-- case: IN of large and small integers
SELECT id FROM shared.orders WHERE id IN (1, 3000000000)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IN (1, 3000000000)

-- case: IN with NULL
SELECT id FROM shared.orders WHERE id IN (1, NULL)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IN (1, NULL)

-- case: IN with a column
SELECT id FROM shared.orders WHERE id IN (1, customer_id)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IN (1, customer_id)

-- case: IN of mixed types
SELECT id FROM shared.orders WHERE day IN ('2024-01-01', '2024-01-02'::timestamptz)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.day FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE day IN ('2024-01-01', '2024-01-02'::pg_catalog.timestamptz)

-- case: IN of numerics
SELECT id FROM shared.orders WHERE id IN (1.5, 2.5)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IN (1.5, 2.5)

-- case: NOT IN
SELECT id FROM shared.orders WHERE id NOT IN (1, 2)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id NOT IN (1, 2)

-- case: IN of a query
SELECT id FROM shared.orders WHERE id IN (SELECT order_id FROM sales.deals)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IN (SELECT order_id FROM t_acme.deals)

-- case: BETWEEN
SELECT id FROM shared.orders WHERE id BETWEEN 1 AND 9
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id >= (SELECT 1) AND rg_r.id <= (SELECT 9)) SELECT * FROM rg_m) AS orders WHERE id BETWEEN 1 AND 9

-- case: BETWEEN with one end that is no constant
SELECT id FROM shared.orders WHERE id BETWEEN 1 AND customer_id
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id >= (SELECT 1)) SELECT * FROM rg_m) AS orders WHERE id BETWEEN 1 AND customer_id

-- case: BETWEEN SYMMETRIC
SELECT id FROM shared.orders WHERE id BETWEEN SYMMETRIC 9 AND 1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id BETWEEN SYMMETRIC 9 AND 1

-- case: NOT BETWEEN
SELECT id FROM shared.orders WHERE id NOT BETWEEN 1 AND 9
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id NOT BETWEEN 1 AND 9

-- case: Superset's range
SELECT SUM(total) AS total FROM shared.orders WHERE ts >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ts < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')
-- expect:
SELECT pg_catalog.SUM(total) AS total FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.ts, rg_r.total FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.ts >= (SELECT pg_catalog.to_timestamp('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')) AND rg_r.ts < (SELECT pg_catalog.to_timestamp('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US'))) SELECT * FROM rg_m) AS orders WHERE ts >= pg_catalog.TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ts < pg_catalog.TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')

-- case: Superset's range of dates
SELECT id FROM shared.orders WHERE day >= TO_DATE('2024-01-01', 'YYYY-MM-DD') AND day < TO_DATE('2025-01-01', 'YYYY-MM-DD')
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.day FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.day >= (SELECT pg_catalog.to_date('2024-01-01', 'YYYY-MM-DD')) AND rg_r.day < (SELECT pg_catalog.to_date('2025-01-01', 'YYYY-MM-DD'))) SELECT * FROM rg_m) AS orders WHERE day >= pg_catalog.TO_DATE('2024-01-01', 'YYYY-MM-DD') AND day < pg_catalog.TO_DATE('2025-01-01', 'YYYY-MM-DD')

-- case: a timestamptz against a timestamp column
SELECT id FROM shared.orders WHERE at >= TO_TIMESTAMP('2024-01-01', 'YYYY-MM-DD')
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.at FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE at >= pg_catalog.TO_TIMESTAMP('2024-01-01', 'YYYY-MM-DD')

-- case: literals with a type
SELECT id FROM shared.orders WHERE ts >= TIMESTAMP WITH TIME ZONE '2024-01-01' AND day = DATE '2024-01-01' AND at < '2024-01-01'::timestamp
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts, rg_r.day, rg_r.at FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.ts >= (SELECT '2024-01-01'::pg_catalog.timestamptz) AND rg_r.day = (SELECT '2024-01-01'::pg_catalog.date) AND rg_r.at < (SELECT '2024-01-01'::pg_catalog."timestamp")) SELECT * FROM rg_m) AS orders WHERE ts >= TIMESTAMP WITH TIME ZONE '2024-01-01' AND day = pg_catalog.DATE '2024-01-01' AND at < '2024-01-01'::timestamp

-- case: a cast to a type with a modifier
SELECT id FROM shared.orders WHERE ts >= '2024-01-01'::timestamptz(3)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE ts >= '2024-01-01'::pg_catalog.timestamptz(3)

-- case: a date against a timestamptz
SELECT id FROM shared.orders WHERE ts >= DATE '2024-01-01'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE ts >= pg_catalog.DATE '2024-01-01'

-- case: a string without a type
SELECT id FROM shared.orders WHERE ts >= '2024-01-01'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.ts >= (SELECT '2024-01-01'::pg_catalog.timestamptz)) SELECT * FROM rg_m) AS orders WHERE ts >= '2024-01-01'

-- case: text and varchar
SELECT id FROM shared.orders WHERE country = 'it' AND status = 'open' AND status = 'x'::text AND country = 'y'::varchar
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.status, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = (SELECT 'it'::pg_catalog.text) AND rg_r.status = (SELECT 'open'::pg_catalog."varchar") AND rg_r.status = (SELECT 'x'::pg_catalog.text) AND rg_r.country = (SELECT 'y'::pg_catalog."varchar")) SELECT * FROM rg_m) AS orders WHERE country = 'it' AND status = 'open' AND status = 'x'::pg_catalog.text AND country = 'y'::varchar

-- case: varchar against a name: the column could be cast
SELECT id FROM shared.orders WHERE status = 'x'::name AND country = 'x'::name
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.status, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = (SELECT 'x'::pg_catalog.name)) SELECT * FROM rg_m) AS orders WHERE status = 'x'::pg_catalog.name AND country = 'x'::pg_catalog.name

-- case: bpchar
SELECT id FROM shared.orders WHERE code = 'abc'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.code FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.code = (SELECT 'abc'::pg_catalog.bpchar)) SELECT * FROM rg_m) AS orders WHERE code = 'abc'

-- case: bpchar against text
SELECT id FROM shared.orders WHERE code = 'abc'::text
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.code FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE code = 'abc'::pg_catalog.text

-- case: booleans
SELECT id FROM shared.orders WHERE is_paid = true AND is_paid = 't' AND is_paid
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.is_paid FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.is_paid = (SELECT true) AND rg_r.is_paid = (SELECT 't'::pg_catalog.bool)) SELECT * FROM rg_m) AS orders WHERE is_paid = true AND is_paid = 't' AND is_paid

-- case: negative numbers
SELECT id FROM shared.orders WHERE customer_id = -5 AND id > -3000000000 AND small = (-5)::int2 AND id = -5::int8
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id, rg_r.small FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.customer_id = (SELECT -5) AND rg_r.id > (SELECT -3000000000) AND rg_r.small = (SELECT (-5)::pg_catalog.int2)) SELECT * FROM rg_m) AS orders WHERE customer_id = -5 AND id > -3000000000 AND small = (-5)::pg_catalog.int2 AND id = -5::pg_catalog.int8

-- case: floats
SELECT id FROM shared.orders WHERE score > 1.5::float8 AND score > '1.5' AND score > 1.5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.score FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.score > (SELECT 1.5::pg_catalog.float8) AND rg_r.score > (SELECT '1.5'::pg_catalog.float8)) SELECT * FROM rg_m) AS orders WHERE score > 1.5::pg_catalog.float8 AND score > '1.5' AND score > 1.5

-- case: strings with quotes and backslashes
SELECT id FROM shared.orders WHERE country = 'it''s' AND country = E'a\\b' AND country = $$d'q$$
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = (SELECT 'it''s'::pg_catalog.text) AND rg_r.country = (SELECT 'a\b'::pg_catalog.text) AND rg_r.country = (SELECT 'd''q'::pg_catalog.text)) SELECT * FROM rg_m) AS orders WHERE country = 'it''s' AND country = E'a\\b' AND country = $$d'q$$

-- case: a column with an odd name
SELECT 1 FROM shared.orders WHERE "Odd ""Name" = 5
-- expect:
SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r."Odd ""Name" FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r."Odd ""Name" = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE "Odd ""Name" = 5

-- case: numeric is not leakproof
SELECT id FROM shared.orders WHERE total = 5 AND total > 1.5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.total FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE total = 5 AND total > 1.5

-- case: jsonb is not leakproof
SELECT id FROM shared.orders WHERE payload = '{}'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.payload FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE payload = '{}'

-- case: arrays are not leakproof
SELECT id FROM shared.orders WHERE tags = '{a}'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tags FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE tags = '{a}'

-- case: LIKE is not leakproof
SELECT id FROM shared.orders WHERE country LIKE 'GLOBEX\' AND country ~ 'x' AND country ILIKE 'x' AND country SIMILAR TO 'x'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE country LIKE 'GLOBEX\' AND country ~ 'x' AND country ILIKE 'x' AND country SIMILAR TO 'x'

-- case: a prefix is leakproof and not of the form
SELECT id FROM shared.orders WHERE country ^@ 'it'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE country ^@ 'it'

-- case: a domain has another type's operators
SELECT id FROM shared.orders WHERE mail = 'a@b'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.mail FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE mail = 'a@b'

-- case: an enum has another type's operators
SELECT id FROM shared.orders WHERE mood = 'good'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.mood FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE mood = 'good'

-- case: an integer and a fraction
SELECT id FROM shared.orders WHERE id = 5.0 AND id = 1e3
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = 5.0 AND id = 1e3

-- case: an integer that no int8 holds
SELECT id FROM shared.orders WHERE id = 9223372036854775808 AND id = 9223372036854775807
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 9223372036854775807)) SELECT * FROM rg_m) AS orders WHERE id = 9223372036854775808 AND id = 9223372036854775807

-- case: NULL
SELECT id FROM shared.orders WHERE id = NULL
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = NULL

-- case: a bit string
SELECT id FROM shared.orders WHERE country = B'1'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE country = B'1'

-- case: an array
SELECT id FROM shared.orders WHERE id = ANY (ARRAY[1, 2])
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = ANY (ARRAY[1, 2])

-- case: a row
SELECT id FROM shared.orders WHERE (id, customer_id) = (1, 2)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE (id, customer_id) = (1, 2)

-- case: an expression of constants
SELECT id FROM shared.orders WHERE id = 2 + 3
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = 2 + 3

-- case: an expression of the column
SELECT id FROM shared.orders WHERE id + 1 = 5 AND lower(country) = 'it' AND country::text = 'it'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id + 1 = 5 AND pg_catalog.lower(country) = 'it' AND country::pg_catalog.text = 'it'

-- case: a column of another collation
SELECT id FROM shared.orders WHERE country COLLATE "C" = 'it'
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE country COLLATE pg_catalog."C" = 'it'

-- case: two columns
SELECT id FROM shared.orders WHERE id = customer_id
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = customer_id

-- case: a value of the moment
SELECT id FROM shared.orders WHERE ts >= now() AND day = CURRENT_DATE
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts, rg_r.day FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE ts >= pg_catalog.now() AND day = CURRENT_DATE

-- case: to_timestamp of a number
SELECT id FROM shared.orders WHERE ts >= TO_TIMESTAMP(5)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE ts >= pg_catalog.TO_TIMESTAMP(5)

-- case: to_timestamp of a column
SELECT id FROM shared.orders WHERE ts >= TO_TIMESTAMP(country, 'YYYY')
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts, rg_r.country FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE ts >= pg_catalog.TO_TIMESTAMP(country, 'YYYY')

-- case: OR
SELECT id FROM shared.orders WHERE id = 5 OR id = 6
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = 5 OR id = 6

-- case: AND below OR
SELECT id FROM shared.orders WHERE (id = 5 AND customer_id = 1) OR customer_id = 2
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE (id = 5 AND customer_id = 1) OR customer_id = 2

-- case: OR below AND
SELECT id FROM shared.orders WHERE id = 5 AND (customer_id = 1 OR customer_id = 2)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5 AND (customer_id = 1 OR customer_id = 2)

-- case: AND in parentheses
SELECT id FROM shared.orders WHERE id = 5 AND (customer_id = 1 AND (small = 2))
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id, rg_r.small FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5) AND rg_r.customer_id = (SELECT 1) AND rg_r.small = (SELECT 2)) SELECT * FROM rg_m) AS orders WHERE id = 5 AND (customer_id = 1 AND (small = 2))

-- case: NOT
SELECT id FROM shared.orders WHERE NOT id = 5 AND NOT (id = 6 AND id = 7)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE NOT id = 5 AND NOT (id = 6 AND id = 7)

-- case: IS TRUE
SELECT id FROM shared.orders WHERE (id = 5) IS NOT FALSE AND (id = 5) IS NULL
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE (id = 5) IS NOT FALSE AND (id = 5) IS NULL

-- case: CASE
SELECT id FROM shared.orders WHERE CASE WHEN id = 5 THEN true END
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE CASE WHEN id = 5 THEN true END

-- case: HAVING
SELECT id FROM shared.orders GROUP BY id HAVING id = 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders GROUP BY id HAVING id = 5

-- case: IS NOT DISTINCT FROM
SELECT id FROM shared.orders WHERE id IS NOT DISTINCT FROM 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id IS NOT DISTINCT FROM 5

-- case: qualified operators
SELECT id FROM shared.orders WHERE id OPERATOR(pg_catalog.=) 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id OPERATOR(pg_catalog.=) 5

-- case: another schema's operator
SELECT id FROM shared.orders WHERE id OPERATOR(public.=) 5
-- refuse: 42501 operator.not_allowed

-- case: alias
SELECT o.id FROM shared.orders AS o WHERE o.id = 5 AND id = 6
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5) AND rg_r.id = (SELECT 6)) SELECT * FROM rg_m) AS o WHERE o.id = 5 AND id = 6

-- case: alias with column names
SELECT o.a FROM shared.orders AS o (a, b) WHERE o.a = 5 AND a = 6
-- expect:
SELECT o.a FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS o (a, b) WHERE o.a = 5 AND a = 6

-- case: schema, table and column
SELECT shared.orders.id FROM shared.orders WHERE shared.orders.id = 5
-- expect:
SELECT orders.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE orders.id = 5

-- case: join: each to its own
SELECT o.id FROM shared.orders o JOIN shared.customers c ON c.id = o.customer_id WHERE o.id = 5 AND c.country = 'it' AND name = 'x' AND country = 'y'
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country, rg_r.customer_id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name, rg_r.country FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = (SELECT 'it'::pg_catalog.text) AND rg_r.name = (SELECT 'x'::pg_catalog.text)) SELECT * FROM rg_m) c ON c.id = o.customer_id WHERE o.id = 5 AND c.country = 'it' AND name = 'x' AND country = 'y'

-- case: join condition is not copied
SELECT o.id FROM shared.orders o JOIN shared.customers c ON c.id = o.customer_id AND o.id = 5
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c ON c.id = o.customer_id AND o.id = 5

-- case: outer join, nullable side
SELECT c.name, o.id FROM shared.customers c LEFT JOIN shared.orders o ON c.id = o.customer_id WHERE o.id = 5
-- expect:
SELECT c.name, o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) o ON c.id = o.customer_id WHERE o.id = 5

-- case: outer join, other side
SELECT c.name, o.id FROM shared.customers c LEFT JOIN shared.orders o ON c.id = o.customer_id WHERE c.id = 5
-- expect:
SELECT c.name, o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) c LEFT JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON c.id = o.customer_id WHERE c.id = 5

-- case: full join
SELECT c.name, o.id FROM shared.customers c FULL JOIN shared.orders o ON c.id = o.customer_id WHERE o.id = 5 AND c.name = 'x'
-- expect:
SELECT c.name, o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.name = (SELECT 'x'::pg_catalog.text)) SELECT * FROM rg_m) c FULL JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) o ON c.id = o.customer_id WHERE o.id = 5 AND c.name = 'x'

-- case: USING: a merged column belongs to both
SELECT country FROM shared.orders o JOIN shared.customers c USING (country) WHERE country = 'it' AND o.id = 5
-- expect:
SELECT country FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.customers AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) c USING (country) WHERE country = 'it' AND o.id = 5

-- case: NATURAL JOIN: a shared column belongs to both
SELECT seconds FROM shared.orders NATURAL JOIN shared.visits WHERE tenant_id = '00000000-0000-0000-0000-000000000002' AND seconds = 1
-- expect:
SELECT seconds FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders NATURAL JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) AND rg_r.seconds = (SELECT 1)) SELECT * FROM rg_m) AS visits WHERE tenant_id = '00000000-0000-0000-0000-000000000002' AND seconds = 1

-- case: join with an alias hides its items
SELECT j.status FROM (shared.orders o JOIN shared.visits v ON true) AS j WHERE j.seconds = 5 AND small = 5
-- expect:
SELECT j.status FROM ((WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) SELECT * FROM rg_m) v ON true) AS j WHERE j.seconds = 5 AND small = 5

-- case: self join
SELECT a.id FROM shared.orders a, shared.orders b WHERE a.id = 5 AND b.id = 6 AND id = 7
-- expect:
SELECT a.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) a, (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 6)) SELECT * FROM rg_m) b WHERE a.id = 5 AND b.id = 6 AND id = 7

-- case: beside a sub-select unqualified names are not sure
SELECT o.id FROM shared.orders o, (SELECT 1 AS id2) s WHERE id = 5 AND o.id = 6
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 6)) SELECT * FROM rg_m) o, (SELECT 1 AS id2) s WHERE id = 5 AND o.id = 6

-- case: beside a function unqualified names are not sure
SELECT o.id FROM shared.orders o, generate_series(1, 2) AS id3 WHERE small = 5 AND o.small = 6
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.small FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.small = (SELECT 6)) SELECT * FROM rg_m) o, pg_catalog.generate_series(1, 2) AS id3 WHERE small = 5 AND o.small = 6

-- case: beside a WITH item unqualified names are not sure
WITH w AS (SELECT 1 AS x) SELECT o.id FROM shared.orders o, w WHERE id = 5 AND o.id = 6
-- expect:
WITH w AS (SELECT 1 AS x) SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 6)) SELECT * FROM rg_m) o, w WHERE id = 5 AND o.id = 6

-- case: beside a catalogue unqualified names are not sure
SELECT o.id FROM shared.orders o, pg_class c WHERE id = 5 AND o.id = 6
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 6)) SELECT * FROM rg_m) o, (WITH rg_m AS MATERIALIZED (SELECT c.oid, c.relname, c.relnamespace, c.reltype, c.reloftype, 10::pg_catalog.oid AS relowner, c.relam, 0::pg_catalog.oid AS relfilenode, 0::pg_catalog.oid AS reltablespace, CASE WHEN n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) THEN c.relpages ELSE 0 END AS relpages, CASE WHEN n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) THEN c.reltuples ELSE -1 END AS reltuples, CASE WHEN n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) THEN c.relallvisible ELSE 0 END AS relallvisible, c.reltoastrelid, c.relhasindex, c.relisshared, c.relpersistence, c.relkind, c.relnatts, CASE WHEN n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) THEN c.relchecks ELSE 0::pg_catalog.int2 END AS relchecks, (c.relhasrules AND n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) AS relhasrules, (c.relhastriggers AND n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) AS relhastriggers, c.relhassubclass, (c.relrowsecurity AND n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) AS relrowsecurity, (c.relforcerowsecurity AND n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) AS relforcerowsecurity, c.relispopulated, c.relreplident, c.relispartition, c.relrewrite, '0'::pg_catalog.text AS relfrozenxid, '0'::pg_catalog.text AS relminmxid, NULL::pg_catalog.text[] AS relacl, CASE WHEN n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) THEN c.reloptions END AS reloptions, CASE WHEN n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) THEN c.relpartbound END AS relpartbound FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits', 'shared.unknown', 'shared.recent']::pg_catalog.text[])) OR c.oid IN (SELECT rg_i.indexrelid FROM pg_catalog.pg_index AS rg_i WHERE rg_i.indexprs IS NULL AND rg_i.indpred IS NULL AND rg_i.indrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits', 'shared.unknown', 'shared.recent']::pg_catalog.text[]))))) SELECT * FROM rg_m) c WHERE id = 5 AND o.id = 6

-- case: beside an own table
SELECT o.id FROM shared.orders o, sales.deals d WHERE stage = 'x' AND small = 5 AND d.id = 6 AND id = 7
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.small FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.small = (SELECT 5)) SELECT * FROM rg_m) o, t_acme.deals d WHERE stage = 'x' AND small = 5 AND d.id = 6 AND id = 7

-- case: beside an own table that is not known
SELECT o.status FROM shared.orders o, sales.v_named d WHERE small = 5
-- expect:
SELECT o.status FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.status, rg_r.small FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.small = (SELECT 5)) SELECT * FROM rg_m) o, t_acme.v_named d WHERE small = 5

-- case: a WITH item of the same name
WITH orders AS (SELECT 5 AS id) SELECT orders.id FROM orders WHERE orders.id = 5
-- unchanged

-- case: inside a WITH item of the same name
WITH orders AS (SELECT id FROM shared.orders WHERE id = 5) SELECT id FROM orders WHERE id = 6
-- expect:
WITH orders AS (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5) SELECT id FROM orders WHERE id = 6

-- case: outer query's conjuncts stay outside
SELECT s.id FROM (SELECT id, small FROM shared.orders) s WHERE s.id = 5 AND s.small = 6
-- expect:
SELECT s.id FROM (SELECT id, small FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.small FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders) s WHERE s.id = 5 AND s.small = 6

-- case: column of the outer query
SELECT d.id FROM sales.deals d WHERE EXISTS (SELECT 1 FROM shared.visits v WHERE d.id = 5 AND v.seconds = 6 AND id = 7)
-- expect:
SELECT d.id FROM t_acme.deals d WHERE EXISTS (SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.seconds FROM shared.visits AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) AND rg_r.seconds = (SELECT 6)) SELECT * FROM rg_m) v WHERE d.id = 5 AND v.seconds = 6 AND id = 7)

-- case: the same alias inside and outside
SELECT o.id FROM shared.orders o WHERE o.id = 5 AND EXISTS (SELECT 1 FROM shared.visits o WHERE o.seconds = 6)
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) o WHERE o.id = 5 AND EXISTS (SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) AND rg_r.seconds = (SELECT 6)) SELECT * FROM rg_m) o WHERE o.seconds = 6)

-- case: LATERAL
SELECT o.id FROM shared.orders o, LATERAL (SELECT v.seconds FROM shared.visits v WHERE v.seconds = 5 AND o.id = 6) l WHERE o.id = 7
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 7)) SELECT * FROM rg_m) o, LATERAL (SELECT v.seconds FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.seconds FROM shared.visits AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) AND rg_r.seconds = (SELECT 5)) SELECT * FROM rg_m) v WHERE v.seconds = 5 AND o.id = 6) l WHERE o.id = 7

-- case: UNION
SELECT id FROM shared.orders WHERE id = 5 UNION ALL SELECT id FROM shared.customers WHERE id = 6
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5 UNION ALL SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 6)) SELECT * FROM rg_m) AS customers WHERE id = 6

-- case: a predicate of several conjuncts
SELECT seconds FROM shared.visits WHERE seconds = 5
-- expect:
SELECT seconds FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.seconds FROM shared.visits AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid and rg_r.region = any(ARRAY['emea', 'apac']::pg_catalog.text[])) AND rg_r.seconds = (SELECT 5)) SELECT * FROM rg_m) AS visits WHERE seconds = 5

-- case: a system column
SELECT id FROM shared.orders WHERE ctid = '(0,1)'
-- refuse: 42501 column.system

-- case: a column that does not exist
SELECT id FROM shared.orders WHERE foreign_id = 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE foreign_id = 5

-- case: FROM of an UPDATE has no WHERE of the query around it
WITH u AS (UPDATE sales.deals d SET stage = 'x' FROM shared.orders o WHERE o.id = d.order_id RETURNING d.id) SELECT o.id FROM shared.customers o WHERE o.id = 5
-- refuse: 42501 statement.write

-- case: TABLESAMPLE
SELECT id FROM shared.orders TABLESAMPLE bernoulli (10) WHERE id = 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r TABLESAMPLE pg_catalog.bernoulli (10) WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders  WHERE id = 5

-- case: ONLY
SELECT id FROM ONLY shared.orders WHERE id = 5
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM ONLY shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5

-- case: COPY
COPY (SELECT id FROM shared.orders WHERE id = 5) TO STDOUT
-- expect:
COPY (SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5) TO STDOUT

-- case: cursor
DECLARE c CURSOR FOR SELECT id FROM shared.orders WHERE id = 5
-- expect:
DECLARE c CURSOR FOR SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5

-- case: EXPLAIN
EXPLAIN SELECT id FROM shared.orders WHERE id = 5
-- refuse: 0A000 statement.explain

-- case: EXECUTE's constants
PREPARE p (int8) AS SELECT id FROM shared.orders WHERE id = $1; EXECUTE p (5)
-- expect:
SET standard_conforming_strings = on
-- and:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5::pg_catalog.int8)) SELECT * FROM rg_m) AS orders WHERE id = CAST(5 AS pg_catalog.int8)

-- case: a parameter with a type
-- types: 20
SELECT id FROM shared.orders WHERE id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1)) SELECT * FROM rg_m) AS orders WHERE id = $1

-- case: a parameter with another type
-- types: 23
SELECT id FROM shared.orders WHERE id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1)) SELECT * FROM rg_m) AS orders WHERE id = $1

-- case: a parameter with a type that is not leakproof
-- types: 1700
SELECT id FROM shared.orders WHERE id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = $1

-- case: a parameter with a type, twice
-- types: 20
SELECT id FROM shared.orders WHERE id = $1 AND customer_id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1) AND rg_r.customer_id = (SELECT $1)) SELECT * FROM rg_m) AS orders WHERE id = $1 AND customer_id = $1

-- case: a parameter without a type
-- protocol: extended
SELECT id FROM shared.orders WHERE id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1::pg_catalog.int8)) SELECT * FROM rg_m) AS orders WHERE id = $1

-- case: a parameter of type unknown
-- types: 705
SELECT id FROM shared.orders WHERE id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1::pg_catalog.int8)) SELECT * FROM rg_m) AS orders WHERE id = $1

-- case: a parameter without a type, twice
-- protocol: extended
SELECT id FROM shared.orders WHERE id = $1 AND customer_id = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = $1 AND customer_id = $1

-- case: a parameter without a type that gets one elsewhere
-- protocol: extended
SELECT id, $1::numeric FROM shared.orders WHERE id = $1
-- expect:
SELECT id, $1::numeric FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = $1

-- case: a parameter that a WITH item gives a type
-- protocol: extended
WITH w AS (SELECT $1::numeric AS n) SELECT id FROM shared.orders, w WHERE orders.id = $1
-- expect:
WITH w AS (SELECT $1::numeric AS n) SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders, w WHERE orders.id = $1

-- case: a parameter with a cast
-- protocol: extended
SELECT id FROM shared.orders WHERE id = $1::int8 AND ts > $2::timestamptz
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1::pg_catalog.int8) AND rg_r.ts > (SELECT $2::pg_catalog.timestamptz)) SELECT * FROM rg_m) AS orders WHERE id = $1::pg_catalog.int8 AND ts > $2::pg_catalog.timestamptz

-- case: a parameter with a cast to another type than its own
-- types: 25
SELECT id FROM shared.orders WHERE id = $1::int8
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE id = $1::pg_catalog.int8

-- case: a parameter with a cast to its own type
-- types: 20
SELECT id FROM shared.orders WHERE id = $1::int8
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT $1::pg_catalog.int8)) SELECT * FROM rg_m) AS orders WHERE id = $1::pg_catalog.int8

-- case: parameters in IN
-- protocol: extended
SELECT id FROM shared.orders WHERE country IN ($1, $2, 'x')
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.country FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.country = ANY ((SELECT ARRAY[$1, $2, 'x']::pg_catalog.text[])::pg_catalog.text[])) SELECT * FROM rg_m) AS orders WHERE country IN ($1, $2, 'x')

-- case: parameters in BETWEEN
-- protocol: extended
SELECT id FROM shared.orders WHERE ts BETWEEN $1 AND $2
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.ts FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.ts >= (SELECT $1::pg_catalog.timestamptz) AND rg_r.ts <= (SELECT $2::pg_catalog.timestamptz)) SELECT * FROM rg_m) AS orders WHERE ts BETWEEN $1 AND $2

-- case: a parameter of a domain's column
-- protocol: extended
SELECT id FROM shared.orders WHERE mail = $1
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.mail FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders WHERE mail = $1

-- case: search_path decides nothing
SET search_path = shared; SELECT id FROM orders WHERE id = 5
-- expect:
SET standard_conforming_strings = on
-- and:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS orders WHERE id = 5

-- case: a view's column may be an expression, which would run on the rows of others
SELECT id FROM shared.recent WHERE number = 5 AND id = 6
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.number FROM shared.recent AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS recent WHERE number = 5 AND id = 6

