--- Two logical schemas are one of the database: a mask holds under both names.
-- policy name=own on=sales.*,more.* isolation=schema
-- policy name=named on=other.staff isolation=schema
-- claim tenant_id uuid required = 00000000-0000-0000-0000-000000000001
-- tenant acme schemas sales=t_acme,more=t_acme,other=t_acme
-- snapshot masks.json
-- mask columns=sales.staff.salary with=null

-- case: by the mask's own name
SELECT salary FROM sales.staff
-- expect:
SELECT salary FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN false THEN rg_r.salary END AS salary FROM t_acme.staff AS rg_r WHERE (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'name text', 'salary numeric', 'email text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"t_acme"."staff"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS staff

-- case: by another schema's row for everything
SELECT salary FROM more.staff
-- refuse: 42501 mask.view

-- case: by another schema's row for it
SELECT salary FROM other.staff
-- expect:
SELECT salary FROM (WITH rg_m AS MATERIALIZED (SELECT CASE WHEN false THEN rg_r.salary END AS salary FROM t_acme.staff AS rg_r WHERE (SELECT CASE WHEN pg_catalog.array_agg(pg_catalog.concat(rg_i.object_names[3], ' ', CASE WHEN rg_t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace AND rg_t.typtype <> 'd' THEN rg_t.typname ELSE '' END) ORDER BY rg_a.attnum) = ARRAY['id int8', 'name text', 'salary numeric', 'email text']::pg_catalog.text[] THEN true ELSE pg_catalog.concat('rowgate: columns changed: ', pg_catalog.count(*))::pg_catalog.bool END FROM pg_catalog.pg_attribute AS rg_a JOIN pg_catalog.pg_type AS rg_t ON rg_t.oid = rg_a.atttypid CROSS JOIN pg_catalog.pg_identify_object_as_address('pg_catalog.pg_class'::pg_catalog.regclass, rg_a.attrelid, rg_a.attnum) AS rg_i WHERE rg_a.attrelid = '"t_acme"."staff"'::pg_catalog.regclass AND rg_a.attnum > 0 AND NOT rg_a.attisdropped)) SELECT * FROM rg_m) AS staff

-- case: by another schema's row for it, in a predicate
SELECT id FROM other.staff WHERE salary > 1
-- refuse: 42501 mask.predicate

-- case: another relation by another name
SELECT body FROM more.notes
-- expect:
SELECT body FROM t_acme.notes

