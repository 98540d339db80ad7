/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/settings.h"

#include "tests/support/rg_test.h"

static void a_change_leaves_the_old_block_as_it_was(void **state)
{
    (void)state;
    struct settings *first = settings_new();
    struct settings *second = NULL;
    struct settings *third = NULL;
    const struct rg_slice path[] = {RG_SLICE("sales"), RG_SLICE("shared")};
    assert_ok(settings_with_path(first, path, 2, &second));
    assert_ok(settings_with_application(second, RG_SLICE("psql"), &third));
    assert_int_equal(first->path_count, 0);
    assert_slice(second->application_name, "");
    settings_free(&first);
    settings_free(&second);
    assert_int_equal(third->path_count, 2);
    assert_slice(third->path[1], "shared");
    assert_slice(third->application_name, "psql");
    settings_free(&third);
}

static void a_reference_keeps_it_alive(void **state)
{
    (void)state;
    struct settings *settings = settings_new();
    struct settings *saved = settings_ref(settings);
    settings_free(&settings);
    assert_null(settings);
    assert_int_equal(saved->statement_timeout_ms, 0);
    settings_free(&saved);
}

static void refuses_too_much_and_leaves_the_output(void **state)
{
    (void)state;
    static char name[SETTINGS_BYTES_MAX + 1];
    struct settings *settings = settings_new();
    struct settings *changed = NULL;
    assert_fails(RG_LIMIT, settings_with_application(settings, rg_slice_make(name, sizeof name), &changed));
    struct rg_slice path[65];
    for (size_t i = 0; i < 65; i++) {
        path[i] = RG_SLICE("s");
    }
    assert_fails(RG_LIMIT, settings_with_path(settings, path, 65, &changed));
    assert_null(changed);
    assert_ok(settings_with_path(settings, path, 64, &changed));
    settings_free(&changed);
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_leaves_the_old_block_as_it_was),
        cmocka_unit_test(a_reference_keeps_it_alive),
        cmocka_unit_test(refuses_too_much_and_leaves_the_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
