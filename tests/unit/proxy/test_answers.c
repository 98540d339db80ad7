/* SPDX-License-Identifier: Apache-2.0 */
/* What an upstream said once: found by the same owner, upstream and text, for a minute, and by nobody else. */
#include "proxy/answers.h"

#include <stdio.h>

#include "tests/support/rg_test.h"

static const struct rg_digest alice = {{1}};
static const struct rg_digest bob = {{2}};

static struct answers_key key(const struct rg_digest *owner, const char *upstream, const char *text)
{
    return (struct answers_key){owner, rg_slice_of(upstream), rg_slice_of(text)};
}

static void put(struct answers *answers, struct answers_key place, const char *bytes, int64_t now_us)
{
    answers_put(answers, &place, rg_slice_of(bytes), now_us);
}

static void assert_found(const struct answers *answers, struct answers_key place, int64_t now_us, const char *bytes)
{
    struct rg_slice found = answers_find(answers, &place, now_us);
    assert_int_equal(found.size, strlen(bytes));
    assert_true(found.size == 0 || memcmp(found.data, bytes, found.size) == 0);
}

static void finds_what_was_put_by_all_of_its_key(void **state)
{
    (void)state;
    struct answers *answers = answers_new();
    put(answers, key(&alice, "main", "select 1"), "one", 5);
    assert_found(answers, key(&alice, "main", "select 1"), 6, "one");
    assert_found(answers, key(&bob, "main", "select 1"), 6, "");
    assert_found(answers, key(&alice, "other", "select 1"), 6, "");
    assert_found(answers, key(&alice, "main", "select 2"), 6, "");
    assert_found(answers, key(&alice, "mains", "elect 1"), 6, ""); /* the same bytes, cut elsewhere */
    put(answers, key(&alice, "main", "select 1"), "another", 7);
    assert_found(answers, key(&alice, "main", "select 1"), 8, "another");
    answers_free(&answers);
    assert_null(answers);
    answers_free(&answers);
}

static void forgets_after_a_minute_and_when_told(void **state)
{
    (void)state;
    struct answers *answers = answers_new();
    put(answers, key(&alice, "main", "select 1"), "one", 5);
    assert_found(answers, key(&alice, "main", "select 1"), 5 + ANSWERS_AGE_US - 1, "one");
    assert_found(answers, key(&alice, "main", "select 1"), 5 + ANSWERS_AGE_US, "");
    answers_clear(answers);
    assert_found(answers, key(&alice, "main", "select 1"), 6, "");
    answers_clear(NULL);
    answers_free(&answers);
}

static void keeps_nothing_long_or_empty(void **state)
{
    (void)state;
    char text[ANSWERS_BYTES_MAX + 2];
    struct answers *answers = answers_new();
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    put(answers, key(&alice, "main", "select 1"), text, 5);
    assert_found(answers, key(&alice, "main", "select 1"), 5, "");
    put(answers, key(&alice, "main", "select 1"), "", 5);
    assert_found(answers, key(&alice, "main", "select 1"), 5, "");
    text[ANSWERS_BYTES_MAX] = '\0';
    put(answers, key(&alice, "main", "select 1"), text, 5);
    assert_found(answers, key(&alice, "main", "select 1"), 5, text);
    text[ANSWERS_TEXT_MAX] = '\0';
    put(answers, key(&alice, "main", text), "one", 5);
    assert_found(answers, key(&alice, "main", text), 5, "");
    put(answers, key(&alice, "", text), "one", 5);
    assert_found(answers, key(&alice, "", text), 5, "one");
    answers_free(&answers);
}

/* Many more than there is room for: each is found as it was put, or not at all, and the newest always. */
static void never_gives_one_for_another(void **state)
{
    (void)state;
    enum { COUNT = 20 * ANSWERS_SLOTS };
    struct answers *answers = answers_new();
    size_t found = 0;
    for (int i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "select %d", i);
        put(answers, key(i % 2 == 0 ? &alice : &bob, "main", text), text, i);
        assert_found(answers, key(i % 2 == 0 ? &alice : &bob, "main", text), i, text);
    }
    for (int i = 0; i < COUNT; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "select %d", i);
        struct answers_key place = key(i % 2 == 0 ? &alice : &bob, "main", text);
        struct rg_slice bytes = answers_find(answers, &place, COUNT);
        found += bytes.size > 0;
        assert_true(bytes.size == 0 || rg_slice_is_equal(bytes, rg_slice_of(text)));
        assert_found(answers, key(i % 2 == 0 ? &bob : &alice, "main", text), COUNT, "");
    }
    assert_true(found > ANSWERS_SLOTS / 2 && found <= ANSWERS_SLOTS);
    answers_free(&answers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_by_all_of_its_key),
        cmocka_unit_test(forgets_after_a_minute_and_when_told),
        cmocka_unit_test(keeps_nothing_long_or_empty),
        cmocka_unit_test(never_gives_one_for_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
