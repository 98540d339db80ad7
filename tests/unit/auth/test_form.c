/* SPDX-License-Identifier: Apache-2.0 */
/* Forms: what is written can be read again whatever it holds, and what could be read in two ways is refused. */
#include "auth/form.h"

#include "tests/support/rg_test.h"

static void what_is_put_is_found_again(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_buf_init(&text, 4096);
    rg_arena_init(&arena, 65536);
    char every[255];
    for (size_t i = 0; i < sizeof every; i++) {
        every[i] = (char)(unsigned char)(i + 1);
    }
    struct rg_slice value = {0};
    assert_ok(auth_form_put(&text, RG_SLICE("a"), RG_SLICE("1 &=+%?/#")));
    assert_ok(auth_form_put(&text, RG_SLICE("b c"), (struct rg_slice){every, sizeof every}));
    assert_true(rg_slice_has_prefix(rg_buf_slice(&text), RG_SLICE("a=1%20%26%3D%2B%25%3F%2F%23&b%20c=%01%02")));
    assert_ok(auth_form_find(rg_buf_slice(&text), RG_SLICE("a"), &arena, &value));
    assert_slice(value, "1 &=+%?/#");
    assert_ok(auth_form_find(rg_buf_slice(&text), RG_SLICE("b c"), &arena, &value));
    assert_true(rg_slice_is_equal(value, (struct rg_slice){every, sizeof every}));
}

static void a_query_is_continued_where_it_stands(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_buf_init(&text, 64);
    assert_ok(rg_buf_put(&text, RG_SLICE("https://a/?")));
    assert_ok(auth_form_put(&text, RG_SLICE("x"), RG_SLICE("1")));
    assert_ok(auth_form_put(&text, RG_SLICE("y"), RG_SLICE("2")));
    assert_slice(rg_buf_slice(&text), "https://a/?x=1&y=2");
}

static void absent_and_empty_are_told_apart(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct rg_slice value = RG_SLICE("before");
    assert_ok(auth_form_find(RG_SLICE("a=&b&c=x+y%2b&&"), RG_SLICE("a"), &arena, &value));
    assert_true(value.data != NULL && value.size == 0);
    assert_ok(auth_form_find(RG_SLICE("a=&b&c=x+y%2b&&"), RG_SLICE("b"), &arena, &value));
    assert_true(value.data != NULL && value.size == 0);
    assert_ok(auth_form_find(RG_SLICE("a=&b&c=x+y%2b&&"), RG_SLICE("c"), &arena, &value));
    assert_slice(value, "x y+");
    assert_ok(auth_form_find(RG_SLICE("a=&b&c=x+y%2b&&"), RG_SLICE("d"), &arena, &value));
    assert_null(value.data);
    assert_ok(auth_form_find((struct rg_slice){0}, RG_SLICE("d"), &arena, &value));
    assert_null(value.data);
}

static void what_can_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "a=1&a=2",
        "a=1&%61=2",
        "a=1&a",
        "b=%",
        "b=%4",
        "b=%4g",
        "%zz=1",
        "a=%00",
        "%00=1",
        "1&2&3&4&5&6&7&8&9&0&1&2&3&4&5&6&7&8&9&0&1&2&3&4&5&6&7&8&9&0&1&2&3&4&5&6&7&8&9&0&1&2&3&4&5&6&7&8&9&0&1&2&3&4&5&"
        "6&"
        "7&8&9&0&1&2&3&4&5&a=1",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        rg_arena_init(&arena, 4096);
        struct rg_slice value = RG_SLICE("before");
        struct rg_slice name = rows[i][0] == 'b' ? RG_SLICE("b") : RG_SLICE("a");
        print_message("%s\n", rows[i]);
        assert_fails(RG_PROTOCOL, auth_form_find(rg_slice_of(rows[i]), name, &arena, &value));
        assert_slice(value, "before");
    }
}

static void full_memory_is_an_error(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    RG_AUTO(rg_buf_done) struct rg_buf text;
    rg_arena_init(&arena, 4);
    rg_buf_init(&text, 4);
    struct rg_slice value = RG_SLICE("before");
    assert_fails(RG_LIMIT, auth_form_find(RG_SLICE("name=value"), RG_SLICE("name"), &arena, &value));
    assert_slice(value, "before");
    assert_fails(RG_LIMIT, auth_form_put(&text, RG_SLICE("name"), RG_SLICE("value")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_again),      cmocka_unit_test(a_query_is_continued_where_it_stands),
        cmocka_unit_test(absent_and_empty_are_told_apart), cmocka_unit_test(what_can_be_read_in_two_ways_is_refused),
        cmocka_unit_test(full_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
