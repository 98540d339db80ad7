/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/quota.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/support/rg_test.h"

static void refuses_above_the_limit_and_forgets_at_zero(void **state)
{
    (void)state;
    struct quota *quota = NULL;
    assert_ok(quota_new(&quota));
    assert_ok(quota_take(quota, QUOTA_SESSIONS, RG_SLICE("acme"), 2));
    assert_ok(quota_take(quota, QUOTA_SESSIONS, RG_SLICE("acme"), 2));
    assert_fails(RG_LIMIT, quota_take(quota, QUOTA_SESSIONS, RG_SLICE("acme"), 2));
    assert_ok(quota_take(quota, QUOTA_SESSIONS, RG_SLICE("globex"), 2));
    assert_int_equal(quota_count(quota, QUOTA_SESSIONS, RG_SLICE("acme")), 2);
    quota_give(quota, QUOTA_SESSIONS, RG_SLICE("acme"));
    assert_ok(quota_take(quota, QUOTA_SESSIONS, RG_SLICE("acme"), 2));
    quota_give(quota, QUOTA_SESSIONS, RG_SLICE("acme"));
    quota_give(quota, QUOTA_SESSIONS, RG_SLICE("acme"));
    assert_int_equal(quota_count(quota, QUOTA_SESSIONS, RG_SLICE("acme")), 0);
    quota_free(&quota);
    assert_null(quota);
}

static void zero_never_means_unlimited(void **state)
{
    (void)state;
    struct quota *quota = NULL;
    assert_ok(quota_new(&quota));
    assert_fails(RG_LIMIT, quota_take(quota, QUOTA_SESSIONS, RG_SLICE("acme"), 0));
    quota_free(&quota);
}

static void names_that_share_a_bucket_do_not_share_places(void **state)
{
    (void)state;
    struct quota *quota = NULL;
    assert_ok(quota_new(&quota));
    char name[16];
    for (int i = 0; i < 2000; i++) {
        int size = snprintf(name, sizeof name, "tenant%d", i);
        assert_ok(quota_take(quota, QUOTA_SESSIONS, rg_slice_make(name, (size_t)size), 1));
    }
    for (int i = 0; i < 2000; i++) {
        int size = snprintf(name, sizeof name, "tenant%d", i);
        assert_int_equal(quota_count(quota, QUOTA_SESSIONS, rg_slice_make(name, (size_t)size)), 1);
        quota_give(quota, QUOTA_SESSIONS, rg_slice_make(name, (size_t)size));
    }
    quota_free(&quota);
}

static void kinds_are_counted_apart(void **state)
{
    (void)state;
    struct quota *quota = NULL;
    assert_ok(quota_new(&quota));
    assert_ok(quota_take(quota, QUOTA_SESSIONS, RG_SLICE("acme"), 1));
    assert_ok(quota_take(quota, QUOTA_WAITING, RG_SLICE("acme"), 1));
    assert_fails(RG_LIMIT, quota_take(quota, QUOTA_WAITING, RG_SLICE("acme"), 1));
    quota_give(quota, QUOTA_SESSIONS, RG_SLICE("acme")); /* the entry stays for the other one */
    assert_int_equal(quota_count(quota, QUOTA_SESSIONS, RG_SLICE("acme")), 0);
    assert_int_equal(quota_count(quota, QUOTA_WAITING, RG_SLICE("acme")), 1);
    quota_give(quota, QUOTA_WAITING, RG_SLICE("acme"));
    assert_int_equal(quota_count(quota, QUOTA_WAITING, RG_SLICE("acme")), 0);
    quota_free(&quota);
}

enum { ROUNDS = 20000, MAX_TAKEN = 3 };

static void *take_and_give(void *context)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (rg_is_ok(quota_take(context, QUOTA_SESSIONS, RG_SLICE("acme"), MAX_TAKEN))) {
            if (quota_count(context, QUOTA_SESSIONS, RG_SLICE("acme")) > MAX_TAKEN) {
                return context;
            }
            quota_give(context, QUOTA_SESSIONS, RG_SLICE("acme"));
        }
    }
    return NULL;
}

static void holds_between_threads(void **state)
{
    (void)state;
    struct quota *quota = NULL;
    assert_ok(quota_new(&quota));
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, quota), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    assert_int_equal(quota_count(quota, QUOTA_SESSIONS, RG_SLICE("acme")), 0);
    quota_free(&quota);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_above_the_limit_and_forgets_at_zero),
        cmocka_unit_test(zero_never_means_unlimited),
        cmocka_unit_test(names_that_share_a_bucket_do_not_share_places),
        cmocka_unit_test(kinds_are_counted_apart),
        cmocka_unit_test(holds_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
