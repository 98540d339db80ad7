-- use masks.policy

-- case: star
SELECT * FROM shared.customers
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: aliased columns
SELECT c.email AS mail, c.id FROM shared.customers AS c WHERE c.id = 5
-- expect:
SELECT c.email AS mail, c.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE ((rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) AND rg_r.id = (SELECT 5)) SELECT * FROM rg_m) AS c WHERE c.id = 5

-- case: own relation without a predicate
SELECT name, salary FROM staff
-- expect:
SELECT name, salary FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.name, CASE WHEN 'analyst'::pg_catalog.text = 'boss' THEN rg_r.salary ELSE CASE WHEN false THEN rg_r.salary END END AS salary FROM t_acme.staff AS rg_r WHERE (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'name text', 'salary numeric', 'email text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"t_acme"."staff"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS staff

-- case: own relation that no mask names
SELECT id, body FROM sales.notes
-- expect:
SELECT id, body FROM t_acme.notes

-- case: sample
SELECT id FROM shared.customers TABLESAMPLE BERNOULLI (10)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r TABLESAMPLE pg_catalog.BERNOULLI (10) WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: only
SELECT id FROM ONLY shared.customers
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM ONLY shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: TABLE
TABLE shared.customers
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: copy of a query
COPY (SELECT id, email FROM shared.customers) TO STDOUT
-- expect:
COPY (SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) TO STDOUT

-- case: cursor
DECLARE c CURSOR FOR SELECT email FROM shared.customers
-- expect:
DECLARE c CURSOR FOR SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: a mask that may be filtered on
SELECT id FROM shared.customers WHERE score = 0 ORDER BY score
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN false THEN rg_r.score ELSE '0' END AS score FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers WHERE score = 0 ORDER BY score

-- case: a view that shows unmasked columns
SELECT * FROM shared.customer_names
-- unchanged

-- case: a hashed column
SELECT email FROM shared.people
-- expect:
SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r.email::pg_catalog.text, 'UTF8'))), 'hex') AS email FROM shared.people AS rg_r WHERE (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'email text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."people"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS people

-- case: a view with a mask of its own
SELECT id FROM shared.mail_masked
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.mail_masked AS rg_r WHERE (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'address text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."mail_masked"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS mail_masked

-- case: EXPLAIN
EXPLAIN SELECT id FROM shared.customers
-- refuse: 0A000 statement.explain

-- case: a view that shows a masked column
SELECT * FROM shared.customer_mail
-- refuse: 42501 mask.view

-- case: a view of whole rows
SELECT * FROM shared.customer_rows
-- refuse: 42501 mask.view

-- case: a view of a view
SELECT * FROM shared.mail_again
-- refuse: 42501 mask.view

-- case: a view that calls a function
SELECT * FROM shared.over_function
-- refuse: 42501 mask.view

-- case: views that read each other
SELECT * FROM shared.loop_a
-- refuse: 42501 mask.view

-- case: a partition of a masked relation
SELECT id FROM shared.customers_2024
-- refuse: 42501 mask.view

-- case: the parent of a masked relation
SELECT id FROM shared.all_people
-- refuse: 42501 mask.view

-- case: a mask of a column that is gone
SELECT id FROM shared.stale
-- refuse: 0A000 mask.column

-- case: a relation that the snapshot does not know
SELECT id FROM shared.unknown
-- refuse: 0A000 mask.snapshot

-- case: an unmasked relation that the snapshot does not know
SELECT id FROM shared.newer
-- refuse: 0A000 mask.snapshot

-- case: the denied column by its name in DML
UPDATE sales.staff SET name = 'x'
-- refuse: 0A000 statement.write

-- case: insert
INSERT INTO sales.staff (id) VALUES (1)
-- refuse: 0A000 statement.write

-- case: delete
DELETE FROM sales.staff
-- refuse: 0A000 statement.write

-- case: returning
UPDATE sales.staff SET name = 'x' RETURNING salary
-- refuse: 0A000 statement.write

-- case: row lock
SELECT id FROM shared.customers FOR UPDATE
-- refuse: 0A000 statement.lock

