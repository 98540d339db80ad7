/* SPDX-License-Identifier: Apache-2.0 */
/* View markers under a binding: the own one passes and is noticed, and what one binding was told of a text is nothing
 * to another. (Foreign ones in every place: tests/vectors/rewrite/view_marker.sql.) */
#include "policy/cache.h"
#include "policy/view.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

static struct policy_world world;

static int start(void **state)
{
    (void)state;
    return rg_is_ok(policy_world_init(&world)) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    policy_world_done(&world);
    return 0;
}

static struct rg_slice with_marker(const struct policy_binding *binding, const char *before, const char *after)
{
    char marker[POLICY_VIEW_MARKER_SIZE];
    struct rg_slice text = {0};
    policy_view_marker(RG_SLICE("acme"), policy_binding_view(binding), marker);
    assert_ok(rg_arena_printf(&world.arena, &text, "%s'%s' = '%s'%s", before, marker, marker, after));
    return text;
}

/* Somebody else of the same tenant: with other claims, or reaching it by another way. */
static struct policy_binding *bind_other(const struct rg_slice *regions, enum policy_dialect dialect)
{
    const struct rg_slice id[] = {RG_SLICE("11111111-1111-1111-1111-111111111111")};
    const struct auth_claim_value claims[] = {
        {.is_present = true, .type = {AUTH_SCALAR_UUID, false}, .count = 1, .elements = id},
        {.is_present = true, .type = {AUTH_SCALAR_TEXT, true}, .count = 1, .elements = regions},
    };
    const struct auth_identity identity = {.kind = AUTH_OIDC, .claim_count = 2, .claims = claims};
    const struct tenant_schema schemas[] = {{RG_SLICE("sales"), RG_SLICE("t_acme")}};
    const struct tenant tenant = {.id = RG_SLICE("acme"), .route = {.schema_count = 1, .schemas = schemas}};
    const struct policy_subject subject = {
        .tenant = &tenant, .identity = &identity, .database = RG_SLICE("bi"), .dialect = dialect};
    struct policy_binding *binding = NULL;
    assert_ok(policy_bind(world.set, &subject, &binding));
    return binding;
}

static void the_own_marker_passes_and_is_noticed(void **state)
{
    static const char *const texts[][2] = {
        {"SELECT count(*) FROM sales.orders WHERE (", ")"},
        {"SELECT a FROM (SELECT a FROM shared.orders WHERE ", ") AS virtual_table"},
        {"WITH w AS (SELECT 1 AS x WHERE ", ") SELECT x FROM w"},
        {"DECLARE c CURSOR FOR SELECT 1 WHERE ", ""},
        {"EXPLAIN SELECT 1 WHERE ", ""},
        {"COPY (SELECT 1 WHERE ", ") TO STDOUT"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct policy_plan plan = {0};
        assert_ok(policy_world_plan(&world, with_marker(world.binding, texts[i][0], texts[i][1]), &plan));
        assert_false(plan.is_denied);
        assert_true(plan.statements[0].has_marker);
    }
}

static void without_one_nothing_is_noticed(void **state)
{
    static const char *const texts[] = {"SELECT 1 FROM sales.orders", "SELECT 1 WHERE 'a' = 'a'",
                                        "SELECT 1 WHERE 'rg.acme' = 'rg.acme'", "SHOW search_path", "BEGIN"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct policy_plan plan = {0};
        assert_ok(policy_world_plan(&world, rg_slice_of(texts[i]), &plan));
        assert_false(plan.is_denied);
        assert_false(plan.statements[0].has_marker);
    }
}

static void each_marker_of_a_text_is_looked_at(void **state)
{
    (void)state;
    struct policy_plan plan = {0};
    struct rg_slice text = with_marker(world.binding, "SELECT 1 WHERE ",
                                       " AND 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA' = 'rg.globex.AAAAAAAAAAAAAAAAAAAAAA'");
    assert_ok(policy_world_plan(&world, text, &plan));
    assert_true(plan.is_denied);
    assert_slice(plan.statements[0].rule, "view.tenant");
    assert_string_equal(plan.statements[0].sqlstate, "42501");
    assert_int_not_equal(plan.statements[0].position, 0);
    text = with_marker(world.binding, "SELECT 1; SELECT 1 WHERE ", "");
    assert_ok(policy_world_plan(&world, text, &plan));
    assert_false(plan.statements[0].has_marker); /* it is the second one's */
    assert_true(plan.statements[1].has_marker);
    text = with_marker(world.binding, "PREPARE p AS SELECT 1 FROM sales.orders WHERE ", "");
    assert_ok(policy_world_plan(&world, text, &plan));
    assert_true(plan.statements[0].has_marker);
}

static void a_kept_plan_is_no_other_bindings(void **state)
{
    const struct rg_slice regions[] = {RG_SLICE("elsewhere")};
    (void)state;
    struct policy_binding *other = bind_other(regions, POLICY_POSTGRES);
    struct policy_cache *cache = NULL;
    assert_ok(policy_cache_new(1 << 20, &cache));
    const struct rg_slice texts[] = {with_marker(world.binding, "SELECT 1 FROM sales.orders WHERE ", ""),
                                     with_marker(other, "SELECT 1 FROM sales.orders WHERE ", "")};
    const struct policy_binding *bindings[] = {world.binding, other};
    for (size_t i = 0; i < 8; i++) { /* kept ones the second time */
        struct policy_cached *cached = NULL;
        bool is_own = (i & 1) == (i >> 1 & 1);
        assert_ok(policy_cache_plan(cache, bindings[i & 1], &world.session, POLICY_SIMPLE, texts[i >> 1 & 1], &cached));
        assert_int_equal(cached->was_cached, i >= 4);
        assert_int_equal(cached->plan.is_denied, !is_own);
        assert_slice(cached->plan.statements[0].rule, is_own ? "own" : "view.mismatch");
        policy_cached_free(&cached);
    }
    policy_cache_free(&cache);
    policy_binding_free(&other);
}

static void hyper_is_asked_no_less(void **state)
{
    const struct rg_slice regions[] = {RG_SLICE("north")};
    (void)state;
    struct policy_binding *hyper = bind_other(regions, POLICY_HYPER);
    struct policy_session session = world.session;
    struct policy_plan plan = {0};
    assert_ok(policy_plan_text(hyper, &session, POLICY_SIMPLE, with_marker(hyper, "SELECT 1 AS a WHERE ", ""),
                               &world.arena, &plan));
    assert_false(plan.is_denied);
    assert_true(plan.statements[0].has_marker);
    assert_ok(policy_plan_text(hyper, &session, POLICY_SIMPLE, with_marker(world.binding, "SELECT 1 AS a WHERE ", ""),
                               &world.arena, &plan));
    assert_true(plan.is_denied);
    assert_slice(plan.statements[0].rule, "view.mismatch");
    policy_binding_free(&hyper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_marker_passes_and_is_noticed),
        cmocka_unit_test(without_one_nothing_is_noticed),
        cmocka_unit_test(each_marker_of_a_text_is_looked_at),
        cmocka_unit_test(a_kept_plan_is_no_other_bindings),
        cmocka_unit_test(hyper_is_asked_no_less),
    };
    return cmocka_run_group_tests(tests, start, end);
}
