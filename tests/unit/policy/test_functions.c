/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/functions.h"

#include "tests/support/rg_test.h"

/* The table of functions as data: order, look-ups, what is denied, and the shape of every template. What the guards
 * answer is tested on a real server, in tests/e2e/test_catalog_views.py. */

/* reference/leaks.md and PostgreSQL 15's pg_proc: denied, whatever else changes. */
static const char *const DENIED[] = {
    /* text_sql_func: SQL or names as text */
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
    "ts_debug",
    "ts_parse",
    "ts_token_type",
    "ts_lexize",
    "crosstab",
    "connectby",
    "xpath_table",
    "dblink",
    "dblink_exec",
    "to_regclass",
    "to_regtype",
    "to_regproc",
    "to_regprocedure",
    "to_regoper",
    "to_regoperator",
    "to_regrole",
    "to_regnamespace",
    "to_regcollation",
    "regclass",
    "regclassin",
    "regtypein",
    "regprocin",
    "regnamespacein",
    "regrolein",
    "regconfigin",
    "textin",
    "textout",
    "textrecv",
    "textsend",
    "oidvectortypes",
    "array_in",
    "record_in",
    "nameconcatoid",
    "pg_get_object_address",
    /* admin_func: files */
    "pg_read_file",
    "pg_read_binary_file",
    "pg_read_file_old",
    "pg_stat_file",
    "pg_ls_dir",
    "pg_ls_logdir",
    "pg_ls_waldir",
    "pg_ls_tmpdir",
    "pg_ls_archive_statusdir",
    "pg_current_logfile",
    "pg_file_write",
    "pg_logdir_ls",
    "pg_tablespace_location",
    "pg_relation_filepath",
    "pg_relation_filenode",
    "pg_filenode_relation",
    /* large objects */
    "lo_open",
    "lo_close",
    "lo_creat",
    "lo_create",
    "lo_import",
    "lo_export",
    "lo_get",
    "lo_put",
    "lo_unlink",
    "lo_from_bytea",
    "lo_lseek",
    "lo_lseek64",
    "lo_tell",
    "lo_tell64",
    "lo_truncate",
    "lo_truncate64",
    "loread",
    "lowrite",
    /* signals, server, replication, backup, wal */
    "pg_cancel_backend",
    "pg_terminate_backend",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_promote",
    "pg_switch_wal",
    "pg_backup_start",
    "pg_backup_stop",
    "pg_create_restore_point",
    "pg_logical_emit_message",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
    "pg_drop_replication_slot",
    "pg_logical_slot_get_changes",
    "pg_logical_slot_peek_changes",
    "pg_replication_origin_create",
    "pg_replication_slot_advance",
    "pg_current_wal_lsn",
    "pg_current_wal_insert_lsn",
    "pg_wal_lsn_diff",
    "pg_walfile_name",
    "pg_wal_replay_pause",
    "pg_last_wal_replay_lsn",
    "pg_log_backend_memory_contexts",
    "pg_get_backend_memory_contexts",
    "pg_get_shmem_allocations",
    "pg_hba_file_rules",
    "pg_show_all_file_settings",
    "pg_show_all_settings",
    "pg_config",
    "pg_control_system",
    "pg_control_checkpoint",
    "pg_import_system_collations",
    "pg_stop_making_pinned_objects",
    "binary_upgrade_set_next_pg_type_oid",
    "pg_extension_config_dump",
    "pg_event_trigger_ddl_commands",
    "pg_conf_load_time",
    "pg_postmaster_start_time",
    "pg_is_in_recovery",
    "pg_partition_tree",
    "pg_partition_root",
    "pg_nextoid",
    "plpgsql_inline_handler",
    "fmgr_sql_validator",
    "pg_jit_available",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    /* snapshots, transactions */
    "pg_export_snapshot",
    "txid_current",
    "txid_current_if_assigned",
    "txid_current_snapshot",
    "txid_status",
    "txid_visible_in_snapshot",
    "txid_snapshot_xip",
    "pg_current_xact_id",
    "pg_current_xact_id_if_assigned",
    "pg_current_snapshot",
    "pg_snapshot_xip",
    "pg_snapshot_xmin",
    "pg_xact_status",
    "pg_xact_commit_timestamp",
    "pg_last_committed_xact",
    "pg_get_multixact_members",
    "mxid_age",
    "pg_visible_in_snapshot",
    "xid",
    /* statistics, sizes, sessions, locks */
    "pg_stat_get_activity",
    "pg_stat_get_live_tuples",
    "pg_stat_get_dead_tuples",
    "pg_stat_get_tuples_inserted",
    "pg_stat_get_numscans",
    "pg_stat_get_backend_activity",
    "pg_stat_get_db_xact_commit",
    "pg_stat_reset",
    "pg_stat_reset_shared",
    "pg_stat_clear_snapshot",
    "pg_stat_have_stats",
    "pg_relation_size",
    "pg_total_relation_size",
    "pg_table_size",
    "pg_indexes_size",
    "pg_database_size",
    "pg_tablespace_size",
    "pg_lock_status",
    "pg_blocking_pids",
    "pg_safe_snapshot_blocking_pids",
    "pg_isolation_test_session_is_blocked",
    "pg_prepared_statement",
    "pg_prepared_xact",
    "pg_cursor",
    "current_query",
    "pg_mcv_list_items",
    /* channel */
    "pg_notify",
    "pg_listening_channels",
    "pg_notification_queue_usage",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    "pg_advisory_unlock",
    "pg_advisory_unlock_shared",
    "pg_advisory_unlock_all",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    /* session and sequence state */
    "set_config",
    "setseed",
    "nextval",
    "currval",
    "setval",
    "lastval",
    "pg_sequence_last_value",
    "pg_sequence_parameters",
    "pg_trigger_depth",
    /* catalogues by OID or name */
    "pg_get_viewdef",
    "pg_get_functiondef",
    "pg_get_function_sqlbody",
    "pg_get_function_arg_default",
    "pg_get_statisticsobjdef",
    "pg_get_statisticsobjdef_expressions",
    "pg_get_partition_constraintdef",
    "pg_get_replica_identity_index",
    "pg_get_publication_tables",
    "pg_describe_object",
    "pg_identify_object",
    "pg_identify_object_as_address",
    "pg_index_has_property",
    "pg_index_column_has_property",
    "pg_column_is_updatable",
    "pg_relation_is_updatable",
    "pg_get_catalog_foreign_keys",
    "pg_options_to_table",
    "pg_tablespace_databases",
    "has_table_privilege",
    "has_column_privilege",
    "has_any_column_privilege",
    "has_schema_privilege",
    "has_database_privilege",
    "has_function_privilege",
    "has_type_privilege",
    "has_sequence_privilege",
    "has_language_privilege",
    "has_server_privilege",
    "has_tablespace_privilege",
    "has_parameter_privilege",
    "pg_has_role",
    "row_security_active",
    "aclexplode",
    "acldefault",
    "makeaclitem",
    "getpgusername",
    "pg_available_extensions",
    "pg_extension_update_paths",
    "pg_ddl_command_send",
    "satisfies_hash_partition",
    "currtid2",
    "amvalidate",
    "gin_clean_pending_list",
    "brin_summarize_new_values",
    "RI_FKey_check_ins",
    "suppress_redundant_updates_trigger",
    "tsvector_update_trigger",
    "unique_key_recheck",
};

static const struct function_row *row_of(const char *name)
{
    const struct function_row *row = NULL;
    function_find(rg_slice_of(name), &row);
    return row;
}

static void is_sorted_without_duplicates(void **state)
{
    (void)state;
    assert_true(function_count() > 400);
    for (size_t i = 1; i < function_count(); i++) {
        assert_true(strcmp(function_at(i - 1)->name, function_at(i)->name) < 0);
    }
    assert_null(function_at(function_count()));
    assert_null(function_at(SIZE_MAX));
}

static void finds_every_row_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < function_count(); i++) {
        const struct function_row *row = NULL;
        assert_int_equal(function_find(rg_slice_of(function_at(i)->name), &row), function_at(i)->rule);
        assert_ptr_equal(row, function_at(i));
    }
}

static void denies_every_dangerous_function(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(DENIED) / sizeof(DENIED[0]); i++) {
        const struct function_row *row = function_at(0);
        if (function_find(rg_slice_of(DENIED[i]), &row) != FUNCTION_DENIED || row != NULL) {
            fail_msg("%s is not denied", DENIED[i]);
        }
    }
}

static void denies_whole_families_of_names(void **state)
{
    (void)state;
    static const char *const PREFIXES[] = {
        "lo_",      "pg_stat_", "pg_ls_", "pg_read_",        "pg_advisory_",   "pg_try_",        "has_",
        "txid_",    "to_reg",   "dblink", "pg_logical",      "pg_replication", "binary_upgrade", "pg_wal",
        "pg_sleep", "acl",      "hash",   "pg_event_trigger"};
    for (size_t i = 0; i < function_count(); i++) {
        for (size_t p = 0; p < sizeof(PREFIXES) / sizeof(PREFIXES[0]); p++) {
            if (rg_slice_has_prefix(rg_slice_of(function_at(i)->name), rg_slice_of(PREFIXES[p]))) {
                fail_msg("%s is listed", function_at(i)->name);
            }
        }
    }
}

static void denies_what_only_resembles_a_name(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "",     "LOWER", "Lower",       "lower ", " lower", "lowe",  "lower_", "pg_catalog.lower",
        "\xff", "::",    "::regclass ", "'name'", "$1",     "zzzzz", "lower()"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const struct function_row *row = function_at(0);
        assert_int_equal(function_find(rg_slice_of(NAMES[i]), &row), FUNCTION_DENIED);
        assert_null(row);
    }
    const struct function_row *row = function_at(0);
    assert_int_equal(function_find(RG_SLICE("lower\0"), &row), FUNCTION_DENIED);
    assert_int_equal(function_find((struct rg_slice){NULL, 0}, &row), FUNCTION_DENIED);
    assert_null(row);
}

static void allows_what_charts_use(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "date_trunc",
        "date_part",
        "extract",
        "timezone",
        "to_char",
        "now",
        "lower",
        "upper",
        "round",
        "abs",
        "string_agg",
        "array_agg",
        "json_build_object",
        "percentile_cont",
        "row_number",
        "lag",
        "generate_series",
        "unnest",
        "substring",
        "btrim",
        "position",
        "overlay",
        "concat",
        "regexp_replace",
        "like_escape",
        "similar_to_escape",
        "generate_subscripts",
        "width_bucket",
        "to_timestamp",
        "version",
        "random",
        "gen_random_uuid",
        "array_to_string",
        "pg_encoding_to_char",
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const struct function_row *row = NULL;
        enum function_rule rule = function_find(rg_slice_of(NAMES[i]), &row);
        if (rule != FUNCTION_ALLOWED) {
            fail_msg("%s has rule %d", NAMES[i], (int)rule);
        }
    }
}

static void a_template_exists_exactly_where_the_rule_wants_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < function_count(); i++) {
        const struct function_row *row = function_at(i);
        size_t templates = 0;
        for (size_t n = 0; n <= FUNCTION_ARITY_MAX; n++) {
            templates += function_template(row, n) != NULL;
        }
        assert_true(row->rule != FUNCTION_DENIED);
        if ((templates == 0) != (row->rule == FUNCTION_ALLOWED)) {
            fail_msg("%s has %zu templates", row->name, templates);
        }
        assert_null(function_template(row, FUNCTION_ARITY_MAX + 1));
        assert_null(function_template(row, SIZE_MAX));
    }
    assert_null(function_template(NULL, 0));
    assert_null(function_template(row_of("lower"), 1));
    assert_null(function_template(row_of("pg_get_expr"), 1));
    assert_null(function_template(row_of("format_type"), 3));
}

/* $n is one of the arguments, and a guard uses what decides about visibility. */
static void a_template_names_only_arguments_it_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < function_count(); i++) {
        for (size_t n = 0; n <= FUNCTION_ARITY_MAX; n++) {
            const char *text = function_template(function_at(i), n);
            if (text == NULL) {
                continue;
            }
            for (const char *at = strchr(text, '$'); at != NULL; at = strchr(at + 1, '$')) {
                if (at[1] < '1' || (size_t)(at[1] - '0') > n) {
                    fail_msg("%s with %zu arguments: %.20s", function_at(i)->name, n, at);
                }
            }
            if (function_at(i)->rule == FUNCTION_GUARDED && strchr(text, '$') == NULL) {
                fail_msg("%s ignores its arguments: a CONSTANT", function_at(i)->name);
            }
            if (function_at(i)->rule == FUNCTION_CONSTANT && strchr(text, '$') != NULL) {
                fail_msg("%s uses its arguments: GUARDED", function_at(i)->name);
            }
        }
    }
}

static void sql_value_functions_have_constants(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"current_user", "session_user",    "user",
                                        "current_role", "current_catalog", "current_schema"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        const struct function_row *row = NULL;
        assert_int_equal(function_find(rg_slice_of(NAMES[i]), &row), FUNCTION_CONSTANT);
        assert_non_null(function_template(row, 0));
    }
    assert_string_equal(function_template(row_of("pg_backend_pid"), 0), ":rg_pid");
    assert_string_equal(function_template(row_of("current_user"), 0), "CAST(:rg_user AS pg_catalog.name)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorted_without_duplicates),
        cmocka_unit_test(finds_every_row_by_its_name),
        cmocka_unit_test(denies_every_dangerous_function),
        cmocka_unit_test(denies_whole_families_of_names),
        cmocka_unit_test(denies_what_only_resembles_a_name),
        cmocka_unit_test(allows_what_charts_use),
        cmocka_unit_test(a_template_exists_exactly_where_the_rule_wants_one),
        cmocka_unit_test(a_template_names_only_arguments_it_has),
        cmocka_unit_test(sql_value_functions_have_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
