/* SPDX-License-Identifier: Apache-2.0 */
/* The disk's states (reference audit.md 3.7): LOW says so, RESERVE goes on in a file that was filled beforehand, CLOSED
 * waits. Each change is a record. When space is back there is a new reserve first, then a new segment, then OPEN. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/log_private.h"

enum {
    USAGE_STEP_US = 60 * 1000 * 1000, /* ten of them are the last ten minutes */
    DAY_SECONDS = 24 * 60 * 60,
    TIGHT_MOST = 16 * 1024 * 1024,
};

static const char *const state_names[] = {
    [AUDIT_CLOSED] = "closed", [AUDIT_OPEN] = "open", [AUDIT_LOW] = "low", [AUDIT_RESERVE] = "reserve"};

/* Less free than this, and the rest of the disk is left to the checkpoints. */
static uint64_t tight_bytes(const struct audit_log *log)
{
    uint64_t part = log->reserve_bytes / 4;
    return part < TIGHT_MOST ? part : TIGHT_MOST;
}

static uint64_t free_bytes(const struct audit_log *log)
{
    uint64_t bytes = 0;
    int result = log->store->free_space(log->store->context, log->segments_fd, &bytes);
    return result < 0 ? 0 : bytes;
}

/* The state, and the record of it; the record becomes durable with the next flush. */
static rg_status set_state(struct audit_log *log, enum audit_state state, const char *reason)
{
    bool is_same = log->state == state;
    log->state = state;
    (void)snprintf(log->reason, sizeof log->reason, "%s", reason);
    if (is_same) {
        return RG_OK;
    }
    return audit_log_compose_event(log, &(struct audit_event){.kind = AUDIT_DISK_STATE,
                                                              .disk_state = state_names[state],
                                                              .free_bytes = free_bytes(log),
                                                              .message = rg_slice_of(log->reason)});
}

rg_status audit_log_become_full(struct audit_log *log, rg_status status)
{
    char reason[AUDIT_REASON_MAX + 1];
    (void)snprintf(reason, sizeof reason, "the disk of the audit log is full, and so is its reserve: %.150s",
                   status.error->text);
    log->is_full = true;
    RG_TRY(set_state(log, AUDIT_CLOSED, reason));
    return rg_fail(RG_LIMIT, "%s", reason);
}

rg_status audit_log_enter_reserve(struct audit_log *log)
{
    struct audit_segment reserve = {0};
    if (log->segment.is_open && log->segment.is_reserve) {
        return rg_fail(RG_LIMIT, "No space left on device"); /* it is used up */
    }
    if (!audit_keeper_take_reserve(log->keeper)) {
        return rg_fail(RG_LIMIT, "No space left on device, and no reserve was made");
    }
    RG_TRY(audit_log_end_segment(log));
    RG_TRY(audit_segment_adopt(log->store, log->segments_fd, log->durable_seq, log->directory_fd, AUDIT_RESERVE_NAME,
                               &reserve));
    reserve.is_reserve = true;
    log->segment = reserve;
    return set_state(log, AUDIT_RESERVE, "the disk of the audit log is full: records go to the reserve");
}

/* Bytes a second over the last ten minutes; 0 = not known yet. */
static uint64_t usage_rate(struct audit_log *log, int64_t now_us)
{
    enum { COUNT = sizeof log->usage / sizeof log->usage[0] };
    struct audit_usage *usage = log->usage;
    size_t count = log->usage_count;
    if (count == 0 || now_us - usage[count - 1].since_us >= USAGE_STEP_US) {
        if (count == COUNT) {
            memmove(usage, usage + 1, (COUNT - 1) * sizeof *usage);
            count--;
        }
        usage[count] = (struct audit_usage){.since_us = now_us, .bytes = log->total_bytes};
        log->usage_count = count + 1;
    }
    uint64_t seconds = (uint64_t)(now_us - usage[0].since_us) / 1000000;
    return seconds < USAGE_STEP_US / 1000000 ? 0 : (log->total_bytes - usage[0].bytes) / seconds;
}

/* What the state should be while records go to ordinary segments. A LOW that was said stays until there is a tenth
 * more than it takes. */
static rg_status look_low(struct audit_log *log, uint64_t free, int64_t now_us)
{
    uint64_t rate = usage_rate(log, now_us);
    uint64_t slack = log->state == AUDIT_LOW ? 10 : 0;
    uint64_t low_bytes = log->low_bytes + log->low_bytes / 100 * slack;
    uint64_t day_bytes = rate * DAY_SECONDS;
    char reason[AUDIT_REASON_MAX + 1] = "";
    if (free < low_bytes) {
        (void)snprintf(reason, sizeof reason, "%" PRIu64 " MiB are free on the disk of the audit log", free >> 20);
    } else if (free < day_bytes + day_bytes / 100 * slack) {
        (void)snprintf(reason, sizeof reason,
                       "%" PRIu64 " MiB are free on the disk of the audit log: at %" PRIu64
                       " KiB/s it is full within a day",
                       free >> 20, rate >> 10);
    }
    enum audit_state state = reason[0] == '\0' ? AUDIT_OPEN : AUDIT_LOW;
    bool is_changed = state != log->state;
    RG_TRY(set_state(log, state, reason));
    return is_changed ? audit_log_flush(log, true) : RG_OK;
}

/* Space is back: what was written so far ends here, with a checkpoint when it can be written. */
static rg_status leave_tight(struct audit_log *log)
{
    if (!log->is_full) {
        RG_TRY(audit_log_compose_checkpoint(log));
        RG_TRY(audit_log_flush(log, true));
        RG_TRY(audit_log_publish(log, AUDIT_PUBLISH_TIMED));
    }
    log->is_full = false;
    RG_TRY(audit_log_end_segment(log));
    return audit_log_start_segment(log);
}

static rg_status look_tight(struct audit_log *log, uint64_t free, int64_t now_us)
{
    bool has_reserve = audit_keeper_has_reserve(log->keeper);
    uint64_t needed = 2 * (tight_bytes(log) + AUDIT_AHEAD_BYTES) + (has_reserve ? 0 : log->reserve_bytes);
    if (free < needed) {
        return RG_OK;
    }
    if (!has_reserve) {
        audit_keeper_want_reserve(log->keeper);
        return RG_OK; /* the next look finds it */
    }
    rg_status status = leave_tight(log);
    if (!rg_is_ok(status)) {
        return audit_log_remedy(log, status, true);
    }
    RG_TRY(look_low(log, free, now_us));
    return audit_log_flush(log, true);
}

/* Without a reserve (it was used up before a restart) what is left of the segment is one. */
static rg_status become_tight(struct audit_log *log)
{
    if (!audit_keeper_has_reserve(log->keeper)) {
        RG_TRY(set_state(log, AUDIT_RESERVE, "the disk of the audit log is full, and there is no reserve"));
        return audit_log_flush(log, true);
    }
    rg_status status = audit_log_enter_reserve(log);
    return rg_is_ok(status) ? audit_log_flush(log, true) : audit_log_remedy(log, status, true);
}

rg_status audit_log_watch_space(struct audit_log *log, int64_t now_us)
{
    uint64_t free = 0;
    int result = log->store->free_space(log->store->context, log->segments_fd, &free);
    if (result < 0) {
        return RG_OK; /* the next write tells */
    }
    if (log->state == AUDIT_RESERVE || log->is_full) {
        return look_tight(log, free, now_us);
    }
    bool is_making = audit_keeper_is_making_reserve(log->keeper);
    if (free >= log->reserve_bytes + 2 * tight_bytes(log)) {
        audit_keeper_want_reserve(log->keeper);
    }
    return free < tight_bytes(log) && !is_making ? become_tight(log) : look_low(log, free, now_us);
}
