/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of plans: what may be shared, what must not, and its bound. */
#include "policy/cache.h"
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

#include <stdio.h>

static struct policy_world world;

static int set_up(void **state)
{
    (void)state;
    return rg_is_ok(policy_world_init(&world)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    policy_world_done(&world);
    return 0;
}

static struct policy_cached *get(struct policy_cache *cache, const struct policy_session *session, const char *sql)
{
    struct policy_cached *cached = NULL;
    assert_ok(policy_cache_plan(cache, world.binding, session, POLICY_SIMPLE, rg_slice_of(sql), &cached));
    return cached;
}

static void the_same_statement_is_planned_once(void **state)
{
    struct policy_cache *cache = NULL;
    (void)state;
    assert_ok(policy_cache_new(1 << 20, &cache));
    struct policy_cached *one = get(cache, &world.session, "SELECT 1 FROM shared.orders");
    struct policy_cached *two = get(cache, &world.session, "SELECT 1 FROM shared.orders");
    assert_ptr_equal(one, two);
    assert_true(two->was_cached);
    assert_slice(two->text, "SELECT 1 FROM shared.orders");
    struct rg_digest digest = rg_sha256_one(RG_SLICE("SELECT 1 FROM shared.orders"));
    assert_memory_equal(&two->text_digest, &digest, sizeof digest);
    assert_int_equal(policy_cache_stats(cache).hits, 1);
    assert_int_equal(policy_cache_stats(cache).misses, 1);
    policy_cached_free(&one);
    policy_cached_free(&two);
    policy_cache_free(&cache);
    assert_null(cache);
    policy_cache_free(&cache);
}

static void other_parameter_types_or_another_snapshot_are_another_plan(void **state)
{
    static const char *const documents[] = {"{\"version\":1,\"server\":150000,\"operators\":[],\"relations\":[]}",
                                            "{\"version\":1,\"server\":150001,\"operators\":[],\"relations\":[]}"};
    static const uint32_t types[] = {23, 25};
    struct policy_relations *relations[2] = {NULL};
    struct policy_cache *cache = NULL;
    struct policy_session sessions[6] = {world.session, world.session, world.session,
                                         world.session, world.session, world.session};
    (void)state;
    assert_ok(policy_cache_new(1 << 20, &cache));
    for (size_t i = 0; i < 2; i++) {
        assert_ok(policy_relations_parse(rg_slice_of(documents[i]), &relations[i]));
        sessions[1 + i].relations = relations[i];
        sessions[3 + i].parameter_type_count = 1 + i;
    }
    sessions[3].parameter_types = sessions[4].parameter_types = types;
    sessions[5].parameter_type_count = 1;
    sessions[5].parameter_types = &types[1];
    struct policy_cached *plans[6] = {NULL};
    for (size_t i = 0; i < 6; i++) {
        plans[i] = get(cache, &sessions[i], "SELECT 1");
        assert_false(plans[i]->was_cached);
    }
    for (size_t i = 0; i < 6; i++) {
        struct policy_cached *again = get(cache, &sessions[i], "SELECT 1");
        assert_ptr_equal(again, plans[i]);
        policy_cached_free(&again);
        policy_cached_free(&plans[i]);
    }
    policy_cache_free(&cache);
    policy_relations_free(&relations[0]);
    policy_relations_free(&relations[1]);
}

static void another_path_user_or_protocol_is_another_plan(void **state)
{
    struct policy_cache *cache = NULL;
    const struct rg_slice path[] = {RG_SLICE("shared")};
    struct policy_session other = world.session;
    (void)state;
    assert_ok(policy_cache_new(1 << 20, &cache));
    struct policy_cached *one = get(cache, &world.session, "SELECT current_user FROM orders");
    assert_non_null(strstr(one->plan.statements[0].text.data, "t_acme.orders"));
    other.search_path = path;
    other.search_path_count = 1;
    struct policy_cached *two = get(cache, &other, "SELECT current_user FROM orders");
    assert_null(strstr(two->plan.statements[0].text.data, "t_acme.orders"));
    other = world.session;
    other.user = RG_SLICE("mallory");
    struct policy_cached *three = get(cache, &other, "SELECT current_user FROM orders");
    assert_non_null(strstr(three->plan.statements[0].text.data, "'mallory'"));
    struct policy_cached *four = NULL;
    assert_ok(policy_cache_plan(cache, world.binding, &world.session, POLICY_EXTENDED,
                                RG_SLICE("SELECT current_user FROM orders"), &four));
    assert_int_equal(policy_cache_stats(cache).hits, 0);
    assert_int_equal(policy_cache_stats(cache).entries, 4);
    policy_cached_free(&one);
    policy_cached_free(&two);
    policy_cached_free(&three);
    policy_cached_free(&four);
    policy_cache_free(&cache);
}

static void another_pid_never_sees_this_ones(void **state)
{
    struct policy_cache *cache = NULL;
    struct policy_session other = world.session;
    (void)state;
    assert_ok(policy_cache_new(1 << 20, &cache));
    struct policy_cached *one = get(cache, &world.session, "SELECT pg_backend_pid()");
    other.pid = 99;
    struct policy_cached *two = get(cache, &other, "SELECT pg_backend_pid()");
    assert_non_null(strstr(one->plan.statements[0].text.data, "4711"));
    assert_non_null(strstr(two->plan.statements[0].text.data, "99"));
    assert_int_equal(policy_cache_stats(cache).entries, 0);
    policy_cached_free(&one);
    policy_cached_free(&two);
    policy_cache_free(&cache);
}

static void the_bound_holds_and_the_oldest_goes(void **state)
{
    struct policy_cache *cache = NULL;
    char sql[64];
    (void)state;
    assert_ok(policy_cache_new(16 << 10, &cache));
    struct policy_cached *held = get(cache, &world.session, "SELECT 'held'");
    for (int i = 0; i < 500; i++) {
        (void)snprintf(sql, sizeof sql, "SELECT %d FROM sales.a", i);
        struct policy_cached *cached = get(cache, &world.session, sql);
        policy_cached_free(&cached);
        assert_in_range(policy_cache_stats(cache).bytes, 0, 16 << 10);
    }
    struct policy_cached *again = get(cache, &world.session, "SELECT 499 FROM sales.a");
    assert_true(again->was_cached);
    struct policy_cached *gone = get(cache, &world.session, "SELECT 0 FROM sales.a");
    assert_false(gone->was_cached);
    assert_slice(held->plan.statements[0].source, "SELECT 'held'");
    policy_cached_free(&again);
    policy_cached_free(&gone);
    policy_cached_free(&held);
    policy_cache_free(&cache);
}

static void refusals_are_cached_too_and_copies_stand_alone(void **state)
{
    struct policy_cache *cache = NULL;
    (void)state;
    assert_ok(policy_cache_new(1 << 20, &cache));
    struct policy_cached *one = get(cache, &world.session, "SELECT 1; SELECT * FROM t_globex.a");
    struct policy_cached *other = get(cache, &world.session, "SET search_path = shared; SELECT 1 FROM orders o");
    policy_cache_free(&cache);
    assert_true(one->plan.is_denied);
    assert_slice(one->plan.statements[1].message, "relation \"t_globex.a\" is not available to you");
    assert_slice(one->plan.statements[1].source, "SELECT * FROM t_globex.a");
    assert_slice(other->plan.statements[0].values[0], "shared");
    assert_slice(other->plan.statements[1].relations[0], "shared.orders");
    struct policy_cached *more = policy_cached_ref(one);
    policy_cached_free(&one);
    assert_slice(more->plan.statements[1].rule, "relation.not_allowed");
    policy_cached_free(&more);
    policy_cached_free(&other);
}

static void a_cache_of_nothing_is_refused(void **state)
{
    struct policy_cache *cache = NULL;
    (void)state;
    assert_fails(RG_CONFIG, policy_cache_new(0, &cache));
    assert_null(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_statement_is_planned_once),
        cmocka_unit_test(other_parameter_types_or_another_snapshot_are_another_plan),
        cmocka_unit_test(another_path_user_or_protocol_is_another_plan),
        cmocka_unit_test(another_pid_never_sees_this_ones),
        cmocka_unit_test(the_bound_holds_and_the_oldest_goes),
        cmocka_unit_test(refusals_are_cached_too_and_copies_stand_alone),
        cmocka_unit_test(a_cache_of_nothing_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
