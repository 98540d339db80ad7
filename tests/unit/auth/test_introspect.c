/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of introspection answers: young ones are found, old ones are not, and it never grows. */
#include "auth/introspect_private.h"

#include "tests/support/rg_test.h"

static struct rg_digest digest_of(unsigned number)
{
    return rg_sha256_one(rg_slice_make(&number, sizeof number));
}

static bool has(struct auth_introspect_cache *cache, unsigned number, int64_t now_us)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct rg_digest token = digest_of(number);
    struct rg_slice answer = {0};
    assert_ok(auth_introspect_cache_find(cache, &token, now_us, &arena, &answer));
    if (answer.data != NULL) {
        unsigned found = 0;
        assert_int_equal(answer.size, sizeof found);
        memcpy(&found, answer.data, sizeof found);
        assert_int_equal(found, number);
    }
    return answer.data != NULL;
}

static void put(struct auth_introspect_cache *cache, unsigned number, int64_t now_us)
{
    struct rg_digest token = digest_of(number);
    auth_introspect_cache_put(cache, &token, now_us, rg_slice_make(&number, sizeof number));
}

static void an_answer_is_kept_for_its_time(void **state)
{
    (void)state;
    RG_AUTO(auth_introspect_cache_free) struct auth_introspect_cache *cache = NULL;
    auth_introspect_cache_new(16, 30, &cache);
    assert_false(has(cache, 1, 100));
    put(cache, 1, 100);
    assert_true(has(cache, 1, 100));
    assert_true(has(cache, 1, 129));
    assert_false(has(cache, 1, 130));
    put(cache, 1, 140);
    assert_true(has(cache, 1, 150));
}

static void it_never_holds_more_than_it_may_and_the_newest_stays(void **state)
{
    (void)state;
    RG_AUTO(auth_introspect_cache_free) struct auth_introspect_cache *cache = NULL;
    auth_introspect_cache_new(16, 1000000, &cache);
    for (unsigned number = 0; number < 500; number++) {
        put(cache, number, number);
        assert_true(has(cache, number, number));
    }
    size_t count = 0;
    for (unsigned number = 0; number < 500; number++) {
        count += has(cache, number, 500) ? 1 : 0;
    }
    assert_int_equal(count, 16);
    assert_true(has(cache, 499, 500) && has(cache, 498, 500));
}

static void what_is_too_large_or_empty_is_not_kept(void **state)
{
    (void)state;
    static char large[AUTH_INTROSPECT_MAX_TEXT + 1];
    RG_AUTO(auth_introspect_cache_free) struct auth_introspect_cache *cache = NULL;
    auth_introspect_cache_new(16, 30, &cache);
    struct rg_digest token = digest_of(1);
    auth_introspect_cache_put(cache, &token, 0, (struct rg_slice){large, sizeof large});
    auth_introspect_cache_put(cache, &token, 0, (struct rg_slice){0});
    assert_false(has(cache, 1, 0));
    put(cache, 1, 0);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice answer = RG_SLICE("before");
    rg_arena_init(&arena, 1);
    assert_fails(RG_LIMIT, auth_introspect_cache_find(cache, &token, 0, &arena, &answer));
    assert_slice(answer, "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_kept_for_its_time),
        cmocka_unit_test(it_never_holds_more_than_it_may_and_the_newest_stays),
        cmocka_unit_test(what_is_too_large_or_empty_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
