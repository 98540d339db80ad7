/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of record, in every phase and with every ruling, with each of its fields missing: always what the OCSF
 * schema (tests/ocsf) requires. And the check itself: it finds each attribute that is taken away. */
#include "tests/support/ocsf.h"

#include "audit/message.h"
#include "audit/record.h"

static struct ocsf ocsf;

static int load(void **state)
{
    (void)state;
    ocsf_init(&ocsf);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    ocsf_done(&ocsf);
    return 0;
}

static const struct rg_slice relations[] = {{"t_acme.orders", 13}, {"public.\"a b\"", 12}};
static struct rg_digest digest;

/* The fields of an event that can be missing. */
static const size_t slices[] = {
    offsetof(struct audit_event, tenant),        offsetof(struct audit_event, user),
    offsetof(struct audit_event, subject),       offsetof(struct audit_event, idp),
    offsetof(struct audit_event, database),      offsetof(struct audit_event, client_address),
    offsetof(struct audit_event, listener),      offsetof(struct audit_event, application_name),
    offsetof(struct audit_event, upstream),      offsetof(struct audit_event, policy),
    offsetof(struct audit_event, rule),          offsetof(struct audit_event, sqlstate),
    offsetof(struct audit_event, message),       offsetof(struct audit_event, class_name),
    offsetof(struct audit_event, sql),           offsetof(struct audit_event, sql_sent),
    offsetof(struct audit_event, object),        offsetof(struct audit_event, object_version),
    offsetof(struct audit_event, operator_name), offsetof(struct audit_event, about_tenant),
    offsetof(struct audit_event, about_subject), offsetof(struct audit_event, reference),
    offsetof(struct audit_event, method),        offsetof(struct audit_event, path),
    offsetof(struct audit_event, query),         offsetof(struct audit_event, action),
    offsetof(struct audit_event, guest),         offsetof(struct audit_event, digest_missing),
};
enum { SLICES = sizeof slices / sizeof slices[0] };

static struct rg_slice *slice_at(struct audit_event *event, size_t i)
{
    return (struct rg_slice *)(void *)((char *)event + slices[i]);
}

static struct audit_event full(enum audit_kind kind, struct rg_slice text)
{
    struct audit_event event = {.kind = kind,
                                .wall_us = 1700000000123456,
                                .session_id = 42,
                                .statement_id = 3,
                                .client_port = 5555,
                                .sql_sha256 = &digest,
                                .digest_before = &digest,
                                .digest_after = &digest,
                                .request_sha256 = &digest,
                                .status = 200,
                                .recovered_sha256 = &digest,
                                .heads_root = &digest,
                                .disk_state = "low",
                                .relations = relations,
                                .relation_count = 2};
    digest = rg_sha256_one(RG_SLICE("SELECT 1"));
    for (size_t i = 0; i < SLICES; i++) {
        *slice_at(&event, i) = text;
    }
    event.tenant = RG_SLICE("acme");
    return event;
}

/* The record as it will stand in the log, but for the auditor's head. */
static json_t *record_of(const struct audit_message *message)
{
    json_error_t error;
    json_t *rg = json_loadb(message->rg.data, message->rg.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    json_t *record =
        json_loadb(message->ocsf.data, message->ocsf.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    assert_non_null(rg);
    assert_non_null(record);
    assert_true(rg_slice_has_prefix(message->rg, RG_SLICE("{\"kind\":\"")));
    assert_int_equal(json_object_set_new(record, "unmapped", json_pack("{s:o}", "rg", rg)), 0);
    return record;
}

static size_t check_all(const struct audit_event *event, const char *about)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, SIZE_MAX / 2);
    assert_ok(audit_record_encode(event, &buf));
    struct rg_slice cursor = rg_buf_slice(&buf);
    size_t count = 0;
    for (; cursor.size > 0; count++) {
        struct audit_message message = {0};
        assert_ok(audit_message_get(&cursor, &message));
        json_t *record = record_of(&message);
        if (!ocsf_check(&ocsf, record)) {
            fail_msg("%s, %s, record %zu: %s\n%.*s", audit_kind_name(event->kind), about, count, ocsf.problem,
                     (int)message.ocsf.size, message.ocsf.data);
        }
        json_decref(record);
    }
    return count;
}

static void check_with_fields_missing(const struct audit_event *event)
{
    struct audit_event none = *event;
    for (size_t i = 0; i < SLICES; i++) {
        struct audit_event without = *event;
        struct audit_event only = {.kind = event->kind, .phase = event->phase, .verdict = event->verdict};
        *slice_at(&without, i) = (struct rg_slice){0};
        *slice_at(&only, i) = *slice_at(&none, i);
        (void)check_all(&without, "one field missing");
        (void)check_all(&only, "one field given");
    }
    for (size_t i = 0; i < SLICES; i++) {
        *slice_at(&none, i) = (struct rg_slice){0};
    }
    (void)check_all(event, "all fields");
    (void)check_all(&none, "no text");
    (void)check_all(&(struct audit_event){.kind = event->kind, .phase = event->phase, .verdict = event->verdict},
                    "nothing");
}

static void check_kind(enum audit_kind kind, enum audit_phase phase, enum audit_verdict verdict)
{
    static const struct rg_slice texts[] = {
        {"10.0.0.1", 8}, {"UPDATE", 6}, {"GET", 3}, {"READ", 4}, {"\"\n\xff\0\x01{", 6}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct audit_event event = full(kind, texts[i]);
        event.phase = phase;
        event.verdict = verdict;
        check_with_fields_missing(&event);
    }
}

static void every_record_has_what_its_class_requires(void **state)
{
    (void)state;
    for (enum audit_kind kind = AUDIT_LOGIN; kind < AUDIT_KIND_COUNT; kind++) {
        check_kind(kind, AUDIT_COMBINED, AUDIT_DENIED);
    }
    for (enum audit_phase phase = AUDIT_COMBINED; phase <= AUDIT_OUTCOME; phase++) {
        for (enum audit_verdict verdict = AUDIT_DENIED; verdict <= AUDIT_REWRITTEN; verdict++) {
            check_kind(AUDIT_STATEMENT, phase, verdict);
            check_kind(AUDIT_HTTP, phase, verdict);
        }
    }
}

static void continuation_records_have_it_too(void **state)
{
    (void)state;
    enum { SIZE = 20000 };
    static const char fills[] = {'a', '"', '\x01', (char)0xff};
    static char text[SIZE];
    for (enum audit_kind kind = AUDIT_LOGIN; kind < AUDIT_KIND_COUNT; kind++) {
        for (size_t i = 0; i < sizeof fills; i++) {
            memset(text, fills[i], SIZE);
            struct audit_event event = full(kind, rg_slice_make(text, SIZE));
            size_t count = check_all(&event, "long texts");
            assert_true(count > 1 || kind >= AUDIT_LOG_STARTED || kind == AUDIT_POLICY_LOADED);
        }
    }
}

static void check_uids(enum audit_kind kind)
{
    enum { SIZE = 200000, RECORDS = 64 };
    static char text[SIZE];
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, SIZE_MAX / 2);
    memset(text, 'a', SIZE);
    struct audit_event event = full(kind, rg_slice_make(text, SIZE));
    for (event.phase = AUDIT_DECISION; event.phase <= AUDIT_OUTCOME; event.phase++) {
        assert_ok(audit_record_encode(&event, &buf));
    }
    json_t *seen = json_object();
    size_t count = 0;
    for (struct rg_slice cursor = rg_buf_slice(&buf); cursor.size > 0; count++) {
        struct audit_message message = {0};
        assert_ok(audit_message_get(&cursor, &message));
        json_t *record = record_of(&message);
        json_t *metadata = json_object_get(record, "metadata");
        assert_string_equal(json_string_value(json_object_get(metadata, "correlation_uid")),
                            "000000000000002a-0000000000000003");
        (void)json_object_set_new(seen, json_string_value(json_object_get(metadata, "uid")), json_true());
        json_decref(record);
    }
    assert_true(count > 10);
    assert_int_equal(json_object_size(seen), count);
    json_decref(seen);
}

static void each_record_has_a_uid_of_its_own(void **state)
{
    (void)state;
    check_uids(AUDIT_STATEMENT);
    check_uids(AUDIT_HTTP);
}

static void requests_are_what_they_do(void **state)
{
    (void)state;
    static const struct {
        const char *class_name;
        json_int_t type_uid;
        json_int_t status_id;
        uint16_t status;
        enum audit_verdict verdict;
    } rows[] = {
        {"READ", 600102, 1, 200, AUDIT_ALLOWED},   {"SEARCH", 600105, 1, 200, AUDIT_ALLOWED},
        {"EXPORT", 600107, 1, 0, AUDIT_ALLOWED},   {"SHARE", 600108, 1, 399, AUDIT_ALLOWED},
        {"CREATE", 600301, 2, 400, AUDIT_ALLOWED}, {"UPDATE", 600303, 2, 503, AUDIT_ALLOWED},
        {"DELETE", 600304, 2, 0, AUDIT_DENIED},    {"IMPORT", 600399, 1, 201, AUDIT_ALLOWED},
        {"RUN", 600399, 1, 202, AUDIT_ALLOWED},    {"", 600199, 2, 403, AUDIT_DENIED},
        {"read", 600199, 1, 200, AUDIT_ALLOWED},   {"READ ", 600199, 1, 200, AUDIT_ALLOWED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        rg_buf_init(&buf, 100000);
        struct audit_message message = {0};
        struct audit_event event = {.kind = AUDIT_HTTP,
                                    .class_name = rg_slice_of(rows[i].class_name),
                                    .status = rows[i].status,
                                    .verdict = rows[i].verdict};
        assert_ok(audit_record_encode(&event, &buf));
        struct rg_slice cursor = rg_buf_slice(&buf);
        assert_ok(audit_message_get(&cursor, &message));
        json_t *record = record_of(&message);
        assert_true(ocsf_check(&ocsf, record));
        assert_int_equal(ocsf_number(record, "type_uid"), rows[i].type_uid);
        assert_int_equal(ocsf_number(record, "status_id"), rows[i].status_id);
        assert_int_equal(ocsf_number(json_object_get(record, "http_response"), "code"), rows[i].status);
        json_decref(record);
    }
}

static json_t *sample(void)
{
    RG_AUTO(rg_buf_done) struct rg_buf buf;
    rg_buf_init(&buf, 100000);
    struct audit_message message = {0};
    struct audit_event event = full(AUDIT_STATEMENT, RG_SLICE("10.0.0.1"));
    assert_ok(audit_record_encode(&event, &buf));
    struct rg_slice cursor = rg_buf_slice(&buf);
    assert_ok(audit_message_get(&cursor, &message));
    return record_of(&message);
}

static void refuse(json_t *record, const char *about)
{
    if (ocsf_check(&ocsf, record)) {
        fail_msg("the check does not see: %s", about);
    }
    json_decref(record);
}

static json_t *at(json_t *record, const char *key)
{
    json_t *value = json_object_get(record, key);
    assert_non_null(value);
    return value;
}

static void the_check_finds_each_attribute_that_is_gone(void **state)
{
    (void)state;
    static const char *const needed[] = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id",
                                         "time",        "type_uid",     "actor",     "database", "src_endpoint"};
    static const char *const nested[][2] = {
        {"metadata", "version"},        {"metadata", "product"}, {"database", "type_id"},
        {"database", "name"},           {"src_endpoint", "ip"},  {"actor", "user"},
        {"query_info", "query_string"}, {"query_info", "uid"},   {"policy", "uid"}};
    json_t *whole = sample();
    assert_true(ocsf_check(&ocsf, whole));
    json_decref(whole);
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
        json_t *record = sample();
        assert_int_equal(json_object_del(record, needed[i]), 0);
        refuse(record, needed[i]);
    }
    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        json_t *record = sample();
        assert_int_equal(json_object_del(at(record, nested[i][0]), nested[i][1]), 0);
        refuse(record, nested[i][1]);
    }
}

static void the_check_finds_wrong_values(void **state)
{
    (void)state;
    static const struct {
        const char *object; /* NULL: the record itself */
        const char *key;
        const char *json;
    } rows[] = {
        {NULL, "severity_id", "7"},
        {NULL, "status_id", "3"},
        {NULL, "action_id", "5"},
        {NULL, "disposition_id", "28"},
        {NULL, "activity_id", "11"},
        {NULL, "type_uid", "600505"},
        {NULL, "category_uid", "3"},
        {NULL, "class_uid", "6004"},
        {NULL, "time", "\"now\""},
        {NULL, "time", "-1"},
        {NULL, "colour", "1"},
        {NULL, "service", "{\"name\":\"x\"}"},
        {"metadata", "version", "\"1.0\""},
        {"metadata", "is_truncated", "true"},
        {"database", "type_id", "9"},
        {"src_endpoint", "ip", "\"1.2.3\""},
        {"src_endpoint", "port", "65536"},
        {"policy", "is_applied", "1"},
        {"metadata", "profiles", "[1]"},
        {"metadata", "product", "{\"version\":\"1\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *record = sample();
        json_t *object = rows[i].object == NULL ? record : at(record, rows[i].object);
        if (strcmp(rows[i].key, "profiles") == 0) {
            (void)json_object_del(object, "profiles"); /* then action_id is not an attribute any more */
        } else {
            assert_int_equal(json_object_set_new(object, rows[i].key, json_loads(rows[i].json, JSON_DECODE_ANY, NULL)),
                             0);
        }
        refuse(record, rows[i].key);
    }
}

static void takes_no_name_for_an_address(void **state)
{
    (void)state;
    static const struct {
        struct rg_slice address;
        const char *key;
    } rows[] = {
        {{"10.0.0.1", 8}, "ip"},       {{"::1", 3}, "ip"},
        {{"fe80::1%eth0", 12}, "ip"},  {{"::ffff:10.0.0.1", 15}, "ip"},
        {{"10.0.0", 6}, "name"},       {{"10.0.0.1\0", 9}, "name"},
        {{"10.0.0.256", 10}, "name"},  {{"/tmp/socket", 11}, "name"},
        {{"fe80::1%\xff", 9}, "name"}, {{"", 0}, "name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        RG_AUTO(rg_buf_done) struct rg_buf buf;
        rg_buf_init(&buf, 100000);
        struct audit_message message = {0};
        struct audit_event event = {.kind = AUDIT_LOGIN, .client_address = rows[i].address};
        assert_ok(audit_record_encode(&event, &buf));
        struct rg_slice cursor = rg_buf_slice(&buf);
        assert_ok(audit_message_get(&cursor, &message));
        json_t *record = record_of(&message);
        json_t *source = at(record, "src_endpoint");
        assert_int_equal(json_object_size(source), 1);
        assert_non_null(json_object_get(source, rows[i].key));
        json_decref(record);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_has_what_its_class_requires),
        cmocka_unit_test(continuation_records_have_it_too),
        cmocka_unit_test(each_record_has_a_uid_of_its_own),
        cmocka_unit_test(requests_are_what_they_do),
        cmocka_unit_test(the_check_finds_each_attribute_that_is_gone),
        cmocka_unit_test(the_check_finds_wrong_values),
        cmocka_unit_test(takes_no_name_for_an_address),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
