/* SPDX-License-Identifier: Apache-2.0 */
/* Who had which key of the upstream's cache: what is own, what is another's, and what nobody can tell. */
#include "proxy/http/cache_views.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/support/rg_test.h"

static struct http_cache_views *views;

static int start(void **state)
{
    (void)state;
    views = http_cache_views_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    http_cache_views_free(&views);
    http_cache_views_free(&views);
    return 0;
}

/* whose: "acme/v1". Its request took from begun to now. */
static enum http_cache_verdict judge_at(const char *key, const char *whose, bool is_cached, int64_t begun, int64_t now,
                                        char out_owner[HTTP_CACHE_TENANT_MAX])
{
    const char *slash = strchr(whose, '/');
    const struct http_cache_sight sight = {.upstream = RG_SLICE("superset"),
                                           .key = rg_slice_of(key),
                                           .tenant = rg_slice_make(whose, (size_t)(slash - whose)),
                                           .view = rg_slice_of(slash + 1),
                                           .is_cached = is_cached,
                                           .begun_us = begun,
                                           .now_us = now};
    return http_cache_views_judge(views, &sight, out_owner);
}

static bool is_own_at(const char *key, const char *whose, bool is_cached, int64_t begun, int64_t now,
                      char out_owner[HTTP_CACHE_TENANT_MAX])
{
    return judge_at(key, whose, is_cached, begun, now, out_owner) == HTTP_CACHE_OWN;
}

static int64_t clock_us = 1000;

/* One after the other. */
static bool is_own(const char *key, const char *whose, bool is_cached)
{
    char owner[HTTP_CACHE_TENANT_MAX];
    clock_us += 10;
    return is_own_at(key, whose, is_cached, clock_us - 5, clock_us, owner);
}

static void what_was_made_for_one_view_is_kept_from_others(void **state)
{
    (void)state;
    char owner[HTTP_CACHE_TENANT_MAX] = "untouched";
    assert_true(is_own_at("k", "acme/v1", false, 10, 20, owner));
    assert_true(is_own_at("k", "acme/v1", true, 30, 40, owner));
    assert_string_equal(owner, "untouched");
    assert_false(is_own_at("k", "globex/v1", true, 50, 60, owner)); /* a view of another tenant is another one */
    assert_string_equal(owner, "acme");
    assert_false(is_own_at("k", "acme/v2", true, 70, 80, owner));
    assert_string_equal(owner, "acme");
    assert_true(is_own_at("k", "acme/v1", true, 90, 100, owner)); /* who was refused took nothing away */
}

static void an_answer_just_made_is_always_its_own(void **state)
{
    (void)state;
    assert_true(is_own("n", "acme/v1", false));
    assert_true(is_own("n", "globex/v1", false)); /* without a cache, keys say nothing */
    assert_true(is_own("n", "acme/v1", false));
    assert_true(is_own("n", "acme/v1", true));
    assert_false(is_own("n", "globex/v1", true));
}

static void what_nobody_has_seen_is_believed_once(void **state)
{
    (void)state;
    assert_true(is_own("old", "acme/v1", true));
    assert_true(is_own("old", "acme/v1", true));
    assert_false(is_own("old", "globex/v1", true));
}

/* B is given what A's request has just put into the cache, before A's own answer comes by. */
static void what_left_too_early_is_told_afterwards(void **state)
{
    (void)state;
    char owner[HTTP_CACHE_TENANT_MAX] = "";
    assert_true(is_own_at("early", "globex/v1", true, 120, 200, owner));
    assert_int_equal(judge_at("early", "acme/v1", false, 100, 300, owner), HTTP_CACHE_OWN_LATE);
    assert_string_equal(owner, "globex");
    assert_false(is_own_at("early", "globex/v1", true, 310, 320, owner));
    assert_int_equal(judge_at("early", "globex/v1", false, 250, 330, owner), HTTP_CACHE_OWN); /* told once */
    assert_true(is_own_at("older", "globex/v1", true, 120, 200, owner));
    assert_int_equal(judge_at("older", "acme/v1", false, 210, 300, owner), HTTP_CACHE_OWN); /* was there before */
}

static void a_policy_that_changes_empties_the_view(void **state)
{
    (void)state;
    assert_true(is_own("p", "acme/v1", false));
    assert_false(is_own("p", "acme/v2", true));
    assert_true(is_own("p", "acme/v2", false)); /* asked for anew */
    assert_true(is_own("p", "acme/v2", true));
    assert_false(is_own("p", "acme/v1", true));
}

static void of_two_at_the_same_time_nobody_knows_which_was_kept(void **state)
{
    (void)state;
    char owner[HTTP_CACHE_TENANT_MAX];
    assert_true(is_own_at("r", "acme/v1", false, 100, 200, owner));
    assert_true(is_own_at("r", "globex/v1", false, 150, 300, owner)); /* began before the other was done */
    assert_false(is_own_at("r", "globex/v1", true, 310, 320, owner));
    assert_false(is_own_at("r", "acme/v1", true, 330, 340, owner));
    assert_true(is_own_at("r", "globex/v1", false, 250, 350, owner)); /* too early to settle it */
    assert_false(is_own_at("r", "globex/v1", true, 360, 370, owner));
    assert_true(is_own_at("r", "acme/v1", false, 400, 450, owner)); /* alone: now it is known */
    assert_true(is_own_at("r", "acme/v1", true, 460, 470, owner));
    assert_false(is_own_at("r", "globex/v1", true, 480, 490, owner));
}

static void two_requests_of_one_view_are_no_dispute(void **state)
{
    (void)state;
    char owner[HTTP_CACHE_TENANT_MAX];
    assert_true(is_own_at("same", "acme/v1", false, 100, 200, owner));
    assert_true(is_own_at("same", "acme/v1", false, 100, 210, owner));
    assert_true(is_own_at("same", "acme/v1", true, 100, 220, owner));
}

static void keys_of_two_upstreams_are_two_keys(void **state)
{
    (void)state;
    char owner[HTTP_CACHE_TENANT_MAX];
    struct http_cache_sight sight = {.upstream = RG_SLICE("a"),
                                     .key = RG_SLICE("bk"),
                                     .tenant = RG_SLICE("acme"),
                                     .view = RG_SLICE("v1"),
                                     .now_us = 1};
    assert_int_equal(http_cache_views_judge(views, &sight, owner), HTTP_CACHE_OWN);
    sight.tenant = RG_SLICE("globex");
    sight.is_cached = true;
    assert_int_equal(http_cache_views_judge(views, &sight, owner), HTTP_CACHE_LEAK);
    sight.upstream = RG_SLICE("ab");
    sight.key = RG_SLICE("k");
    assert_int_equal(http_cache_views_judge(views, &sight, owner), HTTP_CACHE_OWN);
}

/* A tenant's name has 63 bytes at most; this one comes from nowhere. */
static void a_name_that_is_too_long_is_cut(void **state)
{
    (void)state;
    char owner[HTTP_CACHE_TENANT_MAX];
    char name[200];
    memset(name, 'n', sizeof name);
    struct http_cache_sight sight = {.key = RG_SLICE("long"), .tenant = {name, sizeof name}, .now_us = 1};
    assert_int_equal(http_cache_views_judge(views, &sight, owner), HTTP_CACHE_OWN);
    sight.tenant.size = 198;
    sight.is_cached = true;
    assert_int_equal(http_cache_views_judge(views, &sight, owner), HTTP_CACHE_LEAK);
    assert_int_equal(strlen(owner), HTTP_CACHE_TENANT_MAX - 1);
}

/* More keys than there are places: the newest are remembered, the rest forgotten, nothing grows. */
static void the_oldest_make_room(void **state)
{
    enum { MANY = 200000, NEW = 1000 };
    (void)state;
    char key[32];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "many-%d", i);
        assert_true(is_own(key, "acme/v1", false));
    }
    for (int i = MANY - NEW; i < MANY; i++) {
        (void)snprintf(key, sizeof key, "many-%d", i);
        assert_false(is_own(key, "globex/v1", true));
    }
    assert_true(is_own("many-0", "globex/v1", true)); /* forgotten: as after a start */
}

static void *hammer(void *argument)
{
    const char *whose = argument;
    for (int i = 0; i < 20000; i++) {
        char owner[HTTP_CACHE_TENANT_MAX];
        char key[32];
        (void)snprintf(key, sizeof key, "%s-%d", whose, i % 500);
        if (!is_own_at(key, whose, i >= 500, i * 10, i * 10 + 5, owner)) {
            return argument;
        }
    }
    return NULL;
}

static void many_threads_may_ask(void **state)
{
    static char names[4][8] = {"a/1", "a/2", "b/1", "c/1"};
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, names[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_made_for_one_view_is_kept_from_others),
        cmocka_unit_test(an_answer_just_made_is_always_its_own),
        cmocka_unit_test(what_nobody_has_seen_is_believed_once),
        cmocka_unit_test(what_left_too_early_is_told_afterwards),
        cmocka_unit_test(a_policy_that_changes_empties_the_view),
        cmocka_unit_test(of_two_at_the_same_time_nobody_knows_which_was_kept),
        cmocka_unit_test(two_requests_of_one_view_are_no_dispute),
        cmocka_unit_test(keys_of_two_upstreams_are_two_keys),
        cmocka_unit_test(a_name_that_is_too_long_is_cut),
        cmocka_unit_test(the_oldest_make_room),
        cmocka_unit_test(many_threads_may_ask),
    };
    return cmocka_run_group_tests(tests, start, end);
}
