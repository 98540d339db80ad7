/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/catalog.h"

#include "tests/support/rg_test.h"

/* The table of catalogues as data: order, look-ups, what is absent, and the shape of every template. What the selects
 * show is tested on a real server, in tests/e2e/test_catalog_views.py. */

static const char *const PLACEHOLDERS[] = {
    "rg_schemas",  "rg_logical", "rg_relations", "rg_relation_schemas", "rg_relation_logical", "rg_path", "rg_schema",
    "rg_database", "rg_user",    "rg_pid",
};

static bool is_placeholder(struct rg_slice name)
{
    for (size_t i = 0; i < sizeof(PLACEHOLDERS) / sizeof(PLACEHOLDERS[0]); i++) {
        if (rg_slice_is_equal(name, rg_slice_of(PLACEHOLDERS[i]))) {
            return true;
        }
    }
    return false;
}

static void is_sorted_without_duplicates(void **state)
{
    (void)state;
    assert_true(catalog_view_count() > 50);
    for (size_t i = 1; i < catalog_view_count(); i++) {
        assert_true(strcmp(catalog_view_at(i - 1)->name, catalog_view_at(i)->name) < 0);
    }
    assert_null(catalog_view_at(catalog_view_count()));
    assert_null(catalog_view_at(SIZE_MAX));
}

static void finds_every_row_by_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalog_view_count(); i++) {
        const struct catalog_view *view = catalog_view_at(i);
        assert_ptr_equal(catalog_view_find(rg_slice_of(view->name)), view);
    }
}

static void does_not_find_what_only_resembles_a_name(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"",         "pg_",       "pg_clas",        "pg_classs",           "PG_CLASS",
                                        "Pg_class", " pg_class", "pg_class ",      "pg_catalog.pg_class", "a",
                                        "zzz",      "\xff",      "pg_clas\xd1\x95"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        assert_null(catalog_view_find(rg_slice_of(NAMES[i])));
    }
    assert_null(catalog_view_find(RG_SLICE("pg_class\0")));
    assert_null(catalog_view_find(RG_SLICE("pg\0class")));
    assert_null(catalog_view_find((struct rg_slice){NULL, 0}));
}

/* reference/leaks.md, catalog_data: data, secrets, other sessions, other tenants' settings. */
static void knows_no_catalogue_that_holds_data_or_secrets(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "pg_statistic",
        "pg_stats",
        "pg_stats_ext",
        "pg_stats_ext_exprs",
        "pg_statistic_ext_data",
        "pg_authid",
        "pg_shadow",
        "pg_group",
        "pg_user_mapping",
        "pg_user_mappings",
        "pg_locks",
        "pg_largeobject",
        "pg_largeobject_metadata",
        "pg_db_role_setting",
        "pg_prepared_statements",
        "pg_prepared_xacts",
        "pg_cursors",
        "pg_file_settings",
        "pg_hba_file_rules",
        "pg_ident_file_mappings",
        "pg_config",
        "pg_shmem_allocations",
        "pg_backend_memory_contexts",
        "pg_replication_slots",
        "pg_replication_origin",
        "pg_replication_origin_status",
        "pg_stat_replication",
        "pg_stat_database",
        "pg_stat_all_tables",
        "pg_stat_user_tables",
        "pg_stat_user_indexes",
        "pg_statio_user_tables",
        "pg_stat_ssl",
        "pg_stat_gssapi",
        "pg_stat_statements",
        "pg_stat_bgwriter",
        "pg_stat_progress_copy",
        "pg_stat_user_functions",
        "pg_stat_xact_user_tables",
        "pg_default_acl",
        "pg_init_privs",
        "pg_shdepend",
        "pg_shseclabel",
        "pg_subscription_rel",
        "pg_parameter_acl",
        "pg_transform",
        "pg_available_extensions",
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (catalog_view_find(rg_slice_of(NAMES[i])) != NULL) {
            fail_msg("%s is available", NAMES[i]);
        }
    }
}

static void every_placeholder_is_a_known_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalog_view_count(); i++) {
        for (const char *at = strstr(catalog_view_at(i)->select, ":rg"); at != NULL; at = strstr(at + 1, ":rg")) {
            size_t size = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
            if (!is_placeholder(rg_slice_make(at + 1, size))) {
                fail_msg("%s: unknown placeholder at %.40s", catalog_view_at(i)->name, at);
            }
        }
    }
}

/* A select that reads a table reads it behind the fence; the rest name no table, or hold nobody's data. */
static void every_select_over_a_table_is_fenced(void **state)
{
    (void)state;
    static const char *const OPEN[] = {"pg_timezone_names", "pg_timezone_abbrevs"};
    for (size_t i = 0; i < catalog_view_count(); i++) {
        const struct catalog_view *view = catalog_view_at(i);
        bool is_open = strcmp(view->name, OPEN[0]) == 0 || strcmp(view->name, OPEN[1]) == 0;
        bool is_fenced = strncmp(view->select, "WITH rg_m AS MATERIALIZED (", 27) == 0;
        bool reads = strstr(view->select, " FROM ") != NULL;
        if (reads && !is_fenced && !is_open) {
            fail_msg("%s has no fence", view->name);
        }
        assert_null(strchr(view->select, ';'));
        assert_null(strchr(view->select, '$'));
        assert_null(strstr(view->select, "--"));
    }
}

static void every_table_is_qualified(void **state)
{
    (void)state;
    for (size_t i = 0; i < catalog_view_count(); i++) {
        const char *select = catalog_view_at(i)->select;
        for (const char *at = strstr(select, "pg_"); at != NULL; at = strstr(at + 1, "pg_")) {
            bool is_alias = at - select >= 4 && strncmp(at - 4, " AS ", 4) == 0;
            bool is_schema = strncmp(at, "pg_catalog.", 11) == 0 || strncmp(at, "pg_catalog'", 11) == 0;
            bool is_qualified = at - select >= 11 && strncmp(at - 11, "pg_catalog.", 11) == 0;
            if (!is_alias && !is_schema && !is_qualified) {
                fail_msg("%s: not qualified: %.40s", catalog_view_at(i)->name, at);
            }
        }
        for (const char *at = strstr(select, " FROM "); at != NULL; at = strstr(at + 1, " FROM ")) {
            if (strncmp(at + 6, "pg_catalog.", 11) != 0 && strncmp(at + 6, "rg_m", 4) != 0) {
                fail_msg("%s: reads %.40s", catalog_view_at(i)->name, at + 6);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorted_without_duplicates),
        cmocka_unit_test(finds_every_row_by_its_name),
        cmocka_unit_test(does_not_find_what_only_resembles_a_name),
        cmocka_unit_test(knows_no_catalogue_that_holds_data_or_secrets),
        cmocka_unit_test(every_placeholder_is_a_known_one),
        cmocka_unit_test(every_select_over_a_table_is_fenced),
        cmocka_unit_test(every_table_is_qualified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
