/* SPDX-License-Identifier: Apache-2.0 */
/* What explain says of a relation is what the binding does with it, and the reasons are the policies' own. */
#include "policy/explain.h"

#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

static struct policy_explanation explain(struct policy_world *world, const char *tenant, const char *schema,
                                         const char *name)
{
    struct policy_explanation explanation = {0};
    assert_ok(policy_explain_relation(world->binding, rg_slice_of(tenant), rg_slice_of(schema), rg_slice_of(name),
                                      &world->arena, &explanation));
    return explanation;
}

static void a_relation_has_its_policies_rights_and_predicate(void **state)
{
    (void)state;
    struct policy_world world;
    assert_ok(policy_world_init(&world));
    struct policy_explanation own = explain(&world, "acme", "sales", "anything");
    assert_true(own.is_reachable && own.is_own && own.for_select && own.for_delete);
    assert_slice(own.physical, "t_acme");
    assert_int_equal(own.predicate.size, 0);
    assert_int_equal(own.naming_count, 1);
    assert_int_equal(own.namings[0].row, 0);
    struct policy_explanation visits = explain(&world, "acme", "shared", "visits");
    assert_true(visits.is_reachable && !visits.is_own && visits.for_select && !visits.for_update);
    assert_non_null(memmem(visits.predicate.data, visits.predicate.size, "'it''s'", 7));
    assert_int_equal(visits.namings[0].row, 2);
    assert_int_equal(visits.namings[0].applicability, POLICY_APPLIES);
    assert_string_equal(policy_applicability_text(POLICY_APPLIES), "");
    policy_world_done(&world);
}

static void what_no_policy_names_is_out_of_reach_and_says_nothing_else(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"shared", "secret"}, {"t_acme", "x"}, {"", ""}, {"pg_catalog", "pg_class"}, {"SALES", "x"}};
    struct policy_world world;
    assert_ok(policy_world_init(&world));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct policy_explanation explanation = explain(&world, "acme", names[i][0], names[i][1]);
        assert_false(explanation.is_reachable || explanation.for_select || explanation.is_own);
        assert_int_equal(explanation.naming_count, 0);
        assert_int_equal(explanation.physical.size, 0);
    }
    policy_world_done(&world);
}

static void a_policy_that_does_not_apply_says_why(void **state)
{
    (void)state;
    static const struct rg_slice on[] = {{"shared.a", 8}, {"other.*", 7}};
    static const struct rg_slice globex[] = {{"globex", 6}};
    static const struct rg_slice acme[] = {{"acme", 4}};
    const struct policy_row rows[] = {
        {.name = RG_SLICE("p"), .on_count = 1, .on = on, .for_select = true, .to_count = 1, .to = globex},
        {.name = RG_SLICE("q"), .on_count = 1, .on = on, .for_select = true, .except_count = 1, .except = acme},
        {.name = RG_SLICE("r"), .on_count = 1, .on = on + 1, .for_select = true, .is_schema_isolated = true},
    };
    struct policy_world world = {0};
    struct policy_source source = {.row_count = 3, .rows = rows};
    rg_arena_init(&world.arena, 1 << 20);
    rg_diag_init(&world.diag, &world.arena);
    struct policy_source base = policy_world_source();
    source.claim_count = base.claim_count;
    source.claims = base.claims;
    assert_ok(policy_compile(&source, &world.diag, &world.set));
    assert_ok(policy_world_bind(world.set, &world.binding));
    struct policy_explanation shared = explain(&world, "acme", "shared", "a");
    assert_false(shared.is_reachable);
    assert_int_equal(shared.naming_count, 2);
    assert_int_equal(shared.namings[0].applicability, POLICY_OF_OTHERS);
    assert_int_equal(shared.namings[1].applicability, POLICY_EXCEPTED);
    struct policy_explanation other = explain(&world, "acme", "other", "b");
    assert_false(other.is_reachable);
    assert_int_equal(other.namings[0].applicability, POLICY_NOT_MAPPED);
    for (int i = POLICY_OF_OTHERS; i <= POLICY_NOT_MAPPED; i++) {
        assert_true(strlen(policy_applicability_text((enum policy_applicability)i)) > 10);
    }
    policy_world_done(&world);
}

static void a_full_arena_is_a_limit_and_leaves_the_output(void **state)
{
    (void)state;
    struct policy_world world;
    struct rg_arena none;
    struct policy_explanation explanation = {.physical = RG_SLICE("untouched")};
    assert_ok(policy_world_init(&world));
    rg_arena_init(&none, 0);
    assert_fails(RG_LIMIT, policy_explain_relation(world.binding, RG_SLICE("acme"), RG_SLICE("sales"), RG_SLICE("x"),
                                                   &none, &explanation));
    assert_slice(explanation.physical, "untouched");
    rg_arena_done(&none);
    policy_world_done(&world);
}

static void only_a_statement_with_a_mask_is_masked(void **state)
{
    (void)state;
    struct policy_world world;
    struct policy_plan plan = {0};
    assert_ok(policy_world_init(&world));
    assert_ok(policy_world_plan(&world, RG_SLICE("select * from shared.orders"), &plan));
    assert_false(policy_statement_is_masked(world.binding, &plan.statements[0]));
    assert_ok(policy_world_plan(&world, RG_SLICE("select * from shared.secret"), &plan));
    assert_true(plan.is_denied);
    assert_false(policy_statement_is_masked(world.binding, &plan.statements[0]));
    policy_world_done(&world);
}

static void masked_world_init(struct policy_world *world, enum policy_mask_kind kind)
{
    static const char relations[] =
        "{\"version\": 1, \"server\": 150020, \"operators\": [], \"relations\": [{\"schema\": \"shared\", \"name\": "
        "\"orders\", \"kind\": \"r\", \"columns\": [[\"id\", \"int4\"], [\"note\", \"text\"], [\"tenant_id\", "
        "\"uuid\"]], "
        "\"parents\": [], \"reads\": []}]}";
    static const struct rg_slice columns[] = {{"shared.orders.note", 18}};
    const struct policy_mask_row mask = {
        .place = {"x.toml", 9, 1}, .column_count = 1, .columns = columns, .kind = kind};
    struct policy_relations *known = NULL;
    *world = (struct policy_world){.session = {.user = {"alice", 5}, .pid = 4711}};
    rg_arena_init(&world->arena, 1 << 24);
    rg_diag_init(&world->diag, &world->arena);
    world->source = policy_world_source();
    world->source.mask_count = 1;
    world->source.masks = &mask;
    assert_ok(policy_compile(&world->source, &world->diag, &world->set));
    assert_ok(policy_world_bind(world->set, &world->binding));
    assert_ok(policy_relations_parse(rg_slice_of(relations), &known));
    world->session.relations = known;
}

static void masked_world_done(struct policy_world *world, const struct policy_relations *relations)
{
    struct policy_relations *held = NULL;
    memcpy(&held, &relations, sizeof(struct policy_relations *));
    policy_relations_free(&held);
    policy_world_done(world);
}

static void a_mask_in_force_is_told_and_found_in_the_text(void **state)
{
    (void)state;
    static const enum policy_mask_kind kinds[] = {POLICY_MASK_REDACT, POLICY_MASK_NULL, POLICY_MASK_DENY};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct policy_world world;
        struct policy_plan plan = {0};
        masked_world_init(&world, kinds[i]);
        struct policy_explanation orders = explain(&world, "acme", "shared", "orders");
        assert_int_equal(orders.mask_count, 1);
        assert_slice(orders.masks[0].column, "note");
        assert_int_equal(orders.masks[0].row, 0);
        assert_ok(policy_world_plan(&world, RG_SLICE("select * from shared.orders"), &plan));
        assert_false(plan.is_denied);
        assert_true(policy_statement_is_masked(world.binding, &plan.statements[0]));
        assert_ok(policy_world_plan(&world, RG_SLICE("select * from shared.currencies"), &plan));
        assert_false(policy_statement_is_masked(world.binding, &plan.statements[0]));
        masked_world_done(&world, world.session.relations);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_relation_has_its_policies_rights_and_predicate),
        cmocka_unit_test(what_no_policy_names_is_out_of_reach_and_says_nothing_else),
        cmocka_unit_test(a_policy_that_does_not_apply_says_why),
        cmocka_unit_test(a_full_arena_is_a_limit_and_leaves_the_output),
        cmocka_unit_test(only_a_statement_with_a_mask_is_masked),
        cmocka_unit_test(a_mask_in_force_is_told_and_found_in_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
