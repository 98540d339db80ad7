-- use masks.policy

-- case: shown: a bare item
SELECT email FROM customers
-- expect:
SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: its alias
SELECT c.email AS mail FROM shared.customers AS c
-- expect:
SELECT c.email AS mail FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS c

-- case: shown: schema-qualified
SELECT shared.customers.email FROM shared.customers
-- expect:
SELECT customers.email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: in parentheses
SELECT (email) FROM customers
-- expect:
SELECT (email) FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: star
SELECT * FROM customers
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: table star
SELECT c.*, o.id FROM customers c JOIN orders o ON o.customer_id = c.id
-- expect:
SELECT c.*, o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.customer_id = c.id

-- case: shown: a whole row
SELECT c FROM customers c
-- expect:
SELECT c FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c

-- case: shown: out of a sub-select
SELECT s.m FROM (SELECT email AS m, id FROM customers) AS s WHERE s.id = 5
-- expect:
SELECT s.m FROM (SELECT email AS m, id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) AS s WHERE s.id = 5

-- case: shown: out of a sub-select by column alias list
SELECT s.x FROM (SELECT id, email FROM customers) AS s (y, x) WHERE s.y = 5
-- expect:
SELECT s.x FROM (SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) AS s (y, x) WHERE s.y = 5

-- case: shown: out of a WITH item
WITH c AS (SELECT * FROM customers) SELECT email FROM c WHERE id = 5
-- expect:
WITH c AS (SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) SELECT email FROM c WHERE id = 5

-- case: shown: out of a WITH item by its list
WITH c (a, b) AS (SELECT id, email FROM customers) SELECT b FROM c ORDER BY a
-- expect:
WITH c (a, b) AS (SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) SELECT b FROM c ORDER BY a

-- case: shown: out of a recursive WITH item
WITH RECURSIVE c AS (SELECT id, email FROM customers UNION ALL SELECT c.id + 1, c.email FROM c WHERE c.id < 3) SELECT * FROM c
-- expect:
WITH RECURSIVE c AS (SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers UNION ALL SELECT c.id + 1, c.email FROM c WHERE c.id < 3) SELECT * FROM c

-- case: shown: out of a recursive WITH item by star
WITH RECURSIVE c AS (SELECT id, email FROM customers UNION ALL SELECT c.* FROM c WHERE c.id < 3) SELECT email FROM c
-- expect:
WITH RECURSIVE c AS (SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers UNION ALL SELECT c.* FROM c WHERE c.id < 3) SELECT email FROM c

-- case: shown: out of a forward reference
WITH RECURSIVE a AS (SELECT email FROM b), b AS (SELECT email FROM customers) SELECT email FROM a
-- expect:
WITH RECURSIVE a AS (SELECT email FROM b), b AS (SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) SELECT email FROM a

-- case: shown: out of a LATERAL sub-select
SELECT l.e FROM customers c, LATERAL (SELECT c.email AS e) AS l
-- expect:
SELECT l.e FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c, LATERAL (SELECT c.email AS e) AS l

-- case: shown: out of LATERAL VALUES
SELECT l.e FROM customers c, LATERAL (VALUES (c.id, c.email)) AS l (i, e)
-- expect:
SELECT l.e FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c, LATERAL (VALUES (c.id, c.email)) AS l (i, e)

-- case: shown: UNION ALL
SELECT email FROM customers UNION ALL SELECT email FROM customers LIMIT 3
-- expect:
SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers UNION ALL SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers LIMIT 3

-- case: shown: UNION ALL with another table
SELECT id, email FROM customers UNION ALL SELECT id, email FROM orders ORDER BY id
-- expect:
SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers UNION ALL SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.email FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders ORDER BY id

-- case: shown: UNION of other columns
SELECT id FROM customers UNION SELECT id FROM orders
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers UNION SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS orders

-- case: shown: a scalar sub-select
SELECT o.id, (SELECT email FROM customers c WHERE c.id = o.customer_id) FROM orders o
-- expect:
SELECT o.id, (SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c WHERE c.id = o.customer_id) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id, rg_r.email FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o

-- case: shown: EXISTS of anything
SELECT id FROM orders o WHERE EXISTS (SELECT c.email FROM customers c WHERE c.id = o.customer_id)
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id, rg_r.email FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o WHERE EXISTS (SELECT c.email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c WHERE c.id = o.customer_id)

-- case: shown: count of all
SELECT count(*) FROM customers
-- expect:
SELECT pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: count per name
SELECT name, count(*) FROM customers GROUP BY name ORDER BY 2 DESC
-- expect:
SELECT name, pg_catalog.count(*) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.name FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers GROUP BY name ORDER BY 2 DESC

-- case: shown: another table's column of that name
SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.email = 'x' ORDER BY o.email
-- expect:
SELECT o.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id, rg_r.email FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.email = (SELECT 'x'::pg_catalog.text)) SELECT * FROM rg_m) o JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c ON c.id = o.customer_id WHERE o.email = 'x' ORDER BY o.email

-- case: shown: an inner column that hides the outer one
SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE email = 'x' AND customer_id = c.id)
-- expect:
SELECT c.id FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c WHERE EXISTS (SELECT 1 FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.customer_id, rg_r.email FROM shared.orders AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND rg_r.email = (SELECT 'x'::pg_catalog.text)) SELECT * FROM rg_m) AS orders WHERE email = 'x' AND customer_id = c.id)

-- case: shown: an output name that hides the input column
SELECT id AS email FROM customers ORDER BY email
-- expect:
SELECT id AS email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers ORDER BY email

-- case: shown: a WITH item that hides the relation
WITH customers AS (SELECT 1 AS email) SELECT email FROM customers WHERE email = 1
-- unchanged

-- case: shown: ordering by another column
SELECT email FROM customers ORDER BY id
-- expect:
SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers ORDER BY id

-- case: shown: DISTINCT ON another column
SELECT DISTINCT ON (id) email FROM customers ORDER BY id
-- expect:
SELECT DISTINCT ON (id) email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers ORDER BY id

-- case: shown: a join by another column
SELECT email FROM customers JOIN visits USING (tenant_id)
-- expect:
SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.tenant_id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers JOIN (WITH rg_m AS MATERIALIZED (SELECT rg_r.tenant_id FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) AS visits USING (tenant_id)

-- case: shown: a join with an alias
SELECT j.email FROM (customers c JOIN visits v ON v.id = c.id) AS j (a, b, nm, email)
-- expect:
SELECT j.email FROM ((WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.visits AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) v ON v.id = c.id) AS j (a, b, nm, email)

-- case: shown: a column whose mask may be filtered on
SELECT score + 1 FROM customers WHERE score > 0 GROUP BY score
-- expect:
SELECT score + 1 FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN false THEN rg_r.score ELSE '0' END AS score FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers WHERE score > 0 GROUP BY score

-- case: shown: inserting what is shown
INSERT INTO sales.notes (id, body) SELECT id, email FROM customers
-- expect:
INSERT INTO t_acme.notes (id, body) SELECT id, email FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: window over another column
SELECT email, row_number() OVER (ORDER BY id) FROM customers
-- expect:
SELECT email, pg_catalog.row_number() OVER (ORDER BY id) FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers

-- case: shown: a function beside
SELECT email, g FROM customers, generate_series(1, 2) AS g WHERE g > 1
-- expect:
SELECT email, g FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.tenant_id, rg_r.name, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email, CASE WHEN 'analyst'::pg_catalog.text = 'dpo' THEN rg_r.phone::pg_catalog.text ELSE '***'::pg_catalog.text END AS phone, CASE WHEN false THEN rg_r.born END AS born, CASE WHEN false THEN rg_r.score ELSE '0' END AS score, pg_catalog.encode(pg_catalog.sha256('\x946f42273a00c5013f0b7ea990ed997b4959f8c94021782b5d36df5bc3297d5f5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c'::pg_catalog.bytea || pg_catalog.sha256('\xfe05284d506aaf6b556114c3fa87f311233392a32a4b1241375cb531a94317353636363636363636363636363636363636363636363636363636363636363636'::pg_catalog.bytea || pg_catalog.convert_to(rg_r."Odd""col"::pg_catalog.text, 'UTF8'))), 'hex') AS "Odd""col" FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers, pg_catalog.generate_series(1, 2) AS g WHERE g > 1

-- case: shown: own table with a mask
SELECT salary FROM staff WHERE name = 'x'
-- expect:
SELECT salary FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.name, CASE WHEN 'analyst'::pg_catalog.text = 'boss' THEN rg_r.salary ELSE CASE WHEN false THEN rg_r.salary END END AS salary FROM t_acme.staff AS rg_r WHERE ((SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'name text', 'salary numeric', 'email text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"t_acme"."staff"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) AND rg_r.name = (SELECT 'x'::pg_catalog.text)) SELECT * FROM rg_m) AS staff WHERE name = 'x'

-- case: shown: copy
COPY (SELECT email FROM customers) TO STDOUT
-- expect:
COPY (SELECT email FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS customers) TO STDOUT

-- case: shown: prepared
PREPARE p (int8) AS SELECT email FROM customers WHERE id = $1
-- expect:
SET standard_conforming_strings = on

-- case: refused: WHERE
SELECT id FROM customers WHERE email = 'x'
-- refuse: 42501 mask.predicate

-- case: refused: LIKE with a trailing escape
SELECT id FROM customers WHERE email LIKE 'a\'
-- refuse: 42501 mask.predicate

-- case: refused: qualified in WHERE
SELECT id FROM customers c WHERE c.email IS NULL
-- refuse: 42501 mask.predicate

-- case: refused: schema-qualified in WHERE
SELECT id FROM shared.customers WHERE shared.customers.email > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: ON
SELECT c.id FROM customers c JOIN orders o ON o.email = c.email
-- refuse: 42501 mask.predicate

-- case: refused: USING
SELECT id FROM customers JOIN orders USING (email)
-- refuse: 42501 mask.predicate

-- case: refused: NATURAL
SELECT amount FROM customers NATURAL JOIN orders
-- refuse: 42501 mask.predicate

-- case: refused: NATURAL with a function
SELECT amount FROM customers NATURAL JOIN generate_series(1, 2) AS id
-- refuse: 42501 mask.predicate

-- case: refused: GROUP BY
SELECT count(*) FROM customers GROUP BY email
-- refuse: 42501 mask.predicate

-- case: refused: GROUP BY an ordinal
SELECT email, count(*) FROM customers GROUP BY 1
-- refuse: 42501 mask.predicate

-- case: refused: GROUP BY an output name
SELECT email AS m, count(*) FROM customers GROUP BY m
-- refuse: 42501 mask.predicate

-- case: refused: ROLLUP
SELECT count(*) FROM customers GROUP BY ROLLUP ((id, email))
-- refuse: 42501 mask.predicate

-- case: refused: GROUPING SETS by an ordinal
SELECT email AS m, count(*) FROM customers GROUP BY GROUPING SETS ((1), ())
-- refuse: 42501 mask.predicate

-- case: refused: HAVING
SELECT name FROM customers GROUP BY name HAVING max(email) > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY
SELECT id FROM customers ORDER BY email
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY an ordinal
SELECT id, email FROM customers ORDER BY 2
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY an ordinal behind a star
SELECT * FROM customers ORDER BY 4
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY an output name
SELECT email AS m FROM customers ORDER BY m
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY USING
SELECT id FROM customers ORDER BY email USING <
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY an expression
SELECT id FROM customers ORDER BY lower(email)
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY an ordinal that cannot be followed
SELECT g.*, email FROM generate_series(1, 2) AS g, customers ORDER BY 2
-- refuse: 42501 mask.predicate

-- case: refused: DISTINCT
SELECT DISTINCT email FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: DISTINCT of a star
SELECT DISTINCT * FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: DISTINCT ON
SELECT DISTINCT ON (email) id FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: UNION
SELECT email FROM customers UNION SELECT email FROM orders
-- refuse: 42501 mask.predicate

-- case: refused: UNION on the right
SELECT email FROM orders UNION SELECT email FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: INTERSECT ALL
SELECT email FROM customers INTERSECT ALL SELECT email FROM orders
-- refuse: 42501 mask.predicate

-- case: refused: EXCEPT
SELECT email FROM orders EXCEPT SELECT email FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: UNION inside a UNION ALL
SELECT 'x' UNION ALL (SELECT email FROM customers UNION SELECT 'y')
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY behind UNION ALL
SELECT id, email FROM customers UNION ALL SELECT id, 'x' FROM orders ORDER BY email
-- refuse: 42501 mask.predicate

-- case: refused: window partition
SELECT id, count(*) OVER (PARTITION BY email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: window order
SELECT id, rank() OVER w FROM customers WINDOW w AS (ORDER BY email)
-- refuse: 42501 mask.predicate

-- case: refused: aggregate
SELECT max(email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: aggregate's filter
SELECT count(*) FILTER (WHERE email > 'm') FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: aggregate's order
SELECT array_agg(id ORDER BY email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: string_agg
SELECT string_agg(email, ',') FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: function
SELECT lower(email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: count of it
SELECT count(email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: operator
SELECT email || 'x' FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: CASE
SELECT CASE WHEN email > 'm' THEN 1 END FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: CASE's result
SELECT CASE WHEN id > 1 THEN email END FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: COALESCE
SELECT coalesce(email, 'x') FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: cast
SELECT email::varchar FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: row
SELECT ROW(email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: row of a star
SELECT ROW(c.*) FROM customers c
-- refuse: 42501 mask.predicate

-- case: refused: array
SELECT ARRAY[email] FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: array of a sub-select
SELECT ARRAY(SELECT email FROM customers)
-- refuse: 42501 mask.predicate

-- case: refused: IN of a sub-select
SELECT id FROM orders WHERE email IN (SELECT email FROM customers)
-- refuse: 42501 mask.predicate

-- case: refused: IN with it on the left
SELECT id FROM customers WHERE email IN (SELECT email FROM orders)
-- refuse: 42501 mask.predicate

-- case: refused: ANY
SELECT id FROM orders WHERE email = ANY (SELECT email FROM customers)
-- refuse: 42501 mask.predicate

-- case: refused: a scalar sub-select in WHERE
SELECT id FROM orders WHERE email = (SELECT email FROM customers LIMIT 1)
-- refuse: 42501 mask.predicate

-- case: refused: a scalar sub-select in an expression
SELECT (SELECT email FROM customers LIMIT 1) || 'x'
-- refuse: 42501 mask.predicate

-- case: refused: correlated
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.email = c.email)
-- refuse: 42501 mask.predicate

-- case: refused: correlated without a qualifier
SELECT id FROM customers WHERE EXISTS (SELECT 1 FROM visits WHERE region = email)
-- refuse: 42501 mask.predicate

-- case: refused: whole row to a function
SELECT to_json(c) FROM customers c
-- refuse: 42501 mask.predicate

-- case: refused: whole row compared
SELECT id FROM customers c WHERE c IS NOT NULL
-- refuse: 42501 mask.predicate

-- case: refused: whole row ordered
SELECT id FROM customers c ORDER BY c
-- refuse: 42501 mask.predicate

-- case: refused: count of whole rows
SELECT count(c.*) FROM customers c
-- refuse: 42501 mask.predicate

-- case: refused: a function as a column
SELECT c.to_json FROM customers c WHERE c.row_to_json IS NULL
-- refuse: 42501 mask.predicate

-- case: refused: in an outer WHERE
SELECT m FROM (SELECT email AS m FROM customers) AS s WHERE m > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: in an outer WHERE by star
SELECT id FROM (SELECT * FROM customers) AS s WHERE s.email > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: in an outer WHERE by column list
SELECT y FROM (SELECT id, email FROM customers) AS s (y, x) WHERE x > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: in an outer WHERE by table column list
SELECT a FROM customers AS c (a, b, d, e) WHERE e > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: out of a WITH item
WITH c AS (SELECT email FROM customers) SELECT 1 FROM c WHERE email > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: out of nested WITH items
WITH a AS (WITH b (x) AS (SELECT email FROM customers) SELECT x AS y FROM b) SELECT 1 FROM a WHERE y > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: out of a recursive WITH item
WITH RECURSIVE c (i, e) AS (SELECT id, 'x' FROM orders UNION ALL SELECT k.id, k.email FROM c JOIN customers k ON k.id = c.i) SELECT i FROM c WHERE e > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: out of a recursive WITH item a round later
WITH RECURSIVE c (i, a, b) AS (SELECT id, 'x', 'y' FROM orders UNION ALL SELECT k.id, k.email, c.a FROM c JOIN customers k ON k.id = c.i) SELECT i FROM c WHERE b > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: recursive UNION
WITH RECURSIVE c AS (SELECT id, email FROM customers UNION SELECT id, email FROM c) SELECT id FROM c
-- refuse: 42501 mask.predicate

-- case: refused: recursive WITH item with CYCLE
WITH RECURSIVE c AS (SELECT id, email FROM customers UNION ALL SELECT id, email FROM c) CYCLE email SET is_cycle USING path SELECT id FROM c
-- refuse: 42501 mask.predicate

-- case: refused: out of a forward reference
WITH RECURSIVE a AS (SELECT email AS x FROM b), b AS (SELECT email FROM customers) SELECT 1 FROM a WHERE x > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: LATERAL
SELECT l.x FROM customers c, LATERAL (SELECT 1 AS x WHERE c.email > 'm') AS l
-- refuse: 42501 mask.predicate

-- case: refused: a function in FROM
SELECT * FROM customers c, unnest(ARRAY[c.email]) AS u
-- refuse: 42501 mask.predicate

-- case: refused: a function in FROM with the whole row
SELECT * FROM customers c, json_each(to_json(c)) AS u
-- refuse: 42501 mask.predicate

-- case: refused: out of LATERAL VALUES
SELECT 1 FROM customers c, LATERAL (VALUES (c.id, c.email)) AS l (i, e) WHERE l.e > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: VALUES of an expression
SELECT 1 FROM customers c, LATERAL (VALUES (lower(c.email))) AS l (e)
-- refuse: 42501 mask.predicate

-- case: refused: out of UNION ALL
SELECT 1 FROM (SELECT id, 'x' AS e FROM orders UNION ALL SELECT id, email FROM customers) AS u WHERE u.e > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: out of a join with an alias
SELECT 1 FROM (customers c JOIN visits v ON v.id = c.id) AS j (a, b, d, e) WHERE e > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: LIMIT
SELECT id FROM orders LIMIT (SELECT length(email) FROM customers LIMIT 1)
-- refuse: 42501 mask.predicate

-- case: refused: TABLESAMPLE
SELECT id FROM orders TABLESAMPLE BERNOULLI ((SELECT length(email) FROM customers LIMIT 1))
-- refuse: 42501 mask.predicate

-- case: refused: INSERT of an expression
INSERT INTO sales.notes (id, body) SELECT id, lower(email) FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: UPDATE from it
UPDATE sales.notes SET body = c.email FROM customers c WHERE c.id = notes.id
-- refuse: 42501 mask.predicate

-- case: refused: DELETE by it
DELETE FROM sales.notes USING customers c WHERE c.email = notes.body
-- refuse: 42501 mask.predicate

-- case: refused: data-modifying WITH
WITH d AS (DELETE FROM sales.notes USING customers c WHERE c.email = notes.body RETURNING 1) SELECT 1 FROM d
-- refuse: 42501 mask.predicate

-- case: refused: copy
COPY (SELECT id FROM customers ORDER BY email) TO STDOUT
-- refuse: 42501 mask.predicate

-- case: refused: cursor
DECLARE c CURSOR FOR SELECT id FROM customers WHERE email > 'm'
-- refuse: 42501 mask.predicate

-- case: refused: prepared
PREPARE p (text) AS SELECT id FROM customers WHERE email LIKE $1
-- refuse: 42501 mask.predicate

-- case: refused: a mask with unless
SELECT id FROM customers WHERE phone > '5'
-- refuse: 42501 mask.predicate

-- case: refused: a hashed column
SELECT id FROM people WHERE email = 'x'
-- refuse: 42501 mask.predicate

-- case: refused: own table with a mask
SELECT name FROM staff ORDER BY salary DESC LIMIT 1
-- refuse: 42501 mask.predicate

-- case: refused: a quoted name
SELECT id FROM customers WHERE "Odd""col" = 'x'
-- refuse: 42501 mask.predicate

-- case: refused: VALUES with a sub-select
VALUES ((SELECT lower(email) FROM customers LIMIT 1))
-- refuse: 42501 mask.predicate

-- case: refused: ORDER BY in an aggregate's sub-select
SELECT (SELECT max(email) FROM customers)
-- refuse: 42501 mask.predicate

-- case: refused: GREATEST
SELECT greatest(email, 'x') FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: collation
SELECT email COLLATE "C" FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: subscript
SELECT (string_to_array(email, '@'))[1] FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: IS DISTINCT FROM
SELECT id FROM customers WHERE email IS DISTINCT FROM 'x'
-- refuse: 42501 mask.predicate

-- case: refused: BETWEEN
SELECT id FROM customers WHERE 'x' BETWEEN email AND 'y'
-- refuse: 42501 mask.predicate

-- case: refused: NULLIF
SELECT nullif(email, 'x') FROM customers
-- refuse: 42501 mask.predicate

-- case: refused: a function as a column, alone
SELECT c.to_json FROM customers c
-- refuse: 42501 mask.predicate

-- case: shown: a function as a column of another relation
SELECT c.email, o.to_json FROM customers c JOIN orders o ON o.customer_id = c.id
-- expect:
SELECT c.email, o.to_json FROM (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, CASE WHEN pg_catalog.length(rg_r.email::pg_catalog.text) >= '8'::pg_catalog.int4 THEN pg_catalog.concat(pg_catalog.left(rg_r.email::pg_catalog.text, '0'::pg_catalog.int4), pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text) - '0'::pg_catalog.int4 - '4'::pg_catalog.int4), pg_catalog.right(rg_r.email::pg_catalog.text, '4'::pg_catalog.int4)) ELSE pg_catalog.repeat('*', pg_catalog.length(rg_r.email::pg_catalog.text)) END AS email FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c JOIN (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) SELECT * FROM rg_m) o ON o.customer_id = c.id

-- case: refused: MERGE
MERGE INTO sales.notes USING customers c ON c.email = notes.body WHEN MATCHED THEN DELETE
-- refuse: 42501 mask.predicate

-- case: refused: MERGE that inserts it
MERGE INTO sales.notes USING customers c ON c.id = notes.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.email)
-- refuse: 42501 mask.predicate

-- case: shown: MERGE with other columns of it
MERGE INTO sales.notes USING customers c ON c.id = notes.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.name)
-- expect:
MERGE INTO t_acme.notes USING (WITH rg_m AS MATERIALIZED (SELECT rg_r.id, rg_r.name FROM shared.customers AS rg_r WHERE (rg_r.tenant_id = '00000000-0000-0000-0000-000000000001'::pg_catalog.uuid) AND (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'tenant_id uuid', 'name text', 'email text', 'phone varchar', 'ssn text', 'born date', 'score int4', 'Odd"col text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"shared"."customers"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) c ON c.id = notes.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.name)

