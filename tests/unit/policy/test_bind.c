/* SPDX-License-Identifier: Apache-2.0 */
/* Binding: which rules apply to whom, how predicates combine, and claims that try to be more than values. */
#include <stdio.h>

#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

struct bound {
    struct rg_arena arena;
    struct rg_diag diag;
    struct policy_set *set;
    struct policy_binding *binding;
    struct auth_claim_value claims[2];
    struct auth_identity identity;
    struct tenant tenant;
    struct tenant_schema schemas[1];
};

static const struct rg_slice uuid[] = {{"11111111-1111-1111-1111-111111111111", 36}};

static void bound_init(struct bound *bound, const struct policy_row *rows, size_t count)
{
    struct policy_source source = policy_world_source();
    *bound =
        (struct bound){.claims = {{.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = uuid},
                                  {.is_present = false, .type = {AUTH_SCALAR_TEXT, true}}},
                       .schemas = {{RG_SLICE("sales"), RG_SLICE("t_acme")}},
                       .identity = {.kind = AUTH_OIDC, .claim_count = 2},
                       .tenant = {.id = RG_SLICE("acme"), .route = {.schema_count = 1}}};
    bound->identity.claims = bound->claims;
    bound->tenant.route.schemas = bound->schemas;
    rg_arena_init(&bound->arena, 64 << 20);
    rg_diag_init(&bound->diag, &bound->arena);
    source.rows = rows;
    source.row_count = count;
    assert_ok(policy_compile(&source, &bound->diag, &bound->set));
}

static rg_status bind(struct bound *bound)
{
    struct policy_subject subject = {
        .tenant = &bound->tenant, .identity = &bound->identity, .database = RG_SLICE("bi")};
    return policy_bind(bound->set, &subject, &bound->binding);
}

static const char *text_of(struct bound *bound, const char *sql)
{
    struct policy_plan plan = {0};
    struct policy_session session = {.user = RG_SLICE("x")};
    assert_ok(policy_plan_text(bound->binding, &session, POLICY_SIMPLE, rg_slice_of(sql), &bound->arena, &plan));
    return plan.is_denied ? NULL : plan.statements[0].text.data;
}

static void bound_done(struct bound *bound)
{
    policy_binding_free(&bound->binding);
    policy_set_free(&bound->set);
    rg_arena_done(&bound->arena);
}

static const struct rg_slice on_orders[] = {{"shared.orders", 13}};
static const struct rg_slice on_shared[] = {{"shared.*", 8}};
static const struct rg_slice on_sales[] = {{"sales.*", 7}};
static const struct rg_slice on_hr[] = {{"hr.*", 4}};
static const struct rg_slice acme[] = {{"acme", 4}};
static const struct rg_slice globex[] = {{"globex", 6}};

static struct policy_row row(const struct rg_slice *on, const char *using_text)
{
    return (struct policy_row){
        .name = RG_SLICE("r"), .on_count = 1, .on = on, .for_select = true, .using_text = rg_slice_of(using_text)};
}

static void predicates_are_anded_and_groups_ored(void **state)
{
    struct policy_row rows[] = {row(on_orders, "a = 1 or b = 2"), row(on_orders, "c = 3"), row(on_shared, "d = 4"),
                                row(on_orders, "e = 5")};
    struct bound bound;
    (void)state;
    rows[1].group = rows[3].group = RG_SLICE("g");
    bound_init(&bound, rows, 4);
    assert_ok(bind(&bound));
    assert_non_null(strstr(text_of(&bound, "SELECT 1 FROM shared.orders"),
                           "WHERE ((rg_r.a = 1 or rg_r.b = 2) AND ((rg_r.c = 3) OR (rg_r.e = 5))) AND (rg_r.d = 4))"));
    assert_non_null(strstr(text_of(&bound, "SELECT 1 FROM shared.other"), "WHERE rg_r.d = 4)"));
    bound_done(&bound);
}

/* The same predicates on several relations are bound once; the same ones in other groups are something else. */
static void what_is_bound_once_goes_to_those_alone_that_say_the_same(void **state)
{
    static const struct rg_slice on[][1] = {{{"shared.a", 8}}, {{"shared.b", 8}}, {{"shared.c", 8}}, {{"shared.d", 8}}};
    struct policy_row rows[] = {row(on[0], "x = 1"), row(on[0], "y = 2"), row(on[1], "x = 1"), row(on[1], "y = 2"),
                                row(on[2], "x = 1"), row(on[2], "y = 2"), row(on[3], "x = 1"), row(on[3], "y = 3")};
    static const char *const wanted[] = {"WHERE (rg_r.x = 1) AND (rg_r.y = 2))", "WHERE (rg_r.x = 1) OR (rg_r.y = 2))",
                                         "WHERE (rg_r.x = 1) AND (rg_r.y = 2))",
                                         "WHERE (rg_r.x = 1) AND (rg_r.y = 3))"};
    static const char *const texts[] = {"TABLE shared.a", "TABLE shared.b", "TABLE shared.c", "TABLE shared.d"};
    struct bound bound;
    (void)state;
    rows[2].group = rows[3].group = RG_SLICE("g");
    bound_init(&bound, rows, 8);
    assert_ok(bind(&bound));
    for (size_t i = 0; i < 4; i++) {
        const char *text = text_of(&bound, texts[i]);
        if (strstr(text, wanted[i]) == NULL) {
            fail_msg("%s", text);
        }
    }
    bound_done(&bound);
}

/* As many as a bank has: the first, the last and one between, and none of another's. */
static void each_of_hundreds_of_relations_has_its_own_rules(void **state)
{
    enum { RELATIONS = 600 };
    static struct rg_slice on[RELATIONS][1];
    static char names[RELATIONS][32];
    static char texts[RELATIONS][32];
    static struct policy_row rows[RELATIONS + 1];
    struct bound bound;
    (void)state;
    for (int i = 0; i < RELATIONS; i++) {
        (void)snprintf(names[i], sizeof names[i], "shared.r%d", (i * 7) % RELATIONS);
        (void)snprintf(texts[i], sizeof texts[i], "k = %d", i % 3 == 0 ? -1 : i);
        on[i][0] = rg_slice_of(names[i]);
        rows[i] = row(on[i], texts[i]);
    }
    rows[RELATIONS] = row(on_shared, "all_of_them");
    bound_init(&bound, rows, RELATIONS + 1);
    assert_ok(bind(&bound));
    for (int i = 0; i < RELATIONS; i += 7) {
        char sql[64];
        char wanted[96];
        (void)snprintf(sql, sizeof sql, "TABLE shared.r%d", (i * 7) % RELATIONS);
        (void)snprintf(wanted, sizeof wanted, "WHERE (rg_r.k = %d) AND (rg_r.all_of_them))", i % 3 == 0 ? -1 : i);
        if (strstr(text_of(&bound, sql), wanted) == NULL) {
            fail_msg("%s: %s", wanted, text_of(&bound, sql));
        }
    }
    assert_non_null(strstr(text_of(&bound, "TABLE shared.r601"), "WHERE rg_r.all_of_them)"));
    bound_done(&bound);
}

static void rules_for_others_do_not_apply(void **state)
{
    struct policy_row rows[] = {row(on_orders, ""), row(on_sales, "")};
    struct bound bound;
    (void)state;
    rows[0].to = globex;
    rows[0].to_count = 1;
    rows[1].except = acme;
    rows[1].except_count = 1;
    bound_init(&bound, rows, 2);
    assert_ok(bind(&bound));
    assert_null(text_of(&bound, "SELECT 1 FROM shared.orders"));
    assert_null(text_of(&bound, "SELECT 1 FROM sales.a"));
    bound_done(&bound);
}

static void isolation_by_schema_needs_the_map(void **state)
{
    struct policy_row rows[] = {row(on_hr, ""), row(on_sales, "")};
    struct bound bound;
    (void)state;
    rows[0].is_schema_isolated = rows[1].is_schema_isolated = true;
    bound_init(&bound, rows, 2);
    assert_ok(bind(&bound));
    assert_null(text_of(&bound, "SELECT 1 FROM hr.people"));
    assert_string_equal(text_of(&bound, "SELECT 1 FROM sales.a"), "SELECT 1 FROM t_acme.a");
    bound_done(&bound);
}

static void a_missing_optional_claim_binds_null(void **state)
{
    struct policy_row rows[] = {row(on_orders, "region = any (:regions)")};
    struct bound bound;
    (void)state;
    bound_init(&bound, rows, 1);
    assert_ok(bind(&bound));
    assert_non_null(strstr(text_of(&bound, "TABLE shared.orders"), "rg_r.region = any (NULL::pg_catalog.text[])"));
    bound_done(&bound);
}

static void claims_cannot_leave_their_quotes(void **state)
{
    static const struct rg_slice evil[] = {
        {"') OR true --", 13}, {"\\'; DROP TABLE x", 16}, {"$1 :tenant_id /*", 16}, {"", 0}};
    struct policy_row rows[] = {row(on_orders, "region = any (:regions)")};
    struct bound bound;
    (void)state;
    bound_init(&bound, rows, 1);
    bound.claims[1] = (struct auth_claim_value){true, {AUTH_SCALAR_TEXT, true}, 4, evil};
    assert_ok(bind(&bound));
    assert_non_null(strstr(text_of(&bound, "TABLE shared.orders"),
                           "ARRAY[''') OR true --', '\\''; DROP TABLE x', '$1 :tenant_id /*', '']::pg_catalog.text[]"));
    bound_done(&bound);
}

static void what_is_not_verified_or_complete_is_denied(void **state)
{
    static const struct rg_slice bad_text[] = {{"\xc0\xaf", 2}};
    struct policy_row rows[] = {row(on_orders, "region = any (:regions)")};
    struct bound bound;
    (void)state;
    bound_init(&bound, rows, 1);
    bound.identity.kind = AUTH_UNVERIFIED;
    assert_fails(RG_DENIED, bind(&bound));
    bound.identity.kind = AUTH_OIDC;
    bound.claims[0].is_present = false;
    assert_fails(RG_DENIED, bind(&bound));
    bound.claims[0].is_present = true;
    bound.claims[0].type.is_array = true;
    assert_fails(RG_DENIED, bind(&bound));
    bound.claims[0].type.is_array = false;
    bound.claims[0].count = 0;
    assert_fails(RG_DENIED, bind(&bound));
    bound.claims[0].count = 1;
    bound.claims[1] = (struct auth_claim_value){true, {AUTH_SCALAR_TEXT, true}, 1, bad_text};
    assert_fails(RG_DENIED, bind(&bound));
    bound.claims[1].is_present = false;
    bound.schemas[0].physical = RG_SLICE("pg_catalog");
    assert_fails(RG_DENIED, bind(&bound));
    bound.schemas[0].physical = RG_SLICE("a.b");
    assert_fails(RG_DENIED, bind(&bound));
    assert_null(bound.binding);
    bound_done(&bound);
}

static void equal_subjects_have_equal_digests_and_others_not(void **state)
{
    static const struct rg_slice other[] = {{"22222222-2222-2222-2222-222222222222", 36}};
    struct policy_row rows[] = {row(on_orders, "tenant_id = :tenant_id")};
    struct bound bound;
    (void)state;
    bound_init(&bound, rows, 1);
    assert_ok(bind(&bound));
    struct rg_digest first = *policy_binding_digest(bound.binding);
    policy_binding_free(&bound.binding);
    assert_ok(bind(&bound));
    assert_memory_equal(&first, policy_binding_digest(bound.binding), sizeof first);
    policy_binding_free(&bound.binding);
    bound.claims[0].elements = other;
    assert_ok(bind(&bound));
    assert_memory_not_equal(&first, policy_binding_digest(bound.binding), sizeof first);
    struct policy_binding *more = policy_binding_ref(bound.binding);
    policy_binding_free(&more);
    assert_non_null(strstr(text_of(&bound, "TABLE shared.orders"), "22222222"));
    bound_done(&bound);
}

static void odd_physical_names_are_quoted(void **state)
{
    struct policy_row rows[] = {row(on_sales, "")};
    struct bound bound;
    (void)state;
    bound_init(&bound, rows, 1);
    bound.schemas[0].physical = RG_SLICE("t_9f-\"x; --");
    assert_ok(bind(&bound));
    assert_string_equal(text_of(&bound, "SELECT 1 FROM sales.\"Select\", sales.user_s"),
                        "SELECT 1 FROM \"t_9f-\"\"x; --\".\"Select\", \"t_9f-\"\"x; --\".user_s");
    bound_done(&bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicates_are_anded_and_groups_ored),
        cmocka_unit_test(what_is_bound_once_goes_to_those_alone_that_say_the_same),
        cmocka_unit_test(each_of_hundreds_of_relations_has_its_own_rules),
        cmocka_unit_test(rules_for_others_do_not_apply),
        cmocka_unit_test(isolation_by_schema_needs_the_map),
        cmocka_unit_test(a_missing_optional_claim_binds_null),
        cmocka_unit_test(claims_cannot_leave_their_quotes),
        cmocka_unit_test(what_is_not_verified_or_complete_is_denied),
        cmocka_unit_test(equal_subjects_have_equal_digests_and_others_not),
        cmocka_unit_test(odd_physical_names_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
