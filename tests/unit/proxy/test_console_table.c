/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "proxy/console_private.h"
#include "tests/support/rg_test.h"

static const struct console_command *find(const char *text, struct rg_slice *argument)
{
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct console_words words = {0};
    rg_arena_init(&arena, CONSOLE_TEXT_MAX);
    assert_ok(console_parse(rg_slice_of(text), &arena, &words));
    return console_command_find(&words, argument);
}

static void finds_each_command_by_its_own_words_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < console_command_count(); i++) {
        const struct console_command *command = console_command_at(i);
        char name[CONSOLE_NAME_SIZE];
        char text[2 * CONSOLE_NAME_SIZE];
        struct rg_slice argument = {0};
        console_command_name(command, name);
        print_message("%s\n", name);
        (void)snprintf(text, sizeof text, "%s%s;", name, command->argument == NULL ? "" : " 'x y'");
        assert_ptr_equal(find(text, &argument), command);
        assert_slice(argument, command->argument == NULL ? "" : "x y");
        (void)snprintf(text, sizeof text, "%s%s more", name, command->argument == NULL ? "" : " x");
        const struct console_command *other = find(text, &argument);
        assert_true(other == NULL || other != command);
        assert_true((command->column_count > 0) == (command->columns != NULL));
        assert_non_null(command->run);
    }
}

static void knows_no_other_command(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SHOW",     "SHOW NOTHING",   "SHOW 'POOLS'", "SHOW POOLS POOLS",  "KILL TENANT",
        "KILL",     "REVOKE SESSION", "'RELOAD'",     "RELOAD NOW",        "SHUTDOWN NOW",
        "SELECT 1", "SET x",          "KILL_CLIENT",  "CANCEL TENANT a b", "REVOKE TENANT a",
        ""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct rg_slice argument = {0};
        print_message("%s\n", texts[i]);
        assert_null(find(texts[i], &argument));
    }
}

/* The whole table of rights, from the other side: what each role may beyond nothing. */
static void lets_each_role_do_what_its_row_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < console_command_count(); i++) {
        const struct console_command *command = console_command_at(i);
        bool is_show = strcmp(command->words[0], "SHOW") == 0;
        print_message("%s\n", command->help);
        assert_false(console_may(command, CONFIG_CONSOLE_NOBODY));
        assert_true(console_may(command, CONFIG_CONSOLE_ADMIN));
        assert_int_equal(console_may(command, CONFIG_CONSOLE_STATS), is_show);
        assert_true(is_show || !console_may(command, CONFIG_CONSOLE_AUDITOR));
        assert_false(
            console_may(command, ~(unsigned)(CONFIG_CONSOLE_ADMIN | CONFIG_CONSOLE_STATS | CONFIG_CONSOLE_AUDITOR)));
    }
}

static void gives_a_name_the_roles_of_its_lists(void **state)
{
    (void)state;
    const struct rg_slice admins[] = {RG_SLICE("olga"), RG_SLICE("both")};
    const struct rg_slice auditors[] = {RG_SLICE("aude"), RG_SLICE("both")};
    const struct config_admin admin = {.admins = {2, admins}, .auditors = {2, auditors}};
    assert_int_equal(config_console_roles(&admin, RG_SLICE("olga")), CONFIG_CONSOLE_ADMIN);
    assert_int_equal(config_console_roles(&admin, RG_SLICE("aude")), CONFIG_CONSOLE_AUDITOR);
    assert_int_equal(config_console_roles(&admin, RG_SLICE("both")), CONFIG_CONSOLE_ADMIN | CONFIG_CONSOLE_AUDITOR);
    assert_int_equal(config_console_roles(&admin, RG_SLICE("OLGA")), CONFIG_CONSOLE_NOBODY);
    assert_int_equal(config_console_roles(&admin, RG_SLICE("olg")), CONFIG_CONSOLE_NOBODY);
    assert_int_equal(config_console_roles(&admin, RG_SLICE("")), CONFIG_CONSOLE_NOBODY);
    assert_int_equal(config_console_roles(&(struct config_admin){0}, RG_SLICE("olga")), CONFIG_CONSOLE_NOBODY);
}

/* ---- rows ---- */

static const struct console_column columns[] = {{"name", false}, {"count", true}};

static void encodes_numbers_in_the_format_that_was_asked_for(void **state)
{
    (void)state;
    RG_AUTO(console_rows_done) struct console_rows rows;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    const uint16_t binary[] = {1};
    const struct console_formats formats[] = {{0, NULL}, {1, binary}};
    const struct rg_slice expected[] = {
        RG_SLICE("D\0\0\0\x11\0\2\0\0\0\1a\0\0\0\2-2"),
        RG_SLICE("D\0\0\0\x17\0\2\0\0\0\1a\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe"),
    };
    console_rows_init(&rows, 2);
    console_put(&rows, RG_SLICE("a"));
    console_put_number(&rows, -2);
    console_put_null(&rows);
    console_put_name(&rows, RG_SLICE(""));
    assert_ok(console_rows_check(&rows));
    assert_int_equal(console_rows_count(&rows), 2);
    for (size_t i = 0; i < 2; i++) {
        size_t offset = 0;
        rg_buf_init(&out, 1024);
        assert_ok(console_row_encode(&rows, columns, &formats[i], &offset, &out));
        assert_true(rg_slice_is_equal(rg_buf_slice(&out), expected[i]));
        rg_buf_clear(&out);
        assert_ok(console_row_encode(&rows, columns, &formats[i], &offset, &out));
        assert_true(rg_slice_is_equal(rg_buf_slice(&out), RG_SLICE("D\0\0\0\x0e\0\2\xff\xff\xff\xff\xff\xff\xff\xff")));
        assert_int_equal(offset, rg_buf_size(&rows.bytes));
        rg_buf_done(&out);
    }
    rg_buf_init(&out, 4);
    size_t offset = 0;
    assert_fails(RG_LIMIT, console_row_encode(&rows, columns, &formats[0], &offset, &out));
    assert_int_equal(offset, 0);
    assert_fails(RG_LIMIT, console_describe(columns, 2, &formats[0], &out));
}

static void says_when_not_all_rows_found_room(void **state)
{
    (void)state;
    enum { PIECE = 1 << 20 };
    static char text[PIECE];
    RG_AUTO(console_rows_done) struct console_rows rows;
    console_rows_init(&rows, 1);
    memset(text, 'x', sizeof text);
    for (int i = 0; i < CONSOLE_ROWS_BYTES / PIECE; i++) {
        console_put(&rows, rg_slice_make(text, sizeof text));
    }
    assert_fails(RG_LIMIT, console_rows_check(&rows));
    console_put(&rows, RG_SLICE("small"));
    assert_fails(RG_LIMIT, console_rows_check(&rows));
    assert_int_equal(rg_buf_size(&rows.bytes) % (PIECE + 4), 0); /* no half cell */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_each_command_by_its_own_words_alone),
        cmocka_unit_test(knows_no_other_command),
        cmocka_unit_test(lets_each_role_do_what_its_row_says),
        cmocka_unit_test(gives_a_name_the_roles_of_its_lists),
        cmocka_unit_test(encodes_numbers_in_the_format_that_was_asked_for),
        cmocka_unit_test(says_when_not_all_rows_found_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
