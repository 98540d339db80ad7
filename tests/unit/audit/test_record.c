/* SPDX-License-Identifier: Apache-2.0 */
/* Events to messages: the OCSF shape, hostile texts, and texts too long for a line. */
#include "audit/record.h"

#include <jansson.h>
#include <stdlib.h>

#include "audit/message.h"
#include "tests/support/rg_test.h"

struct encoded {
    struct rg_buf buf;
    struct rg_slice cursor;
};

static void encode(const struct audit_event *event, struct encoded *out)
{
    rg_buf_init(&out->buf, SIZE_MAX / 2);
    assert_ok(audit_record_encode(event, &out->buf));
    out->cursor = rg_buf_slice(&out->buf);
}

static json_t *parse(struct rg_slice text)
{
    json_error_t error;
    json_t *value = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (value == NULL) {
        fail_msg("not JSON: %s", error.text);
    }
    return value;
}

static struct rg_slice string_at(json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return rg_slice_make(json_string_value(value), json_string_length(value));
}

static long long number_at(json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void shapes_a_statement_as_ocsf_6005(void **state)
{
    (void)state;
    const struct rg_slice relations[] = {RG_SLICE("t_acme.orders"), RG_SLICE("t_acme.\"odd \"\"name\"")};
    struct rg_digest digest = rg_sha256_one(RG_SLICE("SELECT 1"));
    struct audit_event event = {.kind = AUDIT_STATEMENT,
                                .wall_us = 1700000000123456,
                                .session_id = 42,
                                .statement_id = 3,
                                .tenant = RG_SLICE("acme"),
                                .user = RG_SLICE("alice"),
                                .subject = RG_SLICE("sub-1"),
                                .client_address = RG_SLICE("10.0.0.1"),
                                .client_port = 5555,
                                .database = RG_SLICE("analytics"),
                                .verdict = AUDIT_REWRITTEN,
                                .class_name = RG_SLICE("READ"),
                                .sql = RG_SLICE("SELECT 1"),
                                .sql_sha256 = &digest,
                                .relations = relations,
                                .relation_count = 2,
                                .rows = 5,
                                .duration_us = 77,
                                .reference = RG_SLICE("r-000000000000002a")};
    struct encoded encoded;
    struct audit_message message = {0};
    encode(&event, &encoded);
    assert_ok(audit_message_get(&encoded.cursor, &message));
    assert_false(message.has_more);
    assert_slice(message.tenant, "acme");
    json_t *ocsf = parse(message.ocsf);
    json_t *rg = parse(message.rg);
    assert_int_equal(number_at(ocsf, "class_uid"), 6005);
    assert_int_equal(number_at(ocsf, "category_uid"), 6);
    assert_int_equal(number_at(ocsf, "type_uid"), 600504);
    assert_int_equal(number_at(ocsf, "time"), 1700000000123);
    assert_int_equal(number_at(ocsf, "action_id"), 4);
    assert_slice(string_at(json_object_get(ocsf, "query_info"), "query_string"), "SELECT 1");
    assert_slice(string_at(json_object_get(json_object_get(ocsf, "actor"), "user"), "name"), "alice");
    assert_slice(string_at(json_object_get(ocsf, "metadata"), "correlation_uid"), "000000000000002a-0000000000000003");
    assert_slice(string_at(rg, "verdict"), "rewritten");
    assert_slice(string_at(rg, "phase"), "combined");
    assert_slice(string_at(rg, "reference"), "r-000000000000002a");
    assert_int_equal(number_at(rg, "rows"), 5);
    assert_int_equal(json_array_size(json_object_get(rg, "relations")), 2);
    json_decref(ocsf);
    json_decref(rg);
    rg_buf_done(&encoded.buf);
}

/* Statements of one session differ in it, when a pool's connection is opened anew; and nothing in it breaks the line.
 */
static void gives_each_statement_the_reference_of_its_request(void **state)
{
    (void)state;
    static const char *const references[] = {"", "r-1", "r-2", "r-\"},{\"x", "r-\xff"};
    struct audit_encoder *encoder = audit_encoder_new();
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf out;
        struct audit_message message = {0};
        const struct audit_event event = {.kind = AUDIT_STATEMENT,
                                          .session_id = 42,
                                          .tenant = RG_SLICE("acme"),
                                          .sql = RG_SLICE("SELECT 1"),
                                          .verdict = AUDIT_ALLOWED,
                                          .reference = rg_slice_of(references[i])};
        rg_buf_init(&out, SIZE_MAX / 2);
        assert_ok(audit_encoder_put(encoder, &event, &out));
        struct rg_slice cursor = rg_buf_slice(&out);
        assert_ok(audit_message_get(&cursor, &message));
        json_t *rg = parse(message.rg);
        const char *shown = i == 4 ? "r-\xef\xbf\xbd" : references[i];
        assert_slice(string_at(rg, "reference"), shown);
        json_decref(rg);
    }
    audit_encoder_free(&encoder);
}

static void gives_each_kind_its_class(void **state)
{
    (void)state;
    static const struct {
        enum audit_kind kind;
        long long type_uid;
        long long status_id;
    } rows[] = {
        {AUDIT_LOGIN, 300201, 1},          {AUDIT_LOGIN_FAILED, 300201, 2},       {AUDIT_LOGOUT, 300202, 1},
        {AUDIT_STATEMENT, 600599, 2},      {AUDIT_POLICY_LOADED, 300403, 1},      {AUDIT_POLICY_REFUSED, 300403, 2},
        {AUDIT_LOG_STARTED, 100806, 1},    {AUDIT_LOG_STOPPED, 100807, 1},        {AUDIT_LOG_RECOVERED, 100899, 1},
        {AUDIT_LOG_CHECKPOINT, 100899, 1}, {AUDIT_LOG_FAULT, 100899, 2},          {AUDIT_EPOCH_OPEN, 100899, 1},
        {AUDIT_KEY_ROTATE, 100899, 1},     {AUDIT_CLOCK_STEP, 100899, 1},         {AUDIT_DISK_STATE, 100899, 1},
        {AUDIT_PROCESS_DIED, 100899, 2},   {AUDIT_PROCESS_MISBEHAVED, 100899, 2}, {AUDIT_EXPORT_SEGMENT, 100804, 1},
        {AUDIT_EXPORT_STATE, 100899, 2},   {AUDIT_PEER_CKPT, 100899, 1},          {AUDIT_CLUSTER_MEMBERS, 100899, 1},
        {AUDIT_HOLD_PLACE, 100899, 1},     {AUDIT_HOLD_RELEASE, 100899, 1},       {AUDIT_RETENTION_PRUNE, 100802, 1},
        {AUDIT_PII_ERASE, 100899, 1},      {AUDIT_LOG_EXPORTED, 100803, 1},       {AUDIT_HTTP, 600199, 2},
        {AUDIT_SESSION_REVOKE, 300202, 1}, {AUDIT_CACHE_LEAK, 200401, 2},         {AUDIT_SQL_ORPHAN, 600599, 1},
        {AUDIT_CONSOLE, 600399, 2},
    };
    assert_int_equal(sizeof rows / sizeof rows[0], AUDIT_KIND_COUNT - 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct encoded encoded;
        struct audit_message message = {0};
        encode(&(struct audit_event){.kind = rows[i].kind}, &encoded);
        assert_ok(audit_message_get(&encoded.cursor, &message));
        json_t *ocsf = parse(message.ocsf);
        print_message("%s\n", audit_kind_name(rows[i].kind));
        assert_int_equal(number_at(ocsf, "type_uid"), rows[i].type_uid);
        assert_int_equal(number_at(ocsf, "status_id"), rows[i].status_id); /* a zero verdict is a denial */
        json_decref(ocsf);
        rg_buf_done(&encoded.buf);
    }
}

static void tells_of_the_logs_own_life(void **state)
{
    (void)state;
    struct rg_digest digest = {{0xab}};
    struct audit_event event = {.kind = AUDIT_RETENTION_PRUNE,
                                .object = RG_SLICE("raw/v1"),
                                .object_version = RG_SLICE("v7"),
                                .operator_name = RG_SLICE("olga\n"),
                                .about_tenant = RG_SLICE("acme"),
                                .about_subject = RG_SLICE("alice"),
                                .from_us = 5,
                                .until_us = 6,
                                .last_seq = 41,
                                .digest = &digest};
    struct encoded encoded;
    struct audit_message message = {0};
    encode(&event, &encoded);
    assert_ok(audit_message_get(&encoded.cursor, &message));
    assert_int_equal(message.tenant.size, 0); /* in nobody's chain */
    json_t *rg = parse(message.rg);
    assert_slice(string_at(rg, "object"), "raw/v1");
    assert_slice(string_at(rg, "object_version"), "v7");
    assert_slice(string_at(rg, "operator"), "olga\n");
    assert_slice(string_at(rg, "about_tenant"), "acme");
    assert_slice(string_at(rg, "about_subject"), "alice");
    assert_int_equal(number_at(rg, "from_us"), 5);
    assert_int_equal(number_at(rg, "until_us"), 6);
    assert_int_equal(number_at(rg, "first_seq"), 0);
    assert_int_equal(number_at(rg, "last_seq"), 41);
    assert_int_equal(string_at(rg, "digest").size, 64);
    json_decref(rg);
    rg_buf_done(&encoded.buf);
}

static void keeps_hostile_text_inside_its_string(void **state)
{
    (void)state;
    static const char hostile[] =
        "SELECT '\"}},\"unmapped\":{\"rg\":{\"seq\":\"0000000000000000\",\"prev\":\"x\"' \n\r\t\0"
        "{\"unmapped\":{\"rg\":{\"seq\":\"\x7f\\ \xe2\x80\xa8";
    struct rg_slice sql = rg_slice_make(hostile, sizeof hostile - 1);
    struct audit_event event = {
        .kind = AUDIT_STATEMENT, .sql = sql, .user = sql, .tenant = RG_SLICE("a\"b\\c\n"), .message = sql, .rule = sql};
    struct encoded encoded;
    struct audit_message message = {0};
    encode(&event, &encoded);
    assert_ok(audit_message_get(&encoded.cursor, &message));
    assert_null(memchr(message.ocsf.data, '\n', message.ocsf.size));
    assert_null(memchr(message.ocsf.data, '\0', message.ocsf.size));
    assert_slice(message.tenant, "a\\\"b\\\\c\\n");
    json_t *ocsf = parse(message.ocsf);
    json_t *rg = parse(message.rg);
    assert_true(rg_slice_is_equal(string_at(json_object_get(ocsf, "query_info"), "query_string"), sql));
    assert_true(rg_slice_is_equal(string_at(rg, "rule"), sql));
    assert_null(json_object_get(rg, "seq"));
    json_decref(ocsf);
    json_decref(rg);
    rg_buf_done(&encoded.buf);
}

static void keeps_invalid_utf8_as_base64(void **state)
{
    (void)state;
    struct audit_event event = {.kind = AUDIT_STATEMENT, .sql = RG_SLICE("SELECT '\xff\xfe'"), .tenant = RG_SLICE("t")};
    struct encoded encoded;
    struct audit_message message = {0};
    encode(&event, &encoded);
    assert_ok(audit_message_get(&encoded.cursor, &message));
    json_t *ocsf = parse(message.ocsf);
    json_t *rg = parse(message.rg);
    RG_AUTO(rg_arena_done) struct rg_arena arena;
    rg_arena_init(&arena, 4096);
    struct rg_slice sql = {0};
    assert_slice(string_at(json_object_get(ocsf, "query_info"), "query_string"), "SELECT '\xef\xbf\xbd\xef\xbf\xbd'");
    assert_ok(rg_base64_decode(string_at(rg, "sql_b64"), &arena, &sql));
    assert_true(rg_slice_is_equal(sql, event.sql));
    json_decref(ocsf);
    json_decref(rg);
    rg_buf_done(&encoded.buf);
}

/* Puts the pieces of one field together again, as an auditor would. */
static void join(struct encoded *encoded, const char *field, struct rg_buf *out, char out_sha256[65])
{
    struct audit_message message = {.has_more = true};
    for (size_t part = 1; message.has_more; part++) {
        char number[32];
        assert_ok(audit_message_get(&encoded->cursor, &message));
        json_t *rg = parse(message.rg);
        struct rg_slice place = string_at(rg, "part");
        (void)snprintf(number, sizeof number, "%zu/", part);
        assert_true(rg_slice_has_prefix(place, rg_slice_of(number)));
        if (rg_slice_is_equal(string_at(rg, "field"), rg_slice_of(field))) {
            RG_AUTO(rg_arena_done) struct rg_arena arena;
            rg_arena_init(&arena, 1 << 20);
            struct rg_slice piece = string_at(rg, "text");
            if (json_object_get(rg, "b64") != NULL) {
                assert_ok(rg_base64_decode(string_at(rg, "b64"), &arena, &piece));
            }
            assert_ok(rg_buf_put(out, piece));
            (void)snprintf(out_sha256, 65, "%s", json_string_value(json_object_get(rg, "sha256")));
        }
        json_decref(rg);
    }
    assert_int_equal(encoded->cursor.size, 0);
}

static void recovers_exactly(struct rg_slice sql)
{
    struct rg_digest digest = rg_sha256_one(sql);
    char hex[65];
    char found[65] = "";
    RG_AUTO(rg_buf_done) struct rg_buf joined;
    rg_buf_init(&joined, SIZE_MAX / 2);
    rg_digest_hex(&digest, hex);
    struct encoded encoded;
    encode(&(struct audit_event){.kind = AUDIT_STATEMENT, .sql = sql, .tenant = RG_SLICE("acme")}, &encoded);
    join(&encoded, "sql", &joined, found);
    assert_true(rg_slice_is_equal(rg_buf_slice(&joined), sql));
    assert_string_equal(found, hex);
    rg_buf_done(&encoded.buf);
}

static void recovers_a_mebibyte_of_sql_from_its_parts(void **state)
{
    (void)state;
    static const char *const fills[] = {"a",    "\"\\\n", "\x01", "\xc3\xa9", "\xe6\x97\xa5", "\xf0\x9f\x98\x80x",
                                        "\xff", "\0y"};
    enum { SIZE = 1 << 20 };
    char *sql = malloc(SIZE);
    for (size_t i = 0; i < sizeof fills / sizeof fills[0]; i++) {
        size_t period = fills[i][0] == '\0' ? 2 : strlen(fills[i]);
        for (size_t at = 0; at < SIZE; at++) {
            sql[at] = fills[i][at % period];
        }
        recovers_exactly(rg_slice_make(sql, SIZE / period * period));
        recovers_exactly(rg_slice_make(sql, (16 * 1024 / period + 1) * period));
        recovers_exactly(rg_slice_make(sql, SIZE)); /* cut inside a code point */
    }
    free(sql);
}

/* All texts at once, all as long and as costly to escape as can be: each record must still fit a line. */
static void fits_a_line_when_every_text_is_hostile(void **state)
{
    (void)state;
    enum { SIZE = 100000, NAMES = 3000 };
    static const char fills[] = {'\x01', '"', 'a', (char)0xff};
    char *text = malloc(SIZE);
    struct rg_slice *relations = malloc(NAMES * sizeof *relations);
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(text, fills[i], SIZE);
        struct rg_slice all = rg_slice_make(text, SIZE);
        for (size_t n = 0; n < NAMES; n++) {
            relations[n] = rg_slice_make(text, 63);
        }
        struct audit_event event = {.kind = AUDIT_STATEMENT,
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
                                    .relations = relations,
                                    .relation_count = NAMES};
        struct encoded encoded;
        RG_AUTO(rg_buf_done) struct rg_buf joined;
        rg_buf_init(&joined, SIZE_MAX / 2);
        char sha256[65] = "";
        encode(&event, &encoded);
        join(&encoded, "relations", &joined, sha256);
        assert_int_equal(rg_buf_size(&joined), NAMES * 64 - 1);
        rg_buf_done(&encoded.buf);
    }
    free(relations);
    free(text);
}

static void writes_records_of_every_size_whole(void **state)
{
    (void)state;
    char sql[2600]; /* the record's JSON passes the memory that it is first given */
    memset(sql, 's', sizeof sql);
    for (size_t size = 1; size <= sizeof sql; size += size < 1200 ? 97 : 1) {
        struct encoded encoded;
        struct audit_message message = {0};
        struct rg_slice text = rg_slice_make(sql, size);
        encode(
            &(struct audit_event){.kind = AUDIT_STATEMENT, .tenant = RG_SLICE("acme"), .sql = text, .sql_sent = text},
            &encoded);
        assert_ok(audit_message_get(&encoded.cursor, &message));
        assert_slice(message.tenant, "acme");
        json_t *rg = parse(message.rg);
        json_t *ocsf = parse(message.ocsf);
        assert_true(rg_slice_is_equal(string_at(json_object_get(ocsf, "query_info"), "query_string"), text));
        assert_true(rg_slice_is_equal(string_at(rg, "sql_sent"), text));
        json_decref(rg);
        json_decref(ocsf);
        rg_buf_done(&encoded.buf);
    }
}

static void refuses_an_event_without_kind_or_room_and_leaves_the_buffer(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 400);
    assert_ok(rg_buf_put(&out, RG_SLICE("before")));
    assert_fails(RG_INTERNAL, audit_record_encode(&(struct audit_event){0}, &out));
    assert_fails(RG_LIMIT, audit_record_encode(&(struct audit_event){.kind = AUDIT_STATEMENT,
                                                                     .sql = rg_slice_of("SELECT 1"),
                                                                     .message = RG_SLICE("a rather long message, "
                                                                                         "a rather long message"),
                                                                     .database = RG_SLICE("analytics and more of it")},
                                               &out));
    assert_fails(RG_INTERNAL,
                 audit_record_encode(&(struct audit_event){.kind = AUDIT_LOGIN, .tenant = RG_SLICE("\xff")}, &out));
    assert_slice(rg_buf_slice(&out), "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_a_statement_as_ocsf_6005),
        cmocka_unit_test(gives_each_statement_the_reference_of_its_request),
        cmocka_unit_test(gives_each_kind_its_class),
        cmocka_unit_test(tells_of_the_logs_own_life),
        cmocka_unit_test(keeps_hostile_text_inside_its_string),
        cmocka_unit_test(keeps_invalid_utf8_as_base64),
        cmocka_unit_test(recovers_a_mebibyte_of_sql_from_its_parts),
        cmocka_unit_test(fits_a_line_when_every_text_is_hostile),
        cmocka_unit_test(writes_records_of_every_size_whole),
        cmocka_unit_test(refuses_an_event_without_kind_or_room_and_leaves_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
