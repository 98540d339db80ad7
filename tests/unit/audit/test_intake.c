/* SPDX-License-Identifier: Apache-2.0 */
/* Between the two sides of the seam: an event that the encoder takes, whatever bytes clients put into it, is one that
 * the auditor takes and verify accepts. One that it did not take would cost a worker its channel. */
#include "audit/intake.h"

#include <stdio.h>
#include <stdlib.h>

#include "audit/line.h"
#include "tests/support/rg_test.h"

#define RG_TEST_OCSF                                                                                                   \
    "{\"metadata\":{\"version\":\"1.8.0\"},\"class_uid\":6005,\"category_uid\":6,\"activity_id\":1,"                   \
    "\"type_uid\":600501,\"severity_id\":1,\"time\":1}"

enum { ROUNDS = 1500, POOL = 256 * 1024, TEXTS = 15 };

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Bytes of one class in most of the pool's stretches: quotes, controls, UTF-8 whole and broken, surrogates' bytes. */
static void fill(char *pool, uint64_t *seed)
{
    static const char *const pieces[] = {
        "\"",   "\\", "\n",           "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xc3\xa9", "\xc3",         "\xff",
        "\x7f", "a",  "{\"kind\":\"", "\\u0000",      "\xef\xbf\xbf",     "'",        "\xe2\x80\xa8", "\x01",
        "$1",   "/*"};
    size_t at = 0;
    while (at + 16 < POOL) {
        uint64_t value = next_random(seed);
        const char *piece = pieces[value % (sizeof pieces / sizeof pieces[0])];
        size_t times = value >> 32 & 1 ? 1 + (value >> 33) % 3000 : 1 + (value >> 33) % 3;
        for (size_t i = 0; i < times && at + 16 < POOL; i++) {
            size_t size = value >> 20 & 1 ? strlen(piece) : 1;
            memcpy(pool + at, piece, size);
            at += size;
        }
        pool[at++] = (char)(value >> 40);
    }
}

static struct rg_slice pick(const char *pool, uint64_t *seed, size_t most)
{
    static const size_t limits[] = {0, 1, 8, 60, 300, 5000, 70000, 200000};
    uint64_t value = next_random(seed);
    size_t limit = limits[value % (sizeof limits / sizeof limits[0])];
    limit = limit > most ? most : limit;
    size_t size = limit == 0 ? 0 : (value >> 8) % limit;
    return rg_slice_make(pool + (value >> 32) % (POOL - size), size);
}

static void put_texts(struct audit_event *event, const char *pool, uint64_t *seed, struct rg_slice relations[8])
{
    struct rg_slice *const texts[TEXTS] = {&event->user,
                                           &event->subject,
                                           &event->idp,
                                           &event->client_address,
                                           &event->database,
                                           &event->listener,
                                           &event->application_name,
                                           &event->upstream,
                                           &event->policy,
                                           &event->rule,
                                           &event->sqlstate,
                                           &event->message,
                                           &event->class_name,
                                           &event->sql,
                                           &event->sql_sent};
    for (size_t i = 0; i < TEXTS; i++) {
        bool is_long = i >= TEXTS - 2 || next_random(seed) % 40 == 0;
        *texts[i] = pick(pool, seed, is_long ? SIZE_MAX : 300);
    }
    event->tenant = pick(pool, seed, 120);
    event->relation_count = next_random(seed) % 9;
    for (size_t i = 0; i < event->relation_count; i++) {
        relations[i] = pick(pool, seed, 200);
    }
    event->relations = relations;
}

static void check_line(const struct audit_message *message, bool is_first, enum audit_kind wanted)
{
    static const char boot[AUDIT_BOOT_SIZE + 1] = "00112233445566778899aabbccddeeff";
    struct audit_head head = {.seq = 5, .tenant = message->tenant, .boot = rg_slice_make(boot, AUDIT_BOOT_SIZE)};
    struct audit_head read = {0};
    enum audit_kind kind = AUDIT_NONE;
    RG_AUTO(rg_buf_done) struct rg_buf line;
    rg_buf_init(&line, (size_t)2 * AUDIT_LINE_MAX);
    assert_ok(audit_line_encode(&head, message, &line));
    struct rg_slice text = rg_slice_cut(rg_buf_slice(&line), 0, rg_buf_size(&line) - 1);
    assert_ok(audit_line_parse(text, &read));
    assert_ok(audit_line_check_json(text, &kind));
    assert_int_equal(kind, is_first ? wanted : AUDIT_NONE);
}

static void check(struct audit_json *json, const struct audit_event *event, struct rg_slice bytes, int round)
{
    struct audit_intake intake = {0};
    struct rg_slice taken = {0};
    rg_status status = audit_intake_next(&intake, json, bytes, &taken);
    if (!rg_is_ok(status)) {
        fail_msg("round %d: %s", round, status.error->text);
    }
    assert_int_equal(taken.size, bytes.size);
    for (bool is_first = true; taken.size > 0; is_first = false) {
        struct audit_message message = {0};
        assert_ok(audit_message_get_again(&taken, &message));
        check_line(&message, is_first, event->kind);
    }
}

static void takes_whatever_the_encoder_makes_of_hostile_bytes(void **state)
{
    (void)state;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    char *pool = malloc(POOL);
    assert_non_null(pool);
    struct audit_json *json = audit_json_new();
    struct audit_encoder *encoder = audit_encoder_new();
    size_t encoded = 0;
    for (int round = 0; round < ROUNDS; round++) {
        RG_AUTO(rg_buf_done) struct rg_buf bytes;
        rg_buf_init(&bytes, AUDIT_EVENT_MAX);
        struct rg_slice relations[8];
        if (round % 20 == 0) {
            fill(pool, &seed);
        }
        struct audit_event event = {.kind = (enum audit_kind)(AUDIT_LOGIN + next_random(&seed) % 6),
                                    .wall_us = (int64_t)(next_random(&seed) >> 4),
                                    .session_id = next_random(&seed),
                                    .statement_id = next_random(&seed),
                                    .verdict = (enum audit_verdict)(next_random(&seed) % 3),
                                    .phase = (enum audit_phase)(next_random(&seed) % 3),
                                    .client_port = (uint16_t)next_random(&seed),
                                    .is_break_glass = next_random(&seed) % 2 == 0,
                                    .rows = next_random(&seed) >> (next_random(&seed) % 64),
                                    .bytes = next_random(&seed) >> (next_random(&seed) % 64),
                                    .duration_us = next_random(&seed) >> (next_random(&seed) % 64)};
        put_texts(&event, pool, &seed, relations);
        if (rg_is_ok(audit_encoder_put(encoder, &event, &bytes))) {
            encoded++;
            check(json, &event, rg_buf_slice(&bytes), round);
        }
    }
    assert_true(encoded > ROUNDS / 2);
    audit_encoder_free(&encoder);
    audit_json_free(&json);
    free(pool);
}

/* ---- a tenant's own chain ---- */

static rg_status take_two_parts(const char *first_tenant, const char *second_tenant)
{
    static const struct rg_slice ocsf = {RG_TEST_OCSF, sizeof RG_TEST_OCSF - 1};
    const struct audit_message parts[] = {
        {.has_more = true,
         .tenant = rg_slice_of(first_tenant),
         .rg = RG_SLICE("{\"kind\":\"login\",\"part\":\"1/2\"}"),
         .ocsf = ocsf},
        {.tenant = rg_slice_of(second_tenant), .rg = RG_SLICE("{\"kind\":\"part\",\"part\":\"2/2\"}"), .ocsf = ocsf}};
    RG_AUTO(rg_buf_done) struct rg_buf bytes;
    rg_buf_init(&bytes, 4096);
    assert_ok(audit_message_encode(&parts[0], &bytes));
    assert_ok(audit_message_encode(&parts[1], &bytes));
    struct audit_json *json = audit_json_new();
    struct audit_intake intake = {0};
    struct rg_slice event = {0};
    rg_status status = audit_intake_next(&intake, json, rg_buf_slice(&bytes), &event);
    assert_int_equal(event.size, rg_is_ok(status) ? rg_buf_size(&bytes) : 0);
    audit_json_free(&json);
    return status;
}

static void refuses_an_event_of_two_tenants(void **state)
{
    (void)state;
    assert_ok(take_two_parts("acme", "acme"));
    assert_ok(take_two_parts("", ""));
    assert_ok(take_two_parts("a\\\"\\\\\\n\\u0001\\u00E9\\uD83D\\uDE00", "a\\\"\\\\\\n\\u0001\\u00E9\\uD83D\\uDE00"));
    assert_fails(RG_PROTOCOL, take_two_parts("acme", "globex"));
    assert_fails(RG_PROTOCOL, take_two_parts("acme", ""));
    assert_fails(RG_PROTOCOL, take_two_parts("", "acme"));
    assert_fails(RG_PROTOCOL, take_two_parts("\\u0061cme", "\\u0061cme"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_an_event_of_two_tenants),
        cmocka_unit_test(takes_whatever_the_encoder_makes_of_hostile_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
