/* SPDX-License-Identifier: Apache-2.0 */
/* The encoder with sealed values: what it never writes, whose key it writes with, and that the auditor takes it. */
#include "audit/sealer.h"

#include "audit/intake.h"
#include "audit/record.h"
#include "base/rg_literal.h"
#include "tests/support/rg_test.h"

#define CANARY "c4n4ry"
enum { LONG = 90000 };

static const struct rg_digest digest = {{1, 2, 3}};
static char long_text[LONG];

static struct audit_encoder *make(void)
{
    struct audit_encoder *encoder = audit_encoder_new();
    assert_ok(audit_encoder_seal(encoder, RG_SLICE("test/1")));
    return encoder;
}

static struct audit_event event_of(enum audit_kind kind, const char *tenant, const char *subject)
{
    return (struct audit_event){.kind = kind,
                                .wall_us = 1700000000000000,
                                .session_id = 7,
                                .statement_id = 8,
                                .tenant = rg_slice_of(tenant),
                                .user = RG_SLICE("user"),
                                .subject = rg_slice_of(subject),
                                .client_address = RG_SLICE("10.9.8.7"),
                                .verdict = AUDIT_ALLOWED,
                                .class_name = RG_SLICE("READ"),
                                .sql = RG_SLICE("SELECT $1"),
                                .sql_sha256 = &digest};
}

static void put(struct audit_encoder *encoder, const struct audit_event *event, struct rg_buf *out)
{
    rg_buf_clear(out);
    assert_ok(audit_encoder_put(encoder, event, out));
}

static bool contains(const struct rg_buf *out, const char *text)
{
    struct rg_slice bytes = rg_buf_slice(out);
    return memmem(bytes.data, bytes.size, text, strlen(text)) != NULL;
}

/* Behind the key's frame, which is for the auditor's store and never for the log. */
static struct rg_slice records_of(const struct rg_buf *out, struct audit_key_frame *out_frame)
{
    struct rg_slice bytes = rg_buf_slice(out);
    *out_frame = (struct audit_key_frame){0};
    if (audit_message_is_key(bytes)) {
        assert_ok(audit_message_get_key(&bytes, out_frame));
    }
    return bytes;
}

static void fill_personal(struct audit_event *event, size_t which, struct rg_buf *list, struct rg_buf *binds)
{
    struct rg_slice canary = RG_SLICE(CANARY);
    struct rg_slice long_canary = rg_slice_make(long_text, sizeof long_text);
    struct rg_slice value = which % 2 == 0 ? canary : long_canary;
    const struct rg_literal literal = {.at = 7, .size = 2, .text = value};
    struct rg_slice *const texts[] = {&event->user,           &event->subject,
                                      &event->client_address, &event->application_name,
                                      &event->message,        &event->database};
    rg_buf_clear(list);
    rg_buf_clear(binds);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = value;
    }
    if (event->kind == AUDIT_HTTP) { /* no action: the path is whatever somebody typed */
        event->path = value;
        event->query = value;
        event->reference = RG_SLICE("r-1");
        event->request_sha256 = &digest;
    }
    if (event->kind == AUDIT_STATEMENT) {
        assert_ok(rg_literal_put(list, &literal));
        assert_ok(audit_bind_put(binds, AUDIT_BIND_TEXT, value));
        assert_ok(audit_bind_put(binds, AUDIT_BIND_BINARY, value));
        event->literals = rg_buf_slice(list);
        event->literals_sent = rg_buf_slice(list);
        event->binds = rg_buf_slice(binds);
        event->sql = RG_SLICE("SELECT $1 /* " CANARY " */");
        event->sql_sent = RG_SLICE("SELECT $1 -- " CANARY);
    }
}

static void no_personal_field_of_any_kind_is_written_in_clear(void **state)
{
    (void)state;
    static const enum audit_kind kinds[] = {AUDIT_LOGIN, AUDIT_LOGIN_FAILED,   AUDIT_LOGOUT,    AUDIT_STATEMENT,
                                            AUDIT_HTTP,  AUDIT_SESSION_REVOKE, AUDIT_SQL_ORPHAN};
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_buf_done) struct rg_buf list;
    RG_AUTO(rg_buf_done) struct rg_buf binds;
    rg_buf_init(&out, SIZE_MAX / 2);
    rg_buf_init(&list, SIZE_MAX / 2);
    rg_buf_init(&binds, SIZE_MAX / 2);
    for (size_t i = 0; i + sizeof CANARY <= sizeof long_text; i += sizeof CANARY - 1) {
        memcpy(long_text + i, CANARY, sizeof CANARY - 1);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] * 4; i++) {
        struct audit_key_frame frame;
        struct audit_event event = event_of(kinds[i / 4], kinds[i / 4] == AUDIT_LOGIN_FAILED ? "" : "acme", "s");
        fill_personal(&event, i, &list, &binds);
        rg_buf_clear(&out);
        rg_status status = audit_encoder_put(encoder, &event, &out);
        assert_ok(status);
        struct rg_slice records = records_of(&out, &frame);
        if (memmem(records.data, records.size, CANARY, sizeof CANARY - 1) != NULL) {
            fail_msg("kind %s", audit_kind_name(event.kind));
        }
        assert_null(memmem(records.data, records.size, "YzRuNHJ5", 8)); /* as base64, in each of its three places */
        assert_null(memmem(records.data, records.size, "M0bjRye", 7));
        assert_null(memmem(records.data, records.size, "jNG40cn", 7));
        assert_non_null(memmem(records.data, records.size, "\"personal\":{\"key\":\"", 19));
    }
}

static void a_path_that_a_route_knows_stays_and_a_body_has_no_hash_to_guess(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    char hex[2 * RG_SHA256_SIZE + 1];
    struct audit_event event = event_of(AUDIT_HTTP, "acme", "alice");
    rg_buf_init(&out, SIZE_MAX / 2);
    rg_digest_hex(&digest, hex);
    event.path = RG_SLICE("/superset/dashboard/12/");
    event.action = RG_SLICE("dashboard.view");
    event.query = RG_SLICE("name=" CANARY);
    event.request_sha256 = &digest;
    put(encoder, &event, &out);
    assert_true(contains(&out, "/superset/dashboard/12/"));
    assert_false(contains(&out, CANARY));
    assert_false(contains(&out, hex));
    assert_true(contains(&out, "\"request_hmac\":\""));
    event.action = (struct rg_slice){0};
    put(encoder, &event, &out);
    assert_false(contains(&out, "/superset/dashboard/12/"));
}

static void the_auditor_takes_what_the_encoder_seals(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_buf_done) struct rg_buf list;
    RG_AUTO(rg_buf_done) struct rg_buf binds;
    struct audit_json *json = audit_json_new();
    rg_buf_init(&out, SIZE_MAX / 2);
    rg_buf_init(&list, SIZE_MAX / 2);
    rg_buf_init(&binds, SIZE_MAX / 2);
    for (size_t i = 0; i < 4; i++) {
        struct audit_intake intake = {0};
        struct rg_slice taken = {0};
        struct audit_event event = event_of(AUDIT_STATEMENT, "acme", "s");
        fill_personal(&event, i, &list, &binds);
        put(encoder, &event, &out);
        struct rg_slice whole = rg_buf_slice(&out);
        for (size_t size = 0; size < whole.size; size += whole.size / 40 + 1) { /* however it arrives */
            assert_ok(audit_intake_next(&intake, json, rg_slice_cut(whole, 0, size), &taken));
            assert_int_equal(taken.size, 0);
        }
        assert_ok(audit_intake_next(&intake, json, whole, &taken));
        assert_int_equal(taken.size, whole.size);
    }
    audit_json_free(&json);
}

static void a_key_goes_ahead_once_and_again_after_an_undo_or_an_erasure(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_key_frame frame, again, other;
    struct audit_event event = event_of(AUDIT_STATEMENT, "acme", "alice");
    rg_buf_init(&out, SIZE_MAX / 2);
    put(encoder, &event, &out);
    (void)records_of(&out, &frame);
    assert_slice(frame.subject, "alice");
    struct audit_key_id id = frame.key.id;
    audit_encoder_undo(encoder);
    put(encoder, &event, &out);
    (void)records_of(&out, &again);
    assert_true(audit_key_id_is_equal(&id, &again.key.id)); /* the auditor never had it */
    put(encoder, &event, &out);
    assert_false(audit_message_is_key(rg_buf_slice(&out)));
    struct rg_digest name = audit_subject_hash(RG_SLICE("globex"), RG_SLICE("alice"));
    audit_encoder_forget(encoder, &name);
    put(encoder, &event, &out);
    assert_false(audit_message_is_key(rg_buf_slice(&out))); /* another tenant's alice */
    name = audit_subject_hash(RG_SLICE("acme"), RG_SLICE("alice"));
    audit_encoder_forget(encoder, &name);
    put(encoder, &event, &out);
    (void)records_of(&out, &other);
    assert_slice(other.subject, "alice");
    assert_false(audit_key_id_is_equal(&id, &other.key.id));
}

static void a_full_queue_costs_no_key(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf small;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_key_frame frame;
    struct audit_event event = event_of(AUDIT_STATEMENT, "acme", "alice");
    rg_buf_init(&small, 200);
    rg_buf_init(&out, SIZE_MAX / 2);
    assert_fails(RG_LIMIT, audit_encoder_put(encoder, &event, &small));
    assert_int_equal(rg_buf_size(&small), 0);
    put(encoder, &event, &out);
    (void)records_of(&out, &frame);
    assert_slice(frame.subject, "alice");
}

/* The id stands in the record's piece of the session. */
static void find_key(const struct rg_buf *out, char id[AUDIT_KEY_ID_TEXT + 1])
{
    struct rg_slice bytes = rg_buf_slice(out);
    const char *at = memmem(bytes.data, bytes.size, "\"personal\":{\"key\":\"", 19);
    assert_non_null(at);
    memcpy(id, at + 19, AUDIT_KEY_ID_TEXT);
    id[AUDIT_KEY_ID_TEXT] = '\0';
}

static void no_records_ciphertext_is_of_another_subjects_key(void **state)
{
    (void)state;
    static const char *const subjects[] = {"alice", "bob", "Alice", "al\u00edce", "ali\u0301ce"};
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_buf_done) struct rg_buf list;
    char seen[5][AUDIT_KEY_ID_TEXT + 1];
    const struct rg_literal literal = {.at = 7, .size = 2, .text = RG_SLICE("'the same literal'")};
    rg_buf_init(&out, SIZE_MAX / 2);
    rg_buf_init(&list, 1024);
    assert_ok(rg_literal_put(&list, &literal));
    for (size_t i = 0; i < 25; i++) {
        char id[AUDIT_KEY_ID_TEXT + 1];
        struct audit_event event = event_of(AUDIT_STATEMENT, "acme", subjects[i % 5]);
        event.session_id = 7; /* the same slot of the pieces */
        event.literals = rg_buf_slice(&list);
        put(encoder, &event, &out);
        find_key(&out, id);
        if (i < 5) {
            memcpy(seen[i], id, sizeof id);
        }
        assert_string_equal(id, seen[i % 5]);
        for (size_t other = 0; other < 5 && other < i; other++) {
            assert_true((other == i % 5) == contains(&out, seen[other]));
        }
        assert_true(contains(&out, "\"sql_hmac\":\""));
        assert_false(contains(&out, "sql_sha256"));
    }
}

static void who_failed_to_log_in_shares_the_key_of_the_day(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_key_frame frame;
    struct audit_event event = event_of(AUDIT_LOGIN_FAILED, "", "mallory");
    rg_buf_init(&out, SIZE_MAX / 2);
    put(encoder, &event, &out);
    (void)records_of(&out, &frame);
    assert_slice(frame.subject, "unverified 2023-11-14");
    event.subject = RG_SLICE("another");
    put(encoder, &event, &out);
    assert_false(audit_message_is_key(rg_buf_slice(&out)));
    event.wall_us += (int64_t)86400 * 1000 * 1000;
    put(encoder, &event, &out);
    (void)records_of(&out, &frame);
    assert_slice(frame.subject, "unverified 2023-11-15");
}

static void a_name_that_is_too_long_is_known_by_its_hash(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_key_frame frame;
    struct audit_event event = event_of(AUDIT_STATEMENT, "acme", "");
    rg_buf_init(&out, SIZE_MAX / 2);
    event.subject = rg_slice_make(long_text, AUDIT_SUBJECT_MAX + 1);
    put(encoder, &event, &out);
    (void)records_of(&out, &frame);
    assert_true(rg_slice_has_prefix(frame.subject, RG_SLICE("sha256:")));
    assert_int_equal(frame.subject.size, 7 + 64);
}

static void records_without_a_person_are_as_before(void **state)
{
    (void)state;
    RG_AUTO(audit_encoder_free) struct audit_encoder *encoder = make();
    RG_AUTO(rg_buf_done) struct rg_buf sealed;
    RG_AUTO(rg_buf_done) struct rg_buf clear;
    const struct audit_event event = {.kind = AUDIT_POLICY_LOADED, .wall_us = 5, .policy = RG_SLICE("digest")};
    rg_buf_init(&sealed, SIZE_MAX / 2);
    rg_buf_init(&clear, SIZE_MAX / 2);
    put(encoder, &event, &sealed);
    assert_ok(audit_record_encode(&event, &clear));
    assert_true(rg_slice_is_equal(rg_buf_slice(&sealed), rg_buf_slice(&clear)));
}

static int64_t still_us(void *context)
{
    (void)context;
    return 0;
}

static void more_new_subjects_than_a_minute_may_have_are_refused(void **state)
{
    (void)state;
    const struct rg_clock clock = {.wall_us = still_us, .monotonic_us = still_us};
    RG_AUTO(audit_sealer_free) struct audit_sealer *sealer = NULL;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    struct audit_event sealed = {0};
    rg_buf_init(&out, SIZE_MAX / 2);
    assert_ok(audit_sealer_new(RG_SLICE("test/1"), &clock, &sealer));
    for (uint64_t i = 0; i <= AUDIT_SEALER_KEYS_A_MINUTE; i++) {
        struct audit_event event = {.kind = AUDIT_LOGIN, .subject = rg_slice_make(&i, sizeof i)};
        rg_buf_clear(&out);
        rg_status status = audit_sealer_event(sealer, &event, &out, &sealed);
        assert_int_equal(rg_is_ok(status), i < AUDIT_SEALER_KEYS_A_MINUTE);
    }
    assert_int_equal(rg_buf_size(&out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_personal_field_of_any_kind_is_written_in_clear),
        cmocka_unit_test(a_path_that_a_route_knows_stays_and_a_body_has_no_hash_to_guess),
        cmocka_unit_test(the_auditor_takes_what_the_encoder_seals),
        cmocka_unit_test(a_key_goes_ahead_once_and_again_after_an_undo_or_an_erasure),
        cmocka_unit_test(a_full_queue_costs_no_key),
        cmocka_unit_test(no_records_ciphertext_is_of_another_subjects_key),
        cmocka_unit_test(who_failed_to_log_in_shares_the_key_of_the_day),
        cmocka_unit_test(a_name_that_is_too_long_is_known_by_its_hash),
        cmocka_unit_test(records_without_a_person_are_as_before),
        cmocka_unit_test(more_new_subjects_than_a_minute_may_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
