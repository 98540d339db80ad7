/* SPDX-License-Identifier: Apache-2.0 */
/* The logical schemas of all routes: of static tenants and of patterns, each once. */
#include "tenants/tenants.h"
#include "tests/support/rg_test.h"

static const struct tenant_schema one[] = {{{"hr", 2}, {"t_hr", 4}}, {{"sales", 5}, {"t_sales", 7}}};
static const struct tenant_schema other[] = {{{"sales", 5}, {"u_sales", 7}}};
static const struct tenant_schema template[] = {{{"sale", 4}, {"c_{tenant.id}", 13}}};
static const struct tenant_static statics[] = {
    {.route = {.schema_count = 2, .schemas = one}},
    {.route = {.schema_count = 1, .schemas = other}},
    {.route = {.schema_count = 0}},
};
static const struct tenant_pattern patterns[] = {{.route = {.schema_count = 1, .schemas = template}}};

static void schemas_are_collected_once_and_found(void **state)
{
    const struct tenant_registry registry = {3, statics, 1, patterns};
    struct rg_arena arena;
    struct tenant_names names = {0, NULL};
    (void)state;
    rg_arena_init(&arena, 4096);
    assert_ok(tenants_mapped_schemas(&registry, &arena, &names));
    assert_int_equal(names.count, 3);
    assert_true(tenants_names_have(&names, RG_SLICE("hr")));
    assert_true(tenants_names_have(&names, RG_SLICE("sale")));
    assert_true(tenants_names_have(&names, RG_SLICE("sales")));
    assert_false(tenants_names_have(&names, RG_SLICE("t_sales")));
    assert_false(tenants_names_have(&names, RG_SLICE("sal")));
    assert_false(tenants_names_have(&names, RG_SLICE("saless")));
    assert_false(tenants_names_have(&names, RG_SLICE("")));
    rg_arena_done(&arena);
}

static void no_tenants_have_no_schemas(void **state)
{
    const struct tenant_registry registry = {0, NULL, 0, NULL};
    struct rg_arena arena;
    struct tenant_names names = {7, NULL};
    (void)state;
    rg_arena_init(&arena, 4096);
    assert_ok(tenants_mapped_schemas(&registry, &arena, &names));
    assert_int_equal(names.count, 0);
    assert_false(tenants_names_have(&names, RG_SLICE("sales")));
    rg_arena_done(&arena);
}

static void a_full_arena_leaves_the_names_alone(void **state)
{
    const struct tenant_registry registry = {3, statics, 1, patterns};
    struct rg_arena arena;
    struct tenant_names names = {7, NULL};
    (void)state;
    rg_arena_init(&arena, 16);
    assert_fails(RG_LIMIT, tenants_mapped_schemas(&registry, &arena, &names));
    assert_int_equal(names.count, 7);
    rg_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemas_are_collected_once_and_found),
        cmocka_unit_test(no_tenants_have_no_schemas),
        cmocka_unit_test(a_full_arena_leaves_the_names_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
