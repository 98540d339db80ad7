/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/types.h"

#include "tests/support/rg_test.h"

/* The allow-list of types. tests/e2e/test_functions.py compares it with a real server's pg_type. */

static void is_sorted_without_duplicates(void **state)
{
    (void)state;
    assert_true(type_count() > 50);
    for (size_t i = 1; i < type_count(); i++) {
        assert_true(strcmp(type_at(i - 1), type_at(i)) < 0);
    }
    assert_null(type_at(type_count()));
    assert_null(type_at(SIZE_MAX));
}

static void allows_every_listed_type_and_its_array(void **state)
{
    (void)state;
    char array[64] = "_";
    for (size_t i = 0; i < type_count(); i++) {
        size_t size = strlen(type_at(i));
        assert_true(size + 1 < sizeof(array));
        memcpy(array + 1, type_at(i), size);
        assert_true(type_is_allowed(rg_slice_of(type_at(i))));
        assert_true(type_is_allowed(rg_slice_make(array, size + 1)));
    }
}

static void refuses_names_in_disguise_pseudo_types_and_the_rest(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "regclass",
        "regtype",
        "regproc",
        "regprocedure",
        "regoper",
        "regoperator",
        "regrole",
        "regnamespace",
        "regconfig",
        "regdictionary",
        "regcollation",
        "_regclass",
        "_regtype",
        "any",
        "anyelement",
        "anyarray",
        "anycompatible",
        "cstring",
        "_cstring",
        "internal",
        "record",
        "_record",
        "trigger",
        "event_trigger",
        "void",
        "unknown",
        "opaque",
        "language_handler",
        "fdw_handler",
        "tsm_handler",
        "index_am_handler",
        "table_am_handler",
        "pg_node_tree",
        "pg_ndistinct",
        "pg_dependencies",
        "pg_mcv_list",
        "pg_ddl_command",
        "pg_snapshot",
        "txid_snapshot",
        "xid",
        "xid8",
        "cid",
        "tid",
        "pg_lsn",
        "aclitem",
        "_aclitem",
        "refcursor",
        "gtsvector",
        "pg_class",
        "pg_authid",
        "_pg_class",
        "hstore",
        "citext",
        "geometry",
    };
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (type_is_allowed(rg_slice_of(NAMES[i]))) {
            fail_msg("%s is allowed", NAMES[i]);
        }
    }
}

static void refuses_what_only_resembles_a_name(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"",     "_",      "__",    "__int4", "int4_", "int",  "integer",
                                        "INT4", "int4[]", " int4", "tex",    "texts", "\xff", "pg_catalog.int4"};
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (type_is_allowed(rg_slice_of(NAMES[i]))) {
            fail_msg("\"%s\" is allowed", NAMES[i]);
        }
    }
    assert_false(type_is_allowed(RG_SLICE("int4\0")));
    assert_false(type_is_allowed((struct rg_slice){NULL, 0}));
}

static void allows_parameter_types_of_drivers_only(void **state)
{
    (void)state;
    static const uint32_t ALLOWED[] = {0,    705,  16,   17,   20,   21,   23,   25,   26,   114,
                                       700,  701,  1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266,
                                       1700, 2950, 3802, 1000, 1005, 1007, 1009, 1015, 1016, 1231};
    static const uint32_t REFUSED[] = {2205, 2206, 24,   2202,  2203,  2204,  3734,       3769,        4089,      4096,
                                       4191, 2210, 2211, 1008,  1033,  1034,  28,         29,          27,        5069,
                                       3220, 194,  1790, 2249,  2275,  2276,  2277,       2278,        2281,      1,
                                       15,   1259, 1247, 12345, 16384, 16500, 0x7fffffff, 0x80000000U, UINT32_MAX};
    for (size_t i = 0; i < sizeof(ALLOWED) / sizeof(ALLOWED[0]); i++) {
        if (!type_oid_is_allowed(ALLOWED[i])) {
            fail_msg("%u is refused", ALLOWED[i]);
        }
    }
    for (size_t i = 0; i < sizeof(REFUSED) / sizeof(REFUSED[0]); i++) {
        if (type_oid_is_allowed(REFUSED[i])) {
            fail_msg("%u is allowed", REFUSED[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorted_without_duplicates),
        cmocka_unit_test(allows_every_listed_type_and_its_array),
        cmocka_unit_test(refuses_names_in_disguise_pseudo_types_and_the_rest),
        cmocka_unit_test(refuses_what_only_resembles_a_name),
        cmocka_unit_test(allows_parameter_types_of_drivers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
