/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/prepared.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

static struct prepared_source source(const char *name, const char *text)
{
    return (struct prepared_source){.name = rg_slice_of(name), .text = rg_slice_of(text)};
}

static void a_name_is_taken_once_and_the_unnamed_is_replaced(void **state)
{
    (void)state;
    RG_AUTO(prepared_set_done) struct prepared_set set = {0};
    struct prepared_source first = source("s", "select 1");
    struct prepared_source again = source("s", "select 2");
    assert_ok(prepared_add(&set, &first, NULL));
    assert_fails(RG_DENIED, prepared_add(&set, &again, NULL));
    assert_slice(prepared_find(&set, RG_SLICE("s"))->text, "select 1");
    struct prepared_source unnamed = source("", "select 3");
    struct prepared_source newer = source("", "select 4");
    assert_ok(prepared_add(&set, &unnamed, NULL));
    assert_ok(prepared_add(&set, &newer, NULL));
    assert_slice(prepared_find(&set, RG_SLICE(""))->text, "select 4");
    assert_int_equal(set.count, 2);
    prepared_remove(&set, RG_SLICE("s"));
    prepared_remove(&set, RG_SLICE("nobody"));
    assert_null(prepared_find(&set, RG_SLICE("s")));
    prepared_remove_all(&set);
    assert_int_equal(set.bytes, 0);
}

static void number_and_bytes_are_bounded(void **state)
{
    (void)state;
    RG_AUTO(prepared_set_done) struct prepared_set set = {0};
    char name[16];
    for (int i = 0; i < PREPARED_MAX; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        struct prepared_source small = source(name, "select 1");
        assert_ok(prepared_add(&set, &small, NULL));
    }
    struct prepared_source one_more = source("more", "select 1");
    assert_fails(RG_LIMIT, prepared_add(&set, &one_more, NULL));
    prepared_remove_all(&set);
    static char text[PREPARED_BYTES_MAX];
    struct prepared_source large = {.name = RG_SLICE("x"), .text = rg_slice_make(text, sizeof text)};
    assert_fails(RG_LIMIT, prepared_add(&set, &large, NULL));
    assert_int_equal(set.count, 0);
}

static void declared_types_are_copied(void **state)
{
    (void)state;
    RG_AUTO(prepared_set_done) struct prepared_set set = {0};
    char type[] = "integer";
    struct rg_slice types[] = {rg_slice_make(type, 7)};
    struct prepared_source typed = source("p", "select $1");
    typed.is_sql = true;
    typed.sql_types = types;
    typed.sql_type_count = 1;
    assert_ok(prepared_add(&set, &typed, NULL));
    type[0] = 'X';
    assert_slice(prepared_find(&set, RG_SLICE("p"))->sql_types[0], "integer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_taken_once_and_the_unnamed_is_replaced),
        cmocka_unit_test(number_and_bytes_are_bounded),
        cmocka_unit_test(declared_types_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
