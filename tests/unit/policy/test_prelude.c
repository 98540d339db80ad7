/* SPDX-License-Identifier: Apache-2.0 */
/* The second lock's settings: what is said of tenant, schemas and claims, that no value becomes SQL, and that no
 * client can say it himself. */
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

struct bound {
    struct policy_world world;
    struct auth_claim_spec specs[3];
    struct auth_claim_value claims[3];
    struct auth_identity identity;
    struct tenant tenant;
    struct tenant_schema schemas[2];
    struct policy_set *set;
    struct policy_binding *binding;
};

static const struct rg_slice uuid[] = {{"11111111-1111-1111-1111-111111111111", 36}};

static void bound_init(struct bound *bound)
{
    *bound = (struct bound){
        .specs = {{.name = RG_SLICE("tenant_id"), .type = {AUTH_SCALAR_UUID, false}},
                  {.name = RG_SLICE("regions"), .type = {AUTH_SCALAR_TEXT, true}},
                  {.name = RG_SLICE("Who-Is"), .type = {AUTH_SCALAR_TEXT, false}}},
        .claims = {{.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = uuid},
                   {.is_present = false, .type = {AUTH_SCALAR_TEXT, true}},
                   {.is_present = false, .type = {AUTH_SCALAR_TEXT, false}}},
        .identity = {.kind = AUTH_OIDC, .claim_count = 3},
        .schemas = {{RG_SLICE("sales"), RG_SLICE("t_acme")}, {RG_SLICE("crm"), RG_SLICE("c_acme")}},
        .tenant = {.id = RG_SLICE("acme"), .route = {.schema_count = 1}},
    };
    assert_ok(policy_world_init(&bound->world));
    struct policy_source source = bound->world.source;
    source.claims = bound->specs;
    source.claim_count = 3;
    bound->identity.claims = bound->claims;
    bound->tenant.route.schemas = bound->schemas;
    assert_ok(policy_compile(&source, &bound->world.diag, &bound->set));
}

static rg_status bind(struct bound *bound, enum policy_lock lock)
{
    struct policy_subject subject = {
        .tenant = &bound->tenant, .identity = &bound->identity, .database = RG_SLICE("bi"), .lock = lock};
    policy_binding_free(&bound->binding);
    return policy_bind(bound->set, &subject, &bound->binding);
}

static void bound_done(struct bound *bound)
{
    policy_binding_free(&bound->binding);
    policy_set_free(&bound->set);
    policy_world_done(&bound->world);
}

#define SET(name, value) "pg_catalog.set_config('" name "', '" value "', true)"
#define HEAD "SELECT " SET("rowgate.tenant", "acme") ", " SET("rowgate.schemas", "{\"t_acme\"}") ", "
#define TENANT SET("rowgate.claim_tenant_id", "=11111111-1111-1111-1111-111111111111")
#define WHO "rowgate.claimx_57686f2d4973"

static void there_is_none_without_a_second_lock(void **state)
{
    (void)state;
    struct bound bound;
    bound_init(&bound);
    assert_ok(bind(&bound, POLICY_LOCK_NONE));
    assert_int_equal(policy_binding_prelude(bound.binding).size, 0);
    assert_int_equal(policy_binding_prelude_size(bound.binding), 0);
    bound_done(&bound);
}

static void an_absent_claim_is_empty_and_a_present_one_begins_with_an_equals_sign(void **state)
{
    (void)state;
    struct bound bound;
    static const struct rg_slice empty[] = {{"", 0}};
    bound_init(&bound);
    assert_ok(bind(&bound, POLICY_LOCK_SET_LOCAL));
    assert_slice(policy_binding_prelude(bound.binding),
                 HEAD TENANT ", " SET("rowgate.claim_regions", "") ", " SET(WHO, ""));
    bound.claims[1] = (struct auth_claim_value){.is_present = true, .type = {AUTH_SCALAR_TEXT, true}};
    bound.claims[2] =
        (struct auth_claim_value){.is_present = true, .type = {AUTH_SCALAR_TEXT, false}, .count = 1, .elements = empty};
    assert_ok(bind(&bound, POLICY_LOCK_SET_LOCAL));
    assert_slice(policy_binding_prelude(bound.binding),
                 HEAD TENANT ", " SET("rowgate.claim_regions", "={}") ", " SET(WHO, "="));
    bound_done(&bound);
}

static void values_stay_values(void **state)
{
    (void)state;
    struct bound bound;
    const struct rg_slice regions[] = {RG_SLICE("it's"),
                                       RG_SLICE("a\\b"),
                                       RG_SLICE("\"q\""),
                                       RG_SLICE("{x,y}"),
                                       RG_SLICE(""),
                                       RG_SLICE("NULL"),
                                       RG_SLICE("'); DROP TABLE x; --")};
    const struct rg_slice who[] = {RG_SLICE("\xc3\xa9\\'")};
    bound_init(&bound);
    bound.claims[1] = (struct auth_claim_value){
        .is_present = true, .type = {AUTH_SCALAR_TEXT, true}, .count = 7, .elements = regions};
    bound.claims[2] =
        (struct auth_claim_value){.is_present = true, .type = {AUTH_SCALAR_TEXT, false}, .count = 1, .elements = who};
    assert_ok(bind(&bound, POLICY_LOCK_SET_LOCAL));
    struct rg_slice prelude = policy_binding_prelude(bound.binding);
    assert_slice(prelude, HEAD TENANT
                 ", " SET("rowgate.claim_regions",
                          "={\"it''s\",\"a\\\\b\",\"\\\"q\\\"\",\"{x,y}\",\"\",\"NULL\",\"''); DROP TABLE x; "
                          "--\"}") ", " SET(WHO, "=\xc3\xa9\\''"));
    assert_int_equal(policy_binding_prelude_size(bound.binding), prelude.size - 1); /* of two bytes is one character */
    bound_done(&bound);
}

static void text_that_is_no_utf8_is_refused(void **state)
{
    (void)state;
    struct bound bound;
    static const struct rg_slice bad[] = {{"\xff", 1}};
    static const struct rg_slice nul[] = {{"a\0b", 3}};
    bound_init(&bound);
    const struct rg_slice *values[] = {bad, nul};
    for (size_t i = 0; i < 2; i++) {
        bound.claims[2] = (struct auth_claim_value){
            .is_present = true, .type = {AUTH_SCALAR_TEXT, false}, .count = 1, .elements = values[i]};
        assert_fails(RG_DENIED, bind(&bound, POLICY_LOCK_SET_LOCAL));
        assert_null(bound.binding);
    }
    bound_done(&bound);
}

static void schemas_of_any_name_are_one_list(void **state)
{
    (void)state;
    struct bound bound;
    bound_init(&bound);
    bound.schemas[0].physical = RG_SLICE("a\"b\\c,d'e");
    bound.schemas[1].physical = RG_SLICE("sixty_three_bytes_of_a_name_that_is_as_long_as_a_name_may_ever_");
    bound.tenant.route.schema_count = 2;
    assert_ok(bind(&bound, POLICY_LOCK_SET_LOCAL));
    struct rg_slice prelude = policy_binding_prelude(bound.binding);
    const char *wanted =
        SET("rowgate.schemas", "{\"a\\\"b\\\\c,d''e\",\"sixty_three_bytes_of_a_name_that_is_as_long_as_"
                               "a_name_may_ever_\"}");
    assert_non_null(memmem(prelude.data, prelude.size, wanted, strlen(wanted)));
    bound_done(&bound);
}

static void the_role_comes_last_and_must_fit_a_name(void **state)
{
    (void)state;
    struct bound bound;
    const char *end = ", " SET("role", "rowgate_acme");
    bound_init(&bound);
    assert_ok(bind(&bound, POLICY_LOCK_SET_ROLE));
    struct rg_slice prelude = policy_binding_prelude(bound.binding);
    assert_slice(rg_slice_cut(prelude, prelude.size - strlen(end), strlen(end)), ", " SET("role", "rowgate_acme"));
    char id[64];
    memset(id, 'x', sizeof id);
    bound.tenant.id = rg_slice_make(id, 55);
    assert_ok(bind(&bound, POLICY_LOCK_SET_ROLE));
    bound.tenant.id = rg_slice_make(id, 56);
    assert_fails(RG_DENIED, bind(&bound, POLICY_LOCK_SET_ROLE));
    assert_ok(bind(&bound, POLICY_LOCK_SET_LOCAL));
    bound_done(&bound);
}

static void claims_that_do_not_fit_are_a_limit(void **state)
{
    (void)state;
    struct bound bound;
    enum { COUNT = 300, SIZE = 1024 };
    static char text[SIZE];
    static struct rg_slice many[COUNT];
    memset(text, '\'', sizeof text);
    for (size_t i = 0; i < COUNT; i++) {
        many[i] = rg_slice_make(text, SIZE);
    }
    bound_init(&bound);
    bound.claims[1] = (struct auth_claim_value){
        .is_present = true, .type = {AUTH_SCALAR_TEXT, true}, .count = COUNT, .elements = many};
    assert_ok(bind(&bound, POLICY_LOCK_NONE));
    assert_fails(RG_DENIED, bind(&bound, POLICY_LOCK_SET_LOCAL));
    bound.claims[1].count = 200; /* fits as a value, not with its quotes doubled */
    assert_fails(RG_LIMIT, bind(&bound, POLICY_LOCK_SET_LOCAL));
    assert_null(bound.binding);
    bound_done(&bound);
}

static void plans_under_another_lock_are_others(void **state)
{
    (void)state;
    struct bound bound;
    bound_init(&bound);
    struct rg_digest digests[3];
    for (int lock = 0; lock < 3; lock++) {
        assert_ok(bind(&bound, (enum policy_lock)lock));
        digests[lock] = *policy_binding_digest(bound.binding);
    }
    assert_memory_not_equal(&digests[0], &digests[1], sizeof digests[0]);
    assert_memory_not_equal(&digests[1], &digests[2], sizeof digests[0]);
    bound_done(&bound);
}

static void each_kind_of_statement_says_whether_it_needs_the_settings(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        enum policy_prelude prelude;
    } rows[] = {
        {"select 1", POLICY_PRELUDE_BEFORE},
        {"select * from sales.orders", POLICY_PRELUDE_BEFORE},
        {"insert into sales.orders values (1)", POLICY_PRELUDE_BEFORE},
        {"declare c cursor for select 1", POLICY_PRELUDE_BEFORE},
        {"fetch c", POLICY_PRELUDE_BEFORE},
        {"copy sales.orders to stdout", POLICY_PRELUDE_BEFORE},
        {"explain select 1", POLICY_PRELUDE_BEFORE},
        {"begin", POLICY_PRELUDE_KEPT},
        {"start transaction isolation level serializable", POLICY_PRELUDE_KEPT},
        {"set transaction isolation level repeatable read", POLICY_PRELUDE_KEPT},
        {"savepoint a", POLICY_PRELUDE_KEPT},
        {"release a", POLICY_PRELUDE_KEPT},
        {"show transaction_isolation", POLICY_PRELUDE_KEPT},
        {"show search_path", POLICY_PRELUDE_KEPT},
        {"set search_path = sales", POLICY_PRELUDE_KEPT},
        {"set local datestyle = iso", POLICY_PRELUDE_KEPT},
        {"discard all", POLICY_PRELUDE_KEPT},
        {"commit", POLICY_PRELUDE_LOST},
        {"commit and chain", POLICY_PRELUDE_LOST},
        {"rollback", POLICY_PRELUDE_LOST},
        {"rollback and chain", POLICY_PRELUDE_LOST},
        {"rollback to a", POLICY_PRELUDE_LOST},
    };
    struct policy_world world;
    assert_ok(policy_world_init(&world));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy_plan plan = {0};
        assert_ok(policy_world_plan(&world, rg_slice_of(rows[i].sql), &plan));
        if (plan.is_denied || plan.count != 1 || plan.statements[0].prelude != rows[i].prelude) {
            fail_msg("%s: %d", rows[i].sql, plan.is_denied ? -1 : (int)plan.statements[0].prelude);
        }
    }
    policy_world_done(&world);
}

static void no_client_can_say_it_himself(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "set rowgate.tenant = 'globex'",
        "set local rowgate.tenant = 'globex'",
        "set \"rowgate.tenant\" = 'globex'",
        "set \"ROWGATE.Tenant\" to default",
        "set session rowgate.claim_tenant_id = '=x'",
        "reset rowgate.tenant",
        "reset \"rowgate.schemas\"",
        "show rowgate.tenant",
        "select set_config('rowgate.tenant', 'globex', true)",
        "select pg_catalog.set_config('rowgate.tenant', 'globex', false)",
        "select * from set_config('role', 'rowgate_globex', true)",
        "select (select set_config('rowgate.tenant', 'globex', true)) from sales.orders",
        "set role rowgate_globex",
        "set local role rowgate_globex",
        "set session role none",
        "set role none",
        "reset role",
        "set session authorization rowgate",
        "set local session authorization default",
        "reset session authorization",
        "alter role rowgate set rowgate.tenant = 'globex'",
        "alter role rowgate set role = 'rowgate_globex'",
        "alter database bi set rowgate.tenant = 'globex'",
        "alter system set rowgate.tenant = 'globex'",
        "update pg_settings set setting = 'globex' where name = 'rowgate.tenant'",
        "set row_security = off",
        "set session characteristics as transaction read write",
        "create function f() returns int language sql set rowgate.tenant = 'globex' as 'select 1'",
        "do $$ begin perform set_config('rowgate.tenant', 'globex', true); end $$",
        "grant rowgate_globex to rowgate",
        "set transaction snapshot '00000003-0000001B-1'; set role none",
    };
    struct policy_world world;
    assert_ok(policy_world_init(&world));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct policy_plan plan = {0};
        assert_ok(policy_world_plan(&world, rg_slice_of(rows[i]), &plan));
        if (!plan.is_denied) {
            fail_msg("allowed: %s", rows[i]);
        }
    }
    policy_world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_none_without_a_second_lock),
        cmocka_unit_test(an_absent_claim_is_empty_and_a_present_one_begins_with_an_equals_sign),
        cmocka_unit_test(values_stay_values),
        cmocka_unit_test(text_that_is_no_utf8_is_refused),
        cmocka_unit_test(schemas_of_any_name_are_one_list),
        cmocka_unit_test(the_role_comes_last_and_must_fit_a_name),
        cmocka_unit_test(claims_that_do_not_fit_are_a_limit),
        cmocka_unit_test(plans_under_another_lock_are_others),
        cmocka_unit_test(each_kind_of_statement_says_whether_it_needs_the_settings),
        cmocka_unit_test(no_client_can_say_it_himself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
