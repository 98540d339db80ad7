--- leaks.md admin_func: files, large objects, signals, sizes, settings.
-- use standard.policy

-- case: pg_read_file
SELECT pg_read_file('/etc/passwd')
-- refuse: 42501

-- case: pg_read_binary_file
SELECT pg_read_binary_file('PG_VERSION')
-- refuse: 42501

-- case: pg_ls_dir
SELECT * FROM pg_ls_dir('.')
-- refuse: 42501

-- case: pg_stat_file
SELECT pg_stat_file('PG_VERSION')
-- refuse: 42501

-- case: lo_import
SELECT lo_import('/etc/passwd')
-- refuse: 42501

-- case: lo_get
SELECT lo_get(16384)
-- refuse: 42501

-- case: lo_create
SELECT lo_create(0)
-- refuse: 42501

-- case: pg_cancel_backend of another
SELECT pg_cancel_backend(1234)
-- refuse: 42501

-- case: pg_terminate_backend of all
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
-- refuse: 42501

-- case: pg_reload_conf
SELECT pg_reload_conf()
-- refuse: 42501

-- case: pg_switch_wal
SELECT pg_switch_wal()
-- refuse: 42501

-- case: pg_relation_size
SELECT pg_relation_size('shared.orders')
-- refuse: 42501

-- case: pg_total_relation_size
SELECT pg_total_relation_size(16385)
-- refuse: 42501

-- case: pg_database_size
SELECT pg_database_size('bi')
-- refuse: 42501

-- case: pg_stat_get_live_tuples
SELECT pg_stat_get_live_tuples(16385)
-- refuse: 42501

-- case: pg_export_snapshot
SELECT pg_export_snapshot()
-- refuse: 42501

-- case: inet_server_addr
SELECT inet_server_addr()
-- refuse: 42501

-- case: pg_postmaster_start_time
SELECT pg_postmaster_start_time()
-- refuse: 42501

-- case: pg_get_viewdef by oid
SELECT pg_get_viewdef(16390)
-- refuse: 42501

-- case: pg_get_functiondef
SELECT pg_get_functiondef(16391)
-- refuse: 42501

-- case: pg_get_constraintdef by number
SELECT pg_get_constraintdef(16392)
-- refuse: 42501

-- case: obj_description by number
SELECT obj_description(16385, 'pg_class')
-- refuse: 42501

-- case: col_description
SELECT col_description(16385, 1)
-- refuse: 42501

-- case: has_table_privilege
SELECT has_table_privilege('t_globex.orders', 'SELECT')
-- refuse: 42501

-- case: pg_create_physical_replication_slot
SELECT pg_create_physical_replication_slot('x')
-- refuse: 42501

-- case: pg_logical_emit_message
SELECT pg_logical_emit_message(true, 'a', 'b')
-- refuse: 42501

