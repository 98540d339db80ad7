/* SPDX-License-Identifier: Apache-2.0 */
/* Writing what is pending, and what to do when that fails (reference audit.md 3.7). The records that are not known to
 * be on the disk stay in memory until they are: after a failed write or sync the file is cut where it is durable, never
 * synced again, and the records are written once more into a new segment. */
#include <inttypes.h>
#include <stdio.h>

#include "audit/log_private.h"

static rg_status write_pending(struct audit_log *log)
{
    struct rg_slice rest = rg_slice_cut(rg_buf_slice(&log->pending), log->written, SIZE_MAX);
    if (rest.size == 0) {
        return RG_OK;
    }
    if (log->segment.used + rest.size > log->segment.allocated) {
        audit_keeper_settle(log->keeper, &log->segment);
    }
    RG_TRY(audit_segment_write(&log->segment, rest));
    log->written += rest.size;
    log->total_bytes += rest.size;
    audit_keeper_feed(log->keeper, &log->segment);
    if (!log->is_next_wanted && log->segment.used > log->segment_bytes / 2) {
        audit_keeper_want_next(log->keeper);
        log->is_next_wanted = true;
    }
    return RG_OK;
}

/* How many records the written part holds: each ends in the only LF it has. */
static uint64_t count_written(const struct audit_log *log)
{
    struct rg_slice written = rg_slice_cut(rg_buf_slice(&log->pending), 0, log->written);
    uint64_t count = 0;
    for (size_t i = 0; i < written.size; i++) {
        count += written.data[i] == '\n' ? 1 : 0;
    }
    return count;
}

static rg_status sync_written(struct audit_log *log)
{
    if (log->written == 0) {
        return RG_OK;
    }
    RG_TRY(audit_segment_sync(&log->segment));
    bool is_all = log->written == rg_buf_size(&log->pending);
    log->durable_seq = is_all ? log->chain.next_seq : log->durable_seq + count_written(log);
    rg_buf_consume(&log->pending, log->written);
    log->written = 0;
    return RG_OK;
}

static rg_status put(struct audit_log *log, bool is_synced)
{
    if (!log->segment.is_open && rg_buf_size(&log->pending) > 0) {
        RG_TRY(audit_log_start_segment(log));
    }
    RG_TRY(write_pending(log));
    return is_synced ? sync_written(log) : RG_OK;
}

/* It holds no record; the next one has its name. */
static rg_status remove_segment(struct audit_log *log)
{
    int result = log->store->remove(log->store->context, log->segments_fd, log->segment.name, false);
    return result < 0 ? audit_store_fail("cannot remove", log->segment.name, result) : RG_OK;
}

rg_status audit_log_end_segment(struct audit_log *log)
{
    if (!log->segment.is_open) {
        return RG_OK;
    }
    audit_keeper_settle(log->keeper, &log->segment);
    RG_TRY(sync_written(log));
    RG_TRY(audit_segment_seal(&log->segment));
    RG_TRY(log->segment.used > 0 ? audit_log_publish(log, AUDIT_PUBLISH_SILENT) : remove_segment(log));
    audit_segment_close(&log->segment);
    return RG_OK;
}

rg_status audit_log_start_segment(struct audit_log *log)
{
    struct audit_segment next = {0};
    rg_status status = RG_OK;
    bool is_prepared = audit_keeper_take_next(log->keeper);
    if (is_prepared) {
        status = audit_segment_adopt(log->store, log->segments_fd, log->durable_seq, log->directory_fd, AUDIT_NEXT_NAME,
                                     &next);
    }
    if (!is_prepared || !rg_is_ok(status)) {
        RG_TRY(audit_segment_create(log->store, log->segments_fd, log->durable_seq, &next));
    }
    log->segment = next;
    log->is_next_wanted = false;
    return RG_OK;
}

/* Cut to what is durable; a file of which nothing is gives way to the next one, which has its name. */
static rg_status give_up_segment(struct audit_log *log)
{
    struct audit_segment *segment = &log->segment;
    if (!segment->is_open) {
        return RG_OK;
    }
    audit_keeper_settle(log->keeper, segment);
    RG_TRY(audit_segment_cut(segment));
    log->written = 0;
    RG_TRY(segment->durable > 0 ? audit_log_publish(log, AUDIT_PUBLISH_SILENT) : remove_segment(log));
    audit_segment_close(segment);
    return RG_OK;
}

static rg_status heal(struct audit_log *log, rg_status fault)
{
    char reason[AUDIT_REASON_MAX + 1];
    (void)snprintf(reason, sizeof reason, "%.250s", fault.error->text);
    uint64_t from_seq = log->durable_seq;
    RG_TRY(give_up_segment(log));
    RG_TRY(audit_log_start_segment(log));
    return audit_log_compose_event(
        log,
        &(struct audit_event){.kind = AUDIT_LOG_FAULT, .message = rg_slice_of(reason), .recovered_from_seq = from_seq});
}

rg_status audit_log_remedy(struct audit_log *log, rg_status status, bool is_synced)
{
    bool is_healed = false;
    bool is_in_reserve = false;
    while (!rg_is_ok(status) && !log->is_dead) {
        if (status.error->kind == RG_LIMIT && !is_in_reserve) {
            is_in_reserve = true;
            status = audit_log_enter_reserve(log);
        } else if (status.error->kind == RG_LIMIT) {
            return audit_log_become_full(log, status);
        } else if (!is_healed) {
            is_healed = true;
            status = heal(log, status);
        } else {
            return audit_log_die(log, status);
        }
        if (rg_is_ok(status)) {
            status = put(log, is_synced || is_healed || is_in_reserve);
        }
    }
    return status;
}

rg_status audit_log_flush(struct audit_log *log, bool is_synced)
{
    rg_status status = put(log, is_synced);
    return rg_is_ok(status) ? status : audit_log_remedy(log, status, is_synced);
}

static rg_status seal_and_start(struct audit_log *log)
{
    audit_keeper_settle(log->keeper, &log->segment);
    RG_TRY(audit_segment_seal(&log->segment));
    RG_TRY(audit_log_publish(log, AUDIT_PUBLISH_SEAL));
    audit_segment_close(&log->segment);
    return audit_log_start_segment(log);
}

rg_status audit_log_rotate(struct audit_log *log)
{
    RG_TRY(audit_log_compose_checkpoint(log));
    RG_TRY(audit_log_flush(log, true));
    if (log->segment.is_reserve) {
        return audit_log_publish(log, AUDIT_PUBLISH_TIMED); /* the disk became full just now */
    }
    rg_status status = seal_and_start(log);
    return rg_is_ok(status) ? status : audit_log_remedy(log, status, true);
}
