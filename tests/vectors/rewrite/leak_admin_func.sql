--- leaks.md admin_func: files, large objects, signals, sizes, settings.
-- use standard.policy

-- case: pg_read_file
SELECT pg_read_file('/etc/passwd')
-- refuse: 42501 function.not_allowed

-- case: pg_read_binary_file
SELECT pg_read_binary_file('PG_VERSION')
-- refuse: 42501 function.not_allowed

-- case: pg_ls_dir
SELECT * FROM pg_ls_dir('.')
-- refuse: 42501 function.not_allowed

-- case: pg_stat_file
SELECT pg_stat_file('PG_VERSION')
-- refuse: 42501 function.not_allowed

-- case: lo_import
SELECT lo_import('/etc/passwd')
-- refuse: 42501 function.not_allowed

-- case: lo_get
SELECT lo_get(16384)
-- refuse: 42501 function.not_allowed

-- case: lo_create
SELECT lo_create(0)
-- refuse: 42501 function.not_allowed

-- case: pg_cancel_backend of another
SELECT pg_cancel_backend(1234)
-- expect:
SELECT true AS pg_cancel_backend

-- case: pg_terminate_backend of all
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
-- refuse: 42501 function.not_allowed

-- case: pg_reload_conf
SELECT pg_reload_conf()
-- refuse: 42501 function.not_allowed

-- case: pg_switch_wal
SELECT pg_switch_wal()
-- refuse: 42501 function.not_allowed

-- case: pg_relation_size
SELECT pg_relation_size('shared.orders')
-- refuse: 42501 function.not_allowed

-- case: pg_total_relation_size
SELECT pg_total_relation_size(16385)
-- refuse: 42501 function.not_allowed

-- case: pg_database_size
SELECT pg_database_size('bi')
-- refuse: 42501 function.not_allowed

-- case: pg_stat_get_live_tuples
SELECT pg_stat_get_live_tuples(16385)
-- refuse: 42501 function.not_allowed

-- case: pg_export_snapshot
SELECT pg_export_snapshot()
-- refuse: 42501 function.not_allowed

-- case: inet_server_addr
SELECT inet_server_addr()
-- refuse: 42501 function.not_allowed

-- case: pg_postmaster_start_time
SELECT pg_postmaster_start_time()
-- refuse: 42501 function.not_allowed

-- case: pg_get_viewdef by oid
SELECT pg_get_viewdef(16390)
-- refuse: 42501 function.not_allowed

-- case: pg_get_functiondef
SELECT pg_get_functiondef(16391)
-- refuse: 42501 function.not_allowed

-- case: pg_get_constraintdef by number
SELECT pg_get_constraintdef(16392)
-- expect:
SELECT ((SELECT COALESCE(rg_g.rg_key, pg_catalog.pg_get_constraintdef(rg_g.rg_oid)) FROM (SELECT k.oid AS rg_oid, CASE WHEN k.contype = 'f' THEN pg_catalog.concat('FOREIGN KEY (', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place) FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(number, place) JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number), ') REFERENCES ', CASE WHEN (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class AS rg_o JOIN pg_catalog.pg_namespace AS rg_q ON rg_q.oid = rg_o.relnamespace WHERE rg_o.relname = c.relname AND pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], rg_q.nspname::pg_catalog.text) < pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text) AND (rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_q.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_q.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_o.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_q.nspname, '.', rg_o.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) THEN pg_catalog.quote_ident(c.relname) ELSE pg_catalog.concat(pg_catalog.quote_ident(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END), '.', pg_catalog.quote_ident(c.relname)) END, '(', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place) FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(number, place) JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = u.number), ')', CASE k.confmatchtype WHEN 'f' THEN ' MATCH FULL' WHEN 'p' THEN ' MATCH PARTIAL' END, CASE k.confupdtype WHEN 'r' THEN ' ON UPDATE RESTRICT' WHEN 'c' THEN ' ON UPDATE CASCADE' WHEN 'n' THEN ' ON UPDATE SET NULL' WHEN 'd' THEN ' ON UPDATE SET DEFAULT' END, CASE k.confdeltype WHEN 'r' THEN ' ON DELETE RESTRICT' WHEN 'c' THEN ' ON DELETE CASCADE' WHEN 'n' THEN ' ON DELETE SET NULL' WHEN 'd' THEN ' ON DELETE SET DEFAULT' END, CASE WHEN k.confdelsetcols IS NOT NULL THEN pg_catalog.concat(' (', (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY u.place) FROM pg_catalog.unnest(k.confdelsetcols) WITH ORDINALITY AS u(number, place) JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = u.number), ')') END, CASE WHEN k.condeferrable THEN ' DEFERRABLE' END, CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' END, CASE WHEN NOT k.convalidated THEN ' NOT VALID' END) END AS rg_key FROM pg_catalog.pg_constraint AS k LEFT JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE ((k.conrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) OR (k.contype IN ('p', 'u', 'f') AND k.conrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) AND (k.confrelid = 0 OR k.confrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) OR k.contypid IN (SELECT rg_t.oid FROM pg_catalog.pg_type AS rg_t WHERE rg_t.typnamespace IN (SELECT rg_n.oid FROM pg_catalog.pg_namespace AS rg_n WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]))))) AS rg_g WHERE rg_g.rg_oid = 16392)) AS pg_get_constraintdef

-- case: obj_description by number
SELECT obj_description(16385, 'pg_class')
-- expect:
SELECT (CASE 'pg_class' WHEN 'pg_class' THEN (SELECT rg_g.rg_text FROM (SELECT d.objoid AS rg_oid, d.objsubid AS rg_column, d.description AS rg_text FROM pg_catalog.pg_description AS d WHERE d.classoid = 1259 AND d.objoid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) AS rg_g WHERE rg_g.rg_oid = 16385 AND rg_g.rg_column = 0) WHEN 'pg_type' THEN (SELECT rg_g.rg_text FROM (SELECT d.objoid AS rg_oid, d.objsubid AS rg_column, d.description AS rg_text FROM pg_catalog.pg_description AS d WHERE d.classoid = 1247 AND d.objoid IN (SELECT rg_t.oid FROM pg_catalog.pg_type AS rg_t WHERE rg_t.typnamespace IN (SELECT rg_n.oid FROM pg_catalog.pg_namespace AS rg_n WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])))) AS rg_g WHERE rg_g.rg_oid = 16385) WHEN 'pg_constraint' THEN (SELECT rg_g.rg_text FROM (SELECT d.objoid AS rg_oid, d.objsubid AS rg_column, d.description AS rg_text FROM pg_catalog.pg_description AS d WHERE d.classoid = 2606 AND d.objoid IN (SELECT rg_k.oid FROM pg_catalog.pg_constraint AS rg_k WHERE rg_k.connamespace IN (SELECT rg_n.oid FROM pg_catalog.pg_namespace AS rg_n WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) AND ((rg_k.conrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])) OR (rg_k.contype IN ('p', 'u', 'f') AND rg_k.conrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[]))))) AND (rg_k.confrelid = 0 OR rg_k.confrelid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) OR rg_k.contypid IN (SELECT rg_t.oid FROM pg_catalog.pg_type AS rg_t WHERE rg_t.typnamespace IN (SELECT rg_n.oid FROM pg_catalog.pg_namespace AS rg_n WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[])))))) AS rg_g WHERE rg_g.rg_oid = 16385) WHEN 'pg_namespace' THEN (SELECT rg_g.rg_text FROM (SELECT d.objoid AS rg_oid, d.objsubid AS rg_column, d.description AS rg_text FROM pg_catalog.pg_description AS d WHERE d.classoid = 2615 AND d.objoid IN (SELECT rg_n.oid FROM pg_catalog.pg_namespace AS rg_n WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]))) AS rg_g WHERE rg_g.rg_oid = 16385) END) AS obj_description

-- case: col_description
SELECT col_description(16385, 1)
-- expect:
SELECT ((SELECT rg_g.rg_text FROM (SELECT d.objoid AS rg_oid, d.objsubid AS rg_column, d.description AS rg_text FROM pg_catalog.pg_description AS d WHERE d.classoid = 1259 AND d.objoid IN (SELECT rg_c.oid FROM pg_catalog.pg_class AS rg_c JOIN pg_catalog.pg_namespace AS rg_n ON rg_n.oid = rg_c.relnamespace WHERE rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (rg_n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT rg_n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND rg_c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(rg_n.nspname, '.', rg_c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) AS rg_g WHERE rg_g.rg_oid = 16385 AND rg_g.rg_column = 1 AND rg_g.rg_column <> 0)) AS col_description

-- case: has_table_privilege
SELECT has_table_privilege('t_globex.orders', 'SELECT')
-- refuse: 42501 function.not_allowed

-- case: pg_create_physical_replication_slot
SELECT pg_create_physical_replication_slot('x')
-- refuse: 42501 function.not_allowed

-- case: pg_logical_emit_message
SELECT pg_logical_emit_message(true, 'a', 'b')
-- refuse: 42501 function.not_allowed

