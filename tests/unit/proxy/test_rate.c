/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/rate.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/support/rg_test.h"

/* A clock that stands still until a test moves it. */
static int64_t now_us;

static int64_t fake_now(void *context)
{
    (void)context;
    return now_us;
}

static const struct rg_clock fake = {fake_now, fake_now, NULL};

static struct rate *open_rate(size_t buckets)
{
    struct rate *rate = NULL;
    now_us = INT64_C(1000000000);
    assert_ok(rate_new(buckets, &fake, &rate));
    return rate;
}

static unsigned take_many(struct rate *rate, struct rg_slice key, uint32_t limit, unsigned count)
{
    unsigned allowed = 0;
    for (unsigned i = 0; i < count; i++) {
        allowed += rate_take(rate, key, limit).is_allowed ? 1 : 0;
    }
    return allowed;
}

static void allows_a_minutes_worth_at_once_and_then_none(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 60, 100), 60);
    struct rate_answer answer = rate_take(rate, RG_SLICE("acme"), 60);
    assert_false(answer.is_allowed);
    assert_int_equal(answer.retry_after_seconds, 1);
    rate_free(&rate);
    assert_null(rate);
    rate_free(&rate);
}

static void gives_back_what_time_brings_and_no_more(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    (void)take_many(rate, RG_SLICE("acme"), 60, 100);
    now_us += 999999;
    assert_false(rate_take(rate, RG_SLICE("acme"), 60).is_allowed);
    now_us += 1;
    assert_true(rate_take(rate, RG_SLICE("acme"), 60).is_allowed);
    assert_false(rate_take(rate, RG_SLICE("acme"), 60).is_allowed);
    now_us += 10 * 1000000;
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 60, 100), 10);
    now_us += INT64_C(3600) * 1000000;
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 60, 100), 60);
    rate_free(&rate);
}

static void what_is_refused_costs_nothing(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 60, 100000), 60);
    now_us += 1000000;
    assert_true(rate_take(rate, RG_SLICE("acme"), 60).is_allowed);
    rate_free(&rate);
}

static void says_how_long_to_wait(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 1, 2), 1);
    assert_int_equal(rate_take(rate, RG_SLICE("acme"), 1).retry_after_seconds, 60);
    now_us += 59500 * 1000;
    assert_int_equal(rate_take(rate, RG_SLICE("acme"), 1).retry_after_seconds, 1);
    now_us += 500 * 1000;
    assert_true(rate_take(rate, RG_SLICE("acme"), 1).is_allowed);
    rate_free(&rate);
}

static void zero_refuses_and_never_means_unlimited(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    struct rate_answer answer = rate_take(rate, RG_SLICE("acme"), 0);
    assert_false(answer.is_allowed);
    assert_true(answer.retry_after_seconds > 0);
    assert_false(((struct rate_answer){0}).is_allowed);
    rate_free(&rate);
}

static void keys_do_not_share_a_bucket(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 5, 10), 5);
    assert_int_equal(take_many(rate, RG_SLICE("globex"), 5, 10), 5);
    assert_int_equal(take_many(rate, RG_SLICE(""), 5, 10), 5);
    rate_free(&rate);
}

static void a_changed_limit_counts_at_once(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 100, 50), 50);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 10, 50), 5);   /* half of it is left */
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 1000, 50), 0); /* empty stays empty */
    now_us += 600 * 1000;
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 1000, 50), 10);
    rate_free(&rate);
}

static void huge_limits_do_not_overflow(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), UINT32_MAX, 1000), 1000);
    rate_free(&rate);
}

/* ---- a full table ---- */

enum { FLOOD = 100000 };

static void flood(struct rate *rate, uint32_t limit, unsigned each, unsigned *out_allowed)
{
    unsigned allowed = 0;
    for (unsigned i = 0; i < FLOOD; i++) {
        char key[16];
        int size = snprintf(key, sizeof key, "k%u", i);
        allowed += take_many(rate, rg_slice_make(key, (size_t)size), limit, each);
    }
    *out_allowed = allowed;
}

static void a_flood_of_keys_is_limited_together(void **state)
{
    (void)state;
    struct rate *rate = open_rate(RATE_BUCKETS_MIN);
    unsigned allowed = 0;
    flood(rate, 10, 1, &allowed);
    /* A bucket a key while there are any, and ten tokens of the shared one a set. */
    assert_true(allowed <= RATE_BUCKETS_MIN + RATE_BUCKETS_MIN / 8 * 10);
    assert_true(allowed >= RATE_BUCKETS_MIN / 2);
    rate_free(&rate);
}

static void a_flood_takes_nothing_from_who_was_there(void **state)
{
    (void)state;
    struct rate *rate = open_rate(RATE_BUCKETS_MIN);
    unsigned allowed = 0;
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 100, 40), 40);
    flood(rate, 10, 1, &allowed);
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 100, 100), 60);
    rate_free(&rate);
}

static void buckets_that_are_full_again_are_given_away(void **state)
{
    (void)state;
    struct rate *rate = open_rate(RATE_BUCKETS_MIN);
    unsigned allowed = 0;
    flood(rate, 10, 1, &allowed);
    now_us += INT64_C(61) * 1000000;
    assert_int_equal(take_many(rate, RG_SLICE("acme"), 100, 200), 100);
    rate_free(&rate);
}

/* ---- several at once ---- */

static void several_tokens_are_taken_together_or_none(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    struct rate_place place = rate_find(rate, RG_SLICE("acme"));
    assert_true(rate_take_at(rate, &place, 40, 60).is_allowed);
    struct rate_answer answer = rate_take_at(rate, &place, 21, 60);
    assert_false(answer.is_allowed);
    assert_int_equal(answer.retry_after_seconds, 1);
    assert_true(rate_take_at(rate, &place, 19, 60).is_allowed); /* the refused ones took nothing */
    assert_true(rate_take(rate, RG_SLICE("acme"), 60).is_allowed);
    assert_false(rate_take(rate, RG_SLICE("acme"), 60).is_allowed);
    rate_free(&rate);
}

static void more_than_the_whole_is_never_there(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    struct rate_place place = rate_find(rate, RG_SLICE("acme"));
    assert_false(rate_take_at(rate, &place, 61, 60).is_allowed);
    assert_false(rate_take_at(rate, &place, UINT32_MAX, 1).is_allowed); /* the longest wait there is: no overflow */
    assert_true(rate_take_at(rate, &place, 60, 60).is_allowed);
    rate_free(&rate);
}

/* ---- threads ---- */

enum { THREADS = 4, TRIES = 5000, SHARED_LIMIT = 7000 };

struct taker {
    struct rate *rate;
    unsigned allowed;
};

static void *run_taker(void *context)
{
    struct taker *taker = context;
    taker->allowed = 0;
    for (unsigned i = 0; i < TRIES; i++) {
        taker->allowed += rate_take(taker->rate, RG_SLICE("acme"), SHARED_LIMIT).is_allowed ? 1 : 0;
    }
    return NULL;
}

static void threads_together_get_the_limit_exactly(void **state)
{
    (void)state;
    struct rate *rate = open_rate(1);
    pthread_t threads[THREADS];
    struct taker takers[THREADS];
    unsigned allowed = 0;
    for (size_t i = 0; i < THREADS; i++) {
        takers[i].rate = rate;
        assert_int_equal(pthread_create(&threads[i], NULL, run_taker, &takers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        allowed += takers[i].allowed;
    }
    assert_int_equal(allowed, SHARED_LIMIT);
    rate_free(&rate);
}

/* ---- keys ---- */

static bool is_same_address(const char *a, const char *b)
{
    char left[RATE_KEY_MAX];
    char right[RATE_KEY_MAX];
    return rg_slice_is_equal(rate_address_key(rg_slice_of(a), left), rate_address_key(rg_slice_of(b), right));
}

static void an_ipv6_client_is_its_network(void **state)
{
    (void)state;
    assert_true(is_same_address("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_true(is_same_address("2001:db8:1:2::1", "2001:0DB8:1:2:0:0:0:9"));
    assert_false(is_same_address("2001:db8:1:2::1", "2001:db8:1:3::1"));
    assert_true(is_same_address("::ffff:192.0.2.7", "192.0.2.7"));
    assert_false(is_same_address("::ffff:192.0.2.7", "192.0.2.8"));
    assert_false(is_same_address("192.0.2.7", "192.0.2.8"));
    assert_false(is_same_address("::192.0.2.7", "192.0.2.7"));
}

static void what_is_no_address_has_a_key_too(void **state)
{
    (void)state;
    static char text[300];
    char key[RATE_KEY_MAX];
    memset(text, 'a', sizeof text - 1);
    assert_true(rate_address_key(rg_slice_of(text), key).size <= RATE_KEY_MAX);
    text[298] = 'b';
    char other[RATE_KEY_MAX];
    struct rg_slice first = rate_address_key(rg_slice_of(text), other);
    text[298] = 'a';
    assert_false(rg_slice_is_equal(first, rate_address_key(rg_slice_of(text), key)));
    assert_false(is_same_address("", "x"));
    assert_false(is_same_address("fe80::1%eth0", "fe80::1"));
    assert_int_equal(rate_address_key(rg_slice_make("192.0.2.7\0", 10), key).data[0], 'x');
}

static void a_tenant_never_has_the_key_of_an_address(void **state)
{
    (void)state;
    static char text[200];
    char address[RATE_KEY_MAX];
    char tenant[RATE_KEY_MAX];
    assert_false(rg_slice_is_equal(rate_address_key(RG_SLICE("192.0.2.7"), address),
                                   rate_tenant_key(RG_SLICE("192.0.2.7"), tenant)));
    assert_slice(rate_tenant_key(RG_SLICE("acme"), tenant), "tacme");
    for (size_t size = 0; size < sizeof text; size++) {
        memset(text, 'a', size);
        assert_true(rate_tenant_key(rg_slice_make(text, size), tenant).size <= RATE_KEY_MAX);
        assert_true(tenant[0] == 't' || tenant[0] == 'T');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allows_a_minutes_worth_at_once_and_then_none),
        cmocka_unit_test(gives_back_what_time_brings_and_no_more),
        cmocka_unit_test(what_is_refused_costs_nothing),
        cmocka_unit_test(says_how_long_to_wait),
        cmocka_unit_test(zero_refuses_and_never_means_unlimited),
        cmocka_unit_test(keys_do_not_share_a_bucket),
        cmocka_unit_test(a_changed_limit_counts_at_once),
        cmocka_unit_test(huge_limits_do_not_overflow),
        cmocka_unit_test(a_flood_of_keys_is_limited_together),
        cmocka_unit_test(a_flood_takes_nothing_from_who_was_there),
        cmocka_unit_test(buckets_that_are_full_again_are_given_away),
        cmocka_unit_test(several_tokens_are_taken_together_or_none),
        cmocka_unit_test(more_than_the_whole_is_never_there),
        cmocka_unit_test(threads_together_get_the_limit_exactly),
        cmocka_unit_test(an_ipv6_client_is_its_network),
        cmocka_unit_test(what_is_no_address_has_a_key_too),
        cmocka_unit_test(a_tenant_never_has_the_key_of_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
