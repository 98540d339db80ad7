--- leaks.md catalog_data and catalog_meta: catalogues that hold others' rows, texts or names.
-- use standard.policy

-- case: pg_stats
SELECT * FROM pg_stats
-- refuse: 42501 relation.not_allowed

-- case: pg_statistic
SELECT * FROM pg_catalog.pg_statistic
-- refuse: 42501 relation.not_allowed

-- case: pg_statistic_ext_data
SELECT * FROM pg_statistic_ext_data
-- refuse: 42501 relation.not_allowed

-- case: pg_authid
SELECT * FROM pg_authid
-- refuse: 42501 relation.not_allowed

-- case: pg_shadow
SELECT * FROM pg_shadow
-- refuse: 42501 relation.not_allowed

-- case: pg_user_mapping
SELECT * FROM pg_user_mapping
-- refuse: 42501 relation.not_allowed

-- case: pg_foreign_server
SELECT * FROM pg_foreign_server
-- expect:
SELECT * FROM (SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS srvname, NULL::pg_catalog.oid AS srvowner, NULL::pg_catalog.oid AS srvfdw, NULL::pg_catalog.text AS srvtype, NULL::pg_catalog.text AS srvversion, NULL::pg_catalog.text[] AS srvacl, NULL::pg_catalog.text[] AS srvoptions WHERE false) AS pg_foreign_server

-- case: pg_db_role_setting
SELECT * FROM pg_db_role_setting
-- refuse: 42501 relation.not_allowed

-- case: pg_settings
SELECT * FROM pg_settings
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT s.name, s.setting, s.unit, s.category, s.short_desc, s.extra_desc, s.context, s.vartype, 'default'::pg_catalog.text AS source, s.min_val, s.max_val, s.enumvals, s.boot_val, s.reset_val, NULL::pg_catalog.text AS sourcefile, NULL::pg_catalog.int4 AS sourceline, false AS pending_restart FROM pg_catalog.pg_settings AS s WHERE s.name IN ('server_version', 'server_version_num', 'server_encoding', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone', 'standard_conforming_strings', 'integer_datetimes', 'max_identifier_length', 'max_index_keys', 'max_function_args', 'block_size', 'bytea_output', 'extra_float_digits', 'lc_collate', 'lc_ctype', 'transaction_isolation', 'default_transaction_isolation', 'transaction_read_only', 'backslash_quote', 'escape_string_warning', 'xmlbinary', 'xmloption')) SELECT * FROM rg_m) AS pg_settings

-- case: pg_stat_user_tables
SELECT * FROM pg_stat_user_tables
-- refuse: 42501 relation.not_allowed

-- case: pg_stat_statements
SELECT * FROM pg_stat_statements
-- refuse: 42501 relation.not_allowed

-- case: pg_largeobject
SELECT * FROM pg_largeobject
-- refuse: 42501 relation.not_allowed

-- case: pg_views
SELECT * FROM pg_views
-- expect:
SELECT * FROM (WITH rg_m AS MATERIALIZED (SELECT CAST(CASE WHEN n.oid = 11 THEN 'pg_catalog'::pg_catalog.text ELSE COALESCE((ARRAY['sales']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['t_acme']::pg_catalog.text[], n.nspname::pg_catalog.text)], (ARRAY['shared']::pg_catalog.text[])[pg_catalog.array_position(ARRAY['shared']::pg_catalog.text[], n.nspname::pg_catalog.text)]) END AS pg_catalog.name) AS schemaname, c.relname AS viewname, CAST('alice'::pg_catalog.text AS pg_catalog.name) AS viewowner, NULL::pg_catalog.text AS definition FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('v') AND (n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) OR (n.nspname = ANY (ARRAY['shared']::pg_catalog.text[]) AND NOT n.nspname = ANY (ARRAY['t_acme']::pg_catalog.text[]) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.concat(n.nspname, '.', c.relname) = ANY (ARRAY['shared.orders', 'shared.customers', 'shared.visits']::pg_catalog.text[])))) SELECT * FROM rg_m) AS pg_views

-- case: pg_file_settings
SELECT * FROM pg_file_settings
-- refuse: 42501 relation.not_allowed

-- case: pg_hba_file_rules
SELECT * FROM pg_hba_file_rules
-- refuse: 42501 relation.not_allowed

-- case: pg_policy
SELECT * FROM pg_policy
-- expect:
SELECT * FROM (SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS polname, NULL::pg_catalog.oid AS polrelid, NULL::pg_catalog."char" AS polcmd, NULL::pg_catalog.bool AS polpermissive, NULL::pg_catalog.oid[] AS polroles, NULL::pg_catalog.pg_node_tree AS polqual, NULL::pg_catalog.pg_node_tree AS polwithcheck WHERE false) AS pg_policy

-- case: pg_prepared_statements
SELECT * FROM pg_prepared_statements
-- refuse: 42501 relation.not_allowed

-- case: pg_cursors
SELECT * FROM pg_cursors
-- refuse: 42501 relation.not_allowed

-- case: pg_subscription
SELECT * FROM pg_subscription
-- expect:
SELECT * FROM (SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS subdbid, NULL::pg_catalog.pg_lsn AS subskiplsn, NULL::pg_catalog.name AS subname, NULL::pg_catalog.oid AS subowner, NULL::pg_catalog.bool AS subenabled, NULL::pg_catalog.bool AS subbinary, NULL::pg_catalog.bool AS substream, NULL::pg_catalog."char" AS subtwophasestate, NULL::pg_catalog.bool AS subdisableonerr, NULL::pg_catalog.text AS subconninfo, NULL::pg_catalog.name AS subslotname, NULL::pg_catalog.text AS subsynccommit, NULL::pg_catalog.text[] AS subpublications WHERE false) AS pg_subscription

-- case: a catalogue in a sub-query
SELECT 1 FROM sales.a WHERE EXISTS (SELECT FROM pg_authid)
-- refuse: 42501 relation.not_allowed

