/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/error.h"

#include "proxy/pgwire/cursor.h"
#include "tests/unit/proxy/pgwire_support.h"

/* What PostgreSQL 15 sends for a unique violation, every field that it can carry, and a secret in each. */
#define LEAKY(sqlstate)                                                                                                \
    "SERROR\0VERROR\0C" sqlstate "\0Mthe message\0DKey (id)=(SECRET) already exists.\0HSECRET hint\0P17\0p3\0"         \
    "qSELECT SECRET\0WPL/pgSQL SECRET\0sSECRET\0tSECRET\0cSECRET\0dSECRET\0nSECRET\0FSECRET.c\0L666\0RSECRET\0"        \
    "zSECRET of the future\0\0"

static bool has_text(struct rg_slice bytes, const char *text)
{
    return memmem(bytes.data, bytes.size, text, strlen(text)) != NULL;
}

/* The fields that are present, in order, and a check of the framing. */
static struct rg_slice letters(const struct rg_buf *buf, char type, char out_letters[32])
{
    struct rg_slice bytes = rg_buf_slice(buf);
    assert_true(bytes.size >= 6 && bytes.data[0] == type);
    assert_int_equal(pgwire_u32_at(bytes.data + 1), bytes.size - 1);
    struct pgwire_cursor cursor = {.rest = rg_slice_cut(bytes, 5, bytes.size), .message = "test"};
    size_t count = 0;
    uint8_t letter = 0;
    assert_ok(pgwire_cursor_get_u8(&cursor, &letter));
    while (letter != 0) {
        struct rg_slice text = {0};
        out_letters[count++] = (char)letter;
        assert_ok(pgwire_cursor_get_cstr(&cursor, &text));
        assert_ok(pgwire_cursor_get_u8(&cursor, &letter));
    }
    assert_ok(pgwire_cursor_expect_end(&cursor));
    return rg_slice_make(out_letters, count);
}

static uint32_t minus_ten(void *context, uint32_t position)
{
    *(uint32_t *)context = position;
    return position - 10;
}

static uint32_t nowhere(void *context, uint32_t position)
{
    (void)context;
    (void)position;
    return 0;
}

static void drops_every_field_that_may_carry_others_data(void **state)
{
    (void)state;
    static const char types[] = {'E', 'N'};
    for (size_t i = 0; i < 2; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf client;
        rg_buf_init(&client, BUF_LIMIT);
        char found[32];
        assert_ok(pgwire_error_filter(types[i], RG_SLICE(LEAKY("23505")), NULL, &client));
        assert_slice(letters(&client, types[i], found), "SVCM");
        assert_false(has_text(rg_buf_slice(&client), "SECRET"));
        assert_false(has_text(rg_buf_slice(&client), "666"));
        assert_true(has_text(rg_buf_slice(&client), "the message"));
        assert_true(has_text(rg_buf_slice(&client), "C23505"));
    }
}

/* Whatever letter a field has, only the known good ones survive. */
static void drops_letters_nobody_knows(void **state)
{
    (void)state;
    for (int letter = 1; letter < 256; letter++) {
        char body[] = "?SECRET\0";
        body[0] = (char)letter;
        RG_AUTO(rg_buf_done) struct rg_buf client;
        rg_buf_init(&client, BUF_LIMIT);
        assert_ok(pgwire_error_filter('E', rg_slice_make(body, sizeof body), NULL, &client));
        assert_int_equal(has_text(rg_buf_slice(&client), "SECRET"), letter == 'M');
    }
}

static void keeps_the_hint_of_syntax_errors_only(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf client;
    rg_buf_init(&client, BUF_LIMIT);
    char found[32];
    assert_ok(pgwire_error_filter('E', RG_SLICE(LEAKY("42601")), NULL, &client));
    assert_slice(letters(&client, 'E', found), "SVCMH");
    rg_buf_clear(&client);
    assert_ok(pgwire_error_filter('E', RG_SLICE(LEAKY("42703")), NULL, &client));
    assert_slice(letters(&client, 'E', found), "SVCM");
}

static void maps_the_position_or_drops_it(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf client;
    rg_buf_init(&client, BUF_LIMIT);
    uint32_t seen = 0;
    struct pgwire_position_map map = {minus_ten, &seen};
    assert_ok(pgwire_error_filter('E', RG_SLICE("SERROR\0C42P01\0Mx\0P17\0\0"), &map, &client));
    assert_int_equal(seen, 17);
    assert_true(has_text(rg_buf_slice(&client), "P7"));
    rg_buf_clear(&client);
    struct pgwire_position_map none = {nowhere, NULL};
    char found[32];
    assert_ok(pgwire_error_filter('E', RG_SLICE("SERROR\0C42P01\0Mx\0P17\0\0"), &none, &client));
    assert_slice(letters(&client, 'E', found), "SVCM");
}

static void ignores_positions_that_are_no_numbers(void **state)
{
    (void)state;
    const struct rg_slice rows[] = {RG_SLICE("P-1\0\0"), RG_SLICE("P\0\0"), RG_SLICE("P1x\0\0"),
                                    RG_SLICE("P99999999999999999999\0\0"), RG_SLICE("P 1\0\0")};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pgwire_error error = {.position = 77};
        assert_ok(pgwire_error_parse('E', rows[i], &error));
        assert_int_equal(error.position, 0);
    }
}

static void reads_severity_from_the_untranslated_field(void **state)
{
    (void)state;
    const struct {
        char type;
        struct rg_slice body;
        enum pgwire_severity severity;
    } rows[] = {
        {'E', RG_SLICE("SFEHLER\0VERROR\0\0"), PGWIRE_SEVERITY_ERROR},
        {'E', RG_SLICE("SFATAL\0VFATAL\0\0"), PGWIRE_SEVERITY_FATAL},
        {'E', RG_SLICE("SPANIC\0\0"), PGWIRE_SEVERITY_PANIC},
        {'N', RG_SLICE("SHINWEIS\0VINFO\0\0"), PGWIRE_SEVERITY_INFO},
        {'N', RG_SLICE("SWARNING\0VWARNING\0\0"), PGWIRE_SEVERITY_WARNING},
        {'N', RG_SLICE("Smystery\0\0"), PGWIRE_SEVERITY_NOTICE},
        {'E', RG_SLICE("VNOTICE\0\0"), PGWIRE_SEVERITY_ERROR}, /* the type wins */
        {'N', RG_SLICE("VFATAL\0\0"), PGWIRE_SEVERITY_NOTICE},
        {'E', RG_SLICE("\0"), PGWIRE_SEVERITY_ERROR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pgwire_error error = {0};
        assert_ok(pgwire_error_parse(rows[i].type, rows[i].body, &error));
        assert_int_equal(error.severity, rows[i].severity);
    }
}

static void replaces_a_sqlstate_that_is_none(void **state)
{
    (void)state;
    const struct rg_slice rows[] = {RG_SLICE("\0"),          RG_SLICE("C\0\0"),      RG_SLICE("C4260\0\0"),
                                    RG_SLICE("C42601x\0\0"), RG_SLICE("C4260a\0\0"), RG_SLICE("C4260 \0\0")};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pgwire_error error = {0};
        assert_ok(pgwire_error_parse('E', rows[i], &error));
        assert_string_equal(error.sqlstate, "XX000");
    }
}

static rg_status parse(struct rg_slice body, void *out)
{
    return pgwire_error_parse('E', body, out);
}

static void refuses_bodies_that_are_no_list_of_fields(void **state)
{
    (void)state;
    expect_whole_only("ErrorResponse", parse, RG_SLICE("SERROR\0C42601\0Mx\0P17\0\0"), RG_UPSTREAM);
    expect_refused("twice", parse, RG_SLICE("Ma\0Mb\0\0"), RG_UPSTREAM);
    expect_refused("unknown twice", parse, RG_SLICE("za\0zb\0\0"), RG_UPSTREAM);
    struct pgwire_error error = {.position = 77};
    assert_fails(RG_UPSTREAM, pgwire_error_parse('Z', RG_SLICE("\0"), &error));
    assert_int_equal(error.position, 77);
    RG_AUTO(rg_buf_done) struct rg_buf client;
    rg_buf_init(&client, BUF_LIMIT);
    assert_fails(RG_UPSTREAM, pgwire_error_filter('E', RG_SLICE("SERROR\0"), NULL, &client));
    assert_int_equal(rg_buf_size(&client), 0);
}

static void encodes_both_severities_and_only_fields_that_are_set(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    struct pgwire_error small = {.sqlstate = "42501", .message = RG_SLICE("no")};
    assert_ok(pgwire_error_encode(&small, &buf));
    struct rg_slice wanted = RG_SLICE("E\0\0\0\x1e"
                                      "SERROR\0VERROR\0C42501\0Mno\0\0");
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), wanted));
    rg_buf_clear(&buf);
    struct pgwire_error full = {PGWIRE_SEVERITY_WARNING, "01000", RG_SLICE("m"), RG_SLICE("d"), RG_SLICE("h"), 7};
    char found[32];
    assert_ok(pgwire_error_encode(&full, &buf));
    assert_slice(letters(&buf, 'N', found), "SVCMDHP");
}

static void encodes_hostile_text_as_question_marks(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    char found[32];
    struct pgwire_error error = {.sqlstate = "ab\0", .message = RG_SLICE("a\0b\xff\xc3\xbc\xe2\x82")};
    assert_ok(pgwire_error_encode(&error, &buf));
    assert_slice(letters(&buf, 'E', found), "SVCM");
    assert_true(has_text(rg_buf_slice(&buf), "Ma?b?\xc3\xbc??"));
    assert_true(has_text(rg_buf_slice(&buf), "CXX000"));
}

static void appends_a_whole_error_or_nothing(void **state)
{
    (void)state;
    struct pgwire_error error = {
        .sqlstate = "42501", .message = RG_SLICE("a\xff"), .hint = RG_SLICE("h"), .position = 9};
    bool succeeded = false;
    for (size_t room = 0; !succeeded; room++) {
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        rg_buf_init(&buf, 3 + room);
        assert_ok(rg_buf_put(&buf, RG_SLICE("abc")));
        rg_status status = pgwire_error_encode(&error, &buf);
        succeeded = rg_is_ok(status);
        assert_true(succeeded || (status.error->kind == RG_LIMIT && rg_buf_size(&buf) == 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drops_every_field_that_may_carry_others_data),
        cmocka_unit_test(drops_letters_nobody_knows),
        cmocka_unit_test(keeps_the_hint_of_syntax_errors_only),
        cmocka_unit_test(maps_the_position_or_drops_it),
        cmocka_unit_test(ignores_positions_that_are_no_numbers),
        cmocka_unit_test(reads_severity_from_the_untranslated_field),
        cmocka_unit_test(replaces_a_sqlstate_that_is_none),
        cmocka_unit_test(refuses_bodies_that_are_no_list_of_fields),
        cmocka_unit_test(encodes_both_severities_and_only_fields_that_are_set),
        cmocka_unit_test(encodes_hostile_text_as_question_marks),
        cmocka_unit_test(appends_a_whole_error_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
