/* SPDX-License-Identifier: Apache-2.0 */
/* The auditor's look at what clients send, before anything of it gets a number: frames, whose record it is, JSON that
 * says one thing only, the parts of an event complete and in order. Called by channel.c; fuzzed as a whole. */
#include "audit/intake.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

/* Keys that the auditor puts before the client's (audit/line.c). */
static const char head_members[] = "\"seq\":0,\"prev\":0,\"tenant\":0,\"tseq\":0,\"tprev\":0,\"hlc\":0,\"boot\":0,"
                                   "\"mono_us\":0,";
static const char line_members[] = "\"unmapped\":0,";

/* Anything else is the auditor's own, another source's, or none of ours. Up to AUDIT_NONE. */
static const enum audit_kind source_kinds[AUDIT_SOURCE_COUNT][16] = {
    [AUDIT_SOURCE_GATEWAY] = {AUDIT_STATEMENT, AUDIT_LOGIN, AUDIT_LOGIN_FAILED, AUDIT_LOGOUT, AUDIT_POLICY_LOADED,
                              AUDIT_POLICY_REFUSED, AUDIT_HTTP, AUDIT_CACHE_LEAK, AUDIT_SESSION_REVOKE, AUDIT_CONSOLE,
                              AUDIT_SQL_ORPHAN},
    [AUDIT_SOURCE_EXPORTER] = {AUDIT_EXPORT_SEGMENT, AUDIT_EXPORT_STATE, AUDIT_PEER_CKPT, AUDIT_CLUSTER_MEMBERS},
};

/* {"kind":"<name>" is how every record begins. */
static bool has_kind(struct rg_slice rg, struct rg_slice name)
{
    static const struct rg_slice start = {"{\"kind\":\"", sizeof("{\"kind\":\"") - 1};
    struct rg_slice rest = rg_slice_cut(rg, start.size, SIZE_MAX);
    return rg_slice_has_prefix(rg, start) && rg_slice_has_prefix(rest, name) && rest.size > name.size &&
           rest.data[name.size] == '"';
}

static bool has_source_kind(enum audit_source source, struct rg_slice rg)
{
    const enum audit_kind *kinds = source_kinds[source];
    for (size_t i = 0; kinds[i] != AUDIT_NONE; i++) {
        if (has_kind(rg, rg_slice_of(audit_kind_name(kinds[i])))) {
            return true;
        }
    }
    return false;
}

static rg_status check_part(const struct audit_intake *intake, const struct audit_json *json, bool has_more,
                            uint64_t *out_count)
{
    uint64_t number = intake->scanned_parts + 1;
    struct rg_slice text = {0};
    if (number == 1 && !has_more) {
        return audit_json_has(json, "part") ? rg_fail(RG_PROTOCOL, "a single record that says it is a part") : RG_OK;
    }
    char expected[48];
    if (!audit_json_string(json, "part", &text.data, &text.size)) {
        return rg_fail(RG_PROTOCOL, "a part that does not say which one");
    }
    uint64_t count = intake->part_count;
    if (number == 1) {
        struct rg_slice digits = rg_slice_cut(text, 2, SIZE_MAX);
        count = 0;
        for (size_t i = 0; i < digits.size && count <= AUDIT_PARTS_MAX; i++) {
            count = count * 10 + (uint64_t)(unsigned char)(digits.data[i] - '0');
        }
    }
    (void)snprintf(expected, sizeof expected, "%" PRIu64 "/%" PRIu64, number, count);
    if (count > AUDIT_PARTS_MAX || (number == count) == has_more || !rg_slice_is_equal(text, rg_slice_of(expected))) {
        return rg_fail(RG_PROTOCOL, "a part out of order");
    }
    *out_count = count;
    return RG_OK;
}

/* What audit_line_check_json asks of each line. */
static bool has_ocsf_keys(const struct audit_json *json)
{
    static const char *const numbers[] = {"class_uid", "category_uid", "activity_id",
                                          "type_uid",  "severity_id",  "time"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!audit_json_is_integer(json, numbers[i])) {
            return false;
        }
    }
    return audit_json_is_object(json, "metadata");
}

static rg_status check_json(struct audit_json *json, const char *members, struct rg_slice text)
{
    const char *problem = audit_json_check(json, members, text.data, text.size);
    return problem == NULL ? RG_OK : rg_fail(RG_PROTOCOL, "a record that is not strict JSON: %s", problem);
}

/* As the encoder writes it: "\u0061cme" would be a second chain of the tenant "acme". */
static bool is_canonical(const struct audit_json *json, struct rg_slice tenant)
{
    char again[AUDIT_TENANT_MAX + 2];
    struct rg_slice text = {0};
    if (memchr(tenant.data, '\\', tenant.size) == NULL) {
        return true;
    }
    json_t *value =
        audit_json_string(json, "tenant", &text.data, &text.size) ? json_stringn(text.data, text.size) : NULL;
    size_t size = value == NULL ? 0 : json_dumpb(value, again, sizeof again, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    json_decref(value);
    return size == tenant.size + 2 && rg_slice_is_equal(rg_slice_make(again + 1, tenant.size), tenant);
}

/* Letters, digits and a few signs: no JSON can make anything else of it. */
static bool is_simple(struct rg_slice tenant)
{
    for (size_t i = 0; i < tenant.size; i++) {
        char c = tenant.data[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
            c != '.') {
            return false;
        }
    }
    return true;
}

static rg_status check_tenant(struct audit_json *json, struct rg_slice tenant)
{
    char text[AUDIT_TENANT_MAX + 16];
    if (is_simple(tenant)) { /* and where there is none */
        return RG_OK;
    }
    int size = snprintf(text, sizeof text, "{\"tenant\":\"%.*s\"}", (int)tenant.size, tenant.data);
    RG_TRY(check_json(json, "", rg_slice_make(text, (size_t)size)));
    return is_canonical(json, tenant) ? RG_OK : rg_fail(RG_PROTOCOL, "a tenant in another spelling than the encoder's");
}

/* The records of one event are one tenant's: it reads its own chain as a whole. */
static rg_status check_event_tenant(const struct audit_intake *intake, struct rg_slice bytes, struct rg_slice tenant)
{
    struct rg_slice first = rg_slice_cut(bytes, intake->key_bytes, SIZE_MAX);
    struct audit_message message = {0};
    if (intake->scanned_parts == 0) {
        return RG_OK;
    }
    RG_TRY(audit_message_get_again(&first, &message));
    return rg_slice_is_equal(message.tenant, tenant) ? RG_OK : rg_fail(RG_PROTOCOL, "a part of another tenant");
}

static rg_status check_message(struct audit_intake *intake, struct audit_json *json,
                               const struct audit_message *message)
{
    bool is_first = intake->scanned_parts == 0;
    uint64_t count = 0;
    if (is_first ? !has_source_kind(intake->source, message->rg) : !has_kind(message->rg, RG_SLICE("part"))) {
        return rg_fail(RG_PROTOCOL, "a record of a kind that is not the client's to write");
    }
    RG_TRY(check_tenant(json, message->tenant));
    RG_TRY(check_json(json, head_members, message->rg));
    RG_TRY(check_part(intake, json, message->has_more, &count));
    RG_TRY(check_json(json, line_members, message->ocsf));
    if (!has_ocsf_keys(json)) {
        return rg_fail(RG_PROTOCOL, "a record without an OCSF key that every record has");
    }
    intake->part_count = count;
    intake->scanned_parts++;
    return RG_OK;
}

/* Looked at here, so that nothing of an event is used before all of it is sound. */
static rg_status check_key(struct rg_slice *rest)
{
    struct audit_key_frame frame = {0};
    RG_TRY(audit_message_get_key(rest, &frame));
    rg_wipe(&frame, sizeof frame);
    return RG_OK;
}

rg_status audit_intake_next(struct audit_intake *intake, struct audit_json *json, struct rg_slice bytes,
                            struct rg_slice *out_event)
{
    struct rg_slice rest = rg_slice_cut(bytes, intake->scanned_bytes, SIZE_MAX);
    size_t frame_size = 0;
    while (true) {
        RG_TRY(audit_message_peek_size(rest, &frame_size));
        if (frame_size > AUDIT_EVENT_MAX - intake->scanned_bytes) {
            return rg_fail(RG_PROTOCOL, "an event of more than %d bytes", AUDIT_EVENT_MAX);
        }
        if (frame_size == 0 || frame_size > rest.size) {
            *out_event = rg_slice_cut(bytes, 0, 0);
            return RG_OK;
        }
        if (intake->scanned_bytes == 0 && audit_message_is_key(rest)) {
            RG_TRY(check_key(&rest));
            intake->key_bytes = frame_size;
            intake->scanned_bytes = frame_size;
            continue;
        }
        struct audit_message message = {0};
        RG_TRY(audit_message_get(&rest, &message));
        RG_TRY(check_event_tenant(intake, bytes, message.tenant));
        RG_TRY(check_message(intake, json, &message));
        intake->scanned_bytes += frame_size;
        if (!message.has_more) {
            *out_event = rg_slice_cut(bytes, 0, intake->scanned_bytes);
            *intake = (struct audit_intake){.source = intake->source};
            return RG_OK;
        }
    }
}
