--- leaks.md catalog_data and catalog_meta: catalogues that hold others' rows, texts or names.
-- use standard.policy

-- case: pg_stats
SELECT * FROM pg_stats
-- refuse: 42501

-- case: pg_statistic
SELECT * FROM pg_catalog.pg_statistic
-- refuse: 42501

-- case: pg_statistic_ext_data
SELECT * FROM pg_statistic_ext_data
-- refuse: 42501

-- case: pg_authid
SELECT * FROM pg_authid
-- refuse: 42501

-- case: pg_shadow
SELECT * FROM pg_shadow
-- refuse: 42501

-- case: pg_user_mapping
SELECT * FROM pg_user_mapping
-- refuse: 42501

-- case: pg_foreign_server
SELECT * FROM pg_foreign_server
-- refuse: 42501

-- case: pg_db_role_setting
SELECT * FROM pg_db_role_setting
-- refuse: 42501

-- case: pg_settings
SELECT * FROM pg_settings
-- refuse: 42501

-- case: pg_stat_user_tables
SELECT * FROM pg_stat_user_tables
-- refuse: 42501

-- case: pg_stat_statements
SELECT * FROM pg_stat_statements
-- refuse: 42501

-- case: pg_largeobject
SELECT * FROM pg_largeobject
-- refuse: 42501

-- case: pg_views
SELECT * FROM pg_views
-- refuse: 42501

-- case: pg_file_settings
SELECT * FROM pg_file_settings
-- refuse: 42501

-- case: pg_hba_file_rules
SELECT * FROM pg_hba_file_rules
-- refuse: 42501

-- case: pg_policy
SELECT * FROM pg_policy
-- refuse: 42501

-- case: pg_prepared_statements
SELECT * FROM pg_prepared_statements
-- refuse: 42501

-- case: pg_cursors
SELECT * FROM pg_cursors
-- refuse: 42501

-- case: pg_subscription
SELECT * FROM pg_subscription
-- refuse: 42501

-- case: a catalogue in a sub-query
SELECT 1 FROM sales.a WHERE EXISTS (SELECT FROM pg_authid)
-- refuse: 42501

