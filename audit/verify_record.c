/* SPDX-License-Identifier: Apache-2.0 */
/* One record behind its head: which kind it is, whether a decision waits for its outcome, what a control record says,
 * and whether the clocks go on as the writer's do. Statements are read at fixed positions, control records by jansson.
 */
#include <inttypes.h>
#include <stdlib.h>

#include <jansson.h>

#include "audit/verify_private.h"
#include "base/rg_memory.h"

static const struct {
    const char *name;
    enum verify_kind kind;
} control_kinds[] = {
    {"log.started", VERIFY_STARTED},       {"log.stopped", VERIFY_STOPPED},         {"log.recovered", VERIFY_RECOVERED},
    {"log.checkpoint", VERIFY_CHECKPOINT}, {"epoch.open", VERIFY_EPOCH_OPEN},       {"clock.step", VERIFY_CLOCK_STEP},
    {"log.fault", VERIFY_INCIDENT},        {"disk.state", VERIFY_INCIDENT},         {"key.rotate", VERIFY_INCIDENT},
    {"process.died", VERIFY_INCIDENT},     {"process.misbehaved", VERIFY_INCIDENT}, {"part", VERIFY_PART},
    {"hold.place", VERIFY_HOLD_PLACE},     {"hold.release", VERIFY_HOLD_RELEASE},   {"retention.prune", VERIFY_PRUNE},
};

enum verify_kind verify_kind_of(struct rg_slice rest, const char **out_name)
{
    static const struct rg_slice key = {"\"kind\":\"", 8};
    if (!rg_slice_has_prefix(rest, key)) {
        return VERIFY_UNKNOWN;
    }
    rest = rg_slice_cut(rest, key.size, 32);
    if (rg_slice_has_prefix(rest, RG_SLICE("statement\""))) {
        *out_name = "statement";
        return VERIFY_STATEMENT;
    }
    if (rg_slice_has_prefix(rest, RG_SLICE("http.request\""))) {
        *out_name = "http.request";
        return VERIFY_REQUEST;
    }
    const char *end = rest.size == 0 ? NULL : memchr(rest.data, '"', rest.size);
    struct rg_slice name = rg_slice_cut(rest, 0, end == NULL ? 0 : (size_t)(end - rest.data));
    for (size_t i = 0; i < sizeof control_kinds / sizeof control_kinds[0]; i++) {
        if (rg_slice_is_equal(name, rg_slice_of(control_kinds[i].name))) {
            *out_name = control_kinds[i].name;
            return control_kinds[i].kind;
        }
    }
    for (enum audit_kind known = AUDIT_LOGIN; known < AUDIT_KIND_COUNT; known++) {
        if (rg_slice_is_equal(name, rg_slice_of(audit_kind_name(known)))) {
            *out_name = audit_kind_name(known);
            return VERIFY_OTHER;
        }
    }
    return VERIFY_UNKNOWN;
}

static bool parse_hex(const char *text, struct rg_digest *out_digest)
{
    char again[2 * RG_SHA256_SIZE + 1];
    struct rg_digest digest;
    for (size_t i = 0; i < RG_SHA256_SIZE && strlen(text) == sizeof again - 1; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        digest.bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    rg_digest_hex(&digest, again);
    if (strcmp(again, text) != 0) {
        return false;
    }
    *out_digest = digest;
    return true;
}

static const char *find_problem(const json_t *rg, struct verify_event *event)
{
    const json_t *epoch = json_object_get(rg, "epoch");
    const json_t *root = json_object_get(rg, "heads_root");
    if (!json_is_integer(epoch) || json_integer_value(epoch) < 0) {
        return "\"epoch\" is missing";
    }
    event->epoch = (uint64_t)json_integer_value(epoch);
    if (event->kind == VERIFY_EPOCH_OPEN) {
        return event->epoch == 0 ? "epoch 0 is never opened" : NULL;
    }
    if (!json_is_string(root) || !parse_hex(json_string_value(root), &event->heads_root)) {
        return "\"heads_root\" is missing";
    }
    return NULL;
}

rg_status verify_control_parse(struct rg_slice line, struct verify_event *event)
{
    json_error_t error;
    json_t *record = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (record == NULL) {
        return rg_fail(RG_PROTOCOL, "not a JSON object: %s at column %d", error.text, error.position);
    }
    const char *problem = find_problem(json_object_get(json_object_get(record, "unmapped"), "rg"), event);
    json_decref(record);
    return problem == NULL ? RG_OK : rg_fail(RG_PROTOCOL, "%s: %s", event->name, problem);
}

/* ---- decisions and outcomes ---- */

#define STATEMENT_HEAD "\"kind\":\"statement\",\"session\":\""
#define STATEMENT_MIDDLE "\",\"statement\":\""

enum { STATEMENT_PHASE_AT = sizeof STATEMENT_HEAD - 1 + 16 + sizeof STATEMENT_MIDDLE - 1 + 16 + sizeof "\"," - 1 };

static bool get_text(struct rg_slice *cursor, struct rg_slice text)
{
    if (!rg_slice_has_prefix(*cursor, text)) {
        return false;
    }
    *cursor = rg_slice_cut(*cursor, text.size, SIZE_MAX);
    return true;
}

static bool get_hex(struct rg_slice *cursor, uint64_t *out_value)
{
    uint64_t value = 0;
    if (cursor->size < AUDIT_DIGITS) {
        return false;
    }
    for (size_t i = 0; i < AUDIT_DIGITS; i++) {
        char c = cursor->data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f')) {
            return false;
        }
        value = value << 4 | (uint64_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    *cursor = rg_slice_cut(*cursor, AUDIT_DIGITS, SIZE_MAX);
    *out_value = value;
    return true;
}

static void add_decided(struct verify_segment *segment, const struct verify_decision *decision, bool is_decision)
{
    if (is_decision) {
        verify_decisions_add(&segment->decisions, decision);
    } else if (!verify_decisions_take(&segment->decisions, decision->session, decision->statement)) {
        struct verify_decision *outcome = verify_list_add(&segment->outcomes, sizeof *outcome);
        *outcome = *decision;
    }
}

/* "kind":"statement","session":"<16>","statement":"<16>","phase":"<phase>": the writer's own order. Most are
 * "combined", decision and outcome in one. */
static void add_statement(struct verify_segment *segment, uint64_t seq, struct rg_slice rest)
{
    struct verify_decision decision = {.seq = seq};
    struct rg_slice phase = rg_slice_cut(rest, STATEMENT_PHASE_AT, SIZE_MAX);
    bool is_decision = rg_slice_has_prefix(phase, RG_SLICE("\"phase\":\"decision\""));
    if (!is_decision && !rg_slice_has_prefix(phase, RG_SLICE("\"phase\":\"outcome\""))) {
        return;
    }
    if (!get_text(&rest, RG_SLICE(STATEMENT_HEAD)) || !get_hex(&rest, &decision.session) ||
        !get_text(&rest, RG_SLICE(STATEMENT_MIDDLE)) || !get_hex(&rest, &decision.statement)) {
        return;
    }
    add_decided(segment, &decision, is_decision);
}

/* "kind":"http.request","session":"<16>","request":"<16>","phase":"<phase>"; the session is left out where there is
 * none. Requests and statements do not meet: a SQL session has a small number, the other a random one. */
static void add_request(struct verify_segment *segment, uint64_t seq, struct rg_slice rest)
{
    struct verify_decision decision = {.seq = seq};
    if (!get_text(&rest, RG_SLICE("\"kind\":\"http.request\",\""))) {
        return;
    }
    if (get_text(&rest, RG_SLICE("session\":\"")) &&
        (!get_hex(&rest, &decision.session) || !get_text(&rest, RG_SLICE("\",\"")))) {
        return;
    }
    if (!get_text(&rest, RG_SLICE("request\":\"")) || !get_hex(&rest, &decision.statement)) {
        return;
    }
    (void)get_text(&rest, RG_SLICE("\",\"break_glass\":true"));
    rest = rg_slice_cut(rest, 0, sizeof("\",\"phase\":\"decision\"") - 1);
    bool is_decision = memmem(rest.data, rest.size, "\"decision\"", sizeof("\"decision\"") - 1) != NULL;
    if (is_decision || memmem(rest.data, rest.size, "\"outcome\"", sizeof("\"outcome\"") - 1) != NULL) {
        add_decided(segment, &decision, is_decision);
    }
}

/* ---- control records ---- */

/* Each record that tells the epoch tells it for the segment's start too; they must agree. */
static rg_status add_epoch(struct verify_segment *segment, const struct verify_event *event)
{
    uint64_t opens = segment->opens_seen + (event->kind == VERIFY_EPOCH_OPEN ? 1 : 0);
    if (event->epoch < opens || (segment->has_epoch && event->epoch - opens != segment->first_epoch)) {
        return rg_fail(RG_PROTOCOL, "%s: the epoch is %" PRIu64 ", expected %" PRIu64, event->name, event->epoch,
                       segment->first_epoch + opens);
    }
    segment->first_epoch = event->epoch - opens;
    segment->has_epoch = true;
    segment->opens_seen = opens;
    return RG_OK;
}

static rg_status add_control(struct verify_segment *segment, struct verify_event *event, struct rg_slice line)
{
    if (event->kind == VERIFY_CHECKPOINT || event->kind == VERIFY_EPOCH_OPEN) {
        RG_TRY(verify_control_parse(line, event));
        RG_TRY(add_epoch(segment, event));
    }
    if (event->kind == VERIFY_CHECKPOINT) {
        segment->last_checkpoint = *event;
        segment->checkpoints_seen++;
        return RG_OK; /* one a second: the last is kept */
    }
    struct verify_event *kept = verify_list_add(&segment->events, sizeof *kept);
    *kept = *event;
    return RG_OK;
}

rg_status verify_record_add(struct verify_segment *segment, const struct audit_head *head, struct rg_slice line,
                            enum verify_kind kind, const char *name, uint64_t line_number)
{
    if (kind == VERIFY_STATEMENT) {
        add_statement(segment, head->seq, rg_slice_cut(line, head->size, SIZE_MAX));
        return RG_OK;
    }
    if (kind == VERIFY_REQUEST) {
        add_request(segment, head->seq, rg_slice_cut(line, head->size, SIZE_MAX));
        return RG_OK;
    }
    if (kind == VERIFY_OTHER || kind == VERIFY_PART) {
        return RG_OK;
    }
    if (kind == VERIFY_HOLD_PLACE || kind == VERIFY_HOLD_RELEASE || kind == VERIFY_PRUNE || kind == VERIFY_RECOVERED) {
        RG_TRY(verify_keep_add(segment, head, line, kind, line_number));
    }
    struct verify_event event = {.kind = kind,
                                 .name = name,
                                 .seq = head->seq,
                                 .line = line_number,
                                 .hlc_us = head->hlc_us,
                                 .mono_us = head->mono_us};
    memcpy(event.boot, head->boot.data, AUDIT_BOOT_SIZE);
    return add_control(segment, &event, line);
}

/* ---- clocks ---- */

/* Within a boot hlc goes on as mono_us does, whatever the wall clock is set to: a clock.step declares when that was. */
const char *verify_clock_check(struct verify_clock *clock, const struct audit_head *head, enum verify_kind kind)
{
    enum { TOLERANCE_US = 1500000 }; /* the writer declares from one second on */
    bool is_same_boot = memcmp(clock->boot, head->boot.data, AUDIT_BOOT_SIZE) == 0;
    int64_t drift = (head->hlc_us - clock->hlc_us) - (head->mono_us - clock->mono_us);
    if (head->hlc_us <= clock->hlc_us) {
        return "\"hlc\" does not rise";
    }
    if (!is_same_boot && kind != VERIFY_STARTED && kind != VERIFY_RECOVERED) {
        return "\"boot\" changes, and the record is neither log.recovered nor log.started";
    }
    if (is_same_boot && head->mono_us < clock->mono_us) {
        return "\"mono_us\" steps back within one boot";
    }
    if (is_same_boot && kind != VERIFY_CLOCK_STEP && drift > TOLERANCE_US) {
        return "the clock jumps ahead of the monotonic one, and no clock.step declares it";
    }
    if (is_same_boot && kind != VERIFY_CLOCK_STEP && drift < -TOLERANCE_US) {
        return "the clock falls behind the monotonic one, and no clock.step declares it";
    }
    clock->hlc_us = head->hlc_us;
    clock->mono_us = head->mono_us;
    memcpy(clock->boot, head->boot.data, AUDIT_BOOT_SIZE);
    return NULL;
}
