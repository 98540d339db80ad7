/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/pgwire/backend.h"

#include "tests/unit/proxy/pgwire_support.h"

#define WRAP(wrapper, parser, type)                                                                                    \
    static rg_status wrapper(struct rg_slice body, void *out)                                                          \
    {                                                                                                                  \
        return parser(body, (type *)out);                                                                              \
    }
WRAP(wrap_parameter, pgwire_parameter_parse, struct pgwire_parameter)
WRAP(wrap_key, pgwire_key_parse, struct pgwire_key)
WRAP(wrap_ready, pgwire_ready_parse, enum pgwire_transaction)
WRAP(wrap_tag, pgwire_tag_parse, struct pgwire_tag)

static void blames_the_upstream_for_every_truncation(void **state)
{
    (void)state;
    expect_whole_only("ParameterStatus", wrap_parameter, RG_SLICE("TimeZone\0UTC\0"), RG_UPSTREAM);
    expect_whole_only("BackendKeyData", wrap_key, RG_SLICE("\0\0\0\x01\0\0\0\x02"), RG_UPSTREAM);
    expect_whole_only("ReadyForQuery", wrap_ready, RG_SLICE("I"), RG_UPSTREAM);
    expect_whole_only("CommandComplete", wrap_tag, RG_SLICE("SELECT 5\0"), RG_UPSTREAM);
}

static void knows_three_transaction_states(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char body = (char)byte;
        if (byte == 'I' || byte == 'T' || byte == 'E') {
            enum pgwire_transaction transaction = PGWIRE_TRANSACTION_NONE;
            assert_ok(pgwire_ready_parse(rg_slice_make(&body, 1), &transaction));
            assert_int_equal((int)transaction, byte);
        } else {
            expect_refused("ReadyForQuery", wrap_ready, rg_slice_make(&body, 1), RG_UPSTREAM);
        }
    }
}

static void takes_the_row_count_from_the_tag(void **state)
{
    (void)state;
    static const struct {
        const char *tag;
        const char *command;
        bool has_rows;
        uint64_t rows;
    } rows[] = {
        {"SELECT 5", "SELECT", true, 5},
        {"INSERT 0 3", "INSERT", true, 3},
        {"UPDATE 0", "UPDATE", true, 0},
        {"COPY 1000000", "COPY", true, 1000000},
        {"FETCH 18446744073709551615", "FETCH", true, UINT64_MAX},
        {"FETCH 18446744073709551616", "FETCH 18446744073709551616", false, 0},
        {"CREATE TABLE", "CREATE TABLE", false, 0},
        {"BEGIN", "BEGIN", false, 0},
        {"", "", false, 0},
        {"5", "5", false, 0},
        {"SELECT ", "SELECT ", false, 0},
        {"SELECT -1", "SELECT -1", false, 0},
        {"SELECT 1x", "SELECT 1x", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pgwire_tag tag = {0};
        assert_ok(pgwire_tag_parse(rg_slice_make(rows[i].tag, strlen(rows[i].tag) + 1), &tag));
        assert_slice(tag.text, rows[i].tag);
        assert_slice(tag.command, rows[i].command);
        assert_int_equal(tag.has_rows, rows[i].has_rows);
        assert_true(!tag.has_rows || tag.rows == rows[i].rows);
    }
}

static void encodes_byte_for_byte(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    struct rg_slice mechanisms[] = {RG_SLICE("SCRAM-SHA-256"), RG_SLICE("X")};
    struct rg_slice extensions[] = {RG_SLICE("_pq_.x")};
    struct pgwire_parameter parameter = {RG_SLICE("a"), RG_SLICE("")};
    struct pgwire_key key = {1, 0xdeadbeefU};
    assert_ok(pgwire_auth_ok_encode(&buf));
    assert_ok(pgwire_auth_cleartext_encode(&buf));
    assert_ok(pgwire_auth_sasl_encode(mechanisms, 2, &buf));
    assert_ok(pgwire_auth_sasl_continue_encode(RG_SLICE("r="), &buf));
    assert_ok(pgwire_auth_sasl_final_encode(RG_SLICE("v="), &buf));
    assert_ok(pgwire_negotiate_encode(0, extensions, 1, &buf));
    assert_ok(pgwire_parameter_encode(&parameter, &buf));
    assert_ok(pgwire_key_encode(key, &buf));
    assert_ok(pgwire_ready_encode(PGWIRE_TRANSACTION_FAILED, &buf));
    assert_ok(pgwire_tag_encode(RG_SLICE("SET"), &buf));
    struct rg_slice wanted = RG_SLICE("R\0\0\0\x08\0\0\0\0"
                                      "R\0\0\0\x08\0\0\0\x03"
                                      "R\0\0\0\x19\0\0\0\x0aSCRAM-SHA-256\0X\0\0"
                                      "R\0\0\0\x0a\0\0\0\x0br="
                                      "R\0\0\0\x0a\0\0\0\x0cv="
                                      "v\0\0\0\x13\0\0\0\0\0\0\0\x01_pq_.x\0"
                                      "S\0\0\0\x07"
                                      "a\0\0"
                                      "K\0\0\0\x0c\0\0\0\x01\xde\xad\xbe\xef"
                                      "Z\0\0\0\x05"
                                      "E"
                                      "C\0\0\0\x08SET\0");
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), wanted));
}

static void encodes_the_messages_without_a_body(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    assert_ok(pgwire_parse_complete_encode(&buf));
    assert_ok(pgwire_bind_complete_encode(&buf));
    assert_ok(pgwire_close_complete_encode(&buf));
    assert_ok(pgwire_no_data_encode(&buf));
    assert_ok(pgwire_empty_query_encode(&buf));
    assert_ok(pgwire_portal_suspended_encode(&buf));
    struct rg_slice wanted = RG_SLICE("1\0\0\0\x04"
                                      "2\0\0\0\x04"
                                      "3\0\0\0\x04n\0\0\0\x04I\0\0\0\x04s\0\0\0\x04");
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), wanted));
}

static void encodes_small_answers(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    struct pgwire_column columns[] = {{RG_SLICE("n"), 25, -1, 0}, {RG_SLICE(""), 23, 4, 1}};
    struct pgwire_value values[] = {{false, RG_SLICE("ab")}, {true, {0}}, {false, {0}}};
    uint32_t oids[] = {23, 25};
    assert_ok(pgwire_row_description_encode(columns, 2, &buf));
    assert_ok(pgwire_data_row_encode(values, 3, &buf));
    assert_ok(pgwire_parameter_description_encode(oids, 2, &buf));
    assert_ok(pgwire_data_row_encode(NULL, 0, &buf));
    struct rg_slice wanted = RG_SLICE("T\0\0\0\x2d\0\x02"
                                      "n\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0"
                                      "\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01"
                                      "D\0\0\0\x14\0\x03\0\0\0\x02"
                                      "ab\xff\xff\xff\xff\0\0\0\0"
                                      "t\0\0\0\x0e\0\x02\0\0\0\x17\0\0\0\x19"
                                      "D\0\0\0\x06\0\0");
    assert_true(rg_slice_is_equal(rg_buf_slice(&buf), wanted));
}

static void refuses_what_would_smuggle_or_lie(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, BUF_LIMIT);
    assert_ok(rg_buf_put(&buf, RG_SLICE("before")));
    struct rg_slice evil = RG_SLICE("a\0b");
    struct rg_slice empty = {0};
    struct pgwire_parameter name = {evil, RG_SLICE("x")};
    struct pgwire_parameter value = {RG_SLICE("x"), evil};
    struct pgwire_column column = {.name = evil};
    assert_fails(RG_PROTOCOL, pgwire_parameter_encode(&name, &buf));
    assert_fails(RG_PROTOCOL, pgwire_parameter_encode(&value, &buf));
    assert_fails(RG_PROTOCOL, pgwire_tag_encode(evil, &buf));
    assert_fails(RG_PROTOCOL, pgwire_auth_sasl_encode(&evil, 1, &buf));
    assert_fails(RG_PROTOCOL, pgwire_auth_sasl_encode(&empty, 1, &buf));
    assert_fails(RG_PROTOCOL, pgwire_negotiate_encode(0, &evil, 1, &buf));
    assert_fails(RG_PROTOCOL, pgwire_row_description_encode(&column, 1, &buf));
    assert_fails(RG_INTERNAL, pgwire_ready_encode(PGWIRE_TRANSACTION_NONE, &buf));
    assert_fails(RG_LIMIT, pgwire_row_description_encode(&column, 65536, &buf));
    assert_fails(RG_LIMIT, pgwire_data_row_encode(NULL, 65536, &buf));
    assert_fails(RG_LIMIT, pgwire_parameter_description_encode(NULL, SIZE_MAX, &buf));
    assert_fails(RG_LIMIT, pgwire_negotiate_encode(0, NULL, SIZE_MAX, &buf));
    assert_slice(rg_buf_slice(&buf), "before");
}

static rg_status encode_row(int row, struct rg_buf *buf)
{
    struct rg_slice name = RG_SLICE("name");
    struct pgwire_parameter parameter = {name, name};
    struct pgwire_column column = {.name = name};
    struct pgwire_value value = {false, name};
    uint32_t oid = 23;
    switch (row) {
    case 0:
        return pgwire_auth_sasl_encode(&name, 1, buf);
    case 1:
        return pgwire_negotiate_encode(0, &name, 1, buf);
    case 2:
        return pgwire_parameter_encode(&parameter, buf);
    case 3:
        return pgwire_row_description_encode(&column, 1, buf);
    case 4:
        return pgwire_data_row_encode(&value, 1, buf);
    case 5:
        return pgwire_parameter_description_encode(&oid, 1, buf);
    case 6:
        return pgwire_auth_sasl_continue_encode(name, buf);
    default:
        return pgwire_ready_encode(PGWIRE_TRANSACTION_IDLE, buf);
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
            assert_true(rg_buf_size(&buf) == (succeeded ? 3 + room : 3));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blames_the_upstream_for_every_truncation),
        cmocka_unit_test(knows_three_transaction_states),
        cmocka_unit_test(takes_the_row_count_from_the_tag),
        cmocka_unit_test(encodes_byte_for_byte),
        cmocka_unit_test(encodes_the_messages_without_a_body),
        cmocka_unit_test(encodes_small_answers),
        cmocka_unit_test(refuses_what_would_smuggle_or_lie),
        cmocka_unit_test(appends_a_whole_message_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
