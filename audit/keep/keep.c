/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of an order: looked at against the holds in force, then put on record. */
#include "audit/keep/keep.h"

#include <inttypes.h>
#include <stdio.h>

enum { ID_SIZE = 24, ID_RANDOM = 8, RETENTION_ARENA = 1024 * 1024 };

static const int64_t FIRST_US = INT64_C(60) * 1000000;
static const int64_t DAY_US = INT64_C(86400) * 1000000;
static const int64_t SILENCE_US = INT64_C(31) * 86400 * 1000000;

rg_status audit_keep_open(struct audit_keep *keep, struct audit_log *log, struct rg_slice retention)
{
    *keep = (struct audit_keep){.log = log, .next_prune_us = INT64_MAX};
    rg_arena_init(&keep->arena, RETENTION_ARENA);
    audit_prune_init(&keep->prune, log);
    RG_TRY(rg_arena_copy(&keep->arena, retention, &keep->prune.policy));
    RG_TRY(audit_retention_parse(keep->prune.policy, &keep->arena, &keep->prune.retention));
    if (keep->prune.retention.keep_us > 0) {
        bool was_silent = log->resumed_us > 0 && rg_clock_wall_us(log->clock) - log->resumed_us > SILENCE_US;
        keep->next_prune_us = rg_clock_monotonic_us(log->clock) + (was_silent ? DAY_US : FIRST_US);
    }
    return audit_prune_resume(&keep->prune);
}

void audit_keep_done(struct audit_keep *keep)
{
    if (keep->log != NULL) {
        audit_prune_done(&keep->prune);
        rg_arena_done(&keep->arena);
    }
    *keep = (struct audit_keep){0};
}

static rg_status begin_daily(struct audit_keep *keep)
{
    int64_t now_us = rg_clock_monotonic_us(keep->log->clock);
    if (now_us < keep->next_prune_us || audit_prune_is_going(&keep->prune) ||
        audit_log_state(keep->log, NULL) == AUDIT_CLOSED) {
        return RG_OK;
    }
    keep->next_prune_us = now_us + DAY_US;
    keep->is_prune_ordered = false;
    rg_status status = audit_prune_start(&keep->prune, RG_SLICE("rowgate"), false);
    return rg_is_ok(status) || !keep->log->is_dead ? RG_OK : status; /* tomorrow again */
}

rg_status audit_keep_turn(struct audit_keep *keep)
{
    RG_TRY(begin_daily(keep));
    return audit_prune_turn(&keep->prune);
}

bool audit_keep_take(struct audit_keep *keep, rg_status *out_status, struct audit_order_reply *reply)
{
    if (!audit_prune_take(&keep->prune, out_status, reply) || !keep->is_prune_ordered) {
        return false;
    }
    keep->is_prune_ordered = false;
    return true;
}

/* A full disk: the record is composed, and will be written when there is space. Its order is not done before. */
static rg_status note(struct audit_log *log, const struct audit_event *event, uint64_t *out_seq)
{
    const char *reason = "";
    if (audit_log_state(log, &reason) == AUDIT_CLOSED) {
        return rg_fail(RG_LIMIT, "the audit log takes no records now: %s", reason);
    }
    return audit_log_note_at(log, event, out_seq);
}

static struct audit_event event_of(enum audit_kind kind, const struct audit_order *order, struct rg_slice operator_name)
{
    return (struct audit_event){.kind = kind,
                                .object = order->object,
                                .operator_name = operator_name,
                                .about_tenant = order->tenant,
                                .about_subject = order->subject,
                                .message = order->reason,
                                .from_us = order->from_us,
                                .until_us = order->until_us,
                                .first_seq = order->first_seq,
                                .last_seq = order->last_seq,
                                .record_count = order->count};
}

static void make_id(char out_id[ID_SIZE])
{
    uint8_t random[ID_RANDOM];
    rg_random(random, sizeof random);
    int size = snprintf(out_id, ID_SIZE, "hold-");
    for (size_t i = 0; i < ID_RANDOM; i++) {
        size += snprintf(out_id + size, ID_SIZE - (size_t)size, "%02x", random[i]);
    }
}

/* With a store of subjects' keys no record names a subject: its name could never be erased. */
static rg_status hide_subject(struct audit_keep *keep, struct audit_event *event)
{
    if (keep->subjects.name == NULL || event->about_subject.size == 0) {
        return RG_OK;
    }
    if (event->about_tenant.size == 0) {
        return rg_fail(RG_CONFIG, "a subject needs its tenant here: it stands in the log by a pseudonym");
    }
    return keep->subjects.name(keep->subjects.context, event->about_tenant, event->about_subject, true,
                               &event->about_subject);
}

static rg_status place_hold(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                            struct audit_order_reply *reply)
{
    char id[ID_SIZE];
    struct audit_event event = event_of(AUDIT_HOLD_PLACE, order, operator_name);
    if (keep->log->holds.count >= AUDIT_HOLDS_MAX) {
        return rg_fail(RG_LIMIT, "%d holds are in force, more are not kept", AUDIT_HOLDS_MAX);
    }
    make_id(id);
    event.object = rg_slice_of(id);
    RG_TRY(hide_subject(keep, &event));
    RG_TRY(note(keep->log, &event, &reply->seq));
    const struct audit_hold *hold = audit_holds_find(&keep->log->holds, event.object);
    reply->id = hold == NULL ? (struct rg_slice){0} : hold->id;
    return hold == NULL ? rg_fail(RG_INTERNAL, "the hold is on record and not in force") : RG_OK;
}

static rg_status release_hold(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                              struct audit_order_reply *reply)
{
    struct audit_event event = event_of(AUDIT_HOLD_RELEASE, order, operator_name);
    const struct audit_hold *hold = audit_holds_find(&keep->log->holds, order->object);
    if (hold == NULL) {
        return rg_fail(RG_CONFIG, "no hold %.*s is in force", rg_slice_shown(order->object), order->object.data);
    }
    event.about_tenant = hold->tenant;
    event.about_subject = hold->subject;
    event.from_us = hold->from_us;
    event.until_us = hold->until_us;
    return note(keep->log, &event, &reply->seq);
}

rg_status audit_keep_check_erase(const struct audit_keep *keep, const struct audit_order *order)
{
    struct rg_slice name = {0};
    const struct audit_hold *hold = audit_holds_find_subject(&keep->log->holds, order->tenant, order->subject);
    if (hold == NULL && keep->subjects.name != NULL && order->subject.size > 0) {
        RG_TRY(keep->subjects.name(keep->subjects.context, order->tenant, order->subject, false, &name));
        hold = name.size == 0 ? NULL : audit_holds_find_subject(&keep->log->holds, order->tenant, name);
    }
    return hold == NULL ? RG_OK
                        : rg_fail(RG_DENIED, "the hold %.*s stands against it: %.*s", rg_slice_shown(hold->id),
                                  hold->id.data, rg_slice_shown(hold->reason), hold->reason.data);
}

/* On record first, then destroyed: whoever the records name is destroyed by the next start at the latest. The record
 * names the subject by its pseudonym only. */
static rg_status erase(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                       struct audit_order_reply *reply)
{
    struct audit_event event = event_of(AUDIT_PII_ERASE, order, operator_name);
    char object[AUDIT_ORDER_NAME_MAX];
    RG_TRY(audit_keep_check_erase(keep, order));
    if (keep->subjects.find == NULL || order->subject.size == 0) {
        return rg_fail(RG_CONFIG, "%s",
                       order->subject.size == 0 ? "an erasure names a subject"
                                                : "this log has no store of subjects' keys");
    }
    RG_TRY(
        keep->subjects.find(keep->subjects.context, order->tenant, order->subject, &event.object, &event.record_count));
    size_t size = event.object.size < sizeof object ? event.object.size : sizeof object;
    memcpy(object, event.object.data, size);
    event.object = rg_slice_make(object, size);
    event.about_subject = (struct rg_slice){0};
    reply->count = event.record_count;
    RG_TRY(note(keep->log, &event, &reply->seq));
    return keep->subjects.destroy(keep->subjects.context, order->tenant, order->subject, event.object);
}

static rg_status note_export(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                             struct audit_order_reply *reply)
{
    struct audit_event event = event_of(AUDIT_LOG_EXPORTED, order, operator_name);
    RG_TRY(hide_subject(keep, &event));
    return note(keep->log, &event, &reply->seq);
}

static rg_status start_prune(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                             bool *out_is_pending)
{
    RG_TRY(audit_prune_start(&keep->prune, operator_name, order->is_dry_run));
    keep->is_prune_ordered = true;
    *out_is_pending = true;
    return RG_OK;
}

rg_status audit_keep_obey(struct audit_keep *keep, const struct audit_order *order, struct rg_slice operator_name,
                          struct audit_order_reply *reply, bool *out_is_pending)
{
    *out_is_pending = false;
    RG_TRY(audit_order_check(order));
    switch (order->kind) {
    case AUDIT_ORDER_HOLD_PLACE:
        return place_hold(keep, order, operator_name, reply);
    case AUDIT_ORDER_HOLD_RELEASE:
        return release_hold(keep, order, operator_name, reply);
    case AUDIT_ORDER_ERASE:
        return erase(keep, order, operator_name, reply);
    case AUDIT_ORDER_EXPORTED:
        return note_export(keep, order, operator_name, reply);
    case AUDIT_ORDER_PRUNE:
        return start_prune(keep, order, operator_name, out_is_pending);
    case AUDIT_ORDER_NONE:
    case AUDIT_ORDER_COUNT:
        break;
    }
    return rg_fail(RG_PROTOCOL, "an order without a kind");
}
