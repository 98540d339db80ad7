/* SPDX-License-Identifier: Apache-2.0 */
/* Kept pieces: whatever came before, a record has the bytes that it has when it is made anew. */
#include <jansson.h>
#include <stdlib.h>

#include "audit/message.h"
#include "audit/record.h"
#include "tests/support/rg_test.h"

/* The same stream on each run; what it breaks once it breaks always. */
static uint64_t seed = 1;

static size_t random_below(size_t limit)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(seed >> 33) % limit;
}

static const size_t slices[] = {
    offsetof(struct audit_event, tenant),   offsetof(struct audit_event, user),
    offsetof(struct audit_event, subject),  offsetof(struct audit_event, idp),
    offsetof(struct audit_event, database), offsetof(struct audit_event, client_address),
    offsetof(struct audit_event, listener), offsetof(struct audit_event, application_name),
    offsetof(struct audit_event, upstream), offsetof(struct audit_event, policy),
    offsetof(struct audit_event, rule),     offsetof(struct audit_event, sqlstate),
    offsetof(struct audit_event, message),  offsetof(struct audit_event, class_name),
    offsetof(struct audit_event, sql),      offsetof(struct audit_event, sql_sent),
    offsetof(struct audit_event, method),   offsetof(struct audit_event, path),
    offsetof(struct audit_event, query),    offsetof(struct audit_event, action),
    offsetof(struct audit_event, object),   offsetof(struct audit_event, reference),
    offsetof(struct audit_event, guest),    offsetof(struct audit_event, digest_missing),
};
/* What a statement does not show, and what a request does not. */
static const size_t of_requests[] = {
    offsetof(struct audit_event, method), offsetof(struct audit_event, path),
    offsetof(struct audit_event, query),  offsetof(struct audit_event, action),
    offsetof(struct audit_event, object), offsetof(struct audit_event, reference),
    offsetof(struct audit_event, guest),  offsetof(struct audit_event, digest_missing)};
static const size_t of_statements[] = {offsetof(struct audit_event, sql), offsetof(struct audit_event, sql_sent),
                                       offsetof(struct audit_event, database)};
enum { SLICES = sizeof slices / sizeof slices[0], LONG = 70000, RELATIONS = 40 };

static struct rg_slice *slice_at(struct audit_event *event, size_t i)
{
    return (struct rg_slice *)(void *)((char *)event + slices[i]);
}

static char long_text[LONG];
static struct rg_digest digests[3];
static struct rg_slice relations[2][RELATIONS];

static int prepare(void **state)
{
    (void)state;
    memset(long_text, 'l', sizeof long_text);
    for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
        digests[i] = rg_sha256_one(rg_slice_make(&i, sizeof i));
    }
    for (size_t i = 0; i < RELATIONS; i++) {
        relations[0][i] = RG_SLICE("t_acme.orders");
        relations[1][i] = i == 1 ? RG_SLICE("t_acme.\xff\"") : RG_SLICE("t_acme.orders");
    }
    return 0;
}

/* Few values, so that pieces are found again; near ones, so that a forgotten field shows. */
static struct rg_slice random_text(void)
{
    static const struct rg_slice texts[] = {{"", 0},
                                            {"a", 1},
                                            {"b", 1},
                                            {"ab", 2},
                                            {"a\0", 2},
                                            {"\0", 1},
                                            {"\"\\\n\x01", 4},
                                            {"\xff\xfe", 2},
                                            {"10.0.0.1", 8},
                                            {"10.0.0.2", 8},
                                            {"\xf0\x9f\x98\x80", 4},
                                            {"READ", 4},
                                            {"WRITE", 5},
                                            {"SELECT 1", 8},
                                            {"SELECT 2", 8}};
    size_t count = sizeof texts / sizeof texts[0];
    size_t i = random_below(count + 1);
    size_t size = random_below(4) == 0 ? LONG : 600 + random_below(9000);
    return i < count ? texts[i] : rg_slice_make(long_text, size);
}

static void change(struct audit_event *event)
{
    size_t i = random_below(SLICES + 12);
    if (i < SLICES) {
        struct rg_slice text = random_text();
        bool is_tenant = slices[i] == offsetof(struct audit_event, tenant);
        *slice_at(event, i) = is_tenant && (text.size > 100 || text.data[0] == '\xff') ? RG_SLICE("t") : text;
        return;
    }
    switch (i - SLICES) {
    case 0:
        event->session_id = random_below(3) * 1024 + random_below(2);
        break; /* two slots */
    case 1:
        event->client_port = (uint16_t)random_below(3);
        break;
    case 2:
        event->verdict = (enum audit_verdict)random_below(3);
        break;
    case 3:
        event->phase = (enum audit_phase)random_below(3);
        break;
    case 4:
        event->sql_sha256 = random_below(2) == 0 ? NULL : &digests[random_below(3)];
        break;
    case 5:
        event->relations = relations[random_below(2)];
        break;
    case 6:
        event->relation_count = random_below(4) == 0 ? random_below(RELATIONS) : random_below(3);
        break;
    case 7:
        event->rows = random_below(2) == 0 ? random_below(100) : UINT64_MAX;
        break;
    case 8:
        event->statement_id++;
        break;
    case 9:
        event->status = (uint16_t)(random_below(3) * 200);
        break;
    case 10:
        event->digest_before = random_below(2) == 0 ? NULL : &digests[random_below(3)];
        event->digest_after = random_below(2) == 0 ? NULL : &digests[random_below(3)];
        event->request_sha256 = random_below(2) == 0 ? NULL : &digests[random_below(3)];
        break;
    default:
        event->wall_us += (int64_t)random_below(1000000);
        break;
    }
}

static void check_json(struct rg_slice text, const char *key)
{
    json_error_t error;
    json_t *value = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (value == NULL) {
        fail_msg("%s: %.*s", error.text, (int)text.size, text.data);
    }
    assert_non_null(json_object_get(value, key));
    json_decref(value);
}

static void check_frames(struct rg_slice cursor)
{
    while (cursor.size > 0) {
        struct audit_message message = {0};
        assert_ok(audit_message_get(&cursor, &message));
        assert_true(rg_slice_has_prefix(message.rg, RG_SLICE("{\"kind\":\"")));
        check_json(message.rg, "kind");
        check_json(message.ocsf, "metadata");
    }
}

static void gives_the_bytes_of_a_record_made_anew(void **state)
{
    (void)state;
    enum { EVENTS = 4000 };
    RG_AUTO(rg_buf_done) struct rg_buf kept;
    RG_AUTO(rg_buf_done) struct rg_buf anew;
    rg_buf_init(&kept, SIZE_MAX / 2);
    rg_buf_init(&anew, SIZE_MAX / 2);
    struct audit_encoder *encoder = audit_encoder_new();
    struct audit_event event = {
        .kind = AUDIT_STATEMENT, .tenant = RG_SLICE("t"), .session_id = 1, .relations = relations[0]};
    for (size_t i = 0; i < EVENTS; i++) {
        struct audit_event other = event;
        change(&event);
        event.kind = random_below(8) == 0 ? AUDIT_LOGIN + (enum audit_kind)random_below(AUDIT_KIND_COUNT - 1)
                                          : (random_below(2) == 0 ? AUDIT_STATEMENT : AUDIT_HTTP);
        rg_buf_clear(&kept);
        rg_buf_clear(&anew);
        assert_ok(audit_encoder_put(encoder, &event, &kept));
        assert_ok(audit_record_encode(&event, &anew));
        if (!rg_slice_is_equal(rg_buf_slice(&kept), rg_buf_slice(&anew))) {
            fail_msg("event %zu differs:\n%.*s\n%.*s", i, (int)rg_buf_size(&kept), kept.bytes, (int)rg_buf_size(&anew),
                     anew.bytes);
        }
        check_frames(rg_buf_slice(&kept));
        event = random_below(3) == 0 ? other : event; /* and back to what was before */
    }
    audit_encoder_free(&encoder);
    assert_null(encoder);
    audit_encoder_free(&encoder);
}

static bool is_in(size_t field, const size_t *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (fields[i] == field) {
            return true;
        }
    }
    return false;
}

static void check_each_field(enum audit_kind kind, const size_t *hidden, size_t hidden_count)
{
    RG_AUTO(rg_buf_done) struct rg_buf first;
    RG_AUTO(rg_buf_done) struct rg_buf second;
    rg_buf_init(&first, SIZE_MAX / 2);
    rg_buf_init(&second, SIZE_MAX / 2);
    struct audit_encoder *encoder = audit_encoder_new();
    for (size_t i = 0; i < SLICES; i++) {
        struct audit_event event = {.kind = kind, .session_id = 1};
        if (is_in(slices[i], hidden, hidden_count)) {
            continue;
        }
        for (size_t j = 0; j < SLICES; j++) {
            *slice_at(&event, j) = RG_SLICE("value");
        }
        rg_buf_clear(&first);
        rg_buf_clear(&second);
        assert_ok(audit_encoder_put(encoder, &event, &first));
        *slice_at(&event, i) = RG_SLICE("VALUE");
        assert_ok(audit_encoder_put(encoder, &event, &second));
        assert_false(rg_slice_is_equal(rg_buf_slice(&first), rg_buf_slice(&second)));
        assert_non_null(memmem(second.bytes, rg_buf_size(&second), "VALUE", 5));
    }
    audit_encoder_free(&encoder);
}

/* Each field of an event shows in its record, so each has to count when a piece is looked for. */
static void shows_each_field_that_changed(void **state)
{
    (void)state;
    check_each_field(AUDIT_STATEMENT, of_requests, sizeof of_requests / sizeof of_requests[0]);
    check_each_field(AUDIT_HTTP, of_statements, sizeof of_statements / sizeof of_statements[0]);
}

static size_t allocations;

static void *count_malloc(size_t size)
{
    allocations++;
    return malloc(size);
}

static void makes_no_json_for_a_statement_it_knows(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 100000);
    struct audit_encoder *encoder = audit_encoder_new();
    struct audit_event event = {.kind = AUDIT_STATEMENT,
                                .tenant = RG_SLICE("acme"),
                                .session_id = 9,
                                .user = RG_SLICE("alice"),
                                .relations = relations[0],
                                .relation_count = 3,
                                .sql = RG_SLICE("SELECT '\xc3\xa9'"),
                                .verdict = AUDIT_ALLOWED};
    json_malloc_t old_malloc = NULL;
    json_free_t old_free = NULL;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(count_malloc, free);
    for (size_t i = 0; i < 100; i++) {
        event.statement_id = i;
        event.rows = i;
        event.wall_us = (int64_t)i;
        rg_buf_clear(&out);
        assert_ok(audit_encoder_put(encoder, &event, &out));
        assert_true(i > 0 || allocations > 0); /* the first is made */
        allocations = i == 0 ? 0 : allocations;
    }
    const char *place = out.bytes;
    assert_int_equal(allocations, 0);
    rg_buf_clear(&out);
    assert_ok(audit_encoder_put(encoder, &event, &out));
    assert_ptr_equal(out.bytes, place);
    json_set_alloc_funcs(old_malloc, old_free);
    audit_encoder_free(&encoder);
}

static void makes_no_json_for_a_request_it_knows(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    rg_buf_init(&out, 100000);
    struct audit_encoder *encoder = audit_encoder_new();
    struct audit_event event = {.kind = AUDIT_HTTP,
                                .tenant = RG_SLICE("acme"),
                                .session_id = 0xfeedfacecafef00d,
                                .user = RG_SLICE("alice"),
                                .class_name = RG_SLICE("READ"),
                                .method = RG_SLICE("GET"),
                                .path = RG_SLICE("/superset/dashboard/12/"),
                                .query = RG_SLICE("native_filters_key=\"x\""),
                                .action = RG_SLICE("dashboard.view"),
                                .object = RG_SLICE("dashboard/12"),
                                .reference = RG_SLICE("r-0123456789abcdef"),
                                .status = 200,
                                .verdict = AUDIT_ALLOWED};
    json_malloc_t old_malloc = NULL;
    json_free_t old_free = NULL;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(count_malloc, free);
    for (size_t i = 0; i < 100; i++) {
        event.statement_id = i;
        event.bytes = i;
        event.status = (uint16_t)(200 + i);
        event.wall_us = (int64_t)i;
        rg_buf_clear(&out);
        assert_ok(audit_encoder_put(encoder, &event, &out));
        assert_true(i > 0 || allocations > 0); /* the first is made */
        allocations = i == 0 ? 0 : allocations;
    }
    const char *place = out.bytes;
    assert_int_equal(allocations, 0);
    rg_buf_clear(&out);
    assert_ok(audit_encoder_put(encoder, &event, &out));
    assert_ptr_equal(out.bytes, place);
    json_set_alloc_funcs(old_malloc, old_free);
    audit_encoder_free(&encoder);
}

static void refuses_and_goes_on(void **state)
{
    (void)state;
    RG_AUTO(rg_buf_done) struct rg_buf out;
    RG_AUTO(rg_buf_done) struct rg_buf anew;
    rg_buf_init(&out, 3000);
    rg_buf_init(&anew, 3000);
    struct audit_encoder *encoder = audit_encoder_new();
    struct audit_event good = {.kind = AUDIT_STATEMENT, .tenant = RG_SLICE("acme"), .sql = RG_SLICE("SELECT 1")};
    struct audit_event bad = good;
    struct audit_event large = good;
    bad.tenant = RG_SLICE("\xff");
    large.sql = rg_slice_make(long_text, LONG);
    assert_ok(rg_buf_put(&out, RG_SLICE("before")));
    assert_fails(RG_INTERNAL, audit_encoder_put(encoder, &(struct audit_event){0}, &out));
    assert_fails(RG_INTERNAL, audit_encoder_put(encoder, &bad, &out));
    assert_fails(RG_LIMIT, audit_encoder_put(encoder, &large, &out));
    assert_slice(rg_buf_slice(&out), "before");
    rg_buf_clear(&out);
    assert_ok(audit_encoder_put(encoder, &good, &out));
    assert_ok(audit_record_encode(&good, &anew));
    assert_true(rg_slice_is_equal(rg_buf_slice(&out), rg_buf_slice(&anew)));
    audit_encoder_free(&encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_bytes_of_a_record_made_anew),
        cmocka_unit_test(shows_each_field_that_changed),
        cmocka_unit_test(makes_no_json_for_a_statement_it_knows),
        cmocka_unit_test(makes_no_json_for_a_request_it_knows),
        cmocka_unit_test(refuses_and_goes_on),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
