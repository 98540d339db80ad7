/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/frontend.h"

#include "tests/unit/proxy/pgwire_support.h"

/* Parse of statement "s1" with types 23 and 0; Bind of portal "p", two values and a NULL. */
#define PARSE_BODY "s1\0SELECT $1\0\0\x02\0\0\0\x17\0\0\0\0"
#define BIND_BODY                                                                                                      \
    "p\0s1\0"                                                                                                          \
    "\0\x03\0\0\0\x01\0\0"                                                                                             \
    "\0\x03\0\0\0\x02"                                                                                                 \
    "ab\0\0\0\0\xff\xff\xff\xff"                                                                                       \
    "\0\x01\0\x01"

/* Each parser behind one signature. */
#define WRAP(wrapper, parser, type)                                                                                    \
    static rg_status wrapper(struct rg_slice body, void *out)                                                          \
    {                                                                                                                  \
        return parser(body, (type *)out);                                                                              \
    }
WRAP(wrap_prepare, pgwire_prepare_parse, struct pgwire_prepare)
WRAP(wrap_bind, pgwire_bind_parse, struct pgwire_bind)
WRAP(wrap_describe, pgwire_describe_parse, struct pgwire_target)
WRAP(wrap_close, pgwire_close_parse, struct pgwire_target)
WRAP(wrap_execute, pgwire_execute_parse, struct pgwire_execute)
WRAP(wrap_query, pgwire_query_parse, struct rg_slice)
WRAP(wrap_password, pgwire_password_parse, struct rg_slice)
WRAP(wrap_copy_fail, pgwire_copy_fail_parse, struct rg_slice)
WRAP(wrap_sasl_start, pgwire_sasl_start_parse, struct pgwire_sasl_start)
WRAP(wrap_sasl_response, pgwire_sasl_response_parse, struct rg_slice)

static void refuses_every_truncation_and_a_byte_too_many(void **state)
{
    (void)state;
    expect_whole_only("Parse", wrap_prepare, RG_SLICE(PARSE_BODY), RG_PROTOCOL);
    expect_whole_only("Bind", wrap_bind, RG_SLICE(BIND_BODY), RG_PROTOCOL);
    expect_whole_only("Describe", wrap_describe, RG_SLICE("Ss1\0"), RG_PROTOCOL);
    expect_whole_only("Close", wrap_close, RG_SLICE("Pp1\0"), RG_PROTOCOL);
    expect_whole_only("Execute", wrap_execute, RG_SLICE("p\0\0\0\0\x64"), RG_PROTOCOL);
    expect_whole_only("Query", wrap_query, RG_SLICE("SELECT 1\0"), RG_PROTOCOL);
    expect_whole_only("Password", wrap_password, RG_SLICE("secret\0"), RG_PROTOCOL);
    expect_whole_only("CopyFail", wrap_copy_fail, RG_SLICE("why not\0"), RG_PROTOCOL);
    expect_whole_only("SASL", wrap_sasl_start, RG_SLICE("SCRAM-SHA-256\0\0\0\0\x03n,,"), RG_PROTOCOL);
}

static void reads_parse_and_its_types(void **state)
{
    (void)state;
    struct pgwire_prepare prepare = {0};
    assert_ok(pgwire_prepare_parse(RG_SLICE(PARSE_BODY), &prepare));
    assert_slice(prepare.statement, "s1");
    assert_slice(prepare.text, "SELECT $1");
    assert_int_equal(prepare.type_count, 2);
    assert_int_equal(pgwire_prepare_type(&prepare, 0), 23);
    assert_int_equal(pgwire_prepare_type(&prepare, 1), 0);
    assert_int_equal(pgwire_prepare_type(&prepare, 2), 0);
    assert_int_equal(pgwire_prepare_type(&prepare, SIZE_MAX), 0);
}

static void reads_bind_with_null_and_empty_values(void **state)
{
    (void)state;
    struct pgwire_bind bind = {0};
    assert_ok(pgwire_bind_parse(RG_SLICE(BIND_BODY), &bind));
    assert_slice(bind.portal, "p");
    assert_slice(bind.statement, "s1");
    assert_int_equal(bind.value_count, 3);
    assert_int_equal(bind.result_format_count, 1);
    assert_int_equal(pgwire_bind_format(&bind, 0), 0);
    assert_int_equal(pgwire_bind_format(&bind, 1), 1);
    assert_int_equal(pgwire_bind_format(&bind, 3), 0);
    struct pgwire_cursor cursor = pgwire_bind_values(&bind);
    struct pgwire_value value = {0};
    assert_ok(pgwire_value_get(&cursor, &value));
    assert_slice(value.bytes, "ab");
    assert_ok(pgwire_value_get(&cursor, &value));
    assert_true(!value.is_null && value.bytes.size == 0);
    assert_ok(pgwire_value_get(&cursor, &value));
    assert_true(value.is_null);
    assert_fails(RG_PROTOCOL, pgwire_value_get(&cursor, &value));
    assert_true(value.is_null);
}

static void applies_one_format_to_all_values(void **state)
{
    (void)state;
    struct pgwire_bind bind = {0};
    assert_ok(pgwire_bind_parse(RG_SLICE("\0\0\0\x01\0\x01\0\x02\0\0\0\0\0\0\0\0\0\0"), &bind));
    assert_int_equal(pgwire_bind_format(&bind, 0), 1);
    assert_int_equal(pgwire_bind_format(&bind, 1), 1);
    assert_ok(pgwire_bind_parse(RG_SLICE("\0\0\0\0\0\0\0\0"), &bind));
    assert_int_equal(pgwire_bind_format(&bind, 0), 0);
}

static void refuses_counts_and_lengths_that_lie(void **state)
{
    (void)state;
    const struct {
        const char *name;
        parse_function *parse;
        struct rg_slice body;
    } rows[] = {
        {"65535 types, none there", wrap_prepare, RG_SLICE("\0x\0\xff\xff")},
        {"one type too few", wrap_prepare, RG_SLICE("\0x\0\0\x02\0\0\0\x17")},
        {"one type more than said", wrap_prepare, RG_SLICE("\0x\0\0\x01\0\0\0\x17\0\0\0\x17")},
        {"NUL inside the statement", wrap_prepare, RG_SLICE("\0SELECT 1\0; DROP TABLE t\0\0\0")},
        {"65535 values, none there", wrap_bind, RG_SLICE("\0\0\0\0\xff\xff")},
        {"65535 values and result formats", wrap_bind, RG_SLICE("\0\0\0\0\xff\xff\0\0")},
        {"65535 formats, none there", wrap_bind, RG_SLICE("\0\0\xff\xff\0\0\0\0")},
        {"two formats for one value", wrap_bind, RG_SLICE("\0\0\0\x02\0\0\0\0\0\x01\0\0\0\0\0\0")},
        {"two formats for no value", wrap_bind, RG_SLICE("\0\0\0\x02\0\0\0\0\0\0\0\0")},
        {"format 2", wrap_bind, RG_SLICE("\0\0\0\x01\0\x02\0\0\0\0")},
        {"result format 256", wrap_bind, RG_SLICE("\0\0\0\0\0\0\0\x01\x01\0")},
        {"value of length -2", wrap_bind, RG_SLICE("\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0")},
        {"value of length INT32_MIN", wrap_bind, RG_SLICE("\0\0\0\0\0\x01\x80\0\0\0\0\0")},
        {"value of length INT32_MAX", wrap_bind, RG_SLICE("\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0")},
        {"value that eats the result formats", wrap_bind, RG_SLICE("\0\0\0\0\0\x01\0\0\0\x02\0\0")},
        {"65535 result formats", wrap_bind, RG_SLICE("\0\0\0\0\0\0\xff\xff")},
        {"describe of nothing known", wrap_describe, RG_SLICE("Xs\0")},
        {"close of nothing known", wrap_close, RG_SLICE("\0s\0")},
        {"describe with a second name", wrap_describe, RG_SLICE("Sa\0b\0")},
        {"close with a byte behind", wrap_close, RG_SLICE("Sa\0C")},
        {"execute with a longer number", wrap_execute, RG_SLICE("\0\0\0\0\0\0")},
        {"query with a second NUL", wrap_query, RG_SLICE("SELECT 1\0\0")},
        {"query with a second statement", wrap_query, RG_SLICE("SELECT 1\0DROP TABLE t\0")},
        {"query without NUL", wrap_query, RG_SLICE("SELECT 1")},
        {"password with a NUL", wrap_password, RG_SLICE("a\0b\0")},
        {"SASL without a mechanism", wrap_sasl_start, RG_SLICE("\0\0\0\0\0")},
        {"SASL response of length -2", wrap_sasl_start, RG_SLICE("S\0\xff\xff\xff\xfe")},
        {"SASL response longer than said", wrap_sasl_start, RG_SLICE("S\0\0\0\0\x01xy")},
        {"SASL response shorter than said", wrap_sasl_start, RG_SLICE("S\0\x7f\xff\xff\xffxy")},
        {"SASL bytes behind no response", wrap_sasl_start, RG_SLICE("S\0\xff\xff\xff\xffx")},
        {"empty SASL response", wrap_sasl_response, RG_SLICE("")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        expect_refused(rows[i].name, rows[i].parse, rows[i].body, RG_PROTOCOL);
    }
}

static void denies_text_that_is_not_utf8(void **state)
{
    (void)state;
    expect_refused("Query", wrap_query, RG_SLICE("SELECT '\xc0\xa7'\0"), RG_DENIED);
    expect_refused("Parse", wrap_prepare, RG_SLICE("\0SELECT '\xff'\0\0\0"), RG_DENIED);
    expect_refused("Parse", wrap_prepare, RG_SLICE("\xff\0SELECT 1\0\0\0"), RG_DENIED);
    expect_refused("Bind", wrap_bind, RG_SLICE("\0\xed\xa0\x80\0\0\0\0\0\0\0"), RG_DENIED);
    expect_refused("Execute", wrap_execute, RG_SLICE("\x80\0\0\0\0\0"), RG_DENIED);
    expect_refused("Describe", wrap_describe, RG_SLICE("S\xc3\0"), RG_DENIED);
}

static void bounds_names(void **state)
{
    (void)state;
    char body[1 + PGWIRE_NAME_MAX_BYTES + 2] = {'S'};
    memset(body + 1, 'n', PGWIRE_NAME_MAX_BYTES);
    struct pgwire_target target = {0};
    assert_ok(pgwire_describe_parse(rg_slice_make(body, sizeof body - 1), &target));
    assert_int_equal(target.name.size, PGWIRE_NAME_MAX_BYTES);
    body[1 + PGWIRE_NAME_MAX_BYTES] = 'n';
    expect_refused("Describe", wrap_describe, rg_slice_make(body, sizeof body), RG_LIMIT);
    expect_refused("Close", wrap_close, rg_slice_make(body, sizeof body), RG_LIMIT);
}

static void reads_the_small_messages(void **state)
{
    (void)state;
    struct pgwire_target target = {0};
    assert_ok(pgwire_describe_parse(RG_SLICE("P\0"), &target));
    assert_true(target.kind == PGWIRE_TARGET_PORTAL && target.name.size == 0);
    struct pgwire_execute execute = {0};
    assert_ok(pgwire_execute_parse(RG_SLICE("p\0\xff\xff\xff\xff"), &execute));
    assert_int_equal(execute.max_rows, -1);
    struct rg_slice text = {0};
    assert_ok(pgwire_query_parse(RG_SLICE("\0"), &text));
    assert_int_equal(text.size, 0);
    assert_ok(pgwire_password_parse(RG_SLICE("eyJ.x.y\0"), &text));
    assert_slice(text, "eyJ.x.y");
    assert_ok(pgwire_sasl_response_parse(RG_SLICE("c=biws\0"), &text));
    assert_int_equal(text.size, 7);
    struct pgwire_sasl_start start = {0};
    assert_ok(pgwire_sasl_start_parse(RG_SLICE("SCRAM-SHA-256\0\0\0\0\x04n,,x"), &start));
    assert_slice(start.mechanism, "SCRAM-SHA-256");
    assert_slice(start.response.bytes, "n,,x");
    assert_ok(pgwire_sasl_start_parse(RG_SLICE("S\0\xff\xff\xff\xff"), &start));
    assert_true(start.response.is_null);
    assert_ok(pgwire_empty_parse(RG_SLICE(""), "Sync"));
    assert_fails(RG_PROTOCOL, pgwire_empty_parse(RG_SLICE("x"), "Sync"));
}

static void reads_the_reason_of_a_failed_copy(void **state)
{
    (void)state;
    struct rg_slice reason = RG_SLICE("untouched");
    assert_ok(pgwire_copy_fail_parse(RG_SLICE("the disk\0"), &reason));
    assert_slice(reason, "the disk");
    assert_ok(pgwire_copy_fail_parse(RG_SLICE("\0"), &reason));
    assert_slice(reason, "");
    reason = RG_SLICE("untouched");
    assert_fails(RG_DENIED, pgwire_copy_fail_parse(RG_SLICE("\xff\xfe\0"), &reason));
    assert_fails(RG_PROTOCOL, pgwire_copy_fail_parse(RG_SLICE("a\0b\0"), &reason));
    assert_fails(RG_PROTOCOL, pgwire_copy_fail_parse(RG_SLICE(""), &reason));
    assert_slice(reason, "untouched");
}

static void encodes_pieces_of_data(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 16);
    assert_ok(pgwire_copy_data_encode(RG_SLICE("1\ta\n"), &buf));
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), RG_SLICE("d\0\0\0\x08"
                                                               "1\ta\n")));
    assert_ok(pgwire_copy_done_encode(&buf));
    assert_fails(RG_LIMIT, pgwire_copy_data_encode(RG_SLICE("2\tb\n"), &buf));
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), RG_SLICE("d\0\0\0\x08"
                                                               "1\ta\nc\0\0\0\x04")));
}

/* Body of the one message in buf, after its type and length are checked. */
static struct rg_slice body_of(const struct rg_buf *buf, char type)
{
    struct rg_slice bytes = rg_buf_slice(buf);
    assert_true(bytes.size >= 5 && bytes.data[0] == type);
    assert_int_equal(pgwire_u32_at(bytes.data + 1), bytes.size - 1);
    return rg_slice_cut(bytes, 5, bytes.size);
}

static void encodes_what_it_parsed_with_other_names(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    struct pgwire_prepare prepare = {0};
    assert_ok(pgwire_prepare_parse(RG_SLICE(PARSE_BODY), &prepare));
    prepare.statement = RG_SLICE("rg_7");
    prepare.text = RG_SLICE("SELECT $1 /* rewritten */");
    assert_ok(pgwire_prepare_encode(&prepare, &buf));
    struct pgwire_prepare again = {0};
    assert_ok(pgwire_prepare_parse(body_of(&buf, 'P'), &again));
    assert_slice(again.statement, "rg_7");
    assert_slice(again.text, "SELECT $1 /* rewritten */");
    assert_int_equal(pgwire_prepare_type(&again, 0), 23);

    rg_buf_clear(&buf);
    struct pgwire_bind bind = {0};
    assert_ok(pgwire_bind_parse(RG_SLICE(BIND_BODY), &bind));
    bind.statement = RG_SLICE("rg_7");
    bind.portal = RG_SLICE("");
    assert_ok(pgwire_bind_encode(&bind, &buf));
    struct pgwire_bind bound = {0};
    assert_ok(pgwire_bind_parse(body_of(&buf, 'B'), &bound));
    assert_slice(bound.statement, "rg_7");
    assert_int_equal(bound.portal.size, 0);
    assert_true(rg_slice_is_equal(bound.tail, bind.tail));
}

static void encodes_byte_for_byte(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    struct pgwire_bind bind = {.statement = RG_SLICE("s")};
    struct pgwire_target target = {PGWIRE_TARGET_STATEMENT, RG_SLICE("s")};
    struct pgwire_execute execute = {RG_SLICE(""), -1};
    struct pgwire_sasl_start start = {RG_SLICE("M"), {.is_null = true}};
    assert_ok(pgwire_query_encode(RG_SLICE("SELECT 1"), &buf));
    assert_ok(pgwire_bind_encode(&bind, &buf));
    assert_ok(pgwire_describe_encode(&target, &buf));
    assert_ok(pgwire_close_encode(&target, &buf));
    assert_ok(pgwire_execute_encode(&execute, &buf));
    assert_ok(pgwire_flush_encode(&buf));
    assert_ok(pgwire_sync_encode(&buf));
    assert_ok(pgwire_password_encode(RG_SLICE("pw"), &buf));
    assert_ok(pgwire_sasl_start_encode(&start, &buf));
    assert_ok(pgwire_terminate_encode(&buf));
    assert_ok(pgwire_copy_fail_encode(RG_SLICE("no"), &buf));
    assert_ok(pgwire_cancel_encode(1, 2, &buf));
    struct rg_slice wanted = RG_SLICE("Q\0\0\0\x0dSELECT 1\0"
                                      "B\0\0\0\x0d\0s\0\0\0\0\0\0\0"
                                      "D\0\0\0\x07Ss\0"
                                      "C\0\0\0\x07Ss\0"
                                      "E\0\0\0\x09\0\xff\xff\xff\xff"
                                      "H\0\0\0\x04"
                                      "S\0\0\0\x04"
                                      "p\0\0\0\x07pw\0"
                                      "p\0\0\0\x0aM\0\xff\xff\xff\xff"
                                      "X\0\0\0\x04"
                                      "f\0\0\0\x07no\0"
                                      "\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02");
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), wanted));
}

static void refuses_to_encode_text_that_would_smuggle(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    assert_ok(rg_buf_put(&buf, RG_SLICE("before")));
    struct rg_slice evil = RG_SLICE("a\0b");
    struct pgwire_prepare prepare = {.statement = evil};
    struct pgwire_prepare text = {.text = evil};
    struct pgwire_prepare types = {.type_count = 2, .types = RG_SLICE("\0\0\0\x17")};
    struct pgwire_bind portal = {.portal = evil};
    struct pgwire_bind statement = {.statement = evil};
    struct pgwire_target target = {PGWIRE_TARGET_PORTAL, evil};
    struct pgwire_target none = {0};
    struct pgwire_execute execute = {.portal = evil};
    struct pgwire_sasl_start start = {.mechanism = evil};
    assert_fails(RG_PROTOCOL, pgwire_prepare_encode(&prepare, &buf));
    assert_fails(RG_PROTOCOL, pgwire_prepare_encode(&text, &buf));
    assert_fails(RG_INTERNAL, pgwire_prepare_encode(&types, &buf));
    assert_fails(RG_PROTOCOL, pgwire_bind_encode(&portal, &buf));
    assert_fails(RG_PROTOCOL, pgwire_bind_encode(&statement, &buf));
    assert_fails(RG_PROTOCOL, pgwire_describe_encode(&target, &buf));
    assert_fails(RG_PROTOCOL, pgwire_close_encode(&target, &buf));
    assert_fails(RG_INTERNAL, pgwire_close_encode(&none, &buf));
    assert_fails(RG_PROTOCOL, pgwire_execute_encode(&execute, &buf));
    assert_fails(RG_PROTOCOL, pgwire_query_encode(evil, &buf));
    assert_fails(RG_PROTOCOL, pgwire_password_encode(evil, &buf));
    assert_fails(RG_PROTOCOL, pgwire_copy_fail_encode(evil, &buf));
    assert_fails(RG_PROTOCOL, pgwire_sasl_start_encode(&start, &buf));
    assert_slice(rg_buf_slice(&buf), "before");
}

static rg_status encode_row(int row, struct rg_buf *buf)
{
    struct pgwire_prepare prepare = {.text = RG_SLICE("SELECT 1")};
    struct pgwire_bind bind = {.statement = RG_SLICE("s")};
    struct pgwire_target target = {PGWIRE_TARGET_STATEMENT, RG_SLICE("s")};
    struct pgwire_execute execute = {.portal = RG_SLICE("p")};
    struct pgwire_sasl_start start = {RG_SLICE("M"), {.bytes = RG_SLICE("n,,")}};
    switch (row) {
    case 0:
        return pgwire_prepare_encode(&prepare, buf);
    case 1:
        return pgwire_bind_encode(&bind, buf);
    case 2:
        return pgwire_describe_encode(&target, buf);
    case 3:
        return pgwire_execute_encode(&execute, buf);
    case 4:
        return pgwire_query_encode(RG_SLICE("SELECT 1"), buf);
    case 5:
        return pgwire_sync_encode(buf);
    case 6:
        return pgwire_sasl_start_encode(&start, buf);
    default:
        return pgwire_cancel_encode(1, 2, buf);
    }
}

static void appends_a_whole_message_or_nothing(void **state)
{
    (void)state;
    for (int row = 0; row < 8; row++) {
        bool succeeded = false;
        for (size_t room = 0; !succeeded; room++) {
            RG_AUTO(rg_buf_done) struct rg_buf buf;
            rg_buf_init(&buf, 3 + room);
            assert_ok(rg_buf_put(&buf, RG_SLICE("abc")));
            rg_status status = encode_row(row, &buf);
            succeeded = rg_is_ok(status);
            assert_true(succeeded || status.error->kind == RG_LIMIT);
            assert_true(succeeded ? rg_buf_size(&buf) == 3 + room : rg_buf_size(&buf) == 3);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_every_truncation_and_a_byte_too_many),
        cmocka_unit_test(reads_parse_and_its_types),
        cmocka_unit_test(reads_bind_with_null_and_empty_values),
        cmocka_unit_test(applies_one_format_to_all_values),
        cmocka_unit_test(refuses_counts_and_lengths_that_lie),
        cmocka_unit_test(denies_text_that_is_not_utf8),
        cmocka_unit_test(bounds_names),
        cmocka_unit_test(reads_the_small_messages),
        cmocka_unit_test(reads_the_reason_of_a_failed_copy),
        cmocka_unit_test(encodes_pieces_of_data),
        cmocka_unit_test(encodes_what_it_parsed_with_other_names),
        cmocka_unit_test(encodes_byte_for_byte),
        cmocka_unit_test(refuses_to_encode_text_that_would_smuggle),
        cmocka_unit_test(appends_a_whole_message_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
