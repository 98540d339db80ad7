/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/console_parse.h"

#include "tests/support/rg_test.h"

static rg_status parse(const char *text, struct rg_arena *arena, struct console_words *words)
{
    return console_parse(rg_slice_of(text), arena, words);
}

static void splits_a_command_into_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *words[3];
    } rows[] = {
        {"SHOW POOLS", 2, {"SHOW", "POOLS"}},
        {" \t\r\nshow\npools ; \n", 2, {"show", "pools"}},
        {"KILL_CLIENT q-17;", 2, {"KILL_CLIENT", "q-17"}},
        {"KILL TENANT 'it''s; a -- name'", 3, {"KILL", "TENANT", "it's; a -- name"}},
        {"KILL TENANT \"a\"\"b\"", 3, {"KILL", "TENANT", "a\"b"}},
        {"KILL TENANT ''", 3, {"KILL", "TENANT", ""}},
        {"KILL TENANT ''''", 3, {"KILL", "TENANT", "'"}},
        {"KILL TENANT 'z\xc3\xbcrich'", 3, {"KILL", "TENANT", "z\xc3\xbcrich"}},
        {"", 0, {NULL}},
        {" ; ", 0, {NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct console_words words = {0};
        rg_arena_init(&arena, CONSOLE_TEXT_MAX);
        print_message("%s\n", rows[i].text);
        assert_ok(parse(rows[i].text, &arena, &words));
        assert_int_equal(words.count, rows[i].count);
        for (size_t j = 0; j < words.count; j++) {
            assert_slice(words.words[j].text, rows[i].words[j]);
        }
    }
}

static void refuses_what_is_no_single_command(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SHOW POOLS; SHOW CLIENTS",
        "SHOW POOLS;;",
        ";SHOW",
        "KILL TENANT 'open",
        "KILL TENANT \"open",
        "KILL TENANT 'a'b",
        "SHOW=POOLS",
        "SHOW (POOLS)",
        "SHOW POOLS; -- comment",
        "SHOW /* x */ POOLS",
        "SHOW \x01",
        "SHOW \xff",
        "SHOW \x7f",
        "KILL TENANT '\x1b[2J'",
        "KILL TENANT 'a''",
        "KILL TENANT $$a$$ 'b'c",
        "SHOW \\",
        "SHOW POOLS\v;",
        "z\xc3\xbcrich",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        RG_AUTO(rg_arena_done) struct rg_arena arena;
        struct console_words words = {.count = 77};
        rg_arena_init(&arena, CONSOLE_TEXT_MAX);
        print_message("%s\n", texts[i]);
        assert_fails(RG_PROTOCOL, parse(texts[i], &arena, &words));
        assert_int_equal(words.count, 77);
    }
}

static void refuses_what_is_too_long(void **state)
{
    (void)state;
    char text[CONSOLE_TEXT_MAX + 2];
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct console_words words = {.count = 77};
    rg_arena_init(&arena, CONSOLE_TEXT_MAX);
    memset(text, ' ', sizeof text);
    assert_fails(RG_LIMIT, console_parse(rg_slice_make(text, CONSOLE_TEXT_MAX + 1), &arena, &words));
    memset(text, 'x', sizeof text);
    assert_fails(RG_LIMIT, console_parse(rg_slice_make(text, CONSOLE_WORD_MAX + 1), &arena, &words));
    assert_fails(RG_LIMIT, parse("1 2 3 4 5 6 7 8 9", &arena, &words));
    assert_int_equal(words.count, 77);
    assert_ok(console_parse(rg_slice_make(text, CONSOLE_WORD_MAX), &arena, &words));
    assert_ok(parse("1 2 3 4 5 6 7 8", &arena, &words));
    struct rg_arena none = {0};
    words.count = 77;
    assert_fails(RG_LIMIT, parse("KILL TENANT 'a''b'", &none, &words));
    assert_int_equal(words.count, 77);
}

static void takes_no_quoted_word_for_a_keyword(void **state)
{
    (void)state;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct console_words words = {0};
    rg_arena_init(&arena, CONSOLE_TEXT_MAX);
    assert_ok(parse("sHoW 'show' \"SHOW\" showx sho", &arena, &words));
    assert_true(console_word_is(&words.words[0], "SHOW"));
    for (size_t i = 1; i < words.count; i++) {
        assert_false(console_word_is(&words.words[i], "SHOW"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_a_command_into_words),
        cmocka_unit_test(refuses_what_is_no_single_command),
        cmocka_unit_test(refuses_what_is_too_long),
        cmocka_unit_test(takes_no_quoted_word_for_a_keyword),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
