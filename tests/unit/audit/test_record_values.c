/* SPDX-License-Identifier: Apache-2.0 */
/* Literals and values of binds in a record: exact, whatever they hold and however many they are. */
#include <jansson.h>

#include "audit/message.h"
#include "base/rg_literal.h"
#include "tests/support/rg_test.h"

enum { ROOM = 256 << 20 };

struct encoded {
    struct rg_buf frames;
    json_t *rg;     /* of the first record */
    size_t longest; /* rg and ocsf of one record */
    size_t count;
};

static void encoded_done(struct encoded *encoded)
{
    rg_buf_done(&encoded->frames);
    json_decref(encoded->rg);
}

static json_t *parse(struct rg_slice text)
{
    json_t *value = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(value);
    return value;
}

static void encode(const struct audit_event *event, struct encoded *out)
{
    *out = (struct encoded){0};
    rg_buf_init(&out->frames, ROOM);
    assert_ok(audit_record_encode(event, &out->frames));
    struct rg_slice cursor = rg_buf_slice(&out->frames);
    while (cursor.size > 0) {
        struct audit_message message = {0};
        assert_ok(audit_message_get(&cursor, &message));
        size_t size = message.rg.size + message.ocsf.size;
        out->longest = size > out->longest ? size : out->longest;
        if (out->count++ == 0) {
            out->rg = parse(message.rg);
        }
    }
}

static void put_literal(struct rg_buf *list, size_t at, struct rg_slice text)
{
    assert_ok(rg_literal_put(list, &(struct rg_literal){.at = at, .size = 2, .text = text}));
}

static void writes_literals_as_an_array(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf list;
    RG_AUTO(encoded_done) struct encoded encoded;
    rg_buf_init(&list, ROOM);
    put_literal(&list, 7, RG_SLICE("'it''s \"x\" \xc3\xa4'"));
    put_literal(&list, 11, RG_SLICE("'\xff'"));
    put_literal(&list, 14, RG_SLICE("'a\0b'"));
    encode(&(struct audit_event){.kind = AUDIT_STATEMENT,
                                 .sql = RG_SLICE("SELECT $1, $2, $3"),
                                 .literals = rg_buf_slice(&list),
                                 .sql_sent = RG_SLICE("SELECT $1, $2, $3 "),
                                 .literals_sent = rg_buf_slice(&list)},
           &encoded);
    json_t *wanted = json_pack("[[i,i,s],[i,i,{s:s}],[i,i,s#]]", 7, 2, "'it''s \"x\" \xc3\xa4'", 11, 2, "b64", "J/8n",
                               14, 2, "'a\0b'", 5);
    assert_true(json_equal(json_object_get(encoded.rg, "literals"), wanted));
    assert_true(json_equal(json_object_get(encoded.rg, "literals_sent"), wanted));
    json_decref(wanted);
}

static void writes_every_kind_of_bind(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf list;
    RG_AUTO(encoded_done) struct encoded encoded;
    rg_buf_init(&list, ROOM);
    assert_ok(audit_bind_put(&list, AUDIT_BIND_TEXT, RG_SLICE("text")));
    assert_ok(audit_bind_put(&list, AUDIT_BIND_NULL, RG_SLICE("ignored")));
    assert_ok(audit_bind_put(&list, AUDIT_BIND_BINARY, RG_SLICE("abc")));
    assert_ok(audit_bind_put(&list, AUDIT_BIND_HIDDEN, RG_SLICE("hunter2")));
    assert_ok(audit_bind_put(&list, AUDIT_BIND_TEXT, RG_SLICE("\xff")));
    assert_ok(audit_bind_put(&list, AUDIT_BIND_TEXT, RG_SLICE("")));
    assert_null(memmem(list.bytes, rg_buf_size(&list), "hunter2", 7));
    encode(&(struct audit_event){.kind = AUDIT_STATEMENT, .sql = RG_SLICE("SELECT $1"), .binds = rg_buf_slice(&list)},
           &encoded);
    json_t *wanted = json_pack("[s,n,{s:s},s,{s:s},s]", "text", "b64", "YWJj", "***", "b64", "/w==", "");
    assert_true(json_equal(json_object_get(encoded.rg, "binds"), wanted));
    json_decref(wanted);
}

static json_t *join(struct encoded *encoded, const char *field)
{
    RG_AUTO(rg_buf_done) struct rg_buf whole;
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    struct rg_slice cursor = rg_buf_slice(&encoded->frames);
    rg_buf_init(&whole, ROOM);
    rg_arena_init(&arena, ROOM);
    while (cursor.size > 0) {
        struct audit_message message = {0};
        assert_ok(audit_message_get(&cursor, &message));
        json_t *rg = parse(message.rg);
        const char *name = json_string_value(json_object_get(rg, "field"));
        if (name != NULL && strcmp(name, field) == 0) {
            const json_t *text = json_object_get(rg, "text");
            struct rg_slice piece = rg_slice_make(json_string_value(text), json_string_length(text));
            const json_t *b64 = json_object_get(rg, "b64");
            if (b64 != NULL) {
                assert_ok(rg_base64_decode(rg_slice_of(json_string_value(b64)), &arena, &piece));
            }
            assert_ok(rg_buf_put(&whole, piece));
        }
        json_decref(rg);
    }
    return parse(rg_buf_slice(&whole));
}

static void goes_on_in_continuation_records_when_long(void **state)
{
    enum { COUNT = 5000, SIZE = 200000 };
    static const char fills[] = {'x', '\x01', '"', (char)0xff};
    static char text[SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof fills; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf list, binds;
        RG_AUTO(encoded_done) struct encoded encoded;
        rg_buf_init(&list, ROOM);
        rg_buf_init(&binds, ROOM);
        memset(text, fills[i], SIZE);
        for (size_t n = 0; n < COUNT; n++) {
            put_literal(&list, n * 3, n == 7 ? rg_slice_make(text, SIZE) : RG_SLICE("'literal'"));
        }
        assert_ok(audit_bind_put(&binds, AUDIT_BIND_TEXT, rg_slice_make(text, SIZE)));
        encode(&(struct audit_event){.kind = AUDIT_STATEMENT,
                                     .sql = RG_SLICE("SELECT"),
                                     .literals = rg_buf_slice(&list),
                                     .literals_sent = rg_buf_slice(&list),
                                     .binds = rg_buf_slice(&binds)},
               &encoded);
        assert_null(json_object_get(encoded.rg, "literals"));
        assert_true(encoded.longest <= AUDIT_BODY_MAX);
        assert_true(rg_buf_size(&encoded.frames) < 4 * SIZE + 16 * (size_t)COUNT * 9 + 3 * 2 * SIZE);
        static const char *const fields[] = {"literals", "literals_sent"};
        for (size_t f = 0; f < 2; f++) {
            json_t *array = join(&encoded, fields[f]);
            assert_int_equal(json_array_size(array), COUNT);
            const json_t *value = json_array_get(json_array_get(array, 7), 2);
            assert_int_equal(json_is_string(value), fills[i] == 'x');
            assert_string_equal(json_string_value(json_array_get(json_array_get(array, COUNT - 1), 2)), "'literal'");
            json_decref(array);
        }
        json_t *array = join(&encoded, "binds");
        assert_int_equal(json_array_size(array), 1);
        json_decref(array);
    }
}

static void fits_a_line_when_everything_is_as_long_as_may_stand_in_it(void **state)
{
    enum { SIZE = 12000, LIST = 3900 };
    static const char fills[] = {'a', '"', '\x01', (char)0xff};
    static char text[SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof fills; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf list, binds;
        RG_AUTO(encoded_done) struct encoded encoded;
        rg_buf_init(&list, ROOM);
        rg_buf_init(&binds, ROOM);
        memset(text, fills[i], SIZE);
        struct rg_slice all = rg_slice_make(text, SIZE);
        size_t size = fills[i] == 'a' ? LIST : fills[i] == '"' ? LIST / 2 : LIST / 4 * 3 - 60;
        put_literal(&list, 0, rg_slice_cut(all, 0, size));
        assert_ok(audit_bind_put(&binds, AUDIT_BIND_TEXT, rg_slice_cut(all, 0, size)));
        encode(&(struct audit_event){.kind = AUDIT_STATEMENT,
                                     .user = all,
                                     .subject = all,
                                     .idp = all,
                                     .database = all,
                                     .client_address = all,
                                     .listener = all,
                                     .application_name = all,
                                     .upstream = all,
                                     .policy = all,
                                     .rule = all,
                                     .sqlstate = all,
                                     .message = all,
                                     .class_name = all,
                                     .sql = all,
                                     .sql_sent = all,
                                     .literals = rg_buf_slice(&list),
                                     .literals_sent = rg_buf_slice(&list),
                                     .binds = rg_buf_slice(&binds)},
               &encoded);
        assert_non_null(json_object_get(encoded.rg, "literals"));
        assert_non_null(json_object_get(encoded.rg, "binds"));
        print_message("%zu bytes of %d\n", encoded.longest, AUDIT_BODY_MAX);
        assert_true(encoded.longest <= AUDIT_BODY_MAX);
    }
}

static void tells_equal_texts_with_other_literals_apart(void **state)
{
    (void)state;
    struct audit_encoder *encoder = audit_encoder_new();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, ROOM);
    for (int i = 0; i < 4; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf list, bind;
        const char *values[] = {"'first-value'", "'other-value'"};
        rg_buf_init(&list, ROOM);
        rg_buf_init(&bind, ROOM);
        rg_buf_clear(&out);
        put_literal(&list, 7, rg_slice_of(values[i % 2]));
        assert_ok(audit_bind_put(&bind, AUDIT_BIND_TEXT, rg_slice_of(values[i / 2])));
        struct audit_event event = {.kind = AUDIT_STATEMENT,
                                    .sql = RG_SLICE("SELECT $1"),
                                    .literals = rg_buf_slice(&list),
                                    .binds = rg_buf_slice(&bind)};
        assert_ok(audit_encoder_put(encoder, &event, &out));
        assert_int_equal(memmem(out.bytes, rg_buf_size(&out), "'first-value'", 13) != NULL, i != 3);
        assert_int_equal(memmem(out.bytes, rg_buf_size(&out), "'other-value'", 13) != NULL, i != 0);
    }
    audit_encoder_free(&encoder);
}

static void refuses_lists_that_are_none_and_leaves_the_buffer(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf list, out, small;
    rg_buf_init(&list, ROOM);
    rg_buf_init(&out, ROOM);
    rg_buf_init(&small, AUDIT_BIND_HEAD + 2);
    put_literal(&list, 7, RG_SLICE("'x'"));
    assert_ok(rg_buf_put(&out, RG_SLICE("before")));
    for (size_t size = 1; size < rg_buf_size(&list); size++) {
        struct rg_slice cut = rg_slice_cut(rg_buf_slice(&list), 0, size);
        struct audit_event literals = {.kind = AUDIT_STATEMENT, .literals = cut};
        struct audit_event sent = {.kind = AUDIT_STATEMENT, .literals_sent = cut};
        assert_fails(RG_INTERNAL, audit_record_encode(&literals, &out));
        assert_fails(RG_INTERNAL, audit_record_encode(&sent, &out));
    }
    struct audit_event binds = {.kind = AUDIT_STATEMENT,
                                .binds = RG_SLICE("\x02\0\0\0\x04"
                                                  "abc")};
    assert_fails(RG_INTERNAL, audit_record_encode(&binds, &out));
    binds.binds = RG_SLICE("\x09\0\0\0\0");
    assert_fails(RG_INTERNAL, audit_record_encode(&binds, &out));
    binds.binds = RG_SLICE("\x02\0");
    assert_fails(RG_INTERNAL, audit_record_encode(&binds, &out));
    assert_slice(rg_buf_slice(&out), "before");
    assert_fails(RG_LIMIT, audit_bind_put(&small, AUDIT_BIND_TEXT, RG_SLICE("abc")));
    assert_int_equal(rg_buf_size(&small), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_literals_as_an_array),
        cmocka_unit_test(writes_every_kind_of_bind),
        cmocka_unit_test(goes_on_in_continuation_records_when_long),
        cmocka_unit_test(fits_a_line_when_everything_is_as_long_as_may_stand_in_it),
        cmocka_unit_test(tells_equal_texts_with_other_literals_apart),
        cmocka_unit_test(refuses_lists_that_are_none_and_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
