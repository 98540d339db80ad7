/* SPDX-License-Identifier: Apache-2.0 */
/* A binding is shared: threads plan with it at the same time, and whoever is last frees it. */
#include "tests/support/policy_world.h"
#include "tests/support/rg_test.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 200 };

static void *work(void *context)
{
    struct policy_binding *binding = context;
    struct policy_session session = {.user = RG_SLICE("alice"), .pid = 1};
    size_t allowed = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct rg_arena arena;
        struct policy_plan plan = {0};
        rg_arena_init(&arena, 8 << 20);
        rg_status status = policy_plan_text(
            binding, &session, POLICY_SIMPLE,
            RG_SLICE("SELECT v.x FROM shared.visits v, shared.orders, pg_class WHERE x = 'y'; SELECT ("), &arena,
            &plan);
        allowed += rg_is_ok(status) && plan.is_denied ? 1 : 0;
        status = policy_plan_text(binding, &session, POLICY_SIMPLE,
                                  RG_SLICE("SELECT v.x FROM shared.visits v, shared.orders, pg_class"), &arena, &plan);
        allowed += rg_is_ok(status) && !plan.is_denied ? 1 : 0;
        rg_arena_done(&arena);
    }
    policy_binding_free(&binding);
    return allowed == 2 * ROUNDS ? context : NULL;
}

static void threads_share_a_binding_and_the_last_frees_it(void **state)
{
    struct policy_world world;
    pthread_t threads[THREADS];
    (void)state;
    assert_ok(policy_world_init(&world));
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, policy_binding_ref(world.binding)), 0);
    }
    policy_binding_free(&world.binding);
    policy_set_free(&world.set);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    policy_world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_a_binding_and_the_last_frees_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
