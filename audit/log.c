/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: head, hash, one write, one sync (reference audit.md 3.6), and the step to the next segment.
 * Opening and recovery are in log_open.c. */
#include "audit/log.h"

static rg_status write_front(struct audit_log *log, size_t size)
{
    if (size == 0) {
        return RG_OK;
    }
    RG_TRY(audit_segment_write(&log->segment, rg_slice_cut(rg_buf_slice(&log->pending), 0, size)));
    rg_buf_consume(&log->pending, size);
    log->unsynced_bytes += size;
    return RG_OK;
}

static rg_status sync_segment(struct audit_log *log)
{
    if (log->unsynced_bytes > 0) {
        RG_TRY(audit_segment_sync(&log->segment));
        log->unsynced_bytes = 0;
    }
    return RG_OK;
}

/* Seals the segment behind the first `size` pending bytes; the rest opens the next one. */
static rg_status rotate(struct audit_log *log, size_t size, uint64_t first_seq)
{
    RG_TRY(write_front(log, size));
    RG_TRY(sync_segment(log));
    RG_TRY(audit_segment_seal(&log->segment));
    audit_segment_close(&log->segment);
    return audit_segment_create(log->store, log->segments_fd, first_seq, &log->segment);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void read_clock(const struct audit_log *log, struct audit_head *head)
{
    bool is_same_boot = memcmp(log->chain.boot, log->boot, AUDIT_BOOT_SIZE) == 0;
    head->boot = rg_slice_make(log->boot, AUDIT_BOOT_SIZE);
    head->hlc_us = larger(rg_clock_wall_us(log->clock), log->chain.hlc_us + 1);
    head->mono_us = larger(rg_clock_monotonic_us(log->clock), is_same_boot ? log->chain.mono_us : 0);
}

rg_status audit_log_append(struct audit_log *log, const struct audit_message *message, uint64_t *out_seq)
{
    struct audit_head head = {.tenant = message->tenant};
    size_t before = rg_buf_size(&log->pending);
    read_clock(log, &head);
    RG_TRY(audit_chain_next(&log->chain, &head));
    RG_TRY(audit_line_encode(&head, message, &log->pending));
    size_t size = rg_buf_size(&log->pending) - before;
    audit_chain_append(&log->chain, &head, rg_slice_cut(rg_buf_slice(&log->pending), before, size - 1));
    uint64_t in_segment = log->segment.used + before;
    if (in_segment > 0 && in_segment + size > log->segment_bytes) {
        RG_TRY(rotate(log, before, head.seq));
    }
    if (log->unsynced_bytes + rg_buf_size(&log->pending) > AUDIT_COMMIT_MAX - AUDIT_LINE_MAX) {
        RG_TRY(write_front(log, rg_buf_size(&log->pending)));
        RG_TRY(sync_segment(log));
    }
    *out_seq = head.seq;
    return RG_OK;
}

rg_status audit_log_commit(struct audit_log *log)
{
    RG_TRY(write_front(log, rg_buf_size(&log->pending)));
    return log->durability == AUDIT_WRITTEN ? RG_OK : sync_segment(log);
}

rg_status audit_log_watch(struct audit_log *log)
{
    RG_TRY(sync_segment(log));
    return audit_segment_watch(&log->segment);
}

rg_status audit_log_note(struct audit_log *log, const struct audit_event *event)
{
    struct audit_event timed = *event;
    timed.wall_us = rg_clock_wall_us(log->clock);
    RG_AUTO(rg_buf_done) struct rg_buf frame;
    rg_buf_init(&frame, (size_t)2 * AUDIT_LINE_MAX);
    RG_TRY(audit_record_encode(&timed, &frame));
    struct rg_slice cursor = rg_buf_slice(&frame);
    struct audit_message message = {0};
    uint64_t seq = 0;
    RG_TRY(audit_message_get(&cursor, &message));
    RG_TRY(audit_log_append(log, &message, &seq));
    RG_TRY(write_front(log, rg_buf_size(&log->pending)));
    return sync_segment(log);
}

rg_status audit_log_stop(struct audit_log *log)
{
    RG_TRY(audit_log_note(log, &(struct audit_event){.kind = AUDIT_LOG_STOPPED}));
    return audit_segment_seal(&log->segment);
}

static void close_fd(const struct audit_log *log, int fd)
{
    if (fd >= 0) {
        log->store->close(log->store->context, fd);
    }
}

void audit_log_done(struct audit_log *log)
{
    if (log->store == NULL) {
        return; /* the zero value */
    }
    audit_segment_close(&log->segment);
    close_fd(log, log->segments_fd);
    close_fd(log, log->lock_fd);
    close_fd(log, log->directory_fd);
    audit_chain_done(&log->chain);
    rg_buf_done(&log->pending);
    *log = (struct audit_log){0};
}
